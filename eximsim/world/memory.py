"""The memory world: a simulated network and a clock that moves only when somebody waits.

A server's session runs at once, in the client's call that gives it something to do. What it sends carries
the moment at which it was sent, so that a delay costs the client time, or makes it time out, only when the
client waits for the answer. Handshakes are simulated: versions and ciphers are what OpenSSL 3 agrees on.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from eximsim.errors import Unsupported
from eximsim.piped import PipedCommand
from eximsim.ports import (
    Action,
    AlertReceived,
    Close,
    ConnectError,
    Connection,
    ConnectionLost,
    DnsAnswer,
    Endpoint,
    EndTls,
    GoingOn,
    HandshakeError,
    HandshakeFault,
    Minding,
    ReadTimeout,
    Send,
    Session,
    SessionFactory,
    StartTls,
    TimedSession,
    TlsAlert,
    TlsOffer,
    TlsSession,
    Wait,
)
from eximsim.world import stub_resolver
from eximsim.world.alerts import ALERTS
from eximsim.world.certificates import der_chain
from eximsim.world.clock import START, VirtualClock
from eximsim.world.handshake import VERSIONS, agree, check_ciphers, choose_identity, client_chain
from eximsim.world.host import Accepted, Host, HostedWorld
from eximsim.world.memory_names import ZoneServer, askable, too_long
from eximsim.world.messages import Question
from eximsim.world.network import Network, Server
from eximsim.world.reply import Reply, Zones
from eximsim.world.stub_resolver import REJECTIONS, Settings

CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""What a plain-text server sees first of a client that speaks TLS: the head of a ClientHello."""


class MemoryWorld(HostedWorld):
    """A ``World`` without sockets: deterministic, and as fast as the model."""

    def __init__(self, zones: Zones, host: Host | None = None, *, start: float = START) -> None:
        super().__init__(host or Host())
        self.zones = zones
        self.clock = VirtualClock(start)
        self._questions: list[str] = []
        self._open: dict[int, MemoryConnection] = {}
        self._network = Network(self.clock, self.name_server(), self._note)
        self.server_time: float | None = None
        """How late it is for a server that ends."""

    @property
    def questions(self) -> tuple[str, ...]:
        """What reached the name server, as ``"TYPE name"``, in order."""
        return tuple(self._questions)

    @property
    def open_connections(self) -> tuple[MemoryConnection, ...]:
        """The connections that clients have open, oldest first."""
        return tuple(self._open.values())

    def lookup(self, name: str, type: str, *, timeout: float, tries: int, dnssec: bool) -> DnsAnswer:
        """See ``World``. The zones decide about AD, which is always asked for."""
        reply = self.zones.answer(name, type)
        if reply.answer.rcode == "FORMERR" and not askable(name):
            return reply.answer  # no question can hold it
        if self._needs_no_network(name, type, reply) and tries > 0:
            self._questions.append(f"{type} {name}")
            return reply.answer
        return self._network.lookup(Question(name, type), Settings(timeout, tries, dnssec))

    def _needs_no_network(self, name: str, type: str, reply: Reply) -> bool:
        """Whether the first datagram settles the question, and at once."""
        if reply.drop or reply.delay or reply.truncate or reply.answer.rcode in REJECTIONS:
            return False
        return stub_resolver.PRACTICE.matches and not too_long(name, type, reply.answer)

    def name_server(self) -> Server:
        """What answers the questions."""
        return ZoneServer(lambda: self.zones)

    def _note(self, question: Question) -> None:
        self._questions.append(f"{question.type} {question.name}")

    def connect(self, address: str, port: int, timeout: float, interface: str | None = None) -> Connection:
        """See ``World``."""
        source = self._source(address, interface)
        listener = self._listening(address, port)
        if listener is None:
            number, seconds = self.host.refusal(address, timeout)
            self.clock.advance(seconds)
            raise ConnectError(number)
        client, server = Endpoint(source, self._new_port()), Endpoint(address, port)
        session = self._listeners[listener]()
        self.accepted.append(Accepted(client, server, session))
        return self._connected(session, client, server)

    def converse(self, partner: PipedCommand | str) -> Connection:
        """See ``World``."""
        path = partner if isinstance(partner, str) else partner.words[0]
        return self._connected(self._partner(partner), Endpoint("", self._new_port()), Endpoint(path, 0))

    def _connected(self, session: Session, client: Endpoint, server: Endpoint) -> Connection:
        connection = self._open[client.port] = MemoryConnection(self, session, client, server)
        connection.accept()
        return connection

    def now(self) -> float:
        """See ``World``."""
        return self.clock.time

    def sleep(self, seconds: float) -> None:
        """See ``World``."""
        until = self.clock.time + seconds
        while due := [one for one in self.open_connections if (one.deadline() or until + 1) <= until]:
            min(due, key=lambda one: one.deadline() or 0).expire()
        self.clock.advance_to(until)

    def listen(self, address: str | None, port: int, factory: SessionFactory) -> None:
        """See ``World``; raises ``OSError`` (EADDRINUSE)."""
        self._add_listener(address, port, factory)

    def unlisten(self, address: str | None, port: int) -> None:
        """See ``World``; a server that sleeps before it ends leaves its callers in the backlog until then."""
        self._drop_listener(address, port, self.server_time or self.clock.time)

    def hang_up(self) -> None:
        """Close what clients have left open, as the kernel does when a process dies."""
        for connection in list(self._open.values()):
            connection.close()

    def forget(self, connection: MemoryConnection) -> None:
        """``connection`` is closed."""
        self._open.pop(connection.local_port, None)


