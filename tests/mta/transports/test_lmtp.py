"""The lmtp transport: replies for each recipient, refusals, what breaks off, and whom it talks to."""

from __future__ import annotations

import pytest

from eximsim.errors import InputError, Unanswered, Unsupported
from eximsim.suite.mtp_script import MtpScript
from eximsim.world.answers import given_answer
from tests.mta.local import LocalMachine

SOCKET = "driver = lmtp\nsocket = /run/lmtp\nbatch_max = 9\ntimeout = 2s"
GREETED = "220 hi\nLHLO\n250 OK\n"
SENT = f"{GREETED}MAIL\n250 OK\nRCPT\n250 OK\nDATA\n354 go\n.\n"


def machine(script: str, options: str = "", *, seen: list[str] | None = None) -> LocalMachine:
    run = LocalMachine(f"{SOCKET}{options}")
    run.world.serve("/run/lmtp", lambda _: MtpScript(script, (seen if seen is not None else []).append))
    return run


def outcome(script: str) -> str:
    run = machine(script)
    run.deliver()
    return (
        run.log[1].removeprefix("== a@test.ex R=local T=t defer ").removeprefix("** a@test.ex R=local T=t : ")
    )


def test_each_recipient_has_a_reply_of_its_own() -> None:
    script = (
        f"{GREETED}MAIL\n250 OK\nRCPT\n250 OK\nRCPT\n550 no\nRCPT\n250 OK\nRCPT\n450 later\n"
        "DATA\n354 go\n.\n250 taken\n452 full\nQUIT\n250 bye\n"
    )
    run = machine(script)
    run.deliver("a@test.ex", "b@test.ex", "c@test.ex", "d@test.ex")
    assert run.log[1:5] == [
        "=> a <a@test.ex> R=local T=t",
        "** b@test.ex R=local T=t : LMTP error after RCPT TO:<b@test.ex>: 550 no",
        "== c@test.ex R=local T=t defer (-46): LMTP error after end of data: 452 full",
        "== d@test.ex R=local T=t defer (-44): LMTP error after RCPT TO:<d@test.ex>: 450 later",
    ]


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("450 wait\n", "(-1): LMTP error after initial connection: 450 wait"),
        ("220 hi\nLHLO\n550 no\n", "LMTP error after LHLO mx.test.ex: 550 no"),
        (f"{GREETED}MAIL\n450 wait\n", "(-45): LMTP error after MAIL FROM:<s@test.ex>: 450 wait"),
        ("", "(-1): LMTP connection closed after initial connection"),
        ("220 hi\nLHLO\n*sleep 9\n", "(-1): LMTP timeout after LHLO mx.test.ex"),
        ("22 hi\n", "(-19): Malformed LMTP response after initial connection: 22 hi"),
    ],
)
def test_what_ends_the_dialogue(script: str, line: str) -> None:
    assert outcome(script) == line


def test_the_message_is_written_as_smtp_has_it() -> None:
    seen: list[str] = []
    run = machine(f"{SENT}250 OK\nQUIT\n250 OK\n", seen=seen)
    run.deliver(text="Subject: s\n\n.x\n")
    assert "<<< ..x" in seen
    assert seen[-3:] == ["QUIT", "<<< QUIT", "250 OK"]


@pytest.mark.parametrize(("offered", "word"), [("250-x\n250 IGNOREQUOTA\n", " IGNOREQUOTA"), ("250 x\n", "")])
def test_the_quota_is_ignored_where_that_is_offered(offered: str, word: str) -> None:
    seen: list[str] = []
    machine(f"220 hi\nLHLO\n{offered}MAIL\n250 OK\nRCPT\n450 no\n", "\nignore_quota", seen=seen).deliver()
    assert f"<<< RCPT TO:<a@test.ex>{word}" in seen


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("lmtp:/x a=", "=> a <a@test.ex> R=local T=t"),
        ("lmtp:/x a=552 full", "** a@test.ex R=local T=t : LMTP error after end of data: 552 full"),
    ],
)
def test_a_command_is_what_the_answers_say(answer: str, line: str) -> None:
    run = LocalMachine("driver = lmtp\ncommand = /x a", answers=[given_answer(answer)])
    run.deliver()
    assert run.log[1] == line


def test_a_socket_that_is_not_there_defers() -> None:
    run = LocalMachine(SOCKET, answers=[given_answer("lmtp:/run/lmtp=!none")])
    run.deliver()
    assert run.log[1] == (
        "== a@test.ex R=local T=t defer (-1): Failed to connect to socket /run/lmtp for t transport:"
        " No such file or directory"
    )


def test_a_command_that_cannot_be_run_is_not_guessed() -> None:
    run = LocalMachine("driver = lmtp\ncommand = /x a", answers=[given_answer("lmtp:/x a=!none")])
    with pytest.raises(Unsupported, match="an LMTP command that cannot be run"):
        run.deliver()


def test_a_partner_of_whom_nothing_is_known_is_asked_about() -> None:
    with pytest.raises(Unanswered):
        LocalMachine(SOCKET).deliver()


def test_there_is_one_partner() -> None:
    run = LocalMachine(f"{SOCKET}\ncommand = /x")
    with pytest.raises(InputError, match="one \\(and only one\\) of command or socket"):
        run.exim("-bP", "transports")
