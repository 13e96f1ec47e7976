"""Begins one of the programs, by its name: ``client-ssl``, ``server``, ``fakens`` ..."""

from __future__ import annotations

import io
import sys


def main(name: str) -> int:
    """Run a program with the arguments of this process; returns its exit code."""
    arguments = sys.argv[1:]
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape", line_buffering=False)
    if name == "fakens":
        from eximsim.subjects.suite_programs import fakens

        return fakens.main(arguments)
    if name == "server":
        from eximsim.subjects.suite_programs.server import Server

        return Server().run(arguments)
    if name.startswith("client"):
        from eximsim.subjects.suite_programs.client import Client

        return Client(name.removeprefix("client").removeprefix("-")).run(arguments)
    from eximsim.subjects.suite_programs import small

    return int(getattr(small, name)(arguments))
