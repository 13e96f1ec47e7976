"""A callout's call that stays open, so that the message can follow its recipients (src/verify.c)."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.process.ends import ProcessDied
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.process.log import printed, quoted
from eximsim.mta.process.sigsegv import SIGSEGV, null_pointer
from eximsim.mta.records.cutthrough import HeldCall
from eximsim.mta.records.open_call import OpenCall
from eximsim.mta.transports.header_lines import transport_headers_send
from eximsim.mta.transports.smtp_close import QUIT_TIMEOUT
from eximsim.mta.transports.smtp_connect import smtp_port_for_connect
from eximsim.mta.transports.smtp_continue import current_sni, features_in_use
from eximsim.mta.transports.smtp_out import (
    BadSetting,
    Dialogue,
    default_port,
    smtp_debug_cmd_report,
    smtp_get_interface,
    smtp_get_port,
)
from eximsim.mta.transports.smtp_socks import proxy_variables
from eximsim.mta.transports.tls_failed import log_lost_receive, log_lost_send
from eximsim.mta.transports.transport import dotted, transport_rcpt_address
from eximsim.status import Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.cutthrough import Said
    from eximsim.mta.records.structs import Address, HostItem
    from eximsim.mta.transports.smtp_context import SmtpContext
    from eximsim.mta.verify.callout import Callout

CUTTHROUGH = Rule("cutthrough", "verify.c do_callout")
_DATA_TIMEOUT = 60.0
"""CUTTHROUGH_DATA_TIMEOUT: how long a reply is waited for, in seconds."""
_BUFFER = 8192
"""What is put together before it is sent, in octets (``ctbuffer``)."""
_DEEPEST = 1000
"""How often a stack of 8 MiB has room for ``cutthrough_response()``, whose two buffers have 4 KiB each."""


def hold(call: Callout, sx: SmtpContext) -> bool:
    """Keep the callout's call open if the message or its delivery may follow; the dialogue is handed over."""
    process = call.process
    wanted, settings = process.cutthrough, call.settings
    first = process.variables.get("rcpt_count") == "1"
    good = call.done and call.yield_ is Rc.OK and not call.random and call.postmaster is None
    plain = settings.use_sender or process.profile.cutthrough_from_any_callout
    if settings.use_postmaster or settings.success_on_redirect or not plain:
        good = False
    asked = wanted.delivery or settings.hold
    if not (asked and first and good and wanted.call is None and not sx.lmtp):
        return False
    noted = [_noted(process, call.addr, sx.host)]
    handed_on = partial(_open_call, sx, sx.wire)
    wanted.call = HeldCall(sx.wire, sx.host, sx.interface, call.sender, noted, sx.tls is not None, handed_on)
    wanted.hold_only, wanted.named = not wanted.delivery, 1
    what = "cutthrough delivery" if wanted.delivery else "potential further verifies and delivery"
    process.hdebug(f"holding verify callout open for {what}", indented=True, with_v=True)
    process.trace.record(CUTTHROUGH, "held", host=sx.host.name, address=call.addr.address)
    sx.dialogue = None
    return True


def _noted(process: Process, addr: Address, host: HostItem) -> Address:
    noted = copy.copy(addr)
    noted.host_used = host
    noted.cv = "no"  # it is the transport's process that finds out about certificates
    if not process.profile.cutthrough_return_path_logged:
        noted.return_path = None
    return noted


def _open_call(sx: SmtpContext, wire: Dialogue) -> OpenCall:
    assert sx.host.address is not None
    return OpenCall(
        sx.transport.name,
        sx.host.name,
        sx.host.address,
        wire.connection,
        bytes(wire.arrived),
        features_in_use(sx),
        sx.tls,
        sx.dane,
        current_sni(sx),
        1,
        None,
        sx.limits,
        proxy=proxy_variables(sx.process),
    )


def another_ends(process: Process, *, over_tls: bool) -> None:
    """A callout hangs up beside the call that is held: before 4.92 both have one place for a TLS session.

    The other one's session has taken it; without one, it is the held call's session that is closed.
    """
    held = process.cutthrough.call
    if held is None or not held.over_tls or process.profile.tls_session_of_each_call:
        return
    held.over_tls = False
    if over_tls:
        held.wire.connection.forget_tls()
    else:
        held.wire.connection.end_tls()


