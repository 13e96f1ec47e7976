"""Messages that go on to their host while they come in."""

from __future__ import annotations

from typing import cast

import pytest

from eximsim.mta.process.globals import UndefinedBehaviour
from tests.suite.test_scenario_compare import HOST, done, scenario

TWO = [*HOST, {"name": "two.test.ex", "type": "MX", "ad": True, "data": [[10, "h2-a.test.ex"]]},
       {"name": "h2-a.test.ex", "type": "A", "ad": True, "data": ["10.9.2.1"]},
       {"name": "h2-a.test.ex", "type": "AAAA", "ad": True, "data": []}]  # fmt: skip
ONE_MESSAGE = "DATA\r\nSubject: x\r\n\r\n.dot\r\n.\r\n"


def ran(
    *recipients: str,
    control: str = "cutthrough_delivery",
    after: str = ONE_MESSAGE,
    server: object = "nostarttls",
    release: str = "4.98",
    acl: str = "",
    zone: object = TWO,
    main: dict[str, str] | None = None,
) -> tuple[list[list[str]], list[str], list[str]]:
    """What each server heard, what the client was answered after EHLO, and the main log."""
    said = "".join(f"RCPT TO:<{recipient}>\r\n" for recipient in recipients)
    stdin = f"EHLO c\r\nMAIL FROM:<s@two.test.ex>\r\n{said}{after}QUIT\r\n"
    (one,) = done(
        scenario(
            zone=zone,
            main=main or {},
            acl=f"check_rcpt:\n  accept control = {control}\n{acl}",
            servers={"10.9.1.1": server, "10.9.2.1": "nostarttls"},
            runs=[{"argv": ["-bs"], "stdin": stdin}],
        ),
        release,
    )
    heard = [[str(event) for event in cast("list[object]", call["events"])] for call in one.servers]
    answers = [line for line in one.stdout if not line.startswith(("220", "250-", "250 HELP"))]
    return heard, answers, [line for line in one.log if not line.startswith("REJECT")]


PLAIN: dict[str, object] = {"extensions": []}
ENVELOPE = ["EHLO", "MAIL FROM:<s@two.test.ex>", "RCPT TO:<a@one.test.ex>"]


def test_the_message_goes_on_before_it_is_taken_in() -> None:
    heard, answers, log = ran("a@one.test.ex", server=PLAIN)
    assert heard == [[*ENVELOPE, "DATA", "message accepted", "QUIT"]]
    assert answers[2].startswith("354")
    assert log[0].startswith("M1 >> a@one.test.ex R=client T=t")
    assert log[1].startswith("M1 <= s@two.test.ex")
    assert log[2] == "M1 Completed"


@pytest.mark.parametrize(("reply", "answer"), [("550 no", "550 no"), ("451 later", "250 OK")])
def test_a_refusal_is_the_clients_and_what_is_put_off_waits_on_the_queue(reply: str, answer: str) -> None:
    heard, answers, log = ran("a@one.test.ex", server={**PLAIN, "end_of_data": reply})
    assert heard == [[*ENVELOPE, "DATA", "QUIT"]]
    assert answers[3].startswith(answer)
    assert any("<=" in line for line in log) is (reply[0] == "4")


def test_with_defer_pass_the_client_is_put_off_too() -> None:
    control = "cutthrough_delivery/defer=pass"
    _, answers, log = ran("a@one.test.ex", control=control, server={**PLAIN, "end_of_data": "451 later"})
    assert answers[3] == "451 later"
    assert [line for line in log if "<=" in line] == []
    _, answers, _ = ran("a@one.test.ex", control=control, server={**PLAIN, "rcpt": "450 not now"})
    assert answers[1] == "450 not now"


def test_a_second_recipient_of_the_host_is_named_on_the_same_call() -> None:
    heard, _, log = ran("a@one.test.ex", "b@one.test.ex", server=PLAIN)
    assert heard == [[*ENVELOPE, "RCPT TO:<b@one.test.ex>", "DATA", "message accepted", "QUIT"]]
    assert [line.split()[2] for line in log[:2]] == ["b@one.test.ex", "a@one.test.ex"]


