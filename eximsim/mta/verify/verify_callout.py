"""The callout proper: ask the hosts of an address whether they take it (``do_callout()``, src/verify.c).

Up to 4.88 it had an SMTP client of its own (``verify_inline.py``); since 4.89 it has the transport's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.base.utf8 import ConversionError, domain_utf8_to_alabel
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.process.log import close_stray_descriptor, log_write
from eximsim.mta.process.sigsegv import null_pointer
from eximsim.mta.records.hints import Cached
from eximsim.mta.records.process_parts import Asking
from eximsim.mta.transports.smtp_close import QUIT_TIMEOUT, end_session
from eximsim.mta.transports.smtp_context import Outstanding, SmtpContext
from eximsim.mta.transports.smtp_open import close_refused
from eximsim.mta.transports.smtp_out import (
    BadSetting,
    default_port,
    smtp_debug_cmd_report,
    smtp_get_interface,
    smtp_get_port,
)
from eximsim.mta.transports.smtp_setup import smtp_setup_conn
from eximsim.mta.transports.smtp_transaction import Sync, write_mail_and_rcpt
from eximsim.mta.verify import cutthrough, verify_inline
from eximsim.mta.verify.callout import Callout
from eximsim.mta.verify.callout_answers import heard, learnt, name_host, refused, told
from eximsim.mta.verify.callout_start import cached, prepare, random_answer, random_local_part, trace_cache
from eximsim.mta.verify.verify_cache import write_address, write_domain
from eximsim.mta.verify.verify_decisions import (
    CALLOUT_DANE_FAILED,
    CALLOUT_HANDSHAKE_FAILED,
    CALLOUT_UNANSWERED,
    ITS_END,
    RESPONSE,
    UNREACHABLE,
    Again,
    Context,
    Heard,
    Mishap,
    Step,
)
from eximsim.profiles import CommandLog
from eximsim.status import Errno, Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.cutthrough import HeldCall
    from eximsim.mta.records.structs import Address, HostItem
    from eximsim.mta.records.verification import CalloutSettings

CALLOUT = Rule("callout", "verify.c do_callout")


def do_callout(
    process: Process, addr: Address, hosts: list[HostItem], settings: CalloutSettings, *, is_recipient: bool
) -> tuple[Rc, str | None]:
    """Ask the hosts in turn until one gives an answer.

    Returns OK, FAIL or DEFER (one release: FAIL_FORCED) and the step that failed; messages are left in
    ``addr``.
    """
    held = process.cutthrough
    if is_recipient and held.delivery and (settings.use_sender or settings.use_postmaster):
        settings = replace(settings, no_cache=True)
    call = prepare(process, addr, hosts, settings, is_recipient=is_recipient)
    if call.settings.no_cache:
        trace_cache(process, "disabled by no_cache")
    elif (known := cached(call)) is not None:
        cutthrough.cancel(process)
        return known, call.failure
    if addr.transport is None:
        process.hdebug("cannot callout via null transport")
    if settings.random and call.random is None:
        call.random = random_local_part(process)
    if process.flushing.before_callout:
        process.flushing.flush()
    process.libc_errno = 0  # the address has been routed, which sets it so
    if held.call is not None and _may_join(call) and not _join(call, held.call):
        cutthrough.cancel(process)
    if call.done:
        return _conclude(call), call.failure
    machine = process.machine
    before, machine.asking = machine.asking, Asking(hosts, process.world.now())
    try:
        rc = _ask_hosts(call, machine.asking)
    finally:
        machine.asking = before
    for name in ("host", "host_address"):
        process.variables.pop(name, None)
    return (_conclude(call) if rc is None else rc), call.failure


def _may_join(call: Callout) -> bool:
    """Whether the call that is held is looked at; before 4.99 another callout leaves it as it is."""
    settings = call.settings
    plain = not settings.use_postmaster and not call.random and call.postmaster is None
    own = call.is_recipient and settings.use_sender and plain
    return own or call.process.profile.cutthrough_from_any_callout


def _join(call: Callout, held: HeldCall) -> bool:
    """Ask on the call that is held, if it will do.

    Since 4.99 what decides is the sender of both, and a callout of the empty sender notes none.
    """
    plain = not call.settings.use_postmaster and not call.random and call.postmaster is None
    noted = call.is_recipient and call.settings.use_sender and held.addrs[0].return_path is not None
    if plain and not noted and call.process.profile.cutthrough_from_any_callout:
        raise null_pointer(call.process, call.process.doing)
    return cutthrough.join(call, held)


def _ask_hosts(call: Callout, asking: Asking) -> Rc | None:
    """Ask one host after the other; None unless one of them ends the callout with a result of its own."""
    process, settings, hosts = call.process, call.settings, call.hosts
    overall = settings.overall or 4 * settings.seconds
    others = False
    for number, host in enumerate(hosts):
        asking.through = number
        if host.address is None:
            continue
        if process.seconds() - int(asking.start) >= overall:
            process.hdebug("overall timeout for callout exceeded")
            break
        assert call.addr.transport is not None
        process.variables["host"], process.variables["host_address"] = host.name, host.address
        process.variables["transport_name"] = call.addr.transport.name  # nobody takes that back
        sx = _context(call, host, more_hosts=number + 1 < len(hosts), others=others)
        others = True
        if process.profile.callout_uses_setup_conn:
            _ask(call, sx)
        elif (rc := verify_inline.ask(call, sx)) is not None:
            return rc
        if call.done:
            break
    return None


def _context(call: Callout, host: HostItem, *, more_hosts: bool, others: bool) -> SmtpContext:
    process, addr, settings = call.process, call.addr, call.settings
    transport = addr.transport
    assert transport is not None
    assert host.address is not None
    process.variables["domain"], process.variables["local_part"] = addr.domain, addr.local_part
    interface, port = None, 25
    try:
        interface = smtp_get_interface(process, transport.options.text("interface"), host.address, "callout")
        port = smtp_get_port(process, default_port(process, transport), "callout")
    except BadSetting as why:
        log_write(process, f"<{addr.address}>: {why}", panic=True)
    return SmtpContext(
        process,
        transport,
        [addr],
        host,
        port,
        more_hosts,
        interface=interface,
        verify=True,
        first_addr=addr,
        others_asked=others,
        connect_timeout=settings.connect or settings.seconds,
        command_timeout=settings.seconds,
    )


# ---- the engine since 4.89 ---------------------------------------------------------------


def _ask(call: Callout, sx: SmtpContext) -> None:
    """Ask one host: about a random recipient, the real one and the postmaster, as far as that is wanted."""
    while _set_up(call, sx):
        sx.waiting = Outstanding()
        try:
            taken = _ask_in_turn(call, sx)
        except _Reopen:
            sx.send_quit, asked = False, sx.send_quit  # closed without a word
            end_session(sx)
            sx.send_quit = asked
            call.random = None
            continue
        if taken:
            told(call, sx, RESPONSE)  # an answer that means yes is put into words, too
            if call.yield_ is not Rc.OK:
                name_host(call, sx)
        if cutthrough.hold(call, sx):
            return
        if call.is_recipient and call.settings.use_sender:
            cutthrough.cancel(call.process)
        over_tls = sx.tls is not None
        end_session(sx, quit_timeout=QUIT_TIMEOUT, forgotten=True)
        cutthrough.another_ends(call.process, over_tls=over_tls)
        _report(sx)
        return


class _Reopen(Exception):
    """The connection cannot be used after the question about a random recipient."""


def _set_up(call: Callout, sx: SmtpContext) -> bool:
    addr = call.addr
    addr.transport_return, call.yield_ = Rc.PENDING_DEFER, Rc.OK
    rc = smtp_setup_conn(sx)
    if rc is Rc.DEFER and addr.basic_errno == Errno.TLSFAILURE and _in_clear(call, sx):
        addr.transport_return = Rc.PENDING_DEFER
        rc = smtp_setup_conn(sx, suppress_tls=True)
    if rc is not Rc.OK or sx.dialogue is None:
        _report(sx)
        _log_misconfigured(call, sx)
        call.process.variables.pop("transport_name", None)
        if rc is Rc.FAIL and call.addr.basic_errno in (0, Errno.SMTPCLOSED):
            call.domain_record.result = Cached.REJECT
        _set_up_failed(call, sx)
        if call.is_recipient and call.settings.use_sender:
            cutthrough.cancel(call.process)
        close_refused(sx)
        return False
    call.domain_record.result = (
        Cached.REJECT_MFNULL if call.old_domain_result is Cached.REJECT_MFNULL else Cached.ACCEPT
    )
    call.context, call.process.callout_context_set = Context.USED, True
    addr.authenticated = call.process.authenticated
    return True


_MISCONFIGURED = frozenset(
    (errnos.EAFNOSUPPORT, errnos.EADDRINUSE, errnos.EADDRNOTAVAIL, errnos.ENETDOWN, errnos.ENETUNREACH)
)
"""Errors of a connection that may lie in the transport's configuration."""


