"""TLSA records: reading them, which of them a TLS library can use, and whether one matches a certificate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256, sha512
from types import MappingProxyType

from eximsim.errors import InputError
from eximsim.mta.certs.x509 import Certificate, load_key, parse
from eximsim.quick_dataclass import dataclass

DANE_TA = 2
DANE_EE = 3
FULL_CERTIFICATE = 0
PUBLIC_KEY = 1
EXACT = 0

_DIGESTS: Mapping[int, Callable[[bytes], bytes]] = MappingProxyType(
    {1: lambda data: sha256(data).digest(), 2: lambda data: sha512(data).digest()}
)
_DIGEST_SIZES: Mapping[int, int] = MappingProxyType({1: 32, 2: 64})


@dataclass(frozen=True, slots=True)
class Tlsa:
    """One TLSA record (RFC 6698, 2.1). ``size`` is the length of its RDATA in octets.

    RDATA can be too short for all three numbers; an Exim that does not look at the length then reads the zero
    octet that follows in the reply, and so does ``parse_tlsa``.
    """

    usage: int
    selector: int
    mtype: int
    data: bytes
    size: int

    def matches(self, cert: Certificate) -> bool:
        """Whether the record's selector, matching type and data are those of ``cert``."""
        selected = cert.spki if self.selector == PUBLIC_KEY else cert.der
        return _associate(selected, self.mtype) == self.data


def parse_tlsa(rdata: bytes) -> Tlsa:
    """The record in ``rdata``; never fails."""
    usage, selector, mtype = rdata[:3].ljust(3, b"\0")
    return Tlsa(usage, selector, mtype, rdata[3:], len(rdata))


def data_of(cert: Certificate, selector: int, mtype: int) -> bytes | None:
    """What a record with these numbers holds that was made from ``cert``; None if no record can have them."""
    if selector not in (FULL_CERTIFICATE, PUBLIC_KEY) or mtype not in (EXACT, *_DIGESTS):
        return None
    return _associate(cert.spki if selector == PUBLIC_KEY else cert.der, mtype)


@lru_cache(maxsize=4096)
def _associate(selected: bytes, mtype: int) -> bytes:
    return selected if mtype == EXACT else _DIGESTS[mtype](selected)


def usable_records(rdatas: Iterable[bytes], library: str, *, skip_short: bool) -> tuple[Tlsa, ...]:
    """The records that ``dane_tlsa_load()`` takes (tls-openssl.c, tls-gnu.c): none means no DANE.

    Usages 2 and 3 with matching types 0, 1 and 2 are taken; by GnuTLS only if selector and length of a digest
    are right too, by OpenSSL whatever they are. ``skip_short`` is for the releases that pass over RDATA of
    three octets or less; GnuTLS's part of Exim has done so as long as it has known DANE.
    """
    strict = library == "gnutls"
    given = tuple(rdatas)
    records = (_as_read(rdata, last=at == len(given)) for at, rdata in enumerate(given, 1))
    return tuple(
        record
        for record in records
        if record.usage in (DANE_TA, DANE_EE)
        and record.mtype in (EXACT, *_DIGESTS)
        and (record.size > 3 or not (skip_short or strict))
        and (not strict or _is_well_formed(record))
    )


_NEXT_RECORD = b"\xc0\x0c\0"
"""How a further record begins in an answer: with a pointer to its name."""


def _as_read(rdata: bytes, *, last: bool) -> Tlsa:
    """A record with what stands behind it in the answer, where it is too short for its own three numbers."""
    record = parse_tlsa(rdata)
    if last or record.size >= 3:
        return record
    return replace(parse_tlsa((rdata + _NEXT_RECORD)[:3]), size=record.size)


def matchable_records(records: Iterable[Tlsa]) -> tuple[Tlsa, ...]:
    """Those of the usable records that can match at all (dane-openssl.c, DANESSL_add_tlsa()).

    The selector must be known, a digest as long as its kind makes it, and full data must be a certificate or
    a key from end to end.
    """
    return tuple(record for record in records if _is_well_formed(record) and _is_loadable(record))


def _is_well_formed(record: Tlsa) -> bool:
    return record.selector in (FULL_CERTIFICATE, PUBLIC_KEY) and (
        record.mtype == EXACT or len(record.data) == _DIGEST_SIZES[record.mtype]
    )


def _is_loadable(record: Tlsa) -> bool:
    if record.mtype != EXACT:
        return True
    if record.selector == PUBLIC_KEY:
        return load_key(record.data) is not None
    try:
        return load_key(parse(record.data).spki) is not None
    except InputError:
        return False
