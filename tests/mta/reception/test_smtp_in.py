"""SMTP reception: what a client is told, what is logged, and that no input can upset it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.errors import Unsupported
from eximsim.mta.lookup.sender_host import host_build_sender_fullhost
from eximsim.mta.process.reception import Reception
from eximsim.mta.reception.smtp_in import SmtpIn
from eximsim.ports import Action, Close, Send, StartTls
from tests.mta.front import CONF, MAIN, PANIC, REJECT, Front

ACCEPT = "acl_smtp_rcpt = accept\nacl_smtp_etrn = deny"
HELLO = "EHLO client.ex"
LETTER = ("MAIL FROM:<s@here.ex>", "RCPT TO:<r@d.ex>", "DATA", "Subject: x", "", "body", ".")
RELEASES = ("4.87", "4.88-jh03", "4.90", "4.94.1", "4.97", "4.99")


def codes(replies: Iterable[str]) -> list[str]:
    return [reply[:3] for reply in replies if reply[3:4] != "-"]


# ---- the dialogue -----------------------------------------------------------------------------------


@pytest.mark.parametrize("release", RELEASES)
def test_a_message_is_taken_in(release: str) -> None:
    front = Front(ACCEPT, release=release)
    status = front.exim("-odq", "-bs", stdin="\r\n".join([HELLO, *LETTER, "QUIT", ""]))
    lines = status.stdout.split("\r\n")
    version = front.process().profile.version
    assert lines[0] == f"220 here.ex ESMTP Exim {version} Tue, 14 Nov 2023 22:13:20 +0000"
    assert codes(lines[1:-1]) == ["250", "250", "250", "354", "250", "221"]
    name = front.machine.spool.ids()[0]
    assert f"250 OK id={name}" in lines
    assert front.log()[0].startswith(f"{name} <= caller@here.ex U=caller P=local-esmtp S=")


EXTENSIONS = [
    ("4.87", "", ["SIZE 52428800", "8BITMIME", "PIPELINING", "HELP"]),
    ("4.88", "", ["SIZE 52428800", "8BITMIME", "PIPELINING", "CHUNKING", "HELP"]),
    ("4.88", "message_size_limit = 1K", ["SIZE 1024", "8BITMIME", "PIPELINING", "CHUNKING", "HELP"]),
    ("4.88", "message_size_limit = 0", ["SIZE", "8BITMIME", "PIPELINING", "CHUNKING", "HELP"]),
    ("4.87", "accept_8bitmime = no", ["SIZE 52428800", "PIPELINING", "HELP"]),
    ("4.87", "dsn_advertise_hosts = *", ["SIZE 52428800", "8BITMIME", "DSN", "PIPELINING", "HELP"]),
    ("4.87", "pipelining_advertise_hosts =", ["SIZE 52428800", "8BITMIME", "HELP"]),
    ("4.87", "prdr_enable", ["SIZE 52428800", "8BITMIME", "PIPELINING", "PRDR", "HELP"]),
    ("4.88", "acl_smtp_vrfy = accept", ["SIZE 52428800", "8BITMIME", "PIPELINING", "CHUNKING", "HELP"]),
    (
        "4.99",
        "acl_smtp_vrfy = accept\nacl_smtp_etrn = accept\nacl_smtp_expn = accept",
        [
            "SIZE 52428800",
            "LIMITS MAILMAX=1000 RCPTMAX=50000",
            "8BITMIME",
            "ETRN",
            "VRFY",
            "EXPN",
            "PIPELINING",
            "CHUNKING",
            "HELP",
        ],
    ),
]


@pytest.mark.parametrize(("release", "main", "offered"), EXTENSIONS)
def test_ehlo_offers_what_the_release_and_the_configuration_have(
    release: str, main: str, offered: list[str]
) -> None:
    replies = Front(main, release=release).smtp(HELLO, "QUIT")
    assert [line[4:] for line in replies[1:-1]] == offered
    assert replies[0] == "250-here.ex Hello caller at client.ex"
    assert replies[-1] == "221 here.ex closing connection"


REFUSED = [
    (["RCPT TO:<a@b>"], "503 sender not yet given"),
    (["DATA"], "503 valid RCPT command must precede DATA"),
    (["MAIL FROM:<a@b.ex>", "DATA"], "503 valid RCPT command must precede DATA"),
    (["MAIL FROM:<a@b.ex>", "MAIL FROM:<a@b.ex>"], "503 sender already given"),
    (["MAIL FROM:a b"], "501 a b: "),
    (["MAIL FROM:<a@b.ex> FOO=x"], "501 <a@b.ex> FOO=x: malformed address: FOO=x may not follow"),
    (["MAIL FROM:<a@b.ex> BODY=x"], "501 invalid data for BODY"),
    (["MAIL FROM:<a@b.ex> SIZE=99999999999"], "552 Message size exceeds maximum permitted"),
    (["FOO"], "500 unrecognized command"),
    (["HELO"], "501 Syntactically invalid HELO argument(s)"),
    (["EHLO x y"], "501 Syntactically invalid EHLO argument(s)"),
    (["STARTTLS"], "503 STARTTLS command used when not advertised"),
    (["AUTH PLAIN x"], "503 AUTH command used when not advertised"),
    (["VRFY a"], "252 Administrative prohibition"),
    (["EXPN a"], "550 Administrative prohibition"),
    (["ETRN a"], "458 Administrative prohibition"),
    (["NOOP"], "250 OK"),
    (["RSET"], "250 Reset OK"),
    (["HELP"], "214-Commands supported:"),
]


@pytest.mark.parametrize("option", ["SIZE=", "SIZE=x", "BODY=", "ENVID=", "SIZE=3 SIZE=x"])
def test_an_option_of_mail_with_a_bad_value_goes_without_a_word(option: str) -> None:
    answer = Front(ACCEPT).smtp("EHLO x", f"MAIL FROM:<a@b.ex> {option}", "QUIT")[-2]
    kept = option.startswith("SIZE=3")
    assert answer.startswith("501 <a@b.ex> SIZE=3: malformed address" if kept else "250 OK")


def test_a_blank_in_an_address_of_rcpt_becomes_a_sign() -> None:
    front = Front(ACCEPT)
    said = front.smtp("EHLO x", "MAIL FROM:<a@b.ex>", "RCPT TO:<jo e@d.ex>", "RCPT TO:<x@d.ex> BAD", "QUIT")
    assert said[-3].startswith("250")
    assert said[-2].startswith("501 <x@d.ex>=BAD: malformed address")


@pytest.mark.parametrize(("commands", "reply"), REFUSED)
def test_each_command_has_its_answer(commands: list[str], reply: str) -> None:
    replies = Front(ACCEPT).smtp("EHLO x", *commands)
    answers = [line for line in replies if line not in Front(ACCEPT).smtp("EHLO x")[:-1]]
    assert any(line.startswith(reply) for line in answers[len(commands) - 1 :])


def test_the_connection_may_be_lost() -> None:
    front = Front(ACCEPT)
    status = front.exim("-bs", stdin="EHLO x\r\nMAIL FROM:<a@b.ex>\r\nRCPT TO:<c@d.ex>\r\n")
    assert status.stdout.splitlines()[-1] == "421 here.ex lost input connection"
    assert status.code == 1
    assert front.log()[-1] == "unexpected EOF while reading SMTP command from caller D=0s"


@pytest.mark.parametrize(
    ("body", "where"), [("", " (header)"), ("A: b\r\n", " (after header)"), ("A: b\r\n\r\nx", "")]
)
def test_the_log_says_how_far_a_lost_message_had_come(body: str, where: str) -> None:
    front = Front(ACCEPT)
    front.exim("-bs", stdin="HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + body)
    assert front.log()[-1].endswith(f"SMTP connection from caller lost while reading message data{where}")


@pytest.mark.parametrize(("release", "named"), [("4.97", False), ("4.98", True)])
def test_a_message_that_is_lost_has_an_id_since_4_98(release: str, named: bool) -> None:
    front = Front(ACCEPT, release=release)
    front.exim("-bs", stdin="HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nA: b\r\n\r\nx")
    assert front.log()[-1].startswith("SMTP connection from caller lost") is not named


def test_too_many_errors_end_the_session() -> None:
    replies = Front("smtp_max_unknown_commands = 2").smtp(*["FOO"] * 6, "NOOP")
    assert replies[-1].startswith("500 Too many unrecognized commands")
    replies = Front("smtp_max_synprot_errors = 2").smtp(*["RCPT TO:<a@b>"] * 6, "NOOP")
    assert replies[-1].startswith("503 Too many syntax or protocol errors")
    replies = Front("smtp_accept_max_nonmail = 2").smtp(*["HELP"] * 6, "NOOP")
    assert replies[-1].startswith("554 Too many nonmail commands")


def test_dots_are_undone_and_line_ends_are_newlines() -> None:
    front = Front(ACCEPT)
    letter = (
        "HELO x",
        "MAIL FROM:<>",
        "RCPT TO:<r@d.ex>",
        "DATA",
        "A: b",
        " c",
        "",
        "..dot",
        "x\ry",
        ".",
        "QUIT",
    )
    front.smtp(*letter)
    message = front.machine.spool.messages[front.machine.spool.ids()[0]]
    assert message.body == b".dot\nx\ny\n"
    assert any(header.text == "A: b\n c\n" for header in message.headers)


def test_chunks_are_put_together() -> None:
    front = Front(ACCEPT)
    chunk = b"A: b\r\n\r\n.x\r\n"
    stdin = (
        b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<r@d.ex>\r\n"
        + b"BDAT %d\r\n" % len(chunk)
        + chunk
        + b"BDAT 3 LAST\r\ny\r\nQUIT\r\n"
    )
    status = front.exim("-odq", "-bs", stdin=stdin)
    message = front.machine.spool.messages[front.machine.spool.ids()[0]]
    assert message.body == b".x\ny\n"
    assert f"250 {len(chunk)} byte chunk received" in status.stdout
    assert f"250- 3 byte chunk, total {len(chunk) + 3}\r\n250 OK id=" in status.stdout
    assert " K S=" in front.log()[0]


CUT_OFF = "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<r@d.ex>\r\nBDAT 5 LAST\r\n"


@pytest.mark.parametrize(
    ("rest", "body", "total", "then"),
    [
        ("RCPT TO:<x@d.ex>\r\n", b"RCPT \xfeTO:<x@d.ex>\n", 20, ["221"]),
        ("abc\r\nNOOP\r\n", b"abc\n", 6, ["500", "221"]),
        ("a:b\r\n\r\nx\r\n", b"\xfe\n", 9, ["500", "221"]),
    ],
)
def test_up_to_4_95_commands_behind_a_chunk_that_ends_in_the_header_are_part_of_it(
    rest: str, body: bytes, total: int, then: list[str]
) -> None:
    front = Front(ACCEPT, release="4.95")
    status = front.exim("-odq", "-bs", stdin=f"{CUT_OFF}{rest}QUIT\r\n")
    (message,) = front.machine.spool.messages.values()
    assert message.body == body
    last = status.stdout.partition("250- ")[2].splitlines()
    assert last[0] == f"5 byte chunk, total {total}"
    assert [line[:3] for line in last[2:]] == then


@pytest.mark.parametrize("data", ["abcde", "a: bc", "a:b\r\n"])
def test_up_to_4_95_a_client_that_leaves_after_such_a_chunk_has_not_sent_it(data: str) -> None:
    front = Front(ACCEPT, release="4.95")
    status = front.exim("-odq", "-bs", stdin=f"{CUT_OFF}{data}QUIT\r\n")
    assert status.stdout.endswith("421 Lost incoming connection\r\n")
    assert front.log()[-1].endswith("lost while reading message data (after header)")
    later = Front(ACCEPT, release="4.96")
    later.exim("-odq", "-bs", stdin=f"{CUT_OFF}{data}QUIT\r\n")
    assert len(later.machine.spool.messages) == 1


# ---- ACLs and what they say --------------------------------------------------------------------------

SAYING = [
    ("deny", "550 Administrative prohibition", "rejected RCPT <r@d.ex>"),
    ("deny message = go away", "550 go away", "rejected RCPT <r@d.ex>: go away"),
    ("deny log_message = because", "550 Administrative prohibition", "rejected RCPT <r@d.ex>: because"),
    ("deny message = 571 no", "571 no", "rejected RCPT <r@d.ex>: 571 no"),
    ("defer", "451 Temporary local problem - please try later", "temporarily rejected RCPT <r@d.ex>"),
    ("deny message = one\\ntwo", "550-one", "rejected RCPT <r@d.ex>: one"),
    ("deny condition = maybe", "451 Temporary local problem - please try later", "temporarily rejected RCPT"),
    ("accept message = fine", "250 fine", ""),
    ("accept", "250 Accepted", ""),
]


@pytest.mark.parametrize(("acl", "reply", "logged"), SAYING)
def test_the_acl_decides_about_a_recipient(acl: str, reply: str, logged: str) -> None:
    front = Front("acl_smtp_rcpt = check", f"check:\n  {acl}")
    replies = front.smtp("HELO x", "MAIL FROM:<s@b.ex>", "RCPT TO:<r@d.ex>", "QUIT")
    assert reply in replies
    if logged:
        assert front.log(REJECT) == front.log(MAIN)
        assert front.log()[0].startswith(f"U=caller F=<s@b.ex> {logged}")


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("", "501 empty address"),
        ("r@", "501 domain missing or malformed"),
        ("nobody@d.ex", "550 <nobody@d.ex> no such person"),
        ("r", "250 <r@here.ex> is deliverable"),
    ],
)
def test_only_an_address_is_shown_to_the_acl_of_vrfy(argument: str, reply: str) -> None:
    front = Front("acl_smtp_vrfy = check", "check:\n  accept local_parts = r : nobody")
    assert front.smtp(f"VRFY {argument}", "QUIT")[0].startswith(reply)


def test_what_is_said_of_a_header_line_is_not_set_in() -> None:
    front = Front(
        f"{ACCEPT}\nacl_smtp_data = check",
        "check:\n  accept acl = inner\ninner:\n  require verify = header_sender",
    )
    shown = front.exim(
        "-bh", "192.0.2.9", stdin="\r\n".join([HELLO, *LETTER[:3], "From: a@d.ex", "", ".", "QUIT", ""])
    )
    assert ">>> verifying From: header address a@d.ex\n" in shown.stderr


@pytest.mark.parametrize(("release", "shown"), [("4.99", "<NULL>"), ("4.98", '"NULL"')])
def test_a_client_that_does_not_say_hello_is_told_of(release: str, shown: str) -> None:
    main = "helo_try_verify_hosts = *\nhosts_require_helo =\nacl_smtp_mail = check"
    front = Front(main, "check:\n  accept verify = helo", release)
    seen = front.exim("-bh", "192.0.2.9", stdin="MAIL FROM:<a@b.ex>\r\nQUIT\r\n").stderr
    assert f">>> verifying EHLO/HELO argument {shown}\n>>> no EHLO/HELO command was issued\n" in seen


def test_vrfy_asks_for_a_domain_of_those_who_have_to_name_one() -> None:
    front = Front("acl_smtp_vrfy = accept\nlog_selector = +smtp_syntax_error")
    status = front.exim("-bh", "192.0.2.9", stdin="VRFY r\r\nQUIT\r\n")
    assert "501 r: recipient address must contain a domain" in status.stdout
    assert "unqualified verify rejected: <r> H=[192.0.2.9]" in status.stderr


def test_disks_have_room_for_what_is_usual_only() -> None:
    assert "250 OK" in Front(f"{ACCEPT}\ncheck_spool_space = 900G").smtp("HELO x", "MAIL FROM:<>", "QUIT")
    front = Front(f"{ACCEPT}\ncheck_log_space = 1024T")
    assert "452 Space shortage, please try later" in front.smtp("HELO x", "MAIL FROM:<>", "QUIT")
    assert front.log() == ["log directory space check failed: space=1073741824 inodes=-1"]


@pytest.mark.parametrize(
    ("option", "reply", "logged"),
    [
        (
            "header_maxsize = 20",
            "552 Message header is ridiculously long",
            "ridiculously long message header",
        ),
        ("header_line_maxsize = 20", "552 A message header line is too long", "overlong message header line"),
    ],
)
def test_headers_have_a_longest_line_and_a_largest_size(option: str, reply: str, logged: str) -> None:
    front = Front(f"{ACCEPT}\n{option}")
    said = front.smtp(
        "HELO x", "MAIL FROM:<>", "RCPT TO:<r@b.ex>", "DATA", f"Subject: {'x' * 20}", ".", "QUIT"
    )
    assert reply in said
    assert front.log()[-1] == f"{logged} received from caller (more than 20 characters): message abandoned"


def test_the_daemon_counts_the_queue_now_and_then() -> None:
    front = Front("queue_only")
    assert front.exim("-be", "$queue_size,$config_dir").stdout == ",/etc\n"
    front.exim("-bd", "-oX", "2526")
    assert front.exim("-be", "$queue_size").stdout == "0\n"
    front.exim("r@b.ex", stdin="Subject: s\n\nx\n")
    assert front.exim("-be", "$queue_size").stdout == "0\n"
    front.world.sleep(61)
    assert front.exim("-be", "$queue_size").stdout == "1\n"


def test_the_acl_at_the_end_knows_the_size_of_what_was_read() -> None:
    front = Front(f"{ACCEPT}\nacl_smtp_data = check", "check:\n  deny message = $message_size")
    assert "550 17" in front.smtp(HELLO, *LETTER, "QUIT")


def test_a_message_of_an_untrusted_caller_is_from_that_caller() -> None:
    front = Front(f"{ACCEPT}\nacl_smtp_mail = check", "check:\n  accept verify = sender")
    front.smtp(HELLO, *LETTER, "QUIT")
    message = front.machine.spool.messages[front.machine.spool.ids()[0]]
    assert [header.text for header in message.headers if header.kind in "FS"] == [
        "From: caller <caller@here.ex>\n"
    ]


def test_a_dropped_client_hears_no_more() -> None:
    front = Front("acl_smtp_rcpt = check", "check:\n  drop message = enough")
    replies = front.smtp("HELO x", "MAIL FROM:<s@b.ex>", "RCPT TO:<r@d.ex>", "NOOP")
    assert replies[-1] == "550 enough"


@pytest.mark.parametrize(
    ("option", "reply"),
    [
        ("acl_smtp_connect", "550 no"),
        ("acl_smtp_helo", "550 no"),
        ("acl_smtp_mail", "550 no"),
        ("acl_smtp_predata", "550 no"),
        ("acl_smtp_data", "550 no"),
        ("acl_smtp_vrfy", "252 no"),
    ],
)
def test_every_acl_can_refuse(option: str, reply: str) -> None:
    front = Front(f"{ACCEPT}\n{option} = no", "no:\n  deny message = no")
    stdin = "\r\n".join([HELLO, *LETTER, "VRFY x", "QUIT", ""])
    assert reply in front.exim("-odq", "-bs", stdin=stdin).stdout.split("\r\n")


def test_a_message_refused_at_its_end_is_shown_in_the_reject_log() -> None:
    front = Front(f"{ACCEPT}\nacl_smtp_data = no", "no:\n  deny message = spam")
    front.smtp(HELLO, *LETTER, "QUIT")
    lines = front.log(REJECT)
    assert lines[0].endswith("U=caller F=<caller@here.ex> rejected after DATA: spam")
    assert lines[1:3] == ["Envelope-from: <caller@here.ex>", "Envelope-to: <r@d.ex>"]
    assert "  Subject: x" in lines
    assert front.machine.spool.ids() == []


def test_a_client_that_lies_about_its_name_can_be_refused() -> None:
    front = Front(f"{ACCEPT}\nhelo_verify_hosts = *")
    status = front.exim("-bh", "192.0.2.9", stdin="EHLO wrong.ex\r\nQUIT\r\n")
    assert "550 EHLO argument does not match calling host" in status.stdout


def test_an_unqualified_address_is_refused_unless_the_client_may() -> None:
    argv = ("-bh", "192.0.2.9")
    session = "HELO x\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nQUIT\r\n"
    refused = Front(ACCEPT).exim(*argv, stdin=session).stdout
    assert "501 <a>: sender address must contain a domain" in refused
    allowed = Front(f"{ACCEPT}\nsender_unqualified_hosts = *\nrecipient_unqualified_hosts = *")
    assert codes(allowed.exim(*argv, stdin=session).stdout.splitlines()[5:])[:4] == [
        "220",
        "250",
        "250",
        "250",
    ]


# ---- host checking -----------------------------------------------------------------------------------


def test_host_checking_explains_itself_and_takes_nothing_in() -> None:
    front = Front("acl_smtp_rcpt = check", "check:\n  accept hosts = 192.0.2.0/24", release="4.88-jh03")
    stdin = "\r\n".join([HELLO, *LETTER, "QUIT", ""])
    status = front.exim("-bh", "192.0.2.9", stdin=stdin)
    assert status.stdout.startswith(
        "\n**** SMTP testing session as if from host 192.0.2.9\n"
        "**** but without any ident (RFC 1413) callback.\n"
        "**** This is not for real!\n\n220 here.ex"
    )
    assert "**** SMTP testing: that is not a real message id!" in status.stdout
    shown = status.stderr.splitlines()
    assert ">>> host in hosts_connection_nolog? no (option unset)" in shown
    assert '>>> using ACL "check"' in shown
    assert '>>> host in "192.0.2.0/24"? yes (matched "192.0.2.0/24")' in shown
    assert any(
        line.startswith("LOG: ") and " <= s@here.ex H=(client.ex) [192.0.2.9]" in line for line in shown
    )
    assert front.machine.spool.ids() == []
    assert front.log() == []


def test_releases_name_the_acl_as_they_do() -> None:
    acls = "check:\n  accept acl = other\nother:\n  accept"
    session = f"{HELLO}\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.ex>\r\nQUIT\r\n"
    old = Front("acl_smtp_rcpt = check", acls, release="4.88-jh03").exim("-bh", "192.0.2.9", stdin=session)
    new = Front("acl_smtp_rcpt = check", acls, release="4.99").exim("-bh", "192.0.2.9", stdin=session)
    assert '>>> processing "accept"\n' in old.stderr
    assert '>>> using ACL "check"\n' in new.stderr
    assert f'>>>  processing ACL other "accept" ({CONF} ' in new.stderr
    assert ">>>  end of ACL other: ACCEPT\n" in new.stderr
    assert '>>> end of ACL "other": ACCEPT\n' in old.stderr


def test_what_cannot_be_a_host_is_an_error() -> None:
    status = Front().exim("-bh", "nonsense")
    assert status.code == 1
    assert status.stderr == "exim: malformed host address nonsense for host checking\n"


# ---- senders of local users ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("main", "user", "uid", "sender"),
    [
        ("", "caller", 1000, "caller@here.ex"),
        ("untrusted_set_sender = *", "caller", 1000, "s@here.ex"),
        ("untrusted_set_sender = ^x", "caller", 1000, "caller@here.ex"),
        ("trusted_users = caller", "caller", 1000, "s@here.ex"),
        ("", "root", 0, "s@here.ex"),
    ],
)
def test_only_some_users_may_say_who_the_sender_is(main: str, user: str, uid: int, sender: str) -> None:
    front = Front(f"{ACCEPT}\n{main}", user=user, uid=uid)
    front.smtp(HELLO, *LETTER, "QUIT")
    assert front.machine.spool.messages[front.machine.spool.ids()[0]].sender == sender


# ---- any input ----------------------------------------------------------------------------------------

_WORDS = (
    b"EHLO x\r\n", b"HELO x\r\n", b"MAIL FROM:<a@b.ex>\r\n", b"MAIL FROM:<> SIZE=3 BODY=8BITMIME\r\n",
    b"RCPT TO:<c@d.ex>\r\n", b"rcpt to:<@x:c@d.ex> NOTIFY=NEVER\r\n", b"DATA\r\n", b".\r\n", b"\n.\n",
    b"A: b\n", b"\r\n", b"BDAT 3\r\nabc", b"BDAT 0 LAST\r\n", b"BDAT 9999999 LAST\r\n", b"RSET\r\n",
    b"NOOP\r\n", b"QUIT\r\n", b"VRFY a\r\n", b"HELP\n", b"AUTH PLAIN\r\n", b"STARTTLS\r\n", b"ETRN x\r\n",
    b"\0", b"\xff", b" ",
)  # fmt: skip
_INPUT = st.lists(st.one_of(st.sampled_from(_WORDS), st.binary(max_size=6)), max_size=20).map(b"".join)


def session(release: str) -> tuple[Front, SmtpIn]:
    front = Front(f"{ACCEPT}\nmessage_size_limit = 10K", release=release)
    process = front.process()
    process.variables |= {
        "sender_host_address": "192.0.2.9",
        "sender_host_port": "1",
        "interface_address": "127.0.0.1",
        "interface_port": "25",
    }
    host_build_sender_fullhost(process)
    return front, SmtpIn(Reception(process, smtp=True, sender_host_notsocket=True), lambda message_id: None)


def talk(release: str, chunks: Iterable[bytes]) -> tuple[bytes, list[str]]:
    front, smtp = session(release)
    said = b""

    def note(actions: Iterable[Action]) -> None:
        nonlocal said
        for action in actions:
            assert not isinstance(action, StartTls)
            said += (
                action.data if isinstance(action, Send) else b"<closed>" if isinstance(action, Close) else b""
            )

    note(smtp.start())
    for chunk in chunks:
        if not smtp.ended:
            note(smtp.feed(chunk))
    if not smtp.ended:
        note(smtp.eof())
    assert smtp.ended
    return said, front.log() + front.log(REJECT) + front.log(PANIC)


@settings(max_examples=100, deadline=None)
@given(_INPUT, st.lists(st.integers(1, 12), max_size=60), st.sampled_from(("4.87", "4.97", "4.99")))
def test_any_input_in_any_pieces_has_the_same_answers(data: bytes, sizes: list[int], release: str) -> None:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    pieces.append(data[at:])
    assert talk(release, [piece for piece in pieces if piece]) == talk(release, [data] if data else [])


@settings(max_examples=100, deadline=None)
@given(_INPUT)
def test_every_line_of_every_answer_is_a_reply(data: bytes) -> None:
    said, _ = talk("4.99", [data])
    lines = said.split(b"\r\n")
    assert lines.pop() in (b"", b"<closed>")
    assert all(line[:3].isdigit() and line[3:4] in b" -" for line in lines)


# ---- the fields of the arrival line -------------------------------------------------------------------


def test_a_message_id_that_was_made_here_is_logged_with_an_asterisk_on_demand() -> None:
    front = Front(f"{ACCEPT}\nlog_selector = +msg_id_created", release="4.99")
    front.exim("-odq", "-bs", stdin="\r\n".join([HELLO, *LETTER, "QUIT", ""]))
    name = front.machine.spool.ids()[0]
    assert f" id*=E{name}@here.ex" in front.log()[0]


@pytest.mark.parametrize(("main", "seen"), [("spool_wireformat", "0 6"), ("", "2 4")])
def test_lines_of_chunks_are_not_counted_if_they_are_stored_as_they_came(main: str, seen: str) -> None:
    shown = "acl_smtp_data = accept logwrite = lines $body_linecount $message_body_size\n"
    front = Front(f"{ACCEPT}\n{main}\n{shown}")
    chunk = b"BDAT 14 LAST\r\nA: b\r\n\r\nx\r\ny\r\n"
    front.exim("-odq", "-bs", stdin=b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<r@d.ex>\r\n" + chunk)
    assert front.log()[0].endswith(f"lines {seen}")
    (message,) = front.machine.spool.messages.values()
    assert (message.body, message.body_lines) == (b"x\ny\n", int(seen[0]))


@pytest.mark.parametrize("data", [b"A: b\r\n\r\nx\ny\r\n", b"A: b\r\n\r\nx"])
def test_chunks_with_odd_line_ends_are_not_stored_as_they_came(data: bytes) -> None:
    front = Front(f"{ACCEPT}\nspool_wireformat")
    chunk = b"BDAT %d LAST\r\n%s" % (len(data), data)
    with pytest.raises(Unsupported, match="spool_wireformat") as lack:
        front.exim("-odq", "-bs", stdin=b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<r@d.ex>\r\n" + chunk)
    assert lack.value.line


@pytest.mark.parametrize(("main", "subject"), [("ignore_fromline_hosts = 192.0.2.9", "s"), ("", None)])
def test_a_from_line_may_begin_the_messages_of_some_hosts(main: str, subject: str | None) -> None:
    front = Front(f"queue_only\ntrusted_users = caller\nacl_smtp_rcpt = accept\n{main}")
    message = "From u Fri Jan  7 14:00 GMT 1997\nSubject: s\n\n.\n"
    dialogue = f"HELO x\nMAIL FROM:<a@b.ex>\nRCPT TO:<r@d.ex>\nDATA\n{message}QUIT\n"
    front.exim("-oMa", "192.0.2.9", "-bs", stdin=dialogue)
    (taken,) = front.machine.spool.messages.values()
    assert (taken.body == b"") is (subject is not None)


@pytest.mark.parametrize(("first", "taken"), [("EHLO c.ex", True), ("HELO d.ex", False)])
def test_chunks_that_were_offered_once_may_be_sent_after_a_helo(first: str, taken: bool) -> None:
    front = Front("acl_smtp_rcpt = accept\nchunking_advertise_hosts = *\n")
    replies = front.smtp(first, "HELO c.ex", "MAIL FROM:<a@b.ex>", "RCPT TO:<c@d.ex>", "BDAT 2 LAST", "")
    assert any(reply.startswith("250 OK id=") for reply in replies) is taken


@pytest.mark.parametrize(
    ("release", "reply"), [("4.89", "354"), ("4.92", "451"), ("4.94.1", "354"), ("4.99", "354")]
)
def test_recipients_of_whom_there_are_none_are_no_variable_in_some_releases(release: str, reply: str) -> None:
    acls = "m:\n  discard\np:\n  accept logwrite = <${listcount:$recipients}>"
    front = Front("acl_smtp_mail = m\nacl_smtp_rcpt = accept\nacl_smtp_predata = p", acls, release=release)
    assert front.smtp("HELO x", "MAIL FROM:<a@b.ex>", "RCPT TO:<a@d.ex>", "DATA", "QUIT")[3][:3] == reply


def test_a_refused_name_of_a_client_is_logged_in_small_letters() -> None:
    front = Front("acl_smtp_helo = h\nacl_smtp_rcpt = r", "h:\n deny\nr:\n accept\n")
    said = front.exim("-bh", "192.0.2.7", stdin="EHLO C.Ex\r\nQUIT\r\n").stderr
    assert "rejected EHLO or HELO c.ex\n" in said
    assert "H=(C.Ex)" in said


def test_a_tested_session_begins_with_the_sender_of_whoever_calls() -> None:
    acls = "c:\n warn logwrite = C <$sender_address>\n accept\nh:\n accept logwrite = H <$sender_address>\n"
    front = Front("acl_smtp_connect = c\nacl_smtp_helo = h", acls)
    said = front.exim("-bh", "192.0.2.7", stdin="EHLO c.ex\r\nQUIT\r\n").stderr
    assert "LOG: C <caller@here.ex>\n" in said
    assert "LOG: H <>\n" in said


@pytest.mark.parametrize(
    ("release", "line"), [("4.89", ' >>> using ACL "s"'), ("4.90", '>>>  using ACL "s"')]
)
def test_what_is_inside_is_set_in_behind_the_mark_of_a_tested_session(release: str, line: str) -> None:
    front = Front("acl_smtp_helo = h", "h:\n accept acl = s\ns:\n accept\n", release=release)
    said = front.exim("-bh", "192.0.2.7", stdin="EHLO c.ex\r\nQUIT\r\n").stderr
    assert line in said.splitlines()
