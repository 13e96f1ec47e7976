"""Where a search runs: in this process, on the cores of this machine, or on a Dask cluster.

A search is a sequence of independent parts, and what comes out does not depend on who works on them: results
come in the order of the parts, however many workers there are.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from eximsim.errors import InputError

_T = TypeVar("_T")
_R = TypeVar("_R")

_AHEAD = 2
"""How many parts for each worker are under way, so that none is idle and little is in vain."""


@contextmanager
def workers(jobs: int = 1, scheduler: str | None = None, patience: float = 10) -> Iterator[Executor | None]:
    """Who works: ``jobs`` processes, or the Dask cluster at ``scheduler`` (``tcp://host:port``); None: we.

    ``patience`` is how many seconds a scheduler has to answer. Raises ``InputError`` if Dask is not installed
    or nobody answers there.
    """
    if scheduler is not None:
        with _dask(scheduler, patience) as executor:
            yield executor
    elif jobs == 1:
        yield None
    else:
        with ProcessPoolExecutor(jobs) as pool:
            try:
                yield pool
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _dask(scheduler: str, patience: float) -> Iterator[Executor]:
    try:
        from distributed import Client
        from distributed.comm.addressing import get_address_host_port
    except ImportError:
        raise InputError("--scheduler needs Dask: pip install 'eximsim[farm]'") from None
    try:
        # Dask goes on trying in the background if nobody answers, and starts a cluster if nobody is named
        host, port = get_address_host_port(scheduler)
        socket.create_connection((host, port), timeout=patience).close()
        client = Client(scheduler, timeout=patience, set_as_default=False)  # type: ignore[no-untyped-call]  # Dask's
    except (OSError, TimeoutError, ValueError) as problem:
        raise InputError(f"no Dask scheduler answers at {scheduler!r}: {problem}") from None
    with client, client.get_executor(pure=False) as executor:  # type: ignore[no-untyped-call]  # Dask's
        try:
            yield executor
        finally:
            executor.shutdown(wait=False)


def in_order(
    executor: Executor | None, function: Callable[[_T], _R], parts: Iterable[_T], jobs: int = 1
) -> Iterator[_R]:
    """``function`` of each part, in their order; parts are taken only as workers get free.

    Whoever stops reading early stops the search: what is not under way yet is never begun.
    """
    if executor is None:
        yield from map(function, parts)
        return
    source = iter(parts)
    running: deque[Future[_R]] = deque()
    try:
        for part in islice(source, max(jobs, 1) * _AHEAD):
            running.append(executor.submit(function, part))
        while running:
            result = running.popleft().result()
            for part in islice(source, 1):
                running.append(executor.submit(function, part))
            yield result
    finally:
        for future in running:
            future.cancel()
