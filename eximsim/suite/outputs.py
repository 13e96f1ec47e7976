"""What a test wrote, and how it is brought into the form in which it is compared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from eximsim.errors import Unsupported
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.subject import Written
from eximsim.suite.munge import Munger, cut_as, sort_deliveries
from eximsim.suite.munge_choices import CHOICES
from eximsim.suite.normalisation import Edit, Identity, Kind
from eximsim.suite.runtest_versions import Era
from eximsim.suite.script import Script

_LOGS = ("paniclog", "rejectlog", "mainlog")


@dataclass(slots=True)
class Raw:
    """The outputs as they came, before normalisation.

    A server's output is None until something has opened it: its heading shows that in the golden.
    """

    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    server_stdout: list[str] | None = None
    server_stderr: list[str] | None = None
    extra_munge: str | None = None

    def say(self, stdout: str, stderr: str) -> None:
        """Add to the client's outputs."""
        self.stdout.append(stdout)
        self.stderr.append(stderr)

    def say_server(self, stdout: str | None, stderr: str | None) -> None:
        """Add to the server's; None leaves that output unopened."""
        if stdout is not None:
            self.server_stdout = [*(self.server_stdout or ()), stdout]
        if stderr is not None:
            self.server_stderr = [*(self.server_stderr or ()), stderr]


def munged(
    raw: Raw, written: Written, script: Script, identity: Identity, era: Era, goldens: Mapping[str, str]
) -> dict[str, str]:
    """All outputs that are compared, normalised, by the golden's name (``log``, ``mail/userx``, ...).

    ``goldens`` matters because an empty output without golden takes no part. Source: test/runtest,
    check_output and check_file.
    """
    munger = Munger.for_era(identity, era)
    munger.extra = _chosen(raw.extra_munge, identity)
    munger.untouched = "no_munge" in script.directives
    munger.filter_headings_dropped = "rmfiltertest" in script.directives
    done: dict[str, str] = {}
    for name, output, kind, client, server in _parts(raw, written, script, identity):
        if name not in goldens and not client and not server:
            continue
        text = cut_as(goldens.get(name, ""), munger.pair(client, server, kind, output))
        done[name] = sort_deliveries(text) if name == "log" and "sortlog" in script.directives else text
    if "no_msglog_check" not in script.directives:
        for message, text in sorted(written.msglogs.items()):
            name = munger.message_name(message)
            done[f"msglog/{name}"] = munger.file(text, Kind.LOG, "msglog")
    return done


_Part = tuple[str, str, Kind, str | None, str | None]
"""Golden's name, output's name, kind, client's text, server's text."""


def _parts(raw: Raw, written: Written, script: Script, identity: Identity) -> Iterator[_Part]:
    """The outputs in the order in which they are compared."""
    spool = f"{identity.directory}/spool/log"
    for log in _LOGS:
        name = "log" if log == "mainlog" else log
        yield (
            name,
            log,
            Kind.LOG,
            written.files.get(f"{spool}/{log}"),
            written.files.get(f"{spool}/server{log}"),
        )
    if "no_stdout_check" not in script.directives:
        yield "stdout", "stdout", Kind.STDOUT, "".join(raw.stdout), _joined(raw.server_stdout)
    if "no_stderr_check" not in script.directives:
        yield "stderr", "stderr", Kind.STDERR, "".join(raw.stderr), _joined(raw.server_stderr)
    if "no_message_check" not in script.directives:
        yield from _mailboxes(written, identity)


def _joined(parts: list[str] | None) -> str | None:
    return None if parts is None else "".join(parts)


ONCE_FILE = re.compile(r"oncelog(\.(dir|pag|db))?$")
"""What an autoreply remembers: it is not mail."""
_MAILDIR = re.compile(r"(?<!\d)\d++\.[^.]++\.", re.ASCII)


def _mailboxes(written: Written, identity: Identity) -> Iterator[_Part]:
    folder = f"{identity.directory}/test-mail/"
    number = 0
    for path in sorted((path for path in written.files if path.startswith(folder)), key=maildir_order):
        name = path.removeprefix(folder)
        if ONCE_FILE.match(name):
            continue
        name, number = mail_name(name, identity, number)
        yield f"mail/{name}", "mail", Kind.MAIL, written.files[path], None


def mail_name(name: str, identity: Identity, number: int) -> tuple[str, int]:
    """The golden's name of a mailbox, and the number of the last maildir file so far."""
    name = re.sub(rf"^{re.escape(identity.caller)}(/|$)", "CALLER", name)
    if _MAILDIR.search(name):
        number += 1
        name = _MAILDIR.sub(f"{number}.", name)
    return name, number


_MAILDIR_NAME = re.compile(r"(.*/)?(\d+)\.H(\d+)", re.ASCII)


def maildir_order(path: str) -> tuple[str, int, int, str]:
    """Files of maildirs in the order in which they were written."""
    match = _MAILDIR_NAME.match(path)
    return (match[1] or "", int(match[2]), int(match[3]), path) if match else (path, 0, 0, path)


_UNKNOWN_TO_RUNTEST = frozenset({"debuglog_stdout"})
"""Names that scripts give and for which runtest changes nothing."""


def _chosen(name: str | None, identity: Identity) -> tuple[tuple[str, Edit], ...]:
    if name is None:
        return ()
    if name in _UNKNOWN_TO_RUNTEST:
        return ()
    if name not in CHOICES:
        raise Unsupported(f"munge {name}")
    return tuple((output, rule.edit(identity)) for output, rule in CHOICES[name])
