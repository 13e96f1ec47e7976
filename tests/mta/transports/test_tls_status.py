"""What a client with OpenSSL makes of the response that a server staples to its certificate."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from eximsim.errors import Unsupported
from eximsim.mta.certs.x509 import parse_chain
from eximsim.mta.certs.x509_errors import X509Error
from eximsim.mta.certs.x509_verify import Step
from eximsim.mta.transports.smtp_context import SmtpContext
from eximsim.mta.transports.tls_status import Stapling
from eximsim.mta.transports.tls_verify import TlsVerdict
from eximsim.profiles import Profile
from tests.mta.certificate_zoo import HOST, Issued, ders, make
from tests.mta.scenario import GOOD as GOOD_RECORD
from tests.mta.scenario import NEWEST, Mx, Site, variant

LONG = (-3650, 3650)
AUTHORITY = make("Authority", ca=True, days=LONG)
LEAF = make("mx", AUTHORITY, names=[HOST], days=LONG)
STRANGER = make("Stranger", ca=True, days=LONG)
CHAIN = parse_chain(ders(LEAF, AUTHORITY))
VERIFIED = TlsVerdict(
    verified=True,
    chain=CHAIN,
    steps=tuple(Step(depth, None, certificate) for depth, certificate in reversed([*enumerate(CHAIN)])),
)
GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN
NO_RESPONSE, FAILED, CHECKED = None, "3", "4"
"""$tls_out_ocsp."""


def response(
    status: ocsp.OCSPCertStatus = GOOD,
    *,
    of: Issued = LEAF,
    issuer: Issued = AUTHORITY,
    signer: Issued = AUTHORITY,
    seconds: tuple[int, int] = (-60, 60),
    enclosed: bool = False,
) -> bytes:
    """What ``signer`` says of a certificate, for that time around the present of the world."""
    now = datetime.fromtimestamp(Site().world.now(), UTC)
    revoked = status is REVOKED
    built = ocsp.OCSPResponseBuilder().add_response(
        of.cert, issuer.cert, SHA256(), status,
        now + timedelta(seconds=seconds[0]), now + timedelta(seconds=seconds[1]),
        now if revoked else None, x509.ReasonFlags.key_compromise if revoked else None,
    ).responder_id(ocsp.OCSPResponderEncoding.HASH, signer.cert)  # fmt: skip
    if enclosed:
        built = built.certificates([signer.cert])
    return built.sign(signer.key, SHA256()).public_bytes(Encoding.DER)


def judged(
    told: bytes | None,
    release: str | Profile = NEWEST,
    *,
    required: bool = True,
    verdict: TlsVerdict = VERIFIED,
    sent: tuple[bytes, ...] = ders(LEAF, AUTHORITY),
) -> tuple[bool, list[str], str | None, str]:
    """Whether the handshake goes on, the log, $tls_out_ocsp, and the failure's text."""
    site = Site(release=release)
    process = site.process()
    host = SimpleNamespace(name=HOST, address="10.9.1.1")
    stapling = Stapling(cast("SmtpContext", SimpleNamespace(process=process, host=host)), required)
    goes_on = stapling.accepts(told, sent, verdict)
    return goes_on, site.log, process.variables.get("tls_out_ocsp"), stapling.failure


@pytest.mark.parametrize("release", ["4.90", "4.92", "4.96", NEWEST])
@pytest.mark.parametrize("required", [True, False])
def test_a_good_response_of_the_authority_is_what_is_wanted(release: str, required: bool) -> None:
    assert judged(response(), release, required=required) == (True, [], CHECKED, "")


@pytest.mark.parametrize("release", ["4.96", NEWEST])
@pytest.mark.parametrize(
    ("told", "line", "failure"),
    [
        (response(REVOKED), "Server certificate revoked; reason: keyCompromise", "revoked"),
        (
            response(UNKNOWN),
            "Server certificate status unknown, in OCSP stapling",
            "has unknown status",
        ),
        (response(seconds=(-900, -301)), "OCSP dates invalid", "status is out-of-date"),
        (response(seconds=(301, 900)), "OCSP dates invalid", "status is out-of-date"),
    ],
)
def test_any_other_word_of_the_authority_is_logged_and_ends_the_session_where_there_must_be_a_good_one(
    release: str, told: bytes, line: str, failure: str
) -> None:
    text = f"(SSL_connect) Server certificate {failure}" if release == NEWEST else ""
    assert judged(told, release) == (False, [line], FAILED, text)
    assert judged(told, release, required=False) == (True, [line], FAILED, text)


@pytest.mark.parametrize("seconds", [(-900, -299), (299, 900)])
def test_clocks_may_be_five_minutes_apart(seconds: tuple[int, int]) -> None:
    assert judged(response(seconds=seconds)) == (True, [], CHECKED, "")


