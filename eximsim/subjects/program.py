"""What an Exim program says about itself, and the profile that it has to be compared with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from eximsim.errors import InputError
from eximsim.profiles import PROFILES, Profile, profile
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.namespace import Namespace

CONFIGURATION = "/exim.conf"
"""Where a program's configuration is, inside."""

EXIM = "/exim/exim"
"""Where the program is seen inside."""

ETC: Mapping[str, str] = {
    "hosts": "127.0.0.1 localhost\n",
    "resolv.conf": "nameserver 127.0.0.1\noptions trust-ad edns0 timeout:1 attempts:1\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "ld.so.preload": "",
    "passwd": "",
    "group": "",
}
"""What a program sees in ``/etc`` that is not the host's."""

LOST_PRIVILEGE = "exim user lost privilege for using -C option"
"""What a program logs whenever it runs itself as its own user with a configuration that is not its own."""

_LIBRARIES = "/exim/lib"
_SECONDS = 20.0
_ATTEMPTS = 16
_EXIM_ID = 93
_UNNAMED = re.compile(r"no passwd entry for uid=(\d+)")
_UNNAMED_GROUP = re.compile(r"exim_group = (\d+)")
_UNKNOWN_NAME = re.compile(r'failed to find [ug]id for (?:user|group)(?: name)? "([^"]+)"')
_LIBRARY = re.compile(r"error while loading shared libraries: ([^:\s]+):")
_VERSION = re.compile(r"^Exim version (\S+)", re.MULTILINE)
_SUPPORT = re.compile(r"^Support for:(.*)$", re.MULTILINE)
_RUNTIME = re.compile(
    r"^Library version: (OpenSSL|GnuTLS): Compile: .*\n\s*Runtime: (?:OpenSSL )?(\S+)", re.MULTILINE
)
_DEBIAN_USER = "Debian-exim"
_PACKAGED: Mapping[tuple[str, str], str] = {("4.96", _DEBIAN_USER): "4.96-debian12"}
"""Packages that differ from their release, by version and the user that they run as."""


@dataclass(frozen=True, slots=True)
class Program:
    """An Exim program: where it is, what it is, and the user that it was built to run as.

    ``tls`` is ``"openssl"`` or ``"gnutls"``, ``library`` that with its version. ``profile`` is the model's
    counterpart. ``uid`` and ``gid`` are the numbers of that user and of its group inside the namespace.
    """

    path: Path
    version: str
    tls: str
    library: str
    profile: Profile
    user: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Accounts:
    """The users and groups inside, by name with their number; of those with one number the first is its name.

    The program's own user gets the number ``exim``.
    """

    users: tuple[tuple[str, int], ...]
    groups: tuple[tuple[str, int], ...]
    exim: int

    def files(self) -> dict[str, bytes]:
        """``/etc/passwd`` and ``/etc/group``."""
        users = "".join(f"{name}:x:{uid}:{uid}:{name}:/:/bin/sh\n" for name, uid in self.users)
        groups = "".join(f"{name}:x:{gid}:\n" for name, gid in self.groups)
        return {"/etc/passwd": users.encode(), "/etc/group": groups.encode()}

    def with_name(self, name: str) -> Accounts:
        """The same, with one more name for the program's own user and group."""
        more = ((name, self.exim),)
        return Accounts(self.users + more, self.groups + more, self.exim)


def plain_accounts(namespace: Namespace) -> Accounts:
    """Root, and nobody else yet; without privilege there is one number for everybody."""
    root = (("root", namespace.uid),)
    return Accounts(root, root, _EXIM_ID if namespace.privileged else namespace.uid)


def examine(namespace: Namespace, path: Path, accounts: Accounts) -> Program:
    """Ask the program that is seen at ``EXIM`` about itself; raises ``InputError`` if it cannot be compared.

    The user that it was built for is known inside afterwards. ``path`` is where it is outside.
    """
    libraries: dict[str, bytes] = {}
    user, text = "exim", ""
    namespace.write({CONFIGURATION: b"keep_environment =\n"})
    for _ in range(_ATTEMPTS):
        preload = {"/etc/ld.so.preload": "".join(f"{name}\n" for name in libraries).encode()}
        namespace.write(accounts.files() | libraries | preload)
        try:
            ran = namespace.run([EXIM, "-C", CONFIGURATION, "-d", "-bV"], seconds=_SECONDS)
        except OSError as error:
            raise InputError(f"{error.strerror}; expected an Exim program", str(path)) from None
        text = (ran.stdout + ran.stderr).decode("utf-8", "replace")
        if lacking := _LIBRARY.search(text):
            libraries[f"{_LIBRARIES}/{lacking[1]}"] = _library_beside(path, lacking[1])
        elif unknown := _UNKNOWN_NAME.search(text):
            user = unknown[1]
            accounts = accounts.with_name(user)
        else:
            break
    accounts = _numbered(namespace, path, accounts, user)
    return _program(path, text, user, (accounts.exim, _group(namespace, accounts.exim)))


