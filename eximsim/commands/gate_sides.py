"""What ``eximsim gate`` compares: configurations, releases, a revision, a lock file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eximsim.commands.policies import Outside, configuration_text, sources
from eximsim.errors import Gap, InputError
from eximsim.files import read_named_text
from eximsim.mta.base.string import from_octets
from eximsim.profiles import NEWEST, Profile, profile, with_tls
from eximsim.quick_dataclass import dataclass
from eximsim.storage import store

if TYPE_CHECKING:
    from eximsim.gate.explore_policies import Survey
    from eximsim.gate.lock_text import Lock
    from eximsim.gate.memory import Memory
    from eximsim.gate.report import Report
    from eximsim.gate.views import Wanted
    from eximsim.suite.policy import Policy

EVERYTHING = "everything"
_USUAL = ("exim.conf", "exim4.conf", "exim4.conf.template", "configure")
"""What configurations are called, if none is named."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How configurations are read: macros, what is beside them, the two releases and their TLS library."""

    macros: Mapping[str, str]
    outside: Outside
    old: str | None
    new: str | None
    tls: str | None

    @property
    def releases(self) -> tuple[Profile, Profile]:
        """The release of each side."""
        first = profile(self.old or NEWEST)
        second = profile(self.new) if self.new else first
        return self._built(first), self._built(second)

    def _built(self, release: Profile) -> Profile:
        return with_tls(release, self.tls) if self.tls else release


def wanted(hosts: int, recipients: Sequence[str], senders: Sequence[str]) -> Wanted:
    """What is to be explored; raises ``InputError`` for what is no address."""
    from eximsim.gate.views import Wanted

    for address in recipients:
        if not all(address.rpartition("@")[::2]):
            raise InputError(f"--recipient {address}: expected an address, LOCAL@DOMAIN")
    plain = tuple("" if sender == "<>" else sender for sender in senders)
    for sender in filter(None, plain):
        if not all(sender.rpartition("@")[::2]):
            raise InputError(f"--sender {sender}: expected an address, LOCAL@DOMAIN, or <>")
    return Wanted(hosts, tuple(recipients), plain)


@contextmanager
def policies(paths: Sequence[Path], revision: str | None, reading: Reading) -> Iterator[tuple[Policy, ...]]:
    """The policies to compare, one or two; files are read as long as the context lasts."""
    if revision is None:
        if not 1 <= len(paths) <= 2:
            raise click.UsageError(f"{len(paths)} configurations given; expected one or two")
        sides = list(zip(paths, reading.releases, strict=False))
        if len(paths) == 1 and reading.new:
            sides.append((paths[0], reading.releases[1]))
        yield tuple(_policy(path, release, reading) for path, release in sides)
        return
    if len(paths) > 1:
        raise click.UsageError(f"{len(paths)} configurations given; --git takes one")
    path = paths[0] if paths else _usual()
    with _at_revision(path, revision) as (text, read):
        head = _policy(path, reading.releases[1], reading)
        then = replace(head.sources, revision=read)
        yield replace(head, text=text, sources=then, profile=reading.releases[0]), head


def _policy(path: Path, release: Profile, reading: Reading) -> Policy:
    from eximsim.gate.lattice import certificates
    from eximsim.suite.policy import Policy

    files = sources(str(path), reading.outside)
    text = configuration_text(str(path))
    return Policy(str(path), text, release, certificates(("mail.invalid",)), reading.macros, files)


def names(pair: Sequence[Policy], revision: str | None) -> tuple[str, str]:
    """What the report calls the two policies."""
    one, two = pair
    if revision is not None and one.profile == two.profile:
        return f"{one.path} at {revision}", two.path
    if one.path != two.path and one.profile == two.profile:
        return one.path, two.path
    then = "" if revision is None else f" at {revision}"
    return f"{one.path}{then} ({one.profile.name})", f"{two.path} ({two.profile.name})"


# ---- a revision ------------------------------------------------------------------------------------------


def _usual() -> Path:
    """The configuration of the working directory, if nobody names one."""
    there = [Path(name) for name in _USUAL if Path(name).is_file()]
    if len(there) != 1:
        found = ", ".join(map(str, there)) or "none"
        raise click.UsageError(f"expected CONF: of {', '.join(_USUAL)} there is {found}")
    return there[0]


