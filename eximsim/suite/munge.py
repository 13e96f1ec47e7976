"""Normalisation of a test's outputs before they are compared, as the test runner of a given era does it.

The single changes are in ``normalisations_common``, ``normalisations_tls`` and ``normalisations_files``; a
``Munger`` makes all that belong to one era, with the names of one test environment put in. The order of the
tables is part of what they mean, as it is in ``runtest``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from functools import lru_cache

from eximsim.errors import Unsupported
from eximsim.quick_dataclass import dataclass
from eximsim.suite import normalisations_common, normalisations_files, normalisations_tls
from eximsim.suite.normalisation import Edit, Identity, Kind, Normalisation, Reading
from eximsim.suite.numbering import Numbering
from eximsim.suite.runtest_versions import Era

SERVER_HEADING = "\n******** SERVER ********\n"
"""What stands between a client's output and the server's in a golden."""

TABLES: tuple[Normalisation, ...] = (
    *normalisations_common.FIRST,
    *normalisations_common.TIMES,
    *normalisations_tls.CIPHERS,
    *normalisations_common.REST,
    *normalisations_tls.ERRORS,
    *normalisations_common.LAST,
    *normalisations_files.STDOUT_TABLE,
    *normalisations_files.STDERR_TABLE,
    *normalisations_files.LOG_TABLE,
    *normalisations_files.MAIL_TABLE,
)
"""All normalisations, in the order in which they are made."""


@lru_cache(maxsize=64)
def _edits(identity: Identity, era: Era, kind: Kind) -> tuple[tuple[str, Edit], ...]:
    return tuple((rule.hint, rule.edit(identity)) for rule in TABLES if rule.applies(era, kind))


@dataclass(slots=True)
class Munger:
    """Normalises the files of one test, in the order in which they are compared."""

    identity: Identity
    era: Era
    numbering: Numbering
    extra: Sequence[tuple[str, Edit]] = ()
    """The edits of the ``munge`` command by the output that they are for (``mainlog``, ``stdout``, ...)."""
    untouched: bool = False
    """The directive ``no_munge`` was given."""
    filter_headings_dropped: bool = False

    @classmethod
    def for_era(cls, identity: Identity, era: Era) -> Munger:
        """A munger with an empty numbering as that era begins it."""
        first_port = 10001 if "ports_from_10001" in era else 1111
        return cls(identity, era, Numbering(first_port=first_port))

    def file(self, text: str, kind: Kind, output: str = "") -> str:
        """One file, normalised. ``output`` names it for the extra edits."""
        if self.untouched:
            return _IN_FOLDER.sub("DIR", text)
        edits = (
            *(("", edit) for name, edit in self.extra if name == output),
            *_edits(self.identity, self.era, kind),
        )
        reading = Reading(io.StringIO(text, newline="\n"), kind, self.numbering,
                          filter_headings_dropped=self.filter_headings_dropped)  # fmt: skip
        done = []
        while line := reading.next_line():
            while _SIZES.fullmatch(line):
                done.append(line)
                while (line := reading.next_line()) and _SIZE.fullmatch(line):
                    done.append("ddd d\n")
            if line and (changed := _line(line, edits, reading)) is not None:
                done.append(changed)
        return "".join(done)

    def message_name(self, message: str) -> str:
        """A message id as it is named in this test's goldens."""
        return self.file(message, Kind.MAIL)

    def pair(self, client: str | None, server: str | None, kind: Kind, output: str = "") -> str:
        """A client's file and the server's after it, as one text; None: the file is not there."""
        text = "" if client is None else self.file(client, kind, output)
        if server is not None:
            text += SERVER_HEADING + self.file(server, kind, output)
        return text


_IN_FOLDER = re.compile(r"(?<=at )/[^\n]+(?=/test/eximdir/exim_msgdate line \d+\.$)", re.M | re.ASCII)
"""Where ``exim_msgdate`` says that it is, which is changed even then."""

_SIZES = re.compile(r"\d+S,\d+C\s*", re.ASCII)
_SIZE = re.compile(r"\d+ \d+\s*", re.ASCII)
"""The first line of a file maildirsize, and those after it."""


_LONGEST_LINE = 30_000
"""The longest line of the goldens of Exim's suite has 16,384; hundreds of searches look at each."""


def _line(line: str, edits: Sequence[tuple[str, Edit]], reading: Reading) -> str | None:
    if len(line) > _LONGEST_LINE:
        raise Unsupported(f"comparing a line of more than {_LONGEST_LINE:,} characters")
    for hint, edit in edits:
        if hint in line:
            changed = edit(line, reading)
            if changed is None:
                return None
            line = changed
    return line


_DELIVERY = re.compile(r"[-\d]{10}\s[:\d]{8}(?:\.\d{3})?\s[-A-Za-z\d]{16,23}\s[-=*]>", re.ASCII)
SORTED_HEADING = "**NOTE: The delivery lines in this file have been sorted.\n"


def sort_deliveries(log: str) -> str:
    """A normalised log with each run of consecutive delivery lines sorted (directive ``sortlog``)."""
    done: list[str] = []
    run: list[str] = []
    for line in io.StringIO(log, newline="\n"):
        if _DELIVERY.match(line):
            run.append(line)
            continue
        done += sorted(run)
        run.clear()
        done.append(line)
    return SORTED_HEADING + "".join(done + sorted(run))


_TRUNCATED = "*** truncated ***"


def cut_as(golden: str, text: str) -> str:
    """A text whose overlong lines end where the golden's do: what stands between the line before the mark
    and the mark is left out, since names of other lengths cut elsewhere. Source: test/runtest, check_file.
    """
    if _TRUNCATED not in text:
        return text
    lines, wanted = text.splitlines(keepends=True), golden.splitlines(keepends=True)
    marks = (number for number, line in enumerate(wanted) if _TRUNCATED in line)
    at = 0
    while at < len(lines):
        if _TRUNCATED in lines[at]:
            mark = next(marks, None)
            if not mark:
                break
            same = next((n for n in range(at - 1, 0, -1) if lines[n] == wanted[mark - 1]), None)
            if same is None:
                break
            del lines[same + 1 : at]
            at = same + 1
        at += 1
    return "".join(lines)
