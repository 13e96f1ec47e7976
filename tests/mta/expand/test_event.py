from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.mta.expand.event import event_raise
from eximsim.profiles import PROFILES, Profile, profile, with_tls
from eximsim.world.smtp_behaviour import Answer, Behaviour
from tests.mta.scenario import (
    GOOD,
    NEW,
    NEWEST,
    NXDOMAIN,
    PLAIN,
    REFUSING,
    SERVFAIL,
    WRONG,
    Mx,
    RRset,
    Site,
    variant,
)

LISTEN = "${if eq{1}{2}{x}}"
DANE = {"hosts_try_dane": "*", "event_action": LISTEN}
REQUIRE = {"hosts_require_dane": "*", "event_action": LISTEN}
LATER = Behaviour(rcpt=Answer(("450 later",)))
GONE = Behaviour(rcpt=Answer(("550 no",)))
MX_ERRORS = {"errors_to": '""'}


def answering(event: str, text: str) -> dict[str, str]:
    """An event_action that has something to say of one event."""
    return {"event_action": f"${{if eq{{$event_name}}{{{event}}}{{{text}}}}}"}


def heard(site: Site) -> list[str]:
    """Every event in order, with its data."""
    events = (decision.inputs for decision in site.decisions("event"))
    return [f"{event['event']} {event['data'] or ''}".strip() for event in events]


def names(site: Site) -> list[str]:
    return [event.partition(" ")[0] for event in heard(site)]


# ---- which events there are --------------------------------------------------------------


def test_a_delivery_raises_its_events_in_order() -> None:
    site = Site(release=NEWEST, transport={"event_action": LISTEN, "tls_verify_cert_hostnames": ""})
    site.deliver()
    assert names(site) == [
        *("tcp:connect", "smtp:connect", "smtp:ehlo"),
        *("tls:cert", "tls:cert", "tls:cert", "smtp:ehlo", "tcp:close", "msg:delivery"),
    ]
    assert "smtp:connect 220 mx.test.ex ESMTP" in heard(site)
    assert "smtp:ehlo 250-mx.test.ex\n250-STARTTLS\n250 HELP" in heard(site)
    assert [event for event in heard(site) if event.startswith("tls:cert")] == [
        f"tls:cert {depth}" for depth in (2, 1, 0)
    ]
    assert heard(site)[-1] == "msg:delivery 250 OK id=X"


@pytest.mark.parametrize("release", list(PROFILES))
def test_a_release_raises_no_event_that_it_does_not_have(release: str) -> None:
    for server in (Mx(LATER), Mx(tlsa=NXDOMAIN)):
        site = Site([server], release, transport=REQUIRE if server.tlsa else {"event_action": LISTEN})
        site.deliver()
        assert set(names(site)) <= profile(release).events
        assert "tcp:connect" in names(site) or profile(release).tlsa_before_connect


def test_a_callout_raises_the_events_of_its_connection() -> None:
    for release in (NEW, NEWEST):
        site = Site([Mx(PLAIN)], release, transport={"event_action": LISTEN})
        site.verify()
        ehlo = ["smtp:ehlo"] if release == NEWEST else []
        assert names(site) == ["tcp:connect", "smtp:connect", *ehlo, "tcp:close"]


def test_a_refused_ehlo_is_an_event_and_the_helo_after_it_is_none() -> None:
    server = Behaviour(ehlo=Answer(("502 no",)), extensions=())
    site = Site([Mx(server)], NEWEST, transport={"event_action": LISTEN})
    site.deliver()
    assert [event for event in heard(site) if event.startswith("smtp:ehlo")] == ["smtp:ehlo 502 no"]


@pytest.mark.parametrize(("answer", "events"), [("250 here", ["smtp:ehlo 250 here"]), ("550 no", [])])
def test_a_refused_lhlo_is_no_event(answer: str, events: list[str]) -> None:
    server = Behaviour(unknown=Answer((answer,)), extensions=())
    site = Site([Mx(server)], NEWEST, transport={"event_action": LISTEN, "protocol": "lmtp", "port": "25"})
    site.deliver()
    assert [event for event in heard(site) if event.startswith("smtp:ehlo")] == events


def test_nobody_listens_without_event_action() -> None:
    site = Site(release=NEWEST)
    site.deliver()
    assert heard(site) == []


# ---- DANE ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "options", "fault"),
    [
        (Mx(tlsa=NXDOMAIN), REQUIRE, "dane-required"),
        (Mx(tlsa=SERVFAIL), REQUIRE, "dane-required"),
        (Mx(tlsa=SERVFAIL), DANE, "dnssec-invalid"),
        (Mx(dnssec=False), REQUIRE, "dane-required"),
        (Mx(tlsa=WRONG), DANE, "validation-failure"),
        (Mx(Behaviour(starttls=Answer(("554 no",))), GOOD), DANE, "validation-failure"),
        (Mx(PLAIN, GOOD), DANE, "starttls-not-supported"),
    ],
)
def test_a_failure_of_dane_says_of_what_kind_it_is(server: Mx, options: dict[str, str], fault: str) -> None:
    site = Site([server], NEWEST, transport=options)
    site.deliver()
    assert [event for event in heard(site) if event.startswith("dane:")] == [f"dane:fail {fault}"]


