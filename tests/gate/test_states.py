"""States of the model: what is merged goes on in the same way, whatever came before."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial

import pytest

from eximsim.explore.choices import Chooser
from eximsim.explore.vocabulary import EXTENSIONS, OF_AUTHENTICATION, PROXY, asked_of
from eximsim.explore.walk import Settled
from eximsim.gate.diagram import Explorer
from eximsim.gate.explore_policies import Survey, survey
from eximsim.gate.outcome import essence
from eximsim.gate.report import Outcome
from eximsim.gate.states import Watcher
from eximsim.gate.views import Wanted
from eximsim.mta.transports import dane
from eximsim.profiles import PROFILES, profile
from eximsim.suite.config_files import Sources
from tests.gate.policies import CONF, policy

FEW = {
    "address": ("secure", "insecure"),
    "TLSA": ("secure", "NXDOMAIN", "SERVFAIL"),
    "connection": ("accepted", "refused"),
    "STARTTLS": ("2xx", "4xx"),
    "handshake": ("completes", "fails"),
    "certificate": ("good", "another name"),
    "RCPT": ("2xx", "4xx"),
}
"""The values of axes of a smaller space; other axes have their plainest only."""

Unmerged = Callable[[str], tuple[int, tuple[str, ...]]]


class Few:
    """A chooser that offers the values of the smaller space."""

    def __init__(self, choices: Chooser) -> None:
        self.choices = choices

    def choose(self, axis: str, values: Sequence[str]) -> str:
        few = FEW.get(asked_of(axis)[0], values[:1])
        return self.choices.choose(axis, tuple(value for value in values if value in few))


def unmerged(watcher: Watcher) -> Unmerged:
    """Every state is another one."""
    numbers = itertools.count()
    return lambda axis: (next(numbers), watcher(axis)[1])


@pytest.mark.parametrize("release", [*PROFILES])
def test_no_callout_looks_at_the_error_of_an_earlier_host(release: str) -> None:
    """Whatever rules a host out writes an error over the one before, where a callout reads it at all."""
    one = profile(release)
    lost = [row for row in dane.TLSA_HOST.cells(one).values() if row.outcome is dane.Verdict.LOST]
    assert not one.callout_uses_setup_conn or (one.dane_outcome_in_address and all(row.text for row in lost))


CLIENT = """\
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^user^secret
"""


@pytest.mark.parametrize(("release", "kind"), [("4.87", "callout"), ("4.99", "delivery")])
def test_a_space_is_the_same_merged_and_unmerged(release: str, kind: str) -> None:
    plan = survey([policy("  hosts_require_dane = *\n", release)], 1)
    (one,) = plan.policies
    view = next(view for view in plan.views if view.kind == kind)
    explorer = Explorer(plan.forest, plan.run(one, view), unmerged(Watcher(one, kind)))
    assert plan.diagram(one, view) == explorer.diagram()
    assert plan.runs < explorer.runs


@pytest.mark.parametrize(
    ("release", "kind", "options", "main"),
    [
        ("4.99", "delivery", "", ""),
        ("4.99", "delivery", "", "log_selector = +all\n"),
        ("4.87", "delivery", "  hosts_require_tls = *\n", ""),
        ("4.99", "callout", "", ""),
        ("4.87", "callout", "", ""),
    ],
)
def test_two_hosts_are_the_same_merged_and_unmerged(release: str, kind: str, options: str, main: str) -> None:
    plan = survey([policy(options, release, conf=main + CONF)], 2)
    (one,) = plan.policies
    view = next(view for view in plan.views if view.kind == kind)
    run = plan.run(one, view)

    def few(choices: Chooser) -> Outcome:
        outcome = run(Few(choices))
        return essence(outcome) if view.wordless else outcome

    watcher = Watcher(one, kind, words=not view.wordless)
    merged = Explorer(plan.forest, few, watcher)
    explorer = Explorer(plan.forest, few, unmerged(watcher))
    assert merged.diagram() == explorer.diagram()
    assert merged.runs < explorer.runs / 2


def test_authentication_is_the_same_merged_and_unmerged(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {axis.name: axis.values for axis in OF_AUTHENTICATION}
    monkeypatch.setitem(
        globals(), "FEW", {**few, "EHLO": ("STARTTLS", "no STARTTLS"), "RCPT": ("2xx", "4xx")}
    )
    plan = survey([policy("  hosts_require_auth = *\n", conf=CONF + CLIENT)], 1)
    (one,), view = plan.policies, plan.views[0]
    run, watcher = plan.run(one, view), Watcher(one, view.kind)
    merged = Explorer(plan.forest, lambda choose: run(Few(choose)), watcher)
    every = Explorer(plan.forest, lambda choose: run(Few(choose)), unmerged(watcher))
    assert merged.diagram() == every.diagram()
    assert merged.runs < every.runs


def test_extensions_are_the_same_merged_and_unmerged(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {
        "EHLO": ("STARTTLS", "no STARTTLS"),
        "extensions": EXTENSIONS.values,
        "proxy": PROXY.values,
        "DATA": ("2xx", "4xx"),
    }
    monkeypatch.setitem(globals(), "FEW", {**few, "RCPT": ("2xx", "4xx"), "MAIL": ("2xx", "5xx")})
    proxied = "  hosts_try_chunking = *\n  socks_proxy = 203.0.113.9\n"
    plan = survey([policy(proxied)], 1)
    (one,) = plan.policies
    for view in plan.views:
        run, watcher = partial(in_few, plan.run(one, view)), Watcher(one, view.kind)
        merged = Explorer(plan.forest, run, watcher)
        every = Explorer(plan.forest, run, unmerged(watcher))
        assert merged.diagram() == every.diagram()
        assert merged.runs <= every.runs


def test_what_follows_on_a_message_is_the_same_merged_and_unmerged(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {"connection": ("accepted", "refused"), "DATA": ("2xx", "4xx")}
    monkeypatch.setitem(globals(), "FEW", {**few, "end of data": ("2xx", "4xx", "5xx")})
    plan = survey([policy()], 2)
    (one,), view = plan.policies, plan.views[0]
    run, watcher = partial(in_few, plan.run(one, view)), Watcher(one, view.kind)
    merged = Explorer(plan.forest, run, watcher)
    every = Explorer(plan.forest, run, unmerged(watcher))
    assert merged.diagram() == every.diagram()
    assert merged.runs < every.runs


def without_words(run: Callable[[Chooser], Outcome]) -> Callable[[Chooser], Outcome]:
    return lambda choose: essence(run(choose))


def in_few(run: Callable[[Chooser], Outcome], choose: Chooser) -> Outcome:
    return run(Few(choose))


WAITING = """\
primary_hostname = relay.example.org
dns_retrans = 10m
dns_retry = 4
MACRO = tod
begin routers
out:
  driver = dnslookup
  transport = remote
  dnssec_request_domains = *
