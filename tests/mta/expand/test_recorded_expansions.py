"""What ``exim -be`` of six releases made of expressions is what the model makes of them.

``recorded_expansions.json`` has for each item, operator, condition and variable expressions with what came of
them: a text, or texts by profile where releases differ. It was recorded from builds of 4.89, 4.92.3, 4.95,
4.98.2, 4.99 and the development head, with the configuration and the file that are written here.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eximsim.mta.config import expansion_names
from eximsim.mta.program import exim
from eximsim.profiles import profile
from eximsim.subjects.runs import new_machine
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.rrsets import rrset_zones

RELEASES = ("4.89", "4.92", "4.95", "4.98", "4.99", "4.99-dev-13835a3c1")
CONFIG = """\
primary_hostname = mx.test.ex
keep_environment =
add_environment =
spool_directory = /srv/exp/spool
log_file_path = /srv/exp/%slog
domainlist doms = a.ex : b.ex
begin acl
yes:
 accept message = $acl_arg1-$acl_arg2-$acl_narg
no:
 deny message = never
"""
KEYS = "a: one\nb: two\n*.c: wild\n*: any\n"
GROUPS = {
    "item": expansion_names.ITEMS,
    "operator": expansion_names.OPERATORS,
    "condition": expansion_names.CONDITIONS | {"!"},
    "variable": expansion_names.VARIABLES,
}
ASKED = {
    "item": {"dlfunc", "perl", "prvscheck", "readsocket"},
    "operator": {"bless", "stat"},
    "condition": {"ldapauth", "pam", "pwcheck", "radius", "saslauthd"},
}
"""What the machine has to answer, or time, so that a recording says nothing; `bless` is 4.94's alone."""


def recorded() -> dict[str, dict[str, str | dict[str, str]]]:
    return json.loads((Path(__file__).parent / "recorded_expansions.json").read_text())  # type: ignore[no-any-return]


def expanded(expressions: list[str], release: str) -> str:
    files = {"/srv/exp/conf": CONFIG.encode(), "/srv/exp/keys": KEYS.encode()}
    world = MemoryWorld(rrset_zones([]), Host(files=files))
    machine = new_machine(world, profile(release))
    machine.hostname = "mx.test.ex"
    return exim.run(machine, ["-C", "/srv/exp/conf", "-be", *expressions], b"", {}, profile(release)).stdout


@pytest.mark.parametrize("release", RELEASES)
def test_expressions_are_what_the_program_makes_of_them(release: str) -> None:
    wanted = {
        expression: said if isinstance(said, str) else said[release]
        for rows in recorded().values()
        for expression, said in rows.items()
        if isinstance(said, str) or release in said
    }
    found = expanded(list(wanted), release)
    assert found.split("\n") == "".join(f"{text}\n" for text in wanted.values()).split("\n")


def test_every_name_has_an_expression_or_is_asked() -> None:
    names = recorded().keys()
    for group, known in GROUPS.items():
        if group != "variable":
            assert {name for name in known if f"{group} {name}" not in names} == ASKED[group]
    assert sum(name.startswith("variable ") for name in names) > 250
