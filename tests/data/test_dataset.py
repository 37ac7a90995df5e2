"""Token files and mixtures."""

from __future__ import annotations

import numpy as np
import pytest
from wudao_rt.data import DataError, Record
from wudao_rt.data.token_file import TokenDataset, mixed_order, token_shares, tokenize_records, write_tokens
from wudao_rt.data.tokenizer import train_character

DOCUMENTS = [([3, 1, 2], "verse"), ([], "prose"), ([65535], "verse"), (list(range(1000)), "prose")]


@pytest.mark.parametrize(("vocab_size", "dtype"), [(65536, "<u2"), (65537, "<i4")])
def test_documents_come_back(tmp_path, vocab_size: int, dtype: str) -> None:
    write_tokens(tmp_path / "x" / "a.bin", DOCUMENTS, vocab_size, "print")
    dataset = TokenDataset(tmp_path / "x" / "a.bin")
    assert [document.tolist() for document in dataset] == [ids for ids, _ in DOCUMENTS]
    assert dataset[0].dtype == np.int32
    assert dataset[-1].tolist() == DOCUMENTS[-1][0]
    assert dataset.lengths.tolist() == [3, 0, 1, 1000]
    assert (len(dataset), dataset.num_tokens, dataset.vocab_size, dataset.tokenizer) == (4, 1004, vocab_size, "print")
    assert [dataset.domains[i] for i in dataset.domain_ids] == ["verse", "prose", "verse", "prose"]
    assert dataset.to_json()["dtype"] == dtype
    with pytest.raises(IndexError):
        dataset[4]


@pytest.mark.parametrize("at", [4096, -1, 4096 + 3 * 2 + 1])
def test_a_changed_byte_is_noticed(tmp_path, at: int) -> None:
    path = write_tokens(tmp_path / "a.bin", DOCUMENTS, 65536).path
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"its checksum differs. Remove it and prepare it again"):
        TokenDataset(path)


def test_truncated_foreign_and_missing_files_are_one_clear_error(tmp_path) -> None:
    path = write_tokens(tmp_path / "a.bin", DOCUMENTS, 65536).path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="its size does not fit its header"):
        TokenDataset(path)
    for content in (b"", b"something else", b"WUDAOTOK{}"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="expected a token file of format 1, it is not one"):
            TokenDataset(path)
    with pytest.raises(DataError, match="No such file"):
        TokenDataset(tmp_path / "b.bin")


def _failing():
    yield [1], "a"
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(("documents", "message"), [
    ([([0, 4], "a")], r"document 0: expected ids in \[0, 4\), got 0 to 4"),
    ([([1], "a"), ([-1], "a")], r"document 1: expected ids in \[0, 4\), got -1 to -1"),
    ([], "expected at least one document"),
    (_failing(), "No space left on device"),
    ([([1], str(i)) for i in range(257)], "at most 256 domain labels, '256' is one more"),
])
def test_a_failed_write_keeps_the_old_file(tmp_path, documents, message: str) -> None:
    path = write_tokens(tmp_path / "a.bin", [([1], "old")], 4).path
    with pytest.raises(DataError, match=message):
        write_tokens(path, documents, 4)
    assert TokenDataset(path).domains == ("old",)
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def _two_domains(tmp_path) -> TokenDataset:
    documents = [([1] * (5 + i % 7), "verse") for i in range(50)] + [([2] * 40, "prose") for _ in range(10)]
    return write_tokens(tmp_path / "a.bin", [*documents, ([], "prose"), ([1], "rest")], 4)


def test_mixture_has_the_shares_everywhere(tmp_path) -> None:
    dataset = _two_domains(tmp_path)
    order = mixed_order(dataset, {"verse": 3, "prose": 1}, 20_000, seed=5)
    assert dataset.lengths[order].sum() - dataset.lengths[order[-1]] < 20_000 <= dataset.lengths[order].sum()
    for part in np.array_split(order, 4):
        assert token_shares(dataset, part)["verse"] == pytest.approx(0.75, abs=0.02)
    assert token_shares(dataset, order)["rest"] == 0
    counts = np.bincount(order, minlength=62)
    assert counts[:50].max() - counts[:50].min() <= 1
    assert counts[60] == 0


def test_mixture_depends_on_the_seed_alone(tmp_path) -> None:
    dataset = _two_domains(tmp_path)
    orders = [mixed_order(dataset, {"verse": 0.5, "prose": 0.5}, 900, seed).tolist() for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_wrong_shares_are_one_clear_error(tmp_path) -> None:
    dataset = _two_domains(tmp_path)
    with pytest.raises(DataError, match="expected labels among verse, prose, rest, got 'song'"):
        mixed_order(dataset, {"song": 1}, 10)
    for shares in ({}, {"verse": 0.0}):
        with pytest.raises(DataError, match="expected a positive share"):
            mixed_order(dataset, shares, 10)


def test_records_become_documents_with_an_end_mark(tmp_path) -> None:
    records = [Record("春眠[MASK]", "a", domain="verse"), Record("眠", "b", domain="ci")]
    tokenizer = train_character([record.text for record in records], min_count=1)
    dataset = tokenize_records(records, tokenizer, tmp_path / "a.bin")
    assert [tokenizer.decode(document, keep_special=True) for document in dataset] == ["春眠[MASK]<|endoftext|>",
                                                                                        "眠<|endoftext|>"]
    assert len(dataset[0]) == 9
    assert (dataset.tokenizer, dataset.domains) == (tokenizer.fingerprint(), ("verse", "ci"))
