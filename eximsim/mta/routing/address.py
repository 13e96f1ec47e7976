"""What routing, delivery and verification share about an address (part of src/deliver.c)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Literal

from eximsim.mta.expand.marks import CleanText
from eximsim.mta.lookup.match import match_isinlist
from eximsim.mta.records.lists import Kind
from eximsim.mta.records.structs import Address
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


Verify = Literal["sender", "recipient", "expn"]
"""For what an address is routed, if it is not for a delivery (``v_sender``, ``v_recipient``, ``v_expn``)."""


@dataclass(slots=True)
class RouteResult:
    """What became of a routed address.

    The lists are Exim's chains, head first: the address itself for a local or a remote transport, or (if it
    has turned into others) done with; and the new addresses.
    """

    rc: Rc = Rc.OK
    addr_local: list[Address] = field(default_factory=list)
    addr_remote: list[Address] = field(default_factory=list)
    addr_new: list[Address] = field(default_factory=list)
    addr_succeed: list[Address] = field(default_factory=list)

    def unqueue(self, addr: Address) -> None:
        """Take the address off the head of the transports' lists."""
        for queue in (self.addr_local, self.addr_remote):
            if queue and queue[0] is addr:
                del queue[0]


_ROUTER_VARIABLE = "r_"
"""Router variables are kept in ``Address.data`` under their full names."""

_EXPANSIONS = (
    "address_data",
    "address_file",
    "address_pipe",
    "domain",
    "domain_data",
    "host",
    "host_address",
    "host_port",
    "local_part",
    "local_part_data",
    "local_part_prefix",
    "local_part_prefix_v",
    "local_part_suffix",
    "local_part_suffix_v",
    "original_domain",
    "original_local_part",
    "parent_domain",
    "parent_local_part",
    "self_hostname",
)


def deliver_make_addr(address: str) -> Address:
    """A fresh address; its unique form has the domain in lower case."""
    local_part, _, domain = address.rpartition("@")
    return Address(address, unique=f"{local_part}@{domain.lower()}")


def deliver_split_address(process: Process, addr: Address) -> Rc:
    """Set domain and local part from the address, the local part without its quoting.

    DEFER if percent_hack_domains cannot be looked at. Source: deliver_split_address(), src/deliver.c.
    """
    local_part, _, domain = addr.address.rpartition("@")
    addr.domain = domain.lower()
    if '"' in local_part or "\\" in local_part:
        local_part = _unquoted(local_part)
    addr.cc_local_part = local_part
    rc = _undo_percent_hack(process, addr)
    addr.local_part = addr.cc_local_part.lower()
    return rc


def _undo_percent_hack(process: Process, addr: Address) -> Rc:
    """``user%far@here`` means ``user@far`` where the domain is in percent_hack_domains, perhaps once more."""
    domains = process.config.main.text("percent_hack_domains")
    if not domains:
        return Rc.OK
    local_part, domain, changed = addr.cc_local_part, addr.domain, None
    while True:
        with process.setting(domain=domain):
            found = match_isinlist(
                process,
                domain,
                domains,
                Kind.DOMAIN,
                list_name="percent_hack_domains",
                cache=addr.domain_cache,
            )
        if found.rc is not Rc.OK or "%" not in local_part:
            break
        local_part, _, far = local_part.rpartition("%")
        changed, domain = f"{local_part}@{far}", far.lower()
    if found.rc is Rc.DEFER:
        return Rc.DEFER
    if changed is not None:
        addr.parent = replace(addr)
        addr.address = addr.unique = changed
        addr.domain, addr.cc_local_part = domain, local_part
    return Rc.OK


_KEPT = ("host_address", "host_port", "local_part_prefix_v", "local_part_suffix_v")
_FORGOTTEN = tuple(name for name in _EXPANSIONS if name not in _KEPT)
"""What goes without another address, in releases that leave the rest and the variables of routers."""


def _unquoted(text: str) -> str:
    plain: list[str] = []
    chars = iter(text)
    for char in chars:
        if char == "\\":
            plain.append(next(chars, ""))
        elif char != '"':
            plain.append(char)
    return "".join(plain)


def deliver_set_expansions(process: Process, addr: Address | None, others: Sequence[Address] = ()) -> None:
    """Set ``$domain``, ``$local_part`` and what else depends on the address; None takes them all away.

    With ``others`` that are delivered in the same call there is no ``$local_part``, and ``$domain`` and
    ``$self_hostname`` only if all have the same. Source: deliver_set_expansions(), src/deliver.c.
    """
    known = process.variables
    if addr is None and not process.profile.address_wholly_forgotten:
        for name in _FORGOTTEN:
            known.pop(name, None)
        return
    for name in _EXPANSIONS:
        known.pop(name, None)
    for name in [name for name in known if name.startswith(_ROUTER_VARIABLE)]:
        del known[name]
    if addr is None:
        return
    known.update(addr.data)
    known["domain"], known["local_part"] = _known(addr, addr.domain), _known(addr, addr.local_part)
    for name, affix in _affixes(addr):
        if affix is not None:
            known[name] = affix
    if addr.self_hostname is not None:
        known["self_hostname"] = addr.self_hostname
    if addr.host_list:
        first = addr.host_list[0]
        known["host"], known["host_port"] = first.name, str(first.port)
        known["host_address"] = first.address or ""
    if addr.made_for in ("file", "pipe"):
        known[f"address_{addr.made_for}"] = addr.local_part
    if others:
        _keep_common(process, addr, others)
        return
    if addr.made_for and addr.parent is not None:
        _take_local_part(process, addr.parent)
    top = addr.top
    known["original_domain"], known["original_local_part"] = top.domain, _routed_local_part(top)
    if addr.parent is not None and addr.made_for:
        known["domain"] = _known(addr.parent, addr.domain)
    if addr.parent is not None:
        known["parent_domain"], known["parent_local_part"] = (
            _known(addr.parent, addr.parent.domain),
            _known(addr.parent, _routed_local_part(addr.parent)),
        )


def _known(addr: Address, text: str) -> str:
    """A part of an address, which is tainted unless the address comes from the machine's own data."""
    return CleanText(text) if addr.clean else text


def _take_local_part(process: Process, parent: Address) -> None:
    """A file, a pipe or a reply is delivered for the local part that it was made for."""
    known = process.variables
    for name, text in (("local_part", parent.local_part), *_affixes(parent)):
        known.pop(name, None)
        if text is not None:
            known[name] = _known(parent, text)


def _affixes(addr: Address) -> tuple[tuple[str, str | None], ...]:
    return (
        ("local_part_prefix", addr.prefix),
        ("local_part_prefix_v", addr.prefix_v),
        ("local_part_suffix", addr.suffix),
        ("local_part_suffix_v", addr.suffix_v),
    )


def _keep_common(process: Process, addr: Address, others: Sequence[Address]) -> None:
    known = process.variables
    for name in ("local_part", *(name for name, _ in _affixes(addr))):
        known.pop(name, None)
    if any(other.domain != addr.domain for other in others):
        del known["domain"]
    if any(other.self_hostname != addr.self_hostname for other in others):
        known.pop("self_hostname", None)


def _routed_local_part(addr: Address) -> str:
    """The local part with its affixes, in the case in which the address's router saw it."""
    if addr.router is None:
        return addr.local_part
    caseful = addr.router.options.flag("caseful_local_part")
    return addr.cc_local_part if caseful else addr.cc_local_part.lower()
