from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import InputError, Unsupported
from eximsim.mta.transports.tls import construct_cipher_name
from eximsim.mta.transports.tls_suites import BadPriority, Suites, gnutls_description, read_priority, suites
from eximsim.ports import TlsSession
from eximsim.profiles import Profile, profile, with_tls
from eximsim.world.tls12 import tls12_ciphers
from tests.mta.scenario import GOOD, NEWEST, Mx, Settings, Site

WATCHED = "${if eq{$event_name}{tcp:close}{${acl{accept logwrite = tcp:close $tls_out_cipher}}}}"
GNUTLS = with_tls(profile(NEWEST), "gnutls")
HEAD = "4.99-dev-13835a3c1"


def openssl(release: str, required: str | None = None, options: str | None = None) -> Suites:
    main: Settings = {} if options is None else {"openssl_options": options}
    return suites(Site(release=release, main=main).process(), required)


# ---- OpenSSL ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "options", "version"),
    [
        (NEWEST, None, "TLSv1.3"),
        (NEWEST, "+no_tlsv1_3", "TLSv1.2"),
        (NEWEST, "+no_sslv2 +no_tlsv1", "TLSv1.3"),
        ("4.87", None, "TLSv1.2"),
    ],
)
def test_the_newest_version_is_the_librarys_or_what_openssl_options_leave(
    release: str, options: str | None, version: str
) -> None:
    assert openssl(release, options=options) == Suites(None, version)


def test_openssl_reads_tls_require_ciphers_itself_but_for_underscores() -> None:
    assert openssl(NEWEST, "AES256_SHA:HIGH").ciphers == "AES256-SHA:HIGH"


def test_without_tls_12_there_is_tls_13_alone() -> None:
    assert openssl(NEWEST, options="+no_tlsv1_2") == Suites(None, "TLSv1.3", "TLSv1.3")
    assert openssl(NEWEST, options="+no_tlsv1_2 -no_tlsv1_2") == Suites(None, "TLSv1.3")


def test_a_server_that_the_worlds_cannot_be_is_unsupported() -> None:
    process = Site(release=NEWEST, main={"openssl_options": "+no_tlsv1_2"}).process()
    with pytest.raises(Unsupported, match=r"openssl_options \+no_tlsv1_2 \(/config:\d+\)"):
        suites(process, None, server=True)
    with pytest.raises(Unsupported, match=r"without TLS 1.2 and 1.3 \(/config:\d+\)"):
        openssl(NEWEST, options="+no_tlsv1_2 +no_tlsv1_3")


@pytest.mark.parametrize(("release", "options"), [("4.89", "+no_tlsv1_3"), (NEWEST, "no_tlsv1")])
def test_a_word_that_the_release_does_not_know_is_a_wrong_configuration(release: str, options: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"openssl_options parse error: {options}")):
        openssl(release, options=options)


# ---- GnuTLS's priority strings -------------------------------------------------------------------


def test_nothing_required_is_the_librarys_default() -> None:
    assert suites(Site(release=GNUTLS).process(), None) == Suites(None, "TLSv1.3")


@pytest.mark.parametrize(
    ("text", "ciphers", "version"),
    [
        ("NONE:+VERS-TLS1.2:+RSA:+AES-128-CBC:+SHA1", "AES128-SHA", "TLSv1.2"),
        (
            "NONE:+VERS-TLS-ALL:+VERS-TLS1.2:+RSA:+ECDHE-RSA:+AES-256-CBC:+SHA1",
            "AES256-SHA:ECDHE-RSA-AES256-SHA",
            "TLSv1.2",
        ),
        (
            "NORMAL:-KX-ALL:+DHE-RSA:-CIPHER-ALL:+AES-128-GCM:-VERS-TLS1.3",
            "DHE-RSA-AES128-GCM-SHA256",
            "TLSv1.2",
        ),
        ("NORMAL:-KX-ALL:+RSA:-CIPHER-ALL:+AES-256-GCM", "AES256-GCM-SHA384", "TLSv1.3"),
        (
            "NORMAL:!AES-256-CBC:-KX-ALL:+RSA:%COMPAT:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CCM:+AES-128-CCM",
            "AES128-CCM",
            "TLSv1.2",
        ),
    ],
)
def test_a_priority_string_is_read_from_left_to_right(text: str, ciphers: str, version: str) -> None:
    assert read_priority(text) == Suites(ciphers, version)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SECURE256", "begins with 'SECURE256'"),
        ("NORMAL:+PSK", r"item '\+PSK'"),
        ("NORMAL:-VERS-TLS1.2", "without TLS 1.2"),
        ("NORMAL:-AES-256-GCM", "TLS 1.3 but not AES-256-GCM"),
    ],
)
def test_what_is_not_modelled_of_priority_strings_says_so(text: str, why: str) -> None:
    with pytest.raises(Unsupported, match=why):
        read_priority(text)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("NOSUCHCIPHER", 'gnutls_priority_init(NOSUCHCIPHER) failed at offset 0, "NOSUCH.."'),
        ("NORMAL:+NOSUCH", 'gnutls_priority_init(NORMAL:+NOSUCH) failed at offset 7, "+NOSUC.."'),
        ("NONE", 'gnutls_priority_init(NONE) failed at offset 0, "NONE.."'),
        ("NORMAL:RSA", 'gnutls_priority_init(NORMAL:RSA) failed at offset 7, "RSA.."'),
        ("@SYSTEM:+RSA", 'gnutls_priority_init(@SYSTEM:+RSA) failed at offset 0, "@SYSTE.."'),
    ],
)
def test_a_word_that_is_none_of_gnutls_is_named_with_its_place(text: str, step: str) -> None:
    with pytest.raises(BadPriority, match=re.escape(step)):
        read_priority(text)


