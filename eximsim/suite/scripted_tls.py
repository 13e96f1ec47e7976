"""TLS in the scripted client of the test suite: with OpenSSL or GnuTLS, and what it says of that.

Stands for tls_start() and what do_file() and main() have of TLS in test/src/client.c.
"""

from __future__ import annotations

import posixpath
from dataclasses import field

from eximsim.errors import Unsupported
from eximsim.mta.certs import gnutls_ocsp, gnutls_verify, ocsp
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.certs.x509 import parse_chain
from eximsim.mta.transports.tls_files import pem_certificates
from eximsim.mta.transports.tls_suites import Suites, read_priority
from eximsim.ports import (
    AlertReceived,
    Connection,
    HandshakeError,
    HandshakeFault,
    ReadTimeout,
    TlsAlert,
    TlsIdentity,
    TlsOffer,
    World,
)
from eximsim.quick_dataclass import dataclass
from eximsim.suite.runtest_versions import NEWEST, Era
from eximsim.suite.source import DIRECTORY

_FATAL = "A TLS fatal alert has been received."
_GOOD = "OCSP status response: good signature\n"
_SUCCEEDED = "Succeeded in starting TLS\n"
_WITH_OCSP = "Succeeded in starting TLS (with OCSP)\n"
_NOTHING = "no OCSP response received\n"
_FAILED = "Failed to start TLS\n"
_LOOK = 0.002
"""How long a client of GnuTLS looks for an error behind the handshake, in seconds."""

_OPENSSL_ALERTS = {
    "SSLV3_ALERT_HANDSHAKE_FAILURE": ("0A000410", 40),
    "SSLV3_ALERT_CERTIFICATE_REVOKED": ("0A000414", 44),
    "TLSV1_ALERT_UNKNOWN_CA": ("0A000418", 48),
    "TLSV1_ALERT_PROTOCOL_VERSION": ("0A00042E", 70),
    "TLSV1_ALERT_INTERNAL_ERROR": ("0A000438", 80),
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": ("0A00045C", 116),
}


