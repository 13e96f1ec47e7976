"""The spool, queue runs, and what an administrator does to a message (src/queue.c)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.parse import AddressError
from eximsim.mta.base.regex_cache import RegexError, compile_pattern
from eximsim.mta.base.string import from_octets, list_items
from eximsim.mta.delivery.deliver import deliver_message
from eximsim.mta.delivery.mua_wrapper import NotSent
from eximsim.mta.delivery.spool_move import spool_move_message
from eximsim.mta.delivery.spool_out import spool_header
from eximsim.mta.expand.event import main_event_raise
from eximsim.mta.process.ends import PanicDie, ProcessDied
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.harness import forked, started
from eximsim.mta.process.log import log_write
from eximsim.mta.records.spool import HEADER_OLD, Message, Recipient
from eximsim.mta.transports.tls_files import preload_anchors
from eximsim.mta.verify import cutthrough
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


LOCAL_DELIVERY = "local-accept-delivery"
"""The purpose of a process that delivers what a program has read that is no daemon."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What -R and -S look for in addresses: a text, or a regular expression. Letters' case does not count."""

    text: str
    regex: bool = False

    def fits(self, process: Process, address: str) -> bool:
        """Whether an address has it."""
        if not self.regex:
            return self.text.lower() in address.lower()
        try:
            pattern = compile_pattern(self.text, caseless=True)
        except RegexError as error:
            raise Unsupported(f"what is said of a bad expression to select messages: {error}") from None
        return pattern.search(address, process.trace, process.effort) is not None

    def __str__(self) -> str:
        return f"{'r' if self.regex else ''} {self.text}"


@dataclass(frozen=True, slots=True)
class QueueRun:
    """The manner of one queue run, from the letters after -q and from -R and -S.

    ``ids`` limits the run to messages from the first to the second id. A daemon runs every ``interval``
    seconds; 0: there is one run.
    """

    two_stage: bool = False
    first_delivery: bool = False
    force: bool = False
    force_thaw: bool = False
    local: bool = False
    recipient: Selection | None = None
    sender: Selection | None = None
    ids: tuple[str | None, str | None] = (None, None)
    interval: int = 0

    def detail(self, pid: int) -> str:
        """How the log names the run: ``pid=1234 -qf``."""
        letters = zip(
            "qiffl",
            (self.two_stage, self.first_delivery, self.force, self.force_thaw, self.local),
            strict=True,
        )
        extras = "".join(letter for letter, is_set in letters if is_set)
        text = f"pid={pid} -q{extras}" if extras else f"pid={pid}"
        if self.recipient is not None:
            text += f" -R{self.recipient}"
        return text if self.sender is None else f"{text} -S{self.sender}"


def queue_get_spool_list(process: Process, *, randomize: bool, by_time: bool) -> list[str]:
    """The ids of the queue: in order, or shuffled as Exim shuffles them while it reads the directory.

    Of messages of one second the process number decides, with ``by_time`` the fraction. Source:
    queue_get_spool_list(), src/queue.c (one random bit for each file: at the front or at the back).
    """
    ids = process.spool.ids()
    if not randomize:
        return sorted(ids, key=_without_process) if by_time else ids
    order: list[str] = []
    for message_id in ids:
        order.insert(len(order) if order and process.machine.rng.randrange(2) else 0, message_id)
    return order


def _without_process(message_id: str) -> tuple[str, str]:
    return message_id.partition("-")[0], message_id.rpartition("-")[2]


def queue_run(process: Process, run: QueueRun) -> None:
    """Go over the queue once, twice with ``run.two_stage``, each delivery in a process of its own.

    Source: queue_run(), src/queue.c.
    """
    process.queue_running, process.queue_run_pid = True, process.pid
    process.deliver_force_thaw = run.force_thaw
    process.queue_run_local = run.local
    detail = run.detail(process.pid)
    run_of = f"'{process.queue_name}' queue run" if process.queue_name else "queue run"
    log_write(process, f"Start {run_of}: {detail}", when="queue_run")
    waiting = process.profile.queue_run_preloads_anchors
    if waiting and process.profile.anchors_preloaded_for_nothing:
        preload_anchors(process)
        waiting = False
    for remote_waits in (True, False) if run.two_stage else (False,):
        process.queue_smtp = process.queue_2stage = remote_waits
        waiting = _run_once(process, run, preload=waiting)
    log_write(process, f"End {run_of}: {detail}", when="queue_run")


