"""Schedules against the formulas and the check values of the specification."""

from math import cos, pi

import pytest
from wudao_rt.schedules import Constant, Cosine, Linear, WarmupStableDecay, schedule_from_config

NUMBERS = {"lr": 1e-4, "steps": 175_000, "warmup": 0.04, "decay_ratio": 0.1}


@pytest.mark.parametrize(
    ("step", "lr"), [(0, 0), (3500, 5e-5), (7000, 1e-4), (91_000, 5.5e-5), (175_000, 1e-5), (300_000, 1e-5)]
)
def test_cosine_check_values(step, lr):
    assert Cosine(**NUMBERS).lr_at(step) == pytest.approx(lr, rel=1e-12, abs=1e-18)


@pytest.mark.parametrize("step", [7001, 20_000, 100_000, 174_999, 200_000])
def test_cosine_is_the_printed_formula(step):
    wave = cos(pi * min(1, (step - 7000) / 168_000)) + 1
    assert Cosine(**NUMBERS).lr_at(step) == pytest.approx(1e-4 * 0.1 * (wave * (1 / 0.1 - 1) / 2 + 1), rel=1e-12)


def test_linear_falls_below_its_floor_after_the_end():
    schedule = Linear(**NUMBERS)
    assert schedule.lr_at(3500) == pytest.approx(5e-5)
    assert schedule.lr_at(7000) == pytest.approx(1e-4)
    assert schedule.lr_at(91_000) == pytest.approx(5.5e-5)
    assert schedule.lr_at(175_000) == pytest.approx(1e-5)
    assert schedule.lr_at(180_000) == pytest.approx(1e-4 - 0.9e-4 * 173_000 / 168_000)
    assert schedule.lr_at(180_000) < 1e-5


def test_warmup_is_a_real_number_of_steps():
    schedule = Constant(lr=1.0, steps=10, warmup=0.25)
    assert [schedule.lr_at(step) for step in (0, 1, 2, 3, 99)] == [0, 0.4, 0.8, 1, 1]
    assert Constant(lr=1.0, steps=10).lr_at(0) == 1.0


def test_warmup_stable_decay_is_a_trapezoid():
    schedule = WarmupStableDecay(lr=2.0, steps=100, warmup=0.1, decay=0.2, decay_ratio=0.5)
    values = [schedule.lr_at(step) for step in (5, 10, 50, 80, 90, 100, 500)]
    assert values == pytest.approx([1.0, 2.0, 2.0, 2.0, 1.5, 1.0, 1.0])


def test_from_config():
    built = schedule_from_config("warmup-stable-decay", {"lr": 1.0, "steps": 10, "decay": 0.5, "decay_ratio": 0.0})
    assert built == WarmupStableDecay(lr=1.0, steps=10, decay=0.5, decay_ratio=0.0)
    with pytest.raises(ValueError, match=r"schedule: name: .* got cosin. Did you mean cosine?"):
        schedule_from_config("cosin", {})
    with pytest.raises(ValueError, match=r"schedule linear: key: .* got warm_up. Did you mean warmup?"):
        schedule_from_config("linear", {"warm_up": 0.1})
    with pytest.raises(ValueError, match=r"schedule: decay: expected .*, got 0.95"):
        WarmupStableDecay(lr=1.0, steps=10, warmup=0.1, decay=0.95)
    with pytest.raises(ValueError, match=r"schedule: steps: expected 1.*, got 0"):
        Linear(lr=1.0, steps=0)
