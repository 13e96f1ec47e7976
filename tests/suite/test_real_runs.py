"""Situations on a real program in several processes."""

from __future__ import annotations

import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor

from eximsim.suite.real_runs import submitted


def blocked() -> set[int]:
    return {*signal.pthread_sigmask(signal.SIG_BLOCK, ())}


def test_a_process_that_begins_is_not_told_of_an_interrupt() -> None:
    before = blocked()
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        held = [submitted(pool, blocked) for _ in range(2)]
        assert all(signal.SIGINT in one.result() for one in held)
    assert blocked() == before
