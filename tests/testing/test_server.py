from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from eximsim.errors import InputError
from eximsim.testing import MailServer, Server, Zone
from eximsim.testing.server import COMMANDS, OFFERS
from eximsim.world.smtp_behaviour import Answer, Then
from tests.testing.policies import Stand


@pytest.fixture
def server() -> Server:
    return Server(Zone().add("mx.example.com"))


def test_every_host_of_the_zone_has_a_good_server(server: Server) -> None:
    ((address, found),) = server.by_address().items()
    assert (address, found.host) == ("192.0.2.1", "mx.example.com")
    behaviour = found.behaviour()
    assert behaviour.does_tls()
    assert behaviour.chain == "good/mx.example.com"


def test_the_same_host_gives_the_same_server(server: Server) -> None:
    assert server("mx.example.com") is server("MX.Example.com.")


def test_a_server_can_be_named_by_its_address(server: Server) -> None:
    server("192.0.2.1").reply("rcpt", "550 no")
    server("192.0.2.9").set(listen=False)
    found = server.by_address()
    assert found["192.0.2.1"].behaviour().rcpt == Answer(("550 no",))
    assert not found["192.0.2.9"].behaviour().listen


def test_a_host_with_two_addresses_has_one_server(server: Server) -> None:
    zone = Zone().record("mx.example.com", "A", "192.0.2.1", "192.0.2.2")
    server = Server(zone)
    server("mx.example.com", certificate="expired")
    assert {found.behaviour().chain for found in server.by_address().values()} == {"expired/mx.example.com"}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_can_be_answered(server: Server, command: str) -> None:
    before = server("mx.example.com").behaviour()
    assert server("mx.example.com").reply(command, "450 later").behaviour() != before


def test_starttls_is_on_offer_or_not_or_answered(server: Server) -> None:
    one = server("mx.example.com", starttls=False)
    assert not one.behaviour().does_tls()
    assert not any("STARTTLS" in line for line in one.behaviour().hello(extended=True, tls=False).lines)
    one.set(starttls="454 not now")
    assert one.behaviour().starttls == Answer(("454 not now",))
    one.set(starttls=True, offers=["SIZE 1000"])
    assert one.behaviour().does_tls()
    assert "250 SIZE 1000" in one.behaviour().hello(extended=True, tls=False).lines


def test_an_answer_may_come_late_and_end_the_connection(server: Server) -> None:
    server("mx.example.com").reply("connect", "421 busy", then="close", delay=3)
    assert server("mx.example.com").behaviour().greeting() == Answer(("421 busy",), Then.CLOSE, 3.0)


def test_one_recipient_may_have_its_own_answer(server: Server) -> None:
    one = server("mx.example.com").reply("rcpt", "550 no", to="a@example.com")
    assert one.behaviour().recipients == (("a@example.com", Answer(("550 no",))),)
    assert one.behaviour().rcpt == Answer(("250 OK",))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda server: server("mx.example.com", certificate="bad"), "certificate 'bad': expected good, "),
        (
            lambda server: server("mx.example.com").reply("turn", "250 ok"),
            "command 'turn': expected connect, ",
        ),
        (
            lambda server: server("mx.example.com").reply("mail", "250 ok", to="a@b"),
            "to='a@b': expected with",
        ),
        (lambda server: server("mx.example.com").reply("rcpt", "no"), "rcpt: 'no' is no SMTP reply"),
        (
            lambda server: server("mx9.example.com") and server.by_address(),
            "server 'mx9.example.com': the zone has",
        ),
    ],
    ids=["certificate", "command", "to", "reply", "host"],
)
def test_a_mistake_is_told(server: Server, wrong: Callable[[Server], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        wrong(server)
    assert str(caught.value).startswith(message)


def test_several_lines_are_one_reply(server: Server) -> None:
    found = server("mx.example.com").reply("rcpt", "550 no such user", "ask postmaster", "550 really")
    assert found.behaviour().rcpt == Answer(("550-no such user", "550-ask postmaster", "550 really"))


def test_a_reply_may_pause_and_have_octets_behind_it(server: Server) -> None:
    found = server("mx.example.com").reply("ehlo", "250-mx", 7, "HELP", behind="250 x\r\n")
    assert found.behaviour().ehlo == Answer(("250-mx", "250 HELP"), pauses=((1, 7.0),), behind=b"250 x\r\n")


def test_a_pause_inside_a_reply_is_time_that_passes() -> None:
    stand = Stand()
    stand.zone.add("mx.example.com")
    stand.server("mx.example.com").reply("mail", "250-still", 200, "here")
    stand.machine().deliver("a@example.com").should_deliver()
    stand.server("mx.example.com").reply("mail", "250-still", 301, "here")
    stand.machine().deliver("a@example.com").should_not_deliver(reason="timed out")


def test_a_line_of_several_is_part_of_the_reason() -> None:
    stand = Stand()
    stand.zone.add("mx.example.com")
    stand.server("mx.example.com").reply("rcpt", "550 no such user", "ask postmaster")
    stand.machine().deliver("a@example.com").should_bounce(reason=re.compile(r"no such user.*ask postmaster"))


def test_octets_behind_an_answer_are_taken_for_the_next_answer() -> None:
    stand = Stand()
    stand.zone.add("mx.example.com")
    stand.server("mx.example.com").reply("mail", "250 OK", behind="550 not you\r\n")
    stand.machine().deliver("a@example.com").should_bounce(reason="550 not you")


def test_a_server_offers_what_real_ones_do_unless_a_test_says_otherwise(server: Server) -> None:
    lines = server("mx.example.com").behaviour().hello(extended=True, tls=True).lines
    assert [line[4:] for line in lines[1:]] == list(OFFERS)
    server("mx.example.com", offers=["SIZE 1000"])
    assert server("mx.example.com").behaviour().hello(extended=True, tls=True).lines[1:] == ("250 SIZE 1000",)


def test_an_answer_to_data_is_given_since_chunking_is_left_out_then() -> None:
    stand = Stand()
    stand.zone.add("mx.example.com")
    stand.server("mx.example.com").reply("data", "451 not now")
    stand.machine().deliver("a@example.com").should_defer(reason="451 not now")


def test_chunks_are_what_a_message_is_sent_in() -> None:
    stand = Stand()
    stand.zone.add("mx.example.com")
    result = stand.machine().deliver("a@example.com").should_deliver()
    assert any("BDAT" in event for one in result.connections for event in one.events)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda one: one.set(certificate="expired", listen="no"),
        lambda one: one.set(starttls=3),
        lambda one: one.set(offers="SIZE"),
        lambda one: one.set(offer=["SIZE"]),
        lambda one: one.reply("rcpt"),
        lambda one: one.reply("rcpt", "250 OK", 5),
        lambda one: one.reply("rcpt", "250 OK", then="garbage"),
        lambda one: one.reply("rcpt", "what"),
        lambda one: one.reply("rcpt", "550 no", to=3),
        lambda one: one.reply("mail", "550 no", to="a@example.com"),
    ],
)
def test_a_slip_changes_nothing(server: Server, wrong: Callable[[MailServer], object]) -> None:
    one = server("mx.example.com")
    before = one.behaviour()
    with pytest.raises(InputError, match="expected "):
        wrong(one)
    assert one.behaviour() == before


@pytest.mark.parametrize("host", ["", ".", 3, None])
def test_a_server_has_a_name(server: Server, host: object) -> None:
    with pytest.raises(InputError, match="expected a "):
        server(host)  # type: ignore[arg-type]
