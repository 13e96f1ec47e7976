"""The lock file: the outcomes that were agreed on, class by class of situations, as text for review.

    release 4.99
    hosts 1

    delivery to someone@destination.example by mx1.destination.example
    @4e1d MX of destination.example
      secure: @90c2
      insecure: @77aa
      NXDOMAIN | no data: failed, unreached

Each block is a question; an answer leads to another question or to an outcome. The first block of a view is
where it begins. The name of a block is made from its content, so that what has not changed is not in a diff.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b

from eximsim.errors import Gap, InputError
from eximsim.gate.diagram import Ask, End, Forest, Node, Way, combined, mapped
from eximsim.gate.outcome import essence, severity, standing
from eximsim.gate.report import Cause, Change, Group, Outcome, Report
from eximsim.gate.survey import Survey, View
from eximsim.status import Security

_HEAD = (
    "# Outcomes that were agreed on. Checked by: eximsim gate CONF --lock FILE",
    "# Changed by: eximsim gate CONF --lock FILE --accept [GROUP]",
)
_SECURITY: Mapping[Security | None, str] = {
    None: "nobody asked",
    **{one: one.name.lower() for one in Security},
}
_BY_WORD = {word: security for security, word in _SECURITY.items()}
_BLOCK = re.compile(r"(@[0-9a-f]+) (.+)")
_ANSWER = re.compile(r"  ([^:]+): (.+)")


@dataclass(frozen=True, slots=True)
class Lock:
    """What a lock file says: release, number of hosts, and the diagram of each view by its name."""

    release: str
    hosts: int
    views: Mapping[str, Way]


# ---- writing ---------------------------------------------------------------------------------------------


def written(lock: Lock) -> str:
    """The text of the lock file."""
    lines = [*_HEAD, f"release {lock.release}", f"hosts {lock.hosts}"]
    for name, way in lock.views.items():
        lines += ["", name, *_blocks(way.node)]
    return "\n".join(lines) + "\n"


def _blocks(node: Node) -> Iterator[str]:
    names: dict[int, str] = {}
    known: dict[str, str] = {}

    def name(one: Node) -> str:
        if isinstance(one, End):
            return _outcome_words(one.outcome)
        if id(one) not in names:
            text = "\n".join((one.axis, *_answers(one, name)))
            label = "@" + blake2b(text.encode(), digest_size=4).hexdigest()
            names[id(one)] = label
            known[label] = text
        return names[id(one)]

    first = name(node)
    if isinstance(node, End):
        yield f"  always: {first}"
        return
    for label in reversed(known):
        yield f"{label} {known[label]}"


def _answers(one: Ask, name: Callable[[Node], str]) -> Iterator[str]:
    """The lines of a block: answers that lead to the same stand together."""
    by_node: dict[str, list[str]] = {}
    for value, following in zip(one.values, one.ways, strict=True):
        by_node.setdefault(name(following.node), []).append(value)
    for label, values in by_node.items():
        yield f"  {' | '.join(values)}: {label}"


def _outcome_words(outcome: Outcome) -> str:
    words = [outcome.result]
    if outcome.result in ("delivered", "accepted"):
        words.append(_SECURITY[outcome.security])
    elif outcome.unreachable:
        words.append("unreached")
    if outcome.host:
        words.append(f"host {outcome.host}")
    return ", ".join(words)


# ---- reading ---------------------------------------------------------------------------------------------


def read_lock(text: str, path: str, forest: Forest) -> Lock:
    """The lock of a file's text; raises ``InputError`` with ``path`` and line."""
    facts: dict[str, str] = {}
    views: dict[str, Way] = {}
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if not line.startswith("#")]
    groups: list[list[tuple[int, str]]] = [[]]
    for number, line in lines:
        if line.strip():
            groups[-1].append((number, line))
        elif groups[-1]:
            groups.append([])
    for _, line in groups[0]:
        word, _, value = line.partition(" ")
        facts[word] = value
    if "release" not in facts or not facts.get("hosts", "").isdigit():
        raise InputError("expected the lines 'release' and 'hosts' of a lock file", path, 1)
    for group in groups[1:]:
        if group:
            views[group[0][1]] = _read_view(group[1:], path, group[0][0], forest)
    return Lock(facts["release"], int(facts["hosts"]), views)


