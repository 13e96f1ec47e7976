"""Remote deliveries: which addresses go in one call, and the transport's process (src/deliver.c)."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.string import list_items
from eximsim.mta.delivery import transport_process
from eximsim.mta.delivery.deliver_done import post_process_one
from eximsim.mta.delivery.host_lists import same_hosts
from eximsim.mta.delivery.transport_limits import check_message_size
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.expand_eval import EvalError, expanded_string_integer
from eximsim.mta.lookup.host_chain import HARNESS_SEED
from eximsim.mta.lookup.match import match_isinlist_domain
from eximsim.mta.process.log import quoted, selector
from eximsim.mta.routing.address import deliver_set_expansions
from eximsim.mta.transports.exp_bool import exp_bool
from eximsim.mta.transports.smtp_hosts import smtp_transport_setup
from eximsim.mta.transports.smtp_socks import proxy_variables
from eximsim.mta.transports.transport import UNLIMITED, expand_max_rcpt
from eximsim.profiles import CommandLog
from eximsim.status import Errno, HostStatus, Rc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.delivery.delivery import Delivery
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.open_call import OpenCall
    from eximsim.mta.records.structs import Address

_UNUSABLE = (HostStatus.UNUSABLE, HostStatus.UNUSABLE_EXPIRED)


def do_remote_deliveries(delivery: Delivery, *, fallback: bool) -> bool:
    """Run the transports, each batch of addresses in a process of its own.

    False: mua_wrapper is set, and one batch does not take all addresses.
    """
    delivery.process.machine.serialized.clear()
    routed = [addr for addr in delivery.remote if not addr.routing_copied]
    delivery.remote_count += 0 if fallback else len(routed)
    for number in count():
        if not delivery.remote:
            break
        transport = delivery.remote[0].transport
        if transport is None:
            raise Unsupported("remote delivery without a transport")
        if transport.driver != "smtp":
            raise Unsupported(f"transport driver {transport.driver}", transport.path, transport.line)
        if delivery.process.profile.transported_in_big_buffer:
            delivery.process.scratch = f"{delivery.remote[0].base_unique}/{transport.name}"
        if _is_too_big(delivery, transport, delivery.remote[0], fallback=fallback):
            del delivery.remote[0]
            continue
        batch = _next_batch(delivery, transport)
        if delivery.remote and delivery.process.config.main.flag("mua_wrapper"):
            _read_reports(delivery)
            return False
        if delivery.process.queue_run_local:
            for addr in batch:
                addr.basic_errno, addr.message = Errno.LOCAL_ONLY, "remote deliveries suppressed"
                post_process_one(delivery, addr, Rc.DEFER, kind="T")
            continue
        if not delivery.call_not_seen and not _suits_open_call(delivery, transport, batch[0]):
            _leave_for_later(delivery, transport, batch, fallback=fallback)
            continue
        wanted_again = _host_is_wanted_again(delivery, batch[0])
        _defer_at_limit(delivery, transport)
        seed = HARNESS_SEED + 2 * number
        fresh = delivery.process.continued is None
        delivery.process.machine.unwatched.transports += 1
        _make_room(delivery)
        delivery.process.machine.abreast += bool(delivery.reports)
        _run_transport(delivery, transport, batch, fallback=fallback, seed=seed, leave_open=wanted_again)
        delivery.call_not_seen = fresh and delivery.process.continued is not None
        delivery.next_call_binds = not fresh and delivery.next_call is not None
    _read_reports(delivery)
    return True


def _defer_at_limit(delivery: Delivery, transport: DriverInstance) -> None:
    """Defer what max_parallel does not let begin while the batch that begins now is on its way.

    That is asked before remote_max_parallel makes it wait for another batch. Source: tpt_parallel_check().
    """
    process, text = delivery.process, transport.options.text("max_parallel")
    if text is None or process.continued:
        return
    where = transport.options.where("max_parallel")
    try:
        limit = expanded_string_integer(expand(process, text), positive=True)
    except (ExpansionFailed, EvalError):
        raise Unsupported("max_parallel that is no number", *where) from None
    parallel = process.config.main.number("remote_max_parallel")
    if (
        1 < limit < parallel + 1
        and len([addr for addr in delivery.remote if addr.transport is transport]) >= limit
    ):
        raise Unsupported("so many batches that max_parallel may keep some of them", *where)
    mislaid = process.profile.put_off_batch_is_mislaid
    while limit == 1 and delivery.remote and delivery.remote[0].transport is transport:
        if mislaid and delivery.defer:
            what = "max_parallel where an address has been put off already: the delivery does not end"
            raise Unsupported(what, *where)
        batch = _next_batch(delivery, transport)
        for addr in batch[:1] if mislaid else batch:
            addr.message, addr.basic_errno = "concurrency limit reached for transport", Errno.TRETRY
            post_process_one(delivery, addr, Rc.DEFER, kind="T")


def sort_remote_deliveries(process: Process, addrs: list[Address]) -> list[Address]:
    """The addresses in the order of the lists in remote_sort_domains, one after the other.

    Those at the end that a list does not match come before others that it does not match.
    """
    wanted = process.config.main.text("remote_sort_domains")
    done: list[Address] = []
    left = addrs
    for pattern in list_items(wanted or ""):
        matching = [_is_in(process, addr, pattern) for addr in left]
        end = max((at for at, matches in enumerate(matching, 1) if matches), default=0)
        done = done + [addr for addr, matches in zip(left, matching, strict=True) if matches]
        moved = [addr for addr, matches in zip(left[:end], matching, strict=False) if not matches]
        left = left[end:] + moved
    return done + left


def _is_in(process: Process, addr: Address, pattern: str) -> bool:
    with process.setting(domain=addr.domain):
        return match_isinlist_domain(process, addr.domain, pattern) is Rc.OK


def _is_too_big(delivery: Delivery, transport: DriverInstance, addr: Address, *, fallback: bool) -> bool:
    """Whether message_size_limit keeps the message from the transport; the address is done with then."""
    rc = check_message_size(delivery.process, transport, addr)
    if rc is Rc.OK:
        return False
    addr.transport_return = rc
    _remote_post_process(delivery, addr, None, fallback=fallback)
    return True


def _suits_open_call(delivery: Delivery, transport: DriverInstance, addr: Address) -> bool:
    """Whether the address can go down the call that is open; without one it always suits.

    What is kept for another message counts, too, if this one came down it.
    """
    call = delivery.process.continued or (delivery.next_call if delivery.next_call_binds else None)
    if call is None:
        return True
    if call.transport != transport.name:
        return False
    options = transport.options
    overrides = options.flag("hosts_override") and options.text("hosts") is not None
    if not addr.host_list or (overrides and delivery.process.profile.overriding_hosts_may_continue):
        return True
    return any(host.name == call.host_name for host in addr.host_list)


def _leave_for_later(
    delivery: Delivery, transport: DriverInstance, batch: list[Address], *, fallback: bool
) -> None:
    """Defer a batch that does not suit the open call, or keep it for its fallback hosts."""
    smtp_transport_setup(delivery.process, transport, batch)
    if fallback or not batch[0].fallback_hosts:
        delivery.defer[:0] = batch
        return
    for addr in batch:
        addr.host_list = addr.fallback_hosts
    delivery.fallback[:0] = batch


def _host_is_wanted_again(delivery: Delivery, addr: Address) -> bool:
    """Whether later batches of this message have the host that this one goes to."""
    call = None if delivery.call_not_seen else delivery.process.continued
    if call is None and (not delivery.process.profile.batches_share_connection or not addr.host_list):
        return False
    if call is None and delivery.process.config.main.number("remote_max_parallel") > 1:
        return False
    name = call.host_name if call is not None else addr.host_list[0].name
    return any(host.name == name for other in delivery.remote for host in other.host_list)


def _most_in_a_batch(delivery: Delivery, transport: DriverInstance) -> int:
    """How many addresses one run of the transport gets, which makes several transactions of them."""
    process = delivery.process
    varies = "$" in (transport.options.text("max_rcpt") or "") or process.config.main.flag("mua_wrapper")
    limit = UNLIMITED if varies else expand_max_rcpt(process, transport)
    parallel = 1 if process.continued else max(1, process.config.main.number("remote_max_parallel"))
    share = delivery.remote_count // parallel
    if limit == 1 or limit >= share:
        return limit
    messages = transport.options.number("connection_max_messages")
    left = messages - (process.continued.sequence - 1 if process.continued else 0)
    return min(share, limit * left) if left > 0 else share


def _next_batch(delivery: Delivery, transport: DriverInstance) -> list[Address]:
    """The first address, and those that can go in the same call."""
    first = delivery.remote.pop(0)
    batch = [first]
    multi_domain, limit = _is_multi_domain(delivery, first), _most_in_a_batch(delivery, transport)
    with_dnssec = delivery.process.profile.dnssec_separates_batches
    waiting = list(delivery.remote)
    for place, other in enumerate(waiting, 1):
        if len(batch) >= limit:
            break
        if (
            (multi_domain or other.domain == first.domain)
            and other.transport is transport
            and same_hosts(other.host_list, first.host_list, with_dnssec=with_dnssec)
            and other.errors_address == first.errors_address
            and other.extra_headers == first.extra_headers
            and other.remove_headers == first.remove_headers
            and (not multi_domain or _is_multi_domain(delivery, other, waiting[place:]))
        ):
            delivery.remote.remove(other)
            batch.append(other)
    return batch


def _is_multi_domain(delivery: Delivery, addr: Address, behind: Sequence[Address] = ()) -> bool:
    """Whether the address may be in a batch with other domains.

    What depends on it is expanded as for one batch with all addresses that still wait ``behind`` it.
    """
    assert addr.transport is not None
    if addr.transport.options.text("multi_domain") is None:
        return addr.transport.options.flag("multi_domain")
    deliver_set_expansions(delivery.process, addr, behind)
    several = exp_bool(delivery.process, addr, addr.transport, "multi_domain")
    if several is None:
        raise Unsupported(addr.message or "multi_domain", *addr.transport.options.where("multi_domain"))
    return several


def _check_watched(delivery: Delivery) -> None:
    """What -v shows is modelled since 4.99, and for one batch at a time: its lines have no process id."""
    process = delivery.process
    if process.profile.command_log is not CommandLog.AFTER_CALLOUT:
        raise Unsupported("option -v of a delivery before 4.99: the dialogue on standard error")
    if delivery.remote and process.config.main.number("remote_max_parallel") != 1:
        raise Unsupported("option -v of deliveries in parallel: the dialogues on standard error")


def _run_transport(
    delivery: Delivery,
    transport: DriverInstance,
    batch: list[Address],
    *,
    fallback: bool,
    seed: int,
    leave_open: bool,
) -> None:
    """Run the smtp transport in a child process; only what the child reports back survives it.

    ``seed`` is what its draws start from under Exim's test suite. ``leave_open``: another batch has the same
    host.
    """
    parent = delivery.process
    if parent.verbose and not parent.dont_deliver and not parent.debugging:
        _check_watched(delivery)
    _drop_next_call(delivery)
    deliver_set_expansions(parent, batch[0], batch[1:])
    if not _set_return_path(delivery, transport, batch):
        return
    smtp_transport_setup(parent, transport, batch)
    child = _begun(delivery, transport, batch[0], seed)
    child.continue_more = leave_open
    ended = transport_process.carry_out(delivery, child, transport, batch)
    _take_hosts(parent, ended)

    def report() -> None:
        _forget_serialized(parent, child)
        _take_variables(parent, child)
        for addr in ended.addresses:
            _remote_post_process(delivery, addr, ended.message, fallback=fallback)

    kept = child.kept_call
    if _kept_out(ended, child):
        report()  # long before those that are still on their way
    elif kept is None and delivery.remote and parent.continued is None:
        delivery.reports.append(report)
    else:
        _read_reports(delivery)
        report()
    parent.continued = kept if kept is not None and kept.next_id is None else None
    if kept is not None and kept.tls is not None and parent.profile.batches_share_connection:
        parent.proxied_tls = kept.tls.session
    if kept is not None and kept.next_id is not None:
        _keep_for(delivery, kept, kept.next_id)


def _set_return_path(delivery: Delivery, transport: DriverInstance, batch: list[Address]) -> bool:
    """Give the addresses their return path; False: it cannot be expanded, and they are dealt with."""
    parent = delivery.process
    try:
        parent.return_path = _return_path(delivery, transport, batch[0])
    except ExpansionFailed as failed:
        text = quoted(parent, transport.options.text("return_path") or "")
        for addr in batch:
            addr.message = f"Failed to expand return path {text}: {failed.message}"
            post_process_one(delivery, addr, Rc.PANIC, kind="T")
        return False
    for addr in batch:
        addr.return_path = parent.return_path
    return True


def _begun(delivery: Delivery, transport: DriverInstance, first: Address, seed: int) -> Process:
    """The process of a transport, as it begins."""
    parent = delivery.process
    child = parent.fork("transport ph1" if parent.queue_2stage else "transport")
    child.kept_call, child.pass_on = None, lambda call: _pass_on(delivery, call, call.next_id or "")
    child.random_seed = seed
    child.variables["transport_name"] = transport.name
    child.disable_logging = transport.options.flag("disable_logging")
    if first.router is not None and child.profile.remote_transport_knows_router:
        child.variables["router_name"] = first.router.name
    return child


def _take_hosts(parent: Process, ended: transport_process.Ended) -> None:
    """What a transport's process tells of the hosts: other batches pass over those that it could not use."""
    parent.scratch = "0"  # the end of the child's report
    if ended.message is None:
        parent.transport_count = ended.process.transport_count
    for host in ended.hosts:
        if host.address is not None and host.status in _UNUSABLE:
            parent.unusable_hosts[f"T:{host.name}:{host.address}"] = (
                host.status is HostStatus.UNUSABLE_EXPIRED,
                host.why,
            )