@pytest.mark.parametrize("tlsa", [GOOD, NXDOMAIN])
def test_dane_that_does_not_fail_raises_no_event(tlsa: RRset) -> None:
    site = Site([Mx(tlsa=tlsa)], NEWEST, transport=DANE)
    site.deliver()
    assert "dane:fail" not in names(site)


def test_a_callout_is_told_of_a_failure_of_dane_too() -> None:
    site = Site([Mx(tlsa=SERVFAIL)], NEWEST, transport=DANE)
    site.verify()
    assert heard(site) == ["dns:fail DNS_AGAIN:_25._tcp.mx1.test.ex:TLSA", "dane:fail dnssec-invalid"]


# ---- deferrals and failures ------------------------------------------------------------------


def test_a_host_that_cannot_be_reached_raises_a_deferral_and_the_last_one_the_messages() -> None:
    site = Site([Mx(REFUSING), Mx(REFUSING)], NEWEST, transport={"event_action": LISTEN})
    site.deliver()
    deferrals = [event for event in heard(site) if event.startswith("msg:")]
    refused = "Connection refused"
    assert deferrals == [f"msg:host:defer {refused}", f"msg:host:defer {refused}", f"msg:defer {refused}"]


def test_the_last_host_that_hosts_max_try_allows_raises_the_messages_deferral() -> None:
    servers = [Mx(REFUSING, preference=10), Mx(REFUSING, preference=10)]
    site = Site(servers, NEWEST, transport={"event_action": LISTEN, "hosts_max_try": "1"})
    site.deliver()
    refused = "Connection refused"
    deferrals = [event for event in heard(site) if event.startswith("msg:")]
    assert deferrals == [f"msg:host:defer {refused}", f"msg:defer {refused}"]


def test_a_deferred_recipient_is_an_event_of_the_host_and_of_the_recipient() -> None:
    site = Site([Mx(LATER), Mx(LATER)], NEWEST, transport={"event_action": LISTEN})
    site.deliver()
    deferrals = [name for name in names(site) if name.startswith("msg:")]
    assert deferrals == ["msg:rcpt:host:defer", "msg:rcpt:host:defer", "msg:rcpt:defer"]


@pytest.mark.parametrize(("release", "before"), [("4.91", False), (NEWEST, True)])
@pytest.mark.parametrize("ignored", [False, True])
def test_a_failure_is_one_event_whether_it_is_ignored_or_not(
    release: str, before: bool, ignored: bool
) -> None:
    action = {"event_action": "${if match{$event_name}{msg:fail}{${acl{accept logwrite = $event_name}}}}"}
    site = Site([Mx(GONE)], release, transport=action, router=MX_ERRORS if ignored else {})
    lines = [line.partition(" ")[0] for line in site.deliver()]
    told, failed = lines.index("msg:fail:delivery"), lines.index("**")
    assert lines.count("msg:fail:delivery") == 1
    assert (told < failed) == (before and not ignored)


def test_the_main_configuration_hears_that_a_message_is_done_with() -> None:
    site = Site(release=NEWEST, main={"event_action": LISTEN})
    site.deliver()
    assert heard(site) == ["dns:fail DNS_NODATA:mx1.test.ex:AAAA", "msg:complete"]


# ---- what an event_action can see and do ----------------------------------------------------


def test_an_event_has_the_variables_of_the_delivery_and_its_session() -> None:
    seen = "$event_name $host $host_address $transport_name $router_name $domain $tls_out_dane"
    subject = "${certextract{subject}{$tls_out_peercert}}"
    action = {"event_action": f"${{acl{{accept logwrite = <{seen} {subject}>}}}}", "hosts_try_dane": "*"}
    site = Site([Mx(tlsa=GOOD)], NEWEST, transport=action)
    assert "<msg:delivery mx1.test.ex 10.9.1.1 smtp r test.ex yes CN=*.test.ex>" in site.deliver()


def test_what_was_set_for_an_event_is_gone_after_it() -> None:
    process = Site(release=NEWEST).process()
    assert event_raise(process, "$event_name: $event_data", "tcp:close", "x") == "tcp:close: x"
    assert not {"event_name", "event_data"} & process.variables.keys()


@given(st.sampled_from(list(PROFILES)), st.sampled_from(["tcp:connect", "dane:fail", "msg:defer", "no:such"]))
@settings(max_examples=40)
def test_text_comes_back_exactly_if_the_release_has_the_event(release: str, event: str) -> None:
    process = Site(release=release).process()
    assert event_raise(process, "x", event) == ("x" if event in profile(release).events else None)


def test_an_action_that_does_not_expand_is_a_panic_and_does_nothing() -> None:
    site = Site(
        release=variant(NEWEST, events=frozenset({"smtp:connect"})), transport={"event_action": "$nothing"}
    )
    site.deliver()
    assert site.outcome == "sent to mx1.test.ex (yes)"
    failed = 'failed to expand event_action smtp:connect in smtp: unknown variable name "nothing"'
    assert site.panic_log == [failed, ""]


