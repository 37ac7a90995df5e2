"""Everything that the quickstart measures on a model, and the lines that say it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import mean

from wudao_rt.data.verse.measures import training_lines
from wudao_rt.data.verse.titles import DEMO_TITLES
from wudao_rt.data.verse.tones import ToneClasses
from wudao_rt.errors import InternalError
from wudao_rt.evaluation import HeldOut, verse
from wudao_rt.glm import GLM
from wudao_rt.quickstart.poems import Poems
from wudao_rt.tasks.verse_baseline import Unigram, unigram_loss
from wudao_rt.tasks.verse_order import Pair, preferred, true_against_shuffled
from wudao_rt.tasks.verse_poems import (
    Comparison,
    Written,
    compare,
    require_held_out,
    write_by_form,
    write_by_title,
)


@dataclass(frozen=True)
class Losses:
    """Held-out nats per token of the model and of the unigram baseline, over the same tokens."""

    model: float
    unigram: float
    tokens: int
    poems: int


def measure_losses(model: GLM, poems: Poems) -> Losses:
    """Compute the held-out loss of a model and of the baseline.

    Raises:
        InternalError: the two did not count the same tokens.
    """
    found = verse(model)
    base: HeldOut = baseline(poems)
    if (found["tokens"], found["n"]) != (base.tokens, base.n):
        raise InternalError(f"quickstart: held-out loss: expected {base.tokens} tokens of {base.n} poems, got "
                            f"{found['tokens']} of {found['n']}. Report this.")
    return Losses(found["nats_per_token"], base.nats_per_token, base.tokens, base.n)


def baseline(poems: Poems) -> HeldOut:
    """Return the unigram's loss on the held-out quatrains."""
    unigram = Unigram.fit(poems.quatrains.texts("train"), poems.vocabulary)
    return unigram_loss([record.text for record in poems.held_out], unigram, poems.vocabulary)


@dataclass(frozen=True)
class Measured:
    """Hold all measurements of a model.

    Args:
        losses: held-out.
        titles: poems by given titles.
        samples: poems of each form, from the form tag alone.
        comparison: of `samples` with held-out and shuffled poems.
        pairs: true against shuffled poems.
        train_seconds: of the training; 0 if there was none.
        about: further facts to write down: model, machine, cost.
    """

    losses: Losses
    titles: list[Written]
    samples: list[Written]
    comparison: Comparison
    pairs: list[Pair]
    train_seconds: float = 0.0
    about: dict[str, object] = field(default_factory=dict)

    def last_line(self) -> str:
        """Return the line that scripts read."""
        made = self.comparison.written
        return (f"held-out {self.losses.model:.2f} nats/token (unigram {self.losses.unigram:.2f}), "
                f"form {100 * made.form_rate:.1f} %, copied {100 * made.copy_rate:.2f} %, "
                f"train {self.train_seconds:.0f} s")

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return the comparison as a table: measure, written, real, shuffled."""
        sets = (self.comparison.written, self.comparison.real, self.comparison.mixed)
        return [
            ("poems", *(str(s.poems) for s in sets)),
            ("exactly in the form asked for", *(_percent(s.form_rate) for s in sets)),
            ("lines copied from training poems", *(_percent(s.copy_rate, 2) for s in sets)),
            ("characters that repeat within a poem", *(_percent(s.repeated_characters) for s in sets)),
            ("lines whose tones alternate", *(_percent(s.tone_alternation) for s in sets)),
        ]

    def order(self) -> list[tuple[str, str]]:
        """Return a true poem and its shuffled twin with their log-probabilities."""
        first = self.pairs[0]
        return [(first.poem, f"{first.poem_log_prob:.1f}"), (first.mixed, f"{first.mixed_log_prob:.1f}")]

    def order_of_all(self) -> str:
        """Return how all true poems fare against their twins, for people."""
        margin = mean(pair.margin for pair in self.pairs)
        return (f"of {len(self.pairs)} held-out poems the true one is likelier in {_percent(preferred(self.pairs))}, "
                f"by {margin:.1f} nats on average")

    def to_json(self) -> dict[str, object]:
        """Return plain values."""
        c = self.comparison
        return {
            "about": self.about, "losses": asdict(self.losses),
            "written": c.written.to_json(), "real": c.real.to_json(), "shuffled": c.mixed.to_json(),
            "true_preferred": preferred(self.pairs), "margin_nats": mean(pair.margin for pair in self.pairs),
            "train_seconds": self.train_seconds, "titles": [asdict(poem) for poem in self.titles],
            "samples": [asdict(poem) for poem in self.samples], "last_line": self.last_line(),
        }


def measure_model(
    model: GLM, poems: Poems, each: int, train_seconds: float = 0.0, about: dict[str, object] | None = None
) -> Measured:
    """Measure a model: losses, poems by title, `each` poems a form, tones, order.

    Args:
        model: a verse model.
        poems: what to measure with.
        each: poems of each form.
        train_seconds, about: carried into the result.

    Raises:
        InternalError: a poem that is measured with could have been learned from.
        DataError: the model's vocabulary is not one for verse.
    """
    known = training_lines(poems.verse, poems.quatrains)
    require_held_out(poems.held_out, known)
    losses = measure_losses(model, poems)
    samples = write_by_form(model, each=each)
    comparison = compare(samples, poems.held_out, known, ToneClasses.load(poems.verse))
    return Measured(losses, write_by_title(model, DEMO_TITLES), samples, comparison,
                    true_against_shuffled(model, poems.held_out), train_seconds, about or {})


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"
