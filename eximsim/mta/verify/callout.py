"""What one callout works with and has learnt, whichever engine asks (src/verify.c)."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from eximsim.mta.records.hints import Cached, CalloutRecord
from eximsim.mta.verify.verify_decisions import Context, Reading
from eximsim.profiles import CalloutSize
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address, HostItem
    from eximsim.mta.records.verification import CalloutSettings
    from eximsim.mta.transports.smtp_context import SmtpContext


@dataclass(slots=True)
class Callout:
    """One callout for one address: its settings, and what it has learnt so far."""

    process: Process
    addr: Address
    hosts: list[HostItem]
    settings: CalloutSettings
    is_recipient: bool
    sender: str
    key: str
    postmaster: str | None
    random: str | None = None
    failure: str | None = None
    old_domain_result: Cached = Cached.ACCEPT
    domain_record: CalloutRecord = field(default_factory=CalloutRecord)
    address_record: CalloutRecord = field(default_factory=CalloutRecord)
    yield_: Rc = Rc.OK
    done: bool = False
    context: Context = Context.FRESH

    def announced_size(self, sx: SmtpContext) -> int | None:
        """What ``SIZE=`` says in MAIL, if the host takes it: what the client said, and something on top."""
        size, lines = (
            int(self.process.variables.get(name, "0")) for name in ("message_size", "message_linecount")
        )
        allowance = sx.transport.options.number("size_addition")
        switch = self.process.profile.callout_size
        kept_back = allowance < 0 and not self.process.profile.pipe_connect_offered
        if kept_back or (size <= 0 and switch is not CalloutSize.ALWAYS):
            return None
        if switch is CalloutSize.IF_KNOWN_AND_UNCACHED and not (self.is_recipient and self.settings.no_cache):
            return None
        return size + lines + allowance

    def size_beside(self, sx: SmtpContext) -> int | None:
        """The same for the questions about a random recipient and the postmaster."""
        beside = self.process.profile.callout_size is not CalloutSize.IF_KNOWN_AND_UNCACHED
        return self.announced_size(sx) if beside else None

    def learn(self, reading: Reading) -> None:
        """Take note of what a host has said."""
        self.failure = reading.failure or self.failure
        if reading.domain is not None:
            self.domain_record.result = reading.domain
        if reading.address is not None:
            self.address_record.result = reading.address
        if reading.postmaster is not None:
            self.domain_record.postmaster_result = reading.postmaster
        if reading.final:
            self.yield_, self.done = Rc.FAIL, True
