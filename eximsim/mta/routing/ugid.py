"""Under which user and group a delivery runs (rf_get_ugid.c, findugid(), route_find_expanded_user())."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.log import log_write, quoted
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process

_SOMEBODY = 1000
"""The ids of users and groups that a configuration names and of whom nothing is known."""


class NoSuchUser(Exception):
    """An option that is expanded names nobody, or does not expand; ``args[0]`` is Exim's message, logged."""


@dataclass(frozen=True, slots=True)
class Ids:
    """The user and the group of an option pair; None: not set."""

    uid: int | None = None
    gid: int | None = None


def ugid_of(process: Process, driver: DriverInstance, kind: str) -> Ids:
    """What the options ``user`` and ``group`` of a driver come to; ``kind`` is router or transport.

    A user brings his group, if no other is set. Raises ``NoSuchUser`` for what does not expand, and
    ``Unsupported`` for a name by expansion of which it is not known whether the machine has it.
    """
    user, group = driver.options.text("user"), driver.options.text("group")
    uid, its_group = (None, None) if user is None else _find_user(process, driver, kind, user)
    gid = its_group if group is None else _find_group(process, driver, kind, group)
    return Ids(uid, gid)


def _find_user(
    process: Process, driver: DriverInstance, kind: str, text: str
) -> tuple[int | None, int | None]:
    name = _expanded(process, driver, kind, "user", text)
    if name.lstrip("-").isdigit():
        return int(name), None
    account = process.machine.account(name)
    if account is not None:
        return account.uid, account.gid
    if "$" in text:
        raise Unsupported(f"whether there is a user {name} here", *driver.options.where("user"))
    return _SOMEBODY, _SOMEBODY


def _find_group(process: Process, driver: DriverInstance, kind: str, text: str) -> int:
    name = _expanded(process, driver, kind, "group", text)
    if name.lstrip("-").isdigit():
        return int(name)
    if name == process.machine.group:
        return process.machine.gid
    account = process.machine.account(name)
    if account is not None:
        return account.gid
    if "$" in text:
        raise Unsupported(f"whether there is a group {name} here", *driver.options.where("group"))
    return _SOMEBODY


def _expanded(process: Process, driver: DriverInstance, kind: str, option: str, text: str) -> str:
    try:
        return expand(process, text)
    except ExpansionFailed as failed:
        shown = quoted(process, text)
        what = f"Failed to expand {option} string {shown} for the {driver.name} {kind}: {failed.message}"
        log_write(process, what, panic=True)
        raise NoSuchUser(what) from None
