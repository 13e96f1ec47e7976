from __future__ import annotations

import pytest

from eximsim.mta.records.structs import Address
from eximsim.status import Rc
from tests.mta.routing_world import Site, Zone, records, site

ZONE: Zone = {("d.ex", "MX"): records((10, "a.ex")), ("a.ex", "A"): records("10.1.1.1")}


def accepting(options: str, **more: str) -> Site:
    """A site whose first router has these options; the second takes what it leaves."""
    text = "first:\n  driver = accept\n  transport = smtp\n"
    text += "".join(f"  {line.strip()}\n" for line in options.splitlines())
    text += "second:\n  driver = accept\n  transport = other\n"
    return site(routers=text, **more)  # type: ignore[arg-type]


def taken_by(here: Site, address: str, **how: str) -> str | None:
    addr, result = here.route(address, **how)  # type: ignore[arg-type]
    assert result.rc is Rc.OK
    return addr.router.name if addr.router else None


@pytest.mark.parametrize(
    ("option", "address", "router"),
    [
        ("domains = d.ex", "a@d.ex", "first"),
        ("domains = d.ex", "a@e.ex", "second"),
        ("local_parts = a", "A@d.ex", "first"),
        ("local_parts = a\ncaseful_local_part", "A@d.ex", "second"),
        ("senders = s@s.ex", "a@d.ex", "second"),
        ("senders = :", "a@d.ex", "first"),
        ("condition = ${if eq{$domain}{d.ex}}", "a@d.ex", "first"),
        ("condition = no", "a@d.ex", "second"),
        ("verify_only", "a@d.ex", "second"),
        ("check_local_user", "CALLER@d.ex", "second"),
        ("check_local_user\ncaseful_local_part", "CALLER@d.ex", "first"),
        ("local_part_prefix = x-", "x-a@d.ex", "first"),
        ("local_part_prefix = x-", "a@d.ex", "second"),
        ("local_part_prefix = x-\nlocal_part_prefix_optional", "a@d.ex", "first"),
        ("local_part_suffix = -x", "a-x@d.ex", "first"),
        ("local_part_suffix = -x", "-x@d.ex", "second"),
    ],
)
def test_preconditions(option: str, address: str, router: str) -> None:
    assert taken_by(accepting(option), address) == router


@pytest.mark.parametrize(
    ("option", "verify", "router"),
    [
        ("verify_only", "recipient", "first"),
        ("no_verify_sender", "sender", "second"),
        ("no_verify_sender", "recipient", "first"),
        ("no_verify", "recipient", "second"),
        ("no_expn", "expn", "second"),
    ],
)
def test_preconditions_of_verification(option: str, verify: str, router: str) -> None:
    assert taken_by(accepting(option), "a@d.ex", verify=verify) == router


def test_address_test_passes_routers_over() -> None:
    here = accepting("no_address_test")
    here.process.address_test_mode = True
    assert taken_by(here, "a@d.ex") == "second"


def test_affixes_are_taken_off_and_told() -> None:
    here = accepting(
        "local_part_prefix = *-x-\nlocal_part_suffix = +*\n"
        "address_data = $local_part_prefix|$local_part|$local_part_suffix"
    )
    addr, _ = here.route("a-x-B+c+d@d.ex")
    assert addr.data["address_data"] == "a-x-|b|+c+d"
    assert (addr.prefix, addr.local_part, addr.suffix) == ("a-x-", "b", "+c+d")


def test_nobody_takes_the_address() -> None:
    addr, result = site(routers="r:\n  driver = accept\n  transport = smtp\n  domains = d.ex").route("a@e.ex")
    assert (result.rc, addr.message, addr.user_message) == (
        Rc.FAIL,
        "Unrouteable address",
        "Unrouteable address",
    )
    assert addr.router is None


def test_the_last_routers_own_words_for_an_unrouteable_address() -> None:
    conf = "r:\n  driver = dnslookup\n  transport = smtp\n  cannot_route_message = no $domain here"
    addr, result = site(routers=conf).route("a@e.ex")
    assert (result.rc, addr.message) == (Rc.FAIL, "no e.ex here")


def test_cannot_route_message_that_does_not_expand_is_logged() -> None:
    here = site(routers="r:\n  driver = dnslookup\n  transport = smtp\n  cannot_route_message = $nonsense")
    addr, _ = here.route("a@e.ex")
    assert addr.message == "Unrouteable address"
    assert here.log == [
        'failed to expand cannot_route_message in r router: unknown variable name "nonsense"',
    ]


