from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.ports import Action, Close, Endpoint, Send, StartTls, TlsIdentity, TlsSession, Wait
from eximsim.world import smtp_content, smtp_server
from eximsim.world.smtp_behaviour import EVIDENCE_BEHAVIOURS, Answer, Behaviour, Then, reply
from eximsim.world.smtp_content import Received
from eximsim.world.smtp_server import MAX_LINE, ConnectionLog, SmtpServer, SmtpSession

CHAINS = {
    name: TlsIdentity(name.encode(), b"") for name in ("good", "wrongname", "expired", "selfsigned", "eeonly")
}
CLIENT, SERVER = Endpoint("10.0.0.1", 40000), Endpoint("10.9.1.1", 25)
TLS13 = TlsSession("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256)


class Talk:
    """A session with somebody who does what its actions say."""

    def __init__(self, behaviour: Behaviour) -> None:
        server = SmtpServer(behaviour, CHAINS)
        self.session: SmtpSession = server()
        self.log: ConnectionLog = server.connections[0]
        self.sent = b""
        self.waited = 0.0
        self.closed: Close | None = None
        self.handshake: StartTls | None = None
        self.act(self.session.on_connect(CLIENT, SERVER))

    def act(self, actions: Iterable[Action]) -> None:
        for action in actions:
            assert self.closed is None, "an action after Close"
            match action:
                case Send(data):
                    self.sent += data
                case Wait(seconds):
                    self.waited += seconds
                case Close():
                    self.closed = action
                case StartTls():
                    self.handshake = action
                    if action.early:
                        self.fail("WRONG_VERSION_NUMBER")

    def fail(self, reason: str) -> None:
        self.handshake = None
        self.act(self.session.on_tls_failure(reason))

    def say(self, data: bytes) -> bytes:
        """What the server answers."""
        before = len(self.sent)
        if self.closed is None and self.handshake is not None:
            self.fail("WRONG_VERSION_NUMBER")
        elif self.closed is None:
            self.act(self.session.on_data(data))
        return self.sent[before:]

    def leave(self) -> list[str]:
        """The client closes; all events."""
        if self.closed is None and self.handshake is not None:
            self.fail("UNEXPECTED_EOF_WHILE_READING")
        elif self.closed is None:
            self.act(self.session.on_eof())
        self.session.on_close()
        return self.log.events


def events(name: str, *lines: str) -> list[str]:
    talk = Talk(EVIDENCE_BEHAVIOURS[name])
    for line in lines:
        talk.say(line.encode() + b"\r\n")
    return talk.leave()


def test_a_whole_message_in_clear() -> None:
    talk = Talk(Behaviour())
    assert talk.sent == b"220 mx.test.ex ESMTP\r\n"
    assert talk.say(b"EHLO c\r\n") == b"250-mx.test.ex\r\n250-STARTTLS\r\n250 HELP\r\n"
    assert talk.say(b"MAIL FROM:<s@x> SIZE=3\r\nRCPT TO:<a@b>\r\n") == b"250 OK\r\n" * 2
    assert talk.say(b"data\r\n").startswith(b"354 ")
    assert talk.say(b"Subject: x\r\n\r\n..dot\r\n.\r\n") == b"250 OK id=X\r\n"
    assert talk.say(b"QUIT\r\n").startswith(b"221 ")
    assert talk.closed == Close()
    assert talk.leave() == [
        "EHLO",
        "MAIL FROM:<s@x> SIZE=3",
        "RCPT TO:<a@b>",
        "DATA",
        "message accepted",
        "QUIT",
    ]
    assert talk.log.messages == [Received("s@x", ("a@b",), b"Subject: x\r\n\r\n.dot\r\n")]


def test_lmtp_answers_the_message_for_each_recipient() -> None:
    talk = Talk(Behaviour(lmtp=True, recipients=(("no@b", reply("550 no")),)))
    assert talk.say(b"LHLO c\r\n").startswith(b"250-mx.test.ex\r\n")
    talk.say(b"MAIL FROM:<s@x>\r\nRCPT TO:<a@b>\r\nRCPT TO:<no@b>\r\nRCPT TO:<c@b>\r\nDATA\r\n")
    assert talk.say(b"x\r\n.\r\n") == b"250 OK id=X\r\n" * 2
    assert Talk(Behaviour()).say(b"LHLO c\r\n") == b"500 unknown command\r\n"
    talk = Talk(Behaviour(lmtp=True))
    talk.say(b"EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@b>\r\nDATA\r\n")
    assert talk.say(b"x\r\n.\r\n") == b"250 OK id=X\r\n"


def test_prdr_answers_the_message_for_each_recipient_and_then_for_all() -> None:
    talk = Talk(Behaviour(prdr=True, end_of_data=reply("550 not this one")))
    talk.say(b"EHLO c\r\nMAIL FROM:<s@x> PRDR\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@b>\r\nDATA\r\n")
    said = talk.say(b"x\r\n.\r\n").decode().splitlines()
    assert [line[:3] for line in said] == ["353", "250", "550", "250"]


@pytest.mark.parametrize(
    ("prdr", "mail", "recipients"),
    [(True, "<s@x>", 2), (False, "<s@x> PRDR", 2), (True, "<prdr@x> SIZE=9", 2), (True, "<s@x> PRDR", 1)],
)
def test_others_get_one_answer_for_all(prdr: bool, mail: str, recipients: int) -> None:
    talk = Talk(Behaviour(prdr=prdr))
    rcpt = "RCPT TO:<a@b>\r\n" * recipients
    talk.say(f"EHLO c\r\nMAIL FROM:{mail}\r\n{rcpt}DATA\r\n".encode())
    assert talk.say(b"x\r\n.\r\n") == b"250 OK id=X\r\n"


def test_starttls_is_not_offered_again_and_the_dialogue_begins_anew() -> None:
    talk = Talk(Behaviour())
    talk.say(b"EHLO c\r\nSTARTTLS\r\n")
    assert talk.handshake is not None
    assert talk.handshake.on_hello is not None
    talk.handshake.on_hello("mx.test.ex")
    talk.handshake = None
    talk.act(talk.session.on_tls(TLS13))
    assert talk.say(b"EHLO c\r\n") == b"250-mx.test.ex\r\n250 HELP\r\n"
    assert talk.say(b"STARTTLS\r\n").startswith(b"503 ")
    assert (talk.log.tls, talk.log.sni) == ("TLSv1.3", "mx.test.ex")
    assert talk.leave() == ["EHLO", "STARTTLS", "TLS", "EHLO", "STARTTLS", "EOF"]


def test_smtps_greets_after_the_handshake() -> None:
    talk = Talk(EVIDENCE_BEHAVIOURS["smtps"])
    assert (talk.sent, talk.handshake is None) == (b"", False)
    talk.handshake = None
    talk.act(talk.session.on_tls(TLS13))
    assert talk.sent == b"220 mx.test.ex ESMTP\r\n"


def test_a_failed_handshake_ends_the_connection() -> None:
    talk = Talk(Behaviour())
    talk.say(b"STARTTLS\r\n")
    talk.fail("TLSV1_ALERT_UNKNOWN_CA")
    assert talk.closed == Close()
    assert talk.leave() == ["STARTTLS", "TLS-failed TLSV1_ALERT_UNKNOWN_CA"]


def test_an_alert_after_the_handshake_is_an_error() -> None:
    talk = Talk(Behaviour())
    talk.say(b"STARTTLS\r\n")
    talk.handshake = None
    talk.act(talk.session.on_tls(TLS13))
    talk.fail("SSLV3_ALERT_BAD_CERTIFICATE")
    assert talk.leave() == ["STARTTLS", "TLS", "error SSLV3_ALERT_BAD_CERTIFICATE"]


@pytest.mark.parametrize(
    ("name", "lines", "expected"),
    [
        ("ok", [], ["EOF"]),
        ("ok", ["QUIT"], ["QUIT"]),
        ("ok", ["EHLO a", "STARTTLS"], ["EHLO", "STARTTLS", "TLS-failed UNEXPECTED_EOF_WHILE_READING"]),
        ("ok", ["EHLO a", "STARTTLS", "QUIT"], ["EHLO", "STARTTLS", "TLS-failed WRONG_VERSION_NUMBER"]),
        ("ok", ["\x16\x03\x01\n\n", "more"], ["BINARY", "EOF"]),
        ("nostarttls", ["EHLO a", "QUIT"], ["EHLO", "QUIT"]),
        ("st454", ["EHLO a", "STARTTLS", "MAIL FROM:<>"], ["EHLO", "STARTTLS", "MAIL FROM:<>", "EOF"]),
        ("st554", ["EHLO a", "STARTTLS", "QUIT"], ["EHLO", "STARTTLS", "QUIT"]),
        ("stclose", ["EHLO a", "STARTTLS", "QUIT"], ["EHLO", "STARTTLS"]),
        ("stgarbage", ["EHLO a", "STARTTLS", "hello"], ["EHLO", "STARTTLS"]),
        ("stgarbage", ["EHLO a", "STARTTLS"], ["EHLO", "STARTTLS"]),
        ("ehlo502", ["EHLO a", "HELO a", "QUIT"], ["EHLO", "HELO", "QUIT"]),
        ("banner421", [], []),
        ("banner421", ["QUIT"], []),
        ("banner554", ["QUIT"], ["QUIT"]),
        ("banner554", [], ["EOF"]),
        ("smtps", ["QUIT"], ["TLS-failed WRONG_VERSION_NUMBER"]),
        ("smtps", [], ["TLS-failed UNEXPECTED_EOF_WHILE_READING"]),
    ],
)
def test_events_are_those_that_were_recorded(name: str, lines: list[str], expected: list[str]) -> None:
    assert events(name, *lines) == expected


def test_recipients_can_have_answers_of_their_own() -> None:
    talk = Talk(Behaviour(recipients=(("no@b", reply("550-first", "550 no such user")),)))
    talk.say(b"MAIL FROM:<>\r\n")
    assert talk.say(b"RCPT TO:<no@b>\r\n") == b"550-first\r\n550 no such user\r\n"
    assert talk.say(b"RCPT TO:<yes@b>\r\n") == b"250 OK\r\n"
    talk.say(b"DATA\r\n.\r\n")
    assert talk.log.messages == [Received("", ("yes@b",), b"")]


def test_a_message_that_is_refused_is_not_accepted() -> None:
    talk = Talk(Behaviour(end_of_data=reply("451 later")))
    assert talk.say(b"DATA\r\nx\r\n.\r\n").endswith(b"451 later\r\n")
    assert talk.leave() == ["DATA", "EOF"]
    assert talk.log.messages == []


@pytest.mark.parametrize(
    ("then", "closed"), [(Then.CLOSE, Close()), (Then.RESET, Close(reset=True)), (Then.SILENCE, None)]
)
def test_an_answer_can_end_the_dialogue(then: Then, closed: Close | None) -> None:
    talk = Talk(Behaviour(mail=Answer(("451 enough",), then, delay=2.0)))
    assert talk.say(b"MAIL FROM:<>\r\n") == b"451 enough\r\n"
    assert talk.waited == 2.0
    assert talk.closed == closed
    assert talk.say(b"QUIT\r\n") == b""


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\n"])
def test_a_line_that_is_too_long_ends_the_connection(end: bytes) -> None:
    talk = Talk(Behaviour())
    assert talk.say(b"N" * (MAX_LINE + 2) + end) == b"500 line too long\r\n"
    assert talk.closed == Close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"auth": ()},
        {"mail": Answer(("250 OK",), Then.TLS)},
        {"banner": Answer(("220 x",), Then.DATA)},
    ],
)
def test_what_the_server_cannot_do_is_bad_input(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Behaviour(**wrong)  # type: ignore[arg-type]


def test_a_chain_that_is_not_there_is_bad_input_unless_tls_is_out_of_the_question() -> None:
    with pytest.raises(InputError, match="expected one of eeonly, expired, good"):
        SmtpServer(Behaviour(chain="nosuch"), CHAINS)
    assert SmtpServer(EVIDENCE_BEHAVIOURS["nostarttls"], {}).policy is None


# ---- properties

WORDS = st.sampled_from(
    [
        b"EHLO x",
        b"HELO x",
        b"STARTTLS",
        b"MAIL FROM:<a@b>",
        b"RCPT TO:<c@d>",
        b"DATA",
        b"QUIT",
        b"RSET",
        b"\r\n",
        b"\n",
        b".",
        b"\r\n.\r\n",
        b"\x16\x03\x01",
        b" ",
        b"X" * 5000,
    ]
)
STREAMS = st.lists(st.one_of(WORDS, st.binary(max_size=8)), max_size=30).map(b"".join)
BEHAVIOURS = st.sampled_from(sorted(EVIDENCE_BEHAVIOURS))


def outcome(name: str, pieces: Sequence[bytes]) -> tuple[list[str], bytes, list[Received]]:
    talk = Talk(EVIDENCE_BEHAVIOURS[name])
    for piece in pieces:
        talk.say(piece)
    return talk.leave(), talk.sent, talk.log.messages


@settings(max_examples=100)
@given(BEHAVIOURS, STREAMS, st.lists(st.integers(0, 400), max_size=12))
@example("ok", b"DATA\r\n.\r\n", [6, 7, 8])
@example("ok", b"X" * MAX_LINE + b"\r\n", [MAX_LINE + 1])
def test_the_same_octets_in_any_pieces_give_the_same_outcome(
    name: str, stream: bytes, cuts: list[int]
) -> None:
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    pieces = [stream[start:end] for start, end in itertools.pairwise(places)]
    assert outcome(name, pieces) == outcome(name, [stream] if stream else [])


@settings(max_examples=100)
@given(BEHAVIOURS, st.lists(st.binary(min_size=1, max_size=40), max_size=10))
def test_arbitrary_octets_are_answered_in_whole_lines_or_not_at_all(name: str, pieces: list[bytes]) -> None:
    noted, sent, _ = outcome(name, pieces)
    assert sent == b"" or sent.endswith(b"\r\n")
    assert len(noted) <= 2 + b"".join(pieces).count(b"\n")


def test_a_message_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_content, "MAX_MESSAGE", 100_000)
    talk = Talk(Behaviour())
    talk.say(b"DATA\r\n")
    assert talk.say(b"x" * 99_000) == b""
    assert talk.say(b"x" * 99_000) == b"552 message too big\r\n"
    assert talk.closed == Close()


