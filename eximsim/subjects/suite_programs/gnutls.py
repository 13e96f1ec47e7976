"""TLS with the GnuTLS that is installed, through its C interface, as the test suite's client uses it.

Standard library only; raises ``OSError`` where there is no such library.
"""

from __future__ import annotations

import ctypes
import select
import sys
from pathlib import Path
from typing import Any, NoReturn

from eximsim.subjects.suite_programs.tls import CannotSetUp, Ended, Session, report

_NAME = "libgnutls.so.30"
_CLIENT, _NO_EXTENSIONS = 1 << 1, 1 << 4
_CERTIFICATE, _PEM, _SHUT_WR = 1, 1, 1
_DH_BITS, _CACHE_SECONDS = 768, 200
_INTERRUPTED, _AGAIN = -52, -28
_INVALID, _REVOKED = 1 << 1, 1 << 5
_LOOK_SECONDS = 0.002
_PARAMETERS = "aux-fixed/gnutls-params"


class _Datum(ctypes.Structure):
    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_uint))


class GnuTls(Session):
    """One client's end of a session."""

    def __init__(self, certificate: str = "", key: str = "", ocsp: str = "", priority: str = "") -> None:
        self._library: Any = ctypes.CDLL(_NAME, use_errno=True)
        self._ocsp = ocsp
        self.quiet = False
        self._must("gnutls_global_init", self._library.gnutls_global_init())
        credentials = ctypes.c_void_p()
        parameters = self._parameters()
        allocate = self._library.gnutls_certificate_allocate_credentials
        self._must("certificate_allocate_credentials", allocate(ctypes.byref(credentials)))
        if certificate:
            self._must("gnutls_certificate", self._library.gnutls_certificate_set_x509_key_file(
                credentials, certificate.encode(), key.encode(), _PEM))  # fmt: skip
        self._library.gnutls_certificate_set_dh_params(credentials, parameters)
        if ocsp:
            self._library.gnutls_certificate_set_x509_trust_file(credentials, ocsp.encode(), _PEM)
        self._session = ctypes.c_void_p()
        self._library.gnutls_init(ctypes.byref(self._session), _CLIENT | _NO_EXTENSIONS)
        if priority:
            chosen = ctypes.c_void_p()
            self._library.gnutls_priority_init(ctypes.byref(chosen), priority.encode(), None)
            self._library.gnutls_priority_set(self._session, chosen)
        else:
            self._library.gnutls_set_default_priority(self._session)
        self._library.gnutls_credentials_set(self._session, _CERTIFICATE, credentials)
        self._library.gnutls_dh_set_prime_bits(self._session, _DH_BITS)
        self._library.gnutls_db_set_cache_expiration(self._session, _CACHE_SECONDS)
        if ocsp:
            none = ctypes.c_size_t(0)
            self._library.gnutls_ocsp_status_request_enable_client(self._session, None, none, None)

    def _must(self, what: str, code: int) -> None:
        if code < 0:
            self._give_up(f"{what}: {self._words(code)}", 98)

    def _give_up(self, what: str, code: int) -> NoReturn:
        print(f"GnuTLS connection error: {what}", file=sys.stderr)
        raise CannotSetUp("", code)

    def _parameters(self) -> Any:
        found = ctypes.c_void_p()
        self._must("init dh_params", self._library.gnutls_dh_params_init(ctypes.byref(found)))
        try:
            text = Path(_PARAMETERS).read_bytes()
        except OSError as error:
            print(f"Failed to open spool/gnutls-params: {error.strerror}", file=sys.stderr)
            raise CannotSetUp("", 97) from None
        datum = _Datum(text, len(text))
        self._must("DH params import",
                   self._library.gnutls_dh_params_import_pkcs3(found, ctypes.byref(datum), _PEM))  # fmt: skip
        return found

    def _words(self, code: int) -> str:
        words = self._library.gnutls_strerror
        words.restype = ctypes.c_char_p
        return str(words(code).decode("utf-8", "replace"))

    def start(self, socket: int, *, serving: bool = False, at_once: bool = False) -> bool:
        """See ``Session``; ``at_once`` is without STARTTLS, and says less."""
        assert not serving, "GnuTLS is for clients"
        self._library.gnutls_transport_set_int2(self._session, socket, socket)
        while True:
            code = self._library.gnutls_handshake(self._session)
            if code >= 0 or self._library.gnutls_error_is_fatal(code):
                break
        if at_once:
            if code < 0:
                report(f"{self._words(code)}\n")
            return bool(code >= 0)
        if code < 0 and not self.quiet:
            report(f"gnutls_handshake: {self._words(code)}\n")
        return bool(code >= 0) and self._is_well(socket)

    def _is_well(self, socket: int) -> bool:
        """Whether no alert comes at once."""
        if not select.select([socket], [], [], _LOOK_SECONDS)[0]:
            return True
        buffer = ctypes.create_string_buffer(4096)
        code = self._read(buffer)
        if code < 0 and not self.quiet:
            report(f"gnutls_record_recv: {self._words(code)}\n")
        return code >= 0

    def _read(self, buffer: Any) -> int:
        receive = self._library.gnutls_record_recv
        receive.restype = ctypes.c_ssize_t
        while True:
            code = int(receive(self._session, buffer, ctypes.c_size_t(len(buffer))))
            if code not in (_INTERRUPTED, _AGAIN):
                return code

    def status(self, *, at_once: bool) -> str:
        """What is said of a session that asked for the certificate's status."""
        if at_once:
            good = self._status_is_checked()
            return (
                "Succeeded in starting TLS (with OCSP)\n" if good else "Failed to verify certificate status\n"
            )
        verdict = ctypes.c_uint()
        code = self._library.gnutls_certificate_verify_peers2(self._session, ctypes.byref(verdict))
        if code < 0:
            return f"Failed to verify certificate: {self._words(code)}\n"
        if verdict.value & (_INVALID | _REVOKED):
            return "Bad certificate\n"
        if not self._status_is_checked():
            return "Failed to verify certificate status\n"
        return "OCSP status response: good signature\nSucceeded in starting TLS (with OCSP)\n"

    def _status_is_checked(self) -> bool:
        return bool(self._library.gnutls_ocsp_status_request_is_checked(self._session, 0))

    def receive(self, most: int) -> bytes:
        """See ``Session``."""
        buffer = ctypes.create_string_buffer(most)
        code = self._read(buffer)
        if code < 0:
            report(f"{self._words(code)}\n")
            raise Ended(broken=False)
        return buffer.raw[:code]

    def send(self, data: bytes) -> None:
        """See ``Session``."""
        send = self._library.gnutls_record_send
        send.restype = ctypes.c_ssize_t
        if (code := send(self._session, data, ctypes.c_size_t(len(data)))) < 0:
            raise CannotSetUp(f"GnuTLS write error: {self._words(code)}\n", 76)

    def stop(self) -> None:
        """See ``Session``."""
        self._library.gnutls_bye(self._session, _SHUT_WR)
        self._library.gnutls_deinit(self._session)
