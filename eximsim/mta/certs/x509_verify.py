"""Chain verification as OpenSSL's X509_verify_cert() does it (crypto/x509/x509_vfy.c), 1.0.2 and 3.

The result is the sequence of calls that the application's verify callback would see if it accepted every
error: Exim's callbacks are written against that sequence, and one that stops has seen a prefix of it.
Security levels, policies and explicit trust settings in certificate files are outside the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from eximsim.mta.certs.crl import Crl, check_revocation, eras_of, parse_crl
from eximsim.mta.certs.x509 import Certificate, Era, era, is_signed_by, load_key, parse_chain
from eximsim.mta.certs.x509_errors import OpensslRules, X509Error, rules_of
from eximsim.quick_dataclass import dataclass

_SERVER_PURPOSES = ("1.3.6.1.5.5.7.3.1", "1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1")
"""serverAuth, and the two "server gated crypto" purposes that OpenSSL takes for it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the verify callback: ``error`` is None where OpenSSL reports success at this depth."""

    depth: int
    error: X509Error | None
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """Every call of the callback, in order, if each error is accepted; the built chain, leaf first."""

    steps: tuple[Step, ...]
    chain: tuple[Certificate, ...]

    @property
    def errors(self) -> tuple[Step, ...]:
        """The calls that report an error."""
        return tuple(step for step in self.steps if step.error is not None)

    @property
    def ok(self) -> bool:
        """No error at all."""
        return all(step.error is None for step in self.steps)


def eras(chain: tuple[Certificate, ...], at: float) -> tuple[Era, ...]:
    """Where ``at`` (seconds since the epoch) lies for each certificate."""
    return tuple(era(cert.not_before, cert.not_after, at) for cert in chain)


def verify_chain(
    sent: tuple[bytes, ...],
    anchors: tuple[bytes, ...],
    at: float,
    library: str = "openssl-3",
    crls: tuple[bytes, ...] | None = None,
) -> ChainVerdict:
    """Verify a server's chain (DER, leaf first) against a trust store.

    ``at`` is in seconds since the epoch; ``crls`` (DER) are the revocation lists, None if nobody asks for
    any. Cached by all that can change the result. Raises ``InputError`` for
    what is not a certificate or not an OpenSSL, ``Unsupported`` as ``x509.parse``.
    """
    lists = None if crls is None else tuple(parse_crl(der) for der in crls)
    dated = None if lists is None else tuple(zip(lists, eras_of(lists, at), strict=True))
    sent_eras, store_eras = eras(parse_chain(sent), at), eras(parse_chain(anchors), at)
    return _verify_cached(library, sent, anchors, sent_eras, store_eras, dated)


@lru_cache(maxsize=1024)
def _verify_cached(
    library: str,
    sent: tuple[bytes, ...],
    anchors: tuple[bytes, ...],
    sent_eras: tuple[Era, ...],
    store_eras: tuple[Era, ...],
    crls: tuple[tuple[Crl, Era], ...] | None,
) -> ChainVerdict:
    chain, store = parse_chain(sent), parse_chain(anchors)
    when = dict(zip(chain + store, sent_eras + store_eras, strict=True))
    run = Verification(rules_of(library), chain[0], chain, store, when)
    steps = [*run.build(), *run.check_extensions()]
    for depth, error in () if crls is None else check_revocation(run.chain, crls):
        steps.append(Step(depth, error, run.chain[depth]))
    return ChainVerdict((*steps, *run.internal_verify()), tuple(run.chain))


class Verification:
    """One run of X509_verify_cert(): a context with the chain under construction.

    ``when`` has the era of every certificate that is not always valid. ``explicit_trust`` is for anchors
    that are trusted whether self-signed or not, whatever they say of themselves: those of DANE. ``build``,
    ``check_extensions`` and ``internal_verify`` are to be called in this order.
    """

    def __init__(
        self,
        rules: OpensslRules,
        leaf: Certificate,
        untrusted: tuple[Certificate, ...],
        store: tuple[Certificate, ...],
        when: Mapping[Certificate, Era],
        *,
        explicit_trust: bool = False,
    ) -> None:
        self.rules = rules
        self.untrusted = list(untrusted)
        self.store = store
        self.when = when
        self.explicit_trust = explicit_trust
        self.chain = [leaf]
        self.num_untrusted = 1

    # ---- finding issuers ------------------------------------------------------------------------------

    def build(self) -> Iterator[Step]:
        """Extend the chain up to a trust anchor; one error if there is none."""
        builder = self._build_trusted_first if self.rules.trusted_first else self._build_untrusted_first
        return builder()

    def _build_trusted_first(self) -> Iterator[Step]:
        """build_chain() of 1.1.0 and later: each certificate's issuer from the store if it has one.

        Once a trusted issuer is in the chain, only the store can extend it.
        """
        look_in_sent = True
        while True:
            top = self.chain[-1]
            if issuer := self._find_issuer(top, self.store, leave_out=False):
                if not self._is_self_signed(top):
                    self.chain.append(issuer)
                elif issuer == top or not issuer.der:  # X509_cmp() has nothing to compare in a made-up one
                    self.chain[-1] = issuer
                    self.num_untrusted -= 1
                else:
                    issuer = None
            if issuer is not None:
                look_in_sent = False
                if self._is_trusted(issuer):
                    return
                if not self._is_self_signed(issuer):
                    continue
            if not look_in_sent:
                break
            issuer = None if self._is_self_signed(top) else self._find_issuer(top, self.untrusted)
            if issuer is None:
                break
            self.untrusted.remove(issuer)
            self.chain.append(issuer)
            self.num_untrusted += 1
        yield self._untrusted_step()

    def _untrusted_step(self) -> Step:
        top, depth = self.chain[-1], len(self.chain) - 1
        if self._is_self_signed(top):
            error = X509Error.SELF_SIGNED_CERT_IN_CHAIN if depth else X509Error.DEPTH_ZERO_SELF_SIGNED_CERT
        elif self.num_untrusted <= depth:
            error = X509Error.UNABLE_TO_GET_ISSUER_CERT
        else:
            error = X509Error.UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        return Step(depth, error, top)

    def _build_untrusted_first(self) -> Iterator[Step]:
        """X509_verify_cert() of 1.0.2: the peer's chain as far as it goes, then the store.

        If that leads nowhere, ever shorter parts of the peer's chain are tried.
        """
        while not self._is_self_signed(self.chain[-1]):
            issuer = self._find_issuer(self.chain[-1], self.untrusted)
            if issuer is None:
                break
            self.untrusted.remove(issuer)
            self.chain.append(issuer)
            self.num_untrusted += 1
        if self._is_self_signed(self.chain[-1]) and len(self.chain) == 1:
            if self._find_issuer(self.chain[0], self.store) == self.chain[0]:
                self.num_untrusted = 0
            else:
                yield self._untrusted_step()
                return
        own_root = self.chain.pop() if self._is_self_signed(self.chain[-1]) and len(self.chain) > 1 else None
        self.num_untrusted = min(self.num_untrusted, len(self.chain))
        if self._extend_from_store():
            return
        top = self.chain[-1]
        if own_root is not None and is_issuer(self.rules, own_root, top):
            self.chain.append(own_root)
            self.num_untrusted = len(self.chain)
        yield self._untrusted_step()

    def _extend_from_store(self) -> bool:
        """Add issuers from the store, on a shortened chain if need be; whether a trusted one is reached."""
        shorter = self.num_untrusted
        while True:
            while not self._is_self_signed(self.chain[-1]):
                issuer = self._find_issuer(self.chain[-1], self.store)
                if issuer is None:
                    break
                self.chain.append(issuer)
            if any(self._is_trusted(cert) for cert in self.chain[self.num_untrusted :]):
                return True
            shorter -= 1
            while shorter > 0 and self._find_issuer(self.chain[shorter - 1], self.store) is None:
                shorter -= 1
            if shorter <= 0:
                return False
            del self.chain[shorter:]
            self.num_untrusted = shorter

    def _find_issuer(
        self, subject: Certificate, among: Sequence[Certificate], *, leave_out: bool = True
    ) -> Certificate | None:
        """find_issuer(): the first that fits; in OpenSSL 3 rather one that is valid, or expired last.

        ``leave_out`` passes over what is in the chain already, unless that is one self-issued certificate.
        """
        fitting = [cert for cert in among if is_issuer(self.rules, cert, subject)]
        if not self.rules.prefers_valid_issuer:
            return fitting[0] if fitting else None
        if leave_out and not (subject.self_issued and len(self.chain) == 1):
            fitting = [cert for cert in fitting if cert not in self.chain]
        valid = (cert for cert in fitting if self._era(cert) is Era.VALID)
        return next(valid, max(fitting, key=lambda cert: cert.not_after, default=None))

    def _is_trusted(self, anchor: Certificate) -> bool:
        """X509_check_trust(): without explicit settings only a self-signed certificate ends a chain."""
        return self.explicit_trust or self._is_self_signed(anchor)

    def _is_self_signed(self, cert: Certificate) -> bool:
        return is_self_signed(self.rules, cert)

    def _era(self, cert: Certificate) -> Era:
        return self.when.get(cert, Era.VALID)

    # ---- checking the chain ---------------------------------------------------------------------------

    def check_extensions(self) -> Iterator[Step]:
        """Critical extensions, CA flags, purpose and path lengths, from the leaf up (check_extensions())."""
        judged = len(self.chain) if self.rules.anchors_are_judged else self.num_untrusted
        for depth, cert in enumerate(self.chain[:judged]):
            if cert.unknown_critical:
                yield Step(depth, X509Error.UNHANDLED_CRITICAL_EXTENSION, cert)
            if depth > 0 and not self._may_be_ca(depth, cert):
                yield Step(depth, X509Error.INVALID_CA, cert)
            if not self._fits_purpose(depth, cert):
                yield Step(depth, X509Error.INVALID_PURPOSE, cert)
            cas_below = sum(not below.self_issued for below in self.chain[1:depth])
            if depth > 1 and cert.path_length is not None and cas_below > cert.path_length:
                yield Step(depth, X509Error.PATH_LENGTH_EXCEEDED, cert)

    def _may_be_ca(self, depth: int, cert: Certificate) -> bool:
        if self.rules.anchors_are_judged and depth + 1 < len(self.chain):
            return cert.is_ca is True and cert.may("key_cert_sign")
        return may_sign_certificates(cert)

    def _fits_purpose(self, depth: int, cert: Certificate) -> bool:
        if self.explicit_trust and depth >= self.num_untrusted:
            return True
        if cert.extended_key_usage is not None and cert.extended_key_usage.isdisjoint(_SERVER_PURPOSES):
            return False
        if depth > 0:
            return may_sign_certificates(cert)
        return cert.may("digital_signature", "key_encipherment", "key_agreement")

    def internal_verify(self) -> Iterator[Step]:
        """Signatures and dates, from the top down; success at each depth is a step of its own.

        The top is left out if it is not self-issued: it is trusted as it stands.
        """
        top = len(self.chain) - 1
        if not is_issuer(self.rules, self.chain[top], self.chain[top]):
            if top == 0:
                yield Step(0, X509Error.UNABLE_TO_VERIFY_LEAF_SIGNATURE, self.chain[0])
                if not self.rules.lone_leaf_goes_on:
                    return
            else:
                top -= 1
        for depth in range(top, -1, -1):
            cert = self.chain[depth]
            if depth + 1 < len(self.chain):
                yield from self._check_signature(depth, cert, self.chain[depth + 1])
            if error := _ERA_ERRORS.get(self._era(cert)):
                yield Step(depth, error, cert)
            yield Step(depth, None, cert)

    def _check_signature(self, depth: int, cert: Certificate, issuer: Certificate) -> Iterator[Step]:
        if not self.rules.issuer_needs_cert_sign and not issuer.may("key_cert_sign"):
            yield Step(depth + 1, X509Error.KEYUSAGE_NO_CERTSIGN, issuer)
        if load_key(issuer.spki) is None:
            yield Step(depth + 1, X509Error.UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, issuer)
        elif not is_signed_by(cert.der, issuer.spki):
            yield Step(depth, X509Error.CERT_SIGNATURE_FAILURE, cert)


_ERA_ERRORS = {Era.EARLY: X509Error.CERT_NOT_YET_VALID, Era.LATE: X509Error.CERT_HAS_EXPIRED}


def is_issuer(rules: OpensslRules, issuer: Certificate, subject: Certificate) -> bool:
    """Whether ``issuer`` can be the issuer of ``subject``, signature apart (ctx->check_issued())."""
    return (
        issuer.canonical_subject == subject.canonical_issuer
        and subject.identifies_authority(issuer)
        and (not rules.key_kinds_must_agree or issuer.key_kind == subject.signature_kind)
        and (not rules.issuer_needs_cert_sign or issuer.may("key_cert_sign"))
    )


def is_self_signed(rules: OpensslRules, cert: Certificate) -> bool:
    """EXFLAG_SS: by its names and identifiers; the signature is not looked at."""
    return (
        cert.self_issued
        and cert.identifies_authority(cert)
        and (not rules.key_kinds_must_agree or cert.key_kind == cert.signature_kind)
        and (not rules.self_signed_needs_cert_sign or cert.may("key_cert_sign"))
    )


def may_sign_certificates(cert: Certificate) -> bool:
    """X509_check_ca(): basic constraints decide; without them a version 1 self-signed certificate, or one
    whose key usage allows it, passes.
    """
    if not cert.may("key_cert_sign"):
        return False
    if cert.is_ca is not None:
        return cert.is_ca
    return cert.key_usage is not None or (cert.version == 1 and cert.self_issued)
