"""Certificate verification with GnuTLS 3.7: the chain (lib/x509/verify.c) and DANE (libdane/dane.c).

GnuTLS yields one yes or no for a chain, not a sequence of errors, and its DANE library knows neither names
nor whole chains; what Exim adds to that is in ``tls_verify.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

from eximsim.mta.certs.crl import parse_crl
from eximsim.mta.certs.dane_match import DANE_EE, DANE_TA, Tlsa
from eximsim.mta.certs.x509 import Certificate, is_signed_by, parse_chain
from eximsim.quick_dataclass import dataclass

_MAX_VERIFY_DEPTH = 16

_FAILED = "Verification failed. "
_CA_VIOLATED = "CA constrains were violated. "
_DIFFERS = "The certificate differs. "
NONE_USABLE = "TLSA record problem: none usable"


# ---- chains -----------------------------------------------------------------------------------------------


def chain_is_valid(sent: tuple[bytes, ...], anchors: tuple[bytes, ...], at: float) -> bool:
    """``verify_peers`` without revocation lists."""
    return verify_peers(sent, anchors, at) is Validity.GOOD


class Validity(Enum):
    """What GnuTLS says of a chain."""

    GOOD = "good"
    REVOKED = "GNUTLS_CERT_REVOKED"
    BAD = "GNUTLS_CERT_INVALID"


def verify_peers(
    sent: tuple[bytes, ...], anchors: tuple[bytes, ...], at: float, crls: tuple[bytes, ...] = ()
) -> Validity:
    """gnutls_certificate_verify_peers2(): a server's chain (DER, leaf first) against a trust store.

    ``at`` is in seconds since the epoch. A trusted certificate must be valid at the time like all others; it
    need not be self-signed, and may be the leaf. But it is found only if it has the name of the last
    certificate on the peer's way up, or of that one's issuer. The revocation lists (DER) are believed
    without a look at their signatures and dates.
    """
    chain, store = parse_chain(sent), parse_chain(anchors)
    path = _chain_cached(sent, anchors, tuple(_is_current(cert, at) for cert in chain + store))
    if path is None:
        return Validity.BAD
    revoked = any(parse_crl(crl).names(cert) for crl in crls for cert in path)
    return Validity.REVOKED if revoked else Validity.GOOD


@lru_cache(maxsize=1024)
def _chain_cached(
    sent: tuple[bytes, ...], anchors: tuple[bytes, ...], current: tuple[bool, ...]
) -> list[Certificate] | None:
    """The peer's way up to what is trusted, if it is good."""
    chain, store = parse_chain(sent), parse_chain(anchors)
    now = frozenset(c for c, is_current in zip(chain + store, current, strict=True) if is_current)
    path = _sorted_path(chain, store)
    nearest = (path[-1].canonical_issuer, path[-1].canonical_subject)
    ways = (_leads_to(path, [one for one in store if one.canonical_subject == name], now) for name in nearest)
    return next((way for way in ways if way is not None), None)


def _leads_to(
    path: list[Certificate], store: list[Certificate], now: frozenset[Certificate]
) -> list[Certificate] | None:
    """``path``, cut off where it meets a trusted certificate, if it is good; the leaf is always left."""
    for depth, cert in enumerate(path):
        known = next((anchor for anchor in store if _is_same(cert, anchor, depth)), None)
        if known is not None:
            good = known in now and (depth == 0 or _path_is_valid(path[:depth], store, now))
            return path[: depth or 1] if good else None
    return path if _path_is_valid(path, store, now) else None


def _is_current(cert: Certificate, at: float) -> bool:
    """The last second of the validity still counts (check_time_status())."""
    return cert.not_before <= at <= cert.not_after


def _sorted_path(chain: tuple[Certificate, ...], store: tuple[Certificate, ...]) -> list[Certificate]:
    """The peer's certificates, each followed by its issuer if it is among them (_gnutls_sort_clist()).

    Where the way up ends at one that the store has an issuer for, all further ones are left out; if it does
    not, they follow, whatever they are. A self-signed one at the end does not count.
    """
    path, rest = list[Certificate](), list(dict.fromkeys(chain))
    while rest and not (path and any(_is_issuer(anchor, path[-1]) for anchor in store)):
        path.append(rest.pop(0))
        while issuer := next((c for c in rest if _is_issuer(c, path[-1])), None):
            if _is_issuer(path[-1], path[-1]):
                break
            path.append(issuer)
            rest.remove(issuer)
    return path[:-1] if len(path) > 1 and _is_issuer(path[-1], path[-1]) else path


