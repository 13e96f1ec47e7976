"""Addresses made complete with the host's own domains, and rewritten by rule (src/rewrite.c).

Of the rules those about the envelope are obeyed, and for filters those about the user's own address in From:
and To:. What they do to header lines changes no more than the text of the message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError
from eximsim.mta.config.rewrite_rules import (
    ENVELOPE_FROM,
    ENVELOPE_TO,
    HEADER_FROM,
    HEADER_TO,
    QUALIFY,
    QUIT,
    REPEAT,
    WHOLE,
)
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.lookup.match import match_address_pattern
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.log import log_write

if TYPE_CHECKING:
    from eximsim.mta.config.rewrite_rules import RewriteRule
    from eximsim.mta.process.globals import Process

_MOST_REPEATS = 10

WHERE = {HEADER_FROM: "from:", HEADER_TO: "to:", ENVELOPE_FROM: "env-from", ENVELOPE_TO: "env-to"}
"""Where an address stands, by the flag of the rules that are about it, as the log has it."""


def qualify_domain(process: Process, *, is_recipient: bool) -> str:
    """The domain that unqualified senders, or recipients, are given."""
    options = process.config.main
    name = options.text("qualify_recipient") if is_recipient else None
    return (
        name or options.text("qualify_domain") or options.text("primary_hostname") or process.machine.hostname
    )


def rewrite_address_qualify(process: Process, address: str, *, is_recipient: bool) -> str:
    """``address`` with a domain; one that has one is left alone. Source: rewrite_address_qualify()."""
    if "@" in address.replace("\\@", ""):
        return address
    return f"{address}@{qualify_domain(process, is_recipient=is_recipient)}"


def rewrite_address(process: Process, address: str, *, is_recipient: bool) -> str:
    """An envelope address, qualified and rewritten. Source: rewrite_address()."""
    address = rewrite_address_qualify(process, address, is_recipient=is_recipient)
    return rewrite_one(process, address, ENVELOPE_TO if is_recipient else ENVELOPE_FROM)


def rewrite_one(process: Process, address: str, flag: str) -> str:
    """What the rules with ``flag`` (one of ``WHERE``) make of an address, without its phrase.

    Source: rewrite_one(), with neither ``whole`` nor ``add_header``.
    """
    for number, rule in enumerate(process.config.rewrites, 1):
        if flag not in rule.flags:
            continue
        address, go_on = _repeated(process, address, rule, number, flag)
        process.numeric = ()
        if not go_on:
            break
    return address


def _repeated(process: Process, address: str, rule: RewriteRule, number: int, flag: str) -> tuple[str, bool]:
    """What a rule, applied as often as it says, makes of the address; whether further rules follow."""
    for _ in range(_MOST_REPEATS + 1):
        new, go_on = _by_rule(process, address, rule, number, flag)
        if new is None:
            return address, go_on
        address = new
        if REPEAT not in rule.flags:
            return address, QUIT not in rule.flags
    log_write(process, f"rewrite rule repeat ignored after {_MOST_REPEATS} times", panic=True)
    return address, QUIT not in rule.flags


def _by_rule(
    process: Process, address: str, rule: RewriteRule, number: int, flag: str
) -> tuple[str | None, bool]:
    """The new address, None if the rule does not apply; and whether other rules may (rewrite_one())."""
    if not match_address_pattern(process, address, rule.pattern):
        return None, True
    if rule.replacement == "*":
        return None, False
    local_part, _, domain = address.rpartition("@")
    try:
        with process.setting(local_part=local_part, domain=domain):
            new = expand(process, rule.replacement)
    except ExpansionFailed as failed:
        if failed.forced:
            return None, QUIT not in rule.flags
        what = f"Expansion of {rule.replacement} failed while rewriting: {failed.message}"
        log_write(process, what, panic=True)
        return None, False
    try:
        found = extract_address(process, new, allow_null=flag == ENVELOPE_FROM)
    except AddressError as error:
        what = f"Rewrite of {address} yielded unparseable address: {error.message} in address {new}"
        log_write(process, what, panic=True)
        return None, False
    if not found.domain_at and (found.address or flag != ENVELOPE_FROM):
        if QUALIFY not in rule.flags:
            log_write(process, f'Rewrite of {address} yielded unqualified address "{new}"', panic=True)
            return None, False
        new = rewrite_address_qualify(process, found.address, is_recipient=True)
        found = extract_address(process, new)
    how = "as" if WHOLE in rule.flags or "<" not in new else "with (address part of)"
    told = f'"{address}" from {WHERE[flag]} rewritten {how} "{new}" by rule {number}'
    log_write(process, told, when="address_rewrite")
    return found.address, True
