"""The model against a recording of scenarios: which fields agree, and what differs first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import takewhile
from random import Random

from eximsim.errors import Unsupported
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.quick_dataclass import dataclass
from eximsim.suite.compare import CHANCE, MODELLED, Words, shown_log
from eximsim.suite.scenario_records import FIELDS, Done, ScenarioRecord
from eximsim.suite.scenario_replay import Lots, ScenarioStand, named_each_time
from eximsim.suite.scenarios import Scenario

SIDE_BY_SIDE = "side-by-side"
"""The rule for deliveries that go on at the same time: only their order differs.

The lines of one message are in order, too, unless its own batches went out at the same time.
"""

SIZE_OF_REPORT = "size-of-a-report"
"""The rule for SIZE= of a report (a bounce): its boundary has digits that are drawn at random."""

_TRIES = 200
"""So often lots are drawn again without coming nearer to the record, unless the scenario says otherwise."""


@dataclass(frozen=True, slots=True)
class ScenarioComparison:
    """How the model's runs compare with one record.

    ``result`` is ``"agree"``, ``"differ"``, ``"explained"`` or ``"unsupported"``; ``rule`` names what
    explains a difference, or what is not modelled. ``fields`` tells of each field that is compared whether it
    agrees in all runs; ``lines`` shows where each first differs. ``by_chance``: the model had to draw other
    lots than its own.
    """

    record: ScenarioRecord
    result: str
    fields: Mapping[str, bool] = field(default_factory=dict)
    rule: str = ""
    lines: tuple[str, ...] = ()
    by_chance: bool = False

    def as_json(self) -> dict[str, object]:
        """The comparison as the command line prints it."""
        record = self.record
        return {
            "id": record.id, "release": record.release, "tls": record.tls, "result": self.result,
            "fields": dict(self.fields), "rule": self.rule, "lines": list(self.lines),
        }  # fmt: skip


def compare_scenario(
    record: ScenarioRecord, scenario: Scenario, stand: ScenarioStand, words: Words = MODELLED
) -> ScenarioComparison:
    """Give the scenario's commands to the model and compare what comes of them with what was recorded.

    Where Exim draws lots, others are tried until the command does what was recorded.
    """
    names = [name for name in FIELDS if name not in record.unstable]
    try:
        found = _luckiest(record, scenario, stand, names)
    except Unsupported as item:
        return ScenarioComparison(record, "unsupported", rule=str(item).removeprefix("not modelled: "))
    except UndefinedBehaviour as reason:
        return ScenarioComparison(record, "explained", rule=f"undefined: {reason}")
    pairs = list(zip(record.runs, found.runs, strict=False))
    whole = len(record.runs) == len(found.runs)
    fields = {name: whole and all(agrees(name, *pair) for pair in pairs) for name in names}
    if not whole or found.disagreeing is not None:
        return ScenarioComparison(record, "differ", fields, "", tuple(_differences(pairs, names, words)))
    rule = next(filter(None, found.rules), CHANCE if found.by_chance else "")
    return ScenarioComparison(
        record, "explained" if rule else "agree", fields, rule, by_chance=found.by_chance
    )


def _luckiest(
    record: ScenarioRecord, scenario: Scenario, stand: ScenarioStand, names: Sequence[str]
) -> _Played:
    """What the model does with the lots that come nearest to the record.

    Some lots of the command that differs first are drawn anew; what comes no less near is kept. Raises
    ``Unsupported`` and ``UndefinedBehaviour`` if that is what comes of the first lots, or of others where
    none lead to the record.
    """
    best = _play(record, scenario, stand, (), names)
    limit = _TRIES if scenario.seeds is None else scenario.seeds
    dice, elsewhere, tries = Random(0), None, 0
    while (at := best.disagreeing) is not None and best.drawn[at] and tries < limit:
        tries += 1
        anew = Lots(dice.getrandbits(32), _with_a_hole(best.drawn[at], dice))
        lots = [*(Lots(0, drawn) for drawn in best.drawn[:at]), anew]
        try:
            found = _play(record, scenario, stand, lots, names)
        except (Unsupported, UndefinedBehaviour) as reason:
            elsewhere = reason
            continue
        if found.nearness > best.nearness:
            tries = 0
        if found.nearness >= best.nearness:
            best, best.by_chance = found, True
    if best.disagreeing is not None and elsewhere is not None:
        raise elsewhere
    return best


_FROM_NOBODY = re.compile(r"(MAIL FROM:<> SIZE=|^ *\d+[mhd] +(?=\d+ \S+ <>))(\d+)")
"""The size of a message from <>: in the command for it, or in a list of the queue."""

_BOUNDARIES = 120
"""Octets that the boundaries of a report, and of one inside it, can be shorter than in the model at most."""


def _with_sizes(real: Done, ours: Done) -> tuple[Done, Done]:
    """The two with the program's sizes of messages from <>, where they can be those of the same report."""

    def sizes(done: Done) -> list[int]:
        events = (str(event) for server in done.servers for event in _events(server))
        texts = [*done.log, *done.stdout, *events]
        return [int(size) for text in texts for _, size in _FROM_NOBODY.findall(text)]

    theirs, mine = sizes(real), sizes(ours)
    pairs = list(zip(theirs, mine, strict=False))
    near = len(theirs) == len(mine) and all(0 <= ours - size <= _BOUNDARIES for size, ours in pairs)
    return (_sizeless(real), _sizeless(ours)) if near else (real, ours)


