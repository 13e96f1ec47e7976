"""How the C library asks a name server one question: a state machine without I/O.

It stands for ``res_nquery()`` (``resolv/res_query.c`` of the GNU C Library) and for ``res_nsend()`` with
``send_dg()`` and ``send_vc()`` (``resolv/res_send.c``), to which Exim's ``dns_basic_lookup()`` comes. What it
does was measured on version 2.36; ``docs/schedules.md`` has the figures. Exim asks one question at a time,
so the parallel queries of ``getaddrinfo()`` are left out.

A shell starts a lookup, carries out each step, and tells what came of it: a datagram, a time-out, a socket
that fails, the answer on a TCP connection. A machine has no clock: ``Ask.seconds`` is for the shell to count.
"""

from __future__ import annotations

from eximsim.ports import DnsAnswer
from eximsim.quick_dataclass import dataclass
from eximsim.world.messages import CLIENT_PAYLOAD, Edns, Message, Question

REJECTIONS = frozenset({"SERVFAIL", "NOTIMP", "REFUSED"})
"""A datagram with one of these codes ends its try, and the next follows at once (``send_dg()``, next_ns)."""

SHORTEST = 12
"""Octets (HFIXEDSZ) of a datagram; one that is shorter ends the try like a socket that fails."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What of ``struct __res_state`` matters: ``retrans`` (seconds), ``retry``, RES_USE_DNSSEC, ``nscount``.

    RES_TRUSTAD and RES_USE_EDNS0 are always set: AD is asked for, and taken as it comes.
    """

    retrans: float
    retry: int
    dnssec: bool = True
    nscount: int = 1

    def seconds(self, server: int) -> float:
        """How long an answer over UDP is waited for: longer for later servers, not for later tries.

        Source: ``send_dg()``.
        """
        whole = self.retrans * (1 << server)
        return whole / self.nscount if server else whole


@dataclass(frozen=True, slots=True)
class Practice:
    """What the machine is careful about; the C library is about all of it.

    ``matches``: a datagram counts only if it came to the query's own socket with its id and question.
    ``asks_again``: a truncated answer is asked for again over TCP (without RES_IGNTC).
    """

    matches: bool = True
    asks_again: bool = True


PRACTICE = Practice()
"""How lookups that begin now are done: as the C library does them, unless a mistake is put in here."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Send ``query`` to a server, over UDP or on a new TCP connection, and wait for what comes.

    ``seconds`` is when the try is over (``Lookup.timed_out``); None: the answer on a TCP connection is waited
    for without limit. ``fresh``: on a new socket; the one before, if any, is closed.
    """

    query: Message
    server: int
    seconds: float | None
    fresh: bool

    @property
    def tcp(self) -> bool:
        """Whether to use TCP."""
        return self.seconds is None


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on waiting; the try is over at the same moment as before."""


@dataclass(frozen=True, slots=True)
class Done:
    """The lookup is over. The RCODE is the last one that ended a try, or ``"TIMEOUT"``, if no answer came."""

    answer: DnsAnswer


Step = Ask | Wait | Done


class Lookup:
    """One question; ``id`` is that of all its queries."""

    def __init__(self, question: Question, id: int, settings: Settings) -> None:
        edns = Edns(CLIENT_PAYLOAD, 0, settings.dnssec)
        self.query = Message(id, rd=True, ad=True, questions=(question,), edns=edns)
        self._settings = settings
        self._practice = PRACTICE
        self._try = 0
        self._server = 0
        self._tcp = False
        self._verdict = DnsAnswer("TIMEOUT")

    def start(self) -> Step:
        """Begin."""
        if self._settings.retry <= 0:
            return Done(self._verdict)
        return self._ask(fresh=self._practice.matches)

    def datagram(self, reply: Message) -> Step:
        """A message came to the socket, from the server that it is connected to.

        Bit QR is not looked at. An answer to an earlier try is as good as any: id, question and socket are
        those of all tries that end by time-out.
        """
        if not self._is_ours(reply):
            return Wait()
        if reply.rcode in REJECTIONS:
            self._verdict = _answer(reply)
            return self._next(fresh=True)
        if _leads_nowhere(reply):
            return self._next(fresh=True)
        if reply.tc and self._practice.asks_again:
            self._tcp = True
            return self._ask(fresh=True)
        return Done(_answer(reply))

    def failed(self) -> Step:
        """The socket failed (nobody listens at the server's port), or a datagram was too short."""
        return self._next(fresh=True)

    def timed_out(self) -> Step:
        """Nothing of use came in time; the next try uses the same socket."""
        return self._next(fresh=False)

    def stream(self, reply: Message | None) -> Step:
        """A message came on the TCP connection; None: there is no connection, or none any more.

        Only the id is looked at. What went wrong over TCP is not asked for again, but at the next server.
        Source: ``send_vc()``.
        """
        if reply is None:
            return self._next(fresh=True)
        if reply.id != self.query.id:
            return Wait()
        return Done(_answer(reply))

    def _is_ours(self, reply: Message) -> bool:
        if not self._practice.matches:
            return True
        if reply.id != self.query.id:
            return False
        if not reply.questions:
            return reply.rcode in REJECTIONS
        return len(reply.questions) == 1 and _folded(reply.questions[0]) == _folded(self.query.questions[0])

    def _next(self, *, fresh: bool) -> Step:
        """The next server, or the first again while there are tries left: the loops of ``res_nsend()``."""
        self._server += 1
        if self._server == self._settings.nscount:
            self._server = 0
            self._try += 1
            if self._tcp or self._try >= self._settings.retry:
                return Done(self._verdict)
        return self._ask(fresh=fresh and self._practice.matches)

    def _ask(self, *, fresh: bool) -> Ask:
        seconds = None if self._tcp else self._settings.seconds(self._server)
        return Ask(self.query, self._server, seconds, fresh)


def _answer(reply: Message) -> DnsAnswer:
    return DnsAnswer(reply.rcode, reply.ad, reply.aa, reply.answers, reply.authority)


def _leads_nowhere(reply: Message) -> bool:
    """Whether a server that does not recurse refers to others (``referred query`` in ``send_dg()``)."""
    empty = reply.rcode == "NOERROR" and not reply.answers and reply.edns is None
    return empty and not reply.aa and not reply.ra


def _folded(question: Question) -> tuple[str, str, int]:
    return question.name.lower(), question.type, question.cls
