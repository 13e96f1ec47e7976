from __future__ import annotations

import pytest

from eximsim.status import Errno, Rc
from tests.mta.routing_world import Reply, Site, Zone, addresses, records, site

ZONE: Zone = {("d.ex", "MX"): records((10, "a.ex")), ("a.ex", "A"): records("10.1.1.1")}
HERE: Zone = {("d.ex", "MX"): records((10, "me.ex")), ("me.ex", "A"): records("10.0.0.1")}


def looking_up(zone: Zone, options: str = "", *, main: str = "", release: str = "4.88-jh03") -> Site:
    text = "client:\n  driver = dnslookup\n  transport = smtp\n"
    text += "".join(f"  {line}\n" for line in options.splitlines())
    return site(zone, main=main, routers=text, release=release)


def test_the_domains_hosts_go_to_the_transport() -> None:
    addr, result = looking_up(ZONE).route("a@d.ex")
    assert result.addr_remote == [addr]
    assert addresses(addr) == ["10.1.1.1"]
    assert addr.transport is not None
    assert addr.transport.name == "smtp"


def test_a_lookup_that_does_not_complete_defers() -> None:
    addr, result = looking_up({("d.ex", "MX"): Reply(rcode="SERVFAIL")}).route("a@d.ex")
    assert (result.rc, addr.message, addr.basic_errno) == (Rc.DEFER, "host lookup did not complete", -1)


def test_pass_on_timeout_leaves_it_to_the_next_router() -> None:
    here = looking_up({("d.ex", "MX"): Reply(rcode="SERVFAIL")}, "pass_on_timeout")
    addr, result = here.route("a@d.ex")
    assert (result.rc, addr.message) == (Rc.FAIL, "Unrouteable address")


def test_mx_hosts_that_do_not_exist() -> None:
    addr, result = looking_up({("d.ex", "MX"): records((10, "a.ex"))}).route("a@d.ex")
    assert (result.rc, addr.message) == (Rc.FAIL, "all relevant MX records point to non-existent hosts")
    assert addr.basic_errno == Errno.UNKNOWNHOST
    assert addr.pass_message


def test_mx_records_that_are_ip_addresses() -> None:
    addr, _ = looking_up({("d.ex", "MX"): records((10, "10.1.1.1"))}).route("a@d.ex")
    assert (
        addr.message == "all relevant MX records point to non-existent hosts or (invalidly) to IP addresses"
    )
    assert addr.user_message is not None
    assert addr.user_message.startswith("It appears that the DNS operator for d.ex\n")


def test_a_null_mx() -> None:
    addr, result = looking_up({("d.ex", "MX"): records((0, ""))}).route("a@d.ex")
    assert (result.rc, addr.message) == (Rc.FAIL, "an MX or SRV record indicated no SMTP service")


def test_a_domain_that_cannot_be_a_name() -> None:
    addr, result = looking_up(ZONE).route("a@d..ex")
    assert (result.rc, addr.message) == (Rc.FAIL, 'mail domain "d..ex" is syntactically invalid')


@pytest.mark.parametrize(
    ("release", "rc", "message"),
    [
        ("4.89", Rc.FAIL, "all relevant MX records point to non-existent hosts"),
        ("4.90", Rc.DEFER, "host lookup done insecurely"),
    ],
)
def test_dnssec_required_in_vain(release: str, rc: Rc, message: str) -> None:
    zone = {**ZONE, ("a.ex", "A"): records("10.1.1.1", ad=False)}
    here = looking_up(zone, "dnssec_require_domains = *", release=release)
    addr, result = here.route("a@d.ex")
    assert (result.rc, addr.message) == (rc, message)


@pytest.mark.parametrize(
    ("action", "rc", "message", "special"),
    [
        ("freeze", Rc.DEFER, "lowest numbered MX record points to local host", "freeze"),
        ("defer", Rc.DEFER, "lowest numbered MX record points to local host", ""),
        ("fail", Rc.FAIL, "lowest numbered MX record points to local host", ""),
        ("send", Rc.OK, None, ""),
    ],
)
def test_self(action: str, rc: Rc, message: str | None, special: str) -> None:
    addr, result = looking_up(HERE, f"self = {action}").route("a@d.ex")
    assert (result.rc, addr.message, addr.special_action) == (rc, message, special)


def test_self_freeze_is_logged_with_its_occasion() -> None:
    here = looking_up({("me.ex", "A"): records("10.0.0.1")})
    here.route("a@me.ex")
    assert here.log == ["remote host address is the local host: me.ex (while routing <a@me.ex>)"]


