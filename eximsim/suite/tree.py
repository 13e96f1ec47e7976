"""The ``test/`` folder of an Exim source tree, read as it is: scripts, configurations, zones and goldens.

What ``runtest`` prepares with files and processes is prepared here in memory (test/runtest, main program).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path

from eximsim.errors import InputError
from eximsim.files import Folder
from eximsim.mta.certs.ocsp import parse_response
from eximsim.profiles import Profile
from eximsim.suite import script
from eximsim.suite.detect_release import program_chosen, program_of_tree
from eximsim.suite.flavour import NEW_OPENSSL, flavour
from eximsim.suite.normalisation import Identity
from eximsim.suite.runtest_versions import era_of
from eximsim.suite.servers_around import Peers
from eximsim.suite.source import (
    DIRECTORY,
    Goldens,
    TestCase,
    as_bytes,
    named_files,
    number_of,
    read_text,
    required,
    substitute,
    zone_texts,
)
from eximsim.world.clock import START
from eximsim.world.fakens import fakens_zones
from eximsim.world.reply import Zones

_GROUP = re.compile(r"\d{4}")
_TEST = re.compile(r"\d{4}(?:\.\d+)?$", re.ASCII)

_CLIENT = "src/client.c"
_PROOF = "aux-fixed/exim-ca/example.com/server1.example.com/server1.example.com.ocsp.good.resp"
_MONTH = 30 * 86400.0
_SIGNER = "jgh"
"""Who ran the suite when the goldens with signatures over a caller's address were stored."""
_RUN_BY = Identity(DIRECTORY, caller=_SIGNER, caller_home=f"/home/{_SIGNER}")

OUTPUTS = {
    "paniclog": "paniclog",
    "rejectlog": "rejectlog",
    "log": "log",
    "stdout": "stdout",
    "stderr": "stderr",
}
"""The outputs that have one golden per test, and the folder of each."""


