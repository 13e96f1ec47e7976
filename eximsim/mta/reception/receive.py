"""Taking in a message: its id, its header lines, the ACLs at its end, the arrival line (src/receive.c)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl.acl import Where, acl_check, string_split_message
from eximsim.mta.base.string import from_octets, list_items, string_printing
from eximsim.mta.base.tod import Tod, tod_stamp
from eximsim.mta.base.utf8 import string_is_utf8
from eximsim.mta.delivery.moan import (
    ALL_OVERRIDDEN,
    NO_RECIPIENTS,
    Complaint,
    malformed_recipients,
    moan_to_sender,
    refused_by_acl,
    too_big,
)
from eximsim.mta.delivery.queue import deliver_in_child
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.lookup.verify_hosts import verify_check_host
from eximsim.mta.process import upward
from eximsim.mta.process.globals import Process
from eximsim.mta.process.log import log_write, selector
from eximsim.mta.process.reception import Reception, recipient_variables
from eximsim.mta.reception import receive_cutthrough, receive_dkim
from eximsim.mta.reception.caller_sender import sender_from_line
from eximsim.mta.reception.incoming import Incoming, accept, new_message_id
from eximsim.mta.reception.originator import full_name
from eximsim.mta.reception.receive_cutthrough import Done
from eximsim.mta.reception.receive_data import (
    DataReader,
    from_line,
    local_content,
    split_message,
)
from eximsim.mta.reception.receive_headers import (
    Submitter,
    add_acl_headers,
    complete_headers,
    extract_recipients,
    scan_headers,
)
from eximsim.mta.reception.smtp_in_reply import connection_info
from eximsim.mta.records.spool import HEADER_OLD, Header, Message, Recipient
from eximsim.mta.verify import cutthrough
from eximsim.status import Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eximsim.mta.reception.smtp_in_reply import Replies

MESSAGE_RECEIVED = Rule("message received", "receive.c receive_msg")

__all__ = ["DataReader", "LocalError", "Received", "local_content", "receive_local", "receive_msg", "submit"]

_FROM_LINE_OPTION = "ignore_fromline_hosts"


@dataclass(frozen=True, slots=True)
class Received:
    """How reception ended: the id of a message that was taken in, whether to deliver it at once, and
    whether an ACL drops the connection, for the time of which the message is still there."""

    message_id: str | None = None
    deliver: bool = False
    dropped: bool = False


class LocalError(Exception):
    """A local submission is refused: Exim writes ``message`` to stderr, or tells the sender ``why``."""

    def __init__(self, message: str, why: Complaint) -> None:
        self.message = message
        self.why = why
        super().__init__(message)


# ---- over SMTP -------------------------------------------------------------------------------------


def receive_msg(
    reception: Reception,
    content: bytes,
    replies: Replies,
    size_limit: int,
    submitter: Submitter | None = None,
) -> Received:
    """Take in a message that came over SMTP, with or without a socket, and answer it.

    ``content`` is what came after DATA. Source: receive_msg(), src/receive.c.
    """
    process = reception.process
    headers, body = split_message(content, strict=process.profile.data_needs_crlf and _is_strict(content))
    incoming = Incoming(reception, submitter or Submitter(process.machine.user), headers, body)
    limit = process.config.main.number("header_maxsize")
    if 0 < limit <= sum(map(len, headers)):
        client = reception.get("sender_fullhost") or reception.get("sender_ident")
        said = f"ridiculously long message header received from {client} (more than {limit} characters)"
        log_write(process, f"{said}: message abandoned")
        replies.line("552 Message header is ridiculously long")
        return Received()
    if reception.envelope.chunking and process.profile.chunk_header_needs_crlf and _starts_with_lf(content):
        _refuse_line_end(reception, headers)
        replies.line("552 Message header not CRLF terminated")
        return Received()
    _first_line_asked(reception, content)
    _prepare(incoming)
    size = sum(map(len, headers)) + len(body)
    if 0 < size_limit < size and body:
        cutthrough.cancel(process)
        _too_big(reception, size, size_limit)
        replies.line("552 Message size exceeds maximum permitted")
        _forget(reception)
        return Received()
    _complete(incoming)
    if not reception.envelope.recipients:
        incoming.discarded_by = "MAIL ACL" if reception.envelope.recipients_discarded else "RCPT ACL"
    user_message = None
    receive_cutthrough.send_on(incoming)
    signed = receive_dkim.verify(reception, content)
    if signed.rc is Rc.DISCARD:
        _discard(incoming, "DKIM ACL", signed.log_message)
    elif signed.rc is not Rc.OK:
        dropped = replies.acl_fail(Where.DKIM, signed, reception.get("smtp_command_argument") or "")
        _forget(reception)
        return Received(dropped=dropped)
    _refuse_prdr(reception)
    acl = process.config.main.text("acl_smtp_data")
    if acl is not None and reception.envelope.recipients:
        result = acl_check(reception, Where.DATA, None, acl)
        add_acl_headers(reception)
        if result.rc is not Rc.OK:
            cutthrough.cancel(process)
        if result.rc is Rc.DISCARD:
            _discard(incoming, "DATA ACL", result.log_message)
        elif result.rc is not Rc.OK:
            dropped = replies.acl_fail(Where.DATA, result, None)
            if not dropped:
                _forget(reception)
            return Received(dropped=dropped)
        else:
            user_message = result.user_message
    done, told = receive_cutthrough.finish(incoming)
    if told is not None:
        replies.line(told)
        _forget(reception)
        return Received()
    message = accept(incoming)
    _answer(reception, replies, message, user_message)
    if done is not Done.NOT_TRIED:
        return _gone_on(incoming, message, done)
    return _finish(incoming, message)


def _gone_on(incoming: Incoming, message: Message, done: Done) -> Received:
    """The message has been delivered, or waits on the queue; no delivery follows."""
    if done is Done.ACCEPTED:
        log_write(incoming.process, "Completed")
        incoming.process.machine.spool.remove(message.id)
    _forget(incoming.reception)
    return Received()


def _is_strict(content: bytes) -> bool:
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
    _forget(reception)


def _first_line_asked(reception: Reception, content: bytes) -> None:
    """Ask whether the client may begin a message with a ``From `` line, as Exim does at any first line.

    Setting ignore_fromline_hosts is not modelled, so none may; the question shows in the host-check trace.
    """
    if reception.get("sender_host_address") is not None and content not in (b"", b"\n", b"\r\n"):
        text = reception.process.config.main.text(_FROM_LINE_OPTION)
        verify_check_host(reception.process, text, _FROM_LINE_OPTION, cache=reception.host_cache)


def _too_big(reception: Reception, size: int, limit: int) -> None:
    process = reception.process
    full, ident = reception.get("sender_fullhost"), reception.get("sender_ident")
    client = ("" if full is None else f" H={full}") + ("" if ident is None else f" U={ident}")
    said = f"rejected from <{reception.envelope.sender}>{client}: message too big: read={size} max={limit}"
    log_write(process, said, reject=True, when="size_reject", rejected=reception.rejected())


def _answer(reception: Reception, replies: Replies, message: Message, user_message: str | None) -> None:
    envelope = reception.envelope
    if envelope.fake_response is not Rc.OK:
        code = "450" if envelope.fake_response is Rc.DEFER else "550"
        replies.respond(code, string_split_message(envelope.fake_response_text or ""))
    elif user_message is not None:
        replies.user_message("250", user_message)
    elif envelope.chunking:
        size, total = envelope.chunks
        replies.line(f"250- {size} byte chunk, total {total}\r\n250 OK id={message.id}")
    else:
        replies.line(f"250 OK id={message.id}")
    if reception.process.host_checking:
        replies.waiting.append("\n**** SMTP testing: that is not a real message id!\n\n")


# ---- batched SMTP ----------------------------------------------------------------------------------


class BatchRefused(Exception):
    """A message of a batch is refused: the reply that an SMTP client would get."""


def receive_batched(
    reception: Reception, content: bytes, size_limit: int, submitter: Submitter | None
) -> Received:
    """Take in a message of batched SMTP, which is judged as one that does not come over SMTP.

    Raises ``BatchRefused``.
    """
    process = reception.process
    headers, body = split_message(content, strict=process.profile.data_needs_crlf and _is_strict(content))
    incoming = Incoming(reception, submitter or Submitter(process.machine.user), headers, body)
    _prepare(incoming)
    size = sum(map(len, headers)) + len(body)
    if 0 < process.config.main.number("header_maxsize") <= sum(map(len, headers)):
        what = "a header as long as header_maxsize, in a batch"
        raise Unsupported(what, *process.config.main.where("header_maxsize"))
    if 0 < size_limit < size and body:
        _too_big(reception, size, size_limit)
        _forget(reception)
        raise BatchRefused("552 Message size exceeds maximum permitted")
    _complete(incoming)
    refusal = _ask_not_smtp(incoming)
    if refusal is not None:
        _forget(reception)
        raise BatchRefused(f"550 {refusal}")
    return _finish(incoming, accept(incoming))


def lost_in_batch(reception: Reception, where: str) -> str:
    """Log that the input of a batch ends within a message; the reply (``handle_lost_connection()``)."""
    process = reception.process
    if not where:
        process.message_id = new_message_id(process)
    if any(selector(process, name) for name in ("lost_incoming_connection", "smtp_connection")):
        log_write(process, f"{connection_info(reception)} lost while reading message data{where}")
    process.message_id = ""
    return "421 Lost incoming connection"


def not_smtp_start(reception: Reception) -> None:
    """Run acl_not_smtp_start, which sees the recipients, before a message is read, whatever comes of it."""
    process = reception.process
    acl = process.config.main.text("acl_not_smtp_start")
    if acl is not None:
        with process.setting(**recipient_variables(reception.envelope.recipients)):
            acl_check(reception, Where.NOTSMTP_START, None, acl)


# ---- without SMTP ----------------------------------------------------------------------------------


def receive_local(
    reception: Reception,
    content: bytes,
    submitter: Submitter,
    recipients: Sequence[str],
    *,
    from_headers: bool = False,
    size_limit: int = 0,
    reference: str | None = None,
) -> Received:
    """Take in a message from standard input; with ``from_headers`` (-t) the header names the recipients.

    ``reference`` is the id of the message that this one is about (-oMm, -E); empty: Exim wrote it for another
    reason. Raises ``LocalError``.
    """
    process = reception.process
    reception.envelope.recipients = [Recipient(address) for address in recipients]
    not_smtp_start(reception)
    named, content = from_line(content)
    if named is not None:
        submitter = sender_from_line(reception, submitter, from_octets(named))
    headers, body = split_message(content)
    incoming = Incoming(reception, submitter, headers, body)
    _prepare(incoming, from_headers=from_headers)
    if from_headers and (incoming.scan.bad_addresses or not reception.envelope.recipients):
        _no_recipients(incoming)
    header_size = sum(map(len, headers))
    options = process.config.main
    if 0 < options.number("header_maxsize") <= header_size:
        what = "a header as long as header_maxsize, in a message from standard input"
        raise Unsupported(what, *options.where("header_maxsize"))
    if 0 < size_limit < header_size + len(body) and body:
        _too_big(reception, max(size_limit, header_size) + 1, size_limit)
        about = process.message_id
        _forget(reception)
        problem = f"exim: message rejected: message too big (max={size_limit})\n"
        raise LocalError(problem, replace(too_big(size_limit), message_id=about))
    _complete(incoming)
    text = _ask_not_smtp(incoming)
    if text is not None:
        complaint = replace(refused_by_acl(text), message_id=process.message_id)
        _forget(reception)
        raise LocalError(f"exim: message rejected by non-SMTP ACL: {text}\n", complaint)
    return _finish(incoming, accept(incoming, reference))


def _ask_not_smtp(incoming: Incoming) -> str | None:
    """Run acl_not_smtp; what is said of a refusal, which is logged, or None."""
    reception, process = incoming.reception, incoming.process
    process.authentication_local = True
    acl = process.config.main.text("acl_not_smtp")
    if acl is None or not reception.envelope.recipients:
        return None
    result = acl_check(reception, Where.NOTSMTP, None, acl)
    if result.rc is Rc.DISCARD:
        _discard(incoming, "non-SMTP ACL", result.log_message)
    elif result.rc is not Rc.OK:
        targets = reception.log_reject_target
        said = f"F=<{reception.envelope.sender}> rejected by non-SMTP ACL: {result.log_message}"
        log_write(
            process,
            said,
            main="main" in targets,
            reject="reject" in targets,
            rejected=reception.rejected(),
        )
        return result.user_message or "local configuration problem"
    add_acl_headers(reception)
    return None


def _no_recipients(incoming: Incoming) -> None:
    bad = incoming.scan.bad_addresses
    if not bad:
        raise LocalError("exim: no recipients in message\n", NO_RECIPIENTS)
    if not incoming.envelope.recipients:
        one = len(bad) == 1
        lines = "".join(f"  {string_printing(text)}: {why}\n" for text, why in bad)
        complaint = malformed_recipients([(string_printing(text), why) for text, why in bad])
        raise LocalError(f"exim: invalid address{':' if one else 'es:' + chr(10)}{lines}", complaint)
    raise Unsupported("a message to the sender about addresses that -t could not read")


def _trusted_users(process: Process) -> list[str]:
    return list(list_items(process.config.main.text("trusted_users") or "", ":"))


@upward.child_open_exim.answer
def submit(
    process: Process, sender: str, recipients: Sequence[str], content: bytes, reference: str, login: str
) -> str | None:
    """Take in and deliver a message that Exim itself writes (a bounce), as a fresh process does; its id.

    Without ``recipients`` the header lines name them. ``reference`` is the id of the message it is about.
    Source: child_open_exim(), src/child.c.
    """
    options = process.config.main
    path = options.text("exim_path") or ""
    if path and not path.rpartition("/")[2].startswith("exim"):
        raise Unsupported(f"what comes of running {path} as Exim", *options.where("exim_path"))
    child = Process(process.machine, process.config, process.profile, process.machine.new_pid())
    child.out, child.err, child.environment = process.out, process.err, process.environment
    child.verbose, child.dont_deliver = process.verbose, process.dont_deliver
    child.queue_smtp, child.synchronous = process.queue_smtp, process.synchronous
    child.variables = {"sender_ident": login, "received_protocol": "local", "sender_address": sender}
    if process.profile.i18n and any(map(string_is_utf8, recipients)):
        child.note_utf8()
    reception = Reception(child)
    reception.envelope.sender = sender
    trusted = login in (process.machine.exim_user, "root", *_trusted_users(process))
    name = "" if trusted else full_name(child, login)
    submitter = Submitter(login, name, local=True, trusted=trusted, sender_forced=True)
    try:
        received = receive_local(
            reception, content, submitter, recipients, from_headers=not recipients, reference=reference
        )
    except LocalError as problem:
        moan_to_sender(child, "", problem.why, content)
        return None
    if received.message_id is not None and received.deliver and not process.config.main.flag("queue_only"):
        deliver = partial(deliver_in_child, child, received.message_id, crash=None, anew=True)
        if process.synchronous or process.machine.test_harness or process.afterwards is None:
            deliver()  # child_close() waits long enough under Exim's test suite
        else:
            process.afterwards.append(deliver)
    return received.message_id


# ---- what both have in common ----------------------------------------------------------------------


def _prepare(incoming: Incoming, *, from_headers: bool = False) -> None:
    """What is done before the body is read: header lines, recipients, the id."""
    reception, process, envelope = incoming.reception, incoming.process, incoming.envelope
    reception.headers = [Header(" ", from_octets(text)) for text in incoming.headers_in]
    incoming.scan = scan_headers(reception, incoming.submitter)
    if from_headers:
        _take_recipients(incoming)
    process.message_id = new_message_id(process)
    incoming.raw_recipients = [recipient.address for recipient in envelope.recipients]
    complete_headers(reception, incoming.scan, incoming.submitter)


def _complete(incoming: Incoming) -> None:
    """What is done between the body and the ACL at the end: the variables of the message, Received:."""
    reception, process, envelope = incoming.reception, incoming.process, incoming.envelope
    process.variables["message_body_size"] = str(len(incoming.body))
    read = sum(len(line) for line in incoming.headers_in) + 1 + len(incoming.body)
    process.variables["message_size"] = str(read)
    process.variables["message_linecount"] = str(
        incoming.body.count(b"\n") + sum(header.text.count("\n") for header in reception.headers)
    )
    process.variables["body_linecount"] = str(incoming.body.count(b"\n"))
    process.variables["body_zerocount"] = str(incoming.body.count(b"\0"))
    process.variables["received_count"] = str(incoming.scan.received)
    process.variables |= recipient_variables(envelope.recipients)
    process.variables["recipients_count"] = str(len(envelope.recipients))
    received_header_gen(reception)
    add_acl_headers(reception)
    process.header_list = list(reception.headers)
    process.incoming_body = incoming.body


def _take_recipients(incoming: Incoming) -> None:
    """-t: recipients come from the header; those on the command line are taken off, or added to."""
    envelope = incoming.envelope
    named = extract_recipients(incoming.reception, incoming.scan)
    given = [recipient.address for recipient in envelope.recipients]
    if incoming.process.config.main.flag("extract_addresses_remove_arguments"):
        envelope.recipients = [Recipient(address) for address in named if address not in given]
        if named and given and not envelope.recipients:
            raise LocalError("exim: all -t recipients overridden by command line\n", ALL_OVERRIDDEN)
    else:
        envelope.recipients += [Recipient(address) for address in named]


def _refuse_prdr(reception: Reception) -> None:
    """Replies for each recipient are not modelled."""
    options, envelope = reception.process.config.main, reception.envelope
    if envelope.prdr and len(envelope.recipients) > 1 and options.text("acl_smtp_data_prdr"):
        raise Unsupported("PRDR (acl_smtp_data_prdr)", *options.where("acl_smtp_data_prdr"))


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
    stamp = tod_stamp(process.world, Tod.FULL)
    gap = "\n\t" if process.profile.received_date_on_own_line else " "
    if text:
        reception.headers.insert(0, Header("P", f"{text};{gap}{stamp}\n"))
    else:
        reception.headers.insert(0, Header(HEADER_OLD, f"Received: ; {stamp}\n"))


def _discard(incoming: Incoming, acl: str, log_message: str | None) -> None:
    incoming.envelope.recipients = []
    incoming.discarded_by = acl
    incoming.discard_log = "" if log_message is None else f": {log_message}"


def _forget(reception: Reception) -> None:
    reception.headers = []
    reception.process.message_id = ""
    reception.process.header_list = []
    reception.process.incoming_body = b""


def _finish(incoming: Incoming, message: Message) -> Received:
    reception, process = incoming.reception, incoming.process
    if incoming.discarded_by is not None:
        log_write(
            process, f"=> blackhole ({incoming.discarded_by} discarded recipients){incoming.discard_log}"
        )
        log_write(process, "Completed")
        _forget(reception)
        return Received()
    route_only = process.queue_smtp and reception.is_socket
    deliver = not reception.envelope.freeze and (not reception.envelope.queue_only_policy or route_only)
    process.trace.record(
        MESSAGE_RECEIVED,
        message.id,
        sender=message.sender,
        recipients=message.addresses(),
    )
    _forget(reception)
    return Received(message.id, deliver)
