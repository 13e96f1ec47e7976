"""Trying rewrite and retry rules from the command line (-brw, -brt)."""

from __future__ import annotations

import pytest

from tests.mta.front import Front

REWRITE = """begin rewrite
^<?s@a <t@b.ex> S
f@a.ex from@b.ex f
w@a.ex "W <w@b.ex>" hw
*@a.ex e-$1@b.ex E
"""
RETRY = """begin retry
a.ex refused_MX F,1h,15m
b.ex timeout_connect_A G,1d,1m,1.5
c.ex quota_2d F,1h,5m; H,1d,1m,2.25
d.ex rcpt_4xx F,1m,1m
x@e.ex auth_failed F,1m,1m
"""


@pytest.mark.parametrize(
    ("address", "lines"),
    [
        ("f@a.ex", ["    from: from@b.ex", "      to: f@a.ex", "env-from: e-f@b.ex"]),
        ("w@a.ex", ["  sender: W <w@b.ex>", "reply-to: W <w@b.ex>", "  env-to: e-w@b.ex"]),
        ("N <f@a.ex>", ["    from: N <from@b.ex>", "  env-to: e-f@b.ex"]),
        ("s@a", ["    SMTP: t@b.ex", "  sender: s@a"]),
        ("a@b@c", ["Syntax error in a@b@c", "Malformed address: @c may not follow a@b"]),
    ],
)
def test_an_address_is_shown_in_each_place(address: str, lines: list[str]) -> None:
    said = Front(routers=REWRITE).exim("-brw", address).stdout.split("\n")
    assert set(lines) <= set(said)


def test_without_rules_there_is_nothing_to_try() -> None:
    assert Front(routers="").exim("-brw", "a@b.ex").stdout == "No rewrite rules are defined\n"
    assert Front(routers="").exim("-brw").code == 1
    assert Front(routers="").exim("-brt", "a.ex").stdout == "No retry information found\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["a.ex", "refused_mx"], "Retry rule: a.ex  refused_MX  F,1h,15m; "),
        (["b.ex", "timeout_connect_a"], "Retry rule: b.ex  timeout_connect_A  G,1d,1m,1.5; "),
        (["none.ex", "c.ex", "quota_3d"], "Retry rule: c.ex  quota_2d  F,1h,5m; H,1d,1m; "),
        (["d.ex", "rcpt_45x"], "Retry rule: d.ex  *  F,1m,1m; "),
        (["x@e.ex", "auth_failed"], "Retry rule: x@e.ex  auth_failed  F,1m,1m; "),
        (["d.ex", "weather"], 'unknown or malformed retry error "weather"'),
    ],
)
def test_a_retry_rule_is_found_by_host_and_error(words: list[str], line: str) -> None:
    assert Front(routers=RETRY).exim("-brt", *words).stdout == f"{line}\n"


def test_a_name_without_a_dot_is_warned_of() -> None:
    assert "one-component domain" in Front(routers=RETRY).exim("-brt", "local").stdout


def test_a_rule_for_smtp_alone_leaves_the_other_places_out_unless_it_has_another_flag() -> None:
    said = [
        Front(routers=f"begin rewrite\n^x@ y@z {flags}\n").exim("-brw", "a@b.ex").stdout
        for flags in ("S", "Sq")
    ]
    assert said[0] == ""
    assert said[1].split("\n")[:2] == ["  sender: a@b.ex", "    from: a@b.ex"]
