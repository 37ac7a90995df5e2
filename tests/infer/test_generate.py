"""The verb `generate`: what comes back, streaming, stopping, and requests that cannot be."""

import numpy as np
import pytest
from infer.reference import SPECIAL, tiny
from wudao_rt import GLM, ConfigError, DTypeError, Error, GLMConfig, ShapeError
from wudao_rt.data.blanks import SpecialIds
from wudao_rt.data.tokenizer import train_bpe, train_character
from wudao_rt.scoring import score

PROMPT = [9, 10, 11]


def with_text(tokenizer) -> GLM:
    config = GLMConfig(vocab_size=tokenizer.vocab_size, unpadded_vocab_size=tokenizer.num_tokens, hidden_size=16,
                       num_layers=1, num_heads=2, max_positions=40, init_std=0.3)  # fmt: skip
    return GLM(config, tokenizer=tokenizer)


def test_text_in_and_out():
    model = with_text(train_character(["春眠不觉晓处处闻啼鸟"], min_count=1))
    one, two = model.generate(["春眠不", "处处[MASK]啼[MASK]"], 5, seed=3, min_new_tokens=2)
    assert one.prompt == "春眠不" and one.text == model.tokenizer.decode(one.token_ids)
    assert [blank.text for blank in two.blanks] == [model.tokenizer.decode(blank.token_ids) for blank in two.blanks]
    assert two.text == "".join(blank.text for blank in two.blanks) and len(two.blanks) == 2
    assert model.generate("春眠不", 5, seed=3, min_new_tokens=2) == [one]
    assert set(one.to_json()) == {"prompt", "sample", "text", "token_ids", "log_prob", "finish_reason"}


def test_only_text_and_ends_are_written():
    """Characters that training did not know taught the model [UNK]; a reader would find a hole there."""
    model = with_text(train_character(["春眠不觉晓处处闻啼鸟"], min_count=1))
    commands = model.tokenizer.commands
    found = model.generate(["春"], 30, temperature=5.0, num_samples=40, min_new_tokens=30)
    assert len({token for one in found for token in one.token_ids}) > 5
    for one in found:
        assert not commands.without_text() & set(one.token_ids)
        assert len(one.text) == 30
    assert {commands.unk, commands.enc, commands.gmask, commands.sop} <= commands.without_text()
    assert not {commands.pad, commands.eop} & commands.without_text()


def test_empty_blanks_are_fine():
    forbidden = [token for token in range(32) if token not in (0, 4)]
    one = tiny().generate([[9, 2, 2]], 5, forbidden_ids=forbidden, special=SPECIAL)[0]
    assert one.token_ids == [] and one.log_prob == 0 and one.finish_reason in ("eop", "eos")
    assert [blank.end_log_prob < 0 for blank in one.blanks] == [True, True]


@pytest.mark.parametrize("train", [lambda text: train_character(text, 1), lambda text: train_bpe(text, 300)])
def test_streamed_pieces_make_the_text(train):
    model = with_text(train(["春眠不觉晓,处处闻啼鸟。夜来风雨声,花落知多少。"] * 3))
    heard = []
    found = model.generate(["春眠", "花"], 20, num_samples=2, min_new_tokens=20, stream=lambda *e: heard.append(e))
    for one in found:
        events = [event for event in heard if event[:2] == (one.prompt_index, one.sample)]
        assert [event[2] for event in events] == one.token_ids
        assert one.text.startswith("".join(event[3] for event in events))
    assert any(event[3] for event in heard)


def test_beams_stream_their_results():
    heard = []
    found = tiny().generate([PROMPT], 5, num_beams=3, num_samples=2, special=SPECIAL, stream=lambda *e: heard.append(e))
    assert [[e[2] for e in heard if e[1] == one.sample] for one in found] == [one.token_ids for one in found]


def test_the_listener_may_stop():
    found = tiny().generate([PROMPT] * 3, 20, min_new_tokens=20, max_streams=2, special=SPECIAL,
                            stream=lambda prompt, sample, token, piece: prompt != 1)  # fmt: skip
    assert [(one.prompt_index, len(one.token_ids), one.finish_reason) for one in found] == [
        (0, 1, "cancelled"), (1, 1, "cancelled")]  # fmt: skip


