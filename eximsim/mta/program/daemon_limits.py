"""How many connections a daemon serves at a time, and how many of one client (src/daemon.c)."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.harness import fork_pause
from eximsim.mta.process.log import log_write
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


@dataclass(eq=False)
class Connections:
    """The clients that a daemon serves now, by address. It keeps no count if smtp_accept_max is 0."""

    addresses: list[str] = field(default_factory=list)
    free_at: float = 0.0
    """When the daemon looks at its sockets again."""

    def take_turn(self, process: Process) -> None:
        """Wait until the daemon accepts the next connection; then it pauses once more."""
        process.world.sleep(max(0.0, self.free_at - process.world.now()))
        self.free_at = process.world.now() + fork_pause(process)

    def refused(self, process: Process, address: str, who: str) -> str:
        """The reply to one client too many, which is logged; empty if the daemon serves it.

        ``process`` is the daemon's own, with the variables of the connection. Source: handle_smtp_call().
        """
        options, begun = process.config.main, process.world.now()
        most = options.number("smtp_accept_max")
        if 0 < most <= len(self.addresses):
            why, reply = "too many connections", "421 Too many concurrent SMTP connections"
        elif 0 < _most_of_host(process, who) <= self.addresses.count(address) and most > 0:
            why = "too many connections from that IP address"
            reply = "421 Too many concurrent SMTP connections from this IP address"
        elif options.number("smtp_backlog_monitor") > 0 and process.world.now() > begun:
            what = "the listen backlog of a daemon that waits before it serves"
            raise Unsupported(what, *options.where("smtp_backlog_monitor"))
        else:
            return ""
        log_write(process, f"Connection from {who} refused: {why}", when="connection_reject")
        return f"{reply}; please try again later.\r\n"

    def begin(self, process: Process, address: str) -> int:
        """Count a client; how many there are with it."""
        if process.config.main.number("smtp_accept_max") > 0:
            self.addresses.append(address)
        return max(1, len(self.addresses))

    @property
    def count(self) -> int:
        """How many clients there are, 0 where no count is kept."""
        return len(self.addresses)

    def end(self, address: str) -> None:
        """A client is served no longer."""
        if address in self.addresses:
            self.addresses.remove(address)


def _most_of_host(process: Process, who: str) -> int:
    text = process.config.main.text("smtp_accept_max_per_host")
    if text is None:
        return 0
    about = "expansion of smtp_accept_max_per_host"
    try:
        value = expand(process, text)
    except ExpansionFailed as failed:
        if not failed.forced:
            log_write(process, f"{about} failed for {who}: {failed.message}", panic=True)
        return 0
    digits = value[: len(value) - len(value.lstrip("0123456789"))]
    if digits != value:
        log_write(process, f"{about} for {who} contains non-digit: {value}", panic=True)
    return int(digits or 0)
