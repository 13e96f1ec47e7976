from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.world.smtp_behaviour import EVIDENCE_BEHAVIOURS, Answer, Behaviour, Then, reply
from eximsim.world.smtp_script import load_script, named_behaviour, parse_script


def test_an_empty_script_is_the_plain_server() -> None:
    assert parse_script("", "x.toml") == Behaviour()


def test_a_script_says_what_differs_from_its_base() -> None:
    text = """
        base = "smtps"
        banner = ["220-hello", "220 there"]
        extensions = ["STARTTLS", "SIZE 1000"]
        max_version = "TLSv1.2"
        data = "554 no"
        [rcpt]
        lines = "450 later"
        delay = 2
        then = "close"
        [recipients]
        "a@b" = "250 fine"
        [chains_by_sni]
        "MX2.test.ex" = "selfsigned"
    """
    assert parse_script(text, "x.toml") == Behaviour(
        tls_on_connect=True,
        banner=reply("220-hello", "220 there"),
        extensions=("STARTTLS", "SIZE 1000"),
        max_version="TLSv1.2",
        data=reply("554 no"),
        rcpt=Answer(("450 later",), Then.CLOSE, 2.0),
        recipients=(("a@b", reply("250 fine")),),
        chains_by_sni=(("mx2.test.ex", "selfsigned"),),
    )


@pytest.mark.parametrize(
    ("phase", "line", "then"),
    [
        ("data", "354 go", Then.DATA),
        ("starttls", "220 go", Then.TLS),
        ("quit", "221 bye", Then.CLOSE),
        ("starttls", "454 no", Then.GO_ON),
    ],
)
def test_what_follows_an_answer_is_the_usual_thing(phase: str, line: str, then: Then) -> None:
    assert getattr(parse_script(f'{phase} = "{line}"', "x.toml"), phase) == Answer((line,), then)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rcpt = ", "x.toml:1: Invalid value"),
        ("\nrcpt = @\n", "x.toml:2: Invalid value"),
        ('\nnosuch = "x"', "x.toml: nosuch: expected one of base, listen"),
        ('base = "nosuch"', "behaviour 'nosuch': expected one of ok, nostarttls"),
        ("base = 1", "base: expected one line of text"),
        ('rcpt = "what"', "rcpt: 'what' is no SMTP reply"),
        ("rcpt = 1", "rcpt: expected a list of texts"),
        ('[rcpt]\nthen = "fly"', "rcpt.then: expected one of go on, close"),
        ("[rcpt]\ndelay = -1", "rcpt.delay: expected a number of seconds"),
        ("[rcpt]\nline = 1", "rcpt.line: expected lines, then, delay or behind"),
        ('[mail]\nlines = "250 OK"\nthen = "tls"', "mail: 'tls' cannot follow it"),
        ('tls_on_connect = "yes"', "tls_on_connect: expected true or false"),
        ('max_version = "SSLv3"', "max_version: expected"),
        ("recipients = 1", "recipients: expected a table"),
        ("auth = []", "auth: expected an answer to AUTH"),
    ],
)
def test_a_mistake_is_named(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        parse_script(text, "x.toml")
    assert message in str(error.value)


def test_a_script_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('rcpt = "550 no"')
    assert load_script(path).rcpt == reply("550 no")
    with pytest.raises(InputError, match="expected the script of a server"):
        load_script(tmp_path / "none.toml")


def test_named_behaviours_are_found() -> None:
    assert named_behaviour("st454") is EVIDENCE_BEHAVIOURS["st454"]


LINES = st.sampled_from(
    [
        'base = "ok"',
        'rcpt = "550 x"',
        "[rcpt]",
        'then = "close"',
        "delay = 1",
        'lines = ["250 x"]',
        "x=",
        "=",
        "1",
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(LINES, max_size=8).map("\n".join)))
def test_any_text_is_a_script_or_bad_input(text: str) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(parse_script(text, "x.toml"), Behaviour)


def test_a_number_among_the_lines_is_a_pause_and_octets_may_stand_behind() -> None:
    text = 'ehlo = { lines = ["250-mx", 30, "250 HELP"], behind = "250 more\\r\\n" }'
    answer = parse_script(text, "x.toml").ehlo
    assert answer == Answer(("250-mx", "250 HELP"), pauses=((1, 30.0),), behind=b"250 more\r\n")


@pytest.mark.parametrize("text", ["rcpt = { behind = 3 }", 'rcpt = { behind = "ä" }', 'rcpt = ["250 x", -1]'])
def test_octets_and_pauses_that_cannot_be_are_mistakes(text: str) -> None:
    with pytest.raises(InputError, match="rcpt"):
        parse_script(text, "x.toml")
