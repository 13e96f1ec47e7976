"""Every switch of a profile says what it changes, since which commit, and where Exim has it."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from eximsim.profiles import BEFORE, PROFILES, Profile
from eximsim.switches import first_sentence, switch_docs

OF_THE_BUILD = {"version", "tls_library", "option_release", "exim_user", "ipv6"}
"""What a program was built as, not what a release changed."""

SWITCHES = [field.name for field in fields(Profile) if field.name != "name"]


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_says_what_it_changes(name: str) -> None:
    assert switch_docs()[name].endswith(".")
    assert len(first_sentence(switch_docs()[name])) > 20


@pytest.mark.parametrize("name", [name for name in SWITCHES if name not in OF_THE_BUILD])
def test_a_switch_names_its_commit_and_its_place(name: str) -> None:
    text = switch_docs()[name]
    assert re.search(r"\b[0-9a-f]{9}\b", text), f"no commit: {text}"
    assert re.search(r"\b4\.\d\d\b", text), f"no release: {text}"
    assert re.search(r"\b\w+\(\)|\b\w+\.[ch]\b", text), f"no function and no file: {text}"


def test_what_is_no_switch_is_not_documented_as_one() -> None:
    assert set(switch_docs()) == set(SWITCHES)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One thing.", "One thing."),
        ("Since 4.88 in a.c. Then more.", "Since 4.88 in a.c."),
        ("No dot", "No dot"),
    ],
)
def test_a_first_sentence_ends_with_a_dot_and_a_blank(text: str, first: str) -> None:
    assert first_sentence(text) == first


def test_every_profile_but_the_first_is_written_against_an_earlier_one() -> None:
    names = list(PROFILES)
    assert set(BEFORE) == set(names[1:])
    assert all(names.index(before) < names.index(name) for name, before in BEFORE.items())
