"""Each example of the documentation is run: Python with pytest, commands where the page has them run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from eximsim import cli
from eximsim.errors import InputError
from tests.reading import blocks, follow, run
from tests.test_docs import DOCS, ROOT, WRITTEN

pytest_plugins = ["pytester"]

KINDS = frozenset({"python", "exim", "zone", "text", "sh", "mermaid", "toml", "json", "yaml", "ini"})


def of_kind(page: Path, kind: str) -> list[str]:
    return [block.text for block in blocks(page) if block.kind == kind]


WITH_PYTHON = [page for page in WRITTEN if of_kind(page, "python")]
WITH_FILES = [page for page in WRITTEN if any(block.file for block in blocks(page))]
"""All that they say is done, in a folder of its own."""


@pytest.fixture
def project(
    whole_program: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A folder for the files and the tests of a page."""
    monkeypatch.delenv("CI", raising=False)
    return pytester


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.name)
def test_the_policy_tests_of_a_page_pass(project: pytest.Pytester, page: Path) -> None:
    (config, *_) = of_kind(page, "exim") or of_kind(DOCS / "pytest.md", "exim")
    (project.path / "exim.conf").write_text(config)
    examples = [block.text for block in blocks(page) if block.kind == "python" and block.file is None]
    for number, text in enumerate(examples):
        (project.path / f"test_example_{number}.py").write_text(text)
    count = sum(text.count("def test_") for text in examples)
    for option in ("--golden-update", "--strict-markers"):
        result = project.runpytest("-p", "eximsim.pytest_plugin", "-p", "no:xdist", "-W", "error", option)
        result.assert_outcomes(passed=count)


@pytest.mark.parametrize("page", WITH_FILES, ids=lambda page: page.name)
def test_a_page_that_makes_a_folder_can_be_followed(project: pytest.Pytester, page: Path) -> None:
    if not any(command.startswith("pytest") for block in blocks(page) for command, _ in block.commands):
        (project.path / "testsuite").symlink_to(ROOT / "testsuite")  # pytest would collect it
    assert follow(page, project.path, project.runpytest) > 0


def test_every_command_has_a_section() -> None:
    titles = re.findall(r"^## .*: `(\w+)`$", (DOCS / "howto.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(titles) == sorted(cli.COMMANDS)


def test_blocks_are_of_known_kinds() -> None:
    assert {block.kind for page in WRITTEN for block in blocks(page)} <= KINDS


# ---- commands in the running text --------------------------------------------------------------------------

QUICK = re.compile(
    r"eximsim (table .*|profiles .*|run 5840( --(world|profile) \S+| --trace)*"
    r"|compare --recorded \S+( [A-Z]\d{3})+.*)"
)
"""What is run: commands that need nothing but the checkout, do not change it, and do not take long. Of the
others it is tested that they can be read; tests of these commands run them."""


def indented() -> list[str]:
    """The commands in indented blocks of all pages, each once."""
    found = [
        command.split("  ")[0].strip()
        for page in WRITTEN
        for command in re.findall(r"^ {4}(eximsim [^\n]*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    in_text = [
        line.split("  ")[0].strip()
        for page in WRITTEN
        for text in of_kind(page, "text") + ([] if page in WITH_FILES else of_kind(page, "sh"))
        for line in text.splitlines() if line.startswith("eximsim ")
    ]  # fmt: skip
    return list(dict.fromkeys([*found, *in_text]))


@pytest.mark.parametrize("command", indented())
def test_a_command_in_the_text_works(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.chdir(ROOT)
    if QUICK.fullmatch(command):
        assert run(command, ROOT)[0] == 0
    else:
        assert read(cli.eximsim, shlex.split(command)[1:]) is None


def read(command: click.Command, words: list[str]) -> str | None:
    """What is wrong with a command line, apart from files that are not here."""
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
    try:
        command.make_context(command.name, words).close()
    except click.UsageError as mistake:
        return None if "does not exist" in mistake.message else mistake.message
    except InputError as mistake:
        return None if "expected an Exim program" in mistake.message else mistake.message
    return None
