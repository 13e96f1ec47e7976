"""Clients that do not behave: what they are told, and what is logged of them, by release."""

from __future__ import annotations

import pytest

from tests.mta.front import MAIN, PANIC, REJECT, Front
from tests.mta.program.test_daemon import said

ACCEPT = "acl_smtp_rcpt = accept"


@pytest.mark.parametrize(
    ("release", "shown"), [("4.93", ""), ("4.94.1", ",  C=HELO,MAIL"), ("4.99", ",  C=HELO,MAIL")]
)
def test_too_many_errors_show_the_commands_of_the_session(release: str, shown: str) -> None:
    front = Front(f"{ACCEPT}\nsmtp_max_synprot_errors = 0", release=release)
    front.smtp("HELO x", "MAIL FROM:<@@>")
    assert front.log(REJECT)[-1].endswith(f'(last command was "MAIL FROM:<@@>"{shown})')


def test_of_a_long_session_the_last_commands_are_shown() -> None:
    front = Front(f"{ACCEPT}\nsmtp_max_synprot_errors = 0\nsmtp_accept_max_nonmail = 99")
    front.smtp("HELO x", *["NOOP"] * 25, "MAIL FROM:<@@>")
    assert front.log(REJECT)[-1].endswith(f",  C=...{'NOOP,' * 19}MAIL)")


def test_before_the_first_command_there_is_nothing_to_show() -> None:
    front = Front(f"{ACCEPT}\nsmtp_max_synprot_errors = 0")
    front.smtp("NOTHING")
    assert front.log(REJECT)[-1].endswith('(last command was "NOTHING", NULL)')


@pytest.mark.parametrize(("release", "word"), [("4.90", "NULL"), ("4.91", "NUL")])
def test_a_command_with_a_nul_is_refused(release: str, word: str) -> None:
    replies = Front(ACCEPT, release=release).smtp("NO\0OP", "QUIT")
    assert replies[0] == f"501 {word} characters are not allowed in SMTP commands"


@pytest.mark.parametrize(("release", "size"), [("4.96", ""), ("4.97", " (8 bytes)")])
def test_input_that_comes_too_soon_is_shown_up_to_a_nul(release: str, size: str) -> None:
    front = Front(f"{ACCEPT}\npipelining_connect_advertise_hosts =", release=release)
    front.exim("-bd", "-oX", "1225")
    client = front.world.connect("127.0.0.1", 1225, 5)
    said(client)
    client.send(b"EHLO me.ex\r\nNO\0OOP\r\n")
    assert "554 SMTP synchronization error\r\n" in said(client)
    assert front.log()[-1].endswith(f'[127.0.0.1] next input="NO"{size}')


@pytest.mark.parametrize(
    ("release", "time"), [("4.89", ""), ("4.90", " D=0s"), ("4.96", " D=0s"), ("4.97", " D=0s")]
)
def test_a_client_that_goes_between_messages_has_been_there_for_a_time(release: str, time: str) -> None:
    front = Front(f"{ACCEPT}\nlog_selector = +smtp_connection", release=release)
    front.smtp("HELO x")
    assert front.log()[-1] == f"SMTP connection from caller lost{time}"


@pytest.mark.parametrize(("release", "word"), [("4.88", "teplevel"), ("4.89", "toplevel")])
def test_an_acl_for_quit_may_not_refuse(release: str, word: str) -> None:
    front = Front("acl_smtp_quit = no", "no:\n  deny", release=release)
    front.smtp("QUIT")
    assert front.log(PANIC) == front.log(MAIN)
    assert f"QUIT or not-QUIT {word} ACL may not fail ('deny' verb used incorrectly)" in front.log()[0]


def test_after_a_fault_of_its_own_exim_asks_no_acl() -> None:
    main = "acl_smtp_rcpt = c\nacl_smtp_quit = q"
    front = Front(main, "c:\n  accept domains = /nowhere\nq:\n  accept logwrite = quit")
    replies = front.smtp("HELO x", "MAIL FROM:<s@b.ex>", "RCPT TO:<r@d.ex>", "RSET", "NOOP", "QUIT", "NOOP")
    failure = "421 Unexpected failure, please try later"
    assert replies[2:] == [failure, "250 Reset OK", failure, "221 here.ex closing connection"]
    assert len(front.log()) == 1


def test_a_fault_before_the_first_command_leaves_commands_to_be_refused() -> None:
    front = Front("acl_smtp_connect = c", "c:\n  accept hosts = /nowhere")
    status = front.exim("-bs", "-oMa", "192.0.2.9", stdin="HELO x\r\nNOOP\r\nQUIT\r\n")
    failure = "421 Unexpected failure, please try later"
    assert status.stdout.splitlines() == [failure] * 3 + ["221 here.ex closing connection"]


