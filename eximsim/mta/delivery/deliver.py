"""Delivering one message: route its addresses, run the transports, deal with the outcome (src/deliver.c)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import count
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.string import from_octets, octets, string_printing
from eximsim.mta.delivery import deliver_log
from eximsim.mta.delivery.bounce import report_success, send_bounce, warn_of_delay
from eximsim.mta.expand.event import main_event_raise
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.expand_eval import EvalError, expanded_string_integer
from eximsim.mta.lookup.host_chain import HARNESS_SEED
from eximsim.mta.lookup.match import match_isinlist_domain
from eximsim.mta.process.globals import PanicDie, ProcessDied
from eximsim.mta.process.log import deliver_msglog, log_write
from eximsim.mta.records.structs import MX_NONE, Address, HostItem
from eximsim.mta.routing.address import deliver_make_addr, deliver_set_expansions, deliver_split_address
from eximsim.mta.routing.route import route_address
from eximsim.mta.transports import retry
from eximsim.mta.transports.smtp import smtp_transport_entry, smtp_transport_setup
from eximsim.mta.transports.smtp_continue import abandon
from eximsim.status import Errno, HostStatus, Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.hints import RetryRecord
    from eximsim.mta.records.open_call import OpenCall
    from eximsim.mta.records.spool import Message

_SOURCE = "deliver.c deliver_message"
ADDRESS_OUTCOME = Rule("address outcome", "deliver.c post_process_one")
TRANSPORT_DIED = Rule("transport died", "deliver.c par_reduce")
TRANSPORT_GAVE_UP = Rule("transport gave up", "deliver.c par_reduce")
_HARNESS_PAUSE = 1.0
"""Seconds."""
_AS_REPORTED = {Rc.PENDING: Rc.OK, Rc.PENDING_DEFER: Rc.DEFER, Rc.PENDING_OK: Rc.OK}
"""What is left of a state in the one octet that a transport process reports it in: PENDING is 256."""
_FAILURE = 1
"""The exit code of a process that has given up (EXIT_FAILURE)."""
_UNUSABLE = (HostStatus.UNUSABLE, HostStatus.UNUSABLE_EXPIRED)


@dataclass(slots=True)
class Delivery:
    """One delivery of one message: the addresses on their way, and those that have come to an end."""

    process: Process
    message: Message
    force: bool
    new: list[Address] = field(default_factory=list)
    remote: list[Address] = field(default_factory=list)
    fallback: list[Address] = field(default_factory=list)
    succeed: list[Address] = field(default_factory=list)
    failed: list[Address] = field(default_factory=list)
    defer: list[Address] = field(default_factory=list)
    duplicates: dict[str, Address] = field(default_factory=dict)
    remote_count: int = 0
    next_id: str | None = None
    next_call: OpenCall | None = None
    """For ``next_id``."""
    freeze: bool = False
    frozen_info: str = ""


def deliver_message(process: Process, message_id: str, *, force: bool, give_up: bool) -> None:
    """Try to deliver the message to each of its recipients that is not done with.

    The process is the message's own. ``force`` overrides retry times; ``give_up`` fails all recipients.
    """
    spool = process.machine.spool
    message = spool.get(message_id)
    if message is None or message_id in spool.locked:
        return
    process.message, process.message_id, process.deliver_force = message, message_id, force
    process.dont_deliver = process.dont_deliver or message.dont_deliver
    process.scratch = "\n"  # the last line of the headers that were read
    process.variables.update(message.variables)
    process.variables["sender_address"] = message.sender
    fate = Fate.GIVEN_UP if give_up else Fate.TRIED
    if message.frozen:
        thawed = _thaw(process, message, force=force)
        if thawed is None:
            return
        fate = thawed if fate is Fate.TRIED else fate
    spool.locked.add(message_id)
    if process.verbose:
        if process.queue_running and not process.debugging:
            raise Unsupported("option -v of a queue run")
        process.err(f"delivering {message_id}\n")
    process.random_seed = 0
    delivery = Delivery(process, message, force)
    _start_addresses(delivery, fate)
    while delivery.new:
        _route_all(delivery)
    if delivery.remote:
        _do_remote_deliveries(delivery, fallback=False)
    if delivery.fallback:
        delivery.remote, delivery.fallback = delivery.fallback, []
        _do_remote_deliveries(delivery, fallback=True)
    if not process.dont_deliver:
        retry.retry_update(process, delivery.defer, delivery.failed, delivery.succeed)
    report_success(process, delivery.succeed)
    _process_failed(delivery)
    if delivery.defer and not process.queue_2stage:
        warn_of_delay(process, message, delivery.defer)
    _finish(delivery)
    spool.locked.discard(message_id)
    if process.continued is not None:
        abandon(process, process.continued)
    if delivery.next_id is not None:
        _deliver_next(process, delivery.next_id, delivery.next_call)


def _deliver_next(process: Process, message_id: str, call: OpenCall | None) -> None:
    """Deliver the message that waits for the host down the call that was left open for it, if it still is.

    The process that does it was nobody's child for long; only a queue runner waited for it. Under Exim's test
    suite it first gives its parent time to finish. Source: transport_pass_socket(), src/transport.c.
    """
    machine, successor = process.machine, process.fork()
    successor.variables, successor.driver_state = {}, {}
    if call is not None:
        successor.variables["sending_ip_address"] = call.connection.local_address
        successor.variables["sending_port"] = str(call.connection.local_port)
    if process.profile.next_message_in_background:
        successor.dns_fails = {}
    successor.continued, successor.unusable_hosts = call, {}
    if process.profile.next_message_in_background and machine.test_harness and not process.queue_running:
        begin = process.world.now() + _HARNESS_PAUSE
        machine.background.append((begin, lambda: _go_on(successor, message_id, call)))
    else:
        _go_on(successor, message_id, call)


def _go_on(process: Process, message_id: str, call: OpenCall | None) -> None:
    force = process.deliver_force or process.profile.next_message_in_background
    deliver_message(process, message_id, force=force, give_up=False)
    if call is not None and process.continued is call:
        abandon(process, call)


class Fate(Enum):
    """What is to become of all recipients (``process_recipients``); else why their delivery is cancelled."""

    TRIED = ""
    GIVEN_UP = "delivery cancelled by administrator"
    TIMED_OUT = "delivery cancelled; message timed out"


def _thaw(process: Process, message: Message, *, force: bool) -> Fate | None:
    """What becomes of a frozen message; None: it stays frozen."""
    options, now = process.config.main, process.world.now()
    age = now - message.received_time
    if 0 < options.seconds("timeout_frozen_after") <= age:
        log_write(process, "cancelled by timeout_frozen_after")
        message.frozen = False
        return Fate.TIMED_OUT
    if not message.sender and age >= options.seconds("ignore_bounce_errors_after"):
        log_write(process, "Unfrozen by errmsg timer")
    elif force and process.deliver_force_thaw:
        message.manual_thaw = True
        log_write(process, "Unfrozen by forced delivery")
    elif message.sender and 0 < options.seconds("auto_thaw") < now - message.frozen_at:
        log_write(process, "Unfrozen by auto-thaw")
    else:
        log_write(process, "Message is frozen", when="skip_delivery")
        return None
    message.frozen = False
    return Fate.TRIED


# ---- routing -----------------------------------------------------------------------------


def _start_addresses(delivery: Delivery, fate: Fate) -> None:
    options = delivery.process.config.main
    if delivery.message.received_count > options.number("received_headers_max"):
        what = "more Received: lines than received_headers_max"
        raise Unsupported(what, *options.where("received_headers_max"))
    if fate is Fate.GIVEN_UP:
        log_write(delivery.process, f"cancelled by {delivery.process.machine.user}")
    for recipient in delivery.message.recipients:
        if recipient.address in delivery.message.nonrecipients:
            continue
        addr = deliver_make_addr(recipient.address)
        addr.errors_address = recipient.errors_to
        addr.dsn_flags, addr.dsn_orcpt = recipient.dsn_flags, recipient.orcpt
        if fate is not Fate.TRIED:
            addr.message = fate.value
            if delivery.message.sender:
                delivery.failed.append(addr)
        else:
            delivery.new.append(addr)


def _route_all(delivery: Delivery) -> None:
    """Route every new address; children come back as new ones.

    The order is Exim's: the list is turned round twice, so the last recipient is routed first and the
    transports see the recipients in the message's own order.
    """
    to_route: list[Address] = []
    while delivery.new:
        addr = delivery.new.pop(0)
        if _may_route(delivery, addr):
            to_route.insert(0, addr)
    while to_route:
        addr = to_route.pop(0)
        _route_one(delivery, addr, to_route)


def _may_route(delivery: Delivery, addr: Address) -> bool:
    process = delivery.process
    if deliver_split_address(process, addr) is Rc.DEFER:
        addr.message, addr.basic_errno = "cannot check percent_hack_domains", Errno.LISTDEFER
        _post_process_one(delivery, addr, Rc.DEFER, kind="none")
        return False
    if not delivery.force and _is_held(delivery, addr):
        return False
    _mark_homonym(addr)
    if addr.unique in delivery.message.nonrecipients:
        _child_done(delivery, addr)
        return False
    addr.address_retry_key = retry.address_key(addr)
    domain_record, address_record = _routing_records(delivery, addr)
    now = process.world.now()
    waits = (domain_record is not None and now < domain_record.next_try and not domain_record.expired) or (
        address_record is not None and now < address_record.next_try
    )
    if process.continued is not None and domain_record is not None:
        addr.message, addr.basic_errno = "reusing SMTP connection skips previous routing defer", Errno.RRETRY
        _post_process_one(delivery, addr, Rc.DEFER, kind="R")
        return False
    if ((process.queue_running and not delivery.force) or process.continued is not None) and waits:
        timed_out = (
            domain_record is None
            and address_record is not None
            and retry.retry_ultimate_address_timeout(
                process, addr.address_retry_key, addr.domain, address_record
            )
        )
        if not timed_out:
            addr.message, addr.basic_errno = "retry time not reached", Errno.RRETRY
            _post_process_one(delivery, addr, Rc.DEFER, kind="R")
            return False
    addr.dr_retry_exists = domain_record is not None or address_record is not None
    return _not_queued(delivery, addr)


def _routing_records(delivery: Delivery, addr: Address) -> tuple[RetryRecord | None, RetryRecord | None]:
    """What the retry database has of the address's domain, and of the address, maybe with the sender."""
    process, key = delivery.process, addr.address_retry_key
    if process.queue_2stage and process.profile.first_phase_ignores_retry_data:
        return None, None
    of_address = retry.retry_record(process, key)
    of_sender = retry.retry_record(process, f"{key}:<{delivery.message.sender}>")
    return retry.retry_record(process, retry.domain_key(addr)), of_address or of_sender


