"""The model against another program in random situations."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from eximsim.fuzz.differential import Bout, Contest, Difference, ModelRival, signature
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.profiles import Profile, profile
from eximsim.suite.compare import RESTLESS, Comparison
from eximsim.suite.recording import Record, Situation
from eximsim.suite.replay import Replayed, Stand
from tests.suite.recorded import stand

OURS = profile("4.96-debian12")
SMALL = 30


def contest(theirs: Profile, seed: int = 7) -> Contest:
    return Contest(stand(), OURS, ModelRival(stand(), theirs), seed)


def test_a_program_that_is_the_model_does_not_differ() -> None:
    bouts = list(contest(OURS).play(SMALL))
    assert [bout.found.result for bout in bouts] == ["agree"] * SMALL
    assert [bout.made.value.id for bout in bouts][:2] == ["r7-1", "r7-2"]


QUIET = replace(OURS, name="quiet", message_error_names_host=False)
"""Like ours, but a 4xx reply to MAIL, DATA or the message is logged in another way."""


def differences(theirs: Profile, count: int, seed: int) -> list[Difference]:
    here = contest(theirs, seed)
    differing = [bout for bout in here.play(count) if bout.differs]
    assert differing
    return [found for found in here.settle(differing[:1]) if isinstance(found, Difference)]


def test_a_difference_is_found_and_made_as_small_as_can_be() -> None:
    (one,) = differences(QUIET, 60, 3)
    situation = one.situation
    assert situation.id == f"{one.ids[0]}-least"
    assert one.found.result == "differ"
    assert len(situation.recipients) == 1
    assert situation.queuerun is None
    assert (situation.main, situation.transport) == ({}, {})
    (server,) = situation.servers.values()
    assert isinstance(server, dict)
    (phase,) = server
    assert phase in ("mail", "data", "end_of_data")


@dataclass(slots=True)
class Moody:
    """A rival that does otherwise than the model the first time it is asked about a situation."""

    inner: ModelRival
    profile: Profile
    asked: set[str] = field(default_factory=set)

    def records(self, asked: Iterator[Situation], jobs: int) -> Iterator[Record]:
        return (replace(record, outcome="moody") for record in self.inner.records(asked, jobs))

    @contextmanager
    def open(self) -> Iterator[object]:
        with self.inner.open() as ask:
            yield ask


def test_a_program_may_think_better_of_it() -> None:
    here = Contest(stand(), OURS, Moody(ModelRival(stand(), OURS), OURS), 7)  # type: ignore[arg-type]
    differing = list(here.play(3))
    assert all(bout.differs for bout in differing)
    settled = list(here.settle(differing))
    assert all(isinstance(found, Bout) for found in settled)
    assert {found.found.rule for found in settled if isinstance(found, Bout)} == {RESTLESS}


class Undefined(Stand):
    """A stand on which anything may happen."""

    def __init__(self) -> None:
        pass

    def replay(self, *_: object, **__: object) -> Replayed:
        raise UndefinedBehaviour("it rains")


def test_undefined_behaviour_of_the_rival_is_explained() -> None:
    (bout,) = Contest(stand(), OURS, ModelRival(Undefined(), OURS), 7).play(1)
    assert (bout.found.result, bout.found.rule) == ("explained", "undefined: it rains")


@pytest.mark.parametrize(
    ("one", "two"), [("mx1.test.ex [10.9.1.1]", "mx27.other.ex [10.9.3.2]"), ('DN="CN=a"', 'DN="CN=b"')]
)
def test_a_signature_has_no_names_and_no_numbers(one: str, two: str) -> None:
    bout = next(iter(contest(OURS).play(1)))
    shown = []
    for text in (one, two):
        record = replace(bout.found.record, seen=replace(bout.found.record.seen, log=(text,)))
        shown.append(signature(Comparison(record, "differ", {"log": False}, replayed=bout.found.replayed)))
    assert shown[0] == shown[1]
    assert "mx" not in shown[0].partition("<>")[0]


def test_what_is_not_modelled_has_a_signature_too() -> None:
    bout = next(iter(contest(OURS).play(1)))
    lack = Comparison(bout.found.record, "unsupported", rule="option x of host mx1.test.ex")
    assert signature(lack) == "not modelled: option x of host *"
