"""What is known of the DKIM signatures of an incoming message (src/miscmods/pdkim/pdkim.h)."""

from __future__ import annotations

from dataclasses import field
from enum import Enum

from eximsim.quick_dataclass import dataclass


class Verdict(Enum):
    """How the verification of a signature ended (PDKIM_VERIFY_...), as ``$dkim_verify_status`` names it."""

    NONE = "none"
    INVALID = "invalid"
    FAIL = "fail"
    PASS = "pass"


class Why(Enum):
    """Why a signature is no good, as ``$dkim_verify_reason`` names it; some reasons have no name."""

    BODY = "bodyhash_mismatch"
    MESSAGE = "signature_incorrect"
    ALGORITHM = "algorithm"
    KEY_UNAVAILABLE = "pubkey_unavailable"
    KEY_RECORD = "pubkey_dns_syntax"
    KEY_IMPORT = "pubkey_der_syntax"
    KEY_SIZE = "pubkey_too_short"
    TAGS = "tags"
    VERSION = "version"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key record of the DNS: its tags as they are written."""

    key: bytes
    hashes: str | None = None
    granularity: str = "*"
    keytype: str = "rsa"
    notes: str = ""
    srvtype: str = "*"
    testing: bool = False
    no_subdomains: bool = False


@dataclass(slots=True)
class Signature:
    """One DKIM-Signature: what its tags say, and what the verification made of it.

    ``sighash`` and ``bodyhash`` are None where the tag is not there or is not base 64. ``bodylength`` is -1
    without a limit.
    """

    keytype: str
    hashtype: str
    canon_headers: str = "simple"
    canon_body: str = "simple"
    version: int = 0
    bodylength: int = -1
    created: int = 0
    expires: int = 0
    domain: str | None = None
    selector: str | None = None
    identity: str | None = None
    headernames: str | None = None
    copiedheaders: str | None = None
    sighash: bytes | None = None
    bodyhash: bytes | None = None
    raw: bytes = b""
    """The whole header line without the value of ``b=`` and without its end."""

    verdict: Verdict = Verdict.NONE
    why: Why | None = None
    is_policy: bool = False
    """An ACL has put a verdict of its own in the place of the verification's."""
    keybits: int = 0
    pubkey: PublicKey | None = None

    @property
    def algorithm(self) -> str:
        """The tag ``a=`` (``dkim_sig_to_a_tag()``)."""
        return f"{self.keytype}-{self.hashtype}"


@dataclass(slots=True)
class DkimResults:
    """What ``src/miscmods/dkim.c`` knows of the message that comes in."""

    disabled: bool = False
    """Nothing is verified: control = dkim_disable_verify, a header line that is none, or an error."""
    message: bytes = b""
    """The message as it came, for those who look at its body again."""
    signatures: list[Signature] = field(default_factory=list)
    overridden: bool = False
    """An ACL has set ``$dkim_verify_status`` or ``$dkim_verify_reason`` for the signature at work."""
    first_pass: str | None = None
    """The domain that the arrival line names."""
