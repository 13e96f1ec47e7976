"""``${readsocket`` with a server that is there; the texts are those of test 0373 of Exim's suite."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.suite.scripted_server import read_server
from eximsim.world.certificates import KeyType, self_signed
from tests.mta.front import Front

SOCKET = "/run/s"


def expanded(text: str, *script: str, connections: int = 1, release: str = "4.99") -> str:
    """What -be makes of a text while a scripted server listens on the socket and on port 2525."""
    front = Front(release=release)
    front.machine.test_harness = True
    server = read_server([SOCKET, str(connections)], script, "t", 1)
    front.world.serve(SOCKET, lambda _: server.session())
    front.world.listen(None, 2525, server.session)
    return front.exim("-be", text).stdout.removesuffix("\n")


@pytest.mark.parametrize(
    ("item", "script", "text"),
    [
        ("{/run/s}{ASK\\n}", ("ASK", ">LF>ANSWER", ">*eof"), "ANSWER\n"),
        ("{/run/s}{ASK\\n}", ("ASK", ">>ANSWER", ">*eof"), "ANSWER"),
        ("{/run/s}{ASK\\n}{2s}{*EOL*}", ("ASK", ">LF>ANSWER", ">*eof"), "ANSWER*EOL*"),
        ("{/run/s}{}", (">>ANSWER", ">*eof"), "ANSWER"),
        ("{/run/s}{ASK\\n}", ("*sleep 1", ">*eof"), ""),
        ("{/run/s}{ASK\\n}{1s}{}{sock error}", (">*eof",), "sock error"),
        ("{/run/s}{ASK\\n}{1s}", ("ASK", "*sleep 2"), "Failed: socket read timed out"),
        ("{inet:127.0.0.1:2525}{ASK\\n}{1s}{}{sock error}", (">*eof",), ""),
        ("{inet:127.0.0.1:2525}{ASK\\n}", ("ASK", ">>ANSWER\\x0d\\x0a", ">*eof"), "ANSWER\r\n"),
    ],
)
def test_what_a_server_answers(item: str, script: tuple[str, ...], text: str) -> None:
    assert expanded(f"${{readsocket{item}}}", *script) == text


@pytest.mark.parametrize(
    ("release", "text"), [("4.93", "ANSWER"), ("4.94.1", ""), ("4.95", ""), ("4.96", "ANSWER")]
)
def test_without_a_shutdown_some_releases_read_nothing(release: str, text: str) -> None:
    item = "${readsocket{/run/s}{ASK\\n}{2s:shutdown=no}}"
    assert expanded(item, "ASK", ">>ANSWER", ">*eof", release=release) == text


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ("/run/none", "failed to connect to socket /run/none: No such file or directory"),
        ("inet:127.0.0.1:9", "failed to connect to any address for 127.0.0.1: Connection refused"),
        ("inet:127.0.0.1", "missing port for readsocket inet:127.0.0.1"),
        ("inet:127.0.0.1:9x", "invalid port number 9x"),
    ],
)
def test_who_cannot_be_asked(item: str, why: str) -> None:
    assert expanded(f"${{readsocket{{{item}}}{{ASK}}}}") == f"Failed: {why}"


def test_an_answer_may_be_kept() -> None:
    item = "${readsocket{/run/s}{ASK\\n}{5s:cache=yes}}"
    assert expanded(item * 2, "ASK", ">>ANSWER", ">*eof") == "ANSWERANSWER"


# ---- over TLS -------------------------------------------------------------------------------------------

OWN = self_signed("/CN=thisloop", key_type=KeyType.ECDSA)
OVER_TLS = ("*starttls", "ASK", ">LF>ANSWER", ">*eof")


def over_tls(options: str, *script: str, release: str = "4.99") -> tuple[str, str]:
    """What -be makes of the item, and its standard error."""
    front = Front(release=release)
    front.machine.test_harness = True
    server = read_server(["-d", "-tls", "cert", "key", "2525"], script, "t", 1)
    server.read_file = {"cert": OWN.chain, "key": OWN.key}.__getitem__
    front.world.listen(None, 2525, server.session)
    done = front.exim("-be", f"${{readsocket{{inet:127.0.0.1:2525}}{{ASK\\n}}{{2s:{options}}}}}")
    return done.stdout.removesuffix("\n"), done.stderr


@pytest.mark.parametrize("options", ["tls=yes", "tls=maybe", "sni=fubar", "tls=yes:sni=fubar"])
def test_the_answer_may_come_over_tls(options: str) -> None:
    assert over_tls(options, *OVER_TLS)[0] == "ANSWER\n"


@pytest.mark.parametrize(
    ("options", "release"), [("tls=no", "4.99"), ("tls=yes", "4.91"), ("sni=fubar", "4.96")]
)
def test_without_the_option_or_in_a_release_without_it_all_is_in_clear(options: str, release: str) -> None:
    assert over_tls(options, *OVER_TLS[1:], release=release)[0] == "ANSWER\n"


def test_up_to_4_93_no_is_looked_for_behind_the_option() -> None:
    assert over_tls("tls=yes", *OVER_TLS, release="4.93")[0] == "ANSWER\n"
    with pytest.raises(UndefinedBehaviour, match="tls=no"):
        over_tls("tls=no", *OVER_TLS, release="4.93")


def test_openssl_tells_of_a_certificate_that_is_not_known() -> None:
    told = over_tls("tls=yes", *OVER_TLS)[1]
    assert "[NULL] SSL verify error: depth=0 error=self-signed certificate cert=/CN=thisloop" in told


def test_a_handshake_that_fails_is_not_modelled() -> None:
    with pytest.raises(Unsupported, match="readsocket over TLS that fails"):
        over_tls("tls=yes", ">*eof")
