"""What the model asks of the world around it, and what a server's state machine may tell its shell.

The model calls a ``World`` for sockets, clock and files. The memory world answers from tables, the loopback
world with real sockets and TLS. Server sessions are state machines without I/O that either can drive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from eximsim.beside import SideBySide
from eximsim.disk import Disk
from eximsim.piped import Commands, PipedCommand
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.resumption import Tickets, TlsTicket

RData = str | bytes | tuple[int, str] | tuple[int, int, int, str]


# ---- DNS ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """One resource record of an answer.

    ``data`` by type: A, AAAA, CNAME, NS, PTR a ``str`` (names without final dot, case as the server sent
    it); MX ``(preference, host)``; SRV ``(priority, weight, port, target)``; TLSA and anything else the
    raw RDATA ``bytes`` (TXT: the RDATA with its length octets; SOA: raw, only its presence matters).
    """

    name: str
    type: str
    data: RData
    ttl: int = 3600


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """The reply to one question, after any retry over TCP; ``rcode`` is ``"TIMEOUT"`` if none came."""

    rcode: str
    ad: bool = False
    aa: bool = False
    answers: tuple[DnsRecord, ...] = ()
    authority: tuple[DnsRecord, ...] = ()


# ---- TLS ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """A private key with its chain, both PEM; the leaf certificate comes first."""

    chain: bytes
    key: bytes


class TlsAlert(Enum):
    """Why a client refuses the peer's certificate: the alert that it sends (RFC 8446, 6.2)."""

    UNKNOWN_CA = "unknown ca"
    CERTIFICATE_EXPIRED = "certificate expired"
    CERTIFICATE_REVOKED = "certificate revoked"
    CERTIFICATE_UNKNOWN = "certificate unknown"
    BAD_CERTIFICATE = "bad certificate"
    HANDSHAKE_FAILURE = "handshake failure"
    UNSUPPORTED_CERTIFICATE = "unsupported certificate"
    DECRYPT_ERROR = "decrypt error"
    INTERNAL_ERROR = "internal error"
    BAD_STATUS = "bad certificate status response"
    UNRECOGNIZED_NAME = "unrecognized name"
    CERTIFICATE_REQUIRED = "certificate required"
    DECODE_ERROR = "decode error"
    NO_APPLICATION_PROTOCOL = "no application protocol"


Judge = Callable[[tuple[bytes, ...]], TlsAlert | None]
"""Looks at the peer's chain (DER, leaf first, as the handshake delivered it); an alert ends the handshake."""


StatusJudge = Callable[[bytes | None], bool]
"""Looks at the OCSP response (DER) that a server has stapled (None: none); false ends the handshake."""


