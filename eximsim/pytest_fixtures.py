"""The fixtures of policy tests (``zone``, ``server``, ``mta``, ``policy``), loaded by ``pytest_plugin``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eximsim.testing import Mta, Policies, Server, Zone
    from eximsim.testing.configurations import Configurations


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of policy tests."""
    group = parser.getgroup("eximsim")
    group.addoption("--eximsim-profile", metavar="PROFILE",
                    help="the Exim release of policy tests that name none (default: the newest)")  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Tell a slip in what pytest was told once, and not in each test."""
    from eximsim.pytest_settings import check_said

    check_said(config)


@pytest.fixture
def zone() -> Zone:
    """The DNS that the mail system sees: ``zone.add("mx.example.com", tlsa="servfail")``."""
    from eximsim.testing import Zone

    return Zone()


@pytest.fixture
def server(zone: Zone) -> Server:
    """The servers of the zone's hosts: ``server("mx.example.com").reply("rcpt", "550 no")``."""
    from eximsim.testing import Server

    return Server(zone)


@pytest.fixture
def mta(request: pytest.FixtureRequest, zone: Zone, server: Server) -> Iterator[Mta]:
    """The mail system: ``mta(config="exim.conf").deliver("a@example.com")``."""
    from eximsim.testing import Mta

    found = Mta(zone, server, _configurations(request))
    yield found
    found.close()


@pytest.fixture
def policy(request: pytest.FixtureRequest) -> Policies:
    """What a configuration promises, in every situation: ``policy("exim.conf").keeps("tls-required")``."""
    from eximsim.testing import Policies

    return Policies(_configurations(request))


def _configurations(request: pytest.FixtureRequest) -> Configurations:
    from eximsim.pytest_settings import release_of, settings_of, subject_of
    from eximsim.testing.configurations import Configurations, folders_of

    settings, program = settings_of(request.config), None
    if request.fixturename != "policy":  # a proof has to look into what it is about
        from eximsim.suite.runner import exim_path

        program = exim_path(subject_of(request.config))
    folders = tuple(folders_of(request.path.parent, request.config.rootpath))
    release = release_of(request.config)
    return Configurations(folders, release, settings.config, settings.defines, program)