def pass_on(process: Process) -> OpenCall | None:
    """The call that is held for the delivery that begins now, and no longer here (``delivery_re_exec()``).

    What is held for something else is closed.
    """
    call, wanted = process.cutthrough.call, process.cutthrough
    if call is None or not wanted.hold_only:
        cancel(process)
        return None
    assert call.handed_on is not None
    wanted.call, wanted.hold_only = None, False
    return call.handed_on()


def join(call: Callout, open_call: HeldCall) -> bool:
    """Name one more recipient on the call that is open; False if it cannot be used for that.

    With an answer that is final the callout is done; after a refusal the call is closed.
    """
    process, addr = call.process, call.addr
    alike = not call.settings.use_postmaster and not call.random and call.postmaster is None
    if not (alike and call.sender == open_call.sender and _same_way(call, open_call)):
        return False
    assert addr.transport is not None
    affixes = addr.transport.options.flag("rcpt_include_affixes")
    command = f"RCPT TO:<{transport_rcpt_address(addr, include_affixes=affixes)}>"
    said = _reply(process, open_call, "2") if open_call.wire.write(command) > 0 else None
    if said is not None and said.ok:
        open_call.addrs.insert(0, _noted(process, addr, open_call.host))
        process.cutthrough.named += 1
        call.done = True
    elif said is not None and not said.errno:
        text = said.text or "connection dropped"
        addr.message = f"response to {quoted(process, command)} was: {printed(process, text)}"
        addr.user_message = f"Callout verification failed:\n{text}"
        if text.startswith("5"):
            call.yield_, call.done = Rc.FAIL, True
    return call.done


def _same_way(call: Callout, open_call: HeldCall) -> bool:
    """Whether the recipient's own route leads to the host at the other end."""
    process, transport = call.process, call.addr.transport
    if transport is None or transport is not open_call.addrs[0].transport:
        return False
    host = _host_at(process, open_call, call.hosts)
    if host is None or host.address is None:
        return False
    process.variables["host"], process.variables["host_address"] = host.name, host.address
    process.variables["transport_name"] = transport.name
    try:
        interface = smtp_get_interface(process, transport.options.text("interface"), host.address, "callout")
        port = smtp_get_port(process, default_port(process, transport), "callout")
    except BadSetting:
        return False
    smtp_port_for_connect(process, host, port)
    return interface == open_call.interface and host.port == open_call.host.port


def _host_at(process: Process, open_call: HeldCall, hosts: Sequence[HostItem]) -> HostItem | None:
    """Which of the hosts is at the other end; a host before it whose address was not found ends the process.

    Source: cutthrough_multi(), src/verify.c, where the address is NULL.
    """
    for host in hosts:
        if host.address is None:
            raise null_pointer(process, process.doing)
        if host.address == open_call.host.address:
            return host
    return None


def _reply(process: Process, call: HeldCall, ok_digit: str) -> Said:
    """Read a reply; one that is not as it should be ends the cutthrough (``cutthrough_response()``)."""
    said = _heard(process, call, ok_digit, _DATA_TIMEOUT)
    if not said.ok:
        cancel(process)
    return said


def cancel(process: Process, why: str = "") -> None:
    """Close the call, if there is one; the message will have to wait (``cancel_cutthrough_connection()``).

    ``why`` shows in the trace of host checking, which asks for no delivery of its own.
    """
    close(process, why)
    process.cutthrough.delivery = process.cutthrough.hold_only = False


def close(process: Process, why: str = "") -> None:
    """QUIT, a short wait for the reply, and close (``close_cutthrough_connection()``)."""
    call, process.cutthrough.call = process.cutthrough.call, None
    if call is None:
        return
    profile = process.profile
    if (
        not _take_leave(process, call)
        and profile.callout_quit_reply_read
        and not profile.held_call_quits_once
    ):
        _take_leave_for_ever(process, call)
    process.hdebug("  SMTP(close)>>", indented=True, with_v=True)
    call.wire.connection.close()
    smtp_debug_cmd_report(process, call.wire.log)
    process.hdebug(f"----------- cutthrough shutdown ({why}) ------------", indented=True)
    if process.profile.cutthrough_counts_anew:
        process.cutthrough.named = 0


