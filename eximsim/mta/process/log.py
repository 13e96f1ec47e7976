"""The logs: which lines are written, where, and in what form (src/log.c)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.base.string import from_octets, in_quotes, list_items, octets, string_printing
from eximsim.mta.base.tod import Tod, zone_text
from eximsim.mta.config.expansion_history import lacking
from eximsim.mta.config.log_selector import parse_selector
from eximsim.mta.process.ends import PanicDie
from eximsim.mta.process.local_time import local_stamp, offset
from eximsim.mta.process.syslog import write_syslog
from eximsim.mta.process.upward import expand_string
from eximsim.mta.records.logs import LogSettings, Rejected

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


_BUFFER_SIZE, _ROOM_FOR_MARK = 8192, 100
_PLAIN_STAMP = len("1970-01-01 00:00:00 ")
"""So much of a line is left out when a host is checked: not what milliseconds or a time zone add to it."""


def selector(process: Process, name: str) -> bool:
    """Whether the selector ``name`` is on (the LOGGING macro)."""
    return name in settings(process).selectors


def drop_selector(process: Process, name: str) -> None:
    """Turn one selector off for the rest of this process."""
    known = settings(process)
    process.log_settings = replace(known, selectors=known.selectors - {name})


def run_as_somebody_else(process: Process) -> None:
    """The process is not root's or Exim's any more: it can open no log, and does not log what it rewrites."""
    drop_selector(process, "address_rewrite")
    process.log_settings = replace(settings(process), not_ours=True)


def settings(process: Process) -> LogSettings:
    """The process's log settings, worked out at first use as Exim opens its logs at first use."""
    known = process.log_settings
    if known is None:
        known = process.log_settings = _settings(process)
    elif known.day and known.day != _today(process):
        later = _settings(process)
        known = process.log_settings = replace(later, selectors=known.selectors, not_ours=known.not_ours)
    return known


def _settings(process: Process) -> LogSettings:
    options = process.config.main
    where = options.where("log_selector") if options.is_set("log_selector") else (None, None)
    lacks = lacking(process.profile.option_release, process.profile.build_lacks).selectors
    selectors = parse_selector(options.text("log_selector") or "", *where, lacks)
    pattern = _log_path(process)
    main, reject, panic = (_file_of(process, pattern, kind) for kind in ("main", "reject", "panic"))
    dated = _today(process) if pattern is not None and _DATED.search(pattern) else ""
    rejects, zone = options.flag("write_rejectlog"), options.flag("log_timezone")
    return LogSettings(selectors, main, reject, panic, rejects, zone, dated, _has_syslog(process))


def _has_syslog(process: Process) -> bool:
    text = process.config.main.text("log_file_path")
    return bool(text) and "syslog" in list_items(expand_string(process, text or ""), ":")


def _today(process: Process) -> str:
    return local_stamp(process, Tod.LOG_DATESTAMP_DAILY)


def debug_log_path(process: Process, tag: str) -> str | None:
    """Where a debug log goes; None if there is syslog only. Source: open_log()."""
    path = _file_of(process, _log_path(process), "debug")
    return None if path is None else f"{path}{tag}"


def _log_path(process: Process) -> str | None:
    """The pattern of the files' names, None if only syslog is written."""
    options = process.config.main
    default = f"{options.text('spool_directory') or ''}/log/%slog"
    text = options.text("log_file_path")
    if not text:
        return default
    items = list(list_items(expand_string(process, text), ":"))
    files = [item for item in items if item != "syslog"]
    if not files:
        return None if items else default
    path = files[0] or default
    elsewhere = not path.startswith(process.config.path.rpartition("/")[0] + "/")
    if process.machine.test_harness and elsewhere and not _lacks_folder(process, path):
        raise Unsupported("a log file outside the test's folder", *options.where("log_file_path"))
    return path


def _lacks_folder(process: Process, path: str | None) -> bool:
    """Whether a log's folder is known not to be there, nor one that Exim's user could make it in.

    Only of the machine of Exim's test suite is that much known.
    """
    if path is None or not process.machine.test_harness or not process.config.main.is_set("log_file_path"):
        return False
    return process.world.disk.cannot_have(path.rpartition("/")[0])


