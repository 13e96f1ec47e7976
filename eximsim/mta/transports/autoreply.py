"""The autoreply transport: sends a message about the one that is delivered (src/transports/autoreply.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.base.parse import AddressError, parse_extract_address, parse_find_address_end
from eximsim.mta.base.readtime import readconf_readtime
from eximsim.mta.base.string import from_octets, is_printing, octets
from eximsim.mta.base.tod import Tod
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.marks import Taint
from eximsim.mta.expand.taint import expand_tainted
from eximsim.mta.lookup.match import match_address_list
from eximsim.mta.process.local_time import local_stamp
from eximsim.mta.process.log import printed, quoted
from eximsim.mta.process.logins import login_of
from eximsim.mta.process.references import references
from eximsim.mta.process.upward import EXIT_NORECIPIENTS, child_open_exim
from eximsim.mta.records.structs import Reply
from eximsim.mta.transports.local import LocalRun, Stop, refuse_unmodelled
from eximsim.mta.transports.message_text import Writing, local_message
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address

_HEADERS = ("from", "reply_to", "to", "cc", "bcc", "subject")
_FILES = {"file": "file", "log": "logfile", "once": "once file"}
"""Options that name files, and how messages call them."""
_STEP = 8192
"""Octets by which bounce_return_size_limit is rounded up (DELIVER_IN_BUFFER_SIZE)."""
_CHAIN = 40
"""So many replies to replies are followed; Exim goes on for ever."""


def autoreply_transport_entry(
    process: Process, transport: DriverInstance, addrs: list[Address], run: LocalRun
) -> None:
    """Send the reply, unless its recipient has had one. Source: autoreply_transport_entry()."""
    refuse_unmodelled(transport)
    addr = addrs[0]
    addr.transport_return, addr.basic_errno = Rc.OK, 0
    before = process.forbidden_expansions
    try:
        if addr.reply is not None:
            process.forbidden_expansions = addr.reply.forbidden
        reply = addr.reply or _from_options(process, transport)
        reply = _without_never_mail(process, transport, reply)
        if process.dont_deliver or (reply.to is None and reply.cc is None and reply.bcc is None):
            return
        _reply(process, transport, addrs, run, reply)
    except Stop as stop:
        addr.transport_return, addr.message, addr.basic_errno = stop.rc, stop.message, stop.errno
    finally:
        process.forbidden_expansions = before


def _reply(
    process: Process, transport: DriverInstance, addrs: list[Address], run: LocalRun, reply: Reply
) -> None:
    once = bool(reply.once) and reply.to is not None
    if once and _was_sent(process, transport, reply):
        _log(process, transport, reply, run, [f"  previously sent to {(reply.to or '')[:200]}"])
        return
    content = _content(process, transport, addrs, reply)
    if process.machine.writing >= _CHAIN:
        what = f"more than {_CHAIN} automatic replies, each of them because of the one before"
        raise Unsupported(what, transport.path, transport.line)
    code = child_open_exim(process, "", [], content, process.message_id, login_of(process, run.uid))
    if once:
        _note(process, transport, reply)
    if code not in (0, EXIT_NORECIPIENTS):
        raise Stop(Rc.DEFER, f"Failed to send message from {transport.name} transport ({code})", 0)
    shown = [(name, getattr(reply, _field(name))) for name in _HEADERS if name != "reply_to"]
    lines = [f"  {name.capitalize()}: {text}" for name, text in shown if text is not None]
    lines += [] if reply.headers is None else [f"  {reply.headers}"]
    _log(process, transport, reply, run, lines)


def _field(name: str) -> str:
    return "sender" if name == "from" else name


# ---- what is to be sent --------------------------------------------------------------------------------


def _from_options(process: Process, transport: DriverInstance) -> Reply:
    """The reply as the transport's options give it."""
    headers = {_field(name): _checked(process, transport, name, folds=True) for name in _HEADERS}
    texts = {name: _checked(process, transport, name, any_octet=True) for name in ("headers", "text")}
    files = {name: _checked(process, transport, name) for name in _FILES}
    repeat = _checked(process, transport, "once_repeat")
    seconds = 0 if repeat is None else readconf_readtime(repeat)
    if seconds is None:
        shown = quoted(process, repeat or "")
        what = f'Invalid time value {shown} for "once_repeat" in {transport.name} transport'
        raise Stop(Rc.FAIL, what, 0)
    given = {**headers, **texts, **files}
    return Reply(
        sender=given["sender"],
        reply_to=given["reply_to"],
        to=given["to"],
        cc=given["cc"],
        bcc=given["bcc"],
        subject=given["subject"],
        headers=given["headers"],
        text=given["text"],
        file=given["file"],
        log=given["log"],
        once=given["once"],
        once_repeat=seconds,
        file_expand=transport.options.flag("file_expand"),
        return_message=transport.options.flag("return_message"),
    )


