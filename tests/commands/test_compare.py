from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.commands.invoking import Done, invoke
from tests.suite.recorded import EVIDENCE, SCENARIOS


def compare(recorded: Path, *arguments: str) -> Done:
    return invoke("compare", "--recorded", str(recorded), *arguments)


def objects(done: Done) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def read(path: Path) -> Iterator[dict[str, object]]:
    with gzip.open(path, "rt") as lines:
        yield from map(json.loads, lines)


def write(path: Path, items: Iterable[object]) -> Path:
    path.write_text("".join(f"{json.dumps(item)}\n" for item in items))
    return path


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of the project's records; their situations and certificates are those of the project."""
    kept = (
        item
        for item in read(EVIDENCE)
        if item["release"] in ("4.87", "4.88-jh03", "4.99")
        and (item["id"] in ("A001", "B001") or str(item["id"])[0] in "LS")
    )
    return write(tmp_path_factory.mktemp("recording") / "few.jsonl", kept)


@pytest.fixture
def small(few: Path, tmp_path: Path) -> Path:
    """The records of one situation under one release, to be changed."""
    kept = (item for item in map(json.loads, few.read_text().splitlines()) if item["id"] == "A001")
    return write(tmp_path / "small.jsonl", (item for item in kept if item["release"] == "4.88-jh03"))


def change(path: Path, **values: object) -> None:
    """Change the first record."""
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(first), **values}), *rest]) + "\n")


# ---- choosing --------------------------------------------------------------------------


def test_releases_groups_kinds_and_ids_choose_the_records(few: Path) -> None:
    releases = ("--release", "4.87", "--release", "4.99")
    done = compare(few, "--json", *releases, "--kind", "callout", "A001", "B001")
    assert {(o["id"], o["release"], o["kind"]) for o in objects(done)} == {
        (id, release, "callout") for id in ("A001", "B001") for release in ("4.87", "4.99")
    }
    done = compare(few, "--json", "--group", "S", "--group", "L", "--release", "4.87")
    assert {str(o["id"])[0] for o in objects(done)} == {"S", "L"}


def test_json_has_one_object_for_each_record_and_exit_0_says_that_all_is_well(few: Path) -> None:
    done = compare(few, "--json", "--release", "4.88-jh03", "A001")
    assert done.exit_code == 0
    assert [o["kind"] for o in objects(done)] == ["callout", "delivery"]
    assert {o["result"] for o in objects(done)} == {"agree"}


def test_a_table_counts_by_release_and_group(few: Path) -> None:
    done = compare(few, "--release", "4.88-jh03", "--group", "S", "--group", "L")
    head, *rows = done.stdout.splitlines()
    assert head.split() == [
        "release", "group", "records", "agree", "explained", "differ", "unsupported",
        "outcome", "log", "smtp", "servers", "dns", "queued",
    ]  # fmt: skip
    assert [row.split()[:2] for row in rows[:3]] == [["4.88-jh03", "L"], ["4.88-jh03", "S"], ["all", "18"]]
    assert "0 unstable records left out" in done.stdout


# ---- differences -----------------------------------------------------------------------


def test_a_difference_is_shown_and_exit_1(small: Path) -> None:
    change(small, outcome="250:clear")
    done = compare(small)
    assert done.exit_code == 1
    assert "A001 callout 4.88-jh03" in done.stdout
    assert "  outcome recorded: 250:clear modelled: 250:tls" in done.stdout


def test_an_unstable_record_is_counted_and_not_compared(small: Path) -> None:
    change(small, outcome="250:clear", stable=False)
    done = compare(small)
    assert done.exit_code == 0
    assert "1 unstable records left out" in done.stdout


def test_what_is_not_modelled_is_exit_1_and_named(small: Path, tmp_path: Path) -> None:
    one = next(item for item in read(SCENARIOS) if item["id"] == "A001")
    scenarios = tmp_path / "scenarios.jsonl"
    scenarios.write_text(json.dumps({**one, "main": {"uucp_from_pattern": "x"}}))
    certificates = str(SCENARIOS.parent / "certs")
    arguments = ("--scenarios", str(scenarios), "--certificates", certificates)
    done = compare(small, "--json", *arguments)
    assert done.exit_code == 1
    assert {str(o["result"]) for o in objects(done)} <= {"unsupported", "agree"}
    assert any(o["result"] == "unsupported" and "uucp_from_pattern" in str(o["rule"]) for o in objects(done))