begin transports
remote:
  driver = smtp
  hosts_require_dane = mx1.destination.example
OPTIONS
begin retry
* * F,2d,15m
"""
LATE = "${if >{${substr{8}{4}{$tod_zulu}}}{0003} {*}}"


@pytest.mark.parametrize(
    ("option", "retry"),
    [
        (f"  hosts_avoid_tls = {LATE}\n", "2d"),
        (f"  hosts_avoid_tls = {LATE.replace('tod', 'MACRO')}\n", "2d"),
        ("  hosts_avoid_tls = ${if acl{{/etc/late}} {*}}\n", "2d"),
        ("  command_timeout = 40m\n", "70m"),
    ],
)
def test_a_run_that_has_waited_is_another_one_where_that_is_looked_at(
    option: str, retry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"TLSA": ("secure", "SERVFAIL", "time-out"), "RCPT": ("2xx", "none in time")}
    monkeypatch.setitem(globals(), "FEW", {**few, "connection": ("accepted", "refused")})
    late = f"accept condition = {LATE.replace('{*}', '{yes}')}\n".encode()
    given = Sources(given={"/etc/late": late})
    conf = WAITING.replace("2d", retry)
    one = replace(policy(option, conf=conf), sources=given)
    plan = survey([one], Wanted(2, recipients=("someone@destination.example",)))
    (one,) = plan.policies
    view = next(view for view in plan.views if len(view.scene.addresses) > 1)
    run = plan.run(one, view)
    watcher = Watcher(one, view.kind)
    merged = Explorer(plan.forest, lambda choose: run(Few(choose)), watcher)
    every = Explorer(plan.forest, lambda choose: run(Few(choose)), unmerged(watcher))
    assert merged.diagram() == every.diagram()


@pytest.mark.parametrize(
    "options", ["", "=defer_ok", "=20s,maxwait=40s", "=random", "=postmaster,use_sender"]
)
def test_callouts_are_the_same_merged_and_unmerged(options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {"TLSA": ("secure", "insecure"), "handshake": ("completes", "fails")}
    few |= {"certificate": ("good", "another name"), "MAIL": ("2xx", "4xx")}
    monkeypatch.setitem(globals(), "FEW", {**few, "RCPT": ("2xx", "4xx", "none in time")})
    plan = survey([policy(conf=CONF.replace("callout", f"callout{options}"))], 2)
    (one,) = plan.policies
    view = next(view for view in plan.views if view.kind == "callout")
    run = plan.run(one, view)
    watcher = Watcher(one, "callout", words=False)
    merged = Explorer(plan.forest, lambda choose: essence(run(Few(choose))), watcher)
    every = Explorer(plan.forest, lambda choose: essence(run(Few(choose))), unmerged(watcher))
    assert merged.diagram() == every.diagram()
    assert merged.runs < every.runs


@cache
def plan_of(conf: str, hosts: int, release: str) -> Survey:
    """One for all states that are compared: a text is known again as the object that it is."""
    return survey([policy(conf=conf, release=release)], hosts)


def states_of_a_run(
    given: dict[str, str], hosts: int, kind: str = "delivery", conf: str = CONF, release: str = "4.99"
) -> dict[str, object]:
    """The state at each question of a run, by axis and number of the host: ``MAIL of mx2``."""
    plan = plan_of(conf, hosts, release)
    (one,) = plan.policies
    view = next(view for view in plan.views if view.kind == kind and len(view.scene.addresses) == hosts)
    short = {name: f"mx{number}" for number, name in enumerate(view.scene.addresses, 1)}
    watcher = Watcher(one, kind, words=not view.wordless)
    states: dict[str, object] = {}

    class Noting:
        def choose(self, axis: str, values: Sequence[str]) -> str:
            what, _, subject = axis.partition(" of ")
            name = f"{what} of {short.get(subject, subject)}"
            states[name] = watcher(axis)[0]
            return given.get(name, values[0])

    plan.run(one, view)(Noting())
    return states


def test_of_tlsa_records_those_count_that_dane_takes() -> None:
    plain, mixed, other = (
        states_of_a_run({"TLSA records of mx1": records}, 1)
        for records in ("match", "match and unusable", "mismatch")
    )
    assert plain == mixed
    assert plain["connection of mx1"] != other["connection of mx1"]


def test_what_dane_leaves_in_the_options_counts_until_the_last_host_is_set_up() -> None:
    after_dane, after_none = (
        states_of_a_run({"TLSA of mx1": first, "connection of mx1": "refused", "TLSA of mx2": "NXDOMAIN"}, 2)
        for first in ("secure", "NXDOMAIN")
    )
    assert after_dane["EHLO of mx2"] != after_none["EHLO of mx2"]
    assert after_dane["MAIL of mx2"] == after_none["MAIL of mx2"]


def test_at_the_last_host_it_does_not_count_how_long_an_earlier_one_took() -> None:
    in_time, late = (
        states_of_a_run({"certificate of mx1": "another name", **end}, 2)
        for end in ({"end of data of mx1": "4xx"}, {"RCPT of mx1": "none in time"})
    )
    assert in_time["MAIL of mx2"] == late["MAIL of mx2"]


NO_TLSA: dict[str, str] = {"TLSA of mx2": "NXDOMAIN", "MAIL of mx1": "4xx"}
INSECURE: dict[str, str] = {"address of mx2": "insecure", "MAIL of mx1": "4xx"}
INSECURE_TLSA: dict[str, str] = {"TLSA of mx2": "insecure", "MAIL of mx1": "4xx"}
"""Ways to a last host without DANE."""
ASKING = CONF.replace("= smtp\n", "= smtp\n  helo_data = ${lookup dnsdb{tlsa=x.example}{x}{y}}\n")


@pytest.mark.parametrize("kind", ["delivery", "callout"])
def test_how_dane_was_decided_against_is_forgotten_when_the_last_host_is_called(kind: str) -> None:
    none, insecure = (states_of_a_run(given, 2, kind)["connection of mx2"] for given in (NO_TLSA, INSECURE))
    assert isinstance(none, Settled)
    assert none == insecure


def test_an_insecure_answer_counts_for_a_delivery_that_may_log_it_again() -> None:
    for kind, alike in (("delivery", False), ("callout", True)):
        none, insecure = (
            states_of_a_run(given, 2, kind)["connection of mx2"] for given in (NO_TLSA, INSECURE_TLSA)
        )
        assert (none == insecure) is alike


@pytest.mark.parametrize(
    ("asked", "conf", "release"),
    [
        ("connection of mx1", CONF, "4.99"),
        ("connection of mx2", ASKING, "4.99"),
        ("connection of mx2", CONF, "4.89"),
    ],
)
def test_dane_is_not_settled_while_it_can_be_asked_for_again(asked: str, conf: str, release: str) -> None:
    """By another host, by the configuration, or since DANE comes only after the connection."""
    given = {f"address of {asked[-3:]}": "insecure", "MAIL of mx1": "4xx"}
    assert not isinstance(states_of_a_run(given, 2, conf=conf, release=release)[asked], Settled)


@pytest.mark.parametrize("kind", ["delivery", "callout"])
def test_a_second_call_without_tls_is_the_same_merged_and_unmerged(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"address": ("secure", "insecure"), "TLSA": ("insecure", "NXDOMAIN", "no data")}
    few |= {"handshake": ("completes", "fails"), "RCPT": ("2xx", "4xx")}
    monkeypatch.setitem(globals(), "FEW", few)
    plan = survey([policy()], 2)
    (one,) = plan.policies
    view = next(view for view in plan.views if view.kind == kind)
    run = partial(in_few, plan.run(one, view))
    watcher = Watcher(one, kind, words=not view.wordless)
    merged = Explorer(plan.forest, without_words(run) if view.wordless else run, watcher)
    every = Explorer(plan.forest, without_words(run) if view.wordless else run, unmerged(watcher))
    assert merged.diagram() == every.diagram()
    assert merged.runs < every.runs / 2


@pytest.mark.parametrize("records", ["authority", "match and unusable"])
def test_of_tlsa_records_it_counts_in_the_end_what_came_of_them(records: str) -> None:
    plain, other = (
        states_of_a_run({"TLSA records of mx2": which, "connection of mx1": "refused"}, 2)
        for which in ("match", records)
    )
    assert plain["MAIL of mx2"] == other["MAIL of mx2"]


CALLOUT_HOSTS = [
    ({"MAIL of mx1": "4xx"}, {"EHLO over TLS of mx1": "malformed"}, True),
    ({"RCPT of mx1": "4xx"}, {"RCPT of mx1": "none in time"}, True),
    ({"RCPT of mx1": "4xx"}, {"RCPT of mx1": "4xx", "TLSA records of mx1": "authority"}, True),
    ({"MAIL of mx1": "4xx"}, {"RCPT of mx1": "4xx"}, False),
    ({"MAIL of mx1": "4xx"}, {"certificate of mx1": "another name"}, False),
]
"""What befalls a callout at its first host, and whether it is all the same to what comes next."""


@pytest.mark.parametrize(("one", "other", "alike"), CALLOUT_HOSTS)
def test_a_callout_carries_to_its_last_host_what_its_outcome_tells(
    one: dict[str, str], other: dict[str, str], alike: bool
) -> None:
    states = [states_of_a_run(given, 2, "callout")["connection of mx2"] for given in (one, other)]
    assert (states[0] == states[1]) is alike


def test_who_was_asked_over_what_counts_where_no_answer_is_good_enough() -> None:
    given: list[dict[str, str]] = [{}, {"TLSA of mx1": "NXDOMAIN", "certificate of mx1": "another name"}]
    for conf, alike in ((CONF, True), (CONF.replace("callout", "callout=defer_ok"), False)):
        told = [
            states_of_a_run({"TLSA of mx2": "NXDOMAIN", "RCPT of mx1": "4xx", **one}, 2, "callout", conf)
            for one in given
        ]
        assert (told[0]["MAIL of mx2"] == told[1]["MAIL of mx2"]) is alike