def test_self_pass_tells_the_hosts_name() -> None:
    addr, result = looking_up(HERE, "self = pass").route("a@d.ex")
    assert (result.rc, addr.self_hostname) == (Rc.FAIL, "me.ex")


def test_self_reroute_sends_a_child_on_in_another_domain() -> None:
    addr, result = looking_up(HERE, "self = reroute: other.ex").route("A@d.ex")
    assert result.rc is Rc.OK
    [child] = result.addr_new
    assert child.address == "A@other.ex"
    assert child.parent is addr


def test_a_domain_that_is_an_alias_is_rerouted() -> None:
    zone = {**ZONE, ("d.ex", "MX"): Reply(((10, "a.ex"),), name="real.ex")}
    _, result = looking_up(zone).route("A@d.ex")
    assert [child.address for child in result.addr_new] == ["A@real.ex"]


def test_the_dns_may_change_the_case_of_the_domain() -> None:
    zone = {**ZONE, ("d.ex", "MX"): Reply(((10, "a.ex"),), name="D.ex")}
    addr, result = looking_up(zone).route("a@d.ex")
    assert result.addr_new == []
    assert addr.address == "a@D.ex"


def test_mx_domains_need_mx_records() -> None:
    here = looking_up({("d.ex", "A"): records("10.1.1.1")}, "mx_domains = *.ex")
    assert here.route("a@d.ex")[1].rc is Rc.FAIL
    assert looking_up(ZONE, "mx_domains = *.ex").route("a@d.ex")[1].rc is Rc.OK


def test_check_secondary_mx() -> None:
    zone = {**ZONE, ("d.ex", "MX"): records((10, "a.ex"), (20, "me.ex")), ("me.ex", "A"): records("10.0.0.1")}
    assert looking_up(zone, "check_secondary_mx").route("a@d.ex")[1].rc is Rc.OK
    assert looking_up(ZONE, "check_secondary_mx").route("a@d.ex")[1].rc is Rc.FAIL


def test_widen_domains_are_tried_in_turn() -> None:
    here = looking_up({("d.x.ex", "A"): records("10.1.1.1")}, "widen_domains = y.ex : x.ex")
    _, result = here.route("a@d")
    assert here.world.questions == ["MX d", "MX d.y.ex", "MX d.x.ex", "AAAA d.x.ex", "A d.x.ex"]
    assert [child.address for child in result.addr_new] == ["a@d.x.ex"]


def test_widening_is_not_for_senders() -> None:
    here = looking_up({("d.x.ex", "A"): records("10.1.1.1")}, "widen_domains = x.ex")
    assert here.route("a@d", verify="sender")[1].rc is Rc.FAIL
    assert here.world.questions == ["MX d"]


def test_check_srv_is_expanded() -> None:
    zone: Zone = {("_smtp._tcp.d.ex", "SRV"): records((1, 1, 26, "a.ex")), ("a.ex", "A"): records("10.1.1.1")}
    addr, _ = looking_up(zone, "check_srv = ${if eq{a}{a}{smtp}}").route("a@d.ex")
    assert addr.host_list[0].port == 26


@pytest.mark.parametrize(
    ("release", "rc", "message"),
    [
        ("4.88-jh03", Rc.DEFER, "all relevant MX records point to non-existent hosts"),
        ("4.88", Rc.DEFER, "missing MX, or all MXs point to missing A records, and defer requested"),
    ],
)
def test_fail_defer_domains(release: str, rc: Rc, message: str) -> None:
    here = looking_up({("d.ex", "MX"): records((10, "a.ex"))}, "fail_defer_domains = *", release=release)
    addr, result = here.route("a@d.ex")
    assert (result.rc, addr.message) == (rc, message)


@pytest.mark.parametrize(("release", "rc"), [("4.88-jh03", Rc.FAIL), ("4.88", Rc.DEFER)])
def test_fail_defer_domains_for_a_missing_domain(release: str, rc: Rc) -> None:
    assert looking_up({}, "fail_defer_domains = *", release=release).route("a@d.ex")[1].rc is rc


def test_ipv4_can_be_wished_for_from_4_91_on() -> None:
    zone: Zone = {("d.ex", "AAAA"): records("2001:db8::1"), ("d.ex", "A"): records("10.1.1.1")}
    addr, _ = looking_up(zone, "ipv4_only = ${if eq{$domain}{d.ex}}", release="4.91").route("a@d.ex")
    assert addresses(addr) == ["10.1.1.1"]
    addr, _ = looking_up(zone, "ipv4_prefer = yes", release="4.91").route("a@d.ex")
    assert addresses(addr) == ["10.1.1.1", "2001:db8::1"]
