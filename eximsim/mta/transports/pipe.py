"""The pipe transport: runs a command with the message as its input (src/transports/pipe.c).

What the command does is the world's to say; what becomes of the addresses then is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.base.string import SPACES, from_octets, list_items, octets
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.marks import Taint, taint_of
from eximsim.mta.process.harness import fork_pause, pause
from eximsim.mta.process.hostname import qualify_domain
from eximsim.mta.process.log import quoted
from eximsim.mta.transports.command import set_up_command
from eximsim.mta.transports.exit_codes import os_strexit, os_strsignal
from eximsim.mta.transports.filtering import FilterFailed
from eximsim.mta.transports.local import LocalRun, Stop, refuse_unmodelled
from eximsim.mta.transports.local_text import MBOX_PREFIX, Frame, written_text
from eximsim.mta.transports.message_text import Writing
from eximsim.piped import PipedCommand
from eximsim.status import Errno, Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address

PIPED = Rule("command of a pipe", "pipe.c pipe_transport_entry")

_EXEC_FAILED = 127
"""EX_EXECFAILED."""
_MOST_SETTINGS = 49
_READ = 16384
"""Octets that are read of a command's output at a time (BIG_BUFFER_SIZE)."""
_PIPE_HOLDS = 65536
"""Octets that a pipe holds for a reader, on Linux."""
_KILLED = -9
"""How a command ends that gets SIGKILL."""
_DISCARDED = b"\n\n*** Too much output - remainder discarded ***\n"


def pipe_transport_entry(
    process: Process, transport: DriverInstance, addrs: list[Address], run: LocalRun
) -> None:
    """Run the command; the result is in the first address. Source: pipe_transport_entry()."""
    refuse_unmodelled(transport)
    first = addrs[0]
    first.transport_return, first.basic_errno = Rc.OK, 0
    try:
        _run(process, transport, addrs, run)
    except Stop as stop:
        first.transport_return, first.message, first.basic_errno = stop.rc, stop.message, stop.errno


def _run(process: Process, transport: DriverInstance, addrs: list[Address], run: LocalRun) -> None:
    first, options = addrs[0], transport.options
    text, expands, failed = _command(process, transport, first)
    with process.setting(thisaddress=None):
        if expands and first.pipe_values:
            process.variables["thisaddress"], process.numeric = first.pipe_values[0], first.pipe_values[1:]
        words = _words(process, transport, addrs, text, expands=expands, failed=failed)
        process.numeric = ()
    environment = _environment(process, transport, first, run)
    if process.dont_deliver:
        return
    command = PipedCommand(
        tuple(words),
        b"",
        environment,
        run.uid,
        run.gid,
        run.directory,
        options.number("umask"),
        options.seconds("timeout"),
    )
    pause(process, fork_pause(process) + _BEFORE_WRITING)
    stdin, problem = _written(process, transport, addrs)
    is_late = isinstance(problem, FilterFailed) and problem.status is None
    command = replace(command, stdin=stdin, seconds=1 if is_late else command.seconds)
    ended = process.world.run_command(command)
    if problem is not None and not ended.at_once:
        _not_written(transport, first, problem)
    process.world.sleep(ended.seconds)
    _keep_output(transport, first, run, ended.output)
    status = _KILLED if _wrote_too_much(transport, ended.output) else ended.status
    if status is None or first.message is None:
        _judge(process, transport, first, text, words, status)
    if first.transport_return is not Rc.OK:
        first.user_message = "local delivery failed"
    process.trace.record(
        PIPED,
        first.transport_return.name,
        command=command.question,
        uid=run.uid,
        gid=run.gid,
        directory=run.directory,
        octets=len(command.stdin),
        status=status,
    )


_BEFORE_WRITING = 0.5
"""How long Exim's test suite gives the command to begin, in seconds."""


# ---- the command ----------------------------------------------------------------------------------------


def _command(process: Process, transport: DriverInstance, addr: Address) -> tuple[str, bool, Rc]:
    """The command, whether its words are expanded, and what comes of one that cannot be."""
    options = transport.options
    if addr.made_for == "pipe" and not options.flag("force_command"):
        text = addr.local_part.removeprefix("|").lstrip(SPACES)
        expands, failed, taint = addr.expand_pipe, Rc.FAIL, taint_of(addr.local_part)
    else:
        text, expands, failed, taint = options.text("command") or "", True, Rc.PANIC, Taint.NONE
    if not text:
        raise Stop(Rc.DEFER, f"no command specified for {transport.name} transport", 0)
    if taint is not Taint.NONE and process.profile.tainted_paths_refused:
        if taint is Taint.UNKNOWN:
            raise Unsupported(f"whether the command {text} is tainted", transport.path, transport.line)
        what = f"Tainted '{text}' (command for {transport.name} transport) not permitted"
        raise Stop(Rc.PANIC, what, 0)
    return text, expands, failed


