"""More than one message on a connection: leaving a call open, going on with it (src/transports/smtp.c)."""

from __future__ import annotations

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.globals import Process
from eximsim.mta.process.locked import say_locked
from eximsim.mta.records.open_call import OpenCall
from eximsim.mta.records.spool import Message
from eximsim.mta.routing.address import deliver_set_expansions
from eximsim.mta.transports.smtp_context import Analysis, SmtpContext, check_response, send_failed
from eximsim.mta.transports.smtp_out import Dialogue
from eximsim.mta.transports.smtp_socks import proxy_variables
from eximsim.mta.transports.transport import UNLIMITED, transport_check_waiting
from eximsim.trace import Rule

CONNECTION_KEPT = Rule("connection kept", "transports/smtp.c smtp_deliver")


def keep_for_next(sx: SmtpContext) -> bool:
    """Leave the call open if there is more to send down it; the dialogue is handed over then."""
    process = sx.process
    if most_messages(sx) <= sx.sequence:
        return False
    next_id = None
    if not process.continue_more:
        next_id = sx.next_id or waiting_message(sx)
        if next_id is None:
            return False
        if process.profile.next_message_in_background:
            deliver_set_expansions(process, None)
            # Whose identity is the same has been asked for an address without hosts.
            for name in ("host_address", "host_port"):
                process.variables.pop(name, None)
    if sx.tls is None and process.lost_session is not None:
        raise Unsupported("the next message on a connection that is held to have a lost one's TLS session")
    if sx.send_rset and say_rset(sx) is not None:
        return False
    if sx.tls is not None and _ends_with_tls(sx) and not _go_on_in_clear(sx):
        return False
    process.trace.record(CONNECTION_KEPT, next_id or "same message", host=sx.host.name)
    assert sx.host.address is not None
    process.kept_call = OpenCall(
        sx.transport.name,
        sx.host.name,
        sx.host.address,
        sx.wire.connection,
        bytes(sx.wire.arrived),
        features_in_use(sx),
        sx.tls,
        process.dane_verified,
        current_sni(sx),
        sx.sequence + 1,
        next_id,
        sx.limits,
        sx.authenticated,
        proxy_variables(process),
    )
    sx.dialogue = None
    proxied_now = sx.tls is not None and process.continued is None
    if next_id is not None and not proxied_now and process.profile.next_message_in_background:
        sx.raise_event("tcp:close")  # it closes its own end
    return True


def pass_on_kept(process: Process) -> None:
    """A waiting message that has a process of its own goes down its call while this one tries other hosts."""
    call = process.kept_call
    if call is None or call.next_id is None or not process.profile.next_message_in_background:
        return
    assert process.pass_on is not None
    process.pass_on(call)
    process.kept_call = None


def waiting_message(sx: SmtpContext) -> str | None:
    """The id of a message that waits for this host and may go down this connection."""
    process, found = sx.process, None
    active = sx.tls is not None or process.lost_session is not None or process.proxied_tls is not None
    if most_messages(sx) > sx.sequence and not (active and sx.host_is_in("hosts_nopass_tls")):
        found = _next_message(sx)
    _reset_variables(sx)
    return found


def features_in_use(sx: SmtpContext) -> frozenset[str]:
    """What goes on with an open call (``smtp_peer_options``): nobody asks the options about hosts again."""
    used = (("PIPELINING", sx.pipelining), ("CHUNKING", sx.chunking), ("PRDR", sx.prdr))
    return sx.features - {name for name, in_use in used if not in_use}


def _reset_variables(sx: SmtpContext) -> None:
    """What the look for waiting messages leaves of the variables: the recipients' first host is ``$host``."""
    if sx.process.profile.waiting_check_resets_variables:
        deliver_set_expansions(sx.process, sx.addrlist[0], sx.addrlist[1:])


def _ends_with_tls(sx: SmtpContext) -> bool:
    """Whether the session is closed before the connection is left open."""
    if sx.process.profile.tls_proxied_for_next_message:
        return sx.host_is_in("hosts_noproxy_tls")
    return not sx.process.continue_more


def _go_on_in_clear(sx: SmtpContext) -> bool:
    """Close the session, and see whether the server takes an EHLO in clear; it is not looked at more closely.

    The next message finds STARTTLS on offer, if it was before.
    """
    if not sx.wire.connection.end_tls():
        sx.tls, sx.send_quit = None, False
        return False
    sx.tls = None
    if sx.smtps or sx.wire.write(f"EHLO {sx.helo_data}") < 0 or not sx.read().ok:
        return False
    sx.features = frozenset(("STARTTLS",) if sx.starttls_offered else ())
    return True


def most_messages(sx: SmtpContext) -> int:
    """How many messages the connection may have, by connection_max_messages and the server's own limit."""
    limit = sx.transport.options.number("connection_max_messages") or UNLIMITED
    return min(limit, sx.limits.mail or UNLIMITED)


