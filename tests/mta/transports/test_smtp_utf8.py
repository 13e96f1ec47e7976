"""International messages on their way to hosts that take them, and to those that do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.profiles import profile
from eximsim.world.smtp_behaviour import Behaviour
from tests.mta.front import Front
from tests.mta.scenario import Mx, Site

TAKES = Mx(Behaviour(extensions=("HELP", "SMTPUTF8")))
TAKES_NOT = Mx(Behaviour(extensions=("HELP",)))
PROGRAM = replace(profile("4.99"), i18n=True)
AS_IT_IS, IN_ASCII = "\u00e4@\u00e4.ex", "xn--4ca@xn--4ca.ex"


def sent(server: Mx, **transport: str) -> Site:
    made = Site([server], PROGRAM, transport=transport, main={"log_selector": "-all +sender_on_delivery"})
    made.exim("-odf", "-f", AS_IT_IS, "\u00e4@test.ex")
    return made


def told(site: Site) -> str:
    return site.events[1].encode("latin-1").decode()


@pytest.mark.parametrize("transport", [{}, {"utf8_downconvert": "0"}])
def test_a_host_that_takes_it_is_asked_to(transport: dict[str, str]) -> None:
    site = sent(TAKES, **transport)
    assert told(site) == f"MAIL FROM:<{AS_IT_IS}> SMTPUTF8"
    assert site.log[1].startswith(f"=> \u00e4@test.ex F=<{AS_IT_IS}> ")


@pytest.mark.parametrize(
    ("server", "transport"),
    [(TAKES_NOT, {}), (TAKES, {"utf8_downconvert": "1"}), (TAKES, {"utf8_downconvert": "1x"})],
)
def test_addresses_go_in_ascii_where_they_have_to_and_are_logged_so(
    server: Mx, transport: dict[str, str]
) -> None:
    site = sent(server, **transport)
    assert site.events[1:3] == [f"MAIL FROM:<{IN_ASCII}>", "RCPT TO:<xn--4ca@test.ex>"]
    assert site.log[1].startswith(f"=> xn--4ca@test.ex <\u00e4@test.ex> F=<{IN_ASCII}> ")


def test_without_leave_to_convert_a_host_that_does_not_take_it_fails_the_address() -> None:
    site = sent(TAKES_NOT, utf8_downconvert="0")
    why = "utf8 support required but not offered for forwarding"
    assert site.log[2].startswith("** \u00e4@test.ex ")
    assert site.log[2].endswith(f" : {why}")
    assert site.events == ["EHLO", "QUIT"]


def test_a_message_in_ascii_asks_for_nothing() -> None:
    site = Site([TAKES], PROGRAM)
    site.deliver()
    assert site.events[1] == "MAIL FROM:<s@myhost.test.ex>"


ACL = "ok:\n accept\n"


def replies(main: str, *commands: str) -> list[str]:
    front = Front(f"acl_smtp_rcpt = ok\n{main}", ACL, "4.96-debian12")
    return front.smtp("EHLO c", *commands)


def test_a_server_takes_domains_in_utf8_after_smtputf8_was_asked_for() -> None:
    said = replies("", f"MAIL FROM:<{AS_IT_IS}> SMTPUTF8", "RCPT TO:<\u00e4@\u00e4.ex>", "QUIT")
    assert "250-SMTPUTF8" in said
    assert said[-3:-1] == ["250 OK", "250 Accepted"]


def test_what_was_not_offered_may_not_be_asked_for() -> None:
    said = replies("smtputf8_advertise_hosts =\n", f"MAIL FROM:<{AS_IT_IS}> SMTPUTF8", "QUIT")
    assert said[-2] == "501 SMTPUTF8 used when not advertised"
