"""Opening a call: when Exim takes it for open, and what its events and variables tell of that."""

from __future__ import annotations

import re

import pytest

from tests.suite.test_scenario_compare import HOST, NEWEST, done, scenario

TOLD = "event $event_name host <$host> from <$sending_ip_address>"
_EVENT = re.compile(r"event (\S+) host <(.*)> from <(.*)>")
LISTEN = {"event_action": "${acl{told}}"}
TELL = f"check_rcpt:\n  accept verify = recipient/callout=5s,no_cache\ntold:\n  accept logwrite = {TOLD}\n"
MESSAGE = {"argv": ["-odf", "-f", "s@test.ex", "a@one.test.ex"], "stdin": "Subject: x\n\nhi\n"}
CALLOUT = {"argv": ["-bs"], "stdin": "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@one.test.ex>\r\nQUIT\r\n"}
TWO_HOSTS = [
    {"name": "one.test.ex", "type": "MX", "ad": True, "data": [[10, "h1-a.test.ex"], [20, "h2-a.test.ex"]]},
    *HOST[1:],
    {"name": "h2-a.test.ex", "type": "A", "ad": True, "data": ["10.9.2.1"]},
    {"name": "h2-a.test.ex", "type": "AAAA", "ad": True, "data": []},
]
EARLY = {"extensions": ["PIPELINING", "PIPECONNECT"]}


def events(
    *runs: object, release: str = NEWEST, zone: object = HOST, **transport: str
) -> list[list[tuple[str, str, str]]]:
    """For each run the events, and what they know of the host and of this end of the call."""
    situation = scenario(
        transport={"hosts_avoid_tls": "*", **LISTEN, **transport},
        acl=TELL,
        zone=zone,
        servers={"10.9.1.1": "refused", "10.9.2.1": "refused"},
        runs=[dict(run) for run in runs],  # type: ignore[call-overload]
    )
    found = (map(_EVENT.search, one.log) for one in done(situation, release))
    return [[(one[1], one[2], one[3]) for one in lines if one] for lines in found]


@pytest.mark.parametrize(("release", "known"), [("4.92", ""), ("4.95", "10.9.1.1"), (NEWEST, "10.9.1.1")])
def test_by_fast_open_a_call_is_open_until_its_refusal_is_read(release: str, known: str) -> None:
    (found,) = events(MESSAGE, release=release)
    assert ("msg:host:defer", "h1-a.test.ex", known) in found
    (found,) = events(MESSAGE, release=release, hosts_try_fastopen="")
    assert ("msg:host:defer", "h1-a.test.ex", "") in found


@pytest.mark.parametrize(("release", "last"), [("4.96", "10.9.2.1"), (NEWEST, "10.9.1.1")])
def test_since_4_97_only_the_first_host_is_called_by_fast_open(release: str, last: str) -> None:
    (found,) = events(MESSAGE, release=release, zone=TWO_HOSTS)
    assert ("msg:host:defer", "h2-a.test.ex", last) in found


@pytest.mark.parametrize(("release", "known"), [("4.94.1", "10.9.1.1"), ("4.95", "")])
def test_since_4_95_a_call_by_fast_open_waits_for_the_hello_of_tls(release: str, known: str) -> None:
    (found,) = events(MESSAGE, release=release, protocol="smtps", port="1225")
    assert ("msg:host:defer", "h1-a.test.ex", known) in found


def test_a_callout_closes_a_call_that_was_refused_after_it_was_open() -> None:
    (found,) = events(CALLOUT)
    assert found[1:] == [("tcp:connect", "h1-a.test.ex", ""), ("tcp:close", "", "10.9.1.1")]
    (found,) = events(CALLOUT, hosts_try_fastopen="")
    assert found[1:] == [("tcp:connect", "h1-a.test.ex", "")]


