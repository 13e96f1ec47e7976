from __future__ import annotations

import re
from dataclasses import replace

import pytest

from eximsim.mta.records.verification import CalloutSettings
from eximsim.mta.transports.tls import construct_cipher_name
from eximsim.mta.transports.tls_files import pem_certificates
from eximsim.mta.verify.verify import verify_address
from eximsim.ports import TlsSession
from eximsim.profiles import profile, with_tls
from eximsim.world.certificates import der_chain
from eximsim.world.smtp_behaviour import Behaviour
from tests.mta.scenario import BAD_TLS, CHAINS, GOOD, NEW, NEWEST, OLD, Mx, RRset, Site, delivered, variant

MUST = {"hosts_require_tls": "*"}
TRY_ONLY = {"tls_verify_hosts": ":", "tls_try_verify_hosts": "*"}


def chain(name: str) -> Mx:
    return Mx(Behaviour(chain=name))


def cv(site: Site) -> str:
    """What the delivery line says after CV=, ``clear``, or ``none`` if there was no delivery."""
    found = re.fullmatch(r"sent to \S+ \((.*)\)", site.outcome)
    return found[1] if found else "none"


# ---- which certificates are good enough ------------------------------------------------


@pytest.mark.parametrize("release", [NEW, NEWEST])
@pytest.mark.parametrize("name", ["wrongname", "expired", "selfsigned", "eeonly"])
def test_a_certificate_that_does_not_verify_ends_the_session_or_is_noted(release: str, name: str) -> None:
    assert cv(delivered(chain("good"), release)) == "yes"
    refused = delivered(chain(name), release, **MUST, tls_verify_hosts="*")
    assert refused.outcome.startswith("DEFER -37")
    assert any(event.startswith("TLS-failed") for event in refused.calls[0][1])
    assert cv(delivered(chain(name), release, **TRY_ONLY)) == "no"
    in_clear = delivered(chain(name), release, tls_verify_hosts="*")
    assert cv(in_clear) == "clear", "tls_tempfail_tryclear allows what verification has refused"


@pytest.mark.parametrize("release", [NEW, "4.94.1"])
def test_a_certificate_that_nobody_verifies_is_no_better_and_no_worse(release: str) -> None:
    for name in ("good", "selfsigned"):
        assert cv(delivered(chain(name), release, tls_verify_hosts=":", tls_try_verify_hosts=":")) == "no"


@pytest.mark.parametrize("release", ["4.95", "4.98", NEWEST])
@pytest.mark.parametrize("must", ["", ":", "other.test.ex"])
def test_a_lone_colon_makes_releases_since_4_95_verify_all_hosts(must: str, release: str) -> None:
    lists = {"tls_verify_hosts": must, "tls_try_verify_hosts": ":"}
    assert cv(delivered(chain("good"), release, **lists)) == "yes"
    assert cv(delivered(chain("selfsigned"), release, **lists)) == "clear"


def test_the_name_is_checked_only_for_the_hosts_in_the_list() -> None:
    assert cv(delivered(chain("wrongname"), tls_verify_cert_hostnames=":", tls_verify_hosts="*")) == "yes"


@pytest.mark.parametrize(
    ("names_host", "text"),
    [
        (False, 'certificate name mismatch: "/CN=mail.other.ex"'),
        (True, 'certificate name mismatch: DN="/CN=mail.other.ex" H="mx1.test.ex"'),
    ],
)
def test_a_wrong_name_is_logged_as_the_release_does(names_host: bool, text: str) -> None:
    release = variant(NEW, name_mismatch_names_host=names_host)
    site = Site([chain("wrongname")], release, transport=TRY_ONLY)
    assert f"[10.9.1.1] SSL verify error: {text}" in site.deliver()


@pytest.mark.parametrize(("names_peer", "start"), [(False, ""), (True, "[10.9.1.1] ")])
def test_early_releases_do_not_say_whose_certificate_it_is(names_peer: bool, start: str) -> None:
    site = Site([chain("wrongname")], variant(OLD, verify_error_names_peer=names_peer), transport=TRY_ONLY)
    assert f'{start}SSL verify error: certificate name mismatch: "/CN=mail.other.ex"' in site.deliver()


def test_for_a_while_a_blank_line_followed() -> None:
    site = Site([chain("wrongname")], variant(OLD, name_mismatch_blank_line=True), transport=TRY_ONLY)
    log = "\n".join(site.deliver())
    assert '"/CN=mail.other.ex"\n\n=> a@test.ex' in log


