"""A simulated UDP network between a stub resolver and one name server, under a virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from eximsim.ports import DnsAnswer
from eximsim.quick_dataclass import dataclass
from eximsim.world.clock import VirtualClock
from eximsim.world.messages import Message, Question
from eximsim.world.stub_resolver import Ask, Done, Lookup, Settings, Step

_STEP = 40503
"""How far the ids of two queries are apart: odd, so that no id comes again before all others have."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A datagram that the name server sends, ``delay`` seconds after what made it do so.

    ``socket`` is the client's socket that it goes to (the number that the query came with).
    """

    delay: float
    message: Message
    socket: int


class Server(Protocol):
    """What the name server does."""

    def udp(self, query: Message, socket: int) -> Iterable[Sent]:
        """The datagrams that a query over UDP brings forth, in the order in which they are sent."""

    def tcp(self, query: Message) -> tuple[float, Message | None]:
        """After how many seconds which message comes on the connection; None: it is closed."""


class Network:
    """Carries queries and answers.

    An answer on its way stays there when a lookup ends; if its socket is closed when it arrives, it is lost.
    ``note`` is called with each question that reaches the server. Datagrams that arrive at one moment do so
    in the order in which they were sent; one that arrives when its try ends is too late for it.
    """

    def __init__(self, clock: VirtualClock, server: Server, note: Callable[[Question], None]) -> None:
        self._clock = clock
        self._server = server
        self._note = note
        self._on_the_way: list[tuple[float, int, int, Message]] = []
        self._order = count()
        self._ids = count(_STEP, _STEP)
        self._socket = 0

    def lookup(self, question: Question, settings: Settings) -> DnsAnswer:
        """Ask a question as the C library does; the clock moves by what it takes."""
        lookup = Lookup(question, next(self._ids) & 0xFFFF, settings)
        step = lookup.start()
        while not isinstance(step, Done):
            assert isinstance(step, Ask)
            step = self._over_tcp(lookup, step) if step.tcp else self._over_udp(lookup, step)
        return step.answer

    def _over_udp(self, lookup: Lookup, ask: Ask) -> Step:
        assert ask.seconds is not None
        if ask.fresh:
            self._socket += 1
        end = self._clock.time + ask.seconds
        self._note(ask.query.questions[0])
        for sent in self._server.udp(ask.query, self._socket):
            place = next(self._order), sent.socket, sent.message
            heappush(self._on_the_way, (self._clock.time + sent.delay, *place))
        while self._on_the_way and self._on_the_way[0][0] < end:
            moment, _, socket, message = heappop(self._on_the_way)
            self._clock.advance_to(moment)
            if socket == self._socket:
                step = lookup.datagram(message)
                if isinstance(step, Ask | Done):
                    return step
        self._clock.advance_to(end)
        return lookup.timed_out()

    def _over_tcp(self, lookup: Lookup, ask: Ask) -> Step:
        self._note(ask.query.questions[0])
        seconds, message = self._server.tcp(ask.query)
        self._clock.advance(seconds)
        return lookup.stream(message)
