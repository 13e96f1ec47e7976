"""A scenario of the search, and the one printed line that holds all of it.

The line is ``eximsim1:`` and then base64 (for URLs) of compressed JSON: situation, kind, release, the
switches set otherwise, the seed, the mistake put in, and the law that it broke. Nothing of Hypothesis or of
Python is in it, so that it means the same everywhere and for ever. What is as usual is left out.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import field, replace
from enum import Enum
from types import MappingProxyType
from typing import Any

from eximsim.errors import InputError
from eximsim.formats import parse_json
from eximsim.fuzz.mutants import MUTANTS
from eximsim.fuzz.patches import Program
from eximsim.profiles import NEWEST, Profile, differences, profile
from eximsim.quick_dataclass import dataclass
from eximsim.shapes import Map, check
from eximsim.suite.recording import Situation, situation_of

TAG = "eximsim1:"
"""What a line begins with. Another form gets another number, and this one stays readable."""

_MOST = 1 << 20
"""Octets of JSON that a line may hold."""

_EMPTY: Mapping[str, object] = MappingProxyType(
    {"id": "", "group": "", "params": {}, "main": {}, "router": {}, "transport": {}, "queuerun": None}
)
"""What a line leaves out of a situation."""

_COMMON = (
    b'"queuerun":"-qf","queue_run_in_order":"true","dns_again_means_nonexist":"*","protocol":"smtps",'
    b'"hosts_avoid_tls":"","hosts_require_tls":"*","tls_tempfail_tryclear":"false","tls_verify_hosts":"*",'
    b'"tls_try_verify_hosts":"*","tls_verify_cert_hostnames":"*","dnssec_require_domains":"*",'
    b'"dnssec_request_domains":"*","hosts_require_dane":"*","hosts_try_dane":"*","router":{"transport":{'
    b'"extensions":["PIPELINING"],"base":"chain":"wrongname""selfsigned""expired","then":"close",'
    b'"starttls":"454 not now","banner":"554 no service","servers":{"10.9.1.1":"ok","10.9.2.1":"ok"},'
    b'"drop":true,"rcode":"NXDOMAIN","rcode":"SERVFAIL","type":"CNAME","type":"AAAA"},'
    b'{"ad":false,"data":["10.9.1.1"],"name":"h1-a.test.ex","rcode":"NOERROR","type":"A"},'
    b'{"ad":true,"data":["3 1 1 @cert:good"],"name":"_1225._tcp.h1-a.test.ex","rcode":"NOERROR",'
    b'"type":"TLSA"},'
    b'{"ad":true,"data":[[10,"h1-a.test.ex"],[20,"h2-a.test.ex"]],"name":"one.test.ex","rcode":"NOERROR",'
    b'"type":"MX"}],"recipients":["a@one.test.ex"],"seed":0,"situation":{"kind":"callout",'
    b'"kind":"delivery",'
)
"""What lines have in common, for a shorter compression. It belongs to ``eximsim1``: never change it."""


_SHAPE = {
    "situation": Map(object), "kind": str, "profile": str, "switches?": Map((str, int, bool, None, [str])),
    "seed?": int, "mutant?": str, "laws?": [str],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scenario:
    """A situation as a ``"delivery"`` or a ``"callout"``, and the program that is in it.

    ``mutant`` is the id of a mistake that is put in, empty for none: then ``profile`` is its program's.
    ``seed`` decides what Exim leaves to chance; ``laws`` are the ids of those that were found broken.
    """

    situation: Situation
    kind: str
    profile: Profile = field(default_factory=lambda: profile(NEWEST))
    seed: int = 0
    mutant: str = ""
    laws: tuple[str, ...] = ()

    @property
    def program(self) -> Program:
        """The release, with the mistake if there is one."""
        return MUTANTS[self.mutant].program if self.mutant else Program(self.profile)

    def line(self) -> str:
        """The printed line; ``scenario_of`` reads it."""
        content = {
            "situation": situation_json(self.situation),
            "kind": self.kind,
            "profile": self.profile.name,
            "switches": _switches(self.profile),
            "seed": self.seed,
            "mutant": self.mutant,
            "laws": list(self.laws),
        }
        kept = {name: value for name, value in content.items() if value not in (0, "", [], {})}
        text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        packer = zlib.compressobj(9, zdict=_COMMON)
        packed = packer.compress(text.encode("ascii")) + packer.flush()
        return TAG + base64.urlsafe_b64encode(packed).decode("ascii").rstrip("=")


def scenario_of(line: str) -> Scenario:
    """The scenario that a line holds; raises ``InputError`` for a line that is none."""
    content = _unpacked(line)
    check(content, _SHAPE)
    try:
        situation = situation_of({"id": "", **content["situation"], "kinds": [content["kind"]]})
        found = Scenario(
            situation,
            content["kind"],
            _with_switches(profile(content["profile"]), content.get("switches", {})),
            content.get("seed", 0),
            content.get("mutant", ""),
            tuple(content.get("laws", ())),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise InputError(f"this line holds no scenario: {problem}") from None
    if found.kind not in ("delivery", "callout") or not isinstance(found.seed, int):
        raise InputError("this line holds no scenario: expected a delivery or a callout, and a seed")
    if found.mutant and found.mutant not in MUTANTS:
        raise InputError(f"this line needs the mistake {found.mutant!r}, which is not known here")
    return found


def _unpacked(line: str) -> dict[str, Any]:
    text = "".join(line.split())
    if not text.startswith(TAG):
        raise InputError(f"expected a line that begins with {TAG}, found {text[:20]!r}")
    body = text.removeprefix(TAG)
    unpacker = zlib.decompressobj(zdict=_COMMON)
    try:
        packed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        octets = unpacker.decompress(packed, _MOST)
        content = parse_json(octets.decode(), None, "a scenario") if unpacker.eof else None
    except (ValueError, binascii.Error, zlib.error, InputError):
        raise InputError("the line is damaged: a part is missing, or was changed") from None
    if not isinstance(content, dict):
        raise InputError("the line is damaged: a part is missing, or was changed")
    return content


def situation_json(situation: Situation) -> dict[str, object]:
    """A situation as an object of a scenario file, without what is as usual."""
    return {
        name: value
        for name, value in situation.as_json().items()
        if name != "kinds" and not (name in _EMPTY and _EMPTY[name] == value)
    }


def _switches(changed: Profile) -> dict[str, object]:
    """The switches in which a profile is not the release that it is called after."""
    found = differences(profile(changed.name), changed)
    return {name: new.name if isinstance(new, Enum) else new for name, (_, new) in found.items()}


def _with_switches(base: Profile, switches: Mapping[str, object]) -> Profile:
    values: dict[str, object] = {}
    for name, value in switches.items():
        old = getattr(base, name)
        values[name] = type(old)[str(value)] if isinstance(old, Enum) else value
        if None not in (old, value) and not isinstance(old, Enum) and type(value) is not type(old):
            raise TypeError(f"switch {name} cannot be {value!r}")
    return replace(base, **values)  # type: ignore[arg-type]  # by name
