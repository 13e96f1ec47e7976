"""International messages on their way to a host: SMTPUTF8, or all in ASCII (src/transports/smtp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.utf8 import ConversionError, address_utf8_to_alabel, domain_utf8_to_alabel
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.log import log_write
from eximsim.mta.records.structs import Downconvert
from eximsim.mta.transports.smtp_failure import SetupFailed
from eximsim.status import Errno

if TYPE_CHECKING:
    from eximsim.mta.transports.smtp_context import SmtpContext

_OPTION = "utf8_downconvert"
_SET_BY = {"1": Downconvert.ALWAYS, "0": Downconvert.NEVER}


def expand_helo(sx: SmtpContext, *, tell: bool = False) -> str:
    """The name to say in EHLO: helo_data, expanded for this connection; ``tell`` logs a failure."""
    try:
        name = expand(sx.process, sx.transport.options.text("helo_data") or "")
    except ExpansionFailed as failed:
        if tell:
            whose = f"<{sx.addrlist[0].address}>: failed to expand transport's helo_data value for callout"
            log_write(sx.process, f"{whose}: {failed.message}", panic=True)
        text = f"failed to expand helo_data: {failed.message}"
        raise SetupFailed("4", Errno.EXPANDFAIL, text, names_host=False) from None
    return _ascii_helo(sx, name)


def _ascii_helo(sx: SmtpContext, name: str) -> str:
    """The name for EHLO as A-labels."""
    if name.isascii() or not sx.process.profile.i18n:
        return name
    try:
        return domain_utf8_to_alabel(name)
    except ConversionError:
        where = sx.transport.options.where("helo_data")
        raise Unsupported("helo_data that cannot be put into ASCII", *where) from None


def require_utf8(sx: SmtpContext) -> None:
    """See what the transport says of an international message, and whether the host can take it.

    Raises ``SetupFailed``.
    """
    first = sx.addrlist[0]
    if first.utf8 is None:
        return
    text = sx.transport.options.text(_OPTION)
    if text is not None:
        try:
            text = expand(sx.process, text)
        except ExpansionFailed as failed:
            why = f"failed to expand utf8_downconvert: {failed.message}"
            raise SetupFailed("4", Errno.EXPANDFAIL, why, names_host=False) from None
        wanted = Downconvert.IF_NEEDED if text.startswith("-1") else _SET_BY.get(text[:1])
        first.utf8 = first.utf8 if wanted is None else wanted
    if first.utf8 is Downconvert.NEVER and "SMTPUTF8" not in sx.features:
        why = "utf8 support required but not offered for forwarding"
        raise SetupFailed("5", Errno.UTF8_FWD, why)


def asks_for_utf8(sx: SmtpContext) -> bool:
    """Whether MAIL asks for SMTPUTF8."""
    utf8 = sx.addrlist[0].utf8
    return "SMTPUTF8" in sx.features and utf8 is not None and utf8 is not Downconvert.ALWAYS


def sender_told(sx: SmtpContext, sender: str) -> str:
    """The sender for MAIL; raises ``ConversionError``. From here on recipients are told in the same way."""
    first = sx.addrlist[0]
    if first.utf8 is None or not (first.utf8 is Downconvert.ALWAYS or "SMTPUTF8" not in sx.features):
        return sender
    told = address_utf8_to_alabel(sender)
    first.downconverted = True
    return told


def recipient_told(sx: SmtpContext, recipient: str) -> str:
    """The recipient for RCPT."""
    if not sx.addrlist[0].downconverted:
        return recipient
    try:
        return address_utf8_to_alabel(recipient)
    except ConversionError:
        raise Unsupported(f"a recipient that cannot be put into ASCII: {recipient}") from None
