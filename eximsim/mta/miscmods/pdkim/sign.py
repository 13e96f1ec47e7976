"""Making signatures: which header lines, which digest (the signing half of ``pdkim_feed_finish()``)."""

from __future__ import annotations

from eximsim.mta.base.string import from_octets, list_items, octets
from eximsim.mta.miscmods.pdkim.canon import RELAXED, Content, body_hash, relax_header
from eximsim.mta.miscmods.pdkim.header import signature_header
from eximsim.mta.miscmods.pdkim.keys import PrivateKey
from eximsim.mta.records.dkim import Signature
from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """One signature that is to be made; ``headers`` is dkim_sign_headers as expanded."""

    domain: str
    selector: str
    key: bytes
    hashtype: str
    canon: str
    headers: str
    identity: str | None
    created: int
    expires: int


def sign(
    content: Content, wanted: Wanted, key: PrivateKey, *, ended: bool = False, pad_first: bool = True
) -> bytes:
    """The header line DKIM-Signature without its end.

    ``ended``: see ``body_hash``; ``pad_first``: see ``FoldedLine``.
    """
    relaxed = wanted.canon == RELAXED
    ticks = [_Tick.of(name) for name in list_items(wanted.headers, ":")]
    named: list[bytes] = []
    data = b""
    for line in reversed(content.headers):
        name = line.partition(b":")[0]
        if b":" in line and _ticked(ticks, from_octets(name)):
            named.append(name)
            data += relax_header(line, end=True) if relaxed else line
    named += [octets(tick.name) for tick in ticks if tick.is_missing]
    sig = Signature(
        key.keytype,
        wanted.hashtype,
        canon_headers=wanted.canon,
        canon_body=wanted.canon,
        created=wanted.created,
        expires=wanted.expires,
        domain=wanted.domain,
        selector=wanted.selector,
        identity=wanted.identity,
        headernames=from_octets(b":".join(named)),
    )
    digest, _ = body_hash(content, wanted.canon, wanted.hashtype, -1, ended=ended)
    own = signature_header(sig, digest, pad_first=pad_first)
    sig.sighash = key.sign(data + (relax_header(own, end=False) if relaxed else own), wanted.hashtype)
    return signature_header(sig, digest, pad_first=pad_first)


@dataclass(slots=True)
class _Tick:
    """One name of the list: ``=NAME`` is every such line, ``+NAME`` is those and one that is not there."""

    name: str
    mark: str = ""
    used: bool = False

    @classmethod
    def of(cls, item: str) -> _Tick:
        return cls(item[1:], item[0]) if item[:1] in ("=", "+") else cls(item)

    @property
    def is_missing(self) -> bool:
        """Whether the name is listed although no line is left for it."""
        return self.mark != "=" and not self.used


def _ticked(ticks: list[_Tick], name: str) -> bool:
    """Whether a line is signed; a plain name is for one line only (``header_name_match()``)."""
    for tick in ticks:
        if not tick.used and tick.name.lower() == name.lower():
            tick.used = not tick.mark
            return True
    return False
