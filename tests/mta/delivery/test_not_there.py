"""Messages that a delivery cannot have: they are gone, or another process has them."""

from __future__ import annotations

import pytest

from eximsim.mta.delivery.deliver import deliver_message
from tests.mta.front import Front


@pytest.mark.parametrize("in_queue_run", [False, True])
def test_a_message_that_is_gone_is_told_of_outside_a_queue_run(in_queue_run: bool) -> None:
    front = Front()
    process = front.process()
    process.message_id, process.queue_running = "gone", in_queue_run
    deliver_message(process, "gone", force=False, give_up=False)
    assert front.log() == ([] if in_queue_run else ["gone Spool file gone-D not found"])


@pytest.mark.parametrize(("release", "named"), [("4.93", False), ("4.94.1", True)])
def test_a_message_that_another_process_has_is_left_to_it(release: str, named: bool) -> None:
    front = Front(release=release)
    front.exim("-odq", "a@d.ex", stdin="")
    (message_id,) = front.machine.spool.ids()
    front.machine.spool.locked.add(message_id)
    front.exim("-M", message_id)
    file = f"Spool file for {message_id}" if named else "Spool file"
    told = f"{file} is locked (another process is handling this message)"
    assert front.log()[1:] == [f"{message_id} {told}"]
