"""What policies do in all situations: the scenes that they can meet, and a diagram for each.

What cannot be explored is noted, never skipped in silence: ``Survey.gaps`` should have been looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from time import process_time

from eximsim.errors import Gap
from eximsim.explore.choices import Chooser
from eximsim.gate import states
from eximsim.gate.answer_axes import LatticeAnswers, Located, gaps_of
from eximsim.gate.beyond import asked_beyond
from eximsim.gate.diagram import Explorer, Forest, Way, comes_to, outcome_at
from eximsim.gate.explore_notes import note
from eximsim.gate.lattice import LatticeZones, Scene, certificates, servers
from eximsim.gate.memory import ALL_SLOW, Asked, Explored, Key, Lively, Memory
from eximsim.gate.messages import Messages
from eximsim.gate.named import missing_files, names_of
from eximsim.gate.offers import offers_dsn
from eximsim.gate.outcome import essence, lasting, outcome_of
from eximsim.gate.report import Outcome
from eximsim.gate.routes import (
    Mail,
    Route,
    fault_of,
    problems,
    route_of,
    routes_of,
    smtps_transports,
    was_given_up,
)
from eximsim.gate.scenes import TYPICAL, ForTheMail, Given, Stage, Staged, Typical, grouped, typical
from eximsim.gate.signature import met_of, signature_of, taken_of
from eximsim.gate.views import View, Wanted, kinds_of, lively, scene_key
from eximsim.mta.transports.smtp import HOST_TRIED
from eximsim.quick_dataclass import dataclass
from eximsim.status import TAKEN
from eximsim.suite.policy import Case, Policy
from eximsim.suite.policy_result import Result

NO_CALLOUT = Outcome("accepted", reason="no callout asks about the recipient")
"""What becomes of a callout where the configuration has none."""


@dataclass(slots=True)
class Survey:
    """The views of some policies; ``runs`` counts the runs of the model.

    ``gaps`` are what could not be explored, ``left_out`` what was left out by choice. ``origins`` has the
    view that was agreed on for each view's name, ``sampled`` the files of which not every entry was tried;
    ``guarded`` are files that may be missing: the configuration asks whether they are there. ``known_as``
    has what the memory knows each policy by.
    """

    policies: tuple[Policy, ...]
    views: tuple[View, ...]
    gaps: dict[Gap, None] = field(default_factory=dict)
    left_out: dict[str, None] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    known_as: dict[int, int] = field(default_factory=dict)
    runs: int = 0
    origins: dict[str, View] = field(default_factory=dict)
    sampled: tuple[str, ...] = ()
    guarded: frozenset[str] = frozenset()
    located: Located = field(default_factory=dict)
    _met: set[str] | None = None
    _smtps: dict[tuple[int, Mail, tuple[str, ...]], tuple[Policy, bool]] = field(default_factory=dict)

    @property
    def forest(self) -> Forest:
        """The nodes of all diagrams."""
        return self.memory.forest

    def diagram(self, policy: Policy, view: View) -> Way:
        """All outcomes of a policy in a view."""
        return self.explored(policy, view).way

    def explored(self, policy: Policy, view: View) -> Explored:
        """All outcomes of a policy in a view, and what its runs came to."""
        if not view.is_met_by(policy):
            return Explored(self.forest.end(NO_CALLOUT), None)
        key = self._key(policy, view)
        if key not in self.memory.explored:
            self._met = set()
            busy = key[1:] in self.memory.busy
            try:
                way = self._explored(policy, view, alone=not busy)
            except _SendsMore:
                self.memory.busy.add(key[1:])
                way = self._explored(policy, view, alone=False)
            met = None if self._met is None else frozenset(self._met)
            self.memory.has_taken(key[0], taken_of(met or ()))
            self.memory.explored[key] = Explored(way, met, policy.files.found)
            self.memory.kept.append(policy)
            self.memory.watch.explored()
        return self.memory.explored[key]

    def _key(self, policy: Policy, view: View) -> tuple[int, Lively, Asked]:
        return self.identity(policy), lively(view.scene), view.asked(policy)

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

        def once(choose: Chooser) -> Outcome:
            self.memory.watch.run()
            result = self.result(policy, view, choose)
            if isinstance(result, Outcome):
                self._met = None
                return result
            if self._met is not None:
                self._met.update(met_of(result))
            if alone and states.sends_more(result.decisions):
                raise _SendsMore
            outcome = replace(found := outcome_of(result), log=lasting(found.log))
            if outcome.result == "undefined" and not result.missed:
                open_end = f"Exim {policy.profile.name} leaves open what happens: {outcome.reason}"
                self.left_out[open_end] = None
            return outcome

        return once

    def result(self, policy: Policy, view: View, choose: Chooser) -> Result | Outcome:
        """What a run did, with what it met that is not modelled noted; an outcome if it could not be made."""
        if not view.is_met_by(policy):
            return NO_CALLOUT
        if (gap := self.patience_lost(policy)) is not None:
            return Outcome("unsupported", reason=gap.what)
        scene, chains = view.scene, policy.chains
        asking = ForTheMail(choose, scene)
        zones = LatticeZones(scene, asking, chains)
        smtps = self._begins_with_tls(policy, scene)
        answers = LatticeAnswers(policy.sources.answers, asking)
        case = Case(
            tuple(filter(None, (scene.recipient, scene.beside))),
            zones,
            servers(scene, asking, chains, tls_on_connect=smtps),
            view.kind,
            scene.sender,
            callout=view.callout,
            answers=answers,
            notify=scene.notify if offers_dsn(policy) else "",
        )
        begun = process_time()
        try:
            result = policy.run(case, asking.begin)
            self.memory.took(self.identity(policy), process_time() - begun)
            self.add(policy, *gaps_of(policy, case, answers, self.located, asking.begin))
        except Exception as fault:
            gap = fault_of(fault, policy)
            self.add(policy, gap)
            return Outcome("undefined", reason=gap.what)
        self.add(policy, *problems(policy, result), *self.missing_files(policy), *asked_beyond(policy, zones))
        self.memory.given_up[self.identity(policy)] += was_given_up(result)
        return result

    def patience_lost(self, policy: Policy) -> Gap | None:
        """The gap that no more runs of a policy are made, after several that had to be given up."""
        own = self.identity(policy)
        if not self.memory.has_time_for(own):
            gap = Gap(f"slow runs took {ALL_SLOW} seconds, and no other was made", policy.path)
        elif self.memory.given_up[own] >= _PATIENCE:
            gap = Gap(f"{_PATIENCE} runs were given up, and no other was made", policy.path)
        else:
            return None
        self.add(policy, gap)
        return gap

    def taken_by(self, policy: Policy) -> frozenset[str]:
        """The routers of a policy that have taken mail, as far as it was explored by now."""
        return frozenset(self.memory.taken.get(self.identity(policy), ()))

    def identity(self, policy: Policy) -> int:
        """By what the memory knows a policy, also one that has got other certificates since."""
        return self.known_as.get(id(policy), id(policy))

    def add(self, policy: Policy, *gaps: Gap) -> None:
        """Note gaps, and which policy has them."""
        if gaps:
            self.gaps.update(dict.fromkeys(gaps))
            self.memory.gaps.setdefault(self.identity(policy), {}).update(dict.fromkeys(gaps))

    def missing_files(self, policy: Policy) -> Iterator[Gap]:
        """The files that a policy's runs have asked for, and that are not here, as gaps."""
        yield from (gap for path, gap in missing_files(policy) if path not in self.guarded)

    def _begins_with_tls(self, policy: Policy, scene: Scene) -> bool:
        """Whether what is sent in a scene goes out by smtps, so that its servers begin with TLS."""
        if not smtps_transports(policy.config):
            return False
        mail = Mail(scene.recipient, scene.sender)
        key = (id(policy), mail, scene.missing)
        if key not in self._smtps:
            smtps = route_of(policy, mail, missing=scene.missing).smtps
            self._smtps[key] = policy, smtps  # as long as the policy is here, no other has its id
        return self._smtps[key][1]

    def at(self, policy: Policy, view: View, answers: Mapping[str, str]) -> Outcome:
        """The outcome in one situation: as it was explored, or by a run of its own."""
        if not view.wordless and view.is_met_by(policy):
            explored = self.memory.explored.get(self._key(policy, view))
            if explored is not None:
                return outcome_at(explored.way, answers)
        return self.run(policy, view)(Given(answers))

    def note_undelivered(self, policies: Sequence[Policy], views: Iterable[View]) -> None:
        """Note the views in which hosts are tried, and no situation brings any of the policies to deliver.

        What such a transport asks of a server is not among what is explored, so that nothing can be seen of
        what else it asks for.
        """
        for view in views:
            ways = (self.diagram(policy, view) for policy in policies)
            if view.kind == "delivery" and not any(comes_to(way, _delivers) for way in ways):
                result = self.result(policies[-1], view, Given({}))
                if isinstance(result, Result) and any(one.is_of(HOST_TRIED) for one in result.decisions):
                    what = f"{view.name}: no situation delivers it: {outcome_of(result)}"
                    help = "what its transport asks of a server is not explored"
                    self.add(policies[-1], Gap(what, policies[-1].path, help))

    @property
    def size(self) -> int:
        """The number of situations of all views."""
        return sum(view.scene.size for view in self.views)


