"""The state of the model in the middle of a run, as a digest: equal digests go on in the same way.

This is what explicit-state model checkers do. The state is everything that the rest of the run can look at:
for each call that is under way, where it is and its variables (``explore.stack``), and what these lead to.
Left out is what never changes (configuration, profile, tables) and what is written but never read by the
model (the trace, what servers and name servers have noted). What an outcome is made of counts as well: the
log, the decisions that matter for it, and in which connections a server was asked about the recipient.
"""

from __future__ import annotations

import io
import pickle
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from operator import attrgetter, itemgetter
from typing import Any

from eximsim.explore.stack import call_state, calls_between, first_argument, generator_state
from eximsim.explore.state_pickler import StatePickler, constant, others, reducers, same
from eximsim.explore.walk import Answers
from eximsim.gate.answer_axes import LatticeAnswers
from eximsim.gate.lattice import (
    ADDRESS,
    BANNER,
    CONNECT,
    DATA,
    EHLO,
    END,
    HELO,
    MAIL,
    MX,
    OF_A_HOST,
    RCPT,
    RECORDS,
    STARTTLS,
    TLSA,
    LatticeBehaviour,
    LatticeZones,
)
from eximsim.gate.outcome import is_refusal
from eximsim.gate.relevance import Relevance, failed_question, relevance
from eximsim.mta.base.effort import Effort
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.certs.x509 import Certificate
from eximsim.mta.config.options import Options
from eximsim.mta.config.readconf import Config
from eximsim.mta.delivery.deliver_done import ADDRESS_OUTCOME
from eximsim.mta.delivery.deliver_remote import TRANSPORT_DIED
from eximsim.mta.process.globals import Machine, Process
from eximsim.mta.records.spool import Message
from eximsim.mta.records.structs import Address, HostItem
from eximsim.mta.routing.route import ROUTING
from eximsim.mta.transports.retry import ADDRESS_TIMED_OUT
from eximsim.mta.transports.smtp import HOST_TRIED
from eximsim.mta.transports.smtp_context import RECIPIENT_NAMED, SmtpContext
from eximsim.mta.transports.smtp_out import Answer
from eximsim.mta.transports.smtp_run import Run
from eximsim.mta.transports.tls import CERTIFICATE_VERIFIED
from eximsim.mta.verify.callout import Callout
from eximsim.ports import TlsOffer, TlsSession
from eximsim.profiles import Profile
from eximsim.suite.config_files import ConfigFiles
from eximsim.suite.policy import Policy, PolicySession
from eximsim.trace import Decision, Trace
from eximsim.world.certificates import ChainSet
from eximsim.world.clock import VirtualClock
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.memory_connection import MemoryConnection
from eximsim.world.smtp_server import ConnectionLog, log_of

_FIXED = (Config, Options, Profile, Policy, ConfigFiles, ChainSet, Host)
"""There is one of each in an exploration, or where the run has come to tells which."""

_REDUCERS = reducers(
    {
        LatticeBehaviour: lambda one: (same, (one.host, one.tls_on_connect)),
        Certificate: lambda one: (same, (one.der,)),
        Effort: lambda one: (same, (one._lists,)),  # what has been spent only tells when a run has no end
        **dict.fromkeys((Answers, LatticeAnswers, LatticeZones, *_FIXED), constant),
    }
)


