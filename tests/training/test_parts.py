"""Prefetching, rates, the clock, the step line and the logs."""

from __future__ import annotations

import json
import time

import pytest
from wudao_rt.config import GLMConfig, TrainTable
from wudao_rt.training.clock import Stopwatch
from wudao_rt.training.cost import step_flops
from wudao_rt.training.log import RunLog, StepInfo
from wudao_rt.training.prefetch import Prefetch
from wudao_rt.training.rates import Rates


def info(step: int, **changes: object) -> StepInfo:
    return StepInfo(**{"step": step, "loss": 2.5, "grad_norm": 1.0, "lr": 1e-3, "tokens": 10 * step,
                       "tokens_per_second": 5.0, "share_of_peak": 0.5, "seconds": float(step), **changes})


def test_batches_come_in_order_and_only_so_far_ahead():
    made: list[int] = []
    batches = Prefetch(lambda step: made.append(step) or step, first=5, depth=2)
    time.sleep(0.3)
    assert len(made) <= 4
    assert [batches.get(step) for step in range(5, 12)] == list(range(5, 12))
    batches.close()


def test_an_error_in_the_thread_reaches_the_loop():
    def make(step: int) -> int:
        if step == 2:
            raise ValueError("broken text")
        return step

    batches = Prefetch(make, first=0)
    batches.get(0), batches.get(1)
    with pytest.raises(ValueError, match="broken text"):
        batches.get(2)
    batches.close()


def test_rates_by_step_reach_the_published_values():
    rates = Rates(TrainTable(steps=175_000, schedule="cosine", warmup=0.04, decay_ratio=0.1))
    assert [round(1e-4 * rates.share(step, 0.0), 10) for step in (3500, 7000, 91_000, 175_000)] == [
        5e-5, 1e-4, 5.5e-5, 1e-5]
    assert not rates.over(174_999, 1e9) and rates.over(175_000, 0.0)


def test_rates_by_the_clock():
    rates = Rates(TrainTable(seconds=10, schedule="linear", warmup=0.1, decay_ratio=0.0))
    assert [rates.share(1, seconds) for seconds in (0.5, 1.0, 5.5)] == pytest.approx([0.5, 1.0, 0.5])
    assert rates.share(1, 0.0) > 0
    assert not rates.over(10**9, 9.9) and rates.over(0, 10.0)


def test_tokens_give_steps():
    assert Rates(TrainTable(tokens=1000, batch=4, length=32)).over(8, 0.0)


def test_share_of_the_run_by_steps_and_by_the_clock():
    assert Rates(TrainTable(steps=8)).done(2, 99.0) == 0.25
    clock = Rates(TrainTable(seconds=10))
    assert [clock.done(5, s) for s in (0.0, 2.5, 11.0)] == [0.0, 0.25, 1.0]


def test_the_stopwatch_rests():
    clock = Stopwatch(start=100.0)
    with clock.paused():
        time.sleep(0.2)
    assert 100.0 <= clock.seconds() < 100.1


def test_flops_of_a_step():
    shape = GLMConfig(8, 4, 3, 1, 8)
    assert step_flops(shape, tokens=10, pairs=7) == 6 * shape.parameter_count * 10 + 12 * 3 * 4 * 7


def test_the_step_line_names_every_field_of_the_json_line(tmp_path):
    log = RunLog(tmp_path, tensorboard=False)
    log.step(info(1))
    log.close()
    record = json.loads((tmp_path / "log.jsonl").read_text())
    assert list(record) == ["step", "loss", "grad_norm", "lr", "tokens", "tokens_per_second", "share_of_peak",
                            "seconds", "skipped"]
    assert all(f"{name} " in info(1).line() for name in record)


def test_a_skipped_step_has_a_reason_and_valid_json(tmp_path):
    log = RunLog(tmp_path, tensorboard=False)
    log.step(info(1, loss=float("nan"), skipped=True, reason="layer 3"))
    log.close()
    record = json.loads((tmp_path / "log.jsonl").read_text())
    assert (record["loss"], record["skipped"], record["reason"]) == (None, True, "layer 3")


def test_a_resumed_log_drops_what_came_after_the_checkpoint(tmp_path):
    log = RunLog(tmp_path, tensorboard=False)
    for step in range(1, 6):
        log.step(info(step))
    log.close()
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 6, "lo')  # a crash in the middle of a line
    again = RunLog(tmp_path, resumed_at=3, tensorboard=False)
    again.step(info(4))
    again.close()
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert (steps, again.seconds) == ([1, 2, 3, 4], 3.0)


def test_tensorboard_events_are_written(tmp_path):
    log = RunLog(tmp_path)
    log.step(info(1))
    log.evaluation(1, {"nats_per_token": 4.0, "tokens": 7, "n": 1})
    log.close()
    assert b"train/loss" in next((tmp_path / "tensorboard").iterdir()).read_bytes()
