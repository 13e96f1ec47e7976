"""The world of an explanation: a user's zones, and servers where the user says nothing of them.

At every address of the zones there is an ordinary server with STARTTLS and a certificate for all host names
of the zones, unless a servers file says otherwise. It cannot be the certificate that published TLSA records
were made from, so that the records are taken to be right: their data is that of the certificate here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path

from eximsim.errors import InputError
from eximsim.files import Folder, read_named_text
from eximsim.formats import parse_toml
from eximsim.mta.base.string import string_is_ip_address
from eximsim.mta.certs.dane_match import DANE_TA, data_of, parse_tlsa
from eximsim.mta.certs.x509 import Certificate, parse
from eximsim.ports import DnsRecord, TlsIdentity
from eximsim.quick_dataclass import dataclass
from eximsim.world import names
from eximsim.world.certificates import ChainSet, chains_for
from eximsim.world.reply import Reply, Zones
from eximsim.world.smtp_behaviour import Behaviour
from eximsim.world.smtp_script import read_behaviour
from eximsim.world.zones import load_zones

_NO_HOST = "host.invalid"
_GOOD = "good"


class ZonesWith(Zones):
    """Zones in which some answers are others: those of ``replies``, by name (lower case) and type."""

    def __init__(self, zones: Zones, replies: Mapping[tuple[str, str], Reply]) -> None:
        super().__init__()
        self._zones, self._replies = zones, replies

    def owners(self) -> Iterable[str]:
        """See ``Zones``."""
        return self._zones.owners()

    def _decide(self, name: str, type: str) -> Reply:
        return self._replies.get((name, type)) or self._zones.answer(name, type)


class _RightTlsa(Zones):
    """Zones whose TLSA records hold the data of the certificates that the servers show."""

    def __init__(self, zones: Zones, chains: ChainSet) -> None:
        super().__init__()
        self._zones, self._chains = zones, chains

    def owners(self) -> Iterable[str]:
        """See ``Zones``."""
        return self._zones.owners()

    def _decide(self, name: str, type: str) -> Reply:
        reply = self._zones.answer(name, type)
        records = tuple(map(self._right, reply.answer.answers))
        return replace(reply, answer=replace(reply.answer, answers=records))

    def _right(self, record: DnsRecord) -> DnsRecord:
        if record.type != "TLSA" or not isinstance(record.data, bytes) or self._is_ours(record.data):
            return record
        published = parse_tlsa(record.data)
        der = self._chains.certificate("root" if published.usage == DANE_TA else _GOOD)
        data = data_of(parse(der), published.selector, published.mtype)
        if data is None or (published.mtype and len(data) != len(published.data)):
            return record
        return replace(record, data=record.data[:3] + data)

    def _is_ours(self, data: bytes) -> bool:
        published = parse_tlsa(data)
        if data_of(self._ours[0], published.selector, published.mtype) is None:
            return False
        return any(published.matches(own) for own in self._ours)

    @cached_property
    def _ours(self) -> tuple[Certificate, ...]:
        return tuple(parse(self._chains.certificate(name)) for name in (*self._chains.chains, "root", "int"))


@dataclass(frozen=True)
class Surroundings:
    """Zones, servers by address, certificates, and the name of the host at each address.

    ``assumed`` says in plain words what was not given.
    """

    zones: Zones
    servers: Mapping[str, Behaviour]
    chains: ChainSet
    hosts: Mapping[str, str]
    assumed: tuple[str, ...]


def surroundings(zones: Path, servers: Path | None = None) -> Surroundings:
    """Read zones (in any form of ``load_zones``) and a servers file; raises ``InputError``."""
    reader = _Reader(zones)
    hosts = reader.hosts
    chains, behaviours, own = reader.chains, dict.fromkeys(hosts, Behaviour(lmtp=True)), False
    assumed: list[str] = []
    if servers is not None:
        given, identities = _read_servers(servers, hosts, chains)
        behaviours |= given
        own = bool(identities)
        chains = ChainSet(chains.root, {**chains.chains, **identities})
    known = reader.zones if own else _RightTlsa(reader.zones, chains)
    if not own and reader.has_tlsa:
        assumed.append("the TLSA records are right: they match the certificate that good servers show")
    others = [address for address in hosts if servers is None or address not in given]
    if others:
        assumed.append(f"an ordinary server with STARTTLS at {_some(others)}")
    return Surroundings(known, behaviours, chains, hosts, tuple(assumed))


def _some(addresses: list[str], most: int = 4) -> str:
    shown = ", ".join(addresses[:most])
    return shown if len(addresses) <= most else f"{shown} and {len(addresses) - most} more"


class _Reader:
    """Reads zones whose ``@cert:`` references are to certificates for the zones' own hosts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._referred = False

    @cached_property
    def _first(self) -> Zones:
        def certificate(name: str) -> bytes:
            self._referred = True
            return _placeholder().certificate(name)

        return load_zones(self._path, certificate)

    @cached_property
    def hosts(self) -> Mapping[str, str]:
        """The host at each address."""
        found: dict[str, str] = {}
        for owner in self._first.owners():
            for type in ("A", "AAAA"):
                for record in self._first.answer(owner, type).answer.answers:
                    if record.type == type and names.key(record.name) == names.key(owner):
                        found.setdefault(str(record.data), owner)
        return found

    @cached_property
    def chains(self) -> ChainSet:
        """Certificates for all hosts."""
        hosts = tuple(dict.fromkeys(self.hosts.values())) or (_NO_HOST,)
        return chains_for(hosts, one_key=True)

    @cached_property
    def zones(self) -> Zones:
        """The zones."""
        first = self._first
        return load_zones(self._path, self.chains.certificate) if self._referred else first

    @cached_property
    def has_tlsa(self) -> bool:
        """Whether TLSA records are published at all."""
        return any(
            record.type == "TLSA"
            for owner in self.zones.owners()
            for record in self.zones.answer(owner, "TLSA").answer.answers
        )


