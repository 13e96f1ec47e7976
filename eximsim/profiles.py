"""Exim releases: what the switches come to in each of them (``switches.py``).

A profile is a release, or a named point of its development. Each one continues an earlier one; what it
changes is what the histories of the switches say of it, and what a program was built with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

from eximsim.errors import InputError
from eximsim.history import Step, switches_of
from eximsim.quick_dataclass import dataclass
from eximsim.switch_values import (
    CalloutDaneFailure,
    CalloutSize,
    CommandLog,
    ConnectTrace,
    CrashLog,
    DaneFailureLog,
    DaneSni,
    IpSyntax,
    TlsaMap,
    UnusableTlsa,
)
from eximsim.switches import Profile

__all__ = [
    "ALIASES",
    "BEFORE",
    "NEWEST",
    "PROFILES",
    "TLS_LIBRARIES",
    "CalloutDaneFailure",
    "CalloutSize",
    "CommandLog",
    "ConnectTrace",
    "CrashLog",
    "DaneFailureLog",
    "DaneSni",
    "Profile",
    "TlsaMap",
    "UnusableTlsa",
    "changes_of",
    "differences",
    "profile",
    "recorded_profile",
    "steps_between",
    "with_tls",
]


@dataclass(frozen=True, slots=True)
class _Release:
    """One profile: the one that it continues, and what is no commit's doing; its version is its name."""

    name: str
    before: str
    given: Mapping[str, Any]


def _release(name: str, before: str, **given: Any) -> _Release:
    return _Release(name, before, given)


_RELEASES = (
    _release("4.86-dev-4cea764f3", "4.85", version="4.86"),
    _release("4.86", "4.86-dev-4cea764f3", option_release="4.87"),
    _release("4.87", "4.86"),
    _release("4.88-jh03", "4.87", version="4.87"),
    _release("4.88", "4.88-jh03", tls_library="openssl-3"),
    _release("4.89", "4.88", option_release="4.89"),
    _release("4.89.1", "4.89"),
    _release("4.90-dev-5d6bdf01a", "4.89", version="4.90", option_release="4.90"),
    _release("4.90", "4.90-dev-5d6bdf01a"),
    _release("4.91", "4.90", option_release="4.91"),
    _release("4.92", "4.91", option_release="4.92"),
    _release("4.93", "4.92"),
    _release("4.94.1", "4.93", option_release="4.94.1"),
    _release("4.94.2+fixes", "4.94.1", version="4.94.2"),
    _release("4.95", "4.94.2+fixes"),
    _release("4.96", "4.95", option_release="4.96"),
    _release(
        "4.96-debian12",
        "4.96",
        version="4.96",
        tls_library="gnutls",
        exim_user="Debian-exim",
        headers_charset="UTF-8",
        unknown_charset_undecoded=True,
        build_lacks=(
            *("main.dmarc_forensic_sender", "main.dmarc_history_file", "main.dmarc_tld_file"),
            *("acl.dmarc_status", "control.dmarc_disable_verify", "control.dmarc_enable_forensic"),
            *("smtp.arc_sign", "verified.arc", "driver.iplookup"),
            *("appendfile.mbx_format", "appendfile.use_mbx_lock"),
            *("lookup.ibase", "lookup.json", "lookup.lmdb", "lookup.nisplus"),
            *("lookup.oracle", "lookup.redis", "lookup.whoson"),
        ),
        build_paths=(
            ("exim_path", "/usr/sbin/exim4"),
            ("log_file_path", "/var/log/exim4/%slog"),
            ("pid_file_path", "/run/exim4/exim.pid"),
            ("spool_directory", "/var/spool/exim4"),
        ),
        build_number="2",
        i18n=True,
        local_scan=True,
        tlsa_ignores_again_means_nonexist=True,  # by a patch of the package
        ip_syntax=IpSyntax.COPIED,  # likewise: 4.96.2 has it, 4.97 as LIBRARY
        malformed_header_address="logged where rules apply",  # likewise
        again_means_nonexist_recursion_ends=True,  # likewise
        utf8clean_refuses_surrogates=True,  # likewise
    ),
    _release("4.97", "4.96", option_release="4.97"),
    _release("4.97.1", "4.97"),
    _release("4.98", "4.97", option_release="4.98"),
    _release("4.99", "4.98", option_release="4.99"),
    _release("4.99-dev-13835a3c1", "4.99", version="4.99"),
)


