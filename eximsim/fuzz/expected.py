"""What a situation says of its hosts, read from its zone and settings without the model.

Laws hold what the model did against this. It follows the RFCs in a few plain steps and says None where it
cannot tell, so that a law which needs the fact is silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache

from eximsim.quick_dataclass import dataclass
from eximsim.suite.recording import Situation
from eximsim.world import rdata
from eximsim.world.certificates import ChainSet, der_chain

_MOST_ALIASES = 8
_SLOW = 0.9
"""A reply that takes as many seconds may come too late: the resolver waits for one."""
_DANE_TA, _DANE_EE = 2, 3
_DIGEST_SIZES = {0: None, 1: 32, 2: 64}

GetOption = Callable[[str], str | None]
"""The text of a transport's option as the release has it."""


class Tlsa(Enum):
    """What the answer to a host's TLSA question is worth."""

    USABLE = "secure, with usable records"
    UNUSABLE = "secure, without usable records"
    INSECURE = "records that are not secure"
    NONE = "no records"
    LOST = "the question is not answered"


class Wanted(Enum):
    """How much DANE the options want of a host."""

    NOT = "not wanted"
    REQUESTED = "requested"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class _Found:
    """A resolved question: where it ended, its data, and whether all of the chain was secure."""

    owner: str
    rcode: str
    data: tuple[object, ...]
    secure: bool
    lost: bool
    aliased: bool


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of one MX host. None: it cannot be told.

    ``name`` is where the host's aliases end; ``secure`` whether MX and addresses were; ``records`` the RDATA
    of usable TLSA records.
    """

    name: str
    addresses: tuple[str, ...]
    secure: bool | None
    tlsa: Tlsa | None
    records: tuple[bytes, ...]
    wanted: Wanted | None
    tls_required: bool | None


class Expectations:
    """The hosts of a situation by name (where aliases end) and what to expect of each.

    ``known`` keeps the hosts of each recipient; situations with the same zone and options may share it.
    """

    def __init__(
        self,
        situation: Situation,
        chains: ChainSet,
        option: GetOption,
        port: int,
        known: dict[str, Mapping[str, Expected]] | None = None,
    ) -> None:
        self.situation, self.option, self._port, self._chains = situation, option, port, chains
        self._known = {} if known is None else known
        self._context = rdata.Context(lambda name: name, chains.certificate)

    @cached_property
    def _zone(self) -> Mapping[tuple[str, str], Mapping[str, object]]:
        return {
            (str(entry["name"]).lower().rstrip("."), str(entry["type"])): entry
            for entry in self.situation.zone
        }

    @cached_property
    def hosts(self) -> Mapping[str, Expected]:
        """All hosts of all recipients' domains; one that two domains share is as secure as both say."""
        found: dict[str, Expected] = {}
        for recipient in self.situation.recipients:
            for host in self.hosts_of(recipient).values():
                known = found.get(host.name)
                if known is not None and known.secure != host.secure:
                    host = Expected(
                        host.name, host.addresses, None, host.tlsa, host.records, host.wanted,
                        host.tls_required,
                    )  # fmt: skip
                found[host.name] = host
        return found

    def hosts_of(self, recipient: str) -> Mapping[str, Expected]:
        """The hosts of one recipient, best preference first, as far as they have addresses."""
        if recipient not in self._known:
            self._known[recipient] = self._hosts_of(recipient)
        return self._known[recipient]

    def _hosts_of(self, recipient: str) -> Mapping[str, Expected]:
        domain = recipient.partition("@")[2].lower()
        mx = self._resolve(domain, "MX")
        if mx.lost or mx.rcode not in ("NOERROR", "NXDOMAIN"):
            return {}
        pairs = sorted((pair for pair in mx.data if isinstance(pair, list)), key=lambda pair: int(pair[0]))
        names = [str(name).lower().rstrip(".") for _, name in pairs] if mx.data else [domain]
        requested = self._requested(domain)
        found = (self._host(name, mx.secure if requested else None) for name in dict.fromkeys(names) if name)
        return {host.name: host for host in found if host is not None}

    def is_in(self, option: str, name: str, addresses: tuple[str, ...]) -> bool | None:
        """Whether a host is in the list that an option is; None if the list cannot be told."""
        return self._listed(self.option(option) or "", name, addresses)

    def _listed(self, text: str, name: str, addresses: tuple[str, ...]) -> bool | None:
        """Match a plain host list: names, ``*``, ``*.domain``, addresses, ``!``, named lists.

        None for anything else.

        Exim compares the addresses of a name in a list: two names of one address cannot be told apart.
        """
        for item in _items(text):
            negated, pattern = item.startswith("!"), item.lstrip("! ").lower()
            named = self._named("host", item.lstrip("! "))
            if named is not None:
                found = self._listed(named, name, addresses)
                if found is not False:
                    return None if found is None else not negated
                continue
            if any(character in pattern for character in "${}/+@<;:"):
                return None
            if fnmatchcase(name, pattern) or pattern in addresses:
                return not negated
            if "*" not in pattern and set(addresses) & set(map(str, self._resolve(pattern, "A").data)):
                return None
        return bool(text) and text.rpartition(":")[2].strip().startswith("!")

    def _named(self, kind: str, item: str) -> str | None:
        """What the named list ``+name`` holds; None if the item is none, or the situation has none of it."""
        if not item.startswith("+"):
            return None
        wanted = f"{kind}list {item[1:]}"
        return next((text for name, text in self.situation.main.items() if _spaced(name) == wanted), None)

    def _requested(self, domain: str) -> bool | None:
        """Whether a domain is in dnssec_request_domains; None if it cannot be told, or if it is not set."""
        return self._among(self.situation.router.get("dnssec_request_domains", "$"), domain)

    def _among(self, text: str, domain: str) -> bool | None:
        """Match a plain domain list: names, ``*``, ``*domain``, ``!``, named lists of such items."""
        for item in _items(text):
            negated, pattern = item.startswith("!"), item.lstrip("! ").lower()
            named = self._named("domain", item.lstrip("! "))
            if named is None and any(character in pattern for character in "${}/+@<;:^"):
                return None
            if named is None:
                found: bool | None = (
                    domain.endswith(pattern[1:]) if pattern.startswith("*") else domain == pattern
                )
            else:
                found = self._among(named, domain)
            if found is not False:
                return None if found is None else not negated
        return bool(text) and text.rpartition(":")[2].strip().startswith("!")

    def match(self, host: Expected, address: str) -> bool | None:
        """Whether a usable TLSA record matches what the server at ``address`` shows (RFC 7671).

        None if it cannot be told: the name that a trust anchor's chain has to have is only known of the
        standard chains.
        """
        behaviour = self.situation.behaviour(address)
        if behaviour.chains_by_sni or behaviour.chain not in self._chains.chains:
            return None
        sent = der_chain(self._chains.chains[behaviour.chain].chain)
        if any(record[0] == _DANE_EE and self._is(record, sent[0]) for record in host.records):
            return True
        anchors = [r for r in host.records if r[0] == _DANE_TA and any(self._is(r, c) for c in sent)]
        whole = [r for r in host.records if r[0] == _DANE_TA and r[2] == 0]
        if anchors:
            sound = behaviour.chain == "good" and host.name.count(".") == 2
            below = any(self._is(record, cert) for record in anchors for cert in sent[1:])
            return True if sound and below else None if behaviour.chain == "good" else False
        return None if whole else False

    def _is(self, record: bytes, certificate: bytes) -> bool:
        _, selector, matching = record[:3]
        return _association(certificate, selector, matching) == record[3:]

    # ---- the zone

    def _host(self, name: str, mx_secure: bool | None) -> Expected | None:
        v4, v6 = self._resolve(name, "A"), self._resolve(name, "AAAA")
        found = [answer for answer in (v4, v6) if answer.data]
        if not found:
            return None
        end, addresses = found[0].owner, tuple(str(one) for answer in found for one in answer.data)
        securities = {answer.secure for answer in found}
        secure = None if mx_secure is None or len(securities) > 1 else mx_secure and securities.pop()
        tlsa, records = self._tlsa(end)
        if v4.aliased and tlsa in (Tlsa.NONE, Tlsa.INSECURE):
            tlsa = None  # there may be some at the alias (RFC 7672, 2.2.3), where Exim does not look
        return Expected(
            end,
            addresses,
            secure,
            tlsa,
            records,
            self._wanted(end, addresses),
            self.is_in("hosts_require_tls", end, addresses),
        )

    def _wanted(self, name: str, addresses: tuple[str, ...]) -> Wanted | None:
        required = self.is_in("hosts_require_dane", name, addresses)
        requested = self.is_in("hosts_try_dane", name, addresses)
        if required is None or requested is None:
            return None
        return Wanted.REQUIRED if required else Wanted.REQUESTED if requested else Wanted.NOT

    def _tlsa(self, host: str) -> tuple[Tlsa | None, tuple[bytes, ...]]:
        answer = self._resolve(f"_{self._port}._tcp.{host}", "TLSA")
        if answer.lost or answer.rcode not in ("NOERROR", "NXDOMAIN"):
            return Tlsa.LOST, ()
        if not answer.data:
            return Tlsa.NONE, ()
        if not answer.secure:
            return Tlsa.INSECURE, ()
        records = [_record(str(one), self._context) for one in answer.data]
        usable = tuple(record for record in records if _usable(record))
        if usable:
            return Tlsa.USABLE, usable
        return (Tlsa.UNUSABLE if all(map(_surely_unusable, records)) else None), ()

    def _resolve(self, name: str, type: str) -> _Found:
        """Follow aliases to the end; the answer is secure if every part is."""
        secure, aliased = True, False
        for _ in range(_MOST_ALIASES):
            alias = self._zone.get((name, "CNAME"))
            entry = alias or self._zone.get((name, type))
            if entry is None:
                known = any(owner == name for owner, _ in self._zone)
                return _Found(name, "NOERROR" if known else "NXDOMAIN", (), secure, False, aliased)
            secure = secure and entry.get("ad") is True
            delay = entry.get("delay", 0)
            lost = bool(entry.get("drop")) or (isinstance(delay, int | float) and delay > _SLOW)
            data = entry.get("data") or []
            assert isinstance(data, list)
            if alias is None or not data or lost:
                return _Found(name, str(entry.get("rcode", "NOERROR")), tuple(data), secure, lost, aliased)
            name, aliased = str(data[0]).lower().rstrip("."), True
        return _Found(name, "SERVFAIL", (), False, False, True)


