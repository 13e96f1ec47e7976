"""Messages and the spool that keeps them: the -H, -D and -J files and the message log (src/spool_in.c)."""

from __future__ import annotations

from dataclasses import field

from eximsim.mta.base.string import SPACES, octets
from eximsim.mta.records.structs import Downconvert
from eximsim.quick_dataclass import dataclass

HEADER_OLD = "*"
"""The type letter of a header line that stays on the spool but is not sent."""

HEADER_OTHER = " "
"""The type letter of a header line that Exim has no use for."""
RESENT = "resent-"
_KINDS = {
    "bcc": "B",
    "cc": "C",
    "from": "F",
    "message-id": "I",
    "received": "P",
    "reply-to": "R",
    "sender": "S",
    "to": "T",
}
_NO_RESENT_FORM = frozenset({"received", "reply-to"})


@dataclass(slots=True)
class Header:
    """One header line: its type letter (``htype_`` in src/macros.h; ``*``: not sent), its text."""

    kind: str
    text: str


def header_kind(text: str) -> tuple[str, str, bool]:
    """The type letter of a header line, its name in lower case without Resent-, and whether it had that."""
    name = text.partition(":")[0].rstrip(SPACES).lower()
    resent = name.startswith(RESENT)
    if resent:
        name = name[len(RESENT) :]
    if resent and name in _NO_RESENT_FORM:
        return HEADER_OTHER, name, resent
    return _KINDS.get(name, HEADER_OTHER), name, resent


@dataclass(slots=True)
class Recipient:
    """One envelope recipient: ``recipient_item``."""

    address: str
    errors_to: str | None = None
    parent: str | None = None
    """The recipient in whose place this one was put, by a redirection that was to be done once only."""
    orcpt: str | None = None
    dsn_flags: frozenset[str] = frozenset()


@dataclass(slots=True)
class Message:
    """One message on the queue: what Exim keeps in the -H, -D and -J files and in the message log.

    ``received_time`` and ``frozen_at`` are seconds since the epoch; ``body`` has LF line ends.
    ``nonrecipients`` are the addresses that are done with, in the order in which they were; ``journal`` those
    of the delivery under way that are not yet in it. ``variables`` are the reception's expansion variables
    ($sender_host_address, ...).
    """

    id: str
    sender: str
    recipients: list[Recipient]
    headers: list[Header]
    body: bytes
    received_time: float
    nonrecipients: dict[str, None] = field(default_factory=dict)
    journal: list[str] = field(default_factory=list)
    received_complete: float = 0.0
    longest_received: int = 0
    """The length of the longest line as it came in, in octets."""
    unqualified_sender: bool = False
    """The client may send addresses without a domain in header lines."""
    unqualified_recipient: bool = False
    frozen: bool = False
    frozen_at: float = 0.0
    deliver_firsttime: bool = True
    manual_thaw: bool = False
    local_error_message: bool = False
    sender_set_untrusted: bool = False
    originator_login: str = ""
    originator_uid: int = 0
    originator_gid: int = 0
    warning_count: int = 0
    dont_deliver: bool = False
    dsn_ret: str | None = None
    """``HDRS`` or ``FULL``: what a report is to hold of the message."""
    dsn_envid: str | None = None
    auth_public_name: str | None = None
    """What the client's way of authentication is called in EHLO replies ($sender_host_auth_pubname)."""
    msglog: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    downconvert: Downconvert = Downconvert.NEVER
    wireformat: bool = False
    """The body is stored with CRLF line ends, and its lines were not counted (spool_wireformat)."""
    counted: list[Header] | None = None
    """The header lines as they were read, if the system filter has changed them: those are counted."""

    @property
    def _counted(self) -> list[Header]:
        return self.headers if self.counted is None else self.counted

    @property
    def body_lines(self) -> int:
        """``$body_linecount``."""
        return 0 if self.wireformat else self.body.count(b"\n")

    @property
    def body_size(self) -> int:
        """``$message_body_size``: the octets of the body as it is stored."""
        return len(self.body) + (self.body.count(b"\n") if self.wireformat else 0)

    @property
    def size(self) -> int:
        """``$message_size`` and S=: the header lines to be sent, the body, and one for the blank line."""
        kept = "".join([h.text for h in self._counted if h.kind != HEADER_OLD])
        return len(octets(kept)) + self.body_size + 1

    @property
    def wire_size(self) -> int:
        """The size with CRLF line ends, as ``SIZE=`` counts (``message_size + message_linecount``)."""
        kept = sum(h.text.count("\n") for h in self._counted if h.kind != HEADER_OLD)
        return self.size + kept + self.body_lines

    @property
    def received_count(self) -> int:
        """``$received_count``: the Received: lines that are sent."""
        return sum(header.kind == "P" for header in self._counted)

    def addresses(self) -> list[str]:
        """The envelope recipients."""
        return [recipient.address for recipient in self.recipients]


@dataclass(slots=True)
class Spool:
    """The message store of one machine.

    ``locked`` are the messages that a delivery process works on; ``last_id`` is the time of the last
    message id, in its ticks: each message has one of its own, as time goes on in a real program.
    """

    messages: dict[str, Message] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    last_id: int = -1
    named: dict[str, Spool] = field(default_factory=dict)
    """The other queues, by their names."""

    def queue(self, name: str) -> Spool:
        """The queue of that name; without a name, this one."""
        if not name:
            return self
        return self.named.setdefault(name, Spool(locked=self.locked))

    def all_messages(self) -> dict[str, Message]:
        """The messages of all queues, by id."""
        everything = dict(self.messages)
        for queue in self.named.values():
            everything |= queue.messages
        return everything

    def add(self, message: Message) -> None:
        """Put a message on the queue."""
        self.messages[message.id] = message

    def get(self, message_id: str) -> Message | None:
        """The message, or None if it is not on the queue."""
        return self.messages.get(message_id)

    def remove(self, message_id: str) -> None:
        """Take a message off the queue; it need not be there."""
        self.messages.pop(message_id, None)

    def ids(self) -> list[str]:
        """The ids of all messages, oldest first."""
        return sorted(self.messages)
