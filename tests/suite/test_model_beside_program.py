"""One test on two subjects."""

from __future__ import annotations

from eximsim.profiles import NEWEST, profile
from eximsim.suite.golden import Comparison
from eximsim.suite.model_beside_program import Sides
from eximsim.suite.runner import Setting, TestResult, Verdict


def _result(verdict: Verdict, texts: dict[str, str], subject: str = "model", **others: object) -> TestResult:
    made = TestResult("0001", Setting(profile(NEWEST), subject=subject), verdict, texts=texts)
    for name, value in others.items():
        object.__setattr__(made, name, value)
    return made


def test_they_part_where_what_they_wrote_is_not_the_same_whatever_the_golden_says() -> None:
    new = _result(Verdict.FAIL, {"log": "a\n", "stdout": "x\n"}, "exim:/new")
    old = _result(Verdict.FAIL, {"log": "b\n", "stdout": "x\n"}, "exim:/old")
    assert Sides(new, old).parted == ("log",)
    assert Sides(new, old).told() == "0001 fail, exim:/old fail: log"
    assert "-b\n+a" in Sides(new, old).differences()
    assert Sides(new, new).parted == ()


def test_an_output_that_one_of_them_does_not_compare_is_not_looked_at() -> None:
    model = _result(Verdict.PASS_BUT_STDERR, {"stderr": ""}, outputs={"stderr": Comparison.NOT_COMPARED})
    program = _result(Verdict.PASS, {"stderr": "debugging\n"}, "exim:/new")
    assert Sides(program, model).as_json()["result"] == "same"


def test_what_one_of_them_did_not_run_is_not_compared() -> None:
    sides = Sides(_result(Verdict.PASS, {"log": "a\n"}), _result(Verdict.UNSUPPORTED, {}, reason="a driver"))
    assert sides.as_json()["result"] == "not compared"
    assert sides.told() == "0001 pass, model unsupported (a driver)"


def test_a_command_that_only_one_brought_to_its_end_is_a_difference() -> None:
    ended, not_ended = _result(Verdict.PASS, {}), _result(Verdict.FAIL, {}, completed=False)
    assert Sides(ended, not_ended).parted == ("completion",)
