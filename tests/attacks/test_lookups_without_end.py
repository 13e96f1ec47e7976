"""Files, queries, filters and patterns that have no end: each is given up in bounded time and memory."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.base.effort import Effort
from eximsim.mta.lookup.lookups.cdb import cdb_find
from eximsim.mta.lookup.lookups.json_file import json_find
from eximsim.mta.lookup.lookups.lsearch import read_lines
from eximsim.mta.lookup.lookups.sqlite import sqlite_find
from eximsim.piped import PipedCommand
from eximsim.world.answers import Answers, told
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.programs import run_known
from eximsim.world.rrsets import rrset_zones
from tests.attacks.test_without_end import SECONDS, configured, delivered
from tests.mta.front import Front

_NUMBERS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 600000) "
_LONG = "replace(hex(zeroblob(15000)), '0', 'a')"


def query(sql: str) -> Callable[[], object]:
    return lambda: sqlite_find(b"", _NUMBERS + sql, Effort())


def filtered(text: str) -> Callable[[], object]:
    subject = f"Subject: {'a' * 900_000}\n\n"
    return lambda: Front(files={"/f": text.encode()}, routers="").exim("-bf", "/f", stdin=subject)


WITHOUT_END: dict[str, Callable[[], object]] = {
    "a query that sorts very much": query(
        "SELECT count(*) FROM (SELECT x, zeroblob(9999) z FROM c ORDER BY z, x)"
    ),
    "a query with long values": query("SELECT length(zeroblob(x)) FROM c ORDER BY x DESC"),
    "a query with steps of any length": query(f"SELECT max(trim({_LONG} || x, {_LONG} || 'b' || x)) FROM c"),
    "a query with long patterns": query(f"SELECT x LIKE {_LONG} FROM c"),
    "a query that is not UTF-8": query("SELECT '\udcff'"),
    "a file of very many lines": lambda: read_lines(b"a: b\n" * 3_000_000),
    "an entry of very many lines": lambda: read_lines(b"a:\n" + b" b\n" * 3_000_000),
    "JSON of very many values": lambda: json_find(b"[" + b"{}," * 5_000_000 + b"1]", "0"),
    "a filter of very many commands": filtered("# Exim filter\n" + "add 1 to n1\n" * 200_000),
    "a filter of very many tests": filtered("# Sieve filter\n" + "if true { keep; }\n" * 200_000),
    "a pattern of many stars": filtered(
        f'# Sieve filter\nif header :matches "subject" "*{"a?" * 5000}b" {{ discard; }}\n'
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_END)
def test_what_is_read_without_end_is_not_modelled(name: str) -> None:
    began = time.process_time()
    with pytest.raises(Unsupported):
        WITHOUT_END[name]()
    assert time.process_time() - began < SECONDS


def test_a_database_in_which_every_place_is_taken_is_given_up() -> None:
    tables = (2048).to_bytes(4, "little") + (1_000_000).to_bytes(4, "little")
    place = (177670 ^ ord("k") ^ ord("a")).to_bytes(4, "little") + (8).to_bytes(4, "little")
    began = time.process_time()
    with pytest.raises(ValueError, match="do not tell where a key is"):
        cdb_find(tables * 256 + place * 1_000_000, b"k")
    assert time.process_time() - began < 1


def test_list_items_and_regular_expressions_have_an_end() -> None:
    hard = ":".join(f"^({number}|(a+)+)\\$" for number in range(2000))
    lines = "\n".join(f"domainlist l{number} = +l{number + 1} : {hard}" for number in range(20))
    result = delivered(
        configured(main=f"{lines}\ndomainlist l20 = {hard}", router="domains = ! +l0"), "a@aaaaaaaaaaaab"
    )
    (problem,) = result.unsupported
    assert "very much to search through" in problem


def test_patterns_of_answers_take_no_time() -> None:
    answers = Answers().with_more([("mysql", "*a" * 40 + "*b", told("x")), ("mysql", "a*b*a", told("y"))])
    began = time.process_time()
    assert answers.find("mysql", "a" * 10_000) is None
    assert time.process_time() - began < 1
    for question, fits in (("aba", True), ("abba", True), ("ab", False), ("aba b", False), ("acbca", True)):
        assert (answers.find("mysql", question) is not None) is fits
    assert answers.find("mysql", "a" * 40 + "b") is not None


def test_output_that_multiplies_is_not_known() -> None:
    world = MemoryWorld(rrset_zones([]), Host(files={"/f": b"x" * 1_000_000}))
    assert run_known(PipedCommand(("/bin/cat", "/f", "/f")), world) is not None
    assert run_known(PipedCommand(("/bin/cat", *["/f"] * 1000)), world) is None
