"""The DNS as a database: ``${lookup dnsdb{...}}`` (src/lookups/dnsdb.c)."""

from __future__ import annotations

import re
import struct
from math import inf
from typing import TYPE_CHECKING

from eximsim.mta.base.readtime import readconf_readtime
from eximsim.mta.base.string import SPACES, from_octets, list_items, octets, string_is_ip_address
from eximsim.mta.lookup import dns
from eximsim.ports import DnsRecord
from eximsim.quick_dataclass import dataclass
from eximsim.status import DnsResult, Rc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eximsim.mta.process.globals import Process

_TYPES = frozenset(
    ["a", "a+", "aaaa", "cname", "csa", "mx", "mxh", "ns", "ptr", "soa", "spf", "srv", "tlsa", "txt", "zns"]
)
_MODE = re.compile(r"(defer|dnssec)_(strict|lax|never)?", re.IGNORECASE)
_RETRY = re.compile(r"retry_(-?\d*)", re.IGNORECASE | re.ASCII)
_RETRANS = re.compile(r"retrans_([^,]*)", re.IGNORECASE)
_JOINED_BY_SPACE = frozenset(("mx", "srv", "tlsa"))
_TLSA_HEADER = 3
_TLSA_LONGEST = 8192


@dataclass(slots=True)
class _Query:
    """What a query says before its list of domains. ``inner`` separates the fields of one record."""

    defer: str = "lax"
    dnssec: str = "lax"
    type: str = "txt"
    outer: str = "\n"
    inner: str | None = None
    domains: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """OK with ``text``, FAIL, or DEFER with an error message if the query itself is at fault.

    ``seconds``: how long it stands.
    """

    rc: Rc
    text: str = ""
    error: str = ""
    seconds: float = inf


class _BadQuery(Exception):
    pass


def dnsdb_find(process: Process, query: str) -> Found:
    """Answer one query: the records of all its domains, one after the other.

    Sets ``$lookup_dnssec_authenticated``. Source: dnsdb_find().
    """
    try:
        wanted = _parse(query, "lax" if process.profile.dnsdb_asks_dnssec else "never")
    except _BadQuery as error:
        return Found(Rc.DEFER, error=str(error))
    dns.dns_init(process, False, False, wanted.dnssec != "never")
    try:
        return _search(process, wanted)
    finally:
        dns.dns_init(process, False, False, False)


def _parse(query: str, dnssec: str) -> _Query:
    wanted = _Query(dnssec=dnssec)
    rest = _separators(query.lstrip(SPACES), wanted)
    while (after := _modifier(rest, wanted)) is not None:
        after = after.lstrip(SPACES)
        if not after.startswith(","):
            raise _BadQuery("dnsdb modifier syntax error")
        rest = after[1:].lstrip(SPACES)
    name, equals, domains = rest.partition("=")
    if equals:
        wanted.type = name.rstrip(SPACES).lower()
        if wanted.type not in _TYPES:
            raise _BadQuery("unsupported DNS record type")
        rest = domains.lstrip(SPACES)
    if wanted.inner is None:
        wanted.inner = "" if wanted.type == "spf" else " " if wanted.type in _JOINED_BY_SPACE else None
    wanted.domains = rest
    return wanted


def _separators(rest: str, wanted: _Query) -> str:
    if not rest.startswith(">"):
        return rest
    wanted.outer = rest[1:2]
    rest = rest[2:]
    if rest.startswith(","):
        wanted.inner = rest[1:2]
        rest = rest[2:]
    elif rest.startswith(";"):
        wanted.inner = ""
        rest = rest[1:]
    return rest.lstrip(SPACES)


def _modifier(rest: str, wanted: _Query) -> str | None:
    """Read one modifier; gives what follows it, or None if there is none."""
    if mode := _MODE.match(rest):
        name = mode[1].lower()
        if mode[2] is None:
            raise _BadQuery(f"unsupported dnsdb {name} behaviour")
        setattr(wanted, name, mode[2].lower())
        return rest[mode.end() :]
    if retrans := _RETRANS.match(rest):
        if not readconf_readtime(retrans[1]):
            raise _BadQuery("unsupported dnsdb timeout value")
        return rest[retrans.end() :]
    if retry := _RETRY.match(rest):
        if retry[1].startswith("-"):
            raise _BadQuery("unsupported dnsdb retry count")
        return rest[retry.end() :]
    return None


