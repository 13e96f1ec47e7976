"""Sieve's vacation: the reply that a filter wants to be sent (parse_commands(), src/sieve.c)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import field
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.parse import AddressError, parse_extract_address
from eximsim.mta.base.rfc2047 import parse_quote_2047
from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.expand.expand import expand
from eximsim.mta.expand.expand_variables import find_header
from eximsim.mta.expand.marks import Taint, taint_of
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.process.log import quoted
from eximsim.mta.records.structs import Reply
from eximsim.mta.routing.filters.generated import Generated
from eximsim.mta.routing.filters.sieve_scanner import SieveError, SieveScanner
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.routing.filters.sieve_tests import SieveTests

_DAY = 86400
_FEWEST_DAYS, _USUAL_DAYS, _MOST_DAYS = 1, 7, 31
_LONGEST_LINE = 73
_LONGEST_ADDRESS = 256
_BLANK_LINE = b"\r\n\r\n"
_PLAIN_TEXT = (
    'MIME-Version: 1.0\nContent-Type: text/plain;\n\tcharset="utf-8"\n'
    "Content-Transfer-Encoding: quoted-printable"
)
_AS_IT_IS = re.compile(rb"[!-<>-~]")


@dataclass(slots=True)
class Vacation:
    """What one command says; ``sender`` is for From:, None for the user's own address."""

    reason: bytes = b""
    days: int = _USUAL_DAYS
    subject: bytes | None = None
    sender: bytes | None = None
    aliases: list[bytes] = field(default_factory=list)
    mime: bool = False
    """The reason begins with header lines of its own."""

    @property
    def file(self) -> str:
        """The name of the file of those who have had this reply."""
        parts = (self.subject or b"", self.sender or b"", b"1" if self.mime else b"0", self.reason)
        return hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest().upper()


def read_vacation(process: Process, scanner: SieveScanner) -> Vacation:
    """The command, up to its end; raises ``SieveError``.

    What ``:handle`` says is taken for the sender, as Exim does it.
    """
    said = Vacation()
    while True:
        scanner.white()
        if scanner.identifier(":days"):
            scanner.white()
            said.days = min(max(scanner.number(), _FEWEST_DAYS), _MOST_DAYS)
        elif scanner.identifier(":subject"):
            scanner.white()
            said.subject = scanner.string("subject string expected")
        elif scanner.identifier(":from"):
            scanner.white()
            said.sender = scanner.string("from string expected")
            _check_address(process, said.sender)
        elif scanner.identifier(":addresses"):
            scanner.white()
            said.aliases += scanner.strings("addresses string list expected")
        elif scanner.identifier(":mime"):
            said.mime = True
        elif scanner.identifier(":handle"):
            scanner.white()
            said.sender = scanner.string("handle string expected")
        else:
            break
    said.reason = scanner.string("missing reason string")
    if said.mime and not said.reason.isascii():
        raise SieveError("MIME reason string contains 8bit text")
    scanner.semicolon()
    if not said.reason:
        raise Unsupported("an empty text of Sieve's vacation, of which Exim reads more than there is")
    return said


def _check_address(process: Process, address: bytes) -> None:
    if not address:
        raise SieveError("empty address")
    text = from_octets(address.partition(b"\0")[0])
    try:
        parse_extract_address(text)
    except AddressError as error:
        shown = quoted(process, text)
        raise SieveError(f"malformed address {shown} ({error.message})") from None


def reply_for(process: Process, tests: SieveTests, said: Vacation, folder: str) -> Generated:
    """The reply that goes to the sender; those who have had it are noted in ``folder``."""
    if taint_of(folder) is not Taint.NONE:
        raise Unsupported("a sieve_vacation_directory whose name may come from outside")
    subject = _subject(process, tests) if said.subject is None else said.subject
    sender = process.variables.get("sender_address", "")
    headers, text = _own_headers(said.reason) if said.mime else (_PLAIN_TEXT, _encoded(process, said.reason))
    reply = Reply(
        sender=expand(process, "$local_part@$domain") if said.sender is None else _text(said.sender),
        to=sender,
        subject=parse_quote_2047(
            from_octets(subject),
            "utf-8",
            first_longer=process.profile.encoded_first_word_longer,
            fold=True,
        ),
        headers=headers,
        text=text,
        once=f"{folder}/{said.file}",
        once_repeat=said.days * _DAY,
    )
    shown = from_octets(octets(sender)[:_LONGEST_ADDRESS])
    return Generated(f">{shown}", "reply", ignore_error=True, reply=reply)


def _text(value: bytes) -> str:
    return from_octets(value.partition(b"\0")[0])


def _subject(process: Process, tests: SieveTests) -> bytes:
    value = find_header(process, "subject:", raw=True)
    return b"Automated reply" if value is None else b"Auto: " + tests.decoded(value)


def _own_headers(reason: bytes) -> tuple[str, str]:
    """The header lines that a reason begins with, and the rest; at the very end no blank line is seen."""
    last = max(len(reason) - len(_BLANK_LINE), 0)
    at = reason.find(_BLANK_LINE, 0, last + len(_BLANK_LINE) - 1)
    at = last if at < 0 else at
    body = at + len(_BLANK_LINE)
    return _text(reason[:at]), _text(reason[body if body < len(reason) else -1 :])


def _encoded(process: Process, reason: bytes) -> str:
    """A text as quoted-printable. Source: quoted_printable_encode()."""
    made, line, at = "", 0, 0
    while at < len(reason):
        octet = reason[at : at + 1]
        if line >= _LONGEST_LINE:
            made += "=\n"
            line = 0
        if _AS_IT_IS.match(octet) or (octet in (b"\t", b" ") and not _ends_line(reason, at)):
            made += octet.decode("ascii")
            line += 1
        elif reason.startswith(b"\r\n", at):
            made += "\n"
            line, at = 0, at + 1
        else:
            if process.profile.sieve_quoted_printable_skips:
                raise UndefinedBehaviour("quoted-printable characters of a vacation have memory between them")
            made += f"={octet[0]:02X}"
            line += 3
        at += 1
    return made


def _ends_line(reason: bytes, at: int) -> bool:
    """Whether a space there has to be encoded: at the end of a line, and near that of the text."""
    after = reason[at + 1 : at + 3]
    return len(after) < 2 or after == b"\r\n"
