"""The examples of a page: its fenced blocks, and the commands in them, run where the page says."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands.invoking import invoke

_BLOCK = re.compile(r"(?:^`(?P<file>[^`\n]+)`[^\n]*:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
_EXIT = re.compile(r"#.*\bexits (\d)")
_COMMENT = re.compile(r"\s+# .*")
RunPytest = Callable[..., pytest.RunResult]

_BY_HAND = ("pip ", "python3 -m venv ", ". ", "git ")
"""What a reader does around the program: it is there, and git is not what is tested."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its kind, its text, and the file that the page says it is."""

    kind: str
    text: str
    file: str | None

    @property
    def commands(self) -> Iterator[tuple[str, int]]:
        """Each command with the exit code that the page says it has."""
        for line in self.text.splitlines():
            expected = _EXIT.search(line)
            if command := _COMMENT.sub("", line).strip():
                yield command, int(expected[1]) if expected else 0


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [Block(found["kind"], found["text"], found["file"]) for found in _BLOCK.finditer(text)]


def follow(page: Path, folder: Path, run_pytest: RunPytest | None = None) -> int:
    """Do what a page says in ``folder``: write its files, run its commands, look at what they print.

    A block of text right after one of commands is what they print, ``...`` standing for anything. Returns
    the number of commands.
    """
    said, count = "", 0
    for block in blocks(page):
        if block.file is not None:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.kind == "sh":
            said = ""
            for command, expected in block.commands:
                code, output = run(command, folder, run_pytest)
                assert code == expected, f"{command}: {output}"
                said, count = said + output, count + 1
        elif block.kind == "text" and said:
            missing = [line for line in block.text.splitlines() if not _printed(line, said)]
            assert missing == [], said
            said = ""
    return count


def run(command: str, folder: Path, run_pytest: RunPytest | None = None) -> tuple[int, str]:
    """The exit code of a command and what it printed; the program and pytest run in this process."""
    if command.startswith(_BY_HAND):
        return 0, ""
    if command.startswith("eximsim "):
        done = invoke(*shlex.split(command)[1:])
        return done.exit_code, done.stdout + done.stderr
    if command.split()[0] == "pytest":
        assert run_pytest is not None
        result = run_pytest("-p", "eximsim.pytest_plugin", "-p", "no:xdist", *shlex.split(command)[1:])
        return int(result.ret), result.stdout.str()
    shell = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, cwd=folder)
    return shell.returncode, shell.stdout + shell.stderr


def _printed(line: str, output: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in line.strip().split("..."))
    return re.search(rf"^\s*{pattern}\s*$", output, re.M) is not None
