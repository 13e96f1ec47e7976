"""Whose a file is, and who may read it, where that is known (check_files(), src/route.c; src/rda.c)."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from eximsim.mta.base.string import list_items
from eximsim.mta.process.log import quoted

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process


class NoAccess(Exception):
    """An item of require_files that does not name who is to read; ``args[0]`` says why."""


def bad_file(process: Process, router: DriverInstance, path: str) -> str | None:
    """What is wrong with the permissions or the owner of a redirection file; None: nothing that is known.

    Source: rda_get_file_contents(), src/rda.c; redirect_router_init() has the defaults.
    """
    known = process.world.disk.files.get(path)
    if known is None:
        return None
    options, account = router.options, process.local_account
    owners = _ids(process, options.text("owners"), group=False)
    groups = _ids(process, options.text("owngroups"), group=True)
    local, mask = options.flag("check_local_user"), options.number("modemask")
    check_owner = options.is_set_or("check_owner", local or bool(owners))
    check_group = options.is_set_or("check_group", (local and not mask & 0o020) or bool(groups))
    if unwanted := known.mode & mask:
        return f"bad mode (0{stat.S_IFREG | known.mode:o}) for {path}: 0{unwanted:o} bit(s) unexpected"
    if check_owner and known.uid not in (*owners, *(() if account is None else (account.uid,))):
        return f"bad owner for {path}"
    if check_group and known.gid not in (*groups, *(() if account is None else (account.gid,))):
        return f"bad group for {path}"
    return None


def _ids(process: Process, text: str | None, *, group: bool) -> tuple[int, ...]:
    found = (_number(process, name, group=group) for name in list_items(text or ""))
    return tuple(number for number in found if number is not None)


def _number(process: Process, name: str, *, group: bool) -> int | None:
    if name.isdigit():
        return int(name)
    machine = process.machine
    if group and name == machine.group:
        return machine.gid
    account = machine.account(name)
    return None if account is None else account.gid if group else account.uid


def access_for(process: Process, text: str) -> tuple[int, int]:
    """The ids under which the files that follow in require_files are to be readable.

    Raises ``NoAccess``. Source: check_files().
    """
    user, comma, group = text.partition(",")
    uid = _number(process, user, group=False)
    if uid is None:
        raise NoAccess(f"user {quoted(process, text)} for require_files not found")
    if comma:
        gid = _number(process, group, group=True)
        if gid is None:
            raise NoAccess(f"group {quoted(process, group)} for require_files not found\n")
        return uid, gid
    if user.isdigit():
        raise NoAccess(f"group missing after numerical uid {uid} for require_files")
    account = process.machine.account(user)
    return uid, 0 if account is None else account.gid


def may_read(process: Process, path: str, ids: tuple[int, int] | None) -> bool:
    """Whether a user may read a file; so he may where nothing is known of it.

    The permission bits alone decide, also for root. Source: route_check_access().
    """
    known = process.world.disk.files.get(path)
    if known is None or ids is None:
        return True
    shift = 6 if known.uid == ids[0] else 3 if known.gid == ids[1] else 0
    return bool(known.mode >> shift & 4)