def _is_held(delivery: Delivery, addr: Address) -> bool:
    domains = delivery.process.config.main.text("hold_domains")
    if not domains:
        return False
    rc = match_isinlist_domain(delivery.process, addr.domain, domains)
    if rc is Rc.FAIL:
        return False
    addr.message = "hold_domains lookup deferred" if rc is Rc.DEFER else "domain is held"
    addr.basic_errno = Errno.LISTDEFER if rc is Rc.DEFER else Errno.HELD
    _post_process_one(delivery, addr, Rc.DEFER, kind="none")
    return True


def _not_queued(delivery: Delivery, addr: Address) -> bool:
    domains = delivery.process.config.main.text("queue_domains")
    if delivery.force or delivery.process.queue_running or not domains:
        return True
    rc = match_isinlist_domain(delivery.process, addr.domain, domains)
    if rc is not Rc.OK and rc is not Rc.DEFER:
        return True
    addr.message = "queue_domains lookup deferred" if rc is Rc.DEFER else "domain is in queue_domains"
    addr.basic_errno = Errno.LISTDEFER if rc is Rc.DEFER else Errno.QUEUE_DOMAIN
    _post_process_one(delivery, addr, Rc.DEFER, kind="R")
    return False


def _mark_homonym(addr: Address) -> None:
    """An address that is its own ancestor gets a unique form of its own."""
    parent = addr.parent
    while parent is not None and parent.address.lower() != addr.address.lower():
        parent = parent.parent
    if parent is not None:
        generation = chr(ord(parent.unique[1]) + 1) if parent.unique.startswith("\\") else "0"
        addr.unique = f"\\{generation}\\{addr.address}"
    local_part, at, domain = addr.unique.rpartition("@")
    addr.unique = f"{local_part}{at}{domain.lower()}"


