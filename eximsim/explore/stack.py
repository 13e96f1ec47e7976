"""Where a run of the model stands: the calls that are under way, from the one that asks outwards.

Two runs in the same state go on alike. The state includes the calls that have not returned, as its stack is
part of a process's state: where each one is, and the values of its variables. They are taken as a whole and
by their places, never by their names, so that renaming a variable of the model changes nothing. This is the
only module that looks at calls from outside; what else an exploration has to know of a run, the model
publishes (``Machine.asking``).
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from sys import _getframe
from typing import Any

Shown = Callable[[Any], object]
"""What counts of a dictionary or a number in a variable: of expansion variables, or of a moment."""


def calls_between(asking: types.CodeType, root: types.CodeType) -> list[types.FrameType]:
    """The calls within the call of ``root`` that led to the one of ``asking``, the innermost first.

    What an exploration keeps between two questions (half of an answer, say) stands in calls of its own, and
    counts like the model's.
    """
    inner = itertools.takewhile(lambda frame: frame.f_code is not root, _outwards(_getframe(1)))
    return list(itertools.dropwhile(lambda frame: frame.f_code is not asking, inner))[1:]


def owner_within(root: types.CodeType) -> object:
    """The object whose method the call of ``root`` is: its first argument."""
    for frame in _outwards(_getframe(1)):
        if frame.f_code is root:
            return first_argument(frame)
    raise LookupError(f"{root.co_qualname} is not under way")


def first_argument(frame: types.FrameType) -> object:
    """What a call was given first; of a method, the object that it is called on."""
    return frame.f_locals[frame.f_code.co_varnames[0]]


_SHOWN = (dict, float)


def call_state(frame: types.FrameType, shown: Shown) -> tuple[object, ...]:
    """A call as part of a state: what it is, where it is, and its variables by their places."""
    places = _places(frame.f_code)
    values = [
        (places[name], shown(value) if type(value) in _SHOWN else value)
        for name, value in frame.f_locals.items()
    ]
    values.sort(key=_place)
    return frame.f_code.co_qualname, frame.f_code.co_firstlineno, frame.f_lasti, values


def generator_state(generator: types.GeneratorType[Any, Any, Any], shown: Shown) -> tuple[object, ...]:
    """A generator that waits for its next turn is a call, too."""
    frame = generator.gi_frame
    return ("generator", None if frame is None else call_state(frame, shown))


def _outwards(frame: types.FrameType | None) -> Iterator[types.FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _place(value: tuple[int, object]) -> int:
    return value[0]


@lru_cache(maxsize=4096)
def _places(code: types.CodeType) -> Mapping[str, int]:
    names = (*code.co_varnames, *code.co_cellvars, *code.co_freevars)
    return {name: place for place, name in enumerate(dict.fromkeys(names))}
