"""The DNS of a policy test, in plain verbs; by default everything is there, correct and signed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Self

from eximsim.errors import InputError
from eximsim.testing.arguments import check_arguments, told_where_called
from eximsim.world import names
from eximsim.world.rdata import text_strings
from eximsim.world.rrsets import RCODES, rrset_zones

_MATCH = "3 1 1 @cert:{host}"
_OTHER = "3 1 1 " + "00" * 32
_UNUSABLE = "1 1 1 @cert:{host}"
"""PKIX-EE, which SMTP does not use (RFC 7672, 3.1.3)."""

TLSA: Mapping[str, Mapping[str, object]] = {
    "match": {"data": [_MATCH]},
    "authority": {"data": ["2 0 1 @cert:root"]},
    "mismatch": {"data": [_OTHER]},
    "unusable": {"data": [_UNUSABLE]},
    "mixed": {"data": [_OTHER, _MATCH]},
    "insecure": {"data": [_MATCH], "ad": False},
    "nodata": {},
    "nxdomain": {"rcode": "NXDOMAIN"},
    "servfail": {"rcode": "SERVFAIL"},
    "timeout": {"drop": True},
}
"""What a host's TLSA question may bring, by the word for it. ``match`` is the key of the host's own
certificate, ``authority`` the root above it, ``mixed`` one record of each kind."""

Entry = dict[str, object]
ChainOf = Callable[[str], str | None]
"""The name of the chain that a host's server shows; None: there is no such server."""

_ADD = {
    "host": str, "domain?": str, "preference": int, "address?": str, "tlsa": (str, [str]), "secure": bool,
    "mx_secure?": bool, "address_secure?": bool,
}  # fmt: skip
_ANY_CERTIFICATE = re.compile(r"@cert:\S+")
_CERTIFICATE = re.compile(r"@cert:(?!root$)(\S+)")

_NETWORK = "192.0.2."


