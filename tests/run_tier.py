"""Runs the suites of a tier, as tests/tiers.toml lists them, and proves that each of them ran.

    python tests/run_tier.py test                 # all suites of the tier
    python tests/run_tier.py test-deep --only oracle

Needs what `make` puts into .venv. A suite passes when pytest says so and its report counts at least one test and no
skipped one. The last lines name every suite with its number of tests; a listed suite that did not run fails the tier.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
TIERS = Path(__file__).with_name("tiers.toml")

# A sanitizer's runtime has to be in the process before Python is; the C++ runtime beside it, for exceptions.
RUNTIMES = {"asan-ubsan": ["libasan.so", "libubsan.so", "libstdc++.so.6"], "tsan": ["libtsan.so", "libstdc++.so.6"]}
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",  # Python keeps memory at exit on purpose
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "allocator_may_return_null=1:halt_on_error=1",
    # Threads of other libraries are not instrumented and look like races: those of NumPy, those of the tokenizers.
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


@dataclass(frozen=True)
class Suite:
    name: str
    pytest: list[str]
    build: str = "release"
    trees: list[str] = field(default_factory=list)
    levels: bool = False
    env: dict[str, str] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    apt: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    suite: str
    tests: int
    seconds: float
    problem: str  # empty: passed


def read_suites(text: str, tier: str) -> list[Suite]:
    tiers = tomllib.loads(text)
    if tier not in tiers:
        sys.exit(f"run_tier: tier: expected one of {', '.join(tiers)}, got {tier!r}.")
    return [Suite(**suite) for suite in tiers[tier]["suites"]]


def environment(suite: Suite) -> dict[str, str]:
    tree = ROOT / "build" / suite.build
    env = os.environ | {"WUDAO_BUILD": str(tree), "PYTHONPATH": str(tree / "python")} | suite.env
    if suite.build in RUNTIMES:
        found = [_run_quietly(["c++", f"-print-file-name={name}"]) for name in RUNTIMES[suite.build]]
        env |= SANITIZER_OPTIONS | {"LD_PRELOAD": ":".join(found), "PYTHONMALLOC": "malloc"}
    return env


def _run_quietly(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()


def prepare(suite: Suite) -> str:
    """Install and run what a suite needs first; return what went wrong, in one line."""
    missing = [name for name in suite.apt if subprocess.run(["dpkg", "-s", name], capture_output=True).returncode]
    if missing and (os.geteuid() != 0 or shutil.which("apt-get") is None):
        return f"needs the Debian packages {' '.join(missing)}: run apt-get install {' '.join(missing)} as root"
    commands = [["apt-get", "install", "-y", "-qq", *missing]] if missing else []
    commands += [shlex.split(line.format(python=sys.executable)) for line in suite.before]
    for command in commands:
        if subprocess.run(command, cwd=ROOT, stdout=sys.stderr).returncode:
            return f"{shlex.join(command)} failed"
    return ""


def build(preset: str) -> str:
    """Configure and build a preset; return what went wrong."""
    configure = ["cmake", "--preset", preset, f"-DPython_EXECUTABLE={sys.executable}"]
    for command in (configure, ["cmake", "--build", "--preset", preset]):
        if subprocess.run(command, cwd=ROOT, stdout=sys.stderr).returncode:
            return f"{shlex.join(command)} failed"
    return ""


def expand(suite: Suite) -> list[Suite]:
    """One suite per CPU level of the machine, if it asks for that."""
    if not suite.levels:
        return [suite]
    ask = "import wudao_rt; print(*wudao_rt.info()['cpu_levels'])"
    command = [sys.executable, "-c", ask]
    levels = subprocess.run(command, check=True, capture_output=True, text=True, env=environment(suite)).stdout.split()
    return [replace(suite, name=f"{suite.name}[{level}]", env=suite.env | {"WUDAO_CPU_ISA": level}) for level in levels]


def run(suite: Suite, reports: Path) -> Outcome:
    report = reports / f"{suite.name}.xml"
    report.unlink(missing_ok=True)
    start = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *suite.pytest]
    if suite.build in RUNTIMES:
        command.append("--capture=sys")  # a sanitizer's last words go past Python
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if suite.levels else {}  # several at once
    done = subprocess.run(command, cwd=ROOT, env=environment(suite), text=True, **pipes)
    if done.stdout:
        print(done.stdout, end="", flush=True)
    return judge(suite.name, done.returncode, report, time.monotonic() - start)


def judge(name: str, code: int, report: Path, seconds: float) -> Outcome:
    """Read pytest's report: what it does not show did not happen."""
    if not report.is_file():
        return Outcome(name, 0, seconds, f"pytest ended with {code} and wrote no report")
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    tests, failures, errors, skipped = (
        sum(int(suite.get(key, 0)) for suite in suites) for key in ("tests", "failures", "errors", "skipped")
    )
    done = tests - skipped
    problem = ""
    if code or failures or errors:
        problem = f"{failures + errors} failed (pytest ended with {code})"
    elif skipped:
        problem = f"{skipped} skipped"
    elif done == 0:
        problem = "no test ran"
    return Outcome(name, done, seconds, problem)


def run_suite(suite: Suite, built: dict[str, str]) -> list[Outcome]:
    problem = prepare(suite)
    for preset in [suite.build, *suite.trees]:
        if not problem and preset not in built:
            built[preset] = build(preset)
        problem = problem or built[preset]
    if problem:
        return [Outcome(suite.name, 0, 0.0, problem)]
    reports = ROOT / "build" / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count() or 1) as several:  # CPU levels are independent of each other
        return list(several.map(lambda one: run(one, reports), expand(suite)))


def summary(tier: str, suites: list[Suite], outcomes: list[Outcome], seconds: float) -> tuple[str, bool]:
    ran = {outcome.suite.partition("[")[0] for outcome in outcomes}
    lines = [f"  {o.suite}: {o.tests} tests, {o.seconds:.0f} s{o.problem and ', ' + o.problem}" for o in outcomes]
    lines += [f"  {suite.name}: did not run" for suite in suites if suite.name not in ran]
    bad = sum(1 for o in outcomes if o.problem) + sum(1 for suite in suites if suite.name not in ran)
    total = sum(outcome.tests for outcome in outcomes)
    verdict = "passed" if bad == 0 else f"FAILED, {bad} suites are not green"
    head = f"{tier}: {verdict}: {len(outcomes)} suites, {total} tests, {seconds / 60:.1f} min"
    return "\n".join([f"suites of {tier}:", *lines, head]), bad == 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Run a tier of tests.")
    parser.add_argument("tier")
    parser.add_argument("--only", help="run this suite alone")
    options = parser.parse_args()
    suites = [s for s in read_suites(TIERS.read_text(), options.tier) if options.only in (None, s.name)]
    start, built, outcomes = time.monotonic(), {}, []
    for suite in suites:
        print(f"== {options.tier}: {suite.name}", flush=True)
        outcomes += run_suite(suite, built)
    text, passed = summary(options.tier, suites, outcomes, time.monotonic() - start)
    print(text)
    return 0 if passed and suites else 1


if __name__ == "__main__":
    sys.exit(main())
