"""The project's own test scripts are collected like any other test."""

import signal

import pytest
from hypothesis import settings

# a machine may be busy; how long one example took says nothing about the program
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# what a shell starts in the background ignores interrupts, and tests that send one would wait for ever
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["eximsim.pytest_plugin"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--long``: what is tried a few times in the whole test is tried very often."""
    parser.addoption("--long", action="store_true", help="try many more moments and random inputs (hours)")


@pytest.fixture(scope="session")
def long(pytestconfig: pytest.Config) -> bool:
    """Whether the test runs in the long mode."""
    return bool(pytestconfig.getoption("--long"))
