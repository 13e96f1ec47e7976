from pathlib import Path

from eximsim.profiles import PROFILES, profile
from eximsim.suite.runner import Setting, TestResult, Verdict
from tools.docs.family import TESTS, TREES, Ran, in_words, page

PAGE = Path(__file__).parents[2] / "docs/family.md"

PATCHED = {"4.89.1", "4.94.2+fixes", "4.96-debian12"}
"""Programs that differ from the release whose tests they have."""


def measured(text: str) -> list[Ran]:
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return [
        Ran(release, test, result)
        for test, *results in cells
        for release, result in zip(TREES, results, strict=True)
        if result
    ]


def test_the_page_is_current_and_has_every_profile_and_test() -> None:
    text = PAGE.read_text("utf-8")
    found = measured(text)
    assert page(found) == text
    assert {profile(release).name for release in TREES} >= set(PROFILES) - PATCHED
    assert {ran.test for ran in found} == set(TESTS)


def test_from_4_95_on_every_output_is_the_same_but_the_stderr_that_is_accounted_for() -> None:
    late = list(TREES)[list(TREES).index("4.95") :]
    results = [ran for ran in measured(PAGE.read_text("utf-8")) if ran.release in late]
    assert len(results) >= 14 * len(late)
    others = [ran for ran in results if ran.result != "same"]
    assert others == [Ran("4.99-dev-13835a3c1", "5820", "stderr differs")]


def test_a_test_is_told_by_the_first_world_in_which_it_does_not_pass() -> None:
    def result(verdict: Verdict, reason: str = "") -> TestResult:
        return TestResult("5840", Setting(profile("4.99")), verdict, reason)

    passed = result(Verdict.PASS)
    assert in_words([passed, passed]) == "same"
    assert in_words([passed, result(Verdict.FAIL, "log differs")]) == "log differs"
    assert in_words([result(Verdict.UNSUPPORTED, "requires x"), passed]) == "unsupported"
