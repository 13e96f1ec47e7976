"""XCLIENT, by which a proxy tells whom it speaks for (src/xclient.c, since 4.99 miscmods/xclient.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eximsim.mta.auths.xtextencode import auth_xtextdecode
from eximsim.mta.base.string import SPACES, from_octets
from eximsim.mta.lookup.sender_host import host_and_ident, host_build_sender_fullhost
from eximsim.mta.process.log import log_write

if TYPE_CHECKING:
    from eximsim.mta.reception.smtp_session import SmtpSession

_PARAMETERS = {
    "ADDR": ("sender_host_address", "proxy_local_address"),
    "NAME": ("sender_host_name", None),
    "PORT": ("sender_host_port", "proxy_local_port"),
    "LOGIN": ("authenticated_id", None),
    "DESTADDR": ("proxy_external_address", None),
    "DESTPORT": ("proxy_external_port", None),
}
"""Which variable a parameter sets, and which takes what that was before; in the order of EHLO."""
_NOTHING = frozenset(("[UNAVAILABLE]", "[TEMPUNAVAIL]"))
_NOT_OFFERED = "XCLIENT command used when not advertised"


class _Refused(Exception):
    """The command is wrong, for ``args[0]``."""


def is_known(session: SmtpSession) -> bool:
    """Whether the command is one; programs are taken to be built with it if they are configured for it."""
    return session.process.config.main.is_set("hosts_xclient")


def is_open_to(session: SmtpSession) -> bool:
    """Whether the client may use XCLIENT, or has, or has used the PROXY protocol."""
    if not is_known(session):
        return False
    proxied = session.reception.get("proxy_session") == "yes"
    return proxied or session.client_in("hosts_xclient", defer=True)


def offered(session: SmtpSession) -> str | None:
    """What EHLO says of XCLIENT."""
    if not is_open_to(session):
        return None
    session.xclient.offered = True
    return f"XCLIENT {' '.join(_PARAMETERS)}"


def xclient(session: SmtpSession, argument: str) -> None:
    """The command; the client has to say EHLO again. Source: xclient_smtp_command()."""
    process, reception = session.process, session.reception
    session.mail_commands += 1
    if process.profile.xclient_offer_remembered and not session.xclient.offered:
        session.error("syntax", 501, _NOT_OFFERED)
        return
    if not session.helo_seen and session.client_in("hosts_require_helo"):
        _refuse(session, "no HELO/EHLO given")
        return
    own = process.profile.xclient_offer_remembered
    proxied = session.xclient.used if own else reception.get("proxy_session") == "yes"
    if not proxied and not session.client_in("hosts_xclient", defer=True):
        session.error("syntax", 501 if own else 550, _NOT_OFFERED)
        return
    if reception.envelope.sender is not None:
        _refuse(session, "mail transaction in progress")
        return
    try:
        _take(session, argument)
    except _Refused as refused:
        session.error("syntax", 501, str(refused))
        return
    host_build_sender_fullhost(process)
    process.variables["proxy_session"] = "yes"
    session.xclient.used, session.helo_seen = True, False
    session.replies.line("220 XCLIENT success")


def _refuse(session: SmtpSession, why: str) -> None:
    session.replies.line(f"503 {why}")
    client = host_and_ident(session.process, flagged=False)
    log_write(session.process, f"rejected XCLIENT from {client}: {why}", reject=True)


def _take(session: SmtpSession, text: str) -> None:
    """Set what the parameters tell, one after the other; raises ``_Refused``, also half-way."""
    if not text:
        raise _Refused("XCLIENT must have at least one operand")
    rest = text.lstrip(SPACES)
    while rest:
        word, equals, rest = rest.partition("=")
        if not equals:
            raise _Refused(f"XCLIENT: missing value for parameter '{word}'")
        if word.upper() not in _PARAMETERS:
            raise _Refused(f"XCLIENT: unrecognised parameter '{word}'")
        value = re.split(r"[ \t\r\n\f\v]", rest, maxsplit=1)[0]
        rest = rest[len(value) :].lstrip(SPACES)
        if not value:
            raise _Refused("XCLIENT: zero-length value for param")
        _set(session, word.upper(), value)
    if session.reception.get("proxy_local_address") is None:
        raise _Refused("missing ADDR for XCLIENT")
    if session.reception.get("proxy_local_port") in (None, "0"):
        raise _Refused("missing PORT for XCLIENT")


def _set(session: SmtpSession, word: str, text: str) -> None:
    reception = session.reception
    value = None
    if text.upper() not in _NOTHING:
        decoded = auth_xtextdecode(text)
        if decoded is None:
            raise _Refused("failed xtext decode for XCLIENT: ''")
        value = from_octets(decoded)
    name, before = _PARAMETERS[word]
    if before is not None:
        reception.set(before, reception.get(name))
    if word.endswith("PORT"):
        digits = re.match(r"\s*[+-]?\d+", value or "", re.ASCII)
        value = str(int(digits[0])) if digits else "0"
    reception.set(name, value)
    if word == "LOGIN":
        reception.set("sender_host_authenticated", None if value is None else "xclient")
        if value is not None:
            session.process.variables["authentication_failed"] = "0"
