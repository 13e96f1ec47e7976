"""Early pipelining: what is said before the greeting, and the hints for it (src/transports/smtp.c)."""

from __future__ import annotations

from eximsim.mta.config.options_auths import can_be_client
from eximsim.mta.process.globals import Process
from eximsim.mta.records.hints import EhloRecord
from eximsim.mta.transports.smtp_context import (
    SmtpContext,
    auth_mechanisms,
    ehlo_limits,
    ehlo_response,
)
from eximsim.trace import Rule

EARLY_PIPE = Rule("early pipelining", "transports/smtp.c smtp_setup_conn")
_MOST_AUTHENTICATORS = 16


def prepare(sx: SmtpContext) -> None:
    """Find out whether the host is to be spoken to early, and whether it may be already.

    What has to be known for that is what it offered before; a name to say in EHLO that depends on the address
    of this end is in the way.
    """
    options, process = sx.transport.options, sx.process
    sx.early_wanted = sx.early = False
    sx.known = EhloRecord()
    if not (process.profile.pipe_connect_offered and sx.host_is_in("hosts_pipe_connect")):
        return
    helo = options.text("helo_data") or ""
    if sx.interface is None and "$sending_ip_address" in helo and "def:sending_ip_address" not in helo:
        return
    sx.early_wanted = True
    known = _read(sx)
    if known is not None:
        sx.known = known
        if process.profile.limits_heeded:
            sx.limits = known.limits
        sx.early = _early(sx) in known.clear
        sx.features = known.clear if sx.early else sx.features
        sx.mechanisms = known.clear_mechanisms if sx.early else sx.mechanisms
    process.trace.record(EARLY_PIPE, "now" if sx.early else "later", host=sx.host.name)


def begin_in_tls(sx: SmtpContext) -> None:
    """A TLS session is up: from here on what was offered in one counts."""
    if sx.early_wanted if sx.smtps else sx.early:
        sx.early = _early(sx) in sx.known.crypted
        sx.features, sx.mechanisms = sx.known.crypted, sx.known.crypted_mechanisms


def _early(sx: SmtpContext) -> str:
    """The name of the extension."""
    return "PIPECONNECT" if sx.process.profile.pipe_connect_renamed else "PIPE_CONNECT"


def _known_of(sx: SmtpContext, offered: frozenset[str]) -> frozenset[str]:
    """What of the extensions is remembered: not the other name of this one, nor STARTTLS over TLS."""
    other = {"PIPECONNECT", "PIPE_CONNECT"} - {_early(sx)}
    return offered - other - ({"STARTTLS"} if sx.tls is not None else set())


def too_many_authenticators(sx: SmtpContext) -> bool:
    """Whether AUTH may be needed and the hints have no room for what the server offers."""
    lists = ("hosts_require_auth", "hosts_try_auth")
    if not any(sx.transport.options.text(name) for name in lists):
        return False
    clients = [one for one in sx.process.config.authenticators if can_be_client(one.options)]
    return len(clients) > _MOST_AUTHENTICATORS


def reap(sx: SmtpContext, others: int) -> bool:
    """Read the greeting and the reply to EHLO, if they are waited for.

    False if one of them is not as it should be; the replies to ``others`` commands after them have been read
    and thrown away then. Source: smtp_reap_early_pipe().
    """
    banner, ehlo = sx.banner_waits, sx.ehlo_waits
    sx.banner_waits = sx.ehlo_waits = False
    if banner and not sx.read().ok:
        return _failed(sx, others + ehlo)
    if not ehlo:
        return True
    reply = sx.read()
    if not reply.ok and (reply.errno or not reply.text or sx.lmtp):
        return _failed(sx, others)
    sx.esmtp = sx.esmtp and reply.ok
    sx.raise_event("smtp:ehlo", reply.text)
    _compare(sx)
    return True


def _failed(sx: SmtpContext, others: int) -> bool:
    invalidate(sx)
    reply, command = sx.reply, sx.wire.command
    for _ in range(others):
        said = sx.read()
        if not said.ok and (said.errno or not said.text):
            break
    sx.reply, sx.wire.command = reply, command
    return False


def _compare(sx: SmtpContext) -> None:
    """Hold the reply against what was assumed; a difference changes the hints, and this call goes on."""
    offered = _known_of(sx, ehlo_response(sx.reply.text))
    mechanisms = auth_mechanisms(sx.reply.text) & _usable(sx.process)
    final = "STARTTLS" not in offered
    if sx.process.profile.limits_heeded and final:
        sx.limits = ehlo_limits(sx.reply.text)
    assumed = sx.known.crypted_mechanisms if sx.tls is not None else sx.known.clear_mechanisms
    if offered != sx.features or mechanisms != assumed:
        if _early(sx) in offered:
            _note(sx, offered, mechanisms)
            _write(sx)
        else:
            invalidate(sx)
            sx.early = False
    elif final and sx.limits != sx.known.limits:
        invalidate(sx)


def learn(sx: SmtpContext) -> None:
    """Remember what a server offers that was not spoken to early, if it may be the next time."""
    if not sx.early_wanted or sx.early:
        return
    offered = _known_of(sx, sx.features)
    if sx.tls is None:
        sx.known.clear = offered
        if {"PIPELINING", _early(sx)} <= offered:
            sx.known.clear_mechanisms = sx.mechanisms & _usable(sx.process)
            _write(sx)
        return
    sx.known.crypted = offered
    if "PIPELINING" in offered and sx.pipelining and _early(sx) in sx.known.clear | sx.known.crypted:
        sx.known.crypted_mechanisms = sx.mechanisms & _usable(sx.process)
        _write(sx)


def _usable(process: Process) -> frozenset[str]:
    """The mechanisms of the authenticators that can be a client."""
    clients = (one for one in process.config.authenticators if can_be_client(one.options))
    return frozenset((one.options.text("public_name") or one.name).lower() for one in clients)


def _note(sx: SmtpContext, offered: frozenset[str], mechanisms: frozenset[str]) -> None:
    if sx.tls is not None:
        sx.known.crypted, sx.known.crypted_mechanisms = offered, mechanisms
    else:
        sx.known.clear, sx.known.clear_mechanisms = offered, mechanisms


def _key(sx: SmtpContext) -> str:
    address = sx.host.address or ""
    return f"[{address}]:{sx.host.port}.EHLO" if ":" in address else f"{address}:{sx.host.port}.EHLO"


def _read(sx: SmtpContext) -> EhloRecord | None:
    """The hints about the host; those that are too old are thrown away."""
    hints = sx.process.machine.hints.ehlo
    record = hints.get(_key(sx))
    if record is None:
        return None
    if sx.process.world.now() - record.time_stamp > sx.process.config.main.seconds("retry_data_expire"):
        del hints[_key(sx)]
        return None
    return record.copy()


def _write(sx: SmtpContext) -> None:
    sx.known.limits, sx.known.time_stamp = sx.limits, sx.process.world.now()
    sx.process.machine.hints.ehlo[_key(sx)] = sx.known.copy()


def invalidate(sx: SmtpContext) -> None:
    """Forget what is known of the host, if it was relied on."""
    if sx.early:
        sx.process.machine.hints.ehlo.pop(_key(sx), None)
