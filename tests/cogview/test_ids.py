"""The joint vocabulary and the sizes of models. Numbers are the checks of the specification, section 12."""

from __future__ import annotations

import pytest
from wudao_rt import CogView, CogViewConfig, ConfigError
from wudao_rt.cogview.ids import NAMES, JointIds


def test_parameters_of_the_published_model() -> None:  # check 2
    config = CogViewConfig.preset("4b")
    assert config.parameter_count == 3_928_849_920
    names = CogView(config, dry_run=True).core
    sizes = [1] * len(names.names())
    for place, name in enumerate(names.names()):
        for side in names.shape(name):
            sizes[place] *= side
    assert sum(sizes) == 3_928_849_920


def test_sandwich_adds_four_widths_a_layer() -> None:  # check 15
    with_norms, without = CogViewConfig.preset("212m"), CogViewConfig.preset("212m", sandwich=False)
    assert with_norms.parameter_count - without.parameter_count == 4 * 1024 * 12
    assert round(with_norms.parameter_count / 1e6) == 212


def test_ids_lie_as_in_the_released_tokenizer() -> None:
    ids = JointIds(CogViewConfig.preset("4b"))
    assert (ids.codes, ids.text, ids.commands) == (range(8192), range(8192, 58192), range(58192, 58219))
    known = {"PAD": 0, "BOI1": 1, "EOI1": 4, "ROI1": 7, "SEP": 10, "MASK": 11, "CLS": 12, "ENC": 13, "TINY": 14,
             "SMALL": 15, "BASE": 16, "BIG": 17, "POS0": 18, "POS8": 26}
    assert {name: ids.command(name) - 58192 for name in known} == known
    assert len(NAMES) == len(set(NAMES)) == 27


@pytest.mark.parametrize(("side", "name"), [(8, "TINY"), (16, "SMALL"), (32, "BASE"), (64, "BIG")])
def test_every_size_has_its_token(side: int, name: str) -> None:
    ids = JointIds(CogViewConfig.preset("4b", side=side, max_positions=side * side + 65))
    assert ids.size_token == ids.command(name)


def test_the_vocabulary_is_padded_whatever_the_machine() -> None:
    assert CogViewConfig.preset("4b").vocab_size == 58240


@pytest.mark.parametrize(("change", "message"), [
    ({"side": 9}, "side: expected 8, 16, 32 or 64 codes, got 9"),
    ({"max_positions": 68}, "max_positions: expected at least 69 for 64 codes and text, got 68"),
    ({"num_heads": 5}, "hidden_size: expected a multiple of num_heads = 5, got 192"),
    ({"norm_scaling": "all"}, "norm_scaling: expected one of row, tensor, none, got 'all'"),
    ({"embedding_gradient": 0.0}, "embedding_gradient: expected at least 1e-06, got 0"),
])
def test_shapes_that_cannot_be(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CogViewConfig.preset("emoji", **change)


def test_unknown_presets_name_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'emoji'"):
        CogViewConfig.preset("emojy")
