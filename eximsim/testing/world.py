"""The world of a policy test on its own: for other test frameworks, scripts, and examples of Hypothesis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eximsim.profiles import NEWEST
from eximsim.testing.configurations import Configurations
from eximsim.testing.machine import Mta
from eximsim.testing.policy import Policies
from eximsim.testing.server import Server
from eximsim.testing.zone import Zone


@dataclass(frozen=True, slots=True)
class World:
    """What a test describes and runs: ``zone``, ``server``, ``mta`` and ``policy``, like the fixtures."""

    zone: Zone
    server: Server
    mta: Mta
    policy: Policies


@contextmanager
def world(
    folder: str | Path = ".",
    *,
    profile: str = NEWEST,
    config: str | None = None,
    defines: Mapping[str, str] | None = None,
) -> Iterator[World]:
    """A world of its own, empty at first; it leaves nothing behind.

    In a test with ``@given``, open one in each example, so that no example sees the hosts of another.

    Args:
        folder: where configurations are looked up.
        profile: the release, unless ``mta`` gets one.
        config: the configuration, unless ``mta`` gets one.
        defines: macros for all configurations, as with Exim's ``-D``.

    Raises:
        InputError: there is no such profile.
    """
    from eximsim.profiles import profile as named_profile

    release = named_profile(profile).name
    configurations = Configurations((Path(folder).resolve(),), release, config, dict(defines or {}))
    zone = Zone()
    server = Server(zone)
    yield World(zone, server, Mta(zone, server, configurations), Policies(configurations))