def _events(server: Mapping[str, object]) -> Sequence[object]:
    events = server.get("events", ())
    return events if isinstance(events, Sequence) else ()


def _sizeless(done: Done) -> Done:
    def without(texts: Iterable[object]) -> list[str]:
        return [_FROM_NOBODY.sub(r"\1N", str(text)) for text in texts]

    servers = tuple({**one, "events": without(_events(one))} for one in done.servers)
    return replace(done, log=tuple(without(done.log)), stdout=tuple(without(done.stdout)), servers=servers)


def _with_a_hole(drawn: tuple[int, ...], dice: Random) -> list[int | None]:
    start = dice.randrange(len(drawn))
    end = dice.randint(start + 1, len(drawn))
    return [None if start <= at < end else lot for at, lot in enumerate(drawn)]


@dataclass(slots=True)
class _Played:
    """What the model did, the lots that each command drew, and the first command that does not agree.

    ``rules`` tells of each command what explains how it differs; None if nothing does, empty if it does not.
    ``nearness`` grows with what agrees: the commands before that one, then how far its own fields go along.
    """

    runs: list[Done] = field(default_factory=list)
    rules: list[str | None] = field(default_factory=list)
    drawn: list[tuple[int, ...]] = field(default_factory=list)
    disagreeing: int | None = None
    nearness: tuple[int, int] = (0, 0)
    by_chance: bool = False


def _play(
    record: ScenarioRecord,
    scenario: Scenario,
    stand: ScenarioStand,
    lots: Sequence[Lots],
    names: Sequence[str],
) -> _Played:
    play = stand.play(scenario, record.profile, lots, [done.began for done in record.runs])
    found = _Played()
    for number, (done, real) in enumerate(zip(play, record.runs, strict=False)):
        found.runs.append(done)
        found.drawn.append(play.drawn)
        found.rules.append(_rule(names, real, done, beside=play.side_by_side, abreast=play.abreast))
        if found.rules[-1] is None and found.disagreeing is None:
            found.disagreeing = number
            found.nearness = (number, sum(_same_at_first(name, real, done) for name in names))
    if found.disagreeing is None:
        found.nearness = (len(record.runs), 0)
    return found


def _rule(names: Sequence[str], real: Done, ours: Done, *, beside: bool, abreast: bool) -> str | None:
    """What explains how a command's fields differ; empty if they do not, None if nothing does."""
    if all(agrees(name, real, ours) for name in names):
        return ""
    if beside and _agrees_but_for_order(names, real, ours, abreast=abreast):
        return SIDE_BY_SIDE
    sized = _with_sizes(real, ours)
    return SIZE_OF_REPORT if all(agrees(name, *sized) for name in names) else None


