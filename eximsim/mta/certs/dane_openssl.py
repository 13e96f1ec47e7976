"""DANE verification with OpenSSL, as Exim's own dane-openssl.c does it for usages 2 and 3 (RFC 7671).

A matching DANE-EE record settles everything: no name, date or signature is looked at. Otherwise the peer's
chain is searched upwards for a DANE-TA match; what matched becomes the only trust anchor, and OpenSSL
verifies the chain below it, with Exim's name check just before the signatures. Without a match OpenSSL
verifies against a trust store that is empty as a rule, so that its error says how the chain ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from eximsim.mta.certs.dane_match import (
    DANE_EE,
    DANE_TA,
    EXACT,
    FULL_CERTIFICATE,
    Tlsa,
    matchable_records,
)
from eximsim.mta.certs.x509 import Certificate, Era, is_signed_by, parse, parse_chain, stand_in_issuer
from eximsim.mta.certs.x509_errors import OpensslRules, X509Error, rules_of
from eximsim.mta.certs.x509_names import dane_check_names
from eximsim.mta.certs.x509_verify import Step, Verification, eras, is_issuer
from eximsim.ports import TlsAlert
from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class DaneVerdict:
    """What DANE makes of a server's chain.

    ``match`` is the record that decided: the one that verified the chain, or the trust anchor below which the
    chain does not verify; None if no record matched. ``depth`` is where in the chain it matched.
    ``error`` and ``alert`` are None if ``ok``. ``steps`` are the calls of Exim's verify callback up to the
    first error, which ends the handshake. ``made_up_issuer`` tells that the chain ends in a certificate
    that had to be made up for the anchor's key.

    ``crash``: there is no verdict, the process dies of signal 11. Exim looks for the anchor in OpenSSL's
    chain at the depth at which it has found it, but OpenSSL 3 has come to it on a shorter way, or has put a
    made-up issuer in the place of a leaf that is self-signed although it may not sign certificates.
    """

    ok: bool
    match: Tlsa | None
    depth: int | None
    error: X509Error | None
    alert: TlsAlert | None
    steps: tuple[Step, ...]
    made_up_issuer: bool = False
    crash: bool = False
    chain: tuple[Certificate, ...] = ()
    """The chain that was built, leaf first."""


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """A DANE-TA match: the anchor, the record, the depth of the anchor, and the peer's CAs below it."""

    cert: Certificate
    record: Tlsa
    depth: int
    below: tuple[Certificate, ...]
    made_up: bool


def verify_dane(
    sent: tuple[bytes, ...],
    records: tuple[Tlsa, ...],
    names: tuple[str, ...],
    at: float,
    library: str,
    store: tuple[bytes, ...] = (),
) -> DaneVerdict:
    """Verify a server's chain (DER, leaf first) by the usable TLSA records of a host called ``names``.

    ``at`` is in seconds since the epoch. ``store`` has the certificates of a trust store that was loaded
    although DANE makes no use of it: it can change the error of a chain that matches no record, never the
    verdict. Cached by all that can change the result. Raises ``InputError`` for
    what is not a certificate or not an OpenSSL, ``Unsupported`` as ``x509.parse``.
    """
    return _verify_cached(sent, records, names, eras(_dated(sent, records, store), at), library, store)


def _dated(
    sent: tuple[bytes, ...], records: tuple[Tlsa, ...], store: tuple[bytes, ...]
) -> tuple[Certificate, ...]:
    """Every certificate whose dates can matter."""
    return (*parse_chain(sent), *parse_chain(store), *(cert for cert, _ in _full_certificates(records)))


@lru_cache(maxsize=4096)
def _verify_cached(
    sent: tuple[bytes, ...],
    records: tuple[Tlsa, ...],
    names: tuple[str, ...],
    when: tuple[Era, ...],
    library: str,
    store: tuple[bytes, ...],
) -> DaneVerdict:
    chain, rules = parse_chain(sent), rules_of(library)
    matchable = matchable_records(records)
    if record := _match(_of_usage(matchable, DANE_EE), chain[0]):
        return DaneVerdict(True, record, 0, None, None, (Step(0, None, chain[0]),), chain=chain[:1])
    anchor = find_trust_anchor(rules, chain, _of_usage(matchable, DANE_TA))
    dates = dict(zip(_dated(sent, records, store), when, strict=True))
    if anchor is None:
        return _verify_without_anchor(rules, chain, names, parse_chain(store), dates)
    return _verify_by_anchor(rules, chain, anchor, names, dates)


def _verify_without_anchor(
    rules: OpensslRules,
    chain: tuple[Certificate, ...],
    names: tuple[str, ...],
    store: tuple[Certificate, ...],
    when: Mapping[Certificate, Era],
) -> DaneVerdict:
    """No record matched: only which error comes first is open (verify_chain())."""
    run = Verification(rules, chain[0], chain, store, when)
    steps = [*run.build(), *run.check_extensions(), *_check_names(chain[0], names)]
    steps.append(Step(0, X509Error.CERT_UNTRUSTED, chain[0]))
    return _verdict(rules, None, run.chain, steps)


