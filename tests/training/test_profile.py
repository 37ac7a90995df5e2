"""The trace of some steps."""

import json
from collections import Counter
from itertools import pairwise

import pytest
import wudao_rt
from wudao_rt.config import parse_config

from .conftest import tiny


@pytest.fixture(scope="module")
def trace(texts, tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("profile")
    config = parse_config(tiny(texts, folder / "run", steps=22, optimizer="muon", threads=2))
    wudao_rt.train(config, quiet=True, profile=folder / "trace.json")
    return json.loads((folder / "trace.json").read_text())


def test_every_op_of_ten_steps_is_there(trace):
    spans = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    found = Counter((event["name"], event["args"]["where"]) for event in spans)
    for layer in ("layers.0", "layers.1"):
        for op, times in (("linear", 4), ("attention", 1), ("layer_norm", 2)):
            assert found[f"{op} forward", layer] == found[f"{op} backward", layer] == 10 * times
    assert found["muon update", "transformer.layers.0.mlp.dense_h_to_4h.weight"] == 10
    assert found["output_loss forward", "output"] == 10
    assert [event["name"] for event in spans if event["cat"] == "step"] == [f"step {i}" for i in range(11, 21)]


def test_ops_lie_within_their_steps_one_after_the_other(trace):
    spans = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert min(event["ts"] for event in spans) == 0
    for row in {event["tid"] for event in spans}:
        ordered = sorted((event["ts"], event["ts"] + event["dur"]) for event in spans if event["tid"] == row)
        assert all(end <= begin + 0.01 for (_, end), (begin, _) in pairwise(ordered))
    steps = [event for event in spans if event["cat"] == "step"]
    begin, end = steps[0]["ts"], steps[-1]["ts"] + steps[-1]["dur"]
    assert all(begin <= event["ts"] and event["ts"] + event["dur"] <= end for event in spans)
    names = {event["tid"]: event["args"]["name"] for event in trace["traceEvents"] if event["ph"] == "M"}
    assert names[0] == "steps" and names[1] == "thread 0" and set(names) == {event["tid"] for event in spans}


def test_a_path_that_cannot_be_written_is_told_before_the_work(texts, tmp_path):
    with pytest.raises(wudao_rt.ConfigError, match="profile: "):
        wudao_rt.train(parse_config(tiny(texts, tmp_path / "run")), quiet=True, profile=tmp_path / "no" / "trace.json")
