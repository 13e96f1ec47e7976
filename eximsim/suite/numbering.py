"""Names for what differs from run to run: message ids, process numbers, ports, connections.

One ``Numbering`` serves one whole test. Every value gets its name when it is first seen, over all files of
the test in the order in which they are compared, so the order of comparison is part of the result
(test/runtest, ``new_value``).
"""

from __future__ import annotations

from dataclasses import field
from itertools import count

from eximsim.quick_dataclass import dataclass


def following(text: str) -> str:
    """The string after ``text`` as Perl's ``++`` has it: ``aX``, ``aY``, ``aZ``, ``bA``; ``z9``, ``aa0``."""
    letters = list(text)
    for place in range(len(letters) - 1, -1, -1):
        successor = _WRAP.get(letters[place])
        if successor is None:
            letters[place] = chr(ord(letters[place]) + 1)
            return "".join(letters)
        letters[place] = successor
    first = letters[0]
    return ("1" if first == "0" else first) + "".join(letters)


_WRAP = {"z": "a", "Z": "A", "9": "0"}


@dataclass(slots=True)
class Numbering:
    """The names given so far in one test.

    All series share one table, as in ``runtest``: a port number equal to a process number seen before gets
    that process's name.
    """

    first_port: int = 10001
    first_pid: int = 1234
    first_connection: int = 1111
    _names: dict[str, str] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)
    _counters: dict[str, count[int]] = field(default_factory=dict)

    def message_id(self, value: str, template: str) -> str:
        """The name of a message id; ``template`` has one ``%s`` for ``aX``, ``aY``, ..."""
        if (name := self._names.get(value)) is None:
            step = self._ids.get(template)
            self._ids[template] = step = "aX" if step is None else following(step)
            name = self._names[value] = template % step
        return name

    def pid(self, value: str, template: str = "%s") -> str:
        """The name of a process number."""
        return self._number(value, "pid", self.first_pid, template)

    def port(self, value: str) -> str:
        """The name of a port number that the system chose."""
        return self._number(value, "port", self.first_port, "%s")

    def connection(self, value: str) -> str:
        """The name of a connection id."""
        return self._number(value, "connection", self.first_connection, "conn%s")

    def _number(self, value: str, series: str, first: int, template: str) -> str:
        if (name := self._names.get(value)) is None:
            counter = self._counters.setdefault(series, count(first))
            name = self._names[value] = template % next(counter)
        return name