def _route_one(delivery: Delivery, addr: Address, to_route: list[Address]) -> None:
    process, old_domain = delivery.process, addr.domain
    sender = delivery.message.sender
    process.return_path = addr.errors_address if addr.errors_address is not None else sender
    found = route_address(process, addr, verify=None)
    delivery.new[:0] = found.addr_new
    delivery.succeed.extend(found.addr_succeed)
    if found.rc is Rc.DEFER:
        by_local_part = addr.router is not None and addr.router.options.flag("retry_use_local_part")
        retry.retry_add_item(addr, retry.address_key(addr) if by_local_part else retry.domain_key(addr))
    elif addr.dr_retry_exists:
        retry.forget_address(process, addr)
        for key in dict.fromkeys((retry.domain_key(addr), f"R:{old_domain}")):
            retry.retry_add_item(addr, key, delete=True)
    if found.rc is Rc.DISCARD:
        _address_done(delivery, addr)
    elif found.rc is not Rc.OK:
        _post_process_one(delivery, addr, found.rc, kind="R")
    elif found.addr_local:
        transport = addr.transport
        assert transport is not None
        raise Unsupported(
            f"local delivery (transport driver {transport.driver})", transport.path, transport.line
        )
    elif found.addr_remote:
        _queue_remote(delivery, addr, old_domain, to_route)


