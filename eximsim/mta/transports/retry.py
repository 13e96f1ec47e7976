"""Retry rules and the retry database: when a host or an address may be tried again (src/retry.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.base.string import string_is_ip_address
from eximsim.mta.lookup.host_chain import random_number
from eximsim.mta.lookup.match import match_address_list
from eximsim.mta.process.log import log_write
from eximsim.mta.records.hints import RetryRecord
from eximsim.mta.records.structs import RetryItem
from eximsim.quick_dataclass import dataclass
from eximsim.status import RTEF_CTOUT, Errno, HostStatus, Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.config.retry_rules import RetryRule, RetryStep
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address, HostItem

ADDRESS_TIMED_OUT = Rule("address timed out", "retry.c retry_update")
RETRY = Rule("retry", "retry.c retry_update")


# ---- keys --------------------------------------------------------------------------------


def host_key(host: HostItem, port_suffix: str, *, include_ip: bool, brackets: bool) -> str:
    """The database key of a host: ``T:name:address`` and the port unless it is 25.

    With ``brackets`` (4.98) a name that is an IP address has them, and an IPv6 address.
    """
    name, address = host.name.lower(), host.address
    if brackets:
        name = f"[{host.name}]" if string_is_ip_address(host.name)[0] else host.name
        address = f"[{address}]" if ":" in (address or "") else address
    return f"T:{name}:{address}{port_suffix}" if include_ip else f"T:{name}{port_suffix}"


def address_key(addr: Address) -> str:
    """The database key of an address's routing, with its local part as it is at this moment."""
    return f"R:{addr.local_part}@{addr.domain}"


def domain_key(addr: Address) -> str:
    """The database key of a domain's routing."""
    return f"R:{addr.domain}"


# ---- items -------------------------------------------------------------------------------


def retry_add_item(
    addr: Address, key: str, *, host: bool = False, message_specific: bool = False, delete: bool = False
) -> None:
    """Note that ``key`` is to be written, or with ``delete`` removed, once the delivery is over."""
    used = addr.host_used
    message = f"H={used.name} [{used.address}]: {addr.message}" if used else addr.message
    item = RetryItem(key, addr.basic_errno, addr.more_errno, message, delete, host, message_specific)
    addr.retry_keys.insert(0, item)


def retry_items_merged(known: Sequence[RetryItem], reported: Sequence[RetryItem]) -> list[RetryItem]:
    """The items of an address once its transport process has reported; newest first, as reported.

    An item that writes a record drops those that would delete it, and none of these is added to it. Source:
    par_read_pipe(), src/deliver.c.
    """
    merged = list(known)
    for item in reported:
        same = [other for other in merged if other.key == item.key]
        written = any(not other.delete for other in same)
        merged = [other for other in merged if other.key != item.key or not other.delete]
        if not (item.delete and written):
            merged.insert(0, item)
    return merged


def forget_address(process: Process, addr: Address) -> None:
    """The address was taken: remove its own routing records, with and without the sender."""
    sender = process.message.sender if process.message else ""
    retry_add_item(addr, f"{addr.address_retry_key}:<{sender}>", delete=True)
    retry_add_item(addr, addr.address_retry_key, delete=True)


def add_rcpt_defer(process: Process, transport: DriverInstance, addr: Address) -> None:
    """A 4xx reply to RCPT: an item for this address, with the sender unless the transport says otherwise."""
    key = addr.address_retry_key
    if transport.options.flag("address_retry_include_sender"):
        key = f"{key}:<{process.message.sender if process.message else ''}>"
    retry_add_item(addr, key)


# ---- rules -------------------------------------------------------------------------------


def retry_find_config(
    process: Process,
    key: str,
    alternate: str | None,
    basic_errno: int,
    more_errno: int,
    given: str | None = None,
) -> RetryRule | None:
    """The first retry rule for ``key`` (without its ``T:`` or ``R:``) or ``alternate``, and this error.

    Rules for some senders look at that of the message under way, or else at the one that is ``given``.
    """
    colon = key.find(":")
    if colon >= 0 and key[0] == "[":
        key = key[1:].partition("]")[0]
    elif colon >= 0:
        key = key[:colon] if key[0].isalnum() else key[key.rfind(":") + 1 :]
    names = [key if "@" in key else f"*@{key}"]
    if alternate:
        names.append(f"*@{alternate}")
    sender = process.message.sender if process.message else given
    for rule in process.config.retries:
        if rule.basic_errno and not _error_matches(rule, basic_errno, more_errno):
            continue
        if rule.senders is not None and (
            sender is None or match_address_list(process, sender, rule.senders) is not Rc.OK
        ):
            continue
        if any(match_address_list(process, name, rule.pattern, single=True) is Rc.OK for name in names):
            return rule
    return None


