"""What is read from long texts takes time in proportion, and no memory for each character."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import pytest

from eximsim.errors import InputError
from eximsim.formats import parse_toml
from eximsim.gate import named
from eximsim.mta.expand import expand_survey
from eximsim.mta.miscmods.pdkim.tags import parse_signature
from eximsim.mta.program.config_print import _is_spaced_out
from eximsim.profiles import NEWEST, profile
from eximsim.suite import outputs, policy, script_player
from eximsim.world.masterfile import master_zones

LONG = 100_000
SECONDS = 5
"""Of processor time. The square of LONG would take minutes."""


def reading(find: Callable[[str], object], text: str) -> None:
    began = time.process_time()
    find(text)
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    ("find", "text"),
    [
        (policy._named_certificates, "\n" * LONG),
        (named._MAILBOX.findall, "*" * LONG),
        (expand_survey._LIST_LOOKUP.findall, " a" + "1" * LONG),
        (outputs._MAILDIR.search, "1" * LONG),
        (script_player.INPUT.search, " " * LONG + "x"),
        (script_player.INPUT.search, "<a" * LONG + " x"),
        (script_player._CUT.search, " " * LONG + "x"),
        (_is_spaced_out, ' "a"' * LONG),
    ],
    ids=["certificates", "mailboxes", "lookups", "maildir", "input", "inputs", "cut", "blanks"],
)  # fmt: skip
def test_a_search_takes_time_in_proportion(find: Callable[[str], object], text: str) -> None:
    reading(find, text)


@pytest.mark.parametrize(
    "value", [b"a" * LONG, b"==" + b"a" * LONG, b"b=c;" * LONG], ids=["no", "one", "many"]
)
def test_tags_of_a_signature_take_time_in_proportion(value: bytes) -> None:
    began = time.process_time()
    parse_signature(b"DKIM-Signature: " + value, profile(NEWEST))
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * LONG + " = 1",
        "[" + ".".join("a" * LONG) + "]",
        '"a"' + " . 'b'" * (LONG // 3) + " = 1",
        '\\"' * LONG,
        '"""' * (LONG // 2),
        "'''\"" * (LONG // 5),
    ],
    ids=["key", "table", "quoted", "texts", "long texts", "mixed"],
)
def test_toml_takes_time_in_proportion(text: str) -> None:
    with pytest.raises(InputError, match=r"^f:"):
        reading(lambda given: parse_toml(given, "f"), text)


def test_points_in_texts_and_comments_are_no_parts_of_keys() -> None:
    points = "a." * 200
    texts = f"one = \"{points}\" # {points}\ntwo = '{points}'\n"
    long = f'three = """\n"{points}" \\" """"\n'
    assert parse_toml(f"{texts}{long}[x]\nfour = 4\n", "f")["x"] == {"four": 4}


@pytest.mark.parametrize("word", ["x", "\\x"], ids=repr)
def test_a_long_word_of_a_zone_costs_little_memory(word: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError):
        master_zones({"zone": word * 2_000_000})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 * 1024


def test_long_zones_are_refused() -> None:
    with pytest.raises(InputError, match="zone: more than 5,000,000 characters of zone files"):
        master_zones({"zone": ". x" * 2_000_000})
