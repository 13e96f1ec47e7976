from __future__ import annotations

import pytest

from eximsim.profiles import TlsaMap
from eximsim.status import Dnssec
from tests.mta import scenario
from tests.mta.scenario import GOOD, INSECURE, NEW, NEWEST, OLD, SERVFAIL, SILENT, Mx, Site, variant

ANSWERS = {
    "secure": GOOD,
    "insecure": INSECURE,
    "nxdomain": scenario.NXDOMAIN,
    "nodata": scenario.NODATA,
    "unsigned nxdomain": scenario.UNSIGNED_NXDOMAIN,
    "unsigned nodata": scenario.UNSIGNED_NODATA,
    "servfail": SERVFAIL,
    "silence": SILENT,
    "formerr": scenario.BROKEN,
}

# What becomes of the only host, by answer: first if DANE is required of it, then if it is requested. "dane"
# is a delivery verified by DANE, "tls" one with an ordinary check of the certificate.
MEANING = {
    TlsaMap.FALLBACK: {
        "secure": "dane dane",
        "insecure": "defer defer",
        "nxdomain": "fail tls",
        "nodata": "fail tls",
        "unsigned nxdomain": "fail tls",
        "unsigned nodata": "fail tls",
        "servfail": "defer defer",
        "silence": "defer defer",
        "formerr": "fail tls",
    },
    TlsaMap.NO_FALLBACK: {
        "secure": "dane dane",
        "insecure": "defer defer",
        "nxdomain": "fail defer",
        "nodata": "fail defer",
        "unsigned nxdomain": "fail defer",
        "unsigned nodata": "fail defer",
        "servfail": "defer defer",
        "silence": "defer defer",
        "formerr": "fail defer",
    },
    TlsaMap.NXDOMAIN_IS_NO_DANE: {
        "secure": "dane dane",
        "insecure": "defer defer",
        "nxdomain": "fail tls",
        "nodata": "fail defer",
        "unsigned nxdomain": "fail tls",
        "unsigned nodata": "fail defer",
        "servfail": "defer defer",
        "silence": "defer defer",
        "formerr": "fail defer",
    },
    TlsaMap.NEGATIVE_IS_NO_DANE: {
        "secure": "dane dane",
        "insecure": "defer defer",
        "nxdomain": "fail tls",
        "nodata": "fail tls",
        "unsigned nxdomain": "fail tls",
        "unsigned nodata": "fail tls",
        "servfail": "defer defer",
        "silence": "defer defer",
        "formerr": "fail defer",
    },
    TlsaMap.SIGNED_NEGATIVE_IS_NO_DANE: {
        "secure": "dane dane",
        "insecure": "defer defer",
        "nxdomain": "fail tls",
        "nodata": "fail tls",
        "unsigned nxdomain": "fail defer",
        "unsigned nodata": "fail defer",
        "servfail": "defer defer",
        "silence": "defer defer",
        "formerr": "fail defer",
    },
    TlsaMap.INSECURE_IS_NO_DANE: {
        "secure": "dane dane",
        "insecure": "fail tls",
        "nxdomain": "fail tls",
        "nodata": "fail tls",
        "unsigned nxdomain": "fail tls",
        "unsigned nodata": "fail tls",
        "servfail": "defer defer",
        "silence": "defer defer",
        "formerr": "fail defer",
    },
}
CELLS = [(rows, answer) for rows, cells in MEANING.items() for answer in cells]
SHOWN = {
    "sent to mx1.test.ex (dane)": "dane",
    "sent to mx1.test.ex (yes)": "tls",
    "DEFER -36: DANE error: tlsa lookup DEFER": "defer",
    "FAIL -36: DANE error: tlsa lookup FAIL": "fail",
}


def attempt(server: Mx, option: str, release: object = NEW) -> Site:
    site = Site([server], release, transport={option: "*"})  # type: ignore[arg-type]
    site.deliver()
    return site


@pytest.mark.parametrize(("rows", "answer"), CELLS, ids=lambda value: getattr(value, "value", value))
def test_an_answer_to_the_tlsa_question_means_what_its_release_says(rows: TlsaMap, answer: str) -> None:
    release = variant(NEW, tlsa_map=rows)
    required = attempt(Mx(tlsa=ANSWERS[answer]), "hosts_require_dane", release)
    requested = attempt(Mx(tlsa=ANSWERS[answer]), "hosts_try_dane", release)
    assert [SHOWN[site.outcome] for site in (required, requested)] == MEANING[rows][answer].split(" ")


@pytest.mark.parametrize("answer", ["insecure", "servfail"])
@pytest.mark.parametrize("option", ["hosts_try_dane", "hosts_require_dane"])
def test_in_4_85_a_host_that_was_ruled_out_left_no_reason(answer: str, option: str) -> None:
    """The address kept its state of "pending", which as one octet of a report means "deferred"."""
    site = attempt(Mx(tlsa=ANSWERS[answer]), option, "4.85")
    assert "H=mx1.test.ex [10.9.1.1] Success" in site.log
    assert site.log[-1] == "== a@test.ex R=r T=smtp defer (0)"


