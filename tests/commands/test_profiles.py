"""``eximsim profiles``: the list, and what changed."""

from __future__ import annotations

import json

import pytest

from eximsim.commands.profiles import shown, told
from eximsim.profiles import BEFORE, NEWEST, PROFILES, TlsaMap, differences, profile
from eximsim.switch_docs import switch_docs
from tests.commands.invoking import invoke


def test_the_list_has_every_profile_and_names_the_default() -> None:
    lines = invoke("profiles").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(PROFILES)
    assert [line.split()[0] for line in lines if "the default" in line] == [NEWEST]


def test_the_list_is_there_for_machines() -> None:
    listed = {item["name"]: item for item in json.loads(invoke("profiles", "--json").stdout)}
    assert list(listed) == list(PROFILES)
    assert listed["4.87"]["before"] == "4.86"
    assert listed["4.85"] == {
        "name": "4.85", "equals": [], "tls_library": "openssl-1.0.2", "before": None, "changed": [],
    }  # fmt: skip


def test_two_profiles_are_told_apart_by_their_switches() -> None:
    found = json.loads(invoke("profiles", "4.87", "4.88-jh03", "--json").stdout)
    assert (found["from"], found["to"]) == ("4.87", "4.88-jh03")
    assert found["switches"].keys() == differences(profile("4.87"), profile("4.88-jh03")).keys()
    assert found["switches"]["tlsa_map"] == {
        "from": "fallback", "to": "no-fallback", "about": switch_docs()["tlsa_map"],
    }  # fmt: skip


@pytest.mark.parametrize("name", [name for name in PROFILES if name in BEFORE])
def test_one_profile_is_shown_by_what_it_changed(name: str) -> None:
    alone, compared = invoke("profiles", name), invoke("profiles", BEFORE[name], name)
    assert alone == compared
    assert alone.exit_code == 0


def test_a_person_reads_what_each_switch_is_about() -> None:
    text = invoke("profiles", "4.96", "4.97").stdout
    assert "message_id_long" in text
    assert "Message ids have 6, 11 and 4 digits" in text


def test_a_profile_has_its_own_switches() -> None:
    assert invoke("profiles", "4.88", "4.88").stdout == "4.88 and 4.88 have the same switches\n"


def test_unknown_names_list_the_choices() -> None:
    done = invoke("profiles", "4.87", "4.1")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "unknown profile '4.1'; choose from 4.85, " in done.stderr


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "yes"), (TlsaMap.FALLBACK, "fallback"), ("\n", r"'\n'"), (frozenset("ba"), "a, b"), (3, "3")],
)
def test_values_are_shown_in_words(value: object, text: str) -> None:
    assert shown(value) == text


def test_of_two_sets_only_what_differs_is_shown() -> None:
    assert told(frozenset("abc"), frozenset("bcd")) == ("a", "d")
    assert told(frozenset("a"), frozenset("ab")) == ("-", "b")