def test_the_name_to_say_is_expanded_before_a_refusal_is_read() -> None:
    log = done(
        scenario(transport={"helo_data": "${bad"}, acl=TELL, servers={"10.9.1.1": "refused"}, runs=[CALLOUT])
    )[0].log
    assert log[0].startswith("<a@one.test.ex>: failed to expand transport's helo_data value for callout: ")


@pytest.mark.parametrize(("option", "asked"), [({}, True), ({"hosts_try_fastopen": ""}, False)])
def test_a_delivery_too_expands_the_name_to_say_before_a_refusal(option: dict[str, str], asked: bool) -> None:
    name = {"helo_data": "${lookup dnsdb{defer_never,a=hello.test.ex}{$value}{x.ex}}"}
    ran = done(scenario(transport={**name, **option}, servers={"10.9.1.1": "refused"}, runs=[MESSAGE]))
    assert ("A hello.test.ex" in ran[0].dns) is asked
    assert any(line.endswith("defer (111): Connection refused") for line in ran[0].log)


def test_an_early_call_is_greeted_before_it_is_made() -> None:
    known = {**MESSAGE, "servers": {"10.9.1.1": EARLY}}
    _, found = events(known, MESSAGE, hosts_pipe_connect="*")
    names = [name for name, *_ in found if name != "dns:fail"]
    assert names[:3] == ["smtp:connect", "tcp:connect", "smtp:ehlo"]


def test_an_early_call_that_is_refused_is_closed_in_a_delivery() -> None:
    known = {**MESSAGE, "servers": {"10.9.1.1": EARLY}}
    gone = {**MESSAGE, "servers": {"10.9.1.1": "refused"}}
    _, found = events(known, gone, hosts_pipe_connect="*")
    names = [name for name, *_ in found if name != "dns:fail"]
    assert names[:3] == ["smtp:connect", "tcp:connect", "tcp:close"]


def test_an_early_call_that_an_event_refuses_is_made_for_a_quit() -> None:
    refuse = "${if eq{$event_name}{smtp:connect}{${if def:sending_ip_address{}{no}}}}"
    known = {**MESSAGE, "servers": {"10.9.1.1": EARLY}}
    runs = done(
        scenario(
            transport={"hosts_avoid_tls": "*", "hosts_pipe_connect": "*", "event_action": refuse},
            servers={},
            runs=[known, MESSAGE],
        )
    )
    assert [server["events"] for server in runs[1].servers] == [["QUIT"]]
    assert any("deferred by smtp:connect event expansion: no" in line for line in runs[1].log)


def test_a_callout_that_cannot_make_its_early_call_has_no_words_for_it() -> None:
    known = {**MESSAGE, "servers": {"10.9.1.1": EARLY}}
    gone = {**CALLOUT, "servers": {"10.9.1.1": "refused"}}
    runs = done(
        scenario(
            transport={"hosts_avoid_tls": "*", "hosts_pipe_connect": "*"},
            acl=TELL,
            servers={},
            runs=[known, gone],
        )
    )
    assert any(line.endswith("callout: h1-a.test.ex [10.9.1.1] : NULL") for line in runs[1].log)


@pytest.mark.parametrize(("release", "so"), [("4.92", True), ("4.93", False), (NEWEST, False)])
def test_up_to_4_92_the_greeting_of_an_smtps_server_is_told_after_what_was_searched_for(
    release: str, so: bool
) -> None:
    """The buffer with the last command is that of address lists, too."""
    run = done(
        scenario(
            zone=TWO_HOSTS,
            transport={"protocol": "smtps", "port": "1225"},
            servers={
                "10.9.1.1": {"base": "smtps", "banner": {"lines": [], "then": "close"}},
                "10.9.2.1": {"base": "smtps", "banner": "421 busy"},
            },
            runs=[MESSAGE],
        ),
        release,
    )[0]
    assert (
        any("[10.9.2.1]: SMTP error from remote mail server after *@h1-a" in line for line in run.log) is so
    )
