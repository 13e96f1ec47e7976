from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.mta.base import errnos
from eximsim.mta.transports.smtp_out import (
    BadSetting,
    Dialogue,
    Reply,
    smtp_get_interface,
    smtp_get_port,
)
from eximsim.ports import ConnectionLost, ReadTimeout, TlsAlert, TlsOffer, TlsSession
from eximsim.status import Errno
from eximsim.world.smtp_behaviour import Answer, Behaviour, Then, reply
from tests.mta.scenario import NEWEST, Mx, Site, variant

PROCESS = Site().process()
CONNECTION_LOST, SILENCE = "lost", "silence"


class Line:
    """The client's end of a connection on which these chunks arrive, and then what ``end`` says."""

    local_address, local_port = "10.9.0.1", 40000

    def __init__(self, chunks: Iterable[bytes], end: str = "") -> None:
        self.chunks, self.end = list(chunks), end
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> None:
        if self.end == CONNECTION_LOST and not self.chunks:
            raise ConnectionLost(errnos.EPIPE)
        self.sent.append(data)

    def receive(self, timeout: float) -> bytes:
        if self.chunks:
            return self.chunks.pop(0)
        if self.end == CONNECTION_LOST:
            raise ConnectionLost(errnos.ECONNRESET)
        if self.end == SILENCE:
            raise ReadTimeout
        return b""

    def check_ciphers(self, ciphers: str) -> None:
        raise AssertionError("nobody asks for TLS here")

    def start_tls(self, offer: TlsOffer, timeout: float) -> TlsSession:
        raise AssertionError("nobody asks for TLS here")

    def end_tls(self) -> bool:
        raise AssertionError("there is no TLS here")

    def forget_tls(self) -> None:
        raise AssertionError("there is no TLS here")

    def close(self) -> None:
        pass

    def abandon(self, alert: TlsAlert | None = None) -> None:
        pass


def replies(chunks: Iterable[bytes], count: int = 4, end: str = "") -> list[Reply]:
    dialogue = Dialogue(PROCESS, Line(chunks, end))
    return [dialogue.read("2", 5) for _ in range(count)]


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted({place for place in places if 0 < place < len(data)}), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


LINES = st.from_regex(rb"[2-5][0-9]{2}([ -][ -~]{0,20})?\r?\n", fullmatch=True)
RUBBISH = st.binary(max_size=12)
STREAMS = st.lists(LINES | RUBBISH, max_size=8).map(b"".join)


@given(stream=STREAMS, places=st.lists(st.integers(1, 200), max_size=20))
@settings(max_examples=200)
def test_replies_do_not_depend_on_how_the_bytes_arrive(stream: bytes, places: list[int]) -> None:
    assert replies(cut(stream, places)) == replies([stream] if stream else [])


@given(stream=st.binary(max_size=64), end=st.sampled_from(["", CONNECTION_LOST, SILENCE]))
@settings(max_examples=200)
def test_whatever_arrives_is_a_reply_or_a_failure_with_a_number(stream: bytes, end: str) -> None:
    for found in replies([stream] if stream else [], end=end):
        assert not (found.ok and found.errno)
        assert found.errno in (0, Errno.SMTPFORMAT, errnos.ETIMEDOUT, errnos.ECONNRESET)
        assert found.text or not found.ok


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"250 OK\r\n", Reply(True, "250 OK")),
        (b"250\r\n", Reply(True, "250")),
        (b"250 OK  \r\n", Reply(True, "250 OK")),
        (b"250 OK\n", Reply(True, "250 OK")),
        (b"250-a\r\n250-b\r\n250 c\r\n", Reply(True, "250-a\n250-b\n250 c")),
        (b"450 later\r\n", Reply(False, "450 later")),
        (b"450-a\r\n250 b\r\n", Reply(False, "450-a\n250 b")),
        (b"hello\r\n", Reply(False, "hello", Errno.SMTPFORMAT)),
        (b"\r\n", Reply(False, "", Errno.SMTPFORMAT)),
        (b"\n", Reply(False, "", Errno.SMTPFORMAT)),
        (b"25 OK\r\n", Reply(False, "25 OK", Errno.SMTPFORMAT)),
        (b"250!OK\r\n", Reply(False, "250!OK", Errno.SMTPFORMAT)),
        (b"2500\r\n", Reply(False, "2500", Errno.SMTPFORMAT)),
        (b"250-a\r\nrubbish\r\n", Reply(False, "250-a\nrubbish", Errno.SMTPFORMAT)),
        (b"", Reply(False, "")),
        (b"250 no line end", Reply(False, "")),
        (b"250-a\r\n250-b\r\n", Reply(False, "250-a\n250-b\n", truncated=True)),
    ],
)
def test_a_reply_is_its_lines_and_is_wanted_if_its_first_digit_is(stream: bytes, expected: Reply) -> None:
    assert replies([stream] if stream else [], 1) == [expected]


