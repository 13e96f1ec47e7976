"""The helper programs of an Exim tree's test suite, compiled from the tree: once for all tests."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from eximsim.subjects.isolation import Place
from eximsim.subjects.namespace import Namespace

_SOURCE, _FOLDER = "/exim/src", "/eximsim/helpers"
_ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
_SECONDS = 300.0

_PLAIN = ("cf", "checkaccess", "client", "fakens", "fd", "iefbr14", "mtpscript", "showids")
_WITH_TLS = {"openssl": ("-DHAVE_OPENSSL", "-lssl", "-lcrypto"), "gnutls": ("-DHAVE_GNUTLS", "-lgnutls")}
_SUDO = """
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <grp.h>
#include <pwd.h>
int main(int argc, char **argv) {
  int at = 1; const char *name = "root";
  if (argc > 2 && strcmp(argv[1], "-u") == 0) { name = argv[2]; at = 3; }
  struct passwd *user = getpwnam(name);
  if (!user || at >= argc) { fprintf(stderr, "sudo: bad usage\\n"); return 1; }
  if (setgid(user->pw_gid) || initgroups(name, user->pw_gid) || setuid(user->pw_uid)) return 1;
  execvp(argv[at], argv + at);
  perror(argv[at]);
  return 1;
}
"""
"""Scripts call ``sudo``; inside, everybody may."""


def compiled(tree: Path) -> Mapping[str, bytes]:
    """The helper programs of a tree's ``test/`` folder, by name.

    They are compiled in a namespace, so that nothing stays on the disk, however this ends. One that cannot be
    compiled on this machine is missing, and the tests that call it show that. Raises ``NoNamespace``.
    """
    with Namespace(Place(shown={_SOURCE: str((tree / "src").absolute())})) as inside:
        inside.write({f"{_FOLDER}/sudo.c": _SUDO.encode()})
        lines = [f"cc -w {shlex.join(call)} 2>/dev/null &" for call in _calls()]
        command = "\n".join([f"cd {_FOLDER}", *lines, "wait"])
        inside.run(["/bin/sh", "-c", command], env={**_ENV, "TMPDIR": _FOLDER}, seconds=_SECONDS)
        found = {Path(name).name: octets for name, octets in inside.read(_FOLDER).items()}
    del found["sudo.c"]
    for name in ("client-gnutls", "client-ssl"):
        if name in found:
            return {**found, "client-anytls": found[name]}
    return found


def _calls() -> Iterator[tuple[str, ...]]:
    """The arguments of the compiler for each helper."""
    yield "-o", "sudo", "sudo.c"
    for name in _PLAIN:
        yield "-D_GNU_SOURCE", "-DNO_TLS", "-o", name, f"{_SOURCE}/{name}.c"
    for suffix, library in (("ssl", "openssl"), ("gnutls", "gnutls")):
        define, *links = _WITH_TLS[library]
        yield "-D_GNU_SOURCE", define, "-o", f"client-{suffix}", f"{_SOURCE}/client.c", *links
    server = ("-D_GNU_SOURCE", "-DHAVE_OPENSSL_CRYPTO_H", "-o", "server", f"{_SOURCE}/server.c")
    yield *server, "-lssl", "-lcrypto"
    yield "-shared", "-fPIC", "-o", "loaded", f"{_SOURCE}/loaded.c"
