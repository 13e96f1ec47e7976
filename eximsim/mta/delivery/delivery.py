"""What one delivery of a message has come to so far (the static variables of src/deliver.c)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING

from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.hints import RetryRecord
    from eximsim.mta.records.open_call import OpenCall
    from eximsim.mta.records.spool import Message
    from eximsim.mta.records.structs import Address


@dataclass(slots=True)
class Delivery:
    """One delivery of one message: the addresses on their way, and those that have come to an end."""

    process: Process
    message: Message
    force: bool
    deliver_next: Callable[[Process, str, OpenCall | None], None]
    """Delivers another message down the call that was left open for it, if it still is."""
    new: list[Address] = field(default_factory=list)
    local: list[Address] = field(default_factory=list)
    remote: list[Address] = field(default_factory=list)
    fallback: list[Address] = field(default_factory=list)
    succeed: list[Address] = field(default_factory=list)
    failed: list[Address] = field(default_factory=list)
    defer: list[Address] = field(default_factory=list)
    seen: dict[str, Address] = field(default_factory=dict)
    """What is delivered, by the unique form of the address (tree_duplicates)."""
    remote_count: int = 0
    call_not_seen: bool = False
    """The last batch made a call and left it open, which is noticed only as the next one begins."""
    passed_on: list[tuple[str, OpenCall]] = field(default_factory=list)
    """Messages that go down calls of this one once it is done: the test suite holds their processes back."""
    at_work: set[str] = field(default_factory=set)
    """Messages that other processes deliver in the background, for longer than the rest of this one takes."""
    learnt_beside: dict[str, RetryRecord | None] = field(default_factory=dict)
    """What the processes of ``at_work`` write to the retry database, or None: they take it away."""
    reports: list[Callable[[], None]] = field(default_factory=list)
    """What there is to log of batches that have run beside others, the oldest first."""
    next_id: str | None = None
    next_call: OpenCall | None = None
    """For ``next_id``."""
    next_call_binds: bool = False
    """This message came down the call, and what is left of it waits for hosts of that."""
    freeze: bool = False
    frozen_info: str = ""
    kept: bool = False
    """A bounce could not be sent, so that the message stays although all of its addresses are settled."""
    given_up: bool = False
    """mua_wrapper is set, and not everything was delivered."""


class Fate(Enum):
    """What is to become of all recipients (``process_recipients``), and why their delivery is cancelled."""

    TRIED = ""
    IGNORED = "the system filter has delivered the message"
    DEFERRED = "the system filter has put the message off"
    FILTERED = "delivery cancelled"
    """Unless the system filter has a text of its own."""
    GIVEN_UP = "delivery cancelled by administrator"
    TIMED_OUT = "delivery cancelled; message timed out"