@pytest.mark.parametrize(
    ("end", "number"),
    [("", 0), (SILENCE, errnos.ETIMEDOUT), (CONNECTION_LOST, errnos.ECONNRESET)],
)
def test_of_an_unfinished_reply_the_whole_lines_are_known(end: str, number: int) -> None:
    assert replies([b"250-half\r\n250"], 1, end) == [Reply(False, "250-half\n", number, truncated=True)]


def test_a_line_that_does_not_end_is_malformed() -> None:
    (reply,) = replies([b"250 " + b"x" * 1000] * 5, 1, SILENCE)
    assert (reply.errno, len(reply.text)) == (Errno.SMTPFORMAT, 4093)


@pytest.mark.parametrize(("length", "whole"), [(4092, True), (4093, False)])
def test_a_reply_has_to_fit_into_its_buffer(length: int, whole: bool) -> None:
    (reply,) = replies([b"250 " + b"x" * (length - 4) + b"\n"], 1)
    assert reply.ok is whole


def test_what_is_left_over_is_the_next_reply() -> None:
    dialogue = Dialogue(PROCESS, Line([b"250 one\r\n250 two\r\n"]))
    assert dialogue.read("2", 5).text == "250 one"
    assert dialogue.unread()
    assert dialogue.read("2", 5).text == "250 two"
    assert not dialogue.unread()


def test_buffered_commands_go_out_in_one_piece_with_the_first_that_is_not() -> None:
    line = Line([])
    dialogue = Dialogue(PROCESS, line)
    assert [dialogue.write(command, buffer=True) for command in ("MAIL", "RCPT")] == [0, 0]
    assert line.sent == []
    assert dialogue.write("DATA") == 3
    assert line.sent == [b"MAIL\r\nRCPT\r\nDATA\r\n"]
    assert dialogue.command == "DATA"


def test_a_command_that_cannot_be_sent_is_counted_as_minus_one() -> None:
    assert Dialogue(PROCESS, Line([], CONNECTION_LOST)).write("EHLO me") == -1


def test_octets_above_127_survive_both_ways() -> None:
    line = Line([b"250 caf\xe9\r\n"])
    dialogue = Dialogue(PROCESS, line)
    text = dialogue.read("2", 5).text
    dialogue.write(text)
    assert line.sent == [b"250 caf\xe9\r\n"]


@pytest.mark.parametrize(("marked", "shown"), [(False, ">>>   SMTP>> MAIL\n"), (True, ">>>   SMTP|> MAIL\n")])
def test_the_host_check_trace_shows_a_buffered_command_as_the_release_does(marked: bool, shown: str) -> None:
    process = Site(release=variant(NEWEST, pipelined_commands_marked=marked)).process()
    written: list[str] = []
    process.host_checking, process.err = True, written.append
    Dialogue(process, Line([])).write("MAIL", buffer=True)
    assert written == [shown]


# ---- malformed and missing replies in a delivery ---------------------------------------


def log(behaviour: Behaviour) -> str:
    return Site([Mx(behaviour)]).deliver()[-1]


MALFORMED: Sequence[tuple[Behaviour, str]] = [
    (
        Behaviour(banner=reply("hello")),
        "defer (-19) H=mx1.test.ex [10.9.1.1]: Malformed SMTP reply in response to initial connection: hello",
    ),
    (
        Behaviour(extensions=(), mail=reply("nonsense")),
        "defer (-19) H=mx1.test.ex [10.9.1.1]: Malformed SMTP reply in response to"
        " MAIL FROM:<s@myhost.test.ex>: nonsense",
    ),
    (
        Behaviour(banner=Answer(("",))),
        "defer (-19) H=mx1.test.ex [10.9.1.1]: Malformed SMTP reply (an empty line) in response to initial"
        " connection",
    ),
    (
        Behaviour(banner=Answer(then=Then.CLOSE)),
        "defer (-18) H=mx1.test.ex [10.9.1.1]: Remote host closed connection in response to initial"
        " connection",
    ),
    (
        Behaviour(banner=Answer(then=Then.RESET)),
        "defer (-18) H=mx1.test.ex [10.9.1.1]: Remote host closed connection in response to initial"
        " connection",
    ),
    (
        Behaviour(banner=Answer(then=Then.SILENCE)),
        "defer (110): Connection timed out H=mx1.test.ex [10.9.1.1]: SMTP timeout after initial connection",
    ),
]


