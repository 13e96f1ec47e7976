"""What a program says of a configuration that it cannot read, and dies (log_config_info(), src/log.c)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eximsim.errors import InputError, Unsupported
from eximsim.mta.base.string import from_octets
from eximsim.mta.process.globals import Machine
from eximsim.mta.process.log import second_stamp
from eximsim.mta.program.version_print import whats_supported
from eximsim.profiles import Profile
from eximsim.subjects.subject import Result

_SHOWS_ALL = re.compile(r"-(?:bP|v|d.*)", re.DOTALL)
_UNLOGGED = re.compile(r"-b(?:e.*|[fF].?|hc?|t|vs?|V)", re.DOTALL)
"""Options with which a call writes no logs (log_testing_mode), or is not really Exim (really_exim)."""

_CHECKS_HOST = re.compile(r"-bhc?")
_SERVER = "-DSERVER="


def refused(machine: Machine, argv: Sequence[str], error: InputError, profile: Profile) -> Result:
    """The result of a call whose configuration has ``error``: a line in the panic log, and for the caller.

    Logs are where Exim's test suite has them: in ``spool/log`` beside the configuration, the daemon's with
    the prefix that the macro SERVER gives. Raises ``error`` again if it says no line of a file.
    """
    text = configuration_error(machine, error)
    server = next((word.removeprefix(_SERVER) for word in argv if word.startswith(_SERVER)), "")
    logs = f"{(error.path or '').rpartition('/')[0]}/spool/log/{server}"
    stamped = f"{second_stamp(int(machine.world.now()))} {text}"
    # Nobody can have said where logs are before the Byte Order Mark.
    if "Byte Order Mark" not in error.message and not any(_UNLOGGED.fullmatch(word) for word in argv):
        for name in ("mainlog", "paniclog") if error.in_main_log else ("paniclog",):
            machine.files.setdefault(logs + name, []).append(stamped)
    if any(_CHECKS_HOST.fullmatch(word) for word in argv):
        return Result(1, "", f"LOG: {text}\n")
    if "config" in argv or not any(_SHOWS_ALL.fullmatch(word) for word in argv):
        return Result(1, _program(machine, profile) if "-bV" in argv else "", f"{stamped}\n")
    died = "" if "macro" in error.message else " DIE"
    return Result(1, "", f"LOG: PANIC{died}\n  {text}\n")


def _program(machine: Machine, profile: Profile) -> str:
    """What the program says of itself before it reads the configuration."""
    try:
        return whats_supported(profile)
    except Unsupported:
        if not machine.test_harness:  # whose rules drop these lines
            raise
    return ""


def configuration_error(machine: Machine, error: InputError) -> str:
    """The lines that the panic log has, mostly two; raises ``error`` again if it says no line of a file."""
    if error.path is None or error.line is None:
        raise error
    if error.in_main_log:
        return error.message
    if error.subject is not None:
        told = error.message.removeprefix(f"{error.subject}: ")
        whose = f" for {error.subject}" if error.subject else ""
        return f"Exim configuration error{whose}:\n  {told}"
    line = _last_physical_line(machine, error.path, error.line)
    return f"Exim configuration error in line {line} of {error.path}:\n  {error.message}"


def _last_physical_line(machine: Machine, path: str, line: int) -> int:
    """Exim tells of the last line of a setting that is continued."""
    lines = from_octets(machine.world.read_file(path)).split("\n")
    while line < len(lines) and lines[line - 1].rstrip().endswith("\\"):
        line += 1
    return line
