from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from eximsim.mta.certs.dane_match import Tlsa, usable_records
from eximsim.mta.transports.tls_verify import (
    MADE_UP_ISSUER_FAULT,
    VERIFY_FAILED,
    TlsVerdict,
    VerifyMode,
    VerifySettings,
    during_verification,
    judge,
    peer_dn,
)
from eximsim.ports import TlsAlert
from tests.mta.certificate_zoo import AT, HOST, Issued, Zoo, ders, make

ZOO = Zoo()
ROOT = ders(ZOO.root)
OPENSSL = ("openssl-1.0.2", "openssl-3")
LIBRARIES = (*OPENSSL, "gnutls")

OPTIONAL = VerifySettings("openssl-3", "10.0.0.1", VerifyMode.OPTIONAL, ROOT, (HOST,))
REQUIRED = replace(OPTIONAL, mode=VerifyMode.REQUIRED)
DANE = VerifySettings("openssl-3", "10.0.0.1", dane_name=HOST)


def ask(settings: VerifySettings, *chain: str) -> TlsVerdict:
    return judge(settings, ders(*ZOO.chain(*chain)), AT)


def tlsa(usage: int, selector: int, target: Issued, library: str = "openssl-3") -> tuple[Tlsa, ...]:
    selected = target.spki if selector else target.der
    rdata = bytes((usage, selector, 1)) + hashlib.sha256(selected).digest()
    return usable_records([rdata], library, skip_short=True)


# ---- ordinary verification -----------------------------------------------------------------------------


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("mode", [VerifyMode.OPTIONAL, VerifyMode.REQUIRED])
def test_a_good_certificate_is_verified(library: str, mode: VerifyMode) -> None:
    verdict = ask(replace(OPTIONAL, library=library, mode=mode), "leaf", "intermediate")
    assert (verdict.verified, verdict.dane_verified) == (True, False)
    assert (verdict.alert, verdict.log_lines) == (None, ())


@pytest.mark.parametrize("library", LIBRARIES)
def test_without_a_wish_nothing_is_verified(library: str) -> None:
    settings = replace(OPTIONAL, library=library, mode=VerifyMode.NONE, anchors=None)
    assert ask(settings, "leaf", "intermediate") == ask(settings, "expired") == TlsVerdict()


def test_openssl_calls_a_good_chain_verified_if_the_anchors_are_there_though_nobody_asked() -> None:
    settings = replace(OPTIONAL, mode=VerifyMode.NONE)
    assert ask(settings, "leaf", "intermediate") == TlsVerdict(verified=True)
    assert ask(settings, "expired") == TlsVerdict()


def test_without_trust_anchors_openssl_does_not_verify_but_gnutls_does() -> None:
    assert ask(replace(REQUIRED, anchors=None), "expired") == TlsVerdict()
    assert ask(replace(REQUIRED, anchors=None, library="gnutls"), "leaf", "intermediate").alert is not None


def test_optional_verification_logs_every_error_and_goes_on() -> None:
    verdict = ask(OPTIONAL, "leaf")
    assert verdict.log_lines == (
        "[10.0.0.1] SSL verify error: depth=0 error=unable to get local issuer certificate cert=/CN=mx",
        "[10.0.0.1] SSL verify error: depth=0 error=unable to verify the first certificate cert=/CN=mx",
    )
    assert (verdict.verified, verdict.alert) == (False, None)


def test_required_verification_ends_with_the_first_error() -> None:
    verdict = ask(REQUIRED, "leaf")
    assert verdict.log_lines == (
        "[10.0.0.1] SSL verify error: depth=0 error=unable to get local issuer certificate cert=/CN=mx",
    )
    assert (verdict.alert, verdict.late) == (TlsAlert.UNKNOWN_CA, False)
    assert verdict.error == VERIFY_FAILED["openssl-3"]


