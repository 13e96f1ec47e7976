"""Addresses in header lines made complete and rewritten by rule (``rewrite_one_header()``, src/rewrite.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError, parse_find_address_end
from eximsim.mta.process.ends import ExitsSilently
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.log import log_write
from eximsim.mta.records.spool import HEADER_OLD, Header
from eximsim.mta.routing.rewrite import rewrite_address_qualify, rewrite_in_header

if TYPE_CHECKING:
    from eximsim.mta.config.rewrite_rules import RewriteRule
    from eximsim.mta.process.globals import Process

FLAGS = {"S": "s", "F": "f", "T": "t", "C": "c", "B": "b", "R": "r"}
"""The flag of the rules about each kind of header line that has addresses."""

_SENDERS = frozenset("SFR")
_LONG = 40
"""After so many octets a line that grows is folded."""
_WITH_LINE_END = frozenset(("ends the process", "logged where rules apply"))
"""Where the line's end belongs to its last address, and so to a complaint about it."""


def rewrite_lines(
    process: Process,
    headers: list[Header],
    *,
    senders_qualified: bool = True,
    recipients_qualified: bool = True,
    routed: tuple[str, str] | None = None,
) -> None:
    """Rewrite all lines (``rewrite_header``); what one was stays before it, marked as old."""
    texts = [
        rewrite_header(
            process,
            header,
            process.config.rewrites,
            senders_qualified=senders_qualified,
            recipients_qualified=recipients_qualified,
            routed=routed,
        )
        for header in headers
    ]
    for index, header in reversed(list(enumerate(headers))):
        text = texts[index]
        if text is not None:
            old, header.text = Header(HEADER_OLD, header.text), text
            headers.insert(index, old)


def rewrite_header(
    process: Process,
    header: Header,
    rules: Sequence[RewriteRule],
    *,
    senders_qualified: bool = True,
    recipients_qualified: bool = True,
    routed: tuple[str, str] | None = None,
) -> str | None:
    """The line with each address complete and rewritten; None if nothing was, or it has no addresses.

    A rule may rewrite an address to what it was.

    ``senders_qualified`` and ``recipients_qualified`` say whether an address of a sender (From:, Sender:,
    Reply-To:) or a recipient may lack its domain; one that may not is left alone. ``routed`` are a domain and
    the one that a router found it to be: then only addresses in that domain are changed.
    """
    flag = FLAGS.get(header.kind)
    if flag is None:
        return None
    is_recipient = header.kind not in _SENDERS
    allowed = recipients_qualified if is_recipient else senders_qualified
    text, folded, in_group, changed = header.text, 0, False, False
    at = _past_space(text, text.index(":") + 1)
    whole_line = process.profile.malformed_header_address in _WITH_LINE_END
    while at < len(text):
        begin, end = at, parse_find_address_end(text, at)
        at = _past_space(text, end + 1)
        piece = text[begin:end] if end < len(text) or whole_line else text[begin:].rstrip()
        try:
            found = extract_address(process, piece, group=True, in_group=in_group)
        except AddressError as error:
            in_group = error.in_group
            _unreadable(process, error, ruled=bool(rules) or routed is not None)
            continue
        in_group = found.in_group
        if routed is not None:
            local_part, _, domain = found.address.rpartition("@")
            if not found.domain_at or domain.lower() != routed[0].lower():
                continue
            address = f"{local_part}@{routed[1]}"
        else:
            address = rewrite_address_qualify(process, found.address, is_recipient=is_recipient)
            if address != found.address and not allowed:
                continue
        new, whole, ruled = rewrite_in_header(process, address, flag, rules)
        if new == found.address and not ruled:
            continue
        changed = True
        start, stop = (0, len(piece.rstrip())) if whole else (found.start, found.end)
        before = text[: begin + start] + new + text[begin + stop : at]
        grown = len(new) - (stop - start)
        fold = grown > 0 and len(before) - folded > _LONG and text[:at].rstrip(" \t")[-1:] != "\n"
        folded = len(before) if fold else folded
        text, at = before + ("\n\t" if fold else "") + text[at:], len(before)
    return text if changed else None


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return min(at, len(text))


def _unreadable(process: Process, error: AddressError, *, ruled: bool) -> None:
    """An address that cannot be read is passed over, with a line in the log; 4.96 goes no further."""
    known = process.profile.malformed_header_address
    if not known or error.message == "empty address" or not (ruled or known == "logged"):
        return
    start = "qualify/rewrite" if known == "logged" else "rewrite"
    log_write(process, f"{start}: {error.message}")
    if known == "ends the process":
        raise ExitsSilently(error.message)