def _queue_remote(delivery: Delivery, addr: Address, old_domain: str, to_route: list[Address]) -> None:
    """Queue the address for its transport, and with it those of the same domain if the router says so."""
    if addr.unique in delivery.message.nonrecipients:
        return
    first = delivery.duplicates.setdefault(f"{addr.unique}", addr)
    if first is not addr:
        return
    delivery.remote.insert(0, addr)
    if (
        addr.router is None
        or not addr.router.options.flag("same_domain_copy_routing")
        or addr.extra_headers
        or addr.remove_headers
        or old_domain != addr.domain
    ):
        return
    for other in [other for other in to_route if other.domain == addr.domain]:
        to_route.remove(other)
        other.router, other.transport, other.host_list = addr.router, addr.transport, addr.host_list
        other.fallback_hosts, other.errors_address = addr.fallback_hosts, addr.errors_address
        other.hide_child, other.local_host_removed = addr.hide_child, addr.local_host_removed
        delivery.remote.insert(0, other)


# ---- remote deliveries -------------------------------------------------------------------


def _do_remote_deliveries(delivery: Delivery, *, fallback: bool) -> None:
    """Run the transports, each batch of addresses in a process of its own."""
    delivery.remote_count += 0 if fallback else len(delivery.remote)
    for number in count():
        if not delivery.remote:
            return
        transport = delivery.remote[0].transport
        if transport is None:
            raise Unsupported("remote delivery without a transport")
        if transport.driver != "smtp":
            raise Unsupported(f"transport driver {transport.driver}", transport.path, transport.line)
        if _is_too_big(delivery, transport, delivery.remote[0], fallback=fallback):
            del delivery.remote[0]
            continue
        batch = _next_batch(delivery, transport)
        if delivery.process.queue_run_local:
            for addr in batch:
                addr.basic_errno, addr.message = Errno.LOCAL_ONLY, "remote deliveries suppressed"
                _post_process_one(delivery, addr, Rc.DEFER, kind="T")
            continue
        if not _suits_open_call(delivery, transport, batch[0]):
            delivery.defer[:0] = batch
            continue
        seed = HARNESS_SEED + 2 * number
        _run_transport(delivery, transport, batch, fallback=fallback, seed=seed)


def _is_too_big(delivery: Delivery, transport: DriverInstance, addr: Address, *, fallback: bool) -> bool:
    """Whether message_size_limit of the transport keeps the message from it: the address fails then.

    A limit that is none defers it. Source: check_message_size(), src/deliver.c.
    """
    text = transport.options.text("message_size_limit")
    if text is None:
        return False
    process = delivery.process
    deliver_set_expansions(process, addr)
    wrong = f"message_size_limit in {transport.name} transport"
    addr.transport_return = Rc.DEFER
    try:
        limit = expanded_string_integer(expand(process, text), positive=True)
    except ExpansionFailed as failed:
        addr.message = f"failed to expand {wrong}: {failed.message}"
    except EvalError as failed:
        addr.message = f"invalid {wrong}: {failed.message}"
    else:
        if not 0 < limit < delivery.message.size:
            return False
        addr.transport_return = Rc.FAIL
        addr.message = f"message is too big (transport limit = {limit})"
    finally:
        deliver_set_expansions(process, None)
    _remote_post_process(delivery, addr, None, fallback=fallback)
    return True


