from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from tests.mta.configurations import fault, read

CLIENT = """
begin routers
one:
  debug_print = one
  driver = dnslookup
  transport = t
  no_more
  self = send
  check_srv = smtp
two:
  driver = redirect
  data = :blackhole:
MACRO = inside
begin transports
t:
  driver = smtp
  port = MACRO
  hosts_try_dane = *
  multi_domain = ${if eq {a}{b}}
"""


def test_routers_are_in_order_and_transports_by_name() -> None:
    config = read(CLIENT)
    assert [(router.name, router.driver, router.line) for router in config.routers] == [
        ("one", "dnslookup", 3),
        ("two", "redirect", 10),
    ]
    assert list(config.transports) == ["t"]
    options = config.transports["t"].options
    assert options.text("port") == "inside"
    assert options.where("hosts_try_dane") == ("/conf/main", 18)
    assert options.is_set("hosts_try_dane")
    assert not options.is_set("hosts_require_dane")
    assert options.where("hosts_require_dane") == (None, None)


def test_an_option_that_needs_expansion_is_text_and_has_no_fixed_value() -> None:
    options = read(CLIENT).transports["t"].options
    assert options.text("multi_domain") == "${if eq {a}{b}}"
    with pytest.raises(Unsupported) as raised:
        options.flag("multi_domain")
    assert raised.value.item == "expansion of smtp transport option multi_domain"
    assert (raised.value.path, raised.value.line) == ("/conf/main", 19)


def test_a_getter_does_not_know_names_that_no_release_has() -> None:
    with pytest.raises(KeyError):
        read(CLIENT).transports["t"].options.text("hosts_try_dame")


def test_conditions_of_a_router_are_joined() -> None:
    config = read("begin routers\nr:\n driver = accept\n transport = t\n condition = A1\n condition = b\n")
    assert config.routers[0].options.text("condition") == "${if and{{bool_lax{A1}}{bool_lax{b}}}}"


def test_header_additions_are_one_line_each_whatever_separates_them() -> None:
    config = read(
        "begin routers\nr:\n driver = accept\n transport = t\n headers_add = X-a: 1\n"
        ' headers_add = "<; X-b: 2 ; X-c: 3"\n headers_remove = x-d : x-e\n headers_remove = x-f\n'
    )
    options = config.routers[0].options
    assert options.text("headers_add") == "X-a: 1\nX-b: 2\nX-c: 3"
    assert options.text("headers_remove") == "x-d:x-e:x-f"


def test_verify_sets_both_kinds_and_a_later_setting_one() -> None:
    config = read("begin routers\nr:\n driver = accept\n transport = t\n no_verify\n verify_sender\n")
    options = config.routers[0].options
    assert options.flag("verify_sender")
    assert not options.flag("verify_recipient")


@pytest.mark.parametrize(
    ("release", "line", "expected"),
    [("4.92", "condition = x", False), ("4.93", "condition = x", True), ("4.92", "check_local_user", True)],
)
def test_retrying_by_local_part_depends_on_preconditions(release: str, line: str, expected: bool) -> None:
    config = read(f"begin routers\nr:\n driver = accept\n transport = t\n {line}\n", release=release)
    assert config.routers[0].options.flag("retry_use_local_part") is expected
    assert config.routers[0].options.flag("log_as_local")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("driver = nothing", 'router r: cannot find router driver "nothing": one of accept, dnslookup'),
        ("more", 'no driver defined for router "r"'),
        ("driver = accept\n transport = t\n data = x", 'option "data" unknown'),
        ("driver = accept", "r router:\n  a transport is required for this router"),
        ("driver = redirect\n transport = t\n data = x", "r router:\n  a transport must not be defined"),
        ("driver = redirect", 'r router: one of "file" or "data" must be specified'),
        ("driver = redirect\n data = x\n allow_filter", '"check_local_user" must be set with "allow_filter"'),
        (
            "driver = redirect\n data = x\n allow_filter\n one_time\n headers_add = X: y",
            'not permitted with "one_time"',
        ),
        ("driver = redirect\n data = x\n qualify_domain = a\n qualify_preserve_domain", "must be set"),
        ("driver = manualroute\n transport = t", "route_list or route_data (but not both) must be specified"),
        ("driver = manualroute\n route_data = x\n host_find_failed = y", "setting for host_find_failed"),
        ("driver = accept\n transport = t\n self = y", "y is not valid for the self option"),
        ("driver = accept\n transport = t\n pass_router = s", 'new_router "s" not found for "r" router'),
        ("driver = accept\n transport = t\n pass_router = r", 'new_router "r" does not follow "r" router'),
        ("driver = accept\n transport = t\nr:", 'there are two routers called "r"'),
        ("driver = accept\n transport = t\nx: y", "extra characters follow driver name x"),
    ],
)
def test_what_exim_refuses_of_a_router_is_refused(lines: str, expected: str) -> None:
    assert expected in fault(f"begin routers\nr:\n {lines}\n")


def test_a_setting_before_the_first_drivers_name_is_refused() -> None:
    assert fault("begin transports\ndriver = smtp") == "/conf/main:2: transport name missing: NAME: expected"


def test_a_timeout_of_zero_is_refused() -> None:
    message = fault("begin transports\nt:\n driver = smtp\n data_timeout = 0s")
    assert message == "/conf/main:2: command, data, or final timeout value is zero for t transport"
