"""Local deliveries: which addresses go together, and the transport's process (``do_local_deliveries()``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.errnos import strerror
from eximsim.mta.base.string import list_items
from eximsim.mta.delivery.command_output import log_output, wants_output
from eximsim.mta.delivery.deliver_done import child_done, post_process_one
from eximsim.mta.delivery.queuefile import queuefile_transport_entry
from eximsim.mta.delivery.quota_warning import warn_of_quota
from eximsim.mta.delivery.transport_limits import check_message_size
from eximsim.mta.expand.check_condition import expand_check_condition
from eximsim.mta.expand.debug_print import debug_print_string
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.harness import forked, pause
from eximsim.mta.process.log import log_write, quoted
from eximsim.mta.routing.address import deliver_set_expansions
from eximsim.mta.routing.ugid import NoSuchUser, ugid_of
from eximsim.mta.transports import retry
from eximsim.mta.transports.appendfile import appendfile_transport_entry
from eximsim.mta.transports.appendfile_quota import WARN
from eximsim.mta.transports.autoreply import autoreply_transport_entry
from eximsim.mta.transports.filtering import set_up_filter
from eximsim.mta.transports.lmtp import lmtp_transport_entry
from eximsim.mta.transports.local import LocalEntry, LocalRun, Stop, replicate_status
from eximsim.mta.transports.pipe import pipe_transport_entry
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.delivery.delivery import Delivery
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address

TRANSPORTS: Mapping[str, LocalEntry] = {
    "appendfile": appendfile_transport_entry,
    "autoreply": autoreply_transport_entry,
    "lmtp": lmtp_transport_entry,
    "pipe": pipe_transport_entry,
    "queuefile": queuefile_transport_entry,
}
"""The drivers that deliver on this machine."""
_EACH_ITS_OWN = frozenset({"lmtp"})
"""Drivers that leave a result in every address, not in the first alone."""


class _Common(Exception):
    """An error for all addresses of a batch. Source: common_error()."""

    def __init__(self, errno: int, message: str, *, logged: bool = True) -> None:
        self.errno, self.message, self.logged = errno, message, logged
        super().__init__(message)


def do_local_deliveries(delivery: Delivery) -> None:
    """Run the transports, each batch of addresses in a process of its own."""
    while delivery.local:
        addr = delivery.local.pop(0)
        transport = addr.transport
        if transport is None:
            raise Unsupported("local delivery without a transport")
        if _previously_transported(delivery, addr):
            child_done(delivery, addr)
            continue
        delivery.process.disable_logging = transport.options.flag("disable_logging")
        batch = [addr, *_others(delivery, transport, addr)]
        rc = check_message_size(delivery.process, transport, addr)
        if rc is not Rc.OK:
            for one in batch:
                one.message = addr.message
                post_process_one(delivery, one, rc, kind="T")
            continue
        batch = [one for one in batch if _is_due(delivery, transport, one)]
        if batch:
            _deliver(delivery, transport, batch)
    delivery.process.disable_logging = False


def _deliver(delivery: Delivery, transport: DriverInstance, batch: list[Address]) -> None:
    process = delivery.process
    begin = process.world.now()
    deliver_set_expansions(process, batch[0], batch[1:])
    deliver_local(process, transport, batch)
    _shadow(process, transport, batch)
    deliver_set_expansions(process, None)
    mark = "*" if process.dont_deliver else "="
    for addr in batch:
        rc = addr.transport_return
        if rc is Rc.DEFER or addr.local_retry_exists:
            retry.retry_add_item(addr, _retry_key(transport, addr), delete=rc is not Rc.DEFER)
        addr.delivery_seconds = int(process.world.now() - begin)
        if addr is batch[0] and addr.return_text is not None:
            rc = log_output(process, addr)
            for other in batch[1:]:
                other.first = addr
                if rc is not addr.transport_return:
                    other.transport_return, other.basic_errno, other.message = (
                        rc,
                        addr.basic_errno,
                        addr.message,
                    )
            addr.transport_return = rc
        post_process_one(delivery, addr, rc, kind="T", mark=mark)
        mark = "-" if rc is Rc.OK else mark


def _shadow(process: Process, transport: DriverInstance, batch: list[Address]) -> None:
    """Deliver what was delivered to the shadow transport, too; the log lines tell how that went."""
    options = transport.options
    name, condition = options.text("shadow_transport"), options.text("shadow_condition")
    if name is None:
        return
    who = f"{transport.name} transport"
    if condition is not None and expand_check_condition(process, condition, who) is not Rc.OK:
        return
    shadow = process.config.transports.get(name)
    if shadow is None:
        log_write(process, f"shadow transport {quoted(process, name)} not found ", panic=True)
        return
    delivered = [addr for addr in batch if addr.transport_return is Rc.OK]
    copies = [replace(addr, transport=shadow) for addr in delivered]
    if not copies:
        return
    written = process.transport_count
    deliver_local(process, shadow, copies, shadowing=True)
    process.transport_count = written
    for addr, copy in zip(delivered, copies, strict=True):
        addr.shadow_message = f" ST={name}{_shadow_problem(copy)}"


_BEFORE_JOURNAL = 0.3
"""How long Exim's test suite has a process wait before it notes that an address is done, in seconds."""


