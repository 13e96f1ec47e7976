"""What Exim does to the header lines of a message that it takes in (receive_msg(), src/receive.c)."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.parse import AddressError, Extracted, local_part_quote
from eximsim.mta.base.regex_cache import Regex, RegexError, compile_pattern
from eximsim.mta.base.string import SPACES, list_items
from eximsim.mta.base.tod import Tod
from eximsim.mta.base.utf8 import string_is_utf8
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.hostname import primary_hostname, qualify_domain
from eximsim.mta.process.local_time import local_stamp
from eximsim.mta.process.log import log_write, quoted
from eximsim.mta.records.spool import HEADER_OLD, HEADER_OTHER, RESENT, Header, header_kind
from eximsim.mta.routing.rewrite import rewrite_address
from eximsim.mta.routing.rewrite_header import rewrite_lines
from eximsim.mta.routing.route_conditions import route_check_prefix, route_check_suffix
from eximsim.mta.verify.verify_headers import header_addresses
from eximsim.quick_dataclass import dataclass
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.process.reception import Reception
    from eximsim.mta.records.spool import Recipient

RECIPIENT_REWRITTEN = Rule("recipient rewritten", "receive.c receive_msg")

_REMOVED_BY = {
    "return-path": "return_path_remove",
    "delivery-date": "delivery_date_remove",
    "envelope-to": "envelope_to_remove",
}


@dataclass(frozen=True, slots=True)
class Submitter:
    """The local user whose process brings the message in.

    ``local``: the sender is taken to be that user (``sender_local``); ``trusted``: the user may say
    otherwise; ``sender_forced``: the sender was given with -f; ``name_forced``: the name with -F.
    """

    login: str
    name: str = ""
    local: bool = False
    trusted: bool = False
    sender_forced: bool = False
    name_forced: bool = False


@dataclass(slots=True)
class Scan:
    """What a look at the header lines found."""

    resent: bool = False
    date: bool = False
    from_header: Header | None = None
    message_id: Header | None = None
    created_message_id: Header | None = None
    """The Message-Id: line that was made here, unless the message has Resent- lines."""
    subject: Header | None = None
    received: int = 1
    bad_addresses: list[tuple[str, str]] = field(default_factory=list)
    """What -t could not read: (text, why)."""


def scan_headers(reception: Reception, submitter: Submitter) -> Scan:
    """Find out the header lines' types, and mark those that are not to be sent."""
    headers, options = reception.headers, reception.process.config.main
    scan = Scan(resent=any(header.text.lower().startswith(RESENT) for header in headers))
    for header in list(headers):
        kind, name, resent = header_kind(header.text)
        counts = not scan.resent or resent
        if not resent and name in _REMOVED_BY and options.flag(_REMOVED_BY[name]):
            header.kind = HEADER_OLD
            continue
        if kind == "I" and (scan.message_id is not None or not counts):
            continue
        header.kind = kind
        if kind == "I":
            scan.message_id = header
        elif kind == "P":
            scan.received += 1
        elif kind == "S" and counts and _drops_sender(reception, submitter):
            header.kind = HEADER_OLD
        elif kind == "F" and counts:
            scan.from_header = _with_full_name(reception, submitter, header, resent)
        elif name == "date" and counts:
            scan.date = True
        elif name == "subject" and not resent:
            scan.subject = header
    return scan


def _drops_sender(reception: Reception, submitter: Submitter) -> bool:
    envelope = reception.envelope
    if envelope.submission is not None:
        return not envelope.submission.sender_retain
    retain = reception.process.config.main.flag("local_sender_retain")
    return not retain and submitter.local and not submitter.trusted and not reception.suppress_local_fixups


def _with_full_name(reception: Reception, submitter: Submitter, header: Header, resent: bool) -> Header:
    """A From: of only the caller's login gets the caller's name and domain."""
    content = header.text.partition(":")[2].strip(SPACES)
    if reception.smtp or content.lower() != submitter.login.lower():
        return header
    domain = qualify_domain(reception.process, is_recipient=False)
    name = "Resent-From" if resent else "From"
    new = Header("F", f"{name}: {submitter.name} <{submitter.login}@{domain}>\n")
    header.kind = HEADER_OLD
    reception.headers.append(new)
    return new


