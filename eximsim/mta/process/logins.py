"""The names of users (``getpwuid()``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def login_of(process: Process, uid: int) -> str:
    """The name of the user with this id; the id itself if nobody has it."""
    machine = process.machine
    for login in (machine.exim_user, machine.user, *machine.accounts):
        account = machine.account(login)
        if account is not None and account.uid == uid:
            return login
    return "root" if uid == 0 else str(uid)


def deliverer_login(process: Process) -> str:
    """The name of the user as whom a delivery runs before it becomes another: root.

    A delivery that a process has begun which lost its privilege for -C runs as Exim's user.
    """
    lost = process.machine.privilege_lost and not process.queue_running
    return exim_login(process) if lost else "root"


def exim_login(process: Process) -> str:
    """The name of the user as whom Exim runs: exim_user, or the one that the program was built for."""
    told = process.config.main.text("exim_user")
    if told is None:
        return process.machine.exim_user
    if told in process.machine.accounts:
        return login_of(process, process.machine.accounts[told].uid)
    return login_of(process, int(told)) if told.isdigit() else told