@pytest.mark.parametrize(
    ("library", "text"), [("openssl-1.0.2", "self signed"), ("openssl-3", "self-signed")]
)
def test_texts_follow_the_library(library: str, text: str) -> None:
    leaf = make("mx", names=[HOST], ca=True)
    verdict = judge(replace(OPTIONAL, library=library), ders(leaf), AT)
    line = f"[10.0.0.1] SSL verify error: depth=0 error={text} certificate cert=/CN=mx"
    assert verdict.log_lines == (line,)


def test_a_wrong_name_is_worded_by_the_release() -> None:
    new = ask(OPTIONAL, "wrong_name", "intermediate")
    old = ask(replace(OPTIONAL, mismatch_names_host=False), "wrong_name", "intermediate")
    start = "[10.0.0.1] SSL verify error: certificate name mismatch: "
    assert new.log_lines == (f'{start}DN="/CN=other" H="{HOST}"',)
    assert old.log_lines == (f'{start}"/CN=other"',)
    assert not new.verified
    assert new.alert is None


@pytest.mark.parametrize(
    ("library", "alert"),
    [
        ("openssl-1.0.2", TlsAlert.CERTIFICATE_UNKNOWN),
        ("openssl-3", TlsAlert.INTERNAL_ERROR),
        ("gnutls", TlsAlert.BAD_CERTIFICATE),
    ],
)
def test_a_wrong_name_is_refused_with_an_alert_that_says_little(library: str, alert: TlsAlert) -> None:
    verdict = ask(replace(REQUIRED, library=library), "wrong_name", "intermediate")
    assert verdict.alert is alert


def test_without_names_any_certificate_of_the_ca_will_do() -> None:
    for library in LIBRARIES:
        assert ask(replace(REQUIRED, library=library, names=()), "wrong_name", "intermediate").verified


def test_an_expired_and_misnamed_certificate_has_two_lines() -> None:
    leaf = make("late", ZOO.intermediate, names=["mx.other.example"], days=(-9, -1))
    lines = judge(OPTIONAL, ders(leaf, ZOO.intermediate), AT).log_lines
    assert [line.split(": ")[1].split("=")[0] for line in lines] == ["depth", "certificate name mismatch"]
    assert "certificate has expired" in lines[0]


def test_a_running_callout_is_named() -> None:
    during = during_verification("R", None)
    lines = ask(replace(OPTIONAL, during=during), "expired", "intermediate").log_lines
    assert lines == (
        "[10.0.0.1] SSL verify error (during R-verify for [NULL]): "
        "depth=0 error=certificate has expired cert=/CN=mx",
    )
    assert during_verification("S", "10.0.0.9") == " (during S-verify for [10.0.0.9])"


@pytest.mark.parametrize(
    ("chain", "error"),
    [(("expired", "intermediate"), "certificate invalid"), (("wrong_name", "intermediate"), "")],
)
def test_gnutls_refuses_late_and_logs_nothing(chain: tuple[str, ...], error: str) -> None:
    refused = ask(replace(REQUIRED, library="gnutls"), *chain)
    assert refused == TlsVerdict(alert=TlsAlert.BAD_CERTIFICATE, error=error, late=True)
    assert ask(replace(OPTIONAL, library="gnutls"), *chain) == TlsVerdict()


def test_gnutls_refuses_a_good_certificate_whose_status_is_bad() -> None:
    settings = replace(REQUIRED, library="gnutls", stapled=b"rubbish")
    assert ask(settings, "leaf", "intermediate").alert is TlsAlert.BAD_CERTIFICATE
    assert ask(replace(settings, stapled=None), "leaf", "intermediate").alert is None


# ---- DANE ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", LIBRARIES)
def test_dane_replaces_the_ordinary_verification(library: str) -> None:
    settings = replace(DANE, library=library, mode=VerifyMode.REQUIRED, tlsa=tlsa(3, 1, ZOO.wrong_name))
    verdict = ask(settings, "wrong_name")
    assert (verdict.verified, verdict.dane_verified, verdict.log_lines) == (True, True, ())