def _log_misconfigured(call: Callout, sx: SmtpContext) -> None:
    """Name the transport of such an error; the words for sender and recipient are the wrong way round."""
    errno, profile = call.addr.basic_errno, sx.process.profile
    if errno in _MISCONFIGURED and profile.callout_misconfiguration_logged:
        whose = "sender" if call.is_recipient else "recipient"
        word = "callout" if profile.callout_word_mended else "calloout"
        why = f"T={sx.transport.name} {errnos.strerror(errno)}"
        log_write(sx.process, f"{whose} verify defer (making {word} connection): {why}", panic=True)


def _ask_in_turn(call: Callout, sx: SmtpContext) -> bool:
    """Ask until an answer makes the rest needless; whether the last one meant yes. Raises ``_Reopen``."""
    if call.random and not _random_refused(call, sx):
        return call.done and call.yield_ is Rc.OK
    if not _recipient(call, sx):
        return False
    return call.postmaster is None or _postmaster(call, sx)


def _question(call: Callout, sx: SmtpContext, recipient: str, sender: str, size: int | None) -> Sync:
    """MAIL and RCPT for somebody other than the address in question; its own text stands in for a moment."""
    addr, address = call.addr, call.addr.address
    addr.address, addr.transport_return = recipient, Rc.PENDING_DEFER
    try:
        return write_mail_and_rcpt(sx, [addr], sender, size)
    finally:
        addr.address = address