@dataclass(frozen=True, slots=True)
class TlsOffer:
    """What a client brings into a handshake.

    ``judge`` decides on the peer's chain. ``judge_late`` is GnuTLS's way: the handshake is completed first
    and the alert follows, so that the server has seen a session. ``min_version`` and ``max_version`` are
    named as in ``TlsSession``. ``ciphers`` is an OpenSSL cipher list for TLS 1.2 and older, or None.
    With ``only_to_authority`` (in memory only) the client shows its certificate to a server that names
    its issuer. ``status``, if given, asks for a stapled OCSP response and is told what came: after
    ``judge``, but before a late one. ``alpn`` has the application protocols that it offers (RFC 7301).
    ``watch`` is shown the chain before any judge; if it says false, the client leaves without an alert.
    ``asks`` for tickets; ``keep``, if given, is given those that come; ``ticket`` offers a session (all in
    memory only). Of a session that is resumed ``watch`` is not told, and ``judge`` only if it is late.
    """

    judge: Judge
    sni: str | None = None
    ciphers: str | None = None
    max_version: str = "TLSv1.3"
    min_version: str = "TLSv1"
    identity: TlsIdentity | None = None
    only_to_authority: bool = False
    judge_late: bool = False
    status: StatusJudge | None = None
    alpn: tuple[str, ...] = ()
    watch: Callable[[tuple[bytes, ...]], bool] | None = None
    asks: bool = False
    keep: Callable[[TlsTicket], None] | None = None
    ticket: TlsTicket | None = None


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """What a server brings into a handshake.

    ``max_version`` and ``ciphers`` are as in ``TlsOffer``. The client's order of preference counts. A
    server with a list of its own has Diffie-Hellman parameters. ``by_sni`` picks another identity for a
    lower-case server name. ``request_client_certificate`` asks for one; ``judge``, if given, looks at the
    client's chain (empty if it sent none). A world may ask it about the empty chain beforehand, to learn
    whether a certificate is a must; which alert it gives does not reach the client. ``staple`` is asked
    for the OCSP response (DER) that goes with a leaf (DER) if the client wants one. ``also`` has
    identities with keys of other kinds. ``for_name`` is told the server name that the client asks for, if
    it does, and gives what takes the place of all this, or the alert that ends it. ``authorities`` (DER)
    are whose certificates it says that it takes, if it says so. ``judge_late`` is GnuTLS's way, as in
    ``TlsOffer``. ``choose_protocol`` is asked for one of the application protocols that the client
    offers, if it does: None, and it goes on without one. ``tickets``, if given, resumes sessions; on sockets
    only ``LastingTickets``.
    """

    identity: TlsIdentity
    also: tuple[TlsIdentity, ...] = ()
    by_sni: tuple[tuple[str, TlsIdentity], ...] = ()
    max_version: str = "TLSv1.3"
    ciphers: str | None = None
    request_client_certificate: bool = False
    judge: Judge | None = None
    staple: Callable[[bytes], bytes | None] | None = None
    for_name: Callable[[str], TlsPolicy | TlsAlert] | None = None
    authorities: tuple[bytes, ...] = ()
    judge_late: bool = False
    choose_protocol: Callable[[tuple[str, ...]], str | TlsAlert | None] | None = None
    tickets: Tickets | None = None


@dataclass(frozen=True, slots=True)
class TlsSession:
    """An established session, seen from one side.

    ``version`` as OpenSSL writes it (``"TLSv1.2"``), ``cipher`` OpenSSL's name, ``bits`` its key length,
    ``peer_chain`` DER with the leaf first, ``sni`` what the client asked for.
    """

    version: str
    cipher: str
    bits: int
    peer_chain: tuple[bytes, ...] = ()
    sni: str | None = None
    alpn: str | None = None
    """The application protocol that both sides have agreed on."""
    own_leaf: bytes = b""
    """The certificate (DER) that this side has shown, if any."""
    resumed: bool = False
    """It is an earlier one, taken up again."""
    ticket: bool = False
    """The client has been given a ticket (in memory only)."""


class HandshakeFault(Enum):
    """How a handshake failed, seen from the client."""

    CLOSED = "peer closed the connection"
    RESET = "peer reset the connection"
    NOT_TLS = "peer answered with something that is not TLS"
    REFUSED = "the client's judge refused the peer's certificate"
    ALERT = "peer sent a fatal alert"
    TIMEOUT = "no answer in time"
    STATUS_REFUSED = "the client refused what it was told of the status of the peer's certificate"
    BAD_CIPHERS = "the client's list of ciphers leaves none, so that nothing was said"


class HandshakeError(Exception):
    """``Connection.start_tls`` failed; ``detail`` is the alert's name or the library's words.

    ``session`` is what had been agreed when a late judge refused it.
    """

    def __init__(self, fault: HandshakeFault, detail: str = "", session: TlsSession | None = None) -> None:
        self.fault = fault
        self.detail = detail
        self.session = session
        super().__init__(f"{fault.value}{': ' if detail else ''}{detail}")


# ---- connections, the client's side ---------------------------------------------------------------------