def _cannot_open(process: Process, path: str | None, stamp: str, text: str) -> NoReturn:
    """The end of a process that can open neither its log nor the panic log. Source: open_log()."""
    exim = process.machine.account(process.machine.exim_user)
    uid, gid = (0, 0) if exim is None else (0 if process.queue_running else exim.uid, exim.gid)
    errno = errnos.EACCES if process.profile.log_made_by_exim_user else errnos.ENOENT
    why = f'Cannot open main log file "{path}": {errnos.strerror(errno)}: euid={uid} egid={gid}'
    for line in (why, text, why):
        process.err(f"{stamp} {line}\n")
    last = "exim: could not open panic log - aborting: see message(s) above"
    for line in (text, why):
        write_syslog(process, stamp, line)
    if process.machine.test_harness:
        process.err(f"SYSLOG: '{last}'\n")
    process.err(f"{last}\n")
    raise PanicDie(why)


_ESCAPES = re.compile("%(.?)", re.DOTALL)
_DATES = {"D": Tod.LOG_DATESTAMP_DAILY, "M": Tod.LOG_DATESTAMP_MONTHLY}
_DATED = re.compile(r"%[DM]")
_PANIC_DATE = re.compile(r"(?:(?<=/)|^)%[DM][^a-zA-Z0-9]?|[^a-zA-Z0-9/]?%[DM]")


def _file_of(process: Process, pattern: str | None, kind: str) -> str | None:
    """The name of one log; that of the panic log has no date. Source: open_log()."""
    if pattern is None:
        return None
    if kind == "panic":
        pattern = _PANIC_DATE.sub("", pattern, count=1)

    def filled(match: re.Match[str]) -> str:
        if match[1] in _DATES:
            return local_stamp(process, _DATES[match[1]])
        if match[1] not in ("s", "%"):
            where = process.config.main.where("log_file_path")
            raise Unsupported(f"log_file_path with {match[0]}: {pattern}", *where)
        return kind if match[1] == "s" else "%"

    return _ESCAPES.sub(filled, pattern)


@lru_cache(maxsize=16)
def second_stamp(seconds: int) -> str:
    """A moment as log lines have it, without fractions and zone."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def log_stamp(process: Process) -> str:
    """The time stamp that begins a log line."""
    now, ahead = process.world.now(), offset(process)
    known = settings(process)
    stamp = second_stamp(int(now) + ahead * 60)
    if "millisec" in known.selectors:
        stamp += f".{int(now % 1 * 1000):03d}"
    return f"{stamp} {zone_text(ahead)}" if known.zone else stamp


def log_write(
    process: Process,
    text: str,
    *,
    main: bool = True,
    reject: bool = False,
    panic: bool = False,
    dying: bool = False,
    when: str | None = None,
    rejected: Rejected | None = None,
    recipients: str = "",
) -> None:
    """Write one line to the logs named, with time stamp, process number and message id as they are set.

    ``dying``: the process ends with it (LOG_PANIC_DIE), which only ``-v`` shows. ``when`` names the selector
    without which the main log gets no such line. ``rejected`` is shown in the reject log. ``recipients`` is
    put after the line, and may be cut off. When addresses or hosts are only tested, the line goes to stderr
    instead, and so it does where the process may not open the log. Source: log_write(), open_log().
    """
    known = settings(process)
    wanted = when is None or when in known.selectors
    stamp = log_stamp(process)
    line = text
    if process.message_id:
        line = f"{process.message_id} {line}"
    if "pid" in known.selectors:
        line = f"[{process.pid}] {line}"
    line = _in_buffer(process, line, recipients, len(stamp) + 1)
    if process.verbose:
        process.err(f"LOG:{_flag_names(main, reject, panic, dying, when)}\n  {text}\n")
    if process.log_testing_mode:
        if wanted and not process.verbose:
            shown = f"{stamp} {line}\n"
            process.err(f"LOG: {shown[_PLAIN_STAMP:]}" if process.host_checking else shown)
        return
    if process.disable_logging:
        return
    bare = line
    line = f"{stamp} {line}"
    twice = known.syslog and process.config.main.flag("syslog_duplication")
    opened = process.main_log_open or "arguments" in known.selectors
    shut = known.not_ours and process.log_stderr
    if main and wanted and shut and not opened:
        process.err(f"{line}\n")
    elif main and wanted:
        process.main_log_open = True
        if _lacks_folder(process, known.main):
            _cannot_open(process, known.main, stamp, bare)
        if twice or (known.syslog and not reject and not panic):
            write_syslog(process, stamp, bare)
        _append(process, known.main, [line])
    if reject and known.reject_enabled:
        lines = [line]
        if rejected is not None and "rejected_header" in known.selectors:
            lines = _fitting([line, *rejected.lines()])
        if twice or (known.syslog and not panic):
            write_syslog(process, stamp, "\n".join((bare, *lines[1:])))
        _reject(process, known, lines)
    if panic:
        if shut:
            process.err(f"{line}\n")
        else:
            _append(process, known.panic, [line])
        if process.log_stderr and not process.verbose and not process.config.main.flag("mua_wrapper"):
            process.err(f"{line}\n")
        if known.syslog:
            write_syslog(process, stamp, bare)


_LINE_SIZE = _BUFFER_SIZE - 4
_CUT = "<trunc>"


def _in_buffer(process: Process, line: str, recipients: str, before: int) -> str:
    """A line with recipients as far as Exim's buffer goes, of which ``before`` octets are used."""
    if not recipients:
        return line
    whole = line + recipients
    if before + len(whole) * 4 <= _LINE_SIZE or before + len(octets(whole)) <= _LINE_SIZE:
        return whole
    if before + len(octets(line)) > _LINE_SIZE or not process.profile.recipients_cut_in_log:
        raise Unsupported(f"a log line of more than {_LINE_SIZE} octets")
    return from_octets(octets(whole)[: _LINE_SIZE - before - len(_CUT)]) + _CUT


