"""Every switch of a profile says what it changes, since which commit, and where Exim has it."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from eximsim.history import switches_of
from eximsim.profiles import BEFORE, PROFILES, Profile
from eximsim.switch_docs import first_sentence, switch_docs, switch_words

OF_THE_BUILD = {
    "version",
    "tls_library",
    "build_lacks",
    "build_number",
    "build_paths",
    "headers_charset",
    "exim_user",
    "i18n",
    "ipv6",
    "local_scan",
    "signature_headed",
    "unknown_charset_undecoded",
}
"""What a program was built as, not what a release changed."""

SWITCHES = [field.name for field in fields(Profile) if field.name != "name"]


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_says_what_it_changes(name: str) -> None:
    assert switch_words()[name].endswith(".")
    assert len(first_sentence(switch_words()[name])) > 20


@pytest.mark.parametrize("name", [name for name in SWITCHES if name not in OF_THE_BUILD])
def test_a_switch_has_a_history_and_a_place(name: str) -> None:
    switch = switches_of(Profile)[name]
    assert re.search(r"\b\w+\(\)|\b\w+\.[ch]\b", switch.where), f"no function and no file: {switch.where}"
    assert any(step.commit for step in switch.steps)


@pytest.mark.parametrize("name", list(switches_of(Profile)))
def test_the_steps_of_a_switch_are_in_order_and_each_changes_it(name: str) -> None:
    before = Profile.__dataclass_fields__[name].default
    steps = switches_of(Profile)[name].steps
    for step in steps:
        assert step.value != before, step
        before = step.value
    order = list(PROFILES)
    assert [order.index(step.release) for step in steps] == sorted(
        order.index(step.release) for step in steps
    )
    assert {release for step in steps for release in step.releases} <= set(order)


def test_a_commit_is_told_of_in_one_way() -> None:
    told: dict[str, set[object]] = {}
    for switch in switches_of(Profile).values():
        for step in switch.steps:
            if step.commit:
                facts = (step.release, step.item, tuple(step.picks.items()), step.published)
                told.setdefault(step.commit, set()).add(facts)
    assert {commit: facts for commit, facts in told.items() if len(facts) > 1} == {}
    assert all(len(commit) == 9 and int(commit, 16) for commit in told)


def test_no_words_about_a_switch_name_a_commit() -> None:
    assert {name: text for name, text in switch_words().items() if re.search(r"\b[0-9a-f]{9}\b", text)} == {}


@pytest.mark.parametrize(
    ("name", "history"),
    [
        ("helo_loss_tells_ehlo_reply", "Since a57ce043b (4.88"),
        ("tlsa_failure_logged", "Ended by 6aa849d38 (4.86"),
        ("helo_copy_overlaps", "From a57ce043b (4.88"),
        ("connect_trace", "Changed by adb21834f (4.93"),
    ],
)
def test_the_history_of_a_switch_reads_as_a_sentence(name: str, history: str) -> None:
    assert history in switch_docs()[name]


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
