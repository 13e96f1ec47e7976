"""A situation as files that replay it: a line of a scenario file, and a folder of tests with one test.

::

    DIR/scenario.jsonl          for  eximsim compare --scenarios DIR/scenario.jsonl
    DIR/scripts/TEST, confs/TEST, dnszones/TEST.json, servers/TEST.json, certs/, logs/TEST
                                for  eximsim run --suite DIR
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from eximsim.files import Folder
from eximsim.storage import store_below
from eximsim.suite.recording import Situation
from eximsim.suite.replay import NETWORK, SENDER, configuration, dialogue
from eximsim.suite.stand_configuration import SERVER_PORT

TEST = "0001"
"""The number of the only test of the folder."""

_SPOOL = "DIR/spool"


def write_artefact(
    situation: Situation, folder: Path, certificates: Path, profile: str, about: Iterable[str]
) -> None:
    """Write a situation to ``folder``, all but the test's goldens; raises ``InputError``.

    ``certificates`` are copied. ``profile`` is what the test runs under; ``about`` says in the script what
    it shows, a line each.
    """
    files = {
        "scenario.jsonl": f"{json.dumps(situation.as_json())}\n",
        f"scripts/{TEST}": _script(situation, profile, about),
        f"confs/{TEST}": _configuration(situation),
        f"dnszones/{TEST}.json": _listed(situation.zone),
        f"servers/{TEST}.json": _pretty(
            {"networks": [NETWORK], "port": SERVER_PORT, "servers": situation.servers}
        ),
    }
    contents = {name: text.encode("utf-8", "backslashreplace") for name, text in files.items()}
    kept = Folder(certificates)
    contents |= {f"certs/{name}": kept.read(name) for name in kept.names() if kept.is_file(name)}
    for name, content in contents.items():
        store_below(folder, name, content, mode=0o600 if name.endswith(".key.pem") else 0o666)


def _script(situation: Situation, profile: str, about: Iterable[str]) -> str:
    title, *more = about
    # what EHLO offers is another matter: the replies to RCPT are in the log
    lines = [
        f"# {title}",
        f"#@ profiles {profile}",
        "#",
        *(f"# {_printable(line)}" for line in more),
        "no_stdout_check",
    ]
    for kind in situation.kinds:
        if kind == "callout":
            lines += ["exim -bs", *dialogue(situation), "****"]
            continue
        lines += [f"exim -odf -f {SENDER} {' '.join(situation.recipients)}", "****"]
        if situation.queuerun:
            lines += [f"exim {situation.queuerun}", "****"]
    return "".join(f"{line}\n" for line in lines)


def _printable(line: str) -> str:
    """A line that may have octets in it which are no text: a program has read memory that nobody had set."""
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _configuration(situation: Situation) -> str:
    """The situation's configuration, with its paths below the test directory."""
    main = {
        "exim_path": "EXIM_PATH",
        "spool_directory": _SPOOL,
        "log_file_path": f"{_SPOOL}/log/%slog",
        "trusted_users": "CALLER",
        **situation.main,
    }
    return configuration(replace(situation, main=main)).replace("certs/", "DIR/certs/")


def _listed(zone: Iterable[Mapping[str, object]]) -> str:
    """The RRsets, each on a line of its own."""
    return "[\n" + ",\n".join(f"  {json.dumps(rrset)}" for rrset in zone) + "\n]\n"


def _pretty(content: object) -> str:
    return f"{json.dumps(content, indent=2)}\n"
