"""What ``exim -bt`` prints of an address: where it would go, if it would go anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from eximsim.quick_dataclass import dataclass

_ROUTED = re.compile(r"  router = (\S+), transport = (\S+)")
_HOST = re.compile(r"  host (\S+) +\[([^]]*)\]")
_LOST = re.compile(r"(\S+) (is undeliverable|cannot be resolved at this time)(?:: (.*))?")
_DISCARDED = re.compile(r"mail to (\S+) is discarded")
_LINE_OF_AN_ADDRESS = re.compile(r"(\S+@\S+)(?:   \[duplicate, would not be delivered\])?")


@dataclass(frozen=True, slots=True)
class Routed:
    """Where one address goes: one that was asked about, or one that it became.

    ``result`` is ``"routed"``, ``"discarded"``, ``"unrouteable"`` or ``"deferred"``; ``hosts`` are names, in
    the order in which they are tried; ``reason`` what Exim says of one that goes nowhere.
    """

    address: str
    result: str
    router: str = ""
    transport: str = ""
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        if self.result != "routed":
            return f"{self.address} is {self.result}{f': {self.reason}' if self.reason else ''}"
        hosts = f", hosts {' '.join(self.hosts)}" if self.hosts else ""
        return f"{self.address}: router {self.router}, transport {self.transport}{hosts}"


@dataclass(frozen=True, slots=True)
class AddressTest:
    """What ``exim -bt`` did for one address: its lines, what they say, and what the model does not have."""

    output: tuple[str, ...]
    found: tuple[Routed, ...]
    unsupported: tuple[str, ...] = ()


def read_address_test(output: Iterable[str]) -> tuple[Routed, ...]:
    """What the lines of ``exim -bt`` say (``verify_address()``, src/verify.c); other lines say nothing."""
    found: list[Routed] = []
    address = ""
    for line in output:
        if (lost := _LOST.match(line)) is not None:
            result = "unrouteable" if lost[2] == "is undeliverable" else "deferred"
            found.append(Routed(lost[1], result, reason=lost[3] or ""))
        elif (gone := _DISCARDED.match(line)) is not None:
            found.append(Routed(gone[1], "discarded"))
        elif (routed := _ROUTED.match(line)) is not None:
            found.append(Routed(address, "routed", routed[1], routed[2]))
        elif (host := _HOST.match(line)) is not None and found:
            last = found[-1]
            hosts = (*last.hosts, host[1]) if host[1] not in last.hosts else last.hosts
            found[-1] = replace(last, hosts=hosts, addresses=(*last.addresses, host[2]))
        elif (name := _LINE_OF_AN_ADDRESS.fullmatch(line)) is not None:
            address = name[1]
    return tuple(found)
