"""Sieve's vacation and notify; what is expected is what programs from 4.89 to 4.99 sent."""

from __future__ import annotations

import email

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.routing.filters.sieve_mailto import read_mailto
from eximsim.mta.routing.filters.sieve_scanner import SieveError
from tests.mta.front import Front
from tests.mta.local import LocalMachine

_TRANSPORTS = (
    "reply:\n driver = autoreply\n user = CALLER\n"
    "box:\n driver = appendfile\n file = /mail/box\n message_prefix =\n user = CALLER\n"
)
_HOME = "driver = appendfile\nfile = /mail/a\ncreate_file = belowhome"


def machine(text: str, release: str = "4.99", *, trusted: bool = True, folder: str = "/vac") -> LocalMachine:
    """A machine whose user ``a`` has a filter; everything else comes into one mailbox."""
    routers = (
        "mine:\n driver = redirect\n local_parts = a\n file = /filter\n allow_filter\n user = CALLER\n"
        f" sieve_vacation_directory = {folder}\n sieve_enotify_mailto_owner = $local_part@$domain\n"
        " reply_transport = reply\n file_transport = t\n"
        "rest:\n driver = accept\n transport = box\n"
    )
    files = {"/filter": f"# Sieve filter\n{text}\n".encode()}
    return LocalMachine(_HOME, release, routers=routers, transports=_TRANSPORTS, files=files)


def sent(filtering: LocalMachine) -> str:
    return filtering.mailbox("/mail/box") if "/mail/box" in filtering.world.disk.files else ""


def vacation(arguments: str, text: str = "To: a@mx.test.ex\nSubject: s\n\nx\n", **options: object) -> str:
    """What the sender is sent by a filter with one vacation."""
    filtering = machine(f'require ["vacation"];\nvacation {arguments};', **options)  # type: ignore[arg-type]
    filtering.deliver("a@mx.test.ex", text=text)
    return sent(filtering)


def test_the_sender_of_a_personal_message_is_told() -> None:
    reply = email.message_from_string(vacation('"Gone.\nFor good = away"'))
    assert reply["From"] == "a@mx.test.ex"
    assert reply["To"] == "s@test.ex"
    assert reply["Subject"] == "=?utf-8?Q?Auto=3A_s?="
    assert reply["Content-Transfer-Encoding"] == "quoted-printable"
    assert str(reply.get_payload()).startswith("Gone.\nFor good =3D away\n")


@pytest.mark.parametrize(
    "header",
    ["To: other@mx.test.ex\n", "To: a@mx.test.ex\nList-Id: x\n", "To: a@mx.test.ex\nPrecedence: bulk\n"],
)
def test_nobody_is_told_of_what_is_not_personal(header: str) -> None:
    assert vacation('"Gone."', f"{header}\nx\n") == ""


def test_an_alias_is_as_good_as_the_own_address() -> None:
    assert vacation(':addresses ["x@y", "me@alias.ex"] "Gone."', "To: me@alias.ex\n\nx\n")


def test_a_message_without_subject_has_a_standing_one() -> None:
    assert "Subject: Automated reply\n" in vacation('"Gone."', "To: a@mx.test.ex\n\nx\n")


def test_the_handle_is_taken_for_the_sender() -> None:
    assert "From: me@there\n" in vacation(':handle "me@there" "Gone."')


def test_a_reason_with_header_lines_brings_its_own() -> None:
    reply = vacation(":mime text:\nContent-Type: text/html\n\n<b>x</b>\n.\n")
    assert "Content-Type: text/html\n" in reply
    assert "quoted-printable" not in reply
    assert reply.endswith("\n\n<b>x</b>\n\n")


@pytest.mark.parametrize(("days", "replies"), [("1", 2), ("3", 1), ("99", 1)])
def test_nobody_is_told_again_before_the_days_are_over(days: str, replies: int) -> None:
    filtering = machine(f'require ["vacation"];\nvacation :days {days} "Gone.";')
    for _ in range(2):
        filtering.deliver("a@mx.test.ex", text="To: a@mx.test.ex\n\nx\n")
        filtering.world.sleep(2 * 86400)
    assert sent(filtering).count("Auto-Submitted: auto-replied") == replies


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            'vacation :from "bad address" "x";',
            'malformed address "bad address" (',
        ),
        ('vacation :from "" "x";', "empty address"),
        ('vacation "x"; vacation "y";', "trying to execute vacation more than once"),
        ("vacation;", "missing reason string"),
        ('vacation :mime "é";', "MIME reason string contains 8bit text"),
    ],
)
def test_what_is_wrong_is_said(text: str, error: str) -> None:
    filtering = LocalMachine(_HOME, files={"/f": f'# Sieve filter\nrequire "vacation"; {text}\n'.encode()})
    filtering.exim("-bf", "/f", "-f", "s@test.ex", stdin="To: a@mx.test.ex\n\nx\n")
    assert f"Sieve error: {error}" in filtering.said


