"""How the C library looks for a name that may not be whole (``res_search()``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.ports import DnsAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from eximsim.mta.process.globals import Process


def search(process: Process, name: str, ask: Callable[[str], DnsAnswer]) -> DnsAnswer:
    """The answer for a name as it is, or for one in the machine's own domain.

    A name without a dot is looked for there first if ``qualify_single`` is on (RES_DEFNAMES), one with dots
    afterwards if ``search_parents`` is (RES_DNSRCH). If both fail, the answer is the one for the name as it
    is where that was asked first, else the kinder of the two.
    """
    resolver, domain = process.resolver, process.machine.search_domain
    whole = "." in name
    wanted = resolver.search_parents if whole else resolver.qualify_single
    if not domain or not wanted or name.endswith("."):
        return ask(name)
    first = ask(name) if whole else None
    if first is not None and first.answers:
        return first
    inside = ask(f"{name}.{domain}")
    if inside.answers:
        return inside
    if first is not None:
        return first
    as_is = ask(name)
    if as_is.answers:
        return as_is
    for rcode in ("NOERROR", "SERVFAIL"):
        if inside.rcode == rcode:
            return inside
    return as_is
