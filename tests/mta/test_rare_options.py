"""Options that matter seldom: what they do, and that what is not modelled of them says so."""

from __future__ import annotations

import pytest

from eximsim.world.smtp_behaviour import Answer, Behaviour
from tests.mta.front import Front
from tests.mta.scenario import NEWEST, Mx, Site, variant

DAY = 24 * 3600
TOO_LONG = f"{'x' * 999}\n"


def offering(extension: str) -> Mx:
    return Mx(Behaviour(ehlo=Answer(("250-mx.test.ex", f"250 {extension}"))))


# ---- on the way out --------------------------------------------------------------------------------------


def test_a_line_that_is_too_long_for_the_transport_fails_the_message() -> None:
    site = Site(release=NEWEST)
    site.deliver(body=TOO_LONG)
    reason = "message has lines too long for transport (received 999, limit 998)"
    assert site.outcome == f"FAIL -19: {reason}"
    assert site.called == []


@pytest.mark.parametrize(("release", "limit"), [(NEWEST, "999"), ("4.94.1", None)])
def test_a_longer_line_passes_where_the_limit_is_higher_or_not_there(release: str, limit: str | None) -> None:
    site = Site(release=release, transport={"message_linelength_limit": limit} if limit else {})
    site.deliver(body=TOO_LONG)
    assert site.outcome.startswith("sent to ")


@pytest.mark.parametrize(
    ("named", "text"),
    [("TLS-on-connect", "TLS-on-connect"), ("\n", r"\n")],
)
def test_a_greeting_over_smtps_is_named_after_what_the_buffer_held(named: str, text: str) -> None:
    refusing = Mx(Behaviour(tls_on_connect=True, banner=Answer(("554 no",))))
    site = Site(
        [refusing], variant(NEWEST, smtps_banner_command=named), transport={"protocol": "smtps", "port": "25"}
    )
    site.deliver()
    assert f"SMTP error from remote mail server after {text}: 554 no" in site.outcome
    assert any(f"after {text}: 554 no" in line for line in site.log)


# ---- messages that stay ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "due"), [(DAY - 1, False), (DAY, True)])
def test_a_warning_is_due_after_a_day_unless_a_time_is_set(age: int, due: bool) -> None:
    site = Site([Mx(Behaviour(listen=False))])
    site.deliver()
    site.world.sleep(age)
    assert any(line.startswith("<= <>") for line in site.queue_run("-qf")) is due


@pytest.mark.parametrize("main", [{"delay_warning": ""}, {"delay_warning_condition": "no"}])
def test_a_warning_that_is_switched_off_is_never_due(main: dict[str, str]) -> None:
    site = Site([Mx(Behaviour(listen=False))], main=main)
    site.deliver()
    site.world.sleep(2 * DAY)
    assert site.queue_run("-qf") != []


def test_dsn_from_is_who_a_report_is_from() -> None:
    refusing = Mx(Behaviour(rcpt=Answer(("550 no",))))
    site = Site([refusing], main={"dsn_from": "Postman <post@$qualify_domain>"})
    site.exim("-odf", "-f", "s@test.ex", "a@test.ex")
    (report,) = site.machine.spool.messages.values()
    assert "From: Postman <post@myhost.test.ex>\n" in [header.text for header in report.headers]


# ---- on the way in ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "main", "left"),
    [
        ("-odq", "", 1),
        ("-odi", "queue_only", 0),
        ("-odi", "queue_only\nno_queue_only_override", 1),
        ("-odq", "queue_only\nno_queue_only_override", 1),
        ("-v", "queue_only", 1),
    ],
)
def test_the_command_line_overrides_queue_only_if_it_may(option: str, main: str, left: int) -> None:
    front = Front(f"{main}\nlog_selector = -all")
    front.exim(option, "-f", "a@here.ex", "nobody@here.ex", stdin="x\n")
    assert len(front.machine.spool.messages) >= left
    waiting = [message for message in front.machine.spool.messages.values() if message.sender]
    assert len(waiting) == left


@pytest.mark.parametrize(
    ("release", "main", "reply"),
    [
        ("4.94.1", "", "250"),
        ("4.95", "", "503"),
        ("4.99", "", "503"),
        ("4.99", "hosts_require_helo =", "250"),
    ],
)
def test_a_client_has_to_say_hello_first(release: str, main: str, reply: str) -> None:
    front = Front(main, release=release)
    done = front.exim("-bh", "192.0.2.7", stdin="MAIL FROM:<a@b.ex>\r\nQUIT\r\n")
    assert [line[:3] for line in done.stdout.splitlines() if line[:3].isdigit()][1] == reply
