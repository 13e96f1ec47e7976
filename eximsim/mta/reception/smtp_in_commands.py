"""The table of SMTP commands, and the small ones themselves (``cmd_list`` in src/smtp_in.c)."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from eximsim.mta.reception import smtp_in_auth, smtp_in_chunks, smtp_in_mail, smtp_in_tls, smtp_in_xclient
from eximsim.mta.reception.smtp_in_ends import incomplete_transaction_log, quit_command
from eximsim.mta.reception.smtp_in_etrn import etrn
from eximsim.mta.reception.smtp_in_expn import expn
from eximsim.mta.reception.smtp_in_helo import ehlo, helo
from eximsim.mta.reception.smtp_in_vrfy import vrfy
from eximsim.mta.verify import cutthrough
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.reception.smtp_session import SmtpSession


class Sync(Enum):
    """Whether the client may send on before a command is answered."""

    ALWAYS = "nothing may follow before the reply"
    UNLESS_PIPELINING = "something may follow if PIPELINING was offered"
    NEVER = "something may follow"


@dataclass(frozen=True, slots=True)
class Command:
    """One SMTP command: its name as it is matched, what it does, and what may come with and after it.

    ``mail`` commands are not counted against smtp_accept_max_nonmail.
    """

    name: str
    run: Callable[[SmtpSession, str], None]
    sync: Sync
    argument: bool = True
    mail: bool = True


def _rset(session: SmtpSession, argument: str) -> None:
    incomplete_transaction_log(session, "RSET")
    cutthrough.cancel(session.process)
    session.reset()
    session.replies.line("250 Reset OK")
    session.free_commands.discard("rset")


def _noop(session: SmtpSession, argument: str) -> None:
    session.replies.line("250 OK")


def _help(session: SmtpSession, argument: str) -> None:
    options = session.process.config.main
    words = ["AUTH"]
    if session.reception.tls is None and session.client_in("tls_advertise_hosts", defer=True):
        words.append("STARTTLS")
    words += ["HELO", "EHLO", "MAIL", "RCPT", "DATA"]
    words += ["BDAT"] if options.text("chunking_advertise_hosts") is not None else []
    words += ["NOOP", "QUIT", "RSET", "HELP"]
    words += [
        word for word in ("ETRN", "EXPN", "VRFY") if options.text(f"acl_smtp_{word.lower()}") is not None
    ]
    words += ["XCLIENT"] if smtp_in_xclient.is_open_to(session) else []
    session.replies.line("214-Commands supported:")
    session.replies.line(f"214 {' '.join(words)}")


COMMANDS = (
    Command("rset", _rset, Sync.UNLESS_PIPELINING, argument=False, mail=False),
    Command("helo", helo, Sync.ALWAYS, mail=False),
    Command("ehlo", ehlo, Sync.ALWAYS, mail=False),
    Command("auth", smtp_in_auth.auth, Sync.NEVER, mail=False),
    Command("starttls", smtp_in_tls.starttls, Sync.ALWAYS, argument=False, mail=False),
    Command("mail from:", smtp_in_mail.mail, Sync.UNLESS_PIPELINING),
    Command("rcpt to:", smtp_in_mail.rcpt, Sync.UNLESS_PIPELINING),
    Command("data", smtp_in_mail.data, Sync.ALWAYS, argument=False),
    Command("bdat", smtp_in_chunks.bdat, Sync.NEVER),
    Command("quit", quit_command, Sync.NEVER, argument=False),
    Command("noop", _noop, Sync.ALWAYS, mail=False),
    Command("etrn", etrn, Sync.ALWAYS, mail=False),
    Command("vrfy", vrfy, Sync.ALWAYS, mail=False),
    Command("expn", expn, Sync.ALWAYS, mail=False),
    Command("xclient", smtp_in_xclient.xclient, Sync.ALWAYS, mail=False),
    Command("help", _help, Sync.NEVER, mail=False),
)
"""Every command that the server knows."""


def find_command(line: str) -> Command | None:
    """The command that ``line`` begins with, None if there is none."""
    lowered = line[:11].lower()
    for command in COMMANDS:
        after = line[len(command.name) : len(command.name) + 1]
        if lowered.startswith(command.name) and (command.name.endswith(":") or after in ("", " ")):
            return command
    return None
