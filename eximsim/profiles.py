"""Exim releases as sets of named switches.

A profile is a frozen record. Code asks a switch by its name; nothing compares version numbers. Each
release is written as what it changed against the one before.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType

from eximsim.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One Exim release, or a named development point."""

    name: str
    tls_library: str = "openssl"
    """The TLS library that the program is built with: ``"openssl"`` or ``"gnutls"``."""


_P485 = Profile(name="4.85")

PROFILES: MappingProxyType[str, Profile] = MappingProxyType({p.name: p for p in (_P485,)})
