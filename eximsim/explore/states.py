"""The state of the model in the middle of a run, as a digest: equal digests go on in the same way.

This is what explicit-state model checkers do. The state is everything that the rest of the run can look at:
for each call that is under way, where it is and its variables (``stack``), and what these lead to. Every
field of a record counts but for those that are named below: it never changes, it is written and never read
by the model, nothing that is explored looks at it, or it is over (answers about hosts that were tried, how a
session began in which a message is being handed over).

An exploration makes its own ``Outlook``: it says what counts of the trace and of the world for what it
gathers, and what it keeps of its own. Nothing else is decided twice.
"""

from __future__ import annotations

import io
import pickle
import types
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum
from hashlib import blake2b
from operator import attrgetter, itemgetter
from typing import Any

from eximsim.explore.relevance import Relevance
from eximsim.explore.stack import call_state, generator_state
from eximsim.explore.state_pickler import Reducer, StatePickler, constant, others, reducers, same
from eximsim.mta.base.effort import Effort
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.certs.x509 import Certificate
from eximsim.mta.config.options import Options
from eximsim.mta.config.readconf import Config
from eximsim.mta.process.globals import Machine, Process
from eximsim.mta.records.process_parts import Asking
from eximsim.mta.records.spool import Message
from eximsim.mta.records.structs import Address, HostItem
from eximsim.mta.transports.smtp import HOST_TRIED
from eximsim.mta.transports.smtp_context import SmtpContext
from eximsim.mta.transports.smtp_run import Run
from eximsim.mta.transports.tls_settings import usable_tlsa
from eximsim.mta.verify.callout import Callout
from eximsim.ports import TlsOffer, TlsSession
from eximsim.profiles import CalloutDaneFailure, Profile
from eximsim.quick_dataclass import dataclass
from eximsim.status import HostStatus
from eximsim.trace import Trace
from eximsim.world.certificates import ChainSet
from eximsim.world.clock import VirtualClock
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.memory_connection import MemoryConnection
from eximsim.world.smtp_server import ConnectionLog, SmtpSession

_FIXED = (ChainSet, Config, Host, Options, Profile)
"""There is one of each in an exploration, or where the run has come to tells which."""

_REDUCERS = reducers(
    {
        **dict.fromkeys(_FIXED, constant),
        Certificate: lambda one: (same, (one.der,)),
        Effort: lambda one: (same, (one._lists,)),  # what has been spent only tells when a run has no end
    }
)


