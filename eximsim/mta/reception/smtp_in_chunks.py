"""Messages in chunks: BDAT (RFC 3030), and what may be said between two (bdat_getc(), src/smtp_in.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eximsim.mta.base.string import SPACES
from eximsim.mta.reception import smtp_in_ends
from eximsim.mta.reception.smtp_in_mail import has_recipients
from eximsim.mta.verify import cutthrough

if TYPE_CHECKING:
    from eximsim.mta.reception.smtp_session import SmtpSession

_SIZE = re.compile(r"\s*([0-9]+)\s*")


def _read(argument: str) -> tuple[int, bool] | None:
    """Size, and whether it is the last chunk; None if there is no size."""
    found = _SIZE.match(argument)
    return None if found is None else (int(found[1]), argument[found.end() :].lower() == "last")


def bdat(session: SmtpSession, argument: str) -> None:
    """The BDAT command that begins a message; acl_smtp_predata has no say."""
    if not session.chunking_offered:
        session.error("protocol", 503, "BDAT command used when CHUNKING not advertised")
        return
    session.reception.pipelining.data_seen = True
    chunk = _read(argument)
    if chunk is None:
        session.error("protocol", 501, "missing size for BDAT command")
    elif has_recipients(session, "BDAT"):
        session.reception.envelope.chunking = True
        session.read_chunk(chunk[0], last=chunk[1])
    else:
        session.unwanted = chunk[0]


def between(session: SmtpSession, name: str, argument: str) -> None:
    """A command after a chunk that was not the last; ``name`` is empty for what is none."""
    if name == "quit":
        smtp_in_ends.quit_within_message(session)
    elif name == "rset":
        smtp_in_ends.incomplete_transaction_log(session, "RSET")
        cutthrough.cancel(session.process)
        session.reset()
        session.replies.line("250 Reset OK")
    elif session.only_rset:
        _only_rset(session)
    elif name == "noop":
        session.replies.line("250 OK")
    elif name == "bdat":
        _next(session, argument.lstrip(SPACES))
    else:
        session.error("protocol", 503, "only BDAT permissible after non-LAST BDAT")
        session.only_rset = True


def _only_rset(session: SmtpSession) -> None:
    """Refuse a command; one too many is the end of the input for older releases, and logged as such."""
    if not session.replies.synprot_error("protocol", 503, "only RSET accepted now"):
        return
    if session.process.profile.chunk_errors_end_quietly:
        session.end(lost=True)
    else:
        smtp_in_ends.lost_in_message(session)


def _next(session: SmtpSession, argument: str) -> None:
    chunk = _read(argument)
    if chunk is None:
        session.error("protocol", 501, "missing size for BDAT command")
        session.reset()
    elif chunk == (0, False):
        session.error("protocol", 504, "zero size for BDAT command")
        session.only_rset = True
    else:
        session.read_chunk(chunk[0], last=chunk[1])
