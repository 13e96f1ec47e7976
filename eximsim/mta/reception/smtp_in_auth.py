"""AUTH: a client says who it is (the authentication part of src/smtp_in.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl.acl import Where, acl_check
from eximsim.mta.auths.cram_md5 import auth_cram_md5_server
from eximsim.mta.auths.dovecot import auth_dovecot_server
from eximsim.mta.auths.external import auth_external_server
from eximsim.mta.auths.plaintext import auth_plaintext_server
from eximsim.mta.auths.server import Exchange, Outcome, Over, Server, Verdict
from eximsim.mta.auths.tls import auth_tls_server
from eximsim.mta.auths.xtextencode import auth_xtextdecode
from eximsim.mta.base.string import SPACES, from_octets
from eximsim.mta.config.options_auths import can_be_server
from eximsim.mta.expand.check_condition import expand_check_condition
from eximsim.mta.expand.event import main_event_raise
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.marks import Taint, marked
from eximsim.mta.lookup.sender_host import host_and_ident
from eximsim.mta.process.log import log_write, printed
from eximsim.mta.reception.smtp_session import protocol
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.reception.smtp_session import SmtpSession

SERVERS: Mapping[str, Callable[[Server], Exchange]] = MappingProxyType(
    {
        "cram_md5": auth_cram_md5_server,
        "dovecot": auth_dovecot_server,
        "external": auth_external_server,
        "plaintext": auth_plaintext_server,
        "tls": auth_tls_server,
    }
)
"""The server functions by driver."""

_LONGEST = 16384
"""``big_buffer_size``: a longer line is no answer to a challenge."""
_NAME_ALSO = "-_"


def auth(session: SmtpSession, argument: str) -> None:
    """The AUTH command."""
    reception = session.reception
    reception.set("authentication_failed", "1")
    session.free_commands.discard("auth")
    if not session.advertised and not reception.auth_unadvertised:
        session.error("protocol", 503, "AUTH command used when not advertised")
    elif reception.get("sender_host_authenticated") is not None:
        session.error("protocol", 503, "already authenticated")
    elif reception.envelope.sender is not None:
        session.error("protocol", 503, "not permitted in mail transaction")
    elif session.check_acl(Where.AUTH, "acl_smtp_auth").rc is Rc.OK:
        _begin(session, argument)


def _begin(session: SmtpSession, argument: str) -> None:
    end = next((place for place, char in enumerate(argument) if char in SPACES), len(argument))
    name, data = argument[:end], argument[end:].lstrip(SPACES)
    if not all(char.isascii() and (char.isalnum() or char in _NAME_ALSO) for char in name):
        session.error("syntax", 501, "invalid character in authentication mechanism name")
        return
    authenticator = _chosen(session, name)
    if authenticator is None:
        session.error("protocol", 504, f"{name} authentication mechanism not supported")
    else:
        session.authenticate(authenticator, _exchange(session, authenticator, data))


def _chosen(session: SmtpSession, name: str) -> DriverInstance | None:
    """The first authenticator for a mechanism that was offered, or that may be used though it was not."""
    for authenticator in session.process.config.authenticators:
        known = session.reception.auth_unadvertised or authenticator.name in session.advertised
        driver = authenticator.driver
        if not (known and can_be_server(driver, authenticator.options)):
            continue
        if _public_name(authenticator).lower() == name.lower():
            if driver not in SERVERS:
                what = f"the {driver} authenticator as a server"
                raise Unsupported(what, authenticator.path, authenticator.line)
            return authenticator
    return None


def _public_name(authenticator: DriverInstance) -> str:
    return authenticator.options.text("public_name") or authenticator.name


def _exchange(session: SmtpSession, authenticator: DriverInstance, data: str) -> Exchange:
    """The exchange, between the preparations and what every attempt ends with."""
    process = session.process
    _clear(session)
    process.numeric = ("",)
    try:
        verdict = yield from SERVERS[authenticator.driver](Server(process, authenticator, data))
    except Over as over:
        verdict = Verdict(over.outcome)
    return verdict


def _clear(session: SmtpSession) -> None:
    for number in range(1, 5):
        session.reception.set(f"auth{number}", None)
    session.process.numeric = ()


def go_on(session: SmtpSession, line: bytes | None) -> None:
    """Give the exchange the client's next line, None for one that is too long, or start it with ``b""``."""
    under_way = session.authenticating
    assert under_way is not None
    authenticator, exchange, begun = under_way
    try:
        challenge = exchange.send(line) if begun else next(exchange)
    except StopIteration as end:
        session.authenticating = None
        session.wait_for_command()
        _answer(session, authenticator, end.value)
        return
    session.replies.line(f"334 {challenge}")
    session.authenticating = authenticator, exchange, True


