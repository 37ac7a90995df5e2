"""The CogView that people hold in their hands: the engine's model with its tokenizers of text and of pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wudao_rt import _core
from wudao_rt.cogview.arguments import check_codes, check_model, read_texts
from wudao_rt.cogview.drawing import Request, caption_request, picture_request
from wudao_rt.cogview.ids import JointIds
from wudao_rt.cogview.losses import code_losses, text_losses
from wudao_rt.cogview.templates import Templates
from wudao_rt.compute_types import DType
from wudao_rt.config.cogview import CogViewConfig
from wudao_rt.parameters import views
from wudao_rt.transformer import Transformer

if TYPE_CHECKING:
    from wudao_rt.data.tokenizer import Tokenizer
    from wudao_rt.distributed import Communicator
    from wudao_rt.image.tokenizer import VQTokenizer
    from wudao_rt.ops.types import Array

Text = str | Sequence[int]


class CogView(Transformer):
    """Hold a CogView: a transformer that reads text and picture codes as one sequence.

    x = word[ids] + position[positions]; L times x += LN(attention(LN(x))), x += LN(MLP(LN(x))); logits = LN(x) word^T

    Trained with text first, picture first and pictures with holes, the same weights draw, complete, caption and score.

    Args:
        config: its shape.
        seed: of the first weights: N(0, 0.02), output matrices N(0, 0.02 / sqrt(2 L)).
        dtype: compute type, as of `GLM`. Sums, scores of attention and the residual stream are in float32 at least, so
            that what the paper relaxes in attention for float16's sake cannot overflow here.
        tokenizer: for text in and out; None: lists of its ids only.
        image_tokenizer: for pictures in and out; None: codes only.
        dry_run, comm, exchange, supernode_size: as of `GLM`.

    Raises:
        ConfigError: a shape or dtype that cannot be; tokenizers of other vocabularies, or an image tokenizer that is
            not the one whose codes the model learned.
        OutOfMemory: weights beyond the memory of this machine.

    Source: Ding et al. 2021, "CogView: Mastering text-to-image generation via transformers", NeurIPS.

    Example:
        >>> model = CogView(CogViewConfig.preset("emoji-tiny"), seed=1)
        >>> model.draw([[5, 6]], n=2, seed=3).shape
        (1, 2, 8, 8)
    """

    def __init__(
        self, config: CogViewConfig, seed: int = 0, dtype: DType = "float32", tokenizer: Tokenizer | None = None,
        image_tokenizer: VQTokenizer | None = None, *, dry_run: bool = False, comm: Communicator | None = None,
        exchange: str = "flat", supernode_size: int = 0,
    ) -> None:
        check_model(config, seed, dtype, tokenizer, image_tokenizer)
        super().__init__(config, seed, dtype, dry_run, comm, exchange, supernode_size)
        self.tokenizer, self.image_tokenizer = tokenizer, image_tokenizer
        self.templates = Templates(config)
        self.ids: JointIds = self.templates.ids

    @classmethod
    def from_arrays(
        cls, config: CogViewConfig, arrays: Mapping[str, Any], dtype: DType = "float32",
        tokenizer: Tokenizer | None = None, image_tokenizer: VQTokenizer | None = None,
        *, comm: Communicator | None = None,
    ) -> CogView:
        """Make a model of its weights, without drawing first values; see `GLM.from_arrays`."""
        model = cls(config, 0, dtype, tokenizer, image_tokenizer, dry_run=True, comm=comm)
        model.adopt(arrays)
        return model

    def logits(self, ids: Array, positions: Array, sep: Array | None = None) -> Array:
        """Compute the logits of every slot, dropout off.

        Args:
            ids, positions: (B, T) integers of the joint vocabulary and of the position table.
            sep: (B,) how many tokens at the beginning are seen by all; None: each token sees those before it.

        Returns:
            (B, T, V) float32 (float64 for a float64 model); V is `config.vocab_size`.

        Raises:
            ShapeError: shapes do not fit, or ids lie outside.
        """
        sep = np.zeros(len(ids), np.int32) if sep is None else sep
        return self.core.logits(ids, positions, np.zeros_like(ids), sep, None)

    def loss_and_gradients(
        self, ids: Array, positions: Array, targets: Array, loss_weights: Array, sep: Array | None = None,
        **options: Any,
    ) -> tuple[float, dict[str, Array]]:
        """Compute the weighted mean loss of a batch, and its gradients.

        loss = sum of loss_weights * -log p(target) / sum of loss_weights, in nats, over the whole batch

        Args:
            ids, positions, targets: (B, T) integers.
            loss_weights: (B, T) of at least 0; see `wudao_rt.cogview.templates.sample_of`.
            sep: as in `logits`.
            options: as of `GLM.loss_and_gradients`.

        Returns:
            The loss, and arrays of the names and shapes of `state_dict`.
        """
        batch = {"ids": ids, "positions": positions, "block_positions": np.zeros_like(ids), "targets": targets,
                 "loss_mask": loss_weights, "sep": np.zeros(len(ids), np.int32) if sep is None else sep}
        loss, found = self.core.loss_and_gradients(batch, **options)
        for gradient in found.values():
            gradient /= options.get("loss_scale", 1.0)
        return loss, views(self.places, found.__getitem__)

    def draw(
        self, texts: Text | Sequence[Text], n: int = 1, temperature: float = 1.0, top_k: int = 200, seed: int = 0, *,
        top_p: float = 0.0, guidance: float = 1.0, truncate: bool = False, max_streams: int = 32,
        listener: Callable[[int], None] | None = None,
    ) -> Array:
        """Draw pictures of texts, code by code.

        Args:
            texts: texts, or lists of ids of the text tokenizer; an empty one asks for any picture.
            n: pictures of each.
            temperature: divides the logits; 0 takes the most probable code.
            top_k: draw among the k most probable codes, and those that are as probable as the last; 0: all.
            seed: of the draws. A picture depends on the seed, its text and its number alone, never on the batch.
            top_p: draw among the fewest codes whose probability reaches p; 0: all.
            guidance: above 1, logits are b + guidance (a - b), b being those without a text: pictures follow their text
                more closely and differ less. It takes twice the work.
            truncate: cut texts that are too long, instead of refusing them.
            max_streams: pictures that are drawn side by side.
            listener: is given how many codes are there, again and again.

        Returns:
            int32 codes (B, n, h, w).

        Raises:
            ConfigError: a text that is too long, or numbers outside their range.
        """
        rows = read_texts("draw", self, texts, truncate)
        empty = np.zeros((len(rows), self.config.side, self.config.side), np.int32)
        return self._fill(rows, empty, np.zeros(empty.shape, bool), n, temperature, top_k, seed, top_p,
                          guidance, max_streams, listener)

    def complete(
        self, texts: Text | Sequence[Text], codes: Array, keep: Array, n: int = 1, temperature: float = 1.0,
        top_k: int = 200, seed: int = 0, *, top_p: float = 0.0, guidance: float = 1.0, truncate: bool = False,
        max_streams: int = 32, listener: Callable[[int], None] | None = None,
    ) -> Array:
        """Find the codes of pictures that are not kept.

        What is kept stands in the result as it was. Where it is the beginning of the picture, row by row, the rest is
        drawn as in `draw`; otherwise the holes are drawn with all that lies around them in sight.

        Args:
            texts: as of `draw`, one for each picture.
            codes: (B, h, w).
            keep: bool (B, h, w) or (h, w).
            others: as of `draw`.

        Returns:
            int32 codes (B, n, h, w).
        """
        rows = read_texts("complete", self, texts, truncate)
        codes = check_codes("complete", self.config, codes, len(rows))
        keep = np.broadcast_to(np.asarray(keep, bool), codes.shape)
        return self._fill(rows, codes, keep, n, temperature, top_k, seed, top_p, guidance, max_streams,
                          listener)

    def caption(
        self, codes: Array, n: int = 1, temperature: float = 1.0, top_k: int = 200, seed: int = 0, *,
        top_p: float = 0.0, max_tokens: int = 0, max_streams: int = 32,
    ) -> list[list[str]] | list[list[list[int]]]:
        """Write captions of pictures.

        Args:
            codes: (B, h, w).
            n, temperature, top_k, seed, top_p, max_streams: as of `draw`.
            max_tokens: of a caption; 0: as many as there is room for.

        Returns:
            n captions for each picture: texts, or ids for a model without a tokenizer.
        """
        codes = check_codes("caption", self.config, codes)
        most = min(max_tokens or self.config.max_text, self.config.max_text)
        found = self._run([caption_request(self.templates, one, most) for one in codes], [], n, temperature, top_k,
                          seed, top_p, 1.0, max_streams, None)
        texts = [[number - self.ids.text.start for number in ids if number in self.ids.text] for _, _, ids in found]
        said: list[Any] = texts if self.tokenizer is None else [self.tokenizer.decode(one).strip() for one in texts]
        return [said[place * n : (place + 1) * n] for place in range(len(codes))]

    def caption_loss(
        self, texts: Text | Sequence[Text], codes: Array, reduce: str = "mean", *, truncate: bool = False
    ) -> Array:
        """Compute CapLoss: how little a text says of a picture, -log p(text | picture).

        Args:
            texts: as of `draw`; one stands for as many as there are pictures.
            codes: (B, h, w).
            reduce: "mean" over the tokens of the text, or "sum".
            truncate: as of `draw`.

        Returns:
            float32 nats (B,). The picture with the lowest is the best of a text.

        Source: CogView, section 3.2.
        """
        return self._losses("caption_loss", text_losses, texts, codes, reduce, truncate)

    def image_loss(
        self, texts: Text | Sequence[Text], codes: Array, reduce: str = "mean", *, truncate: bool = False
    ) -> Array:
        """Compute -log p(picture | text), over its codes; arguments as of `caption_loss`, texts may be empty."""
        return self._losses("image_loss", code_losses, texts, codes, reduce, truncate)

    def save(self, path: str | Path) -> None:
        """Write the model to a folder: config.toml, model.safetensors, tokenizer/ and image_tokenizer/."""
        from wudao_rt.model_folder import save

        save(self, Path(path))

    def _losses(self, op: str, losses: Callable[..., Any], texts: Any, codes: Array, reduce: str, truncate: bool
                ) -> Array:
        rows = read_texts(op, self, texts, truncate, empty=losses is code_losses)
        codes = check_codes(op, self.config, codes, len(rows) if len(rows) > 1 else None)
        rows = rows * (len(codes) // len(rows))
        add = {"mean": np.mean, "sum": np.sum}[reduce]
        return np.array([add(one) for one in losses(self, rows, codes)], np.float32)

    def _fill(self, rows: list[list[int]], codes: Array, keep: Array, n: int, temperature: float, top_k: int, seed: int,
              top_p: float, guidance: float, *how: Any) -> Array:
        requests = [picture_request(self.templates, *one) for one in zip(rows, codes, keep, strict=True)]
        plain = [] if guidance == 1 else [picture_request(self.templates, [], *one)
                                          for one in zip(codes, keep, strict=True)]
        out = np.repeat(codes[:, None], n, axis=1).astype(np.int32)
        for place, sample, ids in self._run(requests, plain, n, temperature, top_k, seed, top_p, guidance, *how):
            out[place, sample][~keep[place]] = ids
        return out

    def _run(self, requests: list[Request], plain: list[Request], n: int, temperature: float, top_k: int, seed: int,
             top_p: float, guidance: float, max_streams: int, listener: Callable[[int], None] | None
             ) -> list[tuple[int, int, list[int]]]:
        options = {"n": n, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed,
                   "guidance": guidance, "max_streams": max_streams}
        return _core.fill(self.core, requests, options, plain, listener)
