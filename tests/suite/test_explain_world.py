"""The servers of an explanation: the words that a servers file may use, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.suite.explain_world import Surroundings, surroundings
from eximsim.world.smtp_behaviour import Behaviour

ZONE = "$ORIGIN example.com.\n$TTL 300\nmx A 203.0.113.1\n"


def around(folder: Path, servers: str) -> Surroundings:
    (folder / "example.zone").write_text(ZONE)
    (folder / "servers.toml").write_text(servers)
    return surroundings(folder, folder / "servers.toml")


def server(folder: Path, text: str) -> Behaviour:
    return around(folder, f'["mx.example.com"]\n{text}\n').servers["203.0.113.1"]


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ('certificate = "expired"', 'chain = "expired"'),
        ('certificate = "incomplete"', 'chain = "eeonly"'),
        ('connect = "421 busy"', 'banner = "421 busy"'),
        ('message = "451 later"', 'end_of_data = "451 later"'),
        ('rset = "500 what"', 'reset = "500 what"'),
        ("starttls = true", 'base = "ok"'),
    ],
)
def test_the_words_of_the_fixtures_mean_the_same(tmp_path: Path, word: str, other: str) -> None:
    assert server(tmp_path, word) == server(tmp_path, other)


def test_starttls_can_be_switched_off_as_in_the_fixtures(tmp_path: Path) -> None:
    assert "STARTTLS" not in server(tmp_path, "starttls = false").extensions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('chain = "good"\ncertificate = "good"', "certificate: chain says the same; expected one of them"),
        ('certificate = "typo"', "cannot read the certificate: No such file or directory; expected good, "),
        ("colour = 1", "colour: expected one of base, "),
        ("rcpt = \n", "servers.toml:2: "),
        ("rcpt = [\n", "servers.toml:"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        server(tmp_path, text)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["9" * 400, "a..b", "\\", "nobody.example.com"])
def test_a_server_is_an_address_or_a_host_of_the_zones(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        around(tmp_path, f"['{name}']\n")


def test_a_server_keeps_its_key_when_its_certificate_expires(tmp_path: Path) -> None:
    chains = around(tmp_path, "").chains
    assert len({identity.key for identity in chains.chains.values()}) == 1
