"""GLM's command tokens: names, surface forms, and the ids that they have in published vocabularies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from ..errors import DataError

SURFACES: dict[str, str] = {
    "pad": "<|endoftext|>", "unk": "[UNK]", "enc": "[CLS]", "sep": "[SEP]", "mask": "[MASK]", "smask": "[sMASK]",
    "gmask": "[gMASK]", "sop": "<|startofpiece|>", "eop": "<|endofpiece|>", "dblock": "[dBLOCK]",
}
"""Surface form by name. `eos` is `pad`: GLM gives both one id."""


def checked_surfaces(surfaces: Iterable[str]) -> list[str]:
    """Return a user's own special tokens; raise if one is empty, which would stand between any two characters."""
    found = list(surfaces)
    if any(not surface.strip() for surface in found):
        raise DataError("tokenizer train: own tokens: expected visible text in each, got an empty one. Leave it out.")
    return found


ALIASES: dict[str, str] = {
    "eos": "pad", "[pad]": "pad", "[PAD]": "pad", "[ENC]": "enc", "cls": "enc", "ENC": "enc", "MASK": "mask",
    "sMASK": "smask", "gMASK": "gmask", "dBLOCK": "dblock",
}
MASK_NAMES = ("mask", "smask", "gmask")


@dataclass(frozen=True, slots=True)
class CommandTokens:
    """The id of every command token; None where a vocabulary has none. `eos` is always `pad`."""

    pad: int
    unk: int | None = None
    enc: int | None = None
    sep: int | None = None
    mask: int | None = None
    smask: int | None = None
    gmask: int | None = None
    sop: int | None = None
    eop: int | None = None
    dblock: int | None = None

    def ids(self) -> dict[str, int]:
        """Return the ids by name, without the tokens that are not there."""
        return {name: number for name, number in asdict(self).items() if number is not None}

    def without_text(self) -> frozenset[int]:
        """Return the ids that stand for no text and end nothing: all but those of pad (which is eos) and eop.

        >>> sorted(CommandTokens(pad=0, unk=1, mask=2, sop=3, eop=4).without_text())
        [1, 2, 3]
        """
        return frozenset(self.ids().values()) - {self.pad, self.eop}

    def checked(self) -> CommandTokens:
        """Return the tokens themselves, or raise if two commands that must differ have one id."""
        owner: dict[int, str] = {}
        for name, number in self.ids().items():
            if number in owner and {name, owner[number]} not in _SHARED:
                raise DataError(
                    f"tokenizer: special ids: expected a different id for {SURFACES[owner[number]]} and "
                    f"{SURFACES[name]}, both are {number}. This is the legacy layout of the Chinese vocabulary; pass "
                    "fix_command_token=True to use the repaired one ([gMASK] 50009, [dBLOCK] 50010)."
                )
            owner.setdefault(number, name)
        return self


# RoBERTa's vocabulary ends a text with its separator.
_SHARED = ({"pad", "sep"},)


@dataclass(frozen=True, slots=True)
class Layout:
    """A published vocabulary: its command tokens, and its size padded to a multiple of 128."""

    tokens: CommandTokens
    padded_size: int


LAYOUTS: dict[str, Layout] = {
    "bert": Layout(CommandTokens(pad=0, unk=100, enc=101, sep=102, mask=103, sop=30522, eop=30523, gmask=30524,
                                 smask=30525), 30592),
    "gpt2": Layout(CommandTokens(pad=50256, sop=50257, eop=50258, enc=50259, mask=50260, sep=50261, unk=50262,
                                 gmask=50263, smask=50264, dblock=50265), 50304),
    "roberta": Layout(CommandTokens(pad=2, enc=0, sep=2, unk=3, mask=50264, sop=50265, eop=50266), 50304),
    "chinese": Layout(CommandTokens(pad=50000, sep=50001, enc=50002, mask=50003, unk=50004, sop=50006, eop=50007,
                                    smask=50008, gmask=50009, dblock=50010), 50048),
}


def command_layout(name: str, legacy: bool = False, fix_command_token: bool = False) -> Layout:
    """Return a published layout by name.

    Args:
        name: `bert`, `gpt2`, `roberta` or `chinese`.
        legacy: the vocabulary uses the old Chinese numbering, in which [gMASK] and the end of a piece collide.
        fix_command_token: use the repaired numbering in place of the legacy one.

    Raises:
        DataError: unknown name, or a collision that is not asked to be repaired.
    """
    if name not in LAYOUTS:
        raise DataError(f"tokenizer: layout: expected one of {', '.join(LAYOUTS)}, got '{name}'. Choose one of them.")
    layout = LAYOUTS[name]
    if legacy and not fix_command_token and name == "chinese":
        layout = replace(layout, tokens=replace(layout.tokens, gmask=50007, dblock=50009))
    return replace(layout, tokens=layout.tokens.checked())
