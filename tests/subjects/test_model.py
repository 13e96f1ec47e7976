"""The model as the subject of a test: what goes on behind a script's back."""

from __future__ import annotations

import pytest

from eximsim.profiles import profile
from eximsim.subjects.model import ModelSubject
from eximsim.subjects.runs import User
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.rrsets import rrset_zones


@pytest.mark.parametrize("side_by_side", [False, True])
@pytest.mark.parametrize(("due", "is_done"), [(0.4, True), (0.6, False), (1.0, False)])
def test_what_is_due_half_a_second_after_the_last_command_is_done(
    due: float, is_done: bool, side_by_side: bool
) -> None:
    world = MemoryWorld(rrset_zones([]), Host(), side_by_side=side_by_side)
    subject = ModelSubject(world, profile("4.93"), User("root", 0, "root", 0), "exim", "mx.test.ex")
    done: list[float] = []
    subject.machine.unwatched.later.append((world.now() + due, lambda: done.append(world.now())))
    subject.written()
    assert bool(done) is is_done
