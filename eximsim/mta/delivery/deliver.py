"""Delivering one message: route its addresses, run the transports, deal with the outcome (src/deliver.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.mta.delivery import mua_wrapper
from eximsim.mta.delivery.bounce import report_success
from eximsim.mta.delivery.deliver_done import process_failed
from eximsim.mta.delivery.deliver_local import do_local_deliveries
from eximsim.mta.delivery.deliver_remote import do_remote_deliveries, sort_remote_deliveries
from eximsim.mta.delivery.deliver_routing import check_duplicates, route_all, start_addresses
from eximsim.mta.delivery.delivery import Delivery, Fate
from eximsim.mta.delivery.moan import tell_of_freezing
from eximsim.mta.delivery.queue_time import message_age
from eximsim.mta.delivery.spool_move import spool_move_message
from eximsim.mta.delivery.system_filter import run_system_filter
from eximsim.mta.delivery.warning import warn_of_delay
from eximsim.mta.expand.event import main_event_raise
from eximsim.mta.process.locked import say_locked
from eximsim.mta.process.log import deliver_msglog, log_write, selector
from eximsim.mta.process.timediff import string_timediff
from eximsim.mta.records.open_call import Limits, OpenCall
from eximsim.mta.records.spool import Recipient
from eximsim.mta.transports import retry
from eximsim.mta.transports.smtp_continue import abandon

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Message
    from eximsim.mta.records.structs import Address

_HARNESS_PAUSE = 1.0
"""Seconds."""


def deliver_message(process: Process, message_id: str, *, force: bool, give_up: bool) -> bool:
    """Try to deliver the message to each of its recipients that is not done with; false under mua_wrapper if
    it has not gone to all of them.

    The process is the message's own. ``force`` overrides retry times; ``give_up`` fails all recipients.
    """
    spool = process.spool
    message = spool.get(message_id)
    if message is None or message_id in spool.locked:
        _say_why_not(process, message_id, locked=message is not None)
        return True
    process.message, process.message_id, process.deliver_force = message, message_id, force
    process.dont_deliver = process.dont_deliver or message.dont_deliver
    process.scratch = "\n"  # the last line of the headers that were read
    process.variables.pop("message_smtputf8", None)
    process.downconvert = message.downconvert
    process.variables.update(message_variables(process, message))
    fate = Fate.GIVEN_UP if give_up else Fate.TRIED
    written = message.frozen or (message.deliver_firsttime and _counts_as_first(process))
    if message.frozen and process.config.main.flag("move_frozen_messages"):
        spool_move_message(process, message, to="F")
        return True
    if message.frozen:
        thawed = _thaw(process, message, force=force)
        if thawed is None:
            return True
        fate = thawed if fate is Fate.TRIED else fate
    spool.locked.add(message_id)
    process.attempted = True
    if process.verbose:
        queue = f" (queue run pid {process.queue_run_pid})" if process.queue_running else ""
        process.err(f"delivering {message_id}{queue}\n")
    process.random_seed = 0
    delivery = Delivery(process, message, force, _deliver_next)
    headers = message.headers
    before = _written(message)
    try:
        _deliver(delivery, fate)
    finally:
        message.counted = None
        if not written and not delivery.freeze and _written(message) == before:
            message.headers = headers
    spool.locked.discard(message_id)
    process.machine.let_servers_deliver()
    if process.continued is not None:
        process.continued.connection.close()
        process.continued = None
    for next_id, call in delivery.passed_on:
        _deliver_next(process, next_id, call)
    if delivery.next_id is not None:
        _deliver_next(process, delivery.next_id, delivery.next_call)
    spool.locked -= delivery.at_work
    for key, record in delivery.learnt_beside.items():
        if record is None:
            process.machine.hints.retry.pop(key, None)
        else:
            process.machine.hints.retry[key] = record
    return not delivery.given_up


def _counts_as_first(process: Process) -> bool:
    """Whether this attempt ends what ``-qi`` and ``first_delivery`` call the first one."""
    return not (process.queue_2stage and process.profile.first_phase_is_no_attempt)


def _say_why_not(process: Process, message_id: str, *, locked: bool) -> None:
    """Why a message cannot be had: spool_open_datafile(), src/spool_in.c."""
    if locked:
        say_locked(process, message_id)
    elif not process.queue_running:
        log_write(process, f"Spool file {message_id}-D not found")


def _written(message: Message) -> tuple[object, ...]:
    """What has to change for the header file to be written anew, and with it what the system filter did."""
    return len(message.nonrecipients), message.warning_count, message.frozen


def _deliver(delivery: Delivery, fate: Fate) -> None:
    """Filter, route, deliver, and deal with what came of it."""
    process, message = delivery.process, delivery.message
    why = None
    if fate is Fate.TRIED and process.config.main.text("system_filter") is not None:
        filtered = run_system_filter(delivery)
        if filtered is None:
            return
        fate, why = filtered
    start_addresses(delivery, fate, why)
    process.duplicates = []
    while delivery.new:
        route_all(delivery)
    for name in ("local_user_uid", "local_user_gid"):
        process.variables.pop(name, None)
    delivery.local = check_duplicates(delivery, delivery.local)
    delivery.remote = check_duplicates(delivery, delivery.remote)
    wrapper = process.config.main.flag("mua_wrapper")
    if wrapper and mua_wrapper.routing_failed(delivery):
        _finish(delivery)
        return
    if process.continued is not None and process.continued.sequence > 1:
        delivery.defer += delivery.local
        delivery.local = []
    do_local_deliveries(delivery)
    delivery.remote = sort_remote_deliveries(process, delivery.remote)
    if delivery.remote and not do_remote_deliveries(delivery, fallback=False):
        mua_wrapper.not_together(delivery)
        _finish(delivery)
        return
    if delivery.fallback and not wrapper:
        delivery.remote, delivery.fallback = sort_remote_deliveries(process, delivery.fallback), []
        do_remote_deliveries(delivery, fallback=True)
    if wrapper:
        mua_wrapper.settle(delivery)
    if not process.dont_deliver:
        retry.retry_update(process, delivery.defer, delivery.failed, delivery.succeed)
    report_success(process, delivery.succeed)
    process_failed(delivery)
    _put_in_place(delivery)
    if delivery.defer and not process.queue_2stage:
        warn_of_delay(process, message, delivery.defer)
    _finish(delivery)


def _put_in_place(delivery: Delivery) -> None:
    """Addresses that wait take the place of the recipients that they come from, where one_time says so.

    What such a recipient was turned into is settled then. Source: ``deliver_message()``.
    """
    message = delivery.message
    for addr in delivery.defer:
        placed: Address | None = addr
        while placed is not None and placed.onetime_parent is None:
            placed = placed.parent
        if placed is None or placed.parent is None:
            continue
        known = {recipient.address: recipient for recipient in message.recipients}
        if placed.address in known or placed.onetime_parent not in known:
            continue
        if placed.address == placed.parent.address:
            continue
        new = Recipient(placed.address, placed.errors_address, placed.onetime_parent)
        message.recipients.append(new)
        message.nonrecipients[placed.parent.address] = None


def message_variables(process: Process, message: Message) -> dict[str, str]:
    """The variables that a message brings with it when it is read. Source: spool_read_header()."""
    return {**message.variables, "sender_address": message.sender, **_measures(process, message)}


def _measures(process: Process, message: Message) -> dict[str, str]:
    """The variables that Exim counts when it reads a message. Source: spool_read_header(), src/spool_in.c."""
    counted = {
        "body_linecount": message.body_lines,
        "max_received_linelength": message.longest_received,
        "message_age": message_age(process, message),
        "message_body_size": message.body_size,
        "message_linecount": message.wire_size - message.size,
        "message_size": message.size,
        "received_count": message.received_count,
        "received_time": int(message.received_time),
    }
    return {name: str(value) for name, value in counted.items()}


_CONTINUED = "continued-delivery"


def _deliver_next(process: Process, message_id: str, call: OpenCall | None) -> None:
    """Deliver the message that waits for the host down the call that was left open for it, if it still is.

    The process that does it was nobody's child for long; only a queue runner waited for it. Under Exim's test
    suite it first gives its parent time to finish. Source: transport_pass_socket(), src/transport.c.
    """
    machine, successor = process.machine, process.fork(process.purpose if call is None else _CONTINUED)
    successor.variables, successor.driver_state = {}, {}
    if call is not None:
        successor.variables["sending_ip_address"] = call.connection.local_address
        successor.variables["sending_port"] = str(call.connection.local_port)
        if process.profile.socks_told_to_successor:
            successor.variables.update(call.proxy)
    if process.profile.next_message_in_background:
        machine.left_behind += 1
        successor.dns_fails, successor.pipelining_active = {}, False
        successor.proxied_tls = call.tls.session if call is not None and call.tls is not None else None
        if call is not None and not (call.limits.recipients or call.limits.domains):
            forgets = not process.profile.mail_limit_told_to_successor
            call = replace(call, limits=Limits()) if forgets else call
    successor.continued, successor.unusable_hosts = call, {}
    lost = process.duplicates_lost or bool(process.duplicates)
    successor.duplicates_lost = lost and process.profile.duplicates_outlive_message
    if process.profile.next_message_in_background and machine.test_harness and not process.queue_running:
        begin = process.world.now() + _HARNESS_PAUSE
        machine.unwatched.later.append((begin, lambda: _go_on(successor, message_id, call)))
    else:
        _go_on(successor, message_id, call)


def _go_on(process: Process, message_id: str, call: OpenCall | None) -> None:
    force = process.deliver_force or process.profile.next_message_in_background
    deliver_message(process, message_id, force=force, give_up=False)
    if call is not None and process.continued is call:
        abandon(process, call)


def _thaw(process: Process, message: Message, *, force: bool) -> Fate | None:
    """What becomes of a frozen message; None: it stays frozen."""
    options, now = process.config.main, process.world.now()
    age = message_age(process, message)
    if 0 < options.seconds("timeout_frozen_after") <= age:
        log_write(process, "cancelled by timeout_frozen_after")
        message.frozen = False
        return Fate.TIMED_OUT
    if not message.sender and age >= options.seconds("ignore_bounce_errors_after"):
        log_write(process, "Unfrozen by errmsg timer")
    elif force and process.deliver_force_thaw and process.continued is None:
        message.manual_thaw = True
        log_write(process, "Unfrozen by forced delivery")
    elif message.sender and 0 < options.seconds("auto_thaw") < now - message.frozen_at:
        log_write(process, "Unfrozen by auto-thaw")
    else:
        log_write(process, "Message is frozen", when="skip_delivery")
        return None
    message.frozen = False
    return Fate.TRIED


def _queue_time(process: Process, message: Message) -> str:
    if not selector(process, "queue_time_overall"):
        return ""
    return f" QT={string_timediff(process, process.world.now() - message.received_time)}"


def _finish(delivery: Delivery) -> None:
    process, message = delivery.process, delivery.message
    if delivery.defer:
        _keep(delivery)
    elif not delivery.kept:
        process.spool.remove(message.id)
        log_write(process, f"Completed{_queue_time(process, message)}")
        main_event_raise(process, "msg:complete")
        return
    if message.frozen and process.config.main.flag("move_frozen_messages"):
        spool_move_message(process, message, to="F")


def _keep(delivery: Delivery) -> None:
    process, message = delivery.process, delivery.message
    message.deliver_firsttime = message.deliver_firsttime and not _counts_as_first(process)
    if delivery.freeze:
        tell_of_freezing(process, delivery.frozen_info, delivery.defer)
        message.frozen, message.frozen_at = True, process.world.now()
        deliver_msglog(process, f"*** Frozen{delivery.frozen_info}", stamped=False)
        log_write(process, f"Frozen{delivery.frozen_info}")
