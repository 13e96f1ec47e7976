"""The project's own test suite, in both worlds."""

from pathlib import Path

import pytest

from eximsim.profiles import profile
from eximsim.suite.project import ProjectSuite
from eximsim.suite.runner import Setting, TestResult, Verdict, run_test

TESTSUITE = Path(__file__).parents[2] / "testsuite"


def run(world: str, name: str = "4.88-jh03") -> TestResult:
    source = ProjectSuite(TESTSUITE)
    case = next(case for case in source.tests() if case.name == "5840")
    return run_test(source, case, Setting(profile(name), world))


@pytest.mark.parametrize("name", ["4.87", "4.88-jh03"])
def test_memory_and_loopback_write_the_same(name: str) -> None:
    memory, loopback = run("memory", name), run("loopback", name)
    assert memory.verdict is loopback.verdict is Verdict.PASS
    assert memory.texts == loopback.texts


def test_the_loopback_run_asks_a_real_name_server_and_completes_real_handshakes() -> None:
    result = run("loopback")
    assert {"MX", "A", "TLSA"} <= {question.split(" ")[0] for question in result.questions}
    assert "TLSA _1225._tcp.quay.example.org" in result.questions
    delivered = result.texts["log"].partition("SERVER")[0].count(" CV=")
    assert delivered > 0
    assert result.handshakes > delivered  # the callout makes one more


def test_the_same_run_gives_the_same_bytes() -> None:
    first, second = run("memory"), run("memory")
    assert first.texts == second.texts
    assert list(map(str, first.trace or ())) == list(map(str, second.trace or ()))


def test_the_change_of_april_2016_is_the_difference_between_its_two_profiles() -> None:
    old, new = run("memory", "4.87").texts["log"], run("memory", "4.88-jh03").texts["log"]
    lost = [line for line in old.splitlines() if " => " in line and "blackhole" not in line]
    kept = [line for line in new.splitlines() if " => " in line and "blackhole" not in line]
    assert len(lost) > len(kept)
    assert "DANE error: tlsa lookup DEFER" in new