@dataclass(frozen=True, slots=True)
class _Alive:
    """What can still matter at one point of a run.

    Of hosts that are ``done`` nothing is looked up any more. ``alone``: nothing is sent out but the message
    itself, so that what is kept for other messages is not looked at. ``calling``: a callout is under way,
    ``over``: no host is left for it, nor anything that it looks up.
    """

    counts: Relevance
    kind: str
    done: frozenset[str]
    alone: bool
    calling: bool
    over: bool
    step: str
    words: bool

    def shown(self, values: dict[str, object]) -> Mapping[str, object]:
        if "original_domain" not in values and self.counts.hidden.isdisjoint(values):
            return values
        return dict(sorted(self.counts.variables(values).items()))  # in whatever order they were set

    def generator(self, generator: types.GeneratorType[object, object, object]) -> tuple[object, ...]:
        return generator_state(generator, self.shown)

    def is_settled(self, name: str, type: str) -> bool:
        """Whether a question is not asked again.

        It is about a host that is done; or about an address, and the router has found the hosts by now.
        """
        if type == "TLSA":
            return name.partition("._tcp.")[2] in self.done
        found = name in self.done or ((self.alone or self.calling) and self.step not in _ROUTED_BY)
        return type in ("A", "AAAA") and found and not self.counts.names(name)

    def process(self, process: Process) -> tuple[object, ...]:
        fails = [
            (key, failed_question(process, key[1], *found))
            for key, found in sorted(process.dns_fails.items(), key=_question)
            if not self.over and not self.is_settled(*key[:2])
        ]
        changed = {} if self.over else process.driver_state
        blocks = {name: self.counts.options_block(block) for name, block in changed.items()}
        return (
            fails,
            {name: block for name, block in blocks.items() if block},
            sorted(self.counts.variables(process.variables).items()),
            process.libc_errno if self.calling and not process.profile.callout_uses_setup_conn else None,
            process.scratch if self.counts.last_command else None,
            process.main_log_open if process.profile.lost_tls_stays_active and not self.calling else None,
            process.transport_count if _COMMANDS_TIME_OUT else None,
            self.last_session(process),
            *_PROCESS(process),
        )

    def last_session(self, process: Process) -> object:
        """How the last TLS session was verified; of no matter when the next one will say it anew.

        An address forgets its session when the next host's turn comes: nothing is told of the last one then.
        Callouts tell it of the call itself.
        """
        anew = process.profile.tls_library != GNUTLS and self.alone and self.step in _BEFORE_TLS
        return None if anew or self.calling else (process.certificate_verified, process.dane_verified)

    def machine(self, machine: Machine) -> tuple[object, ...]:
        files = [file for file in machine.files.items() if not file[0].startswith(_LOG_FOLDER)]
        return (files, *_MACHINE(machine))

    def trace(self, trace: Trace) -> tuple[object, ...]:
        """The decisions that an outcome is made from, and whether the policy has ruled a host out."""
        verified: object = None
        if self.kind == "callout":
            named = [one for one in trace if one.rule == RECIPIENT_NAMED.name]
            told = {one.inputs["address"]: (one.inputs["host"], one.outcome) for one in named}
            hosts = [one.inputs["host"] for one in trace if one.rule == CERTIFICATE_VERIFIED.name]
            verified = sorted(told.items()), hosts[-1:]
        outcomes = [(one.rule, one.outcome) for one in trace if one.rule in _OUTCOMES]
        return verified, outcomes, any(map(is_refusal, trace))

    def world(self, world: MemoryWorld) -> tuple[object, ...]:
        """Ports, if they count; and in a callout, whether a server was asked about the recipient."""
        told: set[tuple[bool, bool]] = set()
        if self.kind == "callout":
            for accepted in world.accepted:
                asked = any(event.startswith("RCPT") for event in log_of(accepted).events)
                if asked or accepted.client.port in world._open:  # else nobody can be asked there any more
                    told.add((accepted.client.port in world._open, asked))
        port = world._last_port if self.counts.ports else None
        return world.disk, world.clock, port, sorted(told), list(world._open.values())

    def clock(self, clock: VirtualClock) -> tuple[object, ...]:
        return (clock.time if self.kind == "callout" else self.counts.has_passed(clock.time),)

    def host(self, host: HostItem) -> tuple[object, ...]:
        done = host.name in self.done
        security = None if done and not self.counts.address_security else host.dnssec
        over = done and self.alone and not self.counts.fallback
        return (security, None if over else (host.status, host.why), *_HOST(host))

    def address(self, addr: Address) -> tuple[object, ...]:
        kept: object = addr.retry_keys
        if self.alone:
            kept = sorted({self.counts.retry_item(item) for item in addr.retry_keys if not item.delete})
        port = addr.local_port if self.counts.ports else None
        steps = addr.protocol_sequence if self.counts.sequence else None
        if self.kind == "delivery":
            return kept, port, steps, _WORDS(addr), _SESSION_OF(addr), *_ADDRESS(addr)
        # without words not even the error of an earlier host: each host that is ruled out sets its own
        told = (*_WORDS(addr), addr.pass_message) if self.words else bool(addr.message)
        return kept, port, steps, told, *_ADDRESS(addr)

    def context(self, sx: SmtpContext) -> tuple[object, ...]:
        """A call; once set up, what was replied is over, and TLS begins only if it goes on for others."""
        if sx.setting_up:
            return (*_SETTING_UP(sx), sx.tlsa if sx.tls is None else ())
        reply = sx.reply if sx.pipelining or self.step not in _TRANSACTION else None
        waiting = None if self.alone else sx.update_waiting
        features = sx.features - {"STARTTLS"} if self.alone else sx.features
        return (*_SET_UP(sx), features, reply, waiting)

    def connection(self, connection: MemoryConnection) -> tuple[object, ...]:
        out = ("_world",) if self.counts.ports else ("_world", "local_port", "_ends")
        return tuple(part for name, part in vars(connection).items() if name not in out)

    def run(self, run: Run) -> tuple[object, ...]:
        return (None if self.alone else run.update_waiting, *_RUN(run))

    def offer(self, offer: TlsOffer) -> tuple[object, ...]:
        return (offer.sni if self.counts.sni else None, *_OFFER(offer))

    def callout(self, call: Callout) -> tuple[object, ...]:
        return (call.failure if self.words else None, *_CALLOUT(call))

    def session(self, session: TlsSession) -> tuple[object, ...]:
        return (session.sni if self.counts.sni else None, *_SESSION(session))


