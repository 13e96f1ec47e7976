"""Who is told of messages that are frozen or refused, and how much of them; files that make messages wait."""

from __future__ import annotations

import pytest

from eximsim.suite import shell
from tests.mta.front import Front
from tests.mta.local import LocalMachine

FREEZE = "a:\n accept control = freeze{option}\n"
INPUT = "MAIL FROM:<s@here.ex>\nRCPT TO:<r@d.ex>\nDATA\nSubject: x\n\nbody\n.\nQUIT\n"


def queued_texts(front: Front) -> list[str]:
    messages = front.machine.spool.messages.values()
    return ["".join(header.text for header in one.headers) + one.body.decode() for one in messages]


@pytest.mark.parametrize(("option", "told"), [("", True), ("/no_tell", False)])
def test_a_message_that_an_acl_freezes_is_told_of(option: str, told: bool) -> None:
    main = "freeze_tell = boss@d.ex\nqueue_only\nacl_smtp_rcpt = a\ntrusted_users = caller"
    front = Front(main, FREEZE.format(option=option))
    front.exim("-bs", stdin=f"HELO x\n{INPUT}")
    texts = [text for text in queued_texts(front) if "To: boss@d.ex" in text]
    assert len(texts) == told
    assert all("was frozen on arrival by ACL.\nThe sender is <s@here.ex>.\n" in text for text in texts)
    (log,) = [one.msglog for one in front.machine.spool.messages.values() if one.sender]
    assert log[1].endswith(" frozen by ACL\n")


def test_a_delivery_that_freezes_its_message_tells_what_is_left() -> None:
    later = "later:\n driver = redirect\n allow_defer\n local_parts = a\n data = :defer: busy\n"
    local = "local:\n driver = accept\n transport = t\n user = CALLER\n"
    machine = LocalMachine(
        "driver = appendfile\nfile = /mail/a",
        routers=later + local,
        main="freeze_tell = boss@test.ex\nsystem_filter = /f",
        files={"/f": b"# Exim filter\nif first_delivery and $h_subject: is s then freeze text why endif\n"},
    )
    machine.deliver("a@test.ex")
    told = machine.mailbox()
    assert "has been frozen by the system filter.\nwhy.\nThe sender is <s@test.ex>.\n" in told


@pytest.mark.parametrize(
    ("main", "holds", "lacks"),
    [
        ("", "This is a copy of your message", "nothing"),
        ("no_bounce_return_body", "headers that were received before the error", "\nsecret\n"),
        ("no_bounce_return_message", "Mail failure", "------"),
    ],
)
def test_a_report_holds_as_much_as_options_let_it(main: str, holds: str, lacks: str) -> None:
    front = Front(
        f"queue_only\nacl_not_smtp = no\n{main}", "no:\n deny !senders = :\n message = no\n accept\n"
    )
    front.exim("-odq", "r@d.ex", stdin="Subject: x\n\nsecret\n")
    (text,) = queued_texts(front) or [""]
    assert holds in text
    assert lacks not in text


@pytest.mark.parametrize(("files", "waits"), [({}, False), ({"/stop": b""}, True)])
def test_messages_wait_while_there_is_a_file(files: dict[str, bytes], waits: bool) -> None:
    front = Front("queue_only_file = /stop", files=files)
    front.exim("-odi", "later@d.ex", stdin="\n")
    assert any("come back" in line for line in front.log()) is not waits


def test_the_name_of_a_user_may_have_more_in_from() -> None:
    front = Front("local_from_prefix = *-\nlocal_from_suffix = +*\nqueue_only")
    for local_part in ("x-caller+y", "other"):
        front.exim("r@d.ex", stdin=f"From: {local_part}@here.ex\n\n")
    assert ["Sender: " in text for text in queued_texts(front)] == [False, True]


