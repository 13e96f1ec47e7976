"""The state of the model in the middle of a run, as a digest: equal digests go on in the same way.

The state is everything that the rest of the run can look at: the calls that are under way
(``explore.stack``), and all that can be reached from their variables. Left out are what never changes in a
space (configuration, profile, certificates, tables), what is written and never read by the model (the trace,
the log files, what servers and name servers have noted), numbers that no law and no decision looks at (the
local port of a connection, the numbers of processes), variables that no configuration of a space expands,
and what is over: answers about hosts that were tried, how a session began in which the message is being
handed over. A test holds that runs put together from equal states are the runs that the model makes.
"""

from __future__ import annotations

import io
import pickle
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from eximsim.explore.choices import Choices
from eximsim.explore.stack import call_state, calls_within, generator_state
from eximsim.explore.state_pickler import EXPANDED_ONLY, StatePickler, constant, others, reducers, same
from eximsim.fuzz.lazy_world import LazyOptions, LazyServer, LazySession, LazyZones, Stage
from eximsim.fuzz.space import Space
from eximsim.mta.config.options import Options
from eximsim.mta.config.readconf import Config
from eximsim.mta.process.globals import Machine, Process
from eximsim.mta.records.structs import Address, HostItem
from eximsim.mta.transports.smtp import HOST_TRIED
from eximsim.mta.transports.smtp_context import SmtpContext
from eximsim.ports import Endpoint, TlsPolicy, TlsSession
from eximsim.profiles import Profile
from eximsim.suite.recording import Situation
from eximsim.suite.replay import LOG_FILES, Stand, StandRun
from eximsim.trace import Trace
from eximsim.world.certificates import ChainSet
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.memory_connection import MemoryConnection
from eximsim.world.smtp_behaviour import Behaviour
from eximsim.world.smtp_server import ConnectionLog

_FIXED = (
    Behaviour, ChainSet, Choices, Config, ConnectionLog, Host, LazyOptions, LazyZones, Options, Profile,
    Situation, Space, Stage, Stand, StandRun, TlsPolicy, Trace,
)  # fmt: skip
"""There is one of each in an exploration, or what it holds follows from where the run has come to."""

_SESSION = others(TlsSession, "peer_chain")
_REDUCERS = reducers(
    {
        **dict.fromkeys(_FIXED, constant),
        Endpoint: lambda one: (same, (one.address,)),
        LazyServer: lambda one: (same, (one.host,)),
        MemoryConnection: lambda one: (same, one.state),
        TlsSession: lambda one: (same, _SESSION(one)),
    }
)


@dataclass(frozen=True, slots=True)
class _View:
    """What can still be looked at when a run asks for the value of an axis.

    Of hosts that are ``done`` nothing is looked up any more. ``transaction``: the message is being handed
    over; ``last``: and no host comes after this one. ``callout``: a callout is under way.
    """

    done: frozenset[str]
    transaction: bool
    last: bool
    callout: bool

    def generator(self, one: types.GeneratorType[object, object, object]) -> tuple[object, ...]:
        return generator_state(one, _shown)

    def machine(self, machine: Machine) -> tuple[object, ...]:
        files = [item for item in machine.files.items() if item[0] not in LOG_FILES]
        return files, *_MACHINE(machine)

    def world(self, world: MemoryWorld) -> tuple[object, ...]:
        places = {id(one.session): number - len(world.accepted) for number, one in enumerate(world.accepted)}
        still_open = [(places[id(one.session)], one) for one in world.open_connections]
        return world.disk, world.clock.time, still_open

    def process(self, process: Process) -> tuple[object, ...]:
        release = process.profile
        return (
            {key: found for key, found in process.dns_fails.items() if not self.is_settled(*key[:2])},
            {} if self.last else process.driver_state,
            _variables(process.variables),
            process.libc_errno if self.callout and not release.callout_uses_setup_conn else None,
            process.main_log_open if release.lost_tls_stays_active else None,
            *_PROCESS(process),
        )

    def is_settled(self, name: str, type: str) -> bool:
        """Whether a question is not asked again: it is about a host that is done."""
        owner = name.partition("._tcp.")[2] if type == "TLSA" else name
        return type in ("A", "AAAA", "TLSA") and owner in self.done

    def host(self, host: HostItem) -> tuple[object, ...]:
        """A host; no log line tells whether its address was secure."""
        if host.name in self.done and not self.callout:
            return _HOST(host)
        return (None if host.name in self.done else host.dnssec, host.status, host.why, *_HOST(host))

    def address(self, addr: Address) -> tuple[object, ...]:
        """An address; all records of retries are of one rule, which takes days to expire."""
        return any(not item.delete for item in addr.retry_keys), *_ADDRESS(addr)

    def context(self, sx: SmtpContext) -> tuple[object, ...]:
        """A call; once it is set up, what was replied is over, and TLS does not begin any more."""
        if sx.setting_up:
            return (*_SETTING_UP(sx), sx.tlsa if sx.tls is None else ())
        reply = sx.reply if sx.pipelining or not self.transaction else None
        return (*_SET_UP(sx), sx.features - {"STARTTLS"}, reply)

    def session(self, one: LazySession) -> tuple[object, ...]:
        return one.progress(greeted=self.transaction)


