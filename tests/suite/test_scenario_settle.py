"""Whether a program that is asked again has chosen by chance, or differs from the model."""

from __future__ import annotations

from dataclasses import replace

from eximsim.profiles import profile
from eximsim.suite.compare import CHANCE, RESTLESS
from eximsim.suite.scenario_compare import compare_scenario
from eximsim.suite.scenario_records import ScenarioRecord
from eximsim.suite.scenario_replay import Lots
from eximsim.suite.scenario_settle import SECOND, settled
from eximsim.suite.scenarios import Scenario
from tests.suite.test_scenario_compare import HOST, NEWEST, scenario, stand

TWO = [
    {"name": "one.test.ex", "type": "MX", "ad": True, "data": [[10, "h1-a.test.ex"], [10, "h2-a.test.ex"]]},
    *HOST[1:],
    {"name": "h2-a.test.ex", "type": "A", "ad": True, "data": ["10.9.2.1"]},
    {"name": "h2-a.test.ex", "type": "AAAA", "ad": True, "data": []},
]


def by_chance() -> Scenario:
    return scenario(zone=TWO, servers={"10.9.1.1": "ok", "10.9.2.1": "ok"}, transport={"hosts_try_dane": ""})


def record(seed: int) -> ScenarioRecord:
    runs = tuple(stand().play(by_chance(), profile(NEWEST), [Lots(seed)]))
    return ScenarioRecord("x", NEWEST, "openssl", runs)


def other() -> ScenarioRecord:
    """A record of hosts in another order than the model's first one."""
    usual = record(0)
    return next(one for one in map(record, range(1, 20)) if one.runs != usual.runs)


def test_an_order_that_the_program_has_each_time_is_no_chance() -> None:
    found = compare_scenario(other(), by_chance(), stand())
    assert found.rule == CHANCE
    assert settled(found, by_chance(), stand(), other).result == "differ"


def test_an_order_that_the_program_does_not_always_have_is_chance() -> None:
    found = compare_scenario(other(), by_chance(), stand())
    asked = iter([other(), other(), record(0)])
    assert settled(found, by_chance(), stand(), lambda: next(asked)) == found


def test_a_difference_that_is_gone_the_next_time_is_told_as_such() -> None:
    usual, case = record(0), replace(by_chance(), seeds=2)
    odd = replace(usual, runs=(replace(usual.runs[0], queued=7),))
    found = compare_scenario(odd, case, stand())
    assert found.result == "differ"
    asked = iter([odd, usual])
    assert settled(found, case, stand(), lambda: next(asked)).rule == RESTLESS
    assert settled(found, case, stand(), lambda: odd) == found


def test_many_lots_in_one_command_are_found_one_after_the_other() -> None:
    """Three recipients, each with three hosts to choose from: one in 216 runs is that of the record."""
    zone = [
        {**TWO[0], "data": [[10, "h1-a.test.ex"], [10, "h2-a.test.ex"], [10, "h3-a.test.ex"]]},
        *({**entry, "name": f"h{number}-a.test.ex"} for number in (1, 2, 3) for entry in HOST[1:]),
    ]
    names = ["a@one.test.ex", "b@one.test.ex", "c@one.test.ex"]
    case = scenario(zone=zone, recipients=names, transport={"hosts_try_dane": ""})
    for seed in (5, 6, 7):
        runs = tuple(stand().play(case, profile(NEWEST), [Lots(seed)]))
        found = compare_scenario(ScenarioRecord("x", NEWEST, "openssl", runs), case, stand())
        assert found.rule == CHANCE


def test_a_second_that_is_over_before_the_program_looks_explains_a_difference() -> None:
    """A retry time that is counted in seconds has come or not, as the machine is slow or fast."""
    message = {"argv": ["-odf", "-f", "s@test.ex", "a@one.test.ex"]}
    case = scenario(servers={"10.9.1.1": "refused"}, retry="* * F,1d,1s\n", runs=[message, message])

    def begun(*moments: float) -> ScenarioRecord:
        runs = tuple(stand().play(case, profile(NEWEST), (), moments))
        times = (1e9 + 0.5, 1e9 + 0.9)
        return ScenarioRecord(
            "x", NEWEST, "openssl", tuple(replace(run, began=at) for run, at in zip(runs, times, strict=True))
        )

    odd = begun(1e9 + 0.9, 1e9 + 1.3)
    found = compare_scenario(odd, case, stand())
    assert found.result == "differ"
    assert settled(found, case, stand(), lambda: odd).rule == SECOND
    early = begun(1e9 + 0.5, 1e9 + 5.9)
    wrong = replace(early, runs=(replace(early.runs[0], queued=9), early.runs[1]))
    assert settled(compare_scenario(wrong, case, stand()), case, stand(), lambda: wrong).result == "differ"
