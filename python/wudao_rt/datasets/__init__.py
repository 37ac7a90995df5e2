"""Where samples come from. Every batch is a function of the run's seed and the step alone."""

from wudao_rt.datasets.packed import PackedSource
from wudao_rt.datasets.rows import Rows, Source, rows_of
from wudao_rt.datasets.text import TextSource
from wudao_rt.datasets.verse import VERSE_TOKENS, VerseSource, report_rows, verse_prompt

__all__ = ["VERSE_TOKENS", "PackedSource", "Rows", "Source", "TextSource", "VerseSource", "report_rows", "rows_of",
           "verse_prompt"]
