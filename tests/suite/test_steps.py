"""A script as steps for a real program, and the copy of the program in test mode."""

from __future__ import annotations

import pytest

from eximsim.suite import script
from eximsim.suite.bench import patched
from eximsim.suite.normalisation import Identity
from eximsim.suite.runtest_versions import NEWEST
from eximsim.suite.steps import steps, utilities

IDENTITY = Identity("/eximsim/test")


def test_daemons_stay_in_the_foreground_and_say_where_their_process_number_is() -> None:
    parsed = script.parse("# x\nexim -bd -DSERVER=server -oX PORT_D\n****\nkilldaemon\n", "x")
    daemon, kill = steps(parsed, IDENTITY, "0001", "conf")
    assert " -bdf -oP /eximsim/test/spool/exim-daemon.pid -DSERVER=server -oX 1225 " in daemon["command"]
    assert daemon["command"].endswith("2>>test-stderr-server")
    assert kill == {"do": "kill"}


def test_input_lines_are_substituted_and_escapes_taken() -> None:
    body = ":eval:a\\t\\xC2\\n\n:noeol:c\n:sleep:2\nTESTNUM\\NONL\\\nend\n"
    parsed = script.parse(f"# x\n1\nsudo exim -be\n{body}****\n", "x")
    (run,) = steps(parsed, IDENTITY, "0001", "conf")
    assert run["command"].startswith("sudo /eximsim/test/eximdir/exim ")
    assert [text for kind, text in run["body"] if kind == "text"] == ["a\t\udcc2\n", "c", "0001", "end\n"]
    assert ("sleep", "2") in run["body"]
    assert run["status"] == [1, 0]


def test_clients_and_servers_that_should_succeed_may_take_their_time() -> None:
    calls = ("server PORT_S", "server -t 7 PORT_S", "client -t3 ::1 1", "99\nclient -t3 ::1 2")
    optional = "client -t3 ::1 3\n???? 250\n****\n"
    parsed = script.parse("# x\n" + "".join(f"{call}\n****\n" for call in calls) + optional, "x")
    played = [step["command"].split(" >>")[0] for step in steps(parsed, IDENTITY, "0001", "conf")]
    assert played[:2] == ["-t 30 1224", "-t 7 1224"]
    assert played[2:] == [f"./bin/client {one}" for one in ("-t50  ::1 1", "-t3 ::1 2", "-t3 ::1 3")]


def test_notes_are_written_only_where_the_tree_does_that() -> None:
    parsed = script.parse("# x\n### a note\necho seen by nobody\n", "x")
    assert steps(parsed, IDENTITY, "0001", "conf") == [{"do": "note", "text": "### a note"}]
    assert steps(parsed, IDENTITY, "0001", "conf", NEWEST - {"notes_shown"}) == []


@pytest.mark.parametrize("version", [b"4.99-159-13835a3c1", b"4.99", b"4.98.2"])
def test_a_patched_program_keeps_its_length(version: bytes) -> None:
    program = b"\0>>>running<<<\0" + version + b"\0<<eximversion>>\0"
    copy = patched(program)
    assert len(copy) == len(program)
    assert copy.startswith(b"\0<<<testing>>>\0x.yz\0")
    assert copy.endswith(b"\0<<eximversion>>\0")


def test_a_call_that_says_so_is_no_daemon_wherever_it_says_it() -> None:
    for given in ("-DNOTDAEMON -DSERVER=server -q", "-q -DSERVER=server -DNOTDAEMON"):
        (run,) = steps(script.parse(f"# x\nexim {given}\n****\n", "x"), IDENTITY, "0001", "conf")
        assert (run["do"], run["command"].endswith("2>>test-stderr-server")) == ("run", True)


def test_the_name_of_a_file_to_send_stands_without_blanks() -> None:
    (run,) = steps(script.parse("# x\nexim a@b\n:file: aux-fixed/x\n****\n", "x"), IDENTITY, "0001", "conf")
    assert [tuple(one) for one in run["body"]] == [("file", "aux-fixed/x")]


def test_a_dump_may_be_expected_to_fail() -> None:
    (dump,) = steps(script.parse("# x\n1\ndump retry\n", "x"), IDENTITY, "0001", "conf")
    assert (dump["database"], dump["status"]) == ("retry", [1, 0])


def test_a_script_tells_which_of_exims_utilities_it_runs() -> None:
    parsed = script.parse("# x\ndump retry\ndbmbuild a b\nexinext a@b\nexim -be\n****\n", "x")
    assert list(utilities(parsed)) == ["exim_dumpdb", "exim_dbmbuild", "exinext"]
