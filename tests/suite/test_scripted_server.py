import pytest

from eximsim.errors import InputError, Unsupported
from eximsim.ports import Action, Close, ConnectError, ConnectionLost, Endpoint, Send, TlsOffer, Wait
from eximsim.suite.scripted_server import ScriptedServer, ScriptedSession, read_server
from eximsim.world.backlog import UnservedSession
from eximsim.world.certificates import KeyType, self_signed
from eximsim.world.clock import START
from eximsim.world.memory import MemoryWorld
from eximsim.world.rrsets import rrset_zones

CLIENT, SERVER = Endpoint("127.0.0.1", 40000), Endpoint("127.0.0.1", 1224)


def started(*script: str, words: str = "1224") -> ScriptedServer:
    server = read_server(words.split(), script, "t/1", 5)
    server.start()
    return server


def connected(server: ScriptedServer) -> tuple[ScriptedSession, list[Action]]:
    session = server.session()
    assert isinstance(session, ScriptedSession)
    return session, list(session.on_connect(CLIENT, SERVER))


def end(session: ScriptedSession) -> None:
    session.on_close()


def test_a_dialogue_is_played_and_written_down() -> None:
    server = started("220 hello", "EHLO", "250 fine", "QUIT", "221 bye")
    session, actions = connected(server)
    assert actions == [Send(b"220 hello\r\n")]
    assert list(session.on_data(b"EHLO me\r\nQU")) == [Send(b"250 fine\r\n")]
    assert list(session.on_data(b"IT\r\n")) == [Send(b"221 bye\r\n"), Close()]
    end(session)
    assert "".join(server.said) == (
        "Listening on port 1224 ... \nConnection request from [127.0.0.1]\n220 hello\nEHLO me\n250 fine\n"
        "QUIT\n221 bye\nEnd of script\n"
    )
    assert server.wait() == 0


def test_an_escape_is_an_octet() -> None:
    _, actions = connected(started(r"220 \x80\xC3\xA9", "QUIT"))
    assert actions == [Send(b"220 \x80\xc3\xa9\r\n")]


def test_an_unexpected_line_ends_the_connection_with_what_was_expected() -> None:
    server = started("MAIL", "250 OK")
    session, _ = connected(server)
    assert list(session.on_data(b"RCPT\r\n")) == [Close()]
    end(session)
    assert "".join(server.said).endswith("RCPT\nComparison failed - bailing out\nExpected: MAIL\n")


def test_a_dot_takes_all_lines_up_to_a_dot() -> None:
    server = started(".", "250 OK")
    session, _ = connected(server)
    assert list(session.on_data(b"Subject: x\r\n\r\nbody\r\n.\r\n")) == [Send(b"250 OK\r\n"), Close()]
    assert "".join(server.said).endswith("Subject: x\n\nbody\n.\n250 OK\n")


@pytest.mark.parametrize(("script", "words"), [("*eof", "Expected EOF"), ("QUIT", "Unexpected EOF")])
def test_the_end_of_the_connection_is_expected_or_not(script: str, words: str) -> None:
    server = started(script)
    session, _ = connected(server)
    assert list(session.on_eof()) == [Close()]
    end(session)
    assert f"{words} read from client\nEnd of script\n" in "".join(server.said)


def test_the_server_can_close_sleep_and_send_other_line_ends() -> None:
    server = started(">CR>a", "*sleep 2", ">LF>b", ">c\\x41", ">*eof", "never")
    _, actions = connected(server)
    assert actions == [Send(b"a\r"), Wait(2.0), Send(b"b\n"), Send(b"cA\r\n"), Close()]
    assert ">CR>a\n*sleep 2\n>LF>b\n>cA\n>*eof\n" in "".join(server.said)


def test_a_second_connection_goes_on_with_the_script() -> None:
    done: list[bool] = []
    server = started("220 one", "*eof", "220 two", "*eof", words="1224 2")
    server.on_finished = lambda: done.append(True)
    for reply in (b"220 one\r\n", b"220 two\r\n"):
        session, actions = connected(server)
        assert actions == [Send(reply)]
        session.on_eof()
        end(session)
    assert done == [True]
    assert "".join(server.said).count("Listening on port 1224 ... ") == 2


def test_a_server_that_nobody_calls_times_out() -> None:
    assert started("220 x").wait() == 99
    server = started("220 x", words="-t -3 1224")
    assert server.wait() == 0
    assert "".join(server.said) == "Listening on port 1224 ... \nServer timed out\n"


def test_octets_are_compared_as_they_come_if_some_are_sent() -> None:
    server = started(r"<<\x05\x01\x00", r">>\x05\x00", "EHLO", ".", "250 fine", "<<ab")
    session, _ = connected(server)
    assert list(session.on_data(b"\x05\x01\x00")) == [Send(b"\x05\x00")]
    assert list(session.on_data(b"EHLO me\r\nline\r\n")) == []
    assert list(session.on_data(b"more\r\n.\r\nax")) == [Send(b"250 fine\r\n"), Close()]
    said = "".join(server.said).partition("]\n")[2]
    assert said == (
        "<<\\x05\\x01\\x00\n>>\\x05\\x00\nEHLO\nl\n250 fine\n<<ax\n"
        "Comparison failed - bailing out\nExpected: <<ab\n"
    )