def test_a_dollar_after_a_backslash_stands_for_itself_in_double_quotes() -> None:
    assert shell.words("a \"b \\$1 \\x\" '\\$'", "s", 1) == ["a", "b $1 \\x", "\\$"]


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("", "== a@d.ex R=r defer (-1): failed to stat /x/none/. (No such file or directory)"),
        (" ignore_enotdir\n", "Unrouteable address"),
    ],
)
def test_a_redirect_file_in_a_folder_that_is_not_there_defers(option: str, line: str) -> None:
    routers = f"begin routers\nr:\n driver = redirect\n{option} file = /x/none/a\n"
    front = Front("log_selector = -all", routers=routers, files={"/x/f": b""})
    front.exim("-odi", "a@d.ex", stdin="\n")
    assert any(line in logged for logged in front.log())


@pytest.mark.parametrize(("retry", "marked"), [("* * F,5d,10m", " (frozen)"), ("", "")])
def test_a_bounce_that_is_not_taken_in_keeps_a_message_that_is_not_too_old(retry: str, marked: str) -> None:
    refusing = "a:\n driver = redirect\n allow_fail\n data = :fail: no such person\n"
    front = Front(
        "acl_not_smtp = a\ntrusted_users = caller",
        "a:\n accept !senders = :\n",
        routers=f"begin routers\n{refusing}begin retry\n{retry}\n",
    )
    front.exim("-odf", "-oem", "-f", "s@b.ex", "nobody@d.ex", stdin="\n")
    told = f"Process failed (1) when writing error message to s@b.ex{marked}"
    lines = [line.partition(" ")[2] for line in front.log()]
    assert (told in lines, "Completed" in lines) == (True, not marked)
    assert [message.frozen for message in front.machine.spool.messages.values()] == [True] * bool(marked)


UNSEEN = """bounces:
 driver = accept
 senders = :
 transport = t
unseen:
 driver = accept
 local_parts = a
 transport = small
 errors_to =
 unseen
failing:
 driver = accept
 local_parts = c
 transport = small
local:
 driver = accept
 transport = t
"""
SMALL = "small:\n driver = appendfile\n file = /mail/x\n user = CALLER\n message_size_limit = 1\n"


def test_a_failure_that_nobody_is_to_hear_of_is_in_no_report_about_others() -> None:
    machine = LocalMachine(
        "driver = appendfile\nfile = /mail/a\nuser = CALLER", routers=UNSEEN, transports=SMALL
    )
    machine.deliver("a@test.ex", "c@test.ex")
    assert "X-Failed-Recipients: c@test.ex\n" in machine.mailbox()


@pytest.mark.parametrize("transport", ["t", "small"])
@pytest.mark.parametrize("of", ["", "router", "transport"])
def test_nothing_is_logged_of_what_a_driver_with_disable_logging_does(transport: str, of: str) -> None:
    """A transport's word counts for what it does; a router's for routing, which is long over then."""
    quiet = " disable_logging\n"
    machine = LocalMachine(
        f"driver = appendfile\nfile = /mail/a\nuser = CALLER\n{quiet if of == 'transport' else ''}",
        routers=f"local:\n driver = accept\n transport = {transport}\n{quiet if of == 'router' else ''}",
        transports=SMALL + (quiet if of == "transport" else ""),
    )
    machine.deliver("a@test.ex", sender="<>")
    assert any(line.startswith(("=> a", "** a")) for line in machine.log) is (of != "transport")


@pytest.mark.parametrize("quiet", [True, False])
def test_nothing_is_logged_of_a_failure_of_a_router_with_disable_logging(quiet: bool) -> None:
    option = " disable_logging\n" if quiet else ""
    router = f"no:\n driver = redirect\n allow_fail\n data = :fail: no\n{option}"
    machine = LocalMachine("driver = appendfile\nfile = /mail/a\nuser = CALLER", routers=router)
    machine.deliver("a@test.ex", sender="<>")
    assert any(line.startswith("** a@test.ex") for line in machine.log) is not quiet
