"""The command: exit codes, formats, lock files and mistakes."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from rich.progress import Progress, TextColumn

from eximsim.cli import eximsim
from eximsim.commands.gate import gate
from eximsim.commands.progress import Shown
from eximsim.errors import InputError
from eximsim.gate.explore_policies import survey
from eximsim.gate.memory import Memory, Watch
from tests.gate.policies import CONF, policy

SMALL = CONF.replace("begin acl\ncheck_rcpt:\n  accept verify = recipient/callout\n", "").replace(
    "acl_smtp_rcpt = check_rcpt\n", ""
)
STRICT = SMALL.replace("OPTIONS\n", "  hosts_require_dane = *\n")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(eximsim, ["gate", "--hosts", "1", *arguments])


@pytest.fixture
def strict(tmp_path: Path) -> str:
    path = tmp_path / "strict.conf"
    path.write_text(STRICT)
    return str(path)


@pytest.fixture
def lax(tmp_path: Path) -> str:
    path = tmp_path / "lax.conf"
    path.write_text(STRICT.replace("hosts_require_dane = *", "hosts_require_dane ="))
    return str(path)


def test_a_configuration_that_sends_nothing_is_no_pass(tmp_path: Path) -> None:
    empty = tmp_path / "empty.conf"
    empty.write_text("")
    done = run(str(empty), str(empty))
    assert done.exit_code == 3
    assert "nothing was explored: no mail was found that goes out by an smtp transport" in done.output
    assert "No outcome changes" not in done.output
    assert run(str(empty), str(empty), "--allow-incomplete").exit_code == 0


def test_a_loss_of_security_is_exit_code_1(strict: str, lax: str, tmp_path: Path) -> None:
    markdown, sarif = tmp_path / "r.md", tmp_path / "r.sarif"
    found = run(strict, lax, "--json", "--markdown", str(markdown), "--sarif", str(sarif))
    assert found.exit_code == 1
    report = json.loads(found.stdout)
    assert report["complete"] is True
    assert report["groups"][0]["severity"] == "held back or bounced before, now delivered"
    assert report["groups"][0]["name"] == "hosts_require_dane"
    assert "Complete: " in markdown.read_text()
    assert json.loads(sarif.read_text())["version"] == "2.1.0"


def test_mail_that_stops_is_no_gain(strict: str, lax: str) -> None:
    found = run(lax, strict)
    assert found.exit_code == 1
    assert "Does any mail that went out before stop? Yes." in found.stdout
    assert "hosts_require_dane: transport remote: was '' and is '*'." in found.stdout
    assert "all of them run" in found.stdout
    for narrow, code in (
        (["less"], 0),
        (["stops"], 1),
        (["less", "bounced"], 1),
        (["none"], 0),
        (["any"], 1),
    ):
        asked = (part for name in narrow for part in ("--fail-on", name))
        assert run(lax, strict, *asked).exit_code == code


def test_a_lock_is_made_checked_and_updated(
    strict: str, lax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    lock = str(tmp_path / "policy.lock")
    assert run(strict, "--lock", lock, "--accept").exit_code == 0
    agreed = Path(lock).read_text()
    found = run(lax, "--lock", lock)
    assert found.exit_code == 1
    assert "HELD BACK OR BOUNCED BEFORE, NOW DELIVERED  barred-to-verified" in found.stdout
    assert Path(lock).read_text() == agreed
    monkeypatch.setenv("CI", "true")
    with pytest.raises(InputError, match="refused where CI is set"):
        CliRunner().invoke(eximsim, ["gate", lax, "--lock", lock, "--accept"], catch_exceptions=False)


def test_what_is_agreed_to_is_shown(
    strict: str, lax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    lock, forms = str(tmp_path / "policy.lock"), ("--junit", str(tmp_path / "report.xml"))
    assert run(lax, "--lock", lock, "--accept").exit_code == 0
    done = run(strict, "--lock", lock, "--accept", *forms)
    assert done.exit_code == 0
    assert "Does any mail that went out before stop? Yes." in done.stdout
    assert "verified-to-barred" in done.stdout
    assert "Agreed to: the lock holds it now." in done.stdout
    assert 'failures="0"' in (tmp_path / "report.xml").read_text()
    again = run(strict, "--lock", lock)
    assert (again.exit_code, "No outcome changes." in again.stdout) == (0, True)


def test_a_lock_of_more_hosts_is_replaced_and_what_is_not_compared_is_said(
    lax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    lock = tmp_path / "policy.lock"
    assert run(lax, "--lock", str(lock), "--accept").exit_code == 0
    lock.write_text(lock.read_text().replace("\nhosts 1\n", "\nhosts 3\n"))
    done = run(lax, "--lock", str(lock), "--accept")
    assert done.exit_code == 0
    assert "what was agreed on before is not compared" in done.stdout
    assert "made with --hosts 3; found --hosts 1" in done.stdout
    assert "\nhosts 1\n" in lock.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.conf", "b.conf", "c.conf"], "3 configurations given"),
        (["STRICT"], "nothing to compare with"),
        (["STRICT", "--accept", "x"], "--accept needs --lock"),
        (["STRICT", "--against", "4.87", "--lock", "x"], "--lock takes one configuration"),
    ],
)
def test_mistakes_are_one_line(strict: str, arguments: list[str], message: str) -> None:
    found = run(*(strict if one == "STRICT" else one for one in arguments))
    assert found.exit_code == 2
    assert message in found.output


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected an Exim configuration"):
        CliRunner().invoke(
            eximsim, ["gate", str(tmp_path / "no.conf"), "--against", "4.87"], catch_exceptions=False
        )


def test_a_report_that_goes_to_standard_output_is_all_that_goes_there(strict: str, lax: str) -> None:
    done = run(strict, lax, "--markdown", "-")
    assert done.exit_code == 1
    assert done.stdout.startswith("#")


def test_two_hosts_are_explored_unless_somebody_says_otherwise() -> None:
    (hosts,) = (one for one in gate.params if one.name == "hosts")
    assert hosts.default == 2
    assert run("a.conf", "b.conf", "--hosts", "4").exit_code == 2


def test_on_a_terminal_it_says_how_far_it_has_come() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80)
    with Progress(TextColumn("{task.completed} of {task.total}"), console=console) as bar:
        shown = Shown(bar, 1)
        shown.planned(4)
        shown.explored()
        for _ in range(150):
            shown.run()
        (task,) = bar.tasks
        assert (task.completed, task.total) == (1.5, 4)
        shown.explored()
        assert task.completed == 2


def test_an_exploration_tells_who_watches_it() -> None:
    watch = Counting()
    survey((policy(conf=SMALL.replace("OPTIONS\n", "")),), 1, memory=(memory := Memory(watch)))
    planned = watch.number
    assert planned > 0
    plan = survey((policy(conf=SMALL.replace("OPTIONS\n", "")),), 1, memory=memory)
    for view in plan.views:
        plan.diagram(plan.policies[0], view)
    assert watch.done == len(plan.views) == planned
    assert watch.runs >= plan.runs > 100


class Counting(Watch):
    """Counts what it is told."""

    def __init__(self) -> None:
        self.number = self.runs = self.done = 0

    def planned(self, explorations: int) -> None:
        self.number = explorations

    def run(self) -> None:
        self.runs += 1

    def explored(self) -> None:
        self.done += 1