def test_a_failing_listener_fails_alone():
    model = tiny()

    def fail(*event):
        raise RuntimeError("from the listener")

    with pytest.raises(RuntimeError, match="from the listener"):
        model.generate([PROMPT], 5, special=SPECIAL, stream=fail)


def test_the_model_is_free_while_the_listener_runs():
    model, inner = tiny(), []

    def again(*event):
        inner.extend(model.generate([PROMPT], 1, special=SPECIAL))

    model.generate([PROMPT], 2, min_new_tokens=2, special=SPECIAL, stream=again)
    assert len(inner) == 2


@pytest.mark.parametrize(("name", "value", "message"), [
    ("temperature", -0.1, "temperature: expected a number of at least 0"),
    ("temperature", float("nan"), "temperature"),
    ("temperature", "hot", "temperature: expected a number, got 'hot'"),
    ("top_p", 1.5, "top_p: expected a number from 0 to 1, got 1.5"),
    ("top_p", -0.5, "top_p"),
    ("top_k", -1, "top_k: expected a whole number of at least 0, got -1"),
    ("top_k", 1.5, "top_k: expected a whole number"),
    ("max_new_tokens", 0, "max_new_tokens: expected a whole number of at least 1"),
    ("min_new_tokens", 9, "min_new_tokens: expected at most max_new_tokens = 5"),
    ("repetition_penalty", 0, "repetition_penalty: expected a positive number"),
    ("no_repeat_ngram", -2, "no_repeat_ngram"),
    ("num_samples", 0, "num_samples"),
    ("num_beams", 0, "num_beams"),
    ("max_streams", 0, "max_streams"),
    ("seed", -1, "seed"),
    ("cache", "int4", 'cache: expected "float" or "int8", got \'int4\''),
    ("forbidden_ids", [32], "forbidden_ids: expected ids from 0 to 31, got 32"),
    ("forbidden_ids", list(range(32)), "forbidden_ids: expected at least one token that may follow"),
])  # fmt: skip
def test_bad_settings(name, value, message):
    with pytest.raises(ConfigError, match="generate: .*" + message):
        tiny().generate([PROMPT], special=SPECIAL, **{"max_new_tokens": 5, name: value})


@pytest.mark.parametrize(("prompt", "kind", "message"), [
    ([], ShapeError, r"prompts\[0\]: expected at least one token, got none"),
    ([32], ShapeError, r"prompts\[0\]: expected ids from 0 to 31, got 32"),
    ([-1], ShapeError, "got -1"),
    ([9] * 24, ShapeError, r"at most 25 tokens, command tokens included \(max_positions\), got 26"),
    ([0.5], DTypeError, "expected text or a list of token ids"),
    ([[9]], DTypeError, "expected text or a list of token ids"),
    ("春", DTypeError, "Set model.tokenizer to use text"),
], ids=str)  # fmt: skip
def test_bad_prompts(prompt, kind, message):
    with pytest.raises(kind, match="generate: .*" + message):
        tiny().generate([prompt], 5, special=SPECIAL)


def test_command_tokens_have_to_fit():
    with pytest.raises(ConfigError, match="generate: special: expected the ids of the command tokens, got none"):
        tiny().generate([PROMPT])
    with pytest.raises(ConfigError, match="expected ids from 0 to 31, got eop = 99"):
        tiny().generate([PROMPT], special=SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=99))


def test_damaged_weights_are_one_clear_error():
    model = tiny()
    name = "transformer.layers.1.mlp.dense_4h_to_h.weight"
    model.load_state_dict(model.state_dict() | {name: np.full((24, 96), np.nan, np.float32)})
    for beams in (1, 3):
        with pytest.raises(Error, match=r"generate: logits: expected finite numbers from the model, got -?nan"):
            model.generate([PROMPT], 5, num_beams=beams, special=SPECIAL)
    with pytest.raises(Error, match=r"score: log_prob: expected finite numbers from the model, got -?nan"):
        score(model, [PROMPT], [PROMPT], special=SPECIAL)