def test_up_to_4_98_a_callout_of_another_sender_leaves_the_call_open() -> None:
    heard, _, _ = ran(
        "a@one.test.ex",
        "b@one.test.ex",
        server=PLAIN,
        acl="         verify = recipient/callout=5s,no_cache\n",
    )
    assert [*ENVELOPE, "RCPT TO:<b@one.test.ex>", "DATA", "message accepted", "QUIT"] in heard
    assert ["EHLO", "MAIL FROM:<>", "RCPT TO:<b@one.test.ex>", "QUIT"] in heard


@pytest.mark.parametrize(("release", "answered"), [("4.87", 6), ("4.89", 2), ("4.90", 6)])
def test_in_4_89_a_host_that_hangs_up_takes_the_session_with_it(release: str, answered: int) -> None:
    """The call is closed from within its closing, until the stack is full."""
    server = {**PLAIN, "recipients": {"b@one.test.ex": {"lines": [], "then": "close"}}}
    _, answers, _ = ran("a@one.test.ex", "b@one.test.ex", server=server, release=release)
    assert len(answers) == answered


@pytest.mark.parametrize(
    ("release", "last"),
    [("4.89", "error WRONG_VERSION_NUMBER"), ("4.91", "error WRONG_VERSION_NUMBER"), ("4.92", "QUIT")],
)
def test_before_4_92_a_callout_takes_the_tls_session_of_the_call_that_is_held(
    release: str, last: str
) -> None:
    acl = "         verify = recipient/callout=5s,no_cache\n"
    server = {"extensions": ["STARTTLS"]}
    heard, _, _ = ran("a@one.test.ex", "b@one.test.ex", server=server, acl=acl, release=release)
    (held,) = [call for call in heard if "MAIL FROM:<s@two.test.ex>" in call][:1]
    assert held[-1] == last


def test_a_recipient_of_another_host_ends_it_and_the_message_is_delivered_as_usual() -> None:
    heard, _, log = ran("a@one.test.ex", "b@two.test.ex", server=PLAIN)
    assert heard[0] == [*ENVELOPE, "QUIT"]
    assert [line.split()[1] for line in log] == ["<=", "=>", "=>", "Completed"]


@pytest.mark.parametrize("after", ["RSET\r\n", "EHLO d\r\n"])
def test_a_transaction_that_is_given_up_takes_leave_of_the_host(after: str) -> None:
    heard, _, _ = ran("a@one.test.ex", after=after, server=PLAIN)
    assert heard == [[*ENVELOPE, "QUIT"]]


@pytest.mark.parametrize(("release", "last"), [("4.89", "EOF"), ("4.90", "QUIT")])
def test_a_host_is_told_since_4_90_if_the_client_leaves_before_data(release: str, last: str) -> None:
    heard, _, _ = ran("a@one.test.ex", after="", server=PLAIN, release=release)
    assert heard == [[*ENVELOPE, last]]


def test_the_callout_that_the_acl_asks_for_serves_for_the_message() -> None:
    acl = "         verify = recipient/callout=use_sender\n"
    heard, _, _ = ran("a@one.test.ex", server=PLAIN, acl=acl)
    assert heard == [[*ENVELOPE, "DATA", "message accepted", "QUIT"]]


@pytest.mark.parametrize(("release", "calls"), [("4.98", 2), ("4.99", 1)])
def test_a_callout_of_the_empty_sender_serves_since_4_99(release: str, calls: int) -> None:
    acl = "         verify = recipient/callout\n"
    heard, _, _ = ran("a@one.test.ex", server=PLAIN, acl=acl, release=release)
    assert len(heard) == calls
    assert heard[0][1] == "MAIL FROM:<>"