def _shadow_problem(addr: Address) -> str:
    if addr.transport_return is Rc.OK:
        return ""
    error = strerror(addr.basic_errno) if addr.basic_errno > 0 else ""
    parts = [part for part in (error, addr.message) if part]
    return f" ({': '.join(parts) or 'unknown error'})"


def deliver_local(
    process: Process,
    transport: DriverInstance,
    batch: list[Address],
    *,
    shadowing: bool = False,
    verified_size: int | None = None,
) -> None:
    """Run a transport under its user; the result is in every address. Source: deliver_local().

    ``verified_size`` is as in ``LocalRun``.
    """
    first = batch[0]
    first.transport_return = Rc.DEFER
    try:
        run = replace(_prepare(process, transport, first), verified_size=verified_size)
        if _lacks_privilege(process, run):
            _report_death(process, transport, first, run)
            return
        if not shadowing and wants_output(transport):
            run = replace(run, keeps_output=True)
        for addr in batch:
            addr.return_path = process.return_path
        child = process.fork("delivery-local")
        child.random_seed = 0
        child.variables["transport_name"] = transport.name
        if first.router is not None:
            child.variables["router_name"] = first.router.name
        if run.home is not None:
            child.variables["home"] = run.home
        else:
            child.variables.pop("home", None)
        with forked(process):
            _run_transport(child, transport, batch, run)
        process.transport_count = child.transport_count
        if not shadowing:
            for _ in (addr for addr in batch if addr.transport_return is Rc.OK):
                pause(process, _BEFORE_JOURNAL)
        if first.special_action == WARN:
            first.special_action = ""
            warn_of_quota(process, transport)
    except _Common as error:
        first.basic_errno, first.message = error.errno, error.message
        replicate_status(batch)
        if error.logged:
            log_write(process, error.message, panic=True)


def _lacks_privilege(process: Process, run: LocalRun) -> bool:
    """Whether the process cannot become the user under whom the transport is to run."""
    if not process.machine.without_root and not process.config.main.flag("deliver_drop_privilege"):
        return False
    return (run.uid, run.gid) != _exim_ids(process)


def _exim_ids(process: Process) -> tuple[int, int]:
    exim = process.machine.account(process.machine.exim_user)
    assert exim is not None
    return exim.uid, exim.gid


def _report_death(process: Process, transport: DriverInstance, addr: Address, run: LocalRun) -> None:
    """The transport's process has ended at once: the message is frozen.

    Source: exim_setugid(), src/exim.c; deliver_local().
    """
    who = f"local delivery to {addr.local_part} <{addr.address}> transport={transport.name}"
    for told in (
        f"unable to set gid={run.gid} or uid={run.uid} (euid={_exim_ids(process)[0]}): {who}",
        f"failed to read delivery status for {addr.unique} from delivery subprocess",
        f"{transport.driver} transport process returned non-zero status 0x0100: exit code 1",
    ):
        log_write(process, told, panic=True)
    addr.basic_errno, addr.special_action = Errno.UNKNOWNERROR, "freeze"


