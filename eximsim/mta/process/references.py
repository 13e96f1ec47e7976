"""The References: line of what Exim writes about a message (moan_write_references(), src/moan.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.parse import parse_message_ids
from eximsim.mta.base.string import octets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Header

_LONGEST_LINE = 998
_MOST_REFERENCES = 12
_POINTER = 6
"""Octets of a pointer up to one that is zero: what is reckoned for a message id that is dropped is the length
of the pointer to it, taken for a string."""


def references(process: Process, headers: Sequence[Header], *, reply: bool = False) -> list[str]:
    """The References: line about a message, if it has an id or an answer to another.

    An autoreply has always had one.

    Source: moan_write_references(), src/moan.c.
    """
    if not reply and not process.profile.reports_have_references:
        return []
    ids = [header.text for header in headers if header.kind == "I"]
    own = ids[-1].partition(":")[2].lstrip() if ids else None
    found = _named(headers, "references:") or _named(headers, "in-reply-to:")
    if found is None and own is None:
        return []
    known = _kept_references(process, found or "", own)
    text = "".join(f" {one}" for one in known)
    return [f"References:{text}{f' {own}' if own else ''}".removesuffix("\n")]


def _named(headers: Sequence[Header], name: str) -> str | None:
    kept = (header.text for header in headers if header.kind != "*")
    return next((text.partition(":")[2] for text in kept if text.lower().startswith(name)), None)


def _kept_references(process: Process, text: str, own: str | None) -> list[str]:
    """The first message id and the last ones, no more than fit into a line."""
    kept: list[str] = []
    used = len("References:") + (len(octets(own)) + 1 if own is not None else 0)
    for one in parse_message_ids(text):
        size = len(octets(one))
        limited = process.profile.references_fit_a_line
        full = limited and used + size + len(kept) > _LONGEST_LINE
        if len(kept) < _MOST_REFERENCES and not full:
            kept.append(one)
        elif len(kept) > 1:
            used -= _POINTER
            kept = [kept[0], *kept[2:], one]
        used += size
    return kept