def listed(process: Process, *, randomize: bool) -> list[str]:
    """The ids of the queue in the order in which this release goes through it, or shuffled."""
    by_time = process.profile.queue_order_ignores_process
    return queue_get_spool_list(process, randomize=randomize, by_time=by_time)


def _run_once(process: Process, run: QueueRun, *, preload: bool) -> bool:
    """Go over the queue; with ``preload`` trust anchors are loaded first. Whether that is left to do."""
    randomize = not process.config.main.flag("queue_run_in_order")
    first, last = run.ids
    force = run.force or run.recipient is not None or run.sender is not None
    purpose = "qrun-p1-delivery" if process.queue_2stage else "qrun-delivery"
    for message_id in listed(process, randomize=randomize):
        message = process.spool.get(message_id)
        if message is None or (first and message_id < first) or (last and message_id > last):
            continue
        if _wanted(process, run, message):
            if preload:
                preload_anchors(process)
                preload = False
            deliver_in_child(process, message_id, purpose, force=force, crash="queue run: ")
            force = run.force if process.attempted else force
            if not process.queue_2stage and "/" in process.fudged_queue_times:
                process.fudged_queue_times = process.fudged_queue_times.partition("/")[2]
    return preload


def _wanted(process: Process, run: QueueRun, message: Message) -> bool:
    """The tests that need the message itself: frozen, delivered before, sender, recipient."""
    if run.recipient is None and run.sender is None and not run.first_delivery:
        return True
    if message.frozen and not run.force_thaw:
        log_write(process, "Message is frozen", when="skip_delivery")
        return False
    if run.first_delivery and not message.deliver_firsttime:
        return False
    if run.sender is not None and not run.sender.fits(process, message.sender):
        return False
    return run.recipient is None or any(
        run.recipient.fits(process, address) and address not in message.nonrecipients
        for address in message.addresses()
    )


def deliver_in_child(
    process: Process,
    message_id: str,
    purpose: str,
    *,
    force: bool = False,
    give_up: bool = False,
    crash: str | None = "",
    anew: bool = False,
) -> None:
    """Deliver one message in a forked process and wait for it; see ``begin_delivery``."""
    begin_delivery(process, message_id, purpose, force=force, give_up=give_up, crash=crash, anew=anew)()


def begin_delivery(
    process: Process,
    message_id: str,
    purpose: str,
    *,
    force: bool = False,
    give_up: bool = False,
    crash: str | None = "",
    anew: bool = False,
) -> Callable[[], None]:
    """Fork a process for a ``purpose``, to deliver one message; what is given back is the rest of its life.

    With ``anew`` the child runs the program again to regain its privilege (``child_exec_exim()``), unless it
    is to deliver without (deliver_drop_privilege): then it knows what the process before it found out. A
    child that dies of a signal is logged as the parent would, after the words ``crash`` ("queue run: ");
    None if the parent does not look (background delivery). Of one that gives up its parent says nothing.
    """
    child = process.fork(purpose)
    child.message_id, child.afterwards, child.attempted = message_id, [], False
    process.machine.left_behind += crash is None
    again = anew and not process.config.main.flag("deliver_drop_privilege")
    if again:
        child.run_anew()
    if anew:
        child.continued = cutthrough.pass_on(child)
        if child.continued is not None:
            child.variables["sending_ip_address"] = child.continued.connection.local_address
            child.variables["sending_port"] = str(child.continued.connection.local_port)
        process.cutthrough = replace(process.cutthrough, call=None, delivery=False, hold_only=False)
    force = force or child.continued is not None
    deliver = partial(deliver_message, child, message_id, force=force, give_up=give_up)
    return partial(_carry_out, process, child, deliver, crash, anew=again)


