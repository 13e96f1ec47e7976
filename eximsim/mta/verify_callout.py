"""The callout proper: ask the hosts of an address whether they take it (``do_callout()``, src/verify.c).

Two engines did this in Exim's history. Up to 4.88 the callout had an SMTP client of its own
(``verify_inline.py``); since 4.89 it shares ``smtp_setup_conn()`` with the transport.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from eximsim.mta import errnos, verify_inline
from eximsim.mta.expand import ExpansionFailed, expand
from eximsim.mta.globals import UndefinedBehaviour
from eximsim.mta.log import close_stray_descriptor, log_write
from eximsim.mta.sigsegv import null_pointer
from eximsim.mta.smtp_out import smtp_get_interface, smtp_get_port
from eximsim.mta.string import string_printing
from eximsim.mta.transports.smtp_context import SmtpContext
from eximsim.mta.transports.smtp_setup import end_session, smtp_setup_conn
from eximsim.mta.transports.smtp_transaction import Sync, write_mail_and_rcpt
from eximsim.mta.verify_cache import (
    Cached,
    CalloutRecord,
    get_callout_cache_record,
    write_address,
    write_domain,
)
from eximsim.profiles import CalloutDaneFailure
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.acl_run import CalloutSettings
    from eximsim.mta.globals import Process
    from eximsim.mta.structs import Address, HostItem

_SOURCE = "verify.c do_callout"
_DOING = "accepting a local SMTP message from <root>"


class Context(Enum):
    """What the memory of a callout's SMTP context holds when the next host is taken up."""

    FRESH = "nothing was written to it"
    USED = "an earlier host's connection, closed or never made"
    TLS_FAILED = "an earlier host's connection with a TLS session that failed"


@dataclass(slots=True)
class Callout:
    """One callout for one address: its settings, and what it has learnt so far."""

    process: Process
    addr: Address
    hosts: list[HostItem]
    settings: CalloutSettings
    is_recipient: bool
    sender: str
    key: str
    postmaster: str | None
    random: str | None = None
    failure: str | None = None
    old_domain_result: Cached = Cached.ACCEPT
    domain_record: CalloutRecord = field(default_factory=CalloutRecord)
    address_record: CalloutRecord = field(default_factory=CalloutRecord)
    yield_: Rc = Rc.OK
    done: bool = False
    context: Context = field(default_factory=lambda: Context.FRESH)


def do_callout(
    process: Process, addr: Address, hosts: list[HostItem], settings: CalloutSettings, *, is_recipient: bool
) -> tuple[Rc, str | None]:
    """Ask the hosts in turn until one gives an answer.

    Returns OK, FAIL or DEFER (one release: FAIL_FORCED) and the step that failed; messages are left in
    ``addr``.
    """
    call = _prepare(process, addr, hosts, settings, is_recipient=is_recipient)
    if not settings.no_cache and (cached := _cached(call)) is not None:
        return cached, call.failure
    if settings.random and call.random is None:
        call.random = _random_local_part(process)
    start, overall = process.world.now(), settings.overall or 4 * settings.seconds
    for number, host in enumerate(hosts):
        if host.address is None:
            continue
        if process.world.now() - start >= overall:
            process.hdebug("overall timeout for callout exceeded")
            break
        process.variables["host"], process.variables["host_address"] = host.name, host.address
        sx = _context(call, host, more_hosts=number + 1 < len(hosts))
        if process.profile.callout_uses_setup_conn:
            _ask(call, sx)
        elif (rc := verify_inline.ask(call, sx)) is not None:
            return rc, call.failure
        if call.done:
            break
    return _conclude(call), call.failure


def _prepare(
    process: Process, addr: Address, hosts: list[HostItem], settings: CalloutSettings, *, is_recipient: bool
) -> Callout:
    key, sender = addr.address, ""
    if is_recipient and settings.use_sender:
        sender = process.variables.get("sender_address", "")
        key = f"{addr.address}/<{sender}>"
    elif is_recipient and settings.use_postmaster:
        sender = f"postmaster@{process.variables.get('qualify_domain', process.machine.hostname)}"
        key = f"{addr.address}/<{sender}>"
    elif not is_recipient:
        sender = settings.mailfrom or ""
        key = f"{addr.address}/<{sender}>" if sender else key
    return Callout(process, addr, hosts, settings, is_recipient, sender, key, settings.postmaster)