def _group(namespace: Namespace, known: int) -> int:
    """The number of the program's group: that of its user, unless it was built with another number."""
    ran = namespace.run([EXIM, "-C", CONFIGURATION, "-bP", "exim_group"], seconds=_SECONDS)
    unnamed = _UNNAMED_GROUP.search((ran.stdout + ran.stderr).decode("utf-8", "replace"))
    return int(unnamed[1]) if unnamed else known


def _numbered(namespace: Namespace, path: Path, accounts: Accounts, user: str) -> Accounts:
    """The accounts as they have to be for a program whose user is a number (EXIM_USER=8).

    Raises ``InputError`` where there is one user only, who cannot have that number.
    """
    ran = namespace.run([EXIM, "-C", CONFIGURATION, "-bP", "exim_user"], seconds=_SECONDS)
    unnamed = _UNNAMED.search((ran.stdout + ran.stderr).decode("utf-8", "replace"))
    if unnamed and not namespace.privileged:
        message = f"runs as user {unnamed[1]}; expected root to run it, or a program whose user has a name"
        raise InputError(message, str(path))
    if unnamed:
        accounts = replace(accounts, exim=int(unnamed[1])).with_name(user)
        namespace.write(accounts.files())
    return accounts


def _program(path: Path, text: str, user: str, ids: tuple[int, int]) -> Program:
    version, support = _VERSION.search(text), _SUPPORT.search(text)
    if version is None or support is None:
        said = " ".join(text.split())[:120] or "nothing"
        raise InputError(f"-bV gives no version but {said!r}; expected an Exim program", str(path))
    has = support[1].split()
    if "DANE" not in has and "Experimental_DANE" not in has:
        raise InputError(f"Exim {version[1]} without support for DANE; expected a program with it", str(path))
    if "DNSSEC" not in has:
        raise InputError(f"Exim {version[1]} without support for DNSSEC; expected one with it", str(path))
    library = _RUNTIME.search(text)
    if library is None:
        raise InputError(f"Exim {version[1]} names no TLS library; expected OpenSSL or GnuTLS", str(path))
    tls = library[1].lower()
    release = _profile(path, version[1], user, tls if tls == "gnutls" else _openssl(library[2]))
    profile = replace(release, version=version[1], ipv6="IPv6" in has, i18n="I18N" in has)
    return Program(path, version[1], tls, f"{library[1]} {library[2]}", profile, user, *ids)


def _library_beside(path: Path, name: str) -> bytes:
    """A shared library that was unpacked where ``usr/sbin/exim4`` was; raises ``InputError``."""
    root = path.absolute().parent.parent.parent
    for folder in (root / "usr/lib", root / "lib"):
        for found in sorted(folder.rglob(name)):
            return found.read_bytes()
    raise InputError(f"needs {name}; expected it to be installed, or in {root}/usr/lib", str(path))


def _openssl(version: str) -> str:
    return "openssl-1.0.2" if version.startswith(("0.", "1.0.")) else "openssl-3"


def _profile(path: Path, version: str, user: str, library: str) -> Profile:
    """The profile of a version; patch levels and development suffixes do not count unless it is named so."""
    release = ".".join(re.split(r"[.\-_+]", version)[:2])
    later = [name for name in PROFILES if name.startswith(f"{release}.")]
    commit = version.rpartition("-")[2]
    points = [name for name in PROFILES if "-" in version and name.endswith(f"-{commit}")]
    names = (_PACKAGED.get((release, user)), version, *points, release, *later)
    known = next((name for name in names if name in PROFILES), None)
    if known is None:
        raise InputError(f"Exim {version}: expected a release from {next(iter(PROFILES))} on", str(path))
    return replace(profile(known), version=version, tls_library=library, exim_user=user)