def _run_transport(process: Process, transport: DriverInstance, batch: list[Address], run: LocalRun) -> None:
    """What the process of a transport does, with its filter set up."""
    entry = TRANSPORTS.get(transport.driver)
    if entry is None:
        what = f"local delivery (transport driver {transport.driver})"
        raise Unsupported(what, transport.path, transport.line)
    first = batch[0]
    try:
        set_up_filter(process, transport, batch, failed=Rc.PANIC, what="transport filter", run=run)
    except Stop as stop:
        first.transport_return, first.message = stop.rc, stop.message
        replicate_status(batch)
        return
    debug_print_string(process, transport.options.text("debug_print"))
    entry(process, transport, batch, run)
    if transport.driver not in _EACH_ITS_OWN:
        replicate_status(batch)


def _prepare(process: Process, transport: DriverInstance, addr: Address) -> LocalRun:
    """The return path, the user and the folders of a delivery."""
    _set_return_path(process, transport, addr)
    ids = _find_ugid(process, transport, addr)
    home = transport.options.text("home_directory") or addr.home_dir
    if home is not None and not (home is addr.home_dir and addr.home_expanded):
        process.variables.pop("home", None)
        home = _folder(process, transport, "home", home)
    directory = transport.options.text("current_directory") or addr.current_dir
    if directory is None:
        directory = home or "/"
    else:
        with process.setting(home=home):
            directory = _folder(process, transport, "current", directory)
    return LocalRun(*ids, home, directory)


def _folder(process: Process, transport: DriverInstance, kind: str, text: str) -> str:
    try:
        path = expand(process, text)
    except ExpansionFailed as failed:
        what = f"{kind} directory {quoted(process, text)} failed to expand for {transport.name} transport"
        raise _Common(Errno.EXPANDFAIL, f"{what}: {failed.message}") from None
    if not path.startswith("/"):
        what = f"{kind} directory path {quoted(process, path)} is not absolute for {transport.name} transport"
        raise _Common(Errno.NOTABSOLUTE, what)
    return path


def _set_return_path(process: Process, transport: DriverInstance, addr: Address) -> None:
    sender = process.message.sender if process.message else ""
    process.return_path = addr.errors_address if addr.errors_address is not None else sender
    text = transport.options.text("return_path")
    if text is None:
        return
    try:
        process.return_path = expand(process, text)
    except ExpansionFailed as failed:
        if not failed.forced:
            what = f"Failed to expand return path {quoted(process, text)} in {transport.name} transport"
            raise _Common(Errno.EXPANDFAIL, f"{what}: {failed.message}") from None


def _find_ugid(process: Process, transport: DriverInstance, addr: Address) -> tuple[int, int]:
    """Under which user and group the transport runs. Source: findugid()."""
    try:
        ids = ugid_of(process, transport, "transport")
    except NoSuchUser as failed:
        number = Errno.UIDFAIL if " user " in str(failed).partition('"')[0] else Errno.GIDFAIL
        raise _Common(number, str(failed), logged=False) from None
    uid, gid = ids.uid, ids.gid
    if uid is None:
        gid = addr.gid if gid is None else gid
        uid = addr.uid
    elif gid is None:
        gid = addr.gid
    if uid is None:
        exim = process.machine.account(process.machine.exim_user)
        assert exim is not None
        uid, gid = exim.uid, exim.gid if gid is None else gid
    if gid is None:
        raise _Common(Errno.GIDFAIL, f"User set without group for {transport.name} transport")
    for what in ("never_users", "fixed_never_users"):
        if uid in _banned(process, what):
            message = f"User {uid} set for {transport.name} transport is on the {what} list"
            raise _Common(Errno.UIDFAIL, message)
    return uid, gid


def _banned(process: Process, what: str) -> list[int]:
    """Users under whom nothing is delivered; programs are built with root among them."""
    if what == "fixed_never_users":
        return [0]
    found = []
    for name in list_items(process.config.main.text("never_users") or "", ":"):
        account = process.machine.account(name)
        if name.isdigit():
            found.append(int(name))
        elif account is not None:
            found.append(account.uid)
    return found


# ---- which addresses, and when -----------------------------------------------------------------------------