class Phase(Enum):
    """What is under way when a run asks a question."""

    ROUTING = "hosts are looked for"
    BEFORE_TLS = "a host is looked into, called, and asked for TLS"
    TRANSACTION = "a message is being handed over, or a recipient asked about"
    OTHER = "anything else"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What can still matter at one point of a run.

    Of hosts that are ``done`` nothing is looked up any more. ``alone``: nothing is sent out but the message
    itself, so that what is kept for other messages is not looked at. ``asking``: the callout that is under
    way, ``once``: no other one follows; ``over``: no host is left for it, nor anything that it looks up.
    ``at_last``: no host follows the one whose turn it is in a delivery. ``last``: no driver's options are
    looked at any more; in a delivery, no call is set up any more. ``words``: what is only put into words
    counts. ``plain``: DANE has been decided against for the host that is called, and no other follows.
    ``settled``: the name of this host, if to decide that again comes to the same in every respect.
    """

    counts: Relevance
    kind: str
    phase: Phase
    done: frozenset[str]
    alone: bool
    asking: Asking | None
    once: bool
    over: bool
    at_last: bool
    last: bool
    words: bool
    now: float
    plain: bool = False
    settled: str | None = None

    @property
    def calling(self) -> bool:
        """Whether a callout is under way."""
        return self.asking is not None

    # ---- what an exploration says for itself

    def trace(self, trace: Trace) -> tuple[object, ...]:
        """What counts of the decisions so far."""
        raise NotImplementedError

    def world(self, world: MemoryWorld) -> tuple[object, ...]:
        """What counts of the world."""
        raise NotImplementedError

    # ---- the calls

    def shown(self, values: dict[str, object] | float) -> object:
        """What counts of a dictionary in a variable: it can be a copy of expansion variables.

        Of a moment, how far away it is: what time it is, the clock says if that counts.
        """
        if isinstance(values, float):
            return self.from_now(values)
        if "original_domain" not in values and self.counts.hidden.isdisjoint(values):
            return values
        return dict(sorted(self.counts.variables(values).items()))  # in whatever order they were set

    def from_now(self, moment: float) -> float:
        """A moment seen from now; what is no moment, but so many seconds, as it is."""
        return moment - self.now if moment > _LONG_AGO else moment

    def generator(self, generator: types.GeneratorType[object, object, object]) -> tuple[object, ...]:
        """A generator that waits for its next turn."""
        return generator_state(generator, self.shown)

    # ---- the program

    def is_settled(self, name: str, type: str) -> bool:
        """Whether a question is not asked again.

        It is about a host that is done; or about an address, and the router has found the hosts by now.
        """
        if type == "TLSA":
            return name.partition("._tcp.")[2] in (*self.done, self.settled)
        found = name in self.done or ((self.alone or self.calling) and self.phase is not Phase.ROUTING)
        return type in ("A", "AAAA") and found and not self.counts.names(name)

    def process(self, process: Process) -> tuple[object, ...]:
        """A process: its failed questions, what its drivers have changed, the variables that count."""
        release = process.profile
        fails = [
            (key, self.counts.failed_question(process, key[1], *found))
            for key, found in sorted(process.dns_fails.items(), key=_question)
            if not self.over and not self.is_settled(*key[:2])
        ]
        changed = {} if self.last else process.driver_state
        nothing_lost = self.last or self.calling or (self.at_last and process.lost_session is None)
        blocks = {name: self.counts.options_block(block) for name, block in changed.items()}
        return (
            fails,
            {name: block for name, block in blocks.items() if block},
            sorted(self.counts.variables(process.variables).items()),
            process.libc_errno if self.calling and not release.callout_uses_setup_conn else None,
            process.scratch if self.counts.last_command else None,
            process.main_log_open if release.lost_tls_stays_active and not nothing_lost else None,
            process.transport_count if self.counts.written else None,
            process.pid if self.counts.pids else None,
            self.last_session(process),
            None if self.verified_anew else process.verify_overridden,
            process.callout_context_set if release.callout_dane_failure in _LOOKED_BACK else None,
            *_PROCESS(process),
        )

    @property
    def verified_anew(self) -> bool:
        """Whether DANE verifies no session any more; only then does it matter how an earlier one was."""
        return self.plain or (self.last and (self.once or not self.calling))

    def last_session(self, process: Process) -> object:
        """How the last TLS session was verified; of no matter when the next one will say it anew.

        An address forgets its session when the next host's turn comes: nothing is told of the last one then.
        Callouts tell it of the call itself.
        """
        anew = process.profile.tls_library != GNUTLS and self.alone and self.phase is Phase.BEFORE_TLS
        return None if anew or self.calling else (process.certificate_verified, process.dane_verified)

    def machine(self, machine: Machine) -> tuple[object, ...]:
        """The machine; its log files are only written."""
        files = [file for file in machine.files.items() if not file[0].startswith(_LOG_FOLDERS)]
        return (files, machine.next_pid if self.counts.pids else None, *_MACHINE(machine))

    def clock(self, clock: VirtualClock) -> tuple[object, ...]:
        """The time, as far as it counts."""
        passed = self.counts.has_passed(clock.time)
        if self.kind != "callout":
            return (passed,)
        if self.words:
            return clock.time, self.asking.start if self.asking else None
        if self.asking is None or (self.asking.at_last and not self.counts.random):
            return (passed,)
        return passed, clock.time - self.asking.start

    def host(self, host: HostItem) -> tuple[object, ...]:
        """A host: one that is done is not asked again, and its status not looked at if nobody comes back."""
        done = host.name in self.done
        routed = self.alone and self.phase is not Phase.ROUTING
        never = host.address is None and host.status is HostStatus.UNUSABLE and routed
        over = done or never or host.name == self.settled
        security = None if over and not self.counts.address_security else host.dnssec
        left = done and self.alone and not self.counts.fallback
        return (security, None if left else (host.status, host.why), *_HOST(host))

    def address(self, addr: Address) -> tuple[object, ...]:
        """An address; a callout writes no records of retries."""
        kept: object = None if self.kind == "callout" else addr.retry_keys
        if self.alone:
            kept = sorted({self.counts.retry_item(item) for item in addr.retry_keys if not item.delete})
        port = addr.local_port if self.counts.ports else None
        steps = addr.protocol_sequence if self.counts.sequence else None
        if self.kind == "delivery":
            ocsp = None if "tls_out_ocsp" in self.counts.hidden else addr.ocsp
            return kept, port, steps, _WORDS(addr), _SESSION_OF(addr), ocsp, *_ADDRESS(addr)
        # without words not even the error of an earlier host: each host that is ruled out sets its own
        told = (*_WORDS(addr), addr.pass_message) if self.words else bool(addr.message)
        return kept, port, steps, told, *_ADDRESS(addr)

    def context(self, sx: SmtpContext) -> tuple[object, ...]:
        """A call; once set up, what was replied is over, and TLS begins only if it goes on for others."""
        if sx.setting_up:
            return (*_SETTING_UP(sx), usable_tlsa(sx) if sx.dane and sx.tls is None else ())
        reply = sx.reply if sx.pipelining or self.phase is not Phase.TRANSACTION else None
        one_only = self.alone or self.kind == "callout"
        waiting = None if one_only else sx.update_waiting
        features = sx.features - {"STARTTLS"} if one_only else sx.features
        return (*_SET_UP(sx), features, reply, waiting)

    def run(self, run: Run) -> tuple[object, ...]:
        """A transport's run."""
        return (None if self.alone else run.update_waiting, *_RUN(run))

    def callout(self, call: Callout) -> tuple[object, ...]:
        """A callout; what it keeps for others counts if there is one, what its context held if it is read."""
        kept = None if self.once else (call.domain_record, call.address_record)
        stale = call.process.profile.callout_dane_failure in _LOOKED_BACK
        return (call.failure if self.words else None, kept, call.context if stale else None, *_CALLOUT(call))

    # ---- connections

    def connection(self, connection: MemoryConnection) -> tuple[object, ...]:
        """A connection, with all that decides what becomes of it; moments are seen from now.

        What was sent before, a client that has not asked for it finds as if it came just now.
        """
        own = vars(connection)
        asked = None if own["_asked"] is None else own["_asked"] - self.now
        since = 0.0 if asked is None else -self.now
        sent = [(max(since, moment - self.now), what) for moment, what in own["_inbox"]]
        busy = max(0.0, own["_server_time"] - self.now)
        out = _CONNECTION_ELSEWHERE if self.counts.ports else _CONNECTION_OUT
        return sent, asked, busy, *(part for name, part in own.items() if name not in out)

    def offer(self, offer: TlsOffer) -> tuple[object, ...]:
        """What is asked for in a handshake."""
        return (offer.sni if self.counts.sni else None, *_OFFER(offer))

    def session(self, session: TlsSession) -> tuple[object, ...]:
        """What a handshake came to."""
        return (session.sni if self.counts.sni else None, *_SESSION(session))