def _fitting(lines: list[str]) -> list[str]:
    """What fits into Exim's log buffer, with a mark where the rest is missing."""
    text = octets("\n".join(lines) + "\n")
    if len(text) < _BUFFER_SIZE:
        return lines
    kept = text[: _BUFFER_SIZE - 1 - _ROOM_FOR_MARK].removesuffix(b"\n")
    return [*from_octets(kept).split("\n"), "*** truncated ***"]


def deliver_msglog(process: Process, text: str, *, stamped: bool = True) -> None:
    """Write a line to the log that goes with the message (``deliver_msglog()``, src/deliver.c)."""
    if process.message is not None and process.config.main.flag("message_logs"):
        stamp = f"{log_stamp(process)} " if stamped else ""
        process.message.msglog.append(f"{stamp}{text}\n")


def _flag_names(main: bool, reject: bool, panic: bool, dying: bool, when: str | None) -> str:
    named = (
        (when, " " + (when or "")), (main, " MAIN"), (panic, " PANIC"), (dying, " DIE"), (reject, " REJECT"),
    )  # fmt: skip
    return "".join(word for is_set, word in named if is_set)


def log_intrusion(process: Process, data: str) -> None:
    """Put rubbish that a process wrote to the log's descriptor before the last line of the main log.

    It has no stamp, and the line after it begins where it ends.
    """
    path = settings(process).main
    if path is not None:
        lines = process.machine.files[path]
        lines[-1:] = (data + lines[-1]).split("\n")


def log_write_die(process: Process, message: str) -> NoReturn:
    """Log to main and panic log and end the process (LOG_PANIC_DIE)."""
    log_write(process, message, panic=True, dying=True)
    raise PanicDie(message)


def _reject(process: Process, known: LogSettings, lines: list[str]) -> None:
    log = process.reject_log
    if log.lost:
        length = sum(len(octets(line)) + 1 for line in lines)
        problem = f"failed to write to reject log: length={length} result=-1 errno=9 (Bad file descriptor)"
        _append(process, known.panic, [*lines, f"{log_stamp(process)} {problem}"])
        raise PanicDie(problem)
    _append(process, known.reject, lines)
    is_stdin = log.is_stdin or (log.stdin_closed and not log.open)
    process.reject_log = replace(log, open=True, is_stdin=is_stdin)


def close_stray_descriptor(process: Process) -> None:
    """Some code closes descriptor 0, which it never opened; the reject log opened next gets that number.

    A second time closes the reject log, and the next line for it ends the process (``PanicDie``),
    as measured in 4.96 and 4.97.1 after a second ``null conn-context pointer``.
    """
    log = process.reject_log
    process.reject_log = replace(log, stdin_closed=True, lost=log.is_stdin)


def _append(process: Process, path: str | None, lines: list[str]) -> None:
    if path is not None:
        if path not in process.machine.files:
            process.libc_errno = errnos.ENOENT
        process.machine.files.setdefault(path, []).extend(part for line in lines for part in line.split("\n"))


def quoted(process: Process, text: str) -> str:
    """``text`` in double quotes, as a log line shows it (``%q``); before 4.99, as it is between them."""
    top = process.config.main.flag("print_topbitchars")
    return in_quotes(text, top=top) if process.profile.expansion_errors_quoted else f'"{text}"'


def printed(process: Process, text: str, *, escaped: str = "") -> str:
    """``text`` as ``string_printing()`` has it under the configuration's print_topbitchars."""
    return string_printing(text, escaped=escaped, top=process.config.main.flag("print_topbitchars"))
