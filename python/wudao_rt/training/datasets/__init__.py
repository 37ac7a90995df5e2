"""Where samples come from. Every batch is a function of the run's seed and the step alone."""

from wudao_rt.training.datasets.packed import PackedSource
from wudao_rt.training.datasets.rows import Rows, Source, rows_of
from wudao_rt.training.datasets.text import TextSource
from wudao_rt.training.datasets.verse import VERSE_TOKENS, VerseSource, report_rows, verse_prompt

__all__ = ["VERSE_TOKENS", "PackedSource", "Rows", "Source", "TextSource", "VerseSource", "report_rows", "rows_of",
           "verse_prompt"]
