"""Goldens of a tree that are for one kind of machine: ``log/2102.openssl_1_1_1`` beside ``log/2102``."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

NEW_OPENSSL = "openssl_1_1_1"
_SECONDS = 20.0
_FIELD = '^{}="?(.*?)"?\\s*$'


def flavour(tree: Path, etc: Path = Path("/etc")) -> str:
    """The kind of machine that this is for a tree; empty if it cannot be told.

    Source: test/lib/Exim/Runtest.pm, flavour().
    """
    module = tree / "lib/Exim/Runtest.pm"
    told_apart = module.is_file() and NEW_OPENSSL in module.read_text("utf-8", "replace")
    if told_apart and re.search(r"1\.1\.1|3\.\d+\.\d+", _openssl()):
        return NEW_OPENSSL
    if (etc / "os-release").is_file():
        text = (etc / "os-release").read_text("utf-8", "replace")
        fields = (re.search(_FIELD.format(name), text, re.MULTILINE) for name in ("ID", "VERSION_ID"))
        return "".join(found[1] for found in fields if found)
    return ""


def _openssl() -> str:
    program = shutil.which("openssl")
    if program is None:
        return ""
    ran = subprocess.run([program, "version"], capture_output=True, text=True, check=False, timeout=_SECONDS)
    return ran.stdout.partition("\n")[0]
