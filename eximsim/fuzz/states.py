"""Where a run of a space stands, for the search: nothing that a run has told counts, as that is kept apart.

Decisions, log lines and what servers noted are put together from segments (``merge``). What counts of a
state, ``explore.states`` says. A test holds that runs put together from equal states are those that the model
makes.
"""

from __future__ import annotations

from eximsim.explore.relevance import Relevance
from eximsim.explore.stack import calls_between
from eximsim.explore.state_pickler import EXPANDED_ONLY, constant, same
from eximsim.explore.states import Outlook, Phase, States, hosts_done
from eximsim.explore.vocabulary import PHASES, asked_of
from eximsim.explore.walk import Answers
from eximsim.fuzz.lazy_world import LazyOptions, SpaceServer, SpaceZones, Stage
from eximsim.fuzz.space import Space
from eximsim.ports import Endpoint, TlsPolicy
from eximsim.suite.recording import Situation
from eximsim.suite.replay import Stand, StandRun
from eximsim.trace import Trace
from eximsim.world.memory import MemoryWorld
from eximsim.world.smtp_behaviour import Behaviour

_COUNTS = Relevance(
    text="",
    everything=False,
    hidden=EXPANDED_ONLY - {"tls_out_tlsa_usage"},
    clock=False,
    ports=False,
    sni=True,
    ocsp=True,
    last_command=False,
    address_security=False,
    random=False,
    sequence=True,
    retry_rules=False,
    fallback=False,
    defer_ok=True,
    acls=True,
    pids=False,
    written=True,
    inputs=True,
)
"""What configurations and laws of a space look at; under DANE, hosts_request_ocsp expands a variable."""


class _Outlook(Outlook):
    __slots__ = ()

    def trace(self, trace: Trace) -> tuple[object, ...]:
        """Nothing."""
        return ()

    def world(self, world: MemoryWorld) -> tuple[object, ...]:
        """What is open, and how many connections ago it was made."""
        places = {id(one.session): number - len(world.accepted) for number, one in enumerate(world.accepted)}
        still_open = [(places[id(one.session)], one) for one in world.open_connections]
        return world.disk, world.clock, still_open


_FIXED = (
    Behaviour, LazyOptions, SpaceZones, Situation, Space, Stage, Stand, StandRun, TlsPolicy,
)  # fmt: skip
_STATES = States(
    _Outlook,
    {
        **dict.fromkeys(_FIXED, constant),
        Endpoint: lambda one: (same, (one.address,)),
        SpaceServer: lambda one: (same, (one.host,)),
    },
)


def digest(axis: str, run: StandRun) -> bytes:
    """The state of a run as it asks for the value of ``axis``; raises ``Unknown``."""
    calls = calls_between(Answers.choose.__code__, StandRun.exim.__code__)
    (kind,) = run.situation.kinds
    step, host = asked_of(axis)
    phase = PHASES.get(step, Phase.OTHER)
    handed_over = phase is Phase.TRANSACTION
    asking = run.machine.asking
    done = hosts_done(run.machine.trace, asking, {Space.name(host)} if handed_over else ())
    hosts = {entry["name"] for entry in run.situation.zone if entry["type"] == "A"}
    view = _Outlook(
        _COUNTS,
        kind,
        phase,
        done,
        alone=kind == "delivery",
        asking=asking,
        once=False,
        over=False,
        at_last=False,
        last=handed_over and hosts <= done,
        words=True,
        now=run.world.clock.time,
    )
    return _STATES.digest(calls, view)
