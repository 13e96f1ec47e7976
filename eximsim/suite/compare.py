"""The model against a recording: which fields agree, what differs, and which differences are explained."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from math import factorial, prod
from types import MappingProxyType
from typing import Protocol

from eximsim.errors import Unsupported
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.transports.smtp_decisions import EHLO_REFUSED
from eximsim.mta.transports.tls_settings import UNUSABLE_TLSA
from eximsim.mta.verify.verify_decisions import CALLOUT_DANE_FAILED, Context
from eximsim.profiles import CalloutDaneFailure, Profile, UnusableTlsa
from eximsim.quick_dataclass import dataclass
from eximsim.suite.recording import Record, Seen, Situation
from eximsim.suite.replay import Replayed

FIELDS = ("outcome", "log", "smtp", "servers", "dns", "queued")
"""What is compared of each run."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the model's run compares with one record.

    ``result`` is ``"agree"``, ``"differ"``, ``"explained"`` or ``"unsupported"``; ``rule`` names the rule
    that explains a difference, or what is not modelled. ``fields`` tells for each field whether it agrees.
    """

    record: Record
    result: str
    fields: Mapping[str, bool] = field(default_factory=dict)
    rule: str = ""
    replayed: Replayed | None = None

    def as_json(self) -> dict[str, object]:
        """The comparison as the command line prints it."""
        record = self.record
        return {
            "id": record.id,
            "release": record.release,
            "kind": record.kind,
            "result": self.result,
            "fields": dict(self.fields),
            "rule": self.rule,
        }


class Replays(Protocol):
    """What runs a situation, to be compared with a record: the model's ``Stand``."""

    def replay(
        self, situation: Situation, kind: str, profile: Profile, seed: int = 0, later: int | None = None
    ) -> Replayed:
        """One run; may raise ``Unsupported`` and ``UndefinedBehaviour``."""


def compare_one(
    record: Record,
    situation: Situation,
    stand: Replays,
    profile: Profile,
    seeds: int = 12,
    *,
    any_build: bool = False,
) -> Comparison:
    """Run the situation on the model and compare it with what was recorded.

    Where Exim chooses by chance, at most so many ``seeds`` are tried. With ``any_build`` the record is of a
    program that another compiler may have built than those in the project's recordings (``OF_A_BUILD``).
    """
    try:
        replayed = stand.replay(situation, record.kind, profile)
    except Unsupported as item:
        return Comparison(record, "unsupported", rule=item.item)
    except UndefinedBehaviour as reason:
        return Comparison(record, "explained", rule=f"undefined: {reason}")
    fields: Mapping[str, bool] = _agreement(record, replayed)
    if all(fields.values()):
        return Comparison(record, "agree", fields, replayed=replayed)
    nearest = _by_chance(record, situation, stand, profile, seeds)
    if nearest is not None and nearest.result in ("explained", "undefined"):
        return replace(nearest, result="explained")
    if nearest is not None and nearest.replayed is not None:
        fields, replayed = nearest.fields, nearest.replayed
    for name, holds in OF_A_BUILD.items() if any_build else ():
        if holds(profile, replayed):
            return Comparison(record, "explained", fields, f"undefined: {name}", replayed)
    return Comparison(record, "differ", fields, replayed=replayed)


def _by_chance(
    record: Record, situation: Situation, stand: Replays, profile: Profile, seeds: int
) -> Comparison | None:
    """The run of another seed that comes nearest to the record, where Exim chooses by chance.

    A queue run has a seed of its own, for which a seed is kept that gives the first run.
    """
    tried = range(1, min(seeds, _SEEDS_A_CHOICE * (choices(situation) - 1) + 1))
    nearest: Comparison | None = None
    kept: int | None = None
    for seed in tried:
        found = _with_seed(record, situation, stand, profile, seed, None)
        nearest = _nearer(nearest, found)
        if nearest.result == "explained":
            return nearest
        if situation.queuerun and found.replayed is not None and _first_agrees(record, found.replayed):
            kept = seed
            break
    for later in tried if kept is not None else ():
        nearest = _nearer(nearest, _with_seed(record, situation, stand, profile, kept or 0, later))
        if nearest.result == "explained":
            break
    return nearest


def _with_seed(
    record: Record, situation: Situation, stand: Replays, profile: Profile, seed: int, later: int | None
) -> Comparison:
    try:
        replayed = stand.replay(situation, record.kind, profile, seed, later)
    except Unsupported as item:
        return Comparison(record, "unsupported", rule=item.item)
    except UndefinedBehaviour as reason:
        return Comparison(record, "undefined", rule=f"undefined: {reason}")
    fields = _agreement(record, replayed)
    name = f"{CHANCE} (seed {seed})" if later is None else f"{CHANCE} (seeds {seed}, {later})"
    result = "explained" if all(fields.values()) else "differ"
    return Comparison(record, result, fields, name, replayed)


def _first_agrees(record: Record, replayed: Replayed) -> bool:
    return all(_agreement(replace(record, queuerun=None), replace(replayed, queuerun=None)).values())


_NEARNESS = ("unsupported", "differ", "undefined", "explained")


def _nearer(one: Comparison | None, two: Comparison) -> Comparison:
    """The run that says more about the record; of two that differ from it, the one with more that agrees."""

    def nearness(found: Comparison) -> tuple[int, int]:
        return _NEARNESS.index(found.result), sum(found.fields.values())

    return two if one is None or nearness(two) > nearness(one) else one


CHANCE = "order-by-chance"
"""The rule for hosts or addresses between which Exim chooses by chance: another seed gives the record."""

RESTLESS = "the program did what the model does when it was asked again"
"""The rule for a difference that is gone when the program is asked again."""

