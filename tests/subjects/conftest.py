from collections.abc import Iterator
from pathlib import Path

import pytest

from eximsim.subjects.isolation import Place
from eximsim.subjects.namespace import Namespace
from eximsim.subjects.subject import NoNamespace
from tests.subjects.reference import Missing, reference_exim


@pytest.fixture(scope="session")
def namespaces() -> None:
    """This machine lets us have a private namespace; the test is skipped if not."""
    try:
        with Namespace(Place()):
            pass
    except NoNamespace as reason:
        pytest.skip(str(reason))


@pytest.fixture
def inside(namespaces: None) -> Iterator[Namespace]:
    etc = {"motd": "hello\n", "passwd": ""}
    with Namespace(Place("box.test.ex", ("192.0.2.7",), ("10.9.0.0/16",), etc)) as namespace:
        yield namespace


@pytest.fixture(scope="session")
def exim(namespaces: None) -> Path:
    """The reference program; the test is skipped if there is none."""
    try:
        return reference_exim()
    except Missing as reason:
        pytest.skip(str(reason))
