"""What a host's answers mean for a callout, since 4.89, and the words that log and client get of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.process.log import printed
from eximsim.mta.verify.verify_decisions import CALLOUT_REFUSED, Heard, Step

if TYPE_CHECKING:
    from eximsim.mta.transports.smtp_context import SmtpContext
    from eximsim.mta.verify.callout import Callout

_ODD = re.compile(r"[^\t\n -~]")


def heard(errno: int, text: str) -> Heard:
    """What the last answer was, if it was no acceptance."""
    if errno in (errnos.ETIMEDOUT, errnos.ECONNREFUSED):
        return Heard.TIMEOUT
    if errno:
        return Heard.ERROR
    return Heard.PERMANENT if text.startswith("5") else Heard.OTHER


def refused(call: Callout, sx: SmtpContext, step: Step, was: Heard) -> None:
    """What the host's answer means, if there was one, with the texts for the log and for the client."""
    text = learnt(call, sx, step, was)
    if was is Heard.TIMEOUT:
        sx.send_quit = False
    if text:
        told(call, sx, text)
    name_host(call, sx)


def learnt(call: Callout, sx: SmtpContext, step: Step, was: Heard) -> str:
    """What the answer means is taken note of; the form of words for it, if it has any."""
    row = CALLOUT_REFUSED.decide(call.process, step, was, not call.sender, host=sx.host.name)
    call.learn(row.outcome)
    return row.text


def name_host(call: Callout, sx: SmtpContext) -> None:
    """Put the host before the message."""
    host = sx.host
    call.addr.message = f"{host.name} [{host.address}] : {call.addr.message or 'NULL'}"


def told(call: Callout, sx: SmtpContext, text: str) -> None:
    """The host's last reply in words, for the log and for the client."""
    addr, reply = call.addr, sx.reply.text or "connection dropped"
    command = sx.dialogue.command if sx.dialogue else sx.process.scratch
    if not addr.message:
        addr.message = text.format(command=command, reply=printed(sx.process, reply))
    if call.process.profile.callout_reply_cut and (odd := _ODD.search(reply)):
        reply = f"{reply[: odd.start()]}(truncated)"
    addr.user_message = (
        f"Callout verification failed:\n{reply}"
        if call.is_recipient
        else f"Called:   {sx.host.address}\nSent:     {command}\nResponse: {reply}"
    )
