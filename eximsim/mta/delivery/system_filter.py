"""The system filter, which a message goes through before its recipients are routed (src/deliver.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.errnos import ENOENT, strerror
from eximsim.mta.base.string import from_octets, in_quotes
from eximsim.mta.delivery.deliver_done import post_process_one
from eximsim.mta.delivery.delivery import Fate
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.marks import Taint, taint_of
from eximsim.mta.expand.taint import expand_marked
from eximsim.mta.process.hostname import qualify_domain
from eximsim.mta.process.log import deliver_msglog, log_write, printed
from eximsim.mta.routing.address import deliver_make_addr
from eximsim.mta.routing.filters.exim_filter import filter_interpret
from eximsim.mta.routing.filters.filter_log import LogAccess
from eximsim.mta.routing.filters.running import Filtered, Outcome
from eximsim.mta.routing.filters.syntax import STOPPING
from eximsim.mta.routing.rda import lacks_folder
from eximsim.status import Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.delivery.delivery import Delivery
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address
    from eximsim.mta.routing.filters.generated import Generated

SYSTEM_FILTERED = Rule("system filter", "deliver.c deliver_message")


def run_system_filter(delivery: Delivery) -> tuple[Fate, str | None] | None:
    """Obey the system filter; what becomes of the recipients, and why if they fail.

    None: there was an error, which is logged; nothing is delivered now, and no header line is changed. What
    the filter does to the header lines holds for this delivery, and for those after it if the header file is
    written anew; the caller sees to that. Source: deliver_message().
    """
    process, message = delivery.process, delivery.message
    text = _text_of(process)
    message.counted = message.headers
    message.headers = [replace(header) for header in message.headers]
    process.return_path = message.sender
    recipients = ", ".join(message.addresses())
    with process.setting(recipients=recipients, recipients_count=str(len(message.recipients))):
        filtered = (
            filter_interpret(
                process, text, allowed=STOPPING, system=True, rewrite=True, log=LogAccess.WRITTEN
            )
            if isinstance(text, str)
            else text
        )
    if filtered.outcome is Outcome.ERROR:
        log_write(process, f"Error in system filter: {printed(process, filtered.message or '')}", panic=True)
        message.headers = message.counted  # the header file is not written
        _record(delivery, "ERROR", filtered)
        return None
    fate, why = _fate(delivery, filtered)
    _record(delivery, fate.name, filtered)
    if filtered.generated:
        _add_generated(delivery, filtered.generated)
    return fate, why


def _record(delivery: Delivery, fate: str, filtered: Filtered) -> None:
    delivery.process.trace.record(
        SYSTEM_FILTERED,
        fate,
        recipients=tuple(delivery.message.addresses()),
        instead=tuple(one.address for one in filtered.generated),
        message=filtered.message or "",
    )


def _text_of(process: Process) -> str | Filtered:
    """The filter's text, or the error that there was with it (rda_interpret(), src/rda.c)."""
    options = process.config.main
    name = options.text("system_filter") or ""
    try:
        path = expand(process, name)
    except ExpansionFailed as failed:
        if failed.forced:
            return Filtered(Outcome.NOTDELIVERED)
        return Filtered(Outcome.ERROR, f'failed to expand "{name}": {failed.message}')
    if not path.startswith("/"):
        return Filtered(Outcome.ERROR, f'"{path}" is not an absolute path')
    try:
        return from_octets(process.world.read_file(path))
    except OSError as error:
        folder = path.rpartition("/")[0]
        if error.errno == ENOENT and lacks_folder(process, folder):
            return Filtered(Outcome.ERROR, f"failed to stat {folder}/. ({strerror(ENOENT)})")
        if error.errno == ENOENT:
            return Filtered(Outcome.ERROR, f"{path} does not exist")
        return Filtered(Outcome.ERROR, f"failed to open {path}: {strerror(error.errno or 0)}")


