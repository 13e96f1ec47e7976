"""What the name server answers: RRsets in the list form of ``world.rrsets``, chosen at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eximsim.explore.vocabulary import ZEROES
from eximsim.fuzz.weighted_draw import Chooser, Weighted
from eximsim.suite.stand_configuration import SERVER_PORT

RRset = Mapping[str, Any]


def rrset(name: str, type: str, data: Sequence[object] = (), *, ad: bool = True, **more: object) -> RRset:
    """One RRset; ``more`` are ``rcode``, ``drop`` and ``tc``."""
    return {"name": name, "type": type, "rcode": "NOERROR", "ad": ad, "data": list(data), **more}


_NEGATIVE: Weighted[Mapping[str, Any]] = Weighted(
    (3, {}),
    (3, {"ad": False}),
    (3, {"rcode": "NXDOMAIN"}),
    (3, {"rcode": "NXDOMAIN", "ad": False}),
    (4, {"rcode": "SERVFAIL", "ad": False}),
    (2, {"rcode": "REFUSED", "ad": False}),
    (1, {"rcode": "FORMERR", "ad": False}),
    (1, {"rcode": "NOTIMP", "ad": False}),
)
"""How an answer has no data: none of the type, no such name, or a failure."""

_LOST: Weighted[Mapping[str, Any]] = Weighted((3, {"tc": True}), (1, {"drop": True}))
"""No answer, or one that does not fit into a datagram."""


def negative(choose: Chooser, name: str, type: str) -> RRset:
    """An answer without data."""
    return rrset(name, type, **choose.of(_NEGATIVE))


def answer(choose: Chooser, name: str, type: str, data: Sequence[object], faulty: int) -> RRset:
    """The answer for a name that should have ``data``: not so in ``faulty`` cases of a hundred."""
    ad = not choose.rarely(25)
    if not choose.rarely(faulty):
        return rrset(name, type, data, ad=ad)
    if choose.rarely(8):
        return rrset(name, type, data, ad=ad, **choose.of(_LOST))
    return negative(choose, name, type)


_NO_AAAA = Weighted((80, "as the address"), (10, "insecure"), (5, "unmentioned"), (5, "failing"))


def addresses(choose: Chooser, name: str, data: Sequence[str]) -> list[RRset]:
    """The A RRset of a host, and what there is of AAAA, of which no host has any."""
    found = answer(choose, name, "A", data, faulty=8)
    match choose.of(_NO_AAAA):
        case "as the address":
            return [found, rrset(name, "AAAA", ad=found["ad"])]
        case "insecure":
            return [found, rrset(name, "AAAA", ad=False)]
        case "failing":
            return [found, negative(choose, name, "AAAA")]
    return [found]


# ---- TLSA ----------------------------------------------------------------------------------------------

_UNUSABLE = (
    "010101" + ZEROES,  # usage PKIX-EE
    "000101" + ZEROES,  # usage PKIX-TA
    "040101" + ZEROES,  # no such usage
    "ff0101" + ZEROES,
    "030201" + ZEROES,  # no such selector
    "030103" + ZEROES,  # no such matching type
    "0301ff" + ZEROES,
    "030101" + "00" * 20,  # a digest too short
    "030102" + ZEROES,
    "030101",  # no digest
    "0301",  # not even a matching type
    "0 0 1 @cert:root",
)

_RECORD = Weighted((10, "end entity"), (4, "authority"), (4, "bad"), (3, "unusable"), (1, "another's"))
_END_ENTITY = Weighted((6, "3 1 1"), (2, "3 0 1"), (2, "3 1 2"), (1, "3 0 2"), (1, "3 1 0"), (1, "3 0 0"))
_AUTHORITY = Weighted((2, "2 0 1"), (2, "2 1 1"), (1, "2 0 2"), (1, "2 1 2"), (1, "2 1 0"), (1, "2 0 0"))
_AUTHORITY_NAME = Weighted((3, "root"), (2, "int"), (1, "leaf"))
_BAD = Weighted((3, "030101"), (2, "030001"), (2, "020101"), (1, "020001"))


def record(choose: Chooser, chain: str) -> str:
    """One TLSA record for a server with the certificate chain ``chain``."""
    match choose.of(_RECORD):
        case "end entity":
            return f"{choose.of(_END_ENTITY)} @cert:{chain}"
        case "authority":
            name = choose.of(_AUTHORITY_NAME)
            return f"{choose.of(_AUTHORITY)} @cert:{chain if name == 'leaf' else name}"
        case "bad":
            return choose.of(_BAD) + ZEROES
        case "unusable":
            return choose.one((*_UNUSABLE, f"1 1 1 @cert:{chain}", f"3 1 3 @cert:{chain}"))
    return f"3 1 1 @cert:{choose.one(('good', 'wrongname', 'selfsigned', 'expired'))}"


_TLSA = Weighted((50, "secure"), (20, "insecure"), (28, "none"), (2, "lost"))
_MOST_RECORDS = Weighted((60, 1), (30, 3), (10, 8))


def tlsa(choose: Chooser, host: str, chain: str) -> list[RRset]:
    """All that answers the TLSA question for a host: RRsets at one name, or at two with a CNAME between."""
    owner = f"_{SERVER_PORT}._tcp.{host}"
    if not choose.rarely(8):
        return [choose.part(_records, owner, chain)]
    target = f"tlsa-{host}"
    return [
        rrset(owner, "CNAME", [target], ad=not choose.rarely(35)),
        choose.part(_records, target, chain),
    ]


def _records(choose: Chooser, owner: str, chain: str) -> RRset:
    how = choose.of(_TLSA)
    if how == "none":
        return negative(choose, owner, "TLSA")
    drawn = choose.parts(1, choose.of(_MOST_RECORDS), record, chain)
    more = choose.of(_LOST) if how == "lost" else {}
    return rrset(owner, "TLSA", list(dict.fromkeys(drawn)), ad=how != "insecure", **more)
