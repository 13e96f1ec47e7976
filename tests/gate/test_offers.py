"""What servers may offer and senders may ask for, as far as it can matter: DSN, LIMITS and PRDR."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from eximsim.explore.choices import Chooser
from eximsim.explore.vocabulary import EXTENSIONS, LIMITS, asked_of
from eximsim.gate.compare import compare
from eximsim.gate.diagram import Explorer
from eximsim.gate.explore_policies import survey
from eximsim.gate.lock import current
from eximsim.gate.lock_text import read_lock, written
from eximsim.gate.report import Outcome
from eximsim.gate.severity import Severity
from eximsim.gate.states import Watcher
from eximsim.gate.views import View
from eximsim.suite.policy import Policy
from tests.gate.policies import CONF, MX, policy

Run = Callable[[Chooser], Outcome]
PLAIN = CONF.replace("verify = recipient/callout", "")
FEW = {
    EXTENSIONS.name: EXTENSIONS.values,
    LIMITS.name: LIMITS.values,
    "connection": ("accepted", "refused"),
    "RCPT": ("2xx", "5xx"),
    "end of data": ("2xx", "4xx", "5xx"),
}


def one(options: str = "", main: str = "", router: str = "", release: str = "4.99") -> Policy:
    conf = main + PLAIN.replace("  transport = remote\n", f"  transport = remote\n{router}")
    return policy(options, release, conf=conf)


DSN = "dsn_advertise_hosts = *\n"


@pytest.mark.parametrize(
    ("base", "head"),
    [
        (one(), one("  max_rcpt = 1\n")),
        (one(), one("  hosts_try_prdr =\n")),
        (one(), one("  connection_max_messages = 1\n")),
        (one(), one("  size_addition = -1\n")),
        (one(), one("  hosts_avoid_pipelining = *\n")),
        (one(), one("  helo_data = mx.own.example\n")),
        (one(), one("  tls_sni = $host\n")),
        (one(main=DSN), one(main=DSN, router="  dsn_lasthop\n")),
    ],
)
def test_what_is_said_otherwise_to_servers_or_senders_is_seen(base: Policy, head: Policy) -> None:
    report = compare(base, head)
    assert report.groups
    assert not report.gaps


@pytest.mark.parametrize(
    ("option", "severity"),
    [("command_timeout = 10s", Severity.HELD), ("final_timeout = 10s", Severity.HELD)],
)
def test_time_limits_are_seen_at_servers_that_are_late(option: str, severity: Severity) -> None:
    report = compare(one(), one(f"  {option}\n"))
    group, *_ = (group for group in report.groups if group.severity is severity)
    assert group.witness.situation == {f"pace of {MX}": "late"}
    assert group.name == option.split()[0]


def test_prdr_changes_what_becomes_of_a_recipient_beside_one_that_is_refused() -> None:
    report = compare(one("  hosts_try_prdr =\n"), one())
    released = next(group for group in report.groups if group.severity is Severity.RELEASED)
    assert released.witness.situation[f"end of data of {MX}"] in ("4xx", "5xx")
    assert "and someone.else@destination.example by" in released.witness.route


def test_nothing_of_it_is_explored_where_it_cannot_matter() -> None:
    for policies in ([one()], [one(), one("  hosts_require_tls = *\n")], [one(main=DSN), one(main=DSN)]):
        (view,) = survey(policies, 1).views
        assert (view.scene.beside, view.scene.notify, view.scene.limits) == ("", "", False)


@pytest.mark.parametrize(
    ("policies", "part"),
    [
        ([one("  max_rcpt = 1\n"), one("  hosts_try_prdr =\n")], "beside"),
        ([one(main=DSN), one(main=DSN, router="  dsn_lasthop\n")], "notify"),
    ],
)
def test_it_is_the_same_merged_and_unmerged(policies: list[Policy], part: str) -> None:
    plan = survey(policies, 1)
    (view,) = (view for view in plan.views if getattr(view.scene, part))
    for own in plan.policies:
        numbers = itertools.count()
        watcher = Watcher(own, view.kind, alone=False)

        def every(axis: str, look: Watcher = watcher, count: itertools.count[int] = numbers) -> object:
            return next(count), look(axis)[1]

        merged = Explorer(plan.forest, few(plan.run(own, view)), watcher)
        unmerged = Explorer(plan.forest, few(plan.run(own, view)), every)  # type: ignore[arg-type]  # a state
        assert merged.diagram() == unmerged.diagram()
        assert merged.runs <= unmerged.runs


def few(run: Run) -> Run:
    """A run that meets a few values of a few axes."""

    class Few:
        def __init__(self, choices: Chooser) -> None:
            self.choices = choices

        def choose(self, axis: str, values: Sequence[str]) -> str:
            some = FEW.get(asked_of(axis)[0], values[:1])
            return self.choices.choose(axis, tuple(value for value in values if value in some))

    def once(choices: Chooser) -> Outcome:
        return run(Few(choices))

    return once


def test_a_lock_holds_the_second_recipient() -> None:
    plan = survey([one("  hosts_try_prdr = *\n")], 1)
    lock = current(plan, "4.99", 1)
    again = read_lock(written(lock), "policy.lock", plan.forest)
    assert [view.scene.beside for view in again.views.values()] == ["", "someone.else@destination.example"]
    without = survey([one()], 1, tuple(again.views.values()))
    assert [view.name for view in without.views] == [view.name for view in plan.views]
    assert isinstance(without.views[1], View)
    assert replace(without.views[1].scene, extensions=(), limits=False) == replace(
        without.views[0].scene, beside="someone.else@destination.example", extensions=(), limits=False
    )