def extract_recipients(reception: Reception, scan: Scan) -> list[str]:
    """The recipients that To:, Cc: and Bcc: name, for -t. Bcc: lines are not sent on."""
    found: list[str] = []
    for header in reception.headers:
        resent = header.text.lower().startswith(RESENT)
        if header.kind not in "TCB" or (scan.resent and not resent):
            continue
        i18n, text = reception.process.profile.i18n, header.text.partition(":")[2]
        for shown, address in header_addresses(reception.process, text, joined=True, utf8=i18n):
            if isinstance(address, Extracted):
                found.append(address.address)
                if i18n and string_is_utf8(address.address):
                    reception.process.note_utf8()
            elif address.message != "empty address":
                scan.bad_addresses.append((shown.rstrip(SPACES), address.message))
        if header.kind == "B":
            header.kind = HEADER_OLD
    return found


def complete_headers(reception: Reception, scan: Scan, submitter: Submitter) -> None:
    """Add the lines that are missing, and the domain to addresses without one; rewrite the envelope, too.

    Message-Id:, From: and Date: are added to messages that come from this host (or are submitted); Sender:
    where the From: is not the caller's.
    """
    process, envelope = reception.process, reception.envelope
    here = reception.get("sender_host_address") is None and not reception.suppress_local_fixups
    fix = here or envelope.submission is not None
    prefix = "Resent-" if scan.resent else ""
    if fix and scan.message_id is None:
        identity = f"E{process.message_id}{_id_text(process)}@{_id_domain(process)}"
        made = _add(reception, scan, "I", f"{prefix}Message-Id: <{identity}>\n")
        scan.created_message_id = None if scan.resent else made
    for recipient in envelope.recipients:
        _rewrite_recipient(reception, recipient)
    if fix and scan.from_header is None:
        scan.from_header = _from_header(reception, prefix, submitter)
        if scan.from_header is not None:
            reception.headers.append(scan.from_header)
    _add_sender(reception, scan, prefix, submitter)
    if process.config.rewrites and envelope.sender and envelope.sender_unrewritten is None:
        envelope.raw_sender = envelope.sender if envelope.raw_sender is None else envelope.raw_sender
        envelope.sender = rewrite_address(
            process, envelope.sender, is_recipient=False, noted_in=reception.headers
        )
        process.variables["sender_address"] = envelope.sender
    _rewrite_all(reception)
    if fix and not scan.date:
        _add(reception, scan, HEADER_OTHER, f"{prefix}Date: {local_stamp(process, Tod.FULL)}\n")


def _rewrite_recipient(reception: Reception, recipient: Recipient) -> None:
    process, given = reception.process, recipient.address
    recipient.address = rewrite_address(process, given, is_recipient=True, noted_in=reception.headers)
    if recipient.address != given:
        process.trace.record(RECIPIENT_REWRITTEN, recipient.address, recipient=given)


def _add(reception: Reception, scan: Scan, kind: str, text: str) -> Header:
    header = Header(kind, text)
    reception.headers.insert(0 if scan.resent else len(reception.headers), header)
    return header


def _id_domain(process: Process) -> str:
    given = _expanded(process, "message_id_header_domain")
    if not given:
        return primary_hostname(process)
    return "".join(char if char.isascii() and (char.isalnum() or char == ".") else "-" for char in given)


def _id_text(process: Process) -> str:
    given = _expanded(process, "message_id_header_text")
    specials = '()<>@,;:\\".[] \t'
    return "." + "".join("-" if char in specials or char < " " else char for char in given) if given else ""


def _expanded(process: Process, option: str) -> str:
    text = process.config.main.text(option)
    if text is None:
        return ""
    try:
        return expand(process, text)
    except ExpansionFailed as failure:
        if not failure.forced:
            log_write(
                process,
                f"expansion of {quoted(process, text)} ({option}) failed: {failure.message}",
                panic=True,
            )
        return ""


def _from_header(reception: Reception, prefix: str, submitter: Submitter) -> Header | None:
    process, envelope = reception.process, reception.envelope
    name = ""
    if reception.get("sender_host_address") is None:
        if not submitter.trusted or submitter.name_forced or not (reception.smtp or submitter.sender_forced):
            name = submitter.name
    elif envelope.submission is not None:
        name = envelope.submission.name or ""
    if envelope.sender:
        address = envelope.sender_unrewritten or envelope.sender
    elif submitter.local:
        address = f"{local_part_quote(submitter.login)}@{qualify_domain(process, is_recipient=False)}"
    elif (submitted := _submitted_by(reception)) is not None:
        address = submitted
    else:
        return None
    return Header("F", f"{prefix}From: {name} <{address}>\n" if name else f"{prefix}From: {address}\n")


