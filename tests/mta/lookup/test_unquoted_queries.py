"""Queries with text that comes from outside and is not quoted."""

from __future__ import annotations

import pytest

from eximsim.ports import Told
from tests.mta.local import LocalMachine

KEEP = "driver = appendfile\nfile = /mail/a"
LINE = "tainted search query is not properly quoted (router v, /exim.conf "


def logged(data: str, release: str, *, main: str = "") -> list[str]:
    """The log lines about queries, for a message whose router asks a database."""
    routers = f"v:\n driver = redirect\n data = {data}\n"
    answers = [("mysql", "*", Told(":blackhole:")), ("pgsql", "*", Told(":blackhole:"))]
    machine = LocalMachine(KEEP, release, routers=routers, main=main, answers=answers)
    machine.deliver()
    assert any(line.startswith("=> :blackhole: ") for line in machine.log)
    return [line for line in machine.log if "properly quoted" in line]


def asked(query: str) -> str:
    return f"${{lookup mysql{{{query}}}}}"


@pytest.mark.parametrize(("release", "lines"), [("4.95", 0), ("4.96", 1), ("4.99", 1)])
def test_a_query_that_is_not_quoted_is_logged_and_asked(release: str, lines: int) -> None:
    found = logged(asked("select '$local_part'"), release)
    assert len(found) == lines
    assert all(line.startswith(LINE) and line.endswith("): select 'a'") for line in found)


@pytest.mark.parametrize(
    "query",
    [
        "select '${quote_mysql:$local_part}'",
        "select '${quote_mysql:${lc:$local_part@$domain}}' and 1",
        "select 1",
        "select '${strlen:$local_part}'",
    ],
)
def test_a_query_is_good_whose_tainted_parts_are_quoted(query: str) -> None:
    assert logged(asked(query), "4.99") == []


def test_one_part_that_is_not_quoted_is_enough() -> None:
    assert len(logged(asked("select '${quote_mysql:$local_part}' and '$domain'"), "4.99")) == 1


def test_the_same_query_is_logged_once_while_its_answer_is_remembered() -> None:
    query = asked("select '$domain'")
    assert len(logged(f"${{if eq{{{query}}}{{x}}{{}}{{{query}}}}}", "4.99")) == 1


@pytest.mark.parametrize(
    ("between", "lines"),
    [
        ("update t set a = 1", 2),
        ("servers=h; insert into t values (1)", 2),
        ("select 2", 1),
        ("(select 2) union (select 3)", 1),
    ],
)
def test_a_query_that_changes_something_makes_the_others_be_asked_again(between: str, lines: int) -> None:
    query = asked("select '$domain'")
    assert len(logged(f"${{if eq{{{query}{asked(between)}}}{{x}}{{}}{{{query}}}}}", "4.99")) == lines
    other = between if between.startswith("(") else f"${{lookup pgsql{{{between}}}}}"
    assert len(logged(f"${{if eq{{{query}{other}}}{{x}}{{}}{{{query}}}}}", "4.99")) == 1


@pytest.mark.parametrize(("release", "shown"), [("4.97", "servers=h; select 'a'"), ("4.98", "select 'a'")])
def test_servers_are_left_out_since_4_98(release: str, shown: str) -> None:
    (line,) = logged(asked("servers=h; select '$local_part'"), release)
    assert line.endswith(f"): {shown}")


def test_a_list_is_looked_at_as_it_was_expanded() -> None:
    routers = "v:\n driver = accept\n domains = mysql;select '$domain'\n transport = t\n user = CALLER\n"
    answers = [("mysql", "*", Told("x"))]
    machine = LocalMachine(KEEP, "4.99", routers=routers, answers=answers)
    machine.deliver()
    assert [line for line in machine.log if line.startswith(LINE)]
    quoted = routers.replace("$domain", "${quote_mysql:$domain}")
    machine = LocalMachine(KEEP, "4.99", routers=quoted, answers=answers)
    machine.deliver()
    assert not [line for line in machine.log if "properly quoted" in line]
