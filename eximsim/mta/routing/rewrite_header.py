"""Addresses in header lines made complete and rewritten by rule (``rewrite_one_header()``, src/rewrite.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError, parse_find_address_end
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.log import log_write
from eximsim.mta.routing.rewrite import rewrite_address_qualify, rewrite_in_header

if TYPE_CHECKING:
    from eximsim.mta.config.rewrite_rules import RewriteRule
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Header

FLAGS = {"S": "s", "F": "f", "T": "t", "C": "c", "B": "b", "R": "r"}
"""The flag of the rules about each kind of header line that has addresses."""

_SENDERS = frozenset("SFR")
_LONG = 40
"""After so many octets a line that grows is folded."""


def rewrite_header(
    process: Process,
    header: Header,
    rules: Sequence[RewriteRule],
    *,
    senders_qualified: bool = True,
    recipients_qualified: bool = True,
) -> str:
    """The line with each address complete and rewritten; as it was, if it is no line with addresses.

    The last two say whether an address of a sender (From:, Sender:, Reply-To:) or a recipient may lack its
    domain; one that may not is left alone.
    """
    flag = FLAGS.get(header.kind)
    if flag is None:
        return header.text
    is_recipient = header.kind not in _SENDERS
    allowed = recipients_qualified if is_recipient else senders_qualified
    text, folded, in_group = header.text, 0, False
    at = _past_space(text, text.index(":") + 1)
    while at < len(text):
        begin, end = at, parse_find_address_end(text, at)
        at = _past_space(text, end + 1)
        piece = text[begin:end] if end < len(text) else text[begin:].rstrip()
        try:
            found = extract_address(process, piece, group=True, in_group=in_group)
        except AddressError as error:
            in_group = error.in_group
            _log_unreadable(process, error)
            continue
        in_group = found.in_group
        address = rewrite_address_qualify(process, found.address, is_recipient=is_recipient)
        if address != found.address and not allowed:
            continue
        new, whole = rewrite_in_header(process, address, flag, rules)
        if new == found.address and not whole:
            continue
        start, stop = (0, len(piece)) if whole else (found.start, found.end)
        before = text[: begin + start] + new + text[begin + stop : at]
        grown = len(new) - (stop - start)
        fold = grown > 0 and len(before) - folded > _LONG and text[:at].rstrip(" \t")[-1:] != "\n"
        folded = len(before) if fold else folded
        text, at = before + ("\n\t" if fold else "") + text[at:], len(before)
    return text


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return min(at, len(text))


def _log_unreadable(process: Process, error: AddressError) -> None:
    if process.profile.malformed_header_address_logged and error.message != "empty address":
        log_write(process, f"qualify/rewrite: {error.message}")