@pytest.mark.parametrize(("behaviour", "expected"), MALFORMED)
def test_a_reply_that_is_none_defers_with_the_command_that_it_should_have_answered(
    behaviour: Behaviour, expected: str
) -> None:
    assert log(behaviour) == f"== a@test.ex R=r T=smtp {expected}"


# ---- port and interface ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("25", 25),
        ("smtp", 25),
        ("submission", 587),
        ("smtps", 465),
        ("${if eq{$primary_hostname}{myhost.test.ex}{2525}{25}}", 2525),
        ("25x", "invalid port number for here: 25x"),
        ("gopher", 'TCP port "gopher" is not defined for here'),
        ("$nothing", 'failed to expand "$nothing" ("port" option) for here: unknown variable name "nothing"'),
    ],
)
def test_a_port_is_a_number_or_a_service(text: str, expected: int | str) -> None:
    if isinstance(expected, int):
        assert smtp_get_port(Site().process(), text, "here") == expected
        return
    with pytest.raises(BadSetting) as caught:
        smtp_get_port(Site().process(), text, "here")
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("text", "address", "expected"),
    [
        (None, "10.9.1.1", None),
        ("", "10.9.1.1", None),
        ("10.9.0.1", "10.9.1.1", "10.9.0.1"),
        ("<; ::1 ; 10.9.0.1", "10.9.1.1", "10.9.0.1"),
        ("<; ::1 ; 10.9.0.1", "::2", "::1"),
        ("10.9.0.1", "::2", None),
        ("${if eq{1}{2}{10.9.0.1}fail}", "10.9.1.1", None),
    ],
)
def test_the_interface_is_the_first_of_the_hosts_family(
    text: str | None, address: str, expected: str | None
) -> None:
    assert smtp_get_interface(Site().process(), text, address, "here") == expected


@pytest.mark.parametrize(
    ("text", "address", "expected"),
    [
        (
            "$nothing",
            "10.9.1.1",
            'failed to expand "interface" option for here: unknown variable name "nothing"',
        ),
        ("fd09::2", "fd09::1", '"fd09:2" is not a valid IP address for the "interface" option for here'),
        ("<; fd09::2 ; x", "10.9.1.1", '"x" is not a valid IP address for the "interface" option for here'),
    ],
)
def test_an_interface_that_is_no_address_is_told(text: str, address: str, expected: str) -> None:
    with pytest.raises(BadSetting) as caught:
        smtp_get_interface(Site().process(), text, address, "here")
    assert str(caught.value) == expected


@pytest.mark.parametrize(("release", "lines"), [("4.96", 0), ("4.97", 1)])
def test_an_interface_that_cannot_be_bound_is_logged(release: str, lines: int) -> None:
    site = Site(release=release, transport={"interface": "99.99.99.99"})
    site.deliver()
    assert site.log.count("bind of [99.99.99.99]:0 failed") == lines
    assert any(
        line.startswith("== a@test.ex") and "Cannot assign requested address" in line for line in site.log
    )


def test_an_interface_that_is_no_particular_one_leaves_the_choice_to_the_machine() -> None:
    site = Site(transport={"interface": "0.0.0.0"})
    site.deliver()
    assert site.outcome.startswith("sent")


@pytest.mark.parametrize(("release", "outcome"), [("4.98", "sent"), ("4.99", "DEFER")])
def test_an_empty_protocol_is_a_bad_one_since_4_99(release: str, outcome: str) -> None:
    site = Site(release=release, transport={"protocol": "", "port": "25"})
    site.deliver()
    assert site.outcome.startswith(outcome)
    assert site.log.count("bad protocol option in transport: ''") == (outcome == "DEFER")


@pytest.mark.parametrize(("release", "sent"), [("4.92", True), ("4.93", False)])
def test_a_timeout_is_for_the_whole_reply_since_4_93(release: str, sent: bool) -> None:
    slow = Answer(("250-one moment", "250 OK"), delay=40, pauses=((1, 40),))
    site = Site([Mx(Behaviour(mail=slow))], release, transport={"command_timeout": "1m"})
    site.deliver()
    assert site.outcome.startswith("sent" if sent else "DEFER 110: ")


@pytest.mark.parametrize("port", ["8x", "2 5"])
def test_a_port_that_begins_as_a_number_has_to_be_one(port: str) -> None:
    with pytest.raises(BadSetting, match=f"invalid port number for here: {port}"):
        smtp_get_port(Site().process(), port, "here")


@pytest.mark.parametrize(("length", "error"), [(4092, errnos.ETIMEDOUT), (4093, Errno.SMTPFORMAT)])
def test_a_line_is_too_long_as_soon_as_the_buffer_is_full(length: int, error: int) -> None:
    (found,) = replies([b"2" * length], 1, SILENCE)
    assert found.errno == error
