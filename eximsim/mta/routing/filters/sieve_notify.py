"""Sieve's notify: a message that a filter sends at once (parse_commands(), src/sieve.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.rfc2047 import parse_quote_2047
from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.expand.expand import expand
from eximsim.mta.expand.expand_variables import find_header
from eximsim.mta.process.upward import child_open_exim2
from eximsim.mta.routing.filters.sieve_mailto import Mailto, read_mailto
from eximsim.mta.routing.filters.sieve_scanner import SieveError, SieveScanner
from eximsim.mta.routing.filters.sieve_tests import OWN_LOCAL_PART
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.routing.filters.sieve_tests import SieveTests


@dataclass(frozen=True, slots=True)
class Notification:
    """What makes a notification the same as one before."""

    method: bytes
    importance: bytes | None
    message: bytes


@dataclass(slots=True)
class Notify:
    """What one command says; ``sender`` is for From:, None for the user's own address."""

    method: bytes
    uri: Mailto
    sender: bytes | None = None
    importance: bytes | None = None
    message: bytes | None = None


def read_notify(process: Process, scanner: SieveScanner) -> Notify:
    """The command, up to its end; raises ``SieveError``. What follows ``:options`` is not read as such."""
    said = Notify(b"", Mailto())
    while True:
        scanner.white()
        if scanner.identifier(":from"):
            scanner.white()
            said.sender = scanner.string("from string expected")
        elif scanner.identifier(":importance"):
            scanner.white()
            said.importance = scanner.string("importance string expected")
            if said.importance not in (b"1", b"2", b"3"):
                raise SieveError("invalid importance")
        elif scanner.identifier(":options"):
            scanner.white()
        elif scanner.identifier(":message"):
            scanner.white()
            said.message = scanner.string("message string expected")
        else:
            break
    said.method = scanner.string("missing method string")
    scanner.semicolon()
    said.uri = read_mailto(process, said.method)
    return said


def due(process: Process, tests: SieveTests, said: Notify) -> Notification | None:
    """What is to be told; None for a message that was sent by a program."""
    automatic = find_header(process, "auto-submitted:", raw=True)
    if automatic is not None and tests.decoded(automatic) != b"no":
        return None
    message = said.uri.subject if said.message is None else said.message
    if message is None:
        message = tests.decoded(find_header(process, "subject:", raw=True) or "")
    return Notification(said.method, said.importance, message)


def send(process: Process, said: Notify, told: Notification, owner: str, login: str) -> None:
    """Send a notification; ``login`` is the user under whom the filter runs."""
    own = expand(process, f"{OWN_LOCAL_PART}@$domain")
    envelope = own if process.variables.get("sender_address") else ""
    lines = [f"From: {own if said.sender is None else _text(said.sender)}\n"]
    lines += [f"To: {_text(recipient)}\n" for recipient in said.uri.recipients]
    lines += [f"Auto-Submitted: auto-notified; {owner}\n", _text(said.uri.headers)]
    longer = process.profile.encoded_first_word_longer
    subject = parse_quote_2047(from_octets(told.message), "utf-8", first_longer=longer, fold=True)
    lines += [f"Subject: {subject}\n", "\n"]
    if said.uri.body:
        lines.append(f"{_text(said.uri.body)}\n")
    child_open_exim2(process, envelope, [], octets("".join(lines)), process.message_id, login, envelope)


def _text(value: bytes) -> str:
    return from_octets(value.partition(b"\0")[0])