@contextmanager
def _at_revision(path: Path, revision: str) -> Iterator[tuple[str, Callable[[str], bytes | None]]]:
    """The text of a configuration at a revision, and what reads the files below its folder as they were."""
    from eximsim.suite.git import opened, repository_around

    top = repository_around(path.parent)
    if top is None:
        raise InputError("is in no git repository; --git compares with a revision of one", str(path))
    with opened(top) as repository:
        if repository is None:
            what = "the repository is not whole (a shallow clone?); expected all of its history"
            raise InputError(f"{what}: fetch-depth: 0, or git fetch --unshallow", str(top))
        commit = repository.commit(revision)
        if commit is None:
            raise InputError(f"no revision {revision} here; expected a commit, a branch or a tag", str(top))
        entries = repository.entries(commit)
        folder = Path(os.path.realpath(path.parent)).relative_to(top)

        def read(name: str) -> bytes | None:
            """A file by its name below the folder of the configuration; links in the tree are followed."""
            place = os.path.normpath(folder / name.lstrip("/"))
            for _ in range(_LINKS):
                entry = entries.get(place)
                if entry is None:
                    return None
                content = repository.contents([replace(entry, mode="100644")])[entry.name]
                if entry.mode != _LINK:
                    return content
                place = os.path.normpath(os.path.join(os.path.dirname(place), os.fsdecode(content)))
            return None

        content = read(path.name)
        if content is None:
            raise InputError(f"not in revision {revision}", str(path))
        yield from_octets(content), read


_LINK, _LINKS = "120000", 8


# ---- a lock file -----------------------------------------------------------------------------------------


def locked(policy: Policy, wanted: Wanted, path: Path, groups: Sequence[str], memory: Memory) -> Report:
    """Compare with the lock file, and write it if that was asked for and everything could be looked at."""
    from eximsim.gate.explore_policies import survey
    from eximsim.gate.lock import accepted, check, current, everyday
    from eximsim.gate.lock_text import expect_lock, written

    if groups and os.environ.get("CI"):
        raise InputError(
            "--accept is refused where CI is set: agree on your own machine, and commit the file"
        )
    release, hosts = policy.profile.name, wanted.hosts
    text = read_named_text(path, "a lock file") if path.exists() else None
    if EVERYTHING in groups:
        if text is not None:
            expect_lock(text, str(path))
        plan = survey((policy,), wanted, memory=memory)
        lock = current(plan, release, hosts)
        plan.origins = {view.name: view for view in plan.views}
        report = check(lock, lock, plan, str(path), policy.path)
        if report.gaps:
            return replace(report, gaps=(*report.gaps, _NOT_WRITTEN))
        before = report if text is None else _agreed_before(policy, wanted, path, text, memory, report)
        store(path, written(lock).encode(), was=None if text is None else text.encode())
        return before
    if text is None:
        raise InputError("no such lock file; --accept makes it", str(path))
    agreed, found, plan = _both(policy, wanted, path, text, memory)
    report = check(agreed, found, plan, str(path), policy.path)
    if not groups:
        return report
    unknown = set(groups) - {group.name for group in report.groups}
    if unknown:
        known = ", ".join(dict.fromkeys(group.name for group in report.groups)) or "none"
        raise InputError(f"no group {', '.join(sorted(unknown))} in what has changed; there is {known}")
    if plan.gaps:
        return replace(report, gaps=(*report.gaps, _NOT_WRITTEN))
    agreed = accepted(agreed, found, plan, frozenset(groups))
    store(path, written(agreed).encode(), was=text.encode())
    left = tuple(group for group in report.groups if group.name not in groups)
    return replace(report, groups=left, everyday=everyday(agreed, found, plan))


def _both(policy: Policy, wanted: Wanted, path: Path, text: str, memory: Memory) -> tuple[Lock, Lock, Survey]:
    """What a lock file holds, and what is found now of the same mail."""
    from eximsim.gate.diagram import Forest
    from eximsim.gate.explore_policies import survey
    from eximsim.gate.lock import current
    from eximsim.gate.lock_text import read_lock

    agreed = read_lock(text, str(path), Forest())
    if agreed.hosts != wanted.hosts:
        raise InputError(f"was made with --hosts {agreed.hosts}; found --hosts {wanted.hosts}", str(path))
    plan = survey((policy,), wanted, tuple(agreed.views.values()), memory)
    return read_lock(text, str(path), plan.forest), current(plan, policy.profile.name, wanted.hosts), plan


def _agreed_before(
    policy: Policy, wanted: Wanted, path: Path, text: str, memory: Memory, now: Report
) -> Report:
    """What agreeing to everything changes in what was agreed on before.

    What the lock held and what is met now need not be the same mail, and a lock of another making may not be
    readable at all: the report is that of ``now`` then. Both are told, and neither keeps a new lock from
    being written.
    """
    from eximsim.gate.lock import check

    try:
        report = check(*_both(policy, wanted, path, text, memory), str(path), policy.path)
    except InputError as error:
        gap = Gap(f"what was agreed on before is not compared: {error}")
        return replace(now, agreed=True, gaps=(gap,), everyday=())
    return replace(report, agreed=True, gaps=tuple(gap._replace(remedy="") for gap in report.gaps))


_NOT_WRITTEN = Gap("the lock is not written: not everything could be looked at")