@pytest.mark.parametrize(
    ("library", "alert", "error", "late"),
    [
        ("openssl-1.0.2", TlsAlert.UNKNOWN_CA, VERIFY_FAILED["openssl-1.0.2"], False),
        ("openssl-3", TlsAlert.UNKNOWN_CA, VERIFY_FAILED["openssl-3"], False),
        ("gnutls", TlsAlert.BAD_CERTIFICATE, "Verification failed. The certificate differs. ", True),
    ],
)
def test_dane_refuses_without_a_line_of_its_own(
    library: str, alert: TlsAlert, error: str, late: bool
) -> None:
    settings = replace(DANE, library=library, tlsa=tlsa(3, 1, ZOO.stray))
    verdict = ask(settings, "leaf", "intermediate", "root")
    assert (verdict.alert, verdict.error, verdict.late, verdict.log_lines) == (alert, error, late, ())


@pytest.mark.parametrize("library", OPENSSL)
def test_a_trust_store_that_was_loaded_for_nothing_changes_the_alert_and_nothing_else(library: str) -> None:
    settings = replace(DANE, library=library, tlsa=tlsa(3, 1, ZOO.stray))
    early = replace(settings, anchors=ROOT)
    for name in ("leaf", "expired"):
        plain, loaded = (ask(each, name, "intermediate") for each in (settings, early))
        assert plain == replace(loaded, alert=TlsAlert.UNKNOWN_CA, steps=plain.steps)
        assert loaded.alert is TlsAlert.BAD_CERTIFICATE
    assert ask(early, "self_signed").alert is TlsAlert.UNKNOWN_CA


def test_openssl_3_blames_asn1_if_it_had_to_make_an_issuer_up() -> None:
    for library, words in (("openssl-3", MADE_UP_ISSUER_FAULT), ("openssl-1.0.2", VERIFY_FAILED)):
        settings = replace(DANE, library=library, tlsa=tlsa(2, 1, ZOO.intermediate))
        assert ask(settings, "wrong_name", "intermediate").error == words[library]


def test_a_certificate_without_a_verdict_kills_the_process() -> None:
    leaf = make("mx", names=[HOST], cert_sign=False)
    record = usable_records([b"\2\1\0" + leaf.spki], "openssl-3", skip_short=True)
    assert judge(replace(DANE, tlsa=record), ders(leaf), AT) == TlsVerdict(crash=True)


def test_gnutls_lets_the_trust_store_decide_where_a_dane_anchor_has_a_certificate_of_another_name() -> None:
    settings = replace(DANE, library="gnutls", tlsa=tlsa(2, 0, ZOO.root, "gnutls"), anchors=ROOT)
    chain = ("wrong_name", "intermediate", "root")
    passed, refused = ask(settings, *chain), ask(replace(settings, anchors=ders(ZOO.stray)), *chain)
    assert (passed.verified, passed.dane_verified) == (True, False)
    assert (refused.alert, refused.error) == (TlsAlert.BAD_CERTIFICATE, "certificate invalid")
    assert ask(settings, "leaf", "intermediate", "root").dane_verified


def test_every_step_of_the_callback_is_there_for_the_events() -> None:
    verdict = ask(OPTIONAL, "leaf", "intermediate")
    assert [(step.depth, step.error) for step in verdict.steps] == [(2, None), (1, None), (0, None)]
    dane = ask(replace(DANE, tlsa=tlsa(2, 0, ZOO.intermediate)), "leaf", "intermediate")
    assert [step.depth for step in dane.steps] == [0]
    old = ask(
        replace(DANE, library="openssl-1.0.2", tlsa=tlsa(2, 0, ZOO.intermediate)), "leaf", "intermediate"
    )
    assert [step.depth for step in old.steps] == [1, 0]


# ---- names ---------------------------------------------------------------------------------------------


def test_the_peers_name_is_written_as_the_library_does() -> None:
    assert peer_dn(ZOO.leaf.der, "openssl-3") == peer_dn(ZOO.leaf.der, "openssl-1.0.2") == "/CN=mx"
    assert peer_dn(ZOO.leaf.der, "gnutls") == "CN=mx"
