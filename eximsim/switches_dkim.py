"""The switches of signatures over messages: DKIM, ARC, and what results of them are shown."""

from __future__ import annotations

from dataclasses import dataclass

from eximsim.history import since, switch


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureSwitches:
    """The part of a profile that is about signatures."""

    dkim_ed25519: bool = switch(False, "pdkim.c", since("4.91", "286b9d5fa"))
    """DKIM knows Ed25519 keys (RFC 8463); with OpenSSL since a later commit of the same release."""

    send_failure_worded_generally: bool = switch(False, "smtp_deliver()", since("4.96", "ce15be781"))
    """A message that could not be signed or sent is a failed ``smtp send``, before it was ``send()``."""
