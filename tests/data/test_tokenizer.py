"""Tokenizers: round trips, command tokens, own tokens, disk, errors."""

from __future__ import annotations

import json

import pytest
from wudao_rt.data import DataError
from wudao_rt.data.tokenizer import (
    SURFACES,
    Tokenizer,
    TrainReport,
    character_tokenizer,
    train_bpe,
    train_character,
    train_sentencepiece,
)

TEXTS = ["春眠不觉晓，处处闻啼鸟。", "夜来风雨声，花落知多少。", "It was a bright cold day in April.",
         "The clocks were striking, striking thirteen."] * 20
MIXED = "春眠 It was\n\ta 😀 bright，cold  day. "


def _trained(kind: str) -> Tokenizer:
    if kind == "character":
        return train_character([*TEXTS, MIXED * 2], own_tokens=("<五绝>",))
    if kind == "bpe":
        return train_bpe(TEXTS, 400, own_tokens=("<五绝>",))
    return train_sentencepiece(TEXTS, 330, own_tokens=("<五绝>",))


@pytest.fixture(params=["character", "bpe", "sentencepiece"])
def tokenizer(request) -> Tokenizer:
    return _trained(request.param)


def test_round_trip_is_exact(tokenizer: Tokenizer) -> None:
    for text in (*TEXTS[:4], MIXED, ""):
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_every_command_token_is_one_id_and_comes_back(tokenizer: Tokenizer) -> None:
    text = "春[CLS]眠" + "".join(SURFACES.values()) + "<五绝>晓"
    ids = tokenizer.encode(text)
    names = ["enc", *SURFACES, "<五绝>"]
    assert [number for number in ids if number in tokenizer.special_ids()] == [tokenizer.token_id(n) for n in names]
    assert tokenizer.decode(ids, keep_special=True) == text
    assert tokenizer.decode(ids) == "春眠晓"


def test_pad_and_eos_are_one_id_and_names_agree_with_surfaces(tokenizer: Tokenizer) -> None:
    assert tokenizer.token_id("pad") == tokenizer.token_id("eos") == tokenizer.token_id("[pad]")
    assert tokenizer.token_id("sop") == tokenizer.token_id("<|startofpiece|>")
    assert tokenizer.token_id("[ENC]") == tokenizer.token_id("[CLS]") == tokenizer.token_id("enc")
    assert tokenizer.token(tokenizer.token_id("<五绝>")) == "<五绝>"
    numbers = [tokenizer.token_id(name) for name in SURFACES]
    assert len(set(numbers)) == len(SURFACES)


def test_special_surfaces_in_foreign_text_stay_text(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("<五绝>[MASK]", parse_special=False)
    assert not set(ids) & (tokenizer.special_ids() - {tokenizer.token_id("unk")})


def test_masks_swallow_white_space_on_their_left_where_the_vocabulary_says_so(tokenizer: Tokenizer) -> None:
    stripped = tokenizer.encode("cold \n[gMASK] day") == tokenizer.encode("cold[gMASK] day")
    assert stripped == tokenizer.strip_left
    assert tokenizer.encode("cold [SEP]") != tokenizer.encode("cold[SEP]")


def test_vocabulary_is_padded_to_a_multiple_of_128(tokenizer: Tokenizer) -> None:
    assert tokenizer.vocab_size % 128 == 0
    assert 0 <= tokenizer.vocab_size - tokenizer.num_tokens < 128
    assert tokenizer.decode([tokenizer.vocab_size - 1]) == tokenizer.token(tokenizer.vocab_size - 1) == ""


def test_save_and_load_give_the_same_tokenizer(tokenizer: Tokenizer, tmp_path) -> None:
    tokenizer.save(tmp_path / "t")
    loaded = Tokenizer.load(tmp_path / "t")
    assert loaded.encode(MIXED + "[MASK]<五绝>") == tokenizer.encode(MIXED + "[MASK]<五绝>")
    assert (loaded.fingerprint(), loaded.vocab_size) == (tokenizer.fingerprint(), tokenizer.vocab_size)
    assert not list((tmp_path / "t").glob("*.part"))


def test_own_tokens_can_be_added_later(tokenizer: Tokenizer, tmp_path) -> None:
    more = tokenizer.with_tokens(["<标题>", "<五绝>"])
    assert more.token_id("<标题>") == tokenizer.num_tokens == more.num_tokens - 1
    assert more.encode("春<标题>") == [*tokenizer.encode("春"), tokenizer.num_tokens]
    assert Tokenizer.load(more.save(tmp_path / "t")).encode("<标题>") == [tokenizer.num_tokens]


def test_batch_equals_one_by_one(tokenizer: Tokenizer) -> None:
    texts = [*TEXTS[:5], "", "[MASK]", MIXED]
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(text) for text in texts]


def test_character_ids_are_one_for_each_character_and_unknown_ones_are_unk() -> None:
    tokenizer = train_character(["甲甲乙乙丙"], min_count=2)
    unknown = tokenizer.token_id("unk")
    assert tokenizer.encode("乙丙甲丁") == [tokenizer.token_id("乙"), unknown, tokenizer.token_id("甲"), unknown]
    assert tokenizer.num_tokens == len(SURFACES) + 2
    assert character_tokenizer("乙甲").fingerprint() == tokenizer.fingerprint()
    assert TrainReport.of(tokenizer, "character").to_json()["vocab_size"] == 128


@pytest.mark.parametrize("train", [train_character, lambda texts: train_bpe(texts, 400),
                                   lambda texts: train_sentencepiece(texts, 300)])
def test_no_text_is_one_clear_error(train) -> None:
    with pytest.raises(DataError, match="tokenizer train: texts: expected at least one text"):
        train(["", " \n"])


def test_errors_name_what_was_expected(tmp_path) -> None:
    tokenizer = train_character(["春春"])
    with pytest.raises(DataError, match=r"token_id: expected one of .*got 'nope'"):
        tokenizer.token_id("nope")
    with pytest.raises(DataError, match=r"decode: ids: expected ids in \[0, 128\), got 128"):
        tokenizer.decode([0, 128])
    with pytest.raises(DataError, match=r"load: expected wudao_tokenizer.json in"):
        Tokenizer.load(tmp_path)
    with pytest.raises(DataError, match="vocab_size: expected at least 266"):
        train_bpe(TEXTS, 100)
    tokenizer.save(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match="expected a tokenizer file"):
        Tokenizer.load(tmp_path)
    (tmp_path / "wudao_tokenizer.json").write_text(json.dumps({"kind": "character"}))
    with pytest.raises(DataError, match="expected the keys"):
        Tokenizer.load(tmp_path)
