"""Nothing in the library prints, exits or aborts; nm proves it for every object file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from structure.objects import Symbol, objects_of, symbols_of

ROOT = Path(__file__).parents[2]

BANNED = {
    *("printf", "fprintf", "vprintf", "vfprintf", "__printf_chk", "__fprintf_chk", "puts", "putchar"),
    *("fputs", "perror"),
    *("stdout", "stderr", "exit", "_exit", "_Exit", "quick_exit", "abort", "__assert_fail"),
    *("_ZSt4cout", "_ZSt4cerr", "_ZSt4clog", "_ZSt9terminatev"),
}

# What a header of the standard library brings along although we never get there.
ALLOWED = {
    ("cpp/wudao/base/thread_pool.cpp", "_ZSt9terminatev"): "inside ~std::thread, for threads that nobody joined",
}


def banned_in(source: str, symbols: list[Symbol]) -> list[str]:
    used = [s.name for s in symbols if not s.defined and s.name in BANNED]
    return [f"{source}: {name}" for name in used if (source, name) not in ALLOWED]


def test_engine_never_prints_or_exits(build: Path) -> None:
    objects = list(objects_of(build, ROOT))
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "cpp/wudao/base").glob("*.cpp")}
    assert sources <= {o.source for o in objects}
    pool = next(o for o in objects if o.source.endswith("thread_pool.cpp"))
    assert any(s.defined and s.readable.startswith("wudao::ThreadPool::run(") for s in symbols_of(pool.path))
    assert [wrong for o in objects for wrong in banned_in(o.source, symbols_of(o.path))] == []


PLANTED = {
    "printf": '#include <cstdio>\nvoid f(int x) { std::printf("%d", x); }',
    "puts": '#include <cstdio>\nvoid f() { std::printf("one\\n"); }',
    "stderr": '#include <cstdio>\nvoid f() { std::fputc(65, stderr); }',
    "_ZSt4cout": "#include <iostream>\nvoid f() { std::cout << 1; }",
    "_ZSt4cerr": "#include <iostream>\nvoid f() { std::cerr << 1; }",
    "exit": "#include <cstdlib>\nvoid f() { std::exit(1); }",
    "abort": "#include <cstdlib>\nvoid f() { std::abort(); }",
    "__assert_fail": "#include <cassert>\nvoid f(int x) { assert(x); }",
    "_ZSt9terminatev": "#include <exception>\nvoid f() { std::terminate(); }",
}


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_planted_call_is_found(tmp_path: Path, name: str) -> None:
    source = tmp_path / "planted.cpp"
    source.write_text(PLANTED[name])
    subprocess.run(["c++", "-std=c++20", "-O2", "-c", str(source), "-o", str(tmp_path / "planted.o")], check=True)
    assert f"planted.cpp: {name}" in banned_in("planted.cpp", symbols_of(tmp_path / "planted.o"))