def test_a_first_host_that_does_not_answer_ends_it_and_the_message_waits_for_its_delivery() -> None:
    zone = [
        {
            "name": "one.test.ex",
            "type": "MX",
            "ad": True,
            "data": [[10, "h1-a.test.ex"], [20, "h2-a.test.ex"]],
        }
    ]
    heard, _, log = ran("a@one.test.ex", server="refused", zone=[*zone, *TWO[1:]])
    assert heard[0][-3:] == [*ENVELOPE[1:], "QUIT"]
    assert heard[1][-2:] == ["message accepted", "QUIT"]
    assert not any(" >> " in line for line in log)


@pytest.mark.parametrize("release", ["4.89", "4.90"])
@pytest.mark.parametrize("first", [ONE_MESSAGE, "RSET\r\n"])
def test_recipients_of_an_earlier_message_count_up_to_4_89(release: str, first: str) -> None:
    """The next message of the session then goes the usual way."""
    again = "MAIL FROM:<s@two.test.ex>\r\nRCPT TO:<b@one.test.ex>\r\n"
    heard, _, _ = ran("a@one.test.ex", after=first + again + ONE_MESSAGE, server=PLAIN, release=release)
    assert (heard[1][1] == "MAIL FROM:<s@two.test.ex>") is (release != "4.89")
    assert len(heard) == 2


@pytest.mark.parametrize(("release", "queued", "ended"), [("4.89", 1, "signal 11"), ("4.92", 1, 0)])
def test_a_message_is_kept_where_the_host_hangs_up_at_its_end(
    release: str, queued: int, ended: object
) -> None:
    stdin = f"EHLO c\r\nMAIL FROM:<s@two.test.ex>\r\nRCPT TO:<a@one.test.ex>\r\n{ONE_MESSAGE}QUIT\r\n"
    (one,) = done(
        scenario(
            acl="check_rcpt:\n  accept control = cutthrough_delivery\n",
            servers={"10.9.1.1": {"extensions": [], "end_of_data": {"lines": [], "then": "close"}}},
            runs=[{"argv": ["-bs", "-odq"], "stdin": stdin}],
        ),
        release,
    )
    assert (one.queued, one.exit) == (queued, ended)


_CUT_OFF, _INVALID = "was non-properly terminated", "has been invalidated"
_CLOSED, _RESET = {"lines": ["354 go"], "then": "close"}, {"lines": ["354 go"], "then": "reset"}
_AT_END = {"lines": [], "then": "reset"}


