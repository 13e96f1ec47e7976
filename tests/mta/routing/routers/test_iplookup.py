"""A host on the network that says what an address is to become.

What is expected here was measured with the head after 4.99: seven octets of a reply are read.
"""

from __future__ import annotations

import pytest

from eximsim.errors import InputError, Unanswered
from eximsim.mta.records.structs import Address
from eximsim.mta.routing.address import RouteResult
from eximsim.ports import Told
from eximsim.status import Rc
from eximsim.world.answers import Answers
from tests.mta.local import LocalMachine
from tests.mta.routing_world import records, site

ZONE = {("h.ex", "A"): records("10.1.2.3")}
ROUTER = "i:\n driver = iplookup\n hosts = 10.0.0.1 : h.ex\n port = 999\n no_more\n"
DEFAULT = "a@d.ex a@d.ex"


def asked(
    said: dict[str, str | Told], options: str = "", query: str = DEFAULT, address: str = "a@d.ex"
) -> tuple[Address, RouteResult]:
    """What becomes of an address when hosts say this."""
    told = {host: Told(text) if isinstance(text, str) else text for host, text in said.items()}
    here = site(ZONE, routers=f"{ROUTER}{options}", release="4.99")
    here.world.answers = Answers({"iplookup": {f"{host}:999 {query}": one for host, one in told.items()}})
    return here.route(address)


def new(said: str, options: str = "", query: str = DEFAULT, address: str = "a@d.ex") -> list[str]:
    _, routed = asked({"10.0.0.1": said}, options, query, address)
    return [child.address for child in routed.addr_new]


def test_the_first_word_of_a_reply_that_names_the_address_takes_its_place() -> None:
    assert new("b@e a@d", address="a@d", query="a@d a@d") == ["b@e"]


def test_a_reply_to_another_address_is_none() -> None:
    addr, routed = asked({"10.0.0.1": "b@e c@d"}, address="a@d", query="a@d a@d")
    assert (routed.rc, routed.addr_new, addr.message) == (Rc.FAIL, [], "Unrouteable address")


def test_a_reply_is_cut_behind_seven_octets() -> None:
    assert asked({"10.0.0.1": "b@e.ex a@d.ex"})[1].rc is Rc.FAIL
    assert asked({"10.0.0.1": "b@e  a@d"}, address="a@d", query="a@d a@d")[1].rc is Rc.FAIL
    assert new("b@longer.ex", " query = x\n", "x") == ["b@longe"]


def test_a_query_of_ones_own_needs_no_echo() -> None:
    assert new("b@e.ex", " query = who is $local_part?\n", "who is a?") == ["b@e.ex"]


def test_a_pattern_chooses_and_reroute_makes_the_address() -> None:
    options = " response_pattern = ^user=(\\w+)\n reroute = $1@e.ex\n"
    assert new("user=bc", options) == ["bc@e.ex"]
    assert asked({"10.0.0.1": "no"}, options)[1].rc is Rc.FAIL
    assert new("b l@d", " reroute = $0@f.ex\n", "l@d l@d", "l@d") == ["b@f.ex"]


def test_hosts_are_asked_in_turn_until_one_replies() -> None:
    options = " query = q\n"
    _, routed = asked({"10.0.0.1": Told(), "10.1.2.3": "b@e.ex"}, options, "q")
    assert [child.address for child in routed.addr_new] == ["b@e.ex"]
    silent: dict[str, str | Told] = {"10.0.0.1": Told(), "10.1.2.3": Told()}
    addr, routed = asked(silent)
    assert (routed.rc, addr.message) == (Rc.DEFER, "i router: failed to communicate with any host")
    assert asked(silent, " optional\n")[1].rc is Rc.FAIL


def test_what_is_no_address_defers() -> None:
    addr, routed = asked({"10.0.0.1": "user=b"}, " query = q\n", "q")
    what = "i router: reroute string user=b is not of the form user@domain"
    assert (routed.rc, addr.message) == (Rc.DEFER, what)
    addr, routed = asked({"10.0.0.1": "b@e.ex"}, " query = q\n reroute = ${if\n", "q")
    assert routed.rc is Rc.DEFER
    assert (addr.message or "").startswith("i router: failed to expand ${if: ")
    addr, routed = asked({}, " query = ${if\n")
    assert (addr.message or "").startswith("i router: failed to expand ${if: ")


def test_without_an_answer_the_question_is_named() -> None:
    with pytest.raises(Unanswered, match=r"iplookup.*10\.0\.0\.1:999 a@d\.ex a@d\.ex"):
        asked({})


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("hosts = h", "a port must be specified"),
        ("port = 1", "a host list must be specified"),
        ("hosts = h\n port = 1\n protocol = icmp", "protocol not specified as udp or tcp"),
    ],
)
def test_what_it_needs_is_said(options: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        site(ZONE, routers=f"i:\n driver = iplookup\n {options}\n", release="4.99")


def test_a_host_that_does_not_reply_costs_the_timeout() -> None:
    router = f"{ROUTER} timeout = 7s\n"
    silent = ("iplookup", f"10.0.0.1:999 {DEFAULT}".replace("a@d.ex", "a@test.ex"), Told(deferred=True))
    router = router.replace("10.0.0.1 : h.ex", "10.0.0.1")
    here = LocalMachine("driver = smtp", routers=router, answers=[silent])
    before = here.world.now()
    here.deliver()
    assert here.world.now() - before == 7
    assert here.log[-1] == "== a@test.ex R=i defer (-1): i router: failed to communicate with any host"