def _random_refused(call: Callout, sx: SmtpContext) -> bool:
    """Whether the host refuses a recipient that cannot be there, so that its word on the real one counts."""
    record, addr = call.domain_record, call.addr
    cutthrough.cancel(call.process)
    record.random_stamp = sx.process.world.now()
    domain = _as_told(addr)
    sync = _question(call, sx, f"{call.random}@{domain}", call.sender, call.size_beside(sx))
    said, addr.transport_return = addr.transport_return, Rc.PENDING_DEFER
    if sync is Sync.READ and said is Rc.PENDING_OK:
        record.random_result = Cached.ACCEPT
        if sx.process.profile.random_acceptance_ends:
            call.done, call.failure = True, random_answer(sx.process)
            return False
    if sync is Sync.READ and said is Rc.FAIL:
        record.random_result = Cached.REJECT
        if _reset(sx):
            return True
        raise _Reopen
    refused(call, sx, Step.RANDOM, heard(sx.reply.errno, sx.reply.text))
    return False


def _as_told(addr: Address) -> str:
    """The domain of a recipient that cannot be there, in ASCII if a host has been told so of the address."""
    if not addr.downconverted:
        return addr.domain
    try:
        return domain_utf8_to_alabel(addr.domain)
    except ConversionError:
        raise Unsupported(f"a domain that cannot be put into ASCII: {addr.domain}") from None


def _postmaster(call: Callout, sx: SmtpContext) -> bool:
    """Whether the host takes mail for the postmaster, asked once it has answered about the recipient.

    A refusal is final.
    """
    record, addr = call.domain_record, call.addr
    assert call.postmaster is not None
    said, call.done = addr.transport_return, False
    cutthrough.cancel(call.process)
    text = "Cutthrough cancelled by presence of postmaster verify"
    call.process.hdebug(text, indented=True, with_v=True)
    if not _reset(sx):
        refused(call, sx, Step.SETUP, heard(sx.reply.errno, sx.reply.text))
        return False
    size = call.size_beside(sx)
    sync = _question(call, sx, f"postmaster@{addr.domain}", call.postmaster, size)
    taken = sync is Sync.READ and addr.transport_return is Rc.PENDING_OK
    if not taken and call.settings.fullpostmaster:
        taken = sx.wire.write("RCPT TO:<postmaster>") > 0 and sx.read().ok
    record.postmaster_stamp = sx.process.world.now()
    addr.transport_return = said
    if taken:
        record.postmaster_result, call.done = Cached.ACCEPT, True
        return True
    refused(call, sx, Step.POSTMASTER, heard(sx.reply.errno, sx.reply.text))
    return False


def _reset(sx: SmtpContext) -> bool:
    return sx.wire.write("RSET") > 0 and sx.read().ok


def _report(sx: SmtpContext) -> None:
    if sx.process.profile.command_log is CommandLog.AFTER_CALLOUT:
        smtp_debug_cmd_report(sx.process, sx.command_log)


