"""Reports to a sender whose message is not taken in: src/moan.c."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.log import log_write
from eximsim.mta.process.upward import child_open_exim

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a message is not taken in: the end of a report's subject, and of the log line without a report."""

    subject: str
    logged: str


def moan_to_sender(process: Process, sender: str, why: Complaint, content: bytes) -> bool:
    """Send a report about ``content``, or log it if there is nobody to send it to; whether it was sent.

    The report is in words of the model's own. Source: moan_to_sender(), src/moan.c.
    """
    if not sender:
        log_write(process, f"Error while reading message with no usable sender address: {why.logged}")
        return False
    head = [
        "Auto-Submitted: auto-replied",
        f"From: {moan_write_from(process)}",
        f"To: {sender}",
        f"Subject: Mail failure - {why.subject}",
        "",
        f"Your message was not taken in: {why.logged}",
        "",
        "It was:",
        "",
        "",
    ]
    report = "\n".join(head).encode("utf-8", "surrogateescape") + content
    return child_open_exim(process, "", [sender], report, "", process.machine.exim_user) is not None


def moan_write_from(process: Process) -> str:
    """Who a report is from. Source: moan_write_from(), src/moan.c."""
    options = process.config.main
    try:
        return expand(process, options.text("dsn_from") or "")
    except ExpansionFailed as failure:
        what = f"dsn_from that does not expand ({failure.message})"
        raise Unsupported(what, *options.where("dsn_from")) from None
