"""A program that hands on what its caller submits, at once or not at all (mua_wrapper, src/deliver.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.errnos import strerror
from eximsim.mta.process.log import log_write

if TYPE_CHECKING:
    from eximsim.mta.delivery.delivery import Delivery


class NotSent(Exception):
    """A message was given up: the program ends in failure."""


def routing_failed(delivery: Delivery) -> bool:
    """Whether not all recipients go to other hosts: the caller is told, and the message given up."""
    addrs = delivery.local or delivery.defer or delivery.failed
    if not addrs:
        return False
    addr, failed = addrs[0], delivery.failed[0] if delivery.failed else None
    which = "local" if delivery.local else "deferred" if delivery.defer else "failed"
    addr = addr.top
    if addr is not failed:
        log_write(delivery.process, f"** {addr.address} routing yielded a {which} delivery")
    why = f": {addr.message}" if addr.message else ""
    delivery.process.err(f"routing {addr.address} yielded a {which} delivery{why}\n")
    give_up(delivery)
    return True


def not_together(delivery: Delivery) -> None:
    """The recipients do not fit into one transaction: the message is given up."""
    what = "** mua_wrapper is set but recipients cannot all be delivered in one transaction"
    log_write(delivery.process, what)
    delivery.process.err("delivery to smarthost failed (configuration problem)\n")
    give_up(delivery)


def settle(delivery: Delivery) -> None:
    """Deliveries are done: what is put off has failed, and of failures only the caller is told."""
    for addr in delivery.defer:
        log_write(delivery.process, f"** {addr.address} mua_wrapper forced failure for deferred delivery")
        delivery.failed.insert(0, addr)
    delivery.defer.clear()
    if not delivery.failed:
        return
    addr = delivery.failed[0]
    why = addr.user_message or addr.message
    told = [strerror(addr.basic_errno)] if addr.basic_errno > 0 else []
    host = addr.host_used
    if why is not None or (host is not None and told):
        told.append((f"H={host.name} [{host.address}]: " if host is not None else "") + (why or ""))
    delivery.process.err(f"Delivery failed: {': '.join(told) or 'unknown error'}\n")
    give_up(delivery)


def give_up(delivery: Delivery) -> None:
    """Leave nothing of the message, and have the program fail."""
    delivery.failed, delivery.defer, delivery.freeze = [], [], False
    delivery.given_up = True
