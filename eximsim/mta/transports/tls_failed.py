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


def log_tls_error(sx: Call, prefix: str, text: str) -> None:
    """Log an error of a session with a server."""
    host = sx.host
    log_write(sx.process, f"H={host.name} [{host.address}] TLS error on connection ({prefix}): {text}")


def log_lost_write(sx: Call) -> None:
    """Log as OpenSSL builds do that the server is gone while TLS is sent. Source: tls_write()."""
    if sx.tls is not None and sx.process.profile.tls_library != GNUTLS:
        caller = sx.process.variables.get("sender_fullhost") or "<unknown>"
        log_write(sx.process, f"SSL_write: (from {caller}) syscall: {errnos.strerror(errnos.EPIPE)}")