_REPLY_ERRORS = (Errno.MAIL4XX, Errno.RCPT4XX, Errno.DATA4XX)


def _error_matches(rule: RetryRule, basic_errno: int, more_errno: int) -> bool:
    if rule.basic_errno == Errno.EXIMQUOTA:
        full = basic_errno in (Errno.EXIMQUOTA, errnos.EDQUOT, errnos.ENOSPC)
        return full and rule.more_errno <= more_errno
    if rule.basic_errno == Errno.TLSREQUIRED:
        return basic_errno in (Errno.TLSREQUIRED, Errno.TLSFAILURE)
    if rule.basic_errno in _REPLY_ERRORS:
        wanted, found = (rule.more_errno >> 8) & 255, (more_errno >> 8) & 255
        if basic_errno != rule.basic_errno:
            return False
        return wanted == 255 or (found // 10 * 10 == wanted - 100 if wanted >= 100 else found == wanted)
    if rule.basic_errno == errnos.ETIMEDOUT:
        if basic_errno != errnos.ETIMEDOUT:
            return False
        if rule.more_errno == RTEF_CTOUT:
            return bool(more_errno & RTEF_CTOUT)
        if rule.more_errno & RTEF_CTOUT == 0:
            more_errno &= ~RTEF_CTOUT
        return rule.more_errno in (0, more_errno)
    return rule.basic_errno == basic_errno and rule.more_errno in (0, more_errno)


def last_rule_timeout(process: Process, host_name: str) -> float | None:
    """How long (seconds) the host's retry rule goes on at most; None if it has no rule."""
    found = retry_find_config(process, host_name, None, 0, 0)
    return float(found.rules[-1].timeout) if found is not None and found.rules else None


# ---- before a try ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HostRetry:
    """What the database says of a host: is it expired; and the keys of the records there are."""

    expired: bool = False
    host_key: str | None = None
    message_key: str | None = None


def _fresh(process: Process, key: str) -> RetryRecord | None:
    record = process.machine.hints.retry.get(key)
    if record is None:
        return None
    expire = process.config.main.seconds("retry_data_expire")
    return None if process.seconds() - record.time_stamp > expire else record


def retry_record(process: Process, key: str) -> RetryRecord | None:
    """The record for ``key``, unless it is older than retry_data_expire."""
    return _fresh(process, key)


def retry_ultimate_address_timeout(
    process: Process, key: str, domain: str | None, record: RetryRecord
) -> bool:
    """Whether the message has been on the queue longer than the longest retry time for ``key``."""
    rule = retry_find_config(process, key[2:], domain, record.basic_errno, record.more_errno)
    if rule is None or not rule.rules:
        return True
    return process.seconds() - int(process.received_time) > rule.rules[-1].timeout


def retry_check_address(
    process: Process, domain: str, host: HostItem, port_suffix: str, *, include_ip: bool
) -> HostRetry:
    """Set ``host.status`` by the retry data, unless it is known already."""
    if host.status is not HostStatus.UNKNOWN:
        return HostRetry()
    host.status = HostStatus.USABLE
    brackets = process.profile.retry_key_brackets
    key = host_key(host, port_suffix, include_ip=include_ip, brackets=brackets)
    if key in process.unusable_hosts:
        expired, host.why = process.unusable_hosts[key]
        host.status = HostStatus.UNUSABLE_EXPIRED if expired else HostStatus.UNUSABLE
        return HostRetry()
    message_key = f"{key}:{process.message_id}"
    of_host, of_message = _fresh(process, key), _fresh(process, message_key)
    now, force = process.seconds(), process.deliver_force
    found_host_key = key if of_host is not None else None
    if of_host is not None and now < of_host.next_try and not force:
        if of_host.expired or not retry_ultimate_address_timeout(process, key, domain, of_host):
            host.status = HostStatus.UNUSABLE_EXPIRED if of_host.expired else HostStatus.UNUSABLE
            host.why, host.last_try = "retry", of_host.last_try
        return HostRetry(False, found_host_key, None)
    if of_message is not None and now < of_message.next_try and not force:
        if not retry_ultimate_address_timeout(process, key, domain, of_message):
            host.status, host.why = HostStatus.UNUSABLE, "retry"
        return HostRetry(False, found_host_key, message_key)
    expired = of_host is not None and of_host.expired
    return HostRetry(expired, found_host_key, message_key if of_message is not None else None)


# ---- after a delivery --------------------------------------------------------------------


def retry_update(
    process: Process, deferred: list[Address], failed: list[Address], succeeded: list[Address]
) -> None:
    """Write the retry items to the database; an address that has timed out moves from deferred to failed.

    Those that were delivered in one batch with it move, too: the first of them has the items of its hosts,
    and stands behind them, as the lists are Exim's chains.
    """
    for group in (succeeded, failed):
        for addr in group:
            _update_address(process, addr, any_deferred=bool(deferred))
    at = start = 0
    batch: Address | None = None
    while at < len(deferred):
        addr = deferred[at]
        timed_out = _update_address(process, addr, any_deferred=True)
        if addr.retry_keys and timed_out:
            first = start if batch is addr else at
            over = deferred[first : at + 1]
            del deferred[first : at + 1]
            failed[:0] = over
            for one in over:
                _time_out(process, one)
            at = first
            continue
        if addr.first is not batch:
            batch, start = addr.first, at
        at += 1


def _update_address(process: Process, end: Address, *, any_deferred: bool) -> bool:
    """Whether the address (with the parents it came from) has been retried for long enough."""
    timed_out = False
    addr: Address | None = end
    while addr is not None:
        updated = expired = 0
        for item in addr.retry_keys:
            if item.delete or (item.message_specific and not any_deferred):
                process.machine.hints.retry.pop(item.key, None)
                continue
            updated += 1
            if _update_record(process, addr, item) and addr is end:
                expired += 1
        if updated and updated == expired and not end.retry_skipped:
            timed_out = True
        addr = addr.parent
    return timed_out


def _update_record(process: Process, addr: Address, item: RetryItem) -> bool:
    """Write one record; whether its time is up."""
    alternate = addr.domain if item.host else None
    config = retry_find_config(process, item.key[2:], alternate, item.basic_errno, item.more_errno)
    if config is None:
        return True
    now = process.seconds()
    record = _fresh(process, item.key) or RetryRecord(now, now, now, now)
    failing = now - record.first_failed
    age = now - int(process.received_time)
    if not item.host and age > failing:
        failing = age
    chosen = next((rule for rule in config.rules if failing <= rule.timeout), None)
    record.expired = chosen is None
    rule = chosen or (config.rules[-1] if config.rules else None)
    up = record.expired
    young = int(process.received_time) <= record.first_failed and not record.expired
    if young and rule is not None and age > config.rules[-1].timeout:
        up, rule = True, None
    record.next_try = now if rule is None else _next_try(process, record, rule)
    limit = process.config.main.seconds("retry_interval_max")
    record.next_try = min(record.next_try, now + limit)
    record.last_try = record.time_stamp = now
    record.basic_errno, record.more_errno = item.basic_errno, item.more_errno
    text = errnos.strerror(item.basic_errno) if item.basic_errno > 0 else item.message or "unknown error"
    record.text = text[:150]
    process.machine.hints.retry[item.key] = record
    process.trace.record(RETRY, f"next try in {record.next_try - now:.0f}s", key=item.key, expired=up)
    return up


def _next_try(process: Process, record: RetryRecord, rule: RetryStep) -> float:
    kind, p1, p2 = rule.kind, rule.p1, rule.p2
    now = process.seconds()
    if kind == "F":
        return now + p1
    gap = min(record.next_try - record.last_try, now - record.last_try)
    following = int(gap * p2 / 1000)
    if kind == "G":
        return now + (p1 if gap < p1 else following)
    if following > p1:
        spread = following - p1
        return now + p1 + random_number(process, spread) // 2 + spread // 2
    return now + p1


def _time_out(process: Process, addr: Address) -> None:
    addr.retry_timedout = True
    addr.message = f"{addr.message}: retry timeout exceeded" if addr.message else "retry timeout exceeded"
    said = addr.user_message
    addr.user_message = f"{said}: retry timeout exceeded" if said else "retry timeout exceeded"
    parent = f" <{addr.parent.address}>" if addr.parent else ""
    process.trace.record(ADDRESS_TIMED_OUT, "FAIL", address=addr.address)
    log_write(process, f"** {addr.address}{parent}: retry timeout exceeded")
