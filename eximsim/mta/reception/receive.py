"""Taking in a message: its id, its header lines, the ACLs at its end, the arrival line (src/receive.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl.acl import AclResult, Where, acl_check, string_split_message
from eximsim.mta.acl.acl_content import unspool_mbox
from eximsim.mta.acl.mime import run_mime_acl
from eximsim.mta.base.string import from_octets
from eximsim.mta.base.tod import Tod
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.ends import ProcessDied
from eximsim.mta.process.harness import stored
from eximsim.mta.process.local_time import local_stamp
from eximsim.mta.process.log import log_write
from eximsim.mta.process.reception import Reception, recipient_variables
from eximsim.mta.process.sigsegv import null_pointer
from eximsim.mta.reception import receive_cutthrough, receive_dkim
from eximsim.mta.reception.fromline import without_from_line
from eximsim.mta.reception.header_size import too_long
from eximsim.mta.reception.incoming import Incoming, accept, longest_line, new_message_id, spool
from eximsim.mta.reception.receive_cutthrough import Done
from eximsim.mta.reception.receive_data import read_limited
from eximsim.mta.reception.receive_headers import (
    Submitter,
    add_acl_headers,
    complete_headers,
    scan_headers,
)
from eximsim.mta.reception.receive_prdr import ask_each
from eximsim.mta.records.searched import Searched
from eximsim.mta.records.spool import HEADER_OLD, Header, Message
from eximsim.mta.verify import cutthrough
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from eximsim.mta.reception.smtp_in_reply import Replies

MESSAGE_RECEIVED = Rule("message received", "receive.c receive_msg")


@dataclass(frozen=True, slots=True)
class Received:
    """How reception ended: the id of a message that was taken in, whether to deliver it at once, and
    whether an ACL drops the connection, for the time of which the message is still there."""

    message_id: str | None = None
    deliver: bool = False
    dropped: bool = False
    lost: bool = False
    """The client has not waited for the answer."""


# ---- over SMTP -------------------------------------------------------------------------------------


def receive_msg(
    reception: Reception,
    content: bytes,
    replies: Replies,
    size_limit: int,
    submitter: Submitter | None = None,
    *,
    has_more: bool = False,
) -> Received:
    """Take in a message that came over SMTP, with or without a socket, and answer it.

    ``content`` is what came after DATA; ``has_more``: the client has said more. Source: receive_msg(),
    src/receive.c.
    """
    process = reception.process
    content, who = without_from_line(reception, content, submitter or Submitter(process.machine.user))
    strict = process.profile.data_needs_crlf and is_strict(content)
    split = read_limited(content, size_limit, strict=strict, whole=True)
    incoming = Incoming(reception, who, split.headers, split.body, split.blank)
    if not _header_may_pass(incoming, content, replies):
        return Received()
    prepare(incoming)
    if split.read is not None:
        if process.cutthrough.sends is not None and not reception.envelope.chunking:
            received_header_gen(reception)
            add_acl_headers(reception)
        cutthrough.cancel(process)
        log_too_big(reception, split.read, size_limit)
        replies.line("552 Message size exceeds maximum permitted")
        forget(reception)
        return Received()
    if reception.link is not None:
        stored(process)
    complete(incoming)
    if not reception.envelope.recipients:
        incoming.discarded_by = "MAIL ACL" if reception.envelope.recipients_discarded else "RCPT ACL"
        incoming.discarded_early = True
    receive_cutthrough.send_on(incoming)
    verdict = _judge(incoming, content, replies)
    if verdict.ended is not None:
        return verdict.ended
    unspool_mbox(reception)
    link = reception.link
    if link is not None and link.hung_up and not (has_more or link.unread):
        return Received(lost=True)
    try:
        done, told = receive_cutthrough.finish(incoming)
    except ProcessDied:
        spool(incoming)
        raise
    if told is not None:
        replies.line(told)
        forget(reception)
        return Received()
    message = accept(incoming)
    _answer(reception, replies, message.id, verdict)
    if done is not Done.NOT_TRIED:
        return _gone_on(incoming, message, done)
    return finish(incoming, message)


def _header_may_pass(incoming: Incoming, content: bytes, replies: Replies) -> bool:
    """Refuse a header that is too long, or whose lines do not end as they should."""
    reception, headers = incoming.reception, incoming.headers_in
    excess = too_long(reception, headers)
    if excess is not None:
        excess.log(reception)
        replies.line(excess.reply)
        return False
    chunked = reception.envelope.chunking and reception.process.profile.chunk_header_needs_crlf
    if chunked and _starts_with_lf(content):
        _refuse_line_end(reception, headers)
        replies.line("552 Message header not CRLF terminated")
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the ACLs at the end of a message say: that reception has ended, or with which words to accept it.

    ``last_reply`` is the one after those for each recipient (PRDR).
    """

    ended: Received | None = None
    last_reply: str | None = None
    user_message: str | None = None