class ConnectError(Exception):
    """No connection. ``errno`` is the system's number (111 refused, 110 timed out, 113 no route, 101).

    ``source`` is the client's own address and port, if it had them when it was refused.
    """

    def __init__(self, errno: int, source: tuple[str, int] | None = None) -> None:
        self.errno, self.source = errno, source
        super().__init__(f"connect failed with errno {errno}")


class ReadTimeout(Exception):
    """Nothing arrived within the time that ``Connection.receive`` was given."""


class ConnectionLost(Exception):
    """The peer reset the connection while we read or wrote; ``errno`` is 104 or 32."""

    def __init__(self, errno: int) -> None:
        self.errno = errno
        super().__init__(f"connection lost with errno {errno}")


class AlertReceived(ConnectionLost):
    """Within TLS, the peer sent a fatal alert; ``reason`` is OpenSSL's symbol for it.

    What is sent and read after it is in clear.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(104)


class Connection(Protocol):
    """One TCP connection, seen from the client."""

    local_address: str
    local_port: int

    def send(self, data: bytes) -> None:
        """Write all of ``data``; raises ``ConnectionLost``."""

    def receive(self, timeout: float) -> bytes:
        """Some bytes, or ``b""`` at end of file; raises ``ReadTimeout`` (seconds) or ``ConnectionLost``."""

    def check_ciphers(self, ciphers: str) -> None:
        """Hold that OpenSSL takes a list of ciphers; raises ``HandshakeError`` for one that leaves none."""

    def start_tls(self, offer: TlsOffer, timeout: float) -> TlsSession:
        """Do a handshake on the open connection; raises ``HandshakeError``.

        After a failure the connection is still open as far as the caller knows: it decides whether to
        close or (as old releases do) to write on.
        """

    def end_tls(self) -> bool:
        """Close TLS, and go on in clear; False if the server does not: then all is closed."""

    def forget_tls(self) -> None:
        """Go on in clear without a word to the server, which takes what comes for a broken session."""

    def close(self) -> None:
        """Close both directions (with TLS: close_notify first). Closing twice is harmless."""

    def abandon(self, alert: TlsAlert | None = None) -> None:
        """Close both directions without a close_notify; with TLS, in memory only, after a fatal alert."""


# ---- server sessions: state machines without I/O ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes to the client."""

    data: bytes


@dataclass(frozen=True, slots=True)
class StartTls:
    """Begin a handshake as the server, once everything sent so far is out.

    ``early`` is what the session has already read beyond the command: the handshake begins with it.
    ``on_hello``, if given, is told the server name that the client asks for (None: none) as soon as its
    ClientHello has been read, whatever becomes of the handshake.
    """

    policy: TlsPolicy
    early: bytes = b""
    on_hello: Callable[[str | None], None] | None = None


@dataclass(frozen=True, slots=True)
class EndTls:
    """Send a fatal alert within TLS; what follows is in clear. In memory only."""

    alert: TlsAlert


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection; ``reset`` aborts it with RST instead of FIN."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for this many seconds (virtual in the memory world) before the next action."""

    seconds: float


