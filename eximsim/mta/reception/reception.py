"""The globals that belong to an incoming message and to the connection it comes in on (src/globals.c).

What an expansion can see lives in ``Process.variables`` and nowhere else; the functions here set such
variables together, under Exim's rules. A variable that is not there is a null pointer in Exim.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eximsim.mta.lookup.host import host_name_lookup
from eximsim.mta.lookup.sender_host import host_build_sender_fullhost
from eximsim.mta.process.log import selector
from eximsim.mta.records.logs import Rejected
from eximsim.mta.records.spool import Header, Recipient
from eximsim.status import Rc

__all__ = [
    "CheckedSender",
    "Envelope",
    "Reception",
    "Submission",
    "add_host_info_for_log",
    "host_and_ident",
    "host_build_sender_fullhost",
    "interface_for_log",
    "look_up_sender_name",
]

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.lists import ListCache
    from eximsim.mta.records.verification import VerifyResult
    from eximsim.ports import TlsSession


@dataclass(slots=True)
class CheckedSender:
    """One entry of ``sender_verified_list``: how a sender's verification ended.

    ``told`` is set once the client has been told why it failed.
    """

    address: str
    result: VerifyResult
    told: bool = False


@dataclass(slots=True)
class Envelope:
    """What ``smtp_reset()`` clears: one mail transaction.

    ``sender`` None: no MAIL yet; ``""``: the empty sender.
    """

    sender: str | None = None
    sender_unrewritten: str | None = None
    recipients: list[Recipient] = field(default_factory=list)
    message_size: int = -1
    body_8bitmime: int = 0
    rcpt_count: int = 0
    rcpt_defer_count: int = 0
    rcpt_fail_count: int = 0
    rcpt_response: str | None = None
    rcpt_response_same: bool = True
    rcpt_in_progress: bool = False
    recipients_discarded: bool = False
    discard_log: str | None = None
    """What the MAIL ACL said for the log when it discarded the message."""
    discarded: bool = False
    too_many: bool = False
    added_headers: list[tuple[str, str]] = field(default_factory=list)
    """``add_header`` and ``warn message``: (where, text with newline); where is a key of receive.ADD_AT."""
    removed_headers: list[str] = field(default_factory=list)
    warned: set[str] = field(default_factory=set)
    queue_only_policy: bool = False
    freeze: bool = False
    fake_response: Rc = Rc.OK
    fake_response_text: str | None = None
    submission: Submission | None = None
    suppress_local_fixups: bool = False
    verified_senders: list[CheckedSender] = field(default_factory=list)
    prdr: bool = False
    chunking: bool = False
    dsn_ret: str | None = None
    dsn_envid: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """``control = submission`` with its options."""

    sender_retain: bool = False
    domain: str | None = None
    name: str | None = None


@dataclass(slots=True)
class Reception:
    """One process that takes in mail: over SMTP (from a socket, or from standard input), or without.

    ``sender_host_unknown``: SMTP from standard input without an address; ``sender_host_notsocket``: an
    address was given but there is no socket.
    """

    process: Process
    smtp: bool = False
    started: float = 0.0
    """When the connection was made, in seconds since the epoch."""
    sender_host_unknown: bool = False
    sender_host_notsocket: bool = False
    envelope: Envelope = field(default_factory=Envelope)
    tls: TlsSession | None = None
    certificate_verified: bool = False
    allow_unqualified_sender: bool = True
    allow_unqualified_recipient: bool = True
    enforce_sync: bool = True
    multiline_responses: bool = True
    pipelining_enable: bool = True
    helo_verified: bool = False
    helo_verify_failed: bool = False
    host_lookup_message: str = ""
    """``host_lookup_msg``: why the client has no name, for the end of log lines."""
    sender_verified_failed: CheckedSender | None = None
    temp_details: bool = False
    host_cache: ListCache = field(default_factory=dict)
    """``sender_host_cache``: whether the client is in named host lists."""
    log_reject_target: frozenset[str] = frozenset({"main", "reject"})

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


# ---- the part of src/host.c that names the client --------------------------------------------------


def look_up_sender_name(reception: Reception, *, for_log: bool = True) -> Rc:
    """Look the client's name up (host_name_lookup()), and keep the reason if it has none."""
    found = host_name_lookup(reception.process, for_log=for_log)
    reception.host_lookup_message = found.message
    return found.rc


def interface_for_log(process: Process) -> str:
    """`` I=[address]:port`` if the selector ``incoming_interface`` asks for it, or nothing."""
    address = process.variables.get("interface_address")
    if address is None or not selector(process, "incoming_interface"):
        return ""
    return f" I=[{address}]:{process.variables.get('interface_port', '0')}"


def host_and_ident(process: Process, *, flagged: bool) -> str:
    """How the log names the client: ``H=host U=ident``, without the first flag unless ``flagged``.

    Source: host_and_ident(), src/host.c.
    """
    full, ident = process.variables.get("sender_fullhost"), process.variables.get("sender_ident")
    if full is None:
        name = f"{'U=' if flagged else ''}{'unknown' if ident is None else ident}"
    else:
        tail = "" if ident is None else f" U={ident}"
        name = f"{'H=' if flagged else ''}{full}{interface_for_log(process)}{tail}"
    if process.profile.client_name_in_big_buffer:
        process.scratch = name
    return name


def add_host_info_for_log(process: Process) -> str:
    """The fields `` H= I= U= P=`` of the arrival line. Source: add_host_info_for_log(), src/receive.c."""
    known = process.variables
    secure = selector(process, "dnssec") and known.get("sender_host_dnssec") == "yes"
    text = ""
    if "sender_fullhost" in known:
        text = f"{' DS' if secure else ''} H={known['sender_fullhost']}{interface_for_log(process)}"
    if "sender_ident" in known:
        text += f" U={known['sender_ident']}"
    if "received_protocol" in known:
        text += f" P={known['received_protocol']}"
    return text