def _read_view(lines: list[tuple[int, str]], path: str, start: int, forest: Forest) -> Way:
    blocks: dict[str, tuple[str, list[tuple[int, str, str]]]] = {}
    current: list[tuple[int, str, str]] = []
    for number, line in lines:
        if block := _BLOCK.fullmatch(line):
            current = []
            blocks[block[1]] = (block[2], current)
        elif answer := _ANSWER.fullmatch(line):
            current.append((number, answer[1], answer[2]))
        else:
            raise InputError(
                f"{line.strip()!r}; expected '@name axis' or '  value: what follows'", path, number
            )
    ways: dict[str, Way] = {}

    def way(label: str, number: int) -> Way:
        if not label.startswith("@"):
            return forest.end(_read_outcome(label, path, number))
        if label not in blocks:
            raise InputError(f"{label} is nowhere in this view", path, number)
        if label not in ways:
            axis, answers = blocks[label]
            values = tuple(value for _, words, _ in answers for value in words.split(" | "))
            following = [way(to, at) for at, words, to in answers for _ in words.split(" | ")]
            ways[label] = forest.ask(axis, values, tuple(following))
        return ways[label]

    if not blocks:
        if not current:
            raise InputError("a view without outcomes", path, start)
        return way(current[0][2], current[0][0])
    return way(next(iter(blocks)), start)


def _read_outcome(text: str, path: str, number: int) -> Outcome:
    result, *words = text.split(", ")
    outcome = Outcome(result)
    for word in words:
        if word in _BY_WORD:
            outcome = replace(outcome, security=_BY_WORD[word])
        elif word == "unreached":
            outcome = replace(outcome, unreachable=True)
        elif word.startswith("host "):
            outcome = replace(outcome, host=word.removeprefix("host "))
        else:
            raise InputError(f"outcome {text!r}; do not know {word!r}", path, number)
    return outcome


# ---- checking --------------------------------------------------------------------------------------------


def current(plan: Survey, release: str, hosts: int) -> Lock:
    """The outcomes of the surveyed policy, ready to be locked."""
    (policy,) = plan.policies
    found = {view.name: mapped(plan.forest, plan.diagram(policy, view), essence) for view in plan.views}
    return Lock(release, hosts, found)


def check(agreed: Lock, found: Lock, plan: Survey, path: str, conf: str) -> Report:
    """Where the found outcomes are not those that were agreed on, grouped by what became of what."""
    changes: dict[str, list[Change]] = {}
    gaps = dict(plan.gaps)
    for name in (*agreed.views, *found.views):
        if (name in agreed.views) != (name in found.views):
            what = "locked and not met any more" if name in agreed.views else "not in the lock file"
            gaps[Gap(f"{name}: {what}", path)] = None
    for view in plan.views:
        if view.name in agreed.views:
            for change in _changes(agreed.views[view.name], found.views[view.name], view):
                changes.setdefault(group_name(change.before, change.after), []).append(change)
    groups = [_group(name, members, path) for name, members in changes.items()]
    ordered = sorted(groups, key=lambda group: (group.severity.rank, group.name))
    return Report(path, conf, tuple(ordered), plan.size, plan.runs, tuple(plan.left_out), tuple(gaps))


def _changes(before: Way, after: Way, view: View) -> Iterator[Change]:
    from eximsim.gate.compare import change_of
    from eximsim.gate.differences import differences

    for one in differences(before, after, view.scene.size):
        yield change_of(view, one)


def group_name(before: Outcome, after: Outcome) -> str:
    """What ``--accept`` calls a change: ``dane-to-clear``, ``held-to-clear``."""
    return f"{standing(before).name.lower()}-to-{standing(after).name.lower()}"


def _group(name: str, changes: list[Change], path: str) -> Group:
    ordered = sorted(changes, key=lambda one: (one.severity.rank, len(one.situation), -one.size))
    before, after = standing(ordered[0].before), standing(ordered[0].after)
    text = f"Agreed was: {before.value}. Found: {after.value}."
    return Group((Cause(name, path, text),), ordered[0].severity, tuple(ordered))


def accepted(agreed: Lock, found: Lock, plan: Survey, groups: frozenset[str] | None) -> Lock:
    """The lock with what was found in place of what was agreed on, for these groups (None: for all)."""
    if groups is None:
        return found

    def pick(before: Outcome, after: Outcome) -> Outcome:
        changed = severity(before, after) is not None and group_name(before, after) in groups
        return after if changed else before

    views = {
        name: combined(plan.forest, agreed.views[name], way, pick) if name in agreed.views else way
        for name, way in found.views.items()
    }
    return Lock(agreed.release, agreed.hosts, views)
