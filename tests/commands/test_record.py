import json
from pathlib import Path

import pytest

from eximsim import __version__
from tests.commands.invoking import invoke
from tests.subjects.conftest import exim, namespaces

__all__ = ["exim", "namespaces"]


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def recorded(tmp_path: Path, exim: Path) -> Path:
    path = tmp_path / "old.jsonl"
    done = invoke("record", "--exim", str(exim), "-o", str(path), "A001", "E022", "K020")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    return path


def test_a_recording_says_what_was_recorded(recorded: Path) -> None:
    head, *records = lines(recorded)
    assert head["eximsim"] == __version__
    assert {"program", "release", "tls", "library", "seed"} <= head.keys()
    assert [(record["id"], record["kind"]) for record in records] == [
        (id, kind) for id in ("A001", "E022", "K020") for kind in ("delivery", "callout")
    ]
    assert all(record["stable"] for record in records)


def test_a_machine_is_told_what_was_recorded(exim: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    done = invoke("record", "--exim", str(exim), "-o", str(path), "--json", "A001")
    head = lines(path)[0]
    assert json.loads(done.stdout) == {**head, "output": str(path), "records": 2, "unstable": []}


def test_the_model_and_the_program_agree_with_the_recording(recorded: Path, exim: Path) -> None:
    for more in ((), ("--exim", str(exim))):
        done = invoke("compare", "--recorded", str(recorded), "--json", *more)
        assert done.exit_code == 0
        assert {json.loads(line)["result"] for line in done.stdout.splitlines()} == {"agree"}


def test_a_program_that_does_something_else_is_shown(recorded: Path, exim: Path) -> None:
    head, first, *others = lines(recorded)
    changed = {**first, "outcome": "FAIL", "log": ["M1 Completed"]}
    recorded.write_text("".join(f"{json.dumps(item)}\n" for item in (head, changed, *others)))
    done = invoke("compare", "--recorded", str(recorded), "--exim", str(exim))
    assert done.exit_code == 1
    assert "  outcome recorded: FAIL program: sent:yes\n" in done.stdout
    assert "  log recorded: M1 Completed\n" in done.stdout


def test_model_and_program_side_by_side(exim: Path) -> None:
    done = invoke("compare", "--exim", str(exim), "--group", "S", "--json", "--jobs", "2")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert len(results) > 4
    assert {result["result"] for result in results} == {"agree"}


def test_tests_side_by_side(exim: Path) -> None:
    done = invoke("compare", "--exim", str(exim), "5840", "--json")
    (line,) = done.stdout.splitlines()
    assert done.exit_code == 0
    assert json.loads(line)["result"] in ("agree", "skip")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare",), "expected what to compare: --recorded FILE, --exim PATH, or both"),
        (("compare", "--exim", "/bin/true", "A001", "5840"), "expected numbers of tests, or ids"),
        (("compare", "--exim", "/bin/true", "A999"), "no situation 'A999' here"),
        (("compare", "--exim", "/no/exim"), "'/no/exim' does not exist"),
        (("record", "-o", "x"), "expected the program to record: --exim PATH"),
        (("record", "--exim", "/bin/true", "-o", "x", "--group", "9"), "no situation matches"),
        (("run", "--subject", "moon", "5840"), "subject 'moon': expected model or exim:PATH"),
        (("run", "--subject", "exim:/no/exim", "5840"), "/no/exim: expected an Exim program here"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    done = invoke(*arguments)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr


def test_what_is_no_exim_is_refused(namespaces: None) -> None:
    done = invoke("compare", "--exim", "/bin/true", "A001")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "eximsim: /bin/true: -bV gives no version but 'nothing'; expected an Exim program\n"
    )