@told_where_called
class Zone:
    """What the name server of the world answers; see ``add``, ``mx`` and ``record``.

    A name that was not mentioned does not exist. Case does not matter.
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}
        self._hosts = 0

    def __repr__(self) -> str:
        return f"<zone: {', '.join(f'{name} {type}' for name, type in self._entries) or 'empty'}>"

    def add(
        self,
        host: str,
        *,
        domain: str | None = None,
        preference: int = 10,
        address: str | None = None,
        tlsa: str | Sequence[str] = "match",
        secure: bool = True,
        mx_secure: bool | None = None,
        address_secure: bool | None = None,
    ) -> Self:
        """Add a mail host, and make it an MX of ``domain`` (``mx.example.com``: of ``example.com``).

        ``tlsa`` is a word of ``TLSA`` or the text of records (``"3 1 1 ..."``); it holds for every port.
        ``secure`` tells whether all of these answers are signed (AD); ``mx_secure`` and ``address_secure``
        say otherwise for the MX records of the domain and for the host's address. ``address`` is made up if
        it is not given. Raises ``InputError``.
        """
        check_arguments(
            _ADD, host=host, domain=domain, preference=preference, address=address, tlsa=tlsa, secure=secure,
            mx_secure=mx_secure, address_secure=address_secure,
        )  # fmt: skip
        _key(host)
        address = address or self._next_address()
        self._add_mx(domain or _parent(host), preference, host, _or(mx_secure, secure))
        signed = _or(address_secure, secure)
        own = _address_type(address)
        for type in ("A", "AAAA"):
            self._put(host, type, {"data": [address] if type == own else [], "ad": signed})
        self._put(f"_tcp.{host}", "TXT", {"ad": secure})  # what a wildcard is below has to exist
        self._put(f"*._tcp.{host}", "TLSA", {"ad": secure, **_tlsa(host, tlsa)})
        return self

    def mx(self, domain: str, *hosts: str | tuple[int, str], secure: bool = True) -> Self:
        """Give ``domain`` these MX records and no others: names, all equal, or ``(preference, name)``.

        The hosts come from ``add`` or ``record``; others have no address.
        """
        for host in hosts:
            if not isinstance(host, str) and not (isinstance(host, tuple | list) and len(host) == 2):
                raise InputError(f"MX of {domain}: {host!r}; expected a name, or (10, name)")
        pairs = [[10, host] if isinstance(host, str) else list(host) for host in hosts]
        self._put(domain, "MX", {"data": pairs, "ad": secure})
        return self

    def record(
        self,
        name: str,
        type: str,
        *data: object,
        rcode: str = "NOERROR",
        secure: bool = True,
        timeout: bool = False,
        delay: float = 0.0,
        ttl: int = 3600,
    ) -> Self:
        """Set the answer for ``name`` and ``type``, in place of an earlier one.

        ``data`` is one item for each record: an address, a name, ``(10, "mx.example.com")`` for MX, the text
        of a TXT record, and the text of a TLSA record, in which ``@cert:HOST`` stands for the certificate of
        a host and ``@cert:root`` for its authority; for other types, octets in hexadecimal. None: the name
        exists and has no such record (NODATA). ``rcode`` is another answer (``"SERVFAIL"``), ``timeout`` none
        at all; ``delay`` and ``ttl`` are seconds. Raises ``InputError``.
        """
        check_arguments({"name": str, "type": str}, name=name, type=type)
        if rcode not in RCODES:
            raise InputError(f"rcode {rcode!r}: expected {', '.join(RCODES)}")
        items = [_item(type.upper(), one) for one in data]
        entry: Entry = {"data": items, "rcode": rcode, "ad": secure, "ttl": ttl}
        self._put(name, type.upper(), {**entry, "drop": timeout, "delay": delay})
        return self

    def entries(self, chain_of: ChainOf) -> tuple[Entry, ...]:
        """The RRsets, as ``eximsim.world.rrsets.rrset_zones`` reads them; raises ``InputError``."""

        def chain(match: re.Match[str]) -> str:
            found = chain_of(_key(match[1]))
            if found is None:
                raise InputError(f"{match[0]}: expected root, or a host that has an address")
            return f"@cert:{found}"

        def shown(entry: Entry) -> Entry:
            data = entry.get("data", [])
            assert isinstance(data, list)
            return {
                **entry,
                "data": [_CERTIFICATE.sub(chain, item) if isinstance(item, str) else item for item in data],
            }

        return tuple(
            {"name": name, "type": type, **shown(entry)} for (name, type), entry in self._entries.items()
        )

    def addresses(self) -> Mapping[str, str]:
        """The name of the host at each address."""
        return {
            str(ipaddress.ip_address(address)): name
            for (name, type), entry in self._entries.items()
            if type in ("A", "AAAA")
            for address in _texts(entry)
        }

    def _put(self, name: str, type: str, entry: Entry) -> None:
        check_arguments({"name": str}, name=name)
        key = _key(name)
        plain = {**entry, "data": [_without_certificate(item) for item in _items(entry)]}
        try:
            rrset_zones([{"name": key, "type": type, **plain}])
        except InputError as wrong:
            raise InputError(f"{name} {type}: {wrong.message.partition(': ')[2]}") from None
        self._entries[key, type] = entry

    def _add_mx(self, domain: str, preference: int, host: str, secure: bool) -> None:
        entry = self._entries.get((_key(domain), "MX"), {})
        data = entry.get("data", [])
        assert isinstance(data, list)
        others = [pair for pair in data if pair[1] != host]
        self._put(domain, "MX", {"data": [*others, [preference, host]], "ad": secure})

    def _next_address(self) -> str:
        self._hosts += 1
        if self._hosts > 254:
            raise InputError("more than 254 hosts without an address; give the others one of their own")
        return f"{_NETWORK}{self._hosts}"


def _tlsa(host: str, tlsa: str | Sequence[str]) -> Entry:
    if isinstance(tlsa, str) and tlsa in TLSA:
        entry = dict(TLSA[tlsa])
    elif isinstance(tlsa, str) and not tlsa[:1].isdigit():
        raise InputError(f"tlsa {tlsa!r}: expected {', '.join(TLSA)}, or the text of a record")
    else:
        entry = {"data": [tlsa] if isinstance(tlsa, str) else list(tlsa)}
    return {key: [text.replace("{host}", _key(host)) for text in value] if isinstance(value, list) else value
            for key, value in entry.items()}  # fmt: skip


def _item(type: str, given: object) -> object:
    """One record as ``rrset_zones`` reads it."""
    if type != "TXT" or not isinstance(given, str):
        return list(given) if isinstance(given, tuple) else given
    octets = given.encode("utf-8", "surrogateescape")
    return text_strings([octets[at : at + 255] for at in range(0, max(len(octets), 1), 255)]).hex()


def _texts(entry: Entry) -> Iterator[str]:
    return map(str, _items(entry))


def _items(entry: Entry) -> list[object]:
    data = entry.get("data", [])
    assert isinstance(data, list)
    return data


def _without_certificate(item: object) -> object:
    """A record with some octets in place of those of a certificate, which is known later."""
    return _ANY_CERTIFICATE.sub("00", item) if isinstance(item, str) else item


def _key(name: str) -> str:
    try:
        return names.canonical(name).lower()
    except names.BadName as bad:
        raise InputError(f"name {name!r}: {bad}") from None


def _parent(host: str) -> str:
    _, dot, rest = host.rstrip(".").partition(".")
    if not dot:
        raise InputError(f"host {host!r}: expected a name such as mx.example.com, or domain=")
    return rest


def _address_type(address: str) -> str:
    try:
        return "A" if ipaddress.ip_address(address).version == 4 else "AAAA"
    except ValueError:
        raise InputError(f"address {address!r}: expected an IP address") from None


def _or(value: bool | None, default: bool) -> bool:
    return default if value is None else value