def _carry_out(
    process: Process, child: Process, deliver: Callable[[], bool], crash: str | None, *, anew: bool
) -> None:
    locked, message_id = process.spool.locked, child.message_id
    done, ended = True, False
    try:
        with forked(process):
            if anew:
                started(process)
            done = deliver()
            ended = True
    except PanicDie:
        locked.discard(message_id)
    except ProcessDied as death:
        locked.discard(message_id)
        if crash is not None:
            what = f"{crash}process {child.pid} crashed with signal {death.signal}"
            if not crash:  # the process that has just taken the message in
                process.message_id = message_id
            log_write(process, f"{what} while delivering {message_id}", panic=True)
    for job in child.afterwards or ():
        job()
    process.attempted = ended and child.attempted
    if not done:
        raise NotSent


def queue_check_only(process: Process) -> bool:
    """Whether messages are only queued because of a file; remote ones, because of another.

    Source: queue_check_only().
    """
    found = False
    for item in list_items(process.config.main.text("queue_only_file") or ""):
        remote = item.startswith("smtp")
        if process.world.path_kind(item.removeprefix("smtp")):
            process.queue_smtp = process.queue_smtp or remote
            found = found or not remote
    return found


# ---- -M... -----------------------------------------------------------------------------------------


def _freeze(process: Process, message: Message) -> bool:
    if message.frozen:
        process.out("is already frozen\n")
        return False
    message.frozen, message.manual_thaw, message.frozen_at = True, False, process.world.now()
    process.out("is now frozen\n")
    log_write(process, f"frozen by {process.machine.user}")
    return True


def _thaw(process: Process, message: Message) -> bool:
    if not message.frozen:
        process.out("is not frozen\n")
        return False
    message.frozen, message.manual_thaw = False, True
    process.out("is no longer frozen\n")
    log_write(process, f"unfrozen by {process.machine.user}")
    return True


def _remove(process: Process, message: Message) -> bool:
    process.spool.remove(message.id)
    process.out("has been removed\n")
    if process.profile.removal_raises_events:
        _tell_removal(process, message)
    log_write(process, f"removed by {process.machine.user}")
    log_write(process, "Completed")
    return True


def _tell_removal(process: Process, message: Message) -> None:
    for address in message.addresses():
        if address not in message.nonrecipients:
            local_part, _, domain = address.rpartition("@")
            with process.setting(local_part=local_part, domain=domain):
                why = f"message removed by {process.machine.user}"
                main_event_raise(process, "msg:fail:internal", why)
    main_event_raise(process, "msg:complete")


def _mark_all_delivered(process: Process, message: Message) -> bool:
    message.nonrecipients |= dict.fromkeys(message.addresses())
    process.out("has been modified\n")
    for address in message.addresses():
        log_write(process, f"address <{address}> marked delivered by {process.machine.user}")
    return True


_WHOLE_MESSAGE: dict[str, Callable[[Process, Message], bool]] = {
    "-Mf": _freeze,
    "-Mt": _thaw,
    "-Mrm": _remove,
    "-Mmad": _mark_all_delivered,
}


def _add_recipient(process: Process, message: Message, address: str) -> bool:
    message.recipients.append(Recipient(address))
    log_write(process, f"recipient <{address}> added by {process.machine.user}")
    return True


def _mark_delivered(process: Process, message: Message, address: str) -> bool:
    if address not in message.addresses():
        said = f"- error while marking as delivered:\n  {address} is not a recipient: message not updated\n"
        process.out(said)
        return False
    message.nonrecipients[address] = None
    log_write(process, f"address <{address}> marked delivered by {process.machine.user}")
    return True


def _edit_sender(process: Process, message: Message, address: str) -> bool:
    message.sender = address
    log_write(process, f"sender address changed to <{address}> by {process.machine.user}")
    return True


_BY_ADDRESS: dict[str, tuple[str, Callable[[Process, Message, str], bool]]] = {
    "-Mar": ("adding recipient", _add_recipient),
    "-Mmd": ("marking as delivered", _mark_delivered),
    "-Mes": ("editing sender", _edit_sender),
}


