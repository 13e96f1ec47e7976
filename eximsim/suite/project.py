"""A project's own folder of tests: ``testsuite/`` of this project, or any laid out the same way.

::

    scripts/NNNN-Group/TEST  (or scripts/TEST)    the script; '#@ profiles P...' names what it runs under
    confs/TEST                                    the configuration
    dnszones/                                     zones in fakens form, or master files
    dnszones/TEST.json                            a test's own: a list of RRsets
    servers/TEST.json                             servers around the test's host (suite/peers.py)
    certs/NAME.chain.pem (or certs/NAME.pem)      what '@cert:NAME' in a zone refers to: the first certificate
    logs/TEST, stdout/TEST, stderr/TEST, ...      goldens; logs/TEST@PROFILE if one profile's differs
    mail/TEST.NAME, msglogs/TEST.ID               goldens of mailboxes and message logs
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from eximsim.errors import InputError
from eximsim.profiles import NEWEST as NEWEST_PROFILE
from eximsim.profiles import Profile
from eximsim.profiles import profile as profile_named
from eximsim.suite import script
from eximsim.suite.eras import NEWEST
from eximsim.suite.golden import write
from eximsim.suite.normalisation import Identity
from eximsim.suite.peers import Peers, read_peers
from eximsim.suite.source import (
    DIRECTORY,
    Goldens,
    TestCase,
    as_bytes,
    named_files,
    read_text,
    substitute,
    zone_texts,
)
from eximsim.suite.tree import own_zones
from eximsim.world.certificates import der_chain
from eximsim.world.fakens import fakens_zones
from eximsim.world.reply import Zones
from eximsim.world.zones import load_zones

FOLDERS = {
    "log": "logs", "rejectlog": "rejectlogs", "paniclog": "paniclogs", "stdout": "stdout", "stderr": "stderr",
    "mail": "mail", "msglog": "msglogs",
}  # fmt: skip
"""Where the goldens of each output are."""


class ProjectSuite:
    """A ``Source``."""

    def __init__(self, root: Path) -> None:
        for name in ("scripts", "confs"):
            if not (root / name).is_dir():
                raise InputError(
                    f"no folder {name}/ here; expected scripts/, confs/, dnszones/ and logs/", str(root)
                )
        self.root = root
        self.identity = Identity(DIRECTORY)
        self.era = NEWEST

    def program(self, profile: Profile) -> Profile:
        """See ``Source``: the profile itself."""
        return profile

    @cached_property
    def _cases(self) -> tuple[TestCase, ...]:
        scripts = self.root / "scripts"
        paths = [path for path in sorted(scripts.rglob("*")) if path.is_file() and _is_script(path)]
        return tuple(
            TestCase(path.name, "" if path.parent == scripts else path.parent.name, path)
            for path in sorted(paths, key=lambda path: (path.name, path.parent))
        )

    def tests(self) -> Sequence[TestCase]:
        """See ``Source``."""
        return self._cases

    def case_at(self, path: Path) -> TestCase | None:
        """The test whose script is the file ``path``, None if it is no script."""
        return next((case for case in self._cases if case.path == path), None)

    def script(self, case: TestCase) -> script.Script:
        """See ``Source``."""
        return script.parse(read_text(case.path), str(case.path))

    def profiles(self, case: TestCase) -> Sequence[str]:
        """The names of the profiles that the script asks for; the newest if it names none."""
        return self.script(case).settings.get("profiles", (NEWEST_PROFILE,))

    def files(self, case: TestCase) -> Mapping[str, bytes]:
        """See ``Source``."""
        conf = substitute(read_text(self.root / "confs" / case.name), self.identity, case.name)
        return {f"{DIRECTORY}/test-config": as_bytes(conf)}

    def zones(self, case: TestCase) -> Zones:
        """See ``Source``: the test's own, or those of ``dnszones/`` and the test host's."""
        own = self.root / "dnszones" / f"{case.name}.json"
        return load_zones(own, self._certificate) if own.is_file() else self._zones

    @cached_property
    def _zones(self) -> Zones:
        folder = self.root / "dnszones"
        if not folder.is_dir():
            return fakens_zones(own_zones(self.identity))
        files = zone_texts(folder, self.identity)
        if not files:
            return load_zones(folder, self._certificate)
        return fakens_zones(files | own_zones(self.identity), self._certificate)

    def _certificate(self, name: str) -> bytes:
        folder = self.root / "certs"
        chain = folder / f"{name}.chain.pem"
        return _first(chain if chain.is_file() else folder / f"{name}.pem")

    def peers(self, case: TestCase) -> Peers:
        """See ``Source``: those of ``servers/TEST.json``."""
        path = self.root / "servers" / f"{case.name}.json"
        return read_peers(path, self.root / "certs") if path.is_file() else Peers()

    def requirements(self, case: TestCase) -> Sequence[str]:
        """See ``Source``: as in an Exim tree."""
        path = case.path.parent / "REQUIRES"
        return (
            [line.strip() for line in read_text(path).split("\n") if line.strip()] if path.is_file() else []
        )

    def goldens(self, case: TestCase, profile: Profile) -> Goldens:
        """See ``Source``: a profile's own golden goes before the common one."""
        texts: dict[str, str] = {}
        for output, folder in FOLDERS.items():
            if output in ("mail", "msglog"):
                for name, path in named_files(self.root / folder, case.name).items():
                    texts[f"{output}/{name}"] = read_text(path)
            elif (path := self._golden(folder, case, profile)).is_file():
                texts[output] = read_text(path)
        return Goldens(texts)

    def has_goldens(self, case: TestCase, profile: Profile) -> bool:
        """See ``Source``: of those that the script names, or of all if it names none."""
        named = self.script(case).settings.get("profiles", ())
        return not named or self._label(case, profile) in named

    def _golden(self, folder: str, case: TestCase, profile: Profile) -> Path:
        special = self.root / folder / f"{case.name}@{self._label(case, profile)}"
        return special if special.is_file() else self.root / folder / case.name

    def _label(self, case: TestCase, profile: Profile) -> str:
        """A profile's name as the script has it, which may be an alias."""
        names = (name for name in self.profiles(case) if profile_named(name) == profile)
        return next(names, profile.name)

    def store(self, case: TestCase, profile: Profile, texts: Mapping[str, str]) -> list[Path]:
        """See ``Source``. The first profile that the script names has the common golden; another profile
        has one of its own where it differs from that. Empty outputs have none.
        """
        label = self._label(case, profile)
        common = label == self.profiles(case)[0]
        changed = []
        for output, text in texts.items():
            kind, _, rest = output.partition("/")
            path = self.root / FOLDERS[kind] / (f"{case.name}.{rest}" if rest else case.name)
            if not common and not rest:
                if path.is_file() and read_text(path) == text:
                    path.with_name(f"{case.name}@{label}").unlink(missing_ok=True)
                    continue
                path = path.with_name(f"{case.name}@{label}")
            if _update(path, text):
                changed.append(path)
        return changed


def _update(path: Path, text: str) -> bool:
    if not text:
        existed = path.is_file()
        path.unlink(missing_ok=True)
        return existed
    if path.is_file() and read_text(path) == text:
        return False
    write(path, text)
    return True


def _is_script(path: Path) -> bool:
    return path.name != "REQUIRES" and not path.name.startswith(".") and path.suffix == ""


@lru_cache(maxsize=64)
def _first(path: Path) -> bytes:
    """The first certificate of a PEM file, as DER; raises ``KeyError`` if there is no such file."""
    if not path.is_file():
        raise KeyError(path.stem)
    chain = der_chain(path.read_bytes())
    if not chain:
        raise InputError("expected a certificate in PEM form", str(path))
    return chain[0]