def _in_clear(call: Callout, sx: SmtpContext) -> bool:
    """Whether the host is asked without TLS after a failed handshake; logs it."""
    host = sx.host
    row = CALLOUT_HANDSHAKE_FAILED.decide(
        call.process, sx.tempfail_tryclear, lambda: sx.host_is_in("hosts_require_tls"), host=host.name
    )
    if row.outcome is not Again.IN_CLEAR:
        return False
    log_write(call.process, row.log.format(message=call.addr.message, host=host.name, address=host.address))
    return True


def _set_up_failed(call: Callout, sx: SmtpContext) -> None:
    errno = call.addr.basic_errno
    if errno == Errno.UTF8_FWD:
        _cannot_be_told(call, sx)
        return
    if errno == Errno.DNSDEFER:
        _dane_failed(call, sx)
    else:
        call.context = Context.TLS_FAILED if errno == Errno.TLSFAILURE else Context.USED
        call.process.callout_context_set = True
    refused(call, sx, Step.SETUP, heard(errno, sx.reply.text))


def _cannot_be_told(call: Callout, sx: SmtpContext) -> None:
    """The host does not take international messages, and this one is not to be put into ASCII."""
    addr, host = call.addr, sx.host
    call.yield_, call.done = Rc.FAIL, True
    addr.message = f'{host.name} [{host.address}] : response to "EHLO" did not include SMTPUTF8'
    for_rcpt = "533 no support for internationalised mailbox name"
    addr.user_message = for_rcpt if call.process.answering_rcpt else "550 mailbox unavailable"


def _dane_failed(call: Callout, sx: SmtpContext) -> None:
    """DANE ruled the host out before there was a connection, and QUIT goes to whatever the context holds.

    What that is differs by release: memory of an earlier host, nothing, or descriptor 0, which is the reject
    log's once that has been opened after an earlier mishap.
    """
    process, router = call.process, call.addr.router
    by_hand = router is not None and router.driver == "manualroute"
    row = CALLOUT_DANE_FAILED.decide(
        process, call.context, by_hand, process.callout_context_set, host=sx.host.name
    )
    call.context = Context.USED
    if row.outcome is Mishap.UNDEFINED:
        raise UndefinedBehaviour("the context of a callout is used before it is set")
    if row.outcome is Mishap.DIES:
        raise null_pointer(process, process.doing)
    if row.log:
        log_write(process, row.log, panic=row.outcome is Mishap.PANICS)
    if row.outcome is Mishap.PANICS:
        close_stray_descriptor(process)


def _recipient(call: Callout, sx: SmtpContext) -> bool:
    """Ask about the recipient itself; whether the host may be asked more.

    One that refuses the recipient for good is asked about the postmaster all the same.
    """
    addr = call.addr
    sync = write_mail_and_rcpt(sx, [addr], call.sender, call.announced_size(sx))
    addr.authenticated = call.process.authenticated  # now with the sender that MAIL told
    if sync is Sync.READ and addr.transport_return is Rc.PENDING_OK:
        call.done = True
        call.address_record.result = Cached.ACCEPT
        return True
    was = heard(sx.reply.errno, sx.reply.text)
    if sync is Sync.BAD_MAIL:
        refused(call, sx, Step.MAIL, was)
        return False
    if was is Heard.PERMANENT and addr.transport_return is not Rc.FAIL:
        was = Heard.MALFORMED
    if was is Heard.PERMANENT and call.postmaster is not None:
        learnt(call, sx, Step.RCPT, was)
        return True
    refused(call, sx, Step.RCPT, was)
    return False


def _conclude(call: Callout) -> Rc:
    """Write the cache, and say what the callout as a whole came to."""
    process, addr, settings = call.process, call.addr, call.settings
    if not settings.no_cache:
        if call.domain_record.result is not Cached.UNKNOWN:
            write_domain(process, addr.domain, call.domain_record)
        if call.done and call.address_record.result is not Cached.UNKNOWN:
            write_address(process, call.key, call.address_record)
    done = call.done
    process.trace.record(CALLOUT, call.yield_.name if done else "DEFER", address=addr.address, done=done)
    if done:
        return call.yield_
    what = "recipient" if call.is_recipient else "sender"
    row = CALLOUT_UNANSWERED.decide(process, len(call.hosts) > 1, bool(addr.message), address=addr.address)
    addr.message = row.text.format(what=what, message=addr.message)
    addr.user_message = f"Could not complete {what} verify callout"
    if process.config.main.flag("smtp_return_error_details"):
        addr.user_message += f" for <{addr.address}>.\n{UNREACHABLE}{ITS_END[what]}"
    addr.basic_errno = Errno.CALLOUTDEFER
    return Rc.DEFER