@pytest.mark.parametrize(
    ("release", "server", "size", "words"),
    [
        ("4.98", {"data": _CLOSED}, 1, ["SSL channel closed on write"]),
        ("4.98", {"data": _CLOSED}, 28000, ["Broken pipe", "Broken pipe", "bad length", "bad length"]),
        ("4.98", {"data": _RESET}, 1, ["Connection reset by peer", "bad length"]),
        ("4.96-debian12", {"data": _CLOSED}, 1, ["(send): Error in the push function."]),
        ("4.96-debian12", {"data": _RESET}, 1, [_CUT_OFF, _CUT_OFF, _INVALID, _INVALID]),
        ("4.96-debian12", {"end_of_data": _AT_END}, 1, ["(recv): Error in the pull", _INVALID, _INVALID]),
        ("4.98", {"end_of_data": {"lines": [], "then": "close"}}, 1, []),
    ],
)
def test_octets_that_cannot_be_sent_over_tls_are_logged_and_count_as_sent(
    release: str, server: dict[str, object], size: int, words: list[str]
) -> None:
    """The message stays on the queue, as if its end had been put off."""
    body = ("x" * 70 + "\r\n") * (size // 70 or 1)
    text = f"DATA\r\nSubject: x\r\n\r\n{body}.\r\n"
    heard, _, log = ran(
        "a@one.test.ex", server={"extensions": ["STARTTLS"], **server}, after=text, release=release
    )
    assert len(heard) == 1
    *lines, arrival = log
    assert " <= " in arrival
    assert len(lines) == len(words)
    assert all(word in line for word, line in zip(words, lines, strict=True))


def test_how_often_a_lost_session_is_logged_before_the_stack_is_full_is_left_open() -> None:
    with pytest.raises(UndefinedBehaviour):
        ran("a@one.test.ex", server={"extensions": ["STARTTLS"], "data": _CLOSED}, release="4.89")


def test_so_is_it_where_the_session_is_closed_at_the_end_of_the_message() -> None:
    server = {"extensions": ["STARTTLS"], "end_of_data": {"lines": [], "then": "close"}}
    with pytest.raises(UndefinedBehaviour, match="before the stack is full"):
        ran("a@one.test.ex", server=server, release="4.89")


def test_the_start_of_the_session_is_logged_of_a_message_that_went_on_at_once() -> None:
    _, _, log = ran("a@one.test.ex", server="ok", release="4.99", main={"log_selector": "+protocol_detail"})
    assert " PS=ese X=" in log[0]


def test_a_recipient_that_is_nowhere_ends_it_and_the_message_is_delivered_as_usual() -> None:
    acl = "         verify = recipient\n"
    heard, answers, log = ran("a@one.test.ex", "b@nowhere.test.ex", server=PLAIN, acl=acl)
    assert answers[2].startswith("550")
    assert heard[0] == [*ENVELOPE, "QUIT"]
    assert [line.split()[1] for line in log if line.startswith("M1")] == ["<=", "=>", "Completed"]


@pytest.mark.parametrize("release", ["4.89", "4.92", "4.98", "4.99"])
def test_a_second_recipient_with_a_host_that_cannot_be_found_before_that_of_the_call_ends_the_session(
    release: str,
) -> None:
    """The address of a host is compared that has none, since the DNS did not give it."""
    lost = {"name": "h3-a.test.ex", "type": "A", "ad": True, "data": [], "rcode": "SERVFAIL"}

    def asked(*hosts: str) -> list[str]:
        data = [[10 * at, host] for at, host in enumerate(hosts, 1)]
        mx = {"name": "three.test.ex", "type": "MX", "ad": True, "data": data}
        zone = [*TWO, lost, mx]
        return ran("a@one.test.ex", "b@three.test.ex", server=PLAIN, release=release, zone=zone)[1]

    assert asked("h1-a.test.ex", "h3-a.test.ex")[-2].startswith("250 OK id=")
    assert asked("h3-a.test.ex", "h1-a.test.ex")[-1] == "250 Accepted"


@pytest.mark.parametrize("release", ["4.89", "4.99"])
def test_the_log_names_who_was_authenticated_to_the_host(release: str) -> None:
    stdin = f"EHLO c\r\nMAIL FROM:<s@two.test.ex>\r\nRCPT TO:<a@one.test.ex>\r\n{ONE_MESSAGE}QUIT\r\n"
    (one,) = done(
        scenario(
            acl="check_rcpt:\n  accept control = cutthrough_delivery\n",
            auths="p:\n  driver = plaintext\n  public_name = PLAIN\n  client_send = ^u^p\n",
            servers={"10.9.1.1": {"extensions": ["AUTH PLAIN"], "auth": ["235 ok"]}},
            transport={"hosts_require_auth": "*"},
            runs=[{"argv": ["-bs"], "stdin": stdin}],
        ),
        release,
    )
    assert " A=p C=" in one.log[0]


def test_a_message_that_is_too_big_has_its_received_line_if_it_was_going_on() -> None:
    text = f"DATA\r\n{'x' * 2000}\r\n.\r\nQUIT\r\n"
    said = f"EHLO c\r\nMAIL FROM:<s@two.test.ex>\r\nRCPT TO:<a@one.test.ex>\r\n{text}"
    shown = []
    for control in ("cutthrough_delivery", "no_pipelining"):
        acl = f"check_rcpt:\n  accept control = {control}\n"
        runs = [{"argv": ["-bs"], "stdin": said}]
        main = {"message_size_limit": "1000"}
        (one,) = done(scenario(main=main, acl=acl, servers={"10.9.1.1": PLAIN}, runs=runs), "4.98")
        shown.append(any(line.startswith("REJECT: P Received: ") for line in one.log))
    assert shown == [True, False]
