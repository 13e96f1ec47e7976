"""Replies to an SMTP client, and what is logged with them (the writing half of src/smtp_in.c)."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from eximsim.mta.acl.acl import Where
from eximsim.mta.base.string import SMTP_CODE, SPACES
from eximsim.mta.expand.event import main_event_raise
from eximsim.mta.lookup.sender_host import connection_for_log, host_and_ident
from eximsim.mta.process.log import log_write, printed, quoted, selector
from eximsim.mta.process.timediff import string_timediff
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.acl.acl import AclResult
    from eximsim.mta.process.globals import Process
    from eximsim.mta.process.reception import Reception

_TAB_AND_BLANK = "\t "

TOO_MANY_ERRORS = "Too many syntax or protocol errors"
_TEMPORARY = "Temporary local problem - please try later"

_SENDER_REFUSED = {
    "postmaster": (
        "Postmaster verification failed while checking <{0}>\n{1}\n"
        "Several RFCs state that you are required to have a postmaster\n"
        "mailbox for each mail domain. This host does not accept mail\n"
        "from domains whose servers reject the postmaster address."
    ),
    "mail": (
        "Callback setup failed while verifying <{0}>\n{1}\n"
        "The initial connection, or a HELO or MAIL FROM:<> command was\n"
        "rejected. Refusing MAIL FROM:<> does not help fight spam, disregards\n"
        "RFC requirements, and stops you from receiving standard bounce\n"
        "messages. This host does not accept mail from domains whose servers\n"
        "refuse bounces."
    ),
    "": "Verification failed for <{0}>\n{1}",
}
"""What the client is told of a sender that failed, by what failed (``$sender_verify_failure``)."""


HISTORY = 20
"""So many commands of a session are remembered."""


def commands_had(history: list[str]) -> str:
    """The commands of a session as log lines show them, with a blank before (s_connhad_log())."""
    before = "..." if len(history) == HISTORY else ""
    return f" C={before}{','.join(history)}" if history else ""


@dataclass(slots=True)
class Replies:
    """The replies of one session that wait to be sent, and the count of the client's errors."""

    reception: Reception
    waiting: list[str] = field(default_factory=list)
    begun: str = ""
    """The first lines of a reply, held back for the rest."""
    command: str = ""
    """The line that is being answered (``smtp_cmd_buffer``)."""
    errors: int = 0
    history: list[str] = field(default_factory=list)
    """The last commands, for log lines that show them."""

    def had(self, command: str) -> None:
        """Remember a command (the HAD macro)."""
        self.history = [*self.history, command][-HISTORY:]
        self.reception.process.variables["smtp_command_history"] = ",".join(self.history)

    def take(self) -> bytes:
        """Everything that waits."""
        text = "".join(self.waiting)
        self.waiting.clear()
        return text.encode("utf-8", "surrogateescape")

    def repeat(self) -> None:
        """What waits goes out twice: a child has a copy of it, and closes its end of the connection."""
        self.waiting *= 2

    def line(self, text: str) -> None:
        """Write reply lines as they stand; the line end is added (smtp_printf())."""
        self._note(f"{text}\r\n")
        self._print(f"{text}\r\n")

    def begin(self, text: str) -> None:
        """The same with a line that is held back for the next one, and lost if the process dies before."""
        self._note(f"{text}\r\n")
        self._hold(f"{text}\r\n")

    def _hold(self, text: str) -> None:
        self.reception.process.scratch = text
        self.begun += text

    def _print(self, text: str) -> None:
        self.reception.process.scratch = text
        self.waiting.append(f"{self.begun}{text}")
        self.begun = ""

    def _note(self, text: str) -> None:
        """Remember the first answer to RCPT, and whether all were the same."""
        envelope = self.reception.envelope
        if envelope.rcpt_in_progress:
            if envelope.rcpt_response is None:
                envelope.rcpt_response = text
            elif envelope.rcpt_response != text:
                envelope.rcpt_response_same = False
            envelope.rcpt_in_progress = False

    def respond(self, code: str, text: str, *, final: bool = True) -> None:
        """Write a reply of as many lines as ``text`` has. ``code`` may have an extended code after a blank.

        Source: smtp_respond(), src/smtp_in.c.
        """
        multiline = self.reception.multiline_responses
        if not final and not multiline:
            return
        self._note(text)
        number, extended = code[:3], code[4:]
        lines: list[str] = []
        while True:
            line, more, text = text.partition("\n")
            lines.append(line)
            if not (more and text and multiline):
                break
            text = text.lstrip(SPACES)  # with it go lines that are empty
        for index, line in enumerate(lines):
            last = final and index == len(lines) - 1
            written = f"{number}{' ' if last else '-'}{extended}{line}\r\n"
            if last:
                self._print(written)
            else:
                self._hold(written)

    def user_message(self, code: str, text: str) -> None:
        """Reply with an ACL's message, whose own code counts if it fits (smtp_user_msg())."""
        code, text, _ = self.message_code(code, text, None)
        self.respond(code, text)

    def message_code(
        self, code: str, text: str, log_message: str | None, *, check: bool = True
    ) -> tuple[str, str, str | None]:
        """The code that ``text`` begins with, if its first digit may stand for ``code``, and the rest.

        The log message is adjusted if it is the same text. Source: smtp_message_code(), src/smtp_in.c.
        """
        match = SMTP_CODE.match(text)
        if match is None:
            return code, text, log_message
        rest = text[match.end() :]
        if check and text[0] != code[0]:
            shown = quoted(self.reception.process, text)
            problem = f"configured error code starts with incorrect digit (expected {code[0]}) in {shown}"
            log_write(self.reception.process, problem, panic=True)
            return code, rest, f"{code} {rest}" if log_message == text else log_message
        return match[0], rest, log_message

    def synprot_error(self, kind: str, code: int, text: str, data: str | None = None) -> bool:
        """Answer an error in syntax or protocol; ``kind`` is ``"syntax"`` or ``"protocol"``.

        True once there were more than smtp_max_synprot_errors: the session is over. No reply is sent for
        ``code`` 0. Source: synprot_error(), src/smtp_in.c.
        """
        process = self.reception.process
        client = host_and_ident(process, flagged=True)
        main_event_raise(process, f"smtp:fail:{kind}", text)
        log_write(
            process, f"SMTP {kind} error in {self._last_command()} {client} {text}", when=f"smtp_{kind}_error"
        )
        over = self.too_many_errors()
        if code:
            detail = text if data is None else f"{data}: {text}"
            if over and process.profile.synprot_limit_runs_notquit:
                self.begin(f"{code}-{detail}")
            else:
                self.line(f"{code}{'-' if over else ' '}{detail}")
                if over:
                    self.line(f"{code} {TOO_MANY_ERRORS}")
        return over

    def too_many_errors(self) -> bool:
        """Count one error; True if that was one too many, which is logged."""
        process = self.reception.process
        self.errors += 1
        if self.errors <= process.config.main.number("smtp_max_synprot_errors"):
            return False
        log_write(
            process,
            f"SMTP call from {host_and_ident(process, flagged=False)} dropped: too many syntax or protocol "
            f"errors (last command was {self._last_command()}{self._commands_before()})",
            reject=True,
            rejected=self.reception.rejected(),
        )
        return True

    def _commands_before(self) -> str:
        if not self.reception.process.profile.protocol_errors_with_history:
            return ""
        return f", {commands_had(self.history) or 'NULL'}"

    def _last_command(self) -> str:
        return quoted(self.reception.process, printed(self.reception.process, self.command))

    def acl_fail(self, where: Where, result: AclResult, argument: str | None) -> bool:
        """Answer and log an ACL's refusal; True if the connection is to be dropped.

        ``argument`` is the command's data as the client sent it, None before the first command. Source:
        smtp_handle_acl_fail(), src/smtp_in.c.
        """
        reception, process = self.reception, self.reception.process
        code, user, log = (
            (where.code if result.rc is Rc.FAIL else "451"),
            result.user_message,
            result.log_message,
        )
        if user is not None:
            code, user, log = self.message_code(code, user, log, check=where is not Where.VRFY)
        self._tell_sender_failure(code, result.rc)
        detail = "" if log is None else f": {log}".split("\n", 1)[0]
        if result.rc is Rc.FAIL:
            self.respond(code, "Administrative prohibition" if user is None else user)
        elif reception.temp_details and user is not None:
            failed = reception.sender_verified_failed
            details = process.config.main.flag("smtp_return_error_details")
            if details and failed is not None and failed.result.message is not None:
                self.respond(code, failed.result.message, final=False)
            self.respond(code, user)
        else:
            self.respond(code, _TEMPORARY)
        self._log_refusal(where, result.rc, argument, detail)
        if result.drop:
            log_write(
                process,
                f"{connection_info(reception)}{closed_by(reception, 'by DROP in ACL')}",
                when="smtp_connection",
            )
        return result.drop

    def _log_refusal(self, where: Where, rc: Rc, argument: str | None, detail: str) -> None:
        reception, process = self.reception, self.reception.process
        sender = ""
        if where in (Where.RCPT, Where.DATA, Where.MIME):
            sender = f"F=<{reception.envelope.sender_unrewritten or reception.envelope.sender or ''}>"
            name, identity = reception.get("sender_host_authenticated"), reception.get("authenticated_id")
            if name:
                sender += f" A={name}" + (f":{identity}" if identity else "")
            sender += " "
        text = (
            f"{host_and_ident(process, flagged=True)}{tls_log(reception)} {sender}"
            f"{'' if rc is Rc.FAIL else 'temporarily '}rejected {_what(process, where, argument)}{detail}"
        )
        quiet = where is Where.CONNECT and process.profile.connect_acl_reject_selectable
        log_rejection(reception, text, when="connection_reject" if quiet else None)

    def _tell_sender_failure(self, code: str, rc: Rc) -> None:
        """Say once, before the refusal itself, why the sender's verification failed."""
        reception, process = self.reception, self.reception.process
        failed = reception.sender_verified_failed
        if failed is None or failed.told:
            return
        failed.told = True
        result = failed.result
        if rc is not Rc.FAIL or selector(process, "sender_verify_fail"):
            outcome = "defer" if result.rc is Rc.DEFER else "fail"
            why = "" if result.message is None else f": {result.message}"
            client = host_and_ident(process, flagged=True)
            text = f"{client} sender verify {outcome} for <{failed.address}>{why}"
            log_write(process, text, reject=True, rejected=reception.rejected())
        if rc is Rc.FAIL and result.user_message is not None:
            in_progress, reception.envelope.rcpt_in_progress = reception.envelope.rcpt_in_progress, False
            told = _SENDER_REFUSED.get(result.failure or "", _SENDER_REFUSED[""])
            self.respond(code, told.format(failed.address, result.user_message), final=False)
            reception.envelope.rcpt_in_progress = in_progress


