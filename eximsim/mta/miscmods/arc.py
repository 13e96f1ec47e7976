"""Verifying the ARC chain of an incoming message: ``verify = arc`` (src/miscmods/arc.c)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from eximsim.mta.base.base64 import b64decode
from eximsim.mta.base.numbers import read_long
from eximsim.mta.base.string import from_octets, list_items, octets
from eximsim.mta.miscmods import dkim
from eximsim.mta.miscmods.arc_lines import (
    AAR,
    AMS,
    AS,
    ArcLine,
    ArcSet,
    BadLine,
    Chain,
    ordered,
    try_header,
)
from eximsim.mta.miscmods.pdkim.canon import HASHES, body_hash, read_content, relax_header
from eximsim.mta.miscmods.pdkim.keys import KeyFault, verify_init
from eximsim.mta.miscmods.pdkim.tags import CANONS, parse_key_record
from eximsim.mta.process import upward
from eximsim.mta.records.arc import ArcResults
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_GOOD = "none:pass"


class _Fails(Exception):
    """The chain fails; ``args[0]`` says why, None: for the reason that is known already."""


def smtp_reset(process: Process) -> None:
    """Forget the message (``arc_smtp_reset()``); what the chain before it showed in variables stays."""
    process.arc = ArcResults()
    for name in ("arc_state", "arc_state_reason"):
        process.variables.pop(name, None)


def acl_verify_arc(process: Process, wanted: str | None) -> Rc:
    """``verify = arc/STATES``: OK if the chain's state is one of those wanted. Source: acl_verify_arc()."""
    check = _Check(process)
    state = check.state()
    process.arc.state = process.variables["arc_state"] = state
    if process.arc.reason is None:
        process.variables.pop("arc_state_reason", None)
    else:
        process.variables["arc_state_reason"] = process.arc.reason
    process.variables["arc_domains"] = _domains(check.chain)
    return Rc.OK if state in list_items(wanted or _GOOD) else Rc.FAIL


def is_pass(process: Process) -> bool:
    """Whether the arrival line says so."""
    return process.arc.state == "pass"