def _path_is_valid(
    path: list[Certificate], store: Iterable[Certificate], now: frozenset[Certificate]
) -> bool:
    anchor = _find_issuer(path[-1], store, now)
    if anchor is None:
        return False
    issuers = [*path[1:], anchor]
    cas_left = _MAX_VERIFY_DEPTH
    for depth in range(len(path) - 1, -1, -1):
        cert, issuer = path[depth], issuers[depth]
        if cas_left == 0 or not _is_well_issued(cert, issuer, now, is_anchor=issuer is anchor):
            return False
        cas_left = min(cas_left - 1, _MAX_VERIFY_DEPTH if issuer.path_length is None else issuer.path_length)
    return not path[0].unknown_critical


def _find_issuer(
    cert: Certificate, store: Iterable[Certificate], now: frozenset[Certificate]
) -> Certificate | None:
    """The first that fits, or the last of further ones that are valid at the time (find_issuer())."""
    fitting = [anchor for anchor in store if _is_issuer(anchor, cert)]
    later = (anchor for anchor in reversed(fitting[1:]) if anchor in now)
    return next(later, fitting[0] if fitting else None)


def _is_well_issued(
    cert: Certificate, issuer: Certificate, now: frozenset[Certificate], *, is_anchor: bool
) -> bool:
    """One link of the path: CA flag, key usage, signature, extensions and dates (verify_crt())."""
    old_root = is_anchor and (issuer.version == 1 or (issuer.is_ca is None and issuer.self_issued))
    return (
        _is_issuer(issuer, cert)
        and (issuer.is_ca is True or old_root or cert == issuer)
        and issuer.may("key_cert_sign")
        and is_signed_by(cert.der, issuer.spki)
        and not issuer.unknown_critical
        and issuer in now
        and cert in now
    )


def _is_issuer(issuer: Certificate, cert: Certificate) -> bool:
    """By name, and by key identifiers if both have them (is_issuer())."""
    if issuer.canonical_subject != cert.canonical_issuer:
        return False
    wanted, there = cert.authority_key_id, issuer.subject_key_id
    return wanted is None or there is None or wanted == there


def _is_same(cert: Certificate, anchor: Certificate, depth: int) -> bool:
    """A leaf must be the very certificate, a CA may be another one of the same name and key."""
    if depth == 0:
        return cert == anchor
    return cert.canonical_subject == anchor.canonical_subject and cert.spki == anchor.spki


# ---- DANE -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GnutlsDane:
    """What libdane says, as Exim asks it: ``usage`` is the one that verified (2 or 3), else None.

    ``error`` is the text for the log if none did, empty otherwise.
    """

    usage: int | None
    error: str


def verify_dane(sent: tuple[bytes, ...], records: tuple[Tlsa, ...], at: float) -> GnutlsDane:
    """Verify a server's chain (DER, leaf first) by its host's usable TLSA records, DANE-EE before DANE-TA.

    A DANE-TA record must match a certificate other than the leaf, anywhere in what the peer sent; then the
    leaf must be signed by one of those, and only that one signature and its dates are checked. No name is
    looked at (verify_certificate() in tls-gnu.c does that).
    """
    chain = parse_chain(sent)
    current = frozenset(cert for cert in chain if _is_current(cert, at))
    error = NONE_USABLE
    for usage, verify in ((DANE_EE, _verify_ee), (DANE_TA, _verify_ca)):
        mine = tuple(record for record in records if record.usage == usage)
        if not mine:
            continue
        fault = verify(chain, mine, current)
        if not fault:
            return GnutlsDane(usage, "")
        error = fault
    return GnutlsDane(None, error)


def _verify_ee(chain: tuple[Certificate, ...], records: tuple[Tlsa, ...], _: frozenset[Certificate]) -> str:
    return "" if any(record.matches(chain[0]) for record in records) else _FAILED + _DIFFERS


def _verify_ca(chain: tuple[Certificate, ...], records: tuple[Tlsa, ...], now: frozenset[Certificate]) -> str:
    leaf, others = chain[0], chain[:0:-1]
    if not others:
        return NONE_USABLE
    matched = any(record.matches(cert) for record in records for cert in others)
    issuer = next((cert for cert in others if _is_issuer(cert, leaf)), None)
    if matched and issuer is not None and _path_is_valid([leaf], (issuer,), now):
        return ""
    return _FAILED + _CA_VIOLATED
