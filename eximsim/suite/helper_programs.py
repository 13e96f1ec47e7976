"""The helper programs of an Exim tree's test suite, compiled from the tree: once for all tests."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
    """The helper programs of a tree's ``test/`` folder, by name; nothing stays on the disk.

    One that cannot be compiled on this machine is missing, and the tests that call it show that.
    """
    with tempfile.TemporaryDirectory(prefix="eximsim-bench-") as name:
        folder = Path(name)
        (folder / "sudo.c").write_text(_SUDO)
        with ThreadPoolExecutor() as pool:
            list(pool.map(_cc, _calls(tree / "src", folder)))
        (folder / "sudo.c").unlink()
        for tls in ("client-gnutls", "client-ssl"):
            if (folder / tls).exists():
                shutil.copy(folder / tls, folder / "client-anytls")
                break
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def _calls(source: Path, folder: Path) -> Iterator[tuple[str, ...]]:
    """The arguments of the compiler for each helper."""
    yield "-o", f"{folder}/sudo", f"{folder}/sudo.c"
    for name in _PLAIN:
        yield "-D_GNU_SOURCE", "-DNO_TLS", "-o", f"{folder}/{name}", f"{source}/{name}.c"
    for suffix, library in (("ssl", "openssl"), ("gnutls", "gnutls")):
        define, *links = _WITH_TLS[library]
        yield "-D_GNU_SOURCE", define, "-o", f"{folder}/client-{suffix}", f"{source}/client.c", *links
    server = ("-D_GNU_SOURCE", "-DHAVE_OPENSSL_CRYPTO_H", "-o", f"{folder}/server", f"{source}/server.c")
    yield *server, "-lssl", "-lcrypto"
    yield "-shared", "-fPIC", "-o", f"{folder}/loaded", f"{source}/loaded.c"


def _cc(arguments: tuple[str, ...]) -> None:
    subprocess.run(["cc", "-w", *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False)