def _judge(incoming: Incoming, content: bytes, replies: Replies) -> _Verdict:
    """Ask the ACLs for DKIM, for MIME parts, for each recipient and for the message, in this order."""
    reception = incoming.reception
    signed = receive_dkim.verify(reception, content)
    if signed.rc is Rc.DISCARD:
        discard(incoming, "DKIM ACL", signed.log_message)
    elif signed.rc is not Rc.OK:
        dropped = replies.acl_fail(Where.DKIM, signed, reception.get("smtp_command_argument") or "")
        forget(reception)
        return _Verdict(Received(dropped=dropped))
    shown = _show_parts(incoming)
    if shown.rc not in (Rc.OK, Rc.DISCARD):
        dropped = replies.acl_fail(Where.MIME, shown, None)
        if not (dropped or reception.process.profile.mime_refusal_ends_reply):
            _answer(reception, replies, "", _Verdict(None))
        forget(reception)
        return _Verdict(Received(dropped=dropped))
    last_reply = ask_each(reception, replies)
    if last_reply is not None and not reception.envelope.recipients:
        replies.line(last_reply)
        forget(reception)
        return _Verdict(Received())
    result = _judge_data(incoming)
    if result.rc not in (Rc.OK, Rc.DISCARD):
        dropped = replies.acl_fail(Where.DATA, result, None)
        if not dropped:
            forget(reception)
        return _Verdict(Received(dropped=dropped))
    return _Verdict(None, last_reply, result.user_message)


def _judge_data(incoming: Incoming) -> AclResult:
    """Run acl_smtp_data; a message that it discards has no recipients any more."""
    reception, process = incoming.reception, incoming.process
    acl = process.config.main.text("acl_smtp_data")
    if acl is None or not reception.envelope.recipients:
        return AclResult(Rc.OK)
    result = acl_check(reception, Where.DATA, None, acl)
    unspool_mbox(reception)
    add_acl_headers(reception)
    if result.rc is not Rc.OK:
        cutthrough.cancel(process)
    if result.rc is Rc.DISCARD:
        discard(incoming, "DATA ACL", result.log_message)
    return result


def _show_parts(incoming: Incoming) -> AclResult:
    """Run acl_smtp_mime; a message that it discards has no recipients any more."""
    reception = incoming.reception
    if reception.process.profile.mime_parts_counted_anew:
        reception.process.variables.pop("mime_part_count", None)
    acl = reception.process.config.main.text("acl_smtp_mime")
    if acl is None or not reception.envelope.recipients:
        return AclResult(Rc.OK)
    result = run_mime_acl(reception, acl)
    add_acl_headers(reception)
    if result.rc is not Rc.OK:
        cutthrough.cancel(reception.process)
        unspool_mbox(reception)
    if result.rc is Rc.DISCARD:
        discard(incoming, "MIME ACL", None)
    return result


