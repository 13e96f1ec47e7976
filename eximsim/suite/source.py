"""Where tests come from: what every folder of tests offers, and how its words are substituted."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from eximsim.errors import InputError
from eximsim.files import Folder
from eximsim.profiles import Profile
from eximsim.quick_dataclass import dataclass
from eximsim.suite import script
from eximsim.suite.normalisation import Identity
from eximsim.suite.runtest_versions import Era
from eximsim.suite.servers_around import Peers
from eximsim.world.fakens import decode
from eximsim.world.reply import Zones

DIRECTORY = "/eximsim/test"
"""Where a test sees its own folder, whatever the real one is: ``DIR`` in scripts and configurations."""


@dataclass(frozen=True, slots=True)
class TestCase:
    """One test of a folder: its name (``5840``), its group (``5840-DANE-OpenSSL``) and its script."""

    __test__ = False  # not a class of tests for pytest

    name: str
    group: str
    path: Path


@dataclass(frozen=True, slots=True)
class Goldens:
    """The stored outputs of one test: text by output (``log``, ``mail/NAME``, ``msglog/ID``)."""

    texts: Mapping[str, str] = field(default_factory=dict)


class Source(Protocol):
    """A folder of tests."""

    root: Path
    identity: Identity
    era: Era

    @property
    def begins(self) -> float:
        """Where the clock of a test stands as it begins."""

    def program(self, profile: Profile) -> Profile:
        """The program that the goldens were made with, for a test that runs under ``profile``."""

    def tests(self) -> Sequence[TestCase]:
        """All tests, in order."""

    def script(self, case: TestCase) -> script.Script:
        """The test's script; raises ``InputError``."""

    def files(self, case: TestCase) -> Mapping[str, bytes]:
        """The prepared files by scenario path, ``DIR/test-config`` among them; raises ``InputError``."""

    def zones(self, case: TestCase) -> Zones:
        """The DNS of the test; raises ``InputError``."""

    def peers(self, case: TestCase) -> Peers:
        """The servers around the test's host; raises ``InputError``."""

    def requirements(self, case: TestCase) -> Sequence[str]:
        """What the group needs, as lines of a ``REQUIRES`` file."""

    def goldens(self, case: TestCase, profile: Profile) -> Goldens:
        """The stored outputs for a profile."""

    def has_goldens(self, case: TestCase, profile: Profile) -> bool:
        """Whether the stored outputs are those of this profile."""

    def stored_by(self, who: Identity) -> Source | None:
        """The same tests on the machine of another who has stored goldens; None if all are of this one."""

    def store(self, case: TestCase, profile: Profile, texts: Mapping[str, str]) -> list[Path]:
        """Make these the goldens for a profile; returns the files that changed. May raise ``InputError``."""


def as_text(content: bytes) -> str:
    """Octets as text that keeps those that are not UTF-8."""
    return content.decode("utf-8", "surrogateescape")


def as_bytes(text: str) -> bytes:
    """The octets of a text that ``as_text`` gave, or that a subject wrote."""
    return text.encode("utf-8", "surrogateescape")


def read_text(folder: Folder, name: str) -> str:
    """A file of a folder, as ``as_text`` has it; raises ``InputError``."""
    try:
        return as_text(folder.read(name))
    except OSError as error:
        raise InputError(
            f"{error.strerror}; expected a readable file of this folder", str(folder.path / name)
        ) from None


def required(folder: Folder, case: TestCase) -> list[str]:
    """The lines of the file ``REQUIRES`` beside a test's script."""
    name = case.path.parent.relative_to(folder.path).as_posix() + "/REQUIRES"
    text = read_text(folder, name) if folder.is_file(name) else ""
    return [line.strip() for line in text.split("\n") if line.strip()]


def named_files(folder: Folder, below: str, test: str) -> dict[str, str]:
    """Where the files ``TEST.NAME`` of a folder are, by ``NAME``; those in folders ``TEST.dir/`` too."""
    prefix = f"{below}/{test}."
    mine = [f"{below}/{name}" for name in folder.names(below) if name.startswith(f"{test}.")]
    names = [name for one in mine for name in ((one,) if folder.is_file(one) else folder.files(one))]
    return {name.removeprefix(prefix): name for name in names}


