"""Your own text: read files and folders, remove duplicates, hold a little out.

    from wudao_rt.data.own_text import prepare_files

    corpus = prepare_files(["my_texts/"], folder="runs/data", field="text")  # -> PreparedCorpus
    corpus.card["removed"], corpus.card["ignored_files"]
"""

from .duplicates import Duplicates, find_duplicates
from .prepare import prepare_files
from .reading import SourceText, find_files, read_files

__all__ = ["Duplicates", "SourceText", "find_duplicates", "find_files", "prepare_files", "read_files"]
