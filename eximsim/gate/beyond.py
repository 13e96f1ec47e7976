"""What a configuration asks the DNS by itself, beyond what is explored, as gaps."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eximsim.errors import Gap
from eximsim.gate.lattice import LatticeZones
from eximsim.mta.config.places import texts
from eximsim.suite.policy import Policy
from eximsim.suite.policy_addresses import HOSTNAME

_LOOKUP = re.compile(r"dnsdb[\s{]")

_WITHOUT_A_WORD = ("TXT", "A", "AAAA", "MX")
"""What is asked for where a lookup names no type, or names another one that leads to it."""


def asked_beyond(policy: Policy, zones: LatticeZones) -> Iterator[Gap]:
    """A gap for each place of a lookup that has asked for other records than those that are explored."""
    own = policy.config.main.text("primary_hostname") or HOSTNAME
    of_bounces = (own, (zones.scene.sender or own).rpartition("@")[2])
    types = {
        type for name, type in zones.beyond if not f".{name}".endswith(tuple(f".{one}" for one in of_bounces))
    }
    if not types:
        return
    for text, path, line in texts(policy.config):
        for type in sorted(types):
            if _LOOKUP.search(text) and (type in _WITHOUT_A_WORD or f"{type.lower()}=" in text.lower()):
                what = f"{type} records that the configuration asks for are not explored"
                yield Gap(what, f"{path}:{line}", "--allow-incomplete, if they decide nothing here")