def _take_leave(process: Process, call: HeldCall) -> bool:
    """Say QUIT; whether the host said yes to it in time."""
    return _say(process, call, "QUIT") and _heard(process, call, "2", QUIT_TIMEOUT).ok


def _take_leave_for_ever(process: Process, call: HeldCall) -> None:
    """Each reply that is not as it should be closes the call anew from within, until the stack is full."""
    for _ in range(_DEEPEST):
        if call.over_tls and call.pending:
            raise UndefinedBehaviour("how often a lost TLS connection is logged before the stack is full")
        if _take_leave(process, call):
            return
    raise ProcessDied(SIGSEGV)


def leave(process: Process) -> None:
    """The process ends; up to 4.89 with the call open, so that the host is told nothing."""
    if process.profile.callout_hold:
        cancel(process)
    call, process.cutthrough.call = process.cutthrough.call, None
    if call is not None:
        call.wire.connection.close()


def predata(process: Process) -> None:
    """The client has said DATA, and so do we (``cutthrough_predata()``)."""
    call = process.cutthrough.sends
    if call is not None and _say(process, call, "DATA"):
        _reply(process, call, "3")


def _say(process: Process, call: HeldCall, command: str) -> bool:
    """Send a command past the buffer for commands; False if the connection is lost."""
    process.hdebug(f"  SMTP>> {command}", indented=True, with_v=True)
    call.wire.log.append(command)
    call.wire.held = b""
    return _sent(process, call, f"{command}\r\n".encode())


def _sent(process: Process, call: HeldCall, data: bytes) -> bool:
    """Send octets; False if the connection is lost.

    Over TLS that is logged, and then taken for a success (``cutthrough_send()``).
    """
    wire, size = call.wire, len(call.wire.held) + len(data)
    if wire.send(data):
        return True
    if not call.over_tls:
        return False
    closed = wire.closed and not call.reset
    log_lost_send(process, call.host, wire.send_errno, pending=call.pending, size=size, closed=closed)
    call.pending = call.pending or size
    return True


def _heard(process: Process, call: HeldCall, ok_digit: str, timeout: float) -> Said:
    """Read a reply; with GnuTLS it is logged if the connection was reset."""
    wire, before = call.wire, call.reset
    said = wire.read(ok_digit, timeout)
    call.reset = before or wire.reset or wire.send_errno == errnos.ECONNRESET
    if call.reset and call.over_tls:
        log_lost_receive(process, call.host, known=bool(call.pending), again=before)
        call.pending = call.pending or 1
    return said


def _put(process: Process, call: HeldCall, data: bytes) -> bool:
    """Fill the buffer, which is sent when there is more than it holds (``_cutthrough_puts()``)."""
    data, call.wire.held = call.wire.held + data, b""
    while len(data) > _BUFFER:
        if not _sent(process, call, data[:_BUFFER]):
            return False
        data = data[_BUFFER:]
    call.wire.held = data
    return True


def send(process: Process) -> None:
    """Send ``process.message``, all but the dot at its end (``cutthrough_headers_send()`` and after)."""
    call = process.cutthrough.sends
    if call is None:
        return
    transport = call.addrs[0].transport
    assert transport is not None
    assert process.message is not None
    lines = (_written(text) for text in transport_headers_send(process, transport, call.addrs[0]))
    head = "".join(lines).encode("utf-8", "surrogateescape") + b"\r\n"
    if not _put(process, call, head + dotted(process.message.body)):
        cancel(process)


def _written(chunk: str) -> str:
    """What of a piece of the header is written: whole lines (``cutthrough_write_chunk()``)."""
    return "".join(f"{line}\r\n" for line in chunk.split("\n")[:-1])


def final_dot(process: Process) -> Said | None:
    """End the message; the reply, None if the connection is lost (``cutthrough_finaldot()``)."""
    call = process.cutthrough.sends
    assert call is not None
    if not (_put(process, call, b".\r\n") and _sent(process, call, b"")):
        cancel(process)
        return None
    said = _reply(process, call, "2")
    for addr in call.addrs:
        addr.message = said.text
    return said
