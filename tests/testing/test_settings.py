"""``[tool.eximsim]``: what it may say, and what a mistake in it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.testing.settings import Settings, read_settings


def written(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_the_table_says_what_one_would_type(tmp_path: Path) -> None:
    text = (
        '[project]\nname = "x"\n[tool.eximsim]\nprofile = "4.98"\nconfig = "etc/exim.conf"\n'
        'world = "memory"\nsubject = "model"\n[tool.eximsim.defines]\nA = "1"\n'
    )
    found = read_settings(written(tmp_path, text))
    assert found == Settings("4.98", "etc/exim.conf", {"A": "1"}, "memory", "model")


def test_no_file_and_no_table_say_nothing(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == Settings()
    assert read_settings(written(tmp_path, '[project]\nname = "x"\n')) == Settings()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[tool.eximsim\n", 1, "Expected"),
        ("\n[tool.eximsim]\nprofil = '4.98'\n", 3, "expected profile, config, defines, world, subject"),
        ("[tool.eximsim]\nprofile = 4.98\n", 2, "tool.eximsim.profile: expected a text"),
        ("[tool.eximsim]\ndefines = 'A=1'\n", 2, "expected a table of texts"),
        ("[tool.eximsim]\n[tool.eximsim.defines]\nA = 1\n", 2, "expected a table of texts"),
        ("[tool]\neximsim = 3\n", 1, "expected a table [tool.eximsim]"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(InputError) as mistake:
        read_settings(written(tmp_path, text))
    assert said in str(mistake.value)
    assert (mistake.value.path, mistake.value.line) == (str(tmp_path / "pyproject.toml"), line)
