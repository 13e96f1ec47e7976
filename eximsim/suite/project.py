"""A project's own folder of tests: ``testsuite/`` of this project, or any laid out the same way.

::

    scripts/NNNN-Group/TEST  (or scripts/TEST)    the script; '#@ profiles P...' names what it runs under
    confs/TEST                                    the configuration
    dnszones/                                     zones in fakens form, or master files
    dnszones/TEST.json                            a test's own: a list of RRsets
    servers/TEST.json                             servers around the test's host (suite/servers_around.py)
    certs/NAME.chain.pem (or certs/NAME.pem)      what '@cert:NAME' in a zone refers to: the first certificate
    logs/TEST, stdout/TEST, stderr/TEST, ...      goldens; logs/TEST@PROFILE if one profile's differs
    mail/TEST.NAME, msglogs/TEST.ID               goldens of mailboxes and message logs
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from eximsim.errors import InputError
from eximsim.files import Folder
from eximsim.profiles import NEWEST as NEWEST_PROFILE
from eximsim.profiles import Profile
from eximsim.profiles import profile as profile_named
from eximsim.storage import remove_below, store_below
from eximsim.suite import script
from eximsim.suite.normalisation import Identity
from eximsim.suite.runtest_versions import NEWEST
from eximsim.suite.servers_around import Peers, read_peers
from eximsim.suite.source import (
    DIRECTORY,
    Goldens,
    TestCase,
    as_bytes,
    named_files,
    read_text,
    required,
    substitute,
    zone_texts,
)
from eximsim.suite.tree import own_zones
from eximsim.world.certificates import der_chain, load_chains
from eximsim.world.clock import START
from eximsim.world.fakens import fakens_zones
from eximsim.world.reply import Zones
from eximsim.world.zones import zones_in

FOLDERS = {
    "log": "logs", "rejectlog": "rejectlogs", "paniclog": "paniclogs", "stdout": "stdout", "stderr": "stderr",
    "mail": "mail", "msglog": "msglogs",
}  # fmt: skip
"""Where the goldens of each output are."""


class ProjectSuite:
    """A ``Source``."""

    def __init__(self, root: Path) -> None:
        self._folder = Folder(root)
        for name in ("scripts", "confs"):
            if not self._folder.is_folder(name):
                raise InputError(
                    f"no folder {name}/ here; expected scripts/, confs/, dnszones/ and logs/", str(root)
                )
        self.root = root
        self.identity = Identity(DIRECTORY)
        self.era = NEWEST
        self.begins = START

    def program(self, profile: Profile) -> Profile:
        """See ``Source``: the profile itself."""
        return profile

    @cached_property
    def _cases(self) -> tuple[TestCase, ...]:
        scripts = self.root / "scripts"
        names = [self.root / name for name in self._folder.files("scripts")]
        paths = [path for path in names if _is_script(path)]
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
        name = case.path.relative_to(self.root).as_posix()
        return script.parse(read_text(self._folder, name), str(case.path))

    def profiles(self, case: TestCase) -> Sequence[str]:
        """The names of the profiles that the script asks for; the newest if it names none."""
        return self.script(case).settings.get("profiles", (NEWEST_PROFILE,))

    def files(self, case: TestCase) -> Mapping[str, bytes]:
        """See ``Source``."""
        conf = substitute(read_text(self._folder, f"confs/{case.name}"), self.identity, case.name)
        return {f"{DIRECTORY}/test-config": as_bytes(conf)}

    def zones(self, case: TestCase) -> Zones:
        """See ``Source``: the test's own, or those of ``dnszones/`` and the test host's."""
        own = f"dnszones/{case.name}.json"
        return zones_in(self._folder, own, self._certificate) if self._folder.is_file(own) else self._zones

    @cached_property
    def _zones(self) -> Zones:
        if not self._folder.is_folder("dnszones"):
            return fakens_zones(own_zones(self.identity))
        files = zone_texts(self._folder, "dnszones", self.identity)
        if not files:
            return zones_in(self._folder, "dnszones", self._certificate)
        return fakens_zones(files | own_zones(self.identity), self._certificate)

    def _certificate(self, name: str) -> bytes:
        for file in (f"certs/{name}.chain.pem", f"certs/{name}.pem"):
            if self._folder.is_file(file):
                return _first(self._folder.read(file), str(self.root / file))
        raise KeyError(name)

    def peers(self, case: TestCase) -> Peers:
        """See ``Source``: those of ``servers/TEST.json``."""
        name = f"servers/{case.name}.json"
        if not self._folder.is_file(name):
            return Peers()
        return read_peers(self._folder, name, load_chains(self._folder, "certs"))

    def requirements(self, case: TestCase) -> Sequence[str]:
        """See ``Source``: as in an Exim tree."""
        return required(self._folder, case)

    def goldens(self, case: TestCase, profile: Profile) -> Goldens:
        """See ``Source``: a profile's own golden goes before the common one."""
        texts: dict[str, str] = {}
        for output, folder in FOLDERS.items():
            if output in ("mail", "msglog"):
                for name, file in named_files(self._folder, folder, case.name).items():
                    texts[f"{output}/{name}"] = read_text(self._folder, file)
            elif self._folder.is_file(file := self._golden(folder, case, profile)):
                texts[output] = read_text(self._folder, file)
        return Goldens(texts)

    def has_goldens(self, case: TestCase, profile: Profile) -> bool:
        """See ``Source``: of those that the script names, or of all if it names none."""
        named = self.script(case).settings.get("profiles", ())
        return not named or self._label(case, profile) in named

    def _golden(self, folder: str, case: TestCase, profile: Profile) -> str:
        special = f"{folder}/{case.name}@{self._label(case, profile)}"
        return special if self._folder.is_file(special) else f"{folder}/{case.name}"

    def _label(self, case: TestCase, profile: Profile) -> str:
        """A profile's name as the script has it, which may be an alias."""
        names = (name for name in self.profiles(case) if profile_named(name) == profile)
        return next(names, profile.name)

    def stored_by(self, who: Identity) -> None:
        """See ``Source``."""

    def store(self, case: TestCase, profile: Profile, texts: Mapping[str, str]) -> list[Path]:
        """See ``Source``. The first profile that the script names has the common golden; another profile
        has one of its own where it differs from that. Empty outputs have none.
        """
        label = self._label(case, profile)
        common = label == self.profiles(case)[0]
        changed = []
        for output, text in texts.items():
            kind, _, rest = output.partition("/")
            name = f"{FOLDERS[kind]}/{case.name}" + (f".{rest}" if rest else "")
            if not common and not rest:
                special = f"{name}@{label}"
                if self._holds(name, text):
                    remove_below(self.root, special)
                    continue
                name = special
            if self._update(name, text):
                changed.append(self.root / name)
        return changed

    def _holds(self, name: str, text: str) -> bool:
        return self._folder.is_file(name) and read_text(self._folder, name) == text

    def _update(self, name: str, text: str) -> bool:
        """Make ``text`` the golden ``name``, none if it is empty; whether that changes anything."""
        if not text:
            return remove_below(self.root, name)
        if self._holds(name, text):
            return False
        store_below(self.root, name, as_bytes(text))
        return True


def _is_script(path: Path) -> bool:
    return path.name != "REQUIRES" and not path.name.startswith(".") and path.suffix == ""


@lru_cache(maxsize=64)
def _first(pem: bytes, path: str) -> bytes:
    """The first certificate of a PEM file, as DER; raises ``InputError``."""
    chain = der_chain(pem)
    if not chain:
        raise InputError("expected a certificate in PEM form", path)
    return chain[0]
