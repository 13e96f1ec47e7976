"""What transports are checked for: transport_init() in src/transport.c, the init functions of the drivers.

Each check raises ``Malformed``, in Exim's words; they are made in Exim's order.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from eximsim.errors import Anonymous, Malformed
from eximsim.mta.config.options import Options

_NUMBER = re.compile(r"(?:[0-9]|-)[0-9]*", re.ASCII)
_ERRORS = re.compile(r"[0-9: ]*", re.ASCII)
_LOCKS = ("use_fcntl_lock", "use_flock_lock", "use_lockfile", "use_mbx_lock")
_PLACES = ("anywhere", "belowhome", "inhome")


def check_transport(name: str, driver: str, options: Options) -> None:
    """What its driver checks a transport by this name for."""
    if driver in _CHECKS:
        _CHECKS[driver](name, options)


def check_any_transport(name: str, driver: str, options: Options) -> None:
    """What any transport is checked for."""
    if driver == "smtp" and options.is_set("shadow_transport"):
        raise Anonymous(f"shadow transport not allowed on non-local transport {name}")
    if _both(options, "body_only", "headers_only"):
        raise Anonymous(f"{name} transport: body_only and headers_only are mutually exclusive")


def _check_appendfile(name: str, options: Options) -> None:
    if options.is_set("file") and options.is_set("directory"):
        raise Malformed('only one of "file" or "directory" can be specified')
    quotas = ("quota_filecount", "quota_directory")
    if options.is_set("file"):
        _refuse(quotas, options, '{} must not be set without "directory"')
    if not any(options.exists(lock) and options.flag(lock) for lock in _LOCKS):
        raise Malformed("no locking configured")
    if options.is_set("directory"):
        if _both(options, "maildir_format", "mailstore_format"):
            raise Malformed("only one of maildir and mailstore may be specified")
        if not options.is_set("quota"):
            _refuse(quotas, options, "quota must be set if {} is set")
    _check_user(name, options)
    place = options.text("create_file")
    if place and not place.startswith("/") and place not in _PLACES:
        message = f"invalid value given for \"create_file\" for the {name} transport: '{place}'"
        raise Anonymous(message, f"one of {', '.join(_PLACES)}, or a path, expected")


def _refuse(names: tuple[str, ...], options: Options, words: str) -> None:
    for name in names:
        if options.is_set(name):
            raise Malformed(words.format(name))


def _check_lmtp(name: str, options: Options) -> None:
    if options.is_set("command") == options.is_set("socket"):
        raise Anonymous(f"one (and only one) of command or socket must be set for the {name} transport")
    _check_user(name, options)


def _check_pipe(name: str, options: Options) -> None:
    if options.flag("pipe_as_creator") and (options.is_set("user") or options.is_set("group")):
        raise Anonymous(f"both pipe_as_creator and an explicit uid/gid are set for the {name} transport")
    _check_user(name, options)
    errors = options.text("temp_errors")
    if errors not in (None, "*") and not _ERRORS.fullmatch(errors or ""):
        message = f"temp_errors must be a list of numbers or an asterisk for the {name} transport"
        raise Anonymous(message)
    for one, other, article in (
        ("return_output", "return_fail_output", ""),
        ("log_output", "log_fail_output", "the "),
        ("restrict_to_path", "use_shell", ""),
    ):
        if _both(options, one, other):
            raise Anonymous(f"both {one} and {other} set for {article}{name} transport")
    if options.is_set("allow_commands") and _both(options, "use_shell", "use_shell"):
        raise Anonymous(f"both allow_commands and use_shell set for {name} transport")


def _check_queuefile(name: str, options: Options) -> None:
    if not options.is_set("directory"):
        raise Anonymous(f"directory must be set for the {name} transport")


def _check_smtp(name: str, options: Options) -> None:
    if not all(options.seconds(f"{what}_timeout") for what in ("command", "data", "final")):
        raise Anonymous(f"command, data, or final timeout value is zero for {name} transport")


def _check_user(name: str, options: Options) -> None:
    """A user's name brings a group with it, a number does not."""
    if _NUMBER.fullmatch(options.text("user") or "x") and not options.is_set("group"):
        raise Anonymous(f"user set without group for the {name} transport")


def _both(options: Options, *names: str) -> bool:
    """Whether all of these are set to be on; one that needs expansion is not."""
    return all(options.is_set(name) and options.value(name) is True for name in names)


_CHECKS: dict[str, Callable[[str, Options], None]] = {
    "appendfile": _check_appendfile,
    "autoreply": _check_user,
    "lmtp": _check_lmtp,
    "pipe": _check_pipe,
    "queuefile": _check_queuefile,
    "smtp": _check_smtp,
}
