"""Every setting of `model.generate` has its flag, and does the same."""

from __future__ import annotations

import inspect

import pytest
import wudao_rt
from wudao_rt.cli.generate import command
from wudao_rt.generation import generate

from .conftest import records, run_cli

# Python's own: objects, and what only changes speed.
_NOT_FLAGS = {"model", "prompts", "stream", "special", "max_streams"}

FLAGS = [
    (["--top-p", 0.7, "--top-k", 0], {"top_p": 0.7, "top_k": 0}),
    (["--repetition-penalty", 1.5], {"repetition_penalty": 1.5}),
    (["--no-repeat-ngram", 2, "--min-new-tokens", 12], {"no_repeat_ngram": 2, "min_new_tokens": 12}),
    (["--forbidden-id", 20, "--forbidden-id", 21], {"forbidden_ids": (20, 21)}),
    (["--num-beams", 3, "--length-penalty", 0, "--temperature", 1], {"num_beams": 3, "length_penalty": 0,
                                                                     "temperature": 1}),
    (["--temperature", 0], {"temperature": 0}),
    (["--cache", "int8"], {"cache": "int8"}),
]


def test_every_setting_has_a_flag():
    flags = {parameter.name for parameter in command.params}
    assert inspect.signature(generate).parameters.keys() - _NOT_FLAGS <= flags


@pytest.mark.parametrize(("flags", "settings"), FLAGS)
def test_flags_do_what_the_settings_do(run, flags: list, settings: dict):
    done = run_cli("generate", "--model", run, "--prompt", "春", "-n", 2, "--max-new-tokens", 12, "--json", *flags)
    assert done.returncode == 0, done.stderr
    settings = {"max_new_tokens": 12, "temperature": 0.9, "top_k": 40, "num_samples": 2, **settings}
    found = wudao_rt.load(run).generate(["春"], **settings)
    assert [one["token_ids"] for one in records(done.stdout)] == [one.token_ids for one in found]


@pytest.mark.parametrize("beams", [[], ["--num-beams", 3]])
def test_a_stream_prints_the_same_lines(run, beams: list):
    arguments = ["generate", "--model", run, "--prompt", "春", "--prompt", "秋[MASK]月[MASK]", "-n", 2, "--seed", 4]
    whole, live = run_cli(*arguments, *beams), run_cli(*arguments, *beams, "--stream")
    assert (live.returncode, live.stderr) == (0, "")
    assert live.stdout == whole.stdout and len(whole.stdout.splitlines()) >= 4


def test_a_stream_of_texts_without_a_token_has_their_empty_lines(run):
    tokens = wudao_rt.load(run).tokenizer
    ends = {tokens.token_id("eop"), tokens.token_id("eos")}
    forbidden = [word for i in range(tokens.num_tokens) if i not in ends for word in ("--forbidden-id", i)]
    done = run_cli("generate", "--model", run, "--prompt", "春", "-n", 3, "--stream", *forbidden)
    assert (done.returncode, done.stdout) == (0, "\n\n\n")
