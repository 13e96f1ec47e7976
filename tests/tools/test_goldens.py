from pathlib import Path

from click.testing import CliRunner

from eximsim.suite.runner import WORLDS
from tools.docs.goldens import COMMITS, goldens, measured_in, page

PAGE = Path(__file__).parents[2] / "docs/goldens.md"


def test_the_page_is_current() -> None:
    text = PAGE.read_text("utf-8")
    assert page(measured_in(text)) == text


def test_every_golden_was_met_in_every_world() -> None:
    found = measured_in(PAGE.read_text("utf-8"))
    assert tuple(measured.commit for measured in found) == COMMITS
    for measured in found:
        assert len(measured.same) == len(WORLDS)
        assert all("log" in outputs.split(", ") for outputs in measured.same)


def test_what_follows_from_the_history_is_written_anew(tmp_path: Path) -> None:
    stale = PAGE.read_text("utf-8").replace("| 4.88-jh03 |", "| 4.1 |")
    (tmp_path / "goldens.md").write_text(stale, encoding="utf-8")
    done = CliRunner().invoke(goldens, ["--docs", str(tmp_path)])
    assert (done.exit_code, done.output) == (0, f"{tmp_path / 'goldens.md'}\n")
    assert (tmp_path / "goldens.md").read_text("utf-8") == PAGE.read_text("utf-8")