def read_answer(session: SmtpSession) -> bool:
    """Take one line of the client's, which is not a command; False if it has not come yet."""
    end = session.input.find(b"\n", 0, _LONGEST)
    if end < 0 and len(session.input) < _LONGEST:
        return False
    size = _LONGEST if end < 0 else end
    line = bytes(session.input[:size])
    del session.input[: size if end < 0 else size + 1]
    go_on(session, None if end < 0 else line.removesuffix(b"\r"))
    return True


def lost(session: SmtpSession) -> None:
    """The client is gone: all that it is still asked for is empty."""
    line = bytes(session.input).removesuffix(b"\r")
    session.input.clear()
    while session.authenticating is not None:
        go_on(session, line)
        line = b""


def _answer(session: SmtpSession, authenticator: DriverInstance, verdict: Verdict) -> None:
    rc, told, logged = _settle(session, authenticator, verdict)
    session.replies.line(told)
    if rc is Outcome.OK:
        return
    process = session.process
    with process.setting(sender_host_authenticated=authenticator.name):
        line = main_event_raise(process, "auth:fail", told)
    client = host_and_ident(process, flagged=process.profile.auth_failure_names_helo)
    text = line or f"{authenticator.name} authenticator failed for {client}: {logged}"
    log_write(process, text, reject=True)


def _settle(
    session: SmtpSession, authenticator: DriverInstance, verdict: Verdict
) -> tuple[Outcome, str, str]:
    """Note who the client is; the outcome, what it is told and what the log says (``smtp_in_auth()``)."""
    reception = session.reception
    if verdict.why is not None:
        session.deferred_why = verdict.why
    if verdict.told is not None:
        session.deferred_told = verdict.told
    outcome = verdict.outcome
    identity, problem = _identity(session, authenticator)
    _clear(session)
    if outcome is Outcome.OK and problem is None:
        if identity is not None:
            reception.set("authenticated_id", marked(identity, Taint.TAINTED))
        _let_in(session, authenticator)
        return outcome, "235 Authentication succeeded", ""
    shown = f" (set_id={identity})" if identity else ""
    if outcome is Outcome.OK:
        outcome, session.deferred_why, shown = Outcome.DEFER, problem or "", "NULL"
    elif outcome in (Outcome.DEFER, Outcome.FAIL):
        reception.set("authenticated_fail_id", shown)
    if outcome is Outcome.DEFER:
        told = f"435 Unable to authenticate at present{session.deferred_told}"
        return outcome, told, f"435 Unable to authenticate at present{shown}: {session.deferred_why}"
    if outcome is Outcome.FAIL:
        return outcome, "535 Incorrect authentication data", f"535 Incorrect authentication data{shown}"
    return outcome, _SYNTAX[outcome], _SYNTAX[outcome]


_SYNTAX = {
    Outcome.BAD64: "501 Invalid base64 data",
    Outcome.CANCELLED: "501 Authentication cancelled",
    Outcome.UNEXPECTED: "553 Initial data not expected",
}


def _identity(session: SmtpSession, authenticator: DriverInstance) -> tuple[str | None, str | None]:
    """What server_set_id says, and if it does not expand, why."""
    text = authenticator.options.text("server_set_id")
    if text is None:
        return None, None
    try:
        return printed(session.process, expand(session.process, text)), None
    except ExpansionFailed as failure:
        return None, failure.message