def _previously_transported(delivery: Delivery, addr: Address) -> bool:
    """Whether an earlier delivery has handed the address to this transport. Source: of that name."""
    assert addr.transport is not None
    return f"{addr.base_unique}/{addr.transport.name}" in delivery.message.nonrecipients


def _retry_key(transport: DriverInstance, addr: Address) -> str:
    by_local_part = transport.options.flag("retry_use_local_part")
    key = addr.address_retry_key if by_local_part or addr.made_for else retry.domain_key(addr)
    return f"T{key[1:]}"


def _is_due(delivery: Delivery, transport: DriverInstance, addr: Address) -> bool:
    """Whether the address is to be delivered now; it is put off if its retry time has not come."""
    process, key = delivery.process, _retry_key(transport, addr)
    record = process.machine.hints.retry.get(key)
    addr.local_retry_exists = record is not None
    if record is None or not process.queue_running or delivery.force:
        return True
    now = process.world.now()
    fresh = retry.retry_record(process, key) is not None
    if not fresh or now >= record.next_try or record.expired:
        return True
    if retry.retry_ultimate_address_timeout(process, key, addr.domain, record):
        return True
    addr.message, addr.basic_errno = "Retry time not yet reached", Errno.LRETRY
    post_process_one(delivery, addr, Rc.DEFER, kind="T")
    return False


def _others(delivery: Delivery, transport: DriverInstance, first: Address) -> list[Address]:
    """The addresses that are delivered together with the first one: up to batch_max."""
    limit = transport.options.number("batch_max")
    if limit <= 1 or not delivery.local:
        return []
    process = delivery.process
    uses_domain = _depends(transport, "domain")
    is_path = first.made_for in ("file", "pipe")
    uses_local_part = is_path or _depends(transport, "local_part")
    batch_id = _batch_id(process, transport, first)
    if batch_id is _FAILED:
        return []
    batch: list[Address] = []
    for other in list(delivery.local):
        if len(batch) + 1 >= limit:
            break
        if (
            other.transport is transport
            and not _previously_transported(delivery, other)
            and other.made_for == first.made_for
            and (not uses_local_part or other.local_part == first.local_part)
            and (not uses_domain or other.domain == first.domain)
            and other.errors_address == first.errors_address
            and other.extra_headers == first.extra_headers
            and other.remove_headers == first.remove_headers
            and _same_ugid(transport, first, other)
            and [host.name for host in other.host_list[:1]] == [host.name for host in first.host_list[:1]]
            and (batch_id is None or _batch_id(process, transport, other) == batch_id)
        ):
            batch.append(other)
    delivery.local = [one for one in delivery.local if not any(one is other for other in batch)]
    return batch


_FAILED = "\0"
"""Stands for a batch_id that does not expand."""


def _batch_id(process: Process, transport: DriverInstance, addr: Address) -> str | None:
    text = transport.options.text("batch_id")
    if text is None:
        return None
    deliver_set_expansions(process, addr)
    try:
        return expand(process, text)
    except ExpansionFailed as failed:
        what = f"Failed to expand batch_id option in {transport.name} transport ({addr.address})"
        log_write(process, f"{what}: {failed.message}", panic=True)
        return _FAILED
    finally:
        deliver_set_expansions(process, None)


def _depends(transport: DriverInstance, variable: str) -> bool:
    """Whether some option of a transport seems to have the variable in it. Source: readconf_depends()."""
    texts = [transport.options.value(name) for name in transport.options.names]
    for text in [text for text in texts if isinstance(text, str)]:
        at = text.find(variable)
        if at > 0 and text[at - 1] in "${" and not text[at + len(variable) :][:1].isalnum():
            return True
    return False


def _same_ugid(transport: DriverInstance, one: Address, other: Address) -> bool:
    """As Exim compares them: whether the first has a user with whether the other has a group."""
    options = transport.options
    has_group = other.gid is not None
    if options.text("user") is None and (
        (one.uid is not None) is not has_group or one.uid not in (None, other.uid)
    ):
        return False
    return options.text("group") is not None or (
        (one.gid is not None) is has_group and one.gid in (None, other.gid)
    )