def _show_body(process: Process, message: Message) -> bool:
    process.out(f"{message.id}-D\n{from_octets(message.body)}")
    return True


def _show_header(process: Process, message: Message) -> bool:
    process.out(spool_header(process, message))
    return True


def _show_copy(process: Process, message: Message) -> bool:
    head = "".join(header.text for header in message.headers if header.kind != HEADER_OLD)
    process.out(f"{head}\n{from_octets(message.body)}")
    return True


def _show_log(process: Process, message: Message) -> bool:
    if message.msglog:
        process.out("".join(message.msglog))
    else:
        process.out(f"Failed to open msglog file for {message.id}: No such file or directory\n")
        if not process.config.main.flag("message_logs"):
            process.out("(No message logs are being created because the message_logs option is false.)\n")
    return bool(message.msglog)


_SHOW: dict[str, Callable[[Process, Message], bool]] = {
    "-Mvb": _show_body,
    "-Mvc": _show_copy,
    "-Mvh": _show_header,
    "-Mvl": _show_log,
}
_FILES = {"-Mvb": ("input", "-D"), "-Mvh": ("input", "-H"), "-Mvl": ("msglog", "")}
"""The file that an option shows: its folder in the spool, and how its name ends."""

SET_QUEUE = "-MG"
"""Moves messages to the queue that is named; the empty name is that of the queue without one."""

QUEUE_ACTIONS = frozenset({*_WHOLE_MESSAGE, *_BY_ADDRESS, *_SHOW, SET_QUEUE})
"""The command line options that ``queue_action()`` carries out."""

TAKES_ADDRESSES = frozenset((*_BY_ADDRESS, *_SHOW))
"""Those that take one message, and then addresses or nothing; the others take messages."""


def queue_action(process: Process, action: str, message_id: str, addresses: Sequence[str] = ()) -> bool:
    """Do to one message what the option ``action`` (``-Mrm``, ...) says; False if anything was wrong.

    ``addresses`` are what some of them do it with; of ``SET_QUEUE`` it is the queue's name.

    Source: queue_action(), src/queue.c. The caller counts as an administrator.
    """
    process.message_id = message_id
    message = process.spool.get(message_id)
    if action in _FILES and addresses:
        process.out("*** Only one message can be listed at once\n")
        return False
    if message is None and action in _FILES:
        folder, end = _FILES[action]
        process.out(f"Failed to open {folder} file for {message_id}{end}: No such file or directory\n")
        return False
    if message is None:
        process.out(f"Spool data file for {message_id} does not exist\n")
        if action == "-Mrm":
            process.out("Continuing, to ensure all files removed\n")
            process.out(f"Message {message_id} has been removed or did not exist\n")
        return False
    if action in _SHOW:
        return _SHOW[action](process, message)
    process.out(f"Message {message_id} ")
    if action == SET_QUEUE:
        spool_move_message(process, message, queue=addresses[0])
        return True
    if action in _WHOLE_MESSAGE:
        return _WHOLE_MESSAGE[action](process, message)
    doing, act = _BY_ADDRESS[action]
    if not addresses or (action == "-Mes" and len(addresses) > 1):
        wrong = (
            f"- error while {doing}: no address given"
            if not addresses
            else ("- only one sender address can be specified")
        )
        process.out(f"{wrong}\n")
        return False
    results = [_act_on_address(process, message, doing, text, act) for text in addresses]
    if all(results):
        process.out("has been modified\n")
    return all(results)


def _act_on_address(
    process: Process, message: Message, doing: str, text: str, act: Callable[[Process, Message, str], bool]
) -> bool:
    try:
        found = extract_address(process, text, allow_null=doing == "editing sender")
        if found.address and not found.domain_at:
            raise AddressError("domain missing")
    except AddressError as error:
        process.out(f"- error while {doing}:\n  bad address {text}: {error.message}\n")
        return False
    return act(process, message, found.address)