def _record(text: str, context: rdata.Context) -> bytes:
    """A TLSA record as a situation has it: in words, or in hexadecimal."""
    if " " not in text:
        return bytes.fromhex(text)
    data = rdata.from_fields("TLSA", text.split(), context)
    assert isinstance(data, bytes)
    return data


@lru_cache(maxsize=1024)
def _association(certificate: bytes, selector: int, matching: int) -> bytes:
    """What a TLSA record for a certificate (DER) holds after its three numbers."""
    context = rdata.Context(lambda name: name, lambda _: certificate)
    return _record(f"3 {selector} {matching} @cert:it", context)[3:]


def _usable(record: bytes) -> bool:
    if len(record) < 3:
        return False
    usage, selector, matching = record[:3]
    if usage not in (_DANE_TA, _DANE_EE) or selector not in (0, 1) or matching not in _DIGEST_SIZES:
        return False
    size = _DIGEST_SIZES[matching]
    return len(record) - 3 == size if size is not None else len(record) > 3


def _surely_unusable(record: bytes) -> bool:
    """Unusable for any library; some take an unknown selector or a digest of another size for usable."""
    return len(record) > 3 and (record[0] not in (_DANE_TA, _DANE_EE) or record[2] not in _DIGEST_SIZES)


def _spaced(name: str) -> str:
    """``hostlist name`` without what else may stand before or between: ``hide hostlist_cache  name``."""
    kind, _, rest = name.removeprefix("hide ").strip().partition(" ")
    return f"{kind.removesuffix('_cache')} {rest.strip()}"


def _items(text: str) -> Iterator[str]:
    return (item.strip() for item in text.split(":") if item.strip())