@pytest.mark.parametrize(("is_recipient", "letter"), [(True, "R"), (False, "S")])
def test_a_callout_says_that_it_is_one_and_whose(is_recipient: bool, letter: str) -> None:
    during = f" (during {letter}-verify for [NULL])"
    for release, words in ((NEW, ""), (NEWEST, during)):
        site = Site([chain("wrongname")], release, transport=TRY_ONLY)
        ask = CalloutSettings(seconds=5, no_cache=True)
        verify_address(site.process(), "a@test.ex", is_recipient=is_recipient, callout=ask)
        assert any(line.startswith(f"[10.9.1.1] SSL verify error{words}: ") for line in site.log)


@pytest.mark.parametrize("release", [NEW, NEWEST, "4.96-debian12"])
def test_without_trust_anchors_openssl_does_not_verify_and_gnutls_finds_nothing_to_trust(
    release: str,
) -> None:
    site = delivered(chain("good"), release, tls_verify_certificates="", tls_verify_hosts="*", **MUST)
    gnutls = release == "4.96-debian12"
    assert (site.outcome.startswith("DEFER -37") if gnutls else cv(site) == "no") is True


def test_trust_anchors_that_cannot_be_read_are_a_panic() -> None:
    site = delivered(Mx(), tls_verify_certificates="/nowhere.pem", **MUST)
    assert site.panic_log == ["failed to stat /nowhere.pem for certificates"]
    assert site.outcome.startswith("DEFER -37")


@pytest.mark.parametrize(
    ("release", "text"),
    [
        ("4.92", "could not stat /nowhere.pem (tls_verify_certificates)"),
        ("4.96-debian12", "could not stat '/nowhere.pem' (tls_verify_certificates)"),
    ],
)
def test_gnutls_builds_say_it_otherwise(release: str, text: str) -> None:
    site = delivered(
        Mx(), with_tls(profile(release), "gnutls"), tls_verify_certificates="/nowhere.pem", **MUST
    )
    assert site.panic_log == [f"{text}: No such file or directory"]


@pytest.mark.parametrize(("library", "name", "verified"), [
    ("openssl", "9ec80de3.0", "yes"), ("openssl", "root.pem", "no"), ("gnutls", "root.pem", "yes"),
])  # fmt: skip
def test_a_folder_of_authorities_has_those_that_the_library_finds(
    library: str, name: str, verified: str
) -> None:
    options = {**TRY_ONLY, "tls_verify_certificates": "/certs"}
    site = Site([chain("good")], with_tls(profile(NEWEST), library), transport=options)
    files = {**site.world.host.files, f"/certs/{name}": CHAINS.root}
    site.world.host = replace(site.world.host, files=files)
    site.deliver()
    assert cv(site) == verified


@pytest.mark.parametrize(("release", "known"), [("4.94.1", False), ("4.95", True)])
def test_the_anchors_of_the_system_may_be_cached_since_4_95(release: str, known: bool) -> None:
    site = delivered(Mx(), release, tls_verify_certificates="system,cache", **TRY_ONLY)
    assert (site.panic_log == []) is known


# ---- options ---------------------------------------------------------------------------


def test_an_option_that_does_not_expand_is_a_panic_and_no_session() -> None:
    site = delivered(Mx(), tls_sni="$nothing", **MUST)
    assert site.panic_log == ['expansion of tls_sni failed: unknown variable name "nothing"']
    assert site.outcome.startswith("DEFER -37")


def test_a_forced_failure_leaves_an_option_unset() -> None:
    assert cv(delivered(Mx(), tls_sni="${if eq{1}{2}{x}fail}")) == "yes"


def test_tls_require_ciphers_is_what_the_client_offers() -> None:
    site = delivered(Mx(), tls_require_ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
    line = next(line for line in site.machine.files["/spool/log/mainlog"] if "=>" in line)
    assert " X=TLSv1.2:ECDHE-ECDSA-AES128-GCM-SHA256:128 " in line


def test_no_cipher_in_common_is_a_failed_handshake() -> None:
    site = delivered(Mx(), tls_require_ciphers="ECDHE-RSA-AES128-GCM-SHA256", **MUST)
    assert site.outcome.startswith("DEFER -37")


@pytest.mark.parametrize(("release", "version"), [(NEW, "TLSv1.2"), ("4.88", "TLSv1.3"), (NEWEST, "TLSv1.3")])
def test_the_library_of_the_recordings_decides_about_the_version(release: str, version: str) -> None:
    (accepted,) = delivered(Mx(), release).world.accepted
    assert accepted.session.log.tls == version  # type: ignore[attr-defined]


# ---- texts -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "text"),
    [
        (NEW, "failure while setting up TLS session"),
        ("4.90", "TLS session: (SSL_connect): error:0A000126:SSL routines::unexpected eof while reading"),
        ("4.96-debian12", "TLS session: (gnutls_handshake): The TLS connection was non-properly terminated."),
    ],
)
def test_a_failure_is_worded_as_the_library_words_it(release: str, text: str) -> None:
    assert delivered(Mx(BAD_TLS), release, **MUST).outcome == f"DEFER -37: {text}"