def _verify_by_anchor(
    rules: OpensslRules,
    chain: tuple[Certificate, ...],
    anchor: TrustAnchor,
    names: tuple[str, ...],
    when: Mapping[Certificate, Era],
) -> DaneVerdict:
    """OpenSSL's steps for the chain, with Exim's own among them (verify_cert() and verify_chain())."""
    run = Verification(rules, chain[0], anchor.below, (anchor.cert,), when, explicit_trust=True)
    steps = [*run.build(), *run.check_extensions(), *_check_names(chain[0], names)]
    if len(run.chain) <= anchor.depth and not any(step.error for step in steps):
        return DaneVerdict(False, anchor.record, anchor.depth, None, None, (), crash=True)
    if rules.trusted_top_is_silent and not is_issuer(rules, run.chain[-1], run.chain[-1]):
        steps.append(Step(len(run.chain) - 1, None, run.chain[-1]))
    steps += run.internal_verify()
    return _verdict(rules, anchor, run.chain, steps)


def _check_names(leaf: Certificate, names: tuple[str, ...]) -> tuple[Step, ...]:
    return () if dane_check_names(leaf, names) else (Step(0, X509Error.HOSTNAME_MISMATCH, leaf),)


def _verdict(
    rules: OpensslRules, anchor: TrustAnchor | None, built: list[Certificate], steps: list[Step]
) -> DaneVerdict:
    """The verdict of a callback that accepts no error."""
    error = next((step.error for step in steps if step.error is not None), None)
    seen = next((n for n, step in enumerate(steps, 1) if step.error is not None), len(steps))
    return DaneVerdict(
        ok=error is None,
        match=None if anchor is None else anchor.record,
        depth=None if anchor is None else anchor.depth,
        error=error,
        alert=None if error is None else rules.error_facts(error).alert,
        steps=tuple(steps[:seen]),
        made_up_issuer=anchor is not None and anchor.made_up and anchor.cert in built,
        chain=tuple(built),
    )


# ---- trust anchors ----------------------------------------------------------------------------------------


def find_trust_anchor(
    rules: OpensslRules, chain: tuple[Certificate, ...], records: tuple[Tlsa, ...]
) -> TrustAnchor | None:
    """The trust anchor that DANE-TA records give ``chain``, leaf first (set_trust_anchor()).

    A self-signed leaf may be its own anchor. Otherwise the way leads up from issuer to issuer to the first
    match; if it ends without one below a root, a full certificate or key in a record may be what signed the
    last certificate.
    """
    subject, pool = chain[0], list(chain)
    if _issued(rules, subject, subject):
        match = _match(records, subject)
        return None if match is None else TrustAnchor(subject, match, 0, (), made_up=False)
    below: list[Certificate] = []
    while issuer := next((cert for cert in pool if _issued(rules, cert, subject)), None):
        pool.remove(issuer)
        if match := _match(records, issuer):
            if match.selector == FULL_CERTIFICATE:
                return TrustAnchor(issuer, match, len(below) + 1, tuple(below), made_up=False)
            return _made_up(subject, issuer.spki, match, below)
        below.append(issuer)
        if _issued(rules, issuer, issuer):
            return None
        subject = issuer
    return _anchor_from_records(rules, subject, records, below)


def _anchor_from_records(
    rules: OpensslRules, subject: Certificate, records: tuple[Tlsa, ...], below: list[Certificate]
) -> TrustAnchor | None:
    """A certificate or key that a record has in full, and that has signed ``subject`` (ta_signed())."""
    for cert, record in _full_certificates(records):
        if _issued(rules, cert, subject) and is_signed_by(subject.der, cert.spki):
            return TrustAnchor(cert, record, len(below) + 1, tuple(below), made_up=False)
    for record in reversed(records):
        # of what stands there in full, a certificate is no key that could have signed anything
        if record.mtype == EXACT and is_signed_by(subject.der, record.data):
            return _made_up(subject, record.data, record, below)
    return None


def _made_up(subject: Certificate, spki: bytes, record: Tlsa, below: list[Certificate]) -> TrustAnchor:
    issuer = stand_in_issuer(subject, spki)
    return TrustAnchor(issuer, record, len(below) + 1, tuple(below), made_up=True)


def _issued(rules: OpensslRules, issuer: Certificate, subject: Certificate) -> bool:
    """X509_check_issued()."""
    return is_issuer(rules, issuer, subject) and issuer.may("key_cert_sign")


def _of_usage(records: tuple[Tlsa, ...], usage: int) -> tuple[Tlsa, ...]:
    return tuple(record for record in records if record.usage == usage)


@lru_cache(maxsize=1024)
def _full_certificates(records: tuple[Tlsa, ...]) -> tuple[tuple[Certificate, Tlsa], ...]:
    """The trust anchors that the records hold whole; Exim has added each to the front of a list."""
    return tuple(
        (parse(record.data), record)
        for record in reversed(matchable_records(records))
        if (record.usage, record.selector, record.mtype) == (DANE_TA, FULL_CERTIFICATE, EXACT)
    )


def _match(records: tuple[Tlsa, ...], cert: Certificate) -> Tlsa | None:
    """The record that ``match()`` finds: the selector that appeared last is tried first."""
    appeared = list(dict.fromkeys(record.selector for record in records))
    for selector in reversed(appeared):
        for record in reversed(records):
            if record.selector == selector and record.matches(cert):
                return record
    return None