def test_commands_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_server, "MAX_COMMANDS", 3)
    talk = Talk(Behaviour())
    assert talk.say(b"NOOP\r\n" * 4).endswith(b"250 OK\r\n421 too many commands\r\n")
    assert talk.closed == Close()


def test_a_server_that_does_not_keep_reports_and_remembers_nothing() -> None:
    told: list[str] = []
    server = SmtpServer(Behaviour(), CHAINS, lambda log, event: told.append(event), keep=False)
    session = server()
    session.on_connect(CLIENT, SERVER)
    list(session.on_data(b"MAIL FROM:<s@x>\r\nRCPT TO:<a@b>\r\nDATA\r\nhello\r\n.\r\n"))
    assert told == ["MAIL FROM:<s@x>", "RCPT TO:<a@b>", "DATA", "message accepted"]
    assert (server.connections, session.log.events, session.log.messages) == ([], [], [])


def test_a_pause_stands_between_the_lines_of_a_reply() -> None:
    answer = Answer(
        ("250-one", "250-two", "250 three"), delay=1, pauses=((1, 2.5), (2, 4)), behind=b"250 x\r\n"
    )
    assert list(answer.spoken()) == [
        Send(b"250-one\r\n"),
        Wait(2.5),
        Send(b"250-two\r\n"),
        Wait(4),
        Send(b"250 three\r\n250 x\r\n"),
    ]


def test_octets_behind_a_reply_go_out_with_it() -> None:
    assert list(Answer(("220 go",), Then.TLS, behind=b"250 x\r\n").spoken()) == [Send(b"220 go\r\n250 x\r\n")]
    assert list(Answer(behind=b"x").spoken()) == [Send(b"x")]
    assert list(Answer().spoken()) == []
