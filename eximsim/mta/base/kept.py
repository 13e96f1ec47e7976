"""What was read out of files, kept for the next look, as long as it is not too much."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Results by content, of ``most`` units in all; what was used longest ago goes first.

    ``size`` tells how many units a result has.
    """

    def __init__(self, most: int, size: Callable[[T], int]) -> None:
        self._most, self._size = most, size
        self._known: OrderedDict[bytes, T] = OrderedDict()
        self._units = 0

    def of(self, content: bytes, read: Callable[[bytes], T]) -> T:
        """What ``read`` makes of a content."""
        if content in self._known:
            self._known.move_to_end(content)
            return self._known[content]
        found = read(content)
        self._known[content] = found
        self._units += self._size(found)
        while self._units > self._most and len(self._known) > 1:
            self._units -= self._size(self._known.popitem(last=False)[1])
        return found
