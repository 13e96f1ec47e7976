"""Addresses made complete with the host's own domains, and rewritten by rule (src/rewrite.c).

Header lines: ``rewrite_header.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError, Extracted
from eximsim.mta.base.phrase import parse_fix_phrase
from eximsim.mta.config.rewrite_rules import (
    ENVELOPE_FROM,
    ENVELOPE_TO,
    HEADER_FROM,
    HEADER_TO,
    QUALIFY,
    QUIT,
    REPEAT,
    SMTP,
    SMTP_SENDER,
    WHOLE,
)
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.expand_variables import headers_charset
from eximsim.mta.lookup.match import match_address_pattern, match_check_string
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.hostname import qualify_domain
from eximsim.mta.process.log import log_write, quoted
from eximsim.mta.process.sigsegv import immutable_memory
from eximsim.mta.records.spool import HEADER_OLD, Header
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.config.rewrite_rules import RewriteRule
    from eximsim.mta.process.globals import Process

_MOST_REPEATS = 10
_NOTED = {ENVELOPE_FROM: "sender", ENVELOPE_TO: "original-recipient"}

WHERE = {
    "s": "sender:",
    HEADER_FROM: "from:",
    HEADER_TO: "to:",
    "c": "cc:",
    "b": "bcc:",
    "r": "reply-to:",
    ENVELOPE_FROM: "env-from",
    ENVELOPE_TO: "env-to",
    SMTP: "smtp recipient",
    SMTP_SENDER: "smtp sender",
}
"""Where an address stands, by the flag of the rules that are about it, as the log has it."""


def rewrite_address_qualify(process: Process, address: str, *, is_recipient: bool) -> str:
    """``address`` with a domain; one that has one is left alone. Source: rewrite_address_qualify()."""
    if _has_domain(address):
        return address
    return f"{address}@{qualify_domain(process, is_recipient=is_recipient)}"


def _has_domain(address: str) -> bool:
    """Whether there is an ``@`` outside quotes, of which no backslash takes the meaning.

    Source: parse_find_at(), src/parse.c.
    """
    for at in range(len(address) - 1, -1, -1):
        if address[at] == '"':
            return False
        if address[at] == "@":
            before = address[:at]
            if (len(before) - len(before.rstrip("\\"))) % 2 == 0:
                return True
    return False


def rewrite_address(
    process: Process,
    address: str,
    *,
    is_recipient: bool,
    noted_in: list[Header] | None = None,
    constant: bool = False,
) -> str:
    """An envelope address, qualified and rewritten. Source: rewrite_address().

    ``noted_in`` are the header lines of a message that comes in: each change is noted there. ``constant``:
    the address is a part of the configuration itself, into which some releases write; that is the end of
    the process.
    """
    address = rewrite_address_qualify(process, address, is_recipient=is_recipient)
    flag = ENVELOPE_TO if is_recipient else ENVELOPE_FROM
    constant = constant and process.profile.constant_address_is_split
    state = _Address(address, address, noted_in=noted_in, constant=constant)
    return _rewritten(process, state, flag, process.config.rewrites, whole=False).subject


def rewritten_by_rule(process: Process, address: str, *, is_recipient: bool) -> str | None:
    """What rules make of a qualified envelope address, perhaps the same; None if none of them applies."""
    flag = ENVELOPE_TO if is_recipient else ENVELOPE_FROM
    state = _rewritten(process, _Address(address, address), flag, process.config.rewrites, whole=False)
    return state.subject if state.ruled else None


def rewrite_one(process: Process, address: str, flag: str) -> str:
    """What the rules with ``flag`` (one of ``WHERE``) make of an address, without its phrase.

    Source: rewrite_one(), with neither ``whole`` nor ``add_header``.
    """
    return _rewritten(process, _Address(address, address), flag, process.config.rewrites, whole=False).subject


def rewrite_in_header(
    process: Process, address: str, flag: str, rules: Sequence[RewriteRule]
) -> tuple[str, bool, bool]:
    """The same for an address of a header line.

    With it whether the text stands for all that was around it, too, and whether a rule has made it, perhaps
    what it was before.
    """
    result = _rewritten(process, _Address(address, address), flag, rules, whole=True)
    return result.text, result.whole, result.ruled


@dataclass(slots=True)
class _Address:
    """An address on its way through the rules: by itself, and in the text that is to take its place."""

    subject: str
    text: str
    start: int = 0
    end: int = 0
    whole: bool = False
    """A rule with flag w has given it the text around it."""
    noted_in: list[Header] | None = None
    """The header lines in which each change is noted."""
    constant: bool = False
    """It lies in memory that cannot be written, and that will be tried."""
    ruled: bool = False
    """A rule has made it what it is, perhaps what it was before."""

    def become(self, process: Process, found: Extracted, text: str, *, whole: bool) -> None:
        """Take the new address in its text, which counts only if ``whole``."""
        self.subject, self.constant, self.ruled = found.address, False, True
        if whole:
            self.text, self.start = _fixed_phrases(process, text, found)
            self.end, self.whole = self.start + len(found.address), True
        elif self.whole:
            self.text = self.text[: self.start] + found.address + self.text[self.end :]
            self.end = self.start + len(found.address)
        else:
            self.text = found.address


def _fixed_phrases(process: Process, text: str, found: Extracted) -> tuple[str, int]:
    """The text with quotes where the phrases around ``<...>`` need them, and where the address begins."""
    if text[found.start - 1 : found.start] != "<":
        return text, found.start
    before = text[: found.start - 1].rstrip(" ")
    rest = text[found.end + 1 :]
    after = rest.lstrip(" ")
    middle = text[len(before) : len(text) - len(after)]
    charset, longer = headers_charset(process), process.profile.encoded_first_word_longer
    phrase = parse_fix_phrase(before, charset, first_longer=longer)
    after = parse_fix_phrase(after, charset, first_longer=longer)
    return f"{phrase}{middle}{after}", len(phrase) + found.start - len(before)


def _rewritten(
    process: Process, state: _Address, flag: str, rules: Sequence[RewriteRule], *, whole: bool
) -> _Address:
    for number, rule in enumerate(rules, 1):
        if flag[0] not in rule.flags:
            continue
        go_on = _repeated(process, state, rule, number, flag, whole=whole)
        process.numeric = ()
        if not go_on:
            break
    return state


def _repeated(
    process: Process, state: _Address, rule: RewriteRule, number: int, flag: str, *, whole: bool
) -> bool:
    """Apply a rule as often as it says; whether further rules follow."""
    for _ in range(_MOST_REPEATS + 1):
        new, go_on = _by_rule(process, state, rule, number, flag)
        if new is None:
            return go_on
        found, text = new
        if state.noted_in is not None:
            line = f"X-rewrote-{_NOTED[flag]}: {state.subject}\n"
            state.noted_in.append(Header(HEADER_OLD, line))
        state.become(process, found, text, whole=whole and WHOLE in rule.flags)
        if REPEAT not in rule.flags:
            return QUIT not in rule.flags
    log_write(process, f"rewrite rule repeat ignored after {_MOST_REPEATS} times", panic=True)
    return QUIT not in rule.flags


def _by_rule(
    process: Process, state: _Address, rule: RewriteRule, number: int, flag: str
) -> tuple[tuple[Extracted, str] | None, bool]:
    """The new address in its text, None if the rule does not apply; and whether other rules may."""
    address, may_be_null = state.subject, flag in (ENVELOPE_FROM, SMTP_SENDER)
    if flag[0] == SMTP:
        if not _fits_as_sent(process, address, rule.pattern):
            return None, True
    elif not match_address_pattern(process, address, rule.pattern):
        return None, True
    elif rule.replacement == "*":
        return None, False
    if state.constant:
        raise immutable_memory(process, f"delivering {process.message_id}")
    try:
        new = _replacement(process, address, rule.replacement, flag)
    except ExpansionFailed as failed:
        if failed.forced:
            return None, QUIT not in rule.flags
        what = f"Expansion of {rule.replacement} failed while rewriting: {failed.message}"
        log_write(process, what, panic=True)
        return None, False
    try:
        found = extract_address(process, new, allow_null=may_be_null)
    except AddressError as error:
        what = f"Rewrite of {address} yielded unparseable address: {error.message} in address {new}"
        log_write(process, what, panic=True)
        return None, False
    if not found.domain_at and (found.address or not may_be_null):
        if QUALIFY not in rule.flags:
            log_write(
                process,
                f"Rewrite of {address} yielded unqualified address {quoted(process, new)}",
                panic=True,
            )
            return None, False
        complete = rewrite_address_qualify(process, found.address, is_recipient=True)
        new = new[: found.start] + complete + new[found.end :]
        found = extract_address(process, new)
    part = process.profile.rewritten_part_told and WHOLE not in rule.flags and "<" in new
    how = "with (address part of)" if part else "as"
    told = f'"{state.text}" from {WHERE[flag]} rewritten {how} "{new}" by rule {number}'
    log_write(process, told, when="address_rewrite")
    return (found, new), True


def _fits_as_sent(process: Process, text: str, pattern: str) -> bool:
    """Whether a client's text, which need not be an address, fits a pattern."""
    try:
        pattern = expand(process, pattern)
    except ExpansionFailed as failed:
        if not failed.forced:
            shown = quoted(process, pattern)
            what = f"failed to expand {shown} while checking for SMTP rewriting: {failed.message}"
            log_write(process, what, panic=True)
        return False
    return match_check_string(process, text, pattern, caseless=False, captures=True) is Rc.OK


def _replacement(process: Process, address: str, text: str, flag: str) -> str:
    if flag[0] == SMTP:
        return expand(process, text)
    local_part, _, domain = address.rpartition("@")
    with process.setting(local_part=local_part, domain=domain):
        return expand(process, text)
