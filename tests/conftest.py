"""What tests of several folders need."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

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


@pytest.fixture
def cluster() -> Iterator[str]:
    """A Dask cluster of one thread on the loopback interface; gives its scheduler's address."""
    with pytest.importorskip("distributed").LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, host="127.0.0.1", protocol="tcp",
        dashboard_address=None,
    ) as local:  # fmt: skip
        yield local.scheduler_address
