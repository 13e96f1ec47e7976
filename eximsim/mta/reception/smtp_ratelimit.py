"""Clients that have to wait: smtp_ratelimit_mail, smtp_ratelimit_rcpt (smtp_setup_msg(), src/smtp_in.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.config.rate_limits import read_rate_limit

if TYPE_CHECKING:
    from eximsim.mta.reception.smtp_session import SmtpSession


def slow_down(session: SmtpSession, option: str, commands: int) -> None:
    """Wait, if this is one command more than the option lets pass; the next will wait longer."""
    text = session.process.config.main.text(option)
    if text is None:
        return
    limit = read_rate_limit(text)
    if commands <= limit.threshold or not session.client_in("smtp_ratelimit_hosts"):
        return
    delay = session.delays.get(option, limit.first)
    session.process.world.sleep(int(delay * 1000) / 1000)
    session.delays[option] = min(delay * limit.factor, limit.most)
