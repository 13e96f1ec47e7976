"""The helper programs of an Exim tree's test suite: compiled from the tree, once for all tests, or ours.

Where there is no compiler, or a program cannot be compiled, a Python one of ours takes its place
(``subjects.suite_programs``); only a module that Exim loads has to be compiled.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import sys
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


PYTHON = os.path.realpath(sys.executable)
"""Not that of a virtual environment, which may be below /tmp: inside, that is the test's own."""

_OURS = ("client", "client-gnutls", "client-ssl", "fakens", "fd", "iefbr14", "mtpscript", "server", "showids",
         "sudo")  # fmt: skip
_MODULES = "/exim/programs"
_PACKAGE = "eximsim/subjects/suite_programs"


def ours(names: Mapping[str, bytes], as_root: str) -> dict[str, bytes]:
    """Our programs for those that are not among the compiled ones, by name.

    ``as_root`` is a Python interpreter with the rights of root, for ``sudo``.
    """
    made = {}
    for name in _OURS:
        if name not in names:
            python = as_root if name == "sudo" else PYTHON
            made[name] = (
                f"#!{python} -IS\nimport sys\nsys.path.insert(0, {_MODULES!r})\n"
                f"from {_PACKAGE.replace('/', '.')}.main import main\nsys.exit(main({name!r}))\n"
            ).encode()
    if "client-anytls" not in names and "client-gnutls" in made:
        made["client-anytls"] = made["client-gnutls" if _has_gnutls() else "client-ssl"]
    return made


def modules() -> dict[str, bytes]:
    """What our programs consist of, by path inside."""
    folder = Path(__file__).parents[1] / "subjects/suite_programs"
    found = {f"{_MODULES}/{_PACKAGE}/{path.name}": path.read_bytes() for path in folder.glob("*.py")}
    above = ("eximsim", "eximsim/subjects")
    return found | {f"{_MODULES}/{name}/__init__.py": b"" for name in above}


def compile_modules() -> list[str]:
    """The command that has them start faster."""
    return [PYTHON, "-IS", "-m", "compileall", "-q", _MODULES]


def _has_gnutls() -> bool:
    try:
        ctypes.CDLL("libgnutls.so.30")
    except OSError:
        return False
    return True


def compiled(tree: Path) -> Mapping[str, bytes]:
    """The helper programs of a tree's ``test/`` folder, by name.

    They are compiled in a namespace, so that nothing stays on the disk, however this ends. One that cannot be
    compiled on this machine is missing. Raises ``NoNamespace``.
    """
    if shutil.which("cc") is None:
        return {}
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