def _gone_on(incoming: Incoming, message: Message, done: Done) -> Received:
    """The message has been delivered, is lost, or waits on the queue; no delivery follows."""
    if done is Done.ACCEPTED:
        log_write(incoming.process, "Completed")
    if done in (Done.ACCEPTED, Done.LOST):
        incoming.process.spool.remove(message.id)
    forget(incoming.reception)
    return Received()


def is_strict(content: bytes) -> bool:
    """Whether the first line ends with CRLF."""
    end = content.find(b"\n")
    return end > 0 and content[end - 1 : end] == b"\r"


def _starts_with_lf(content: bytes) -> bool:
    """Whether the first line is one of the header that ends in a bare LF."""
    end = content.find(b"\n")
    return end > 0 and content[end - 1 : end] != b"\r"


def _refuse_line_end(reception: Reception, headers: list[bytes]) -> None:
    reception.headers = [Header(" ", from_octets(text)) for text in headers[:1]]
    full, ident = reception.get("sender_fullhost"), reception.get("sender_ident")
    client = ("" if full is None else f" H={full}") + ("" if ident is None else f" U={ident}")
    said = "Non-CRLF-terminated header, under CHUNKING: message abandoned"
    text = f"rejected from <{reception.envelope.sender}>{client}: {said}"
    log_write(reception.process, text, reject=True, when="size_reject", rejected=reception.rejected())
    forget(reception)


def log_too_big(reception: Reception, size: int, limit: int) -> None:
    """Log that a message of so many octets is larger than the limit."""
    process = reception.process
    full, ident = reception.get("sender_fullhost"), reception.get("sender_ident")
    client = ("" if full is None else f" H={full}") + ("" if ident is None else f" U={ident}")
    said = f"rejected from <{reception.envelope.sender}>{client}: message too big: read={size} max={limit}"
    log_write(process, said, reject=True, when="size_reject", rejected=reception.rejected())


def _answer(reception: Reception, replies: Replies, id: str, verdict: _Verdict) -> None:
    envelope = reception.envelope
    if envelope.fake_response is not Rc.OK:
        code = "450" if envelope.fake_response is Rc.DEFER else "550"
        replies.respond(code, string_split_message(envelope.fake_response_text or ""))
    elif verdict.last_reply is not None:
        replies.line(verdict.last_reply)
    elif verdict.user_message is not None:
        replies.user_message("250", verdict.user_message)
    elif envelope.chunking:
        size, total = envelope.chunks
        replies.line(f"250- {size} byte chunk, total {total}\r\n250 OK id={id}")
    else:
        replies.line(f"250 OK id={id}")
    if reception.process.host_checking:
        replies.waiting.append("\n**** SMTP testing: that is not a real message id!\n\n")


# ---- what all have in common -----------------------------------------------------------------------


def prepare(incoming: Incoming, take_recipients: Callable[[Incoming], None] | None = None) -> None:
    """What is done before the body is read: header lines, recipients, the id."""
    reception, process, envelope = incoming.reception, incoming.process, incoming.envelope
    reception.headers = [Header(" ", from_octets(text)) for text in incoming.headers_in]
    incoming.scan = scan_headers(reception, incoming.submitter)
    if take_recipients is not None:
        take_recipients(incoming)
    process.message_id = new_message_id(process)
    if envelope.sender is None and reception.smtp:
        raise _without_sender(incoming)  # recipients were discarded, and then all was reset
    incoming.raw_recipients = [recipient.address for recipient in envelope.recipients]
    complete_headers(reception, incoming.scan, incoming.submitter)
    process.searched = Searched()  # search_tidyup()


