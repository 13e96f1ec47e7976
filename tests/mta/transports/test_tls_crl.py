"""Revocation lists of a client: the option tls_crl of the smtp transport."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from eximsim.errors import Unsupported
from eximsim.profiles import profile, with_tls
from tests.mta.certificate_zoo import DAY, NOW, make
from tests.mta.scenario import NEWEST, Mx, Site


def _stranger() -> bytes:
    """The list of an authority that has nothing to do with the server."""
    issuer = make("Stray Root", ca=True)
    builder = x509.CertificateRevocationListBuilder(issuer.cert.subject, NOW - DAY, NOW + DAY)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def delivered(library: str, content: bytes, **options: str) -> Site:
    given = {"tls_crl": "/crl.pem", "tls_try_verify_hosts": "*", **options}
    files = {"/crl.pem": content}
    site = Site([Mx()], with_tls(profile(NEWEST), library), transport=given, files=files)
    site.deliver()
    return site


def test_openssl_wants_a_list_of_the_issuer() -> None:
    site = delivered("openssl", _stranger())
    assert site.outcome == "sent to mx1.test.ex (no)"
    assert any("depth=0 error=unable to get certificate CRL" in line for line in site.log)


def test_gnutls_wants_none() -> None:
    assert delivered("gnutls", _stranger()).outcome == "sent to mx1.test.ex (yes)"


def test_with_a_must_the_handshake_fails() -> None:
    site = delivered("openssl", _stranger(), tls_verify_hosts="*", hosts_require_tls="*")
    assert site.outcome.startswith("DEFER -37")


@pytest.mark.parametrize(("content", "path"), [(b"", "/crl.pem"), (_stranger(), "/nowhere.pem")])
def test_a_file_without_lists_is_not_modelled(content: bytes, path: str) -> None:
    with pytest.raises(Unsupported, match="tls_crl"):
        delivered("openssl", content, tls_crl=path)
