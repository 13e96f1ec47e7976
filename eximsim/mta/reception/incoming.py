"""A message between its last octet and its place on the queue: its id, its arrival line (src/receive.c)."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError
from eximsim.mta.base.string import SPACES, string_base62, words
from eximsim.mta.delivery.moan import tell_of_frozen_arrival
from eximsim.mta.expand.expand import expand
from eximsim.mta.lookup.sender_host import add_host_info_for_log
from eximsim.mta.miscmods.arc import is_pass
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.hostname import local_host_number, primary_hostname
from eximsim.mta.process.log import log_stamp, log_write, printed, selector
from eximsim.mta.process.logins import exim_login
from eximsim.mta.process.reception import Envelope, Reception
from eximsim.mta.process.timediff import string_timediff
from eximsim.mta.reception.receive_headers import Scan, Submitter
from eximsim.mta.reception.smtp_in_reply import tls_log
from eximsim.mta.records.spool import Message
from eximsim.mta.records.structs import Account, Downconvert
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


_SPOOLED = words(
    """
    received_protocol sender_fullhost sender_rcvhost sender_helo_name sender_host_address sender_host_name
    sender_host_port sender_ident interface_address interface_port sender_host_authenticated
    authenticated_id authenticated_sender tls_in_cipher tls_in_cipher_std tls_in_bits tls_in_ver
    tls_in_peerdn tls_in_sni tls_in_certificate_verified host_lookup_failed host_lookup_deferred
    message_smtputf8
    """
)
"""The variables that a message keeps on the spool, beside the ACL variables."""


@dataclass(slots=True)
class Incoming:
    """One message between its last octet and its place on the queue."""

    reception: Reception
    submitter: Submitter
    headers_in: list[bytes]
    body: bytes
    blank: bool = True
    """There is a blank line between the two."""
    scan: Scan = field(default_factory=Scan)
    raw_recipients: list[str] = field(default_factory=list)
    discarded_by: str | None = None
    """The ACL that left no recipient."""
    discarded_early: bool = False
    """That was before the message came, and so no ACL is known to hold it."""
    discard_log: str = ""

    @property
    def wireformat(self) -> bool:
        """Whether the body is stored as it comes: lines of chunks are not counted then (spool_wireformat)."""
        return self.envelope.chunking and self.process.config.main.flag("spool_wireformat")

    @property
    def process(self) -> Process:
        """The process that takes the message in."""
        return self.reception.process

    @property
    def envelope(self) -> Envelope:
        """Sender and recipients."""
        return self.reception.envelope


def new_message_id(process: Process) -> str:
    """An id from time and process number: no two messages have the same tick.

    Seconds, process and a fraction: in 6, 6 and 2 digits with ticks of 500 microseconds, or in 6, 11 and 4
    digits with ticks of one; with localhost_number, which comes before the fraction, in ticks of 5,000
    microseconds or of two. Where the real program waits for the clock to tick, or has taken that long to
    start another process, the id takes the next tick.
    """
    long, number = process.profile.message_id_long, local_host_number(process)
    per_second = 1_000_000 if long else 2000
    if number is not None:
        per_second = 500_000 if long else 200
    spool = process.machine.spool
    spool.last_id = tick = max(int(process.world.now() * per_second), spool.last_id + 1)
    seconds, fraction = divmod(tick, per_second)
    fraction += (number or 0) * per_second
    return "-".join(
        (
            string_base62(seconds),
            string_base62(process.pid, 11 if long else 6),
            string_base62(fraction, 4 if long else 2),
        )
    )


def longest_line(incoming: Incoming) -> int:
    """``$max_received_linelength``: of the header lines as they came in, and of the body, in octets."""
    parts = incoming.headers_in if incoming.wireformat else (*incoming.headers_in, incoming.body)
    return max((max(map(len, part.split(b"\n"))) for part in parts), default=0)


def spool(incoming: Incoming, reference: str | None = None) -> Message:
    """Make the message, and put it on the queue unless that is only pretended."""
    reception, process, envelope = incoming.reception, incoming.process, incoming.envelope
    now = process.world.now()
    if process.config.main.flag("mua_wrapper"):
        envelope.freeze = envelope.queue_only_policy = False
    if envelope.fake_response is not Rc.OK and process.profile.fake_refusal_reports_never:
        for recipient in envelope.recipients:
            recipient.dsn_flags = recipient.dsn_flags - {"SUCCESS", "DELAY"} | {"NEVER"}
    login = exim_login(process) if reception.is_socket else incoming.submitter.login
    account = process.machine.account(login) or Account(process.machine.uid, process.machine.gid, "/")
    message = Message(
        id=process.message_id,
        sender=envelope.sender or "",
        recipients=list(envelope.recipients),
        headers=list(reception.headers),
        body=incoming.body,
        wireformat=incoming.wireformat,
        received_time=now,
        received_complete=now,
        longest_received=longest_line(incoming),
        unqualified_sender=reception.allow_unqualified_sender,
        unqualified_recipient=reception.allow_unqualified_recipient,
        frozen=envelope.freeze,
        frozen_at=now if envelope.freeze else 0.0,
        local_error_message=reference is not None,
        originator_login=login,
        originator_uid=account.uid,
        originator_gid=account.gid,
        sender_set_untrusted=incoming.submitter.sender_forced and not incoming.submitter.trusted,
        dont_deliver=process.dont_deliver,
        dsn_ret=envelope.dsn_ret,
        dsn_envid=envelope.dsn_envid,
        auth_public_name=_public_name(incoming),
        variables=_kept(incoming),
        downconvert=process.downconvert if process.smtputf8 else Downconvert.NEVER,
    )
    if incoming.discarded_by is None and not process.host_checking:
        process.spool.add(message)
    return message


def accept(incoming: Incoming, reference: str | None = None) -> Message:
    """Make the message, put it on the queue, and log its arrival."""
    process, envelope = incoming.reception.process, incoming.envelope
    message = spool(incoming, reference)
    by = "NULL" if incoming.discarded_early else "ACL"
    held = [f"frozen by {by}"] if envelope.freeze else []
    held += [f"no immediate delivery: queued by {by}"] if envelope.queue_only_policy else []
    line = _arrival_line(incoming, message, reference)
    on_queue = incoming.discarded_by is None and not process.host_checking
    if on_queue and process.config.main.flag("message_logs"):
        stamp = log_stamp(process)
        message.msglog.append(f"{stamp} Received from {line[3:]}\n")
        message.msglog += [f"{stamp} {said}\n" for said in held]
    if selector(process, "received_sender"):
        raw = envelope.sender if envelope.raw_sender is None else envelope.raw_sender
        line += f" from <{raw}>"
    recipients = ""
    if selector(process, "received_recipients") and incoming.raw_recipients:
        recipients = " for " + " ".join(incoming.raw_recipients)
    log_write(process, line, recipients=recipients)
    if envelope.freeze:
        log_write(process, f"frozen by {by}")
    if envelope.queue_only_policy:
        log_write(process, f"no immediate delivery: queued by {by}", when="delay_delivery")
    if envelope.freeze and not envelope.freeze_untold:
        tell_of_frozen_arrival(process, message)
    return message


def _kept(incoming: Incoming) -> dict[str, str]:
    """The variables that go into the header file."""
    process = incoming.process
    kept = {
        name: value
        for name, value in process.variables.items()
        if name in _SPOOLED or name.startswith("acl_")
    }
    if incoming.submitter.local:
        kept["sender_local"] = "1"
    host = process.variables.get("smtp_active_hostname")
    primary = primary_hostname(process)
    if host is not None and host != primary:
        kept["smtp_active_hostname"] = host
    return kept


def _public_name(incoming: Incoming) -> str | None:
    used = incoming.reception.get("sender_host_authenticated")
    drivers = (one for one in incoming.process.config.authenticators if one.name == used)
    return next((one.options.text("public_name") for one in drivers), None)


def _arrival_line(incoming: Incoming, message: Message, reference: str | None) -> str:
    reception, process, envelope = incoming.reception, incoming.process, incoming.envelope
    faked = envelope.fake_response is Rc.FAIL and process.profile.fake_reject_arrival_mark
    line = f"{'(=' if faked else '<='} {message.sender or '<>'}"
    if reference:
        line += f" R={reference}"
    line += add_host_info_for_log(process) + _pipelining_log(reception) + tls_log(reception)
    name, identity = reception.get("sender_host_authenticated"), reception.get("authenticated_id")
    if name is not None:
        line += f" A={name}" + (f":{identity}" if identity else "")
        sender = reception.get("authenticated_sender")
        if identity and sender is not None and selector(process, "smtp_mailauth"):
            line += f":{sender}"
    line += " PRDR" if envelope.prdr else ""
    if reception.get("proxy_session") == "yes" and selector(process, "proxy"):
        line += f" PRX={reception.get('proxy_local_address') or ''}"
    line += (" K" if envelope.chunking else "") + f" S={message.size}"
    if selector(process, "8bitmime"):
        line += f" M8S={reception.body_8bitmime}"
    named = process.profile.dkim_log_selectable and selector(process, "dkim")
    if process.dkim.first_pass is not None and named:
        line += f" DKIM={process.dkim.first_pass}"
    if is_pass(process) and named:
        line += " ARC"
    if selector(process, "receive_time"):
        line += f" RT={string_timediff(process, 0)}"
    if process.queue_name:
        line += f" Q={process.queue_name}"
    line += _message_id_log(process, incoming.scan)
    if incoming.scan.subject is not None and selector(process, "subject"):
        subject = expand(process, "$h_subject:")[:100].replace("\\", "\\\\").replace('"', '\\"')
        line += printed(process, f' T="{subject}"')
    return line


def _pipelining_log(reception: Reception) -> str:
    """The field `` L``: pipelining was offered; ``-``: not used; ``*`` and ``.``: used early, and offered."""
    seen = reception.pipelining
    if not (seen.advertised and selector(reception.process, "pipelining")):
        return ""
    early = "*" if seen.early_used else "." if seen.early_advertised else ""
    return f" L{early}{'' if seen.used else '-'}"


def _message_id_log(process: Process, scan: Scan) -> str:
    """The field `` id=`` with the id in the Message-Id: line, `` id*=`` where that line was made here."""
    header = scan.message_id
    created = header is None
    if created and selector(process, "msg_id_created"):
        header = scan.created_message_id
    if header is None or not selector(process, "msg_id"):
        return ""
    text = header.text.partition(":")[2].replace("\n", "").strip(SPACES)
    try:
        found = extract_address(process, text, literals=True).address
    except AddressError:
        return ""
    return f" id{'*' if created else ''}={printed(process, found)}"