@dataclass(slots=True)
class TestTls:
    """How one client starts TLS. Files are relative to the folder of the tests."""

    library: str
    era: Era = NEWEST
    """Of the tree, whose client it is."""
    certificate: str | None = None
    key: str | None = None
    ocsp: str | None = None
    priority: str | None = None
    quiet: bool = False
    _chain: tuple[bytes, ...] = field(default=(), repr=False)
    _stapled: bytes | None = field(default=None, repr=False)
    _said: list[str] = field(default_factory=list, repr=False)

    def shown(self) -> str:
        """What is said of the client's certificate and key once there is a connection."""
        named = (("Certificate", self.certificate), ("Key", self.key))
        return "".join(f"{what} file = {name}\n" for what, name in named if name is not None)

    def words(self, reason: str) -> str:
        """What is said of an alert that is read within TLS; the client goes on in clear."""
        if self.library == GNUTLS:
            return f"{_FATAL}\n"
        return f"{_error(reason)}\nTLS terminated\n"

    def start(self, connection: Connection, world: World, timeout: float, *, at_once: bool) -> str:
        """Do the handshake; what is said of it."""
        self._said.clear()
        allowed = read_priority(self.priority) if self.priority else Suites(None, "TLSv1.3")
        offer = TlsOffer(
            self._accept,
            ciphers=allowed.ciphers,
            max_version=allowed.max_version,
            min_version=allowed.min_version,
            identity=self._identity(world),
            only_to_authority=self.library == GNUTLS and self.certificate is not None,
            status=None if self.ocsp is None else lambda response: self._look_at(response, world),
        )
        try:
            connection.start_tls(offer, timeout)
        except HandshakeError as error:
            return "".join((*self._said, self._fault(error, at_once=at_once), "" if self.quiet else _FAILED))
        if self.library == GNUTLS:
            self._said.append(self._gnutls_outcome(connection, world, at_once=at_once))
        else:
            told = self._tells_ocsp if not at_once else "client_tells_of_staples" in self.era
            self._said.append(_WITH_OCSP if self.ocsp is not None and told else _SUCCEEDED)
        return "".join(self._said)

    @property
    def _names_ocsp(self) -> bool:
        return "client_names_ocsp" in self.era

    @property
    def _tells_ocsp(self) -> bool:
        return "client_ocsp_alike" in self.era

    def _read(self, world: World, name: str) -> bytes:
        return world.read_file(posixpath.normpath(posixpath.join(DIRECTORY, name)))

    def _identity(self, world: World) -> TlsIdentity | None:
        if self.certificate is None:
            return None
        chain, key = self._read(world, self.certificate), self._read(world, self.key or self.certificate)
        if self.library != GNUTLS:  # it loads one certificate
            end = b"-----END CERTIFICATE-----\n"
            chain = chain.partition(end)[0] + end
        return TlsIdentity(chain, key)

    def _accept(self, chain: tuple[bytes, ...]) -> TlsAlert | None:
        self._chain = chain
        return None

    def _fault(self, error: HandshakeError, *, at_once: bool) -> str:
        alert = error.fault is HandshakeFault.ALERT
        if self.library == GNUTLS:
            gone = error.fault in (HandshakeFault.CLOSED, HandshakeFault.RESET)
            if not alert and not gone:
                raise Unsupported(f"what client-gnutls says of a handshake: {error}")
            text = _FATAL if alert else "Error in the pull function."
            if at_once:
                return f"{text}\n"
            return "" if self.quiet else f"{self._call('gnutls_handshake')}{text}\n"
        if not alert:
            return ""
        words = _error(error.detail)
        place = f"ssl/record/rec_layer_s3.c:1:SSL alert number {_OPENSSL_ALERTS[error.detail][1]}"
        return f"1234:{words}:{place}\n"

    # ---- the status of the server's certificate

    def _look_at(self, response: bytes | None, world: World) -> bool:
        self._stapled = response
        if self.library == GNUTLS:
            return True
        if response is None:
            self._said.append(_NOTHING if self._names_ocsp else "no response received\n")
            return True
        assert self.ocsp is not None
        known = parse_chain(pem_certificates(self._read(world, self.ocsp)))
        read = ocsp.parse_response(response)
        if ocsp.basic_verify(read, ocsp.Trust(known, verified=True), world.now(), self.library) is not None:
            raise Unsupported("what client-ssl says of an OCSP response that it does not trust")
        self._said.append(_GOOD if self._names_ocsp else "Response verify OK\n")
        return True

    def _gnutls_outcome(self, connection: Connection, world: World, *, at_once: bool) -> str:
        if not at_once and (refused := _refused(connection)):
            return "" if self.quiet else f"{self._call('gnutls_record_recv')}{refused}\n{_FAILED}"
        if self.ocsp is None:
            return "" if self.quiet else _SUCCEEDED
        anchors, at = pem_certificates(self._read(world, self.ocsp)), world.now()
        status = gnutls_ocsp.Status.NONE
        if self._stapled is not None:
            status = gnutls_ocsp.check_status(self._stapled, self._chain, anchors, at)
        if status.is_fault or not gnutls_verify.chain_is_valid(self._chain, anchors, at):
            return "Bad certificate\n"
        if status is not gnutls_ocsp.Status.GOOD:
            return "Failed to verify certificate status\n"
        told = _WITH_OCSP if "client_tells_of_staples" in self.era else _SUCCEEDED if at_once else ""
        return f"{_GOOD if self._tells_ocsp else ''}{told}"

    def _call(self, name: str) -> str:
        return f"{name}: " if "client_names_calls" in self.era else ""


def _refused(connection: Connection) -> str:
    """What GnuTLS says if the server has refused the client behind the handshake, empty if it has not."""
    try:
        connection.receive(_LOOK)
    except AlertReceived:
        return _FATAL
    except ReadTimeout:
        return ""
    raise Unsupported("a server that speaks first in TLS, to client-gnutls")


def _error(reason: str) -> str:
    """ERR_error_string() of an alert."""
    if reason not in _OPENSSL_ALERTS:
        raise Unsupported(f"what client-ssl says of {reason.lower().replace('_', ' ')}")
    return (
        f"error:{_OPENSSL_ALERTS[reason][0]}:SSL routines:ssl3_read_bytes:{reason.lower().replace('_', ' ')}"
    )