def _fate(delivery: Delivery, filtered: Filtered) -> tuple[Fate, str | None]:
    process, why = delivery.process, filtered.message or None
    if filtered.outcome is Outcome.DEFER:
        deliver_msglog(process, "Delivery deferred by system filter", stamped=False)
        log_write(process, "Delivery deferred by system filter")
        return Fate.DEFERRED, None
    if filtered.outcome is Outcome.FREEZE and not delivery.message.manual_thaw:
        delivery.freeze = True
        delivery.frozen_info = f" by the system filter{f': {why}' if why else ''}"
        return Fate.DEFERRED, None
    if filtered.outcome is Outcome.FAIL:
        logged, why = _for_log(why or "")
        log_write(process, f"cancelled by system filter{f': {logged}' if filtered.message else ''}")
        return Fate.FILTERED, why
    if filtered.outcome is Outcome.DELIVERED:
        done = "original recipients ignored" if filtered.generated else "=> discarded"
        log_write(process, f"{done} (system filter)")
        return Fate.IGNORED, None
    return Fate.TRIED, None


def _for_log(text: str) -> tuple[str, str | None]:
    """What of the message goes to the log (what stands between ``<<`` and ``>>``), and what to the sender."""
    logged, end, rest = text.removeprefix("<<").partition(">>")
    if text.startswith("<<") and end:
        return logged, rest or None
    return text, text or None


def _add_generated(delivery: Delivery, generated: list[Generated]) -> None:
    """Make addresses of what the filter generated, with a parent that stands for the filter."""
    process = delivery.process
    parent = deliver_make_addr("system-filter")
    parent.domain, parent.local_part = qualify_domain(process, is_recipient=True).lower(), "system-filter"
    for one in generated:
        child = deliver_make_addr(one.address)
        child.parent, child.errors_address, child.ignore_error = parent, one.errors_address, one.ignore_error
        parent.child_count += 1
        if one.made_for:
            one.give_to(child)
            child.permitted = True
            child.uid, child.gid = _ids(process)
            child.transport = _transport(process, child)
            if child.transport is None:
                child.local_part = child.address
                post_process_one(delivery, child, Rc.PANIC, kind="R")
                continue
        delivery.new.append(child)


def _ids(process: Process) -> tuple[int, int]:
    """Under which ids files and pipes of the system filter are delivered to."""
    options = process.config.main
    user, group = options.text("system_filter_user"), options.text("system_filter_group")
    if group is not None and not group.isdigit():
        raise Unsupported("system_filter_group that is no number", *options.where("system_filter_group"))
    if user is None:
        return 0, 0 if group is None else int(group)
    account = process.machine.account(user)
    if account is None and not user.isdigit():
        raise Unsupported(f"whether there is a user {user} here", *options.where("system_filter_user"))
    uid, gid = (int(user), 0) if account is None else (account.uid, account.gid)
    return uid, gid if group is None else int(group)


_TRANSPORTS = {
    "directory": "system_filter_directory_transport",
    "file": "system_filter_file_transport",
    "pipe": "system_filter_pipe_transport",
    "reply": "system_filter_reply_transport",
}


def _transport(process: Process, addr: Address) -> DriverInstance | None:
    """The transport that the options name for a file, a pipe or a reply; None with ``addr.message`` set."""
    kind = "directory" if addr.made_for == "file" and addr.address.endswith("/") else addr.made_for
    option = _TRANSPORTS[kind]
    text = process.config.main.text(option)
    if text is None:
        addr.message = f"{option} is unset"
        return None
    quote = in_quotes if process.profile.expansion_errors_quoted else '"{}"'.format
    try:
        with process.setting(**({} if kind == "reply" else {f"address_{addr.made_for}": addr.address})):
            name = expand_marked(process, text)
    except ExpansionFailed:
        addr.message = f"failed to expand {quote(text)} as a system filter transport name"
        return None
    if taint_of(name) is not Taint.NONE:
        where = process.config.main.where(option)
        raise Unsupported("a transport of the system filter that may be tainted", *where)
    found = process.config.transports.get(name)
    if found is None:
        addr.message = f"failed to find {quote(name)} transport for system filter delivery"
    return found
