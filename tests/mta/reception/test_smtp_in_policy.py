"""What a server brings into a handshake: certificates by name, several, made-up; responses; protocols."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import ocsp

from eximsim.errors import Unsupported
from eximsim.ports import HandshakeError, StatusJudge, TlsIdentity, TlsOffer, TlsSession
from eximsim.world.certificates import KeyType, der_chain, self_signed
from tests.mta.front import Front

RSA, EC = self_signed("/CN=rsa.ex"), self_signed("/CN=ec.ex", key_type=KeyType.ECDSA)


def response(identity: TlsIdentity, status: ocsp.OCSPCertStatus, *, until: int = 2999) -> bytes:
    """What an authority, the certificate itself, says of a certificate."""
    leaf = x509.load_der_x509_certificate(der_chain(identity.chain)[0])
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    built = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            leaf, leaf, SHA256(), status, datetime(2000, 1, 1, tzinfo=UTC), datetime(until, 1, 1, tzinfo=UTC),
            datetime(2000, 1, 1, tzinfo=UTC) if revoked else None, None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.NAME, leaf)
    )  # fmt: skip
    signed = built.sign(load_pem_private_key(identity.key, None), SHA256())  # type: ignore[arg-type]
    return signed.public_bytes(Encoding.DER)


FILES = {
    "/rsa": RSA.chain, "/rsa.key": RSA.key, "/ec": EC.chain, "/ec.key": EC.key,
    "/good": response(RSA, ocsp.OCSPCertStatus.GOOD),
    "/revoked": response(RSA, ocsp.OCSPCertStatus.REVOKED),
    "/old": response(RSA, ocsp.OCSPCertStatus.GOOD, until=2001),
}  # fmt: skip
ONE = "tls_certificate = /rsa\ntls_privatekey = /rsa.key"


def meet(
    main: str, offer: TlsOffer, release: str = "4.99", *, files: Mapping[str, bytes] = MappingProxyType({})
) -> tuple[Front, TlsSession | None]:
    """A daemon that starts with TLS, and the session of a client, None if there is none."""
    front = Front(f"acl_smtp_rcpt = accept\n{main}", "", release=release, files={**FILES, **files})
    front.exim("-tls-on-connect", "-bd", "-oX", "1225")
    client = front.world.connect("127.0.0.1", 1225, 5)
    try:
        return front, client.start_tls(offer, 5)
    except HandshakeError:
        return front, None


def noting(seen: list[bytes | None]) -> StatusJudge:
    """What takes any response, and notes it."""

    def note(told: bytes | None) -> bool:
        seen.append(told)
        return True

    return note


def offer(**fields: object) -> TlsOffer:
    return TlsOffer(lambda chain: None, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(("file", "stapled"), [("/good", True), ("/revoked", False), ("/old", False)])
def test_openssl_staples_what_is_good_and_current(file: str, stapled: bool) -> None:
    seen: list[bytes | None] = []
    meet(f"{ONE}\ntls_ocsp_file = {file}", offer(status=noting(seen)))
    assert seen == [FILES[file] if stapled else None]


def test_a_response_of_another_certificate_is_not_stapled() -> None:
    seen: list[bytes | None] = []
    main = "tls_certificate = /ec\ntls_privatekey = /ec.key\ntls_ocsp_file = /good"
    meet(main, offer(status=noting(seen)))
    assert seen == [None]


@pytest.mark.parametrize(
    ("ciphers", "subject"),
    [("ECDHE-RSA-AES128-GCM-SHA256", "rsa.ex"), ("ECDHE-ECDSA-AES128-GCM-SHA256", "ec.ex")],
)
def test_of_several_certificates_the_one_is_shown_that_goes_with_the_cipher(
    ciphers: str, subject: str
) -> None:
    main = "tls_certificate = /rsa : /ec\ntls_privatekey = /rsa.key : /ec.key"
    _, session = meet(main, offer(ciphers=ciphers, max_version="TLSv1.2"))
    assert session is not None
    assert subject.encode() in session.peer_chain[0]


def test_a_certificate_can_hang_on_the_server_name() -> None:
    main = "".join(
        f"{option} = ${{if eq{{$tls_in_sni}}{{ec.ex}}{{/ec{end}}}{{/rsa{end}}}}}\n"
        for option, end in (("tls_certificate", ""), ("tls_privatekey", ".key"))
    )
    for name in ("ec.ex", "rsa.ex"):
        _, session = meet(main, offer(sni=name))
        assert session is not None
        assert name.encode() in session.peer_chain[0]


def test_where_there_is_no_certificate_one_is_made_up() -> None:
    _, session = meet("", offer())
    assert session is not None
    assert b"Exim Developers" in session.peer_chain[0]


def test_a_key_of_another_certificate_is_no_key() -> None:
    front, session = meet("tls_certificate = /rsa\ntls_privatekey = /ec.key", offer())
    assert session is None
    assert any("key values mismatch" in line for line in front.log())


@pytest.mark.parametrize(
    ("release", "told"),
    [("4.96", ""), ("4.98", "TLS ALPN (http) rejected"), ("4.99", "Bad ALPN presented (http)")],
)
def test_a_client_of_another_protocol_is_turned_away(release: str, told: str) -> None:
    front, session = meet(ONE, offer(alpn=("http",)), release)
    assert any(told in line for line in front.log()) or not told
    assert any("ALPN" in line for line in front.log()) is bool(told)
    assert (session is None) is (release != "4.99")


def test_a_known_protocol_is_agreed_on() -> None:
    _, session = meet(ONE, offer(alpn=("smtp",)))
    assert session is not None
    assert session.alpn == "smtp"


@pytest.mark.parametrize(
    ("name", "release", "warned"), [("ike24", "4.99", 1), ("ike24", "4.95", 0), ("ike18", "4.99", 0)]
)
def test_diffie_hellman_parameters_that_nobody_should_use_are_warned_of(
    name: str, release: str, warned: int
) -> None:
    main = f"{ONE}\ntls_dhparam = ${{if eq{{a}}{{a}}{{{name}}}}}"
    front, session = meet(main, offer(), release)
    assert session is not None
    assert sum("deprecated Diffie-Hellman parameter" in line for line in front.log()) == warned


def parameters(bits: int) -> bytes:
    """What a file of tls_dhparam holds: a number of so many bits in the place of the prime, and 2."""
    prime = (2 ** (bits - 1)).to_bytes(bits // 8 + 1, "big")
    length = len(prime).to_bytes(2, "big")
    inner = b"\x02\x82" + length + prime + b"\x02\x01\x02"
    der = b"\x30\x82" + len(inner).to_bytes(2, "big") + inner
    return b"-----BEGIN DH PARAMETERS-----\n" + b64encode(der) + b"\n-----END DH PARAMETERS-----\n"


@pytest.mark.parametrize(
    ("name", "refused"),
    [("/512", True), ("/2048", False), ("/3072", False), ("ike2", True), ("ike18", False)],
)
def test_small_diffie_hellman_parameters_are_refused_by_openssl(name: str, refused: bool) -> None:
    files = {f"/{bits}": parameters(bits) for bits in (512, 2048, 3072)}
    front, session = meet(f"{ONE}\ntls_dhparam = ${{if eq{{a}}{{a}}{{{name}}}}}", offer(), files=files)
    told = f"TLS error (D-H param setting '{name}'): error:0A00018A:SSL routines::dh key too small"
    assert session is not None
    assert any(told in line for line in front.log()) is refused


@pytest.mark.parametrize(("files", "why"), [({}, "cannot be read"), ({"/x": b"x"}, "without parameters")])
def test_what_openssl_says_of_no_parameters_is_not_modelled(files: dict[str, bytes], why: str) -> None:
    with pytest.raises(Unsupported, match=why):
        meet(f"{ONE}\ntls_dhparam = ${{if eq{{a}}{{a}}{{/x}}}}", offer(), files=files)


def test_a_curve_that_openssl_does_not_know_is_no_curve() -> None:
    front, session = meet(f"{ONE}\ntls_eccurve = bogus", offer())
    assert session is None
    assert any("Unknown curve name in tls_eccurve 'bogus'" in line for line in front.log())
