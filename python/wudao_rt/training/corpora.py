"""From [data] to the tokenizer and the source of batches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from wudao_rt.config import CogViewConfig, Config, GLMConfig
from wudao_rt.data import PreparedCorpus, Record, prepare
from wudao_rt.data.own_text import prepare_files
from wudao_rt.data.pictures import Pictures, fixed_captions
from wudao_rt.data.tokenizer import Tokenizer
from wudao_rt.datasets import VERSE_TOKENS, PackedSource, Source, TextSource, VerseSource
from wudao_rt.datasets.pictures import PictureSource
from wudao_rt.errors import ConfigError
from wudao_rt.image.folder import require_tokenizer
from wudao_rt.image.tokenizer import VQTokenizer
from wudao_rt.model_folder import IMAGE_TOKENIZER
from wudao_rt.training.tokenizers import beginning, make_tokenizer

OWN_TEXT = "data"
_VOCABULARY_CHARACTERS = 4_000_000


class Corpora:
    """Hold the texts of a run.

    Args:
        config: the run's.
        run: run folder; own text is kept there, prepared, so that a resumed run reads the same, and so is the image
            tokenizer of a run on pictures.
    """

    image_tokenizer: VQTokenizer | None = None

    def __init__(self, config: Config, run: Path) -> None:
        self._config = config
        data = config.data
        if data.source == "pictures":
            own = Path(data.corpora[0])
            self._pictures = Pictures(own if own.is_dir() else prepare(data.corpora[0]).path)
            self.image_tokenizer = _image_tokenizer(data.pictures.image_tokenizer, run)
        elif data.source == "text":
            self._train = [_own_text(config, run)]
        else:
            self._train = [prepare(name) for name in data.corpora]

    def tokenizer(self) -> Tokenizer:
        """Return the run's tokenizer: read from a folder, or trained on the split `train` alone."""
        own = VERSE_TOKENS if self._config.data.source == "verse" else ()
        return make_tokenizer(self._config.tokenizer, self._vocabulary_texts, own)

    def shape(self, tokenizer: Tokenizer) -> GLMConfig | CogViewConfig:
        """Return the shape of the run's model: that of the config, for the vocabularies at hand."""
        if self.image_tokenizer is None:
            return self._config.model.glm(vocab_size=tokenizer.vocab_size, unpadded_vocab_size=tokenizer.num_tokens)
        return self._config.model.cogview(
            text_tokens=tokenizer.num_tokens, image_codes=self.image_tokenizer.config.codes,
            image_tokenizer=self.image_tokenizer.fingerprint())

    def source(self, tokenizer: Tokenizer, shape: GLMConfig | CogViewConfig) -> Source:
        """Return the source of batches for a model of that shape."""
        data, train = self._config.data, self._config.train
        if self.image_tokenizer is not None and isinstance(shape, CogViewConfig):
            return PictureSource(self._pictures, tokenizer, self.image_tokenizer, shape, data, train)
        if data.source == "verse":
            report = [record for name in data.report for record in prepare(name).records("report")]
            return VerseSource(list(self.records("train")), report, tokenizer, data, train)
        if data.source == "text":
            return TextSource(self.texts("train"), self.texts("report"), tokenizer, data, train)
        shares = {label: share for corpus in self._train for label, share in corpus.card.get("shares", {}).items()}
        records = list(self.records("train"))
        return PackedSource([one.text for one in records], self.texts("report"), tokenizer, data, train,
                            [one.domain for one in records], shares)

    def texts(self, split: str) -> list[str]:
        """Return the texts of a split."""
        return [record.text for record in self.records(split)]

    def records(self, split: str) -> Iterator[Record]:
        """Yield the records of a split."""
        return chain.from_iterable(corpus.records(split) for corpus in self._train)

    def _vocabulary_texts(self) -> Iterator[str]:
        table = self._config.tokenizer
        if self.image_tokenizer is not None:
            return self._captions()
        corpora = [prepare(name) for name in table.corpora] or self._train
        texts = chain.from_iterable(corpus.texts("train") for corpus in corpora)
        return texts if table.kind == "character" else beginning(texts, _VOCABULARY_CHARACTERS)


    def _captions(self) -> Iterator[str]:
        for place in self._pictures.indices("train"):
            record = self._pictures.records[place]
            yield from record.captions
            for language in ("en", "zh"):
                yield from fixed_captions(record, language)


def _image_tokenizer(folder: str, run: Path) -> VQTokenizer:
    """Return the tokenizer that the run keeps; before its first step, the one that the config names."""
    kept = run / IMAGE_TOKENIZER
    if not kept.is_dir() and not folder:
        raise ConfigError("config: data.pictures.image_tokenizer: expected the folder of a trained image tokenizer, "
                          "got none. Make one with: wudao-rt image train-tokenizer emoji-vq.")
    tokenizer = require_tokenizer(str(kept if kept.is_dir() else folder))
    if not kept.is_dir():
        tokenizer.save(kept)
    return tokenizer


def _own_text(config: Config, run: Path) -> PreparedCorpus:
    data, folder = config.data, run / OWN_TEXT
    if (folder / "card.json").is_file():
        return PreparedCorpus("own-text", folder)
    near = data.near_duplicates if data.near_duplicates < 1 else None
    return prepare_files(data.paths, folder, data.field, near, data.held_out)
