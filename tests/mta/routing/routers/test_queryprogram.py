"""A command that says what to do with an address."""

from __future__ import annotations

import pytest

from eximsim.errors import Unanswered
from eximsim.mta.records.structs import Address, Downconvert
from eximsim.mta.routing.address import RouteResult, deliver_split_address
from eximsim.mta.routing.route import route_address
from eximsim.ports import Told
from eximsim.status import Errno, Rc
from eximsim.world.answers import Answers
from tests.mta.routing_world import addresses, records, site

ZONE = {("h.ex", "A"): records("10.1.2.3")}
ROUTER = (
    "q:\n driver = queryprogram\n command_user = nobody\n transport = smtp\n no_more\n command = /bin/q\n"
)


def asked(said: Told | str, router: str = ROUTER) -> tuple[Address, RouteResult]:
    """What becomes of a@d.ex when the command writes this."""
    told = Told(said) if isinstance(said, str) else said
    here = site(ZONE, routers=router, release="4.99")
    here.world.answers = Answers({"run": {"/bin/q": told}})
    return here.route("a@d.ex")


def test_hosts_data_and_transport_are_the_commands() -> None:
    addr, routed = asked('ACCEPT transport=other hosts=h.ex data="x y"\n')
    assert routed.rc is Rc.OK
    assert addr.transport is not None
    assert (addr.transport.name, addresses(addr), addr.data["address_data"]) == ("other", ["10.1.2.3"], "x y")


def test_without_a_transport_the_routers_is_taken() -> None:
    addr, routed = asked("accept")
    assert (routed.rc, addr.transport and addr.transport.name) == (Rc.OK, "smtp")


def test_what_is_known_of_an_international_address_is_lost() -> None:
    here = site(ZONE, routers=ROUTER, release="4.99")
    here.world.answers = Answers({"run": {"/bin/q": Told("accept")}})
    addr = Address("a@d.ex", unique="a@d.ex", utf8=Downconvert.NEVER)
    deliver_split_address(here.process, addr)
    assert route_address(here.process, addr, verify=None).rc is Rc.OK
    assert addr.utf8 is None


def test_addresses_are_taken_in_its_place() -> None:
    _, routed = asked("redirect b@d.ex, c@d.ex")
    assert [child.address for child in routed.addr_new] == ["b@d.ex", "c@d.ex"]
    assert routed.rc is Rc.OK


@pytest.mark.parametrize(
    ("said", "rc", "message"),
    [
        ("decline", Rc.FAIL, "Unrouteable address"),
        ("FAIL no such person", Rc.FAIL, "no such person"),
        ("defer later", Rc.DEFER, "later"),
        ("freeze forced freeze", Rc.DEFER, "forced freeze"),
        ("Maybe not", Rc.DEFER, "bad command yield: Maybe not"),
        ("redirect :fail: gone", Rc.FAIL, "gone"),
        ("redirect :blackhole:", Rc.DEFER, 'error in redirect data: ":blackhole:" is not permitted'),
        ("redirect # exim filter", Rc.DEFER, "error in redirect data: filtering not enabled"),
        ("redirect", Rc.DEFER, "error in redirect data: no addresses supplied"),
        ("accept transport=none", Rc.DEFER, "unknown transport name none yielded by command"),
        ("accept hosts=h.ex lookup=dns", Rc.DEFER, 'bad lookup type "dns" yielded by command'),
        (Told("accept", status=3), Rc.DEFER, "q router: command returned non-zero code 3"),
        (Told("accept", status=-9), Rc.DEFER, "q router: command killed by signal 9"),
        (Told(""), Rc.DEFER, "q router: command failed to return data"),
        (Told(deferred=True), Rc.DEFER, "q router: command timed out"),
    ],
)
def test_anything_else_is_a_failure_or_waits(said: Told | str, rc: Rc, message: str) -> None:
    addr, routed = asked(said)
    assert (routed.rc, addr.message) == (rc, message)


def test_an_error_in_redirection_data_has_its_own_number() -> None:
    addr, _ = asked("redirect :defer: x")
    assert addr.basic_errno == Errno.BADREDIRECT


def test_the_words_of_the_command_are_expanded() -> None:
    here = site(ZONE, routers=ROUTER.replace("/bin/q", '/bin/q "for ${lc:A}"'), release="4.99")
    here.world.answers = Answers({"run": {"/bin/q for a": Told("fail no")}})
    assert here.route("a@d.ex")[0].message == "no"


@pytest.mark.parametrize(
    ("release", "message"),
    [("4.95", "no"), ("4.96", "Tainted arg 1 for queryprogram router command: 'for a'")],
)
def test_no_word_of_the_command_may_come_from_outside(release: str, message: str) -> None:
    here = site(ZONE, routers=ROUTER.replace("/bin/q", '/bin/q "for $local_part"'), release=release)
    here.world.answers = Answers({"run": {"/bin/q for a": Told("fail no")}})
    assert here.route("a@d.ex")[0].message == message


def test_a_word_that_does_not_expand_is_named() -> None:
    here = site(ZONE, routers=ROUTER.replace("/bin/q", "/bin/q ${oops"), release="4.98")
    said = 'Expansion of "${oops" from command "/bin/q ${oops" in queryprogram router failed: '
    assert (here.route("a@d.ex")[0].message or "").startswith(said)


def test_a_user_by_number_has_no_group_of_his_own() -> None:
    addr, routed = asked("accept", ROUTER.replace("nobody", "1000"))
    assert (routed.rc, addr.message) == (Rc.DEFER, "command_user set without command_group for q router")


def test_commands_are_asked_about() -> None:
    with pytest.raises(Unanswered):
        site(ZONE, routers=ROUTER, release="4.99").route("a@d.ex")