@pytest.mark.parametrize(
    ("more", "rc"), [("no_more", Rc.FAIL), ("more = false", Rc.FAIL), ("more = yes", Rc.OK)]
)
def test_a_router_that_declines_may_be_the_last(more: str, rc: Rc) -> None:
    conf = f"r:\n  driver = dnslookup\n  transport = smtp\n  {more}\n"
    conf += "last:\n  driver = accept\n  transport = smtp"
    assert site(routers=conf).route("a@e.ex")[1].rc is rc


def test_more_that_is_no_truth_value_defers() -> None:
    addr, result = site(routers="r:\n  driver = dnslookup\n  transport = smtp\n  more = $domain").route(
        "a@e.ex"
    )
    assert result.rc is Rc.DEFER
    assert addr.message == '"e.ex" is not a valid value for the "more" option in the r router'


def test_a_router_that_passes_goes_on_at_pass_router() -> None:
    conf = "r:\n  driver = dnslookup\n  self = pass\n  pass_router = z\n  transport = smtp\n  no_more\n"
    conf += "y:\n  driver = accept\n  transport = smtp\nz:\n  driver = accept\n  transport = other"
    here = site({("me.ex", "A"): records("10.0.0.1")}, routers=conf)
    assert taken_by(here, "a@me.ex") == "z"


def test_fail_verify_turns_success_into_failure() -> None:
    here = accepting("fail_verify_recipient")
    addr, result = here.route("a@d.ex", verify="recipient")
    assert (result.rc, addr.message) == (Rc.FAIL, "first router forced verify failure")
    assert result.addr_remote == []
    assert taken_by(here, "a@d.ex") == "first"


def test_unseen_lets_a_copy_go_on() -> None:
    here = accepting("unseen\naddress_data = x")
    addr, result = here.route("a@d.ex")
    assert result.rc is Rc.OK
    assert result.addr_remote == [addr]
    assert addr.unique == "a@d.ex/first"
    [clone] = result.addr_new
    assert clone.start_router is not None
    assert clone.start_router.name == "second"
    assert clone.parent is addr.parent
    assert clone.data == {"address_data": "x"}


def test_unseen_at_the_last_router_is_nothing() -> None:
    here = site(routers="r:\n  driver = accept\n  transport = smtp\n  unseen")
    assert here.route("a@d.ex")[1].addr_new == []


def test_address_data_that_is_forced_to_fail_declines() -> None:
    assert taken_by(accepting("address_data = ${if eq{a}{b}{c}fail}"), "a@d.ex") == "second"


def test_address_data_that_does_not_expand_defers() -> None:
    addr, result = accepting("address_data = $nonsense").route("a@d.ex")
    assert result.rc is Rc.DEFER
    assert addr.message == (
        'expansion of "$nonsense" failed in first router: unknown variable name "nonsense"'
    )


def test_a_database_expression_is_not_shown() -> None:
    addr, _ = accepting("address_data = $mysql_password").route("a@d.ex")
    assert addr.message == "Temporary internal error"


def test_an_address_that_its_router_has_seen_before_is_left_to_the_next() -> None:
    here = accepting("")
    parent, _ = here.route("a@d.ex")
    addr, _ = here.route("A@d.ex", parent=parent)
    assert addr.router is not None
    assert addr.router.name == "second"


def test_too_many_ancestors_are_a_loop() -> None:
    here = accepting("")
    parent: Address | None = None
    for number in range(103):
        parent = Address(f"{number}@d.ex", parent=parent)
    _, result = here.route("a@d.ex", parent=parent)
    assert result.rc is Rc.DEFER
    assert here.log == ["routing loop for a@d.ex"]


def test_a_transport_may_be_expanded() -> None:
    here = site(routers="r:\n  driver = accept\n  transport = ${if eq{$domain}{d.ex}{other}{none}}")
    addr, _ = here.route("a@d.ex")
    assert addr.transport is not None
    assert addr.transport.name == "other"
    lost, result = here.route("a@e.ex")
    assert (result.rc, lost.basic_errno) == (Rc.DEFER, -30)
    assert lost.message == 'transport "none" not found in r router'


@pytest.mark.parametrize(
    ("option", "errors_to", "ignored"),
    [("", None, False), ('errors_to = ""', "", True), ("errors_to = e@$domain", "e@d.ex", False)],
)
def test_errors_to(option: str, errors_to: str | None, ignored: bool) -> None:
    addr, _ = accepting(option).route("a@d.ex", verify="recipient")
    assert (addr.errors_address, addr.ignore_error) == (errors_to, ignored)


def test_errors_to_is_verified_in_a_delivery() -> None:
    here = accepting("domains = d.ex\nerrors_to = ${if eq{$domain}{d.ex}{e@f.ex}}")
    here.process.variables["sender_address"] = "s@s.ex"
    addr, _ = here.route("a@d.ex")
    assert addr.errors_address == "e@f.ex"
    assert here.process.variables["sender_address"] == "s@s.ex"


