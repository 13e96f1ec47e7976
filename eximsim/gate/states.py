"""The state of the model in the middle of a run, as a digest: equal digests go on in the same way.

This is what explicit-state model checkers do. The state is everything that the rest of the run can look at:
for each call that is under way, where it is and its local variables, and all that can be reached from these.
Left out is what never changes (configuration, profile, tables) and what is written but never read by the
model (the trace, what servers and name servers have noted). What an outcome is made of counts as well: the
log, the decisions that matter for it, and in which connections a server was asked about the recipient.
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
from sys import _getframe
from typing import Any

from eximsim.gate.diagram import Answers
from eximsim.gate.lattice import LatticeBehaviour, LatticeZones
from eximsim.gate.outcome import is_refusal
from eximsim.mta.drivers import DriverInstance
from eximsim.mta.globals import Process
from eximsim.mta.options import Options
from eximsim.mta.readconf import Config
from eximsim.mta.smtp_out import Dialogue
from eximsim.mta.tables import Table
from eximsim.mta.transports.smtp_context import SmtpContext
from eximsim.mta.world import TlsSession
from eximsim.profiles import Profile
from eximsim.suite.config_files import ConfigFiles
from eximsim.suite.policy import Policy
from eximsim.trace import Trace
from eximsim.world.certificates import ChainSet
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.smtp_server import ConnectionLog

_Reduced = tuple[Callable[..., object], tuple[object, ...]]


def same(*parts: object) -> None:
    """Stands for an object in the digest; only what it is given counts."""


_TOLD = frozenset({"certificate verified", "address outcome", "transport died", "host tried"})


def _trace(trace: Trace) -> _Reduced:
    told = [(one.outcome, one.inputs.get("host")) for one in trace if one.rule in _TOLD]
    return same, ("trace", told, any(map(is_refusal, trace)))


def _world(world: MemoryWorld) -> _Reduced:
    return same, (
        "world",
        world.clock,
        world._last_port,
        [accepted.session for accepted in world.accepted],
        list(world._open.values()),
    )


def _function(function: types.FunctionType) -> _Reduced:
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return same, (function.__module__, function.__qualname__, cells, function.__defaults__)


def _frame(frame: types.FrameType) -> tuple[object, ...]:
    code = frame.f_code
    told = {name: _without(value) for name, value in frame.f_locals.items()}
    return code.co_qualname, code.co_firstlineno, frame.f_lasti, told


def _without(value: object) -> object:
    """A local variable; one that is a copy of expansion variables, without those that nothing looks at."""
    if type(value) is dict and not _EXPANDED_ONLY.isdisjoint(value):
        return {name: one for name, one in value.items() if name not in _EXPANDED_ONLY}
    return value


def _generator(generator: types.GeneratorType[Any, Any, Any]) -> _Reduced:
    frame = generator.gi_frame
    return same, ("generator", None if frame is None else _frame(frame))


def _log(log: ConnectionLog) -> _Reduced:
    return same, (log.tls, [event for event in log.events if event.startswith("RCPT")])


def _by_name(one: Any) -> _Reduced:
    return same, (one.__module__, one.__qualname__)


def _parts(*left_out: str) -> Callable[[Any], _Reduced]:
    """The fields of an object but for those that nothing is decided by."""

    def reduce(one: Any) -> _Reduced:
        return same, tuple(getattr(one, f.name) for f in fields(one) if f.name not in left_out)

    return reduce


def _process(process: Process) -> _Reduced:
    kept = {key: result for key, (result, _) in process.dns_fails.items()}
    told = {name: value for name, value in process.variables.items() if name not in _EXPANDED_ONLY}
    rest = [getattr(process, f.name) for f in fields(process) if f.name not in ("dns_fails", "variables")]
    return same, (kept, told, *rest)


_EXPANDED_ONLY = frozenset({"lookup_dnssec_authenticated", "tls_out_peercert"})


def _constant(_: object) -> _Reduced:
    return same, ()


_FIXED = (Config, Options, Profile, Policy, ConfigFiles, ChainSet, Host)
"""There is one of each in an exploration, or where the run has come to tells which."""

_REDUCERS: Mapping[type, Callable[[Any], _Reduced]] = {
    Trace: _trace,
    Process: _process,
    SmtpContext: _parts("command_log"),
    Dialogue: _parts("log"),
    TlsSession: _parts("peer_chain"),
    MemoryWorld: _world,
    ConnectionLog: _log,
    LatticeBehaviour: lambda one: (same, (one.host,)),
    types.FunctionType: _function,
    types.GeneratorType: _generator,
    types.ModuleType: lambda one: (same, (one.__name__,)),
    types.MappingProxyType: lambda one: (same, (dict(one),)),
    type: _by_name,
    functools._lru_cache_wrapper: _by_name,
    random.Random: lambda one: (same, (hash(one.getstate()),)),
    re.Pattern: lambda one: (same, (one.pattern, one.flags)),
    Table: lambda one: (same, (one.name,)),
    DriverInstance: lambda one: (same, (one.name,)),
    **dict.fromkeys((Answers, LatticeZones, *_FIXED), _constant),
}


class _Pickler(pickle.Pickler):
    def reducer_override(self, one: Any) -> Any:
        """How an object goes into the digest, if it is not just its parts."""
        kind = type(one)
        reducer = _REDUCERS.get(kind)
        if reducer is not None and one is not same:
            return reducer(one)
        if issubclass(kind, Enum):
            return same, (kind.__qualname__, one.name)
        if issubclass(kind, type):
            return _by_name(one)
        return NotImplemented


class Unknown(Exception):
    """The state holds something that cannot be put into a digest."""


def digest(until: types.CodeType) -> bytes:
    """The state of the run that asks a question: of all calls under way, up to that of ``until``."""
    frames = []
    frame = _getframe(1)
    while frame.f_code is not Answers.choose.__code__:
        assert frame.f_back is not None
        frame = frame.f_back
    assert frame.f_back is not None
    frame = frame.f_back
    while frame.f_code is not until:
        frames.append(_frame(frame))
        assert frame.f_back is not None
        frame = frame.f_back
    out = io.BytesIO()
    try:
        _Pickler(out, protocol=5).dump(frames)
    except (TypeError, pickle.PicklingError, AttributeError) as problem:
        raise Unknown(str(problem)) from problem
    return blake2b(out.getbuffer(), digest_size=16).digest()