def _checked(
    process: Process,
    transport: DriverInstance,
    option: str,
    *,
    folds: bool = False,
    any_octet: bool = False,
) -> str | None:
    """An option's text, expanded; ``Stop`` for one that has what cannot be printed. Source: checkexpand().

    ``folds`` lets lines be folded. A file whose name is tainted is refused when it would be opened.
    """
    text = transport.options.text(option)
    if text is None:
        return None
    try:
        value, taint = expand_tainted(process, text)
    except ExpansionFailed as failed:
        what = f"Expansion of {quoted(process, text)} failed in {transport.name} transport: {failed.message}"
        raise Stop(Rc.FAIL, what, 0) from None
    top = process.config.main.flag("print_topbitchars")
    data = b"" if any_octet else octets(value)
    for at, octet in enumerate(data):
        if not is_printing(octet, top=top) and not (folds and data[at : at + 2] in (b"\n ", b"\n\t")):
            shown = quoted(process, printed(process, text))
            what = f"Expansion of {shown} in {transport.name} transport contains"
            raise Stop(Rc.FAIL, f"{what} non-printing character {octet}", 0)
    if option in _FILES and value and taint is not Taint.NONE and process.profile.tainted_paths_refused:
        if taint is Taint.UNKNOWN:
            raise Unsupported(f"whether the name {value} is tainted", *transport.options.where(option))
        what = f"Tainted '{value}' ({_FILES[option]} for {transport.name} transport) not permitted"
        raise Stop(Rc.DEFER, what, errnos.EACCES)
    return value


def _without_never_mail(process: Process, transport: DriverInstance, reply: Reply) -> Reply:
    text = transport.options.text("never_mail")
    if text is None:
        return reply
    try:
        unwanted = expand(process, text)
    except ExpansionFailed:
        what = f'Failed to expand {quoted(process, text)} for "never_mail" in {transport.name} transport'
        raise Stop(Rc.FAIL, what, 0) from None
    return replace(
        reply,
        to=_wanted(process, reply.to, unwanted),
        cc=_wanted(process, reply.cc, unwanted),
        bcc=_wanted(process, reply.bcc, unwanted),
    )


def _wanted(process: Process, addresses: str | None, unwanted: str) -> str | None:
    """The addresses of a header that are not in a list; what follows a bad one is kept.

    Source: check_never_mail().
    """
    if addresses is None:
        return None
    kept, at, hit = "", 0, False
    while at < len(addresses):
        end = parse_find_address_end(addresses, at)
        try:
            address = parse_extract_address(addresses[at:end]).address
        except AddressError:
            break
        after = end + (addresses[end : end + 1] == ",")
        if match_address_list(process, address, unwanted) is Rc.OK:
            hit = True
        else:
            kept += addresses[at:after]
        at = after
    if not hit:
        return addresses
    kept = (kept + addresses[at:]).rstrip(", \t\n\r\v\f")
    return kept if kept.strip() else None


def _not_opened(process: Process, transport: DriverInstance, path: str) -> Stop:
    """A folder in the place of the file of those who have had a reply."""
    why = errnos.strerror(errnos.EISDIR)
    kind = '"once"' if transport.options.number("once_file_size") > 0 else "db (v4.1+)"
    what = f"Failed to open {kind} file {path} when sending message from {transport.name} transport: {why}"
    return Stop(Rc.DEFER, what, errnos.EISDIR if process.profile.local_errors_numbered else 0)


def _was_sent(process: Process, transport: DriverInstance, reply: Reply) -> bool:
    """Whether the recipient has had a reply, and not long enough ago."""
    path = reply.once or ""
    disk = process.world.disk
    if path in disk.folders or path == process.config.main.text("spool_directory"):
        raise _not_opened(process, transport, path)
    then = process.machine.hints.once.get(path, {}).get(reply.to or "")
    if then is None:
        return False
    return reply.once_repeat <= 0 or process.world.now() - then < reply.once_repeat


