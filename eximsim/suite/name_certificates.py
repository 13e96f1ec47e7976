"""Situations without octets of particular certificates: TLSA records that name them instead.

A recording's zones hold digests of the certificates that its servers used. To run a situation with others
(a recording keeps no private keys), each record that matches one is written ``3 1 1 @cert:NAME``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from eximsim.suite.recording import Situation
from eximsim.world import rdata
from eximsim.world.certificates import ChainSet


def symbolic(situation: Situation, chains: ChainSet) -> Situation:
    """The situation with every TLSA record that matches a certificate of ``chains`` naming it."""
    known = _digests(chains)
    zone = tuple(_named(rrset, known) if rrset.get("type") == "TLSA" else rrset for rrset in situation.zone)
    return replace(situation, zone=zone)


def _digests(chains: ChainSet) -> dict[str, str]:
    """Every TLSA record for the chains, without its usage: hexadecimal, and the form that names it."""
    context = rdata.Context(lambda name: name, chains.certificate)
    found: dict[str, str] = {}
    for name in (*chains.chains, "root", "int"):
        for selector in "01":
            for matching in "012":
                fields = ["3", selector, matching, f"@cert:{name}"]
                octets = rdata.from_fields("TLSA", fields, context)
                assert isinstance(octets, bytes)
                found.setdefault(octets[1:].hex(), f"{selector} {matching} @cert:{name}")
    return found


def _named(rrset: Mapping[str, object], known: Mapping[str, str]) -> Mapping[str, object]:
    data = rrset.get("data")
    if not isinstance(data, list):
        return rrset
    return {**rrset, "data": [_one(value, known) for value in data]}


def _one(value: object, known: Mapping[str, str]) -> object:
    text = value.lower() if isinstance(value, str) else ""
    return f"{int(text[:2], 16)} {known[text[2:]]}" if text[2:] in known else value