def _delivers(outcome: Outcome) -> bool:
    return outcome.result in TAKEN


class _SendsMore(Exception):
    """A run has sent out more than one message, so that one can depend on what became of another."""


def survey(
    policies: Sequence[Policy],
    wanted: Wanted | int = 1,
    agreed: Sequence[View] = (),
    memory: Memory | None = None,
) -> Survey:
    """What has to be explored for these policies; ``agreed`` are views that have to be among them.

    What the ``memory`` knows of a policy is not found out again.
    """
    wanted = Wanted(wanted) if isinstance(wanted, int) else wanted
    return _Surveyor(policies, wanted, agreed, memory or Memory()).survey()


class _Surveyor:
    """Finds the views of some policies."""

    def __init__(
        self, policies: Sequence[Policy], wanted: Wanted, agreed: Sequence[View], memory: Memory
    ) -> None:
        self._wanted, self._agreed = wanted, agreed
        self._named = names_of(policies)
        self._stage = Stage(self._named, wanted.hosts)
        self._routes: dict[tuple[int, Mail, tuple[str, ...]], tuple[Route, ...]] = {}
        self._origin: dict[int, Scene] = {}
        self._plan = Survey(tuple(policies), (), guarded=frozenset(self._named.guarded), memory=memory)
        memory.kept += policies
        for policy in policies:
            self._plan.gaps.update(memory.gaps.get(id(policy), {}))

    def survey(self) -> Survey:
        """All of it."""
        plan, named = self._plan, self._named
        tried = Messages(named, self._wanted.recipients, self._wanted.senders, self._course)
        mails = tried.all()
        scenes = [scene for mail in mails for scene in self._scenes_of(mail)]
        agreed = {scene_key(view.scene): view for view in self._agreed}
        locked = {key: self._again(view.scene) for key, view in agreed.items()}
        liked = {scene_key(one): self._again(one) for view in agreed.values() for one in view.also}
        every = (*scenes, *locked.values(), *liked.values())
        hosts = tuple(dict.fromkeys(host for scene in every for host in scene.addresses))
        chains = certificates((*hosts, *(name for name in named.hosts if name not in hosts)) or ("x",))
        own = {id(policy): replace(policy, chains=chains) for policy in plan.policies}
        self._routes = {
            (id(own[of]), mail, missing): routes for (of, mail, missing), routes in self._routes.items()
        }
        plan.known_as = {id(new): old for old, new in own.items()}
        plan.policies = tuple(own[id(policy)] for policy in plan.policies)
        staged = self._grouped(scenes)
        also = {id(one.scene): one.also for one in staged}
        staged = self._grouped(
            [scene for one in staged for scene in (one.scene, *self._stage.with_hosts(one.scene))]
        )
        found = []
        for one in staged:
            rest = [other for scene in (one.scene, *one.also) for other in (scene, *also.get(id(scene), ()))]
            found.append(Staged(one.scene, tuple(rest[1:])))
        found += [Staged(more) for one in staged for more in self._stage.with_more(one.scene)]
        if agreed:
            found = self._beside(found, agreed, locked, liked)
        kinds = tuple(
            dict.fromkeys((*kinds_of(plan.policies), *((one.kind, one.callout) for one in self._agreed)))
        )
        plan.views = tuple(
            View(one.scene, kind, one.also, callout)
            for one in found
            for kind, callout in kinds
            if kind == "delivery" or not (one.scene.beside or one.scene.notify)
        )
        plan.memory.watch.planned(len(plan.views) * len(plan.policies))
        self._origins(found, kinds)
        plan.sampled = tuple(named.sampled)
        routes = [
            (policy, route)
            for mail in mails
            for policy in plan.policies
            for route in self._routes_by(policy, mail)
        ]
        note(plan, named, routes, tried.untried, self._stage.beyond, self._wanted.hosts)
        return plan

    # ---- what was agreed on

    def _again(self, scene: Scene) -> Scene:
        """A scene that was agreed on, with the hosts that its mail goes to now."""
        mail = Mail(scene.recipient, scene.sender)
        return self._stage.again(scene, self._routes_of(mail, scene.missing))

    def _beside(
        self,
        found: Sequence[Staged],
        agreed: Mapping[Key, View],
        locked: Mapping[Key, Scene],
        liked: Mapping[Key, Scene],
    ) -> list[Staged]:
        """The scenes that were agreed on, what was like one of them and is not any more, and new ones."""
        result: list[Staged] = []
        apart: list[Staged] = []
        known: dict[Hashable, None] = {}
        for key, view in agreed.items():
            whole = self._whole(locked[key])
            known[whole] = None
            self._origin[id(locked[key])] = view.scene
            same: list[Scene] = []
            others: dict[Hashable, list[Scene]] = {}
            for one in (liked[scene_key(scene)] for scene in view.also):
                other = self._whole(one)
                (same if other == whole else others.setdefault(other, [])).append(one)
            result.append(Staged(locked[key], tuple(same)))
            apart += [Staged(first, tuple(rest)) for first, *rest in others.values()]
            for first, *_ in others.values():
                self._origin[id(first)] = view.scene
        known |= {self._whole(one.scene): None for one in apart}
        fresh = [one for one in found if self._whole(one.scene) not in known]
        return [*result, *apart, *fresh]

    def _whole(self, scene: Scene) -> Hashable:
        """What comes of a scene in all typical situations."""
        made = tuple(self._signature(scene, number) for number in self._stage.situations)
        return scene.beside, scene.notify, made

    def _origins(self, found: Sequence[Staged], kinds: Iterable[tuple[str, int]]) -> None:
        """Note for each view which one was agreed on in its place."""
        agreed = {(scene_key(view.scene), view.kind, view.callout): view for view in self._agreed}
        for one in found:
            if (was := self._origin.get(id(one.scene))) is None:
                continue
            for kind, callout in kinds:
                if (view := agreed.get((scene_key(was), kind, callout))) is not None:
                    self._plan.origins[View(one.scene, kind, callout=callout).name] = view

    def _routes_of(self, mail: Mail, missing: tuple[str, ...] = ()) -> list[Route]:
        every = (self._routes_by(policy, mail, missing) for policy in self._plan.policies)
        return [route for routes in every for route in routes]

    def _routes_by(self, policy: Policy, mail: Mail, missing: tuple[str, ...] = ()) -> tuple[Route, ...]:
        key = (id(policy), mail, missing)
        if key not in self._routes:
            if (gap := self._plan.patience_lost(policy)) is not None:
                return (Route(False, (), (), (), smtps=False, problem=gap),)
            begun = process_time()
            found = self._routes[key] = routes_of(policy, mail, self._stage.pool, missing, self._plan.located)
            own = self._plan.identity(policy)
            self._plan.memory.took(own, process_time() - begun)
            self._plan.memory.given_up[own] += any(route.given_up for route in found)
            self._plan.memory.has_taken(own, (router for route in found for router in route.routers))
            self._plan.add(policy, *(route.problem for route in found if route.problem is not None))
            self._plan.add(policy, *(gap for route in found for gap in route.unanswered))
            self._plan.add(policy, *self._plan.missing_files(policy))
        return self._routes[key]

    def _passed_on(self, mail: Mail) -> Iterator[tuple[tuple[str, ...], list[Route]]]:
        """The routes of a message; then those with the domain and the hosts before missing from the DNS."""
        missing: tuple[str, ...] = ()
        for _ in range(_TURNS):
            routes = self._routes_of(mail, missing)
            yield missing, routes
            found = [host for route in routes if not route.by_mx for host in route.hosts]
            more = [name for name in dict.fromkeys((mail.domain, *found)) if name not in missing]
            if not more:
                return
            missing = (*missing, *more)

    def _course(self, mail: Mail) -> Hashable:
        """What the routers of each policy make of a message, also where it is passed on."""
        return tuple(tuple(route.course for route in routes) for _, routes in self._passed_on(mail))

    def _scenes_of(self, mail: Mail) -> Iterator[Scene]:
        """The scene of a message, and those of the hosts that it is passed on to."""
        for missing, routes in self._passed_on(mail):
            scene = self._stage.scene(mail, routes, missing)
            if not missing or scene.addresses:
                yield scene

    # ---- which scenes are the same

    def _grouped(self, scenes: Sequence[Scene]) -> list[Staged]:
        return grouped(scenes, self._signature, self._stage.situations)

    def _signature(self, scene: Scene, number: int) -> Hashable:
        answered = () if number else self._answered(Mail(scene.recipient, scene.sender))
        return answered, tuple(self._of(policy, scene, number) for policy in self._plan.policies)

    def _answered(self, mail: Mail) -> Hashable:
        """What comes of a message by what it asks, if that makes a difference."""
        every = [self._routes_by(policy, mail) for policy in self._plan.policies]
        asks = any(len(routes) > 1 for routes in every)
        return tuple(tuple(route.course for route in routes) for routes in every) if asks else ()

    def _of(self, policy: Policy, scene: Scene, number: int) -> Hashable:
        """What one policy makes of a scene in a typical situation."""
        signatures = self._plan.memory.signatures
        key = (self._plan.known_as[id(policy)], lively(scene), number)
        if key not in signatures:
            answers, refused = typical(scene, number)
            if number and not refused and answers is TYPICAL[0]:
                return self._of(policy, scene, 0)
            choose = Typical(answers, refused)
            signatures[key] = tuple(
                signature_of(self._plan.result(policy, View(scene, kind, callout=callout), choose))
                for kind, callout in kinds_of([policy])[: 1 if number else None]
            )
        return signatures[key]


_PATIENCE = 3
"""So many runs of a policy are given up before no more are made."""
_TURNS = 4
"""So often a message is passed on for want of a host; what comes after that is not explored on its own."""
