"""How a client's TLS fails: the exception, and the words (``tls_error()`` of both libraries' sources)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from eximsim.mta.base import errnos
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.process.log import log_write
from eximsim.status import Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.open_call import ClientTls
    from eximsim.mta.records.structs import HostItem

TLS_HANDSHAKE = Rule("tls handshake", "tls-openssl.c tls_client_start")


class Call(Protocol):
    """The call to a server that fails: an ``SmtpContext`` is one."""

    process: Process
    host: HostItem
    dane: bool
    tls: ClientTls | None


class TlsStartFailed(Exception):
    """No session. ``rc`` is DEFER if no TLSA record was usable, else FAIL; ``text`` words the failure."""

    def __init__(self, rc: Rc, text: str) -> None:
        self.rc, self.text = rc, text
        super().__init__(text)


def never_set(process: Process, text: str, *, others_asked: bool) -> str:
    """The text of an error that nothing has set, where it is ``text`` for the first host of a callout."""
    further = process.profile.unset_tls_text_of_further_host
    return further if further and others_asked else text


def failed(sx: Call, prefix: str, text: str) -> TlsStartFailed:
    """The end of an attempt, logged where the release does that."""
    sx.process.trace.record(TLS_HANDSHAKE, "failed", host=sx.host.name, dane=sx.dane, why=text)
    if sx.process.profile.tls_error_logged:
        log_tls_error(sx, prefix, text)
    return TlsStartFailed(Rc.FAIL, f"({prefix}): {text}" if text else f"({prefix})")


INVALID_SESSION = "The specified session has been invalidated for some reason."
"""What GnuTLS says of a session that has failed before."""


def log_tls_error(sx: Call, prefix: str, text: str) -> None:
    """Log an error of a session with a server."""
    _log_error(sx.process, sx.host, prefix, text)


def _log_error(process: Process, host: HostItem, prefix: str, text: str) -> None:
    log_write(process, f"H={host.name} [{host.address}] TLS error on connection ({prefix}): {text}")


def log_lost_send(
    process: Process, host: HostItem, errno: int, *, pending: int, size: int, closed: bool
) -> None:
    """Log that ``size`` octets could not be sent over TLS. Source: tls_write().

    ``pending`` is how many could not be sent before; ``closed``: the end of the server's session has been
    read. What is shorter than what is pending OpenSSL takes for a mistake.
    """
    if process.profile.tls_library == GNUTLS:
        if pending and process.profile.invalid_session_passed_over:
            return
        fault = (
            f"{_CUT_OFF}: syscall: {errnos.strerror(errno)}" if errno == errnos.ECONNRESET else _PUSH_FAILED
        )
        _log_error(process, host, "send", INVALID_SESSION if pending else fault)
    elif size < pending:
        log_write(process, "TLS error (SSL_write): error:0A00010F:SSL routines::bad length")
    elif closed:
        log_write(process, "SSL channel closed on write")
    else:
        _log_failed_write(process, errno)


def log_lost_receive(process: Process, host: HostItem, *, known: bool, again: bool) -> None:
    """Log as GnuTLS builds do that a server has reset the connection. Source: tls_read().

    ``known``: octets could not be sent before; ``again``: it has been read before.
    """
    if process.profile.tls_library != GNUTLS or (again and process.profile.invalid_session_passed_over):
        return
    fault = _CUT_OFF if known else "Error in the pull function."
    _log_error(process, host, "recv", INVALID_SESSION if again else fault)


_CUT_OFF = "The TLS connection was non-properly terminated."
_PUSH_FAILED = "Error in the push function."


def log_lost_write(sx: Call, errno: int) -> None:
    """Log as OpenSSL builds do that the server is gone while TLS is sent. Source: tls_write()."""
    if sx.tls is not None and sx.process.profile.tls_library != GNUTLS:
        _log_failed_write(sx.process, errno)


def log_lost_command(sx: Call, errno: int) -> None:
    """Log that the server had reset the connection when a command was sent over TLS. Source: tls_write()."""
    if sx.tls is not None and errno == errnos.ECONNRESET:
        log_lost_send(sx.process, sx.host, errno, pending=0, size=1, closed=False)


def _log_failed_write(process: Process, errno: int) -> None:
    caller = process.variables.get("sender_fullhost") or "<unknown>"
    log_write(process, f"SSL_write: (from {caller}) syscall: {errnos.strerror(errno)}")
