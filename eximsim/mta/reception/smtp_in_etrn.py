"""ETRN: a client asks for a run over its part of the queue (RFC 1985; src/smtp_in.c)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl.acl import Where, acl_check
from eximsim.mta.delivery.queue import QueueRun, Selection, queue_run
from eximsim.mta.lookup.sender_host import host_and_ident
from eximsim.mta.process.log import log_write, quoted
from eximsim.mta.records.hints import EtrnRun
from eximsim.mta.transports.command import set_up_command
from eximsim.mta.transports.local import Stop
from eximsim.piped import PipedCommand
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
    refusal = _begin(session, command, argument)
    if refusal is not None:
        session.replies.line(refusal)
    elif result.user_message is None:
        session.replies.line("250 OK")
    else:
        session.replies.user_message("250", result.user_message)


def _begin(session: SmtpSession, command: str | None, argument: str) -> str | None:
    """Begin what ETRN asks for, or say why not."""
    process = session.process
    try:
        words = [] if command is None else _words(process, command, argument)
    except Stop as stop:
        log_write(process, f"failed to set up ETRN command: {stop.message}", panic=True)
        return "458 Internal failure"
    if process.host_checking:
        process.hdebug(f"ETRN command is: {command or _OWN}")
        process.hdebug("ETRN command execution skipped")
    elif command is None:
        _close_in_child(session)
        session.later.append(partial(_run_queue, process, argument[1:]))
    elif not _run_command(session, command, words, argument):
        return f"458 Already processing {argument}"
    return None


def _close_in_child(session: SmtpSession) -> None:
    """A child closes the connection; with stdio it sends what waits, as the session does later."""
    if not session.process.profile.replies_sent_at_once:
        session.replies.repeat()


def _words(process: Process, command: str, argument: str) -> list[str]:
    with process.setting(domain=argument):
        return set_up_command(process, command, [], expands=True, failed=Rc.OK, what="ETRN processing")


def _run_queue(process: Process, text: str) -> None:
    """The program is run again, with -R."""
    process.machine.left_behind += 1
    child = process.fork("etrn-command")
    child.run_anew()
    child.variables = {}
    queue_run(child, QueueRun(recipient=Selection(text)))


_LONGEST = 6 * 3600
"""Seconds after which a command no longer keeps others out."""


def _run_command(session: SmtpSession, command: str, words: list[str], argument: str) -> bool:
    """Run a command beside the session; false if another one with the same argument has to end first.

    Source: enq_start(), src/enq.c.
    """
    process = session.process
    runs, now = process.machine.hints.etrn, process.world.now()
    serialized = process.config.main.flag("smtp_etrn_serialize")
    last = runs.get(argument)
    if serialized and last is not None and now < last.over and now - last.begun < _LONGEST:
        return False
    _close_in_child(session)
    ended = process.world.run_command(PipedCommand(tuple(words), environment=process.environment))
    if ended.status is None:
        raise Unsupported("an ETRN command without end", *process.config.main.where("smtp_etrn_command"))
    if ended.status == _EXEC_FAILED:
        log_write(
            process,
            f"exec of {quoted(process, command)} (ETRN) failed: No such file or directory",
            panic=True,
        )
    elif serialized:
        runs[argument] = EtrnRun(now, now + ended.seconds)
    return True


_EXEC_FAILED = 127
"""EX_EXECFAILED: the program is not there."""
