"""Real TLS handshakes, for both sides, without I/O: bytes in, bytes out (pyOpenSSL over memory BIOs).

The client does not let OpenSSL decide about the server's certificate: the offer's judge does, during the
handshake, so that the server sees the alert. The security level is 0, because the model's own options, not
the defaults of the library that happens to be installed, say what is acceptable.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from OpenSSL import SSL
from OpenSSL._util import ffi, lib
from OpenSSL.crypto import X509

from eximsim.errors import InputError, Unsupported
from eximsim.ports import (
    HandshakeError,
    HandshakeFault,
    StartTls,
    TlsAlert,
    TlsIdentity,
    TlsOffer,
    TlsPolicy,
    TlsSession,
)
from eximsim.resumption import LastingTickets
from eximsim.world.alerts import ALERTS, reason_name, seal_tls12_alert, seal_tls13_alert
from eximsim.world.dh import use_dh_parameters

TLS_VERSIONS = {
    "TLSv1": SSL.TLS1_VERSION,
    "TLSv1.1": SSL.TLS1_1_VERSION,
    "TLSv1.2": SSL.TLS1_2_VERSION,
    "TLSv1.3": SSL.TLS1_3_VERSION,
}
UNEXPECTED_EOF = "UNEXPECTED_EOF_WHILE_READING"
_CHUNK = 65536
_DEFAULT_CIPHERS = "DEFAULT"


class TlsFault(Exception):
    """TLS broke off; ``reason`` is OpenSSL's symbol for why, e.g. ``TLSV1_ALERT_UNKNOWN_CA``."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class BadCiphers(InputError):
    """A list of ciphers that OpenSSL does not take; ``reason`` is its symbol for why."""

    def __init__(self, ciphers: str | None, reason: str) -> None:
        self.reason = reason
        super().__init__(f"cipher list {ciphers!r}: expected a list in OpenSSL's form")


class Engine:
    """One side of a TLS connection. Feed it what arrives; write out what ``outgoing`` gives."""

    _connection: SSL.Connection
    _pending: TlsFault | None = None

    def feed(self, wire: bytes) -> None:
        """Take bytes from the peer."""
        while wire:
            wire = wire[self._connection.bio_write(wire) :]

    def outgoing(self) -> bytes:
        """All that is to be written to the peer now."""
        parts = []
        while True:
            try:
                parts.append(self._connection.bio_read(_CHUNK))
            except SSL.WantReadError:
                return b"".join(parts)

    def handshake(self) -> bool:
        """Go on with the handshake: whether it is complete; raises ``TlsFault``."""
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            raise TlsFault(_reason(error)) from error
        return True

    def read(self) -> bytes | None:
        """What the peer has sent, decrypted, or nothing; None after its close_notify; raises ``TlsFault``."""
        parts: list[bytes] = []
        while self._pending is None:
            try:
                parts.append(self._connection.recv(_CHUNK))
            except SSL.WantReadError:
                return b"".join(parts)
            except SSL.ZeroReturnError:
                return b"".join(parts) or None
            except SSL.Error as error:
                self._pending = TlsFault(_reason(error))
        if parts:
            return b"".join(parts)
        raise self._pending

    def write(self, data: bytes) -> None:
        """Encrypt ``data`` for ``outgoing``."""
        while data:
            data = data[self._connection.send(data) :]

    def shutdown(self) -> None:
        """Say close_notify, if the session is in a state for it."""
        try:
            self._connection.shutdown()
        except SSL.Error:
            return

    def _session(self, peer_chain: tuple[bytes, ...], sni: str | None) -> TlsSession:
        connection = self._connection
        return TlsSession(
            version=connection.get_protocol_version_name(),
            cipher=connection.get_cipher_name() or "",
            bits=connection.get_cipher_bits() or 0,
            peer_chain=peer_chain,
            sni=sni,
            alpn=connection.get_alpn_proto_negotiated().decode("ascii", "replace") or None,
        )


