"""The rules of a tree's own ``runtest``, read from it and run by Perl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from eximsim.suite import script, tree_rules
from eximsim.suite.normalisation import Identity
from tests.writing import write_files

IDENTITY = Identity("/eximsim/test")

RUNTEST = r"""#! /usr/bin/perl
my $re_octets = qr/\d+\.\d+/;
sub new_value {
my($old, $form, $next) = @_;
return $cache{$old} //= sprintf($form, $$next++);
}
sub date_seconds {
return timelocal(0, 0, 0, 1, 0, 2000);
}
sub munge {
my($file, $extra) = @_;
my($is_stderr) = $file =~ /stderr/;
open(IN, $file) || die "no file";
while(<IN>)
  {
  eval $extra if defined $extra;
  s/at \Q$parm_cwd\E/at TESTSUITE/;
  s/pid (\d+)/"pid " . new_value($1, "p%s", \$next_pid)/e;
  s/uid $>/uid CALLER/;
  s/from $re_octets/from ADDRESS/;
  next if $is_stderr && /^built with/;
  print MUNGED;
  }
}
$munges =
  { 'shout' =>
    { 'stdout' => 's/quiet/LOUD/' },
  };
  $next_pid = 1234;
  $next_msgid = "aX";
"""


def _rules(tmp_path: Path, text: str, files: dict[str, str], wanted: tuple[str, ...] = ()) -> dict[str, str]:
    """What comes of the files of a test directory."""
    if shutil.which("perl") is None:
        pytest.skip("no Perl here")
    write_files(tmp_path, {"runtest": RUNTEST, **files})
    (tmp_path / "out").mkdir()
    parsed = script.parse(text, "x")
    sizes = {name: len(content) for name, content in files.items()}
    listed = tree_rules.outputs(sizes, parsed, IDENTITY, wanted)
    ran = subprocess.run(
        ["perl", tree_rules.PERL_SCRIPT, "runtest"], cwd=tmp_path, check=True, text=True,
        input=f"{tree_rules.job(listed, parsed, IDENTITY)}go\n", stdout=subprocess.PIPE,
    )  # fmt: skip
    assert ran.stdout == "done\n"
    texts = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    return tree_rules.named(listed, texts, parsed, dict.fromkeys(wanted, ""))


def test_values_are_numbered_through_all_outputs_in_the_order_of_their_comparison(tmp_path: Path) -> None:
    files = {"test-stdout": "pid 70 at /eximsim/test\n", "spool/log/mainlog": "pid 71 uid 1000\n",
             "test-stderr": "built with x\npid 70\n"}  # fmt: skip
    assert _rules(tmp_path, "# x\nexim -bV\n****\n", files) == {
        "log": "pid p1234 uid CALLER\n",
        "stdout": "pid p1235 at TESTSUITE\n",
        "stderr": "pid p1235\n",
    }


def test_a_munge_that_a_script_chooses_is_the_tree_s(tmp_path: Path) -> None:
    files = {"test-stdout": "quiet\n", "test-stderr": "quiet from 1.2\n"}
    done = _rules(tmp_path, "# x\nmunge shout\nexim -bV\n****\n", files)
    assert done == {"stdout": "LOUD\n", "stderr": "quiet from ADDRESS\n"}


def test_what_a_server_wrote_follows_and_message_logs_have_their_new_names(tmp_path: Path) -> None:
    files = {"spool/log/mainlog": "a\n", "spool/log/servermainlog": "b\n",
             "spool/msglog/1vXyZ3-00000000abC-Qq12": "c\n"}  # fmt: skip
    done = _rules(tmp_path, "# x\nexim -bV\n****\n", files)
    assert done["log"] == "a\n\n******** SERVER ********\nb\n"
    assert list(done) == ["log", "msglog/10HmaX-000000005vi-0000"]


def test_an_empty_output_takes_part_only_where_a_golden_is(tmp_path: Path) -> None:
    sizes = {"test-stdout-server": 0, "test-stdout": 0}
    parsed = script.parse("# x\nexim -bV\n****\n", "x")
    assert tree_rules.outputs(sizes, parsed, IDENTITY, ()) == []
    assert [one.name for one in tree_rules.outputs(sizes, parsed, IDENTITY, ("stdout",))] == ["stdout"]


def test_each_question_is_answered_by_itself(tmp_path: Path) -> None:
    _rules(tmp_path, "# x\n", {"test-stdout": "pid 70\n"})
    jobs = ["file\t0\tstdout\ttest-stdout\t", "file\t../no/0\tstdout\ttest-stdout\t",
            "file\t1\tstdout\ttest-stdout\t"]  # fmt: skip
    ran = subprocess.run(
        ["perl", tree_rules.PERL_SCRIPT, "runtest"], cwd=tmp_path, check=True, text=True,
        input="".join(f"{job}\ngo\n" for job in jobs), stdout=subprocess.PIPE,
    )  # fmt: skip
    first, second, third = ran.stdout.splitlines()
    assert (first, third) == ("done", "done")
    assert second.startswith("failed: out/../no/0")
    assert (tmp_path / "out/1").read_text() == "pid p1234\n"
