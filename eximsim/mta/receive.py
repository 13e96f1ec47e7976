"""Taking in a message: its id, its header lines, the ACLs at its end, the arrival line (src/receive.c)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl import Where, acl_check
from eximsim.mta.expand import ExpansionFailed, expand
from eximsim.mta.globals import Process
from eximsim.mta.log import log_stamp, log_write, selector, words
from eximsim.mta.parse import AddressError, parse_extract_address
from eximsim.mta.queue import HEADER_OLD, Header, Message, Recipient, deliver_in_child
from eximsim.mta.receive_data import DataReader, local_content, split_message
from eximsim.mta.receive_headers import (
    Scan,
    Submitter,
    add_acl_headers,
    complete_headers,
    extract_recipients,
    scan_headers,
)
from eximsim.mta.reception import Envelope, Reception, add_host_info_for_log
from eximsim.mta.rewrite import rewrite_address_qualify
from eximsim.mta.smtp_in_reply import tls_log
from eximsim.mta.string import SPACES, from_octets, string_printing
from eximsim.mta.tod import Tod, tod_stamp
from eximsim.status import Rc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eximsim.mta.smtp_in_reply import Replies

__all__ = ["DataReader", "LocalError", "Received", "local_content", "receive_local", "receive_msg", "submit"]

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

SPOOLED = words(
    """
    received_protocol sender_fullhost sender_rcvhost sender_helo_name sender_host_address sender_host_name
    sender_host_port sender_ident interface_address interface_port sender_host_authenticated
    authenticated_id authenticated_sender tls_in_cipher tls_in_bits tls_in_ver tls_in_peerdn tls_in_sni
    tls_in_certificate_verified
    """
)
"""The variables that a message keeps on the spool, beside the ACL variables."""


@dataclass(frozen=True, slots=True)
class Received:
    """How reception ended: the id of a message that was taken in, whether to deliver it at once, and
    whether an ACL drops the connection."""

    message_id: str | None = None
    deliver: bool = False
    dropped: bool = False


class LocalError(Exception):
    """A local submission is refused: Exim writes ``message`` to stderr and ends with ``code``."""

    def __init__(self, message: str, code: int = 1) -> None:
        self.message = message
        self.code = code
        super().__init__(message)


@dataclass(slots=True)
class _Incoming:
    """One message between its last octet and its place on the queue."""

    reception: Reception
    submitter: Submitter
    headers_in: list[bytes]
    body: bytes
    scan: Scan = field(default_factory=Scan)
    discarded_by: str | None = None
    discard_log: str = ""

    @property
    def process(self) -> Process:
        return self.reception.process

    @property
    def envelope(self) -> Envelope:
        return self.reception.envelope


# ---- ids -------------------------------------------------------------------------------------------


def string_base62(value: int, digits: int = 6) -> str:
    """``value`` in base 62, the last ``digits`` digits of it (src/string.c)."""
    text = ""
    for _ in range(digits):
        value, digit = divmod(value, 62)
        text = _BASE62[digit] + text
    return text


def new_message_id(process: Process) -> str:
    """An id from time and process number: two of one process never have the same tick.

    Seconds, process and a fraction: in 6, 6 and 2 digits with ticks of 500 microseconds, or in 6, 11 and 4
    digits with ticks of one. Where the real program waits for the clock to tick, the id takes the next tick.
    """
    long = process.profile.message_id_long
    per_second = 1_000_000 if long else 2000
    taken = process.machine.spool.last_id
    tick = max(int(process.world.now() * per_second), taken.get(process.pid, -1) + 1)
    taken[process.pid] = tick
    seconds, fraction = divmod(tick, per_second)
    return "-".join(
        (
            string_base62(seconds),
            string_base62(process.pid, 11 if long else 6),
            string_base62(fraction, 4 if long else 2),
        )
    )


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
    incoming = _Incoming(reception, submitter or Submitter(process.machine.user), headers, body)
    limit = process.config.main.number("header_maxsize")
    if 0 < limit <= sum(map(len, headers)):
        client = reception.get("sender_fullhost") or reception.get("sender_ident")
        said = f"ridiculously long message header received from {client} (more than {limit} characters)"
        log_write(process, f"{said}: message abandoned")
        replies.line("552 Message header is ridiculously long")
        return Received()
    if 0 < size_limit < sum(map(len, headers)) + len(body):
        _too_big(reception, size_limit)
        replies.line("552 Message size exceeds maximum permitted")
        return Received()
    _prepare(incoming)
    if not reception.envelope.recipients:
        incoming.discarded_by = "MAIL ACL" if reception.envelope.recipients_discarded else "RCPT ACL"
    user_message = None
    acl = process.config.main.text("acl_smtp_data")
    if acl is not None and reception.envelope.recipients:
        result = acl_check(reception, Where.DATA, None, acl)
        add_acl_headers(reception)
        if result.rc is Rc.DISCARD:
            _discard(incoming, "DATA ACL", result.log_message)
        elif result.rc is not Rc.OK:
            dropped = replies.acl_fail(Where.DATA, result, None)
            _forget(reception)
            return Received(dropped=dropped)
        else:
            user_message = result.user_message
    message = _accept(incoming)
    _answer(reception, replies, message, user_message)
    return _finish(incoming, message)


def _is_strict(content: bytes) -> bool:
    end = content.find(b"\n")
    return end > 0 and content[end - 1 : end] == b"\r"


def _too_big(reception: Reception, limit: int) -> None:
    process = reception.process
    full, ident = reception.get("sender_fullhost"), reception.get("sender_ident")
    client = ("" if full is None else f" H={full}") + ("" if ident is None else f" U={ident}")
    said = (
        f"rejected from <{reception.envelope.sender}>{client}: message too big: read={limit + 1} max={limit}"
    )
    log_write(process, said, reject=True, when="size_reject")


def _answer(reception: Reception, replies: Replies, message: Message, user_message: str | None) -> None:
    envelope = reception.envelope
    if envelope.fake_response is not Rc.OK:
        code = "450" if envelope.fake_response is Rc.DEFER else "550"
        replies.respond(code, envelope.fake_response_text or "")
    elif user_message is not None:
        replies.user_message("250", user_message)
    else:
        replies.line(f"250 OK id={message.id}")
    if reception.process.host_checking:
        replies.waiting.append("\n**** SMTP testing: that is not a real message id!\n\n")


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

    ``reference`` is the id of the message that this one is about (-oMm). Raises ``LocalError``.
    """
    process = reception.process
    headers, body = split_message(content)
    incoming = _Incoming(reception, submitter, headers, body)
    reception.envelope.recipients = [Recipient(address) for address in recipients]
    if 0 < size_limit < sum(map(len, headers)) + len(body):
        _too_big(reception, size_limit)
        raise LocalError(f"exim: message too big (max={size_limit})\n")
    _prepare(incoming, from_headers=from_headers)
    if from_headers and (incoming.scan.bad_addresses or not reception.envelope.recipients):
        _no_recipients(incoming)
    acl = process.config.main.text("acl_not_smtp")
    if acl is not None and reception.envelope.recipients:
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
            text = result.user_message or "local configuration problem"
            _forget(reception)
            raise LocalError(f"exim: message rejected by non-SMTP ACL: {text}\n")
        add_acl_headers(reception)
    return _finish(incoming, _accept(incoming, reference))