def _cached(call: Callout) -> Rc | None:
    """The answer, if the cache has it."""
    process, addr = call.process, call.addr
    domain = get_callout_cache_record(process, addr.domain, "domain")
    if domain is not None:
        call.old_domain_result = domain.result
        if domain.result is Cached.REJECT or (not call.sender and domain.result is Cached.REJECT_MFNULL):
            process.hdebug(
                "callout cache: domain gave initial rejection, or does not accept HELO or MAIL FROM:<>"
            )
            addr.user_message = "(result of an earlier callout reused)."
            call.failure = "mail"
            return Rc.FAIL
        if call.settings.random:
            if domain.random_result is Cached.ACCEPT:
                process.hdebug("callout cache: domain accepts random addresses")
                return Rc.OK
            if domain.random_result is Cached.UNKNOWN:
                return None
            call.random = ""
            call.domain_record.random_result = Cached.REJECT
            call.domain_record.random_stamp = domain.random_stamp
        if call.postmaster is not None:
            if domain.postmaster_result is Cached.REJECT:
                addr.user_message = "(result of earlier verification reused)."
                call.failure = "postmaster"
                return Rc.FAIL
            if domain.postmaster_result is Cached.UNKNOWN:
                return None
            call.postmaster = None
            call.domain_record.postmaster_result = Cached.ACCEPT
            call.domain_record.postmaster_stamp = domain.postmaster_stamp
    address = get_callout_cache_record(process, call.key, "address")
    if address is None:
        return None
    if address.result is Cached.ACCEPT:
        process.hdebug("callout cache: address record is positive")
        return Rc.OK
    process.hdebug("callout cache: address record is negative")
    addr.user_message = "Previous (cached) callout verification failure"
    call.failure = "recipient"
    return Rc.FAIL


def _random_local_part(process: Process) -> str | None:
    text = process.config.main.text("callout_random_local_part")
    try:
        return expand(process, text) if text else None
    except ExpansionFailed as failed:
        log_write(process, f"failed to expand callout_random_local_part: {failed.message}", panic=True)
        return None


def _context(call: Callout, host: HostItem, *, more_hosts: bool) -> SmtpContext:
    process, addr, settings = call.process, call.addr, call.settings
    transport = addr.transport
    assert transport is not None
    assert host.address is not None
    process.variables["domain"], process.variables["local_part"] = addr.domain, addr.local_part
    interface = smtp_get_interface(
        process, transport.options.text("interface"), host.address, addr, "callout"
    )
    port = smtp_get_port(process, transport.options.text("port") or "smtp", addr, "callout")
    if port is None:
        log_write(process, f"<{addr.address}>: {addr.message}", panic=True)
        port = 25
    process.hdebug(f"interface={interface or 'NULL'} port={port}")
    return SmtpContext(
        process,
        transport,
        [addr],
        host,
        port,
        more_hosts,
        interface=interface,
        verify=True,
        connect_timeout=settings.connect or settings.seconds,
        command_timeout=settings.seconds,
    )


# ---- the engine since 4.89 ---------------------------------------------------------------


def _ask(call: Callout, sx: SmtpContext) -> None:
    addr = call.addr
    addr.transport_return = Rc.PENDING_DEFER
    rc = smtp_setup_conn(sx)
    if (
        rc is Rc.DEFER
        and addr.basic_errno == Errno.TLSFAILURE
        and sx.tempfail_tryclear
        and not sx.host_is_in("hosts_require_tls")
    ):
        reason = "TLS session failure" if call.process.profile.tls_error_logged else addr.message
        to = f"{sx.host.name} [{sx.host.address}]"
        log_write(call.process, f"{reason}: callout unencrypted to {to} (not in hosts_require_tls)")
        addr.transport_return = Rc.PENDING_DEFER
        rc = smtp_setup_conn(sx, suppress_tls=True)
    if rc is not Rc.OK or sx.dialogue is None:
        _set_up_failed(call, sx, rc)
        return
    call.domain_record.result = (
        Cached.REJECT_MFNULL if call.old_domain_result is Cached.REJECT_MFNULL else Cached.ACCEPT
    )
    call.context, call.process.callout_context_set = Context.USED, True
    _recipient(call, sx)
    end_session(sx)