class ClientEngine(Engine):
    """The client's side of one handshake, as a ``TlsOffer`` describes it.

    ``refusal`` is the judge's alert, if there was one. Once the handshake is complete, ask ``late_refusal``.
    Making one raises ``HandshakeError`` for a list of ciphers that OpenSSL does not take.
    """

    def __init__(self, offer: TlsOffer) -> None:
        if offer.keep is not None:
            raise Unsupported("TLS session resumption over real sockets")
        self._offer = offer
        self._problem: Exception | None = None
        self._secret = b""
        self.refusal: TlsAlert | None = None
        self.status_refused = False
        self._judged = False
        self._chain: tuple[bytes, ...] = ()
        try:
            context = new_context(offer.max_version, offer.ciphers, offer.min_version)
        except BadCiphers as bad:
            raise HandshakeError(HandshakeFault.BAD_CIPHERS, bad.reason) from bad
        if offer.only_to_authority:
            raise Unsupported("a client that shows its certificate to some servers only, on sockets")
        if offer.identity is not None:
            _use_identity(context, offer.identity)
        if offer.judge_late:
            context.set_keylog_callback(self._keep_secret)
        # pyOpenSSL's own verify callback cannot choose the error, hence the alert.
        self._callback = ffi.callback("int (*)(int, X509_STORE_CTX *)", self._verify)
        lib.SSL_CTX_set_verify(context._context, SSL.VERIFY_PEER, self._callback)
        if offer.status is not None:
            context.set_ocsp_client_callback(self._status)
        self._connection = SSL.Connection(context, None)
        self._connection.set_connect_state()
        if offer.status is not None:
            self._connection.request_ocsp()
        if offer.alpn:
            self._connection.set_alpn_protos([name.encode() for name in offer.alpn])
        if offer.sni is not None:
            self._connection.set_tlsext_host_name(offer.sni.encode())

    def handshake(self) -> bool:
        """Go on with the handshake: whether it is complete; raises ``TlsFault``, or what the judge raised."""
        try:
            return super().handshake()
        finally:
            if self._problem is not None:
                raise self._problem

    def session(self) -> TlsSession:
        """The session, once the handshake is complete."""
        return self._session(self._chain, self._offer.sni)

    def late_refusal(self) -> bytes:
        """What to send if a late judge, asked only now, refuses: a record with its alert, or nothing."""
        if not self._offer.judge_late:
            return b""
        self.refusal = self._offer.judge(self._chain)
        if self.refusal is None:
            return b""
        connection = self._connection
        cipher = connection.get_cipher_name() or ""
        if connection.get_protocol_version_name() == "TLSv1.3":
            return seal_tls13_alert(self.refusal, cipher, self._secret)
        master, client, server = (
            connection.master_key(),
            connection.client_random(),
            connection.server_random(),
        )
        assert master is not None
        assert client is not None
        assert server is not None
        return seal_tls12_alert(self.refusal, cipher, master, (client, server))

    def _verify(self, _ok: int, store_context: Any) -> int:
        """OpenSSL's verify callback: the first call of a handshake decides, the others repeat it."""
        if not self._judged:
            self._judged = True
            try:
                sent = self._connection.get_peer_cert_chain(as_cryptography=True) or []
                self._chain = tuple(certificate.public_bytes(Encoding.DER) for certificate in sent)
                if self._offer.watch is not None and not self._offer.watch(self._chain):
                    raise Unsupported("a client that ends a handshake without an alert, over sockets")
                if not self._offer.judge_late:
                    self.refusal = self._offer.judge(self._chain)
            except Exception as error:  # an exception cannot pass through C
                self._problem, self.refusal = error, TlsAlert.INTERNAL_ERROR
        if self.refusal is None:
            lib.X509_STORE_CTX_set_error(store_context, 0)
            return 1
        lib.X509_STORE_CTX_set_error(store_context, ALERTS[self.refusal].verify_error)
        return 0

    def _status(self, _connection: SSL.Connection, response: bytes, _data: object) -> bool:
        assert self._offer.status is not None
        try:
            self.status_refused = not self._offer.status(response or None)
        except Exception as error:  # as above
            self._problem, self.status_refused = error, True
        return not self.status_refused

    def _keep_secret(self, _connection: SSL.Connection, line: bytes) -> None:
        label, _, rest = line.partition(b" ")
        if label == b"CLIENT_TRAFFIC_SECRET_0":
            self._secret = bytes.fromhex(rest.split()[-1].decode())