def _no_recipients(incoming: _Incoming) -> None:
    bad = incoming.scan.bad_addresses
    if not bad:
        raise LocalError("exim: no recipients in message\n")
    if not incoming.envelope.recipients:
        one = len(bad) == 1
        lines = "".join(f"  {string_printing(text)}: {why}\n" for text, why in bad)
        raise LocalError(f"exim: invalid address{':' if one else 'es:' + chr(10)}{lines}")
    raise Unsupported("a message to the sender about addresses that -t could not read")


def submit(
    process: Process, sender: str, recipients: Sequence[str], content: bytes, *, reference: str, login: str
) -> str | None:
    """Take in and deliver a message that Exim itself writes (a bounce), as a fresh process does; its id.

    ``reference`` is the id of the message it is about. Source: child_open_exim(), src/child.c.
    """
    child = Process(process.machine, process.config, process.profile, process.machine.new_pid())
    child.out, child.err, child.environment = process.out, process.err, process.environment
    child.verbose, child.dont_deliver, child.queue_smtp = (
        process.verbose,
        process.dont_deliver,
        process.queue_smtp,
    )
    child.variables = {"sender_ident": login, "received_protocol": "local", "sender_address": sender}
    reception = Reception(child)
    reception.envelope.sender = sender
    submitter = Submitter(login, local=True, trusted=True, sender_forced=True)
    received = receive_local(reception, content, submitter, recipients, reference=reference)
    if received.message_id is not None and received.deliver and not process.config.main.flag("queue_only"):
        deliver_in_child(child, received.message_id, crash=None)
    return received.message_id


