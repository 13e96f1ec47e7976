"""Addresses in header lines: made complete, and rewritten by rule."""

from __future__ import annotations

import pytest

from tests.mta.front import REJECT, Front
from tests.suite.test_scenario_compare import done, scenario


def header(rules: str, line: str, release: str = "4.98") -> list[str]:
    """The lines of the header that the host is sent for ``line``."""
    (one,) = done(
        scenario(
            rewrite=rules,
            transport={"hosts_try_dane": ""},
            runs=[
                {
                    "argv": ["-odf", "-f", "s@myhost.test.ex", "a@one.test.ex"],
                    "stdin": f"{line}\n\nbody\n",
                }
            ],
        ),
        release,
    )
    own = ("from ", "Received:", "\tby", "\t(env", "\tid", "\tfor", "\tDATE", "Message-Id", "Date:")
    lines = [text.removeprefix("  ") for text in one.messages]
    return [text for text in lines[: lines.index("")] if not text.startswith(own)]


def test_a_line_that_a_rule_rewrites_to_what_it_was_counts_as_replaced() -> None:
    front = Front("acl_not_smtp = n", "n:\n  deny\nbegin rewrite\n*@x.ex $0 f\n")
    front.exim("r@d.ex", stdin="From: a@x.ex\nReply-To: b@y.ex\n\n")
    lines = [line for line in front.log(REJECT) if " From:" in line or " Reply-To:" in line]
    assert lines[:3] == ["* From: a@x.ex", "F From: a@x.ex", "R Reply-To: b@y.ex"]


@pytest.mark.parametrize(
    ("rules", "line", "expected"),
    [
        ("*@x.ex $1@y.ex f\n", "From: Me <a@x.ex>", "From: Me <a@y.ex>"),
        ("*@x.ex $1@y.ex t\n", "From: a@x.ex", "From: a@x.ex"),
        ('*@x.ex "New Name <$1@y.ex>" fw\n', "From: Me <a@x.ex> (me)", "From: New Name <a@y.ex>"),
        ('*@x.ex "J. Doe <$1@y.ex>" fw\n', "From: a@x.ex", 'From: "J. Doe" <a@y.ex>'),
        ('*@x.ex "N <$1@y.ex>" fw\n*@y.ex $1@z.ex f\n', "From: a@x.ex", "From: N <a@z.ex>"),
        ("*@x.ex $1@y.ex r\n", "From: q@w.ex\nReply-To: a@x.ex", "Reply-To: a@y.ex"),
    ],
)
def test_rules_change_the_lines_that_their_flags_name(rules: str, line: str, expected: str) -> None:
    assert expected in header(rules, line)


def test_a_line_that_grows_is_folded_after_forty_octets() -> None:
    to = "To: first.recipient@x.ex, second.recipient@x.ex, third@x.ex"
    lines = header("*@x.ex $1@another.domain.ex t\n", f"From: s@w.ex\n{to}")
    assert lines[1:] == [
        "To: first.recipient@another.domain.ex, second.recipient@another.domain.ex, ",
        "\tthird@another.domain.ex",
    ]


def test_addresses_without_a_domain_get_the_own_one_first() -> None:
    assert header("*@myhost.test.ex $1@y.ex c\n", "From: s@w.ex\nCc: b")[-1] == "Cc: b@y.ex"


@pytest.mark.parametrize(
    ("option", "sent"),
    [("", "To: You <a@short.test.ex>, b@other\n"), ("no_rewrite_headers", "To: You <a@short>, b@other\n")],
)
def test_a_domain_that_a_router_made_complete_is_complete_in_header_lines(option: str, sent: str) -> None:
    routers = (
        f"begin routers\nr:\n  driver = dnslookup\n  widen_domains = test.ex\n  {option}\n  transport = out\n"
        "begin transports\nout:\n  driver = smtp\nbegin retry\n* * F,5d,10m\n"
    )
    zone = [{"name": "short.test.ex", "type": "A", "data": ["192.0.2.7"]}]
    front = Front(routers=routers, zone=zone)
    front.exim("-odi", "a@short", stdin="To: You <a@short>, b@other\n\n")
    message = front.machine.spool.messages[front.machine.spool.ids()[0]]
    assert [header.text for header in message.headers if header.kind == "T"] == [sent]


@pytest.mark.parametrize(
    ("release", "rules", "logged"),
    [
        ("4.95", "*@x.ex $1@y.ex f\n", None),
        ("4.96-debian12", "*@x.ex $1@y.ex f\n", "rewrite: malformed address: _b>\n may not follow Me <s@a"),
        ("4.97", "*@x.ex $1@y.ex f\n", "rewrite: malformed address: _b>\n may not follow Me <s@a"),
        ("4.97", "", None),
        ("4.98", "", "qualify/rewrite: malformed address: _b> may not follow Me <s@a"),
    ],
)
def test_an_address_that_cannot_be_read_is_logged_by_some_releases(
    release: str, rules: str, logged: str | None
) -> None:
    stand = Front(routers=f"begin rewrite\n{rules}", release=release)
    stand.exim("-odq", "-f", "s@b.ex", "a@one.test.ex", stdin=b"From: Me <s@a_b>\n\nbody\n")
    written = "\n".join(stand.log())
    assert ("malformed" in written) == (logged is not None)
    assert logged is None or f" {logged}\n" in written


def test_one_release_goes_no_further_than_an_address_that_it_cannot_read() -> None:
    stand = Front(routers="begin rewrite\n*@x.ex $1@y.ex f\n", release="4.96")
    assert stand.exim("-odq", "-f", "s@b.ex", "a@one.test.ex", stdin=b"From: Me <s@a_b>\n\nbody\n").code == 1
    assert not [line for line in stand.log() if "<=" in line]