class ServerEngine(Engine):
    """The server's side of one handshake, as a ``StartTls`` action describes it."""

    def __init__(self, start: StartTls) -> None:
        self._start = start
        self.sni: str | None = None
        self.problem: Exception | None = None
        policy = self._policy = start.policy
        if not isinstance(policy.tickets, LastingTickets | None):
            raise Unsupported("TLS session resumption over real sockets")
        self._client_chain: dict[int, bytes] = {}
        self._connection = SSL.Connection(_context_of(policy), None)
        self._connection.set_app_data(self)
        self._connection.set_accept_state()
        if policy.request_client_certificate:
            refuses_none = policy.judge is not None and policy.judge(()) is not None
            required = SSL.VERIFY_FAIL_IF_NO_PEER_CERT if refuses_none else 0
            self._connection.set_verify(SSL.VERIFY_PEER | required, self._verify)
        self.feed(start.early)

    def handshake(self) -> bool:
        """Go on with the handshake: whether it is complete; raises ``TlsFault``, or what a callback did."""
        try:
            return super().handshake()
        finally:
            if self.problem is not None:
                raise self.problem

    def session(self) -> TlsSession:
        """The session, once the handshake is complete; the peer's chain as far as it could be linked."""
        chain = tuple(self._client_chain[depth] for depth in sorted(self._client_chain))
        own = self._connection.get_certificate(as_cryptography=True)
        leaf = b"" if own is None else own.public_bytes(Encoding.DER)
        return replace(self._session(chain, self.sni), own_leaf=leaf)

    def choose(self) -> int | None:
        """The ClientHello is here: note the server name, and take the identity that belongs to it.

        Gives the number of the alert that ends the handshake, if one does.
        """
        name = self._connection.get_servername()
        self.sni = None if name is None else name.decode("ascii", "replace")
        if self._start.on_hello is not None:
            self._start.on_hello(self.sni)
        policy = self._policy
        if policy.for_name is not None and self.sni is not None:
            chosen = policy.for_name(self.sni)
            if isinstance(chosen, TlsAlert):
                return ALERTS[chosen].code
            self._policy = chosen
            self._connection.set_context(_context_of(chosen))
            return None
        identity = dict(policy.by_sni).get((self.sni or "").lower())
        if identity is not None:
            self._connection.set_context(_server_context((identity,), policy.max_version, policy.ciphers))
        return None

    def choose_protocol(self, offered: tuple[str, ...]) -> str | None:
        """One of the application protocols that the client offers, or none."""
        if self._policy.choose_protocol is None:
            return None
        chosen = self._policy.choose_protocol(offered)
        if isinstance(chosen, TlsAlert):
            self.problem = Unsupported("a server that refuses a protocol (ALPN) by an alert, on sockets")
            return None
        return chosen

    def staple(self) -> bytes:
        """The client asks for the status of the server's certificate: the response, empty for none."""
        leaf = self._connection.get_certificate(as_cryptography=True)
        if self._policy.staple is None or leaf is None:
            return b""
        return self._policy.staple(leaf.public_bytes(Encoding.DER)) or b""

    def _verify(
        self, _connection: SSL.Connection, certificate: X509, _error: int, depth: int, ok: int
    ) -> bool:
        self._client_chain[depth] = certificate.to_cryptography().public_bytes(Encoding.DER)
        judge = self._policy.judge
        if depth or not ok or judge is None:
            return True
        return judge(self.session().peer_chain) is None


def client_fault(engine: ClientEngine, fault: TlsFault) -> HandshakeError:
    """What a failed handshake is called on the client's side."""
    if engine.refusal is not None:
        return HandshakeError(HandshakeFault.REFUSED, engine.refusal.value)
    if engine.status_refused:
        return HandshakeError(HandshakeFault.STATUS_REFUSED, fault.reason)
    kind = HandshakeFault.ALERT if "_ALERT_" in fault.reason else HandshakeFault.NOT_TLS
    return HandshakeError(kind, fault.reason)


