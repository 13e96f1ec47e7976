"""Authentication as a client of a server that offers it: ``smtp_auth()`` of src/transports/smtp.c."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from eximsim.errors import Unsupported
from eximsim.mta.auths.client import Attempt, Buffer, Client, Result
from eximsim.mta.auths.cram_md5 import auth_cram_md5_client
from eximsim.mta.auths.external import auth_external_client
from eximsim.mta.auths.plaintext import auth_plaintext_client
from eximsim.mta.auths.xtextencode import auth_xtextencode
from eximsim.mta.base import errnos
from eximsim.mta.config.drivers import DriverInstance
from eximsim.mta.config.options_auths import can_be_client
from eximsim.mta.expand.check_condition import expand_check_condition
from eximsim.mta.expand.event import event_raise
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.log import log_write
from eximsim.mta.records.structs import Authenticated
from eximsim.mta.transports import smtp_early
from eximsim.mta.transports.smtp_context import SmtpContext, send_failed
from eximsim.mta.transports.smtp_failure import SetupFailed, require
from eximsim.mta.transports.smtp_out import Reply
from eximsim.status import Errno, Rc

CLIENTS: Mapping[str, Callable[[Client], Attempt]] = MappingProxyType(
    {
        "cram_md5": auth_cram_md5_client,
        "external": auth_external_client,
        "plaintext": auth_plaintext_client,
    }
)
"""The client functions by driver; the tls driver has none in Exim either."""


def smtp_auth(sx: SmtpContext) -> None:
    """Authenticate if that is wanted and the server offers a mechanism that a client authenticator has.

    Raises ``SetupFailed`` where it is required and does not succeed, and where an attempt ends the call.
    """
    process = sx.process
    process.authenticated, sx.authenticated = None, False
    required = sx.host_is_in("hosts_require_auth")
    why = "server did not advertise AUTH support"
    if sx.mechanisms and (required or sx.host_is_in("hosts_try_auth")):
        why, buffer = "no common mechanisms were found", Buffer(sx.reply.text)
        for authenticator in process.config.authenticators:
            if process.authenticated is not None:
                break
            if not _is_ready(sx, authenticator):
                continue
            if (authenticator.options.text("public_name") or authenticator.name).lower() in sx.mechanisms:
                if sx.verify and not process.profile.callout_uses_setup_conn:
                    raise Unsupported("a callout that authenticates", authenticator.path, authenticator.line)
                why = "authentication attempt(s) failed"
                _try_authenticator(sx, authenticator, buffer)
    if required and process.authenticated is None:
        smtp_early.invalidate(sx)
        if sx.verify and not process.profile.callout_uses_setup_conn:
            where = sx.transport.options.where("hosts_require_auth")
            raise Unsupported("a callout to a host of hosts_require_auth", *where)
        raise SetupFailed("4", Errno.AUTHFAIL, f"authentication required but {why}", names_host=False)


def _is_ready(sx: SmtpContext, authenticator: DriverInstance) -> bool:
    """Whether it can be a client, and its client_condition holds (``expand_check_condition()``)."""
    if not can_be_client(authenticator.options):
        return False
    condition = authenticator.options.text("client_condition")
    if condition is None:
        return True
    who = f"{authenticator.name} client authenticator"
    return expand_check_condition(sx.process, condition, who) is Rc.OK


def _try_authenticator(sx: SmtpContext, authenticator: DriverInstance, buffer: Buffer) -> None:
    """One attempt (``try_authenticator()``); a mechanism that is refused for good is no failure yet."""
    run = CLIENTS.get(authenticator.driver)
    if run is None:
        raise Unsupported(f"the {authenticator.driver} authenticator", authenticator.path, authenticator.line)
    sx.record_step("a")
    sx.wire.authenticating = True
    try:
        client = Client(
            sx.process, authenticator, lambda line: sx.wire.write(line) > 0, partial(_read, sx), buffer
        )
        attempt = run(client)
    finally:
        sx.wire.authenticating = False
    host, name = f"H={sx.host.name} [{sx.host.address}]", authenticator.name
    if attempt.result is Result.OK:
        sx.process.authenticated = Authenticated(name, _client_id(sx, authenticator))
        sx.authenticated = True
    elif attempt.result is Result.FAIL_SEND:
        raise SetupFailed("4", errnos.EPIPE, send_failed(sx), send_quit=False)
    elif attempt.result is Result.FAIL:
        if sx.reply.errno or attempt.text[:1] != "5":
            require(sx, Reply(False, sx.reply.text, sx.reply.errno))
        line = _refused(sx, authenticator, attempt.text)
        log_write(sx.process, line or f"{name} authenticator failed {host} {attempt.text}")
    elif attempt.result is Result.CANCELLED and attempt.text:
        log_write(sx.process, f"{name} authenticator cancelled authentication {host} {attempt.text}")
    elif attempt.result is Result.ERROR:
        raise SetupFailed("4", Errno.AUTHPROB, attempt.text, names_host=False, stops=True)


def _read(sx: SmtpContext, ok_digit: str = "2", timeout: float | None = None) -> Reply:
    """Read a reply of the exchange, once those before it have been."""
    if not smtp_early.reap(sx, 0):
        return Reply(False, sx.reply.text, sx.reply.errno)
    return sx.read(ok_digit, timeout)


def _client_id(sx: SmtpContext, authenticator: DriverInstance) -> str | None:
    text = authenticator.options.text("client_set_id")
    if text is None:
        return None
    try:
        return expand(sx.process, text)
    except ExpansionFailed:
        return None


def _refused(sx: SmtpContext, authenticator: DriverInstance, reply: str) -> str | None:
    """Raise the event of a refusal, where the release has one; text replaces the log line."""
    action = sx.transport.options.text("event_action")
    if action is None or "auth:fail" not in sx.process.profile.events:
        return None
    with sx.process.setting(sender_host_authenticated=authenticator.name):
        return event_raise(sx.process, action, "auth:fail", reply)


def mail_auth(sx: SmtpContext) -> str:
    """The AUTH parameter of MAIL, with the space before it, or nothing (``smtp_mail_auth_str()``).

    Raises ``ExpansionFailed`` for an authenticated_sender that cannot be expanded.
    """
    process, options = sx.process, sx.transport.options
    known = process.message.variables if process.message else process.variables
    sender = known.get("authenticated_sender")
    text = options.text("authenticated_sender")
    if text is not None:
        try:
            sender = expand(process, text) or sender
        except ExpansionFailed as failed:
            if not failed.forced:
                raise
    if sender is None or not (sx.authenticated or options.flag("authenticated_sender_force")):
        return ""
    if process.authenticated is not None:
        process.authenticated = process.authenticated.sending(sender)
    return f" AUTH={auth_xtextencode(sender, strict=process.profile.xtext_strict)}"
