"""Sender rewriting. The expected texts are those of ``exim -be`` of 4.96 at the same second."""

from __future__ import annotations

import pytest

from eximsim.mta.expand.expand import expand
from eximsim.mta.process.globals import Process, UndefinedBehaviour
from tests.mta.routing_world import site

NOW = 1795947434.0
SIGNED = "SRS0=559d=js=Example.com=Some.One"


def process(now: float = NOW, release: str = "4.96") -> Process:
    made = site(release=release)
    made.world.now = lambda: now  # type: ignore[method-assign]
    return made.process


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${srs_encode{secret}{Some.One@Example.com}{fwd.ex}}", f"{SIGNED}@fwd.ex"),
        ("${srs_encode{secret}{}{fwd.ex}}", ""),
        ('${srs_encode{secret}{"a b"@x.ex}{fwd.ex}}', '"SRS0=1766=js=x.ex=a b"@fwd.ex'),
        ("${srs_encode{secret}{nobody}{fwd.ex}}", "SRS0=d91d=js==nobody@fwd.ex"),
        (f"${{if inbound_srs{{{SIGNED}}}{{secret}}{{<$srs_recipient>}}{{no}}}}", "<some.one@example.com>"),
        (f"${{if inbound_srs{{{SIGNED}}}{{other}}{{y}}{{no $srs_recipient}}}}", "no some.one@example.com"),
        ("${if inbound_srs{SRS0=abcd=aa=x.ex=u}{}{<$srs_recipient>}{no}}", "<u@x.ex>"),
        ("${if inbound_srs{SRS0=abcd=aa=x.ex=u}{secret}{y}{no $srs_recipient}}", "no u@x.ex"),
        ("${if inbound_srs{hello}{secret}{y}{no}}", "no"),
        ("${if !inbound_srs{hello}{secret}{y}{no}}", "y"),
    ],
)
def test_an_address_is_made_and_read(text: str, expected: str) -> None:
    assert expand(process(), text) == expected


@pytest.mark.parametrize(("days", "expected"), [(0, "y"), (10, "y"), (11, "n"), (-1, "n")])
def test_an_address_holds_for_ten_days(days: int, expected: str) -> None:
    text = f"${{if inbound_srs{{{SIGNED}}}{{secret}}{{y}}{{n}}}}"
    assert expand(process(NOW + days * 86400), text) == expected


def test_a_date_in_capitals_has_no_outcome() -> None:
    with pytest.raises(UndefinedBehaviour):
        expand(process(), f"${{if inbound_srs{{{SIGNED.replace('js', 'JS')}}}{{secret}}{{y}}{{n}}}}")


def test_before_4_95_nothing_is_quoted() -> None:
    made = expand(process(release="4.94.1"), '${srs_encode{secret}{"a b"@x.ex}{fwd.ex}}')
    assert made == 'SRS0=1766=js=x.ex="a b"@fwd.ex'