class EximTree:
    """A ``Source``: the folder that holds ``scripts/``, ``confs/`` and ``log/``."""

    def __init__(self, root: Path, identity: Identity = _RUN_BY) -> None:
        self._folder = Folder(root)
        for name in ("scripts", "confs", "log"):
            if not self._folder.is_folder(name):
                raise InputError(
                    f"no folder {name}/ here; expected the test/ folder of an Exim source tree", str(root)
                )
        self.root = root
        self.identity = identity
        if not self._folder.is_file("runtest"):
            raise InputError(
                "no runtest here; expected it to tell how the goldens were normalised", str(root)
            )
        client = read_text(self._folder, _CLIENT) if self._folder.is_file(_CLIENT) else ""
        self.era = era_of(read_text(self._folder, "runtest"), client)
        # a runner that cannot normalise TLS 1.3 suites was never run where there were any
        self._openssl = None if "cipher_nnn" in self.era else "openssl-1.0.2"

    def program(self, profile: Profile) -> Profile:
        """See ``Source``."""
        chosen = program_chosen(self.root, profile)
        # as its tests ask for; up to 4.96 goldens are OpenSSL 1.1.1's
        program = replace(chosen, i18n=True, signature_headed=chosen.signature_without_blanks)
        if self._openssl is not None and program.tls_library.startswith("openssl"):
            program = replace(program, tls_library=self._openssl)
        return program

    @cached_property
    def begins(self) -> float:
        """See ``Source``: while the tree's OCSP responses are still good."""
        if not self._folder.is_file(_PROOF):
            return START
        upto = parse_response(self._folder.read(_PROOF)).singles[0].next_update
        return START if upto is None else min(START, upto - _MONTH)

    def own_program(self) -> Profile:
        """The program that the tree was tested with; raises ``InputError`` if the tree does not tell."""
        return program_of_tree(self.root)

    @cached_property
    def _cases(self) -> tuple[TestCase, ...]:
        return tuple(
            TestCase(name, group, self.root / "scripts" / group / name)
            for group in self._folder.names("scripts")
            if _GROUP.match(group)
            for name in self._folder.names(f"scripts/{group}")
            if _TEST.match(name)
        )

    def tests(self) -> Sequence[TestCase]:
        """See ``Source``."""
        return self._cases

    def script(self, case: TestCase) -> script.Script:
        """See ``Source``."""
        return script.parse(read_text(self._folder, f"scripts/{case.group}/{case.name}"), str(case.path))

    def files(self, case: TestCase) -> Mapping[str, bytes]:
        """See ``Source``: the configuration and the files that ``runtest`` puts into ``aux-var/``."""
        conf = self._substituted(f"confs/{case.name}", case.name)
        return {f"{DIRECTORY}/test-config": as_bytes(conf), **self._aux_var}

    def zones(self, case: TestCase) -> Zones:
        """See ``Source``; all tests of a tree have the same DNS."""
        return self._zones

    def peers(self, case: TestCase) -> Peers:
        """See ``Source``: there are none but those that scripts start."""
        return Peers()

    def requirements(self, case: TestCase) -> Sequence[str]:
        """See ``Source``."""
        return required(self._folder, case)

    def goldens(self, case: TestCase, profile: Profile) -> Goldens:
        """See ``Source``; where there is one for OpenSSL with TLS 1.3, it is for profiles that have that."""
        texts = {
            output: read_text(self._folder, name)
            for output, folder in OUTPUTS.items()
            if self._folder.is_file(name := f"{folder}/{case.name}")
        }
        for output, folder in OUTPUTS.items() if profile.tls_library == "openssl-3" else ():
            if self._folder.is_file(name := f"{folder}/{case.name}.{NEW_OPENSSL}"):
                texts[output] = read_text(self._folder, name)
        for kind in ("mail", "msglog"):
            for name, file in named_files(self._folder, kind, case.name).items():
                texts[f"{kind}/{name}"] = read_text(self._folder, file)
        return Goldens(texts)

    def goldens_here(self, case: TestCase, profile: Profile) -> Goldens:
        """The goldens for this machine: where there is one of its kind it is that."""
        texts = dict(self.goldens(case, profile).texts)
        for output, folder in OUTPUTS.items():
            if self._flavour and self._folder.is_file(name := f"{folder}/{case.name}.{self._flavour}"):
                texts[output] = read_text(self._folder, name)
        return Goldens(texts)

    @cached_property
    def _flavour(self) -> str:
        return flavour(self.root)

    def has_goldens(self, case: TestCase, profile: Profile) -> bool:
        """See ``Source``: the tree's are for whatever is run."""
        return True

    def stored_by(self, who: Identity) -> EximTree:
        """See ``Source``."""
        return EximTree(self.root, who)

    def store(self, case: TestCase, profile: Profile, texts: Mapping[str, str]) -> list[Path]:
        """Not for a tree: its goldens are Exim's."""
        raise InputError(
            "the goldens of an Exim tree are not changed; expected a suite of the project", str(self.root)
        )

    def _substituted(self, name: str, test: str) -> str:
        return substitute(read_text(self._folder, name), self.identity, test)

    @cached_property
    def _aux_var(self) -> dict[str, bytes]:
        return {
            f"{DIRECTORY}/aux-var/{name}": as_bytes(self._substituted(f"aux-var-src/{name}", number_of(name)))
            for name in self._folder.names("aux-var-src")
            if self._folder.is_file(f"aux-var-src/{name}") and not name.startswith(".")
        }

    @cached_property
    def _zones(self) -> Zones:
        if not self._folder.is_folder("dnszones-src"):
            raise InputError("no folder dnszones-src/ here; expected the zones of the tests", str(self.root))
        zones = zone_texts(self._folder, "dnszones-src", self.identity)
        return fakens_zones(zones | own_zones(self.identity))


def own_zones(identity: Identity, *, ipv6: bool = False) -> dict[str, str]:
    """Zones for the test host itself, forward and reverse, as files in fakens format.

    The forward zone passes on what it does not know, as the one that ``runtest`` makes does.
    """
    short, _, domain = identity.hostname.partition(".")
    first, *rest = identity.ipv4.split(".")
    zones = {
        f"db.{domain}": f"PASS ON NOT FOUND\n{short} A {identity.ipv4}\n",
        f"db.ip4.{first}": f"{'.'.join(reversed(rest))} PTR {identity.hostname}.\n",
    }
    if ipv6:
        nibbles = ip_address(identity.ipv6).reverse_pointer.removesuffix(".ip6.arpa").split(".")
        name, zone = ".".join(nibbles[:-4]), ".".join(nibbles[-4:])
        zones[f"db.{domain}"] += f"{short} AAAA {identity.ipv6}\n"
        zones[f"db.ip6.{zone}"] = f"{name} PTR {identity.hostname}.\n"
    return zones
