"""Application protocols (ALPN) that clients offer: tls_alpn and hosts_require_alpn of a server.

Stands for tls_server_alpn_cb() and the end of tls_server_start() in src/tls-openssl.c, and their counterparts
in src/tls-gnu.c.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eximsim.mta.base.string import list_items
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.log import log_write
from eximsim.ports import TlsAlert

if TYPE_CHECKING:
    from collections.abc import Callable

    from eximsim.mta.reception.smtp_session import SmtpSession


def chooser(session: SmtpSession) -> Callable[[tuple[str, ...]], str | TlsAlert | None] | None:
    """What chooses from the protocols that a client offers; None if nobody watches for them."""
    process, options = session.process, session.process.config.main
    text = options.text("tls_alpn") if options.exists("tls_alpn") else None
    if not text:
        return None
    try:
        known = expand(process, text)
    except ExpansionFailed as failure:
        if not failure.forced:
            log_write(process, f"expansion of tls_alpn failed: {failure.message}", panic=True)
        return None
    if not known or known[0] in " \t":
        return None
    session.protocols.watched = True
    gnutls = process.profile.tls_library == GNUTLS
    return partial(_gnutls_choice if gnutls else _openssl_choice, session, tuple(list_items(known)))


def _openssl_choice(
    session: SmtpSession, known: tuple[str, ...], offered: tuple[str, ...]
) -> str | TlsAlert | None:
    """One protocol must be offered, and be the beginning of one that is known."""
    session.protocols.seen = True
    if len(offered) == 1 and any(name.startswith(offered[0]) for name in known):
        return offered[0]
    shown = ":".join(offered)
    if session.process.profile.bad_alpn_ends_after_handshake:
        session.protocols.refused = shown
        return None
    _log_refused(session, shown)
    return TlsAlert.NO_APPLICATION_PROTOCOL


def _log_refused(session: SmtpSession, shown: str) -> None:
    if session.process.profile.refused_alpn_logged:
        log_write(session.process, f"TLS ALPN ({shown}) rejected")


def _gnutls_choice(
    session: SmtpSession, known: tuple[str, ...], offered: tuple[str, ...]
) -> str | TlsAlert | None:
    session.protocols.seen = True
    if len(offered) > 1:
        _log_refused(session, ":".join(offered))
    elif offered[0] in known:
        return offered[0]
    return TlsAlert.NO_APPLICATION_PROTOCOL


def refusal(session: SmtpSession) -> str:
    """Why the session that has been agreed on cannot stand, empty if it can."""
    protocols = session.protocols
    if protocols.refused:
        return f"Bad ALPN presented ({protocols.refused})"
    if protocols.watched and not protocols.seen and session.client_in("hosts_require_alpn"):
        return "ALPN required but not negotiated"
    return ""
