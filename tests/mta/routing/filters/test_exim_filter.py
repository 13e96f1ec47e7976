"""Filters in Exim's own language, as -bf and -bF test them; what is expected is what Exim says."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eximsim.errors import Unsupported
from eximsim.mta.routing.filters.commands_read import read_filter
from eximsim.mta.routing.filters.syntax import FilterError
from tests.mta.front import Front

MESSAGE = """\
From: Some One <some@one.ex>
To: caller@here.ex, other@there.ex
Subject: hello world

first line
second line
"""
SIGNIFICANT = [
    "Filtering set up at least one significant delivery or other action.",
    "No other deliveries will occur.",
]
NOT_SIGNIFICANT = ["Filtering did not set up a significant delivery.", "Normal delivery will occur."]


def says(
    text: str, *argv: str, message: str = MESSAGE, system: bool = False, release: str = "4.99"
) -> list[str]:
    """What a test of the filter says after its heading."""
    front = Front(release=release, files={"/f": f"# Exim filter\n{text}\n".encode()}, routers="")
    status = front.exim(*argv, "-bF" if system else "-bf", "/f", stdin=message)
    said = status.stdout.partition('file "/f"\n\n')[2].splitlines()
    assert status.code == said[-1].startswith("Filter error: ")
    return said


def outcome(text: str, **given: str) -> str:
    """The last line of a test."""
    return says(text, **given)[-1]  # type: ignore[arg-type]


CONDITIONS = [
    ("abc is ABC", True),
    ("abc IS ABC", False),
    ("abc IS NOT ABC", True),
    ("abc is is abc", True),
    ("abc begins AB", True),
    ("abc BEGINS AB", False),
    ("abc ends BC", True),
    ("abc does not end b", True),
    ('"aab" contains "AB"', True),
    ('"aaab" contains "aab"', False),
    ('"aaab" CONTAINS "aab"', True),
    ('abc contains ""', False),
    ('abc CONTAINS ""', True),
    ("abc matches ^A", True),
    ("abc MATCHES ^A", False),
    ("1k is above 1023", True),
    ("0x10 is above 15", True),
    ("010 is below 9", True),
    ("9999999999 is above 1", True),
    ("a is b or a is a and b is c", False),
    ("a is b and a is a or b is b", True),
    ("not (a is a and b is c)", True),
    ("(not a is a) or (b is b)", True),
    ("first_delivery", True),
    ("manually_thawed", False),
    ("delivered", False),
    ("error_message", False),
    ("foranyaddress $h_to: ($thisaddress contains there)", True),
    ('foranyaddress "g: a@b, c@d;, e@f" ($thisaddress is c@d)', True),
    ('foranyaddress "a@b, <, d@e" ($thisaddress is nobody)', False),
    ("personal", True),
    ("personal alias some@one.ex", False),
]


@pytest.mark.parametrize(("condition", "holds"), CONDITIONS)
def test_conditions_hold_as_in_exim(condition: str, holds: bool) -> None:
    said = says(f"if {condition} then testprint yes else testprint no endif")
    assert said == [f"Testprint: {'yes' if holds else 'no'}", *NOT_SIGNIFICANT]


ACTIONS = [
    ("save /tmp/x 600", "Save message to: /tmp/x 0600"),
    ("pipe $domain", "Pipe message to: $domain"),
    ("noerror deliver a", "Deliver message to: a@here.ex (noerror)"),
    ("deliver a@b errors_to caller@here.ex", "Deliver message to: a@b errors_to caller@here.ex"),
    ("seen logfile /tmp/l 644", "Seen logfile /tmp/l"),
    ("seen logwrite hello", r'Seen logwrite "hello\n"'),
    ("seen finish save x", "Seen finish"),
    ("seen mail", "Seen mail to: <default>"),
]


@pytest.mark.parametrize(("command", "said"), ACTIONS)
def test_a_significant_action_is_told_and_ends_normal_delivery(command: str, said: str) -> None:
    assert says(command) == [said, *SIGNIFICANT]


@pytest.mark.parametrize("command", ["unseen save /tmp/x", "unseen pipe x", "unseen deliver a@b"])
def test_an_unseen_delivery_leaves_normal_delivery(command: str) -> None:
    said = says(command)
    assert said[0].startswith("Unseen ")
    assert said[1:] == NOT_SIGNIFICANT


def test_mail_shows_what_it_was_given_and_vacation_what_it_has_by_default() -> None:
    assert says('mail to a@b subject "x y" text "one\\ntwo" return message')[:-2] == [
        "Mail to: a@b",
        "subject: x y",
        r"   text: one\ntwo",
        "Return original message",
    ]
    assert says("noerror vacation")[:-2] == [
        "Mail to: <default> (vacation) (noerror)",
        "subject: On vacation",
        "   file: .vacation.msg (expanded)",
        "    log: .vacation.log",
        "   once: .vacation",
        "once_repeat: 7d",
    ]


def test_nothing_is_mailed_about_a_message_without_a_sender() -> None:
    assert says("mail to a@b", "-f", "<>")[0] == "mail command ignored because return_path is empty"


ERRORS = [
    ('save ""', '"save" requires an argument near line 3 of filter file'),
    ('save "', '"save" requires an argument near line 3 of filter file'),
    ('save "abc', "quote missing at end of string in line 2"),
    ("save x\n\nbad", 'unknown filtering command "bad" near line 5 of filter file'),
    ("if a is a then save x", '"endif" missing at end of filter file'),
    ("if not", '"then" missing at end of filter file'),
    ("if a is a", '"and" or "or" or "then" expected near line 4 of filter file, but found ""'),
    ("if a foo b then", 'unrecognized condition word "foo" near line 2 of filter file'),
    ("if (a is a then", 'missing ")" at end of condition near line 3 of filter file'),
    ("if abc is x then else else", '"endif" missing near line 3 of filter file'),
    ("endif", 'unexpected "endif" command near line 3 of filter file'),
    ("fail", 'filtering command "fail" is disabled: near line 3 of filter file'),
    ("seen if a", '"seen", "unseen", or "noerror" found before an "if" command near line 2'),
    ("seen seen save x", '"seen" or "unseen" repeated near line 2'),
    ("add 1 to x1", 'unknown variable "x1" in "add" command'),
    ("add abc to n1", 'malformed number "abc" in "add" command'),
    ("testprint $n10", 'failed to expand "$n10" in testprint command: unknown variable name "n10"'),
    ("deliver a@b errors_to x@y", "errors_to must point to the caller's address"),
    ('mail cc "c@d,\\nx"', r'\n not followed by space in "c@d,\nx" in mail command'),
    ("testprint " + "x" * 1030, "word is too long in line 2 of filter file (max = 1024 chars)"),
    ("if abc is above 3 then endif", 'malformed numerical string "abc"'),
]


@pytest.mark.parametrize(("text", "message"), ERRORS)
def test_an_error_is_told_in_exims_words(text: str, message: str) -> None:
    assert outcome(text) == f"Filter error: {message}"


def test_an_error_in_the_text_of_fail_is_found_by_the_next_command() -> None:
    assert says('fail "abc', system=True)[-1] == 'Filtering ended by "fail".'
    said = says('if a is a then testprint x endif\nfail "abc', system=True)
    assert said == ["Filter error: quote missing at end of string in line 3"]


@pytest.mark.parametrize(
    ("release", "message"),
    [
        ("4.96", 'error while compiling regular expression "(": missing closing parenthesis at offset 1'),
        ("4.97", 'regular expression error in "(": missing closing parenthesis at offset 1'),
    ],
)
def test_a_bad_pattern_is_told_as_the_release_has_it(release: str, message: str) -> None:
    assert outcome("if a matches ( then endif", release=release) != ""
    assert outcome('if a matches "(" then endif', release=release) == f"Filter error: {message}"


def test_the_system_filter_may_change_the_header_and_its_numbers_are_seen_by_the_users() -> None:
    files = {
        "/s": b'headers add "X-A: b\\nTo: z" headers remove subject add 3 to n1 testprint "$recipients"',
        "/u": b'# exim filter\ntestprint "$sn1 $n1 $h_x-a: $h_subject: $recipients"',
    }
    said = Front(files=files, routers="").exim("-bf", "/u", "-bF", "/s", stdin=MESSAGE).stdout.splitlines()
    assert [line for line in said if line.startswith("Testprint")] == [
        "Testprint: caller@here.ex",
        "Testprint: 3 0 b  ",
    ]


RULES = "begin rewrite\ncaller@here.ex mine@other.ex ft\n"


@pytest.mark.parametrize(("release", "personal"), [("4.93", True), ("4.94.1", False)])
def test_the_users_own_address_in_to_is_rewritten_for_nothing(release: str, personal: bool) -> None:
    text = b"# Exim filter\nif personal then testprint yes else testprint no endif\n"
    site = Front(files={"/f": text}, routers=RULES, release=release)
    said = site.exim("-bf", "/f", stdin=MESSAGE).stdout
    assert f"Testprint: {'yes' if personal else 'no'}" in said


def test_recipients_are_for_the_system_filter() -> None:
    assert says("testprint >$recipients<")[0] == "Testprint: ><"
    assert 'unknown variable name "recipients"' in says("testprint $recipients", release="4.93")[0]


BODIES = [
    ("From: a@b\n\nx\n.\ny\n", "x | 2 1 2 13"),
    ("From: a@b\n.\ny\n", "| 0 0 1 10"),
    ("From: a@b\nno header\nbody\n", "body | 5 1 2 25"),
    ("From: a@b\n\n", "| 0 0 2 11"),
    ("From: a@b\r\n\r\nbody\r\n", r"body\r | 6 1 2 17"),
    ("", "| 0 0 1 1"),
]


@pytest.mark.parametrize(("message", "shown"), BODIES)
def test_the_body_and_what_is_counted_of_the_message(message: str, shown: str) -> None:
    sizes = "$message_body_size $body_linecount $message_linecount $message_size"
    said = says(f'testprint "$message_body| {sizes}"', message=message)
    assert said[0] == f"Testprint: {shown}"


def test_before_standard_input_was_read_ahead_no_body_was_one_line() -> None:
    assert says("testprint $body_linecount", message="From: a@b\n\n", release="4.95")[0] == "Testprint: 1"


def test_whom_the_message_is_for_and_from_can_be_said() -> None:
    argv = ("-bfd", "d.ex", "-bfl", "me", "-bfp", "p-", "-bfs", "-s", "-f", "a@b")
    front = Front(files={"/f": b"# Exim filter\n"}, routers="")
    assert front.exim(*argv, "-bf", "/f", stdin="Return-path: <r@s>\n").stdout.splitlines()[:6] == [
        'Return-path taken from "Return-path:" header line',
        "Return-path = r@s",
        "Sender      = a@b",
        "Recipient   = p-me-s@d.ex",
        "Prefix    = p-",
        "Suffix    = -s",
    ]


def test_a_file_that_cannot_be_opened_ends_the_program() -> None:
    status = Front(routers="").exim("-bf", "/none")
    assert (status.code, status.stdout) == (1, "")
    assert status.stderr == "exim: failed to open /none: No such file or directory\n"


VOCABULARY = """
if then else elif endif and or not ( ) is does contains matches above personal alias foranyaddress seen unseen
noerror save deliver errors_to pipe mail to text expand file return message vacation fail finish headers add
remove charset logwrite logfile testprint a $n1 "x y" "open \\ # é
"""
WORDS = st.sampled_from(VOCABULARY.split())


@given(st.one_of(st.text(), st.lists(WORDS).map(" ".join), st.lists(WORDS).map("\n".join)), st.booleans())
@example("if " + "(" * 5000, False)
@example("if a is a then " * 5000, False)
def test_the_reader_fails_with_nothing_but_its_own_error(text: str, system: bool) -> None:
    allowed = frozenset({"defer", "fail", "freeze"}) if system else frozenset[str]()
    try:
        read = read_filter(text, allowed=allowed, system=system, printing=True)
    except (FilterError, Unsupported):
        return
    assert all(command.name for command in read.commands)
