"""The GLM that people hold in their hands: the engine's model with its tokenizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wudao_rt.compute_types import DType
from wudao_rt.config.glm import GLMConfig
from wudao_rt.errors import ConfigError
from wudao_rt.parameters import views
from wudao_rt.quantization import Format, QuantizedWeight, check_form, quantize, quantized_forms
from wudao_rt.transformer import Transformer, check_arguments, check_memory

if TYPE_CHECKING:
    from wudao_rt.data.blanks import SpecialIds
    from wudao_rt.data.tokenizer import Tokenizer
    from wudao_rt.distributed import Communicator
    from wudao_rt.generation import Generation
    from wudao_rt.generation.prompts import PromptLike
    from wudao_rt.generation.stream import Stream
    from wudao_rt.ops.types import Array
    from wudao_rt.scoring import Score
    from wudao_rt.scoring.score import Answer
    from wudao_rt.tasks import Mode


class GLM(Transformer):
    """Hold a GLM: a transformer that fills blanks, and so generates and scores text.

    x = word[ids] + position[positions] + block[block_positions]; L times x += attention(LN(x)), x += MLP(LN(x));
    logits = LN(x) word^T

    Args:
        config: its shape.
        seed: of the first weights: N(0, 0.02), output matrices N(0, 0.02 / sqrt(2 L)).
        dtype: compute type. Weights are kept in float32 (float64 for "float64"); "bfloat16" and
            "float16" round the inputs of matrix products, sums and the residual stream stay in float32.
        tokenizer: for text in and out; None: token ids only.
        dry_run: names and shapes only. It takes no memory, whatever the size, and refuses all that needs values.
        comm: ranks that share the experts of each layer, rank r of R those from r E / R on; every rank has to make the
            same calls with the same arguments. None: this process has all of them.
        exchange, supernode_size: how rows of tokens travel to them; see `wudao_rt.moe.MoEConfig`.

    Raises:
        ConfigError: a shape or dtype that cannot be; a tokenizer of another vocabulary.
        OutOfMemory: weights beyond the memory of this machine.

    Source: Du et al. 2022, "GLM: General language model pretraining with autoregressive blank infilling".

    Example:
        >>> import numpy as np
        >>> model = GLM(GLMConfig(vocab_size=32, hidden_size=16, num_layers=2, num_heads=2, max_positions=8))
        >>> ids = np.array([[1, 5, 6, 2]])
        >>> model.logits(ids, np.array([[0, 1, 2, 3]]), np.zeros((1, 4), int), sep=np.array([4])).shape
        (1, 4, 32)
    """

    def __init__(
        self, config: GLMConfig, seed: int = 0, dtype: DType = "float32", tokenizer: Tokenizer | None = None,
        *, dry_run: bool = False, comm: Communicator | None = None, exchange: str = "flat", supernode_size: int = 0,
    ) -> None:
        check_arguments("GLM", GLMConfig, config, seed, dtype)
        if tokenizer is not None:
            _check_tokenizer(config, tokenizer)
        super().__init__(config, seed, dtype, dry_run, comm, exchange, supernode_size)
        self.tokenizer = tokenizer

    @classmethod
    def from_arrays(
        cls, config: GLMConfig, arrays: Mapping[str, Array | QuantizedWeight], dtype: DType = "float32",
        tokenizer: Tokenizer | None = None, *, comm: Communicator | None = None,
    ) -> GLM:
        """Make a model of its weights, without drawing first values.

        Args:
            config, dtype, tokenizer, comm: as of `GLM`.
            arrays: weights by name, as `state_dict` or `weights` has them. They become the model's own: arrays of
                float32 (float64 for "float64") that may be written are not copied, and training changes them.

        Raises:
            ConfigError, ShapeError, DTypeError: as of `GLM` and `load_state_dict`.
        """
        check_arguments("GLM", GLMConfig, config, 0, dtype)
        check_memory("GLM", config, dtype, 1 if comm is None else comm.size)
        model = cls(config, dtype=dtype, tokenizer=tokenizer, dry_run=True, comm=comm)
        model.adopt(arrays)
        return model

    def quantized(self, form: Format, activation_bits: int = 16) -> GLM:
        """Return this model with weights of few bits: it generates and scores.

        The four linear weights of each block are in `form`; the table of the vocabulary, which is the output projection
        too, is in int8.

        Sums of products are integers, so they are exact and the same on every machine. It cannot be trained.

        Args:
            form: "int8", one scale a row, or "int4", one scale for 64 weights of a row.
            activation_bits: 16 or 8: what the inputs of these layers are rounded to, row by row.

        Raises:
            ConfigError: unknown format; a float64 model, or one that is quantised already.
            ShapeError: widths that are not a multiple of 4 (int8) or 64 (int4).

        Source: Zeng et al. 2022, "GLM-130B: An open bilingual pre-trained model", section 4.
        """
        check_form(form, activation_bits)
        if self.dtype == "float64":
            raise ConfigError("quantize: dtype: expected float32 or bfloat16, got float64. Load it with another dtype.")
        few = {name: own for name, own in quantized_forms(self.config.num_layers, form).items() if name in self.places}
        arrays = {name: quantize(weight, few[name], activation_bits) if name in few else weight
                  for name, weight in self.state_dict(copy=False).items()}
        return GLM.from_arrays(self.config, arrays, self.dtype, self.tokenizer, comm=self.comm)

    def logits(
        self, ids: Array, positions: Array, block_positions: Array, sep: Array | None = None, mask: Array | None = None
    ) -> Array:
        """Compute the logits of every slot, dropout off.

        Args:
            ids, positions, block_positions: (B, T) integers.
            sep: (B,) lengths of the bidirectional part; or
            mask: (B, T, T) bool, True = visible. Exactly one of the two.

        Returns:
            (B, T, V) float32 (float64 for a float64 model).

        Raises:
            ShapeError: shapes do not fit, ids lie outside, or not exactly one of sep and mask is given.
        """
        return self.core.logits(ids, positions, block_positions, sep, mask)

    def loss(
        self,
        ids: Array,
        positions: Array,
        block_positions: Array,
        sep: Array | None,
        targets: Array,
        loss_mask: Array,
        mask: Array | None = None,
        **options: Any,
    ) -> float:
        """Compute the loss of `loss_and_gradients` alone."""
        return self.core.loss(_batch(ids, positions, block_positions, sep, targets, loss_mask, mask), **options)

    def loss_and_gradients(
        self,
        ids: Array,
        positions: Array,
        block_positions: Array,
        sep: Array | None,
        targets: Array,
        loss_mask: Array,
        mask: Array | None = None,
        **options: Any,
    ) -> tuple[float, dict[str, Array]]:
        """Compute the mean loss over the masked slots, and its gradients.

        loss = sum of loss_mask * -log p(target) / sum of loss_mask, in nats, over the whole batch

        Args:
            ids, positions, block_positions, targets: (B, T) integers.
            sep or mask: as in `logits`.
            loss_mask: (B, T) weights of at least 0.
            options: `shards` (V, a power of two that divides B; default 1), `micro_shards` (that go through together;
                0: all), `recompute`, `training` (whether routers draw random numbers and experts can be full), `int8`
                (products inside the blocks, but for weight gradients, from factors rounded to 8 bits), `dropout`
                (whether the configured dropout acts), `loss_scale` (a power of two that gradients are multiplied by on
                the way and divided by at the end, for float16), `seed`, `step`.

        Returns:
            The loss, and arrays of the names and shapes of `state_dict`.

        Numerics: gradients are summed per shard and then in one fixed tree: bits do not depend on threads or
        `micro_shards`.
        """
        batch = _batch(ids, positions, block_positions, sep, targets, loss_mask, mask)
        loss, found = self.core.loss_and_gradients(batch, **options)
        for gradient in found.values():
            gradient /= options.get("loss_scale", 1.0)
        return loss, views(self.places, found.__getitem__)

    def generate(
        self,
        prompts: str | Sequence[PromptLike],
        max_new_tokens: int = 64,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 0.0,
        num_beams: int = 1,
        length_penalty: float = 1.0,
        num_samples: int = 1,
        seed: int = 0,
        repetition_penalty: float = 1.0,
        no_repeat_ngram: int = 0,
        min_new_tokens: int = 0,
        forbidden_ids: Sequence[int] = (),
        stream: Stream | None = None,
        special: SpecialIds | None = None,
        max_streams: int = 32,
        cache: str = "float",
    ) -> list[Generation]:
        """Fill the blanks of the prompts; see `wudao_rt.generation.generate`."""
        from wudao_rt.generation import generate

        return generate(self, prompts, max_new_tokens, temperature, top_k, top_p, num_beams, length_penalty,
                        num_samples, seed, repetition_penalty, no_repeat_ngram, min_new_tokens, forbidden_ids, stream,
                        special, max_streams, cache)

    def score(
        self,
        contexts: str | Sequence[PromptLike],
        continuations: str | Sequence[Answer],
        mode: Mode = "bi",
        include_end: bool | str = False,
        special: SpecialIds | None = None,
    ) -> list[Score]:
        """Compute log-probabilities of continuations, per token too; see `wudao_rt.scoring.score`."""
        from wudao_rt.scoring import score

        return score(self, contexts, continuations, mode, include_end, special)

    def save(self, path: str | Path) -> None:
        """Write the model to a folder: config.toml, model.safetensors, tokenizer/. See `wudao_rt.model_folder`."""
        from wudao_rt.model_folder import save

        save(self, Path(path))


def _check_tokenizer(config: GLMConfig, tokenizer: Tokenizer) -> None:
    low = config.unpadded_vocab_size
    if not low <= tokenizer.num_tokens <= config.vocab_size:
        wanted = f"{low} to {config.vocab_size}" if low else f"at most {config.vocab_size}"
        raise ConfigError(f"GLM: tokenizer: expected one of {wanted} tokens, as the model has, got "
                          f"{tokenizer.num_tokens}. Use the tokenizer that the model was trained with.")


def _batch(
    ids: Array, positions: Array, block_positions: Array, sep: Array | None, targets: Array, loss_mask: Array,
    mask: Array | None,
) -> dict[str, Any]:
    batch = {"ids": ids, "positions": positions, "block_positions": block_positions, "targets": targets,
             "loss_mask": loss_mask}
    return batch | {k: v for k, v in (("sep", sep), ("mask", mask)) if v is not None}
