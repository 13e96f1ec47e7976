"""The smtp transport: which hosts are tried, in what order, until when (src/transports/smtp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.lookup.host import find_for_transport
from eximsim.mta.lookup.host_chain import host_item_get_port
from eximsim.mta.lookup.match import match_isinlist_domain
from eximsim.mta.process.ends import ProcessDied
from eximsim.mta.process.log import log_write
from eximsim.mta.process.sigsegv import null_pointer
from eximsim.mta.records.structs import PORT_NONE, Address, HostItem
from eximsim.mta.transports import retry
from eximsim.mta.transports.exp_bool import exp_bool
from eximsim.mta.transports.smtp_context import SmtpContext, prepare_addresses, set_errno
from eximsim.mta.transports.smtp_continue import abandon, pass_on_kept
from eximsim.mta.transports.smtp_decisions import HANDSHAKE_FAILED, InClear
from eximsim.mta.transports.smtp_deferred import deferred_event_raise, write_logs
from eximsim.mta.transports.smtp_hosts import host_list, is_free, set_panic
from eximsim.mta.transports.smtp_message import send_message
from eximsim.mta.transports.smtp_out import (
    BadSetting,
    default_port,
    smtp_debug_cmd_report,
    smtp_get_interface,
    smtp_get_port,
)
from eximsim.mta.transports.smtp_run import (
    CALLS_IN_VAIN,
    Counts,
    Run,
    called_without_end,
    explain_untried,
    held_for_later,
    leaves_the_hosts,
)
from eximsim.mta.transports.smtp_setup import smtp_setup_conn
from eximsim.mta.transports.transport import transport_lines_too_long, transport_update_waiting
from eximsim.quick_dataclass import dataclass
from eximsim.status import Errno, HostFind, HostStatus, Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.open_call import OpenCall

HOST_RETRY_TIME = Rule("host retry time", "transports/smtp.c smtp_transport_entry")
HOST_TRIED = Rule("host tried", "transports/smtp.c smtp_transport_entry")


def smtp_transport_entry(process: Process, transport: DriverInstance, addrlist: list[Address]) -> bool:
    """Deliver the message to ``addrlist`` through the first host that takes it.

    Each address ends with its ``transport_return``, errno, message and retry items. False if a set-up
    problem left a status in the first address only. Raises ``ProcessDied`` where the real process dies.
    """
    if transport_lines_too_long(process, transport, addrlist):
        return True
    hosts = host_list(process, transport, addrlist)
    if hosts is None:
        return False
    addrlist[0].protocol_sequence = ""
    if process.continued is None:
        for addr in addrlist:
            addr.continued = False
    try:
        port = smtp_get_port(process, default_port(process, transport), f"{transport.name} transport")
        continuing = process.continued is not None
        run = Run(process, transport, addrlist, hosts, port, Counts(), continuing=continuing)
        _in_rounds(run)
    except BadSetting as why:
        set_panic(addrlist[0], str(why))
        return False
    if run.finished:
        return True
    if process.config.main.flag("mua_wrapper"):
        for addr in addrlist:
            addr.transport_return = Rc.FAIL
        return True
    explain_untried(run)
    if run.update_waiting and transport.options.number("connection_max_messages") != 1:
        transport_update_waiting(process, transport.name, (host.name for host in hosts))
    return True


def _in_rounds(run: Run) -> None:
    """Go over the hosts; a second time over those that have expired, unless delay_after_cutoff keeps it."""
    for cutoff_retry in range(1 if run.transport.options.flag("delay_after_cutoff") else 2):
        if not run.expired:
            return
        run.unexpired_tried, run.begins_anew = 0, True
        while run.begins_anew:
            run.begins_anew = False
            if _try_hosts(run, second_round=cutoff_retry > 0):
                return
            if run.continuing and not run.continue_tried and run.process.profile.unfit_call_is_closed:
                _close_unfit_call(run.process)
                run.continuing, run.begins_anew = False, True


def _close_unfit_call(process: Process) -> None:
    """Close the call that leads to none of the hosts; one of this very message is told nothing."""
    call = process.continued
    if call is not None and call.next_id is None:
        call.connection.close()
        process.continued = None
    elif call is not None:
        abandon(process, call)


def _try_hosts(run: Run, *, second_round: bool) -> bool:
    """One round over the host list; True if no second one is wanted."""
    options = run.transport.options
    index = 0
    while index < len(run.hosts):
        if run.unexpired_tried >= options.number("hosts_max_try") or run.total_tried >= options.number(
            "hosts_max_try_hardlimit"
        ):
            run.stopped_at_limit = True
            return False
        host = run.hosts[index]
        if host.address is None and not _find_address(run, index):
            if host.status is HostStatus.USABLE:
                return True
            index += 1
            continue
        host = run.hosts[index]
        next_index = index + 1
        if _queue_only(run):
            index = next_index
            continue
        call = run.process.continued
        if run.continuing and not (call and call.is_to(host)):
            run.expired = False
            index = next_index
            continue
        run.counts.total += 1
        run.continue_tried = run.continuing
        if call is not None and run.continuing and not _from_same_interface(run, host, call):
            run.continue_tried = run.expired = False
            return False
        attempt = _may_try(run, host, second_round=second_round)
        if attempt is not None:
            next_index = _count_try(run, index, attempt)
            if _attempt(run, host, index, next_index, attempt):
                return True
            if run.begins_anew:
                return False
        index = next_index
    return False


def _from_same_interface(run: Run, host: HostItem, call: OpenCall) -> bool:
    """Whether the open call comes from where the transport's option ``interface`` wants it."""
    if not run.process.profile.open_call_interface_checked:
        return True
    assert host.address is not None
    text, who = run.transport.options.text("interface"), f"{run.transport.name} transport"
    wanted = smtp_get_interface(run.process, text, host.address, who)
    return wanted in (None, call.connection.local_address)


