"""The globals that belong to an incoming message and to the connection it comes in on (src/globals.c).

What an expansion can see lives in ``Process.variables`` and nowhere else. A variable that is not there is a
null pointer in Exim.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from eximsim.mta.records.logs import Rejected
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eximsim.beside import Link
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.lists import ListCache
    from eximsim.mta.records.mime import Scan
    from eximsim.mta.records.spool import Header, Recipient
    from eximsim.mta.records.verification import VerifyResult
    from eximsim.ports import TlsSession, Told
    from eximsim.profiles import Profile


@dataclass(slots=True)
class CheckedSender:
    """One entry of ``sender_verified_list``: how a sender's verification ended."""

    address: str
    result: VerifyResult
    told: bool = False
    """The client has been told why it failed."""


@dataclass(frozen=True, slots=True)
class Submission:
    """``control = submission`` with its options."""

    sender_retain: bool = False
    domain: str | None = None
    name: str | None = None


@dataclass(slots=True)
class Envelope:
    """One mail transaction: what ``smtp_reset()`` clears."""

    sender: str | None = None
    """None: no MAIL yet; ``""``: the empty sender."""
    sender_unrewritten: str | None = None
    """The sender as the client gave it, if a rewrite rule or a verification has changed it."""
    raw_sender: str | None = None
    """The sender before it was rewritten, in SMTP also before it got a domain; None: as ``sender``."""
    recipients: list[Recipient] = field(default_factory=list)
    message_size: int = -1
    """What SIZE= in MAIL said, in octets; -1: nothing."""
    rates: dict[str, float] = field(default_factory=dict)
    """The rates that were computed for this message (``ratelimiters_mail``)."""
    sender_cache: ListCache = field(default_factory=dict)
    """Whether the sender is in named address lists (``sender_address_cache``)."""
    sender_domain_cache: ListCache = field(default_factory=dict)
    """The same of its domain."""

    # ---- RCPT commands
    rcpt_count: int = 0
    rcpt_defer_count: int = 0
    rcpt_fail_count: int = 0
    rcpt_response: str | None = None
    """The first reply to a RCPT, which DATA repeats if no recipient was accepted."""
    rcpt_response_same: bool = True
    """All replies to RCPT were alike so far."""
    rcpt_in_progress: bool = False
    """The next reply is one to RCPT."""
    too_many: bool = False
    """A recipient was refused because of recipients_max."""
    discarded: bool = False
    """The RCPT ACL discarded a recipient, maybe of a transaction that was given up since."""
    recipients_discarded: bool = False
    """The MAIL ACL discarded the message: recipients are accepted, and dropped."""
    discard_log: str | None = None
    """What the MAIL ACL said for the log when it discarded the message."""

    # ---- what ACLs did
    added_headers: list[tuple[str, str]] = field(default_factory=list)
    """``add_header`` and ``warn message``: (where, text with newline); where is a key of receive.ADD_AT."""
    removed_headers: list[str] = field(default_factory=list)
    scanned: Told | None = None
    """What a scanner has said of the message (malware_ok, malware_name)."""
    warned: set[str] = field(default_factory=set)
    """Texts that ``warn log_message`` has logged, each once for a message."""
    queue_only_policy: bool = False
    """``control = queue_only``."""
    freeze: bool = False
    freeze_untold: bool = False
    """freeze_tell does not hold."""
    fake_response: Rc = Rc.OK
    """``control = fakereject`` (FAIL) or ``fakedefer`` (DEFER), with its text."""
    fake_response_text: str | None = None
    submission: Submission | None = None
    suppress_local_fixups: bool = False
    verified_senders: list[CheckedSender] = field(default_factory=list)
    """``sender_verified_list``, the latest first."""

    # ---- extensions
    prdr: bool = False
    chunking: bool = False
    chunks: tuple[int, int] = (0, 0)
    """The size of the last chunk, and of the message with CRLF line ends."""
    dsn_ret: str | None = None
    dsn_envid: str | None = None


