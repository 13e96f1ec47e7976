"""A user's configuration, as the commands take it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from eximsim.errors import InputError
from eximsim.files import read_named
from eximsim.mta.base.string import from_octets
from eximsim.profiles import profile, with_tls
from eximsim.visible import visible

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import Config
    from eximsim.profiles import Profile
    from eximsim.suite.config_files import Sources
    from eximsim.suite.policy import Policy
    from eximsim.world.certificates import ChainSet

_F = TypeVar("_F", bound=Callable[..., object])
_DEFINE = re.compile(r"([A-Z][A-Za-z0-9_]*)(?:=(.*))?", re.ASCII | re.DOTALL)


def read_defines(defines: Iterable[str]) -> dict[str, str]:
    """Macros as ``-D`` gives them; raises ``InputError``."""
    found = {}
    for text in defines:
        match = _DEFINE.fullmatch(text)
        if match is None:
            raise InputError(f"-D {text}: expected MACRO or MACRO=TEXT, beginning with a capital letter")
        found[match[1]] = match[2] or ""
    return found


def files_options(function: _F) -> _F:
    """``--file`` and ``--read-system``, which ``sources`` takes."""
    for option in (
        click.option(
            "--read-system", is_flag=True,
            help="Read from this machine what the configuration names and nothing else gives; it is listed.",
        ),
        click.option(
            "--file", "files", multiple=True, metavar="NAME=PATH",
            help="The file PATH is what the configuration names NAME, /etc/...; several times for several.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def sources(path: str, files: Iterable[str], read_system: bool) -> Sources:
    """Where the files come from that the configuration at ``path`` names; raises ``InputError``."""
    from eximsim.suite.config_files import Sources

    given = {}
    for text in files:
        name, equals, place = text.partition("=")
        if not (name and equals and place):
            raise InputError(f"--file {text}: expected NAME=PATH")
        given[name] = read_named(place, f"the file that stands for {name}")
    return Sources(Path(path).parent, given, read_system)


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
