"""Sieve filters; what is expected is what Exim says of them with -bf."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eximsim.errors import Unsupported
from eximsim.mta.routing.filters.sieve import SieveOptions, sieve_interpret
from tests.mta.front import Front

MESSAGE = """\
From: Some One <some@one.ex>
To: caller@here.ex, other@there.ex
Subject: hello world
X-Count: 99-

text
"""


def said(text: str, release: str = "4.99") -> str:
    """What a test says of the filter."""
    front = Front(release=release, files={"/f": f"# Sieve filter\n{text}\n".encode()}, routers="")
    status = front.exim("-bf", "/f", "-f", "me@one.ex", stdin=MESSAGE)
    assert status.code == 0
    return status.stdout.partition('Testing Sieve filter file "/f"\n\n')[2].rstrip("\n")


def generated(text: str, **options: object) -> list[tuple[str, str]]:
    """What a filter generates in a delivery, in its own order."""
    filtered = sieve_interpret(Front().process(), text, SieveOptions(**options))  # type: ignore[arg-type]
    return [(one.address, one.made_for) for one in reversed(filtered.generated)]


TESTS = [
    ("true", True),
    ("not false", True),
    ("allof (true, false)", False),
    ("anyof (true, false)", True),
    ('header "subject" "HELLO world"', True),
    ('header :comparator "i;octet" "subject" "HELLO world"', False),
    ('header :contains "subject" "lo w"', True),
    ('header :contains "subject" ""', True),
    ('header :matches "subject" "h?llo*"', True),
    ('header :matches "subject" "*x*"', False),
    ('header :matches "subject" "*\\\\*"', False),
    ('header ["x-none", "subject"] ["a", "hello world"]', True),
    ('exists ["from", "to"]', True),
    ('exists ["from", "x-none"]', False),
    ("size :over 10", True),
    ("size :under 1K", True),
    ('address "from" "some@one.ex"', True),
    ('address :localpart "from" "some"', True),
    ('address :domain "to" "there.ex"', True),
    ('envelope :domain "from" "one.ex"', True),
    ('envelope "to" "caller@here.ex"', True),
    ('header :comparator "i;ascii-numeric" "x-count" "99"', True),
]
REQUIRED = 'require ["envelope", "comparator-i;ascii-numeric"];\n'


@pytest.mark.parametrize(("test", "holds"), TESTS)
def test_tests_hold_as_in_exim(test: str, holds: bool) -> None:
    expected = "No implicit keep" if holds else "Implicit keep"
    assert said(f"{REQUIRED}if {test} {{ discard; }}") == expected


def test_the_newest_program_gives_up_header_lines_of_several_addresses() -> None:
    text = 'if address :domain "to" "there.ex" { discard; }'
    assert said(text, "4.99-dev-13835a3c1") == "Implicit keep"


ERRORS = [
    ("if true discard;", "missing block in line 2"),
    ("if { discard; }", "missing test in line 2"),
    ("discard", "missing semicolon in line 3"),
    ('fileinto "x";', 'missing previous require "fileinto"; in line 2'),
    ('require "fileinto"; fileinto "a/../b";', "invalid folder in line 2"),
    ('redirect "a";', "unqualified recipient address in line 2"),
    ('require "unheard-of";', "unknown capability in line 2"),
    ('require "enotify";', "enotify disabled in line 2"),
    ("unheard-of;", "syntax error in line 2"),
    ('redirect "a', "missing end of string in line 3"),
    ("if size 5 { }", "missing :over or :under in line 2"),
    ('if header :is :is "a" "b" { }', "match type already specified in line 2"),
    ('if address "subject" "x" { }', "invalid header field in line 2"),
    ("/* open", "missing end of comment in line 2"),
]


@pytest.mark.parametrize(("text", "message"), ERRORS)
def test_an_error_is_told_and_the_message_kept(text: str, message: str) -> None:
    assert said(text) == f"Sieve error: {message}"
    assert generated(text)[-1] == ("inbox", "file")


ACTIONS = [
    ("", [("inbox", "file")]),
    ("keep;", [("inbox", "file")]),
    ("discard;", []),
    ('redirect "a@b";', [("a@b", "")]),
    ('require "copy"; redirect :copy "a@b";', [("a@b", ""), ("inbox", "file")]),
    ('require "fileinto"; fileinto "x"; fileinto "x";', [("x", "file")]),
    ('redirect "a@b"; redirect "c@d"; stop; keep;', [("a@b", ""), ("c@d", "")]),
    ('if false { keep; } elsif true { redirect "a@b"; } else { discard; }', [("a@b", "")]),
    ('require "encoded-character"; redirect "${hex: 61 40}${unicode:62}";', [("a@b", "")]),
    ("redirect text:\na@b\n..c\n.\n;", [("a@b\r\n.c\r\n", "")]),
    ('redirect "a@b"; foo', [("a@b", ""), ("inbox", "file")]),
]


@pytest.mark.parametrize(("text", "addresses"), ACTIONS)
def test_actions_generate_addresses_and_files(text: str, addresses: list[tuple[str, str]]) -> None:
    assert generated(text) == addresses


def test_a_router_says_where_the_inbox_is() -> None:
    assert generated("keep;", inbox="/mail/me") == [("/mail/me", "file")]


FORWARD = [
    ("a@b, c\n/x, |cat\n", ["exim: forward file generated:", "  |cat", "  /x", "  c@here.ex", "  a@b"]),
    (
        ":blackhole:",
        ['exim: forwardfile contains ":blackhole:"', "exim: no addresses generated from forward file"],
    ),
    (":fail: no", ['exim: error in forward file: ":fail: no" is not permitted']),
]


@pytest.mark.parametrize(("text", "lines"), FORWARD)
def test_a_forward_file_is_tested_too(text: str, lines: list[str]) -> None:
    status = Front(files={"/f": text.encode()}, routers="").exim("-bf", "/f", stdin=MESSAGE)
    assert status.stdout.splitlines()[-len(lines) :] == lines
    assert status.code == lines[0].startswith("exim: error")


VOCABULARY = """
if elsif else require stop keep discard redirect fileinto notify vacation address allof anyof exists false
header not size true envelope ( ) { } [ ] , ; " "a@b" :is :matches :over 5K # /* */ text: \\ \u00e9
"""


@given(st.one_of(st.text(), st.lists(st.sampled_from(VOCABULARY.split())).map(" ".join)))
@example("if " + "not " * 5000)
def test_the_reader_fails_with_nothing_but_its_own_error(text: str) -> None:
    try:
        filtered = sieve_interpret(Front().process(), text, SieveOptions())
    except Unsupported:
        return
    assert filtered.message is None
