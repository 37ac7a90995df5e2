"""A user's files: what is read, what is refused with file and line, what is removed and held out."""

from __future__ import annotations

import json
import random

import pytest
from wudao_rt.data import DataError
from wudao_rt.data.own_text import find_duplicates, find_files, prepare_files, read_files
from wudao_rt.data.own_text.passages import passages

_RNG = random.Random(7)
SENTENCES = [" ".join(f"word{_RNG.randrange(997)}" for _ in range(40)) for _ in range(300)]


def _read(*paths, field: str = "text") -> list[str]:
    return [text.text for text in read_files(find_files(paths)[0], field)]


def test_folder_with_txt_and_jsonl_is_read_in_a_fixed_order(tmp_path) -> None:
    (tmp_path / "b.txt").write_text("second\n")
    (tmp_path / "a.jsonl").write_text('{"text": "first"}\n\n{"text": " "}\n')
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.TXT").write_bytes("\ufeffthird\r\nline".encode())
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0")
    (tmp_path / ".hidden.txt").write_text("no")
    files, ignored = find_files([tmp_path])
    assert [text.text for text in read_files(files)] == ["first", "second", "third\nline"]
    assert [file.name for file in ignored] == ["picture.png"]
    assert next(iter(read_files(files))).place == f"{tmp_path / 'a.jsonl'}:1"


def test_field_is_an_option(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_text('{"content": "here"}\n')
    assert _read(tmp_path / "a.jsonl", field="content") == ["here"]


@pytest.mark.parametrize(("name", "content", "message"), [
    ("a.txt", b"abc\0def", r"a\.txt: expected UTF-8 text, it is a binary file \(a zero byte at 3\)\. Move it out"),
    ("a.txt", "床前\n明月".encode() + b"\n\xb4\xb2\xc7\xb0", r"a\.txt:3: expected UTF-8 .*0xb4.*iconv -f "),
    ("a.txt", "床前明月光，疑是地上霜".encode("gb18030"), r"a\.txt:1: .*iconv -f GB18030 -t UTF-8 a\.txt"),
    ("a.txt", "text".encode("utf-16"), r"a\.txt:1: expected UTF-8 text, it looks like UTF-16"),
    ("a.jsonl", b'{"text": "a"}\n{"text": ', r"a\.jsonl:2: expected one JSON object a line"),
    ("a.jsonl", b'["a"]\n', r"a\.jsonl:1: expected a JSON object, got a list"),
    ("a.jsonl", b'{"body": "a", "id": 1}\n', r"a\.jsonl:1: expected a string under 'text', found the keys body, id"),
    ("a.jsonl", b'{"text": 3}\n', r"a\.jsonl:1: expected a string under 'text'"),
])
def test_what_cannot_be_read_is_one_clear_error(tmp_path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        _read(tmp_path)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_found_is_one_clear_error(tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(b"\0")
    with pytest.raises(DataError, match=r"at least one \.txt or \.jsonl file in .*1 of another kind \(a\.png\)"):
        find_files([tmp_path])
    with pytest.raises(DataError, match=r"a\.png: expected a \.txt or \.jsonl file, got '\.png'"):
        find_files([tmp_path / "a.png"])
    with pytest.raises(DataError, match=r"expected a file or folder at .*nowhere"):
        find_files([tmp_path / "nowhere"])
    (tmp_path / "empty.txt").write_text(" \n\n")
    with pytest.raises(DataError, match="expected text, all 1 files are empty"):
        prepare_files([tmp_path], tmp_path / "out")


def test_passages_lose_no_text_and_keep_to_the_limit() -> None:
    text = "One two. " * 400 + "\n\n" + "短句。" * 30 + "\n\nlast\nlines\n"
    cut = list(passages(text, 300))
    assert "".join(text.split()) == "".join("".join(part.split()) for _, part in cut)
    assert all(len(part) <= 300 for _, part in cut)
    assert all(part.rstrip().endswith((".", "。", "lines")) for _, part in cut)
    assert cut[-1][0] in (1, 3)
    assert list(passages("a\nb\n", 2)) == [(1, "a"), (2, "b")]


def test_exact_and_near_duplicates_are_found_and_the_first_is_kept() -> None:
    base = "春眠不觉晓处处闻啼鸟夜来风雨声花落知多少白日依山尽黄河入海流欲穷千里目更上一层楼"
    texts = [base, "else entirely", base, base.replace("知多少", "知几许"), base[::-1], f" {base}\n"]
    found = find_duplicates(texts, near=0.6)
    assert (found.kept, found.exact, found.near) == ([0, 1, 4], 2, 1)
    assert find_duplicates(texts, near=None).kept == [0, 1, 3, 4]
    assert found.to_json() == {"kept": 3, "exact": 2, "near": 1}


def test_unlike_texts_are_all_kept() -> None:
    assert len(find_duplicates(SENTENCES).kept) == len(SENTENCES)
    assert find_duplicates(["a", "b", "ab"]).kept == [0, 1, 2]


def test_prepared_corpus_holds_one_percent_out_by_hash(tmp_path) -> None:
    entries = [{"text": sentence} for sentence in SENTENCES]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in [*entries, entries[0]]))
    corpus = prepare_files([tmp_path / "a.jsonl"], tmp_path / "out", held_out=0.1)
    train, held = (set(corpus.texts(split)) for split in ("train", "report"))
    assert len(train) + len(held) == 300
    assert not train & held
    assert 10 <= len(held) <= 60
    assert corpus.card["removed"] == {"exact": 1, "near": 0}
    alone = tmp_path / "b.jsonl"
    alone.write_text("".join(json.dumps(entry) + "\n" for entry in entries[:150]))
    again = prepare_files([alone], tmp_path / "out", held_out=0.1)
    assert set(again.texts("report")) == held & {entry["text"] for entry in entries[:150]}


def test_a_few_texts_still_give_one_to_report_on(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": s}) + "\n" for s in SENTENCES[:3]))
    counts = prepare_files([tmp_path / "a.jsonl"], tmp_path / "out").card["records"]
    assert (counts["train"], counts["report"]) == (2, 1)


def test_a_folder_with_other_files_is_not_overwritten(tmp_path) -> None:
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(DataError, match="expected an empty or new folder"):
        prepare_files([tmp_path / "a.txt"], tmp_path)
    assert (tmp_path / "a.txt").exists()
