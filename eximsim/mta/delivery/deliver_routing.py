"""Routing the addresses of a message that is delivered (in ``deliver_message()``, src/deliver.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.mta.delivery.deliver_done import address_done, child_done, post_process_one
from eximsim.mta.delivery.delivery import Fate
from eximsim.mta.expand.event import main_event_raise
from eximsim.mta.lookup.match import match_isinlist_domain
from eximsim.mta.process.log import log_write
from eximsim.mta.records.searched import Searched
from eximsim.mta.records.structs import BAD_REPLY
from eximsim.mta.routing.address import deliver_make_addr, deliver_split_address
from eximsim.mta.routing.route import route_address
from eximsim.mta.transports import retry
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.delivery.delivery import Delivery
    from eximsim.mta.records.hints import RetryRecord
    from eximsim.mta.records.structs import Address


def start_addresses(delivery: Delivery, fate: Fate, why: str | None = None) -> None:
    """Take the recipients that are not done with; those that are given up have failed already.

    ``why`` is what the system filter says of recipients that it fails.
    """
    options = delivery.process.config.main
    loops = delivery.message.received_count > options.number("received_headers_max")
    if fate is Fate.GIVEN_UP:
        log_write(delivery.process, f"cancelled by {delivery.process.machine.user}")
    if fate is Fate.IGNORED:
        return
    for recipient in delivery.message.recipients:
        if recipient.address in delivery.message.nonrecipients:
            continue
        addr = deliver_make_addr(recipient.address)
        addr.errors_address, addr.onetime_parent = recipient.errors_to, recipient.parent
        addr.dsn_flags, addr.dsn_orcpt = recipient.dsn_flags, recipient.orcpt
        addr.utf8 = delivery.process.utf8_of_message
        if fate is Fate.TRIED and loops:
            addr.message = 'Too many "Received" headers - suspected mail loop'
            post_process_one(delivery, addr, Rc.FAIL, kind="R")
            continue
        if fate is Fate.TRIED:
            delivery.new.append(addr)
            continue
        if fate is Fate.DEFERRED:
            delivery.defer.insert(0, addr)
        else:
            addr.message, addr.pass_message = why or fate.value, fate is Fate.FILTERED
            if delivery.message.sender:
                delivery.failed.insert(0, addr)
        _tell_of_fate(delivery, addr)


def _tell_of_fate(delivery: Delivery, addr: Address) -> None:
    """Raise the event of an address that is not even routed."""
    local_part, _, domain = addr.address.rpartition("@")
    with delivery.process.setting(local_part=local_part, domain=domain):
        main_event_raise(delivery.process, "msg:fail:internal", addr.message)


def route_all(delivery: Delivery) -> None:
    """Route every new address; children come back as new ones.

    The order is Exim's: the list is turned round twice, so the last recipient is routed first and the
    transports see the recipients in the message's own order; with queue_domains it is turned once more.
    """
    to_route: list[Address] = []
    while delivery.new:
        addr = delivery.new.pop(0)
        if addr.made_for:
            _take_special(delivery, addr)
        elif _may_route(delivery, addr):
            to_route.insert(0, addr)
    if _looks_for_queued(delivery):
        to_route = [addr for addr in to_route if _not_queued(delivery, addr)][::-1]
    while to_route:
        addr = to_route.pop(0)
        _route_one(delivery, addr, to_route)
    delivery.process.searched = Searched()  # search_tidyup()


_FORBIDDEN = {
    "file": (Errno.FORBIDFILE, "delivery to file forbidden"),
    "pipe": (Errno.FORBIDPIPE, "delivery to pipe forbidden"),
    "reply": (Errno.FORBIDREPLY, "autoreply forbidden"),
}


def _take_special(delivery: Delivery, addr: Address) -> None:
    """Queue a file, a pipe or a reply for its transport, unless it is one too many or not permitted.

    Two users may each deliver to the same file: where it comes from tells them apart.
    """
    parent = addr.parent
    assert parent is not None
    if addr.address == BAD_REPLY:
        addr.message = "filter autoreply generated syntactically invalid recipient"
        addr.local_part, addr.ignore_error = addr.address, True
        post_process_one(delivery, addr, Rc.FAIL, kind="R")
        return
    addr.unique = f"{addr.address}:{parent.base_unique}"
    addr.address_retry_key = f"T:{addr.unique}"
    if addr.made_for == "reply":
        while addr.unique in delivery.seen:
            addr.unique = f">{addr.unique}"
    elif addr.unique in delivery.seen:
        addr.dupof = delivery.seen[addr.unique]
        delivery.process.duplicates.insert(0, addr)
        return
    if addr.unique in delivery.message.nonrecipients:
        child_done(delivery, addr)
        return
    delivery.seen[addr.unique] = addr
    addr.local_part, addr.domain = addr.address, parent.domain
    if not addr.permitted:
        addr.basic_errno, addr.message = _FORBIDDEN[addr.made_for]
        post_process_one(delivery, addr, Rc.FAIL, kind="R")
    elif addr.basic_errno == Errno.BADTRANSPORT:
        post_process_one(delivery, addr, Rc.DEFER, kind="R")
    elif addr.address == "/dev/null" and addr.transport is not None:
        addr.transport = replace(addr.transport, name="**bypassed**")
        post_process_one(delivery, addr, Rc.OK, kind="T", mark="=")
    else:
        delivery.local.insert(0, addr)


def check_duplicates(delivery: Delivery, addrs: list[Address]) -> list[Address]:
    """The addresses but for those that are the same as one before, which are noted.

    It is done when all are routed, as where an address comes from decides about its way. Source:
    do_duplicate_check().
    """
    kept = []
    for addr in addrs:
        addr.dupof = None if addr.made_for else delivery.seen.get(addr.unique)
        if addr.dupof is not None:
            delivery.process.duplicates.insert(0, addr)
            continue
        kept.append(addr)
        if not addr.made_for:
            delivery.seen[addr.unique] = addr
    return kept


def _may_route(delivery: Delivery, addr: Address) -> bool:
    process = delivery.process
    if deliver_split_address(process, addr) is Rc.DEFER:
        addr.message, addr.basic_errno = "cannot check percent_hack_domains", Errno.LISTDEFER
        post_process_one(delivery, addr, Rc.DEFER, kind="none")
        return False
    process.variables["domain"] = addr.domain
    if not delivery.force and _is_held(delivery, addr):
        return False
    _mark_homonym(addr)
    if addr.unique in delivery.message.nonrecipients:
        child_done(delivery, addr)
        return False
    addr.address_retry_key = retry.address_key(addr)
    domain_record, address_record = _routing_records(delivery, addr)
    now = process.world.now()
    waits = (domain_record is not None and now < domain_record.next_try and not domain_record.expired) or (
        address_record is not None and now < address_record.next_try
    )
    if process.continued is not None and domain_record is not None:
        addr.message, addr.basic_errno = "reusing SMTP connection skips previous routing defer", Errno.RRETRY
        post_process_one(delivery, addr, Rc.DEFER, kind="R")
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
            post_process_one(delivery, addr, Rc.DEFER, kind="R")
            known = domain_record or address_record
            if known is not None and process.profile.delay_warned_without_attempt:
                addr.message, addr.pass_message = known.text, True  # for a warning
            return False
    addr.dr_retry_exists = domain_record is not None or address_record is not None
    return True


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
    post_process_one(delivery, addr, Rc.DEFER, kind="none")
    return True


def _looks_for_queued(delivery: Delivery) -> bool:
    """Whether some domains are not routed at all, by queue_domains."""
    process = delivery.process
    return not (delivery.force or process.queue_running) and bool(process.config.main.text("queue_domains"))


def _not_queued(delivery: Delivery, addr: Address) -> bool:
    domains = delivery.process.config.main.text("queue_domains") or ""
    rc = match_isinlist_domain(delivery.process, addr.domain, domains)
    if rc is not Rc.OK and rc is not Rc.DEFER:
        return True
    addr.message = "queue_domains lookup deferred" if rc is Rc.DEFER else "domain is in queue_domains"
    addr.basic_errno = Errno.LISTDEFER if rc is Rc.DEFER else Errno.QUEUE_DOMAIN
    post_process_one(delivery, addr, Rc.DEFER, kind="R")
    return False


def _mark_homonym(addr: Address) -> None:
    """An address that is its own ancestor gets a unique form of its own."""
    same = (one for one in addr.ancestors() if one.address.lower() == addr.address.lower())
    if (parent := next(same, None)) is not None:
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
        address_done(delivery, addr)
    elif found.rc is not Rc.OK:
        post_process_one(delivery, addr, found.rc, kind="R")
    elif found.addr_local:
        if addr.unique not in delivery.message.nonrecipients:
            delivery.local.insert(0, addr)
    elif found.addr_remote:
        _queue_remote(delivery, addr, old_domain, to_route)


def _queue_remote(delivery: Delivery, addr: Address, old_domain: str, to_route: list[Address]) -> None:
    """Queue the address for its transport, and with it those of the same domain if the router says so."""
    if addr.unique in delivery.message.nonrecipients:
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
        other.routing_copied = True
        delivery.remote.insert(0, other)
