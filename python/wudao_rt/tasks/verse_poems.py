"""Poems written by a verse model, and the same measures on written, real and shuffled ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wudao_rt.data.held_out import REPORT_BELOW, body_digest
from wudao_rt.data.record import Record
from wudao_rt.data.verse.measures import VerseReport, copied_lines, measure, shuffled
from wudao_rt.data.verse.tones import ToneClasses
from wudao_rt.datasets import verse_prompt
from wudao_rt.errors import InternalError
from wudao_rt.glm import GLM

QUATRAINS = ("五绝", "七绝")
TEMPERATURE, TOP_K = 0.8, 30
_LONGEST = 48  # a seven-character quatrain has 32 tokens; one that runs on is to be seen as such


@dataclass(frozen=True)
class Written:
    """Hold a poem as the model wrote it, and what was asked of it."""

    form: str
    title: str
    text: str


def write_by_title(model: GLM, titles: Sequence[tuple[str, str]], seed: int = 0) -> list[Written]:
    """Write one poem for each (title, form): the first sample, none is chosen."""
    prompts = [verse_prompt(form, title) for title, form in titles]
    found = _generate(model, prompts, 1, seed)
    return [Written(form, title, one) for (title, form), one in zip(titles, found, strict=True)]


def write_by_form(model: GLM, forms: Sequence[str] = QUATRAINS, each: int = 100, seed: int = 0) -> list[Written]:
    """Write `each` poems of every form from the form tag alone, temperature 0.8, top-k 30."""
    found = _generate(model, [verse_prompt(form) for form in forms], each, seed)
    asked = [form for form in forms for _ in range(each)]
    return [Written(form, "", one) for form, one in zip(asked, found, strict=True)]


def _generate(model: GLM, prompts: list[str], samples: int, seed: int) -> list[str]:
    found = model.generate(prompts, max_new_tokens=_LONGEST, temperature=TEMPERATURE, top_k=TOP_K, num_samples=samples,
                           seed=seed)
    return [one.text for one in found]


@dataclass(frozen=True)
class Comparison:
    """Hold one measurement of three sets of poems.

    Args:
        written: by the model.
        real: held-out poems of people.
        mixed: the held-out poems with the hanzi of each in random order.
    """

    written: VerseReport
    real: VerseReport
    mixed: VerseReport


def compare(written: Sequence[Written], held_out: Sequence[Record], known: frozenset[str], tones: ToneClasses,
            seed: int = 0) -> Comparison:
    """Measure written poems, and held-out ones as they are and shuffled.

    Args:
        written: poems and the forms they were to have.
        held_out: records of the split `report`.
        known: `training_lines(...)`: every line that the model may have learned from.
        tones: `ToneClasses.load(verse)`.
        seed: of the shuffling.
    """
    texts, forms = [record.text for record in held_out], [record.form for record in held_out]
    mixed = [shuffled(text, seed + i) for i, text in enumerate(texts)]
    mine = measure([poem.text for poem in written], [poem.form for poem in written], known, tones)
    return Comparison(mine, measure(texts, forms, known, tones), measure(mixed, forms, known, tones))


def require_held_out(records: Sequence[Record], known: frozenset[str]) -> None:
    """Check once more that what is measured with was held out, by the hash of its body and by its lines.

    Args:
        records: poems to report on.
        known: `training_lines(...)`.

    Raises:
        InternalError: the body's SHA-256 begins with a byte of 0x04 or more, or a line stands in a training poem.
    """
    for record in records:
        byte, shared = body_digest(record.text)[0], copied_lines([record.text], known)
        if byte >= REPORT_BELOW or shared:
            came = f"the line {shared[0]} of a training poem" if shared else f"a hash that begins with 0x{byte:02x}"
            raise InternalError(f"tasks: held-out poems: expected none that could be learned from, got {record.text} "
                                f"with {came}. Prepare the corpus anew; if that does not help, report this.")
