from collections.abc import Iterable

import pytest

from eximsim.errors import InputError, Unsupported
from eximsim.ports import Action, Close, Endpoint, Send, TlsSession
from eximsim.suite.scripted_client import read_client
from eximsim.world.fakens import fakens_zones
from eximsim.world.memory import MemoryWorld

WORLD_ZONES = fakens_zones({"db.test.ex": "a A 127.0.0.1\n"})


class Greeter:
    """Greets, answers each line with 250 and closes after QUIT."""

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
        return [Send(b"220 here\r\n")]

    def on_data(self, data: bytes) -> Iterable[Action]:
        if data.startswith(b"QUIT"):
            return [Send(b"221 bye\r\n"), Close()]
        return [Send(b"250-more\r\n250 " + data.strip() + b"\r\n")]

    def on_tls(self, session: TlsSession) -> Iterable[Action]:
        return []

    def on_tls_failure(self, reason: str) -> Iterable[Action]:
        return []

    def on_eof(self, *, cut: bool = False) -> Iterable[Action]:
        return []

    def on_close(self) -> None:
        pass


def played(*script: str, port: int = 1225) -> tuple[int, str]:
    world = MemoryWorld(WORLD_ZONES)
    world.listen(None, 1225, Greeter)
    client = read_client(world, "client", ["127.0.0.1", str(port)], "t/1", 3)
    return client.run(script), "".join(client.said)


def test_a_dialogue_is_played_and_written_down() -> None:
    assert played("??? 220", "NOOP", "??? 250-", "??? 250 NOOP", "QUIT", "??? 221", "???*") == (
        0,
        "Connecting to 127.0.0.1 port 1225 ... connected\n??? 220\n<<< 220 here\n>>> NOOP\n??? 250-\n"
        "<<< 250-more\n??? 250 NOOP\n<<< 250 NOOP\n>>> QUIT\n??? 221\n<<< 221 bye\n???*\nExpected EOF read\n"
        "End of script\n",
    )


def test_a_mismatch_ends_the_client() -> None:
    code, said = played("??? 550")
    assert code == 79
    assert said.endswith("??? 550\n<<< 220 here\n\n******** Input mismatch ********\n")


def test_input_must_be_read_before_the_next_line_is_sent() -> None:
    code, said = played("??? 220", "NOOP", "??? 250-", "QUIT")
    assert code == 78
    assert "Unconsumed input: 250 NOOP\r\n   About to send: QUIT\n" in said


def test_nobody_listening_is_said() -> None:
    assert played("??? 220", port=1300) == (
        85, "Connecting to 127.0.0.1 port 1300 ... connect failed: Connection refused\n"
    )  # fmt: skip


def test_any_number_of_lines_can_be_taken() -> None:
    code, said = played("??? 220", "NOOP", "????250", "QUIT", "??? 221")
    assert (code, said.count("<<<")) == (0, 2)


def test_a_line_that_may_be_missing_is_left_for_what_follows() -> None:
    code, said = played("??? 220", "NOOP", "????5", "??? 250")
    assert (code, said.count("<<<")) == (0, 2)
    assert "????5\n??? 250\n<<< 250" in said


def test_a_client_that_waits_in_vain_times_out() -> None:
    assert played("??? 220", "??? 221")[0] == 99


def test_arguments_are_checked() -> None:
    world = MemoryWorld(WORLD_ZONES)
    with pytest.raises(InputError, match=r"t/1:3: client 127.0.0.1: expected"):
        read_client(world, "client", ["127.0.0.1"], "t/1", 3)
    with pytest.raises(Unsupported, match="more than an interface"):
        read_client(world, "client", ["127.0.0.1", "1225", "cert", "key"], "t/1", 3)


def test_a_client_says_what_certificate_and_key_it_has() -> None:
    client = read_client(
        MemoryWorld(WORLD_ZONES), "client-ssl", ["127.0.0.1", "1225", "c.pem", "k.pem"], "t/1", 3
    )
    assert client.tls is not None
    assert client.tls.shown() == "Certificate file = c.pem\nKey file = k.pem\n"


def test_what_is_sent_before_the_greeting_is_read_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="before it has read the server's greeting"):
        played("NOOP", "??? 220")