_question = itemgetter(0)
_LONG_AGO = 10.0**9
"""In seconds since the epoch: no run is as early, and nothing takes as long."""
_CONNECTION_ELSEWHERE = ("_world", "_inbox", "_asked", "_server_time")
_CONNECTION_OUT = (*_CONNECTION_ELSEWHERE, "local_port", "_ends")
_LOG_FOLDERS = ("/log/", "/spool/log/")
_PROCESS = others(
    Process,
    *("dns_fails", "driver_state", "variables", "libc_errno", "scratch", "main_log_open", "transport_count"),
    *("pid", "certificate_verified", "dane_verified", "verify_overridden", "callout_context_set"),
    *("acl_eval", "doing"),
)
_MACHINE = others(Machine, "files", "next_pid", "asking")
_HOST = others(HostItem, "dnssec", "status", "why")
_WORDS = attrgetter("basic_errno", "more_errno", "message", "user_message", "host_used")
_SESSION_OF = attrgetter("tls", "cv", "peerdn")
"""What only a delivery tells of an address."""
_ADDRESS = others(
    Address,
    "copied_from",
    *("retry_keys", "local_port", "protocol_sequence", "pass_message", "tls", "cv", "peerdn", "ocsp"),
    *("basic_errno", "more_errno", "delivery_seconds", "message", "user_message", "host_used"),
)
_MESSAGE = others(Message, "msglog")
_BY_NOW = ("command_log", "tlsa", "started")
_SETTING_UP = others(SmtpContext, *_BY_NOW)
_SET_UP = others(
    SmtpContext,
    *_BY_NOW,
    *("starttls_offered", "esmtp", "features", "mechanisms", "reply", "update_waiting"),
)
_RUN = others(Run, "update_waiting")
_SESSION = others(TlsSession, "peer_chain", "sni")
_OFFER = others(TlsOffer, "sni")
_CALLOUT = others(Callout, "failure", "domain_record", "address_record", "context")
_LOOKED_BACK = frozenset((CalloutDaneFailure.STALE_CONTEXT, CalloutDaneFailure.DIES_UNLESS_SET_UP))
"""Where it matters what a callout's context has held before DANE rules a host out."""


