"""The lock: outcomes that were agreed on, compared with what happens now to the same mail.

What was explored when the lock was made is explored again, whatever the configuration names by now: who has
lost a router or a list shows as mail that goes another way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from eximsim.errors import Gap
from eximsim.explore.vocabulary import asked_of
from eximsim.gate.diagram import End, Forest, Way, combined, mapped
from eximsim.gate.everyday import agreed_everyday
from eximsim.gate.explore_policies import Survey
from eximsim.gate.hunks import hunks_of
from eximsim.gate.lattice import Scene
from eximsim.gate.lock_text import Lock, digests
from eximsim.gate.outcome import essence, severity, standing
from eximsim.gate.report import Cause, Change, Group, Mail, Outcome, Report
from eximsim.gate.unseen import changed_unseen, unseen_of
from eximsim.gate.views import View
from eximsim.mta.base.string import from_octets
from eximsim.quick_dataclass import dataclass
from eximsim.suite.policy import Policy

_MOST_LINES = 8
"""So many changed lines are told."""


def current(plan: Survey, release: str, hosts: int) -> Lock:
    """The outcomes of the surveyed policy, ready to be locked."""
    (policy,) = plan.policies
    found = {view.name: mapped(plan.forest, plan.diagram(policy, view), essence) for view in plan.views}
    plan.note_undelivered(plan.policies, plan.views)
    views = {view.name: view for view in plan.views}
    asked = [path for view in plan.views for path in plan.explored(policy, view).files]
    files, tls = _files(policy, asked), policy.profile.tls_library
    unseen = unseen_of(policy, plan.taken_by(policy))
    return Lock(release, hosts, found, views, files, tuple(plan.sampled), tls, unseen)


def _files(policy: Policy, asked: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The digests of all files that were read, also in explorations that were made before."""
    paths = dict.fromkeys((*policy.config.files, *policy.files.found, *asked))
    return {
        path: digests(from_octets(content).splitlines())
        for path in paths
        if (content := policy.files.content(path)) is not None
    }


@dataclass(frozen=True, slots=True)
class Locked:
    """What was agreed on for a view of today: the name that it had, and its outcomes in today's names."""

    name: str
    way: Way


def agreed_for(agreed: Lock, plan: Survey) -> dict[str, Locked]:
    """What was agreed on for each view of the survey, by the view's name; a view without it is new."""
    found: dict[str, Locked] = {}
    for view in plan.views:
        origin = plan.origins.get(view.name)
        if origin is not None and origin.name in agreed.ways:
            way = agreed.ways[origin.name]
            names = _renamed(origin.scene, view.scene)
            found[view.name] = Locked(origin.name, _in_names(plan.forest, way, names) if names else way)
    return found


def _renamed(was: Scene, now: Scene) -> dict[str, str]:
    """How the names of one scene are called in another that was like it."""
    pairs = ((was.domain, now.domain), *zip(was.addresses, now.addresses, strict=False))
    return {old: new for old, new in pairs if old != new}


def _in_names(forest: Forest, way: Way, names: Mapping[str, str]) -> Way:
    """A diagram in which hosts and domains have other names."""
    made: dict[int, Way] = {}

    def copy(one: Way) -> Way:
        node = one.node
        if id(node) not in made:
            if isinstance(node, End):
                host = names.get(node.outcome.host, node.outcome.host)
                made[id(node)] = forest.end(replace(node.outcome, host=host))
            else:
                what, subject = asked_of(node.axis)
                axis = f"{what} of {names.get(subject, subject)}"
                made[id(node)] = forest.ask(axis, node.values, tuple(map(copy, node.ways)))
        return made[id(node)]

    return copy(way)


# ---- checking --------------------------------------------------------------------------------------------


