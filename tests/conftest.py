"""What tests of several folders need."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import eximsim


@pytest.fixture(scope="session")
def whole_program() -> None:
    """Every module of the program is loaded; for tests that run pytest in this process.

    pytester forgets what was imported since it began: a module that was first seen then would exist twice
    afterwards, and its enumerations would no longer be equal to themselves.
    """
    for module in pkgutil.walk_packages(eximsim.__path__, "eximsim."):
        importlib.import_module(module.name)
