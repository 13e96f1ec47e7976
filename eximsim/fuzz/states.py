"""The state of the model in the middle of a run, as a digest: equal digests go on in the same way.

The state is everything that the rest of the run can look at: for each call that is under way, where it is
and its local variables, and all that can be reached from these. Left out are what never changes in a space
(configuration, profile, certificates, tables), what is written and never read by the model (the trace, the
log files, what servers and name servers have noted), and numbers that no law and no decision looks at (the
local port of a connection, the numbers of processes). A test holds that runs put together from equal states
are the runs that the model makes.
"""

from __future__ import annotations

import functools
import io
import pickle
import random
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from hashlib import blake2b
from typing import Any

from eximsim.fuzz.explore import Choices
from eximsim.fuzz.space import Space
from eximsim.fuzz.stage import LazyOptions, LazyServer, LazySession, LazyZones, Stage
from eximsim.mta.drivers import DriverInstance
from eximsim.mta.globals import Machine, Process
from eximsim.mta.options import Options
from eximsim.mta.readconf import Config
from eximsim.mta.smtp_out import Dialogue
from eximsim.mta.tables import Table
from eximsim.mta.transports.smtp_context import SmtpContext
from eximsim.mta.world import TlsPolicy, TlsSession
from eximsim.profiles import Profile
from eximsim.suite.recording import Situation
from eximsim.suite.replay import LOG_FILES, Stand, StandRun
from eximsim.trace import Trace
from eximsim.world.certificates import ChainSet
from eximsim.world.host import Host
from eximsim.world.memory import MemoryConnection, MemoryWorld
from eximsim.world.smtp_server import Behaviour, ConnectionLog

_Reduced = tuple[Callable[..., object], tuple[object, ...]]


def same(*parts: object) -> None:
    """Stands for an object in the digest; only what it is given counts."""


def _frame(frame: types.FrameType) -> tuple[object, ...]:
    code = frame.f_code
    return code.co_qualname, frame.f_lasti, list(frame.f_locals.items())


def _parts(kind: type, *left_out: str) -> Callable[[Any], _Reduced]:
    """The fields of an object but for those that nothing is decided by."""
    names = [one.name for one in fields(kind) if one.name not in left_out]
    return lambda one: (same, tuple([getattr(one, name) for name in names]))


def _constant(_: object) -> _Reduced:
    return same, ()


def _named(one: Any) -> _Reduced:
    return same, (one.__module__, one.__qualname__)


def _generator(one: types.GeneratorType[Any, Any, Any]) -> _Reduced:
    return same, ("generator", None if one.gi_frame is None else _frame(one.gi_frame))


def _function(one: types.FunctionType) -> _Reduced:
    cells = [cell.cell_contents for cell in one.__closure__ or ()]
    return same, (one.__module__, one.__qualname__, cells, one.__defaults__)


_MACHINE = [one.name for one in fields(Machine) if one.name not in ("files", "trace", "next_pid")]


def _machine(machine: Machine) -> _Reduced:
    files = [item for item in machine.files.items() if item[0] not in LOG_FILES]
    return same, (files, *(getattr(machine, name) for name in _MACHINE))


def _world(world: MemoryWorld) -> _Reduced:
    places = {id(one.session): number - len(world.accepted) for number, one in enumerate(world.accepted)}
    still_open = [(places[id(one.session)], one) for one in world.open_connections]
    return same, (world.clock.time, still_open)


def _connection(one: MemoryConnection) -> _Reduced:
    return same, one.state


def _session(one: LazySession) -> _Reduced:
    return same, one.progress


_FIXED = (
    Behaviour, ChainSet, Choices, Config, ConnectionLog, Host, LazyOptions, LazyZones, Options, Profile,
    Situation, Space, Stage, Stand, StandRun, TlsPolicy, Trace,
)  # fmt: skip
"""There is one of each in an exploration, or what it holds follows from where the run has come to."""

_REDUCERS: Mapping[type, Callable[[Any], _Reduced]] = {
    **dict.fromkeys(_FIXED, _constant),
    DriverInstance: lambda one: (same, (one.name,)),
    Dialogue: _parts(Dialogue, "log"),
    LazyServer: lambda one: (same, (one.host,)),
    LazySession: _session,
    Machine: _machine,
    MemoryConnection: _connection,
    MemoryWorld: _world,
    Process: _parts(Process, "pid"),
    SmtpContext: _parts(SmtpContext, "command_log"),
    Table: lambda one: (same, (one.name,)),
    TlsSession: _parts(TlsSession, "peer_chain"),
    functools._lru_cache_wrapper: _named,
    random.Random: lambda one: (same, (hash(one.getstate()),)),
    re.Pattern: lambda one: (same, (one.pattern, one.flags)),
    type: _named,
    types.FunctionType: _function,
    types.GeneratorType: _generator,
    types.MappingProxyType: lambda one: (same, (dict(one),)),
    types.ModuleType: lambda one: (same, (one.__name__,)),
}


class _Pickler(pickle.Pickler):
    """Writes a state."""

    def reducer_override(self, one: Any) -> Any:
        """How an object goes into the digest, if it is not just its parts."""
        kind = type(one)
        reducer = _REDUCERS.get(kind)
        if reducer is not None and one is not same:
            return reducer(one)
        if issubclass(kind, Enum):
            return same, (kind.__qualname__, one.name)
        if issubclass(kind, type):
            return _named(one)
        return NotImplemented


class Unknown(Exception):
    """The state holds something that cannot be put into a digest."""


def digest(axis: str, frame: types.FrameType, root: types.CodeType) -> bytes:
    """The state of the calls from ``frame`` out to the one of ``root``, which does not count, as they ask for
    the value of ``axis``; raises ``Unknown``.
    """
    found: list[object] = [axis]
    at: types.FrameType | None = frame
    while at is not None and at.f_code is not root:
        if len(found) > 1 or not at.f_globals["__name__"].startswith(_SEARCH):
            found.append(_frame(at))  # what the search itself does to make a choice is no state
        at = at.f_back
    out = io.BytesIO()
    try:
        _Pickler(out, 5).dump(found)
    except (TypeError, pickle.PicklingError, AttributeError) as problem:
        raise Unknown(str(problem)) from problem
    return blake2b(out.getbuffer(), digest_size=16).digest()


_SEARCH = __name__.rpartition(".")[0]