def _set_up_failed(call: Callout, sx: SmtpContext, rc: Rc) -> None:
    addr, errno = call.addr, call.addr.basic_errno
    if rc is Rc.FAIL and errno in (0, Errno.SMTPCLOSED):
        call.domain_record.result, call.done = Cached.REJECT, True
    if errno == Errno.DNSDEFER:
        _dane_failed(call, sx)
    else:
        call.context = Context.TLS_FAILED if errno == Errno.TLSFAILURE else Context.USED
        call.process.callout_context_set = True
    _read_verdict(call, sx, errno)
    if not call.done or call.yield_ is not Rc.OK:
        addr.message = f"{sx.host.name} [{sx.host.address}] : {addr.message}"


def _dane_failed(call: Callout, sx: SmtpContext) -> None:
    """DANE ruled the host out before there was a connection, and QUIT goes to whatever the context holds.

    What that is differs by release: memory of an earlier host, nothing, or descriptor 0, which is the reject
    log's once that has been opened after an earlier mishap.
    """
    process, fault = call.process, call.process.profile.callout_dane_failure
    before, call.context = call.context, Context.USED
    if fault is CalloutDaneFailure.STALE_CONTEXT:
        if before is Context.FRESH and call.addr.router and call.addr.router.driver == "manualroute":
            raise UndefinedBehaviour("the context of a callout is used before it is set")
        if before is Context.TLS_FAILED:
            log_write(process, "SSL_write: (from <unknown>) syscall: Success")
        elif before is not Context.FRESH:
            raise null_pointer(process, _DOING)
    elif fault is CalloutDaneFailure.DIES or (
        fault is CalloutDaneFailure.DIES_UNLESS_SET_UP and not process.callout_context_set
    ):
        raise null_pointer(process, _DOING)
    elif fault is CalloutDaneFailure.NULL_CONTEXT:
        log_write(process, "null conn-context pointer", panic=True)
        close_stray_descriptor(process)


def _recipient(call: Callout, sx: SmtpContext) -> None:
    addr, reply = call.addr, sx
    sync = write_mail_and_rcpt(sx, [addr], call.sender, None)
    if sync is Sync.READ and addr.transport_return is Rc.PENDING_OK:
        call.done = True
        call.address_record.result = Cached.ACCEPT
        return
    if sync is Sync.READ and addr.transport_return is Rc.FAIL:
        call.done, call.yield_, call.failure = True, Rc.FAIL, "recipient"
        call.address_record.result = Cached.REJECT
    elif sync is Sync.BAD_MAIL:
        call.failure = "mail"
        if not call.sender and reply.reply.text[:1] == "5":
            call.domain_record.result = Cached.REJECT_MFNULL
    errno = sx.reply.errno if sx.reply.errno > 0 else 0
    _read_verdict(call, sx, errno)
    if not call.done or call.yield_ is not Rc.OK:
        addr.message = f"{sx.host.name} [{sx.host.address}] : {addr.message}"


def _read_verdict(call: Callout, sx: SmtpContext, errno: int) -> None:
    """What the last reply means, if there was one: texts for log and client, and 5xx ends the callout."""
    addr = call.addr
    if errno in (errnos.ETIMEDOUT, errnos.ECONNREFUSED):
        sx.send_quit = False
        return
    if errno:
        return
    text = sx.reply.text or "connection dropped"
    if not addr.message:
        command = sx.dialogue.command if sx.dialogue else "initial connection"
        addr.message = f'response to "{command}" was: {string_printing(text)}'
    addr.user_message = f"Callout verification failed:\n{text}"
    if text.startswith("5"):
        call.yield_, call.done = Rc.FAIL, True


def _conclude(call: Callout) -> Rc:
    """Write the cache, and say what the callout as a whole came to."""
    process, addr, settings = call.process, call.addr, call.settings
    if not settings.no_cache:
        if call.domain_record.result is not Cached.UNKNOWN:
            write_domain(process, addr.domain, call.domain_record)
        if call.done and call.address_record.result is not Cached.UNKNOWN:
            write_address(process, call.key, call.address_record)
    process.trace.record(
        "callout", call.yield_.name if call.done else "DEFER", _SOURCE, address=addr.address, done=call.done
    )
    if call.done:
        return call.yield_
    dull = f"Could not complete {'recipient' if call.is_recipient else 'sender'} verify callout"
    shared = process.profile.callout_uses_setup_conn
    if len(call.hosts) > 1 or not addr.message:
        addr.message = dull
    elif shared:
        addr.message = f"{dull}: {addr.message}"
    addr.user_message = dull
    addr.basic_errno = Errno.CALLOUTDEFER
    return Rc.DEFER
