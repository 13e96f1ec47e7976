"""Lists of hosts: built from text, ordered, stripped of duplicates and of this host (part of src/host.c).

Exim chains ``host_item`` blocks; here a chain is a list, and its first element stands for the block that a
caller passed in.
"""

from __future__ import annotations

from bisect import insort
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING

from eximsim.errors import InputError
from eximsim.mta.base.string import list_items, string_is_ip_address
from eximsim.mta.lookup import match
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.records.structs import MX_NONE, PORT_NONE, HostItem
from eximsim.quick_dataclass import dataclass
from eximsim.status import HostFind, Rc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eximsim.mta.process.globals import Process

HARNESS_SEED = 42
"""``random_seed`` under Exim's test suite."""

_ANY = {"0.0.0.0": 4, "::0": 6}


@dataclass(frozen=True, slots=True)
class HostResult:
    """What a search for a host's addresses found.

    The first of ``hosts`` stands for the item that was passed in. It is there even if nothing was found: its
    ``mx`` and ``name`` then say how far the search came. ``removed`` tells that this host and those behind it
    were taken out.
    """

    find: HostFind
    hosts: list[HostItem]
    fully_qualified_name: str
    removed: bool = False


def random_number(process: Process, limit: int) -> int:
    """A number below ``limit`` from the scenario's generator, which is not touched if there is no choice.

    Under Exim's test suite it is Exim's own generator, which draws the same in every run. Source:
    random_number(), src/host.c.
    """
    if limit < 1:
        return 0
    if not process.machine.test_harness:
        return process.machine.rng.randrange(limit)
    seed = process.random_seed or HARNESS_SEED
    process.random_seed = (1103515245 * seed + 12345) & 0xFFFFFFFF
    return (process.random_seed >> 16) % limit


def host_build_hostlist(process: Process, text: str, randomize: bool) -> list[HostItem]:
    """The hosts that ``text`` lists, without addresses; randomised within the groups that ``+`` divides.

    Source: host_build_hostlist(). Raises ``UndefinedBehaviour`` where Exim reads beyond the end of the text.
    """
    if process.profile.bare_list_sign_read_past and text.strip() == "<":
        raise UndefinedBehaviour("a host list that is < alone is read on behind its end")
    hosts: list[HostItem] = []
    group = MX_NONE - 1 if randomize else MX_NONE
    for name in list_items(text):
        if name == "+":
            group -= randomize
            continue
        key = -group * 1000 + random_number(process, 1000) if randomize else 0
        insert_host(hosts, HostItem(name, mx=group, sort_key=key))
        process.effort.check_hosts(len(hosts))
    return hosts


def insert_host(hosts: list[HostItem], host: HostItem) -> None:
    """Insert by sort key, behind those of the same key."""
    insort(hosts, host, key=_SORT_KEY)


_SORT_KEY = attrgetter("sort_key")


def randomize(process: Process, hosts: list[HostItem]) -> list[HostItem]:
    """The hosts of a list in random order (hosts_randomize of a transport, transports/smtp.c)."""
    shuffled: list[HostItem] = []
    for host in hosts:
        host.sort_key = random_number(process, 100)
        insert_host(shuffled, host)
    return shuffled


def host_item_get_port(name: str) -> tuple[str, int]:
    """A configured host's name without the port at its end, and the port, or ``PORT_NONE``.

    An IPv6 address needs brackets to have one. Source: host_item_get_port().
    """
    head, colon, digits = name.rpartition(":")
    if len(name) < 3 or not colon or not head or not (digits.isascii() and digits.isdigit()):
        return name, PORT_NONE
    if head.endswith("]") and name.startswith("["):
        return head[1:-1], int(digits)
    return (name, PORT_NONE) if ":" in head else (head, int(digits))


def host_remove_duplicates(hosts: list[HostItem]) -> list[HostItem]:
    """The list without items whose address an earlier one has."""
    seen: set[str] = set()
    kept = []
    for host in hosts:
        if host.address is None or host.address not in seen:
            kept.append(host)
        if host.address is not None:
            seen.add(host.address)
    return kept


