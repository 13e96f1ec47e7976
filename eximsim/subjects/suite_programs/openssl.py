"""TLS with the OpenSSL that is installed, through its C interface, as the test suite's programs use it.

Standard library only; raises ``OSError`` where there is no such library.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

from eximsim.subjects.suite_programs.tls import CannotSetUp, Ended, Session, report

_NAMES = ("libssl.so.3", "libssl.so.1.1")
_PEM = 1
_ZERO_RETURN, _SYSCALL, _SSL, _WANTS = 6, 5, 1, (2, 3)
_BOTH_CACHES, _SET_CACHE_MODE = 3, 44
_SET_STATUS_CALLBACK, _SET_STATUS_TYPE, _STATUS_RESPONSE, _OCSP = 63, 65, 70, 1
_NO_VERIFY = 0x10
_IDENTITY = b"exim"
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def _library() -> Any:
    for name in _NAMES:
        try:
            return ctypes.CDLL(name, use_errno=True)
        except OSError as error:
            missing = error
    raise missing


class OpenSsl(Session):
    """One end of a session."""

    pause_is_fatal = False

    def __init__(self, certificate: str = "", key: str = "", ocsp: str = "") -> None:
        self._ssl_library = _library()
        self._ocsp = ocsp
        self._context = self._pointer("SSL_CTX_new", self._call_for_pointer("TLS_method"))
        for function, name in (("SSL_CTX_use_certificate_file", certificate),
                               ("SSL_CTX_use_PrivateKey_file", key)):  # fmt: skip
            if name and not self._call(function, self._context, name.encode(), _PEM):
                raise CannotSetUp(f"{function} failed\n", 83 if name == certificate else 82)
        self._call("SSL_CTX_ctrl", self._context, _SET_CACHE_MODE, ctypes.c_long(_BOTH_CACHES), None)
        self._session: Any = None
        self._verified = _CALLBACK(self._on_status)

    def _call(self, name: str, *arguments: Any) -> Any:
        return getattr(self._ssl_library, name)(*arguments)

    def _call_for_pointer(self, name: str, *arguments: Any) -> Any:
        function = getattr(self._ssl_library, name)
        function.restype = ctypes.c_void_p
        return ctypes.c_void_p(function(*arguments))

    def _pointer(self, name: str, *arguments: Any) -> Any:
        found = self._call_for_pointer(name, *arguments)
        if not found:
            raise CannotSetUp(f"{name} failed\n", 84)
        return found

    def start(self, socket: int, *, serving: bool = False) -> bool:
        """See ``Session``."""
        self._session = self._pointer("SSL_new", self._context)
        self._call("SSL_set_session_id_context", self._session, _IDENTITY, len(_IDENTITY))
        self._call("SSL_set_fd", self._session, socket)
        self._call("SSL_set_accept_state" if serving else "SSL_set_connect_state", self._session)
        if self._ocsp:
            function = self._ssl_library.SSL_CTX_callback_ctrl
            function(self._context, _SET_STATUS_CALLBACK, self._verified)
            self._call("SSL_ctrl", self._session, _SET_STATUS_TYPE, ctypes.c_long(_OCSP), None)
        while True:
            done = self._call("SSL_do_handshake", self._session)
            if done > 0:
                return True
            if self._call("SSL_get_error", self._session, done) not in _WANTS:
                self._show_errors()
                return False

    def cipher(self) -> str:
        """The name of the cipher suite."""
        name = self._ssl_library.SSL_CIPHER_get_name
        name.restype = ctypes.c_char_p
        return str(name(self._call_for_pointer("SSL_get_current_cipher", self._session)).decode())

    def receive(self, most: int) -> bytes:
        """See ``Session``."""
        buffer = ctypes.create_string_buffer(most)
        while True:
            self._call("ERR_clear_error")
            ctypes.set_errno(0)
            got = self._call("SSL_read", self._session, buffer, most)
            if got > 0:
                return buffer.raw[:got]
            error = self._call("SSL_get_error", self._session, got)
            if error == _ZERO_RETURN:
                return b""
            if error == _SYSCALL:
                report(f"{self._first_error()}\n")
                raise Ended(broken=True, number=ctypes.get_errno())
            if error == _SSL:
                report(f"{self._first_error()}\nTLS terminated\n")
                self.stop()
                raise Ended(broken=False)
            if error not in _WANTS:
                report(f"SSL error code {error}\n")
                raise Ended(broken=True, number=ctypes.get_errno())

    def send(self, data: bytes) -> None:
        """See ``Session``."""
        ctypes.set_errno(0)
        if self._call("SSL_write", self._session, data, len(data)) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def stop(self) -> None:
        """See ``Session``."""
        self._call("SSL_shutdown", self._session)
        self._call("SSL_free", self._session)

    def _first_error(self) -> str:
        number = self._ssl_library.ERR_get_error
        number.restype = ctypes.c_ulong
        buffer = ctypes.create_string_buffer(256)
        self._call("ERR_error_string_n", ctypes.c_ulong(number()), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace")

    def _show_errors(self) -> None:
        """Print the library's errors, in its own form."""
        sys.stdout.flush()
        libc: Any = ctypes.CDLL(None)
        libc.fdopen.restype = ctypes.c_void_p
        file = ctypes.c_void_p(libc.fdopen(os.dup(1), b"a"))
        self._call("ERR_print_errors_fp", file)
        libc.fclose(file)

    # ---- the status of a certificate

    def _on_status(self, session: int, _: int) -> int:
        found = ctypes.c_void_p()
        size = self._call("SSL_ctrl", ctypes.c_void_p(session), _STATUS_RESPONSE, ctypes.c_long(0),
                          ctypes.byref(found))  # fmt: skip
        if not found:
            report("no OCSP response received\n")
            return 1
        response = self._call_for_pointer("d2i_OCSP_RESPONSE", None, ctypes.byref(found), ctypes.c_long(size))
        if not response:
            report("OCSP response parse error\n")
            return 0
        basic = self._call_for_pointer("OCSP_response_get1_basic", response)
        if not basic:
            report("error parsing OCSP response\n")
            return 0
        if self._call("OCSP_basic_verify", basic, self._chain(), None, ctypes.c_ulong(_NO_VERIFY)) <= 0:
            report("OCSP status response verify failure\n")
            self._show_errors()
            return 0
        report("OCSP status response: good signature\n")
        return 1

    def _chain(self) -> Any:
        """The certificates of a file."""
        chain = self._call_for_pointer("OPENSSL_sk_new_null")
        file = self._call_for_pointer("BIO_new_file", self._ocsp.encode(), b"r")
        while one := self._call_for_pointer("PEM_read_bio_X509", file, None, None, None):
            self._call("OPENSSL_sk_push", chain, one)
        return chain
