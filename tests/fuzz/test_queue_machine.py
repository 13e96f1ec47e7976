"""Sequences of messages and queue runs, while DNS and servers change: nothing is lost, nothing downgraded."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from eximsim.profiles import NEWEST, profile
from eximsim.trace import Decision
from tests.fuzz.queueing import ANSWERS, HOSTS, SCRIPTS, TLSA, Queue
from tests.suite.recorded import stand

RELEASES = ("4.88-jh03", "4.93", NEWEST)
Step = Callable[[Queue], object]
Change = tuple[str, str]
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("mx"), st.sampled_from(sorted(ANSWERS))),
        st.tuples(st.sampled_from([f"a {host}" for host in HOSTS]), st.sampled_from(sorted(ANSWERS))),
        st.tuples(st.sampled_from([f"tlsa {host}" for host in HOSTS]), st.sampled_from(sorted(TLSA))),
        st.tuples(st.sampled_from([f"server {host}" for host in HOSTS]), st.sampled_from(sorted(SCRIPTS))),
    ),
    max_size=3,
)


class QueueMachine(RuleBasedStateMachine):
    """One machine; what happens is kept, so that it can be done again."""

    release = NEWEST

    @initialize()
    def start(self) -> None:
        self.steps: list[Step] = []
        self.queue = Queue(stand(), profile(self.release))

    def do(self, step: Step) -> object:
        self.steps.append(step)
        return step(self.queue)

    def run(self, step: Step) -> None:
        decisions = self.do(step)
        assert isinstance(decisions, tuple)
        for one in decisions:
            if one.outcome == "OK":
                self.check_delivery(one)

    def check_delivery(self, decision: Decision) -> None:
        """What was delivered was as safe as the DNS promised."""
        queue, host = self.queue, str(decision.inputs["host"])
        secure = queue.mx == queue.a[host] == "secure"
        assert queue.mx not in ("servfail", "dropped")
        assert queue.a[host] not in ("servfail", "dropped")
        if decision.inputs["cv"] == "dane":
            assert secure
            assert queue.tlsa[host] == "match"
        elif secure:
            assert queue.tlsa[host] in ("insecure", "none", "no name")  # else: DANE, or no delivery

    @rule(changes=CHANGES)
    def send(self, changes: list[Change]) -> None:
        self.change(changes)
        self.run(Queue.send)

    @rule(changes=CHANGES, option=st.sampled_from(["-q", "-qf", "-qff"]))
    def queue_run(self, changes: list[Change], option: str) -> None:
        self.change(changes)
        self.run(lambda queue: queue.queue_run(option))

    @rule(seconds=st.sampled_from([1, 30, 3600, 100_000, 500_000]))
    def wait(self, seconds: int) -> None:
        self.do(lambda queue: queue.wait(seconds))

    def change(self, changes: list[Change]) -> None:
        for part, value in changes:
            self.do(partial(Queue.change, part=part, value=value))

    @invariant()
    def nothing_is_lost_and_nothing_comes_twice(self) -> None:
        waiting = self.queue.waiting()
        for address in self.queue.sent:
            ends = [line for line in self.queue.log if re.search(rf" (?:=>|->|\*\*) {address}\b", line)]
            assert len(ends) + waiting.count(address) == 1, address

    def teardown(self) -> None:
        """The same steps on another machine leave the same log, octet for octet."""
        again = Queue(stand(), profile(self.release))
        for step in self.steps:
            step(again)
        assert again.log == self.queue.log
        assert again.waiting() == self.queue.waiting()


def search(release: str, examples: int = 15) -> None:
    machine = type("Machine", (QueueMachine,), {"release": release})
    wanted = settings(
        max_examples=examples, stateful_step_count=12, phases=[Phase.generate], derandomize=True
    )
    run_state_machine_as_test(machine, settings=settings(wanted, database=None))


@pytest.mark.parametrize("release", RELEASES)
def test_sequences_of_queue_runs(release: str) -> None:
    search(release)


def test_the_search_finds_the_release_that_fell_back_to_no_dane() -> None:
    with pytest.raises(AssertionError, match=r"servfail|dropped|mismatch"):
        search("4.87", 40)
