"""Ids of the joint vocabulary: codes of pictures, then tokens of text, then commands."""

from __future__ import annotations

from wudao_rt.config.cogview import COMMANDS, CogViewConfig
from wudao_rt.config.settings import refuse_unknown

NAMES = ("PAD", "BOI1", "BOI2", "BOI3", "EOI1", "EOI2", "EOI3", "ROI1", "ROI2", "ROI3", "SEP", "MASK", "CLS", "ENC",
         "TINY", "SMALL", "BASE", "BIG", *(f"POS{number}" for number in range(9)))
"""Commands in the order of their ids: a picture lies between BOI and EOI, its text behind ROI."""

assert len(NAMES) == COMMANDS

_SIZES = {8: "TINY", 16: "SMALL", 32: "BASE", 64: "BIG"}


class JointIds:
    """Say which ids of a CogView mean what.

    Args:
        config: its shape.

    Source: CogView (Ding et al., NeurIPS 2021), section 2.2, and its released tokenizer.
    Example:
        >>> ids = JointIds(CogViewConfig.preset("4b"))
        >>> ids.command("PAD"), ids.command("POS8"), ids.size_token
        (58192, 58218, 58208)
    """

    def __init__(self, config: CogViewConfig) -> None:
        self.codes = range(config.image_codes)
        self.text = range(config.image_codes, config.image_codes + config.text_tokens)
        self.commands = range(self.text.stop, self.text.stop + COMMANDS)
        self.size_token = self.command(_SIZES[config.side])

    def command(self, name: str) -> int:
        """Return the id of a command.

        Raises:
            ConfigError: there is no such command.
        """
        refuse_unknown(name, NAMES, "cogview: command")
        return self.commands.start + NAMES.index(name)
