"""The name server of the memory world."""

from __future__ import annotations

from eximsim.world.memory import MemoryWorld
from eximsim.world.rrsets import rrset_zones


def test_it_answers_what_the_zones_are_by_then() -> None:
    world = MemoryWorld(rrset_zones(()))
    world.zones = rrset_zones([{"name": "a.example", "type": "A", "rcode": "SERVFAIL"}])
    assert world.lookup("a.example", "A", timeout=1, tries=1, dnssec=False).rcode == "SERVFAIL"
