"""A search gives the same, in the same order, wherever it runs."""

from __future__ import annotations

import operator
from collections.abc import Iterator

import pytest

from eximsim.errors import InputError
from eximsim.fuzz.farm import in_order, workers

PARTS = range(12)


def test_one_process_does_it_by_itself() -> None:
    with workers() as executor:
        assert executor is None
        assert list(in_order(executor, operator.neg, PARTS)) == [-part for part in PARTS]


def test_processes_give_results_in_the_order_of_the_parts() -> None:
    with workers(jobs=2) as executor:
        assert list(in_order(executor, operator.neg, PARTS, 2)) == [-part for part in PARTS]


def test_who_has_read_enough_ends_the_search() -> None:
    taken = []

    def endless() -> Iterator[int]:
        part = 0
        while True:
            taken.append(part)
            yield part
            part += 1

    with workers(jobs=2) as executor:
        results = in_order(executor, operator.neg, endless(), 2)
        assert [next(results), next(results)] == [0, -1]
        results.close()  # type: ignore[attr-defined]
    assert len(taken) < 10


def test_a_dask_cluster_gives_the_same(cluster: str) -> None:
    with workers(scheduler=cluster) as executor:
        assert list(in_order(executor, operator.neg, PARTS, 2)) == [-part for part in PARTS]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", ""])
def test_a_scheduler_that_does_not_answer_is_bad_input(address: str) -> None:
    pytest.importorskip("distributed")
    with (
        pytest.raises(InputError, match="no Dask scheduler answers"),
        workers(scheduler=address, patience=0.3),
    ):
        pass
