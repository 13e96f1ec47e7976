"""Is a message personal, and not one to a list or from a program? (src/filter.c, src/header.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError, parse_find_address_end
from eximsim.mta.base.regex_cache import compile_pattern
from eximsim.mta.base.string import SPACES, octets, strstric
from eximsim.mta.config.rewrite_rules import HEADER_FROM, HEADER_TO
from eximsim.mta.expand.expand_text import ascii_lower
from eximsim.mta.expand.expand_variables import header_list
from eximsim.mta.process.extract import extract_address
from eximsim.mta.records.spool import HEADER_OLD
from eximsim.mta.routing.rewrite import rewrite_one

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_LIST_HEADERS = tuple(
    f"list-{name}:" for name in ("id", "help", "subscribe", "unsubscribe", "post", "owner", "archive")
)
_NOT_A_PERSON = (
    *("^server@", "^daemon@", "^root@", "^listserv@", "^majordomo@"),
    *("^.*?-request@", "^owner-[^@]+@"),
)
_AUTO_SUBMITTED = "auto-submitted:"
_IMPERSONAL = ("bulk", "list", "junk")


def filter_personal(process: Process, aliases: Sequence[str], *, scan_cc: bool) -> bool:
    """Whether the message is to the user, or an alias, and from a person.

    ``scan_cc``: Cc: and Bcc: count as To: does (Sieve). Source: filter_personal().
    """
    if any(_is_automatic(text) for text in _texts(process)):
        return False
    known = process.variables
    own = f"{known.get('local_part', '')}@{known.get('domain', '')}"
    mine = [own]
    if "local_part_prefix" in known or "local_part_suffix" in known:
        prefix, suffix = known.get("local_part_prefix", ""), known.get("local_part_suffix", "")
        mine.append(f"{prefix}{known.get('local_part', '')}{suffix}@{known.get('domain', '')}")
    senders = [name for one in mine for name in (one, rewrite_one(process, one, HEADER_FROM))]
    names = [name for one in mine for name in (one, rewrite_one(process, one, HEADER_TO))]
    if process.profile.personal_own_to_not_rewritten:
        names[1] = own
    receivers = ("to:", "cc:", "bcc:") if scan_cc else ("to:",)
    return (
        any(_header_match(process, name, [*aliases, *names]) for name in receivers)
        and not _header_match(process, "from:", [*aliases, *_NOT_A_PERSON, *senders])
        and not any(_header_contains(process, "precedence:", word) for word in _IMPERSONAL)
        and known.get("sender_address") != ""
    )


def _texts(process: Process) -> list[str]:
    return [header.text for header in header_list(process) if header.kind != HEADER_OLD]


def _is_automatic(text: str) -> bool:
    lower = ascii_lower(text)
    if lower.startswith("list-"):
        return lower.startswith(_LIST_HEADERS)
    if not lower.startswith(_AUTO_SUBMITTED):
        return False
    return lower[len(_AUTO_SUBMITTED) :].strip(SPACES) != "no"


def _header_match(process: Process, name: str, patterns: Sequence[str]) -> bool:
    """Whether an address of such a header line fits one of the patterns. Source: header_match()."""
    found = [address for text in _named(process, name) for address in _addresses(process, text)]
    return any(_fits(process, address, pattern) for pattern in patterns for address in found)


def _header_contains(process: Process, name: str, word: str) -> bool:
    """Whether such a header line has the word in it, be it in its name."""
    texts = (text for text in _texts(process) if ascii_lower(text).startswith(name))
    return any(strstric(octets(text), octets(word)) for text in texts)


def _named(process: Process, name: str) -> list[str]:
    return [text[len(name) :] for text in _texts(process) if ascii_lower(text).startswith(name)]


def _addresses(process: Process, text: str) -> list[str]:
    """The addresses of a header line, up to the first that cannot be read."""
    found: list[str] = []
    position = 0
    while position < len(text):
        end = parse_find_address_end(text, position)
        try:
            found.append(extract_address(process, text[position:end]).address)
        except AddressError:
            break
        position = end + 1
    return found


def _fits(process: Process, address: str, pattern: str) -> bool:
    if pattern.startswith("^"):
        regex = compile_pattern(pattern, caseless=True)
        return regex.search(address, process.trace, process.effort) is not None
    return ascii_lower(address) == ascii_lower(pattern)
