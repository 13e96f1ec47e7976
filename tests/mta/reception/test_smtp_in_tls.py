"""Sessions that start with TLS: who is judged when, what the client hears, which certificates are known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.program import exim
from eximsim.ports import HandshakeError, TlsOffer
from eximsim.profiles import profile, with_tls
from eximsim.world.certificates import self_signed
from tests.mta.front import CONF, REJECT, Front
from tests.mta.program.test_daemon import said

IDENTITY = self_signed("/CN=here.ex")
FILES = {"/cert": IDENTITY.chain, "/key": IDENTITY.key}
TLS = "tls_certificate = /cert\ntls_privatekey = /key\nacl_smtp_rcpt = accept"


def call(main: str, acls: str = "", release: str = "4.99", *, tested: bool = False) -> tuple[Front, str]:
    """A daemon all of whose ports start with TLS, and what a client hears of it within TLS and QUIT."""
    front = Front(f"{TLS}\n{main}", acls, release=release, files=FILES)
    front.machine.test_harness = tested
    front.exim("-tls-on-connect", "-bd", "-oX", "1225")
    client = front.world.connect("127.0.0.1", 1225, 5)
    try:
        client.start_tls(TlsOffer(lambda chain: None), 5)
    except HandshakeError:
        return front, "no TLS"
    client.send(b"QUIT\r\n")
    return front, said(client)


@pytest.mark.parametrize("release", ["4.96", "4.97"])
def test_a_client_is_greeted_within_tls(release: str) -> None:
    front, heard = call("smtp_banner = hello", release=release)
    assert heard == "220 hello\r\n221 here.ex closing connection\r\n"
    assert "listening for SMTPS on port 1225" in front.log()[0]


@pytest.mark.parametrize(("release", "heard"), [("4.96", "550 no\r\n"), ("4.97", "no TLS")])
def test_the_acl_for_the_connection_is_asked_after_tls_or_before(release: str, heard: str) -> None:
    front, said = call("acl_smtp_connect = no", "no:\n  deny message = no", release=release)
    assert said == heard
    refused = {"4.96": 'rejected connection in "connect" ACL', "4.97": "dropped by 'connect' ACL: no"}
    assert refused[release] in front.log(REJECT)[0]


@pytest.mark.parametrize("release", ["4.96", "4.99"])
def test_a_host_that_is_not_let_in_gets_no_tls(release: str) -> None:
    front, heard = call("host_reject_connection = *", release=release)
    assert heard == "no TLS"
    assert front.log(REJECT)[0].startswith("refused connection from [127.0.0.1]")


@pytest.mark.parametrize(
    ("more", "early"),
    [("", True), ("openssl_options = +no_tlsv1_3", False), ("tls_try_verify_hosts = *", False)],
)
def test_a_banner_that_came_early_is_told_of_under_exims_own_suite(more: str, early: bool) -> None:
    front, heard = call(f"tls_early_banner_hosts = *\n{more}", tested=True)
    assert heard.startswith("220 ")
    assert any("SMTP peer appears to have seen our banner" in line for line in front.log()) is early


@pytest.mark.parametrize(("release", "secured"), [("4.98", True), ("4.99", False)])
def test_a_banner_that_fails_is_found_out_before_or_after_tls(release: str, secured: bool) -> None:
    front, heard = call("smtp_banner = ${if eq{a}{b}{x}fail}", release=release)
    assert "(smtp_banner) failed:" in front.log()[-1]
    assert (heard != "no TLS") is secured


def test_a_banner_that_fails_closes_the_connection() -> None:
    front, heard = call("smtp_banner = ${if eq{a}{b}{x}fail}")
    assert heard == "no TLS"
    assert "(smtp_banner) failed:" in front.log()[-1]
    with pytest.raises(Unsupported, match="smtp_banner"):
        call("smtp_banner = ${if eq{a}{b}{x}fail}", release="4.96")


def test_the_certificate_of_this_side_is_known() -> None:
    known = "known:\n  accept logwrite = $tls_in_cipher,${certextract{subject}{$tls_in_ourcert}}"
    front, _ = call("acl_smtp_quit = known", known)
    assert front.log()[-1].endswith(",CN=here.ex")


def test_authorities_that_cannot_be_read_are_named() -> None:
    with pytest.raises(Unsupported, match="tls_verify_certificates") as lack:
        call("tls_verify_hosts = *\ntls_verify_certificates = /nowhere")
    assert lack.value.line


@pytest.mark.parametrize(
    ("release", "library", "words"),
    [
        ("4.94.1", "openssl", "(SSL_accept (TLSv1.3)): error:0A00010B:SSL routines::wrong version number"),
        ("4.95", "openssl", "(SSL_accept): NULL (TLSv1.3)"),
        ("4.99", "openssl", "(SSL_accept): (TLSv1.3)"),
        ("4.99", "gnutls", "(gnutls_handshake): An unexpected TLS packet was received."),
    ],
)
def test_a_client_that_says_something_else_than_tls_is_told_of_in_the_words_of_the_library(
    release: str, library: str, words: str
) -> None:
    front = Front(f"{TLS}", files=FILES)
    text = front.world.read_file(CONF).replace(b"tls_advertise_hosts =\n", b"tls_advertise_hosts = *\n")
    front.world.host = replace(front.world.host, files={**FILES, CONF: text})
    program = with_tls(profile(release), library)
    exim.run(front.machine, ["-C", CONF, "-bd", "-oX", "1225"], b"", {}, program)
    client = front.world.connect("127.0.0.1", 1225, 5)
    client.send(b"EHLO there.ex\r\n")
    said(client)
    client.send(b"STARTTLS\r\n")
    said(client)
    client.send(b"bogus\r\n")
    client.close()
    front.machine.unwatched.run_later(until=math.inf)
    assert any(line.endswith(words) for line in front.log())
