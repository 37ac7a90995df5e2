"""An evaluation of pictures, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from wudao_rt.cogview import CogView
from wudao_rt.config.settings import refuse_unknown
from wudao_rt.data import DataError
from wudao_rt.data.pictures import Pictures
from wudao_rt.errors import ConfigError
from wudao_rt.evaluation.classifier.classifier import Classifier
from wudao_rt.evaluation.classifier.folder import emoji_cnn
from wudao_rt.evaluation.images.completion import completions
from wudao_rt.evaluation.images.drawing import Drawn, Sampling, draw, shifted_codes, together
from wudao_rt.evaluation.images.held_out import PictureSet, chosen, held_out
from wudao_rt.evaluation.images.judged import accuracies, likeness
from wudao_rt.evaluation.images.likelihood import measure_likelihood
from wudao_rt.evaluation.images.memorisation import memorised
from wudao_rt.evaluation.images.progress import Watch, silent
from wudao_rt.evaluation.images.prompts import in_turn, prompts_of
from wudao_rt.evaluation.images.reconstruction import measure_tokenizer, write_grid
from wudao_rt.evaluation.images.result import Result
from wudao_rt.evaluation.images.retrieval import measure_retrieval, one_of_each_base
from wudao_rt.evaluation.images.sheets import write_sheet_of

if TYPE_CHECKING:
    from wudao_rt.image.tokenizer import VQTokenizer

PARTS = ("tokenizer", "likelihood", "retrieval", "drawing")
SPLITS = ("report", "validation", "untouched")


class Evaluation:
    """Measure an image tokenizer, or a CogView with its tokenizers, on held-out pictures.

    Args:
        model: what is measured. A tokenizer has the part `tokenizer` only.
        pictures: prepared ones, the corpus that it learned from.
        split: which of them are asked for: `report`, `validation` or `untouched`.
        limit: bases at most, evenly spaced in the order of the corpus; 0: all.
        seed: of everything that is drawn.
        watch: is told how far long work is.
        sampling: how pictures are drawn; its seed is this one.
        sheets: folder for sheets of what was drawn; None: none are written.
        classifier: folder of emoji-cnn; None: in the cache. It is trained where it is not there yet.

    Raises:
        ConfigError: another split, or a CogView without tokenizers.
        wudao_rt.data.DataError: no such pictures, or of another size than the model's.
    """

    def __init__(self, model: CogView | VQTokenizer, pictures: Pictures, split: str = "report", *, limit: int = 0,
                 seed: int = 0, watch: Watch = silent, sampling: Sampling | None = None,
                 classifier: Path | None = None, sheets: Path | None = None) -> None:
        refuse_unknown(split, SPLITS, "eval image: --split")
        self.model = model if isinstance(model, CogView) else None
        if isinstance(model, CogView) and (model.tokenizer is None or model.image_tokenizer is None):
            raise ConfigError("eval image: model: expected one with tokenizers of text and of pictures, it lacks one. "
                              "Load the whole folder.")
        tokenizer = model.image_tokenizer if isinstance(model, CogView) else model
        assert tokenizer is not None
        self.tokenizer, self.pictures, self.split = tokenizer, pictures, split
        self.limit, self.seed, self.watch = limit, seed, watch
        self.sampling = replace(sampling or Sampling(), seed=seed)
        self._classifier, self._sheets = classifier, sheets
        self._check_size()

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that the model has."""
        return PARTS if self.model else PARTS[:1]

    @cached_property
    def held_out(self) -> PictureSet:
        """The pictures that are asked for."""
        return held_out(self.pictures, self.tokenizer, self.split, self.limit)

    @cached_property
    def compared(self) -> PictureSet:
        """The same, of at least two things, so that captions can be exchanged."""
        if len(set(self.held_out.bases)) < 2:
            raise ConfigError("eval image: --limit: expected pictures of at least two things, got one. Raise it, or "
                              "choose another split.")
        return self.held_out

    @cached_property
    def learned(self) -> PictureSet:
        """The pictures that were learned from."""
        return chosen(self.pictures, self.tokenizer, self.pictures.indices("train"))

    def run(self, parts: Sequence[str] = ()) -> Iterator[Result]:
        """Yield the results of these parts, in this order; of all that the model has if none is named.

        Raises:
            ConfigError: an unknown part, or one that needs a CogView.
        """
        for part in parts:
            refuse_unknown(part, PARTS, "eval image: --part")
            if part not in self.parts:
                raise ConfigError(f"eval image: --part: expected tokenizer, for the model is an image tokenizer, got "
                                  f"{part}. Give a CogView for the other parts.")
        for part in dict.fromkeys(parts or self.parts):
            yield from self._measures[part]()

    def write_grid(self, file: Path) -> Path:
        """Write held-out pictures beside their reconstructions; see `reconstruction.write_grid`."""
        return write_grid(file, self.tokenizer, self.held_out)

    @property
    def _measures(self) -> dict[str, Callable[[], Iterator[Result]]]:
        return {"tokenizer": lambda: measure_tokenizer(self.tokenizer, self.held_out, self.seed),
                "likelihood": lambda: measure_likelihood(self._cogview, self.compared, self.learned.codes, self.seed,
                                                         self.watch),
                "retrieval": lambda: measure_retrieval(self._cogview, self.compared, self.seed, self.watch),
                "drawing": self._drawing}

    def _drawing(self) -> Iterator[Result]:
        """Yield what comes of drawing, group by group, and of going on with pictures that are begun."""
        classifier = emoji_cnn(self.pictures, self._classifier, watch=self.watch)
        learned = shifted_codes(self._cogview, self.pictures, self.watch)
        groups: list[Drawn] = []
        for prompts in prompts_of(self.pictures, self.split, self.limit):
            drawn = draw(self._cogview, prompts, self.pictures, self.sampling, self.watch)
            if self._sheets:
                write_sheet_of(self._sheets, drawn, self.seed)
            yield from self._accuracies(drawn, classifier)
            yield from likeness(drawn, classifier)
            yield from memorised(drawn, learned, self.seed)
            groups.append(drawn)
        if len(groups) > 1:
            yield from self._accuracies(together(groups), classifier)
        asked = self.compared.at(one_of_each_base(self.compared))
        yield from completions(self._cogview, asked, in_turn(asked.records), self.seed, self.watch)

    def _accuracies(self, drawn: Drawn, classifier: Classifier) -> Iterator[Result]:
        real = [self.pictures.records[place] for place in drawn.prompts.real]
        targets = {level: classifier.targets(real, level) for level in classifier.classes}
        return accuracies(drawn, classifier, targets, self.seed)

    @property
    def _cogview(self) -> CogView:
        assert self.model is not None  # `run` has seen to it
        return self.model

    def _check_size(self) -> None:
        pixels, size = self.tokenizer.config.pixels, self.pictures.size
        wanted = self.model.config.side * pixels if self.model else size - size % pixels
        if size != wanted:
            raise DataError(f"eval image: --corpus: expected pictures of {wanted} pixels, as the model has, got "
                            f"{size}. Give the corpus that it learned from.")
