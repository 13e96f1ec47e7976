"""ETRN: a client asks for a run over its part of the queue (RFC 1985; src/smtp_in.c)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl.acl import Where, acl_check
from eximsim.mta.delivery.queue import QueueRun, Selection, queue_run
from eximsim.mta.lookup.sender_host import host_and_ident
from eximsim.mta.process.log import log_write
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.reception.smtp_session import SmtpSession

_OWN = "exim -R"


def etrn(session: SmtpSession, argument: str) -> None:
    """The ETRN command."""
    process, reception = session.process, session.reception
    options = process.config.main
    if reception.envelope.sender is not None:
        session.error("protocol", 503, "ETRN is not permitted inside a transaction")
        return
    log_write(process, f"ETRN {argument} received from {host_and_ident(process, flagged=False)}", when="etrn")
    result = acl_check(reception, Where.ETRN, None, options.text("acl_smtp_etrn"))
    if result.rc is not Rc.OK:
        if session.replies.acl_fail(Where.ETRN, result, argument):
            session.drop()
        return
    command = options.text("smtp_etrn_command")
    if command is None and not argument.startswith("#"):
        session.error("syntax", 501, "argument must begin with #")
        return
    if process.host_checking:
        process.hdebug(f"ETRN command is: {command or _OWN}")
        process.hdebug("ETRN command execution skipped")
    elif command is None:
        session.replies.repeat()
        session.later.append(partial(_run_queue, process, argument[1:]))
    else:
        _run_command(session, command)
    if result.user_message is None:
        session.replies.line("250 OK")
    else:
        session.replies.user_message("250", result.user_message)


def _run_queue(process: Process, text: str) -> None:
    """The program is run again, with -R."""
    process.machine.left_behind += 1
    child = process.fork()
    child.run_anew()
    child.variables = {}
    queue_run(child, QueueRun(recipient=Selection(text)))


def _run_command(session: SmtpSession, command: str) -> None:
    """Only a command that is not there is known to do nothing but fail."""
    process = session.process
    path = command.split(maxsplit=1)[0]
    if "$" in command or not path.startswith("/") or process.world.path_kind(path) or not _is_missing(path):
        raise Unsupported("the command of smtp_etrn_command", *process.config.main.where("smtp_etrn_command"))
    log_write(process, f'exec of "{command}" (ETRN) failed: No such file or directory', panic=True)


_SYSTEM = ("/bin/", "/sbin/", "/usr/")


def _is_missing(path: str) -> bool:
    return not path.startswith(_SYSTEM)