def _words(
    process: Process,
    transport: DriverInstance,
    addrs: list[Address],
    text: str,
    *,
    expands: bool,
    failed: Rc,
) -> list[str]:
    if transport.options.flag("use_shell"):
        return ["/bin/sh", "-c", _shell_command(process, transport, addrs, text, failed) if expands else text]
    forced = addrs[0].made_for == "pipe" and transport.options.flag("force_command")
    what = f"{transport.name[:50]} transport"
    words = set_up_command(process, text, addrs, expands=expands, failed=failed, what=what, forced=forced)
    _check_permitted(process, transport, text, words[0])
    if not words[0].startswith("/"):
        words[0] = _found(process, transport, words[0])
    return words


def _shell_command(
    process: Process, transport: DriverInstance, addrs: list[Address], text: str, failed: Rc
) -> str:
    """What the shell gets. Source: set_up_shell_command()."""
    at = text.find("pipe_addresses")
    before, after = text[:at], text[at + len("pipe_addresses") :]
    addresses = " ".join(addr.address for addr in addrs)
    if at > 0 and before.endswith("$"):
        text = before[:-1] + addresses + after
    elif at > 1 and before.endswith("${") and after.startswith("}"):
        text = before[:-2] + addresses + after[1:]
    try:
        return expand(process, text)
    except ExpansionFailed as failure:
        told = f"Expansion of command {quoted(process, text)} in {transport.name} transport failed"
        raise Stop(Rc.DEFER if failure.defer else failed, f"{told}: {failure.message}", 0) from None


def _check_permitted(process: Process, transport: DriverInstance, text: str, program: str) -> None:
    """``Stop`` if allow_commands or restrict_to_path forbid a program. Source: set_up_direct_command()."""
    options, allowed = transport.options, transport.options.text("allow_commands")
    if allowed is not None and program in list_items(_expanded(process, transport, allowed)):
        return
    if options.flag("restrict_to_path"):
        if "/" in program:
            what = f'"/" found in {quoted(process, text)} (command for {transport.name} transport)'
            raise Stop(Rc.FAIL, f"{what} - failed for security reasons", 0)
    elif allowed is not None:
        what = f"{quoted(process, program)} command not permitted by {transport.name} transport"
        raise Stop(Rc.FAIL, what, 0)


def _expanded(process: Process, transport: DriverInstance, text: str) -> str:
    try:
        return expand(process, text)
    except ExpansionFailed as failure:
        what = f"failed to expand string {quoted(process, text)} for {transport.name} transport"
        raise Stop(Rc.DEFER, f"{what}: {failure.message}", 0) from None


def _path(process: Process, transport: DriverInstance) -> str:
    """The folders in which programs are looked for."""
    text = transport.options.text("path") or ""
    try:
        return expand(process, text)
    except ExpansionFailed:
        raise Unsupported("a path that does not expand", *transport.options.where("path")) from None


def _found(process: Process, transport: DriverInstance, program: str) -> str:
    folders = list(list_items(_path(process, transport)))
    path = process.world.find_program(program, folders)
    if path is None:
        what = f"{quoted(process, program)} command not found for {transport.name} transport"
        raise Stop(Rc.FAIL, what, 0)
    return path


def _environment(
    process: Process, transport: DriverInstance, addr: Address, run: LocalRun
) -> Mapping[str, str]:
    """What the command finds in its environment; what is set twice counts as it is set first."""
    known, message = process.variables, process.message
    local_part, domain = known.get("local_part", ""), known.get("domain", "")
    prefix, suffix = known.get("local_part_prefix", ""), known.get("local_part_suffix", "")
    settings = [
        f"LOCAL_PART={local_part}",
        f"LOGNAME={local_part}",
        f"USER={local_part}",
        f"LOCAL_PART_PREFIX={prefix}",
        f"LOCAL_PART_SUFFIX={suffix}",
        f"DOMAIN={domain}",
        f"HOME={run.home or ''}",
        f"MESSAGE_ID={process.message_id}",
        f"PATH={_path(process, transport)}",
        f"RECIPIENT={prefix}{local_part}{suffix}@{domain}",
        f"QUALIFY_DOMAIN={qualify_domain(process, is_recipient=False)}",
        f"SENDER={message.sender if message else ''}",
        "SHELL=/bin/sh",
    ]
    settings += [f"HOST={host.name}" for host in addr.host_list[:1]]
    zone = process.config.main.text("timezone")
    if zone and process.config.main.exists("timezone"):
        settings.append(f"TZ={'UTC' if zone.upper() == 'UTC' else zone}")
    text = transport.options.text("environment")
    for item in list_items(_expanded(process, transport, text)) if text is not None else ():
        if len(settings) >= _MOST_SETTINGS:
            what = f"too many environment settings for {transport.name} transport"
            raise Stop(Rc.DEFER, what, errnos.E2BIG if process.profile.local_errors_numbered else 0)
        settings.append(item)
    return dict(reversed([setting.split("=", 1) for setting in settings if "=" in setting]))


# ---- what goes in and what comes out --------------------------------------------------------------------


