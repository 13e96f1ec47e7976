"""What policies do in all situations: the scenes that they can meet, and a diagram for each.

What cannot be explored is noted, never skipped in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from eximsim.errors import Gap
from eximsim.gate import states
from eximsim.gate.diagram import Chooser, Explorer, Forest, Way
from eximsim.gate.lattice import LatticeZones, Scene, certificates, listener
from eximsim.gate.outcome import essence, outcome_of
from eximsim.gate.report import Outcome
from eximsim.gate.routes import begins_with_tls, named_hosts, route_of, routes, scenes, smtp_transports
from eximsim.suite.policy import Case, Policy


@dataclass(frozen=True, slots=True)
class View:
    """One scene as one kind of run: ``"delivery"`` or ``"callout"``."""

    scene: Scene
    kind: str

    @property
    def wordless(self) -> bool:
        """Whether it is explored without words: those of a callout of several hosts hold those of each."""
        return self.kind == "callout" and len(self.scene.addresses) > 1

    @property
    def name(self) -> str:
        """``delivery to someone@example.com by mx1.example.com``."""
        return f"{self.kind} to {self.scene.recipient} by {' and '.join(self.scene.addresses)}"


@dataclass(slots=True)
class Survey:
    """The views of some policies; ``runs`` counts the runs of the model.

    ``gaps`` are what could not be explored, ``left_out`` what was left out by choice.
    """

    policies: tuple[Policy, ...]
    views: tuple[View, ...]
    gaps: dict[Gap, None] = field(default_factory=dict)
    left_out: dict[str, None] = field(default_factory=dict)
    forest: Forest = field(default_factory=Forest)
    runs: int = 0

    def diagram(self, policy: Policy, view: View) -> Way:
        """All outcomes of a policy in a view."""
        try:
            return self._explored(policy, view, alone=True)
        except _SendsMore:
            return self._explored(policy, view, alone=False)

    def _explored(self, policy: Policy, view: View, *, alone: bool) -> Way:
        run = self.run(policy, view, alone=alone)
        watcher = states.Watcher(policy, view.kind, alone=alone, words=not view.wordless)
        if view.wordless:
            explorer = Explorer(self.forest, lambda choose: essence(run(choose)), watcher)
        else:
            explorer = Explorer(self.forest, run, watcher)
        found = explorer.diagram()
        self.runs += explorer.runs
        return found

    def run(self, policy: Policy, view: View, *, alone: bool = False) -> Callable[[Chooser], Outcome]:
        """A run of a policy in a view, with the situation's answers as its argument.

        If it must be ``alone`` and sends out more than one message, ``_SendsMore`` is raised.
        """
        scene, chains = view.scene, policy.chains
        smtps = begins_with_tls(policy, scene.recipient)

        def once(choose: Chooser) -> Outcome:
            zones = LatticeZones(scene, choose, chains)
            servers = {
                address: listener(host, choose, chains, tls_on_connect=smtps)
                for host, address in scene.addresses.items()
            }
            result = policy.run(Case((scene.recipient,), zones, servers, view.kind))
            if alone and states.sends_more(result.decisions):
                raise _SendsMore
            self.gaps.update(dict.fromkeys((*map(Gap, result.unsupported), *policy.files.gaps)))
            return outcome_of(result)

        return once

    def at(self, policy: Policy, view: View, answers: Mapping[str, str]) -> Outcome:
        """The outcome in one situation."""
        return self.run(policy, view)(_Given(answers))

    @property
    def size(self) -> int:
        """The number of situations of all views."""
        return sum(view.scene.size for view in self.views)


class _SendsMore(Exception):
    """A run has sent out more than one message, so that one can depend on what became of another."""


class _Given:
    """Answers as they are given, else the plainest."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers

    def choose(self, axis: str, values: Sequence[str]) -> str:
        return self._answers.get(axis, values[0])


def survey(policies: Sequence[Policy], hosts: int) -> Survey:
    """What has to be explored for these policies, with up to so many ``hosts`` for a recipient."""
    found = routes(policies)
    named = named_hosts(policies)
    staged = [scene for route in found for scene in scenes(route, named, hosts)]
    gaps = {Gap(f"{item}: it names no host outright", where): None for item, where in named.obscure.items()}
    left_out: dict[str, None] = {}
    for route in found:
        for host in () if route.by_mx else route.hosts[hosts:]:
            left_out[f"{route.recipient}: host {host}, the route has more than {hosts}"] = None
    chains = certificates(
        tuple(dict.fromkeys(host for scene in staged for host in scene.addresses)) or ("x",)
    )
    asked, policies = policies, tuple(replace(policy, chains=chains) for policy in policies)
    kinds = [set(policy.kinds) for policy in policies]
    both = [kind for kind in policies[0].kinds if all(kind in one for one in kinds)]
    for kind in sorted(set.union(*kinds) - set(both)):
        gaps[Gap(f"{kind}s: only one of the two configurations has any")] = None
    views = tuple(View(scene, kind) for scene in staged for kind in both)
    for name in (view.name for view in views if view.wordless):
        left_out[f"{name}: changes of words alone"] = None
    for policy in policies:
        _equal_hosts(policy, hosts, left_out)
        _unreached(policy, [route.recipient for route in found], gaps)
    for policy in (*asked, *policies):
        gaps.update(dict.fromkeys(policy.files.gaps))
    return Survey(policies, views, gaps, left_out)


def _equal_hosts(policy: Policy, hosts: int, left_out: dict[str, None]) -> None:
    """Note where hosts of equal preference would matter: where fewer are tried than there are."""
    for transport in smtp_transports(policy.config):
        if transport.options.number("hosts_max_try") < hosts:
            where = f"{transport.path}:{transport.line}"
            left_out[f"{where}: transport {transport.name}: hosts of equal preference (hosts_max_try)"] = None


def _unreached(policy: Policy, recipients: Sequence[str], gaps: dict[Gap, None]) -> None:
    """Note the smtp transports that no route of the survey leads to."""
    used = {
        router.options.text("transport")
        for recipient in recipients
        if (route := route_of(policy, recipient.rpartition("@")[2])) is not None
        for router in policy.config.routers
        if router.name in route.routers
    }
    for transport in smtp_transports(policy.config):
        if transport.name not in used:
            where = f"{transport.path}:{transport.line}"
            gaps[Gap(f"transport {transport.name}: no recipient was found that is sent there", where)] = None