# ---- what both have in common ----------------------------------------------------------------------


def _prepare(incoming: _Incoming, *, from_headers: bool = False) -> None:
    """Everything before the ACL at the end: header lines, recipients, the id, Received:."""
    reception, process, envelope = incoming.reception, incoming.process, incoming.envelope
    reception.headers = [Header(" ", from_octets(text)) for text in incoming.headers_in]
    incoming.scan = scan_headers(reception, incoming.submitter)
    if from_headers:
        _take_recipients(incoming)
    process.message_id = new_message_id(process)
    for recipient in envelope.recipients:
        recipient.address = rewrite_address_qualify(process, recipient.address, is_recipient=True)
    complete_headers(reception, incoming.scan, incoming.submitter)
    process.variables["message_body_size"] = str(len(incoming.body))
    process.variables["message_linecount"] = str(
        incoming.body.count(b"\n") + sum(header.text.count("\n") for header in reception.headers)
    )
    process.variables["body_linecount"] = str(incoming.body.count(b"\n"))
    process.variables["received_count"] = str(incoming.scan.received)
    process.variables["recipients"] = ", ".join(recipient.address for recipient in envelope.recipients)
    process.variables["recipients_count"] = str(len(envelope.recipients))
    received_header_gen(reception)
    add_acl_headers(reception)
    process.header_list = list(reception.headers)


def _take_recipients(incoming: _Incoming) -> None:
    """-t: recipients come from the header; those on the command line are taken off, or added to."""
    envelope = incoming.envelope
    named = extract_recipients(incoming.reception, incoming.scan)
    given = [recipient.address for recipient in envelope.recipients]
    if incoming.process.config.main.flag("extract_addresses_remove_arguments"):
        envelope.recipients = [Recipient(address) for address in named if address not in given]
        if named and given and not envelope.recipients:
            raise LocalError("exim: all -t recipients overridden by command line\n")
    else:
        envelope.recipients += [Recipient(address) for address in named]


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
    if text:
        reception.headers.insert(0, Header("P", f"{text}; {stamp}\n"))
    else:
        reception.headers.insert(0, Header(HEADER_OLD, f"Received: ; {stamp}\n"))


def _discard(incoming: _Incoming, acl: str, log_message: str | None) -> None:
    incoming.envelope.recipients = []
    incoming.discarded_by = acl
    incoming.discard_log = "" if log_message is None else f": {log_message}"


def _forget(reception: Reception) -> None:
    reception.headers = []
    reception.process.message_id = ""
    reception.process.header_list = []


