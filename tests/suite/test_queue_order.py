"""The order of a queue run's messages is chance, and nothing else of a log is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eximsim.suite.queue_order import in_order_of_arrival

NOW = "2026-11-29 01:00:00"
IDS = ("1vP8uZ-00000U-0A", "1vP8uZ-00000j-1B", "1vP8uY-00000z-2C", "1vP8ub-0000000000G-0dXz")
ARRIVALS = "".join(f"{NOW} {id} <= a@b U=u P=local S=300\n" for id in IDS)


def delivered(id: str) -> str:
    return (
        f"{NOW} {id} H=h [192.0.2.1]: DANE error: tlsa lookup DEFER\n"
        f"{NOW} SSL verify error: of no message\n"
        f"{NOW} {id} == x@y R=r T=t defer (-36): DANE error: tlsa lookup DEFER\n"
    )


def run(order: tuple[str, ...], kind: str = "-qf", pid: int = 1234) -> str:
    told = "".join(map(delivered, order))
    return f"{NOW} Start queue run: pid={pid} {kind}\n{told}{NOW} End queue run: pid={pid} {kind}\n"


@given(st.lists(st.permutations(IDS), max_size=3))
def test_any_order_of_the_messages_of_a_queue_run_is_one(orders: list[list[str]]) -> None:
    runs = [run(tuple(order), pid=number) for number, order in enumerate(orders)]
    usual = [run(IDS, pid=number) for number in range(len(orders))]
    assert in_order_of_arrival(ARRIVALS + "".join(runs)) == ARRIVALS + "".join(usual)


def test_what_is_logged_of_a_message_stays_as_it_was() -> None:
    log = ARRIVALS + run((IDS[1], IDS[0]))
    assert sorted(in_order_of_arrival(log).splitlines()) == sorted(log.splitlines())
    assert in_order_of_arrival(ARRIVALS + run(IDS)) == ARRIVALS + run(IDS)


def test_outside_of_queue_runs_and_in_two_stages_the_order_counts() -> None:
    for log in (
        ARRIVALS + delivered(IDS[1]) + delivered(IDS[0]),
        ARRIVALS + run((IDS[1], IDS[0]), "-qqf"),
        ARRIVALS + run((IDS[1], IDS[0])).replace("End queue run", "no end"),
    ):
        assert in_order_of_arrival(log) == log
