"""HELO and EHLO: the client's name, and what the server offers (the greeting part of src/smtp_in.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.acl.acl import Where, acl_check
from eximsim.mta.base.string import SPACES, string_is_ip_address
from eximsim.mta.config.options import release
from eximsim.mta.expand.expand_text import ascii_lower
from eximsim.mta.lookup.host import look_up_sender_name
from eximsim.mta.lookup.match import match_isinlist_domain
from eximsim.mta.lookup.sender_host import host_and_ident, host_build_sender_fullhost
from eximsim.mta.lookup.verify_helo import smtp_verify_helo
from eximsim.mta.process.address_copy import copy_tainted_address
from eximsim.mta.process.log import log_write, printed
from eximsim.mta.reception import smtp_in_auth, smtp_in_ends, smtp_in_xclient
from eximsim.mta.reception.limits import mails_limit, recipients_limit
from eximsim.mta.reception.smtp_session import protocol
from eximsim.mta.verify import cutthrough
from eximsim.status import Rc

if TYPE_CHECKING:
    from collections.abc import Callable

    from eximsim.mta.reception.smtp_session import SmtpSession


def check_helo(session: SmtpSession, name: str) -> bool:
    """Take the client's name if it is one: a domain or an address in brackets. Source: check_helo()."""
    reception = session.reception
    reception.set("sender_helo_name", None)
    if not session.helo_accept_junk and not _is_name(session, name):
        return False
    reception.set("sender_helo_name", name)
    return True


def _is_name(session: SmtpSession, name: str) -> bool:
    if name.startswith("["):
        if not name.endswith("]"):
            return False
        literal, wanted = name[1:-1], (4, 6)
        if literal[:5].lower() in ("ipv6:", "ipv4:"):
            wanted = (6, 6) if literal[:5].lower() == "ipv6:" else (4, 4)
            literal = literal[5:]
        copy_tainted_address(session.process, literal)
        return string_is_ip_address(literal)[0] in wanted
    allowed = session.process.config.main.text("helo_allow_chars") or ""
    return bool(name) and all(
        char.isascii() and (char.isalnum() or char in ".-" or char in allowed) for char in name
    )


def helo(session: SmtpSession, argument: str) -> None:
    """The HELO command."""
    _hello(session, argument, "HELO")


def ehlo(session: SmtpSession, argument: str) -> None:
    """The EHLO command."""
    _hello(session, argument, "EHLO")


def _hello(session: SmtpSession, argument: str, verb: str) -> None:
    session.esmtp = verb == "EHLO"
    session.free_commands -= {"helo", "ehlo"}
    reception, process = session.reception, session.process
    if not check_helo(session, argument):
        session.replies.line(f"501 Syntactically invalid {verb} argument(s)")
        shown = printed(process, argument) if argument else "(no argument given)"
        client = host_and_ident(process, flagged=False)
        log_write(
            process, f"rejected {verb} from {client}: syntactically invalid argument(s): {shown}", reject=True
        )
        if session.replies.too_many_errors():
            session.end(lost=True)
        return
    if not reception.sender_host_unknown and not _name_client(session, verb):
        return
    if not reception.sender_host_unknown:
        argument = ascii_lower(argument.split(maxsplit=1)[0]) if argument.strip(SPACES) else ""
    acl = process.config.main.text("acl_smtp_helo")
    user_message = None
    if acl is not None:
        result = acl_check(reception, Where.HELO, None, acl)
        if result.rc is not Rc.OK:
            dropped = session.replies.acl_fail(Where.HELO, result, argument)
            reception.set("sender_helo_name", None)
            host_build_sender_fullhost(process)
            if dropped:
                session.drop()
            return
        user_message = result.user_message
        if not session.may_be_early() and session.went_on(or_left=True):
            smtp_in_ends.sync_failure(session)
            return
    session.mail_limit = mails_limit(process)
    _welcome(session, user_message)
    session.helo_seen = True
    reception.set("received_protocol", protocol(session))
    cutthrough.cancel(session.process)
    session.reset()