def test_suite_b_is_tls_12_with_ecdsa_alone() -> None:
    suites = ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"]
    assert read_priority("SUITEB128") == Suites(":".join(suites), "TLSv1.2")
    assert read_priority("SUITEB192") == Suites(suites[0], "TLSv1.2")


@pytest.mark.parametrize("word", ["SUITEB128", "HIGH:@SECLEVEL=3"])
def test_what_openssl_asks_of_keys_beyond_the_usual_is_unsupported(word: str) -> None:
    with pytest.raises(Unsupported, match="in a list of ciphers"):
        openssl(NEWEST, word)


def test_a_priority_string_can_leave_tls_13_alone() -> None:
    assert read_priority("PFS:-VERS-ALL:+VERS-TLS1.3").min_version == "TLSv1.3"


WORDS = st.sampled_from(
    [
        "RSA",
        "ECDHE-RSA",
        "DHE-RSA",
        "AES-128-CBC",
        "AES-256-GCM",
        "SHA1",
        "VERS-TLS1.3",
        "KX-ALL",
        "CIPHER-ALL",
    ]
)


@given(st.lists(st.tuples(st.sampled_from("+-!"), WORDS), max_size=6))
def test_whatever_is_read_is_a_list_that_openssl_knows(items: list[tuple[str, str]]) -> None:
    text = ":".join(["NORMAL", *(sign + word for sign, word in items)])
    try:
        found = read_priority(text)
    except Unsupported:
        return
    assert found.ciphers is not None
    if found.ciphers:
        known = set(tls12_ciphers(found.ciphers))
        assert known <= set(found.ciphers.split(":"))


# ---- names of suites ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("TLS_AES_256_GCM_SHA384", "ECDHE_SECP256R1__RSA_PSS_RSAE_SHA256__AES_256_GCM"),
        ("TLS_CHACHA20_POLY1305_SHA256", "ECDHE_SECP256R1__RSA_PSS_RSAE_SHA256__CHACHA20_POLY1305"),
        ("AES128-SHA", "RSA__AES_128_CBC__SHA1"),
        ("AES256-SHA256", "RSA__AES_256_CBC__SHA256"),
        ("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE_SECP256R1__RSA_SHA256__AES_256_GCM"),
        ("DHE-RSA-AES128-GCM-SHA256", "DHE_FFDHE2048__RSA_SHA256__AES_128_GCM"),
        ("ECDHE-ECDSA-AES256-SHA", "ECDHE_SECP256R1__ECDSA_SHA256__AES_256_CBC__SHA1"),
    ],
)
def test_how_gnutls_describes_a_suite(name: str, shown: str) -> None:
    assert gnutls_description(name) == shown


@pytest.mark.parametrize(
    ("release", "suite", "shown"),
    [
        ("4.99", "TLS_AES_256_GCM_SHA384", "1.3:ECDHE_SECP256R1__RSA_PSS_RSAE_SHA256__AES_256_GCM:256"),
        (
            HEAD,
            "TLS_AES_256_GCM_SHA384",
            "1.3:ECDHE_SECP256R1__RSA_PSS_RSAE_SHA256__AES_256_GCM:256:SECP256R1",
        ),
        (HEAD, "ECDHE-RSA-AES256-GCM-SHA384", "1.2:ECDHE_SECP256R1__RSA_SHA256__AES_256_GCM:256:SECP256R1"),
        (HEAD, "AES256-GCM-SHA384", "1.2:RSA__AES_256_GCM:256"),
    ],
)
def test_after_4_99_gnutls_shows_the_group_of_the_key_exchange(release: str, suite: str, shown: str) -> None:
    session = TlsSession(f"TLSv{shown[:3]}", suite, 256)
    process = Site(release=with_tls(profile(release), "gnutls")).process()
    assert construct_cipher_name(process, session) == f"TLS{shown}"