class Unknown(Exception):
    """The state holds something that cannot be put into a digest."""


class States:
    """Makes digests for an exploration with an ``Outlook`` of its own.

    ``own`` says how objects of the exploration count, by type.
    """

    def __init__(self, outlook: type[Outlook], own: Mapping[type, Reducer]) -> None:
        self._reducers = {**_REDUCERS, **own}
        self._alive: Mapping[type, Callable[[Any, Any], tuple[object, ...]]] = {
            Address: outlook.address,
            Asking: lambda view, one: (one.through,),  # the call that is told of it has the hosts
            Callout: outlook.callout,
            ConnectionLog: lambda view, one: (),
            HostItem: outlook.host,
            Machine: outlook.machine,
            MemoryConnection: outlook.connection,
            MemoryWorld: outlook.world,
            Message: lambda view, one: _MESSAGE(one),  # its log is written, and read by nobody before the end
            Process: outlook.process,
            Run: outlook.run,
            SmtpContext: outlook.context,
            SmtpSession: lambda view, one: tuple(
                part
                for name, part in vars(one).items()
                if name != "_commands"  # no run comes near the limit
            ),
            TlsOffer: outlook.offer,
            TlsSession: outlook.session,
            Trace: outlook.trace,
            VirtualClock: outlook.clock,
            types.GeneratorType: outlook.generator,
        }

    def digest(self, calls: Iterable[types.FrameType], view: Outlook) -> bytes:
        """The state of a run in which these calls are under way; raises ``Unknown``."""
        out = io.BytesIO()
        state = [call_state(call, view.shown) for call in calls]
        try:
            StatePickler(out, self._reducers, self._alive, view).dump(state)
        except (TypeError, pickle.PicklingError, AttributeError) as problem:
            raise Unknown(str(problem)) from problem
        return blake2b(out.getbuffer(), digest_size=16).digest()


def hosts_done(trace: Trace, asking: Asking | None, told: Collection[str] = ()) -> frozenset[str]:
    """The hosts about which the DNS is not asked again.

    Those tried, those that a callout is through with, and those that are being ``told`` of a message.
    """
    tried = {str(one.inputs["host"]) for one in trace if one.rule == HOST_TRIED.name}
    asked = asking.hosts[: asking.through] if asking else ()
    return frozenset(tried.union((host.name for host in asked), told))
