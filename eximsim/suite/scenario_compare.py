"""The model against a recording of scenarios: which fields agree, and what differs first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from eximsim.errors import Unsupported
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.suite.compare import CHANCE, MODELLED, Words, shown_log
from eximsim.suite.scenario_records import FIELDS, Done, ScenarioRecord
from eximsim.suite.scenario_replay import ScenarioStand, named_each_time
from eximsim.suite.scenarios import Scenario

_SEEDS = 24
"""So many seeds are tried for a command in which Exim draws lots, unless the scenario says otherwise."""


@dataclass(frozen=True, slots=True)
class ScenarioComparison:
    """How the model's runs compare with one record.

    ``result`` is ``"agree"``, ``"differ"``, ``"explained"`` or ``"unsupported"``; ``rule`` names what
    explains a difference, or what is not modelled. ``fields`` tells of each field that is compared whether it
    agrees in all runs; ``lines`` shows where each first differs.
    """

    record: ScenarioRecord
    result: str
    fields: Mapping[str, bool] = field(default_factory=dict)
    rule: str = ""
    lines: tuple[str, ...] = ()

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

    Where Exim draws lots, seeds are tried until the command does what was recorded.
    """
    names = [name for name in FIELDS if name not in record.unstable]
    seeds: list[int] = []
    try:
        while True:
            found, disagreeing, drawn = _play(record, scenario, stand, seeds, names)
            limit = _SEEDS if scenario.seeds is None else scenario.seeds
            if disagreeing is None or not drawn:
                break
            tried = seeds[disagreeing] if disagreeing < len(seeds) else 0
            if tried >= limit:
                break
            seeds = [*seeds[:disagreeing], *[0] * (disagreeing - len(seeds)), tried + 1]
    except Unsupported as item:
        return ScenarioComparison(record, "unsupported", rule=str(item).removeprefix("not modelled: "))
    except UndefinedBehaviour as reason:
        return ScenarioComparison(record, "explained", rule=f"undefined: {reason}")
    pairs = list(zip(record.runs, found, strict=False))
    whole = len(record.runs) == len(found)
    fields = {name: whole and all(_agrees(name, *pair) for pair in pairs) for name in names}
    if all(fields.values()):
        return ScenarioComparison(
            record, "explained" if any(seeds) else "agree", fields, CHANCE if any(seeds) else ""
        )
    return ScenarioComparison(record, "differ", fields, "", tuple(_differences(pairs, names, words)))


def _play(
    record: ScenarioRecord,
    scenario: Scenario,
    stand: ScenarioStand,
    seeds: Sequence[int],
    names: Sequence[str],
) -> tuple[list[Done], int | None, bool]:
    """What the model did, the first command in which that differs, and whether lots were drawn there."""
    play = stand.play(scenario, record.profile, seeds)
    found: list[Done] = []
    disagreeing, drawn = None, False
    for number, (done, real) in enumerate(zip(play, record.runs, strict=False)):
        found.append(done)
        if disagreeing is None and not all(_agrees(name, real, done) for name in names):
            disagreeing, drawn = number, play.drawn
    return found, disagreeing, drawn


def _agrees(name: str, real: Done, ours: Done) -> bool:
    if name == "log":
        return _log(real) == _log(ours)
    return bool(getattr(real, name) == getattr(ours, name))


def _log(done: Done) -> tuple[str, ...]:
    return tuple(named_each_time(line) for line in shown_log(done.log))


def _differences(pairs: Sequence[tuple[Done, Done]], names: Sequence[str], words: Words) -> Iterator[str]:
    """The first line that differs, for each field of each run."""
    for number, (real, ours) in enumerate(pairs, 1):
        for name in names:
            if _agrees(name, real, ours):
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
