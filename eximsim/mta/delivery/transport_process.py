"""The process of a remote transport: what it works on, and what it reports to the delivery (src/deliver.c).

Of what it does, only this comes back: the addresses as it left them, and which hosts it could not use.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.expand.debug_print import debug_print_string
from eximsim.mta.process.ends import PanicDie, ProcessDied
from eximsim.mta.process.harness import forked
from eximsim.mta.process.log import log_write
from eximsim.mta.transports import retry
from eximsim.mta.transports.smtp import smtp_transport_entry
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.delivery.delivery import Delivery
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address, HostItem

TRANSPORT_DIED = Rule("transport died", "deliver.c par_reduce")
TRANSPORT_GAVE_UP = Rule("transport gave up", "deliver.c par_reduce")
_AS_REPORTED = {Rc.PENDING: Rc.OK, Rc.PENDING_DEFER: Rc.DEFER, Rc.PENDING_OK: Rc.OK, Rc.SKIP: Rc.FAIL}
"""What is left of a state in the one octet that a transport process reports it in: PENDING is 256.

What is neither OK nor DEFER counts as FAIL.
"""
_FAILURE = 1
"""The exit code of a process that has given up (EXIT_FAILURE)."""
_MESSAGE_PIPED = 1024
"""Octets of an address's message that come through the pipe from the transport process."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a transport's process ended.

    ``addresses`` are copies of those that it was given. ``message`` is what they are told if it died.
    """

    process: Process
    addresses: Sequence[Address]
    hosts: Sequence[HostItem] = ()
    message: str | None = None


def carry_out(delivery: Delivery, child: Process, transport: DriverInstance, batch: list[Address]) -> Ended:
    """Run the smtp transport for a batch, in its process ``child``, and read what it reports.

    Source: do_remote_deliveries() and par_read_pipe().
    """
    ended = _run(delivery, child, transport, batch)
    for before, addr in zip(batch, ended.addresses, strict=True):
        addr.tls = addr.tls or child.proxied_tls
        if addr.tls is None:  # nothing is reported, so what an earlier delivery found stays
            addr.tls, addr.cv, addr.peerdn, addr.ocsp = before.tls, before.cv, before.peerdn, before.ocsp
            addr.dane_verified = before.dane_verified
        else:
            addr.dane_verified = child.dane_verified
            addr.cv = _certificate_word(child, before.cv)
        addr.authenticated = child.authenticated or before.authenticated
        addr.message = None if addr.message is None else from_octets(octets(addr.message)[:_MESSAGE_PIPED])
        addr.transport_return = _AS_REPORTED.get(addr.transport_return, addr.transport_return)
        addr.host_list = before.host_list
        addr.retry_keys = retry.retry_items_merged(before.retry_keys, addr.retry_keys)
        addr.first = None if addr is ended.addresses[0] else ended.addresses[0]
    return ended


def _run(delivery: Delivery, child: Process, transport: DriverInstance, batch: list[Address]) -> Ended:
    parent = delivery.process
    hosts = [replace(host) for host in batch[0].host_list]
    copies = [
        replace(
            addr,
            host_list=hosts,
            retry_keys=list(addr.retry_keys),
            copied_from=addr.copied_from or addr,  # with fallback hosts it is such a copy itself
        )
        for addr in batch
    ]
    debug_print_string(child, transport.options.text("debug_print"))
    child.machine.sending += child.of_daemon
    try:
        with forked(parent, transport=parent.continued is None):
            done = smtp_transport_entry(child, transport, copies)
            for call in child.machine.serialized.values():
                call.until = child.world.now() if call.pid == child.pid else call.until
    except (ProcessDied, PanicDie) as death:
        message = _transport_died(delivery, batch, child.pid, death)
        return Ended(child, [replace(addr, special_action="freeze") for addr in batch], message=message)
    finally:
        child.machine.sending -= child.of_daemon
    if not done:
        for addr in copies[1:]:
            addr.transport_return, addr.basic_errno = copies[0].transport_return, copies[0].basic_errno
            addr.message = copies[0].message
    return Ended(child, copies, hosts)


def _certificate_word(process: Process, before: str | None) -> str:
    """What ``CV=`` says: of the last session of the transport process, whichever an address went over.

    ``before`` is the word of an earlier delivery; what was verified there stays so with fallback hosts.
    """
    if not process.certificate_verified and before in (None, "no"):
        return "no"
    return "dane" if process.dane_verified or before == "dane" else "yes"


def _transport_died(delivery: Delivery, batch: list[Address], pid: int, death: ProcessDied | PanicDie) -> str:
    """Note that the process died of a signal, or ended in failure; the message for its addresses."""
    assert batch[0].transport is not None
    driver = batch[0].transport.driver
    signal = death.signal if isinstance(death, ProcessDied) else None
    status = _FAILURE << 8 if signal is None else signal
    how = f"exit code {_FAILURE}" if signal is None else f"terminated by signal {signal}"
    delivery.process.trace.record(
        TRANSPORT_GAVE_UP if signal is None else TRANSPORT_DIED,
        how.removeprefix("terminated by "),
        address=batch[0].address,
        addresses=tuple(addr.address for addr in batch),
    )
    if delivery.process.profile.delivery_pipe_read_checked:
        got = f"got 0 of 7 bytes (pipeheader) from transport process {pid} for transport {driver}"
        for addr in batch:
            log_write(delivery.process, f"Delivery status for {addr.address}: {got}", panic=True)
    return f"{driver} transport process returned non-zero status 0x{status:04x}: {how}"
