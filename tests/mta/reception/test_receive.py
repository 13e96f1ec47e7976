"""From the octets that come in to the message on the queue: ends, header lines, ids, the arrival line."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import Unsupported
from eximsim.mta.base.string import string_base62
from eximsim.mta.reception.incoming import new_message_id
from eximsim.mta.reception.receive_data import DataReader, from_line, local_content, split_at_blank
from eximsim.mta.reception.receive_local import submit
from eximsim.mta.records.spool import HEADER_OLD, Message
from tests.mta.front import PANIC, REJECT, Front


def only(front: Front) -> Message:
    (message,) = front.machine.spool.messages.values()
    return message


def headers(message: Message) -> dict[str, str]:
    """The content of the lines that are sent on, by name."""
    sent = [header.text for header in message.headers if header.kind != HEADER_OLD]
    return {name: content.strip() for name, _, content in (text.partition(":") for text in sent)}


# ---- octets ---------------------------------------------------------------------------------------------

ENDS = [
    (b".\r\n", b"", b""),
    (b"a\r\n.\r\nrest", b"a\r\n", b"rest"),
    (b"a\n.\nrest", b"a\n", b"rest"),
    (b"a\r\n..\r\n.b\r\n.\r\n", b"a\r\n.\r\nb\r\n", b""),
]


@pytest.mark.parametrize(("raw", "content", "rest"), ENDS)
def test_a_dot_alone_ends_the_message(raw: bytes, content: bytes, rest: bytes) -> None:
    reader = DataReader(strict=False)
    assert reader.feed(raw) == rest
    assert reader.content(dots=True) == content


def test_newer_releases_want_crlf_around_the_dot_if_the_message_begins_so() -> None:
    old, new = DataReader(strict=False), DataReader(strict=True)
    raw = b"a: b\r\n\r\nx\n.\ny\r\n.\r\n"
    assert old.feed(raw) == b"y\r\n.\r\n"
    assert new.feed(raw) == b""
    assert new.content(dots=True) == b"a: b\r\n\r\nx\n.\ny\r\n"
    assert DataReader(strict=True).feed(b"a\n.\n") == b""


_PIECES = st.lists(st.sampled_from([b".", b"\r\n", b"\n", b"\r", b"a", b"A: b", b" "]), max_size=20)


@given(_PIECES, st.integers(1, 4), st.booleans())
def test_the_end_is_found_however_the_octets_come(words: list[bytes], size: int, strict: bool) -> None:
    raw = b"".join(words) + b"\r\n.\r\n"
    whole, parts = DataReader(strict), DataReader(strict)
    rest = whole.feed(raw)
    assert rest is not None
    for at in range(0, len(raw), size):
        found = parts.feed(raw[at : at + size])
        if found is not None:
            assert found + raw[at + size :] == rest
            break
    assert parts.content(dots=True) == whole.content(dots=True)


SPLIT = [
    (b"A: b\nC: d\n\nbody\n", [b"A: b\n", b"C: d\n"], b"body\n"),
    (b"A: b\n c\n\td\n\nbody", [b"A: b\n c\n\td\n"], b"body\n"),
    (b"A: b\r\n\r\nbody\r\n", [b"A: b\n"], b"body\n"),
    (b"A: b\nno header\nmore\n", [b"A: b\n"], b"no header\nmore\n"),
    (b"\nbody\n", [], b"body\n"),
    (b"", [], b""),
    (b"A: b\n \n\t\n\nbody\n", [b"A: b\n"], b"body\n"),
    (b"A : b\n\n", [b"A : b\n"], b""),
]


@pytest.mark.parametrize(("content", "lines", "body"), SPLIT)
def test_header_and_body_are_told_apart(content: bytes, lines: list[bytes], body: bytes) -> None:
    assert split_at_blank(content)[:2] == (lines, body)


@given(st.binary(max_size=60), st.booleans())
def test_any_content_can_be_split(content: bytes, strict: bool) -> None:
    lines, body, _ = split_at_blank(content, strict=strict)
    assert all(line.endswith(b"\n") and b":" in line for line in lines)
    assert not body or body.endswith(b"\n")
    assert b"\r" not in body


def test_a_local_message_may_end_with_the_input() -> None:
    assert local_content(b"a\n.\nb\n", dot_ends=True) == b"a\n"
    assert local_content(b"a\n.\nb\n", dot_ends=False) == b"a\n.\nb\n"


@pytest.mark.parametrize(
    ("line", "sender"),
    [
        (b"From a@b.ex Fri Jan  5 12:35:00 1996\n", b"a@b.ex"),
        (b"From a 12 Jan 96 12:35\n", b"a"),
        (b"From: a@b.ex\n", None),
        (b"From the start\n", None),
    ],
)
def test_a_from_line_is_taken_off(line: bytes, sender: bytes | None) -> None:
    assert from_line(line + b"A: b\n") == (sender, b"A: b\n" if sender else line + b"A: b\n")


# ---- ids ------------------------------------------------------------------------------------------------


@given(st.integers(0, 62**6 - 1))
def test_base_62_keeps_the_order(value: int) -> None:
    text = string_base62(value)
    assert len(text) == 6
    assert re.fullmatch(r"[0-9A-Za-z]{6}", text)
    if value:
        assert string_base62(value - 1) < text


@pytest.mark.parametrize(
    ("release", "form"), [("4.96", r"\w{6}-\w{6}-\w{2}"), ("4.97", r"\w{6}-\w{11}-\w{4}")]
)
def test_ids_are_unique_within_one_process(release: str, form: str) -> None:
    process = Front(release=release).process()
    ids = [new_message_id(process) for _ in range(50)]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(form, name) for name in ids)


# ---- header lines ----------------------------------------------------------------------------------------


def received(content: str, *argv: str, main: str = "", user: str = "caller") -> Message:
    front = Front(main, user=user, uid=0 if user == "root" else 1000)
    front.exim("-odq", *argv, *([] if "-t" in argv else ["r@d.ex"]), stdin=content)
    return only(front)


def test_a_local_message_gets_what_it_lacks() -> None:
    message = received("Subject: x\n\nbody\n")
    assert headers(message) == {
        "Received": "from caller by here.ex with local (Exim 4.99)\n\t(envelope-from <caller@here.ex>)\n"
        f"\tid {message.id}\n\tfor r@d.ex;\n\tTue, 14 Nov 2023 22:13:20 +0000",
        "Subject": "x",
        "Message-Id": f"<E{message.id}@here.ex>",
        "From": "caller <caller@here.ex>",
        "Date": "Tue, 14 Nov 2023 22:13:20 +0000",
    }


def test_what_is_there_stays() -> None:
    given_lines = "From: a@b.ex\nDate: now\nMessage-Id: <x@y>\n"
    found = headers(received(given_lines + "\n", "-f", "a@b.ex", user="root"))
    assert (found["From"], found["Date"], found["Message-Id"]) == ("a@b.ex", "now", "<x@y>")


@pytest.mark.parametrize(
    ("content", "sender"),
    [
        ("From: other@b.ex\n\n", "caller <caller@here.ex>"),
        ("From: caller@here.ex\n\n", None),
        ("From: caller\n\n", None),
        ("From: other@b.ex\nSender: x@y.ex\n\n", "caller <caller@here.ex>"),
    ],
)
def test_a_sender_is_added_to_someone_elses_from(content: str, sender: str | None) -> None:
    assert headers(received(content)).get("Sender") == sender
    assert headers(received("From: other@b.ex\n\n", main="no_local_from_check")).get("Sender") is None


def test_addresses_without_a_domain_get_one_and_the_old_line_is_kept() -> None:
    message = received("To: a, b@c.ex, Some One <d> (x)\n\n")
    texts = [(header.kind, header.text) for header in message.headers if "To:" in header.text]
    assert texts == [
        (HEADER_OLD, "To: a, b@c.ex, Some One <d> (x)\n"),
        ("T", "To: a@here.ex, b@c.ex, Some One <d@here.ex> (x)\n"),
    ]


def test_recipients_are_taken_from_the_header() -> None:
    message = received("To: a@b.ex, c\nBcc: e@f.ex\nSubject: x\n\nbody\n", "-t")
    assert sorted(message.addresses()) == ["a@b.ex", "c@here.ex", "e@f.ex"]
    assert "Bcc" not in headers(message)


@pytest.mark.parametrize(
    ("argv", "content", "error"),
    [
        (("-t",), "Subject: x\n\n", "exim: no recipients in message\n"),
        (("-t", "-oep"), "To: a b\n\n", "exim: invalid address:  a b: "),
        (("-oep", "a b"), "\n", 'exim: bad recipient address "a b": '),
        (("-f", "a b", "r@d.ex"), "\n", 'exim: bad -f address "a b": '),
    ],
)
def test_what_cannot_be_taken_in_is_explained(argv: tuple[str, ...], content: str, error: str) -> None:
    status = Front().exim("-oep", *argv, stdin=content)
    assert status.code == 1
    assert error in status.stderr


def test_a_message_that_is_too_big_is_refused() -> None:
    front = Front("message_size_limit = 20")
    status = front.exim("-oep", "r@d.ex", stdin="\n" + 5 * "12345678\n")
    assert status.stderr == "exim: message rejected: message too big (max=20)\n"
    assert front.log()[0].endswith("rejected from <caller@here.ex> U=caller: message too big: read=21 max=20")
    assert front.log(REJECT)[1] == "Envelope-from: <caller@here.ex>"


def test_a_trusted_user_can_name_the_sender_in_a_from_line() -> None:
    content = "From a@b.ex Fri Jan  5 12:35:00 1996\nSubject: x\n\nbody\n"
    assert received(content, user="root").sender == "a@b.ex"
    assert received(content).sender == "caller@here.ex"


# ---- the arrival line ------------------------------------------------------------------------------------

FIELDS = [
    ("", "<= caller@here.ex U=caller P=local S={size} id=x@y.ex"),
    ("-msg_id", "<= caller@here.ex U=caller P=local S={size}"),
    ("+subject", '<= caller@here.ex U=caller P=local S={size} id=x@y.ex T="a \\"b\\""'),
    ("+8bitmime", "<= caller@here.ex U=caller P=local S={size} M8S=0 id=x@y.ex"),
    ("+received_sender", "<= caller@here.ex U=caller P=local S={size} id=x@y.ex from <caller@here.ex>"),
    ("+received_recipients", "<= caller@here.ex U=caller P=local S={size} id=x@y.ex for r@d.ex q"),
]


@pytest.mark.parametrize(("selectors", "line"), FIELDS)
def test_the_arrival_line_has_what_is_selected(selectors: str, line: str) -> None:
    front = Front(f"log_selector = {selectors}")
    front.exim("-odq", "r@d.ex", "q", stdin='Message-Id: <x@y.ex>\nSubject: a "b"\n\nbody\n')
    message = only(front)
    assert front.log() == [f"{message.id} {line.format(size=message.size)}"]


def test_what_body_said_stays_until_it_says_something_else() -> None:
    front = Front("acl_smtp_rcpt = r\nlog_selector = +8bitmime", "r:\n  accept")
    for _ in range(2):
        bodies = (" BODY=8BITMIME", "", " BODY=7BIT", "")
        message = ("RCPT TO:<r@d.ex>", "DATA", "Subject: x", "", ".")
        front.smtp("EHLO x", *(line for body in bodies for line in (f"MAIL FROM:<s@b.ex>{body}", *message)))
    assert [line.split("M8S=")[1][0] for line in front.log() if "M8S=" in line] == list("88778877")


def test_what_callers_say_of_the_client_is_logged_if_they_are_trusted() -> None:
    argv = ("-odq", "-oMa", "192.0.2.9", "-oMs", "c.ex", "-oMr", "esmtp", "-oMt", "me", "r@d.ex")
    trusted, other = Front(user="root", uid=0), Front()
    trusted.exim(*argv, stdin="\n")
    other.exim(*argv, stdin="\n")
    assert " <= root@here.ex H=c.ex [192.0.2.9] U=me P=esmtp S=" in trusted.log()[0]
    assert " <= caller@here.ex U=caller P=local S=" in other.log()[0]


def test_a_bounce_names_the_message_that_it_is_about() -> None:
    front = Front()
    process = front.process()
    assert submit(process, "", ["s@here.ex"], b"Subject: x\n\n", "1r31eq-X-Y", "exim") == 0
    assert " <= <> R=1r31eq-X-Y U=exim P=local S=" in front.log()[0]
    assert "== s@here.ex" in front.log()[-1]


# ---- ACLs ------------------------------------------------------------------------------------------------


def test_the_acl_for_local_messages_can_refuse() -> None:
    front = Front("acl_not_smtp = no", "no:\n  deny message = not here\n    log_message = why")
    status = front.exim("-oep", "r@d.ex", stdin="Subject: x\n\n")
    assert status.stderr == "exim: message rejected by non-SMTP ACL: not here\n"
    assert front.log()[0].endswith("F=<caller@here.ex> rejected by non-SMTP ACL: why")
    assert front.machine.spool.ids() == []


def test_discarded_recipients_leave_only_lines_in_the_log() -> None:
    front = Front(
        "acl_not_smtp = none\nlog_selector = +received_recipients", "none:\n  discard log_message = x"
    )
    front.exim("r@d.ex", stdin="\n")
    lines = [line.partition(" ")[2] for line in front.log()]
    assert lines[0].endswith(" for r@d.ex")
    assert lines[1:] == ["=> blackhole (non-SMTP ACL discarded recipients): x", "Completed"]


def test_an_acl_can_add_and_remove_header_lines() -> None:
    acl = """check:
  accept add_header = X-One: 1
         add_header = :at_start:X-Two: 2\\nX-Three: 3
         add_header = no name
         remove_header = subject"""
    front = Front("acl_not_smtp = check", acl)
    front.exim("-odq", "r@d.ex", stdin="Subject: x\n\n")
    message = only(front)
    found = headers(message)
    assert "Subject" not in found
    assert (found["X-One"], found["X-Two"], found["X-ACL-Warn"]) == ("1", "2", "no name")
    assert message.headers[0].text == "X-Two: 2\n"


@pytest.mark.parametrize(("release", "left"), [("4.96", ["X-A", "X-B"]), ("4.97", ["X-A"])])
def test_lines_can_be_removed_by_a_pattern(release: str, left: list[str]) -> None:
    acl = "check:\n  accept remove_header = ^X-.::.*two"
    front = Front("acl_not_smtp = check", acl, release=release)
    front.exim("-odq", "r@d.ex", stdin="X-A: one\nX-B: two\n\n")
    assert [name for name in headers(only(front)) if name.startswith("X-")] == left


def test_a_pattern_that_is_none_is_not_modelled() -> None:
    front = Front("acl_not_smtp = check", "check:\n  accept remove_header = ^(")
    with pytest.raises(Unsupported, match="no regular expression"):
        front.exim("-odq", "r@d.ex", stdin="X-A: one\n\n")


@pytest.mark.parametrize(
    ("control", "logged"),
    [("freeze", "frozen by ACL"), ("queue_only", "no immediate delivery: queued by ACL")],
)
def test_an_acl_can_hold_a_message_back(control: str, logged: str) -> None:
    front = Front("acl_not_smtp = check", f"check:\n  accept control = {control}", release="4.88")
    front.exim("-odi", "r@d.ex", stdin="\n")
    message = only(front)
    assert front.log()[1:] == [f"{message.id} {logged}"]
    assert message.frozen is (control == "freeze")


def test_a_message_that_goes_to_nobody_was_queued_by_nobody() -> None:
    front = Front("acl_smtp_mail = check\nacl_smtp_rcpt = accept", "check:\n  discard control = queue")
    front.smtp("HELO x", "MAIL FROM:<s@b.ex>", "RCPT TO:<r@d.ex>", "DATA", "", ".", "QUIT")
    assert any(line.endswith("no immediate delivery: queued by NULL") for line in front.log())


def test_a_report_that_an_acl_discards_is_one_that_failed() -> None:
    acl = "check:\n  deny senders = s@here.ex\n  discard"
    front = Front("acl_not_smtp = check", acl, user="root", uid=0)
    front.exim("-f", "s@here.ex", "r@d.ex", stdin="\n")
    assert any(line.endswith("Child mail process returned status 1") for line in front.log())


def test_a_bad_size_limit_does_not_pass_unseen() -> None:
    front = Front("smtp_active_hostname = ${if")
    assert front.exim("-bs", stdin="QUIT\r\n").code == 1
    assert "(smtp_active_hostname)" in front.log(PANIC)[0]


UNREADABLE = "'>' missing at end of address"


@pytest.mark.parametrize(
    ("release", "rules", "told", "taken"),
    [
        ("4.95", True, "", True),
        ("4.96", True, "rewrite: ", False),
        ("4.96", False, "", True),
        ("4.97", True, "rewrite: ", True),
        ("4.97", False, "", True),
        ("4.98", True, "qualify/rewrite: ", True),
        ("4.98", False, "qualify/rewrite: ", True),
    ],
)
def test_an_address_in_a_header_line_that_cannot_be_read(
    release: str, rules: bool, told: str, taken: bool
) -> None:
    rewrite = "begin rewrite\n*@old.ex $1@new.ex" if rules else ""
    front = Front("", routers=rewrite, release=release)
    status = front.exim("-odq", "b@here.ex", stdin="To: <a@b.ex\nCc: nobody:;\n\nbody\n")
    assert (status.code == 0, len(front.machine.spool.ids())) == (taken, taken)
    lines = [line.partition(" ")[2] for line in front.log() if UNREADABLE in line]
    assert lines == ([f"{told}{UNREADABLE}"] if told else [])


def test_a_client_hears_nothing_of_an_address_that_ends_the_process() -> None:
    rewrite = "begin rewrite\n*@old.ex $1@new.ex"
    front = Front("acl_smtp_rcpt = accept", routers=rewrite, release="4.96")
    replies = front.smtp("HELO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "To: <a@b.ex", "", ".", "QUIT")
    assert replies[-1].startswith("354 ")


# ---- how many recipients a message may have ------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "content", "said"),
    [
        (("-oep", "-odq", "a@b.ex", "c@b.ex"), "x: y\n", "exim: too many recipients\n"),
        (("-oep", "-odq", "-t"), "To: a@b.ex, c@b.ex\n", "exim: message rejected: too many recipients\n"),
        (("-odq", "a@b.ex"), "x: y\n", ""),
    ],
)
def test_a_local_message_to_too_many_is_refused(words: tuple[str, ...], content: str, said: str) -> None:
    front = Front("recipients_max = ${if def:sender_host_address {9}{1}}")
    done = front.exim(*words, stdin=content)
    assert (done.stderr, done.code) == (said, int(bool(said)))
    assert bool(front.machine.spool.messages) is not bool(said)
