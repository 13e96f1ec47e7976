"""The command line of comparisons in random situations."""

import json
import os
from pathlib import Path

import pytest

from eximsim.suite.recording import read_situations
from tests.commands.invoking import invoke

AGAINST = ("compare", "--against", "4.95", "--profile", "4.96-debian12", "--seed", "7")


def test_two_releases_that_are_the_same_do_not_differ(tmp_path: Path) -> None:
    keep = tmp_path / "differences"
    done = invoke("compare", "--against", "4.97", "--profile", "4.97", "--random", "20", "--keep", str(keep))
    assert done.exit_code == 0
    assert "all" in done.stdout
    assert done.stderr.startswith("seed ")
    assert "20 situations: " in done.stderr
    assert not keep.exists()


def test_a_difference_is_shown_and_kept(tmp_path: Path) -> None:
    done = invoke(*AGAINST, "--random", "3", "--keep", str(tmp_path))
    assert done.exit_code == 1
    assert done.stderr.startswith("seed 7\n")
    folders = list(tmp_path.iterdir())
    assert folders
    for folder in folders:
        assert f"eximsim run --suite {folder}" in done.stdout
        (situation,) = read_situations(folder / "scenario.jsonl").values()
        assert situation.id == folder.name
    kept = invoke("run", "--suite", str(folders[0]))
    assert kept.exit_code == 1
    assert "log differs" in kept.stdout


def test_json_has_an_object_for_each_situation_and_each_difference(tmp_path: Path) -> None:
    done = invoke(*AGAINST, "--random", "3", "--keep", str(tmp_path), "--json")
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    compared = [item for item in objects if "result" in item]
    assert sorted(item["id"] for item in compared) == ["r7-1", "r7-2", "r7-3"]
    differences = [item for item in objects if "difference" in item]
    assert differences
    differing = {item["id"] for item in compared if item["result"] == "differ"}
    assert {id for item in differences for id in item["ids"]} == differing
    assert all(Path(item["folder"]).is_dir() for item in differences)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--random", "3"), "expected --exim PATH or --against P"),
        (("--random", "3", "--against", "4.95"), "expected --profile P"),
        (("--random", "0", "--against", "4.95", "--profile", "4.95"), "0"),
        (("--seed", "3"), "--seed goes with --random"),
        (("--against", "4.95"), "--against goes with --random"),
        (("--random", "3", "--against", "4.7", "--profile", "4.95"), "4.7"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments: tuple[str, ...], message: str) -> None:
    done = invoke("compare", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("place", ["fifo", "/dev/null", "link", "file/below"])
@pytest.mark.parametrize("work", ["--random", "--sequences", "--configurations"])
def test_a_place_where_nothing_can_be_kept_is_told_before_the_work(
    place: str, work: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "file").touch()
    against = AGAINST[1:] if work == "--random" else ("--exim", "/bin/true")
    done = invoke("compare", *against, work, "1000000", "--keep", str(tmp_path / place))
    assert done.exit_code == 2
    assert "director" in done.stderr
    assert "seed" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