def _without_sender(incoming: Incoming) -> Exception:
    """What becomes of a message that has no sender: the process dies of it, at the latest in its log line.

    ACLs that are asked after DATA are not: there are no recipients.
    """
    reception, process, envelope = incoming.reception, incoming.process, incoming.envelope
    here = reception.get("sender_host_address") is None and not envelope.suppress_local_fixups
    made = (here or envelope.submission is not None) and incoming.scan.from_header is None
    early = made or bool(process.config.rewrites)
    return null_pointer(process, process.doing, handled=early or not process.profile.local_scan)


def complete(incoming: Incoming) -> None:
    """What is done between the body and the ACL at the end: the variables of the message, Received:."""
    reception, process, envelope = incoming.reception, incoming.process, incoming.envelope
    lines = incoming.body.count(b"\n")
    counted, body_size = (
        (0, len(incoming.body) + lines) if incoming.wireformat else (lines, len(incoming.body))
    )
    process.variables["message_body_size"] = str(body_size)
    read = sum(len(line) for line in incoming.headers_in) + incoming.blank + body_size
    process.variables["message_size"] = str(read)
    lines_read = sum(line.count(b"\n") for line in incoming.headers_in) + counted
    # The blank line, or the first line of the body, which was read as if it were a header line.
    lines_read += bool(incoming.blank or incoming.body)
    process.variables["message_linecount"] = str(lines_read)
    process.variables["body_linecount"] = str(counted)
    process.variables["body_zerocount"] = str(incoming.body.count(b"\0"))
    process.variables["max_received_linelength"] = str(longest_line(incoming))
    process.variables["received_count"] = str(incoming.scan.received)
    process.variables |= recipient_variables(process.profile, envelope.recipients)
    process.variables["recipients_count"] = str(len(envelope.recipients))
    received_header_gen(reception)
    add_acl_headers(reception)
    process.header_list = list(reception.headers)
    process.incoming_body = incoming.body


def received_header_gen(reception: Reception) -> None:
    """Put our Received: line first; it is kept back if received_header_text expands to nothing."""
    process, envelope = reception.process, reception.envelope
    options = process.config.main
    if len(envelope.recipients) == 1:
        process.variables["received_for"] = envelope.recipients[0].address
    text = options.text("received_header_text") or ""
    try:
        text = expand(process, text)
    except ExpansionFailed as failure:
        raise Unsupported(
            f"received_header_text that does not expand ({failure.message})",
            *options.where("received_header_text"),
        ) from None
    process.variables.pop("received_for", None)
    stamp = local_stamp(process, Tod.FULL)
    gap = "\n\t" if process.profile.received_date_on_own_line else " "
    if text:
        reception.headers.insert(0, Header("P", f"{text};{gap}{stamp}\n"))
    else:
        reception.headers.insert(0, Header(HEADER_OLD, f"Received: ; {stamp}\n"))


def discard(incoming: Incoming, acl: str, log_message: str | None) -> None:
    """An ACL has discarded the message: it goes to nobody."""
    incoming.envelope.recipients = []
    incoming.discarded_by = acl
    incoming.discard_log = "" if log_message is None else f": {log_message}"


def forget(reception: Reception) -> None:
    """Nothing is left of the message in the process."""
    reception.headers = []
    reception.process.message_id = ""
    reception.process.header_list = []
    reception.process.incoming_body = b""


def finish(incoming: Incoming, message: Message) -> Received:
    """The end of the reception of a message that is on the spool, or goes to nobody."""
    reception, process = incoming.reception, incoming.process
    if incoming.discarded_by is not None:
        log_write(
            process, f"=> blackhole ({incoming.discarded_by} discarded recipients){incoming.discard_log}"
        )
        log_write(process, "Completed")
        forget(reception)
        return Received()
    route_only = process.queue_smtp and reception.is_socket
    deliver = not reception.envelope.freeze and (not reception.envelope.queue_only_policy or route_only)
    process.trace.record(
        MESSAGE_RECEIVED,
        message.id,
        sender=message.sender,
        recipients=message.addresses(),
    )
    forget(reception)
    return Received(message.id, deliver)
