"""The ids of GLM's command tokens, as the objectives need them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from wudao_rt.errors import ConfigError


@dataclass(frozen=True)
class SpecialIds:
    """Name the command tokens that the builders write.

    Args:
        eos: end of a document; also the padding of texts.
        cls: begins each text ([CLS], ENC).
        mask: stands for a short blank.
        sop, eop: start and end of a piece of Part B.
        smask, gmask: stand for a sentence and for a left-to-right continuation; None means `mask`.
        dblock: stands for a hidden token of Part B; None when the vocabulary has none.
        sep: separates two parts of a task input; None when the vocabulary has none.
    Raises:
        ConfigError: two commands share an id, as gMASK and eop do in the legacy Chinese layout.
    """

    eos: int
    cls: int
    mask: int
    sop: int
    eop: int
    smask: int | None = None
    gmask: int | None = None
    dblock: int | None = None
    sep: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "smask", self.mask if self.smask is None else self.smask)
        object.__setattr__(self, "gmask", self.mask if self.gmask is None else self.gmask)
        self._refuse_collisions()

    @classmethod
    def from_commands(cls, ids: Mapping[str, int]) -> SpecialIds:
        """Take the ids of a tokenizer, by their names there: `pad` is eos, `enc` is [CLS], the rest as here.

        Raises:
            ConfigError: a command that every objective needs is missing.
        Example:
            >>> SpecialIds.from_commands({"pad": 0, "unk": 9, "enc": 1, "mask": 2, "sop": 3, "eop": 4}).cls
            1
        """
        missing = [name for name in ("pad", "enc", "mask", "sop", "eop") if name not in ids]
        if missing:
            came = ", ".join(missing)
            raise ConfigError(f"SpecialIds: ids: expected pad, enc, mask, sop and eop, got none for {came}. Add them.")
        named = {"pad": "eos", "enc": "cls"}
        known = {field.name for field in fields(cls)}
        given = {named.get(name, name): token for name, token in ids.items()}
        return cls(**{name: token for name, token in given.items() if name in known})

    def _refuse_collisions(self) -> None:
        names: dict[int, str] = {}
        for name in ("eos", "cls", "mask", "sop", "eop", "smask", "gmask", "dblock"):
            token = getattr(self, name)
            if token is None or (name in ("smask", "gmask") and token == self.mask):
                continue  # a missing dBLOCK, or a vocabulary with one mask for all
            if token in names:
                raise ConfigError(
                    f"SpecialIds: {name}: expected an id of its own, got {token}, which is {names[token]}. "
                    "Use the corrected command-token layout of this vocabulary."
                )
            names[token] = name

    def with_one_mask(self) -> SpecialIds:
        """Return the same ids with [MASK] in place of the sentence and generation masks (no task masks)."""
        return replace(self, smask=self.mask, gmask=self.mask)
