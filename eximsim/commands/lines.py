"""The lines that a server prints: whoever reads them slowly, or not at all, keeps no client waiting."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import deque
from types import TracebackType
from typing import Self

from eximsim.visible import visible

_KEPT = 10_000
_AT_ONCE = 500
_GATHER_SECONDS = 0.02
_END_SECONDS = 1.0
_LOOK_SECONDS = 1.0


class Lines:
    """Prints lines to standard output in a thread of its own; a context manager that prints what is left.

    What comes faster than it is read is left out beyond the last 10,000 lines, and counted in a line of its
    own. If the reader goes away, or the output is full, that is said on standard error, and no more printed.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._waiting: deque[str] = deque()
        self._left_out = 0
        self._closed = False
        self._over = False
        self._there = threading.Event()
        self._thread = threading.Thread(target=self._main, name="lines", daemon=True)

    def __enter__(self) -> Self:
        sys.stdout.flush()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._there.set()
        self._thread.join(_END_SECONDS)

    def say(self, line: str) -> None:
        """Print a line, soon; for one thread at a time."""
        if self._closed:
            return
        if len(self._waiting) >= _KEPT:
            self._left_out += 1
            return
        self._waiting.append(visible(line))
        if not self._there.is_set():
            self._there.set()

    def until_interrupted(self) -> None:
        """Go on until an interrupt, which is raised here.

        One that comes just before a sleep begins does not end it; so no sleep is long.
        """
        while True:
            time.sleep(_LOOK_SECONDS)

    def _main(self) -> None:
        while not self._over:
            self._there.wait()
            if not self._over:
                time.sleep(_GATHER_SECONDS)
            self._there.clear()
            while self._waiting and not self._closed:
                self._print()

    def _print(self) -> None:
        count = min(len(self._waiting), _AT_ONCE)
        lines = [self._waiting.popleft() for _ in range(count)]
        left_out, self._left_out = self._left_out, 0
        if left_out:
            text = f"({left_out:,} lines left out: they came faster than they were read)"
            lines.append(json.dumps({"left_out": left_out}) if self._as_json else text)
        try:
            _write("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
        except OSError as error:
            self._closed = True
            self._waiting.clear()
            _complain(f"eximsim: nobody reads what is printed ({error.strerror}); serving goes on\n")


def _write(octets: bytes) -> None:
    """Not by way of ``sys.stdout``: a thread that is stuck there would keep the interpreter from ending."""
    number = sys.stdout.fileno()
    while octets:
        octets = octets[os.write(number, octets) :]


def _complain(text: str) -> None:
    try:
        os.write(sys.stderr.fileno(), text.encode())
    except OSError:
        return
