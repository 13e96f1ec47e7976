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
from dataclasses import dataclass, fields
from enum import Enum
from hashlib import blake2b
from sys import _getframe
from typing import Any

from eximsim.gate.diagram import Answers
from eximsim.gate.lattice import DATA, MAIL, RCPT, LatticeBehaviour, LatticeZones
from eximsim.gate.outcome import is_refusal
from eximsim.mta.drivers import DriverInstance
from eximsim.mta.globals import Machine, Process
from eximsim.mta.options import Options
from eximsim.mta.readconf import Config
from eximsim.mta.smtp_out import Dialogue
from eximsim.mta.structs import HostItem
from eximsim.mta.tables import Table
from eximsim.mta.transports.smtp_context import SmtpContext
from eximsim.mta.world import TlsSession
from eximsim.profiles import Profile
from eximsim.suite.config_files import ConfigFiles
from eximsim.suite.policy import Policy, PolicySession
from eximsim.trace import Trace
from eximsim.world.certificates import ChainSet
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.smtp_server import ConnectionLog

_Reduced = tuple[Callable[..., object], tuple[object, ...]]


def same(*parts: object) -> None:
    """Stands for an object in the digest; only what it is given counts."""


_TOLD = frozenset({"certificate verified", "address outcome", "transport died"})
"""The decisions that an outcome is made from, besides those by which the policy rules a host out."""


def _trace(trace: Trace) -> _Reduced:
    told = [(one.outcome, one.inputs.get("host")) for one in trace if one.rule in _TOLD]
    return same, ("trace", told, any(map(is_refusal, trace)))


def _world(world: MemoryWorld) -> _Reduced:
    return same, (
        "world",
        world.clock,
        world._last_port,
        [_log(accepted.session.log) for accepted in world.accepted],  # type: ignore[attr-defined]  # SMTP
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
    """A local variable; a copy of expansion variables is recognised by those that are only expanded."""
    if type(value) is dict and not _EXPANDED_ONLY.isdisjoint(value):
        return Variables(value)
    return value


class Variables:
    """Expansion variables: those that only expansions look at count if the configuration has them."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values


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


_EXPANDED_ONLY = frozenset({"lookup_dnssec_authenticated", "tls_out_peercert"})


def _constant(_: object) -> _Reduced:
    return same, ()


_FIXED = (Config, Options, Profile, Policy, ConfigFiles, ChainSet, Host)
"""There is one of each in an exploration, or where the run has come to tells which."""

_REDUCERS: Mapping[type, Callable[[Any], _Reduced]] = {
    Trace: _trace,
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
    """Writes a state; ``view`` tells what of it can still matter."""

    def __init__(self, out: io.BytesIO, view: _Alive) -> None:
        super().__init__(out, protocol=5)
        self._view = view

    def reducer_override(self, one: Any) -> Any:
        """How an object goes into the digest, if it is not just its parts."""
        kind = type(one)
        reducer = _REDUCERS.get(kind)
        if reducer is not None and one is not same:
            return reducer(one)
        if kind in _ALIVE:
            return same, _ALIVE[kind](self._view, one)
        if issubclass(kind, Enum):
            return same, (kind.__qualname__, one.name)
        if issubclass(kind, type):
            return _by_name(one)
        return NotImplemented


@dataclass(frozen=True, slots=True)
class _Alive:
    """What can still matter: of hosts that are ``done`` nothing is looked up any more.

    ``hidden`` are variables that no expansion of the configuration has; ``dnssec`` tells that the log shows
    the security of a host's address.
    """

    done: frozenset[str]
    hidden: frozenset[str]
    dnssec: bool

    def variables(self, values: Variables) -> tuple[object, ...]:
        return ({name: value for name, value in values.values.items() if name not in self.hidden},)

    def process(self, process: Process) -> tuple[object, ...]:
        fails = {
            key: result
            for key, (result, _) in process.dns_fails.items()
            if key[1] != "TLSA" or key[0].partition("._tcp.")[2] not in self.done
        }
        parts = (getattr(process, name) for name in _PROCESS)
        return (fails, Variables(process.variables), *parts)

    def host(self, host: HostItem) -> tuple[object, ...]:
        parts = (getattr(host, f.name) for f in fields(host) if f.name != "dnssec")
        return (None if host.name in self.done and not self.dnssec else host.dnssec, *parts)

    def machine(self, machine: Machine) -> tuple[object, ...]:
        files = [file for file in machine.files.items() if not file[0].startswith(_LOG_FOLDER)]
        return (files, *(getattr(machine, name) for name in _MACHINE))


_LOG_FOLDER = "/log/"
_PROCESS = [f.name for f in fields(Process) if f.name not in ("dns_fails", "variables")]
_MACHINE = [f.name for f in fields(Machine) if f.name != "files"]
_ALIVE: Mapping[type, Callable[[_Alive, Any], tuple[object, ...]]] = {
    Variables: _Alive.variables,
    Process: _Alive.process,
    HostItem: _Alive.host,
    Machine: _Alive.machine,
}


class Unknown(Exception):
    """The state holds something that cannot be put into a digest."""


class Watcher:
    """Tells the state of runs of one policy."""

    def __init__(self, policy: Policy) -> None:
        text = policy.text
        everything = ".include" in text
        self._hidden = frozenset(name for name in _EXPANDED_ONLY if name not in text and not everything)
        self._dnssec = (
            everything or "dnssec" in (policy.config.main.text("log_selector") or "") or "+all" in text
        )

    def __call__(self) -> tuple[bytes, tuple[str, ...]]:
        """The state of the run that asks a question, and its log so far (see ``diagram.State``)."""
        frame = _getframe(1)
        while frame.f_code is not Answers.choose.__code__:
            frame = _caller(frame)
        axis = frame.f_locals["axis"]
        frame = _caller(frame)
        frames = []
        session: PolicySession | None = None
        while frame.f_code is not Policy.run.__code__:
            frames.append(_frame(frame))
            session = frame.f_locals.get("self")
            frame = _caller(frame)
        assert isinstance(session, PolicySession)
        out = io.BytesIO()
        view = _Alive(_done(axis, session.machine.trace), self._hidden, self._dnssec)
        try:
            _Pickler(out, view).dump(frames)
        except (TypeError, pickle.PicklingError, AttributeError) as problem:
            raise Unknown(str(problem)) from problem
        return blake2b(out.getbuffer(), digest_size=16).digest(), session.log


def _done(axis: str, trace: Trace) -> frozenset[str]:
    """The hosts about which the DNS is not asked again: those tried, and one that is told of a message."""
    tried = {str(one.inputs["host"]) for one in trace if one.rule == "host tried"}
    step, _, host = axis.partition(" of ")
    return frozenset(tried | ({host} if step in _TRANSACTION else set()))


_TRANSACTION = frozenset(axis.name for axis in (MAIL, RCPT, DATA))


def _caller(frame: types.FrameType) -> types.FrameType:
    assert frame.f_back is not None
    return frame.f_back
