"""The message itself: by DATA, by BDAT, and with a reply for each recipient."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from eximsim.errors import Unsupported
from eximsim.ports import Action
from eximsim.world.smtp_behaviour import Answer, Behaviour, Then, reply
from eximsim.world.smtp_server import SmtpSession
from tests.mta.scenario import NEWEST, Mx, Site

_OUT_BUFFER = 8192
BODY = "Subject: x\n\n.line\nlast\n"
LARGE = "Subject: x\n\n" + "a line of text\n" * 1000


def server(*extensions: str, **more: object) -> Mx:
    return Mx(Behaviour(extensions=extensions, **more))  # type: ignore[arg-type]


CHUNKING = server("CHUNKING")
BOTH = server("PIPELINING", "CHUNKING")


def delivered(
    server: Mx, *recipients: str, body: str = BODY, release: str = NEWEST, **transport: str
) -> Site:
    site = Site([server], release, transport=transport)
    site.deliver(*recipients, body=body)
    return site


@pytest.mark.parametrize("server", [CHUNKING, BOTH], ids=["alone", "pipelined"])
@pytest.mark.parametrize("release", ["4.89", "4.92", "4.95", NEWEST])
def test_a_small_message_is_one_chunk(server: Mx, release: str) -> None:
    site = delivered(server, release=release)
    assert site.events == [
        "EHLO", "MAIL FROM:<s@myhost.test.ex>", "RCPT TO:<a@test.ex>", "BDAT", "message accepted", "QUIT",
    ]  # fmt: skip
    assert ' K C="250 OK id=X"' in site.log[-2]
    (message,) = site.messages
    assert message.content.endswith(b"\r\n\r\n.line\r\nlast\r\n")


def test_the_same_octets_arrive_by_data_and_by_chunks() -> None:
    by_data, by_chunks = (delivered(server, body=LARGE).messages[0] for server in (Mx(), BOTH))
    assert by_data.content.partition(b"\r\n\r\n")[2] == by_chunks.content.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("server", [CHUNKING, BOTH], ids=["alone", "pipelined"])
def test_the_header_lines_of_a_large_message_go_first(server: Mx) -> None:
    assert delivered(server, body=LARGE).events.count("BDAT") == 2


def test_a_body_alone_is_one_chunk_and_an_empty_one_is_not_modelled() -> None:
    site = delivered(BOTH, body_only="true")
    assert site.events.count("BDAT") == 1
    assert site.messages[0].content == b".line\r\nlast\r\n"
    with pytest.raises(Unsupported, match="body_only with BDAT"):
        delivered(BOTH, body="Subject: x\n\n", body_only="true")


def test_many_header_lines_go_in_chunks_of_a_buffer() -> None:
    body = "".join(f"X-{number}: {'x' * 70}\n" for number in range(250)) + "\nend\n"
    site = delivered(BOTH, body=body)
    assert site.events.count("BDAT") == 3
    assert site.messages[0].content.endswith(b"\r\n\r\nend\r\n")


def test_a_host_that_is_not_to_be_sent_chunks_gets_data() -> None:
    site = delivered(BOTH, hosts_try_chunking="")
    assert "DATA" in site.events
    assert " K " not in site.log[-2]


@pytest.mark.parametrize(
    ("server", "step"),
    [(CHUNKING, "end of data"), (BOTH, "pipelined end of data")],
    ids=["alone", "pipelined"],
)
def test_a_refusal_of_the_last_chunk_names_the_end_of_data(server: Mx, step: str) -> None:
    behaviour = Behaviour(extensions=server.behaviour.extensions, end_of_data=reply("550 no spam"))
    site = delivered(Mx(behaviour))
    assert site.outcome == f"FAIL 0: SMTP error from remote mail server after {step}: 550 no spam"


def test_a_refusal_of_the_first_chunk_keeps_the_body_back() -> None:
    behaviour = Behaviour(extensions=("PIPELINING", "CHUNKING"), bdat=reply("552 too big"))
    site = delivered(Mx(behaviour), body=LARGE)
    step = "pipelined sending data block"
    assert site.outcome == f"FAIL 0: SMTP error from remote mail server after {step}: 552 too big"
    assert site.events.count("BDAT") == 1


def test_a_refusal_of_mail_is_read_after_the_message_was_sent() -> None:
    site = delivered(server("PIPELINING", "CHUNKING", mail=reply("550 go away")))
    step = "pipelined end of data"
    assert site.outcome == f"FAIL 0: SMTP error from remote mail server after {step}: 550 go away"
    assert "BDAT" in site.events


def test_recipients_that_are_refused_keep_their_own_words() -> None:
    site = delivered(server("PIPELINING", "CHUNKING", rcpt=reply("550 nobody")))
    refusal = "SMTP error from remote mail server after RCPT TO:<a@test.ex>: 550 nobody"
    assert site.outcome == f"FAIL 0: {refusal}"


def test_without_pipelining_no_chunk_is_sent_when_all_recipients_are_refused() -> None:
    assert "BDAT" not in delivered(server("CHUNKING", rcpt=reply("550 nobody"))).events


def test_a_connection_lost_after_the_last_chunk_is_an_error_of_the_message() -> None:
    site = delivered(server("CHUNKING", end_of_data=Answer(then=Then.CLOSE)))
    assert site.outcome == "DEFER -18: Remote host closed connection in response to end of data"


def test_the_connection_is_closed_without_a_word_if_the_message_cannot_be_made() -> None:
    site = Site([Mx(), Mx()], NEWEST, transport={"headers_add": "${if bad}"})
    watched = site.exim("-v", "-odf", "a@test.ex", stdin=BODY).stderr
    assert watched.count("SMTP(close)>>") == 1
    assert site.called == ["mx1"]
    assert site.events[-1] != "QUIT"
    assert site.outcome.startswith("DEFER -25: failed to expand headers_add or headers_remove: ")


@pytest.mark.parametrize(("more", "chunks"), [(0, 1), (1, 2)])
def test_header_lines_and_body_are_one_chunk_if_they_fit_into_a_buffer(more: int, chunks: int) -> None:
    header = "Subject: x\n\n"
    length = _OUT_BUFFER + more - len(delivered(CHUNKING, body=f"{header}!\n").messages[0].content)
    lines, rest = divmod(length, 64)
    site = delivered(CHUNKING, body=f"{header}!{'x' * rest}\n" + f"{'x' * 62}\n" * lines)
    assert site.events.count("BDAT") == chunks
    assert len(site.messages[0].content) == _OUT_BUFFER + more


def test_a_refusal_after_the_header_lines_were_taken_is_no_pipelined_one() -> None:
    site = delivered(server("PIPELINING", "CHUNKING", end_of_data=reply("550 no spam")), body=LARGE)
    assert site.outcome == "FAIL 0: SMTP error from remote mail server after end of data: 550 no spam"


# ---- a reply for each recipient -----------------------------------------------------------


@pytest.mark.parametrize(
    ("replies", "outcomes"),
    [
        (("353 go", "250 a", "250 b", "250 all"), ("sent", "sent")),
        (("353 go", "250 a", "550 b", "250 all"), ("sent", "FAIL")),
        (("353 go", "450 a", "250 b", "250 all"), ("DEFER", "sent")),
        (("353 go", "250 a", "250 b", "550 all"), ("FAIL", "FAIL")),
        (("353 go", "250 a", "250 b", "450 all"), ("DEFER", "DEFER")),
        (("353 go", "250 a", "550 b", "450 all"), ("DEFER", "FAIL")),
        (("353 go", "450 a", "250 b", "450 all"), ("DEFER", "DEFER")),
        (("250 for all",), ("sent", "sent")),
        (("550 for all",), ("FAIL", "FAIL")),
        (("450 for all",), ("DEFER", "DEFER")),
    ],
)
def test_prdr_has_a_reply_for_each_recipient_and_one_for_all(
    replies: tuple[str, ...], outcomes: tuple[str, ...]
) -> None:
    site = delivered(
        server("PRDR", end_of_data=Answer(replies)), "a@test.ex", "b@test.ex", hosts_try_prdr="*"
    )
    found = [site.outcomes[address].partition(" ")[0] for address in ("a@test.ex", "b@test.ex")]
    assert found == list(outcomes)


@pytest.mark.parametrize(
    ("replies", "outcomes"),
    [
        (("250 a", "250 b"), ("sent", "sent")),
        (("250 a", "550 b"), ("sent", "FAIL")),
        (("450 a", "250 b"), ("DEFER", "sent")),
        (("550 a", "450 b"), ("FAIL", "DEFER")),
    ],
)
def test_lmtp_has_a_reply_for_each_recipient(replies: tuple[str, ...], outcomes: tuple[str, ...]) -> None:
    site = delivered(
        server(lmtp=True, end_of_data=Answer(replies)), "a@test.ex", "b@test.ex", protocol="lmtp", port="25"
    )
    found = [site.outcomes[address].partition(" ")[0] for address in ("a@test.ex", "b@test.ex")]
    assert found == list(outcomes)


def test_another_transaction_with_lmtp_needs_no_rset() -> None:
    site = delivered(server(lmtp=True), "a@test.ex", "b@test.ex", protocol="lmtp", port="25", max_rcpt="1")
    assert [event.partition(" ")[0] for event in site.events].count("MAIL") == 2
    assert "RSET" not in site.events
    assert len(site.calls) == 1


def test_nothing_is_sent_where_the_filter_cannot_be_set_up() -> None:
    site = delivered(Mx(), transport_filter="${if bad}")
    assert site.outcome.startswith('DEFER 0: Expansion of "${if" from command "${if bad}" in smtp transport')
    assert "MAIL FROM:<s@myhost.test.ex>" not in site.events


def test_a_buffer_of_header_lines_is_full_with_less_than_two_octets_left() -> None:
    site = Site([CHUNKING], NEWEST)
    body = "".join(f"X-{number}: {'x' * 70}\n" for number in range(250)) + "\nend\n"
    watched = site.exim("-v", "-odf", "a@test.ex", stdin=body).stderr
    sizes = [int(line.split()[2]) for line in watched.splitlines() if "SMTP>> BDAT" in line]
    assert all(_OUT_BUFFER - 2 < size <= _OUT_BUFFER for size in sizes[:-1])


@pytest.mark.parametrize("extensions", [("PIPELINING",), ("PIPELINING", "CHUNKING")], ids=["DATA", "BDAT"])
@pytest.mark.parametrize(("release", "at_once"), [("4.94.1", False), ("4.95", True), (NEWEST, True)])
def test_quit_goes_out_with_the_end_of_the_message(
    release: str, at_once: bool, extensions: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived: list[bytes] = []
    take = SmtpSession.on_data

    def note(session: SmtpSession, data: bytes) -> Iterable[Action]:
        arrived.append(data)
        return take(session, data)

    monkeypatch.setattr(SmtpSession, "on_data", note)
    site = delivered(server(*extensions), release=release)
    assert site.events[-2:] == ["message accepted", "QUIT"]
    assert arrived[-1].endswith(b"QUIT\r\n")
    assert (arrived[-1] != b"QUIT\r\n") is at_once


@pytest.mark.parametrize("answer", ["451 fault", "554 no"])
def test_quit_is_not_said_twice_where_the_message_is_refused(answer: str) -> None:
    site = delivered(server("PIPELINING", end_of_data=reply(answer)))
    assert site.events.count("QUIT") == 1


@pytest.mark.parametrize(
    ("release", "found"),
    [
        ("4.89", "Broken pipe"),
        ("4.92", "Remote host closed connection in response to end of data"),
        ("4.95", "Remote host closed connection in response to end of data"),
        (NEWEST, "Remote host closed connection in response to end of data"),
    ],
)
def test_a_server_that_has_closed_is_noticed_between_bdat_and_the_chunk_or_after_both(
    release: str, found: str
) -> None:
    closing = Answer(("421 closing",), then=Then.CLOSE)
    site = delivered(
        server("CHUNKING", recipients={"b@test.ex": closing}), "a@test.ex", "b@test.ex", release=release
    )
    (line,) = [line for line in site.log if line.startswith("== a@test.ex")]
    assert found in line


def test_a_server_that_does_not_do_prdr_over_lmtp_owes_a_reply_for_each_recipient() -> None:
    server = Mx(Behaviour(lmtp=True, extensions=("PRDR", "PIPELINING")))
    site = Site((server,), NEWEST, transport={"protocol": "lmtp", "port": "25", "hosts_try_prdr": "*"})
    lines = site.deliver("a@test.ex", "b@test.ex")
    assert "SMTP timeout after end of data" in lines[0]
    assert [line[:4] for line in lines[1:3]] == ["=> a", "== b"]
    assert site.events[-1] == "EOF"


def test_header_lines_alone_are_not_modelled_as_a_chunk() -> None:
    with pytest.raises(Unsupported, match="headers_only with BDAT"):
        delivered(BOTH, headers_only="true")


def test_the_reply_for_one_recipient_that_is_put_off_is_kept_with_its_retry_time() -> None:
    replies = Answer(("452 full",))
    site = delivered(server(lmtp=True, end_of_data=replies), "a@test.ex", protocol="lmtp", port="25")
    assert [record.more_errno >> 8 for record in site.machine.hints.retry.values()] == [52]
