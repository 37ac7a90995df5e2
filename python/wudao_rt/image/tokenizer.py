"""The image tokenizer that people hold in their hands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wudao_rt import _core
from wudao_rt.compute_types import COMPUTE_TYPES, DType
from wudao_rt.config.settings import refuse_unknown
from wudao_rt.config.vq import VQConfig
from wudao_rt.errors import CheckpointError
from wudao_rt.image.layout import shapes, to_engine, to_torch
from wudao_rt.image.pixels import normalised, pictures
from wudao_rt.ops.types import Array

if TYPE_CHECKING:
    from wudao_rt.distributed import Communicator

_OF_ONE_QUANTIZER = {"levels": "fsq", "kl_weight": "gumbel"}
_NOT_OF_THE_ENGINE = ("l1", "l2", "mean", "std")


class VQTokenizer:
    """Hold a tokenizer of pictures: it turns them into codes, and codes into pictures.

    z = encoder((image - mean) / std); code = first k with the nearest e_k; image = decoder(e_k) std + mean

    With config.quantizer "fsq" code and e_k are those of `wudao_rt.ops.fsq` of z. "gumbel" differs in training alone.

    Args:
        config: its shape.
        seed: of the first weights, uniform in +-1 / sqrt(fan in), and of the first codes, N(0, 1).
        dtype: compute type. Weights and the book are kept in float32 (float64 for "float64").
        comm: ranks that train it together, each with the same seed: they make the same calls of `loss_and_gradients`,
            `update_codebook` and `revive` with the same pictures, of which each computes its shards, and all get the
            bits that one process would get.

    Raises:
        ConfigError: an unknown dtype.
    Numerics: codes and pictures do not depend on the batch that a picture is in, nor on the threads.
    Source: van den Oord et al. 2017; CogView (Ding et al., NeurIPS 2021), section 2.2; Mentzer et al. 2023 for fsq;
        Jang, Gu, Poole 2017 for gumbel.
    Example:
        >>> import numpy as np
        >>> tokenizer = VQTokenizer(VQConfig.preset("small"), seed=1)
        >>> codes = tokenizer.encode(np.zeros((1, 32, 32, 3), np.uint8))
        >>> codes.shape, tokenizer.decode(codes).shape
        ((1, 8, 8), (1, 32, 32, 3))
    """

    def __init__(
        self, config: VQConfig, seed: int = 0, dtype: DType = "float32", comm: Communicator | None = None
    ) -> None:
        refuse_unknown(dtype, COMPUTE_TYPES, "VQTokenizer: dtype")
        self.config, self.dtype = config, dtype
        self.core = _core.ImageTokenizer(engine_config(config), seed, dtype, None if comm is None else comm.core)

    def encode(self, images: Array) -> Array:
        """Return the codes of pictures.

        Args:
            images: (B, H, W, 3), uint8 or floats from 0 to 1, sides multiples of `config.pixels`.

        Returns:
            int32 (B, h, w), h = H / config.pixels, in the order of the picture's rows.

        Raises:
            ShapeError, DTypeError: other arrays.
        """
        return self.core.encode(normalised("encode", images, self.config, self.dtype))

    def decode(self, codes: Array, dtype: str = "uint8") -> Array:
        """Return the pictures of codes.

        Args:
            codes: integers (B, h, w) from 0 to `config.codes` - 1.
            dtype: "uint8", or "float32" for numbers from 0 to 1. What lies outside is cut off.

        Returns:
            (B, H, W, 3).

        Raises:
            ShapeError: another shape, or a number that is no code.
            DTypeError: another dtype.
        """
        return pictures(self.core.decode(codes), self.config, dtype)

    def features(self, images: Array) -> Array:
        """Return z, what pictures are before they are quantized: float32 (B, h, w, config.code_width)."""
        return self.core.features(normalised("features", images, self.config, self.dtype))

    def loss_and_gradients(
        self, images: Array, shards: int = 1, micro_shards: int = 0, tau: float = 1.0, seed: int = 0, step: int = 0
    ) -> tuple[dict[str, float], dict[str, Array]]:
        """Return the losses of pictures, and the gradients of the weights.

        loss = pixels + config.commitment commitment;  pixels = mean (l1 |y - x| + l2 (y - x)^2), of (image - mean) /
        std; commitment = mean (q - z)^2, 0 for fsq; with gumbel loss = pixels + config.kl_weight kl, kl the mean
        divergence of codes from the uniform (`wudao_rt.ops.code_divergence`)

        The gradient of the decoder passes to the encoder as if q were z. `update_codebook` and `revive` work with what
        these pictures were assigned.

        Args:
            images: as in `encode`.
            shards: virtual shards in whose tree sums are made, a power of two that divides the batch.
            micro_shards: shards that go through the model together; 0: all. It changes no bit.
            tau: temperature of gumbel's mixture.
            seed, step: of gumbel's noise.

        Returns:
            {"loss", "pixels", "commitment"} ("kl" with gumbel), and arrays named and laid out as in `state_dict`.
        """
        x = normalised("loss_and_gradients", images, self.config, self.dtype)
        losses, gradients = self.core.loss_and_gradients(x, shards, micro_shards or shards, tau, seed, step)
        name, weight = self.config.penalty
        loss = losses["pixels"] + weight * losses[name]
        return {"loss": loss, **losses}, to_torch(self.config, gradients)

    def update_codebook(self) -> None:
        """Move the averages that make the book by the pictures of the last `loss_and_gradients`.

        N_k <- g N_k + (1 - g) n_k;  S_k <- g S_k + (1 - g) sum of the z of code k;  e_k = S_k / N'_k,
        N'_k = (N_k + eps) n / (n + M eps), n = sum of N_k. N_k begins at 1 and S_k at e_k.

        Raises:
            ConfigError: fsq has no book.
        """
        self.core.update_codebook()

    def revive(self, seed: int, least: float = 0.1, size: float | None = None, step: int = 0) -> int:
        """Give codes that are hardly used the place of a z of the last pictures; return how many there were.

        Args:
            seed, step: with the number of the code they choose the z.
            least: codes with N_k below it.
            size: their new N_k; default `least`. S_k becomes e_k times it.

        Raises:
            ConfigError: fsq has no book.
        """
        return self.core.revive(least, least if size is None else size, seed, step)

    def state_dict(self) -> dict[str, Array]:
        """Return copies of all arrays in PyTorch's layout, under CogView's names."""
        return to_torch(self.config, {name: self.core.get(name) for name in self.core.names()})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take arrays as `state_dict` gives them.

        Raises:
            CheckpointError: a name is missing or unknown, or a shape is another one; nothing is changed then.
        """
        arrays = {name: np.asarray(value) for name, value in state.items()}
        check_state(self.config, arrays)
        for name, array in to_engine(self.config, arrays).items():
            self.core.set(name, array)

    def fingerprint(self) -> str:
        """Return the SHA-256 of what turns pictures into codes and back: shape, weights and the book."""
        about = self.config.to_dict()
        for name, owner in _OF_ONE_QUANTIZER.items():  # so that a book's is the one of before there was a choice
            if owner != self.config.quantizer:
                del about[name]
        if self.config.quantizer == "vq":
            del about["quantizer"]
        digest = sha256(json.dumps(about, sort_keys=True).encode())
        for name, array in sorted(self.state_dict().items()):
            digest.update(name.encode())
            digest.update(array.tobytes())
        return digest.hexdigest()

    def save(self, folder: str | Path) -> None:
        """Write the tokenizer to a folder, for `wudao_rt.load`.

        Raises:
            CheckpointError: it cannot be written.
        """
        from wudao_rt.image.folder import save

        save(self, Path(folder))


def engine_config(config: VQConfig) -> dict[str, Any]:
    """Return the shape as the engine reads it."""
    known = {key: value for key, value in config.to_dict().items() if key not in _NOT_OF_THE_ENGINE}
    return known | {"absolute": config.l1, "squared": config.l2}


def check_state(config: VQConfig, arrays: Mapping[str, Array]) -> None:
    """Raise CheckpointError unless these are all arrays of a tokenizer of that shape."""
    wanted = shapes(config)
    for name, array in arrays.items():
        if name not in wanted:
            raise CheckpointError(f"load_state_dict: {name}: expected a name of this tokenizer, got another. Is it of "
                                  "another shape?")
        if array.shape != wanted[name]:
            raise CheckpointError(f"load_state_dict: {name}: expected shape {wanted[name]}, got {array.shape}. Is it "
                                  "of another shape?")
    for name in wanted:
        if name not in arrays:
            raise CheckpointError(f"load_state_dict: {name}: expected an array, got none. Give all of them.")
