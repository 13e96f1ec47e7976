"""What an Exim program says about itself, and the profile that it has to be compared with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from eximsim.errors import InputError
from eximsim.profiles import PROFILES, Profile, profile
from eximsim.subjects.namespace import Namespace

CONFIGURATION = "/exim.conf"
"""Where a program's configuration is, inside."""

_SECONDS = 20.0
_ATTEMPTS = 16
_UNKNOWN_NAME = re.compile(r'failed to find [ug]id for (?:user|group)(?: name)? "([^"]+)"')
_LIBRARY = re.compile(r"error while loading shared libraries: ([^:\s]+):")
_VERSION = re.compile(r"^Exim version (\S+)", re.MULTILINE)
_SUPPORT = re.compile(r"^Support for:(.*)$", re.MULTILINE)
_OPENSSL = re.compile(r"OpenSSL: Compile: (?:OpenSSL )?(\d+)\.(\d+)")
_DEBIAN_USER = "Debian-exim"
_PACKAGED: Mapping[tuple[str, str], str] = {("4.96", _DEBIAN_USER): "4.96-debian12"}
"""Packages that differ from their release, by version and the user that they run as."""


@dataclass(frozen=True, slots=True)
class Program:
    """An Exim program: where it is, what it is, and the user that it was built to run as.

    ``tls`` is ``"openssl"`` or ``"gnutls"``, ``library`` that with its version. ``profile`` is the model's
    counterpart. ``uid`` is that user's number inside the namespace.
    """

    path: Path
    version: str
    tls: str
    library: str
    profile: Profile
    user: str
    uid: int


def accounts(users: Mapping[str, int], *, privileged: bool) -> dict[str, bytes]:
    """``/etc/passwd`` and ``/etc/group`` inside: root and some users with a group of the same name each.

    Where there is only one user, all names are his.
    """
    everybody = {"root": 0 if privileged else next(iter(users.values()), 0), **users}
    passwd = "".join(f"{name}:x:{uid}:{uid}:{name}:/:/bin/sh\n" for name, uid in everybody.items())
    group = "".join(f"{name}:x:{uid}:\n" for name, uid in everybody.items())
    return {"/etc/passwd": passwd.encode(), "/etc/group": group.encode()}


def examine(namespace: Namespace, path: Path, uid: int) -> Program:
    """Ask a program about itself; raises ``InputError`` for one that cannot be compared.

    The user that it was built for gets the number ``uid``, and is known inside afterwards.
    """
    users: dict[str, int] = {}
    libraries: list[str] = []
    namespace.write({CONFIGURATION: b"keep_environment =\n"})
    text = ""
    for _ in range(_ATTEMPTS):
        preload = {"/etc/ld.so.preload": "".join(f"{name}\n" for name in libraries).encode()}
        namespace.write(accounts(users, privileged=namespace.privileged) | preload)
        try:
            ran = namespace.run([str(path), "-C", CONFIGURATION, "-d", "-bV"], seconds=_SECONDS)
        except OSError as error:
            raise InputError(f"{error.strerror}; expected an Exim program", str(path)) from None
        text = (ran.stdout + ran.stderr).decode("utf-8", "replace")
        if lacking := _LIBRARY.search(text):
            libraries.append(_library_beside(path, lacking[1]))
        elif unknown := _UNKNOWN_NAME.search(text):
            users[unknown[1]] = uid
        else:
            break
    return _program(path, text, next(iter(users), "exim"), uid)


def _program(path: Path, text: str, user: str, uid: int) -> Program:
    version, support = _VERSION.search(text), _SUPPORT.search(text)
    if version is None or support is None:
        said = " ".join(text.split())[:120] or "nothing"
        raise InputError(f"-bV gives no version but {said!r}; expected an Exim program", str(path))
    has = support[1].split()
    if "DANE" not in has and "Experimental_DANE" not in has:
        raise InputError(f"Exim {version[1]} without support for DANE; expected a program with it", str(path))
    if "DNSSEC" not in has:
        raise InputError(f"Exim {version[1]} without support for DNSSEC; expected one with it", str(path))
    tls = "gnutls" if "GnuTLS" in has else "openssl"
    return Program(path, version[1], tls, _profile(path, version[1], user, _library(tls, text)), user, uid)


def _library_beside(path: Path, name: str) -> str:
    """A shared library that was unpacked into the same folder as ``usr/sbin/exim4``; raises ``InputError``."""
    places = (place for folder in ("usr/lib", "lib") for place in sorted(path.parents[2].glob(f"{folder}/**/{name}")))
    found = next(places, None)
    if found is None:
        raise InputError(f"the library {name} is not installed; expected it, or {path.parents[2]}/usr/lib/*/{name}", str(path))
    return str(found)


def _library(tls: str, text: str) -> str:
    found = _OPENSSL.search(text)
    if tls == "gnutls":
        return tls
    return "openssl-1.0.2" if found and (int(found[1]), int(found[2])) < (1, 1) else "openssl-3"


def _profile(path: Path, version: str, user: str, library: str) -> Profile:
    """The profile of a version; patch levels and development suffixes do not count unless it is named so."""
    release = ".".join(re.split(r"[.\-_+]", version)[:2])
    names = (_PACKAGED.get((release, user)), version, release, *(name for name in PROFILES if name.startswith(f"{release}.")))
    known = next((name for name in names if name in PROFILES), None)
    if known is None:
        raise InputError(f"Exim {version}: expected a release from {next(iter(PROFILES))} on", str(path))
    return replace(profile(known), tls_library=library, exim_user=user)
