"""What becomes of an address when its delivery is over (``post_process_one()``, src/deliver.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.delivery import deliver_log
from eximsim.mta.delivery.bounce import send_bounce
from eximsim.mta.delivery.queue_time import message_age
from eximsim.mta.expand.hiding import expand_hide_passwords
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.process.log import deliver_msglog, log_write, printed
from eximsim.status import Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.delivery.delivery import Delivery
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address

ADDRESS_OUTCOME = Rule("address outcome", "deliver.c post_process_one")


def post_process_one(
    delivery: Delivery, addr: Address, rc: Rc, *, kind: str, mark: str | None = None
) -> None:
    """Log the outcome and put the address where it belongs.

    ``kind`` is ``"T"``, ``"R"`` or ``"none"``. ``mark`` begins the log line of a success, if it is not what
    the transport has left for that.
    """
    process = delivery.process
    driver = addr.transport if kind == "T" else addr.router if kind == "R" else None
    process.disable_logging = driver.options.flag("disable_logging") if driver else process.disable_logging
    addr.message = addr.message and expand_hide_passwords(printed(process, addr.message))
    process.trace.record(
        ADDRESS_OUTCOME,
        rc.name,
        address=addr.address,
        recipient=addr.top.address,
        errno=int(addr.basic_errno),
        message=addr.message,
        cv=addr.cv,
        host=addr.host_used.name if addr.host_used else None,
        message_sent=rc is Rc.OK and addr.special_action != "",
    )
    if rc is Rc.OK:
        delivery.succeed.insert(0, addr)
        address_done(delivery, addr)
        deliver_log.success_msglog(process, addr)
        child_done(delivery, addr)
        deliver_log.delivery_log(process, addr, addr.special_action if mark is None else mark)
    elif rc in (Rc.DEFER, Rc.PANIC):
        delivery.defer.insert(0, addr)
        if addr.special_action == "freeze":
            delivery.freeze = True
        if not process.queue_2stage or addr.basic_errno:
            name = driver.name if driver else None
            deliver_log.defer_log(process, addr, kind=kind, name=name, panic=rc is Rc.PANIC)
    else:
        _failed_address(delivery, addr)
    process.disable_logging = False


def _failed_address(delivery: Delivery, addr: Address) -> None:
    message, process = delivery.message, delivery.process
    age = message_age(process, message)
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


def address_done(delivery: Delivery, addr: Address) -> None:
    """Note that nothing is to be done for the address any more."""
    done = delivery.message.nonrecipients
    if addr.parent is None:
        done |= dict.fromkeys((addr.unique, addr.address))
    elif not addr.is_homonym:
        done[addr.unique] = None
    elif addr.transport is not None:
        done[f"{addr.base_unique}/{addr.transport.name}"] = None
    if delivery.process.duplicates_lost:
        raise UndefinedBehaviour("the duplicate addresses of the message before are read, which were freed")
    for other in delivery.process.duplicates:
        if other.unique == addr.unique:
            done[other.unique] = None
            child_done(delivery, other)


def child_done(delivery: Delivery, addr: Address) -> None:
    """Count the address off its parents; a parent whose last child is done is done itself."""
    for parent in addr.ancestors():
        parent.child_count -= 1
        if parent.child_count > 0:
            return
        address_done(delivery, parent)
        if all(above.address != parent.address for above in parent.ancestors()):
            deliver_msglog(delivery.process, f"{parent.address}: children all complete")


def process_failed(delivery: Delivery) -> None:
    """Bounce the failed addresses, one message for each sender to be told, or ignore the failure."""
    while delivery.failed:
        addr = delivery.failed[0]
        of = addr.transport
        delivery.process.disable_logging = of is not None and of.options.flag("disable_logging")
        if not delivery.message.sender and addr.errors_address is None:
            addr.ignore_error = True
        bounce_to = _bounces_to(delivery, addr)
        unwanted = _unwanted(delivery.process, addr)
        if addr.ignore_error or unwanted:
            delivery.failed.pop(0)
            parent = f" <{addr.parent.address}>" if addr.parent else ""
            if delivery.process.profile.ignored_failure_raises_event:
                deliver_log.raise_event(delivery.process, "msg:fail:delivery", addr)
            told = unwanted and not addr.ignore_error and delivery.process.profile.unwanted_report_named
            why = ": RFC 3461 DSN, failure notify not requested" if told else ""
            log_write(delivery.process, f"{addr.address}{parent}: error ignored{why}")
            together = [addr]
        else:
            together = [a for a in delivery.failed if _bounces_to(delivery, a) == bounce_to]
            delivery.failed = [a for a in delivery.failed if a not in together]
            code = send_bounce(delivery.process, bounce_to, together)
            if code:
                _not_told(delivery, bounce_to, code)
                continue
        for done in together:
            address_done(delivery, done)
            child_done(delivery, done)
    delivery.process.disable_logging = False


def _unwanted(process: Process, addr: Address) -> bool:
    """Whether the sender has asked not to be told that the address failed."""
    if process.profile.other_notices_rule_failure_out:
        return bool(addr.dsn_flags - {"FAILURE"})
    return bool(addr.dsn_flags) and "FAILURE" not in addr.dsn_flags


def _bounces_to(delivery: Delivery, addr: Address) -> str:
    return delivery.message.sender if addr.errors_address is None else addr.errors_address


def _not_told(delivery: Delivery, bounce_to: str, code: int) -> None:
    """A bounce was not taken in: its addresses are tried again, and the message is frozen if none waits."""
    process, message = delivery.process, delivery.message
    longest = max((step.timeout for rule in process.config.retries for step in rule.rules), default=0)
    frozen = message_age(process, message) < longest and not (delivery.defer or delivery.kept)
    if frozen:
        delivery.kept = True
        message.frozen, message.frozen_at = True, process.world.now()
    text = f"Process failed ({code}) when writing error message to {bounce_to}{' (frozen)' if frozen else ''}"
    deliver_msglog(process, text)
    log_write(process, text)