LOTS = 10
"""So often a program is asked that is said to choose by chance: one in 1,000 that do is not believed."""


def alike(one: Record, two: Record) -> bool:
    """Whether a program did the same in two runs of a situation."""
    runs = [(one.seen, two.seen)]
    if one.queuerun is not None and two.queuerun is not None:
        runs.append((one.queuerun, two.queuerun))
    same = all(_field(a, name) == _field(b, name) for a, b in runs for name in _SEEN)
    return same and one.outcome == two.outcome


_SEEN = ("log", "smtp", "servers", "dns", "queued")

_SEEDS_A_CHOICE = 8
"""So many seeds for each order that is possible: one in 3,000 situations misses one that is there."""


def choices(situation: Situation) -> int:
    """How many orders of hosts and addresses Exim chooses between by chance in one run, at most.

    It chooses anew for each recipient that is routed.
    """
    orders = 1
    for entry in situation.zone:
        data = entry.get("data")
        if not isinstance(data, list) or len(data) < 2:
            continue
        if entry.get("type") in ("A", "AAAA"):
            orders *= factorial(len(data)) ** len(situation.recipients)
        if entry.get("type") == "MX":
            equal = Counter(preference for preference, _ in data)
            orders *= prod(map(factorial, equal.values())) ** _routed(situation, entry)
    return orders


def _routed(situation: Situation, entry: Mapping[str, object]) -> int:
    """How often the MX records of a zone entry are asked for in one run: by each recipient of the domain."""
    names = [recipient.partition("@")[2] for recipient in situation.recipients]
    return names.count(str(entry.get("name"))) or len(names)


def _agreement(record: Record, replayed: Replayed) -> dict[str, bool]:
    pairs = [(record.seen, replayed.seen)]
    if record.queuerun is not None and replayed.queuerun is not None:
        pairs.append((record.queuerun, replayed.queuerun))
    fields = {
        "outcome": record.outcome == replayed.outcome,
        "log": all(shown_log(real.log) == shown_log(ours.log) for real, ours in pairs),
        "smtp": all(real.smtp == ours.smtp for real, ours in pairs),
        "servers": all(list(real.servers) == list(ours.servers) for real, ours in pairs),
        "dns": all(real.dns == ours.dns for real, ours in pairs),
        "queued": all(real.queued == ours.queued for real, ours in pairs),
    }
    if (record.queuerun is None) != (replayed.queuerun is None):
        fields["log"] = False
    return fields


_LIBRARY_TEXT = re.compile(
    r"(\((?:SSL_connect|gnutls_handshake)\): )error:[0-9A-F]{8}:[^,]*?(?=: delivering|: callout|$)"
)
_BACKTRACE = re.compile(r"^(?:PANIC: )?(?:M\d+ )?(?:backtrace|---|  at .*|\t\S+\(\S*\) \[A\])$")


def shown_log(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Log lines as they are compared: the library's own error text and a crash's back-trace left aside."""
    return tuple(_LIBRARY_TEXT.sub(r"\1<library>", line) for line in lines if not _BACKTRACE.match(line))


def _reads_unset_text(profile: Profile, replayed: Replayed) -> bool:
    never_set = profile.unusable_tlsa in (UnusableTlsa.NULL_TEXT, UnusableTlsa.EMPTY_TEXT)
    return never_set and _decided(replayed, UNUSABLE_TLSA.name)


def _reads_unset_context(profile: Profile, replayed: Replayed) -> bool:
    stale = profile.callout_dane_failure is CalloutDaneFailure.STALE_CONTEXT
    return stale and _decided(replayed, CALLOUT_DANE_FAILED.name, context=Context.FRESH.value)


def _copies_over_itself(profile: Profile, replayed: Replayed) -> bool:
    return profile.helo_copy_overlaps and _decided(
        replayed, EHLO_REFUSED.name, command="HELO", **{"a whole reply": True}
    )


def _decided(replayed: Replayed, rule: str, **inputs: object) -> bool:
    return any(step.rule == rule and inputs.items() <= step.inputs.items() for step in replayed.trace)


OF_A_BUILD: Mapping[str, Callable[[Profile, Replayed], bool]] = MappingProxyType(
    {
        "the text of a TLS error that was never set is read, in a build of its own": _reads_unset_text,
        "the context of a callout is used before it is set, in a build of its own": _reads_unset_context,
        "a reply is copied over itself, in a build of its own": _copies_over_itself,
    }
)
"""What Exim reads before anything has set it, or leaves to the C library: what comes of it is the same in all
runs of one build, and the model has what came of it in the recorded builds. ``docs/differences.md`` has the
reasons."""


def _field(seen: Seen, name: str) -> list[object]:
    """A field of a run, item by item, as it is compared."""
    if name == "log":
        return list(shown_log(seen.log))
    if name == "servers":
        return [server.as_json() for server in seen.servers]
    if name == "queued":
        return [seen.queued]
    return list(getattr(seen, name))


Words = tuple[str, str]
MODELLED: Words = ("recorded", "modelled")
"""What the two sides of a comparison are called."""


def differences(real: Seen, ours: Seen, words: Words = MODELLED) -> list[str]:
    """The first lines that differ, field by field."""
    lines = []
    for name in ("log", "smtp", "servers", "dns"):
        was, now = _field(real, name), _field(ours, name)
        if was == now:
            continue
        for number in range(max(len(was), len(now))):
            one = was[number] if number < len(was) else None
            two = now[number] if number < len(now) else None
            if one != two:
                lines += [f"{name} {words[0]}: {one}", f"{name} {words[1]}: {two}"]
                break
    if real.queued != ours.queued:
        lines.append(f"queued {words[0]}: {real.queued} {words[1]}: {ours.queued}")
    return lines