def recipient_variables(profile: Profile, recipients: Sequence[Recipient]) -> dict[str, str]:
    """``$recipients`` and ``$recipients_list``, which some ACLs see."""
    addresses = [recipient.address for recipient in recipients]
    listed = {"recipients_list": ":".join(address.replace(":", "::") for address in addresses)}
    if not addresses and not profile.no_recipients_empty:
        return listed
    return {**listed, "recipients": ", ".join(addresses)}


@dataclass(slots=True)
class Pipelining:
    """What the server offered of pipelining, and what the client made of it (the field ``L`` in the log)."""

    advertised: bool = False
    used: bool = False
    early_advertised: bool = False
    """EHLO offered that the client need not wait for the greeting the next time (PIPECONNECT)."""
    early_used: bool = False
    data_seen: bool = False
    """The client has said DATA or BDAT, after which it has to wait for replies."""


@dataclass(slots=True)
class Reception:
    """One process that takes in mail: over SMTP (from a socket, or from standard input), or without."""

    process: Process
    smtp: bool = False
    started: float = 0.0
    """When the connection was made, in seconds since the epoch."""
    envelope: Envelope = field(default_factory=Envelope)
    link: Link | None = None
    """The connection, where it can be looked at."""

    # ---- the client
    sender_host_unknown: bool = False
    """SMTP from standard input, without an address."""
    sender_host_notsocket: bool = False
    """An address was given, but there is no socket."""
    host_lookup_message: str = ""
    """``host_lookup_msg``: why the client has no name, for the end of log lines."""
    host_cache: ListCache = field(default_factory=dict)
    """``sender_host_cache``: whether the client is in named host lists."""
    csa_cache: dict[str, str] = field(default_factory=dict)
    """What ``verify = csa`` has found out, by domain."""
    body_8bitmime: int = 0
    """What BODY= in a MAIL of this session said last: 7, 8, or 0 for nothing that is known."""
    helo_verified: bool = False
    helo_verify_failed: bool = False
    allow_unqualified_sender: bool = True
    allow_unqualified_recipient: bool = True
    tls: TlsSession | None = None
    certificate_verified: bool = False
    """The client showed a certificate, and it is good."""

    rates: dict[str, float] = field(default_factory=dict)
    """The rates that were computed for this connection (``ratelimiters_conn``)."""

    # ---- what ``control`` in an ACL changes for the connection
    enforce_sync: bool = True
    multiline_responses: bool = True
    pipelining_enable: bool = True
    auth_unadvertised: bool = False
    """The client may use AUTH though it was not offered."""
    pipelining: Pipelining = field(default_factory=Pipelining)

    scan: Scan | None = None
    """The message while its MIME parts are looked at."""

    # ---- how a refusal is worded
    sender_verified_failed: CheckedSender | None = None
    """The verification that made the ACL at work refuse."""
    temp_details: bool = False
    """The client may see why something was put off (``acl_temp_details``)."""

    def get(self, name: str) -> str | None:
        """The variable ``$name``, None if it has no value."""
        return self.process.variables.get(name)

    def set(self, name: str, value: str | None) -> None:
        """Give the variable ``$name`` a value, or take it away with None."""
        if value is None:
            self.process.variables.pop(name, None)
        else:
            self.process.variables[name] = value

    def rejected(self) -> Rejected | None:
        """What the reject log shows of the message that is being received, if any."""
        if not self.headers:
            return None
        shown = [(header.kind, header.text) for header in self.headers if header.text]
        return Rejected(self.envelope.sender or "", [r.address for r in self.envelope.recipients], shown)

    @property
    def suppress_local_fixups(self) -> bool:
        """Whether header lines of a local message are left as they are: ``control``, or -G."""
        return self.envelope.suppress_local_fixups or self.process.gateway

    @property
    def headers(self) -> list[Header]:
        """``header_list``: empty unless a message is between DATA and its answer."""
        return self.process.header_list

    @headers.setter
    def headers(self, lines: list[Header]) -> None:
        self.process.header_list = lines

    @property
    def is_socket(self) -> bool:
        """Whether there is a client on the other end of a TCP connection."""
        return self.get("sender_host_address") is not None and not self.sender_host_notsocket
