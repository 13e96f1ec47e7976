"""Odd and failing expressions are what ``exim -be`` of seven releases made of them.

``testsuite/recordings/expansions.json.gz`` has expressions from a seeded generator: every item, operator and
condition with wrong numbers of arguments, blanks and braces where none belong, numbers that are too large,
lists and addresses that are none; and what is nearly an IP address. Each was given alone to the programs of
4.89, 4.92.3, 4.95, Debian's 4.96, 4.98.2, 4.99 and the development head, with the configuration and the
file that are written here. Where releases differ, the outcome stands by profile; ``died N`` is a signal or
the exit code of a panic.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from eximsim.mta.program import exim
from eximsim.profiles import profile
from eximsim.subjects.runs import User, new_machine
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.rrsets import rrset_zones

RECORDED = Path(__file__).parents[3] / "testsuite" / "recordings" / "expansions.json.gz"
RELEASES = ("4.89", "4.92", "4.95", "4.96-debian12", "4.98", "4.99", "4.99-dev-13835a3c1")
CONFIG = """\
primary_hostname = mx.test.ex
keep_environment = EV
add_environment = AV=added
spool_directory = /srv/exp/spool
log_file_path = /srv/exp/log/%slog
tls_advertise_hosts =
domainlist doms = a.ex : b.ex
domainlist nest = +doms : !c.ex : *.d.ex
hostlist hh = 10.0.0.0/8 : ::1
addresslist aa = a@b.ex : *@c.ex
localpartlist ll = joe : ^j
begin acl
yes:
 accept message = $acl_arg1-$acl_arg2-$acl_narg
no:
 deny message = never
args:
 accept condition = ${if >{$acl_narg}{1}}
  message = [$acl_arg1|$acl_arg9]
bad:
 accept condition = ${if
warn:
 warn set acl_m0 = $acl_arg1
"""
KEYS = (
    'a: one\nb: two\n*.c: wild\n*: any\n"q k": quoted\nd.ex: x=1 y="2 3" z\n'
    "10.0.0.0/8: net\n^r.x: regex\ne:\n"
)
FILES = {
    "/srv/exp/conf": CONFIG.encode(),
    "/srv/exp/keys": KEYS.encode(),
    "/srv/exp/file": b"line one\nline two\n",
}


def recorded() -> dict[str, str | dict[str, str]]:
    return json.loads(gzip.decompress(RECORDED.read_bytes()))  # type: ignore[no-any-return]


def expanded(expression: str, release: str) -> str:
    world = MemoryWorld(rrset_zones([]), Host(files=dict(FILES)))
    machine = new_machine(world, profile(release), user=User("root", 0, "root", 0))
    machine.hostname = "mx.test.ex"
    argv = ["-C", "/srv/exp/conf", "-be", expression]
    status = exim.run(machine, argv, b"", {"EV": "evalue"}, profile(release))
    return status.stdout.removesuffix("\n") if status.code == 0 else f"died {status.code}"


@pytest.mark.parametrize("release", RELEASES)
def test_odd_expressions_are_what_the_program_makes_of_them(release: str) -> None:
    differing = {}
    for expression, said in recorded().items():
        wanted = said if isinstance(said, str) else said.get(release)
        if wanted is not None and (found := expanded(expression, release)) != wanted:
            differing[expression] = (wanted, found)
    assert differing == {}


def test_the_expressions_are_many_and_releases_differ_in_some() -> None:
    known = recorded()
    assert len(known) > 900
    assert sum(isinstance(said, dict) for said in known.values()) > 200
