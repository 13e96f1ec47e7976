"""The value of one option in the words of -bP (print_ol() in src/readconf.c)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.readtime import readconf_printtime
from eximsim.mta.base.string import list_items
from eximsim.mta.config.optionlist import FLAG_KINDS, Kind, Option, Value
from eximsim.mta.expand.expand import expand
from eximsim.mta.process.log import printed
from eximsim.mta.process.logins import login_of

if TYPE_CHECKING:
    from eximsim.mta.config.options import Options
    from eximsim.mta.process.globals import Process

_USER_LISTS = frozenset({"never_users", "owners", "trusted_users"})
_GROUP_LISTS = frozenset({"admin_groups", "owngroups", "trusted_groups"})
_USERS = frozenset({"exim_user", "system_filter_user", "user"})
_IN_K = frozenset(
    {"bounce_return_linesize_limit", "bounce_return_size_limit", "max_output", "message_body_visible"}
)
"""Integers that are printed with a suffix (``opt_mkint``)."""

UUCP_FROM_PATTERN = (
    r"^From\s+(\S+)\s+(?:[a-zA-Z]{3},?\s+)?"
    r"(?:[a-zA-Z]{3}\s+\d?\d|\d?\d\s+[a-zA-Z]{3}\s+\d\d(?:\d\d)?)\s+\d\d?:\d\d?"
)


_OF_THE_BUILD = frozenset(
    (
        *("exim_group", "exim_path", "exim_user", "log_file_path"),
        *("pid_file_path", "process_log_path", "spool_directory"),
        *("primary_hostname", "qualify_domain", "qualify_recipient", "timezone", "uucp_from_pattern"),
    )
)
"""Main options whose value comes from the build or the host, if nothing sets them."""


def _of_the_build(process: Process, options: Options, name: str) -> Value:
    """The value of a main option that nothing sets, and that comes from the build or the host."""
    profile = process.profile
    if name == "timezone":
        return ""
    if name in ("exim_user", "exim_group"):
        return profile.exim_user
    if name == "process_log_path":
        return f"{_of_the_build(process, options, 'spool_directory')}/exim-process.info"
    if name == "uucp_from_pattern":
        return UUCP_FROM_PATTERN
    if name in ("qualify_domain", "primary_hostname", "qualify_recipient") and not options.is_set(name):
        before = {"qualify_domain": "primary_hostname", "qualify_recipient": "qualify_domain"}.get(name)
        return _of_the_build(process, options, before) if before else process.machine.hostname
    value = options.value(name)
    if options.is_set(name):
        return value
    return dict(profile.build_paths).get(name, value or "")


def print_option(process: Process, options: Options, option: Option, *, name: str, label: bool) -> str:
    """The line about ``option`` by the name ``name``; ``label`` is whether it begins with the name.

    Raises ``Unsupported`` if the value depends on what the model does not know.
    """
    kept, profile = option.stands_for or option.name, process.profile
    if option.kind is Kind.TIME_OR_TEXT and not profile.receive_timeout_printed:
        return ""
    value = options.value(kept)
    if kept == "exim_version" and not options.is_set(kept):
        value = profile.version
    elif kept in _OF_THE_BUILD and options is process.config.main and not options.is_set(kept):
        value = _of_the_build(process, options, kept)
    if kept == "group" and value is None:
        value = _group_of(process, options.text("user") or "")
    if option.kind in FLAG_KINDS and not isinstance(value, str):
        if value is None:
            raise Unsupported(f"the option -bP {name} where other options set it")
        return f"{'' if value else 'no_'}{name}\n"
    if option.kind is Kind.FIXED and isinstance(value, int) and value < 0:
        return f"{name} =\n"
    if kept in _USER_LISTS or kept in _GROUP_LISTS:
        shown = _names(process, str(value or ""), name, users=kept in _USER_LISTS)
        return f"{name} ={' ' if shown else ''}{shown}\n" if label else f"{shown}\n"
    if kept in _USERS and isinstance(value, str) and value.isdigit():
        value = login_of(process, int(value))
    elif option.kind is Kind.NAMES and isinstance(value, str) and value.isdigit():
        value = _group_named(process, int(value), name)
    shown = _shown(process, option, kept, value)
    return f"{name} = {shown}\n" if label else f"{shown}\n"


def _shown(process: Process, option: Option, kept: str, value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return printed(process, value, escaped="\t" if option.kind not in _PLAIN else "")
    if isinstance(value, tuple):
        return ":".join(map(readconf_printtime, value))
    if option.kind is Kind.KILO:
        return _kilo(value, process.profile.sizes_printed_in_g)
    if kept in _IN_K:
        return _in_k(value)
    return _NUMBERS[option.kind](value)


_PLAIN = frozenset({Kind.NAMES, Kind.FLAG_OR_TEXT})
"""Strings that keep their tabs."""


def _names(process: Process, text: str, name: str, *, users: bool) -> str:
    """A list of users or groups, as the names that their numbers have."""
    names = list(list_items(expand(process, text), ":"))
    named = login_of if users else partial(_group_named, name=name)
    return ":".join(named(process, int(item)) if item.isdigit() else item for item in names)


def _group_of(process: Process, user: str) -> str:
    """The group of a driver that has a user and no group: that user's, if he is known by name.

    A user's own group is taken to have his name.
    """
    if "$" in user or user.isdigit():
        return ""
    account = process.machine.account(user)
    return "root" if account is not None and account.gid == 0 else user


def _group_named(process: Process, gid: int, name: str) -> str:
    """The name of a group; raises ``Unsupported``, as the model knows none but root's."""
    if gid == 0:
        return "root"
    raise Unsupported(f"the option -bP {name} with a number in place of a name")


def _kilo(value: int, large: bool) -> str:
    if value == 0:
        return "0"
    for bits, suffix in ((30, "T"), (20, "G"), (10, "M")) if large else ((10, "M"),):
        if value % (1 << bits) == 0:
            return f"{value >> bits}{suffix}"
    return f"{value}K"


def _in_k(value: int) -> str:
    if value == 0 or value % 1024:
        return str(value)
    return f"{value >> 20}M" if value % (1 << 20) == 0 else f"{value >> 10}K"


def _fixed(value: int) -> str:
    return f"{value // 1000}.{f'{value % 1000:03}'.rstrip('0') or '0'}"


def _octal(value: int) -> str:
    return f"0{value:o}" if value else "0"


_NUMBERS: dict[Kind, Callable[[int], str]] = {
    Kind.INTEGER: str,
    Kind.OCTAL: _octal,
    Kind.FIXED: _fixed,
    Kind.TIME: readconf_printtime,
    Kind.TIME_OR_TEXT: readconf_printtime,
}
