"""What a normalisation is, and the few ways to make one.

A ``Normalisation`` is one small named change to one line of an output, with an example that is its test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import field
from enum import Enum
from functools import cached_property

from eximsim.quick_dataclass import dataclass
from eximsim.suite.numbering import Numbering
from eximsim.suite.runtest_versions import Era


class Kind(Enum):
    """The kinds of output that are normalised differently."""

    LOG = "log"
    """Main, reject, panic and message logs."""
    STDOUT = "stdout"
    STDERR = "stderr"
    MAIL = "mail"


EVERYWHERE = frozenset(Kind)
LOG = frozenset({Kind.LOG})
STDOUT = frozenset({Kind.STDOUT})
STDERR = frozenset({Kind.STDERR})
MAIL = frozenset({Kind.MAIL})


@dataclass(frozen=True, slots=True)
class Identity:
    """The test environment: the names and numbers that a golden must not depend on."""

    directory: str
    """Where the test runs: ``DIR`` in scripts, ``TESTSUITE`` in goldens."""
    hostname: str = "the.local.host.name"
    shell: str = "/eximsim/test/aux-var/sh"
    caller: str = "simcaller"
    caller_group: str = "simgroup"
    caller_home: str = "/home/simcaller"
    caller_gecos: str = "Simulated Caller"
    caller_uid: str = "1000"
    caller_gid: str = "1000"
    exim_user: str = "simexim"
    exim_group: str = "simexim"
    exim_uid: str = "101"
    exim_gid: str = "101"
    mail_group: str = "mail"
    ipv4: str = "198.51.100.25"
    ipv6: str = "2001:db8:25::25"
    ipv4_test_net: str = "224"
    ipv6_test_net: str = "ff00"
    port_n: str = "1223"
    port_s: str = "1224"
    port_d: str = "1225"
    port_d2: str = "1226"
    port_d3: str = "1227"
    port_d4: str = "1228"
    port_dynamic: str = "1229"

    @property
    def ipv4_reversed(self) -> str:
        """The address with its parts in the order of a reverse DNS name."""
        return ".".join(reversed(self.ipv4.split(".")))


@dataclass(slots=True)
class Reading:
    """Where a ``Munger`` is in one file; what an edit may use besides the line."""

    lines: Iterator[str]
    kind: Kind
    numbering: Numbering
    daemon_pid: str | None = None
    """The process number that starts each line of a daemon's stderr."""
    filter_headings_dropped: bool = False
    """The directive ``rmfiltertest`` was given."""
    pushed_back: list[str] = field(default_factory=list)

    def next_line(self) -> str:
        """The following line (with its newline), taken out of the file; empty at the end."""
        if self.pushed_back:
            return self.pushed_back.pop()
        return next(self.lines, "")

    def push_back(self, line: str) -> None:
        """Have ``line`` read next."""
        if line:
            self.pushed_back.append(line)


Edit = Callable[[str, Reading], "str | None"]
"""Gives the changed line, or None to leave it out. The line has its newline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalisation:
    """One change that is made to each line of some kinds of file.

    ``hint`` is a text without which the change cannot apply to a line: a fast way past it. ``when`` and
    ``unless`` are switches of the era. ``edit`` makes the change for one identity. ``example`` is a line
    before and after it (None: left out).
    """

    name: str
    edit: Callable[[Identity], Edit]
    example: tuple[str, str | None]
    files: frozenset[Kind] = EVERYWHERE
    hint: str = ""
    when: str | None = None
    unless: str | None = None

    def applies(self, era: Era, kind: Kind) -> bool:
        """Whether the change is made in this era to this kind of file."""
        return (
            kind in self.files
            and (self.when is None or self.when in era)
            and (self.unless is None or self.unless not in era)
        )


_NAME = re.compile(r"%(\w+)%")


class _Pattern:
    """A pattern that is made when the first line needs it: most hints never come up in a run."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern

    @cached_property
    def made(self) -> re.Pattern[str]:
        return re.compile(self._text, re.ASCII)


def _filled(pattern: str, identity: Identity) -> _Pattern:
    """A pattern with ``%field%`` replaced by that field of the identity, taken literally."""
    return _Pattern(_NAME.sub(lambda match: re.escape(str(getattr(identity, match[1]))), pattern))