def _name_client(session: SmtpSession, verb: str) -> bool:
    """Look the client's name up if what it said is worth it, and verify what it said; False refuses it."""
    reception, process = session.reception, session.process
    known = process.variables
    said = known["sender_helo_name"]
    lowered = said.split(maxsplit=1)[0].lower() if said.strip(SPACES) else ""
    if reception.get("sender_host_name") is None and reception.get("sender_host_address") is not None:
        known["domain"] = said
        domains = process.config.main.text("helo_lookup_domains")
        if (
            domains
            and match_isinlist_domain(process, said, domains, list_name="helo_lookup_domains") is Rc.OK
        ):
            look_up_sender_name(reception)
        known.pop("domain", None)
    host_build_sender_fullhost(process)
    if not reception.sender_host_unknown:
        secured = " TLS" if reception.tls is not None else ""
        process.doing = f"handling{secured} incoming connection from {host_and_ident(process, flagged=False)}"
    before = reception.helo_verified
    reception.helo_verified = reception.helo_verify_failed = False
    if not session.helo_required and not session.helo_verify:
        return True
    tempfail = not smtp_verify_helo(reception)
    if reception.helo_verified:
        return True
    if not session.helo_required:
        process.hdebug(f"{verb} verification failed but host is in helo_try_verify_hosts")
        return True
    session.replies.line(f"{451 if tempfail else 550} {verb} argument does not match calling host")
    client = host_and_ident(process, flagged=False)
    log_write(
        process, f'{"temporarily " if tempfail else ""}rejected "{verb} {lowered}" from {client}', reject=True
    )
    reception.helo_verified = before
    return False


# ---- the answer ------------------------------------------------------------------------------------


def _welcome(session: SmtpSession, user_message: str | None) -> None:
    """The reply to a HELO or EHLO that is accepted."""
    code, greeting = "250 ", _greeting(session)
    if user_message is not None:
        code, text, _ = session.replies.message_code("250 ", user_message, None)
        first = text.replace("\r", "\n").split("\n", 1)[0]
        if first != text:
            problem = "EHLO/HELO response must not contain newlines: message truncated"
            log_write(session.process, f"{problem}: {printed(session.process, code + text)}", panic=True)
        greeting = code[4:] + first
    lines = [greeting]
    session.reception.pipelining.advertised = session.tls_advertised = session.dsn_advertised = False
    session.smtputf8_advertised = False
    session.advertised = {}
    if session.esmtp:
        lines += [offered for offer in _FEATURES if (offered := offer(session)) is not None]
        lines.append("HELP")
    for index, line in enumerate(lines):
        session.replies.line(f"{code[:3]}{' ' if index == len(lines) - 1 else '-'}{line}")


def _greeting(session: SmtpSession) -> str:
    reception = session.reception
    ident, address = reception.get("sender_ident"), reception.get("sender_host_address")
    name = reception.get("sender_host_name") or reception.get("sender_helo_name")
    tail = "" if address is None else f" [{address}]"
    return f"{session.hostname} Hello {'' if ident is None else f'{ident} at '}{name}{tail}"


def _has_feature(session: SmtpSession, feature: str) -> bool:
    return feature in release(session.process.profile.option_release).features


def _has_option(session: SmtpSession, name: str) -> bool:
    return f"main.{name}" not in release(session.process.profile.option_release).absent


def _size(session: SmtpSession) -> str:
    return f"SIZE {session.size_limit}" if session.size_limit > 0 else "SIZE"


def _limits(session: SmtpSession) -> str | None:
    if not _has_feature(session, "ESMTP_LIMITS"):
        return None
    mails, recipients = session.mail_limit or 0, recipients_limit(session.process)
    if (mails <= 0 and recipients <= 0) or not session.client_in("limits_advertise_hosts"):
        return None
    text = "LIMITS"
    if mails > 0:
        text += f" MAILMAX={mails}"
    return f"{text} RCPTMAX={recipients}" if recipients > 0 else text


