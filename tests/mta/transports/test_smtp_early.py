"""Early pipelining: servers that are known to allow it are spoken to before their greeting."""

from __future__ import annotations

import pytest

from eximsim.world.smtp_behaviour import Behaviour
from tests.mta.scenario import RRset, Site
from tests.suite.test_scenario_compare import NEWEST, done, scenario

OFFER = ["PIPELINING", "PIPECONNECT", "SIZE"]
EARLY: dict[str, object] = {"extensions": OFFER}
SENT = ["EHLO", "MAIL FROM", "RCPT TO", "DATA", "message accepted", "QUIT"]
MESSAGE = {"argv": ["-odf", "-f", "s@test.ex", "a@one.test.ex"], "stdin": "Subject: x\n\nhi\n"}


def logged(
    *servers: object, release: str = NEWEST, transport: dict[str, str] | None = None, **more: object
) -> list[list[str]]:
    """The log lines about the delivery of one message after the other, each with a server of its own."""
    runs = done(
        scenario(
            main={"log_selector": "+pipelining", "smtputf8_advertise_hosts": ""},
            transport={"hosts_pipe_connect": "*", **(transport or {})},
            servers={},
            runs=[{**MESSAGE, "servers": {"10.9.1.1": server}} for server in servers],
            **more,
        ),
        release,
    )
    return [[line for line in one.log if "<=" not in line] for one in runs]


def early(*servers: object, **more: object) -> list[bool]:
    return ["] L* C=" in lines[0] for lines in logged(*servers, **more)]  # type: ignore[arg-type]


def test_what_a_server_offers_is_remembered_and_used_the_next_time() -> None:
    assert early(EARLY, EARLY, EARLY) == [False, True, True]


@pytest.mark.parametrize(("release", "word"), [("4.95", "PIPE_CONNECT"), ("4.96", "PIPECONNECT")])
def test_the_word_is_that_of_the_release(release: str, word: str) -> None:
    for offered in ("PIPE_CONNECT", "PIPECONNECT"):
        server = {"extensions": ["PIPELINING", offered]}
        assert early(server, server, release=release) == [False, offered == word]


@pytest.mark.parametrize(
    ("helo", "interface", "used"),
    [
        ("$sending_ip_address", None, False),
        ("${if def:sending_ip_address{x}{y}}.$sending_ip_address", None, True),
        ("$sending_ip_address", "10.9.0.1", True),
    ],
)
def test_a_name_that_depends_on_this_end_of_the_call_is_in_the_way(
    helo: str, interface: str | None, used: bool
) -> None:
    options = {"helo_data": helo} | ({"interface": interface} if interface else {})
    assert early(EARLY, EARLY, transport=options) == [False, used]


def test_hints_go_once_the_server_no_longer_offers_it_and_change_with_what_it_offers() -> None:
    assert early(EARLY, {"extensions": ["PIPELINING"]}, EARLY, EARLY) == [False, False, False, True]
    assert early(EARLY, {"extensions": OFFER[:2]}, EARLY) == [False, True, True]


def test_hints_are_as_old_as_retry_data_may_be() -> None:
    options = {"log_selector": "+pipelining", "smtputf8_advertise_hosts": "", "retry_data_expire": "1m"}
    runs = [{**MESSAGE, "servers": {"10.9.1.1": EARLY}, "sleep": sleep} for sleep in (0, 61, 1)]
    transport = {"hosts_pipe_connect": "*"}
    said = done(scenario(main=options, transport=transport, servers={}, runs=runs))
    assert ["] L* C=" in one.log[1] for one in said] == [False, False, True]


def test_a_bad_greeting_is_found_when_the_replies_to_all_commands_are_read() -> None:
    _, lines, later = logged(EARLY, {**EARLY, "banner": "554 no"}, EARLY)
    assert "after pipelined DATA: 554 no" in lines[0]
    assert "] L C=" in later[0]


def test_with_starttls_a_server_that_is_out_of_step_is_called_again() -> None:
    server: dict[str, object] = {"extensions": ["STARTTLS", *OFFER]}
    busy = {**server, "banner": "421 busy"}
    first, second = done(
        scenario(
            main={"log_selector": "+pipelining"},
            transport={"hosts_pipe_connect": "*"},
            servers={},
            runs=[{**MESSAGE, "servers": {"10.9.1.1": one}} for one in (server, busy)],
        )
    )
    assert len(first.servers) == 1
    assert len(second.servers) == 2
    assert "after STARTTLS: 421 busy" in second.log[1]


def test_a_host_that_refuses_the_call_fails_where_the_commands_are_sent() -> None:
    _, lines = logged(EARLY, "refused")
    assert "smtp send to h1-a.test.ex [10.9.1.1] failed: Connection refused" in lines[0]


