"""Changes as people make them, through the command: every report form has place and cause."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from eximsim.cli import eximsim
from tests.writing import write_files

LISTS = "hostlist strict = mx1.partner.example\n"
PARTNER = """\
partner:
  driver = manualroute
  domains = partner.example
  route_list = * mx1.partner.example
  transport = remote
"""
OUT = """\
out:
  driver = dnslookup
  domains = ! relay.example.org
  transport = remote
"""
CONF = f"""\
primary_hostname = relay.example.org
{LISTS}begin routers
{PARTNER}{OUT}begin transports
remote:
  driver = smtp
  hosts_require_dane = +strict
"""
INCLUDING = f"{CONF}  .include tls.inc\n".replace("  .include", ".include")
LOOKING = CONF.replace("hosts_require_dane = +strict", "hosts_require_tls = lsearch;/etc/strict")
FILES = {
    "tls.inc": "# agreed with the partner\n  hosts_require_tls = *\n",
    "etc/strict": "# ours\nmx1.partner.example: yes\n",
}


@dataclass(frozen=True)
class Case:
    """What was changed in which file, and what is expected: the exit code, the place, the cause."""

    conf: str
    file: str
    change: Callable[[str], str]
    code: int
    where: str
    name: str
    lock: bool = False


def without(text: str) -> Callable[[str], str]:
    return lambda whole: whole.replace(text, "")


def instead(old: str, new: str) -> Callable[[str], str]:
    return lambda whole: whole.replace(old, new)


DANE, MISSPELT = (
    without("  hosts_require_dane = +strict\n"),
    instead("mx1.partner.example\nbegin", "mx1.partnr.example\nbegin"),
)
CASES: Mapping[str, Case] = {
    "the option, and a lock": Case(CONF, "exim.conf", DANE, 1, "exim.conf:16", "to-", lock=True),
    "a name in a list, and a lock": Case(CONF, "exim.conf", MISSPELT, 1, "exim.conf:2", "to-", lock=True),
    "the router of a partner, and a lock": Case(
        CONF, "exim.conf", without(PARTNER), 1, "exim.conf:4", "to-", lock=True
    ),
    "the way out, and a lock": Case(CONF, "exim.conf", without(OUT), 1, "exim.conf:9", "to-", lock=True),
    "an option of an included file": Case(
        INCLUDING, "tls.inc", without("  hosts_require_tls = *\n"), 1, "tls.inc:2", "hosts_require_tls"
    ),
    "an entry of a lookup file": Case(
        LOOKING, "etc/strict", instead("mx1.partner", "mx1.partnr"), 1, "/etc/strict:2", "/etc/strict"
    ),
    "an included file, and a lock": Case(
        INCLUDING, "tls.inc", without("  hosts_require_tls = *\n"), 1, "tls.inc:2", "to-", lock=True
    ),
    "a lookup file, and a lock": Case(
        LOOKING, "etc/strict", instead("mx1.partner", "mx1.partnr"), 1, "/etc/strict:2", "to-", lock=True
    ),
    "every router": Case(CONF, "exim.conf", without(PARTNER + OUT), 1, "exim.conf:4", "router partner"),
    "mail that an unknown program routes": Case(
        CONF.replace("domains = ! relay.example.org", "domains = ${run{/bin/x}}"), "exim.conf",
        instead("/bin/x", "/bin/y"), 3, "exim.conf:11", "run",
    ),
    "nothing that is sent anywhere": Case(
        CONF.replace(PARTNER + OUT, ""), "exim.conf", instead("+strict", "*"), 3, "exim.conf",
        "nothing was explored",
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def outside_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_exit_code_place_and_cause_are_the_same_in_every_form(case: Case, tmp_path: Path) -> None:
    old, new = (_folder(tmp_path / side, case.conf) for side in ("old", "new"))
    changed = new / case.file
    before = changed.read_text()
    changed.write_text(case.change(before))
    assert changed.read_text() != before
    compared = [str(old / "exim.conf"), str(new / "exim.conf")]
    if case.lock:
        lock = str(tmp_path / "policy.lock")
        # The lock knows files by the name that they are given by: both sides are read at one place.
        moved = old.rename(tmp_path / "here")
        compared = [str(moved / "exim.conf"), "--lock", lock]
        assert _gate(*compared, "--accept")[0] == 0
        (moved / case.file).write_text(changed.read_text())
    forms = {
        name: tmp_path / f"report.{name}" for name in ("markdown", "html", "junit", "sarif", "code-quality")
    }
    code, text = _gate(
        *compared, *(part for name, path in forms.items() for part in (f"--{name}", str(path)))
    )
    shown = {"terminal": text}
    shown |= {name: path.read_text() for name, path in forms.items()}
    assert code == case.code
    file, _, line = case.where.partition(":")
    for name, report in shown.items():
        said = _said(name, report)
        assert case.name in said, name
        assert file in said, name
        assert not line or re.search(rf'{re.escape(file)}:{line}\b|"(?:startLine|begin)": {line}\b', said), (
            name
        )
        _severe(name, report, case)


@pytest.mark.parametrize("form", ["markdown", "html", "junit", "sarif", "code-quality"])
def test_a_form_on_standard_output_is_all_that_is_there(form: str, tmp_path: Path) -> None:
    old, new = tmp_path / "old.conf", tmp_path / "new.conf"
    old.write_text("")
    new.write_text("")
    code, text = _gate(str(old), str(new), f"--{form}", "-")
    assert (code, _gate(str(old), str(new), f"--{form}", str(tmp_path / form))[0]) == (3, 3)
    assert text.rstrip("\n") == (tmp_path / form).read_text().rstrip("\n")


def _folder(folder: Path, conf: str) -> Path:
    return write_files(folder, {**FILES, "exim.conf": conf})


def _gate(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(eximsim, ["gate", "--hosts", "1", *arguments])
    return done.exit_code, done.stdout


def _said(form: str, report: str) -> str:
    """What a reader sees of a form, without its quoting."""
    if form == "html":
        report = re.sub(r"<[^>]*>", "", report)
    if form == "markdown":
        report = re.sub(r"</?(?:span|code)>|\\(?=\W|_)", "", report)
    return html.unescape(report)


def _severe(form: str, report: str, case: Case) -> None:
    """What is red in a form: a failure for a change, an error for what could not be looked at."""
    marks = {
        "junit": ("<failure ", "<error "),
        "sarif": ('"level": "error"',) * 2,
    }
    if form in marks:
        assert marks[form][case.code == 3] in report