# ---- bad input -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--release", "4.60"), "no record matches what was asked for"),
        (("Z999",), "no record matches what was asked for"),
        (("--certificates", "/nowhere"), "expected certificate chains"),
        (("--scenarios", "/nowhere"), "/nowhere: No such file or directory"),
        (("--kind", "relay"), "relay"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(few: Path, arguments: tuple[str, ...], message: str) -> None:
    done = compare(few, *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_record_without_a_situation_is_bad_input(small: Path) -> None:
    change(small, id="Z999")
    done = compare(small)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "expected a situation Z999, which the recording names" in done.stderr


def test_a_broken_recording_is_named_with_its_line(small: Path) -> None:
    small.write_text(small.read_text() + "{\n")
    done = compare(small)
    assert done.exit_code == 2
    assert f"{small}:3: Expecting property name" in done.stderr


# ---- scenarios -------------------------------------------------------------------------

TRANSPORT = EVIDENCE.parent / "transport"


def scenario_records(tmp_path: Path, *ids: str) -> Path:
    kept = [item for item in read(TRANSPORT / "outcomes.jsonl.gz") if item["id"] in ids]
    return write(tmp_path / "outcomes.jsonl", kept)


def test_a_recording_of_scenarios_is_compared_by_program_and_field(tmp_path: Path) -> None:
    recorded = scenario_records(tmp_path, "null-mx", "self-fail")
    done = compare(recorded, "--scenarios", str(TRANSPORT / "scenarios.jsonl.gz"))
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].split()[:6] == [
        "program", "records", "agree", "explained", "differ", "unsupported",
    ]  # fmt: skip
    assert done.stdout.count("openssl") == 5


def test_what_differs_of_a_scenario_is_told_and_the_exit_code_says_so(tmp_path: Path) -> None:
    recorded = scenario_records(tmp_path, "null-mx")
    change(recorded, release="4.95", tls="openssl")
    items = [json.loads(line) for line in recorded.read_text().splitlines()]
    items[0]["runs"][0]["queued"] = 9
    write(recorded, items[:1])
    done = compare(recorded, "--scenarios", str(TRANSPORT / "scenarios.jsonl.gz"))
    assert done.exit_code == 1
    assert "null-mx: 4.95 openssl" in done.stdout
    assert "run 1 queued recorded: 9" in done.stdout
    (told,) = objects(compare(recorded, "--scenarios", str(TRANSPORT / "scenarios.jsonl.gz"), "--json"))
    assert (told["id"], told["result"]) == ("null-mx", "differ")


def test_scenarios_are_chosen_by_id_group_and_release(tmp_path: Path) -> None:
    recorded = scenario_records(tmp_path, "null-mx", "self-fail", "self-send")
    where = ("--scenarios", str(TRANSPORT / "scenarios.jsonl.gz"), "--json")
    assert len(objects(compare(recorded, *where, "null-mx", "--release", "4.95"))) == 1
    ids = {one["id"] for one in objects(compare(recorded, *where, "--group", "self", "--release", "4.95"))}
    assert ids
    assert all(str(id).startswith("self-") for id in ids)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--release", "4.60"), "no record matches what was asked for"),
        (("--kind", "callout"), "neither --exim nor --kind"),
    ],
)
def test_what_a_recording_of_scenarios_cannot_do_is_said(
    tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    recorded = scenario_records(tmp_path, "null-mx")
    done = compare(recorded, "--scenarios", str(TRANSPORT / "scenarios.jsonl.gz"), *arguments)
    assert done.exit_code == 2
    assert complaint in done.stderr


def test_a_scenario_that_the_file_does_not_have_is_bad_input(tmp_path: Path) -> None:
    recorded = scenario_records(tmp_path, "null-mx")
    scenarios = write(tmp_path / "scenarios.jsonl", [])
    scenarios.write_text(
        json.dumps({"id": "other", "about": "", "zone": [], "servers": {}, "recipients": []})
    )
    done = compare(recorded, "--scenarios", str(scenarios), "--certificates", str(TRANSPORT / "certs"))
    assert done.exit_code == 2
    assert "expected a scenario null-mx, which the recording names" in done.stderr


def test_a_recording_without_a_name_is_bad_input() -> None:
    done = invoke("compare", "--recorded", "")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
