"""The import, and loading a model up to its first token, with a warm page cache."""

from __future__ import annotations

from wudao_rt.bench.case import Case, Rival
from wudao_rt.bench.cases.generation import llama_rivals, spec, texts
from wudao_rt.bench.shapes import shape

_PROMPT = 16
_MEASURED = ("float32", "bfloat16")


def cases(quick: bool) -> list[Case]:
    """Return both imports and loading in every dtype."""
    imports = [_import("import wudao_rt", "import wudao_rt"),
               _import("import wudao_rt and its engine", "import wudao_rt; wudao_rt.GLM")]
    return imports + [_first_token(dtype) for dtype in _MEASURED if not quick or dtype != "float32"]


def _import(name: str, code: str) -> Case:
    numpy = Rival("", "ours", "numpy", {"code": "import numpy"})
    return Case("load", name, "none", "s", 0, {"code": code}, lambda folder: None, (numpy,), {"ended": 0.0},
                worker="imports")


def _first_token(dtype: str) -> Case:
    config = shape("91.7M")
    return Case("load", "91.7M, first token", dtype, "s", 0, spec(config, dtype, length=_PROMPT),
                texts(config, 1, _PROMPT), llama_rivals(dtype, flash=False), {})
