"""Taking in a message that does not come over SMTP, or by batched SMTP (src/receive.c)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl.acl import Where, acl_check
from eximsim.mta.acl.acl_content import unspool_mbox
from eximsim.mta.acl.mime import run_mime_acl
from eximsim.mta.base.parse import local_part_quote
from eximsim.mta.base.string import from_octets, list_items
from eximsim.mta.base.utf8 import string_is_utf8
from eximsim.mta.delivery.moan import (
    ALL_OVERRIDDEN,
    NO_RECIPIENTS,
    Complaint,
    malformed_recipients,
    moan_to_sender,
    overlong,
    refused_by_acl,
    too_big,
    too_many_recipients,
)
from eximsim.mta.delivery.queue import LOCAL_DELIVERY, deliver_in_child
from eximsim.mta.process import upward
from eximsim.mta.process.ends import PanicDie
from eximsim.mta.process.globals import Machine, Process
from eximsim.mta.process.harness import fork_pause, pause
from eximsim.mta.process.log import log_write, printed, selector
from eximsim.mta.process.logins import exim_login
from eximsim.mta.process.reception import Reception, recipient_variables
from eximsim.mta.reception.caller_sender import may_set_sender, sender_from_line
from eximsim.mta.reception.header_size import too_long
from eximsim.mta.reception.incoming import Incoming, accept, new_message_id
from eximsim.mta.reception.limits import recipients_limit
from eximsim.mta.reception.originator import full_name, login_name
from eximsim.mta.reception.receive import (
    Received,
    complete,
    discard,
    finish,
    forget,
    is_strict,
    log_too_big,
    prepare,
)
from eximsim.mta.reception.receive_data import (
    from_line,
    read_limited,
)
from eximsim.mta.reception.receive_headers import (
    Submitter,
    add_acl_headers,
    extract_recipients,
)
from eximsim.mta.reception.smtp_in_reply import connection_info
from eximsim.mta.reception.smtp_in_start import local_size_limit
from eximsim.mta.records.spool import Recipient
from eximsim.mta.routing.rewrite import rewrite_address_qualify
from eximsim.status import Rc

if TYPE_CHECKING:
    from collections.abc import Sequence


class LocalError(Exception):
    """A local submission is refused: Exim writes ``message`` to stderr, or tells the sender ``why``."""

    def __init__(self, message: str, why: Complaint) -> None:
        self.message = message
        self.why = why
        super().__init__(message)


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
    strict = process.profile.data_needs_crlf and is_strict(content)
    split = read_limited(content, size_limit, strict=strict, whole=True)
    who = submitter or Submitter(process.machine.user)
    incoming = Incoming(reception, who, split.headers, split.body)
    excess = too_long(reception, split.headers)
    if excess is not None:
        excess.log(reception)
        raise BatchRefused(excess.reply)
    prepare(incoming)
    if split.read is not None:
        log_too_big(reception, split.read, size_limit)
        forget(reception)
        raise BatchRefused("552 Message size exceeds maximum permitted")
    complete(incoming)
    refusal = _ask_not_smtp(incoming)
    if refusal is not None:
        forget(reception)
        raise BatchRefused(f"550 {refusal}")
    return finish(incoming, accept(incoming))


def lost_in_batch(reception: Reception, where: str) -> str:
    """Log that the input of a batch ends within a message; the reply (``handle_lost_connection()``)."""
    process = reception.process
    if not where and process.profile.lost_message_named:
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
        with process.setting(**recipient_variables(process.profile, reception.envelope.recipients)):
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
    split = read_limited(content, size_limit)
    excess = too_long(reception, split.headers)
    if excess is not None:
        excess.log(reception)
        raise LocalError(excess.problem, overlong(line=excess.line, limit=excess.limit))
    incoming = Incoming(reception, submitter, split.headers, split.body)
    prepare(incoming, _take_recipients if from_headers else None)
    if (
        from_headers
        and split.read is None
        and (incoming.scan.bad_addresses or not reception.envelope.recipients)
    ):
        _no_recipients(incoming)
    if split.read is not None:
        log_too_big(reception, split.read, size_limit)
        about = process.message_id
        forget(reception)
        problem = f"exim: message rejected: message too big (max={size_limit})\n"
        raise LocalError(problem, replace(too_big(size_limit), message_id=about))
    complete(incoming)
    text = _ask_not_smtp(incoming)
    if text is not None:
        complaint = _about(refused_by_acl(text), incoming)
        forget(reception)
        raise LocalError(f"exim: message rejected by non-SMTP ACL: {text}\n", complaint)
    return finish(incoming, accept(incoming, reference))


def _ask_not_smtp(incoming: Incoming) -> str | None:
    """Run acl_not_smtp; what is said of a refusal, which is logged, or None."""
    reception, process = incoming.reception, incoming.process
    process.authentication_local = True
    _show_parts(incoming)
    acl = process.config.main.text("acl_not_smtp")
    if acl is None or not reception.envelope.recipients:
        unspool_mbox(reception)
        return None
    result = acl_check(reception, Where.NOTSMTP, None, acl)
    unspool_mbox(reception)
    if result.rc is Rc.DISCARD:
        discard(incoming, "non-SMTP ACL", result.log_message)
    elif result.rc is not Rc.OK:
        targets = process.log_reject_target
        why = "NULL" if result.log_message is None else result.log_message
        said = f"F=<{reception.envelope.sender}> rejected by non-SMTP ACL: {why}"
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


def _show_parts(incoming: Incoming) -> None:
    """Run acl_not_smtp_mime."""
    reception = incoming.reception
    options = reception.process.config.main
    acl = options.text("acl_not_smtp_mime")
    if acl is None:
        return
    result = run_mime_acl(reception, acl)
    if result.rc is Rc.DISCARD:
        discard(incoming, "MIME ACL", None)
    elif result.rc is not Rc.OK:
        raise Unsupported("a refusal by acl_not_smtp_mime", *options.where("acl_not_smtp_mime"))
    add_acl_headers(reception)


def _about(complaint: Complaint, incoming: Incoming) -> Complaint:
    """The complaint with the message as it has become."""
    lines, about = tuple(incoming.reception.headers), incoming.process.message_id
    return replace(complaint, message_id=about, lines=lines, body=incoming.body)


def _no_recipients(incoming: Incoming) -> None:
    bad, process = incoming.scan.bad_addresses, incoming.process
    doubled = f"{process.message_id} " if process.profile.id_doubled_without_recipients else ""
    if process.profile.missing_recipients_logged:
        what = "bad addresses" if bad else "no recipients"
        log_write(process, f"{doubled}{what} found in headers", panic=True)
    if not bad:
        raise LocalError("exim: no recipients in message\n", _about(NO_RECIPIENTS, incoming))
    if not incoming.envelope.recipients:
        one = len(bad) == 1
        lines = "".join(f"  {printed(process, text)}: {why}\n" for text, why in bad)
        complaint = malformed_recipients([(printed(process, text), why) for text, why in bad])
        raise LocalError(f"exim: invalid address{':' if one else 'es:' + chr(10)}{lines}", complaint)
    raise Unsupported("a message to the sender about addresses that -t could not read")


def _trusted_users(process: Process) -> list[str]:
    return list(list_items(process.config.main.text("trusted_users") or "", ":"))


def _take_recipients(incoming: Incoming) -> None:
    """-t: recipients come from the header; those on the command line are taken off, or added to."""
    envelope = incoming.envelope
    named = extract_recipients(incoming.reception, incoming.scan)
    given = [recipient.address for recipient in envelope.recipients]
    limit = recipients_limit(incoming.process)
    if 0 < limit < len(named):
        why = too_many_recipients(limit, header_read=True)
        raise LocalError("exim: message rejected: too many recipients\n", why)
    if incoming.process.config.main.flag("extract_addresses_remove_arguments"):
        envelope.recipients = [Recipient(address) for address in named if address not in given]
        if named and given and not envelope.recipients:
            raise LocalError("exim: all -t recipients overridden by command line\n", ALL_OVERRIDDEN)
    else:
        envelope.recipients += [Recipient(address) for address in named]


@upward.child_open_exim.answer
def submit(
    process: Process, sender: str, recipients: Sequence[str], content: bytes, reference: str, login: str
) -> int:
    """Take in a message that Exim itself writes. Source: child_open_exim(), src/child.c."""
    authenticated = process.config.main.text("bounce_sender_authentication")
    return submit_as(process, sender, recipients, content, reference, login, authenticated)


@upward.child_open_exim2.answer
def submit_as(
    process: Process,
    sender: str,
    recipients: Sequence[str],
    content: bytes,
    reference: str,
    login: str,
    authenticated: str | None,
) -> int:
    """Take in and deliver a message that Exim itself writes (a bounce), as a new process does; its exit code.

    Without ``recipients`` the header lines name them. ``reference`` is the id of the message it is about,
    ``authenticated`` the address of the sender's authentication. Source: child_open_exim2(), src/child.c.
    """
    options = process.config.main
    path = options.text("exim_path") or ""
    if path and not path.rpartition("/")[2].startswith("exim"):
        raise Unsupported(f"what comes of running {path} as Exim", *options.where("exim_path"))
    child = Process(process.machine, process.config, process.profile, process.machine.new_pid())
    child.out, child.err, child.environment = process.out, process.err, process.environment
    child.queue_name = process.queue_name
    child.verbose, child.dont_deliver = process.verbose, process.dont_deliver
    child.queue_smtp, child.synchronous = process.queue_smtp, process.synchronous
    child.variables = {"sender_ident": login, "received_protocol": "local", "sender_address": sender}
    if process.profile.i18n and any(map(string_is_utf8, recipients)):
        child.note_utf8()
    child.doing = f"accepting a local non-SMTP message from <{sender}>"
    pause(process, fork_pause(process))
    reception = Reception(child)
    who, login = login, login_name(child, login)
    trusted = who in (exim_login(process), "root", *_trusted_users(process))
    name = "" if trusted else full_name(child, login)
    allowed = not sender or may_set_sender(child, sender, trusted=trusted)
    if not allowed:
        sender = rewrite_address_qualify(child, local_part_quote(login), is_recipient=False)
    reception.envelope.sender = child.variables["sender_address"] = sender
    if authenticated is not None and trusted:
        child.variables["authenticated_sender"] = authenticated
    submitter = Submitter(login, name, local=True, trusted=trusted, sender_forced=allowed)
    try:
        with _own_message(process.machine):
            received = receive_local(
                reception,
                content,
                submitter,
                recipients,
                from_headers=not recipients,
                size_limit=local_size_limit(child),
                reference=reference,
            )
    except LocalError as problem:
        moan_to_sender(child, "", problem.why, content, reference)
        return upward.EXIT_NORECIPIENTS if problem.why.subject == NO_RECIPIENTS.subject else 1
    except PanicDie:
        return 1
    if received.message_id is not None and received.deliver and not _left_on_queue(child):
        deliver = partial(_deliver_own, child, received.message_id)
        if process.synchronous or process.machine.test_harness or process.afterwards is None:
            deliver()  # child_close() waits long enough under Exim's test suite
        else:
            process.afterwards.append(deliver)
    return 1 if received.message_id is None else 0


def _left_on_queue(child: Process) -> bool:
    """Whether the message waits: the command line (-odi, -odqs) is handed on, and may override queue_only."""
    options = child.config.main
    handed_on = child.synchronous or child.queue_smtp
    return options.flag("queue_only") and not (handed_on and options.flag("queue_only_override"))


def _deliver_own(child: Process, message_id: str) -> None:
    with _own_message(child.machine):
        deliver_in_child(child, message_id, LOCAL_DELIVERY, crash=None, anew=True)


@contextmanager
def _own_message(machine: Machine) -> Iterator[None]:
    machine.writing += 1
    try:
        yield
    finally:
        machine.writing -= 1
