"""The checks that ``verify = header_syntax`` and its like make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.base.parse import Extracted
from eximsim.mta.process.reception import Reception
from eximsim.mta.records.spool import Header, Recipient
from eximsim.mta.verify.verify_headers import (
    header_addresses,
    verify_check_header_names_ascii,
    verify_check_headers,
    verify_check_notblind,
)
from tests.mta.front import Front


def session(*headers: tuple[str, str], recipients: tuple[str, ...] = ()) -> Reception:
    made = Reception(Front().process())
    made.headers = [Header(kind, text) for kind, text in headers]
    made.envelope.recipients = [Recipient(address) for address in recipients]
    made.allow_unqualified_sender = False
    return made


SYNTAX = [
    ("T", "To: a@b.ex, c\n", None),
    ("T", "To: list: a@b.ex, c@d.ex;\n", None),
    ("T", "To: undisclosed:;\n", None),
    ("F", "From: a\n", 'unqualified address not permitted: failing address in "From:" header is: a'),
    ("T", "To: a@\n", 'domain missing or malformed: failing address in "To:" header is: a@'),
    ("C", "Cc: <a@b.ex\n", "'>' missing at end of address"),
    (" ", "X-To: a@\n", None),
    ("*", "To: a@\n", None),
]


@pytest.mark.parametrize(("kind", "text", "problem"), SYNTAX)
def test_address_headers_have_to_be_well_formed(kind: str, text: str, problem: str | None) -> None:
    found = verify_check_headers(session((kind, text)))
    assert found is None if problem is None else found is not None and problem in found


def test_a_very_long_address_is_shown_by_its_beginning() -> None:
    found = verify_check_headers(session(("T", f"To: {'a' * 2000} b@c.ex\n")))
    assert found is not None
    assert "header begins: aaaa" in found


def test_header_names_have_to_be_ascii() -> None:
    assert verify_check_header_names_ascii(session((" ", "Subject: \u00fc\n"))) is None
    found = verify_check_header_names_ascii(session((" ", "Subj\u00fcct: x\n")))
    assert found == 'Invalid character in header "Subj\u00fcct" found'


@pytest.mark.parametrize(
    ("recipients", "caseless", "blind"),
    [
        (("a@b.ex",), False, False),
        (("a@B.EX",), False, False),
        (("A@b.ex",), False, True),
        (("A@b.ex",), True, False),
        (("a@b.ex", "x@y.ex"), True, True),
    ],
)
def test_recipients_have_to_be_named(recipients: tuple[str, ...], caseless: bool, blind: bool) -> None:
    made = session(("T", "To: Some One <a@b.ex>\n"), ("F", "From: x@y.ex\n"), recipients=recipients)
    assert (verify_check_notblind(made, caseless=caseless) is not None) is blind


@pytest.mark.parametrize("text", ["To: a@\n", "To: a\n", "To: <a@b.ex\n"])
def test_what_is_no_address_names_nobody(text: str) -> None:
    made = session(("T", text), recipients=("a@b.ex",))
    assert verify_check_notblind(made, caseless=True) == "bcc recipient detected"


_PROCESS = Front().process()


@given(st.text(max_size=40))
def test_any_content_is_gone_through(text: str) -> None:
    found = list(header_addresses(_PROCESS, text))
    assert sum(len(shown) for shown, _ in found) <= len(text)
    assert all(isinstance(address, Extracted) or address.message for _, address in found)
