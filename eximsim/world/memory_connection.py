"""A connection of the memory world: the client's end, which drives the server's session.

A server's session runs at once, in the client's call that gives it something to do, or in a world whose
processes work side by side as one of these: then it goes on when its time has come, and the client waits only
where it asks for an answer.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.beside import Watching
from eximsim.errors import Unsupported
from eximsim.ports import (
    Action,
    AlertReceived,
    Close,
    ConnectionLost,
    Endpoint,
    EndTls,
    HandshakeError,
    HandshakeFault,
    ReadTimeout,
    Send,
    Session,
    StartTls,
    TlsAlert,
    TlsOffer,
    TlsPolicy,
    TlsSession,
    Wait,
)
from eximsim.server_sessions import GoingOn, Minding, TimedSession
from eximsim.world import handshake
from eximsim.world.alerts import ALERTS
from eximsim.world.certificates import der_chain

if TYPE_CHECKING:
    from eximsim.world.memory import MemoryWorld

CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""What a plain-text server sees first of a client that speaks TLS: the head of a ClientHello."""


_HELLO = b"\x16\x03"
"""How the record of a ClientHello begins."""

_BUFFERED = 128 * 1024
"""So many octets surely find room between a client and a server that does not read."""


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
        self._steps: deque[Callable[[], Iterable[Action]]] = deque()
        self._busy = False
        """The session is at work; it may have to wait in between."""
        self._arrived = bytearray()
        """What the client has sent and the session has not been given."""
        self._unasked = b""
        """What the client has said before the server had anything to say."""
        self._forgotten = False
        """The client has lost its TLS session, and the server does not know."""

    @property
    def hung_up(self) -> bool:
        """See ``Link``."""
        return not self._client_open

    @property
    def unread(self) -> bool:
        """See ``Link``."""
        return bool(self._arrived)

    def take(self) -> bytes:
        """See ``Link``."""
        data = bytes(self._arrived)
        self._arrived.clear()
        return data

    def tell(self, data: bytes) -> None:
        """See ``Link``."""
        self._run([Send(data)])

    # ---- the client's side

    def accept(self) -> None:
        """Tell the session that it has a connection."""
        if self._world.side_by_side and isinstance(self.session, Watching):
            self.session.watch(self)
        self._serve(lambda: self.session.on_connect(*self._ends))

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
        began = self._clock.time
        if not self._inbox and self._busy:
            self._world.wait(lambda: bool(self._inbox) or not self._busy, began + timeout)
        if not self._inbox:
            if not self._server_open or not self._client_open:
                return b""
            deadline, end = self.deadline(), began + timeout
            if deadline is not None and deadline <= end:
                self.expire()
                return self.receive(end - self._clock.time)
            if self._busy or not self._world.wait(lambda: bool(self._inbox), end):
                self._world.pass_until(end)
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
            self._serve(self._hung_up)

    def _hung_up(self) -> Iterator[Action]:
        """What the server makes of it that the client has gone."""
        if self._handshake is not None:
            self._handshake = None
            yield from self.session.on_tls_failure("UNEXPECTED_EOF_WHILE_READING")
        if self._server_open:
            yield from self.session.on_eof(cut=self._cut)
        if self._server_open:
            self._end_server()

    def abandon(self, alert: TlsAlert | None = None) -> None:
        """See ``Connection``."""
        if alert is not None and self._server_open:
            reason = ALERTS[alert].reason
            self._serve(lambda: self.session.on_tls_failure(reason))
            self._secure = False
        self._cut = self._secure
        self.close()

    check_ciphers = staticmethod(handshake.check_ciphers)

    def start_tls(self, offer: TlsOffer, timeout: float) -> TlsSession:
        """See ``Connection``."""
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
        self._serve(self.session.on_tls_end)
        return True

    def forget_tls(self) -> None:
        """See ``Connection``."""
        self._forgotten = self._secure

    # ---- the server's patience

    def deadline(self) -> float | None:
        """When the server gives the client up, None if never."""
        if not self._server_open or not isinstance(self.session, TimedSession):
            return None
        return self.session.deadline()

    def expire(self) -> None:
        """Let time pass until the server gives the client up."""
        assert isinstance(self.session, TimedSession)
        self._world.pass_until(self.session.deadline() or self._clock.time)
        self._handshake = None
        self._serve(self.session.on_deadline)

    # ---- handshakes

    def _start_tls(self, offer: TlsOffer, timeout: float) -> TlsSession:
        if not self._server_open:
            self._broken = True
        elif self._handshake is None:
            self._deliver(CLIENT_HELLO)
        end = self._clock.time + timeout
        if self._busy and not self._world.wait(lambda: not self._busy or bool(self._inbox), end):
            raise HandshakeError(HandshakeFault.TIMEOUT)
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
        chains = [der_chain(one.chain) for one in (handshake.choose_identity(policy, offer), *policy.also)]
        version = min(offer.max_version, policy.max_version, key=handshake.VERSIONS.index)
        if handshake.VERSIONS.index(version) < handshake.VERSIONS.index(offer.min_version):
            self._fail("UNSUPPORTED_PROTOCOL")
            raise HandshakeError(HandshakeFault.ALERT, "TLSV1_ALERT_PROTOCOL_VERSION")
        if again := self._resume(offer, policy, version):
            return again
        agreed, chain = handshake.agree(version, offer, policy, chains)
        if agreed is None:
            self._fail("NO_SHARED_CIPHER")
            raise HandshakeError(HandshakeFault.ALERT, ALERTS[TlsAlert.HANDSHAKE_FAILURE].reason)
        protocol = policy.choose_protocol(offer.alpn) if offer.alpn and policy.choose_protocol else None
        if isinstance(protocol, TlsAlert):
            self._fail("NO_APPLICATION_PROTOCOL")
            raise HandshakeError(HandshakeFault.ALERT, ALERTS[protocol].reason)
        if offer.watch is not None and not offer.watch(chain):
            self._fail("UNEXPECTED_EOF_WHILE_READING")
            raise HandshakeError(HandshakeFault.REFUSED)
        if not offer.judge_late and (alert := offer.judge(chain)) is not None:
            self._fail(ALERTS[alert].reason)
            raise HandshakeError(HandshakeFault.REFUSED, alert.value)
        if offer.status is not None:
            stapled = None if policy.staple is None else policy.staple(chain[0])
            if not offer.status(stapled):
                self._fail(ALERTS[TlsAlert.BAD_STATUS].reason)
                raise HandshakeError(HandshakeFault.STATUS_REFUSED, "INVALID_STATUS_RESPONSE")
        seen = TlsSession(version, *agreed, peer_chain=chain, sni=offer.sni, alpn=protocol)
        shown = handshake.client_chain(policy, offer)
        if policy.request_client_certificate and policy.judge and (alert := policy.judge(shown)):
            late = version == "TLSv1.3" or (policy.judge_late and bool(shown))
            self._refuse_client(alert, late=late, sent=bool(shown), judged_late=policy.judge_late)
            if offer.judge_late and (alert := offer.judge(chain)) is not None:
                raise HandshakeError(HandshakeFault.REFUSED, alert.value, seen)
            return seen
        served = replace(seen, peer_chain=shown, own_leaf=chain[0])
        seen = replace(seen, ticket=handshake.hand_out_ticket(offer, policy, served, seen))
        return self._begin(offer, served, seen)

    def _begin(self, offer: TlsOffer, served: TlsSession, seen: TlsSession) -> TlsSession:
        """Both sides hold the handshake for complete; a client that judges late may end the session now."""
        self._secure = True
        self._serve(lambda: self.session.on_tls(served))
        if offer.judge_late and (alert := offer.judge(seen.peer_chain)) is not None:
            if self._server_open:
                reason = ALERTS[alert].reason
                self._serve(lambda: self.session.on_tls_failure(reason))
            raise HandshakeError(HandshakeFault.REFUSED, alert.value, seen)
        return seen

    def _resume(self, offer: TlsOffer, policy: TlsPolicy, version: str) -> TlsSession | None:
        """Take up the session that the client offers, as it sees it, if the server does."""
        if (found := handshake.take_up(offer, policy, version)) is None:
            return None
        if offer.status is not None and not offer.status(None):
            self._fail(ALERTS[TlsAlert.BAD_STATUS].reason)
            raise HandshakeError(HandshakeFault.STATUS_REFUSED, "INVALID_STATUS_RESPONSE")
        return self._begin(offer, *found)

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
        self._serve(lambda: self.session.on_tls_failure(reason))

    # ---- the server's side

    def _serve(self, step: Callable[[], Iterable[Action]]) -> None:
        """Have the session do something; what waits in there lets the client go on."""
        self._steps.append(step)
        if not self._busy:
            self._busy = True
            self._world.spawn(self._work)

    def _work(self) -> None:
        try:
            while self._steps and self._server_open:
                self._run(self._steps.popleft()())
        finally:
            self._busy = False
            self._steps.clear()

    def _deliver(self, data: bytes) -> None:
        """Bytes from the client reach the server."""
        began = self._clock.time
        self._arrived += data
        if self._busy and len(self._arrived) > _BUFFERED:
            raise Unsupported("a server that does not read, and more data than buffers may hold")
        self._serve(self._taken)
        if self._clock.time > began and self._asked is None and not self._world.side_by_side:
            self._asked = began

    def _taken(self) -> Iterable[Action]:
        """What the server makes of what the client has sent by now."""
        data = self.take()
        if not data or (self._handshake is not None and data.startswith(_HELLO)):
            return ()  # a handshake is done by hand; the server waits for more
        if self._handshake is not None or self._forgotten:
            self._handshake, self._forgotten = None, False
            return self.session.on_tls_failure("WRONG_VERSION_NUMBER")
        return self.session.on_data(data)

    def _deliver_early(self, data: bytes) -> None:
        """Bring data to the server; one that minds what comes before its greeting has not yet sent that."""
        first, self._spoken = not self._spoken, True
        if first and not self._heard and self._inbox and isinstance(self.session, Minding):
            actions = self.session.on_early_data(data)
            if actions is not None:
                self._inbox.clear()
                self._serve(lambda: actions)
                return
        if not self._heard and self._busy and not self._inbox:
            self._unasked += data
        self._deliver(data)

    def _answer_unasked(self) -> Iterable[Action] | None:
        """What a server that minds says to a client that has not waited for its greeting."""
        data, self._unasked = self._unasked, b""
        if not isinstance(self.session, Minding):
            return None
        actions = self.session.on_early_data(data)
        if actions is not None:
            self._steps.clear()
            self._arrived.clear()
        return actions

    def _run(self, actions: Iterable[Action]) -> None:
        """Carry out what the session asks for, at the server's own time."""
        self._server_time = max(self._server_time, self._clock.time)
        for action in actions:
            self._server_time = max(self._server_time, self._clock.time)
            match action:
                case Send() if self._unasked and (instead := self._answer_unasked()) is not None:
                    self._run(instead)
                    return
                case Send(data):
                    self._inbox.append((self._server_time, data))
                case Wait(seconds) if self._world.side_by_side:
                    self._world.sleep(seconds)
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
                        self._arrived[:0] = action.early
                        self._run(self._taken())
                        return

    def _end_server(self) -> None:
        self._server_open, self._handshake = False, None
        self._world.server_time = self._server_time
        self.session.on_close()
        self._world.server_time = None