def _suits_open_call(delivery: Delivery, transport: DriverInstance, addr: Address) -> bool:
    """Whether the address can go down the call that is open; without one it always suits."""
    call = delivery.process.continued
    if call is None:
        return True
    return call.transport == transport.name and any(host.name == call.host_name for host in addr.host_list)


def _host_is_wanted_again(delivery: Delivery, addr: Address) -> bool:
    """Whether later batches of this message have the host that this one goes to."""
    if not delivery.process.profile.batches_share_connection or not addr.host_list:
        return False
    if delivery.process.config.main.number("remote_max_parallel") > 1:
        return False
    call = delivery.process.continued
    name = call.host_name if call is not None else addr.host_list[0].name
    return any(host.name == name for other in delivery.remote for host in other.host_list)


def _most_in_a_batch(delivery: Delivery, transport: DriverInstance) -> int:
    """How many addresses one run of the transport gets, which makes several transactions of them."""
    process = delivery.process
    limit = transport.options.number("max_rcpt") or _UNLIMITED
    parallel = 1 if process.continued else max(1, process.config.main.number("remote_max_parallel"))
    share = delivery.remote_count // parallel
    if limit == 1 or limit >= share:
        return limit
    messages = transport.options.number("connection_max_messages")
    left = messages - (process.continued.sequence - 1 if process.continued else 0)
    return min(share, limit * left) if left > 0 else share


_UNLIMITED = 999999


def _next_batch(delivery: Delivery, transport: DriverInstance) -> list[Address]:
    """The first address, and those that can go in the same call."""
    first = delivery.remote.pop(0)
    batch = [first]
    multi_domain, limit = transport.options.flag("multi_domain"), _most_in_a_batch(delivery, transport)
    with_dnssec = delivery.process.profile.dnssec_separates_batches
    for other in list(delivery.remote):
        if len(batch) >= limit:
            break
        if (
            (multi_domain or other.domain == first.domain)
            and other.transport is transport
            and same_hosts(other.host_list, first.host_list, with_dnssec=with_dnssec)
            and other.errors_address == first.errors_address
            and other.extra_headers == first.extra_headers
            and other.remove_headers == first.remove_headers
        ):
            delivery.remote.remove(other)
            batch.append(other)
    return batch


def same_hosts(one: list[HostItem], two: list[HostItem], *, with_dnssec: bool) -> bool:
    """Whether two host lists are the same; MX hosts of equal preference may stand in another order.

    Of such hosts only the last of either list are compared for their DNSSEC status, as Exim does it.
    """
    if one is two:
        return True
    if len(one) != len(two):
        return False
    at = 0
    while at < len(one):
        if one[at].name != two[at].name:
            if one[at].mx == MX_NONE:
                return False
            last = _last_equal(one, two, at)
            if last == at or {h.name for h in one[at : last + 1]} - {h.name for h in two[at : last + 1]}:
                return False
            at = last
        elif one[at].port != two[at].port:
            return False
        if with_dnssec and one[at].dnssec is not two[at].dnssec:
            return False
        at += 1
    return True


def _last_equal(one: list[HostItem], two: list[HostItem], start: int) -> int:
    """Up to where both lists go on with hosts of the preference that ``one`` has at ``start``."""
    last, mx = start, one[start].mx
    while last + 1 < len(one) and one[last + 1].mx == mx and two[last + 1].mx == mx:
        last += 1
    return last