def test_a_tainted_folder_is_not_modelled() -> None:
    with pytest.raises(Unsupported):
        vacation('"Gone."', folder="/vac/$local_part")


def test_releases_that_skip_memory_have_no_outcome() -> None:
    assert vacation('"Gone, no sign."', release="4.89")
    with pytest.raises(UndefinedBehaviour):
        vacation('"Gone = away"', release="4.89")


def notified(arguments: str, text: str = "Subject: s\n\nx\n", **options: object) -> str:
    filtering = machine(f'require ["enotify"];\n{arguments}', **options)  # type: ignore[arg-type]
    filtering.deliver("a@mx.test.ex", text=text)
    return sent(filtering)


def test_a_notification_is_sent_at_once_and_once() -> None:
    note = email.message_from_string(notified('notify "mailto:b@x.ex"; notify "mailto:b@x.ex";'))
    assert (note["From"], note["To"], note["Subject"]) == ("a@mx.test.ex", "b@x.ex", "s")
    assert note["Auto-Submitted"] == "auto-notified; a@mx.test.ex"
    assert "Subject" not in str(note.get_payload())


def test_its_sender_is_the_recipient_if_the_user_is_trusted() -> None:
    routers = (
        "begin routers\nmine:\n driver = redirect\n local_parts = a\n file = /filter\n allow_filter\n"
        " user = caller\n sieve_enotify_mailto_owner = x\n file_transport = t\n"
        "begin transports\nt:\n driver = appendfile\n file = /mail/a\n"
    )
    files = {"/filter": b'# Sieve filter\nrequire "enotify"; notify "mailto:b@x.ex";\n'}
    front = Front("trusted_users = exim", routers=routers, files=files)
    front.exim("-odi", "a@here.ex", stdin="Subject: s\n\nx\n")
    assert any("<= a@here.ex R=" in line for line in front.log())


def test_what_a_program_sent_is_not_told_of() -> None:
    assert notified('notify "mailto:b@x.ex";', "Auto-Submitted: auto-generated\n\nx\n") == ""


URI = 'notify "mailto:b@x.ex?subject=Sub%2Dject&body=Body&x-own=7";'


@pytest.mark.parametrize(
    ("release", "has", "lacks"),
    [
        ("4.89", ("Subject: Sub-ject\n", "x-own: 7\n", "\nBody\n"), ("Subject: s\n",)),
        ("4.95", ("Subject: s\n", "Sub%2Dject: \n", "7: \n"), ("\nBody\n",)),
        ("4.99", ("Subject: Sub-ject\n", "\nBody\n"), ("x-own",)),
    ],
)
def test_the_headers_of_a_uri_are_read_as_the_release_does(
    release: str, has: tuple[str, ...], lacks: tuple[str, ...]
) -> None:
    note = notified(URI, release=release)
    assert all(one in note for one in has)
    assert not any(one in note for one in lacks)


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("xmpp:b", "Unknown URI scheme"),
        ("mailto:a%zz", "Invalid URI encoding"),
        ("mailto:%2cb@x", "Missing addr-spec in URI"),
        ("mailto:b@x?a", "Missing equal after hname"),
        ("mailto:b@x?a=b;", "Syntactically invalid URI"),
    ],
)
def test_a_bad_uri_is_told(uri: str, error: str) -> None:
    with pytest.raises(SieveError, match=f"^{error}$"):
        read_mailto(Front().process(), uri.encode())


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        ('valid_notify_method ["mailto:a@b"]', True),
        ('valid_notify_method ["mailto:a@b", "xmpp:x"]', False),
        ('notify_method_capability "mailto:a@b" "Online" "maybe"', True),
        ('notify_method_capability "mailto:a@b" "online" "yes"', False),
        ('notify_method_capability "mailto:a@b" "other" "maybe"', False),
    ],
)
def test_methods_can_be_asked_about(test: str, holds: bool) -> None:
    assert bool(notified(f'if {test} {{ redirect "b@x.ex"; }}')) is holds