@pytest.mark.parametrize(("release", "heard"), [("4.98", 1), ("4.99", 2)])
def test_a_crash_takes_what_was_not_yet_sent_with_it_and_says_what_was_done(release: str, heard: int) -> None:
    main = "acl_smtp_notquit = n\nacl_smtp_helo = h\nsmtp_max_unknown_commands = 0"
    acls = "h:\n  deny\nn:\n  accept senders = *"
    front = Front(main, acls, release=release, user="root", uid=0)
    status = front.exim("-bs", "-oMa", "192.0.2.9", stdin="EHLO x\r\nODD\r\n")
    assert (status.code, len(status.stdout.splitlines())) == (-11, heard)
    assert front.log(PANIC)[-2].endswith(" handling incoming connection from (x) [192.0.2.9] U=root")


def test_the_first_lines_of_a_reply_go_with_the_crash_that_keeps_the_last_from_being_said() -> None:
    main = "acl_smtp_notquit = n\nacl_smtp_rcpt = r\nsmtp_max_synprot_errors = 1"
    front = Front(main, "r:\n  accept\nn:\n  accept senders = *", user="root", uid=0)
    status = front.exim("-bs", "-oMa", "192.0.2.9", stdin="HELO x\r\nRCPT TO:<r@d.ex>\r\nDATA\r\n")
    assert status.code == -11
    assert status.stdout.splitlines()[-1] == "503 sender not yet given"


def test_a_drop_at_the_connection_is_an_end_without_quit() -> None:
    for verb, lines in (("drop", ["acl-drop"]), ("deny", [])):
        acls = f"c:\n  {verb}\nn:\n  warn logwrite = end $smtp_notquit_reason"
        front = Front("acl_smtp_connect = c\nacl_smtp_notquit = n", acls)
        front.smtp("QUIT")
        assert [line[4:] for line in front.log() if line.startswith("end ")] == lines


def test_a_line_that_an_acl_writes_to_the_reject_log_has_the_header_with_it() -> None:
    main = "acl_smtp_rcpt = accept\nacl_smtp_data = d"
    front = Front(main, "d:\n  accept logwrite = :reject: seen")
    front.smtp("HELO x", "MAIL FROM:<s@b.ex>", "RCPT TO:<r@d.ex>", "DATA", "X-A: 1", "", ".", "QUIT")
    seen, *rest = front.log(REJECT)
    assert seen.endswith(" seen")
    assert "  X-A: 1" in rest


@pytest.mark.parametrize(("release", "shown"), [("4.98", '"a b"'), ("4.99", '\\"a b\\"')])
def test_quotes_in_a_command_are_marked_in_the_log(release: str, shown: str) -> None:
    front = Front(f"{ACCEPT}\nlog_selector = +smtp_protocol_error +smtp_syntax_error", release=release)
    front.smtp("HELO x", 'RCPT TO:<"a b"@d.ex>', 'NONSENSE "a b"')
    errors = [line for line in front.log() if " error in " in line]
    assert f'protocol error in "RCPT TO:<{shown}@d.ex>" U=caller sender not yet given' in errors[0]
    assert f'syntax error in "NONSENSE {shown}" U=caller unrecognized command' in errors[1]


@pytest.mark.parametrize(
    ("acl", "code"), [("helo", 0), ("mail", 0), ("rcpt", 0), ("predata", 0), ("data", 1)]
)
def test_who_drops_a_client_after_its_message_ends_with_failure(acl: str, code: int) -> None:
    main = "" if acl == "rcpt" else ACCEPT
    front = Front(f"{main}\nacl_smtp_{acl} = d", "d:\n  drop")
    lines = ["EHLO c", "MAIL FROM:<a@b.ex>", "RCPT TO:<a@d.ex>", "DATA", "", "x", ".", "QUIT", ""]
    status = front.exim("-odq", "-bs", stdin="\r\n".join(lines))
    assert status.stdout.endswith("\r\n550 Administrative prohibition\r\n")
    assert status.code == code


def test_a_reply_that_is_begun_is_lost_if_the_acl_for_notquit_kills_the_process() -> None:
    main = "acl_smtp_notquit = n\nsmtp_max_synprot_errors = 1"
    front = Front(main, "n:\n  deny sender_domains = one.ex")
    status = front.exim("-odq", "-bs", stdin="HELO x\r\nRCPT TO:<a@d.ex>\r\nRCPT TO:<b@d.ex>\r\n")
    assert status.code < 0
    assert "503 sender not yet given\r\n" in status.stdout
    assert "503-" not in status.stdout