def test_errors_to_that_cannot_be_routed_is_not_used() -> None:
    here = site(routers="r:\n  driver = accept\n  domains = d.ex\n  errors_to = e@f.ex\n  transport = smtp")
    addr, _ = here.route("a@d.ex")
    assert addr.errors_address is None


def test_header_changes_are_kept_with_the_address() -> None:
    options = "headers_add = X-A: $domain\nheaders_add = X-B: b\n"
    options += "headers_remove = X-C\nheaders_remove = X-$local_part"
    addr, _ = accepting(options).route("a@d.ex")
    assert addr.extra_headers == ("X-B: b\n", "X-A: d.ex\n")
    assert addr.remove_headers == "X-C:X-a"


def test_header_changes_that_do_not_expand_defer() -> None:
    addr, result = accepting("headers_add = X-A: $nonsense").route("a@d.ex")
    assert result.rc is Rc.DEFER
    assert addr.message is not None
    assert addr.message.startswith('first router failed to expand add_headers item "X-A: $nonsense": ')


def test_router_variables_go_with_the_address() -> None:
    options = "set = r_one = $domain\nset = r_two = $r_one-x\naddress_data = $r_two"
    addr, _ = accepting(options, release="4.93").route("a@d.ex")
    assert addr.data == {"r_one": "d.ex", "r_two": "d.ex-x", "address_data": "d.ex-x"}


@pytest.mark.parametrize(
    ("setting", "rc"),
    [("x = 1", Rc.FAIL), ("r_x = $nonsense", Rc.FAIL), ("r_x = ${if eq{a}{b}{c}fail}", Rc.OK)],
)
def test_router_variables_that_cannot_be_set(setting: str, rc: Rc) -> None:
    assert accepting(f"set = {setting}", release="4.98").route("a@d.ex")[1].rc is rc


def test_up_to_4_97_a_failed_set_leaves_the_address_nowhere() -> None:
    addr, result = accepting("set = r_x = $nonsense", release="4.97").route("a@d.ex")
    assert (result.rc, result.addr_remote, addr.transport) == (Rc.OK, [], None)


@pytest.mark.parametrize(("release", "data"), [("4.93", None), ("4.94.1", "*.ex")])
def test_a_match_sets_domain_data_in_newer_releases(release: str, data: str | None) -> None:
    addr, _ = accepting("domains = *.ex", release=release).route("a@d.ex")
    assert addr.data.get("domain_data") == data


def test_fallback_hosts_come_with_a_remote_transport() -> None:
    addr, _ = accepting("fallback_hosts = f1.ex:f2.ex").route("a@d.ex")
    assert [h.name for h in addr.fallback_hosts] == ["f1.ex", "f2.ex"]


def test_the_host_check_trace() -> None:
    conf = "r:\n  driver = dnslookup\n  transport = smtp\nlast:\n  driver = accept\n  transport = smtp"
    here = site(ZONE, routers=conf)
    here.process.host_checking = True
    here.route("a@e.ex")
    assert here.shown == [
        f">>> {'>' * 35}\n",
        ">>> routing a@e.ex\n",
        ">>> calling r router\n",
        ">>> r router declined for a@e.ex\n",
        ">>> calling last router\n",
        ">>> routed by last router\n",
    ]


def test_the_host_check_trace_is_set_in_in_newer_releases() -> None:
    conf = "r:\n  driver = dnslookup\n  transport = smtp\n  self = send\n  dnssec_request_domains = *"
    here = site({("me.ex", "A"): records("10.0.0.1")}, routers=conf, release="4.99")
    here.process.host_checking = True
    here.process.debug_depth = 1
    here.route("a@me.ex", verify="recipient")
    shown = [line.removeprefix(">>> ").rstrip("\n") for line in here.shown]
    assert shown[:5] == [
        f" {'>' * 35}",
        " routing a@me.ex",
        "  calling r router",
        "   check dnssec require list",
        "   \u254eme.ex in dnssec_require_domains? no (option unset)",
    ]
    assert shown[-2:] == ["   local host found for non-MX address", " routed by r router"]


def test_the_trace_tells_who_took_the_address() -> None:
    here = site(ZONE, routers="r:\n  driver = dnslookup\n  transport = smtp\n  dnssec_request_domains = *")
    here.route("a@d.ex")
    told = [(d.rule, d.outcome) for d in here.process.trace]
    assert told == [
        ("dns answer", "SUCCEED"),
        ("dns answer", "NODATA"),
        ("dns answer", "SUCCEED"),
        ("host addresses", "FOUND"),
        ("hosts of a domain", "FOUND"),
        ("router", "OK"),
        ("routing", "OK"),
    ]
