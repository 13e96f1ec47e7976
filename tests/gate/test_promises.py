"""Promises as they are written: words, conditions, files, and what a mistake in them says."""

from __future__ import annotations

from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.explore.choices import Axis
from eximsim.gate.promises import (
    AXES,
    PRESETS,
    named,
    preset,
    preset_text,
    promise,
    read_promises,
    some_recipient,
)
from eximsim.status import Security

FILE = """\
# ours
[[never]]
name = "bank"
recipient = ["*@bank.example", "*@*.bank.example"]
below = "verified"
when = { tlsa = ["!secure"], "STARTTLS of MX.bank.example" = "4xx" }

[[always]]
outcome = "delivered"
at_least = "tls"
[always.when]
"everything else" = "well"
EHLO = "no STARTTLS"
"""


def test_a_file_is_read_in_its_order_with_the_line_of_each_promise() -> None:
    bank, well = read_promises(FILE, "p.toml")
    assert (bank.name, bank.always, bank.where) == ("bank", False, "p.toml:2")
    assert (bank.outcomes, bank.protection) == (("delivered", "accepted"), Security.VERIFIED)
    assert well.always
    assert well.where == "p.toml:8"
    assert well.kinds == ("delivery",)
    assert well.name == well.sentence


def test_a_condition_names_values_or_leaves_them_out_and_may_be_about_one_host() -> None:
    tlsa, starttls = read_promises(FILE, "p.toml")[0].when
    assert (tlsa.axis, tlsa.host) == ("TLSA", "")
    assert "secure" not in tlsa.values
    assert "SERVFAIL" in tlsa.values
    assert (starttls.axis, starttls.values, starttls.host) == ("STARTTLS", ("4xx",), "mx.bank.example")


def test_everything_else_well_means_the_first_value_of_each_axis_that_is_not_mentioned() -> None:
    conditions = {one.axis: one.values for one in read_promises(FILE, "p.toml")[1].when}
    assert conditions["EHLO"] == ("no STARTTLS",)
    assert conditions["TLSA"] == ("secure",)
    assert conditions["RCPT"] == ("2xx",)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[[never]]\nbelow = ", 2, "Invalid value"),
        ("[[sometimes]]\n", 1, "expected [[never]] or [[always]]"),
        ("", 1, "no promise"),
        ("\n[never]\nbelow = 'tls'\n", 2, "expected [[never]]"),
        ("[[never]]\nname = 'x'\nat_least = 'tls'\n", 3, "expected name, recipient, outcome, below, when"),
        ("[[never]]\n[[never]]\nbelow = 'strong'\n", 3, "expected clear, tls, verified, dane"),
        ("[[always]]\nname = 'x'\n", 1, "outcome or at_least: expected one of them"),
        ("[[never]]\noutcome = 'lost'\n", 2, "outcome 'lost': expected delivered"),
        ("[[never]]\noutcome = 'deferred'\nbelow = 'tls'\n", 3, "below: expected with outcome"),
        ("[[never]]\nwhen = { TSLA = 'secure' }\n", 2, "'TSLA': expected one of MX"),
        ("[[never]]\nwhen = { TLSA = 'maybe' }\n", 2, "'maybe'; expected secure"),
        ("[[never]]\nwhen = 'TLSA'\n", 2, "when: expected a table"),
        ("[[never]]\nname = 3\n", 2, "name: expected a text"),
        ("[[never]]\nrecipient = []\n", 2, "at least one pattern"),
        ("[[never]]\nname = 'a'\n[[always]]\nname = 'a'\noutcome = 'failed'\n", 3, "another promise of"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_and_line(text: str, line: int, said: str) -> None:
    with pytest.raises(InputError) as mistake:
        read_promises(text, "p.toml")
    assert (mistake.value.path, mistake.value.line) == ("p.toml", line)
    assert said in str(mistake.value)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_promises_like_others(name: str) -> None:
    assert all(one.name.startswith(name) for one in preset(name))


def test_an_unknown_preset_names_those_that_there_are() -> None:
    with pytest.raises(InputError, match="expected no-downgrade, tls-required, dane-where-published"):
        preset("tls")


@pytest.mark.parametrize("axis", AXES.values(), ids=lambda axis: axis.name)
def test_a_promise_can_have_a_condition_on_everything_that_is_asked(axis: Axis) -> None:
    for key, host in ((axis.name.upper(), ""), (f"{axis.name} of MX1.b.example", "mx1.b.example")):
        (condition,) = promise("never", when={key: axis.values[-1]}).when
        assert (condition.axis, condition.values, condition.host) == (axis.name, axis.values[-1:], host)


def test_two_promises_of_one_name_must_be_the_same() -> None:
    one, other = promise("never", name="n"), promise("always", outcome="delivered", name="n")
    assert named([one, one]) == (one,)
    with pytest.raises(InputError, match="two promises are called 'n'"):
        named([one, other])


@pytest.mark.parametrize(
    "pattern", ["*", "*@bank.example", "*@*.bank.example", "postmaster@*", "bank.example", "a?@b?.example"]
)
def test_some_recipient_is_one_that_the_pattern_is_about(pattern: str) -> None:
    found = some_recipient(pattern)
    assert found.count("@") == 1
    assert "*" not in found
    assert "?" not in found
    assert promise("never", recipient=pattern).is_about(found)


@pytest.mark.parametrize("name", PRESETS)
def test_the_page_shows_each_preset_as_it_is(name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "promises.md").read_text(encoding="utf-8")
    assert f"```toml\n{preset_text(name)}```" in page


def test_the_promises_that_the_page_begins_with_can_be_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "promises.md").read_text(encoding="utf-8")
    first = page.split("```toml\n")[1].split("```")[0]
    assert len(read_promises(first, "promises.toml")) == 3


def test_the_page_has_every_condition_with_its_values() -> None:
    page = (Path(__file__).parents[2] / "docs" / "promises.md").read_text(encoding="utf-8")
    for axis in AXES.values():
        assert f"| `{axis.name}` | {', '.join(f'`{value}`' for value in axis.values)} |" in page


def test_very_many_promises_are_given_up() -> None:
    text = "".join(f'[[never]]\nname = "n{number}"\noutcome = "failed"\n' for number in range(2_000))
    with pytest.raises(InputError, match="more than 1,000 promises"):
        read_promises(text, "p.toml")
