"""What pytest was told about eximsim: by options, and by ``[tool.eximsim]`` of ``pyproject.toml``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from eximsim.testing.settings import Settings

_SETTINGS = pytest.StashKey["Settings"]()
_WORLDS = ("memory", "loopback")
_PROGRAM = pytest.StashKey[str]()


def settings_of(config: pytest.Config) -> Settings:
    """What the table in the root's ``pyproject.toml`` says; raises ``pytest.UsageError``."""
    from eximsim.errors import InputError
    from eximsim.testing.settings import read_settings

    if _SETTINGS not in config.stash:
        try:
            config.stash[_SETTINGS] = read_settings(config.rootpath)
        except InputError as mistake:
            raise pytest.UsageError(str(mistake)) from None
    return config.stash[_SETTINGS]


def check_said(config: pytest.Config) -> None:
    """Hold, before any test runs, that what pytest was told can be; raises ``pytest.UsageError``."""
    settings = settings_of(config)
    worlds = [*(config.getoption("--eximsim-world") or ()), *([settings.world] if settings.world else ())]
    releases = (config.getoption("--eximsim-profile"), settings.profile)
    if subject_of(config) == "model" and not worlds and not any(releases):
        return
    from eximsim.errors import InputError
    from eximsim.profiles import profile
    from eximsim.suite.runner import exim_path

    try:
        exim_path(subject_of(config))
        for release in filter(None, releases):
            profile(release)
    except InputError as mistake:
        raise pytest.UsageError(str(mistake)) from None
    for world in worlds:
        if world not in _WORLDS:
            raise pytest.UsageError(f"world {world!r}: expected {' or '.join(_WORLDS)}")


def subject_of(config: pytest.Config) -> str:
    """What runs scripts and policy tests: ``"model"`` or ``"exim:PATH"``."""
    return str(config.getoption("--eximsim-subject") or settings_of(config).subject or "model")


def release_of(config: pytest.Config) -> str:
    """The release of policy tests that name none; that of the program, if a real one is the subject."""
    from eximsim.profiles import NEWEST

    said = config.getoption("--eximsim-profile") or settings_of(config).profile
    subject = subject_of(config)
    if said is None and subject != "model":
        from eximsim.suite.runner import subject_profile

        if config.stash.get(_PROGRAM, None) is None:
            own = subject_profile(subject)
            config.stash[_PROGRAM] = NEWEST if own is None else own.name
        return config.stash[_PROGRAM]
    return str(said or NEWEST)
