"""Automatic replies."""

from __future__ import annotations

import email

import pytest

from eximsim.errors import Unsupported
from tests.mta.local import LocalMachine

ROUTERS = (
    "back:\n driver = accept\n local_parts = s\n transport = box\n user = CALLER\n"
    "gone:\n driver = redirect\n domains = b.ex\n data = :blackhole:\n"
    "local:\n driver = accept\n transport = t\n user = CALLER\n"
)
BOX = "box:\n driver = appendfile\n file = /mail/s\n message_prefix =\n"
REPLY = 'driver = autoreply\nto = $sender_address\nsubject = Re: $h_subject:\ntext = "Away.\\n"'


def machine(options: str = "", files: dict[str, bytes] | None = None) -> LocalMachine:
    return LocalMachine(f"{REPLY}{options}", routers=ROUTERS, transports=BOX, files=files)


def sent(answering: LocalMachine) -> str:
    return answering.mailbox("/mail/s") if "/mail/s" in answering.world.disk.files else ""


def test_the_sender_gets_a_reply_that_refers_to_his_message() -> None:
    answering = machine()
    answering.deliver(text="Subject: hello\nMessage-ID: <a@b>\n\nx\n")
    reply = email.message_from_string(sent(answering))
    assert reply["Subject"] == "Re: hello"
    assert reply["In-Reply-To"] == reply["References"] == "<a@b>"
    assert reply["Auto-Submitted"] == "auto-replied"
    assert str(reply.get_payload()).startswith("Away.\n")
    assert "=> a <a@test.ex> R=local T=t" in answering.log


def test_replies_to_replies_without_end_are_not_modelled_and_have_their_place() -> None:
    away = LocalMachine(REPLY.replace("$sender_address", "x@b.test"), routers=ROUTERS, transports=BOX)
    with pytest.raises(Unsupported, match=r"more than 40 automatic replies.*:\d+\)"):
        away.deliver()


@pytest.mark.parametrize(("pause", "replies"), [(10, 1), (7200, 2)])
def test_nobody_gets_a_second_one_before_its_time(pause: int, replies: int) -> None:
    answering = machine("\nonce = /mail/once\nonce_repeat = 1h\nlog = /mail/log")
    answering.deliver()
    answering.world.sleep(pause)
    answering.deliver()
    assert sent(answering).count("Auto-Submitted:") == replies
    assert answering.mailbox("/mail/log").count("previously sent to s@test.ex") == 2 - replies


def test_the_log_has_a_line_for_what_is_set_but_empty() -> None:
    answering = machine("\nlog = /mail/log\nheaders = ${if eq{1}{2}{X: y}}\ncc = ${if eq{1}{2}{x}}")
    answering.deliver()
    assert answering.mailbox("/mail/log").endswith("\n  Cc: \n  Subject: Re: s\n  \n")


def test_a_small_file_forgets_the_first_one() -> None:
    answering = machine("\nonce = /mail/once\nonce_file_size = 30")
    for sender in ("s@test.ex", "long@test.ex", "s@test.ex"):
        answering.deliver(sender=sender)
    assert sent(answering).count("To: s@test.ex") == 2


def test_a_reply_to_nobody_is_tried_and_has_no_recipients() -> None:
    answering = machine()
    answering.deliver(sender="<>")
    assert "Error while reading message with no usable sender address" in " ".join(answering.log)
    assert "=> a <a@test.ex> R=local T=t" in answering.log


def test_never_mail_takes_recipients_out() -> None:
    answering = machine("\ncc = x@test.ex, a@b.ex\nnever_mail = s@test.ex : x@*")
    answering.deliver()
    assert "To: s@test.ex" not in sent(answering)
    assert any("a@b.ex" in line for line in answering.log)


def test_a_header_with_what_cannot_be_printed_fails() -> None:
    answering = machine()
    answering.deliver(text="Subject: a\bb\n\nx\n")
    assert "contains non-printing character 8" in "".join(answering.log)
    answering = machine()
    answering.deliver(text="Subject: =?utf-8?q?caf=C3=A9?=\n\nx\n")
    assert "contains non-printing character 233" in "".join(answering.log)


def test_a_tab_can_be_printed() -> None:
    answering = machine()
    answering.deliver(text="Subject: a\tb\n\nx\n")
    assert any(line.startswith("=> a") for line in answering.log)


def test_a_file_and_the_message_can_be_added() -> None:
    files = {"/reply": b"To $local_part.\n"}
    answering = machine("\nfile = /reply\nfile_expand\nreturn_message", files)
    answering.deliver(text="Subject: s\n\nOriginal.\n")
    assert "Away.\nTo a.\n\n------ This is a copy of the message, including all the headers.\n" in sent(
        answering
    )
    assert "\nOriginal.\n" in sent(answering)


def test_a_file_that_is_not_there_defers() -> None:
    answering = machine("\nfile = /none")
    answering.deliver()
    assert "defer (2)" in answering.log[-1]
    assert "Failed to open file /none when sending message from t transport" in answering.log[-1]


@pytest.mark.parametrize(("options", "kind"), [("", "db (v4.1+)"), ("\nonce_file_size = 100", '"once"')])
def test_a_folder_in_the_place_of_the_once_file_defers(options: str, kind: str) -> None:
    answering = machine(f"\nonce = /spool{options}")
    answering.deliver()
    what = f"Failed to open {kind} file /spool when sending message from t transport: Is a directory"
    assert answering.log[-1] == f"== a@test.ex R=local T=t defer (21): Is a directory: {what}"


def test_what_the_router_forbids_a_filter_is_forbidden_in_the_file_of_its_reply() -> None:
    routers = (
        "back:\n driver = accept\n local_parts = s\n transport = box\n user = CALLER\n"
        "filter:\n driver = redirect\n file = /filter\n allow_filter\n forbid_filter_existstest\n"
        " user = CALLER\n no_check_owner\n reply_transport = t\n"
    )
    line = b"${if exists{/etc/passwd}{there}{not there}}\n"
    files = {
        "/filter": b"# exim filter\nseen mail expand file /reply\n",
        "/reply": b"For $local_part\n" + line,
    }
    answering = LocalMachine(
        "driver = autoreply\nuser = CALLER", routers=routers, transports=BOX, files=files
    )
    answering.deliver()
    assert sent(answering).endswith(f"\n\nFor a\n{line.decode()}\n")