def test_a_suite_that_gnutls_does_not_have_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="GnuTLS's name for the cipher CAMELLIA128-SHA"):
        gnutls_description("CAMELLIA128-SHA")


# ---- in a delivery ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "suite"),
    [
        (HEAD, "TLS1.3:TLS_AES_256_GCM_SHA384:256"),
        ("4.87", "TLSv1.2:ECDHE-ECDSA-AES128-GCM-SHA256:128"),
    ],
)
def test_what_is_required_and_what_is_agreed_on(release: str, suite: str) -> None:
    options = {"tls_require_ciphers": "ECDHE+AES128", "event_action": WATCHED}
    lines = Site([Mx(tlsa=GOOD)], release, transport=options).deliver()
    assert f"tcp:close {suite}" in lines


def test_gnutls_agrees_on_what_the_priority_string_leaves() -> None:
    options = {"tls_require_ciphers": "NORMAL:-VERS-TLS1.3:-AES-256-GCM", "event_action": WATCHED}
    lines = Site([Mx(tlsa=GOOD)], GNUTLS, transport=options).deliver()
    suite = "TLS1.2:ECDHE_SECP256R1__ECDSA_SHA256__CHACHA20_POLY1305:256"
    assert f"tcp:close {suite}" in lines


def test_a_priority_string_without_a_mac_leaves_nothing() -> None:
    with pytest.raises(Unsupported, match="leaves no suite"):
        read_priority("NORMAL:-VERS-TLS1.3:-MAC-ALL")


def test_a_group_that_was_emptied_is_as_usual_again_once_it_is_added() -> None:
    rest = "-CIPHER-ALL:+AES-256-GCM"
    assert read_priority(f"NORMAL:-KX-ALL:+KX-ALL:{rest}") == read_priority(f"NORMAL:{rest}")


@pytest.mark.parametrize("release", ["4.89", "4.92", NEWEST, GNUTLS])
def test_a_list_without_ciphers_ends_the_attempt_before_the_lists_about_verification(
    release: Profile | str,
) -> None:
    lists = {"hosts_require_ocsp": "ocsp.test.ex", "tls_verify_hosts": "verify.test.ex"}
    site = Site(release=release, transport={**lists, "tls_require_ciphers": "NOSUCHCIPHER"})
    site.deliver()
    asked = {question.rpartition(" ")[2] for question in site.world.questions}
    assert "ocsp.test.ex" in asked
    assert "verify.test.ex" not in asked


@pytest.mark.parametrize("release", ["4.89", NEWEST, GNUTLS])
def test_the_lists_about_ocsp_are_looked_at_before_the_certificate_is_read(release: Profile | str) -> None:
    site = Site(release=release, transport={"hosts_require_ocsp": "ocsp.test.ex", "tls_certificate": "/none"})
    site.deliver()
    assert any("ocsp.test.ex" in question for question in site.world.questions)


def test_gnutls_tells_the_name_that_it_would_have_sent_where_the_priorities_are_refused() -> None:
    watched = "${if eq{$event_name}{tcp:close}{${acl{accept logwrite = sni $tls_out_sni}}}}"
    options = {"tls_require_ciphers": "NOSUCH", "tls_sni": "x.test.ex", "event_action": watched}
    for release, told in ((GNUTLS, ["sni x.test.ex", "sni x.test.ex"]), (profile(NEWEST), ["sni ", "sni "])):
        site = Site(release=release, transport=options)
        site.deliver()
        assert [line for line in site.log if line.startswith("sni ")] == told


def test_gnutls_misses_trust_anchors_also_where_nothing_is_verified() -> None:
    options = {
        "tls_verify_certificates": "/none",
        "tls_try_verify_hosts": "",
        "tls_verify_hosts": "gone.test.ex",
    }
    site = Site(release="4.96-debian12", transport=options)
    site.deliver()
    assert any("could not stat" in line for line in site.panic_log)
    assert not any("gone.test.ex" in question for question in site.world.questions)
