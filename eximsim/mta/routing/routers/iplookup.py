"""The iplookup router: a host on the network says what an address is to become (src/routers/iplookup.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.regex_cache import RegexError, compile_pattern
from eximsim.mta.base.string import SPACES, from_octets, list_items, octets, string_is_ip_address
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.lookup.host import host_find_byname
from eximsim.mta.process.log import log_write
from eximsim.mta.records.structs import HostItem
from eximsim.mta.routing.routers import rf
from eximsim.status import HostFind, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address
    from eximsim.mta.routing.address import RouteResult, Verify

_BUFFER = 7
"""So many octets of a reply are read: the size of a pointer takes the place of the buffer's, less one.

That is so since 4.80, on machines of 64 bits. A reply to the default query seldom fits in.
"""


def iplookup_router_entry(
    process: Process, router: DriverInstance, addr: Address, verify: Verify | None, routed: RouteResult
) -> Rc:
    """Put the address in the place of this one that a host names.

    DECLINE: its reply does not fit. PASS or DEFER, by ``optional``: no host replies. What a host replies is a
    given answer, of kind ``iplookup``: the address and the port of the host, a space, the query. Source:
    iplookup_router_entry().
    """
    try:
        query = _query(process, router, addr)
    except ExpansionFailed as failed:
        addr.message = _not_expanded(router, "query", failed)
        return Rc.DEFER
    reply = _reply(process, router, query)
    if reply is None:
        if router.options.flag("optional"):
            return Rc.PASS
        addr.message = f"{router.name} router: failed to communicate with any host"
        return Rc.DEFER
    before = process.numeric
    try:
        if not _fits(process, router, query, reply):
            return Rc.DECLINE
        new = _new_address(process, router, reply)
    except ExpansionFailed as failed:
        addr.message = _not_expanded(router, "reroute", failed)
        return Rc.DEFER
    finally:
        process.numeric = before
    if "@" not in new:
        addr.message = f"{router.name} router: reroute string {new} is not of the form user@domain"
        log_write(process, addr.message)
        return Rc.DEFER
    child = rf.make_child(addr, new)
    child.data = dict(addr.data)
    addr.child_count += 1
    routed.addr_new.insert(0, child)
    return rf.take_on(process, child, router, verify)


def _not_expanded(router: DriverInstance, option: str, failed: ExpansionFailed) -> str:
    return f"{router.name} router: failed to expand {router.options.text(option)}: {failed.message}"


def _query(process: Process, router: DriverInstance, addr: Address) -> str:
    """What is sent: by default the address twice, so that a reply can be told to be one to it."""
    text = router.options.text("query")
    if text is not None:
        return expand(process, text)
    return f"{addr.local_part}@{addr.domain} {addr.local_part}@{addr.domain}"


def _reply(process: Process, router: DriverInstance, query: str) -> str | None:
    """What the first host says that says something."""
    port, wait = router.options.number("port"), router.options.seconds("timeout")
    for address in _addresses(process, router):
        said = process.world.ask("iplookup", f"{address}:{port} {query}")
        if said.deferred:
            process.world.sleep(wait)
        elif said.value:
            return from_octets(octets(said.value)[:_BUFFER])
    return None


def _addresses(process: Process, router: DriverInstance) -> Iterator[str]:
    for name in list_items(router.options.text("hosts") or ""):
        if string_is_ip_address(name)[0]:
            yield name
            continue
        found = host_find_byname(
            process, HostItem(name), ignore_target_hosts=None, qualify_single=True, canonical_name_wanted=True
        )
        if found.find not in (HostFind.FAILED, HostFind.AGAIN):
            yield from (host.address for host in found.hosts if host.address is not None)


def _fits(process: Process, router: DriverInstance, query: str, reply: str) -> bool:
    """Whether the reply is one to the query; then the numeric variables are set.

    Without a pattern that is so if what follows the first word is what followed the first address, or if the
    query was another one.
    """
    pattern = router.options.text("response_pattern")
    if pattern is not None:
        try:
            groups = compile_pattern(pattern).search(reply, process.trace, process.effort)
        except RegexError:
            what = f"what is said of the pattern {pattern}"
            raise Unsupported(what, *router.options.where("response_pattern")) from None
        process.numeric = groups or ()
        return groups is not None
    word, rest = _first_word(reply)
    process.numeric = (word,)
    sent = octets(query)
    return router.options.text("query") is not None or octets(rest) == sent[len(sent) // 2 + 1 :]


def _first_word(text: str) -> tuple[str, str]:
    end = next((at for at, char in enumerate(text) if char in SPACES), len(text))
    return text[:end], text[end:].lstrip(SPACES)


def _new_address(process: Process, router: DriverInstance, reply: str) -> str:
    text = router.options.text("reroute")
    if text is not None:
        return expand(process, text)
    return reply if router.options.text("response_pattern") is not None else _first_word(reply)[0]