def sub(
    name: str,
    pattern: str,
    replacement: str | Callable[[re.Match[str]], str],
    example: tuple[str, str],
    *,
    every: bool = False,
    hint: str = "",
    files: frozenset[Kind] = EVERYWHERE,
    when: str | None = None,
    unless: str | None = None,
) -> Normalisation:
    """Replace the first match (or ``every`` one) of ``pattern``; ``%field%`` in it is the identity's."""

    def edit(identity: Identity) -> Edit:
        matcher, count = _filled(pattern, identity), 0 if every else 1
        return lambda line, reading: matcher.made.sub(replacement, line, count=count)

    return Normalisation(
        name=name, edit=edit, example=example, files=files, hint=hint, when=when, unless=unless
    )


def number(
    name: str,
    pattern: str,
    give: Callable[[Numbering, str], str],
    example: tuple[str, str],
    *,
    every: bool = False,
    hint: str = "",
    but_not: str | None = None,
    files: frozenset[Kind] = EVERYWHERE,
    when: str | None = None,
    unless: str | None = None,
) -> Normalisation:
    """Give group ``n`` of each match a name by its first appearance; not in lines with ``but_not``."""

    def edit(identity: Identity) -> Edit:
        matcher, exempt, count = _filled(pattern, identity), _Pattern(but_not or r"(?!)"), 0 if every else 1

        def change(line: str, reading: Reading) -> str:
            if but_not is not None and exempt.made.search(line):
                return line

            def named(match: re.Match[str]) -> str:
                start, end = match.start("n") - match.start(), match.end("n") - match.start()
                return match[0][:start] + give(reading.numbering, match["n"]) + match[0][end:]

            return matcher.made.sub(named, line, count=count)

        return change

    return Normalisation(
        name=name, edit=edit, example=example, files=files, hint=hint, when=when, unless=unless
    )


def drop(
    name: str,
    pattern: str,
    example: str,
    *,
    hint: str = "",
    following: int = 0,
    files: frozenset[Kind] = STDERR,
    when: str | None = None,
    unless: str | None = None,
) -> Normalisation:
    """Leave out each line that matches, and that many lines after it."""

    def edit(identity: Identity) -> Edit:
        matcher = _filled(pattern, identity)

        def change(line: str, reading: Reading) -> str | None:
            if not matcher.made.search(line):
                return line
            for _ in range(following):
                reading.next_line()
            return None

        return change

    return Normalisation(
        name=name, edit=edit, example=(example, None), files=files, hint=hint, when=when, unless=unless
    )


def special(
    name: str,
    change: Edit,
    example: tuple[str, str | None],
    *,
    hint: str = "",
    files: frozenset[Kind] = EVERYWHERE,
    when: str | None = None,
    unless: str | None = None,
) -> Normalisation:
    """A change that is a function of its own."""
    return Normalisation(
        name=name, edit=lambda identity: change, example=example, files=files, hint=hint, when=when,
        unless=unless,
    )  # fmt: skip


def own_ports(
    name: str, before: str, example: tuple[str, str], *, after: str = "", names: str = "N S D D2 D3 D4",
    every: bool = False, hint: str = "", files: frozenset[Kind] = EVERYWHERE, when: str | None = None,
) -> Normalisation:  # fmt: skip
    """Give the test's own ports their names where ``before`` matches what precedes them.

    ``every`` looks for one port after the other, each wherever it stands: what is before the second number
    of a line may hold the first.
    """

    def edit(identity: Identity) -> Edit:
        ports = {str(getattr(identity, f"port_{port.lower()}")): f"PORT_{port}" for port in names.split()}
        groups = list(ports) if every else ["|".join(ports)]
        forms = (f"(?P<before>{before})(?P<port>{group}){after}" for group in groups)
        patterns = [_Pattern(form) for form in forms]

        def change(line: str, reading: Reading) -> str:
            for pattern in patterns:
                line = pattern.made.sub(
                    lambda m: m["before"] + ports[m["port"]], line, count=0 if every else 1
                )
            return line

        return change

    return Normalisation(name=name, edit=edit, example=example, files=files, hint=hint, when=when)
