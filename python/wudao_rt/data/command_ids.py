"""From a tokenizer's command tokens to the ids that the objectives write."""

from __future__ import annotations

from wudao_rt.data.blanks import SpecialIds
from wudao_rt.data.tokenizer import Tokenizer
from wudao_rt.errors import ConfigError


def special_ids(tokenizer: Tokenizer) -> SpecialIds:
    """Return the command-token ids of a tokenizer.

    Raises:
        ConfigError: the vocabulary lacks one that GLM needs.
    """
    c = tokenizer.commands
    for name in ("enc", "mask", "sop", "eop"):
        if getattr(c, name) is None:
            raise ConfigError(f"tokenizer: {name}: expected an id, the vocabulary has none. Use a GLM vocabulary.")
    return SpecialIds(eos=c.pad, cls=c.enc, mask=c.mask, sop=c.sop, eop=c.eop, smask=c.smask, gmask=c.gmask,
                      dblock=c.dblock, sep=c.sep)
