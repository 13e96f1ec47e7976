"""Which addresses go in one call, in which order, and how many calls there may be at a time."""

from __future__ import annotations

from typing import cast

import pytest

from eximsim.errors import Unsupported
from eximsim.profiles import profile, with_tls
from tests.suite.test_scenario_compare import HOST, NEWEST, done, scenario, stand

ZONE = [
    {"name": "h.test.ex", "type": "A", "ad": True, "data": ["10.9.1.1"]},
    {"name": "h.test.ex", "type": "AAAA", "ad": True, "data": []},
]
BY_HAND = "r:\n  driver = manualroute\n  route_data = h.test.ex\n  address_data = $domain\n  transport = t\n"


def heard(
    transport: dict[str, str], *domains: str, program: str = NEWEST, **main: str
) -> tuple[list[list[str]], list[str]]:
    """The recipients that each call named, and the log lines about deliveries."""
    (one,) = done(
        scenario(
            zone=ZONE,
            main={"remote_max_parallel": "2", **main},
            routers=BY_HAND,
            transport=transport,
            servers={"10.9.1.1": {"extensions": []}},
            runs=[{"argv": ["-odf", "-f", "s@x", *(f"a@{name}" for name in domains)], "stdin": "\n"}],
        ),
        program,
    )
    events = [[str(event) for event in cast("list[object]", call["events"])] for call in one.servers]
    calls = [[event[9:-1] for event in call if event.startswith("RCPT")] for call in events]
    return calls, [line for line in one.log if "<=" not in line]


def test_domains_are_sorted_by_the_lists_that_the_option_has() -> None:
    lists = {"remote_sort_domains": "a.ex : b.ex"}
    calls, _ = heard({"multi_domain": "false"}, "x.ex", "b.ex", "c.ex", "a.ex", **lists)
    assert [one[0] for one in calls][:2] == ["a@a.ex", "a@b.ex"]
    assert sorted(one[0] for one in calls[2:]) == ["a@c.ex", "a@x.ex"]


def test_multi_domain_is_asked_of_each_address_that_might_come_along() -> None:
    calls, _ = heard({"multi_domain": "${if eq{$address_data}{b.ex}{no}{yes}}"}, "a.ex", "b.ex", "c.ex")
    assert sorted(map(len, calls)) == [1, 2]


def test_a_domain_is_known_to_multi_domain_if_all_that_still_wait_have_it() -> None:
    option = {"multi_domain": "${if def:domain{yes}{no}}", "connection_max_messages": "1"}
    order = {"remote_sort_domains": "a.ex : b.ex : c.ex"}
    calls, _ = heard(option, "a.ex", "b.ex", "c.ex", **order)
    assert sorted(calls) == [["a@a.ex", "a@c.ex"], ["a@b.ex"]]


@pytest.mark.parametrize("parallel", ["1", "2"])
def test_what_would_begin_while_another_is_on_its_way_is_put_off_by_max_parallel(parallel: str) -> None:
    options = {"multi_domain": "false", "max_parallel": "1"}
    calls, log = heard(options, "a.ex", "b.ex", remote_max_parallel=parallel)
    assert len(calls) == 1
    assert "defer (-57): concurrency limit reached for transport" in log[0]


def test_the_head_passes_over_what_is_put_off_with_another() -> None:
    options = {"multi_domain": "${if eq{$domain}{a.ex}{no}{yes}}", "max_parallel": "1"}
    _, log = heard(options, "a.ex", "b.ex", "c.ex")
    assert [line.split()[2] for line in log if "==" in line] == ["a@b.ex"]
    _, log = heard(options, "a.ex", "b.ex", "c.ex", program="4.99")
    assert [line.split()[2] for line in log if "==" in line] == ["a@b.ex", "a@c.ex"]


def test_a_delivery_of_the_head_that_does_not_end_is_not_modelled() -> None:
    options = {"multi_domain": "false", "max_parallel": "1"}
    with pytest.raises(Unsupported, match="the delivery does not end"):
        heard(options, "a.ex", "b.ex", "c.ex")


@pytest.mark.parametrize(("value", "tried"), [("yes", 2), ("${if eq{1}{2}{yes}{no}}", 1)])
def test_the_address_in_a_retry_key_may_depend_on_an_expansion(value: str, tried: int) -> None:
    moved = [*ZONE[1:], {"name": "h.test.ex", "type": "A", "ad": True, "data": ["10.9.1.2"]}]
    message = {"argv": ["-odf", "-f", "s@x", "a@one.test.ex"], "stdin": "\n"}
    runs = done(
        scenario(
            zone=ZONE,
            routers=BY_HAND,
            servers={},
            transport={"retry_include_ip_address": value},
            runs=[message, {**message, "zone": moved}],
        )
    )
    assert sum("Connection refused" in line for one in runs for line in one.log if " H=" in line) == tried


@pytest.mark.parametrize(("asked", "said"), [("true", " IGNOREQUOTA"), ("false", "")])
def test_quotas_are_ignored_where_that_is_offered_and_asked_for(asked: str, said: str) -> None:
    (one,) = done(
        scenario(
            transport={"protocol": "lmtp", "lmtp_ignore_quota": asked, "port": "1225"},
            servers={"10.9.1.1": {"unknown": ["250-mx.test.ex", "250 IGNOREQUOTA"]}},
            runs=[{"argv": ["-odf", "-f", "s@x", "a@one.test.ex"], "stdin": "\n"}],
        )
    )
    events = [str(event) for event in cast("list[object]", one.servers[0]["events"])]
    assert f"RCPT TO:<a@one.test.ex>{said}" in events


def test_a_call_is_left_open_for_a_batch_that_max_parallel_puts_off_meanwhile() -> None:
    (one,) = done(
        scenario(
            zone=ZONE,
            main={"remote_max_parallel": "1"},
            routers=BY_HAND,
            transport={"multi_domain": "false", "max_parallel": "1"},
            servers={"10.9.1.1": {"extensions": []}},
            runs=[{"argv": ["-odf", "-f", "s@x", "a@a.ex", "a@b.ex"], "stdin": "\n"}],
        )
    )
    (call,) = one.servers
    assert cast("list[object]", call["events"])[-1] == "EOF"


@pytest.mark.parametrize(("usage", "calls"), [(1, 2), (3, 1)])
def test_a_call_that_dane_did_not_verify_will_not_do_where_there_are_records(usage: int, calls: int) -> None:
    """GnuTLS goes on where no record is of a usage that it knows."""
    host, *addresses = HOST
    records = {
        "name": "_1225._tcp.h1-a.test.ex",
        "type": "TLSA",
        "ad": True,
        "data": [f"{usage} 1 1 @cert:good"],
    }
    case = scenario(
        zone=[host, {**host, "name": "two.test.ex"}, *addresses, records],
        router={"dnssec_request_domains": "*"},
        main={"remote_max_parallel": "1"},
        transport={"multi_domain": "false", "hosts_try_dane": "*"},
        runs=[{"argv": ["-odf", "-f", "s@x", "a@one.test.ex", "a@two.test.ex"], "stdin": "\n"}],
    )
    (one,) = stand().play(case, with_tls(profile(NEWEST), "gnutls"))
    assert len(one.servers) == calls
