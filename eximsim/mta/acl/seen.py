"""``seen``: whether a client, or anything else, has been seen before (acl_seen(), src/acl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.readtime import readconf_readtime
from eximsim.mta.base.string import list_items
from eximsim.mta.process.sigsegv import null_pointer
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.acl.acl_run import AclRun
    from eximsim.mta.config.acl_read import AclCondition

_REFRESH = 10 * 24 * 3600


def seen(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """OK if the record is younger than so much time, with ``-`` if it is at least as old.

    A record that is not there is made, and the answer is no. Without a key and a client's address to take
    for it, the process dies.
    """
    machine = run.process.machine
    if not machine.hints_known:
        raise Unsupported(
            "the condition seen, where what the hints hold is not known", condition.path, condition.line
        )
    first, *options = list(list_items(text, "/")) or [""]
    before = first.startswith("-")
    interval = readconf_readtime(first.removeprefix("-"))
    key, mode, refresh = run.reception.get("sender_host_address"), "", _REFRESH
    for option in options:
        name, equals, value = option.partition("=")
        if name == "key" and equals:
            key = value
        elif option in ("readonly", "write"):
            mode = option
        elif name == "refresh" and equals:
            seconds = readconf_readtime(value)
            interval, refresh = (None, 0) if seconds is None else (interval, seconds)
        else:
            run.log_message = f"unrecognised option '{option}' in '{text}'"
            return Rc.ERROR
    if interval is None:
        run.log_message = f"failed to parse '{text}'"
        return Rc.ERROR
    if key is None:
        raise null_pointer(run.process, run.process.doing)
    return _look(run, key, interval, before=before, mode=mode, refresh=refresh)


def _look(run: AclRun, key: str, interval: int, *, before: bool, mode: str, refresh: int) -> Rc:
    stored, now = run.process.machine.hints.seen, int(run.process.world.now())
    found = stored.get(key)
    if found is None:
        if mode != "readonly":
            stored[key] = now
        run.trace("seen db not written (readonly)" if mode == "readonly" else "seen db written (create)")
        return Rc.FAIL
    age = now - found
    if mode == "readonly":
        run.trace("seen db not written (readonly)")
    elif mode == "write" or not before:
        stored[key] = now
        run.trace("seen db written (update)")
    elif age >= refresh:
        stored[key] = now - interval
        run.trace("seen db written (refresh)")
    return Rc.OK if (age >= interval if before else age < interval) else Rc.FAIL
