from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.ports import World
from eximsim.profiles import profile
from eximsim.subjects.runs import User
from eximsim.subjects.subject import Result, Subject, Written
from eximsim.suite import runner
from eximsim.suite.golden import Comparison
from eximsim.suite.project import ProjectSuite
from eximsim.suite.runner import Setting, TestResult, Verdict, run_test
from eximsim.suite.source import Source
from eximsim.trace import Trace

SETTING = Setting(profile("4.88-jh03"))
LOG = "/eximsim/test/spool/log/mainlog"
LINE = "2027-01-01 00:00:00 1vN1aB-0000fG-Xy <= simcaller@test.ex U=simcaller P=local S=312\n"
MUNGED = "1999-03-02 09:44:33 10HmaX-0005vi-00 <= CALLER@test.ex U=CALLER P=local S=sss\n"


class Canned:
    """A subject whose log, exit code and message log are given."""

    code = 0
    stderr, debugged = "", False
    files: Mapping[str, str] = {LOG: LINE}
    msglogs: Mapping[str, str] = {}

    def exim(
        self,
        argv: Sequence[str],
        stdin: bytes,
        env: Mapping[str, str],
        user: str | None = None,
        pause: float = 0,
    ) -> Result:
        return Result(self.code, "", self.stderr, self.debugged)

    def start_daemon(self, argv: Sequence[str], env: Mapping[str, str]) -> Result:
        return Result(0, "", "")

    def kill_daemon(self) -> Result:
        return Result(0, "", "")

    def settle(self) -> None:
        pass

    def queue(self, name: str = "") -> Sequence[str]:
        return []

    def remove(self, pattern: str) -> None:
        pass

    def dumped(self, database: str) -> str:
        return ""

    def written(self) -> Written:
        return Written(self.files, self.msglogs)

    def trace(self) -> Trace | None:
        return None


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> Canned:
    subject = Canned()

    def make(world: World, setting: Setting, source: Source, caller: User) -> Subject:
        return subject

    monkeypatch.setattr(runner, "_model", make)
    return subject


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("scripts", "confs", "logs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "confs/0001").write_text("primary_hostname = test.ex\n")
    (tmp_path / "logs/0001").write_text(MUNGED)
    return tmp_path


def run(root: Path, *lines: str, requires: str = "") -> TestResult:
    (root / "scripts/0001").write_text("\n".join(("# t", *(lines or ("exim -qf", "****")))) + "\n")
    if requires:
        (root / "scripts/REQUIRES").write_text(requires)
    suite = ProjectSuite(root)
    return run_test(suite, suite.tests()[0], SETTING)


def test_where_debugging_output_is_asked_for_stderr_is_not_compared_and_all_else_is(
    root: Path, canned: Canned
) -> None:
    canned.debugged, canned.stderr = True, "Exim version x.yz\n"
    result = run(root)
    assert (result.verdict, result.outputs["stderr"]) == (Verdict.PASS_BUT_STDERR, Comparison.NOT_COMPARED)
    canned.files = {LOG: ""}
    assert (run(root).verdict, run(root).reason) == (Verdict.FAIL, "log differs")
    canned.files, canned.stderr = {LOG: LINE}, ""
    assert run(root).verdict is Verdict.PASS


def test_a_test_whose_outputs_are_the_goldens_passes(root: Path, canned: Canned) -> None:
    result = run(root)
    assert (result.verdict, result.reason, dict(result.outputs)) == (
        Verdict.PASS,
        "",
        {"log": Comparison.SAME},
    )
    assert result.texts == {"log": MUNGED}


def test_the_json_of_a_result_has_what_machines_need(root: Path, canned: Canned) -> None:
    found = run(root).as_json()
    seconds = found.pop("seconds")
    assert found == {
        "test": "0001", "profile": "4.88-jh03", "world": "memory", "subject": "model", "result": "pass",
        "reason": "", "outputs": {"log": "same"},
    }  # fmt: skip
    assert isinstance(seconds, float)


def test_an_output_that_differs_fails_with_a_diff(root: Path, canned: Canned) -> None:
    canned.files = {LOG: LINE.replace("P=local", "P=esmtp")}
    result = run(root)
    assert (result.verdict, result.reason, result.may_be_accepted()) == (Verdict.FAIL, "log differs", True)
    assert (
        "+1999-03-02 09:44:33 10HmaX-0005vi-00 <= CALLER@test.ex U=CALLER P=esmtp S=sss"
        in result.differences()
    )


def test_an_output_without_golden_must_be_empty(root: Path, canned: Canned) -> None:
    canned.files = {LOG: LINE, "/eximsim/test/spool/log/paniclog": "", "/eximsim/test/test-mail/userx": "x\n"}
    assert run(root).reason == "mail/userx missing"
    assert run(root, "no_message_check", "exim -qf", "****").verdict is Verdict.PASS


def test_a_message_log_that_is_left_is_compared_under_the_munged_id(root: Path, canned: Canned) -> None:
    canned.msglogs = {"1vN1aB-0000fG-Xy": "2027-01-01 00:00:00 Received\n"}
    assert run(root).reason == "msglog/10HmaX-0005vi-00 missing"
    (root / "msglogs").mkdir()
    (root / "msglogs/0001.10HmaX-0005vi-00").write_text("1999-03-02 09:44:33 Received\n")
    assert run(root).verdict is Verdict.PASS
    assert run(root, "no_msglog_check", "exim -qf", "****").verdict is Verdict.PASS


def test_a_golden_whose_output_is_gone_fails(root: Path, canned: Canned) -> None:
    canned.files = {}
    assert run(root).reason == "log differs"


def test_an_unexpected_exit_is_no_golden(root: Path, canned: Canned) -> None:
    canned.code = 1
    result = run(root)
    assert result.verdict is Verdict.FAIL
    assert result.reason.endswith("0001:2: exim exited with 1, expected 0")
    assert not result.may_be_accepted()


def test_what_is_not_run_is_unsupported_with_its_place(root: Path, canned: Canned) -> None:
    result = run(root, "exim_lock x")
    assert result.verdict is Verdict.UNSUPPORTED
    assert result.reason == f"not modelled: script command 'exim_lock' ({root}/scripts/0001:2)"


@pytest.mark.parametrize(
    ("requires", "verdict", "reason"),
    [
        ("support GnuTLS\n", Verdict.SKIP, "needs GnuTLS, the profile has openssl-1.0.2"),
        ("support IPv6\n", Verdict.SKIP, "needs IPv6"),
        ("lookup ldap\n", Verdict.UNSUPPORTED, "requires lookup ldap"),
        ("support OpenSSL\nrunning IPv4\nnot feature X\nrouter accept\n", Verdict.PASS, ""),
    ],
)
def test_what_a_group_requires_is_looked_at_first(
    root: Path, canned: Canned, requires: str, verdict: Verdict, reason: str
) -> None:
    result = run(root, requires=requires)
    assert (result.verdict, result.reason) == (verdict, reason)


def test_a_test_that_needs_ipv6_is_skipped(root: Path, canned: Canned) -> None:
    assert run(root, "need_ipv6").verdict is Verdict.SKIP


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${headerwrap_20:a\\nb}", "leaves open what happens"),
        ("${lc:" * 3000 + "a" + "}" * 3000, "nested this deeply"),
    ],
)
def test_what_nobody_can_be_sure_of_is_unsupported_and_the_run_goes_on(
    text: str, said: str, tmp_path: Path
) -> None:
    for folder, content in (("scripts", f"# About\nexim -be\n{text}\n****\n"), ("confs", "log_selector =\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0001").write_text(content)
    source = ProjectSuite(tmp_path)
    result = run_test(source, next(iter(source.tests())), Setting(profile("4.99")))
    assert result.verdict is Verdict.UNSUPPORTED
    assert said in result.reason


def test_a_real_program_runs_in_a_namespace_and_in_no_world() -> None:
    setting = Setting(profile("4.99"), subject="exim:build/exim")
    assert setting.surroundings == "namespace"
    assert TestResult("0001", setting, Verdict.PASS).as_json()["world"] == "namespace"
    with pytest.raises(InputError, match="'loopback' with a real program"):
        Setting(profile("4.99"), "loopback", "exim:build/exim")