def _add_sender(reception: Reception, scan: Scan, prefix: str, submitter: Submitter) -> None:
    """A Sender: line, if local_from_check finds somebody else's From:."""
    process, envelope = reception.process, reception.envelope
    options = process.config.main
    submitted = _submitted_by(reception)
    checked = submitter.local and not submitter.trusted and not reception.suppress_local_fixups
    if scan.from_header is None or not options.flag("local_from_check"):
        return
    if submitted is None and (envelope.submission is not None or not checked):
        return
    address = f"{local_part_quote(submitter.login)}@{qualify_domain(process, is_recipient=False)}"
    address, name = (address, submitter.name) if submitted is None else (submitted, None)
    if envelope.submission is not None:
        name = envelope.submission.name
    try:
        given = extract_address(process, scan.from_header.text.partition(":")[2].replace("\n", ""))
    except AddressError:
        given = None
    from_address = "" if given is None else _without_affixes(process, given.address)
    if from_address.lower() not in (address.lower(), submitter.login.lower()):
        shown = address if name is None else f"{name} <{address}>"
        reception.headers.append(Header("S", f"{prefix}Sender: {shown}\n"))
    if submitted is not None and envelope.sender:
        _submit_as(reception, submitted)


def _without_affixes(process: Process, address: str) -> str:
    """An address in From: without what its local part may have more than a user's name."""
    options = process.config.main
    local_part, at, domain = address.rpartition("@") if "@" in address else (address, "", "")
    if prefixes := options.text("local_from_prefix"):
        local_part = local_part[route_check_prefix(local_part, prefixes)[0] :]
    if suffixes := options.text("local_from_suffix"):
        length = route_check_suffix(local_part, suffixes)[0]
        local_part = local_part[: len(local_part) - length]
    return f"{local_part}{at}{domain}"


def _submitted_by(reception: Reception) -> str | None:
    """The address of the client who submits a message (``control = submission``), if it is known."""
    submission, identity = reception.envelope.submission, reception.get("authenticated_id")
    if submission is None or not identity:
        return None
    if submission.domain == "":
        return identity
    domain = submission.domain or qualify_domain(reception.process, is_recipient=False)
    return f"{local_part_quote(identity)}@{domain}"


def _submit_as(reception: Reception, address: str) -> None:
    """Make the envelope's sender the one who submits the message."""
    process, envelope = reception.process, reception.envelope
    if envelope.sender_unrewritten is None:
        envelope.sender_unrewritten = envelope.sender
    envelope.sender = process.variables["sender_address"] = address
    if envelope.sender_unrewritten != address:
        shown = quoted(process, envelope.sender_unrewritten or "")
        text = f"{shown} from env-from rewritten as {quoted(process, address)} by submission mode"
        log_write(process, text, when="address_rewrite")


def _rewrite_all(reception: Reception) -> None:
    rewrite_lines(
        reception.process,
        reception.headers,
        senders_qualified=reception.allow_unqualified_sender,
        recipients_qualified=reception.allow_unqualified_recipient,
    )


def add_acl_headers(reception: Reception) -> None:
    """Carry out the ACLs' ``remove_header`` and ``add_header``. Source: add_acl_headers(), src/receive.c."""
    envelope, headers = reception.envelope, reception.headers
    removed = [name for text in envelope.removed_headers for name in list_items(text, ":")]
    envelope.removed_headers = []
    process = reception.process
    names = {name.lower() for name in removed}
    patterns = [
        _pattern(name) for name in removed if name.startswith("^") and process.profile.acl_removes_matching
    ]
    for header in headers:
        if header.kind is HEADER_OLD:
            continue
        named = header.text.partition(":")[0].rstrip(SPACES).lower() in names
        if named or any(p.search(header.text, process.trace, process.effort) for p in patterns):
            header.kind = HEADER_OLD
    added, envelope.added_headers = envelope.added_headers, []
    reception.set("headers_added", None)
    for place, text in added:
        kind, _, _ = header_kind(text)
        headers.insert(_place(headers, place), Header(kind, text))


def _pattern(text: str) -> Regex:
    try:
        return compile_pattern(text)
    except RegexError:
        raise Unsupported("remove_header with a pattern that is no regular expression: Exim dies") from None


def _place(headers: list[Header], place: str) -> int:
    if place == ":at_start:":
        return 0
    if place == ":at_end:":
        return len(headers)
    wanted = ("received",) if place == ":after_received:" else ("received", RESENT)
    at = 0
    while at < len(headers) and headers[at].text.lower().startswith(wanted):
        at += 1
    return at
