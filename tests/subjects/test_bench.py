"""A small tree of our own on the reference program, in the surroundings that runtest makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eximsim.profiles import NEWEST, profile
from eximsim.suite import bench
from eximsim.suite.bench import why_not
from eximsim.suite.benched import Benched
from eximsim.suite.helper_programs import compiled
from eximsim.suite.runner import Setting, TestResult, Verdict
from eximsim.suite.source import TestCase
from eximsim.suite.tree import EximTree

RULES = r"""#! /usr/bin/perl
sub new_value {
return $_[0];
}
sub date_seconds {
return 0;
}
sub munge {
open(IN, $_[0]) || die "no file";
while(<IN>)
  {
  s/\b$parm_caller\b/CALLER/g;
  s/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S{16} /TIME ID /;
  s/ S=\d+//;
  print MUNGED;
  }
}
$munges =
  { 'none' => {}
  };
"""
CONF = """exim_path = EXIM_PATH
spool_directory = DIR/spool
log_file_path = DIR/spool/log/%slog
gecos_pattern = ""
gecos_name = CALLER_NAME
tls_advertise_hosts =
keep_environment =
qualify_domain = test.ex
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  file = DIR/test-mail/$local_part_data
  user = CALLER
"""
TREE = {
    "runtest": RULES,
    "scripts/0000-Basic/0001": "# who and what\nexim -be\n$version_number $caller_uid\n****\n",
    "scripts/0000-Basic/0002": '# a delivery\nexim -odi "nobody\'s"\nhello\n****\n',
    "scripts/0000-Basic/0003": "# too long\nsleep 30\n",
    "scripts/0000-Basic/0004": "# no file\n1\ncat DIR/not-there\n",
    "scripts/0005_any_name/0005": "# lacks\nexim -be\n****\n",
    "scripts/0005_any_name/REQUIRES": "support Cold_Fusion\n",
    "stdout/0001": "> x.yz 1000\n> \n",
    "stdout/0004": "",
    "stderr/0004": "cat: /eximsim/test/not-there: No such file or directory\n",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    confs = {f"confs/000{number}": CONF for number in range(1, 6)}
    for name, text in {**TREE, **confs}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for name in ("log", "aux-fixed", "aux-var-src", "dnszones-src", "src", "mail"):
        (root / name).mkdir()
    return root


@pytest.fixture(scope="module")
def benched(tree: Path, exim: Path) -> Iterator[Benched]:
    if lack := why_not(exim):
        pytest.skip(lack)
    made = Benched(tree, exim, compiled(tree))
    yield made
    made.close()


def _run(benched: Benched, tree: Path, name: str) -> TestResult:
    (case,) = (case for case in EximTree(tree).tests() if case.name == name)
    assert isinstance(case, TestCase)
    return benched.run(case, Setting(profile(NEWEST), subject="exim:x"))


def test_a_test_has_the_program_in_test_mode_and_an_ordinary_caller(benched: Benched, tree: Path) -> None:
    result = _run(benched, tree, "0001")
    assert (result.reason, result.verdict) == ("", Verdict.PASS)


def test_an_output_without_golden_is_a_difference_that_is_shown(benched: Benched, tree: Path) -> None:
    result = _run(benched, tree, "0002")
    assert result.verdict is Verdict.FAIL
    assert result.texts["log"].splitlines()[0] == "TIME ID <= CALLER@test.ex U=CALLER P=local"


def test_a_test_that_hangs_is_ended_and_named_and_the_next_one_runs(
    benched: Benched, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "limit", lambda parsed: 1.0)
    assert _run(benched, tree, "0003").reason == "did not end within 1 seconds"
    monkeypatch.undo()
    assert _run(benched, tree, "0001").verdict is Verdict.PASS


def test_a_command_may_be_expected_to_fail(benched: Benched, tree: Path) -> None:
    assert _run(benched, tree, "0004").reason == ""


def test_what_the_program_lacks_is_named(benched: Benched, tree: Path) -> None:
    result = _run(benched, tree, "0005")
    assert (result.verdict, result.reason) == (Verdict.SKIP, "needs support Cold_Fusion")


def test_nothing_of_the_place_is_seen_on_the_host(benched: Benched) -> None:
    assert not Path(benched.place.folder).exists()