def _let_in(session: SmtpSession, authenticator: DriverInstance) -> None:
    reception = session.reception
    reception.set("sender_host_authenticated", authenticator.name)
    reception.set("authentication_failed", None)
    reception.set("authenticated_fail_id", None)
    session.authenticated_by = authenticator
    reception.set("received_protocol", protocol(session, esmtp=True))


# ---- by certificate --------------------------------------------------------------------------------


def authenticate_by_certificate(session: SmtpSession) -> None:
    """Once for each session in TLS with a good certificate: ask the tls authenticator, if there is one."""
    reception = session.reception
    known = reception.tls is not None and bool(reception.tls.peer_chain) and reception.certificate_verified
    if not (session.tls_auth_due and known):
        return
    session.tls_auth_due = False
    for authenticator in session.process.config.authenticators:
        if authenticator.driver == "tls":
            if session.check_acl(Where.AUTH, "acl_smtp_auth").rc is Rc.OK:
                _by_certificate(session, authenticator)
            return


def _by_certificate(session: SmtpSession, authenticator: DriverInstance) -> None:
    process = session.process
    exchange = _exchange(session, authenticator, "")
    try:
        next(exchange)
    except StopIteration as end:
        outcome, told, _ = _settle(session, authenticator, end.value)
        if outcome is not Outcome.OK:
            with process.setting(sender_host_authenticated=authenticator.name):
                line = main_event_raise(process, "auth:fail", told)
            if line:
                log_write(process, line)


# ---- what EHLO and MAIL have to do with it ---------------------------------------------------------


def offered(session: SmtpSession) -> str | None:
    """The line of EHLO that names the mechanisms, and a note of what was offered."""
    process = session.process
    every = process.config.authenticators
    done = session.reception.get("sender_host_authenticated") is not None
    if not every or done or not session.client_in("auth_advertise_hosts"):
        return None
    session.advertised = {one.name: _public_name(one).upper() for one in every if _is_offered(session, one)}
    return f"AUTH {' '.join(session.advertised.values())}" if session.advertised else None


def _is_offered(session: SmtpSession, authenticator: DriverInstance) -> bool:
    if not can_be_server(authenticator.driver, authenticator.options):
        return False
    condition = authenticator.options.text("server_advertise_condition")
    if condition is None:
        return True
    who = f"{authenticator.name} authenticator"
    return expand_check_condition(session.process, condition, who) is Rc.OK


def mail_auth(session: SmtpSession, value: str) -> bool | None:
    """AUTH= of MAIL: note the sender that it names, if the client may name one.

    False if it is no xtext; None if an ACL could not say, and the client has been told.
    """
    if value == "<>":
        return True
    process, reception = session.process, session.reception
    sender = auth_xtextdecode(value)
    if sender is None:
        return False
    acl = process.config.main.text("acl_smtp_mailauth")
    if acl is None:
        why: str | None = "client not authenticated"
        rc = Rc.FAIL if reception.get("sender_host_authenticated") is None else Rc.OK
    else:
        why = "rejected by ACL"
        reception.set("authenticated_sender", from_octets(sender))
        result = acl_check(reception, Where.MAILAUTH, None, acl)
        rc = result.rc
        if rc not in (Rc.OK, Rc.FAIL):
            session.replies.acl_fail(Where.MAILAUTH, result, process.variables["smtp_command_argument"])
            return None
    if rc is Rc.OK:
        reception.set("authenticated_sender", from_octets(sender))
        why = _condition_fails(session)
        if why is None:
            return True
    reception.set("authenticated_sender", None)
    client = host_and_ident(process, flagged=True)
    log_write(process, f"ignoring AUTH={value} from {client} ({why})")
    return True


def _condition_fails(session: SmtpSession) -> str | None:
    """Why the authenticator's server_mail_auth_condition does not let AUTH= count; None if it does."""
    authenticator = session.authenticated_by
    condition = None if authenticator is None else authenticator.options.text("server_mail_auth_condition")
    if authenticator is None or condition is None:
        return None
    if expand_check_condition(session.process, condition, f"{authenticator.name} authenticator") is Rc.OK:
        return None
    identity = session.reception.get("authenticated_id")
    shown = "" if identity is None else f': authenticated ID="{identity}"'
    return f"server_mail_auth_condition failed{shown}"