def test_a_server_on_a_socket_is_named_by_its_path() -> None:
    server = started("220 x", words="-t -3 /tmp/socket")
    assert (server.port, server.path) == (0, "/tmp/socket")
    assert server.wait() == 0
    assert "".join(server.said) == "Listening on /tmp/socket ... \nServer timed out\n"


def test_arguments_are_checked() -> None:
    with pytest.raises(InputError, match=r"t/1:5: server : expected \[options\] PORT"):
        started("220 x", words="")
    with pytest.raises(Unsupported, match="option -x of"):
        started("220 x", words="-x 1224")


def test_octets_that_are_not_shown_are_read_as_many_as_they_are() -> None:
    server = started("BDAT", "*data 6", "250 OK", "RSET")
    session, _ = connected(server)
    assert list(session.on_data(b"BDAT 6 LAST\r\nab\r")) == []
    assert list(session.on_data(b"\ncdRSET\r\n")) == [Send(b"250 OK\r\n"), Close()]
    assert "ab" not in "".join(server.said)


def test_a_server_may_wait_for_quit_before_it_answers() -> None:
    session, _ = connected(started("BDAT", "*data 6", "QUIT", "250 OK", "221 bye"))
    assert list(session.on_data(b"BDAT 6 LAST\r\nA: b\r\n")) == []
    said = list(session.on_data(b"QUIT\r\n"))
    assert said == [Send(b"250 OK\r\n"), Send(b"221 bye\r\n"), Close()]


def test_a_connection_too_many_is_reset_when_the_server_ends() -> None:
    server = started("220 hello", "QUIT")
    session, _ = connected(server)
    waiting = server.session()
    assert isinstance(waiting, UnservedSession)
    steps = iter(waiting.on_connect(CLIENT, SERVER))
    assert isinstance(next(steps), Wait)
    end(session)
    assert list(steps) == [Close(reset=True)]
    assert server.wait() == 0


def test_a_connection_that_would_wait_for_another_for_long_is_not_modelled() -> None:
    server = started("220 hello", "QUIT")
    connected(server)
    with pytest.raises(Unsupported, match="done with another"):
        list(server.session().on_connect(CLIENT, SERVER))


def test_who_comes_while_a_server_sleeps_before_its_end_stays_in_the_backlog() -> None:
    world = MemoryWorld(rrset_zones(()))
    server = started("220 hello", "*sleep 4")
    server.on_finished = lambda: world.unlisten(None, 1224)
    world.listen(None, 1224, server.session)
    world.connect("127.0.0.1", 1224, 5)
    world.sleep(3)
    late = world.connect("127.0.0.1", 1224, 5)
    with pytest.raises(ConnectionLost):
        late.receive(3)
    assert world.now() == START + 4
    with pytest.raises(ConnectError):
        world.connect("127.0.0.1", 1224, 5)


def test_a_line_may_be_sent_without_its_end() -> None:
    server = read_server(["1224"], (">>one", ">CR>two"), "t", 1)
    server.start()
    sent = [action.data for action in server.session().on_connect(Endpoint("", 0), Endpoint("", 0))
            if isinstance(action, Send)]  # fmt: skip
    assert sent == [b"one", b"two\r"]


TLS_SCRIPT = ("220 hello", "STARTTLS", "220 go", "*starttls", "EHLO", "250 in TLS", "QUIT", ">*eof", "*eof")


def test_after_its_line_a_server_goes_on_in_tls() -> None:
    own = self_signed("/CN=mx.test.ex", key_type=KeyType.ECDSA)
    world = MemoryWorld(rrset_zones(()))
    server = started(*TLS_SCRIPT, words="-d -tls cert key 1224")
    server.read_file = {"cert": own.chain, "key": own.key}.__getitem__
    world.listen(None, 1224, server.session)
    connection = world.connect("127.0.0.1", 1224, 5)
    connection.send(b"STARTTLS\r\n")
    assert [connection.receive(5), connection.receive(5)] == [b"220 hello\r\n", b"220 go\r\n"]
    session = connection.start_tls(TlsOffer(lambda chain: None), 5)
    connection.send(b"EHLO x\r\n")
    assert connection.receive(5) == b"250 in TLS\r\n"
    connection.send(b"QUIT\r\n")
    assert connection.receive(5) == b""
    said = "".join(server.said)
    assert said.startswith("Creating IPv6 socket\nCreating IPv4 socket\nListening on port 1224 ... ")
    assert f"220 go\nSSL connection using {session.cipher}\nEHLO x\n" in said


@pytest.mark.parametrize(
    ("words", "script"),
    [("1224", TLS_SCRIPT), ("-tls cert key 1224", (*TLS_SCRIPT, ">>x")), ("-d -noipv6 1224", ("220 hello",))],
)
def test_a_server_whose_tls_or_debugging_is_not_known_is_not_modelled(
    words: str, script: tuple[str, ...]
) -> None:
    with pytest.raises(Unsupported, match=r"t/1:5"):
        read_server(words.split(), script, "t/1", 5)


def test_a_handshake_that_fails_is_not_modelled() -> None:
    session, _ = connected(started(*TLS_SCRIPT, words="-tls cert key 1224"))
    with pytest.raises(Unsupported, match=r"t/1:5"):
        session.on_tls_failure("WRONG_VERSION_NUMBER")