def _run_transport(
    delivery: Delivery, transport: DriverInstance, batch: list[Address], *, fallback: bool, seed: int
) -> None:
    """Run the smtp transport in a child process; only what the child reports back survives it.

    ``seed`` is what its draws start from under Exim's test suite.
    """
    parent = delivery.process
    if parent.verbose and not parent.dont_deliver and not parent.debugging:
        raise Unsupported("option -v of a delivery: the dialogue on standard error")
    first = batch[0]
    _drop_next_call(delivery)
    deliver_set_expansions(parent, first, batch[1:])
    parent.return_path = _return_path(delivery, transport, first)
    for addr in batch:
        addr.return_path = parent.return_path
    smtp_transport_setup(parent, transport, batch)
    child = parent.fork()
    child.continue_more, child.kept_call = _host_is_wanted_again(delivery, first), None
    child.random_seed = seed
    hosts = [replace(host) for host in first.host_list]
    copies = [replace(addr, host_list=hosts, retry_keys=list(addr.retry_keys)) for addr in batch]
    message: str | None = None
    try:
        if not smtp_transport_entry(child, transport, copies):
            for addr in copies[1:]:
                addr.transport_return, addr.basic_errno = copies[0].transport_return, copies[0].basic_errno
                addr.message = copies[0].message
    except (ProcessDied, PanicDie) as death:
        copies = [replace(addr) for addr in batch]
        hosts = []
        message = _transport_died(delivery, batch, child.pid, death)
        for addr in copies:
            addr.special_action = "freeze"
    for addr in copies:
        addr.cv = _certificate_word(child) if addr.tls is not None else None
        addr.authenticated = child.authenticated
        addr.message = None if addr.message is None else from_octets(octets(addr.message)[:_MESSAGE_PIPED])
        addr.transport_return = _AS_REPORTED.get(addr.transport_return, addr.transport_return)
    parent.scratch = "0"  # the end of the child's report
    if message is None:
        parent.transport_count = child.transport_count
    for name in ("sending_ip_address", "sending_port"):
        if name in child.variables:
            parent.variables[name] = child.variables[name]
    kept = child.kept_call
    for host in hosts:
        if host.address is not None and host.status in _UNUSABLE:
            parent.unusable_hosts[f"T:{host.name}:{host.address}"] = (
                host.status is HostStatus.UNUSABLE_EXPIRED,
                host.why,
            )
    for original, addr in zip(batch, copies, strict=True):
        addr.host_list = original.host_list
        addr.retry_keys = retry.retry_items_merged(original.retry_keys, addr.retry_keys)
        addr.first = None if addr is copies[0] else copies[0]
        _remote_post_process(delivery, addr, message, fallback=fallback)
    parent.continued = kept if kept is not None and kept.next_id is None else None
    if kept is not None and kept.next_id is not None:
        _keep_for(delivery, kept, kept.next_id)


def _keep_for(delivery: Delivery, call: OpenCall, next_id: str) -> None:
    """Keep the call for another message; nothing is left of it for this one.

    What goes on in the background does so while other batches are delivered.
    """
    if delivery.remote and delivery.process.profile.next_message_in_background:
        _deliver_next(delivery.process, next_id, call)
    else:
        delivery.next_id, delivery.next_call = next_id, call


def _drop_next_call(delivery: Delivery) -> None:
    """Another batch is delivered before the message that the call was kept for: it loses the call."""
    if delivery.next_call is not None:
        delivery.next_call.connection.close()
        delivery.next_call = None


_MESSAGE_PIPED = 1024
"""Octets of an address's message that come through the pipe from the transport process."""


def _certificate_word(process: Process) -> str:
    """What ``CV=`` says: of the last session of the transport process, whichever an address went over."""
    return "no" if not process.certificate_verified else "dane" if process.dane_verified else "yes"


def _return_path(delivery: Delivery, transport: DriverInstance, addr: Address) -> str:
    path = addr.errors_address if addr.errors_address is not None else delivery.message.sender
    delivery.process.return_path = path
    text = transport.options.text("return_path")
    if text is None:
        return path
    try:
        return expand(delivery.process, text)
    except ExpansionFailed as failed:
        if failed.forced:
            return path
        raise Unsupported(
            f"return_path that does not expand: {failed.message}", transport.path, transport.line
        ) from None


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


def _remote_post_process(delivery: Delivery, addr: Address, message: str | None, *, fallback: bool) -> None:
    if addr.transport_return is Rc.DEFER and addr.fallback_hosts and not fallback and message is None:
        addr.host_list = addr.fallback_hosts
        delivery.fallback.insert(0, addr)
        return
    if message is not None:
        addr.message, addr.transport_return = message, Rc.DEFER
    _post_process_one(delivery, addr, addr.transport_return, kind="T")


# ---- afterwards --------------------------------------------------------------------------