@pytest.mark.parametrize(("release", "shown"), [("4.92", "TLSv1.3:A:256"), ("4.93", "TLS1.3:A:256")])
def test_the_version_lost_its_v_in_4_93(release: str, shown: str) -> None:
    assert construct_cipher_name(Site(release=release).process(), TlsSession("TLSv1.3", "A", 256)) == shown


def test_a_pem_file_may_hold_several_certificates_and_other_text() -> None:
    both = b"text\n" + CHAINS.root + b"more text\n" + CHAINS.chains["selfsigned"].chain
    assert pem_certificates(both) == (
        *der_chain(CHAINS.root),
        *der_chain(CHAINS.chains["selfsigned"].chain),
    )
    assert pem_certificates(b"nothing") == ()


# ---- GnuTLS ----------------------------------------------------------------------------


def test_gnutls_completes_the_handshake_before_it_refuses() -> None:
    site = delivered(chain("selfsigned"), "4.96-debian12", **MUST, tls_verify_hosts="*")
    assert site.calls[0][1][:3] == ["EHLO", "STARTTLS", "TLS"]
    assert site.outcome.startswith("DEFER -37: TLS session: (certificate verification failed)")


def test_gnutls_does_dane_too() -> None:
    site = delivered(Mx(tlsa=GOOD), "4.96-debian12", hosts_require_dane="*")
    assert cv(site) == "dane"


@pytest.mark.parametrize(
    ("release", "reason"),
    [
        ("4.92", "Received TLS status callback, null content"),
        ("4.95", "Required TLS certificate status not received"),
        ("4.98", "Required TLS certificate status not received"),
    ],
)
def test_where_a_stapled_response_must_be_there_is_no_session_without(release: str, reason: str) -> None:
    site = delivered(chain("good"), release, **MUST, hosts_require_ocsp="*")
    assert site.calls[0][1][-1] == "TLS-failed TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE"
    assert any(line.endswith(reason) for line in site.log)
    named = any("(SSL_connect) Required TLS certificate status" in line for line in site.log)
    assert named is (release == "4.98")


def test_gnutls_looks_for_the_stapled_response_when_the_session_is_there() -> None:
    release = variant(NEWEST, tls_library="gnutls")
    site = Site([chain("good")], release, transport={**MUST, "hosts_require_ocsp": "*"})
    site.deliver()
    assert site.calls[0][1][:3] == ["EHLO", "STARTTLS", "TLS"]
    assert any("(certificate status check failed)" in line for line in site.log)


WHO = "${if def:tls_out_peercert{${certextract{subject}{$tls_out_peercert}}}{nobody}}"


@pytest.mark.parametrize(("library", "remembered"), [("gnutls", True), ("openssl-3", False)])
def test_who_was_refused_is_known_and_with_gnutls_the_suite_that_had_been_agreed_on(
    library: str, remembered: bool
) -> None:
    log = f"${{acl{{accept logwrite = noted $event_name {WHO} <$tls_out_cipher_std>}}}}"
    event = (
        f"${{if or{{{{eq{{$event_name}}{{msg:host:defer}}}}{{eq{{$event_name}}{{smtp:ehlo}}}}}}{{{log}}}}}"
    )
    release = variant(NEWEST, tls_library=library)
    lines = delivered(chain("wrongname"), release, tls_verify_hosts="*", event_action=event).log
    noted = [line.partition("noted ")[2] for line in lines if "noted " in line]
    suite = "<TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384>" if remembered else "<>"
    assert noted == [
        "smtp:ehlo nobody <>", f"msg:host:defer CN=mail.other.ex {suite}", f"smtp:ehlo nobody {suite}"
    ]  # fmt: skip


@pytest.mark.parametrize(("tlsa", "usage"), [(GOOD, "8"), (None, "0")])
def test_the_usages_of_the_tlsa_records_are_known_as_bits(tlsa: RRset | None, usage: str) -> None:
    options = {"hosts_try_dane": "*", "headers_add": "X: <$tls_out_tlsa_usage>"}
    site = Site([Mx(tlsa=tlsa)], NEWEST, transport=options)
    site.deliver()
    assert f"\r\nX: <{usage}>\r\n".encode() in site.messages[0].content