def _find_address(run: Run, index: int) -> bool:
    """Look the host's address up now; False if the host is to be skipped (status USABLE: give up here)."""
    process, options, host = run.process, run.transport.options, run.hosts[index]
    if host.status in (HostStatus.UNUSABLE, HostStatus.UNUSABLE_EXPIRED):
        return False
    host.name, port = host_item_get_port(host.name)
    found = find_for_transport(process, host, options)
    if found.find in (HostFind.AGAIN, HostFind.FAILED, HostFind.SECURITY):
        retry.retry_add_item(run.addrlist[0], f"R:{host.name}")
        run.expired = False
        host.status = HostStatus.UNUSABLE
        for addr in run.addrlist:
            if addr.transport_return is Rc.DEFER:
                addr.basic_errno = Errno.UNKNOWNHOST
                insecure = found.find is HostFind.SECURITY and process.profile.insecure_host_defers
                addr.message = (
                    f"lookup of IP address for {host.name} was insecure"
                    if insecure
                    else f"failed to lookup IP address for {host.name}"
                )
        return False
    for item in found.hosts:
        item.port = port
    run.hosts[index : index + 1] = found.hosts
    if found.find is HostFind.FOUND_LOCAL and not options.flag("allow_localhost"):
        for addr in run.addrlist:
            addr.basic_errno = Errno.HOST_IS_LOCAL if run.process.profile.local_host_has_errno else 0
            addr.message = f"{run.transport.name} transport found host {host.name} to be local"
        host.status = HostStatus.USABLE
        return False
    return True


def _queue_only(run: Run) -> bool:
    """Whether SMTP deliveries are only to be queued (-odqs, the first stage of -qq, queue_smtp_domains)."""
    process = run.process
    if process.deliver_force and not process.queue_2stage:
        return False
    domains = None if process.queue_running else process.config.main.text("queue_smtp_domains")
    in_list = domains is not None and match_isinlist_domain(process, run.addrlist[0].domain, domains) is Rc.OK
    if not (process.queue_smtp or in_list):
        return False
    run.expired = False
    for addr in run.addrlist:
        if addr.transport_return is Rc.DEFER:
            addr.message = _FIRST_PASS[process.profile.queue_control_is_named]
    return True


_FIRST_PASS = {
    False: "domain matches queue_smtp_domains, or -odqs set",
    True: "first-pass only routing due to -odqs, queue_smtp_domains or control=queue",
}


@dataclass(slots=True)
class Attempt:
    """A host that may be tried, with what the retry database says of it."""

    port_suffix: str
    interface: str | None
    include_ip: bool
    expired: bool = False
    host_key: str | None = None
    message_key: str | None = None


def _may_try(run: Run, host: HostItem, *, second_round: bool) -> Attempt | None:
    """Whether the host's retry time has come; None to skip it."""
    process, options = run.process, run.transport.options
    assert host.address is not None
    process.variables["host"], process.variables["host_address"] = host.name, host.address
    port = run.port if host.port == PORT_NONE else host.port
    suffix = "" if port == 25 else f":{port}"
    who = f"{run.transport.name} transport"
    interface = smtp_get_interface(process, options.text("interface"), host.address, who)
    if interface or (options.text("interface") and process.profile.missing_interface_named):
        suffix += f"/{interface or 'NULL'}"
    run.port_suffix = suffix
    include_ip = exp_bool(process, run.addrlist[0], run.transport, "retry_include_ip_address")
    if include_ip is None:
        return None
    attempt = Attempt(suffix, interface, include_ip=include_ip)
    if second_round:
        if host.status is not HostStatus.UNUSABLE_EXPIRED or host.last_try > process.received_time:
            return None
        attempt.expired = True
        run.expired = False
        return attempt
    found = retry.retry_check_address(
        process, run.addrlist[0].domain, host, suffix, include_ip=attempt.include_ip
    )
    attempt.expired, attempt.host_key, attempt.message_key = found.expired, found.host_key, found.message_key
    if host.status in (HostStatus.UNUSABLE, HostStatus.UNUSABLE_EXPIRED):
        if host.status is HostStatus.UNUSABLE:
            run.expired = False
            run.addrlist[0].retry_skipped = True
        run.update_waiting &= found.message_key is None
        process.trace.record(HOST_RETRY_TIME, "not reached", host=host.name, status=host.status.value)
        if host.why == "retry":
            run.counts.retry += 1
        elif host.why == "deferred":
            run.counts.deferred += 1
        return None
    run.expired = False
    return attempt