def test_limits_are_remembered_too() -> None:
    server = {"extensions": [*OFFER, "LIMITS RCPTMAX=1"]}
    assert early(server, server) == [False, True]
    other = {"extensions": [*OFFER, "LIMITS RCPTMAX=2"]}
    assert early(server, other, server, server) == [False, True, False, True], "hints go when they change"


@pytest.mark.parametrize("words", [["535 no"], ["235 ok"]])
def test_who_has_to_authenticate_reads_the_greeting_with_the_reply_to_auth(words: list[str]) -> None:
    login = "pl:\n  driver = plaintext\n  public_name = PLAIN\n  client_send = ^u^p\n"
    server = {"extensions": [*OFFER, "AUTH PLAIN"], "auth": words}
    options = {"hosts_require_auth": "*"}
    runs = logged(server, server, transport=options, auths=login)
    accepted = words[0].startswith("2")
    assert all(("=> a@one.test.ex" in lines[0]) is accepted for lines in runs)
    assert (" A=pl L* C=" in runs[1][0]) is accepted


def test_a_server_is_spoken_to_early_no_further_than_ehlo_if_the_hints_cannot_name_all_mechanisms() -> None:
    login = "".join(
        f"a{number}:\n  driver = plaintext\n  public_name = M{number}\n  client_send = ^u^p\n"
        for number in range(17)
    )
    server = {"extensions": [*OFFER, "AUTH M16"], "auth": ["235 ok"]}
    runs = logged(server, server, transport={"hosts_try_auth": "*"}, auths=login)
    assert [" A=a16 L C=" in lines[0] for lines in runs] == [True, True]


def test_a_bad_greeting_is_no_reply_to_auth() -> None:
    login = "pl:\n  driver = plaintext\n  public_name = PLAIN\n  client_send = ^u^p\n"
    server = {"extensions": [*OFFER, "AUTH PLAIN"], "auth": ["235 ok"]}
    _, lines = logged(
        server, {**server, "banner": "554 no"}, transport={"hosts_require_auth": "*"}, auths=login
    )
    assert "554 no" in lines[0]
    assert not any("=> " in line for line in lines)


def test_a_server_that_closes_at_ehlo_is_found_when_the_replies_to_all_commands_are_read() -> None:
    _, lines = logged(EARLY, {**EARLY, "ehlo": {"then": "close"}})
    assert "closed connection in response to pipelined DATA" in lines[0]


def test_nothing_is_read_after_the_greeting_and_the_reply_to_ehlo_if_they_are_bad() -> None:
    login = "pl:\n  driver = plaintext\n  public_name = PLAIN\n  client_send = ^u^p\n"
    server = {"extensions": [*OFFER, "AUTH PLAIN"], "auth": ["235 ok"]}
    silent = {**server, "banner": "554 no", "auth": [{"then": "silence"}]}
    _, second = done(
        scenario(
            main={"log_selector": "+deliver_time", "smtputf8_advertise_hosts": ""},
            transport={"hosts_pipe_connect": "*", "hosts_require_auth": "*"},
            servers={},
            auths=login,
            runs=[{**MESSAGE, "servers": {"10.9.1.1": one}} for one in (server, silent)],
        )
    )
    assert "DT=0s: authentication required" in second.log[-1], "else it had waited for a reply to AUTH"


def test_limits_that_are_told_before_tls_do_not_count() -> None:
    server = {"extensions": ["STARTTLS", *OFFER, "LIMITS RCPTMAX=1"]}
    two = {**MESSAGE, "argv": ["-odf", "-f", "s@test.ex", "a@one.test.ex", "b@one.test.ex"]}
    runs = done(
        scenario(
            main={"log_selector": "+pipelining"},
            transport={"hosts_pipe_connect": "*"},
            servers={},
            runs=[{**two, "servers": {"10.9.1.1": server}}] * 3,
        )
    )
    assert [sum(" L* " in line for line in one.log) for one in runs] == [0, 2, 2]


@pytest.mark.parametrize(
    ("address", "key"), [("10.9.1.1", "10.9.1.1:25.EHLO"), ("fd00::1", "[fd00::1]:25.EHLO")]
)
def test_hints_are_kept_by_address_and_port(address: str, key: str) -> None:
    zone: list[RRset] = [
        {"name": "six.ex", "type": "MX", "ad": True, "data": [[1, "h.six.ex"]]},
        {"name": "h.six.ex", "type": "AAAA" if ":" in address else "A", "ad": True, "data": [address]},
    ]
    site = Site([], NEWEST, zone=zone, transport={"hosts_pipe_connect": "*"})
    site.serve(address, Behaviour(extensions=tuple(OFFER)))
    site.deliver("a@six.ex")
    assert list(site.machine.hints.ehlo) == [key]