def _made() -> Mapping[str, Profile]:
    """Every profile, each from the one before it."""
    changes: dict[str, dict[str, Any]] = {release.name: {"version": release.name} for release in _RELEASES}
    for name, switch in switches_of(Profile).items():
        for step in switch.steps:
            for release in step.releases:
                changes[release][name] = step.value
    made = {"4.85": Profile(name="4.85")}
    for one in _RELEASES:
        made[one.name] = replace(made[one.before], name=one.name, **{**changes[one.name], **one.given})
    return MappingProxyType(made)


PROFILES: Mapping[str, Profile] = _made()
"""Every profile by name, oldest first."""

BEFORE: Mapping[str, str] = MappingProxyType({release.name: release.before for release in _RELEASES})
"""The profile that each one continues; the oldest has none."""

ALIASES: MappingProxyType[str, str] = MappingProxyType({})
"""Names that stand for a profile of the same behaviour."""

NEWEST = "4.99"
"""The default of every command."""


def profile(name: str) -> Profile:
    """The profile called ``name``; raises ``InputError`` listing the choices if there is none."""
    found = PROFILES.get(ALIASES.get(name, name))
    if found is None:
        raise InputError(f"unknown profile {name!r}; choose from {', '.join((*PROFILES, *ALIASES))}")
    return found


_RECORDED: MappingProxyType[str, str] = MappingProxyType(
    {"4.89": "4.89.1", "4.96-gnutls": "4.96-debian12", "4.98.2": "4.98"}
)
"""The profile of a recorded build whose label is no profile's name."""


TLS_LIBRARIES = ("openssl", "gnutls")
"""What ``with_tls`` can build a release with."""


def with_tls(profile: Profile, library: str) -> Profile:
    """The release as it is when built with ``library``; raises ``InputError`` unless it is one of
    ``TLS_LIBRARIES``."""
    if library not in TLS_LIBRARIES:
        raise InputError(f"unknown TLS library {library!r}; choose from {', '.join(TLS_LIBRARIES)}")
    if profile.tls_library.startswith(library):
        return profile
    return replace(profile, tls_library="gnutls" if library == "gnutls" else "openssl-3")


@lru_cache(maxsize=64)
def recorded_profile(release: str, tls: str) -> Profile:
    """The profile of a recording's release label and TLS library (``"openssl"`` or ``"gnutls"``)."""
    return with_tls(profile(_RECORDED.get(release, release.removesuffix("-gnutls"))), tls)


def differences(old: Profile, new: Profile) -> dict[str, tuple[object, object]]:
    """The switches in which two profiles differ, by name, each with its old and new value."""
    return {
        f.name: (getattr(old, f.name), getattr(new, f.name))
        for f in fields(Profile)
        if f.name not in ("name", "version") and getattr(old, f.name) != getattr(new, f.name)
    }


# ---- history -----------------------------------------------------------------------------------------


def steps_between(switch: str, old: Profile, new: Profile) -> list[tuple[str, Step]]:
    """The changes of a switch after the older of two profiles up to the newer, each with where it came in."""
    names = list(PROFILES)
    known = [names.index(one.name) if one.name in names else 0 for one in (old, new)]
    between = names[min(known) + 1 : max(known) + 1]
    steps = switches_of(Profile)[switch].steps if switch in switches_of(Profile) else ()
    return [
        (next(name for name in between if name in step.releases), step)
        for step in steps
        if any(name in between for name in step.releases)
    ]


def changes_of(commit: str) -> Mapping[str, tuple[Step, object]]:
    """What a commit changed, by switch: the step, and the value before it in its first release."""
    return MappingProxyType(_changes().get(commit, {}))


@cache
def _changes() -> Mapping[str, dict[str, tuple[Step, object]]]:
    found: dict[str, dict[str, tuple[Step, object]]] = {}
    for name, switch in switches_of(Profile).items():
        for number, step in enumerate(switch.steps):
            first = step.releases[0]
            earlier = [one.value for one in switch.steps[:number] if one.releases[0] == first]
            before = earlier[-1] if earlier else getattr(PROFILES[BEFORE[first]], name)
            found.setdefault(step.commit, {})[name] = step, before
    return found