class _Check:
    """One verification of the chain that the header lines hold."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.chain: Chain = {}
        self.headers = [octets(header.text) for header in process.header_list]
        self.content = read_content(process.dkim.message)

    def state(self) -> str:
        try:
            self._collect()
            if not self.chain:
                return "none"
            self._check_headers()
            for one in reversed(ordered(self.chain)):
                self._verify_seal(one)
        except _Fails as failure:
            if failure.args[0] is not None:
                self.process.arc.reason = failure.args[0]
            return "fail"
        return "pass"

    def _collect(self) -> None:
        for text in self.headers:
            try:
                try_header(self.chain, text, signing=False)
            except BadLine as problem:
                raise _Fails(f"collecting headers: {problem.args[0]}") from None

    def _check_headers(self) -> None:
        """The sets are whole and without gaps; the latest signature is good (``arc_headers_check()``)."""
        sets = ordered(self.chain)
        expected, all_good = sets[-1].instance, True
        for one in reversed(sets):
            if one.instance != expected:
                raise _Fails(f"i={one.instance} (sequence; expected {expected})")
            if len(one.lines) < len((AAR, AMS, AS)):
                raise _Fails(f"i={one.instance} (missing header)")
            if _says(one.lines[AS], b"fail"):
                raise _Fails(f"i={one.instance} (cv)")
            if all_good:
                one.verified = self._verify_signature(one.lines[AMS])
                all_good = not one.verified
                if all_good:
                    self.process.variables["arc_oldest_pass"] = str(expected)
            self.process.arc.reason = None
            expected -= 1
        if expected:
            raise _Fails(f"(sequence; expected i={expected})")
        results = self.process.arc
        results.instance = sets[-1].instance
        results.selector = from_octets(sets[-1].lines[AMS].tags.get("s", b""))
        if sets[-1].verified:
            raise _Fails(sets[-1].verified)

    def _verify_signature(self, line: ArcLine) -> str:
        """What is wrong with a message signature, empty if nothing is (``arc_ams_verify()``)."""
        tags = line.tags
        if not all(name in tags for name in ("a", "b", "bh", "d", "h", "s")):
            return "required tag missing"
        canon = CANONS.get(from_octets(tags.get("c", b"simple")))
        hashtype = _hash_of(line)
        if canon is None or hashtype is None:
            return "internal hash setup error"
        limit = read_long(from_octets(tags["l"])) if "l" in tags else -1
        digest, _ = body_hash(self.content, canon[1], hashtype, limit, ended=True)
        if b64decode(tags["bh"]) != digest:
            return "AMS body hash miscompare"
        data = b"".join(self._signed_headers(line))
        own = relax_header(line.unsigned, end=False) if line.is_relaxed else line.unsigned
        return self._verify(line, data + own, hashtype, "AMS", "AMS sig nonverify")

    def _signed_headers(self, line: ArcLine) -> list[bytes]:
        """The header lines that a signature names, each once, the last first (``arc_get_verify_hhash()``)."""
        left = self.headers[::-1]
        found = []
        for item in list_items(from_octets(line.tags["h"]), ":"):
            name = octets(item).lower()
            text = next((text for text in left if text[: len(name)].lower() == name), None)
            if text is not None:
                left.remove(text)
                found.append(relax_header(text, end=True) if line.is_relaxed else text)
        return found

    def _verify_seal(self, one: ArcSet) -> None:
        """A seal covers all sets up to its own (``arc_seal_verify()``)."""
        seal = one.lines[AS]
        if _says(seal, b"none") != (one.instance == 1):
            raise _Fails("seal cv state")
        hashtype = _hash_of(seal)
        if hashtype is None:
            raise _Fails("seal hash setup error")
        data = b""
        for other in ordered(self.chain):
            if other.instance <= one.instance:
                last = other is one
                data += relax_header(other.lines[AAR].text, end=True)
                data += relax_header(other.lines[AMS].text, end=True)
                data += relax_header(other.lines[AS].unsigned if last else other.lines[AS].text, end=not last)
        why = self._verify(seal, data, hashtype, "AS", "seal sigverify error")
        if why:
            raise _Fails(why if why == "seal sigverify error" else None)

    def _verify(self, line: ArcLine, data: bytes, hashtype: str, what: str, mismatch: str) -> str:
        """What is wrong with a signature, ``mismatch`` if it is not the key's (``arc_sig_verify()``)."""
        name = f"{from_octets(line.tags.get('s', b''))}._domainkey.{from_octets(line.tags.get('d', b''))}"
        text = dkim.find_key_record(self.process, name)
        record = None if text is None else parse_key_record(text)
        if record is None:
            return f"pubkey dns lookup fail ({what})"
        if record.srvtype not in ("*", "email"):
            return f"pubkey format error: srvtype '{record.srvtype}' ({what})"
        if record.hashes is not None and hashtype not in list_items(record.hashes, ":"):
            return f"no usable sig for this pubkey hash list ({what})"
        digest = hashlib.new(hashtype, data, usedforsecurity=False).digest()
        try:
            key = verify_init(record.key, "rsa", self.process.profile)
        except KeyFault as fault:
            return str(fault.args[0])
        try:
            key.verify(digest, b64decode(line.tags.get("b", b"")) or b"", hashtype)
        except KeyFault:
            return mismatch
        return ""


def _says(seal: ArcLine, word: bytes) -> bool:
    """Whether the seal's ``cv=`` is ``word`` or begins it, as without one (``arc_cv_match()``)."""
    return word.startswith(seal.tags.get("cv", b""))


def _hash_of(line: ArcLine) -> str | None:
    name = from_octets(line.algorithm[1])
    return next((known for known in HASHES if known.startswith(name)), None) if name else None


def _domains(chain: Chain) -> str:
    """The domains of the seals, in the order of their instances (``fn_arc_domains()``)."""
    text, expected = "", 1
    for one in ordered(chain):
        seal = one.lines.get(AS)
        domain = "" if seal is None else from_octets(seal.tags.get("d", b""))
        text += ":" * (one.instance - expected if seal else 0)
        text += (":" if text else "") + domain.replace(":", "::") if domain else ":"
        expected = (one.instance if seal else expected) + 1
    return text


@upward.misc_mod_authres.answer
def misc_mod_authres(process: Process) -> str:
    """What an Authentication-Results: line says of the signatures (``authres_dkim()``, ``authres_arc()``)."""
    return dkim.authres(process) + _authres(process)


def _authres(process: Process) -> str:
    results = process.arc
    if results.state is None:
        return ""
    text = f";\n\tarc={results.state}"
    if not results.instance:
        return text + (f" ({results.reason})" if results.reason else "")
    oldest = process.variables.get("arc_oldest_pass", "0")
    text += f" (i={results.instance})" + (f"({results.reason})" if results.reason else "")
    text += f" header.s={results.selector} arc.oldest-pass={oldest}"
    client = process.variables.get("sender_host_address")
    return text + (f" smtp.remote-ip={client}" if client else "")