def _take_variables(parent: Process, child: Process) -> None:
    """What a transport's process tells of its connection."""
    for name in ("sending_ip_address", "sending_port"):
        if name in child.variables and selector(parent, "incoming_interface"):
            parent.variables[name] = child.variables[name]
    if selector(parent, "proxy"):
        told = proxy_variables(child)
        parent.variables.update({name: told[name] for name in _PROXY_TOLD if name in told})


def _read_reports(delivery: Delivery, *, most: int = 0) -> None:
    """Log how the oldest batches ended that have run beside others, until at most so many are left.

    Source: par_reduce().
    """
    while len(delivery.reports) > most:
        delivery.reports.pop(0)()


def _make_room(delivery: Delivery) -> None:
    """Wait for a batch if there are as many as may be; which of them ends first is not known."""
    most = delivery.process.config.main.number("remote_max_parallel") - 1
    if 0 < most < len(delivery.reports):
        for call in delivery.process.machine.serialized.values():
            call.may_be_over = True
    _read_reports(delivery, most=most)


def _forget_serialized(parent: Process, child: Process) -> None:
    """The process is over, and has let go of the host that it spoke to."""
    called = parent.machine.serialized
    for name in [name for name, call in called.items() if call.pid == child.pid and not call.may_be_over]:
        del called[name]