def _count_try(run: Run, index: int, attempt: Attempt) -> int:
    """Count this host against hosts_max_try; the index of the host after it.

    A host with another preference is tried even if this one reaches the limit.
    """
    if attempt.expired:
        return index + 1
    run.unexpired_tried += 1
    if run.unexpired_tried >= run.transport.options.number("hosts_max_try"):
        mx = run.hosts[index].mx
        for later in range(index + 1, len(run.hosts)):
            if run.hosts[later].mx != mx:
                run.unexpired_tried -= 1
                return later
    return index + 1


def _attempt(run: Run, host: HostItem, index: int, next_index: int, attempt: Attempt) -> bool:
    """Try the host; True if no further host is to be tried."""
    process = run.process
    if run.total_tried and process.profile.fast_open_of_first_host:
        process.driver_state.setdefault(run.transport.name, {})["hosts_try_fastopen"] = ""
    if not run.continuing and not is_free(run, host):
        return False
    first = prepare_addresses(run.addrlist, host)
    if first is None and process.profile.no_pending_address_ends_host_loop:
        run.finished = True
        return True
    run.total_tried += 1
    more = index + 1 < len(run.hosts)
    sx = _context(run, host, attempt.interface, more_hosts=more)
    pass_on_kept(process)
    rc = _bypass(run, host) if process.dont_deliver else smtp_deliver(sx)
    if rc is Rc.DEFER:
        rc = _host_deferred(run, sx, first)
    last = not (
        next_index < len(run.hosts)
        and run.unexpired_tried < run.transport.options.number("hosts_max_try")
        and run.total_tried < run.transport.options.number("hosts_max_try_hardlimit")
    )
    if last and (sx.message_defer or rc is Rc.DEFER) and "msg:defer" in process.profile.events:
        if first is None:
            raise _no_recipient(run, host)
        deferred_event_raise(process, first, host, "msg:defer")
    process.trace.record(HOST_TRIED, rc.name, host=host.name, address=host.address)
    run.update_waiting &= sx.update_waiting and not sx.message_defer
    _note_retry(run, host, first, attempt, rc, message_defer=sx.message_defer)
    some_deferred = rc is Rc.OK and any(addr.transport_return is Rc.DEFER for addr in run.addrlist)
    run.finished = rc is Rc.ERROR or (rc is Rc.OK and not some_deferred)
    if run.finished or leaves_the_hosts(run, sx.sequence, more_hosts=more):
        return not run.begins_anew
    if (rc is Rc.DEFER or some_deferred) and next_index < len(run.hosts):
        timeout = retry.last_rule_timeout(process, host.name)
        if timeout is None or process.world.now() - process.received_time > timeout:
            run.unexpired_tried -= 1
    return False


def _bypass(run: Run, host: HostItem) -> Rc:
    """With -N the first host that would be tried is held to have taken the message."""
    set_errno(None, run.addrlist, 0, None, Rc.OK)
    for addr in run.addrlist:
        addr.host_used, addr.special_action = host, "*"
        addr.message = "delivery bypassed by -N option"
    return Rc.OK


def _no_recipient(run: Run, host: HostItem) -> ProcessDied:
    """What becomes of the process when a host without recipients defers: there is no first address."""
    doing = f"delivering {run.process.message_id} to {host.name} [{host.address}]{run.port_suffix}"
    more = ", ..." if len(run.addrlist) > 1 else ""
    return null_pointer(run.process, f"{doing} ({run.addrlist[0].address}{more})")


def _context(run: Run, host: HostItem, interface: str | None, *, more_hosts: bool) -> SmtpContext:
    options = run.transport.options
    return SmtpContext(
        run.process,
        run.transport,
        run.addrlist,
        host,
        run.port,
        more_hosts,
        interface=interface,
        connect_timeout=options.seconds("connect_timeout"),
        command_timeout=options.seconds("command_timeout"),
    )


