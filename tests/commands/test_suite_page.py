"""The page and the annotations of a run of a tree's tests."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from eximsim.commands.suite_page import MOST_LINES, answer, page, workflow_commands
from eximsim.profiles import NEWEST, profile
from eximsim.suite import golden
from eximsim.suite.runner import Setting, TestResult, Verdict
from eximsim.suite.source import TestCase
from eximsim.suite.tree import EximTree
from tests.gate.chromium import View, measure, needs_chromium
from tests.subjects.small_tree import write_tree

SETTING = Setting(profile(NEWEST), subject="exim:build/exim")
WANTED = {"stdout": "one\ntwo\nthree\n", "log": "same\n"}
GOT = {"stdout": "one\n<script>alert(1)</script>\tx\x1b[31m\nthree\n", "log": "same\n"}


def _failed(test: str, got: dict[str, str] = GOT) -> TestResult:
    outputs = golden.compare(got, WANTED)
    return TestResult(
        test, SETTING, Verdict.FAIL, "stdout differs", 1.5, outputs, got, WANTED,
        since={"stdout": "line 5: exim -be"},
    )  # fmt: skip


RESULTS = [
    TestResult("0001", SETTING, Verdict.PASS),
    TestResult("0002", SETTING, Verdict.PASS, "when run again, with fewer others beside it"),
    TestResult("0005", SETTING, Verdict.SKIP, "needs support Cold_Fusion"),
    _failed("0006"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path)


def _cases(tree: Path) -> list[TestCase]:
    return list(EximTree(tree).tests())


def test_the_page_has_the_sum_each_failure_with_its_diff_and_what_was_not_run(tree: Path) -> None:
    made = page(tree, _cases(tree), RESULTS)
    text = re.sub(r"<[^>]*>", "", made)
    for wanted in (
        "1 of 3 tests failed", "three commands", "line 5: exim -be", "-two", "needs support Cold_Fusion",
        f"eximsim suite --tree {tree} 0006 --subject exim:build/exim --shell", "Passed when run again",
    ):  # fmt: skip
        assert wanted in text
    assert "golden log of" not in text


def test_nothing_on_the_page_does_anything(tree: Path) -> None:
    made = page(tree, _cases(tree), RESULTS)
    assert "<script" not in made
    assert "\x1b" not in made
    assert "+&lt;script&gt;alert(1)&lt;/script&gt;" in made
    assert re.findall(r'(?:src|href)="(?!#)', made) == []


def test_a_long_diff_is_cut_and_the_page_says_so(tree: Path) -> None:
    long = {**GOT, "stdout": "".join(f"{number}\n" for number in range(5000))}
    made = page(tree, _cases(tree), [_failed("0006", long)])
    assert made.count('<span class="got">') < MOST_LINES
    assert re.search(r"4,\d\d\d more lines", made)


@pytest.mark.parametrize(
    ("results", "told"),
    [
        (RESULTS[:2], "All 2 tests passed"),
        (RESULTS[:1], "The test passed"),
        (RESULTS[2:3], "No test was run"),
        (RESULTS, "1 of 3 tests failed"),
    ],
)
def test_the_first_sentence_counts_only_what_was_run(results: list[TestResult], told: str) -> None:
    assert answer(results) == told


def test_an_annotation_stands_at_the_line_of_the_script_that_it_comes_from(tree: Path) -> None:
    notice, error = workflow_commands(_cases(tree), RESULTS).splitlines()
    assert notice == "::notice title=1 of 3 tests failed::2 pass, 1 fail, 1 skip"
    place = f"file={tree}/scripts/0000-Basic/0006,line=5,title=0006 (0000-Basic)%3A stdout differs::"
    assert error.startswith(f"::error {place}stdout differs after line 5: exim -be%0A--- golden stdout")
    assert "\x1b" not in error


def test_a_failure_without_diffs_is_annotated_with_its_reason(tree: Path) -> None:
    hung = replace(RESULTS[0], verdict=Verdict.FAIL, reason="did not end within 1 seconds")
    assert workflow_commands(_cases(tree), [hung]).splitlines()[1].endswith(
        "line=1,title=0001 (0000-Basic)%3A did not end within 1 seconds::did not end within 1 seconds"
    )  # fmt: skip


OVERFLOW = """
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  const root = document.documentElement;
  return {
    width: root.clientWidth, scrolls: root.scrollWidth,
    colours: [".got", ".wanted"].map((e) => getComputedStyle(document.querySelector(e)).color),
    page: getComputedStyle(document.body).backgroundColor,
  };
"""


@needs_chromium
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_a_phone_and_is_light_or_dark(tree: Path, tmp_path: Path, dark: bool) -> None:
    wide = {**GOT, "stdout": f"one\n{'x' * 3000}\n"}
    (found,) = measure(
        tmp_path, View(page(tree, _cases(tree), [_failed("0006", wide)]), OVERFLOW, 400), dark=dark
    )
    assert found["width"] == found["scrolls"] == 400
    assert len(set(found["colours"])) == 2
    assert found["page"] == ("rgb(18, 20, 24)" if dark else "rgb(245, 246, 248)")
