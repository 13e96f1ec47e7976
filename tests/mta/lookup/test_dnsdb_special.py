"""dnsdb lookups of more than one question; the texts are those of test 2550 of Exim's suite."""

from __future__ import annotations

import pytest

from eximsim.mta.lookup.lookups.dnsdb import dnsdb_find
from eximsim.status import Rc
from eximsim.world.rdata import soa
from tests.mta.routing_world import records, site
from tests.suite.test_scenario_compare import done, scenario

ZONE = {
    ("test.ex", "NS"): records("exim.test.ex"),
    ("test.ex", "SOA"): records(soa("exim.test.ex", "hostmaster.exim.test.ex", (1, 1200, 120, 604800, 3000))),
    ("_client._smtp.csa1.test.ex", "SRV"): records((1, 2, 0, "csa1.test.ex")),
    ("_client._smtp.csa2.test.ex", "SRV"): records((1, 1, 0, "csa2.test.ex")),
}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("zns=x.y.z.test.ex", "exim.test.ex"),
        ("soa=a.test.ex", "exim.test.ex"),
        (">:, soa=a.test.ex", "exim.test.ex hostmaster.exim.test.ex 1 1200 120 604800 3000"),
        ("csa=csa1.test.ex", "Y csa1.test.ex"),
        ("csa=csa2.test.ex", "N csa2.test.ex"),
    ],
)
def test_what_is_found(query: str, text: str) -> None:
    assert dnsdb_find(site(ZONE).process, query).text == text


@pytest.mark.parametrize("query", ["zns=nowhere", "csa=nothing.example"])
def test_what_is_not_there(query: str) -> None:
    assert dnsdb_find(site(ZONE).process, query).rc is Rc.FAIL


# ---- answers that are kept ---------------------------------------------------------------------------------

ASK = "  warn logwrite = ${lookup dnsdb{a=%s}{$value}{none}}\n"
TWICE = f"c:\n{ASK}{ASK}  accept\n"


def asked(name: str, *commands: str) -> list[str]:
    zone = [{"name": "here.test.ex", "type": "A", "data": ["10.9.1.1"]}]
    session = "".join(f"{command}\r\n" for command in ("EHLO x", *commands, "QUIT"))
    played = scenario(
        zone=zone,
        main={"acl_smtp_rcpt": "c"},
        acl=TWICE % (name, name),
        runs=[{"argv": ["-bs"], "stdin": session}],
    )
    return [question for question in done(played)[0].dns if question.endswith(name)]


MAIL = ("MAIL FROM:<a@b.ex>", "RCPT TO:<c@d.ex>")


@pytest.mark.parametrize("name", ["here.test.ex", "none.test.ex"])
def test_the_dns_is_not_asked_twice(name: str) -> None:
    assert asked(name, *MAIL) == [f"A {name}"]


def test_a_new_message_on_the_same_connection_asks_nothing_either() -> None:
    assert asked("here.test.ex", *MAIL, "RSET", *MAIL) == ["A here.test.ex"]
