"""The message store, runs of the queue, its listing, and what an administrator can do to a message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.mta.delivery.queue import queue_get_spool_list
from eximsim.mta.delivery.queue_list import string_format_size
from tests.mta.front import Front
from tests.suite.test_scenario_compare import done, scenario

OLD = "4.88-jh03"


def filled(*recipients: str, release: str = OLD, main: str = "", user: str = "root", uid: int = 0) -> Front:
    front = Front(main, release=release, user=user, uid=uid)
    for recipient in recipients:
        front.exim("-odq", "-f", "s@here.ex", recipient, stdin=f"Subject: {recipient}\n\nbody\n")
    front.machine.files.clear()
    return front


def ids(front: Front) -> list[str]:
    return front.machine.spool.ids()


def test_ids_are_sorted_by_age_and_unique() -> None:
    front = filled(*(f"r{number}@d.ex" for number in range(5)))
    assert len(set(ids(front))) == 5
    assert [front.machine.spool.messages[name].addresses()[0][:2] for name in ids(front)] == [
        f"r{number}" for number in range(5)
    ]


@pytest.mark.parametrize(
    ("option", "detail"),
    [("-q", ""), ("-qf", " -qf"), ("-qff", " -qff"), ("-qi", " -qi"), ("-qqf", " -qqf"), ("-qfl", " -qfl")],
)
def test_a_run_is_logged_with_its_options(option: str, detail: str) -> None:
    front = filled()
    front.exim(option)
    first, last = front.log()
    assert first.startswith("Start queue run: pid=")
    assert first.endswith(detail)
    assert last == first.replace("Start", "End")


def test_a_message_that_fails_is_tried_again_only_when_it_is_time() -> None:
    front = filled("r@d.ex")
    front.exim("-q")
    front.machine.files.clear()
    front.exim("-q")
    assert "retry time not reached" in front.log()[1]
    front.machine.files.clear()
    front.exim("-qf")
    assert "Connection refused" in front.log()[1]


def test_an_ordered_run_takes_the_oldest_first() -> None:
    front = filled(*(f"r{number}@d.ex" for number in range(8)), main="queue_run_in_order")
    front.exim("-qf")
    tried = [line.split()[2] for line in front.log() if " == " in line]
    assert tried == [f"r{number}@d.ex" for number in range(8)]


def test_chance_orders_other_runs_and_loses_nothing() -> None:
    front = filled(*(f"r{number}@d.ex" for number in range(8)))
    front.exim("-qf")
    tried = [line.split()[2] for line in front.log() if " == " in line]
    assert sorted(tried) == [f"r{number}@d.ex" for number in range(8)]
    again = filled(*(f"r{number}@d.ex" for number in range(8)))
    again.exim("-qf")
    assert front.log()[1:-1] == again.log()[1:-1]


def test_a_run_can_be_for_some_senders_or_recipients() -> None:
    front = filled("a@d.ex", "b@e.ex")
    front.exim("-Rf", "e.ex")
    assert [line.split()[2] for line in front.log() if " == " in line] == ["b@e.ex"]


def tried(front: Front) -> list[str]:
    return [
        line.split()[2] for line in front.log() if " == " in line and "retry time not reached" not in line
    ]


@pytest.mark.parametrize(("option", "forced"), [("-S", ["a@a.ex"]), ("-Sf", ["a@a.ex", "b@b.ex"])])
def test_of_selected_messages_the_first_that_is_not_frozen_is_forced(option: str, forced: list[str]) -> None:
    front = filled("f@f.ex", "a@a.ex", "b@b.ex", main="queue_run_in_order", user="root")
    front.exim("-q")
    front.exim("-Mf", ids(front)[0])
    front.machine.files.clear()
    front.exim(option, "s@here.ex")
    assert tried(front) == forced


@pytest.mark.parametrize(("by_time", "order"), [(False, "ab"), (True, "ba")])
def test_messages_of_one_second_go_by_process_or_by_time(by_time: bool, order: str) -> None:
    front = filled("x@d.ex")
    (name,) = ids(front)
    message = front.machine.spool.messages.pop(name)
    for short, made in (("a", "1abcde-000001-09"), ("b", "1abcde-000002-05")):
        front.machine.spool.add(replace(message, id=made, sender=short))
    listed = queue_get_spool_list(front.process(), randomize=False, by_time=by_time)
    assert "".join(front.machine.spool.messages[one].sender for one in listed) == order


def test_messages_of_two_processes_have_their_order_though_no_time_passes() -> None:
    front = filled("a@d.ex", "b@d.ex")
    fractions = [name.rpartition("-")[2] for name in ids(front)]
    assert fractions == sorted(set(fractions))


@pytest.mark.parametrize(("release", "attempts"), [("4.94.1", 0), ("4.95", 1)])
def test_the_first_phase_of_a_run_is_no_first_attempt(release: str, attempts: int) -> None:
    front = filled("r@d.ex", release=release)
    front.exim("-qqi")
    assert len(tried(front)) == attempts


def test_a_frozen_message_is_skipped_and_forced_runs_thaw_it() -> None:
    front = filled("r@d.ex")
    name = ids(front)[0]
    assert front.exim("-Mf", name).code == 0
    assert front.log() == [f"{name} frozen by root"]
    front.exim("-qf")
    assert f"{name} Message is frozen" in front.log()
    front.exim("-qff")
    assert any("Unfrozen by forced delivery" in line for line in front.log())
    assert front.exim("-Mt", name).stdout.endswith("is not frozen\n")


def test_a_message_is_removed() -> None:
    front = filled("r@d.ex")
    name = ids(front)[0]
    status = front.exim("-Mrm", name)
    assert status.stdout == f"Message {name} has been removed\n"
    assert front.log() == [f"{name} removed by root", f"{name} Completed"]
    assert ids(front) == []


def test_recipients_can_be_added_and_done_away_with() -> None:
    front = filled("r@d.ex")
    name = ids(front)[0]
    front.exim("-Mar", name, "new@d.ex")
    assert front.machine.spool.messages[name].addresses() == ["r@d.ex", "new@d.ex"]
    front.exim("-Mmd", name, "r@d.ex")
    assert "          r@d.ex" not in front.exim("-bpu").stdout
    assert "        D r@d.ex" in front.exim("-bp").stdout
    front.exim("-Mes", name, "other@here.ex")
    assert front.machine.spool.messages[name].sender == "other@here.ex"


def test_giving_up_sends_the_message_back() -> None:
    front = filled("r@d.ex")
    name = ids(front)[0]
    front.exim("-Mg", name)
    assert front.log()[0] == f"{name} cancelled by root"
    assert any(f"<= <> R={name}" in line for line in front.log())
    assert name not in ids(front)


def test_an_unknown_message_is_an_error() -> None:
    status = filled().exim("-Mrm", "1r31eq-000000-00")
    assert status.code == 1
    assert "1r31eq-000000-00" in status.stdout + status.stderr


def test_the_listing_shows_age_size_sender_and_recipients() -> None:
    front = filled("r@d.ex", user="caller", uid=1000, main="queue_list_requires_admin = false")
    name = ids(front)[0]
    front.exim("-odq", "-f", "<>", "b@d.ex", stdin="\n")
    front.world.sleep(60 * 60 * 26)
    lines = front.exim("-bp").stdout.splitlines()
    assert lines[0].split() == ["26h", str(front.machine.spool.messages[name].size), name, "<caller@here.ex>"]
    assert lines[1:3] == ["          r@d.ex", ""]
    assert lines[3].split()[-2:] == ["<>", "(caller)"]
    assert front.exim("-bpc").stdout == "2\n"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "     "), (1, "    1"), (1023, " 1023"), (1024, " 1.0K"), (10240, "  10K"), (1048576, " 1.0M")],
)
def test_sizes_fit_into_five_columns(size: int, text: str) -> None:
    assert string_format_size(size) == text


@pytest.mark.parametrize(
    ("words", "detail", "chosen"),
    [
        (["-Rone"], " -R one", ["one@d.ex"]),
        (["-Rr", "^t.o@"], " -Rr ^t.o@", ["two@d.ex"]),
        (["-qqRff", "one"], " -qqff -R one", ["one@d.ex"]),
        (["-qSr", "^S@HERE"], " -Sr ^S@HERE", ["one@d.ex", "two@d.ex"]),
        (["-S", "nobody", "-R", "one"], " -R one -S nobody", []),
    ],
)
def test_a_run_for_some_messages(words: list[str], detail: str, chosen: list[str]) -> None:
    front = filled("one@d.ex", "two@d.ex", main="queue_run_in_order", release="4.99")
    front.exim(*words)
    log = front.log()
    assert log[0].endswith(detail)
    assert [line.split()[2] for line in log if " == " in line] == chosen


def test_the_test_suite_may_say_how_long_messages_have_been_there() -> None:
    front = filled("one@d.ex", main="timeout_frozen_after = 1h")
    front.machine.test_harness = True
    name = ids(front)[0]
    front.exim("-Mf", name)
    front.exim("-Tqt", "50m/70m", "-q")
    assert ids(front) == [name]
    front.exim("-Tqt", "70m", "-q")
    assert "cancelled by timeout_frozen_after" in "\n".join(front.log())


MOVED = "moved from input, msglog to Finput, Fmsglog"


def test_a_frozen_message_is_moved_at_the_next_attempt() -> None:
    front = filled("r@d.ex", main="move_frozen_messages\n")
    (message,) = ids(front)
    front.exim("-Mf", message)
    assert ids(front) == [message]
    front.exim("-q")
    assert f"{message} {MOVED}" in front.log()
    assert ids(front) == []


def test_a_message_that_a_delivery_freezes_is_moved_at_its_end() -> None:
    front = Front("move_frozen_messages\n", release=OLD, routers="begin routers\n")
    front.exim("-odi", "-f", "<>", "r@d.ex", stdin="Subject: x\n\nbody\n")
    assert [line.partition(" ")[2] for line in front.log()][-2:] == [
        "Frozen (message created with -f <>)",
        MOVED,
    ]
    assert ids(front) == []


NOT_THERE = "failed to stat /nowhere.pem for certificates"
NOT_THERE_GNUTLS = "could not stat '/nowhere.pem' (tls_verify_certificates): No such file or directory"


@pytest.mark.parametrize(
    ("program", "said", "with_lists", "for_nothing"),
    [
        ("4.92", "", False, False),
        ("4.95", NOT_THERE, False, False),
        ("4.96-debian12", NOT_THERE_GNUTLS, True, False),
        ("4.98", NOT_THERE, False, True),
        ("4.99", NOT_THERE, False, True),
    ],
)
def test_a_queue_run_looks_for_trust_anchors_before_it_delivers(
    program: str, said: str, with_lists: bool, for_nothing: bool
) -> None:
    """``with_lists``: also with a tls_crl that is expanded; ``for_nothing``: also where nothing waits."""
    for crl, expected in (({}, True), ({"tls_crl": "${if eq{1}{2}{/x}}"}, with_lists)):
        options = {"tls_verify_certificates": "/nowhere.pem", "hosts_avoid_tls": "*", **crl}
        queue = {"argv": ["-odq", "-f", "s@x", "a@one.test.ex"], "stdin": "\n"}
        empty, _, full = done(
            scenario(transport=options, runs=[{"argv": ["-q"]}, queue, {"argv": ["-qq"]}]), program
        )
        assert (said in empty.log) is (bool(said) and expected and for_nothing)
        assert full.log.count(said) == bool(said and expected)
        assert full.log.count(f"PANIC: {said}") == bool(said and expected)
        assert not (said and expected) or full.log.index(said) == 1
