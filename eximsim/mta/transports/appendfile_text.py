"""What the appendfile transport writes: the message with its affixes, or as batched SMTP (appendfile.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.base.string import octets
from eximsim.mta.base.tod import Tod
from eximsim.mta.expand.expand import ExpansionFailed
from eximsim.mta.process.local_time import local_stamp
from eximsim.mta.transports import local_text
from eximsim.mta.transports.filtering import FilterFailed
from eximsim.mta.transports.local import Stop, affix
from eximsim.mta.transports.local_text import MBOX_PREFIX, Frame
from eximsim.mta.transports.message_text import Writing
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address


def _writing(transport: DriverInstance) -> Writing:
    """Source: appendfile_transport_init()."""
    options = transport.options
    crlf = options.flag("use_crlf") or options.flag("mbx_format")
    if options.flag("use_bsmtp"):
        return Writing(b".", b"..", True, crlf)
    check, escape = options.text("check_string"), options.text("escape_string")
    if _is_mbox(transport):
        check = "From " if check is None else check
        escape = ">From " if escape is None else escape
    if check is None or escape is None:
        return Writing(crlf=crlf)
    return Writing(octets(check), octets(escape), crlf=crlf)


def _is_mbox(transport: DriverInstance) -> bool:
    """Whether the affixes and the escapes that nothing sets are those of a mailbox file."""
    options = transport.options
    return options.text("directory") is None and not (
        options.flag("use_bsmtp") or options.flag("maildir_format") or options.flag("mailstore_format")
    )


def _affix(process: Process, transport: DriverInstance, option: str, default: str) -> bytes:
    text = transport.options.text(option)
    if text is None and _is_mbox(transport):
        text = default
    return octets(affix(process, transport, option, text))


_MBX_HEADER = 2048
_MBX_USER_FLAGS = 30


def mbx_text(process: Process, text: bytes, *, first: bool) -> bytes:
    """A message as it stands in a mailbox of the c-client library, behind its header if it is the first.

    Source: copy_mbx_message().
    """
    size = f"{local_stamp(process, Tod.MBX)},{len(text)};{0:08x}{0:04x}-{0:08x}\r\n"
    made = octets(size) + text
    if first:
        head = f"*mbx*\r\n{int(process.world.now()):08x}00000000\r\n" + "\r\n" * _MBX_USER_FLAGS
        made = octets(head).ljust(_MBX_HEADER, b"\0") + made
    process.transport_count = len(made)
    return made


def written_text(process: Process, transport: DriverInstance, addrs: list[Address], path: str) -> bytes:
    """Prefix, message and suffix, with the commands of SMTP around the message if use_bsmtp is set."""
    recipients = [addr.parent if addr.made_for and addr.parent else addr for addr in addrs]
    frame = Frame(
        _affix(process, transport, "message_prefix", MBOX_PREFIX),
        _affix(process, transport, "message_suffix", "\n"),
        recipients if transport.options.flag("use_bsmtp") else None,
    )
    try:
        written = local_text.written_text(process, transport, addrs, _writing(transport), frame)
    except ExpansionFailed as failed:
        what = "failed to expand headers_add or headers_remove while writing to"
        raise Stop(Rc.PANIC, f"{what} {path}: {failed.message}", Errno.CHHEADER_FAIL) from None
    except FilterFailed as failed:
        if failed.status is None:
            raise Stop(Rc.DEFER, f"error while writing to {path}", errnos.ETIMEDOUT) from None
        status, why = failed.shown
        what = f"transport filter process failed ({status}) while writing to"
        raise Stop(Rc.PANIC, f"{what} {path}{why}", Errno.FILTER_FAIL) from None
    if frame.recipients is not None:
        process.transport_count -= len(frame.prefix)
    return written