_HELLO = b"\x16\x03"
"""How the record of a ClientHello begins."""


class _End:
    """In the place of bytes: here the server's stream ends, with FIN or with RST, or TLS by an alert."""

    def __init__(self, reset: bool, alert: str = "") -> None:
        self.reset, self.alert = reset, alert


class MemoryConnection:
    """The client's end of a simulated connection; it drives the server's session."""

    def __init__(self, world: MemoryWorld, session: Session, client: Endpoint, server: Endpoint) -> None:
        self.local_address = client.address
        self.local_port = client.port
        self._world = world
        self._clock = world.clock
        self.session = session
        self._ends = (client, server)
        self._inbox: deque[tuple[float, bytes | _End]] = deque()
        self._server_time = world.clock.time
        self._server_open = True
        self._client_open = True
        self._broken = False
        self._handshake: StartTls | None = None
        self._secure = self._cut = False
        self._heard = self._spoken = False
        """The client has read something, and sent something."""
        self._alerted = False
        """The server has ended TLS by an alert that the client has not read."""
        self._asked: float | None = None
        """When the client asked what the server has spent time on."""

    @property
    def state(self) -> tuple[object, ...]:
        """All that decides what becomes of the connection: equal ones behave alike."""
        sides = (self._server_time, self._server_open, self._client_open, self._broken, self._asked)
        secrets = (self._secure, self._cut, self._alerted)
        return (self.session, self._handshake, list(self._inbox), *sides, *secrets)

    # ---- the client's side

    def accept(self) -> None:
        """Tell the session that it has a connection."""
        self._run(self.session.on_connect(*self._ends))

    def send(self, data: bytes) -> None:
        """See ``Connection``."""
        if not self._client_open or self._broken:
            raise ConnectionLost(errno.EPIPE)
        if self._alerted:
            return  # nobody can read it
        if self._server_open:
            self._deliver_early(data)
            return
        self._broken = True  # what is sent to a closed socket is answered by RST
        if self._inbox and self._inbox[-1][0] <= self._clock.time:
            end = self._inbox[-1][1]
            if isinstance(end, _End) and end.reset:
                self._inbox.pop()
                raise ConnectionLost(errno.ECONNRESET)

    def receive(self, timeout: float) -> bytes:
        """See ``Connection``."""
        if not self._inbox:
            if not self._server_open or not self._client_open:
                return b""
            began, deadline = self._clock.time, self.deadline()
            if deadline is not None and deadline <= began + timeout:
                self.expire()
                return self.receive(timeout - (self._clock.time - began))
            self._clock.advance(timeout)
            raise ReadTimeout
        moment, item = self._inbox[0]
        if moment > self._clock.time + timeout:
            self._clock.advance(timeout)
            raise ReadTimeout
        asked, self._asked = self._asked, None
        if asked is not None and moment > asked + timeout:
            took = f"{moment - asked:g}s where the client waits {timeout:g}s"
            raise Unsupported(f"a server that takes its time over an answer: {took}")
        self._clock.advance_to(moment)
        self._inbox.popleft()
        self._heard = True
        if not isinstance(item, _End):
            return item
        if item.alert:
            self._alerted = False
            raise AlertReceived(item.alert)
        if item.reset:
            self._broken = True
            raise ConnectionLost(errno.ECONNRESET)
        return b""

    def close(self) -> None:
        """See ``Connection``."""
        if not self._client_open:
            return
        self._client_open = False
        self._world.forget(self)
        if self._server_open:
            if self._handshake is not None:
                self._fail("UNEXPECTED_EOF_WHILE_READING")
            if self._server_open:
                self._run(self.session.on_eof(cut=self._cut))
        if self._server_open:
            self._end_server()

    def abandon(self, alert: TlsAlert | None = None) -> None:
        """See ``Connection``."""
        if alert is not None and self._server_open:
            self._run(self.session.on_tls_failure(ALERTS[alert].reason))
            self._secure = False
        self._cut = self._secure
        self.close()

    def start_tls(self, offer: TlsOffer, timeout: float) -> TlsSession:
        """See ``Connection``."""
        if offer.ciphers is not None:
            check_ciphers(offer.ciphers)
        try:
            return self._start_tls(offer, timeout)
        except HandshakeError:  # what the server has sent belongs to a session that has failed
            self._inbox = deque(item for item in self._inbox if isinstance(item[1], _End))
            raise

    def end_tls(self) -> bool:
        """See ``Connection``."""
        if not isinstance(self.session, GoingOn) or not self._server_open:
            self.close()
            return False
        self._secure = False
        self._run(self.session.on_tls_end())
        return True

    # ---- the server's patience

    def deadline(self) -> float | None:
        """When the server gives the client up, None if never."""
        if not self._server_open or not isinstance(self.session, TimedSession):
            return None
        return self.session.deadline()

    def expire(self) -> None:
        """Let time pass until the server gives the client up."""
        assert isinstance(self.session, TimedSession)
        self._clock.advance_to(self.session.deadline() or self._clock.time)
        self._handshake = None
        self._run(self.session.on_deadline())

    # ---- handshakes

    def _start_tls(self, offer: TlsOffer, timeout: float) -> TlsSession:
        if not self._server_open:
            self._broken = True
        elif self._handshake is None:
            self._deliver(CLIENT_HELLO)
        if self._handshake is None or self._inbox:
            raise self._not_tls(timeout, offer.sni)
        if self._server_time > self._clock.time + timeout:
            self._clock.advance(timeout)
            raise HandshakeError(HandshakeFault.TIMEOUT)
        self._clock.advance_to(self._server_time)
        start, self._handshake = self._handshake, None
        return self._shake_hands(offer, start)

    def _not_tls(self, timeout: float, sni: str | None) -> HandshakeError:
        """What a client makes of whatever comes instead of a ServerHello."""
        try:
            data = self.receive(timeout)
        except ReadTimeout:
            return HandshakeError(HandshakeFault.TIMEOUT)
        except ConnectionLost:
            return HandshakeError(HandshakeFault.RESET)
        if not data:
            return HandshakeError(HandshakeFault.CLOSED)
        if self._handshake is not None and self._handshake.on_hello is not None:
            self._handshake.on_hello(sni)  # the server's part is well; it waits for more
        return HandshakeError(HandshakeFault.NOT_TLS, "WRONG_VERSION_NUMBER")

    def _shake_hands(self, offer: TlsOffer, start: StartTls) -> TlsSession:
        policy = start.policy
        if start.on_hello is not None:
            start.on_hello(offer.sni)
        if policy.for_name is not None and offer.sni is not None:
            chosen = policy.for_name(offer.sni)
            if isinstance(chosen, TlsAlert):
                self._fail("CALLBACK_FAILED")
                raise HandshakeError(HandshakeFault.ALERT, ALERTS[chosen].reason)
            policy = chosen
        chains = [der_chain(one.chain) for one in (choose_identity(policy, offer), *policy.also)]
        version = min(offer.max_version, policy.max_version, key=VERSIONS.index)
        if VERSIONS.index(version) < VERSIONS.index(offer.min_version):
            self._fail("UNSUPPORTED_PROTOCOL")
            raise HandshakeError(HandshakeFault.ALERT, "TLSV1_ALERT_PROTOCOL_VERSION")
        agreed, chain = agree(version, offer, policy, chains)
        if agreed is None:
            self._fail("NO_SHARED_CIPHER")
            raise HandshakeError(HandshakeFault.ALERT, ALERTS[TlsAlert.HANDSHAKE_FAILURE].reason)
        protocol = policy.choose_protocol(offer.alpn) if offer.alpn and policy.choose_protocol else None
        if isinstance(protocol, TlsAlert):
            self._fail("NO_APPLICATION_PROTOCOL")
            raise HandshakeError(HandshakeFault.ALERT, ALERTS[protocol].reason)
        if not offer.judge_late and (alert := offer.judge(chain)) is not None:
            self._fail(ALERTS[alert].reason)
            raise HandshakeError(HandshakeFault.REFUSED, alert.value)
        if offer.status is not None:
            stapled = None if policy.staple is None else policy.staple(chain[0])
            if not offer.status(stapled):
                self._fail(ALERTS[TlsAlert.BAD_STATUS].reason)
                raise HandshakeError(HandshakeFault.STATUS_REFUSED, "INVALID_STATUS_RESPONSE")
        seen = TlsSession(version, *agreed, peer_chain=chain, sni=offer.sni, alpn=protocol)
        shown = client_chain(policy, offer)
        if policy.request_client_certificate and policy.judge and (alert := policy.judge(shown)):
            late = version == "TLSv1.3" or (policy.judge_late and bool(shown))
            self._refuse_client(alert, late=late, sent=bool(shown), judged_late=policy.judge_late)
            if offer.judge_late and (alert := offer.judge(chain)) is not None:
                raise HandshakeError(HandshakeFault.REFUSED, alert.value, seen)
            return seen
        self._secure = True
        self._run(self.session.on_tls(replace(seen, peer_chain=shown, own_leaf=chain[0])))
        if offer.judge_late and (alert := offer.judge(chain)) is not None:
            if self._server_open:
                self._run(self.session.on_tls_failure(ALERTS[alert].reason))
            raise HandshakeError(HandshakeFault.REFUSED, alert.value, seen)
        return seen

    def _send_alert(self, alert: TlsAlert) -> None:
        """The server ends TLS by an alert that the client finds when it reads."""
        self._inbox.append((self._server_time, _End(reset=False, alert=ALERTS[alert].reason)))
        self._alerted = True

    def _refuse_client(self, alert: TlsAlert, *, late: bool, sent: bool, judged_late: bool) -> None:
        """The server does not take the client's certificate, or that there is none.

        ``late``: the client has finished by then and finds out when it reads, as with TLS 1.3 (RFC 8446,
        4.4.2.4).
        """
        without = TlsAlert.CERTIFICATE_REQUIRED if not judged_late else TlsAlert.DECODE_ERROR
        if late:
            self._send_alert(alert if sent else without)
        self._fail("CERTIFICATE_VERIFY_FAILED" if sent else "PEER_DID_NOT_RETURN_A_CERTIFICATE")
        if not late:
            alert = alert if sent else TlsAlert.HANDSHAKE_FAILURE
            raise HandshakeError(HandshakeFault.ALERT, ALERTS[alert].reason)

    def _fail(self, reason: str) -> None:
        """The server's handshake fails."""
        self._handshake = None
        self._run(self.session.on_tls_failure(reason))

    # ---- the server's side

    def _deliver(self, data: bytes) -> None:
        """Bytes from the client reach the server."""
        if self._handshake is not None and data.startswith(_HELLO):
            return  # by hand; the server waits for more
        if self._handshake is not None:
            self._fail("WRONG_VERSION_NUMBER")
            return
        began = self._clock.time
        self._run(self.session.on_data(data))
        if self._clock.time > began and self._asked is None:
            self._asked = began

    def _deliver_early(self, data: bytes) -> None:
        """Bring data to the server; one that minds what comes before its greeting has not yet sent that."""
        first, self._spoken = not self._spoken, True
        if first and not self._heard and self._inbox and isinstance(self.session, Minding):
            actions = self.session.on_early_data(data)
            if actions is not None:
                self._inbox.clear()
                self._run(actions)
                return
        self._deliver(data)

    def _run(self, actions: Iterable[Action]) -> None:
        """Carry out what the session asks for, at the server's own time."""
        self._server_time = max(self._server_time, self._clock.time)
        for action in actions:
            self._server_time = max(self._server_time, self._clock.time)
            match action:
                case Send(data):
                    self._inbox.append((self._server_time, data))
                case Wait(seconds):
                    self._server_time += seconds
                case Close(reset):
                    self._inbox.append((self._server_time, _End(reset)))
                    self._end_server()
                    return
                case EndTls(alert):
                    self._send_alert(alert)
                case StartTls():
                    self._handshake = action
                    if action.early:
                        self._deliver(action.early)
                        return

    def _end_server(self) -> None:
        self._server_open = False
        self._handshake = None
        self._world.server_time = self._server_time
        self.session.on_close()
        self._world.server_time = None
