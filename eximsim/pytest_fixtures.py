"""The fixtures of policy tests: ``zone``, ``server`` and ``mta``; loaded by ``eximsim.pytest_plugin``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from eximsim.testing import Mta, Server, Zone


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of policy tests."""
    group = parser.getgroup("eximsim")
    group.addoption("--eximsim-profile", metavar="PROFILE",
                    help="the Exim release of policy tests that name none (default: the newest)")  # fmt: skip


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
def mta(request: pytest.FixtureRequest, zone: Zone, server: Server) -> Mta:
    """The mail system: ``mta(config="exim.conf").deliver("a@example.com")``."""
    from eximsim.profiles import NEWEST
    from eximsim.testing import Mta

    subject = request.config.getoption("--eximsim-subject")
    if subject != "model":
        raise pytest.UsageError(f"--eximsim-subject={subject}: the fixture mta runs the model only")
    release = request.config.getoption("--eximsim-profile") or NEWEST
    return Mta(zone, server, tuple(_folders(request.path.parent, request.config.rootpath)), release)


def _folders(folder: Path, root: Path) -> Iterator[Path]:
    """The folder of a test and those above it, up to the root."""
    yield folder
    for above in folder.parents:
        if not above.is_relative_to(root):
            return
        yield above
