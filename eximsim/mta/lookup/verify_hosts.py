"""Hosts in host lists (check_host() and verify_check_...host() of src/verify.c).

src/host.c and src/search.c search lists themselves, hence the imports inside functions.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from eximsim.mta.base.effort import ITEM
from eximsim.mta.base.ipaddr import host_aton, host_is_in_net, host_mask, host_nmtoa
from eximsim.mta.base.string import string_is_ip_address
from eximsim.mta.expand.expander import ExpansionFailed
from eximsim.mta.expand.marks import marked, taint_of
from eximsim.mta.lookup import host, host_chain, match_list, search
from eximsim.mta.lookup.net_index import net_index
from eximsim.mta.process import upward
from eximsim.mta.process.hostname import primary_hostname
from eximsim.mta.process.log import log_write, log_write_die, quoted
from eximsim.mta.records.lists import FAILED, MATCHED, Kind, ListCache, ListMatch
from eximsim.mta.records.lookups import SearchError, find_type
from eximsim.mta.records.structs import HostItem
from eximsim.quick_dataclass import dataclass
from eximsim.status import HostFind, Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_MAY_EXPAND = re.compile(r"[$+]")
"""What a list must hold for its value to depend on variables: an expansion, or a named list."""

_NET = re.compile(r"net(\d*)-", re.ASCII)
_V4_LIKE = re.compile(r"[0-9.]*")
_V6_LIKE = re.compile(r"[0-9A-Fa-f:.]*")
_PLAIN_NAME = re.compile(r"[0-9A-Za-z._-]*")
_PLAIN_NAME_UTF8 = re.compile(r"[0-9A-Za-z._\x80-\U0010ffff-]*")
_ONLY_IP = ""
"""A host name of nothing: only addresses may be matched."""


def verify_check_host(
    process: Process, text: str | None, list_name: str | None = None, *, cache: ListCache | None = None
) -> Rc:
    """Whether the connected client is in a host list; its name is looked up if an item needs it.

    Without a client address only ``*`` and empty items match. Source: verify_check_host(), src/verify.c.
    """
    address = process.variables.get("sender_host_address", "")
    return verify_check_this_host(process, text, None, address, list_name=list_name, cache=cache).rc


def verify_check_given_host(
    process: Process,
    text: str | None,
    host_name: str,
    host_address: str | None,
    *,
    list_name: str | None = None,
) -> Rc:
    """Whether a host to deliver to is in a host list.

    A plain name in the list is not compared with ``host_name``: its addresses are looked up and compared
    with ``host_address``. Source: verify_check_given_host(), src/verify.c.
    """
    return verify_check_this_host(process, text, host_name, host_address or "", list_name=list_name).rc


def verify_check_this_host(
    process: Process,
    text: str | None,
    host_name: str | None,
    host_address: str,
    *,
    list_name: str | None = None,
    cache: ListCache | None = None,
) -> ListMatch:
    """Match a host against a list, with ``$host_address`` set to its address meanwhile.

    ``host_name`` None is the connected client, an empty one allows IP addresses only. Source:
    verify_check_this_host(), src/verify.c.
    """
    if not process.host_checking and (not text or text == "*"):
        return MATCHED if text else FAILED
    client = host_name is None or host_address == process.variables.get("sender_host_address")
    search = partial(
        match_list.match_check_list,
        process,
        CheckHost(process, host_name, host_address),
        text,
        name="host" if client else host_address,
        list_name=list_name,
        cache=cache,
    )
    if text is None or not _MAY_EXPAND.search(text):
        return search()
    with process.setting(host_address=host_address):
        return search()


@upward.match_ip.answer
def match_ip(process: Process, address: str, text: str) -> ListMatch:
    """The condition ``match_ip``: a list of IP addresses and networks."""
    expanding = process.profile.match_ip_list_expanded
    found = match_list.match_check_list(
        process, CheckHost(process, _ONLY_IP, address), text, name=address, expanding=expanding
    )
    if found.rc is Rc.DEFER:  # whatever failed, what is told is what became of the last search
        return ListMatch(Rc.DEFER, error=process.search_error or "")
    return found


@dataclass(slots=True)
class CheckHost:
    """A host with its name (None: that of the client, looked up when needed) and address."""

    process: Process
    host_name: str | None
    host_address: str
    kind: Kind = Kind.HOST
    anchored: bool = True

    @property
    def key(self) -> str:
        """See ``check.Check``."""
        return self.host_address

    @property
    def left(self) -> str | None:
        """See ``check.Check``."""
        return None

    @property
    def subject_for_expansion(self) -> str | None:
        """See ``check.Check``."""
        return None

    def make_caseful(self) -> None:
        """Names of hosts have no case."""

    def test(self, pattern: str) -> ListMatch:
        """An address or network, a lookup, a plain name (by its addresses), or a pattern for the name."""
        if pattern == "*":
            return MATCHED
        if not self.host_address:
            return FAILED if pattern else MATCHED
        if not pattern:
            return FAILED
        if pattern == "@":
            if self.host_name == _ONLY_IP:
                return ListMatch(Rc.ERROR)
            pattern = primary_hostname(self.process)
        elif pattern == "@[]":
            return MATCHED if self.host_address in host_chain.host_find_interfaces(self.process) else FAILED
        if string_is_ip_address(pattern, mask=True)[0]:
            return MATCHED if host_is_in_net(self.host_address, pattern) else FAILED
        malformed = self._malformed(pattern)
        if malformed is not None:
            return ListMatch(Rc.ERROR, error=malformed)
        lookup = self._ip_lookup(pattern)
        if lookup is not None:
            return lookup
        if self.host_name == _ONLY_IP:
            return ListMatch(Rc.ERROR, error="cannot match host name in match_ip list")
        utf8 = self.process.config.main.flag("allow_utf8_domains")
        if (_PLAIN_NAME_UTF8 if utf8 else _PLAIN_NAME).fullmatch(pattern):
            return self._by_addresses(pattern)
        if self.host_name is not None:
            return self._name_matches(self.host_name, pattern)
        return self._client_matches(pattern)

    def at_once(self, items: str) -> ListMatch | None:
        """What a long list of nothing but addresses and networks makes of the host; None of another list."""
        index = net_index(items) if self.host_address else None
        if index is None:
            return None
        self.process.effort.spend_on_searching(ITEM)
        return MATCHED if index.matches(self.host_address) else FAILED

    def _malformed(self, pattern: str) -> str | None:
        """The error for what was meant to be an address and is none."""
        profile = self.process.profile
        v6 = profile.malformed_ipv6_recognised and ":" in pattern
        found = (_V6_LIKE if v6 else _V4_LIKE).match(pattern)
        assert found is not None
        rest = pattern[found.end() :]
        if rest and not (found[0] and rest[0] in ("/%" if v6 else "/")):
            return None
        text = f"malformed IPv{6 if v6 else 4} address or address mask"
        return f"{text}: {found[0]}" if profile.malformed_ip_named else text

    def _ip_lookup(self, pattern: str) -> ListMatch | None:
        """``net24-lsearch;/file`` and the like: the address is the key. None if the item is no such thing."""
        type_name, semicolon, rest = pattern.partition(";")
        net = _NET.match(type_name) if semicolon else None
        if net is None and not (semicolon and self.host_name == _ONLY_IP):
            return None
        bits = int(net[1]) if net is not None and net[1] else -1
        try:
            lacks = self.process.profile.build_lacks
            kind = find_type(type_name[net.end() if net is not None else 0 :], lacks)
            key = self._ip_key(kind.name, bits) if kind.single_key else None
            found = search.search_find(self.process, kind, key, marked(rest, taint_of(pattern)))
        except (SearchError, ExpansionFailed) as error:
            log_write_die(self.process, str(error))
        if found.value is not None:
            return ListMatch(Rc.OK, found.value)
        return ListMatch(Rc.DEFER, error=found.error) if found.deferred else FAILED

    def _ip_key(self, type_name: str, bits: int) -> str:
        value, width = host_aton(self.host_address)
        separator = ":" if type_name == "iplsearch" else "."
        return host_nmtoa(host_mask(value, width, bits), width, bits, separator)

    def _by_addresses(self, name: str) -> ListMatch:
        found = host.host_find_byname(
            self.process, HostItem(name), qualify_single=True, local_host_check=False
        )
        if found.find in (HostFind.FOUND, HostFind.FOUND_LOCAL):
            addresses = (item.address for item in found.hosts)
            own = self.host_address
            return MATCHED if any(a is not None and host_is_in_net(a, own) for a in addresses) else FAILED
        if found.find is HostFind.AGAIN:
            return ListMatch(Rc.DEFER)
        return ListMatch(Rc.ERROR, error=f"failed to find IP address for {name}")

    def _name_matches(self, name: str, pattern: str) -> ListMatch:
        check = match_list.CheckString(self.process, Kind.HOST, name, caseless=True, at_special=True)
        return check.test(pattern)

    def _client_matches(self, pattern: str) -> ListMatch:
        """By the client's name and its aliases, unless a query-style lookup needs neither."""
        type_name, semicolon, _ = pattern.partition(";")
        if semicolon:
            try:
                kind = find_type(type_name, self.process.profile.build_lacks)
            except SearchError as error:
                log_write(
                    self.process, f"{error} in host list item {quoted(self.process, pattern)}", panic=True
                )
                return ListMatch(Rc.DEFER, error=str(error))
            if not kind.single_key:
                return self._name_matches("", pattern)
        name = self._client_name(pattern)
        if name is None:
            address = self.process.variables.get("sender_host_address", "")
            return ListMatch(Rc.ERROR, error=f"failed to find host name for {address}")
        for candidate in (name, *self.process.sender_host_aliases):
            found = self._name_matches(candidate, pattern)
            if found.rc is not Rc.FAIL:
                return found
        return FAILED

    def _client_name(self, pattern: str) -> str | None:
        process = self.process
        known = process.variables.get("sender_host_name")
        if known is not None:
            return known
        nested = process.profile.host_debug_indented
        process.hdebug(f"sender host name required, to match against {pattern}", indented=nested)
        if process.variables.get("host_lookup_failed", "0") != "0":
            return None
        process.debug_depth += nested
        try:
            return host.host_name_lookup(process).name
        finally:
            process.debug_depth -= nested
