"""Poems: a form tag, sometimes title and author, then the whole poem left to right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import log

import numpy as np

from wudao_rt.config import DataTable, TrainTable
from wudao_rt.data import DataError, Record
from wudao_rt.data.blanks.keys import Stream, generator
from wudao_rt.data.command_ids import special_ids
from wudao_rt.data.tokenizer import Tokenizer
from wudao_rt.datasets.epochs import Epochs
from wudao_rt.datasets.prompted import prompted_rows
from wudao_rt.datasets.ragged import Ragged
from wudao_rt.datasets.rows import Rows

TITLE, AUTHOR = "<题>", "<作者>"
FORMS = ("五绝", "七绝", "五律", "七律", "词")
VERSE_TOKENS = (*(f"<{form}>" for form in FORMS), TITLE, AUTHOR)
"""Special tokens that a tokenizer for verse must know: one for each form, one before a title, one before an author."""


def verse_prompt(form: str, title: str = "", author: str = "") -> str:
    """Return the prompt that asks for a poem, in the layout that training uses.

    Example:
        >>> verse_prompt("五绝", title="春望")
        '<五绝><题>春望[gMASK]'
    """
    return f"<{form}>" + (TITLE + title if title else "") + (AUTHOR + author if author else "") + "[gMASK]"


class VerseSource:
    """Make samples [CLS] form (title) (author) [gMASK] | sop poem eos.

    A batch holds poems of one form, all with or all without title and author, so that rows are hardly padded.

    Args:
        records: poems to learn from.
        held_out: poems to report on, by form tag alone.
        tokenizer: knows VERSE_TOKENS.
        data, train: tables of the config.
    Raises:
        DataError: no poem of the wanted forms, or one that does not fit into `train.length`.
    """

    def __init__(self, records: Sequence[Record], held_out: Sequence[Record], tokenizer: Tokenizer, data: DataTable,
                 train: TrainTable) -> None:
        self.tokenizer = tokenizer
        self._data, self._train = data, train
        chosen = [record for record in records if record.form in (data.forms or FORMS)]
        self._poems = _Poems(chosen, tokenizer, data.longest_title, train.length)
        self._held_out = held_out
        self._epochs = self._mixture("repeats", Stream.PACK)
        self._finish = self._mixture("finish_repeats", Stream.FINISH)
        self.prompts = tuple(verse_prompt(form) for form in FORMS if form in self._poems.forms)

    def _mixture(self, key: str, stream: Stream) -> Epochs:
        groups = self._poems.groups(getattr(self._data, key))
        if not groups:
            raise DataError(f"verse: data.{key}: expected to leave a poem of the chosen forms, it leaves none. Raise "
                            "one of its numbers.")
        return Epochs(groups, self._train.batch, self._train.seed, stream)

    def batch(self, step: int, done: float = 0.0) -> Rows:
        """Return the batch of a step: poems of one form; a function of (seed, step, done) alone.

        The last `data.finish` of the run has a mixture of its own, which is met while the learning rate falls.
        """
        epochs = self._finish if done > 1 - self._data.finish else self._epochs
        picks = epochs.records(step)
        draws = generator(self._train.seed, Stream.BATCH, step).random(2)
        title, author = draws < (self._data.title_prob, self._data.author_prob)
        return self._poems.rows(picks.tolist(), bool(title), bool(author))

    def held_out(self) -> Iterator[Rows]:
        """Yield the held-out poems, from the form tag alone."""
        return report_rows(self._held_out, self.tokenizer, self._train.batch)


def report_rows(records: Sequence[Record], tokenizer: Tokenizer, batch: int) -> Iterator[Rows]:
    """Yield poems by form: the whole body and its end, left to right from the form tag alone, no title, no author.

    A character that the vocabulary lacks costs ln(number of such characters) beyond the unknown token's own cost:
    naming which of them it is.
    """
    poems = _Poems(records, tokenizer)
    cost = log(max(1, len(_unknown_characters(records, tokenizer))))
    for group in poems.groups({}):
        for start in range(0, group.size, batch):
            part = group[start : start + batch].tolist()
            unknown = sum(int((poems.bodies[i] == tokenizer.commands.unk).sum()) for i in part)
            yield replace(poems.rows(part), extra_nats=cost * unknown)


def _unknown_characters(records: Sequence[Record], tokenizer: Tokenizer) -> set[str]:
    characters = sorted(set("".join(record.text for record in records)))
    ids = tokenizer.encode_batch(characters, parse_special=False)
    return {c for c, found in zip(characters, ids, strict=True) if found == [tokenizer.commands.unk]}


class _Poems:
    def __init__(
        self, records: Sequence[Record], tokenizer: Tokenizer, longest_title: int = 0, length: int = 1 << 30
    ) -> None:
        if not records:
            raise DataError("verse: records: expected at least one poem, got none. Check data.corpora and data.forms.")
        self.forms = tuple(record.form for record in records)
        self.sources = tuple(record.source for record in records)
        self._special, self._length, self._longest_title = special_ids(tokenizer), length, longest_title
        self._title, self._author = (tokenizer.token_id(name) for name in (TITLE, AUTHOR))
        self._tags = {form: tokenizer.token_id(f"<{form}>") for form in set(self.forms)}
        self.bodies = Ragged(tokenizer.encode_batch([r.text for r in records], parse_special=False))
        self._titles = Ragged(tokenizer.encode_batch([record.title for record in records], parse_special=False))
        self._authors = Ragged(tokenizer.encode_batch([record.author for record in records], parse_special=False))
        longest = int(self.bodies.sizes.max()) + 4
        if longest > length:
            raise DataError(f"verse: train.length: expected at least {longest} tokens for the longest poem, got "
                            f"{length}. Raise train.length or choose data.forms.")

    def groups(self, repeats: dict[str, int]) -> list[np.ndarray]:
        """Return the indices of each form, as often as `repeats` says of source and form, or of the source."""
        pairs = zip(self.sources, self.forms, strict=True)
        times = np.array([repeats.get(f"{source} {form}", repeats.get(source, 1)) for source, form in pairs])
        indices = np.repeat(np.arange(len(self.forms)), times)
        forms = np.array(self.forms)[indices]
        found = [indices[forms == form] for form in FORMS]
        return [group for group in found if group.size]

    def rows(self, indices: list[int], title: bool = False, author: bool = False) -> Rows:
        """Return a batch of poems."""
        conditions = [self._condition(i, title, author) for i in indices]
        return prompted_rows(conditions, [self.bodies[i] for i in indices], self._special)

    def _condition(self, index: int, title: bool, author: bool) -> np.ndarray:
        """Return the tag, and title and author where they are wanted and short enough."""
        parts = [self._tags[self.forms[index]]]
        room = self._length - int(self.bodies.sizes[index]) - 4
        wanted = ((title, self._title, self._titles), (author, self._author, self._authors))
        for give, mark, texts in wanted:
            size = int(texts.sizes[index])
            if give and 0 < size <= self._longest_title and size < room:
                parts += [mark, *texts[index].tolist()]
                room -= size + 1
        return np.array(parts, np.int32)