def say_rset(sx: SmtpContext) -> Analysis | None:
    """Say RSET before another transaction; what is wrong if that fails, and whether QUIT may follow."""
    if sx.wire.write("RSET") < 0:
        failed = Analysis("4", errnos.EPIPE, send_failed(sx), user=False, send_quit=False)
    elif sx.read().ok:
        return None
    else:
        failed = check_response(sx, sx.reply)
    sx.send_quit = failed.send_quit
    return failed


def current_sni(sx: SmtpContext) -> str | None:
    """The server name that the transport's options ask for now."""
    state = sx.process.driver_state.get(sx.transport.name, {})
    if "tls_sni" in state:
        return str(state["tls_sni"])
    text = sx.transport.options.text("tls_sni")
    try:
        return (expand(sx.process, text) or None) if text else None
    except ExpansionFailed:
        return None


def _next_message(sx: SmtpContext) -> str | None:
    process = sx.process
    sender = process.message.sender if process.message else ""

    def same_identity(message_id: str) -> bool:
        message = process.spool.get(message_id)
        if message is None:
            return False
        read_whole = process.profile.waiting_message_read_whole
        if read_whole and message_id in process.spool.locked:
            say_locked(process, message_id)
            return False
        ours = _identity(sx, sender)
        if read_whole:
            _take_variables(process, message)
        return _identity(sx, message.sender) == ours

    return transport_check_waiting(process, sx.transport.name, sx.host.name, same_identity)


def _take_variables(process: Process, message: Message) -> None:
    """Read a message from the spool over the one that was delivered (``spool_read_header()``)."""
    for name in process.message.variables if process.message else ():
        process.variables.pop(name, None)
    for name in [name for name in process.variables if name.startswith("acl_")]:
        del process.variables[name]
    process.variables.update(message.variables)


def _identity(sx: SmtpContext, sender: str) -> tuple[str | None, ...]:
    """What has to be the same for two messages to share a connection (``smtp_local_identity()``)."""
    texts = (sx.transport.options.text(name) for name in ("interface", "helo_data", "tls_certificate"))
    with sx.process.setting(sender_address=sender):
        return tuple(_expanded(sx.process, text) for text in texts)


def _expanded(process: Process, text: str | None) -> str | None:
    try:
        return expand(process, text) if text else text
    except ExpansionFailed:
        return None


def fits(sx: SmtpContext, call: OpenCall) -> bool:
    """Whether a call that was left open will do for this host: same server name, and DANE where it is due."""
    return call.tls is None or (call.sni == current_sni(sx) and call.dane == sx.dane)


def take_over(sx: SmtpContext, call: OpenCall) -> None:
    """Go on with the open call as if it had just been set up."""
    sx.dialogue, sx.features, sx.tls = _dialogue(sx.process, call), call.features, call.tls
    sx.sequence, sx.limits, sx.authenticated = call.sequence, call.limits, call.authenticated
    sx.command_log = sx.wire.log
    if call.tls is None and not sx.process.profile.size_on_continued_call:
        sx.features -= {"SIZE", "DSN"}
    sx.starttls_offered = "STARTTLS" in sx.features
    sx.pipelining = "PIPELINING" in sx.features
    sx.chunking = sx.process.profile.continued_call_takes_chunks and "CHUNKING" in sx.features
    sx.prdr = sx.process.profile.batches_share_connection and "PRDR" in sx.features
    for addr in sx.addrlist:
        addr.continued = call.sequence > 1
        if call.tls is not None:
            addr.tls = call.tls.session
    told = sx.process.profile.continued_call_verified and call.sequence > 1
    known = call.tls if told else None
    sx.process.certificate_verified = known is not None and known.cv != "no"
    sx.process.dane_verified = known is not None and known.cv == "dane"
    if sx.process.certificate_verified:
        sx.process.variables["tls_out_certificate_verified"] = "1"
    if call.tls is not None and sx.process.profile.continued_call_tells_name:
        sx.process.dane_verified = call.dane
        sx.process.variables["tls_out_sni"] = call.sni or ""
        sx.process.variables["tls_out_dane"] = "yes" if call.dane else ""


def mark_new(sx: SmtpContext) -> None:
    """Up to 4.98 the first address tells the log that a connection is new, and so do all that follow it."""
    first = sx.first_addr
    if first is not None and first.continued and not sx.process.profile.continued_mark_of_each:
        for addr in sx.addrlist[sx.addrlist.index(first) :]:
            addr.continued = False


def abandon(process: Process, call: OpenCall) -> None:
    """Close a call that nothing goes on with."""
    _dialogue(process, call).write("QUIT")
    call.connection.close()
    process.continued = None


def _dialogue(process: Process, call: OpenCall) -> Dialogue:
    return Dialogue(process, call.connection, arrived=bytearray(call.unread))
