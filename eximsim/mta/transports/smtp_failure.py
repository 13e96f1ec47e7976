"""How the set-up of an SMTP call fails: what leads to the end of ``smtp_setup_conn()``."""

from __future__ import annotations

from eximsim.mta.transports.smtp_context import SmtpContext, check_response
from eximsim.mta.transports.smtp_out import Reply


class SetupFailed(Exception):
    """The call cannot be set up; ``code`` is the digit to act on (``'4'`` or ``'5'``).

    Without ``names_host`` it is no fault of the host's, and the log line on the address does not name it.
    With ``stops`` no other host is tried.
    """

    def __init__(
        self,
        code: str,
        errno: int,
        message: str | None,
        *,
        user: bool = False,
        send_quit: bool = True,
        names_host: bool = True,
        stops: bool = False,
    ) -> None:
        self.code, self.errno, self.message = code, errno, message
        self.user, self.send_quit, self.names_host, self.stops = user, send_quit, names_host, stops
        super().__init__(message)


def require(sx: SmtpContext, reply: Reply) -> None:
    """Raise ``SetupFailed`` unless the reply is the one that was asked for."""
    if not reply.ok:
        found = check_response(sx, reply)
        raise SetupFailed(found.code, found.errno, found.message, user=found.user, send_quit=found.send_quit)