def _reason(error: SSL.Error) -> str:
    if isinstance(error, SSL.ZeroReturnError | SSL.SysCallError):
        return UNEXPECTED_EOF
    entries = error.args[0] if error.args else []
    return reason_name(entries[0][2]) if entries else "UNKNOWN_ERROR"


def new_context(
    max_version: str, ciphers: str | None = None, min_version: str = "TLSv1", *, tickets: bool = False
) -> SSL.Context:
    """Settings for either side; raises ``BadCiphers`` for a list of ciphers that OpenSSL does not take."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(TLS_VERSIONS[min_version])
    context.set_max_proto_version(TLS_VERSIONS[max_version])
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    if tickets:
        context.set_session_id(
            b"eximsim"
        )  # without one OpenSSL resumes nothing where clients show certificates
    else:
        context.set_options(SSL.OP_NO_TICKET)
    try:
        context.set_cipher_list(f"{ciphers or _DEFAULT_CIPHERS}:@SECLEVEL=0".encode())
    except SSL.Error as error:
        raise BadCiphers(ciphers, _reason(error)) from error
    return context


def _use_identity(context: SSL.Context, identity: TlsIdentity) -> None:
    try:
        leaf, *above = x509.load_pem_x509_certificates(identity.chain)
        key: Any = load_pem_private_key(identity.key, None)
        context.use_certificate(leaf)
        for certificate in above:
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(key)
    except (ValueError, TypeError, SSL.Error) as error:
        raise InputError(f"expected a PEM chain and its unencrypted private key: {error}") from error


def _context_of(policy: TlsPolicy) -> SSL.Context:
    identities = (policy.identity, *policy.also)
    return _server_context(identities, policy.max_version, policy.ciphers, policy.tickets is not None)


@lru_cache(maxsize=64)
def _server_context(
    identities: tuple[TlsIdentity, ...], max_version: str, ciphers: str | None, tickets: bool = False
) -> SSL.Context:
    usual = f"{_DEFAULT_CIPHERS}:!kDHE"  # OpenSSL 4 needs no parameters
    context = new_context(max_version, ciphers or usual, tickets=tickets)
    if ciphers is not None:
        use_dh_parameters(context)
    for identity in identities:
        _use_identity(context, identity)
    lib.SSL_CTX_set_tlsext_servername_callback(context._context, _server_name_callback())
    context.set_ocsp_server_callback(_staple)
    context.set_alpn_select_callback(_choose_protocol)
    return context


def check_policy(policy: TlsPolicy) -> None:
    """Hold that a server can work with these chains and keys; raises ``InputError``."""
    _context_of(policy)
    for _, identity in policy.by_sni:
        _server_context((identity,), policy.max_version, policy.ciphers)


_ALERT_FATAL = 2
"""What OpenSSL's callback for the server name returns to end the handshake (SSL_TLSEXT_ERR_ALERT_FATAL)."""


def _server_name(ssl: Any, alert: Any, _argument: Any) -> int:
    """pyOpenSSL's own callback cannot end the handshake."""
    engine: ServerEngine = SSL.Connection._reverse_mapping[ssl].get_app_data()
    try:
        code = engine.choose()
    except Exception as error:  # an exception cannot pass through C
        engine.problem, code = error, ALERTS[TlsAlert.INTERNAL_ERROR].code
    if code is None:
        return 0
    alert[0] = code
    return _ALERT_FATAL


@cache
def _server_name_callback() -> Any:
    """Made at the first use: the library looks at the machine's settings for that."""
    return ffi.callback("int (*)(SSL *, int *, void *)", _server_name)


def _staple(connection: SSL.Connection, _data: object) -> bytes:
    """The client asks for the status of the certificate: what the server staples, empty for nothing."""
    engine: ServerEngine = connection.get_app_data()
    return engine.staple()


def _choose_protocol(connection: SSL.Connection, offered: list[bytes]) -> Any:
    """The client offers application protocols."""
    engine: ServerEngine = connection.get_app_data()
    chosen = engine.choose_protocol(tuple(name.decode("ascii", "replace") for name in offered))
    return SSL.NO_OVERLAPPING_PROTOCOLS if chosen is None else chosen.encode()
