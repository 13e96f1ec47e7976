"""Where a run of a policy stands, for the gate: what an outcome is made of counts as well.

That is the log, the decisions that matter for it, and in which connections a server was asked about the
recipient. What else counts of a state, ``explore.states`` says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import FrameType

from eximsim.explore.relevance import relevance
from eximsim.explore.stack import calls_between, first_argument
from eximsim.explore.state_pickler import constant, same
from eximsim.explore.states import Outlook, Phase, States, hosts_done
from eximsim.explore.vocabulary import (
    ADDRESS,
    BANNER,
    CERTIFICATE,
    CONNECT,
    END,
    HANDSHAKE,
    HELO,
    OF_A_HOST,
    PHASES,
    RCPT,
    RECORDS,
    STARTTLS,
    TLSA,
    asked_of,
    axis_of,
)
from eximsim.explore.walk import Settled
from eximsim.gate.answer_axes import LatticeAnswers
from eximsim.gate.lattice import LatticeServer, LatticeZones
from eximsim.gate.outcome import is_refusal, lasting
from eximsim.gate.scenes import ForTheMail
from eximsim.mta.delivery.deliver_done import ADDRESS_OUTCOME
from eximsim.mta.delivery.system_filter import SYSTEM_FILTERED
from eximsim.mta.delivery.transport_process import TRANSPORT_DIED
from eximsim.mta.records.process_parts import Asking
from eximsim.mta.routing.route import ROUTING
from eximsim.mta.transports.retry import ADDRESS_TIMED_OUT
from eximsim.mta.transports.smtp import smtp_deliver
from eximsim.mta.transports.smtp_context import RECIPIENT_NAMED, SmtpContext
from eximsim.mta.transports.smtp_out import Answer as Reply
from eximsim.mta.transports.smtp_setup import smtp_setup_conn
from eximsim.mta.transports.tls import CERTIFICATE_VERIFIED
from eximsim.status import Dnssec
from eximsim.suite.config_files import ConfigFiles
from eximsim.suite.policy import Policy, PolicySession
from eximsim.trace import Decision, Trace
from eximsim.world.memory import MemoryWorld
from eximsim.world.smtp_server import log_of


class _Outlook(Outlook):
    __slots__ = ()

    def trace(self, trace: Trace) -> tuple[object, ...]:
        """The decisions that an outcome is made from, and whether the policy has ruled a host out."""
        verified: object = None
        if self.kind == "callout":
            named = [one for one in trace if one.rule == RECIPIENT_NAMED.name]
            told: dict[object, tuple[object, object]]
            told = {one.inputs["address"]: (one.inputs["host"], one.outcome) for one in named}
            hosts = [one.inputs["host"] for one in trace if one.rule == CERTIFICATE_VERIFIED.name]
            if not (self.words or self.counts.defer_ok):  # then only an answer of the last host counts
                over = {host.name for host in self.asking.hosts[: self.asking.through]} if self.asking else ()
                told = {address: (host, host not in over and how) for address, (host, how) in told.items()}
            in_question = bool(told) and not self.counts.random
            verified = sorted(told.items()), None if in_question else hosts[-1:]
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


_BEFORE_DANE = frozenset(axis.name for axis in (ADDRESS, TLSA, RECORDS))
_OUTCOMES = frozenset(
    rule.name for rule in (ADDRESS_OUTCOME, ADDRESS_TIMED_OUT, SYSTEM_FILTERED, TRANSPORT_DIED)
)
_NOTHING_FORGOTTEN = frozenset(
    axis.name for axis in (RECORDS, BANNER, STARTTLS, HANDSHAKE, CERTIFICATE, HELO, RCPT, END)
)
"""Questions that come right after another one to the same host, which was answered with what goes on."""
_STATES = States(
    _Outlook,
    {
        LatticeServer: lambda one: (same, (one.host, one.tls_on_connect)),
        **dict.fromkeys((ConfigFiles, ForTheMail, LatticeAnswers, LatticeZones, Policy), constant),
    },
)


class Watcher:
    """Tells the state of runs of one policy, of one kind.

    ``alone`` says that no run sends out more than the message itself; see ``sends_more``. Without ``words``
    nothing counts that is only put into words: neither what a callout keeps of them nor the log.
    """

    def __init__(self, policy: Policy, kind: str, *, alone: bool = True, words: bool = True) -> None:
        self._counts, self._words = replace(relevance(policy), written=_COMMANDS_TIME_OUT), words
        self._kind, self._alone = kind, alone and kind == "delivery"
        self._once = kind == "callout" and not self._counts.acls  # see Policy.callout_config

    def __call__(self, axis: str) -> tuple[bytes | Settled | None, tuple[str, ...]]:
        """The state of the run that asks for the value of ``axis``, and its log so far.

        No state where nothing is forgotten since the question before: states that differed there do here.
        """
        calls = calls_between(ForTheMail.choose.__code__, Policy.run.__code__)
        session = first_argument(calls[-1])
        assert isinstance(session, PolicySession)
        asking, (step, host) = session.machine.asking, asked_of(axis)
        log = lasting(session.log) if self._words else ()
        if step in _NOTHING_FORGOTTEN:
            return None, log
        phase = PHASES.get(step, Phase.OTHER)
        done, over = frozenset[str](), False
        if self._alone or asking:
            done = hosts_done(session.machine.trace, asking, {host} if phase is Phase.TRANSACTION else ())
        if asking:
            over = not self._counts.random and all(host.name in done for host in asking.hosts)
        at_last = self._alone and phase is not Phase.ROUTING and self._is_last(calls)
        last = over or (at_last and phase is Phase.TRANSACTION)
        plain = self._without_dane(calls, step) if at_last or self._asks_last(asking) else None
        settled = None if plain is None or self._decides_again(plain) else plain.host.name
        view = _Outlook(
            *(self._counts, self._kind, phase, done, self._alone, asking, self._once),
            *(over, at_last, last, self._words, session.world.clock.time),
            plain=plain is not None,
            settled=settled,
        )
        state = _STATES.digest(calls, view)
        if settled is None:
            return state, log
        return Settled(state, frozenset(axis_of(one, settled) for one in (TLSA, RECORDS))), log

    def _asks_last(self, asking: Asking | None) -> bool:
        """Whether a callout is under way that asks its last host, and no other callout follows."""
        return asking is not None and asking.at_last and self._once and not self._counts.random

    def _without_dane(self, calls: Iterable[FrameType], step: str) -> SmtpContext | None:
        """The call that is being set up, if DANE has been decided against for it."""
        if step in _BEFORE_DANE:
            return None
        for call in calls:
            if call.f_code is smtp_setup_conn.__code__:
                sx = first_argument(call)
                assert isinstance(sx, SmtpContext)
                decided = step != CONNECT.name or sx.process.profile.tlsa_before_connect
                return sx if decided and not sx.dane else None
        return None

    def _decides_again(self, sx: SmtpContext) -> bool:
        """Whether it can still be noticed by what DANE was decided against.

        ``smtp_setup_conn()`` comes to it once more if it begins again without TLS, and then logs an insecure
        answer again; or the configuration asks for something of this host itself.
        """
        known = sx.host.dnssec is not Dnssec.YES or _has_no_tlsa(sx)
        return (self._words and not known) or self._counts.names(sx.host.name)

    def _is_last(self, calls: Iterable[FrameType]) -> bool:
        """Whether no host is left for the delivery but the one that is called."""
        sessions = (first_argument(call) for call in calls if call.f_code is smtp_deliver.__code__)
        return not self._counts.fallback and any(
            isinstance(sx, SmtpContext) and not sx.more_hosts for sx in sessions
        )


def _has_no_tlsa(sx: SmtpContext) -> bool:
    """Whether it is remembered that there are no TLSA records for a host, so that nobody asks again."""
    return any(
        type == "TLSA" and name.endswith(f"._tcp.{sx.host.name}") for name, type, *_ in sx.process.dns_fails
    )


def sends_more(decisions: Iterable[Decision]) -> bool:
    """Whether a run has sent out more than one thing: several addresses, or a bounce that leaves as well."""
    sent = [one for one in decisions if one.rule == ROUTING.name and one.inputs["transport"] is not None]
    return len(sent) > 1


_COMMANDS_TIME_OUT = any(Reply.TIMEOUT.value in axis.values for axis in OF_A_HOST if axis is not RCPT)
"""Whether the lattice has a server that keeps silent where a log line would tell how much was written."""