def _kept_out(ended: transport_process.Ended, child: Process) -> bool:
    """Whether serialize_hosts has kept the batch from a host, and no other has taken it."""
    return any(child.pid in call.kept_out for call in child.machine.serialized.values()) and all(
        addr.transport_return is Rc.DEFER for addr in ended.addresses
    )


def _keep_for(delivery: Delivery, call: OpenCall, next_id: str) -> None:
    """Keep the call for another message; nothing is left of it for this one.

    What goes on in the background does so while other batches are delivered, and these do not yet know which
    hosts it could not reach.
    """
    if not delivery.remote or not delivery.process.profile.next_message_in_background:
        delivery.next_id, delivery.next_call = next_id, call
    else:
        _pass_on(delivery, call, next_id)


def _pass_on(delivery: Delivery, call: OpenCall, next_id: str) -> None:
    """Begin the message that the call was kept for; what it learns of hosts is known when this one ends."""
    process, hints = delivery.process, delivery.process.machine.hints
    if process.queue_running and process.machine.test_harness:
        delivery.passed_on.append((next_id, call))
    else:
        before = {key: replace(record) for key, record in hints.retry.items()}
        delivery.deliver_next(process, next_id, call)
        found, hints.retry = hints.retry, before
        changed = [key for key in before | found if before.get(key) != found.get(key)]
        delivery.learnt_beside.update((key, found.get(key)) for key in changed)
        delivery.at_work.add(next_id)
        process.spool.locked.add(next_id)


def _drop_next_call(delivery: Delivery) -> None:
    """Another batch is delivered before the message that the call was kept for: it loses the call."""
    if delivery.next_call is not None:
        delivery.next_call.connection.close()
        delivery.next_call = None


_PROXY_TOLD = ("proxy_session", "proxy_local_address", "proxy_local_port")
"""What a transport's process tells of the SOCKS proxy that it used."""


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
        raise


def _remote_post_process(delivery: Delivery, addr: Address, message: str | None, *, fallback: bool) -> None:
    if addr.transport_return is Rc.DEFER and addr.fallback_hosts and not fallback and message is None:
        addr.host_list = addr.fallback_hosts
        delivery.fallback.insert(0, addr)
        return
    if message is not None:
        addr.message, addr.transport_return = message, Rc.DEFER
    post_process_one(delivery, addr, addr.transport_return, kind="T")
