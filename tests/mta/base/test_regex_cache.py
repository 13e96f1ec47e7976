"""Regular expressions: PCRE2's matches and words over octets, and what becomes of those without end."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import Unsupported
from eximsim.mta.base.effort import Effort
from eximsim.mta.base.regex_cache import RegexError, compile_pattern
from eximsim.trace import Trace

BACKTRACKING = ("(a+)+$", "^(([a-z])+)+$", r"(a|aa)+$", "(.*a){20}$", r"(?:(?:a*)*)*b$")
SUBJECT = "a" * 40 + "!"


def groups(pattern: str, text: str, *, caseless: bool = False) -> tuple[str, ...] | None:
    return compile_pattern(pattern, caseless).search(text, Trace(), Effort())


def replaced(pattern: str, text: str) -> str:
    spans = compile_pattern(pattern).spans(text, Trace(), Effort())
    return "".join(span.before + ("-" if span.groups else "") for span in spans)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("(b)|(q)|(z)", "abc", ("b", "b")),
        ("(q)|(b)|(z)", "abc", ("b", "", "b")),
        (r"^\Qa.b\E$", "a.b", ("a.b",)),
        (r"[[:alpha:]]+\z", "1ab", ("ab",)),
        (r"\x{41}\x42", "AB", ("AB",)),
        (r"(?<n>a)\k<n>", "aa", ("aa", "a")),
        (r"a\Kb", "ab", ("b",)),
        (r"(?i)x(?-i)y", "Xy", ("Xy",)),
        (r"^a$", "a\n", ("a",)),
        (r"^a\z", "a\n", None),
        (".", "\udcc3\udca9", ("\udcc3",)),
        ("^..$", "é", ("é",)),
        (r"\w", "\udce9", None),
        (r"\d", "٣", None),
        (r"(?(?=a)ab|cd)", "cd", ("cd",)),
        (r"(?>a+)ab", "aaab", None),
        (r"^(a(?1)?b)$", "aabb", ("aabb", "aabb")),
    ],
)
def test_patterns_mean_what_they_mean_to_pcre(
    pattern: str, text: str, expected: tuple[str, ...] | None
) -> None:
    assert groups(pattern, text) == expected


def test_case_is_that_of_ascii() -> None:
    assert groups("^AÉ$", "aÉ", caseless=True) == ("aÉ",)
    assert groups("^AÉ$", "aé", caseless=True) is None


@pytest.mark.parametrize(
    ("pattern", "newer", "older"),
    [
        ("(", "missing closing parenthesis at offset 1", "missing ) at offset 1"),
        ("[", "missing terminating ] for character class at offset 1", None),
        ("(?#x", "missing ) after (?# comment at offset 4", "missing ) after comment at offset 4"),
        ("a{2,1}", "numbers out of order in {} quantifier", None),
        ("*a", "quantifier does not follow a repeatable item at offset 0", "nothing to repeat at offset 0"),
        ("a**", "quantifier does not follow a repeatable item at offset 2", "nothing to repeat at offset 2"),
        ("a)", "unmatched closing parenthesis at offset 1", "unmatched parentheses at offset 1"),
        ("(?z)", "unrecognized character after (? or (?- at offset 2", None),
        ("[b-a]", "range out of order in character class at offset 3", None),
        (
            r"\p{Foo}",
            r"unknown property after \P or \p at offset 7",
            r"unknown property name after \P or \p at offset 6",
        ),
    ],
)
def test_a_pattern_that_is_none_is_told_in_the_librarys_words(
    pattern: str, newer: str, older: str | None
) -> None:
    with pytest.raises(RegexError) as raised:
        compile_pattern(pattern)
    assert raised.value.told(pcre2=True).startswith(newer)
    assert raised.value.told(pcre2=False).startswith(older or newer)


def test_what_this_library_was_built_without_is_not_modelled() -> None:
    with pytest.raises(Unsupported, match=r"\\C in a regular expression"):
        compile_pattern(r"a\C")


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "abc", "-a-b-c-"),
        ("b*", "abc", "-a--c-"),
        ("b", "abcb", "a-c-"),
        ("$", "a", "a-"),
        ("x", "a", "a"),
    ],
)
def test_all_matches_are_found_as_perl_finds_them(pattern: str, text: str, expected: str) -> None:
    assert replaced(pattern, text) == expected


@given(
    st.text("ab\n\udce9é", max_size=8),
    st.sampled_from(["a", "a|b", "a*", "[^a]", "(a)(b)?", "^b", "b$", "."]),
)
def test_where_pythons_engine_has_the_same_language_it_finds_the_same(text: str, pattern: str) -> None:
    raw = text.encode("utf-8", "surrogateescape")
    other = re.search(pattern.encode(), raw)
    found = groups(pattern, text)
    assert (found and found[0]) == (other and other[0].decode("utf-8", "surrogateescape"))


# ---- without end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", BACKTRACKING)
def test_a_match_that_takes_too_many_steps_is_no_match_and_is_told(pattern: str) -> None:
    trace, began = Trace(), time.process_time()
    assert compile_pattern(pattern).search(SUBJECT, trace, Effort()) is None
    assert time.process_time() - began < 5
    for decision in trace:
        assert decision.outcome == "no match: match limit exceeded"
        assert (decision.inputs["pattern"], decision.inputs["text"]) == (pattern, SUBJECT)


def test_what_was_given_up_is_given_up_at_once_the_next_time() -> None:
    compile_pattern(BACKTRACKING[0]).search(SUBJECT, Trace(), Effort())
    spent = []
    for _ in range(3):  # the least of three: what else the interpreter does may fall into one of them
        trace, began = Trace(), time.process_time()
        assert compile_pattern(BACKTRACKING[0]).search(SUBJECT, trace, Effort()) is None
        spent.append(time.process_time() - began)
        assert len(trace) == 1
    assert min(spent) < 0.1


def test_a_match_of_many_steps_is_a_match() -> None:
    pattern, text = "^(?:a?){22}a{22}$", "a" * 22
    assert compile_pattern(pattern).search(text, trace := Trace(), effort := Effort()) == (text,)
    assert (len(trace), effort.regexes) == (0, 1)


def test_a_text_in_which_the_search_is_given_up_stays_as_it_is() -> None:
    assert replaced("(a+)+$", SUBJECT) == SUBJECT


def search_many(effort: Effort) -> None:
    for number in range(6):
        compile_pattern("(a+)+$").search("a" * (40 + number) + "!", Trace(), effort)


def test_a_run_has_only_so_many_of_them() -> None:
    with pytest.raises(Unsupported, match="more than 5 regular expressions of many steps in one run"):
        search_many(Effort())


def test_memory_of_a_match_has_a_limit() -> None:
    groups_that_cost = "(x)" * 400
    with pytest.raises(Unsupported, match="needs more than 128 MB"):
        groups(f"(?:a|b)*c|{groups_that_cost}", "ab" * 200_000)
