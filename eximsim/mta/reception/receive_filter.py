"""The message that a filter is tested with: its header lines as reception leaves them, and its body.

Source: what receive_msg() in src/receive.c and read_message_body() in src/filtertest.c do for -bf and -bF.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError
from eximsim.mta.base.string import SPACES, from_octets
from eximsim.mta.process.extract import extract_address
from eximsim.mta.reception.incoming import new_message_id
from eximsim.mta.reception.receive_data import from_line, header_lines
from eximsim.mta.reception.receive_headers import complete_headers, scan_headers
from eximsim.mta.records.spool import Header, header_kind
from eximsim.mta.routing.rewrite import rewrite_address_qualify
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.reception import Reception
    from eximsim.mta.reception.receive_headers import Submitter

_END = re.compile(rb"(?:\A|\n)\.\n")
_FULL_LINE = re.compile(rb"[^\n]\n")
"""What is counted where a dot ends the message: there a blank line is none."""

_TO_SPACES = bytes.maketrans(b"\n\0", b"  ")


@dataclass(frozen=True, slots=True)
class TestMessage:
    """What was read of standard input.

    ``return_path`` comes from a Return-path: line. ``rest`` is what follows the header; None if the message
    ended with it.
    """

    return_path: str | None
    rest: bytes | None
    size: int


def receive_for_filter(
    reception: Reception, content: bytes, submitter: Submitter, *, dot_ends: bool
) -> TestMessage:
    """Read the header of a message, as reception does; what is noteworthy is told on standard output."""
    process = reception.process
    tell = process.out
    named, text = from_line(content)
    if named is not None and not submitter.sender_forced:
        submitter = _sender_from_line(reception, submitter, from_octets(named))
    headers, last, position = header_lines(text)
    if not headers:
        tell("Warning: no message headers read\n")
    reception.headers = [Header(" ", from_octets(header)) for header in headers]
    return_path = None
    for header in reception.headers:
        if header_kind(header.text)[1:] == ("return-path", False):
            return_path = _return_path(header.text)
            tell('Return-path taken from "Return-path:" header line\n')
    scan = scan_headers(reception, submitter)
    process.message_id = new_message_id(process)
    complete_headers(reception, scan, submitter)
    process.header_list = reception.headers
    rest = text[position:]
    read = content[: len(content) - len(rest)].replace(b"\r\n", b"\n")
    dotted = dot_ends and last == b".\n"
    if dotted:
        read = read.removesuffix(b"\n").removesuffix(b".")
    elif not read.endswith(b"\n"):
        read += b"\n"
    process.variables["message_linecount"] = str(read.count(b"\n"))
    at_end = not rest and (process.profile.stdin_read_ahead or last != b"\n")
    ended = dotted or last is None or at_end
    process.variables["received_count"] = str(scan.received)
    return TestMessage(return_path, None if ended else rest, len(read))


def _sender_from_line(reception: Reception, submitter: Submitter, text: str) -> Submitter:
    """A ``From `` line says who the sender is, if -f did not."""
    try:
        sender = extract_address(reception.process, text, allow_null=True).address
    except AddressError:
        return submitter
    if sender:
        sender = rewrite_address_qualify(reception.process, sender, is_recipient=False)
    reception.envelope.sender = reception.process.variables["sender_address"] = sender
    reception.process.variables.pop("authenticated_sender", None)
    reception.process.out('Sender taken from "From " line\n')
    return replace(submitter, local=False, name="")


def _return_path(text: str) -> str:
    value = text[len("Return-path:") :].strip(SPACES)
    return value[1:-1] if value.startswith("<") and value.endswith(">") else value


def read_message_body(reception: Reception, message: TestMessage, *, dot_ends: bool) -> None:
    """Set the variables that show the body and its size. Source: read_message_body()."""
    process = reception.process
    visible = process.config.main.number("message_body_visible")
    body, lines = message.rest or b"", 0
    if message.rest is not None:
        found = _END.search(body) if dot_ends else None
        if found is not None:
            body = body[: found.end() - len(b".\n")]
        # The last line counts as unfinished, too, where the ring buffer begins anew just behind it.
        counted = len(_FULL_LINE.findall(body)) if dot_ends else body.count(b"\n")
        lines = counted + (len(body) % (visible + 1) == 0 or not body.endswith(b"\n"))
    process.variables["body_linecount"] = str(lines)
    process.variables["body_zerocount"] = str(body.count(b"\0"))
    process.variables["message_body_size"] = str(len(body))
    process.variables["message_size"] = str(message.size + len(body))
    first, last = body[:visible], body[-visible:] if visible else b""
    process.variables["message_body"] = from_octets(first.translate(_TO_SPACES))
    process.variables["message_body_end"] = from_octets(last.translate(_TO_SPACES))
