"""Configs: presets, errors that name the key, `--set`, and the way to TOML and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from wudao_rt.config import Config, GLMConfig, load_config, parse_config
from wudao_rt.config.files import to_toml
from wudao_rt.errors import ConfigError

PUBLISHED = {
    "base": 109_338_624, "large": 334_688_256, "410m": 410_265_600, "515m": 514_632_960, "roberta-large": 354_873_344,
    "large-chinese": 355_659_776, "2b": 1_920_122_880, "10b": 9_880_682_496, "10b-chinese": 9_879_633_920,
}


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_presets_have_the_published_parameter_counts(name: str, count: int):
    assert GLMConfig.preset(name).parameter_count == count


def test_small_presets_have_their_sizes():
    assert 1.6e6 <= GLMConfig.preset("verse-tiny").parameter_count <= 2e6
    assert 10e6 <= GLMConfig.preset("verse").parameter_count <= 14e6


def test_one_position_table_has_exactly_max_positions_rows():
    with_two, with_one = (GLMConfig(10, 8, 1, 2, 16, block_positions=two).parameter_count for two in (True, False))
    assert with_two - with_one == 2 * 17 * 8 - 16 * 8


@pytest.mark.parametrize(("tables", "words"), [
    ({"trian": {}}, ["table", "'trian'", "'train'"]),
    ({"train": {"lrr": 1}}, ["train: key", "'lrr'", "'lr'"]),
    ({"train": {"lr": "fast"}}, ["train.lr", "a number", "'fast'"]),
    ({"train": {"batch": True}}, ["train.batch", "an integer"]),
    ({"train": {"batch": 1.5}}, ["train.batch", "an integer"]),
    ({"train": {"batch": 0}}, ["train: batch", "at least 1"]),
    ({"train": {"lr": float("nan")}}, ["train.lr", "a finite number", "nan"]),
    ({"train": {"lr": float("inf")}}, ["train.lr", "a finite number", "inf"]),
    ({"train": {"steps": 1, "seconds": 2}}, ["train.seconds", "steps and seconds"]),
    ({"train": {"batch": 12, "virtual_shards": 8}}, ["virtual_shards", "power of two", "12"]),
    ({"train": {"batch": 4, "micro_shards": 8}}, ["micro_shards", "up to 4"]),
    ({"train": {"dtype": "float23"}}, ["train: dtype", "'float23'", "'float32'"]),
    ({"train": {"loss_scale": 1000.0}}, ["train.loss_scale", "a power of two", "1000"]),
    ({"model": {"moe": {"num_experts": 4, "groups": 4}}, "train": {"batch": 64}},
     ["model.moe.groups", "8 virtual", "4"]),
    ({"model": {"moe": {"num_experts": 4, "groups": 48}}, "train": {"batch": 64}},
     ["groups", "divides batch = 64", "48"]),
    ({"train": 5}, ["train", "a table"]),
    ({"data": {"objectives": {"token_prb": 1}}}, ["data.objectives: key", "'token_prob'"]),
    ({"data": {"objectives": {"token_prob": 2.0}}}, ["data.objectives", "token_prob"]),
    ({"data": {"corpora": "verse"}}, ["data.corpora", "a list"]),
    ({"data": {"source": "text"}}, ["data.paths"]),
    ({"model": {"preset": "verse-tiny", "num_heads": 0}}, ["model: num_heads", "at least 1"]),
])
def test_errors_name_the_key(tables: dict, words: list[str]):
    with pytest.raises(ConfigError) as caught:
        parse_config(tables)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_unknown_preset_names_the_nearest():
    with pytest.raises(ConfigError, match="'verse-tiny'"):
        parse_config({"model": {"preset": "verse-tny"}}).model.glm(vocab_size=10)


def test_shape_without_preset_must_be_whole():
    with pytest.raises(ConfigError, match=r"model\.num_layers"):
        parse_config({"model": {"hidden_size": 8}}).model.glm(vocab_size=10)


def test_set_follows_toml_types_and_replaces_the_length():
    config = parse_config({"train": {"steps": 5}}, ["train.lr=1", "train.seconds=3", "model.preset=verse",
                                                    'data.forms=["五绝"]', "data.objectives.token_prob=0.25"])
    assert (config.train.lr, config.train.steps, config.train.seconds) == (1.0, 0, 3.0)
    assert (config.model.preset, config.data.forms, config.data.objectives.token_prob) == ("verse", ("五绝",), 0.25)


@pytest.mark.parametrize("change", ["lr=1", "train.lr", "=", "trian.lr=1", "train.lrr=1", "train.lr=fast", "train=1",
                                    "train.lr.x=1"])
def test_bad_set_is_a_config_error(change: str):
    with pytest.raises(ConfigError):
        parse_config({"train": {"lr": 0.1}}, [change])


def test_toml_round_trip(tmp_path):
    config = parse_config({"model": {"preset": "verse"}, "data": {"repeats": {"tang": 3}, "forms": ["五绝", "七绝"]},
                           "train": {"seconds": 2, "lr": 1}, "output": {"folder": 'a"b\\c'}})
    path = tmp_path / "config.toml"
    path.write_text(to_toml(config), encoding="utf-8")
    assert load_config(path) == config


@pytest.mark.parametrize("content", [b"[train", b"\xff\xfe", b"a = 1", b"train = 3", b"[train]\nlr = 1\nlr = 2"])
def test_broken_files_are_config_errors(tmp_path, content: bytes):
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        load_config(path)


def test_checkpoint_config_has_no_machine_layout():
    text = to_toml(Config(), layout=False)
    assert not any(word in text for word in ("threads", "micro_shards", "recompute", "folder", "log_every"))


@pytest.mark.parametrize(("batch", "shards"), [(1, 1), (12, 4), (64, 8), (6, 2), (7, 1)])
def test_default_virtual_shards(batch: int, shards: int):
    assert parse_config({"train": {"batch": batch}}).train.shards == shards


def test_the_documented_tables_are_those_of_the_code():
    from wudao_rt.config.reference import reference

    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page.endswith(reference() + "\n"), "run: python -m wudao_rt.config.reference, and paste it into the page"
