"""Lists of domains, local parts, addresses and hosts: what the model calls (src/match.c, src/verify.c)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.mta.base.string import SPACES, from_octets, list_items, octets
from eximsim.mta.expand.expand_text import ascii_lower
from eximsim.mta.expand.marks import marked, taint_of
from eximsim.mta.lookup import match_list
from eximsim.mta.process import upward
from eximsim.mta.process.log import log_write, log_write_die, quoted
from eximsim.mta.records.lists import FAILED, Kind, ListCache, ListMatch
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_WHOLE_LOOKUP = re.compile(r"[0-9A-Za-z-]*\*?@?;")
_AT_DOMAINS = frozenset(("", "[]", "mx_any", "mx_primary", "mx_secondary"))
_MOST_CHAINED = 50


def match_isinlist(
    process: Process,
    subject: str,
    text: str | None,
    kind: Kind,
    *,
    caseless: bool = True,
    expanding: bool = True,
    single: bool = False,
    list_name: str | None = None,
    cache: ListCache | None = None,
    anchored: bool = True,
) -> ListMatch:
    """Match ``subject`` against a list of ``kind``, and give the data that came with the match.

    Captured text becomes ``$0``, ``$1``, ... for domains and local parts, up to 4.93 only if ``single``: the
    text is one item.
    Source: match_isinlist() and match_address_list(), src/match.c.
    """
    check: match_list.CheckString | CheckAddress
    if kind is Kind.ADDRESS:
        check = CheckAddress(process, subject, caseless)
    else:
        captures = kind in (Kind.DOMAIN, Kind.LOCALPART) and process.profile.lists_capture
        if not (captures or single):
            process.numeric = ()
        check = match_list.CheckString(
            process,
            kind,
            subject,
            caseless,
            0 if captures or single else -1,
            at_special=kind is Kind.DOMAIN,
            anchored=anchored,
        )
    return match_list.match_check_list(
        process,
        check,
        text,
        name=subject,
        list_name=list_name,
        expanding=expanding,
        single=single,
        cache=cache,
    )


@upward.match_isinlist.answer
def _match_condition(process: Process, subject: str, text: str, kind: Kind) -> ListMatch:
    """As the conditions of ``${if`` ask: their list is expanded already."""
    return match_isinlist(process, subject, text, kind, expanding=False)


def match_isinlist_domain(
    process: Process,
    domain: str,
    text: str | None,
    caseless: bool = True,
    *,
    list_name: str | None = None,
    cache: ListCache | None = None,
) -> Rc:
    """Whether a domain is in a domain list: OK, FAIL or DEFER."""
    return match_isinlist(
        process, domain, text, Kind.DOMAIN, caseless=caseless, list_name=list_name, cache=cache
    ).rc


def match_isinlist_of_dns(process: Process, domain: str, text: str | None, list_name: str | None) -> bool:
    """Whether a domain is in one of the lists that host and DNS lookups search for themselves."""
    anchored = process.profile.dns_lists_name_others
    found = match_isinlist(process, domain, text, Kind.DOMAIN, list_name=list_name, anchored=anchored)
    return found.rc is Rc.OK


def match_isinlist_local_part(
    process: Process,
    local_part: str,
    text: str | None,
    caseless: bool = True,
    *,
    list_name: str | None = None,
    cache: ListCache | None = None,
) -> Rc:
    """Whether a local part is in a local part list: OK, FAIL or DEFER."""
    return match_isinlist(
        process, local_part, text, Kind.LOCALPART, caseless=caseless, list_name=list_name, cache=cache
    ).rc


def match_isinlist_address(
    process: Process,
    address: str,
    text: str | None,
    caseless: bool = True,
    *,
    list_name: str | None = None,
    cache: ListCache | None = None,
) -> Rc:
    """Whether an address is in an address list: OK, FAIL or DEFER."""
    return match_isinlist(
        process, address, text, Kind.ADDRESS, caseless=caseless, list_name=list_name, cache=cache
    ).rc


def match_isinlist_string(
    process: Process, subject: str, text: str | None, caseless: bool = True, *, list_name: str | None = None
) -> Rc:
    """Whether a text is in a list without named lists (a cipher, an authenticator): OK, FAIL or DEFER."""
    return match_isinlist(process, subject, text, Kind.STRING, caseless=caseless, list_name=list_name).rc


def match_address_list(process: Process, address: str, text: str, *, single: bool = False) -> Rc:
    """Whether an address, or with ``single`` the one pattern ``text``, matches: as retry rules ask it."""
    return match_isinlist(process, address, text, Kind.ADDRESS, single=single).rc


def match_check_string(
    process: Process, subject: str, pattern: str, *, caseless: bool = True, captures: bool = False
) -> Rc:
    """Whether ``subject`` matches one pattern that is not part of a list. Source: match_check_string().

    With ``captures`` captured text becomes ``$0``, ``$1``, ...
    """
    setup = 0 if captures else -1
    return match_list.CheckString(process, Kind.STRING, subject, caseless, setup).test(pattern).rc


def match_address_pattern(process: Process, address: str, pattern: str) -> bool:
    """Whether an address fits one pattern; captured text becomes ``$0``, ``$1``, ... as rewriting uses it.

    Source: match_address_list() as rewrite_one() calls it.
    """
    process.numeric = (address,)
    check = CheckAddress(process, address, caseless=False, setup=1)
    return match_list.match_check_list(process, check, pattern, name=address, single=True).rc is Rc.OK


@dataclass(slots=True)
class CheckAddress:
    """A whole address (check_address()); when asked by retry rules its local part may be ``*``.

    ``setup`` is the number of the first variable that gets captured text; negative: none does.
    """

    process: Process
    original: str
    caseless: bool
    setup: int = -1
    subject: str = ""
    kind: Kind = Kind.ADDRESS
    anchored: bool = True
    left: str | None = None
    """What the last item has as its value whose local part matched, or that was looked up."""

    def __post_init__(self) -> None:
        local_part, at, domain = self.original.rpartition("@")
        self.subject = ascii_lower(self.original) if self.caseless else local_part + at + ascii_lower(domain)
        if self.process.profile.address_lists_in_big_buffer:
            self.process.scratch = self.subject

    @property
    def key(self) -> str:
        """See ``check.Check``."""
        return self.subject

    @property
    def subject_for_expansion(self) -> str | None:
        """See ``check.Check``."""
        return None

    def make_caseful(self) -> None:
        """See ``check.Check``."""
        local_part, at, _ = self.original.rpartition("@")
        self.subject = local_part + at + self.subject.rpartition("@")[2]
        self.caseless = False

    def test(self, pattern: str) -> ListMatch:
        """A regular expression, a lookup of the whole address, ``@@`` lookup, or local part and domain."""
        subject = self.subject
        if subject and "@" not in subject:
            log_write(
                self.process,
                "no @ found in the subject of an address list match: "
                f"subject={quoted(self.process, subject)} pattern={quoted(self.process, pattern)}",
                panic=True,
            )
            return FAILED
        if pattern[:1] == "^":
            return replace(self._string(subject, setup=self.setup).test(pattern), value=self.left)
        if _WHOLE_LOOKUP.match(pattern):
            return self._looked_up(self._whole_lookup(pattern))
        if not subject:
            return FAILED if pattern else ListMatch(Rc.OK, self.left)
        if pattern.startswith("@@"):
            return self._split_lookup(marked(pattern[2:], taint_of(pattern)))
        return self._parts(pattern)

    def _string(self, text: str, *, partial: bool = True, setup: int = -1) -> match_list.CheckString:
        return match_list.CheckString(self.process, Kind.STRING, text, self.caseless, setup, partial=partial)

    def _looked_up(self, found: ListMatch) -> ListMatch:
        self.left = found.value
        return found

    def _whole_lookup(self, pattern: str) -> ListMatch:
        if pattern.startswith("partial-"):
            log_write(
                self.process,
                "partial matching is not applicable to whole-address lookups: "
                f'ignored "partial-" in {quoted(self.process, pattern)}',
                panic=True,
            )
        return self._string(self.subject, partial=False).test(pattern)

    def _split_lookup(self, lookup: str) -> ListMatch:
        """The domain is the key of a list of local parts, the last of which may be ``>`` and a new key."""
        local_part, _, key = self.subject.rpartition("@")
        if local_part == "*":
            return FAILED
        for _ in range(_MOST_CHAINED):
            found = match_list.CheckString(self.process, Kind.STRING, key, caseless=False).test(lookup)
            if found.rc is not Rc.OK or found.value is None:
                return found
            items = found.value
            start, colon, last = items.rpartition(":")
            chained = last.lstrip(SPACES)
            following = chained[1:].lstrip(SPACES) if chained.startswith(">") else None
            if following is not None:
                items = start + colon
            for item in list_items(items, escaped_space=self.process.profile.list_keeps_escaped_space):
                negated = item.startswith("!")
                tested = item[1:].lstrip(SPACES) if negated else item
                matched = self._looked_up(self._string(local_part).test(tested))
                if matched.rc is Rc.OK:
                    return FAILED if negated else matched
                if matched.rc is Rc.DEFER:
                    return matched
            if following is None:
                return FAILED
            key = following
        return log_write_die(
            self.process, f"Loop detected in lookup of local part of {self.subject} in @@{lookup}"
        )

    def _parts(self, pattern: str) -> ListMatch:
        local_part, _, domain = self.subject.rpartition("@")
        pattern_local, at, pattern_domain = pattern.rpartition("@")
        if at and pattern_local.endswith("@") and pattern_domain in _AT_DOMAINS:
            pattern_local, pattern_domain = pattern_local[:-1], f"@{pattern_domain}"
        if at and not self._local_part_matches(local_part, pattern_local):
            return FAILED
        setup, numeric = self.setup, self.process.numeric
        if at and setup > 0 and pattern_local.startswith("*"):
            wild = local_part[: len(local_part) - len(pattern_local) + 1]
            self.process.numeric = (*self.process.numeric[:setup], wild)
            setup += 1
        check = match_list.CheckString(
            self.process, Kind.DOMAIN, domain, self.caseless, setup, at_special=True
        )
        found = match_list.match_check_list(
            self.process,
            check,
            pattern_domain if at else pattern,
            name=check.subject,
            expanding=False,
            single=True,
        )
        if found.rc is not Rc.OK:
            self.process.numeric = numeric
        self.left = found.value
        if self.process.profile.address_match_gives_whole and (at or found.value is not None):
            # Of the pattern as many characters are copied as the address has before its @.
            self.left = (
                f"{from_octets(octets(pattern)[: len(octets(local_part))]) if at else ''}@{found.value or ''}"
            )
        return replace(found, value=self.left)

    def _local_part_matches(self, local_part: str, pattern: str) -> bool:
        left, right = (ascii_lower(text) if self.caseless else text for text in (local_part, pattern))
        if right.startswith("*"):
            return left.endswith(right[1:])
        return left == right
