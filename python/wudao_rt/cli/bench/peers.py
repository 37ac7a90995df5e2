"""wudao-rt bench train, attention, ...: us and our peers, turn by turn."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import click

from wudao_rt.cli.options import json_option

_ALONE = "none"
_EXAMPLES = {"moe": "64 experts", "train": "13.9M", "attention": "T 2048", "kernels": "dense",
             "vq": "encode", "draw": "8 pictures"}  # what --case may be
_QUICK_SECONDS = 20.0  # of the turns of one comparison


def make(name: str, text: str) -> click.Command:
    """Return the command of a bench."""
    peer = click.option("--peer", "peers", multiple=True, metavar="NAME",
                        help="torch, llama.cpp, ctranslate2, transformers or deepspeed; may be given several times. "
                             "none: only us. [default: all that do this work]")
    pairs = click.option("--pairs", type=click.IntRange(min=1), default=7, show_default=True,
                         help="Turns of each engine.")
    quick = click.option("--quick", is_flag=True,
                         help="Fewer cases, and fewer pairs where they take long; eight minutes for everything.")
    case = click.option("--case", "patterns", multiple=True, metavar="TEXT",
                        help="Only cases whose name has this in it; * stands for anything. May be given several times.")
    dtype = click.option("--dtype", "dtypes", multiple=True, metavar="DTYPE", help="Only cases of this type; likewise.")
    threads = click.option("--threads", metavar="N", type=click.IntRange(0, 1024), default=0,
                           help="Threads of every engine; 0: as many as this machine grants.")
    run = peer(case(dtype(pairs(quick(threads(json_option(partial(_run, name))))))))
    note = f"""{text}

    Each engine runs in a process and environment of its own (made on the first use with pip, in the cache folder). What
    they compute is compared first; then they take turns, and the idle one is stopped. A ratio above 1: we are better.

    \b
    Example:
      wudao-rt bench {name}
      wudao-rt bench {name} --peer none --quick --json
      wudao-rt bench {name} --dtype float32 --case "{_EXAMPLES.get(name, "*")}"
    """
    return click.command(name, help=note, short_help=text)(run)


def _run(name: str, peers: tuple[str, ...], patterns: tuple[str, ...], dtypes: tuple[str, ...], pairs: int, quick: bool,
         threads: int, as_json: bool) -> None:
    from wudao_rt import _core
    from wudao_rt.bench.environments import names
    from wudao_rt.bench.measure import Options, measure
    from wudao_rt.bench.screen import Screen
    from wudao_rt.config.settings import refuse_unknown
    from wudao_rt.errors import ConfigError

    for peer in peers:
        refuse_unknown(peer, [*names(), _ALONE], f"bench {name}: --peer")
    if _ALONE in peers and len(peers) > 1:
        raise ConfigError(f"bench {name}: --peer: expected none alone, got {', '.join(peers)}. Leave one out.")
    alone = _ALONE in peers
    cases = _cases(name, quick, patterns, dtypes)
    with Screen(as_json) as screen:
        options = Options(pairs, () if alone else peers, threads or int(_core.kernels()["threads"]), alone,
                          _QUICK_SECONDS if quick else math.inf, screen.say)
        lines = [screen.line(line) for case in cases for line in measure(case, options)]
    _finish(name, peers, lines)


def _cases(name: str, quick: bool, patterns: tuple[str, ...], dtypes: tuple[str, ...]) -> list[Any]:
    from wudao_rt.bench.cases import BENCHES, cases_of, chosen

    every = [case for bench in (BENCHES if name == "all" else (name,)) for case in cases_of(bench, quick)]
    return chosen(every, patterns, dtypes, f"bench {name}")


def _finish(name: str, peers: tuple[str, ...], lines: list[dict[str, Any]]) -> None:
    from wudao_rt.errors import ConfigError, Error

    if not lines:
        raise ConfigError(f"bench {name}: --peer: expected one that does this work, got {', '.join(peers)}. Leave the "
                          "option out to see who does.")
    failed = [line for line in lines if "error" in line]
    if failed:
        raise Error(f"bench {name}: expected {len(lines)} comparisons, got {len(failed)} that failed; the first: "
                    f"{failed[0]['error']}")
