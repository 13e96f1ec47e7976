"""What overtakes a delivery that nobody waits for, under Exim's test suite."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.process.unwatched import Unwatched


def work(unwatched: Unwatched, done: list[str], name: str, *, remote: bool = True) -> None:
    unwatched.transports += remote
    done.append(name)


def begun(at: float, done: list[str], *, remote: bool = True) -> Unwatched:
    unwatched = Unwatched()
    unwatched.begun.append((at, lambda: work(unwatched, done, "delivered", remote=remote)))
    return unwatched


@pytest.mark.parametrize(("passed", "ended"), [(0.0, True), (0.5, False), (0.6, True), (2.0, True)])
def test_a_transport_is_at_work_for_six_tenths_of_a_second(passed: float, ended: bool) -> None:
    done: list[str] = []
    unwatched = begun(100.0, done)
    unwatched.run_until(100.0 + passed)
    assert done == (["delivered"] if ended else [])
    unwatched.run_overtaken(100.0 + passed)
    assert done == ["delivered"]


def test_what_has_just_begun_is_overtaken_by_nothing() -> None:
    done: list[str] = []
    unwatched = begun(100.0, done)
    unwatched.run_overtaken(100.0)
    assert not done
    unwatched.run()
    assert done == ["delivered"]


def test_a_local_delivery_would_have_been_through() -> None:
    with pytest.raises(Unsupported, match="without a remote transport"):
        begun(100.0, [], remote=False).run_overtaken(100.5)
