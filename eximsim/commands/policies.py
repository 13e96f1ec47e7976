"""A user's configuration, as the commands take it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eximsim.errors import InputError
from eximsim.files import read_named, read_named_text
from eximsim.mta.base.string import from_octets
from eximsim.profiles import TLS_LIBRARIES, profile, with_tls
from eximsim.quick_dataclass import dataclass
from eximsim.visible import visible

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import Config
    from eximsim.profiles import Profile
    from eximsim.suite.config_files import Sources
    from eximsim.suite.policy import Policy
    from eximsim.world.answers import Answers
    from eximsim.world.certificates import ChainSet

_DEFINE = re.compile(r"([A-Z][A-Za-z0-9_]*)\s*(?:=\s*(.*))?", re.ASCII | re.DOTALL)


def read_defines(defines: Iterable[str]) -> dict[str, str]:
    """Macros as ``-D`` gives them; raises ``InputError``."""
    found = {}
    for text in defines:
        match = _DEFINE.fullmatch(text)
        if match is None:
            raise InputError(f"-D {text}: expected MACRO or MACRO=TEXT, beginning with a capital letter")
        found[match[1]] = match[2] or ""
    return found


@dataclass(frozen=True, slots=True)
class Outside:
    """What the command line says of all that is beside the configuration: files, answers, environment."""

    files: tuple[str, ...] = ()
    read_system: bool = False
    answers: tuple[str, ...] = ()
    answer_files: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()


_ANSWER_OPTIONS = (
    click.option(
        "--answers", "answer_files", multiple=True, metavar="FILE",
        help="Answers of databases, commands and services (TOML); docs/answers.md.",
    ),
    click.option(
        "--answer", "answers", multiple=True, metavar="KIND:QUESTION=ANSWER",
        help="One answer: 'mysql:SELECT ...=text', or =!none, or =!defer; repeatable.",
    ),
)  # fmt: skip
_OUTSIDE_OPTIONS = (
    click.option(
        "--env", "environment", multiple=True, metavar="NAME=VALUE",
        help="A variable of Exim's environment; repeatable.",
    ),
    *_ANSWER_OPTIONS,
    click.option(
        "--read-system", is_flag=True,
        help="Read from this machine what the configuration names and nothing else gives; it is listed.",
    ),
    click.option(
        "--file", "files", multiple=True, metavar="NAME=PATH",
        help="The file PATH is what the configuration names NAME, /etc/...; repeatable.",
    ),
)  # fmt: skip


_BUILD_OPTIONS = (
    click.option(
        "-D", "defines", multiple=True, metavar="MACRO[=TEXT]", help="A macro, as Exim's -D; repeatable."
    ),
    click.option("--tls", type=click.Choice(TLS_LIBRARIES), help="The TLS library that it is built with."),
)


def build_options(function: Callable[..., None]) -> Callable[..., None]:
    """``--tls`` and ``-D``: how the release is built, and with which macros (``defines``) it is called."""
    for option in _BUILD_OPTIONS:
        function = option(function)
    return function


def outside_options(function: Callable[..., None]) -> Callable[..., None]:
    """``--file``, ``--read-system``, ``--answer``, ``--answers`` and ``--env``: one ``outside`` for all."""

    @wraps(function)
    def command(
        *args: object, files: tuple[str, ...], read_system: bool, answers: tuple[str, ...],
        answer_files: tuple[str, ...], environment: tuple[str, ...], **others: object,
    ) -> None:  # fmt: skip
        outside = Outside(files, read_system, answers, answer_files, environment)
        return function(*args, outside=outside, **others)

    for option in _OUTSIDE_OPTIONS:
        command = option(command)
    return command


def answer_options(function: Callable[..., None]) -> Callable[..., None]:
    """``--answer`` and ``--answers``: what they say is ``answers``."""

    @wraps(function)
    def command(
        *args: object, answers: tuple[str, ...], answer_files: tuple[str, ...], **others: object
    ) -> None:
        outside = Outside(answers=answers, answer_files=answer_files)
        return function(*args, answers=answers_of(outside), **others)

    for option in _ANSWER_OPTIONS:
        command = option(command)
    return command


def sources(path: str, outside: Outside) -> Sources:
    """Where all that comes from that the configuration at ``path`` asks for; raises ``InputError``."""
    from eximsim.suite.config_files import Sources

    given = {}
    for text in outside.files:
        name, equals, place = text.partition("=")
        if not (name and equals and place):
            raise InputError(f"--file {text}: expected NAME=PATH")
        given[name] = read_named(place, f"the file that stands for {name}")
    return Sources(Path(path).parent, given, outside.read_system, answers=answers_of(outside))


def answers_of(outside: Outside) -> Answers:
    """The answers that were given; raises ``InputError`` for what is none."""
    from eximsim.world.answers import Answers, given_answer, given_variable, read_answers

    found = [*map(given_answer, outside.answers), *map(given_variable, outside.environment)]
    for path in outside.answer_files:
        found += read_answers(read_named_text(path, "a file of answers"), path)
    return Answers().with_more(found)


def tell_what_was_read(files: Sources) -> None:
    """Say on stderr which files of the machine were read, if any."""
    for name in files.from_system:
        click.echo(visible(f"eximsim: read from this machine: {name}"), err=True)


def load_policy(
    path: str, release: str, tls: str | None, defines: Iterable[str], chains: ChainSet, files: Sources
) -> Policy:
    """The configuration at ``path``, ready to be run; raises ``InputError`` if it cannot be read."""
    from eximsim.suite.policy import Policy

    text = configuration_text(path)
    policy = Policy(path, text, _profile(release, tls), chains, read_defines(defines), files)
    _ = policy.config  # what is wrong with it is told at once
    return policy


def read_policy(path: str, release: str, tls: str | None, defines: Iterable[str], files: Sources) -> Config:
    """What the configuration at ``path`` says; raises ``InputError`` if it cannot be read."""
    from eximsim.mta.config.readconf import read_config
    from eximsim.suite.config_files import ConfigFiles

    named = ConfigFiles(path, configuration_text(path), files)
    config = read_config(named, path, _profile(release, tls), read_defines(defines), tolerant=True)
    tell_what_was_read(files)
    return config


def configuration_text(path: str) -> str:
    """The octets of the configuration at ``path`` as the model has them; raises ``InputError``."""
    from eximsim.suite.config_files import LARGEST

    return from_octets(read_named(path, "an Exim configuration", LARGEST))


def _profile(release: str, tls: str | None) -> Profile:
    chosen = profile(release)
    return with_tls(chosen, tls) if tls else chosen
