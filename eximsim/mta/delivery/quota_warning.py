"""The message to the owner of a mailbox that has passed quota_warn_threshold (in ``deliver_local()``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.string import octets
from eximsim.mta.delivery.dsn import reply_to
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.log import log_write, quoted
from eximsim.mta.process.logins import deliverer_login
from eximsim.mta.process.upward import child_open_exim
from eximsim.mta.routing.skipped_errors import moan_write_from

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process

_QUOTA_WARNING = (
    "To: $local_part@$domain\nSubject: Your mailbox\n\n"
    "This message is automatically created by mail delivery software (Exim).\n\n"
    "The size of your mailbox has exceeded a warning threshold that is\n"
    "set by the system administrator.\n"
)


def warn_of_quota(process: Process, transport: DriverInstance) -> None:
    """Tell the owner of a mailbox that it has passed quota_warn_threshold (in ``deliver_local()``)."""
    text = transport.options.text("quota_warn_message") or _QUOTA_WARNING
    try:
        message = expand(process, text)
    except ExpansionFailed as failed:
        what = f"Failed to expand {quoted(process, text)} (warning message for {transport.name} transport)"
        log_write(process, f"{what}: {failed.message}", panic=True)
        return
    lines = [] if _has_header("Reply-To", message) else reply_to(process)
    lines.append("Auto-Submitted: auto-replied")
    if not _has_header("From", message):
        lines.append(f"From: {moan_write_from(process)}")
    content = octets("".join(f"{line}\n" for line in lines) + message)
    child_open_exim(process, "", [], content, process.message_id, deliverer_login(process))


def _has_header(name: str, text: str) -> bool:
    """Source: contains_header()."""
    return any(
        line[: len(name)].lower() == name.lower() and line[len(name) :].lstrip(" \t").startswith(":")
        for line in text.split("\n")
    )