Action = Send | StartTls | EndTls | Close | Wait


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a connection, as the scenario names it (not the loopback address it may be mapped to)."""

    address: str
    port: int


class Session(Protocol):
    """The server's side of one connection. Each call returns what the shell has to do, in order.

    A shell calls nothing after it has carried out a ``Close``, except ``on_close``, which it calls exactly
    once at the very end, however the connection ended.
    """

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
        """A connection was accepted."""

    def on_data(self, data: bytes) -> Iterable[Action]:
        """Bytes arrived (decrypted, once TLS is up)."""

    def on_tls(self, session: TlsSession) -> Iterable[Action]:
        """The handshake asked for by ``StartTls`` is complete."""

    def on_tls_failure(self, reason: str) -> Iterable[Action]:
        """It failed; ``reason`` in OpenSSL's form, e.g. ``TLSV1_ALERT_UNKNOWN_CA``.

        After ``on_tls``: the client broke the established session off with a fatal alert.
        """

    def on_eof(self, *, cut: bool = False) -> Iterable[Action]:
        """The client closed its side (or reset the connection); ``cut``: without closing TLS first."""

    def on_close(self) -> None:
        """The connection is gone."""


SessionFactory = Callable[[], Session]


class Files(Protocol):
    """The files of a scenario."""

    def read_file(self, path: str) -> bytes:
        """The content of a file of the scenario; raises ``OSError``."""


@dataclass(frozen=True, slots=True)
class Told:
    """What something beside the machine says to a question: a database, a command, a service.

    ``value`` is None if it has nothing to say (no row, no such name). ``deferred``: it could not be asked,
    and ``error`` says why. ``status`` is the exit status of a command, below 0 a signal;
    ``endless``: it has none.
    """

    value: str | None = None
    deferred: bool = False
    error: str = ""
    status: int = 0
    endless: bool = False


class World(Files, Commands, SideBySide, Protocol):
    """All that is outside the model's process.

    ``disk`` has what deliveries write; ``read_file`` finds it there, too.
    """

    disk: Disk

    def path_kind(self, path: str) -> str:
        """``file`` or ``folder``; empty if nothing is known to be there."""

    def names_in(self, path: str) -> list[str]:
        """The names in a folder of which the files are given; none if there is no such folder."""

    def ask(self, kind: str, question: str) -> Told:
        """Ask a database, a command or a service (``kind``: mysql, run); ``Unanswered`` without an answer."""

    def find_answer(self, kind: str, question: str) -> Told | None:
        """The answer that is given, without a question where there is none."""

    def ask_command(self, words: Sequence[str]) -> Told:
        """What a command writes, of these words and without input (``${run``).

        Raises ``Unanswered`` if the answer was not given and the command is not well known.
        """

    def lookup(self, name: str, type: str, *, timeout: float, tries: int, dnssec: bool) -> DnsAnswer:
        """Ask the name server one question. ``name`` has no final dot; ``dnssec`` sets the DO bit.

        The time-out (seconds) is for each of the ``tries``; the clock moves by what was spent. An answer
        may hold a CNAME chain with its end (a recursive server) or a CNAME alone (Exim's fakens).
        """

    def holds_domain(self, name: str) -> bool:
        """Whether the DNS can tell what is at and below a name: it has records there, or is all there is."""

    def connect(self, address: str, port: int, timeout: float, interface: str | None = None) -> Connection:
        """Open a TCP connection; raises ``ConnectError``. ``timeout`` in seconds, 0 for none."""

    def converse(self, partner: PipedCommand | str) -> Connection:
        """A dialogue with a command, or with who listens on the Unix domain socket of a path.

        Raises ``ConnectError``, and ``Unanswered`` if it is not known who that is.
        """

    def is_served(self, address: str, port: int | None = None) -> bool:
        """Whether it is known who listens on a port, or without one on the Unix domain socket of a path."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""

    def self_signed(self, subject: str) -> TlsIdentity:
        """A certificate for ``subject`` (``/C=UK/CN=a.example``) that vouches for itself, good for two hours.

        It has no extensions.
        """

    def interface_addresses(self) -> tuple[str, ...]:
        """This host's own IP addresses, IPv4 first; 127.0.0.1 among them."""

    def is_local_address(self, address: str) -> bool:
        """Whether a packet to ``address`` stays on this host (an interface address, or routed to it)."""

    def hosts_file(self) -> tuple[tuple[str, ...], ...]:
        """The lines of the hosts file: an address, the host's name, and its other names."""

    def listen(self, address: str | None, port: int, factory: SessionFactory) -> None:
        """Serve ``port`` on ``address`` (None: on every address of this host) with new sessions."""

    def unlisten(self, address: str | None, port: int) -> None:
        """Stop serving; open connections are finished first."""
