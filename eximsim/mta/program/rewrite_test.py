"""Trying the rewrite rules on an address (-brw; rewrite_test() in src/rewrite.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError
from eximsim.mta.config.rewrite_rules import ENVELOPE_FROM, ENVELOPE_TO, SMTP, SMTP_SENDER
from eximsim.mta.process.extract import extract_address
from eximsim.mta.routing.rewrite import rewrite_address_qualify, rewrite_in_header, rewrite_one

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_NAMES = {
    "s": "sender",
    "f": "from",
    "t": "to",
    "c": "cc",
    "b": "bcc",
    "r": "reply-to",
    ENVELOPE_FROM: "env-from",
    ENVELOPE_TO: "env-to",
}
_WIDTH = 8


def rewrite_test(process: Process, text: str) -> None:
    """Print what the rules make of an address, wherever it may stand."""
    flags = set().union(*(rule.flags for rule in process.config.rewrites))
    if not flags:
        process.out("No rewrite rules are defined\n")
        return
    done = False
    if SMTP in flags:
        new = rewrite_one(process, text, SMTP_SENDER)
        done = new != text
        if done:
            process.out(f"    SMTP: {new or '<>'}\n")
    if not flags - {SMTP}:
        return
    text = rewrite_address_qualify(process, text, is_recipient=True)
    try:
        found = extract_address(process, text)
    except AddressError as error:
        if not done:
            process.out(f"Syntax error in {text}\n{error.message[:1].upper()}{error.message[1:]}\n")
        return
    for flag, name in _NAMES.items():
        if flag in (ENVELOPE_FROM, ENVELOPE_TO):
            shown = rewrite_one(process, found.address, flag) or "<>"
        else:
            shown, whole, _ = rewrite_in_header(process, found.address, flag, process.config.rewrites)
            if not whole and shown:
                shown = f"{text[: found.start]}{shown}{text[found.end :]}"
        process.out(f"{name:>{_WIDTH}}: {shown or '<>'}\n")