_NOT_LOOKED_AT = EXPANDED_ONLY - {"tls_out_tlsa_usage"}
"""Variables that no configuration of a space expands either; under DANE hosts_request_ocsp expands one."""


def _shown(values: dict[str, object]) -> Mapping[str, object]:
    return values if _NOT_LOOKED_AT.isdisjoint(values) else _variables(values)


def _variables(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name not in _NOT_LOOKED_AT}


_MACHINE = others(Machine, "files", "trace", "next_pid", "asking")
_PROCESS = others(
    Process, "pid", "dns_fails", "driver_state", "variables", "libc_errno", "main_log_open", "scratch"
)
_HOST = others(HostItem, "dnssec", "status", "why")
_ADDRESS = others(Address, "copied_from", "retry_keys", "local_port", "delivery_seconds")
_SETTING_UP = others(SmtpContext, "command_log", "tlsa", "started")
_SET_UP = others(
    SmtpContext, "command_log", "tlsa", "starttls_offered", "esmtp", "features", "mechanisms", "reply"
)
_ALIVE: Mapping[type, Callable[[_View, Any], tuple[object, ...]]] = {
    Address: _View.address,
    HostItem: _View.host,
    LazySession: _View.session,
    Machine: _View.machine,
    MemoryWorld: _View.world,
    Process: _View.process,
    SmtpContext: _View.context,
    types.GeneratorType: _View.generator,
}


class Unknown(Exception):
    """The state holds something that cannot be put into a digest."""


def digest(axis: str, run: StandRun) -> bytes:
    """The state of a run as it asks for the value of ``axis``; raises ``Unknown``."""
    calls = calls_within(StandRun.exim.__code__, _is_of_the_run)
    out = io.BytesIO()
    view = _view(axis, run)
    try:
        StatePickler(out, _REDUCERS, _ALIVE, view).dump([axis, *(call_state(call, _shown) for call in calls)])
    except (TypeError, pickle.PicklingError, AttributeError) as problem:
        raise Unknown(str(problem)) from problem
    return blake2b(out.getbuffer(), digest_size=16).digest()


def _is_of_the_run(call: types.FrameType) -> bool:
    """Whether a call is no part of what the search does to make a choice."""
    return not str(call.f_globals["__name__"]).startswith(_SEARCH)


def _view(axis: str, run: StandRun) -> _View:
    """What can still be looked at."""
    asking = run.machine.asking
    asked = asking.hosts[: asking.through] if asking else ()
    host, _, step = axis.partition(" ")
    tried = {str(one.inputs["host"]) for one in run.machine.trace if one.rule == HOST_TRIED.name}
    done = frozenset(tried.union(one.name for one in asked))
    transaction = step in _TRANSACTION
    if transaction:
        done |= {Space.name(host)}
    hosts = {entry["name"] for entry in run.situation.zone if entry["type"] == "A"}
    return _View(done, transaction, transaction and hosts <= done, asking is not None)


_TRANSACTION = ("MAIL", "RCPT", "DATA", "end of data")
_SEARCH = ("eximsim.explore.", "eximsim.fuzz.")