def _search(process: Process, wanted: _Query) -> Found:
    parts: list[str] = []
    failure, seconds = Rc.FAIL, inf
    whole = wanted.type == "ptr" and bool(string_is_ip_address(wanted.domains)[0])
    for item in [wanted.domains] if whole else list_items(wanted.domains):
        domain = item
        if wanted.type in ("ptr", "csa") and string_is_ip_address(item)[0]:
            domain = dns.dns_build_reverse(item)
        for type in _asked_types(wanted.type):
            found, owner = _ask(process, wanted.type, domain, type)
            if found is None:
                continue
            _note_security(process, wanted, found)
            if found.result in (DnsResult.NOMATCH, DnsResult.NODATA):
                continue
            insecure = wanted.dnssec == "strict" and not found.secure
            if found.result is not DnsResult.SUCCEED or insecure:
                if wanted.defer == "strict":
                    return Found(Rc.DEFER)
                if wanted.defer == "lax":
                    failure = Rc.DEFER
                continue
            if wanted.type == "csa":
                parts.extend(_shown_csa(found, same=owner == domain))
            else:
                records = found.records(type)
                seconds = min((seconds, *(record.ttl for record in records)))
                parts.extend(_shown(record, wanted) for record in records)
    if not any(parts):
        return Found(failure, seconds=seconds)
    return Found(Rc.OK, wanted.outer.join(parts), seconds=seconds)


def _asked_types(type: str) -> tuple[str, ...]:
    special = {"a+": ("AAAA", "A"), "mxh": ("MX",), "csa": ("SRV",), "zns": ("NS",)}
    return special.get(type, (type.upper(),))


def _ask(process: Process, wanted: str, domain: str, type: str) -> tuple[dns.DnsLookup | None, str]:
    """The answer, and whose records they are where that is not the domain."""
    if wanted in ("soa", "zns"):
        return dns.zone_lookup(process, domain, type), domain
    if wanted != "csa":
        return dns.dns_lookup(process, domain, type), domain
    return dns.csa_lookup(process, domain)


_CSA = ("N", "N", "Y", "?")
"""What the weight of a record says of its own domain."""


def _shown_csa(found: dns.DnsLookup, *, same: bool) -> Iterator[str]:
    for weight, port, target in dns.csa_records(found):
        if not same:
            yield f"{'X' if port & 1 else '?'} {target}"
        elif weight < len(_CSA):
            yield f"{_CSA[weight]} {target}"


def _note_security(process: Process, wanted: _Query, found: dns.DnsLookup) -> None:
    if wanted.dnssec == "never":
        process.variables.pop("lookup_dnssec_authenticated", None)
    else:
        process.variables["lookup_dnssec_authenticated"] = "yes" if found.secure else "no"


def _shown(record: DnsRecord, wanted: _Query) -> str:
    data = record.data
    if isinstance(data, bytes) and record.type == "SOA":
        return _shown_soa(data, wanted.inner)
    if isinstance(data, bytes):
        return (
            _shown_tlsa(data, wanted.inner or " ")
            if record.type == "TLSA"
            else _shown_text(data, wanted.inner)
        )
    if isinstance(data, tuple):
        fields = data[1:] if wanted.type == "mxh" else data
        return (wanted.inner or " ")[:1].join(str(field) for field in fields)
    if record.type in ("TXT", "SPF"):
        return _shown_text(octets(data), wanted.inner)
    return data


def _shown_text(data: bytes, inner: str | None) -> str:
    """The strings of a TXT record: the first alone unless a separator for them is set, even an empty one."""
    chunks = text_strings(data)
    if inner is None:
        chunks = chunks[:1]
    return from_octets(octets(inner or "").join(chunks))


def text_strings(data: bytes) -> list[bytes]:
    """The strings of which a TXT record consists."""
    chunks: list[bytes] = []
    position = 0
    while position + 1 < len(data):
        end = position + 1 + data[position]
        chunks.append(data[position + 1 : end])
        position = end
    return chunks


def _shown_soa(data: bytes, inner: str | None) -> str:
    """The primary server, and the rest if a separator is set."""
    primary, at = _name(data, 0)
    if not inner:
        return primary
    mailbox, at = _name(data, at)
    return inner[0].join((primary, mailbox, *map(str, struct.unpack_from("!5L", data, at))))


def _name(data: bytes, at: int) -> tuple[str, int]:
    """A name in the wire form, without compression, and what follows it."""
    labels = []
    while data[at]:
        labels.append(from_octets(data[at + 1 : at + 1 + data[at]]))
        at += data[at] + 1
    return ".".join(labels), at + 1


def _shown_tlsa(data: bytes, inner: str) -> str:
    if len(data) < _TLSA_HEADER:
        return ""
    digest = data[_TLSA_HEADER : _TLSA_HEADER + _TLSA_LONGEST].hex()
    return inner[:1].join((*(str(octet) for octet in data[:_TLSA_HEADER]), digest))