def test_a_connection_can_be_forbidden() -> None:
    site = Site(release=NEWEST, transport=answering("tcp:connect", "no"))
    site.deliver()
    assert site.outcome.startswith("DEFER -57")
    assert site.called == []


@pytest.mark.parametrize("release", [NEW, NEWEST])
def test_a_greeting_can_be_refused(release: str) -> None:
    site = Site(release=release, transport=answering("smtp:connect", "not this one"))
    site.deliver()
    assert site.outcome == "DEFER -27: deferred by smtp:connect event expansion: not this one"
    assert site.calls[0][1] == ["QUIT"]


@pytest.mark.parametrize("dane", [False, True])
def test_a_certificate_can_be_denied(dane: bool) -> None:
    action = {**answering("tls:cert", "bad $event_data"), "hosts_require_tls": "*"}
    if dane:
        action["hosts_try_dane"] = "*"
    else:
        action["tls_verify_hosts"] = "*"
    site = Site([Mx(tlsa=GOOD)], NEWEST, transport=action)
    lines = site.deliver()
    what, depth = ("DANE", 0) if dane else ("SSL", 2)
    assert any(f"] {what} verify denied by event-action: depth={depth} cert=/" in line for line in lines)
    assert any(line.endswith(f": bad {depth}") for line in lines)
    assert site.outcome.startswith("DEFER -37")


def test_a_denied_certificate_is_only_not_verified_where_that_is_optional() -> None:
    optional = {"tls_verify_hosts": ":", "tls_try_verify_hosts": "*", "tls_verify_cert_hostnames": ""}
    site = Site(release="4.98", transport={**answering("tls:cert", "bad"), **optional})
    site.deliver()
    assert site.outcome == "sent to mx1.test.ex (no)"


def test_under_dane_a_certificate_that_fails_has_its_event_and_otherwise_not() -> None:
    dane = Site([Mx(tlsa=WRONG)], NEWEST, transport=DANE)
    dane.deliver()
    assert [event for event in heard(dane) if event.startswith("tls:cert")] == ["tls:cert 2"]
    options = {**answering("tls:cert", ""), "tls_verify_hosts": "*"}
    plain = Site([Mx(Behaviour(chain="selfsigned"))], NEWEST, transport=options)
    plain.deliver()
    assert "tls:cert" not in names(plain)


def test_a_certificate_with_another_name_has_its_events_where_verification_is_optional() -> None:
    optional = {"tls_verify_hosts": ":", "tls_try_verify_hosts": "*"}
    site = Site(
        [Mx(Behaviour(chain="wrongname"))], NEWEST, transport={**answering("tls:cert", ""), **optional}
    )
    site.deliver()
    assert site.outcome == "sent to mx1.test.ex (no)"
    assert [event for event in heard(site) if event.startswith("tls:cert")] == [
        f"tls:cert {depth}" for depth in (2, 1, 0)
    ]


# ---- authentication ----------------------------------------------------------------------------

LOGIN = "pl:\n  driver = plaintext\n  public_name = PLAIN\n  client_send = ^u^p"
REFUSES = Behaviour(extensions=("AUTH PLAIN",), auth=(Answer(("535 no",)),))


@pytest.mark.parametrize(("release", "raised"), [("4.96", False), ("4.97", True)])
def test_a_refused_authentication_is_an_event_since_4_97(release: str, raised: bool) -> None:
    words = answering("auth:fail", "$sender_host_authenticated said $event_data")
    options = {**words, "hosts_try_auth": "*"}
    site = Site([Mx(REFUSES)], release, transport=options, authenticators=LOGIN)
    lines = site.deliver()
    assert ("pl said 535 no" in lines) is raised
    line = "pl authenticator failed H=mx1.test.ex [10.9.1.1] 535 no"
    assert any(line in one for one in lines) is not raised


# ---- GnuTLS -----------------------------------------------------------------------------------


def gnutls(release: str) -> Profile:
    return with_tls(profile(release), "gnutls")


def test_gnutls_shows_every_certificate_that_the_server_sent() -> None:
    site = Site([Mx(tlsa=GOOD)], gnutls(NEWEST), transport=DANE)
    site.deliver()
    sent = [event for event in heard(site) if event.startswith("tls:cert")]
    assert sent == [f"tls:cert {depth}" for depth in reversed(range(len(sent)))]
    assert len(sent) > 1


@pytest.mark.parametrize("release", ["4.96-debian12", NEWEST])
def test_gnutls_ends_the_handshake_without_an_alert_if_one_is_denied(release: str) -> None:
    site = Site(release=gnutls(release), transport=answering("tls:cert", "bad"))
    lines = site.deliver()
    assert "SSL verify denied by event-action: depth=2: bad" in lines
    assert any("TLS session: (gnutls_handshake): Error in the certificate.: deliv" in line for line in lines)
    assert "TLS-failed UNEXPECTED_EOF_WHILE_READING" in site.events
    assert site.outcome == "sent to mx1.test.ex (clear)"