def _same_at_first(name: str, real: Done, ours: Done) -> int:
    """How many items of a field are the same before the first that is not."""
    pairs = zip(_as_list(name, real), _as_list(name, ours), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _agrees_but_for_order(names: Sequence[str], real: Done, ours: Done, *, abreast: bool) -> bool:
    """Whether all is the same with each message's log lines by themselves, and the rest in any order.

    With ``abreast`` these lines may be in any order, too.
    """
    if abreast and "log" in names and Counter(_log(real)) != Counter(_log(ours)):
        return False
    others = [name for name in names if name != "log" or not abreast]
    return all(_in_any_order(name, real) == _in_any_order(name, ours) for name in others)


def _in_any_order(name: str, done: Done) -> object:
    if name == "log":
        lines: dict[str, list[str]] = {}
        for line in _log(done):
            found = _SUBJECT.match(line)
            lines.setdefault(found[0] if found else "", []).append(line)
        return lines
    value = getattr(done, name)
    return Counter(map(repr, value)) if name in ("servers", "dns", "messages", "stdout") else value


_SUBJECT = re.compile(r"(?:[A-Z]+: )?(?:M\d+ |(?:Start|End) queue run: )")


def agrees(name: str, real: Done, ours: Done) -> bool:
    """Whether a field is the same for both, but for what is another each time."""
    if name == "log":
        return _log(real) == _log(ours)
    if name == "servers":
        return [_timeless(one) for one in real.servers] == [_timeless(one) for one in ours.servers]
    if name == "messages":
        return list(_legible(real.messages)) == list(_legible(ours.messages))
    return bool(getattr(real, name) == getattr(ours, name))


def _legible(messages: Sequence[str]) -> Iterator[str]:
    """The messages without what a client wrote for a TLS session that the server did not have.

    It begins with the octets of a TLS record, and the rest is encrypted.
    """
    encrypted = first = False
    for line in messages:
        if not line.startswith("  "):
            encrypted, first = False, True
        elif first:
            encrypted, first = line.startswith("  <BINARY>"), False
        if not encrypted:
            yield line


_RANDOM = re.compile(r"-\d{10}-testing@")
"""The end of a callout's random local part: the time."""


def _timeless(server: Mapping[str, object]) -> dict[str, object]:
    return {**server, "events": [_RANDOM.sub("-TIME-testing@", str(event)) for event in _events(server)]}


_ARGUMENTS = re.compile(r"cwd=.* \d+ args: ")
"""What each process logs for log_selector's word ``arguments``: it tells of whoever gave the command."""

_STAMP = re.compile(r"^((?:[A-Z]+: )?)(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} )?(?:[+-]\d{4} )?(?:\[\d+\] )?")
"""What of a line's beginning the words ``millisec`` and ``pid`` change."""
_DURATION = re.compile(r"(?<= )((?:QT|DT|RT|D)=)[\d.]+s")
_OWN_PORT = re.compile(r"(?<= )(I=\[[^]]*\]):?\d+")
_DELIVERY = re.compile(r"M\d+ (?:[=-]>|>>|==|\*\*) ")
"""A line of a delivery; of our end of a call it has the port that the machine chose."""


def _log(done: Done) -> tuple[str, ...]:
    lines = map(_timed, shown_log(done.log))
    return tuple(
        _RANDOM.sub("-TIME-testing@", named_each_time(line)) for line in lines if not _ARGUMENTS.match(line)
    )


def _timed(line: str) -> str:
    """The line without its process and our port, and where it shows milliseconds, without times."""
    if _DELIVERY.search(line):
        line = _OWN_PORT.sub(r"\1", line)
    stamp = _STAMP.match(line)
    if stamp is None or stamp.end() == stamp.end(1):
        return line
    line = stamp[1] + line[stamp.end() :]
    return _OWN_PORT.sub(r"\1", _DURATION.sub(r"\1T", line)) if stamp[2] else line


def _differences(pairs: Sequence[tuple[Done, Done]], names: Sequence[str], words: Words) -> Iterator[str]:
    """The first line that differs, for each field of each run."""
    for number, (real, ours) in enumerate(pairs, 1):
        for name in names:
            if agrees(name, real, ours):
                continue
            was, now = (_as_list(name, one) for one in (real, ours))
            at = next(at for at in range(max(len(was), len(now)) + 1) if was[at : at + 1] != now[at : at + 1])
            yield f"run {number} {name} {words[0]}: {_at(was, at)}"
            yield f"run {number} {name} {words[1]}: {_at(now, at)}"


def _as_list(name: str, done: Done) -> list[object]:
    value = _log(done) if name == "log" else getattr(done, name)
    return list(value) if isinstance(value, tuple) else [value]


def _at(values: list[object], at: int) -> object:
    return values[at] if at < len(values) else "(nothing)"
