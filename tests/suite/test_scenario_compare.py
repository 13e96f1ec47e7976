"""The model against records of scenarios; the project's own are in ``testsuite/recordings/transport``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.profiles import profile
from eximsim.suite.scenario_compare import ScenarioComparison, agrees, compare_scenario
from eximsim.suite.scenario_records import FIELDS, Done, ScenarioRecord, has_runs, read_scenario_records
from eximsim.suite.scenario_replay import Lots, ScenarioStand
from eximsim.suite.scenarios import Scenario, read_scenarios, scenario_of
from tests.suite.recorded import EVIDENCE, FOLDER

TRANSPORT = FOLDER / "transport"
NEWEST = "4.99-dev-13835a3c1"


@cache
def scenarios() -> dict[str, Scenario]:
    return read_scenarios(TRANSPORT / "scenarios.jsonl.gz")


@cache
def records() -> tuple[ScenarioRecord, ...]:
    return tuple(read_scenario_records(TRANSPORT / "outcomes.jsonl.gz"))


@cache
def stand() -> ScenarioStand:
    return ScenarioStand(TRANSPORT / "certs")


def done(scenario: Scenario, release: str = NEWEST) -> tuple[Done, ...]:
    return tuple(stand().play(scenario, profile(release)))


HOST = [
    {"name": "one.test.ex", "type": "MX", "ad": True, "data": [[10, "h1-a.test.ex"]]},
    {"name": "h1-a.test.ex", "type": "A", "ad": True, "data": ["10.9.1.1"]},
    {"name": "h1-a.test.ex", "type": "AAAA", "ad": True, "data": []},
]


def scenario(**values: object) -> Scenario:
    return scenario_of(
        {"id": "x", "zone": HOST, "servers": {"10.9.1.1": "ok"}, "recipients": ["a@one.test.ex"], **values}
    )


BESIDE = {
    "transport": {"hosts_avoid_tls": "*"},
    "runs": [{"argv": ["-odq", "-f", "s@one.test.ex", "a@one.test.ex"]}, {"argv": ["-Mg", "$msg1"]}],
}


ORDERS = [((0, 1, 2, 3, 4), "agree"), ((0, 1, 3, 2, 4), "explained"), ((0, 1, 2, 4, 3), "differ")]


@pytest.mark.parametrize(("order", "result"), ORDERS)
def test_what_goes_on_beside_each_other_may_come_in_any_order(order: tuple[int, ...], result: str) -> None:
    """The report of a message that is given up is delivered while the message itself is finished."""
    queued, given_up = done(scenario(**BESIDE))
    runs = (queued, replace(given_up, log=tuple(given_up.log[at] for at in order)))
    found = compare_scenario(ScenarioRecord("x", NEWEST, "openssl", runs), scenario(**BESIDE), stand())
    assert found.result == result


# ---- playing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("parallel", "result"), [("1", "differ"), ("2", "explained")])
def test_the_batches_of_a_message_that_go_out_at_the_same_time_are_logged_in_any_order(
    parallel: str, result: str
) -> None:
    one = scenario(
        zone=[
            *HOST,
            {**HOST[0], "name": "two.test.ex", "data": [[10, "h1-b.test.ex"]]},
            {**HOST[1], "name": "h1-b.test.ex"},
        ],
        main={"remote_max_parallel": parallel},
        recipients=["a@one.test.ex", "b@two.test.ex"],
    )
    (run,) = done(one)
    first, *others = run.log
    assert [line.split()[1] for line in others] == ["=>", "=>", "Completed"]
    swapped = replace(run, log=(first, others[1], others[0], others[2]))
    assert compare_scenario(ScenarioRecord("x", NEWEST, "openssl", (swapped,)), one, stand()).result == result


def test_the_queue_and_the_retry_data_go_on_from_one_command_to_the_next() -> None:
    first, waits, later = done(
        scenario(
            transport={"hosts_try_dane": ""},
            servers={"10.9.1.1": "refused"},
            queueruns=["-q", {"argv": ["-q"], "sleep": 11, "servers": {"10.9.1.1": "ok"}}],
        )
    )
    assert (first.queued, waits.queued, later.queued) == (1, 1, 0)
    assert "retry time not reached" in waits.log[1]
    assert [message.partition(" ")[0] for message in later.messages[:1]] == ["from"]


def test_a_zone_that_changes_stands_from_there_on() -> None:
    gone, found = done(
        scenario(
            zone=[],
            runs=[
                {"argv": ["-odf", "-f", "s@myhost.test.ex", "a@one.test.ex"]},
                {"argv": ["-odf", "-f", "s@myhost.test.ex", "a@one.test.ex"], "zone": HOST},
            ],
        )
    )
    assert "M1 ** a@one.test.ex" in gone.log[1]
    assert found.log[-1].endswith("Completed")


def test_a_message_on_the_queue_is_named_by_its_place() -> None:
    _, removed = done(
        scenario(
            servers={"10.9.1.1": "rcpt450"},
            runs=[
                {"argv": ["-odf", "-f", "s@myhost.test.ex", "a@one.test.ex"]},
                {"argv": ["-Mrm", "$msg1"]},
            ],
        )
    )
    assert removed.queued == 0
    assert removed.stdout == ("Message M1 has been removed",)


def test_a_message_is_shown_with_envelope_and_content_and_without_what_is_different_each_time() -> None:
    (one,) = done(scenario(transport={"hosts_try_dane": ""}))
    assert one.messages[0] == "from <> to a@one.test.ex"
    assert "  \tid M1" in one.messages
    assert "  Message-Id: <EID@myhost.test.ex>" in one.messages
    assert "  Date: DATE" in one.messages


def test_a_configuration_that_the_release_does_not_know_is_refused_as_exim_refuses_it() -> None:
    (one,) = done(scenario(transport={"message_linelength_limit": "100"}), "4.92")
    assert one.exit == 1
    assert one.log[1] == 'PANIC:   option "message_linelength_limit" unknown'


def test_a_driver_that_is_not_known_is_told_without_those_that_are() -> None:
    (one,) = done(scenario(routers="r:\n  driver = nothing\n"))
    assert one.log[1] == 'PANIC:   router r: cannot find router driver "nothing"'


# ---- comparing -------------------------------------------------------------------------------------


def plain() -> tuple[Scenario, ScenarioRecord]:
    one = scenario(servers={"10.9.1.1": "refused"}, queueruns=["-q"])
    return one, ScenarioRecord("x", NEWEST, "openssl", done(one))


def test_what_the_model_does_again_agrees() -> None:
    one, record = plain()
    found = compare_scenario(record, one, stand())
    assert (found.result, found.fields) == ("agree", dict.fromkeys(FIELDS, True))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log", ("another line",)), ("stdout", ("x",)), ("servers", ({"addr": "10.9.1.1"},)),
        ("dns", ()), ("queued", 7), ("exit", 1), ("messages", ("from <> to x",)),
    ],
)  # fmt: skip
def test_a_difference_in_a_later_command_is_told_by_field_and_command(name: str, value: object) -> None:
    one, record = plain()
    first, second = record.runs
    changed = replace(record, runs=(first, replace(second, **{name: value})))  # type: ignore[arg-type]
    found = compare_scenario(changed, one, stand())
    assert found.result == "differ"
    assert [field for field, same in found.fields.items() if not same] == [name]
    assert found.lines[0].startswith(f"run 2 {name} recorded: ")
    unstable = compare_scenario(replace(changed, unstable=frozenset({name})), one, stand())
    assert (unstable.result, name in unstable.fields) == ("agree", False)


_STAMPED = [("08:00:00.010 [7] ", "-f x"), ("08:00:01.999 [8] ", "-f y -odf")]


def test_of_a_log_with_everything_what_depends_on_the_machine_is_left_aside() -> None:
    one = scenario(main={"log_selector": "+all"})
    record = ScenarioRecord("x", NEWEST, "openssl", done(one))
    (run,) = record.runs
    ours = [line.partition("] ")[2] for line in run.log]
    seconds = [line.replace("QT=0s", "QT=0.123s").replace(":40001 PS", ":50505 PS") for line in ours]
    for stamp, arguments in _STAMPED:
        log = (f"cwd=/tmp 7 args: EXIM {arguments}", *seconds)
        told = replace(run, log=tuple(f"2026-11-30 {stamp}{line}" for line in log))
        found = compare_scenario(replace(record, runs=(told,)), one, stand())
        assert found.result == "agree"
    other = replace(run, log=tuple(f"2026-11-30 08:00:00.010 [7] {line}x" for line in seconds))
    assert compare_scenario(replace(record, runs=(other,)), one, stand()).result == "differ"


@pytest.mark.parametrize(
    ("sender", "smaller", "result"),
    [("", 6, "explained"), ("", -1, "differ"), ("s@one.test.ex", 6, "differ")],
)
def test_the_size_of_a_report_on_the_queue_may_be_smaller(sender: str, smaller: int, result: str) -> None:
    runs = [{"argv": ["-odq", "-f", sender, "a@one.test.ex"]}, {"argv": ["-bp"]}]
    one = scenario(runs=runs)
    first, second = done(one)
    size = re.search(r"\d+(?= M1 <)", second.stdout[0])
    assert size
    theirs = second.stdout[0].replace(size[0], str(int(size[0]) - smaller))
    listed = replace(second, stdout=(theirs, *second.stdout[1:]))
    record = ScenarioRecord("x", NEWEST, "openssl", (first, listed))
    assert compare_scenario(record, one, stand()).result == result


def test_a_command_that_is_missing_is_a_difference() -> None:
    one, record = plain()
    found = compare_scenario(replace(record, runs=(*record.runs, record.runs[0])), one, stand())
    assert found.result == "differ"


def test_where_exim_draws_lots_another_seed_may_give_what_was_recorded() -> None:
    both = [{**HOST[0], "data": [[10, "h1-a.test.ex"], [10, "h2-a.test.ex"]]}, *HOST[1:]]
    both += [{**entry, "name": "h2-a.test.ex"} for entry in HOST[1:]]
    one = scenario(zone=both)
    for seed in range(8):
        runs = tuple(stand().play(one, profile(NEWEST), (Lots(seed),)))
        found = compare_scenario(ScenarioRecord("x", NEWEST, "openssl", runs), one, stand())
        assert found.result in ("agree", "explained")
    assert found.rule in ("", "order-by-chance")


def test_a_program_is_known_by_its_label() -> None:
    labels = {"4.89": "4.89", "4.92.3": "4.92", "4.98.2": "4.98", "master-13835a3c1": NEWEST}
    for label, name in labels.items():
        assert ScenarioRecord("x", label, "openssl", ()).profile.name == name
    assert ScenarioRecord("x", "4.96-debian12", "gnutls", ()).profile.tls_library == "gnutls"
    with pytest.raises(InputError, match=r"unknown profile '4\.60'"):
        _ = ScenarioRecord("x", "4.60", "openssl", ()).profile


def test_the_form_of_a_recording_is_found_out() -> None:
    assert has_runs(TRANSPORT / "outcomes.jsonl.gz")
    assert not has_runs(EVIDENCE)


@pytest.mark.parametrize(
    "text",
    [
        '{"id": "x"}',
        '{"id": "x", "release": "4.89", "runs": [{}]}',
        '{"id": "x", "release": "4.89", "runs": [], "unstable": [[]]}',
        '{"id": "x", "release": "4.89", "runs": [{"log": [[]]}]}',
    ],
)
def test_a_record_without_its_parts_is_bad_input(tmp_path: Path, text: str) -> None:
    path = tmp_path / "outcomes.jsonl"
    path.write_text(f"{text}\n")
    with pytest.raises(InputError, match=r"outcomes\.jsonl:1: .* is .*; expected a "):
        list(read_scenario_records(path))


# ---- what was recorded -----------------------------------------------------------------------------

PROGRAMS = sorted({(record.release, record.tls) for record in records()})


def disagreeing(found: Iterable[ScenarioComparison]) -> list[str]:
    return [
        f"{one.record.id}: {one.rule} {one.lines[:2]}"
        for one in found
        if one.result not in ("agree", "explained")
    ]


@pytest.mark.parametrize(("release", "tls"), PROGRAMS)
def test_what_each_program_did_agrees(release: str, tls: str) -> None:
    of_it = [record for record in records() if (record.release, record.tls) == (release, tls)]
    found = [compare_scenario(record, scenarios()[record.id], stand()) for record in of_it]
    assert len(found) > 250
    assert disagreeing(found) == []


@pytest.mark.parametrize(("line", "same"), [("<BINARY>\u00e9x", True), ("Subject: y", False)])
def test_a_message_that_was_encrypted_for_nobody_is_compared_by_its_envelope(line: str, same: bool) -> None:
    case = scenario(transport={"hosts_avoid_tls": "*"})
    (one,) = done(case)
    first = replace(one, messages=("from <a> to b", f"  {line}", "from <c> to d", "  Subject: x"))
    envelopes = ("from <a> to b", "from <c> to d", "  Subject: x")
    assert agrees("messages", first, replace(one, messages=envelopes)) is same


@pytest.mark.parametrize("release", ["4.92", NEWEST])
def test_the_port_that_the_machine_chose_for_a_delivery_is_left_aside(release: str) -> None:
    words = "+outgoing_port +incoming_port +incoming_interface +outgoing_interface"
    one = scenario(main={"log_selector": words})
    (run,) = done(one, release)
    assert any("]:4000" in line or "]4000" in line for line in run.log)
    log = tuple(line.replace("]:4000", "]:5000").replace("]4000", "]5000") for line in run.log)
    record = ScenarioRecord("x", release, "openssl", (replace(run, log=log),))
    assert compare_scenario(record, one, stand()).result == "agree"
