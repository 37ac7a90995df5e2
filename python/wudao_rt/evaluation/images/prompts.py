"""What is drawn: texts of things that were learned, that were learned in other skin tones, and that never were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wudao_rt.data.pictures import PictureRecord, Pictures
from wudao_rt.evaluation.images.held_out import caption, languages, spaced
from wudao_rt.ops.types import Array

SEEN, TONES, UNSEEN, ALL = "seen", "skin tones", "unseen", "all"


@dataclass(frozen=True, eq=False)
class Prompts:
    """Hold what is drawn of one group.

    Args:
        group: SEEN, TONES, UNSEEN, or ALL of them.
        texts: P of them, languages in turn.
        records: what each asks for.
        real: places in the corpus of the pictures that they name, by every vendor.
    """

    group: str
    texts: list[str]
    records: list[PictureRecord]
    real: Array

    @property
    def bases(self) -> list[str]:
        """What each shows: the clusters of intervals."""
        return [record.base for record in self.records]


def all_prompts(groups: Sequence[Prompts]) -> Prompts:
    """Return the texts of all groups as one."""
    return Prompts(ALL, [text for one in groups for text in one.texts], [r for one in groups for r in one.records],
                   np.concatenate([one.real for one in groups]))


def prompts_of(pictures: Pictures, split: str, limit: int = 0) -> list[Prompts]:
    """Return the groups that a corpus has anything of.

    UNSEEN are the bases of the split, without skin tones; SEEN as many bases of `train`, evenly spaced in the order of
    the corpus; TONES the skin tones that were held out of bases that were learned (the split `skin_tone`).

    Args:
        pictures: prepared ones.
        split: held-out one.
        limit: texts of each group at most; 0: all, 128 of SEEN and TONES.
    """
    unseen = _group(UNSEEN, pictures, split, False, limit)
    count = limit or (len(unseen.texts) or 128)
    found = [_group(SEEN, pictures, "train", False, count), _group(TONES, pictures, "skin_tone", True, count), unseen]
    return [one for one in found if one.texts]


def _group(group: str, pictures: Pictures, split: str, tones: bool, count: int) -> Prompts:
    if split not in pictures.about["splits"]:  # type: ignore[operator]  # a table of counts
        return Prompts(group, [], [], np.zeros(0, np.int64))
    places: dict[str, list[int]] = {}
    for place in pictures.indices(split):
        record = pictures.records[place]
        if record.skin_tone == tones:
            places.setdefault(record.unified or record.base, []).append(int(place))
    kept = spaced(list(places), count)
    records = [pictures.records[places[name][0]] for name in kept]
    texts = in_turn(records)
    named = [place for place, text in enumerate(texts) if text]
    real = [place for at in named for place in places[kept[at]]]
    return Prompts(group, [texts[at] for at in named], [records[at] for at in named], np.array(real, np.int64))


def in_turn(records: Sequence[PictureRecord]) -> list[str]:
    """Return a text of each record, in one language after the other; in any other where it has none in that one."""
    known = languages(list(records))
    found = []
    for place, record in enumerate(records):
        turns = [known[(place + turn) % len(known)] for turn in range(len(known))]
        found.append(next((text for language in turns if (text := caption(record, language))), ""))
    return found
