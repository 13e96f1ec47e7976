"""Files that have keys and are no text: cdb, JSON, SQLite."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import Unanswered, Unsupported
from eximsim.mta.base.effort import Effort
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.lookup.lookups.cdb import cdb_find
from eximsim.mta.lookup.lookups.json_file import json_find
from eximsim.mta.lookup.lookups.sqlite import sqlite_find
from tests.mta.routing_world import site


def cdb(*records: tuple[bytes, bytes]) -> bytes:
    """A constant database, made as its format says."""
    position, body, tables = 2048, b"", [[] for _ in range(256)]  # type: tuple[int, bytes, list[list[tuple[int, int]]]]
    for key, value in records:
        hashed = 5381
        for octet in key:
            hashed = (hashed * 33 & 0xFFFFFFFF) ^ octet
        tables[hashed % 256].append((hashed, position + len(body)))
        body += struct.pack("<II", len(key), len(value)) + key + value
    head, tail, at = b"", b"", position + len(body)
    for table in tables:
        slots = [(0, 0)] * (2 * len(table))
        for hashed, where in table:
            slot = hashed // 256 % len(slots)
            while slots[slot][1]:
                slot = (slot + 1) % len(slots)
            slots[slot] = (hashed, where)
        head += struct.pack("<II", at + len(tail), len(slots))
        tail += b"".join(struct.pack("<II", *pair) for pair in slots)
    return head + body + tail


@given(st.dictionaries(st.binary(max_size=6), st.binary(max_size=6)), st.binary(max_size=6))
def test_a_cdb_file_gives_what_was_put_in(known: dict[bytes, bytes], other: bytes) -> None:
    content = cdb(*known.items())
    assert all(cdb_find(content, key) == value for key, value in known.items())
    assert cdb_find(content, other) == known.get(other)


def test_a_cdb_file_that_ends_too_soon_is_told() -> None:
    with pytest.raises(ValueError, match="ends too soon"):
        cdb_find(b"too short", b"a")


def test_lookups_read_cdb_files_with_defaults_and_partial_keys() -> None:
    here = site(files={"/d": cdb((b"a", b"one"), (b"*", b"any"), (b"*.ex", b"wild"))}, release="4.99")
    texts = ("${lookup{a}cdb{/d}}", "${lookup{b}cdb*{/d}}", "${lookup{x.y.ex}partial1-cdb{/d}}")
    assert [expand(here.process, text) for text in texts] == ["one", "any", "wild"]


JSON = b'{"a": {"b": ["x", 7, true, null, 1.5]}, "c": {"d": "\xc3\xa4", "e": [1]}}'


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a:b:0", "x"),
        ("a : b : 1", "7"),
        ("a:b:2", "true"),
        ("a:b:3", None),
        ("a:b:4", "1.500000"),
        ("a:b:9", None),
        ("a:x", None),
        ("a:b:x", None),
        ("c", '{"d": "\u00e4", "e": [1]}'),
        ("<;c;d", "\u00e4"),
    ],
)
def test_a_key_leads_to_a_value_in_json(key: str, expected: str | None) -> None:
    assert json_find(JSON, key) == expected


@pytest.mark.parametrize("content", [b"", b"7", b'{"a": NaN}', b'{"a": 1e999}', b"{", b"\xff"])
def test_what_is_no_json_has_nothing(content: bytes) -> None:
    assert json_find(content, "a") is None


@pytest.mark.parametrize(
    ("number", "expected"), [(f"{2**63 - 1}", f"{2**63 - 1}"), (f"{2**63}", None), ("1" * 5000, None)]
)
def test_whole_numbers_have_64_bits(number: str, expected: str | None) -> None:
    assert json_find(f'{{"a": {number}}}'.encode(), "a") == expected


def test_what_goes_very_deep_is_not_guessed() -> None:
    with pytest.raises(Unsupported, match="so deep"):
        json_find(b"[" * 200_000, "0")


@pytest.fixture
def database(tmp_path: Path) -> bytes:
    with sqlite3.connect(tmp_path / "db") as made:
        made.execute("create table t (id, name)")
        made.executemany("insert into t values (?, ?)", [("a", "Al B"), ("b", ""), ("c", None), ("d", 'x"')])
    made.close()
    return (tmp_path / "db").read_bytes()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select name from t where id='a'", "Al B"),
        ("select id from t where id in ('a','b')", "a\nb"),
        ("select * from t where id='a'", 'id=a name="Al B" '),
        ("select * from t where id='b'", 'id=b name="" '),
        ("select * from t where id='c'", "id=c name=<NULL> "),
        ("select name from t where id='c'", "<NULL>"),
        ("select name from t where id='x'", None),
        ("select nonsense", None),
    ],
)
def test_rows_are_lines_and_fields_have_names(database: bytes, sql: str, expected: str | None) -> None:
    assert sqlite_find(database, sql, Effort()) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "delete from t",
        "attach '/etc/passwd' as p",
        "with recursive r(n) as (select 1 union all select n + 1 from r) select max(n) from r",
        "select hex(zeroblob(2000000))",
        "with recursive r(n) as (select 1 union all select n + 1 from r) select hex(zeroblob(9999)) from r",
        "select date('now')",
        "select CURRENT_TIME",
        "select Random()",
    ],
)
def test_a_database_is_only_read_within_bounds_and_without_chance(database: bytes, sql: str) -> None:
    with pytest.raises(Unsupported):
        sqlite_find(database, sql, Effort())


def test_the_file_is_named_in_three_ways(database: bytes) -> None:
    here = site(main="sqlite_dbfile = /d", files={"/d": database}, release="4.99")
    sql = "{select id from t where id='a'}"
    for text in (f"sqlite{sql}", f"sqlite,file=/d{sql}", "sqlite{/d " + sql[1:]):
        assert expand(here.process, f"${{lookup {text}}}") == "a"


def test_a_database_that_is_not_here_is_asked_about() -> None:
    with pytest.raises(Unanswered):
        expand(site(release="4.99").process, "${lookup sqlite{/d select 1}}")
    with pytest.raises(ExpansionFailed, match="absolute file name expected"):
        expand(site(release="4.99").process, "${lookup sqlite{select 1}}")
