"""Objects compiled for one instruction set define nothing that the linker could hand to code for another.

Everything visible has wudao::<isa>:: in its name (an instantiation over such a type has too), and nothing runs at load
time: a static initialiser in an AVX-512 object would kill an older machine before anything could choose.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from structure.objects import Symbol, objects_of, symbols_of

ROOT = Path(__file__).parents[2]
HARMLESS = ("DW.ref.",)  # a pointer to the exception personality, the same for everybody


def offences(isa: str, symbols: list[Symbol]) -> list[str]:
    mangled = f"5wudao{len(isa)}{isa}"  # nm cannot read some names of lambdas inside templates
    foreign = [s for s in symbols if f"wudao::{isa}::" not in s.readable and mangled not in s.name]
    out = [s.readable for s in foreign if s.defined and s.external]
    out = [name for name in out if not name.startswith(HARMLESS)]
    return out + [s.readable for s in symbols if s.name.startswith(("_GLOBAL__sub_I", "__cxx_global_var_init"))]


def test_isa_objects_keep_to_their_namespace(build: Path) -> None:
    objects = [o for o in objects_of(build, ROOT) if o.isa]
    tables = {o.isa for o in objects if any("table" in s.readable for s in symbols_of(o.path) if s.defined)}
    assert tables == {o.isa for o in objects} and tables
    wrong = [f"{o.isa} {o.source}: {name}" for o in objects for name in offences(o.isa, symbols_of(o.path))]
    assert wrong == []


PLANTED = {
    "template of the standard library": "#include <map>\n"
    "namespace wudao::avx2 { int f(int n) { std::map<int, int> m; while (n-- > 0) m[n] = 1; return m[0]; } }",
    "inline function": "inline __attribute__((noinline)) float shared(float x) { return x * x + 1; }\n"
    "namespace wudao::avx2 { float f(float x) { return shared(x); } }",
    "function outside": "namespace wudao { int helper() { return 1; } }",
    "other level": "namespace wudao::avx512 { int f() { return 1; } }",
    "object with a constructor": "struct S { S(); int x; };\nnamespace wudao::avx2 { extern S s; S s; }",
}


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_planted_symbol_is_found(tmp_path: Path, name: str) -> None:
    assert offences("avx2", compiled(tmp_path, PLANTED[name])) != []


def test_clean_object_passes(tmp_path: Path) -> None:
    source = (
        "#include <cmath>\nnamespace wudao::avx2 { extern const int table; const int table = 1;\n"
        "float f(float x) { return std::sqrt(x); } }"
    )
    assert offences("avx2", compiled(tmp_path, source)) == []


def compiled(folder: Path, source: str) -> list[Symbol]:
    (folder / "planted.cpp").write_text(source)
    command = ["c++", "-std=c++20", "-O1", "-fno-math-errno", "-c", "planted.cpp", "-o", "planted.o"]
    subprocess.run(command, check=True, cwd=folder)
    return symbols_of(folder / "planted.o")
