"""Verifying signatures (the other half of ``pdkim_feed_finish()``)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from eximsim.mta.base.string import from_octets, list_items, octets
from eximsim.mta.miscmods.pdkim.canon import (
    EXCESS_SIGS,
    HASHES,
    RELAXED,
    Content,
    body_hash,
    relax_header,
)
from eximsim.mta.miscmods.pdkim.keys import KeyFault, VerifyingKey, verify_init
from eximsim.mta.miscmods.pdkim.tags import parse_key_record, parse_signature
from eximsim.mta.records.dkim import PublicKey, Signature, Verdict, Why

if TYPE_CHECKING:
    from eximsim.profiles import Profile

_MOST_SIGNATURES = 20
_NAME = b"dkim-signature:"


def find_signatures(content: Content, profile: Profile) -> tuple[list[Signature], str | None]:
    """The signatures of a message, and what is wrong if there are too many of them."""
    lines = [line for line in content.headers if line[: len(_NAME)].lower() == _NAME]
    if len(lines) >= _MOST_SIGNATURES and profile.dkim_signatures_limited:
        return [], EXCESS_SIGS
    found = [parse_signature(line, profile) for line in lines]
    return [sig for sig in found if sig is not None], None


def sort_signatures(signatures: list[Signature], hashes: str, keytypes: str) -> list[Signature]:
    """Those whose hash and key are wanted, in that order (``sort_sig_methods()``)."""
    by_hash = [
        sig
        for item in list_items(hashes)
        for sig in signatures
        if sig.hashtype == next((name for name in HASHES if name.startswith(item)), None)
    ]
    by_key = [sig for item in list_items(keytypes) for sig in _once(by_hash) if sig.keytype == item]
    return _once(by_key)


def _once(signatures: list[Signature]) -> list[Signature]:
    """Each signature where it comes first, though two may say the same."""
    return list({id(sig): sig for sig in signatures}.values())


class Verifier:
    """Verifies the signatures of one message; ``key_text`` asks the DNS for a key record.

    ``error`` is what the library said of the last key or signature that was no good, if anything.
    """

    def __init__(
        self, content: Content, profile: Profile, key_text: Callable[[str], str | None], sizes: dict[str, int]
    ) -> None:
        self.content, self.profile, self.key_text, self.sizes = content, profile, key_text, sizes
        self.error: str | None = None

    def check_body(self, sig: Signature) -> None:
        """Compare the hash of the body."""
        digest, _ = body_hash(self.content, sig.canon_body, sig.hashtype, sig.bodylength, ended=True)
        if sig.bodyhash != digest:
            sig.verdict, sig.why = Verdict.FAIL, Why.BODY

    def verify(self, sig: Signature) -> bool:
        """Verify a signature whose body is right; false if its key could not be had."""
        needed = (sig.domain, sig.selector, sig.headernames, sig.bodyhash, sig.version)
        if not all(needed) or sig.sighash is None:
            sig.verdict, sig.why = Verdict.INVALID, Why.TAGS
            return True
        if sig.version != 1:
            sig.verdict, sig.why = Verdict.INVALID, Why.VERSION
            return True
        key = self._key(sig)
        if key is None or sig.pubkey is None:
            return False
        if self.profile.dkim_key_hashes_heeded and not _allows(sig.pubkey, sig.hashtype):
            sig.verdict, sig.why = Verdict.FAIL, Why.ALGORITHM
            return True
        self._check(sig, key)
        return True

    def _check(self, sig: Signature, key: VerifyingKey) -> None:
        assert sig.sighash is not None
        self.error = None
        try:
            key.verify(self._digest(sig), sig.sighash, sig.hashtype)
        except KeyFault as fault:
            self.error = fault.args[0]
            sig.verdict, sig.why = Verdict.FAIL, Why.MESSAGE
            return
        if self.sizes.get(sig.keytype, 0) > sig.keybits:
            sig.verdict, sig.why = Verdict.FAIL, Why.KEY_SIZE
        if sig.verdict is Verdict.NONE:
            sig.verdict = Verdict.PASS

    def _digest(self, sig: Signature) -> bytes:
        relaxed = sig.canon_headers == RELAXED
        left: dict[bytes, list[bytes]] = {}
        for line in self.content.headers:
            name, colon, _ = line.partition(b":")
            if colon:
                left.setdefault(name.lower(), []).append(line)
        digest = hashlib.new(sig.hashtype, usedforsecurity=False)
        for name in octets(sig.headernames or "").split(b":"):
            if lines := left.get(name.lower()):
                line = lines.pop()
                digest.update(relax_header(line, end=True) if relaxed else line)
        digest.update(relax_header(sig.raw, end=False) if relaxed else sig.raw)
        return digest.digest()

    def _key(self, sig: Signature) -> VerifyingKey | None:
        """The key from the DNS (``pdkim_key_from_dns()``)."""
        before, sig.verdict = (sig.verdict, sig.why), Verdict.INVALID
        text = self.key_text(f"{sig.selector}._domainkey.{sig.domain}.")
        if not text:
            sig.why = Why.KEY_UNAVAILABLE
            return None
        record = parse_key_record(text)
        if record is None or record.srvtype not in ("*", "email"):
            sig.why = Why.KEY_RECORD
            return None
        try:
            key = verify_init(record.key, sig.keytype, self.profile)
        except KeyFault as fault:
            self.error, sig.why = fault.args[0], Why.KEY_IMPORT
            return None
        (sig.verdict, sig.why), sig.pubkey, sig.keybits = before, record, key.bits
        return key


def _allows(key: PublicKey, hashtype: str) -> bool:
    return key.hashes is None or hashtype in list_items(key.hashes, ":")


def key_text(strings: list[list[bytes]]) -> str | None:
    """The key record among the TXT records of a name: the first that does not say it is another thing.

    Source: dkim_exim_query_dns_txt().
    """
    for parts in strings:
        text = b"".join(parts)
        if not text.startswith(b"v=") or text[:6].lower() == b"v=dkim":
            return from_octets(text)
    return None
