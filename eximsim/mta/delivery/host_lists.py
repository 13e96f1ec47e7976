"""Whether addresses have the same hosts (``same_hosts()`` in src/deliver.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.records.structs import MX_NONE

if TYPE_CHECKING:
    from eximsim.mta.records.structs import HostItem


def same_hosts(one: list[HostItem], two: list[HostItem], *, with_dnssec: bool) -> bool:
    """Whether two host lists are the same; MX hosts of equal preference may stand in another order.

    Of such hosts only the last of either list are compared for their DNSSEC status, as Exim does it.
    """
    if one is two:
        return True
    if len(one) != len(two):
        return False
    at = 0
    while at < len(one):
        if one[at].name != two[at].name:
            if one[at].mx == MX_NONE:
                return False
            last = _last_equal(one, two, at)
            if last == at or {h.name for h in one[at : last + 1]} - {h.name for h in two[at : last + 1]}:
                return False
            at = last
        elif one[at].port != two[at].port:
            return False
        if with_dnssec and one[at].dnssec is not two[at].dnssec:
            return False
        at += 1
    return True


def _last_equal(one: list[HostItem], two: list[HostItem], start: int) -> int:
    """Up to where both lists go on with hosts of the preference that ``one`` has at ``start``."""
    last, mx = start, one[start].mx
    while last + 1 < len(one) and one[last + 1].mx == mx and two[last + 1].mx == mx:
        last += 1
    return last
