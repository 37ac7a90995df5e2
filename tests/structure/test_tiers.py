"""Every folder of tests belongs to a tier, and the runner cannot be fooled by suites that did nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import run_tier
from run_tier import Outcome, Suite, judge, read_suites, summary

ROOT = Path(__file__).parents[2]
TIERS = ("test", "test-system", "test-deep")


def unlisted(root: Path, suites: list[Suite]) -> list[str]:
    named = {argument for suite in suites for argument in suite.pytest}
    folders = {path.parent.relative_to(root).as_posix() for path in root.glob("tests/*/**/test_*.py")}
    return sorted(f for f in folders if not any(f == n or f.startswith(n + "/") for n in named))


def all_suites() -> list[Suite]:
    return [suite for tier in TIERS for suite in read_suites(run_tier.TIERS.read_text(), tier)]


def test_every_folder_belongs_to_a_suite(tmp_path: Path) -> None:
    assert unlisted(ROOT, all_suites()) == []
    (tmp_path / "tests" / "forgotten").mkdir(parents=True)
    (tmp_path / "tests" / "forgotten" / "test_x.py").touch()
    assert unlisted(tmp_path, all_suites()) == ["tests/forgotten"]


def test_suites_name_what_exists() -> None:
    suites = all_suites()
    assert len({(suite.name, suite.build) for suite in suites}) == len(suites)
    paths = [argument for suite in suites for argument in suite.pytest if argument.startswith("tests/")]
    assert [path for path in paths if not (ROOT / path).is_file() and not list((ROOT / path).rglob("test_*.py"))] == []


REPORT = '<testsuites><testsuite tests="{}" failures="{}" errors="{}" skipped="{}"/></testsuites>'


@pytest.mark.parametrize(
    ("counts", "code", "problem"),
    [
        ((5, 0, 0, 0), 0, ""),
        ((5, 1, 0, 0), 1, "1 failed (pytest ended with 1)"),
        ((5, 0, 1, 0), 1, "1 failed (pytest ended with 1)"),
        ((5, 0, 0, 2), 0, "2 skipped"),
        ((0, 0, 0, 0), 0, "no test ran"),
        ((5, 0, 0, 0), 139, "0 failed (pytest ended with 139)"),
    ],
)
def test_report_is_judged(tmp_path: Path, counts: tuple[int, ...], code: int, problem: str) -> None:
    report = tmp_path / "r.xml"
    report.write_text(REPORT.format(*counts))
    assert judge("x", code, report, 1.0).problem == problem


def test_missing_report_is_a_failure(tmp_path: Path) -> None:
    assert judge("x", 0, tmp_path / "none.xml", 1.0).problem == "pytest ended with 0 and wrote no report"


def test_listed_suite_that_did_not_run_fails_the_tier() -> None:
    suites = [Suite("a", []), Suite("b", [])]
    text, passed = summary("test", suites, [Outcome("a[avx2]", 3, 1.0, "")], 60.0)
    assert not passed and "b: did not run" in text
    text, passed = summary("test", suites, [Outcome("a", 3, 1.0, ""), Outcome("b", 4, 1.0, "")], 60.0)
    assert passed and text.endswith("test: passed: 2 suites, 7 tests, 1.0 min")