def _written(
    process: Process, transport: DriverInstance, addrs: list[Address]
) -> tuple[bytes, Stop | FilterFailed | None]:
    """What the command gets to read, and what keeps the rest from being written."""
    options = transport.options
    batched, crlf = options.flag("use_bsmtp"), options.flag("use_crlf")
    check, escape = options.text("check_string"), options.text("escape_string")
    writing = Writing(octets(check or ""), octets(escape or ""), crlf=crlf)
    if batched:
        writing = Writing(b".", b"..", True, crlf)
    prefix = _affix(process, transport, "prefix", "" if batched else MBOX_PREFIX)
    problem: Stop | FilterFailed | None = None
    try:
        suffix = _affix(process, transport, "suffix", "" if batched else "\n")
    except Stop as stop:
        suffix, problem = b"", stop
    try:
        frame = Frame(prefix, suffix, addrs if batched else None)
        return written_text(process, transport, addrs, writing, frame), problem
    except ExpansionFailed as failed:
        what = f"Failed to expand headers_add or headers_remove: {failed.message}"
        return prefix, Stop(Rc.PANIC, what, Errno.CHHEADER_FAIL)
    except FilterFailed as filtering:
        return prefix, filtering


def _not_written(transport: DriverInstance, addr: Address, problem: Stop | FilterFailed) -> None:
    """After a time-out of a filter the command goes on with what it has; all else ends the transport."""
    if isinstance(problem, Stop):
        raise problem
    if problem.status is not None:
        status, why = problem.shown
        raise Stop(Rc.PANIC, f"Transport filter process failed ({status}){why}", Errno.FILTER_FAIL)
    addr.message = "transport filter timeout while writing to pipe"
    addr.transport_return = Rc.DEFER if transport.options.flag("timeout_defer") else Rc.FAIL


def _affix(process: Process, transport: DriverInstance, word: str, default: str) -> bytes:
    text = transport.options.text(f"message_{word}")
    try:
        return octets(expand(process, default if text is None else text))
    except ExpansionFailed as failure:
        told = f"Expansion of {quoted(process, text or default)} ({word} for {transport.name} transport)"
        raise Stop(Rc.DEFER if failure.defer else Rc.PANIC, f"{told} failed: {failure.message}", 0) from None


def _wrote_too_much(transport: DriverInstance, output: bytes) -> bool:
    """Whether a command still waits for somebody to read what it wrote when it is killed for that."""
    return len(output) > _read_at_most(transport) + _PIPE_HOLDS


def _read_at_most(transport: DriverInstance) -> int:
    """What is read of the output before more than max_output has come."""
    return (transport.options.number("max_output") // _READ + 1) * _READ


def _keep_output(transport: DriverInstance, addr: Address, run: LocalRun, output: bytes) -> None:
    """Keep what the command wrote for those who are told, up to max_output."""
    if not run.keeps_output or not output:
        return
    if len(output) > transport.options.number("max_output"):
        output = output[: _read_at_most(transport)] + _DISCARDED
    addr.return_text = from_octets(output)


def _judge(
    process: Process,
    transport: DriverInstance,
    addr: Address,
    text: str,
    words: list[str],
    status: int | None,
) -> None:
    """What the end of the command means for the addresses."""
    options = transport.options
    if status is None:
        addr.transport_return = Rc.DEFER if options.flag("timeout_defer") else Rc.FAIL
        before = f" (preceded by {addr.message})" if addr.message else ""
        addr.message = f"pipe delivery process timed out{before}"
    elif status < 0:
        if options.flag("freeze_signal"):
            addr.transport_return, addr.special_action = Rc.DEFER, "freeze"
        elif not options.flag("ignore_status"):
            addr.transport_return = Rc.FAIL
        else:
            return
        addr.message = (
            f"Child process of {transport.name} transport (running command {quoted(process, text)})"
            f" was terminated by signal {-status} ({os_strsignal(-status)})"
        )
    elif status == _EXEC_FAILED and options.flag("freeze_exec_fail"):
        addr.transport_return, addr.special_action = Rc.DEFER, "freeze"
        addr.message = f"pipe process failed to exec {quoted(process, text)}"
    elif status and not options.flag("ignore_status"):
        addr.transport_return = Rc.DEFER if _is_temporary(transport, status) else Rc.FAIL
        what = os_strexit(status)
        if status > 128:
            signal = status - 128
            what = f"(could mean shell command ended by signal {signal} ({os_strsignal(signal)}))"
        told = f"Child process of {transport.name} transport returned {status}{' ' if what else ''}{what}"
        addr.message = f"{told} from command: {_shown(words[0])}"


def _shown(program: str) -> str:
    """The program alone, as Exim takes the size of a pointer for the number of words."""
    return f'"{program}"' if " " in program or "\t" in program else program


def _is_temporary(transport: DriverInstance, status: int) -> bool:
    text = transport.options.text("temp_errors") or ""
    if text.startswith("*"):
        return True
    return str(status) in [item.lstrip("0") for item in list_items(text)]
