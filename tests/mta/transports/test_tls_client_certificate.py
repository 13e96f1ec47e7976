"""Client certificates that cannot be read: the handshake fails before it begins."""

from __future__ import annotations

import pytest
from cryptography import x509

from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.profiles import profile, with_tls
from tests.mta.scenario import CHAINS, NEWEST, Mx, Site

NONE = {"tls_certificate": "/nowhere.pem"}
WORDS = {
    "4.89": "failure while setting up TLS session",
    "4.92": "TLS session: (SSL_CTX_use_certificate_chain_file file=/nowhere.pem): "
    "error:80000002:system library::No such file or directory",
    NEWEST: "TLS session: (SSL_CTX_use_certificate_chain_file file=/nowhere.pem): "
    "error:80000002:system library::No such file or directory",
}


@pytest.mark.parametrize("release", WORDS)
def test_a_certificate_that_is_not_there_fails_the_handshake(release: str) -> None:
    site = Site([Mx()], release, transport={**NONE, "hosts_require_tls": "*"})
    site.deliver()
    assert site.outcome == f"DEFER -37: {WORDS[release]}"
    assert site.events[-1].startswith("TLS-failed")


def test_without_a_need_for_tls_the_message_goes_in_clear() -> None:
    site = Site([Mx()], NEWEST, transport=NONE)
    site.deliver()
    assert site.outcome == "sent to mx1.test.ex (clear)"


def test_gnutls_names_certificate_and_key() -> None:
    site = Site(
        [Mx()], "4.96-debian12", transport={**NONE, "tls_privatekey": "/key", "hosts_require_tls": "*"}
    )
    site.deliver()
    step = "cert/key setup: cert=/nowhere.pem key=/key"
    assert site.outcome == f"DEFER -37: TLS session: ({step}): Error while reading file."


@pytest.mark.parametrize(("option", "given"), [("tls_certificate", {}), ("tls_privatekey", NONE)])
def test_since_4_97_a_name_that_is_forced_to_fail_is_the_end(option: str, given: dict[str, str]) -> None:
    options = {**given, option: "${if eq{a}{b}{x}fail}", "hosts_require_tls": "*"}
    site = Site([Mx()], "4.97", transport=options)
    site.deliver()
    certificate = {"tls_certificate": "expansion of tls_certificate failed"}
    assert site.outcome.endswith(certificate.get(option, "expansion of tls_privatekey failed"))
    if option == "tls_certificate":
        site = Site([Mx()], "4.96", transport=options)
        site.deliver()
        assert site.outcome == "sent to mx1.test.ex (yes)"


@pytest.mark.parametrize("release", ["4.92", "4.95", "4.96-debian12"])
def test_authorities_that_are_not_there_give_a_reason_that_nothing_has_set(release: str) -> None:
    site = Site([Mx()], release, transport={"tls_verify_certificates": "/no.pem", "hosts_require_tls": "*"})
    site.deliver()
    assert site.outcome.endswith("TLS session: NULL")


@pytest.mark.parametrize("release", ["4.98", NEWEST])
def test_since_4_96_what_that_reason_is_cannot_be_said(release: str) -> None:
    site = Site([Mx()], release, transport={"tls_verify_certificates": "/no.pem"})
    with pytest.raises(UndefinedBehaviour):
        site.deliver()


@pytest.mark.parametrize(("release", "name"), [("4.95", "tls_sni"), ("4.96-debian12", "tls_out_sni")])
def test_a_server_name_that_does_not_expand_is_named_otherwise_by_gnutls(release: str, name: str) -> None:
    site = Site([Mx()], release, transport={"tls_sni": "${nosuch{x}}"})
    assert any(line.startswith(f"expansion of {name} failed: ") for line in site.deliver())


def test_the_clients_own_certificate_is_the_first_of_its_file() -> None:
    chain = CHAINS.chains["good"]
    seen = "${certextract{subject}{$tls_out_ourcert}}"
    site = Site(
        [Mx()],
        NEWEST,
        transport={
            "tls_certificate": "/own.pem",
            "tls_privatekey": "/own.key",
            "headers_add": f"X: <{seen}>",
        },
        files={"/own.pem": chain.chain, "/own.key": chain.key},
    )
    site.deliver()
    leaf = x509.load_pem_x509_certificates(chain.chain)[0].subject.rfc4514_string()
    assert f"\r\nX: <{leaf}>\r\n".encode() in site.messages[0].content


@pytest.mark.parametrize(
    ("library", "why"),
    [("openssl", "key values mismatch"), ("gnutls", "The certificate and the given key do not match.")],
)
def test_a_key_of_another_certificate_is_noticed_before_the_handshake(library: str, why: str) -> None:
    own, other = CHAINS.chains["good"], CHAINS.chains["selfsigned"]
    site = Site(
        [Mx()],
        with_tls(profile("4.96"), library),
        transport={"tls_certificate": "/c.pem", "tls_privatekey": "/k.pem", "hosts_require_tls": "*"},
        files={"/c.pem": own.chain, "/k.pem": other.key},
    )
    assert why in site.deliver()[-1]


@pytest.mark.parametrize(("library", "outcome"), [("openssl", "DEFER -37"), ("gnutls", "sent")])
def test_a_certificate_without_a_name_is_none_for_gnutls_alone(library: str, outcome: str) -> None:
    release = with_tls(profile(NEWEST), library)
    site = Site([Mx()], release, transport={"tls_certificate": "", "hosts_require_tls": "*"})
    site.deliver()
    assert site.outcome.startswith(outcome)
    end = (
        "(SSL_CTX_use_certificate_chain_file file=): error:80000002:system library::No such file or directory"
    )
    assert site.outcome.endswith(end) is (library != "gnutls")


@pytest.mark.parametrize(
    ("library", "text"),
    [
        (
            "openssl",
            "(SSL_CTX_use_certificate_chain_file file=/a): error:0480006C:PEM routines::no start line",
        ),
        ("gnutls", "(cert/key setup: cert=/a key=/a): The requested data were not available."),
    ],
)
def test_in_a_file_that_has_neither_openssl_misses_the_certificate_and_gnutls_the_key(
    library: str, text: str
) -> None:
    options = {"tls_certificate": "/a", "hosts_require_tls": "*"}
    site = Site([Mx()], with_tls(profile(NEWEST), library), transport=options, files={"/a": b"nothing\n"})
    site.deliver()
    assert site.outcome == f"DEFER -37: TLS session: {text}"