def test_without_a_response_there_is_no_session_where_there_must_be_one() -> None:
    text = "Required TLS certificate status not received"
    assert judged(None) == (False, [text], NO_RESPONSE, f"(SSL_connect) {text}")
    assert judged(None, required=False) == (True, [], NO_RESPONSE, "")


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (b"rubbish", "parse error"),
        (
            ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(
                Encoding.DER
            ),
            "error parsing response",
        ),
    ],
)
@pytest.mark.parametrize("required", [True, False])
def test_what_is_no_response_ends_the_session_in_any_case(told: bytes, why: str, required: bool) -> None:
    line = f"Received TLS cert status response, {why}"
    assert judged(told, required=required) == (False, [line], FAILED, "")


@pytest.mark.parametrize(
    ("release", "line"),
    [
        ("4.90", "Received TLS cert status response, itself unverifiable"),
        ("4.96", "Received TLS cert status response, itself unverifiable: signer certificate not found"),
        (
            NEWEST,
            "[10.9.1.1] mx.dane.example Received TLS cert (DN: '/CN=mx') status response,"
            " itself unverifiable: ",
        ),
    ],
)
def test_a_stranger_has_no_say(release: str, line: str) -> None:
    assert judged(response(signer=STRANGER), release)[:3] == (False, [line], FAILED)
    assert judged(response(signer=STRANGER), release, required=False)[0]
    assert not judged(response(signer=STRANGER, enclosed=True), release)[0]


DANE = TlsVerdict(verified=True, dane_verified=True, chain=CHAIN, steps=VERIFIED.steps)
INTERMEDIATE = make("Intermediate", AUTHORITY, ca=True, days=LONG)
BELOW = make("mx", INTERMEDIATE, names=[HOST], days=LONG)
DELEGATE = make("Status", INTERMEDIATE, days=LONG, purposes=[ExtendedKeyUsageOID.OCSP_SIGNING])
UNFIT = make("Other", INTERMEDIATE, days=LONG)


@pytest.mark.parametrize(
    ("release", "trusted"), [("4.90", False), ("4.91", True), ("4.96", True), (NEWEST, True)]
)
def test_what_dane_has_verified_may_vouch_for_the_response_since_4_91(release: str, trusted: bool) -> None:
    assert judged(response(), release, verdict=DANE)[0] is trusted


@pytest.mark.parametrize(
    ("signer", "trusted"), [(INTERMEDIATE, True), (DELEGATE, True), (UNFIT, False), (STRANGER, False)]
)
def test_under_dane_the_chain_need_not_end_at_a_root_for_the_response(signer: Issued, trusted: bool) -> None:
    told = response(of=BELOW, issuer=INTERMEDIATE, signer=signer, enclosed=True)
    sent = ders(BELOW, INTERMEDIATE)
    dane = TlsVerdict(verified=True, dane_verified=True, chain=parse_chain(sent))
    assert judged(told, verdict=dane, sent=sent)[0] is trusted
    other = TlsVerdict(verified=True, chain=parse_chain(sent))
    assert not judged(told, verdict=other, sent=sent)[0], "without DANE it has to"


@pytest.mark.parametrize("sent", [ders(LEAF), ders(LEAF, AUTHORITY)])
def test_the_authority_need_not_be_sent_if_the_verified_chain_has_it(sent: tuple[bytes, ...]) -> None:
    assert judged(response(enclosed=True), sent=sent) == (True, [], CHECKED, "")


def test_up_to_4_96_a_certificate_that_failed_vouches_for_nothing() -> None:
    steps = (Step(1, X509Error.UNABLE_TO_GET_ISSUER_CERT, CHAIN[1]), Step(0, None, CHAIN[0]))
    assert not judged(response(), "4.96", verdict=replace(VERIFIED, steps=steps))[0]


def test_where_nothing_was_verified_the_chain_that_was_sent_has_to_do() -> None:
    assert judged(response(), verdict=TlsVerdict())[0]
    assert not judged(response(), verdict=TlsVerdict(), sent=ders(LEAF))[0]


@pytest.mark.parametrize(("library", "asked"), [("openssl-1.0.2", False), ("openssl-3", True)])
def test_with_openssl_1_0_2_nothing_is_asked_for_under_dane_since_4_97(library: str, asked: bool) -> None:
    options = {"hosts_require_dane": "*", "hosts_require_ocsp": "*"}
    site = Site([Mx(tlsa=GOOD_RECORD)], variant(NEWEST, tls_library=library), transport=options)
    site.deliver()
    assert site.outcome.startswith("DEFER -37" if asked else "sent")


def test_with_openssl_1_0_2_a_response_cannot_be_judged_since_4_97() -> None:
    library = "openssl-1.0.2"
    with pytest.raises(Unsupported, match=r"a stapled OCSP response with OpenSSL 1\.0\.2"):
        judged(response(), variant(NEWEST, tls_library=library))
    assert judged(None, variant(NEWEST, tls_library=library), required=False)[0]