def smtp_deliver(sx: SmtpContext, *, suppress_tls: bool = False) -> Rc:
    """Deliver to one host, and sum the session up for who watches."""
    rc = _deliver(sx, suppress_tls=suppress_tls)
    if sx.process.verbose:
        smtp_debug_cmd_report(sx.process, sx.command_log)
    return rc


def _deliver(sx: SmtpContext, *, suppress_tls: bool) -> Rc:
    """Deliver to one host: set the call up, then one transaction or more.

    OK: the addresses have their results. DEFER: the host failed. FAIL: DANE ruled the host out for good.
    Recipients that DANE holds back get a call of their own, even if the host has failed the first ones; it
    counts as failed then, whatever becomes of the others.
    """
    message = sx.process.message
    assert message is not None
    addrlist, allowance = sx.addrlist, sx.transport.options.number("size_addition")
    announced = allowance >= 0 or sx.process.profile.pipe_connect_offered
    size = message.wire_size + allowance if announced else None
    sx.first_addr, sx.started, sx.everyone = addrlist[0], sx.process.world.now(), addrlist
    outcome, left, in_vain = Rc.OK, addrlist, 0
    while True:
        rc = smtp_setup_conn(sx, suppress_tls=suppress_tls)
        if rc is not Rc.OK or sx.dialogue is None:
            addrlist[0].delivery_seconds = sx.seconds
            return rc
        pending = [addr for addr in addrlist if addr.transport_return is Rc.PENDING_DEFER]
        held = held_for_later(sx, pending)
        sx.addrlist = [addr for addr in addrlist if addr not in held]
        batch = [addr for addr in pending if addr not in held]
        rc = send_message(sx, batch, sx.process.return_path, size)
        sx.addrlist = addrlist
        outcome = outcome if rc is Rc.OK else rc
        if not held and not sx.at_limit:
            return outcome
        before, left = left, held or [a for a in addrlist if a.transport_return is Rc.PENDING_DEFER]
        in_vain = in_vain + 1 if left == before else 0
        if in_vain > CALLS_IN_VAIN:
            raise called_without_end(sx.transport)
        sx.first_addr = held[0] if held else sx.next_addr
        if sx.at_limit:
            sx.process.continued = None
            for addr in left:
                addr.continued = False


def _host_deferred(run: Run, sx: SmtpContext, first: Address | None) -> Rc:
    """Log what the host did, unless that is done; try again in clear after a failed handshake if allowed."""
    if first is None:
        raise _no_recipient(run, sx.host)
    if first.basic_errno != Errno.TLSFAILURE:
        _write_logs_once(run, first, sx.host)
        deferred_event_raise(run.process, first, sx.host, "msg:host:defer")
        return Rc.DEFER
    deferred_event_raise(run.process, first, sx.host, "msg:host:defer")
    row = HANDSHAKE_FAILED.decide(
        run.process, sx.tempfail_tryclear, lambda: sx.host_is_in("hosts_require_tls"), host=sx.host.name
    )
    if row.outcome is InClear.DEFER:
        return Rc.DEFER
    host = sx.host
    log_write(run.process, row.log.format(message=first.message, host=host.name, address=host.address))
    first = prepare_addresses(run.addrlist, sx.host)
    rc = smtp_deliver(sx, suppress_tls=True)
    if rc is Rc.DEFER and first is not None:
        _write_logs_once(run, first, sx.host)
        deferred_event_raise(run.process, first, sx.host, "msg:host:defer")
    return rc


def _write_logs_once(run: Run, first: Address, host: HostItem) -> None:
    """Log a deferral, but for one whose reason, that no authentication succeeded, has been logged."""
    if first.basic_errno != Errno.AUTHFAIL:
        write_logs(run.process, first, host)


def _note_retry(
    run: Run, host: HostItem, first: Address | None, attempt: Attempt, rc: Rc, *, message_defer: bool
) -> None:
    """Leave retry items for the host and for the message at this host."""
    if rc is Rc.DEFER or attempt.host_key is not None:
        key = attempt.host_key or _host_key(run, host, attempt)
        if first is None:
            raise _no_recipient(run, host)
        retry.retry_add_item(first, key, host=True, delete=rc is not Rc.DEFER)
        if rc is Rc.DEFER:
            host.status = HostStatus.UNUSABLE_EXPIRED if attempt.expired else HostStatus.UNUSABLE
            host.why = "deferred"
    if message_defer or attempt.message_key is not None:
        key = attempt.message_key or (_host_key(run, host, attempt) + f":{run.process.message_id}")
        retry.retry_add_item(run.addrlist[0], key, host=True, message_specific=True, delete=not message_defer)


def _host_key(run: Run, host: HostItem, attempt: Attempt) -> str:
    brackets = run.process.profile.retry_key_brackets
    return retry.host_key(host, attempt.port_suffix, include_ip=attempt.include_ip, brackets=brackets)
