"""Answers as a recursive resolver gives them, from RRsets; and the reader of such a list.

The list form describes a resolver's view one RRset at a time, so that it can hold what no zone file can: a
failure for one name and type, an answer that never comes, an insecure answer in a secure zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from eximsim.errors import InputError
from eximsim.ports import DnsAnswer, DnsRecord, RData
from eximsim.quick_dataclass import dataclass
from eximsim.world import names, rdata
from eximsim.world.reply import Reply, Zones

RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
_ANSWERED = ("NOERROR", "NXDOMAIN")
_MAX_CHAIN = 16
_NEGATIVE_TTL = 60


@dataclass(frozen=True, slots=True)
class RRset:
    """What the resolver says for one name (text form) and type; ``secure`` becomes AD."""

    name: str
    type: str
    records: tuple[DnsRecord, ...] = ()
    rcode: str = "NOERROR"
    secure: bool = False
    drop: bool = False
    truncate: bool = False
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Apex:
    """Where a zone starts: the SOA record of its negative answers, and whether these are secure."""

    soa: DnsRecord
    secure: bool


class ResolvedZones(Zones):
    """A closed world of RRsets. CNAMEs are followed to the end of the chain, as a recursive resolver does.

    The answer holds the chain and its end; AD is that of all parts together, and never set with an RCODE
    other than NOERROR and NXDOMAIN (RFC 4035, 3.2.3); the RCODE is the last part's. A name in ``known``
    without RRset of the type is NODATA, any other name matches a wildcard (RFC 4592) or is NXDOMAIN; these
    two have the nearest apex's SOA in the authority section and are as secure as the apex says. A loop is
    SERVFAIL.
    """

    def __init__(self, rrsets: Iterable[RRset], apexes: Iterable[Apex], known: Iterable[str]) -> None:
        super().__init__()
        self._rrsets = {(names.key(rrset.name), rrset.type): rrset for rrset in rrsets}
        self._apexes = {names.key(apex.soa.name): apex for apex in apexes}
        self._known = frozenset(map(names.key, known))

    def owners(self) -> Iterable[str]:
        """The names of the RRsets."""
        return dict.fromkeys(rrset.name for rrset in self._rrsets.values())

    def _decide(self, name: str, type: str) -> Reply:
        chain: list[RRset] = []
        for _ in range(_MAX_CHAIN):
            last = self._find(name, type)
            chain.append(last)
            if last.drop:
                return Reply(DnsAnswer("TIMEOUT"), drop=True)
            if last.type == type or not last.records:
                return self._reply(chain, name)
            name = names.key(str(last.records[0].data))
        return Reply(DnsAnswer("SERVFAIL"))

    def _reply(self, chain: Sequence[RRset], name: str) -> Reply:
        last = chain[-1]
        negative = not last.records and last.rcode in _ANSWERED
        answer = DnsAnswer(
            last.rcode,
            ad=all(part.secure for part in chain) and last.rcode in _ANSWERED,
            answers=tuple(record for part in chain for record in part.records),
            authority=(self._apex(name).soa,) if negative else (),
        )
        truncate = any(part.truncate for part in chain)
        return Reply(answer, delay=sum(part.delay for part in chain), truncate=truncate)

    def _find(self, name: str, type: str) -> RRset:
        """The RRset for a question about one name, made up if nothing is stored: a CNAME if there is one."""
        wildcard = self._wildcard(name) if name not in self._known else None
        owner = wildcard or name
        found = self._rrsets.get((owner, "CNAME")) or self._rrsets.get((owner, type))
        if found is None:
            exists = wildcard is not None or name in self._known
            return RRset(name, type, (), "NOERROR" if exists else "NXDOMAIN", self._apex(name).secure)
        if wildcard is None:
            return found
        records = tuple(DnsRecord(name, r.type, r.data, r.ttl) for r in found.records)
        return RRset(
            name, found.type, records, found.rcode, found.secure, found.drop, found.truncate, found.delay
        )

    def _wildcard(self, name: str) -> str | None:
        """The wildcard at the closest encloser of an unknown name, if there is one."""
        encloser = next((parent for parent in names.parents(name)[1:] if parent in self._known), "")
        wildcard = f"*.{encloser}" if encloser else "*"
        return wildcard if wildcard in self._known else None

    def _apex(self, name: str) -> Apex:
        return next((self._apexes[p] for p in names.parents(name) if p in self._apexes), _NO_ZONE)


def _root_soa() -> DnsRecord:
    return DnsRecord("", "SOA", rdata.soa("", "", (1, 3600, 600, 86400, _NEGATIVE_TTL)), _NEGATIVE_TTL)


_NO_ZONE = Apex(_root_soa(), secure=False)
"""Above every zone of the scenario: nothing is known there, and nothing is signed."""

_SIGNED_ROOT = Apex(_root_soa(), secure=True)


# ---- the list form -------------------------------------------------------------------------------------

_KEYS = ("name", "type", "rcode", "ad", "data", "drop", "tc", "delay", "ttl")
_DEFAULT_TTL = 3600
_MAX_DELAY = 3600
_KINDS: Mapping[type, str] = {str: "a string", bool: "true or false", int: "a number", list: "a list"}
_WORDED = frozenset({"A", "AAAA", "CNAME", "NS", "PTR", "MX", "SRV"})
_T = TypeVar("_T")


def rrset_zones(
    rrsets: Iterable[Mapping[str, object]],
    path: str | None = None,
    certificate: rdata.CertificateSource | None = None,
) -> ResolvedZones:
    """The zones of a list of RRsets: ``{"name", "type", "rcode", "ad", "data"}``, the last three optional.

    ``data`` is a list: addresses for A and AAAA, names for CNAME, NS and PTR, ``[preference, host]`` for MX,
    ``[priority, weight, port, target]`` for SRV, the RDATA in hexadecimal for all other types; a TLSA record
    may also be written ``3 1 1 @cert:NAME``, where ``certificate`` gives what has that name. ``drop`` (no
    answer at all), ``tc`` (truncated over UDP), ``delay`` (seconds) and ``ttl`` may be added. A known name
    without RRset of the type, and an unknown name, give a secure negative answer. Raises ``InputError``.
    """
    context = rdata.Context(names.canonical, certificate)
    read: dict[tuple[str, str], RRset] = {}
    for number, entry in enumerate(rrsets, 1):
        try:
            rrset = _rrset(entry, context)
        except (rdata.BadData, names.BadName) as error:
            raise InputError(f"RRset {number}: {error}", path) from None
        key = names.key(rrset.name), rrset.type
        if key in read:
            raise InputError(
                f"RRset {number}: {rrset.name} {rrset.type} again; expected each RRset once", path
            )
        read[key] = rrset
    return ResolvedZones(read.values(), (_SIGNED_ROOT,), (name for name, _ in read))


def _rrset(entry: object, context: rdata.Context) -> RRset:
    if not isinstance(entry, Mapping):
        raise rdata.BadData(f"{entry!r}; expected an object with name and type")
    for key in entry:
        if key not in _KEYS:
            raise rdata.BadData(f"unknown key {key!r}; expected {', '.join(_KEYS)}")
    name = names.canonical(_field(entry, "name", str))
    type = _type(_field(entry, "type", str))
    rcode = _field(entry, "rcode", str, "NOERROR")
    if rcode not in RCODES:
        raise rdata.BadData(f"rcode {rcode!r}; expected {', '.join(RCODES)}")
    data: list[object] = _field(entry, "data", list, [])
    if rcode != "NOERROR" and data:
        raise rdata.BadData(f"data with rcode {rcode}; expected none")
    if type == "CNAME" and len(data) > 1:
        raise rdata.BadData("two CNAMEs; expected one")
    ttl = rdata.number(str(_field(entry, "ttl", int, _DEFAULT_TTL)), "ttl", 0x7FFFFFFF)
    return RRset(
        name,
        type,
        tuple(DnsRecord(name, type, _value(type, value, context), ttl) for value in data),
        rcode,
        secure=_field(entry, "ad", bool, False),
        drop=_field(entry, "drop", bool, False),
        truncate=_field(entry, "tc", bool, False),
        delay=_seconds(entry.get("delay", 0)),
    )


def _field(entry: Mapping[str, object], key: str, kind: type[_T], default: _T | None = None) -> _T:
    value = entry.get(key, default)
    if not isinstance(value, kind):
        raise rdata.BadData(f"{key} is {value!r}; expected {_KINDS[kind]}")
    return value


def _type(text: str) -> str:
    try:
        return rdata.type_name(rdata.type_number(text))
    except KeyError:
        raise rdata.BadData(
            f"type {text!r}; expected a record type such as MX, or TYPE and a number"
        ) from None


def _seconds(value: object) -> float:
    if isinstance(value, int | float) and 0 <= value <= _MAX_DELAY:
        return float(value)
    raise rdata.BadData(f"delay is {value!r}; expected seconds from 0 to {_MAX_DELAY}")


def _value(type: str, value: object, context: rdata.Context) -> RData:
    if type in _WORDED:
        fields = value if isinstance(value, list) else [value]
        if all(isinstance(field, str | int) for field in fields):
            return rdata.from_fields(type, [str(field) for field in fields], context)
    elif isinstance(value, str) and type == "TLSA" and " " in value:
        return rdata.from_fields(type, value.split(), context)
    elif isinstance(value, str):
        return rdata.from_octets(type, rdata.hexadecimal(value, f"{type} data"))
    raise rdata.BadData(f"{type} data is {value!r}; expected text, or a list of text and numbers")