@pytest.mark.parametrize("answer", ["insecure", "servfail", "silence"])
def test_until_the_change_a_failed_lookup_was_no_obstacle_if_dane_was_only_requested(answer: str) -> None:
    assert attempt(Mx(tlsa=ANSWERS[answer]), "hosts_try_dane", OLD).outcome == "sent to mx1.test.ex (yes)"
    required = attempt(Mx(tlsa=ANSWERS[answer]), "hosts_require_dane", OLD)
    assert required.outcome == "DEFER -36: DANE error: tlsa lookup DEFER"


NOT, REQUESTED, REQUIRED = "not wanted", "requested", "required"
WANTED = {
    REQUIRED: {"hosts_require_dane": "*"},
    REQUESTED: {"hosts_try_dane": "*"},
    NOT: {"hosts_try_dane": ""},
}
KNOWN = {
    Dnssec.YES: (True, "*"),
    Dnssec.NO: (False, "*"),
    Dnssec.UNK: (True, ""),
}
POLICY = {
    (Dnssec.YES, REQUIRED): "sent to mx1.test.ex (dane)",
    (Dnssec.YES, REQUESTED): "sent to mx1.test.ex (dane)",
    (Dnssec.YES, NOT): "sent to mx1.test.ex (yes)",
    (Dnssec.NO, REQUIRED): "FAIL -36: DANE error: mx1.test.ex lookup not DNSSEC",
    (Dnssec.NO, REQUESTED): "sent to mx1.test.ex (yes)",
    (Dnssec.NO, NOT): "sent to mx1.test.ex (yes)",
    (Dnssec.UNK, REQUIRED): "FAIL -36: DANE error: mx1.test.ex lookup not DNSSEC",
    (Dnssec.UNK, REQUESTED): "sent to mx1.test.ex (yes)",
    (Dnssec.UNK, NOT): "sent to mx1.test.ex (yes)",
}


@pytest.mark.parametrize(("known", "want"), POLICY, ids=str)
def test_dane_needs_a_host_that_was_found_securely(known: Dnssec, want: str) -> None:
    dnssec, domains = KNOWN[known]
    router = {"dnssec_request_domains": domains}
    site = Site([Mx(tlsa=GOOD, dnssec=dnssec)], NEW, transport=WANTED[want], router=router)
    site.deliver()
    assert site.outcome == POLICY[known, want]
    asked = known is Dnssec.YES and want != NOT
    assert site.asked_for_tlsa == (["mx1.test.ex"] if asked else [])


def test_an_insecure_answer_is_logged_on_a_line_of_its_own() -> None:
    server = Mx(tlsa=INSECURE)
    assert "DANE error: TLSA lookup not DNSSEC" in attempt(server, "hosts_try_dane", NEW).log
    assert (
        "DANE error: TLSA lookup for mx1.test.ex not DNSSEC" in attempt(server, "hosts_try_dane", NEWEST).log
    )


def test_the_question_names_the_port_of_the_connection() -> None:
    zone = [{"name": "_2525._tcp.mx1.test.ex", "type": "TLSA", **GOOD}]
    site = Site([Mx()], NEW, transport={"hosts_try_dane": "*", "port": "2525"}, zone=zone)
    site.serve("10.9.1.1", Mx().behaviour, 2525)
    site.deliver()
    assert site.outcome == "sent to mx1.test.ex (dane)"


def test_a_tlsa_record_behind_an_insecure_alias_is_insecure() -> None:
    alias = {"name": "_25._tcp.mx1.test.ex", "type": "CNAME", "ad": False, "data": ["tlsa.test.ex"]}
    site = Site(
        [Mx()],
        NEW,
        transport={"hosts_try_dane": "*"},
        zone=[alias, {"name": "tlsa.test.ex", "type": "TLSA", **GOOD}],
    )
    site.deliver()
    assert "DANE error: TLSA lookup not DNSSEC" in site.log
    assert site.outcome == "DEFER -36: DANE error: tlsa lookup DEFER"


def test_old_releases_connect_before_they_ask_and_new_ones_ask_before_they_connect() -> None:
    assert attempt(Mx(tlsa=SERVFAIL), "hosts_try_dane", NEW).called == ["mx1"]
    assert attempt(Mx(tlsa=SERVFAIL), "hosts_try_dane", NEWEST).called == []


@pytest.mark.parametrize(
    ("release", "queue_run", "alert"),
    [
        ("4.94.1", True, "TLSV1_ALERT_UNKNOWN_CA"),
        (NEWEST, True, "SSLV3_ALERT_BAD_CERTIFICATE"),
        (NEWEST, False, "TLSV1_ALERT_UNKNOWN_CA"),
    ],
)
def test_a_queue_run_has_loaded_the_anchors_that_dane_makes_no_use_of(
    release: str, queue_run: bool, alert: str
) -> None:
    transport = {"hosts_require_dane": "*", "tls_verify_certificates": "/root.pem"}
    site = Site([Mx(tlsa=scenario.WRONG)], release, transport=transport)
    if queue_run:
        site.exim("-odq", "-f", scenario.SENDER, "a@test.ex")
        site.queue_run()
    else:
        site.deliver()
    assert site.events[-1] == f"TLS-failed {alert}"


def test_up_to_4_85_only_the_log_says_why_dane_cannot_be_had() -> None:
    site = Site([Mx(dnssec=False)], "4.85", transport={"hosts_require_dane": "*"})
    lines = [line for line in site.deliver() if "DANE error: mx1.test.ex lookup not DNSSEC" in line]
    assert len(lines) == 1
    assert not lines[0].startswith(("==", "**"))