@cache
def _placeholder() -> ChainSet:
    """Certificates to stand for ``@cert:`` references until the hosts are known."""
    return chains_for((_NO_HOST,))


def _read_servers(
    path: Path, hosts: Mapping[str, str], chains: ChainSet
) -> tuple[dict[str, Behaviour], dict[str, TlsIdentity]]:
    """The behaviours of a servers file by address, and the certificates that it names."""
    tables = parse_toml(read_named_text(path, "a file of servers"), str(path))
    folder = Folder(path.parent)
    found: dict[str, Behaviour] = {}
    identities: dict[str, TlsIdentity] = {}
    for name, table in tables.items():
        addresses = _addresses(name, hosts, path)
        try:
            if not isinstance(table, Mapping):
                raise InputError('expected a table, such as ["192.0.2.1"]')
            behaviour = read_behaviour({"lmtp": True, **table})
        except InputError as error:
            raise InputError(f"{name}: {error.message}", str(path)) from None
        if behaviour.chain not in chains.chains:
            identities[behaviour.chain] = _identity(folder, behaviour.chain, chains)
        found.update(dict.fromkeys(addresses, behaviour))
    return found, identities


def _addresses(name: str, hosts: Mapping[str, str], path: Path) -> list[str]:
    if string_is_ip_address(name)[0]:
        return [name]
    try:
        key = names.key(name)
    except names.BadName as problem:
        raise InputError(f"{name[:40]}: {problem}", str(path)) from None
    found = [address for address, host in hosts.items() if names.key(host) == key]
    if not found:
        raise InputError(f"{name}: neither an address nor a host that the zones give one", str(path))
    return found


def _identity(folder: Folder, name: str, chains: ChainSet) -> TlsIdentity:
    path = str(folder.path / name)
    try:
        pem = folder.read(name)
    except OSError as error:
        kinds = ", ".join(chains.chains)
        what = f"cannot read the certificate: {error.strerror}; expected {kinds}, or a file beside this one"
        raise InputError(what, path) from None
    if b"-----BEGIN CERTIFICATE-----" not in pem:
        raise InputError("expected a PEM certificate", path)
    return TlsIdentity(pem, b"")
