"""A script as the steps that ``subjects.scripted`` plays: every command with its words substituted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from eximsim.errors import Unsupported
from eximsim.suite import script
from eximsim.suite.normalisation import Identity
from eximsim.suite.runtest_versions import NEWEST, Era
from eximsim.suite.script_words import input_line, is_daemon, is_server, waiting_port
from eximsim.suite.source import substitute


def steps(
    parsed: script.Script, identity: Identity, test: str, conf: str, era: Era = NEWEST
) -> list[dict[str, Any]]:
    """The steps of a script, in order; ``conf`` is the test's configuration, substituted.

    Raises ``Unsupported`` for a command that cannot be run.
    """
    words = _Words(identity, test, conf)
    return [_step(command, words) for command in _played(parsed, era)]


def lines(parsed: script.Script, era: Era = NEWEST) -> list[int]:
    """For each of the steps, the line of the script that it begins at."""
    return [command.line for command in _played(parsed, era)]


def utilities(parsed: script.Script) -> Iterator[str]:
    """The names of Exim's own utilities that a script runs."""
    for command in parsed.commands:
        match command:
            case script.Dump():
                yield "exim_dumpdb"
            case script.Utility(program=name) if name not in _NOT_EXIMS:
                yield _FULL_NAMES.get(name, name)


_CLIENT_SECONDS, _SERVER_SECONDS = 50, 30
"""After which the tree's client and server give up, in place of a handful: a busy machine takes its time."""
_CLIENT_LIMIT, _SERVER_LIMIT = re.compile(r"(?<!\S)-t(\d+)"), re.compile(r"(?<!\S)-t ")

_FULL_NAMES = {"dbmbuild": "exim_dbmbuild"}
_NOT_EXIMS = ("gnutls",)


def _played(parsed: script.Script, era: Era) -> list[script.Command]:
    return [command for command in parsed.commands if not _is_silent(command, era)]


def _is_silent(command: script.Command, era: Era) -> bool:
    """Whether a command leaves nothing behind: notes were comments once."""
    if isinstance(command, script.Note):
        return "notes_shown" not in era
    return isinstance(command, script.Echo | script.ChooseMunge)


class _Words:
    def __init__(self, identity: Identity, test: str, conf: str) -> None:
        self.identity, self.test, self.conf = identity, test, conf
        self.directory = identity.directory

    def __call__(self, text: str) -> str:
        return substitute(text, self.identity, self.test)


def _common(command: script.Command) -> dict[str, Any]:
    status = [command.status.code, int(command.status.negated)]
    return {"line": command.line, "status": status, "env": dict(command.environment)}


def _step(command: script.Command, words: _Words) -> dict[str, Any]:
    match command:
        case script.Note(text=text):
            return {"do": "note", "text": words(text.rstrip())}
        case script.Exim():
            return _exim(command, words)
        case script.Server(arguments=arguments, body=body):
            return {
                "do": "server",
                "command": _patient_server(words(arguments)),
                "script": "".join(f"{line}\n" for line in body),
            }
        case script.Client(program=program, arguments=arguments, body=body):
            given = _patient_client(words(arguments), command)
            line = f"./bin/{program} {given} >>test-stdout 2>>test-stderr"
            return _run(command, line, body, words)
        case script.Program(words=line, body=body, background=background):
            if background:
                return {"do": "background", "command": words(line)}
            return _run(command, f"{words(line)} >>test-stdout 2>>test-stderr", body, words)
        case script.Write():
            return {"do": "write", "path": words(command.path), "text": command.text, "show": command.show}
        case script.Sleep(seconds=seconds):
            return {"do": "sleep", "seconds": seconds}
        case script.KillDaemon():
            return {"do": "kill"}
        case script.Dump(database=database):
            return {"do": "dump", "database": words(database), **_common(command)}
        case script.Shell(words=line):
            return {"do": "shell", "command": _shell(words(line)), **_common(command)}
        case script.Utility():
            return _utility(command, words)
    raise Unsupported(f"script command {type(command).__name__.lower()!r} with a real program")


def _patient_client(arguments: str, command: script.Client) -> str:
    """The arguments of a client that may take its time; where it should succeed, only a busy machine is late.

    It waits to the end for a reply that may come or not (``????``).
    """
    waits = any(line.startswith("????") for line in command.body)
    if waits or command.status.code or command.status.negated:
        return arguments
    return f"-t{_CLIENT_SECONDS} {_CLIENT_LIMIT.sub('', arguments)}"


def _patient_server(arguments: str) -> str:
    """The same for a server, whose failure is always one of the test."""
    return arguments if _SERVER_LIMIT.search(arguments) else f"-t {_SERVER_SECONDS} {arguments}"


def _shell(line: str) -> str:
    if line.startswith("cat2"):
        return f"{line.replace('cat2', 'cat', 1)} 2>&1 >test-stderr"
    return f"{line} >>test-stdout 2>>test-stderr"


def _utility(command: script.Utility, words: _Words) -> dict[str, Any]:
    name, given, d = command.program, words(command.arguments), words.directory
    if name == "exim_lock":
        return {"do": "lock", "command": given}
    if name in _NOT_EXIMS:
        return {"do": "sleep", "seconds": 0}
    call = {
        "dbmbuild": "exim_dbmbuild " + " ".join(f"{d}/{word}" for word in given.split()),
        "exinext": f"exinext -DEXIM_PATH={d}/eximdir/exim -C {d}/test-config {given}",
        "exiqgrep": f"exiqgrep -E ./eximdir/exim -C {d}/test-config {given}",
        "exim_id_update": f"exim_id_update {given} {d}/spool/input",
    }.get(name, f"{name} {given} {d}/spool/log/mainlog")
    full = _FULL_NAMES.get(name, name)
    prefix, errors = ("sudo ", " 2>>test-stderr") if name == "exim_id_update" else ("", "")
    line = f"({prefix}./eximdir/{call}; echo {full} exit code = $?) >>test-stdout{errors}"
    return {"do": "shell", "command": line, **_common(command)}


def _exim(command: script.Exim, words: _Words) -> dict[str, Any]:
    d = words.directory
    sudo = "sudo " + (f"-u {words(command.user)} " if command.user else "") if command.sudo else ""
    program = f"{d}/eximdir/exim{command.suffix}"
    given = words(command.arguments)
    line = f"{sudo}{program} -DEXIM_PATH={program} -C {d}/test-config {given} >>test-stdout 2>>test-stderr"
    if is_daemon(given):
        pid, option = f"{d}/spool/exim-daemon.pid", ""
        if named := re.search(r"\s-oP\s(\S+)", line):
            pid = named[1]
        else:
            option = f"-oP {pid} "
        line = re.sub(r"\s-bd\s", f" -bdf {option}", line, count=1)
        return {"do": "daemon", "command": f"{line}-server", "conf": words.conf, "pid": pid,
                "env": dict(command.environment)}  # fmt: skip
    if waiting_port(given) is not None:
        return {"do": "wait_mode", "command": f"{line}-server", "conf": words.conf,
                "env": dict(command.environment)}  # fmt: skip
    suffix = "-server" if is_server(given) else ""
    return _run(command, f"{line}{suffix}", command.body, words, wait=command.wait, exim=True)


def _run(
    command: script.Command, line: str, body: tuple[str, ...], words: _Words, *, wait: int = 0,
    exim: bool = False,
) -> dict[str, Any]:  # fmt: skip
    conf, given = words.conf if exim else "", [input_line(words(one)) for one in body]
    return {"do": "run", "command": line, "body": given, "wait": wait, "exim": exim,
            "conf": conf, **_common(command)}  # fmt: skip
