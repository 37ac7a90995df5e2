"""A small CogView beside PyTorch with the same weights. Numbers are the checks of the specification, section 12."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch_cogview import TorchCogView
from torch_glm import visible
from wudao_rt import CogView, CogViewConfig

CONFIG = CogViewConfig(image_codes=20, text_tokens=30, hidden_size=24, num_layers=3, num_heads=3, max_positions=80,
                       side=8)
RNG = np.random.default_rng(0)
IDS, TARGETS = RNG.integers(0, CONFIG.unpadded_vocab_size, (2, 3, 40))
POSITIONS, SEP = np.tile(np.arange(40), (3, 1)), np.array([0, 7, 40])
WEIGHTS = RNG.random((3, 40)) * (RNG.random((3, 40)) < 0.7)


def _pair(config: CogViewConfig, dtype: str) -> tuple[CogView, TorchCogView]:
    model = CogView(config, dtype=dtype)  # type: ignore[arg-type]  # a name that a test gives
    rng = np.random.default_rng(1)
    model.load_state_dict({name: ("norm.weight" in name) + 0.3 * rng.normal(size=array.shape)
                           for name, array in model.state_dict().items()})
    state = {name: torch.from_numpy(array) for name, array in model.state_dict().items()}
    return model, TorchCogView(state, config.num_layers, config.num_heads, sandwich=config.sandwich,
                               scaling=config.norm_scaling, shrink=config.embedding_gradient,
                               compute=getattr(torch, dtype))


def _error(ours: np.ndarray, theirs: torch.Tensor) -> float:
    wanted = theirs.detach().double().numpy()
    return float(np.abs(ours - wanted).max() / np.abs(wanted).max())


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("scaling", ["row", "tensor", "none"])
@pytest.mark.parametrize("sandwich", [True, False])
def test_every_layer_gives_what_pytorch_gives(sandwich: bool, scaling: str, dtype: str, bound: float) -> None:  # 12
    config = dataclasses.replace(CONFIG, sandwich=sandwich, norm_scaling=scaling)
    model, oracle = _pair(config, dtype)
    seen = visible(torch.from_numpy(SEP), 40)
    found = oracle.intermediates(torch.from_numpy(IDS), torch.from_numpy(POSITIONS), seen)
    state = model.state_dict()
    word = oracle.state["word_embeddings.weight"]
    for layers in range(1, config.num_layers + 1):  # a model of the first layers alone shows what they make
        part = {name: array for name, array in state.items()
                if not any(f"layers.{i}." in name for i in range(layers, config.num_layers))}
        first = CogView.from_arrays(dataclasses.replace(config, num_layers=layers), part, dtype)  # type: ignore[arg-type]
        assert _error(first.logits(IDS, POSITIONS, SEP), found[layers] @ word.T) < bound


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-10), ("float32", 1e-4)])
@pytest.mark.parametrize("shrink", [1.0, 0.1])
def test_loss_and_gradients(shrink: float, dtype: str, bound: float) -> None:
    model, oracle = _pair(dataclasses.replace(CONFIG, embedding_gradient=shrink), dtype)
    loss, gradients = model.loss_and_gradients(IDS, POSITIONS, TARGETS, WEIGHTS, SEP)
    batch = {"ids": IDS, "positions": POSITIONS, "block_positions": POSITIONS, "targets": TARGETS, "sep": SEP,
             "loss_mask": WEIGHTS}
    # PyTorch's softmax runs over the padding of the vocabulary too.
    oracle_loss = _loss(oracle, {name: torch.from_numpy(array) for name, array in batch.items()})
    oracle_loss.backward()
    assert abs(loss - oracle_loss.item()) < bound * abs(oracle_loss.item())
    for name, gradient in gradients.items():
        wanted = oracle.state[name].grad
        if wanted is not None and wanted.abs().max() > 0:
            assert _error(gradient, wanted) < bound, name


def _loss(oracle: TorchCogView, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    logits = oracle.logits(batch["ids"], batch["positions"], batch["positions"], visible(batch["sep"], 40))
    known = logits[..., : CONFIG.unpadded_vocab_size].flatten(0, 1)
    each = torch.nn.functional.cross_entropy(known, batch["targets"].flatten(), reduction="none")
    weights = batch["loss_mask"].flatten().to(each.dtype)
    return (each * weights).sum() / weights.sum()


def test_parts_of_a_batch_give_the_mean_over_all_tokens() -> None:  # 20: whatever the lengths of texts
    model, _ = _pair(CONFIG, "float64")
    ids, weights = np.tile(IDS, (2, 1))[:4], np.ones((4, 40))
    for row, length in enumerate((5, 40, 12, 33)):
        weights[row, length:] = 0
    arguments = (np.tile(POSITIONS, (2, 1))[:4], np.tile(TARGETS, (2, 1))[:4], weights)
    whole, one = model.loss_and_gradients(ids, *arguments)
    parts, four = model.loss_and_gradients(ids, *arguments, shards=4, micro_shards=1)
    assert abs(whole - parts) < 1e-12
    for name in one:
        np.testing.assert_allclose(one[name], four[name], rtol=1e-9, atol=1e-12)
