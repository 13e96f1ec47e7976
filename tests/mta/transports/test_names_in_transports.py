"""What $host, $router_name and $transport_name are in the process of a transport, by release."""

from __future__ import annotations

import pytest

from tests.suite.test_scenario_compare import HOST, done, scenario

SECOND = [
    {**HOST[0], "data": [[10, "h1-a.test.ex"], [20, "h2-a.test.ex"]]},
    *HOST[1:],
    {"name": "h2-a.test.ex", "type": "A", "ad": True, "data": ["10.9.2.1"]},
    {"name": "h2-a.test.ex", "type": "AAAA", "ad": True, "data": []},
]
OPENS = {"extensions": ["STARTTLS"]}


def names(release: str, first: object) -> list[object]:
    """The server names that the two hosts of a message are asked for: router and transport as known then."""
    (one,) = done(
        scenario(
            zone=SECOND,
            servers={"10.9.1.1": first, "10.9.2.1": OPENS},
            transport={"tls_sni": "r$router_name.t$transport_name", "hosts_try_dane": ""},
        ),
        release,
    )
    return [call["sni"] for call in one.servers]


@pytest.mark.parametrize(
    ("release", "expected"),
    [("4.96", ["r.tt", "r.t"]), ("4.97", ["rclient.tt", "r.t"]), ("4.98", ["rclient.tt", "rclient.tt"])],
)
def test_after_a_deferred_recipient_nothing_is_known_of_them_up_to_4_97(
    release: str, expected: list[str]
) -> None:
    assert names(release, {**OPENS, "rcpt": "450 later"}) == expected


@pytest.mark.parametrize(("release", "second"), [("4.97", "r.t"), ("4.98", "rt.tt")])
def test_after_a_host_that_failed_the_router_is_called_like_the_transport_since_4_98(
    release: str, second: str
) -> None:
    silent = "${if eq{a}{b}{x}}"
    options = {"tls_sni": "r$router_name.t$transport_name", "hosts_try_dane": "", "event_action": silent}
    (one,) = done(
        scenario(
            zone=SECOND,
            servers={"10.9.1.1": "banner421", "10.9.2.1": OPENS},
            transport=options,
        ),
        release,
    )
    assert one.servers[1]["sni"] == second


@pytest.mark.parametrize(("release", "known"), [("4.98", "h2-a.test.ex"), ("4.99", "h1-a.test.ex")])
@pytest.mark.parametrize("extensions", [["PIPELINING"], ["PIPELINING", "CHUNKING"]])
def test_what_is_added_to_a_pipelined_message_names_the_first_host_since_4_99(
    release: str, known: str, extensions: list[str]
) -> None:
    """The fault of feb961184: the message goes to the second host."""
    (one,) = done(
        scenario(
            zone=SECOND,
            servers={"10.9.1.1": "refused", "10.9.2.1": {"extensions": extensions}},
            transport={"headers_add": "X-H: $host", "hosts_try_dane": ""},
        ),
        release,
    )
    assert f"  X-H: {known}" in one.messages


def test_the_host_of_a_delivery_is_known_to_the_end_and_that_of_a_failure_is_not() -> None:
    logs = "${if eq{${acl{logit}{$event_name $host:$host_port}}}{}{}}"
    acl = "check_rcpt:\n  accept\nlogit:\n  warn logwrite = EVENT $acl_arg1\n  accept\n"

    def events(server: object) -> list[str]:
        (one,) = done(
            scenario(
                zone=SECOND,
                servers={"10.9.1.1": "refused", "10.9.2.1": server},
                main={"event_action": logs},
                transport={"event_action": logs},
                acl=acl,
            )
        )
        return [line.partition("EVENT ")[2] for line in one.log if " EVENT msg:" in line]

    assert events("ok")[-2:] == ["msg:delivery h2-a.test.ex:1225", "msg:complete h2-a.test.ex:1225"]
    assert "msg:fail:delivery h2-a.test.ex:-1" in events("rcpt550")
