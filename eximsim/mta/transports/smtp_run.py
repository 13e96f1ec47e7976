"""One run of the smtp transport over its hosts, and what is said when none of them was tried."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.quick_dataclass import dataclass
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address, HostItem
    from eximsim.mta.transports.smtp_context import SmtpContext


@dataclass(slots=True)
class Counts:
    """Why hosts were not tried, for the line that says that none was."""

    deferred: int = 0
    failed: int = 0
    retry: int = 0
    serial: int = 0
    total: int = 0


@dataclass(slots=True)
class Run:
    """One run of the transport for one batch of addresses."""

    process: Process
    transport: DriverInstance
    addrlist: list[Address]
    hosts: list[HostItem]
    port: int
    counts: Counts
    begun: float = field(init=False)
    expired: bool = True
    unexpired_tried: int = 0
    total_tried: int = 0
    stopped_at_limit: bool = False
    continuing: bool = False
    continue_tried: bool = False
    """The open call was to one of the hosts."""
    begins_anew: bool = False
    """The hosts are gone over again from the first."""
    finished: bool = False
    update_waiting: bool = True
    port_suffix: str = ""
    """Port and interface of the host whose turn it is, as retry keys have them."""

    def __post_init__(self) -> None:
        self.begun = self.process.world.now()


def leaves_the_hosts(run: Run, sequence: int, *, more_hosts: bool) -> bool:
    """Whether those that a host put off are not taken to the next one, after ``sequence`` transactions.

    A call that was continued counts for as long as it is open; where only the number of transactions is
    looked at, it counts for longer, and a call of this very run is taken for one that fits no host.
    Source: smtp_transport_entry().
    """
    process, call = run.process, run.process.kept_call
    by_number = process.profile.deferred_batch_begins_anew
    counted = by_number and sequence > 1
    if run.continuing and call is not None and call.next_id is not None and not counted:
        if by_number and more_hosts:
            raise Unsupported("another host behind a call that took the place of one that did not fit (4.99)")
        call = None if process.profile.next_message_in_background else call
    if run.continuing and (counted or call is not None):
        return True
    if run.continuing or counted:
        run.continuing, process.continued = False, None
    if counted:
        for addr in run.addrlist:
            addr.continued = addr.continued and addr.transport_return is not Rc.DEFER
    run.begins_anew = counted
    return counted


CALLS_IN_VAIN = 50
"""So often a server may be called again and nothing comes of it, before that is held to be for ever."""


def called_without_end(transport: DriverInstance) -> Unsupported:
    """What is to be said of a server that has had its messages and puts MAIL off each time."""
    why = "a server that is called without end: it has had the messages it takes, and MAIL is put off"
    return Unsupported(why, *transport.options.where("driver"))


def held_for_later(sx: SmtpContext, pending: list[Address]) -> list[Address]:
    """The recipients of other domains, which DANE leaves to a connection of their own."""
    if not sx.dane or not sx.process.profile.dane_one_domain_per_connection:
        return []
    return [addr for addr in pending if addr.domain != pending[0].domain]


def explain_untried(run: Run) -> None:
    """Give each address that was not tried at all the reason."""
    for addr in run.addrlist:
        if run.stopped_at_limit and run.total_tried < run.transport.options.number("hosts_max_try_hardlimit"):
            addr.retry_skipped = True
        if run.process.queue_smtp:
            addr.transport_return, addr.basic_errno = Rc.DEFER, 0
            addr.message = "SMTP delivery explicitly queued"
        elif (
            addr.transport_return is Rc.DEFER
            and addr.basic_errno in (Errno.UNKNOWNERROR, 0)
            and addr.message is None
        ):
            addr.basic_errno = Errno.HRETRY
            _explain(run, addr)


_EXPIRED = {
    (False, True): "retry time not reached for any host after a long failure period",
    (
        False,
        False,
    ): ("all hosts have been failing for a long time and were last tried after this message arrived"),
    (True, True): "all hosts{domain} have been failing for a long time (and retry time not reached)",
    (True, False): (
        "all hosts{domain} have been failing for a long time and were last tried after this message arrived"
    ),
}
"""By whether the release names the domain, and by delay_after_cutoff."""


def _explain(run: Run, addr: Address) -> None:
    if run.continuing:
        addr.message = "no host found for existing SMTP connection"
        return
    if run.expired:
        late = run.transport.options.flag("delay_after_cutoff")
        addr.message = _EXPIRED[run.process.profile.expired_hosts_named, late].format(
            domain=f" for '{addr.domain}'" if addr.domain else ""
        )
        addr.pass_message = True
        if not addr.fallback_hosts or addr.host_list is addr.fallback_hosts:
            addr.transport_return = Rc.FAIL
        return
    counts = run.counts
    domain = f" for '{addr.domain}'" if addr.domain else ""
    if counts.retry == counts.total:
        addr.message = f"retry time not reached for any host{domain}"
    elif counts.failed == counts.total:
        addr.message = f"all host address lookups{domain} failed permanently"
    elif counts.deferred == counts.total:
        addr.message = f"all host address lookups{domain} failed temporarily"
    elif counts.serial == counts.total:
        addr.message = f"connection limit reached for all hosts{domain}"
    elif counts.failed + counts.deferred == counts.total:
        addr.message = f"all host address lookups{domain} failed"
    else:
        addr.message = (
            "some host address lookups failed and retry time not reached for other hosts or connection limit"
            f" reached{domain}"
        )