def check(agreed: Lock, found: Lock, plan: Survey, path: str, conf: str) -> Report:
    """Where the found outcomes are not those that were agreed on, grouped by what became of what."""
    changes: dict[str, list[Change]] = {}
    gaps = dict(plan.gaps)
    known = agreed_for(agreed, plan)
    met = {one.name for one in known.values()}
    if not agreed.ways:
        gaps[Gap("the lock holds nothing", path, "--accept makes it anew")] = None
    for name in agreed.ways:
        if name not in met:
            gaps[Gap(f"{name}: locked and not met any more", path, "--accept makes the lock anew")] = None
    for view in plan.views:
        if view.name not in known:
            gaps[Gap(f"{view.name}: not in the lock file", path, "--accept adds it")] = None
        else:
            for change in _changes(known[view.name].way, found.ways[view.name], view):
                changes.setdefault(group_name(change.before, change.after), []).append(change)
    lines = changed_lines(agreed, found)
    for name in agreed.sampled:
        if place := next((line for line in lines if line.startswith(f"{name}:")), ""):
            what = f"{name} has changed, and only a sample of its entries is locked"
            gaps[Gap(what, place.partition(" ")[0], "--git compares all of it")] = None
    if agreed.unseen is not None:
        gaps |= dict.fromkeys(changed_unseen(agreed.unseen, found.unseen or (), lines))
    elif lines:
        what = "the lock does not say what was not explored when it was made"
        gaps[Gap(what, lines[0].partition(" ")[0], "--accept makes it anew")] = None
    built = changed_build(agreed, found)
    groups = [_group(name, members, path, lines, built) for name, members in changes.items()]
    ordered = sorted(groups, key=lambda group: (group.severity.rank, group.name))
    return Report(
        path, conf, tuple(ordered), plan.size, plan.runs, tuple(plan.left_out), tuple(gaps),
        everyday=everyday(agreed, found, plan),
    )  # fmt: skip


def everyday(agreed: Lock, found: Lock, plan: Survey) -> tuple[Mail, ...]:
    """What was agreed on for everyday mail, and what happens to it now."""
    known = agreed_for(agreed, plan)
    return agreed_everyday(
        plan, {name: (locked.way, found.ways[name]) for name, locked in known.items() if name in found.ways}
    )


def changed_lines(agreed: Lock, found: Lock) -> list[str]:
    """The lines that are not as they were when the lock was made: ``exim.conf:12``, ``exim.conf:9 (gone)``.

    The files are in the order in which they were read.
    """
    lines: list[str] = []
    for name in dict.fromkeys((*agreed.files, *found.files)):
        was, now = agreed.files.get(name), found.files.get(name)
        if was is None or now is None:
            lines.append(f"{name}:1 ({'new' if was is None else 'gone'})")
            continue
        hunks = hunks_of(name, name, was, now)
        lines += (hunk.where if hunk.come else f"{hunk.where} (gone)" for hunk in hunks)
    return lines


def changed_build(agreed: Lock, found: Lock) -> list[str]:
    """What is another program than when the lock was made, a sentence each: its release, its TLS library."""
    pairs = (("release", agreed.release, found.release), ("TLS library", agreed.tls, found.tls))
    return [f"The {what} was {was} and is {now}." for what, was, now in pairs if was != now and was and now]


def _changes(before: Way, after: Way, view: View) -> Iterator[Change]:
    from eximsim.gate.compare import change_of
    from eximsim.gate.differences import differences

    for one in differences(before, after, view.scene.size):
        yield change_of(view, one)


def group_name(before: Outcome, after: Outcome) -> str:
    """What ``--accept`` calls a change: ``dane-to-clear``, ``held-to-clear``."""
    return f"{standing(before).name.lower()}-to-{standing(after).name.lower()}"


def _group(name: str, changes: list[Change], path: str, lines: Sequence[str], built: Sequence[str]) -> Group:
    ordered = sorted(changes, key=lambda one: (one.severity.rank, len(one.situation), -one.size))
    before, after = standing(ordered[0].before), standing(ordered[0].after)
    text = " ".join((f"Agreed was: {before.value}. Found: {after.value}.", *built))
    where = path
    if lines:
        where = lines[0].partition(" ")[0]
        more = f" and {len(lines) - _MOST_LINES} more" if len(lines) > _MOST_LINES else ""
        text += f" Lines changed since the lock was made: {', '.join(lines[:_MOST_LINES])}{more}."
    return Group((Cause(name, where, text),), ordered[0].severity, tuple(ordered))


def accepted(agreed: Lock, found: Lock, plan: Survey, groups: frozenset[str]) -> Lock:
    """The lock with what was found in place of what was agreed on, for these groups.

    What is not in the lock stays out of it.
    """

    def pick(before: Outcome, after: Outcome) -> Outcome:
        changed = severity(before, after) is not None and group_name(before, after) in groups
        return after if changed else before

    known = agreed_for(agreed, plan)
    ways = {
        view.name: combined(plan.forest, known[view.name].way, found.ways[view.name], pick)
        for view in plan.views
        if view.name in known
    }
    views = {name: found.views[name] for name in ways}
    return replace(agreed, ways=ways, views=views, files=found.files, sampled=found.sampled)
