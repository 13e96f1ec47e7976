"""What is said first where several things are wrong; comparisons without regard to case (asked of 4.96)."""

from __future__ import annotations

import pytest

from eximsim.profiles import NEWEST
from tests.mta.front import Front

BRACES = "curly-bracket problem in conditional yes/no parsing"


def said(*expressions: str, release: str = NEWEST) -> list[str]:
    front = Front(release=release)
    out = front.exim("-be", stdin="".join(f"{line}\n" for line in expressions)).stdout
    return out.removeprefix("> ").removesuffix("\n> \n").split("\n> ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${extract{k}{k=v}x}", f"{BRACES}: 'yes' part did not start with '{{'\n remaining string is 'x}}'"),
        ("${extract{1}{:}{a}-}", f"{BRACES}: 'yes' part did not start with '{{'\n remaining string is '-}}'"),
        ("${extract{k}{k=v}{a}{b}{c}}", f"{BRACES}: did not close with '}}'\n remaining string is '{{c}}}}'"),
        ("${extract{k}{k=v}{a}x}", 'syntax error in "extract" item - "fail" expected'),
        ("${if eq{a}{b}{${extract{k}{k=v}x}}}", "missing '}' closing extract"),
        ("${listextract{x}{${nosuch:}}}", 'first argument of "listextract" must be numeric'),
        ("${listextract{}{${nosuch:}}}", 'first argument of "listextract" must not be empty'),
    ],
)
def test_the_first_fault_is_told(text: str, message: str) -> None:
    assert said(text) == [f"Failed: {message}"]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("lti{a}{ab}", False),
        ("gti{a}{AB}", True),
        ("gti{}{9}", True),
        ("lei{}{}", True),
        ("gti{ab}{a}", True),
        ("lti{a}{b}", True),
        ("lt{a}{ab}", True),
    ],
)
def test_without_regard_to_case_the_beginning_of_a_text_comes_after_it(condition: str, holds: bool) -> None:
    assert said(f"${{if {condition}{{yes}}{{no}}}}") == ["yes" if holds else "no"]


def test_an_operator_that_takes_no_argument_passes_it_over_until_it_is_checked() -> None:
    assert said("${eval_3:1+1}${uc_x:a}", release="4.98") == ["2A"]
    refused = 'Failed: unknown expansion operator "eval_3" ("eval" does not take an _arg)'
    assert said("${eval_3:1+1}", release=NEWEST) == [refused]


def test_who_tests_expansions_is_the_sender() -> None:
    (sender,) = said("$sender_address")
    assert sender.endswith("@here.ex")


def test_headers_are_coded_for_the_character_set_of_the_build() -> None:
    assert said("${rfc2047:a.b}", release="4.96-debian12") == ["=?UTF-8?Q?a=2Eb?="]
    assert said("${rfc2047:a.b}") == ["=?ISO-8859-1?Q?a=2Eb?="]
