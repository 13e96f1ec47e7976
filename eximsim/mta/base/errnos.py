"""The system's error numbers that Exim logs, with glibc's words for them: the same on every machine."""

from __future__ import annotations

from eximsim.status import Errno

ENOENT = 2
EIO = 5
ENXIO = 6
E2BIG = 7
EACCES = 13
EBUSY = 16
EEXIST = 17
ENOTDIR = 20
EISDIR = 21
EINVAL = 22
ENOSPC = 28
EPIPE = 32
EPROTO = 71
EOPNOTSUPP = 95
EAFNOSUPPORT = 97
EADDRINUSE = 98
EADDRNOTAVAIL = 99
ENETDOWN = 100
ENETUNREACH = 101
ECONNABORTED = 103
ECONNRESET = 104
ETIMEDOUT = 110
ECONNREFUSED = 111
EHOSTUNREACH = 113
EDQUOT = 122
ECANCELED = 125

_TEXT = {
    0: "Success",
    ENOENT: "No such file or directory",
    EIO: "Input/output error",
    ENXIO: "No such device or address",
    E2BIG: "Argument list too long",
    EACCES: "Permission denied",
    EBUSY: "Device or resource busy",
    EEXIST: "File exists",
    ENOTDIR: "Not a directory",
    EISDIR: "Is a directory",
    EINVAL: "Invalid argument",
    ENOSPC: "No space left on device",
    EPIPE: "Broken pipe",
    EPROTO: "Protocol error",
    EOPNOTSUPP: "Operation not supported",
    EAFNOSUPPORT: "Address family not supported by protocol",
    EADDRINUSE: "Address already in use",
    EADDRNOTAVAIL: "Cannot assign requested address",
    ENETDOWN: "Network is down",
    ENETUNREACH: "Network is unreachable",
    ECONNABORTED: "Software caused connection abort",
    ECONNRESET: "Connection reset by peer",
    ETIMEDOUT: "Connection timed out",
    ECONNREFUSED: "Connection refused",
    EHOSTUNREACH: "No route to host",
    EDQUOT: "Disk quota exceeded",
    ECANCELED: "Operation canceled",
}


def strerror(number: int) -> str:
    """What ``strerror()`` says of ``number``."""
    return _TEXT.get(number, f"Unknown error {number}")


_OF_EXIM: dict[int, str] = {Errno.EVENT: "Event requests alternate response"}


def exim_errstr(number: int) -> str:
    """The same, with Exim's own words for its own numbers. Source: exim_errstr(), src/log.c."""
    return _OF_EXIM.get(number) or strerror(number)
