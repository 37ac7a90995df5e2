"""An image tokenizer that ranks train together is the one of one process, to the bit. Check 7 of section 12."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wudao_rt import VQConfig, VQTokenizer
from wudao_rt.errors import CorruptionError
from wudao_rt.training.agreement import require_agreement
from wudao_rt.training.ranks import Ranks

SHAPE = VQConfig(channels=8, residual_blocks=1, residual_channels=4, codes=16, code_width=6)
BATCH, SHARDS = 8, 8


def _pictures(turn, side=8):
    return np.random.default_rng(turn).integers(0, 256, (BATCH, side, side, 3)).astype(np.uint8)


def _bits(tokenizer):
    return b"".join(array.tobytes() for array in tokenizer.state_dict().values())


def _pair(comm, dtype):
    return VQTokenizer(SHAPE, 3, dtype), VQTokenizer(SHAPE, 3, dtype, comm)


def tokenizer_averages(comm):
    """Counts, sums and losses of a batch that is shared out; the averages that follow; codes that come back."""
    for dtype in ("float32", "float64", "bfloat16"):
        whole, part = _pair(comm, dtype)
        for turn in range(2):
            told = [one.loss_and_gradients(_pictures(turn), SHARDS, micro) for one, micro in ((whole, 0), (part, 1))]
            assert told[0][0] == told[1][0]
            for name, gradient in told[0][1].items():
                assert gradient.tobytes() == told[1][1][name].tobytes(), name
            assert whole.core.counts == part.core.counts
            assert sum(part.core.counts) == BATCH * 4
            for one in (whole, part):
                one.update_codebook()
            assert whole.revive(5, least=1.0, step=turn) == part.revive(5, least=1.0, step=turn)
            assert _bits(whole) == _bits(part)
        assert len({bits.tobytes() for bits in comm.all_gather(np.frombuffer(_bits(part), np.uint8))}) == 1


def tokenizer_averages_of_a_formula(comm):
    """Beside one process stands the formula, from the features of all pictures."""
    part = VQTokenizer(SHAPE, 3, "float64", comm)
    images, before = _pictures(0), part.state_dict()
    z, codes = part.features(images).reshape(-1, 6), part.encode(images).reshape(-1)
    part.loss_and_gradients(images, SHARDS)
    part.update_codebook()
    one_hot = np.eye(SHAPE.codes)[codes]
    sizes = 0.99 * before["quantize_t.cluster_size"] + 0.01 * one_hot.sum(0)
    sums = 0.99 * before["quantize_t.embed_avg"].T + 0.01 * one_hot.T @ z
    after = part.state_dict()
    np.testing.assert_allclose(after["quantize_t.cluster_size"], sizes, rtol=1e-12)
    np.testing.assert_allclose(after["quantize_t.embed_avg"].T, sums, rtol=1e-9, atol=1e-12)


def tokenizer_revival(comm):
    """Every code gets a z of the batch, whichever rank has seen it, and all ranks the same."""
    part = VQTokenizer(SHAPE, 3, "float32", comm)
    images = _pictures(1)
    z = {row.tobytes() for row in part.features(images).reshape(-1, 6)}
    part.loss_and_gradients(images, SHARDS)
    assert part.revive(9, least=float("inf"), size=0.5) == SHAPE.codes
    state = part.state_dict()
    book, sums = state["quantize_t.embed"].T, state["quantize_t.embed_avg"].T
    assert all(row.tobytes() in z for row in np.ascontiguousarray(book))
    np.testing.assert_array_equal(sums, book * np.float32(0.5))
    assert set(state["quantize_t.cluster_size"]) == {0.5}
    assert len({bits.tobytes() for bits in comm.all_gather(np.frombuffer(_bits(part), np.uint8))}) == 1


def tokenizer_with_few_shards(comm):
    """Ranks without a shard are there all the same; a batch that is not finite is skipped by all."""
    whole, part = _pair(comm, "float32")
    for one, micro in ((whole, 2), (part, 1)):
        one.core.optimize_with({"name": "adamw"})
        told = one.core.step(_pictures(0).astype(np.float32) / 127.5 - 1, 1e-3, 1.0, 2, micro)
        assert not told["skipped"]
    assert _bits(whole) == _bits(part)
    wild = np.full((BATCH, 8, 8, 3), 0.5, np.float32)
    wild[-1] = np.inf
    assert part.core.step(wild, 1e-3, 1.0, 2, 1)["skipped"]
    assert _bits(whole) == _bits(part)


def tokenizer_with_levels(comm):
    """Without a book there are counts alone to be put together."""
    shape = VQConfig(channels=8, residual_blocks=1, residual_channels=4, quantizer="fsq", levels=(8, 5))
    whole, part = VQTokenizer(shape, 3), VQTokenizer(shape, 3, comm=comm)
    for one, micro in ((whole, 8), (part, 1)):
        one.core.optimize_with({"name": "adamw"})
        for turn in range(2):
            one.core.step(_pictures(turn).astype(np.float32) / 127.5 - 1, 1e-2, 1.0, SHARDS, micro)
    assert _bits(whole) == _bits(part)
    assert whole.core.counts == part.core.counts and sum(part.core.counts) == BATCH * 4


def tokenizer_with_mixtures(comm):
    """The noise of a row is that of its place in the global batch."""
    shape = VQConfig(channels=8, residual_blocks=1, residual_channels=4, codes=16, code_width=6, quantizer="gumbel")
    whole, part = VQTokenizer(shape, 3), VQTokenizer(shape, 3, comm=comm)
    for one, micro in ((whole, 8), (part, 1)):
        one.core.optimize_with({"name": "adamw"})
        told = [one.core.step(_pictures(turn).astype(np.float32) / 127.5 - 1, 1e-2, 1.0, SHARDS, micro, 0.7, 5, turn)
                for turn in range(2)]
        assert told[0]["kl"] > 0
    assert _bits(whole) == _bits(part)


def tokenizer_copies_are_compared(comm):
    """A copy that has changed by itself is named before a checkpoint is written."""
    ranks, hashes = Ranks(comm), {"enc_b.blocks.0.weight": "a", "quantize_t.embed": "b"}
    require_agreement(hashes, ranks, 3, Path("nowhere"))
    if comm.size > 1:
        changed = hashes | ({"quantize_t.embed": "c"} if comm.rank == comm.size - 1 else {})
        with pytest.raises(CorruptionError, match=r"weights before step 4: .* got (another|different) quantize_t.embed on"):
            require_agreement(changed, ranks, 3, Path("nowhere"))


TOKENIZER_BODIES = (tokenizer_averages, tokenizer_averages_of_a_formula, tokenizer_revival, tokenizer_with_few_shards,
                    tokenizer_with_levels, tokenizer_with_mixtures, tokenizer_copies_are_compared)