def log_rejection(reception: Reception, text: str, *, when: str | None = None) -> None:
    """Write a rejection to the logs that log_reject_target names, with the message's header lines."""
    targets = reception.process.log_reject_target
    if targets:
        log_write(
            reception.process,
            text,
            main="main" in targets,
            reject="reject" in targets,
            panic="panic" in targets,
            when=when,
            rejected=reception.rejected(),
        )


def _what(process: Process, where: Where, argument: str | None) -> str:
    if where is Where.AUTH and argument is not None and process.profile.auth_data_not_logged:
        argument = argument[: next((n for n, char in enumerate(argument) if char in SPACES), len(argument))]
    if where is Where.PREDATA:
        return "DATA"
    if where is Where.MIME:
        return "during MIME ACL checks"
    if where is Where.DATA:
        return "after DATA"
    if where is Where.PRDR:
        return "after DATA PRDR"
    return f'{where.label} in "connect" ACL' if argument is None else f"{where.label} {argument}"


def tls_log(reception: Reception) -> str:
    """The fields `` X= CV= DN= SNI=`` of the client's connection (s_tlslog(), add_tls_info_for_log())."""
    process = reception.process
    cipher = reception.get("tls_in_cipher")
    text = ""
    if cipher is not None and selector(process, "tls_cipher"):
        mark = selector(process, "tls_resumption") and reception.tls is not None and reception.tls.resumed
        text = f" X={cipher}{'*' if mark else ''}"
    has_certificate = reception.tls is not None and bool(reception.tls.peer_chain)
    shown = has_certificate or not process.profile.cv_needs_client_certificate
    if cipher is not None and shown and selector(process, "tls_certificate_verified"):
        text += f" CV={'yes' if reception.certificate_verified else 'no'}"
    name = reception.get("tls_in_peerdn")
    if name is not None and selector(process, "tls_peerdn"):
        text += f' DN="{printed(process, name)}"'
    sni = reception.get("tls_in_sni")
    if sni and selector(process, "tls_sni"):
        text += (
            f" SNI={printed(process, sni, escaped=_TAB_AND_BLANK)}"
            if process.profile.sni_log_unquoted
            else f' SNI="{printed(process, sni)}"'
        )
    return text


def connection_info(reception: Reception) -> str:
    """``SMTP connection from ...`` as the log names this connection (smtp_get_connection_info())."""
    process = reception.process
    what = f"SMTP connection{connection_for_log(process)} from"
    host = reception.get("sender_fullhost") or reception.get("sender_host_address")
    if process.host_checking:
        return f"{what} {host}"
    if reception.sender_host_unknown or reception.sender_host_notsocket:
        return f"{what} {reception.get('sender_ident')}"
    address = reception.get("interface_address")
    if address is not None and selector(process, "incoming_interface"):
        return f"{what} {host} I=[{address}]:{reception.get('interface_port')}"
    return f"{what} {host}"


def elapsed(reception: Reception) -> str:
    """How long the session has lasted, for D=."""
    return string_timediff(reception.process, reception.process.world.now() - reception.started)


def closed_by(reception: Reception, how: str) -> str:
    """The end of the line that logs the end of a connection."""
    if reception.process.profile.closed_connection_duration_logged:
        return f" D={elapsed(reception)} closed {how}"
    return f" closed {how}"