_OUTCOMES = frozenset(rule.name for rule in (ADDRESS_OUTCOME, ADDRESS_TIMED_OUT, TRANSPORT_DIED))
_question = itemgetter(0)
_LOG_FOLDER = "/log/"
_COMMANDS_TIME_OUT = any(Answer.TIMEOUT.value in axis.values for axis in OF_A_HOST if axis is not RCPT)
"""Whether the lattice has a server that keeps silent where a log line would tell how much was written."""
_PROCESS = others(
    Process,
    *("dns_fails", "driver_state", "variables", "libc_errno", "scratch", "main_log_open", "transport_count"),
    *("certificate_verified", "dane_verified"),
)
_MACHINE = others(Machine, "files", "asking")
_HOST = others(HostItem, "dnssec", "status", "why")
_WORDS = attrgetter("basic_errno", "more_errno", "message", "user_message", "host_used")
_SESSION_OF = attrgetter("tls", "cv", "peerdn")
"""What only a delivery tells of an address."""
_ADDRESS = others(
    Address,
    "copied_from",
    *("retry_keys", "local_port", "protocol_sequence", "pass_message", "tls", "cv", "peerdn"),
    *("basic_errno", "more_errno", "delivery_seconds", "message", "user_message", "host_used"),
)
_MESSAGE = others(Message, "msglog")
_SETTING_UP = others(SmtpContext, "command_log", "tlsa", "started")
_SET_UP = others(
    SmtpContext,
    *(
        "command_log",
        "tlsa",
        "started",
        "starttls_offered",
        "esmtp",
        "features",
        "mechanisms",
        "reply",
        "update_waiting",
    ),
)
_RUN = others(Run, "update_waiting")
_SESSION = others(TlsSession, "peer_chain", "sni")
_OFFER = others(TlsOffer, "sni")
_CALLOUT = others(Callout, "failure")
_ALIVE: Mapping[type, Callable[[_Alive, Any], tuple[object, ...]]] = {
    Address: _Alive.address,
    ConnectionLog: lambda view, one: (),
    HostItem: _Alive.host,
    MemoryConnection: _Alive.connection,
    Message: lambda view, one: _MESSAGE(one),  # its log is written, and read by nobody before the end
    Machine: _Alive.machine,
    MemoryWorld: _Alive.world,
    Process: _Alive.process,
    Run: _Alive.run,
    SmtpContext: _Alive.context,
    Callout: _Alive.callout,
    TlsOffer: _Alive.offer,
    TlsSession: _Alive.session,
    Trace: _Alive.trace,
    VirtualClock: _Alive.clock,
    types.GeneratorType: _Alive.generator,
}


class Unknown(Exception):
    """The state holds something that cannot be put into a digest."""


class Watcher:
    """Tells the state of runs of one policy, of one kind.

    ``alone`` says that no run sends out more than the message itself; see ``sends_more``. Without ``words``
    nothing counts that is only put into words: neither what a callout keeps of them nor the log.
    """

    def __init__(self, policy: Policy, kind: str, *, alone: bool = True, words: bool = True) -> None:
        self._counts, self._words = relevance(policy), words
        self._kind, self._alone = kind, alone and kind == "delivery"

    def __call__(self, axis: str) -> tuple[bytes, tuple[str, ...]]:
        """The state of the run that asks for the value of ``axis``, and its log so far."""
        calls = calls_between(Answers.choose.__code__, Policy.run.__code__)
        session = first_argument(calls[-1])
        assert isinstance(session, PolicySession)
        asking = session.machine.asking
        done, over = frozenset[str](), False
        if self._alone or asking:
            done = _done(axis, session.machine.trace, asking.hosts[: asking.through] if asking else ())
        if asking:
            over = not self._counts.random and all(host.name in done for host in asking.hosts)
        step = axis.partition(" of ")[0]
        calling = asking is not None
        view = _Alive(self._counts, self._kind, done, self._alone, calling, over, step, self._words)
        out = io.BytesIO()
        try:
            StatePickler(out, _REDUCERS, _ALIVE, view).dump([call_state(call, view.shown) for call in calls])
        except (TypeError, pickle.PicklingError, AttributeError) as problem:
            raise Unknown(str(problem)) from problem
        return blake2b(out.getbuffer(), digest_size=16).digest(), session.log if self._words else ()


def sends_more(decisions: Iterable[Decision]) -> bool:
    """Whether a run has sent out more than one thing: several addresses, or a bounce that leaves as well."""
    sent = [one for one in decisions if one.rule == ROUTING.name and one.inputs["transport"] is not None]
    return len(sent) > 1


def _done(axis: str, trace: Trace, asked: Sequence[HostItem]) -> frozenset[str]:
    """The hosts about which the DNS is not asked again: those tried, and one that is told of a message.

    ``asked`` are those that a callout is through with.
    """
    tried = {str(one.inputs["host"]) for one in trace if one.rule == HOST_TRIED.name}
    tried |= {host.name for host in asked}
    step, _, host = axis.partition(" of ")
    return frozenset(tried | ({host} if step in _TRANSACTION else set()))


_TRANSACTION = frozenset(axis.name for axis in (MAIL, RCPT, DATA, END))
_ROUTED_BY = frozenset(axis.name for axis in (MX, ADDRESS))
"""What is asked while a message is routed; a transport asks for no address that the router has found."""

_BEFORE_TLS = frozenset(axis.name for axis in (TLSA, RECORDS, CONNECT, BANNER, EHLO, HELO, STARTTLS))
"""What is asked of a host before its TLS session is begun, if it is at all."""