def _accept(incoming: _Incoming, reference: str | None = None) -> Message:
    """Make the message, log its arrival, and put it on the queue unless that is only pretended."""
    reception, process, envelope = incoming.reception, incoming.process, incoming.envelope
    now = process.world.now()
    kept = {
        name: value for name, value in process.variables.items() if name in SPOOLED or name.startswith("acl_")
    }
    if incoming.submitter.local:
        kept["sender_local"] = "1"
    message = Message(
        id=process.message_id,
        sender=envelope.sender or "",
        recipients=list(envelope.recipients),
        headers=list(reception.headers),
        body=incoming.body,
        received_time=now,
        received_complete=now,
        frozen=envelope.freeze,
        frozen_at=now if envelope.freeze else 0.0,
        local_error_message=reference is not None,
        originator_login=incoming.submitter.login,
        sender_set_untrusted=incoming.submitter.sender_forced and not incoming.submitter.trusted,
        dont_deliver=process.dont_deliver,
        variables=kept,
    )
    line = _arrival_line(incoming, message, reference)
    if incoming.discarded_by is None and not process.host_checking:
        process.machine.spool.add(message)
        message.msglog.append(f"{log_stamp(process)} Received from {line[3:]}\n")
    if selector(process, "received_sender"):
        line += f" from <{envelope.sender}>"
    if selector(process, "received_recipients") and envelope.recipients:
        line += " for " + " ".join(recipient.address for recipient in envelope.recipients)
    log_write(process, line)
    if envelope.freeze:
        log_write(process, "frozen by ACL")
    if envelope.queue_only_policy:
        log_write(process, "no immediate delivery: queued by ACL", when="delay_delivery")
    return message


def _arrival_line(incoming: _Incoming, message: Message, reference: str | None) -> str:
    reception, process, envelope = incoming.reception, incoming.process, incoming.envelope
    faked = envelope.fake_response is Rc.FAIL and process.profile.fake_reject_arrival_mark
    line = f"{'(=' if faked else '<='} {message.sender or '<>'}"
    if reference is not None:
        line += f" R={reference}"
    line += add_host_info_for_log(process) + tls_log(reception)
    name, identity = reception.get("sender_host_authenticated"), reception.get("authenticated_id")
    if name is not None:
        line += f" A={name}" + (f":{identity}" if identity else "")
    line += (" PRDR" if envelope.prdr else "") + (" K" if envelope.chunking else "") + f" S={message.size}"
    if selector(process, "8bitmime"):
        line += f" M8S={envelope.body_8bitmime}"
    if selector(process, "receive_time"):
        line += " RT=0s"
    identity_text = _message_id_for_log(incoming.scan)
    if identity_text is not None and selector(process, "msg_id"):
        line += f" id={identity_text}"
    if incoming.scan.subject is not None and selector(process, "subject"):
        subject = expand(process, "$h_subject:")[:100].replace("\\", "\\\\").replace('"', '\\"')
        line += string_printing(f' T="{subject}"')
    return line


def _message_id_for_log(scan: Scan) -> str | None:
    """The id in the Message-Id: line that the message came with."""
    if scan.message_id is None:
        return None
    text = scan.message_id.text.partition(":")[2].replace("\n", "").strip(SPACES)
    try:
        return string_printing(parse_extract_address(text, allow_domain_literals=True).address)
    except AddressError:
        return None


def _finish(incoming: _Incoming, message: Message) -> Received:
    reception, process = incoming.reception, incoming.process
    if incoming.discarded_by is not None:
        log_write(
            process, f"=> blackhole ({incoming.discarded_by} discarded recipients){incoming.discard_log}"
        )
        log_write(process, "Completed")
        _forget(reception)
        return Received()
    deliver = not (reception.envelope.queue_only_policy or reception.envelope.freeze)
    process.trace.record(
        "message received",
        message.id,
        "receive.c receive_msg",
        sender=message.sender,
        recipients=message.addresses(),
    )
    _forget(reception)
    return Received(message.id, deliver)