def host_find_interfaces(process: Process) -> tuple[str, ...]:
    """This host's addresses as local_interfaces and extra_local_interfaces define them.

    Raises ``InputError`` for an item that is no address. Source: host_find_interfaces().
    """
    main = process.config.main
    return _interfaces(
        main.text("local_interfaces") or "",
        main.text("extra_local_interfaces") or "",
        not has_ipv6(process),
        process.world.interface_addresses(),
    )


def has_ipv6(process: Process) -> bool:
    """Whether IPv6 addresses are looked up and used: by the build (HAVE_IPV6), unless disable_ipv6 is set."""
    return process.profile.ipv6 and not process.config.main.flag("disable_ipv6")


@lru_cache(maxsize=64)
def _interfaces(listed: str, extra: str, disable_ipv6: bool, running: tuple[str, ...]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for option, text in (("local_interfaces", listed), ("extra_local_interfaces", extra)):
        for address in _interface_list(option, text, disable_ipv6):
            family = _ANY.get(address)
            wanted = (a for a in running if (6 if ":" in a else 4) == family) if family else (address,)
            found.update(dict.fromkeys(wanted))
    return tuple(found)


def _interface_list(option: str, text: str, disable_ipv6: bool) -> Iterator[str]:
    for item in list_items(text):
        address = _without_port(item)
        version = string_is_ip_address(address)[0]
        if version == 0:
            raise InputError(f"{option}: expected an IP address, found {item!r}")
        if not (disable_ipv6 and version == 6):
            yield address


def _without_port(item: str) -> str:
    """The address of ``[address]:port`` or ``address.port``. Source: host_address_extract_port()."""
    if item.startswith("["):
        address, _, rest = item[1:].partition("]")
        return address if rest == "" or (rest[0] == ":" and rest[1:].isdigit()) else item
    address, dot, port = item.rpartition(".")
    has_port = dot and port.isdigit() and (":" in address or address.count(".") == 3)
    return address if has_port else item


def host_scan_for_local_hosts(
    process: Process, hosts: list[HostItem]
) -> tuple[HostFind, list[HostItem], bool]:
    """Look for this host in a list: by address, or by a name in hosts_treat_as_local.

    Where it is found, it goes, with those of the same preference and all behind, and the flag is true;
    in the group of lowest preference it is ``FOUND_LOCAL`` instead. ``FAILED`` means that no host has an
    address. Source: host_scan_for_local_hosts().
    """
    find = HostFind.FAILED
    keep = 0
    interfaces = frozenset(host_find_interfaces(process))
    treated = process.config.main.text("hosts_treat_as_local")
    for index, host in enumerate(hosts):
        if _is_local(process, host, interfaces, treated):
            if keep == 0:
                text = "local host has lowest MX" if host.mx >= 0 else "local host found for non-MX address"
                process.hdebug(text, indented=process.profile.host_debug_indented)
                return HostFind.FOUND_LOCAL, hosts, False
            _show_removed(process, hosts[keep:])
            return find, hosts[:keep], True
        if host.address is not None:
            find = HostFind.FOUND
        if index + 1 == len(hosts) or hosts[index + 1].mx != host.mx:
            keep = index + 1
    return find, hosts, False


def _is_local(process: Process, host: HostItem, interfaces: frozenset[str], treated: str | None) -> bool:
    if treated is not None:
        with process.setting(domain=host.name):
            option = "hosts_treat_as_local"
            if match.match_isinlist_domain(process, host.name.lower(), treated, list_name=option) is Rc.OK:
                return True
    return host.address == "0.0.0.0" or host.address in interfaces


def _show_removed(process: Process, hosts: list[HostItem]) -> None:
    nested = process.profile.host_debug_indented
    process.hdebug("local host in host list - removed hosts:", indented=nested)
    for host in hosts:
        process.hdebug(f"  {host.name} {host.address or '(null)'} {host.mx}", indented=nested)