@lru_cache(maxsize=4)
def _words(identity: Identity) -> tuple[tuple[re.Pattern[str], str], ...]:
    """``do_substitute`` of runtest: the words of scripts, configurations and zones, in its order."""
    whole = {
        "CALLER": identity.caller, "CALLERGROUP": identity.caller_group, "CALLER_UID": identity.caller_uid,
        "CALLER_GID": identity.caller_gid, "EXIMGROUP": identity.exim_group, "EXIMUSER": identity.exim_user,
        "HOSTIPV4": identity.ipv4, "HOSTIPV6": identity.ipv6, "HOSTNAME": identity.hostname,
        "PORT_D2": identity.port_d2, "PORT_D3": identity.port_d3, "PORT_D4": identity.port_d4,
        "PORT_N": identity.port_n, "PORT_S": identity.port_s, "PORT_DYNAMIC": identity.port_dynamic,
        "MAILGROUP": identity.mail_group,
    }  # fmt: skip
    return (
        *((re.compile(rf"\b{word}\b", re.ASCII), value) for word, value in whole.items()),
        (re.compile(r"\bDIR/", re.ASCII), f"{identity.directory}/"),
        (re.compile(r"(?:\b|(?<=_))PORT_D\b", re.ASCII), identity.port_d),
        (re.compile(r"(\b|_)V4NET([._])?", re.ASCII), rf"\g<1>{identity.ipv4_test_net}\2"),
        (re.compile(r"\bV6NET:?", re.ASCII), f"{identity.ipv6_test_net}:"),
    )


def number_of(file: str) -> str:
    """The test that a file of a tree belongs to, by the number that its name begins with; ``0``: none."""
    digits = len(file) - len(file.lstrip("0123456789"))
    return file[:digits] or "0"


def substitute(text: str, identity: Identity, test: str) -> str:
    """``text`` with the words that stand for the test environment replaced; ``test`` is ``TESTNUM``."""
    for pattern, value in _words(identity):
        text = pattern.sub(value, text)
    return re.sub(r"\bTESTNUM\b", test, text)


def zone_texts(folder: Folder, below: str, identity: Identity) -> dict[str, str]:
    """The zone files in fakens format of a folder, as ``runtest`` copies them: path to text, the words that
    stand for the test environment replaced in both. Empty if there are none. Raises ``InputError``.
    """
    place = folder.path / below
    return {
        str(place / _zone_name(name, identity)): substitute(
            decode(as_bytes(read_text(folder, f"{below}/{name}")), str(place / name)), identity, "0"
        )
        for name in folder.names(below)
        if name.startswith(("db.", "qualify."))
    }


def _zone_name(name: str, identity: Identity) -> str:
    if name == "db.ip6.V6NET":
        return "db.ip6." + ".".join(reversed(identity.ipv6_test_net))
    return name.replace("db.ip4.V4NET", f"db.ip4.{identity.ipv4_test_net}")


def choose(cases: Sequence[TestCase], selectors: Iterable[str], where: Path) -> list[TestCase]:
    """The tests that ``TEST``, ``FIRST-LAST`` and ``GROUP`` name; all if there are no selectors.

    Raises ``InputError`` for a selector that names nothing.
    """
    chosen: dict[TestCase, None] = {}
    wanted = list(selectors)
    for selector in wanted:
        found = [case for case in cases if _selects(selector, case)]
        if not found:
            raise InputError(_nothing(selector, cases), str(where))
        chosen.update(dict.fromkeys(found))
    return [case for case in cases if case in chosen] if wanted else list(cases)


_FIRST_SPECIAL = 9000


def is_automatic(case: TestCase) -> bool:
    """Whether ``runtest`` runs the test without being told its number: from 9000 on they need what is rarely
    there."""
    return not case.name[:1].isdigit() or float(case.name) < _FIRST_SPECIAL


_RANGE = re.compile(r"(\d{4}(?:\.\d+)?)-(\d{4}(?:\.\d+)?)$", re.ASCII)


def _selects(selector: str, case: TestCase) -> bool:
    if selector in (case.name, case.group) or selector == case.group.partition("-")[2]:
        return True
    match = _RANGE.match(selector)
    return (
        match is not None
        and case.name[:1].isdigit()
        and float(match[1]) <= float(case.name) <= float(match[2])
    )


def _nothing(selector: str, cases: Sequence[TestCase]) -> str:
    names = dict.fromkeys([case.name for case in cases] + [case.group for case in cases])
    near = difflib.get_close_matches(selector, names, n=1)
    hint = f"did you mean {near[0]}?" if near else "expected the number of a test, FIRST-LAST, or a group"
    return f"no test {selector!r} here; {hint}"