def _8bitmime(session: SmtpSession) -> str | None:
    return "8BITMIME" if session.process.config.main.flag("accept_8bitmime") else None


def _dsn(session: SmtpSession) -> str | None:
    session.dsn_advertised = session.client_in("dsn_advertise_hosts", defer=True)
    return "DSN" if session.dsn_advertised else None


def _has_acl(option: str, word: str) -> Callable[[SmtpSession], str | None]:
    def offer(session: SmtpSession) -> str | None:
        return word if session.process.config.main.text(option) is not None else None

    return offer


def _vrfy(session: SmtpSession) -> str | None:
    wanted = session.process.profile.vrfy_advertised
    return "VRFY" if wanted and session.process.config.main.text("acl_smtp_vrfy") is not None else None


def _pipelining(session: SmtpSession) -> str | None:
    seen = session.reception.pipelining
    seen.advertised = session.reception.pipelining_enable and session.client_in("pipelining_advertise_hosts")
    return "PIPELINING" if seen.advertised else None


def _pipe_connect(session: SmtpSession) -> str | None:
    seen = session.reception.pipelining
    if not seen.advertised or not session.may_be_early():
        return None
    seen.early_advertised = True
    profile = session.process.profile
    if profile.pipe_connect_seen_off_sockets or session.reception.is_socket:
        seen.early_used = seen.early_used or (not session.helo_seen and bool(session.input))
    return "PIPECONNECT" if profile.pipe_connect_renamed else "PIPE_CONNECT"


def _chunking(session: SmtpSession) -> str | None:
    if not _has_option(session, "chunking_advertise_hosts"):
        return None
    offered = session.client_in("chunking_advertise_hosts", defer=True)
    session.chunking_offered = session.chunking_offered or offered
    return "CHUNKING" if offered else None


def _starttls(session: SmtpSession) -> str | None:
    if session.reception.tls is not None:
        return None
    session.tls_advertised = session.client_in("tls_advertise_hosts", defer=True)
    return "STARTTLS" if session.tls_advertised else None


def _prdr(session: SmtpSession) -> str | None:
    return "PRDR" if session.process.config.main.flag("prdr_enable") else None


def _smtputf8(session: SmtpSession) -> str | None:
    process = session.process
    options, name = process.config.main, "smtputf8_advertise_hosts"
    offered = (
        process.profile.i18n
        and options.flag("accept_8bitmime")
        and (options.is_set(name) or not process.machine.test_harness)
        and session.client_in(name)
    )
    session.smtputf8_advertised = offered
    return "SMTPUTF8" if offered else None


_FEATURES: tuple[Callable[[SmtpSession], str | None], ...] = (
    _size,
    _limits,
    _8bitmime,
    _dsn,
    _has_acl("acl_smtp_etrn", "ETRN"),
    _vrfy,
    _has_acl("acl_smtp_expn", "EXPN"),
    _pipelining,
    _pipe_connect,
    smtp_in_auth.offered,
    _chunking,
    _starttls,
    smtp_in_xclient.offered,
    _prdr,
    _smtputf8,
)
"""In the order in which EHLO lists them; HELP is always last. A feature that the release lacks is never
offered, because its option names no host there."""


def helo_is_missing(session: SmtpSession) -> bool:
    """Whether MAIL is refused because the client has not said HELO, as it has to."""
    process = session.process
    by_list = process.config.main.exists("hosts_require_helo")
    if session.helo_seen or not (
        session.helo_required or (by_list and session.client_in("hosts_require_helo"))
    ):
        return False
    client = host_and_ident(process, flagged=False)
    log_write(process, f"rejected MAIL from {client}: no HELO/EHLO given", reject=True)
    if process.profile.missing_helo_is_protocol_error:
        session.error("protocol", 503, "HELO or EHLO required")
    else:
        session.replies.line("503 HELO or EHLO required")
    return True