def _note(process: Process, transport: DriverInstance, reply: Reply) -> None:
    """Note that the recipient has had a reply; by once_file_size the first one is forgotten for a new one."""
    sent = process.machine.hints.once.setdefault(reply.once or "", {})
    to = reply.to or ""
    grows = bool(sent) and to not in sent
    sent[to] = process.world.now()
    limit = transport.options.number("once_file_size")
    if grows and 0 < limit < sum(_STAMP + len(octets(one)) + 1 for one in sent):
        del sent[next(iter(sent))]


_STAMP = 8
"""Octets of the time beside each recipient in the file that once_file_size limits."""


def _content(process: Process, transport: DriverInstance, addrs: list[Address], reply: Reply) -> bytes:
    """The message that is sent."""
    message = process.message
    assert message is not None
    given = _file(process, transport, reply)
    names = ("From", "Reply-To", "To", "Cc", "Bcc", "Subject")
    values = (reply.sender, reply.reply_to, reply.to, reply.cc, reply.bcc, reply.subject)
    lines = [f"{name}: {value}\n" for name, value in zip(names, values, strict=True) if value is not None]
    own = next((header.text for header in message.headers if header.kind == "I"), None)
    if own is not None:
        lines.append(f"In-Reply-To: {own.partition(':')[2].lstrip()}")
    lines += [f"{line}\n" for line in references(process, message.headers, reply=True)]
    lines.append("Auto-Submitted: auto-replied\n")
    if reply.headers is not None:
        lines.append(f"{reply.headers}\n")
    lines.append("\n")
    if reply.text:
        lines.append(reply.text if reply.text.endswith("\n") else f"{reply.text}\n")
    head = octets("".join(lines)) + given
    return head + (_copy(process, transport, addrs) if reply.return_message else b"")


def _file(process: Process, transport: DriverInstance, reply: Reply) -> bytes:
    """The file that the reply has after its text; each line expanded if that is wanted."""
    if reply.file is None:
        return b""
    try:
        content = process.world.read_file(reply.file)
    except OSError as error:
        if transport.options.flag("file_optional"):
            return b""
        number = error.errno or 0
        what = f"Failed to open file {reply.file} when sending message from {transport.name} transport"
        shown = number if process.profile.local_errors_numbered else 0
        raise Stop(Rc.DEFER, f"{what}: {errnos.strerror(number)}", shown) from None
    if not reply.file_expand:
        return content
    return b"".join(octets(_expanded_line(process, from_octets(line))) for line in content.splitlines(True))


def _expanded_line(process: Process, line: str) -> str:
    try:
        return expand(process, line)
    except ExpansionFailed:
        return line


def _copy(process: Process, transport: DriverInstance, addrs: list[Address]) -> bytes:
    """The message that is replied to."""
    message, options = process.message, transport.options
    assert message is not None
    what = "message, including all the headers"
    if options.flag("headers_only"):
        what = "message's header lines"
    elif options.flag("body_only"):
        what = "body of the message, without the headers"
    rubric = f"------ This is a copy of the {what}.\n"
    limit = process.config.main.number("bounce_return_size_limit")
    longest = (limit // _STEP + 1) * _STEP
    text = f"\n{rubric}\n"
    if limit > 0 and not options.flag("headers_only") and len(message.body) > longest:
        size = len(message.body)
        text = (
            f"\n{rubric}------ The body of the message is {size} characters long; only the first\n"
            f"------ {longest // 1000 * 1000} or so are included here.\n\n"
        )
    if process.transport_filter is not None:
        raise Unsupported("a filter of what is sent back", *transport.options.where("transport_filter"))
    written = local_message(process, transport, addrs, Writing(), body_limit=limit or None)
    process.transport_count = len(written)
    return octets(text) + written


def _log(process: Process, transport: DriverInstance, reply: Reply, run: LocalRun, lines: list[str]) -> None:
    """Append to the log file of the transport, if there is one."""
    if not reply.log:
        return
    disk = process.world.disk
    folder = reply.log.rpartition("/")[0]
    known = disk.files.get(reply.log)
    if known is None:
        if disk.lacks_folder(folder) or not disk.may_write(folder, uid=run.uid, gid=run.gid):
            return
        mode, now = transport.options.number("mode"), process.world.now()
        known = disk.write(reply.log, b"", mode=mode, uid=run.uid, gid=run.gid, now=now)
    text = "\n".join((local_stamp(process, Tod.LOG), *lines))
    known.content += octets(f"{text}\n")
