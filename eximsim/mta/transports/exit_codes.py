"""What may be meant by the exit status of a command, and the names of signals (src/os.c)."""

from __future__ import annotations

from collections.abc import Mapping

_EXITS: Mapping[int, str] = {
    64: "usage or syntax error",
    65: "error in input data",
    66: "input data missing",
    67: "user nonexistent",
    68: "host nonexistent",
    69: "service or program unavailable",
    70: "internal software error",
    71: "internal operating system error",
    72: "system file missing",
    73: "can't create output file",
    74: "input/output error",
    75: "temporary error",
    76: "protocol error",
    77: "permission denied",
    78: "configuration error",
    127: "unable to exec or command does not exist",
}

_SIGNALS: Mapping[int, str] = {
    1: "Hangup",
    2: "Interrupt",
    3: "Quit",
    4: "Illegal instruction",
    5: "Trace/breakpoint trap",
    6: "Aborted",
    7: "Bus error",
    8: "Floating point exception",
    9: "Killed",
    10: "User defined signal 1",
    11: "Segmentation fault",
    12: "User defined signal 2",
    13: "Broken pipe",
    14: "Alarm clock",
    15: "Terminated",
    16: "Stack fault",
    17: "Child exited",
    18: "Continued",
    19: "Stopped (signal)",
    20: "Stopped",
    21: "Stopped (tty input)",
    22: "Stopped (tty output)",
    23: "Urgent I/O condition",
    24: "CPU time limit exceeded",
    25: "File size limit exceeded",
    26: "Virtual timer expired",
    27: "Profiling timer expired",
    28: "Window changed",
    29: "I/O possible",
    30: "Power failure",
    31: "Bad system call",
}
"""As glibc has them."""


def os_strexit(status: int) -> str:
    """What an exit status could mean, in brackets; nothing for most."""
    meaning = _EXITS.get(status)
    return f"(could mean {meaning})" if meaning else ""


def os_strsignal(number: int) -> str:
    """The name of a signal."""
    return _SIGNALS.get(number, f"Unknown signal {number}")