def _post_process_one(delivery: Delivery, addr: Address, rc: Rc, *, kind: str) -> None:
    """Log the outcome and put the address where it belongs; ``kind`` is ``"T"``, ``"R"`` or ``"none"``."""
    process = delivery.process
    addr.message = addr.message and string_printing(addr.message)
    process.trace.record(
        ADDRESS_OUTCOME,
        rc.name,
        address=addr.address,
        recipient=_origin(addr).address,
        errno=int(addr.basic_errno),
        message=addr.message,
        cv=addr.cv,
        host=addr.host_used.name if addr.host_used else None,
        message_sent=rc is Rc.OK and addr.special_action != "",
    )
    if rc is Rc.OK:
        delivery.succeed.insert(0, addr)
        _address_done(delivery, addr)
        deliver_log.success_msglog(process, addr)
        _child_done(delivery, addr)
        deliver_log.delivery_log(process, addr, addr.special_action)
    elif rc in (Rc.DEFER, Rc.PANIC):
        delivery.defer.insert(0, addr)
        if addr.special_action == "freeze":
            delivery.freeze = True
        if not process.queue_2stage or addr.basic_errno:
            driver = addr.transport if kind == "T" else addr.router if kind == "R" else None
            name = driver.name if driver else None
            deliver_log.defer_log(process, addr, kind=kind, name=name, panic=rc is Rc.PANIC)
    else:
        _failed_address(delivery, addr)


def _origin(addr: Address) -> Address:
    """The recipient of the message that ``addr`` comes from."""
    while addr.parent is not None:
        addr = addr.parent
    return addr


def _failed_address(delivery: Delivery, addr: Address) -> None:
    message, process = delivery.message, delivery.process
    age = process.world.now() - message.received_time
    if not message.sender and age >= process.config.main.seconds("ignore_bounce_errors_after"):
        addr.ignore_error = True
    bounce_fails = not message.sender and addr.errors_address is None
    if not addr.ignore_error and (addr.special_action == "freeze" or bounce_fails):
        delivery.freeze = True
        if addr.special_action != "freeze":
            by_user = bool(message.variables.get("sender_local")) and not message.local_error_message
            delivery.frozen_info = " (message created with -f <>)" if by_user else " (delivery error message)"
        delivery.defer.insert(0, addr)
    else:
        delivery.failed.insert(0, addr)
    deliver_log.failure_log(process, addr)


def _address_done(delivery: Delivery, addr: Address) -> None:
    done = delivery.message.nonrecipients
    done.add(addr.unique)
    if addr.parent is None:
        done.add(addr.address)


def _child_done(delivery: Delivery, addr: Address) -> None:
    """Count the address off its parents; a parent whose last child is done is done itself."""
    while addr.parent is not None:
        addr = addr.parent
        addr.child_count -= 1
        if addr.child_count > 0:
            return
        _address_done(delivery, addr)
        if all(above.address != addr.address for above in _ancestors(addr)):
            deliver_msglog(delivery.process, f"{addr.address}: children all complete")


def _ancestors(addr: Address) -> Iterator[Address]:
    while addr.parent is not None:
        addr = addr.parent
        yield addr


def _process_failed(delivery: Delivery) -> None:
    """Bounce the failed addresses, one message for each sender to be told, or ignore the failure."""
    while delivery.failed:
        addr = delivery.failed[0]
        if not delivery.message.sender and addr.errors_address is None:
            addr.ignore_error = True
        bounce_to = addr.errors_address if addr.errors_address is not None else delivery.message.sender
        unwanted = bool(addr.dsn_flags) and "FAILURE" not in addr.dsn_flags
        if addr.ignore_error or unwanted or not bounce_to:
            delivery.failed.pop(0)
            parent = f" <{addr.parent.address}>" if addr.parent else ""
            if delivery.process.profile.ignored_failure_raises_event:
                deliver_log.raise_event(delivery.process, "msg:fail:delivery", addr)
            told = unwanted and not addr.ignore_error and delivery.process.profile.unwanted_report_named
            why = ": RFC 3461 DSN, failure notify not requested" if told else ""
            log_write(delivery.process, f"{addr.address}{parent}: error ignored{why}")
            together = [addr]
        else:
            together = [
                a for a in delivery.failed if (a.errors_address or delivery.message.sender) == bounce_to
            ]
            delivery.failed = [a for a in delivery.failed if a not in together]
            send_bounce(delivery.process, bounce_to, together)
        for done in together:
            _address_done(delivery, done)
            _child_done(delivery, done)


def _finish(delivery: Delivery) -> None:
    process, message = delivery.process, delivery.message
    if not delivery.defer:
        process.machine.spool.remove(message.id)
        log_write(process, "Completed")
        main_event_raise(process, "msg:complete")
        return
    message.deliver_firsttime = False
    if delivery.freeze:
        message.frozen, message.frozen_at = True, process.world.now()
        deliver_msglog(process, f"*** Frozen{delivery.frozen_info}", stamped=False)
        log_write(process, f"Frozen{delivery.frozen_info}")
