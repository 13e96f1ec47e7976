"""The header file of a message, as -Mvh shows it, by release."""

from __future__ import annotations

import pytest

from tests.mta.front import Front

BY_SMTP = (
    "EHLO me\r\nMAIL FROM:<s@c.ex>\r\nRCPT TO:<r@d.ex>\r\nDATA\r\nSubject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n"
)
ACL = "a:\n accept set acl_m0 = one\n set acl_c_x = $sender_helo_name\n"


def shown(release: str, *argv: str, stdin: str = "Subject: x\n\nlonger line\n", main: str = "") -> list[str]:
    front = Front(f"queue_only\ntrusted_users = caller\n{main}", ACL, release=release)
    front.exim(*argv, stdin=stdin)
    return front.exim("-Mvh", front.machine.spool.ids()[0]).stdout.split("\n")


def test_a_message_of_a_local_user() -> None:
    lines = shown("4.99", "-f", "s@here.ex", "r@d.ex")
    assert lines[1:5] == [
        "caller 1000 1000",
        "<s@here.ex>",
        "1700000000 0",
        "-received_time_usec .000000",
    ]
    assert lines[5:17] == [
        "-received_time_complete 1700000000.000000",
        "-ident caller",
        "-received_protocol local",
        "-body_linecount 1",
        "-max_received_linelength 11",
        "-allow_unqualified_recipient",
        "-allow_unqualified_sender",
        "-deliver_firsttime",
        "XX",
        "1",
        "r@d.ex",
        "",
    ]
    assert lines[17].startswith("159P Received: from caller by here.ex with local (Exim 4.99)")


@pytest.mark.parametrize(
    ("release", "lines"),
    [
        ("4.89", ["-helo_name me", "-host_address 192.0.2.9.1234"]),
        ("4.95", ["--helo_name me", "--host_address 192.0.2.9.1234"]),
        ("4.99", ["--helo_name me", "--host_address [192.0.2.9]:1234"]),
    ],
)
def test_a_client_by_release(release: str, lines: list[str]) -> None:
    main = "acl_smtp_rcpt = a"
    found = shown(release, "-oMa", "192.0.2.9.1234", "-bs", stdin=BY_SMTP, main=main)
    assert set(lines) <= set(found)


def test_acl_variables_say_where_they_come_from() -> None:
    lines = shown("4.99", "-oMa", "192.0.2.9", "-bs", stdin=BY_SMTP, main="acl_smtp_rcpt = a")
    assert lines[lines.index("--aclc _x 2") + 1] == "me"
    assert lines[lines.index("-aclm 0 3") + 1] == "one"


def test_addresses_that_are_done_with_are_a_tree() -> None:
    front = Front(user="root", uid=0)
    front.exim("-odq", *(f"{name}@d.ex" for name in "abcd"), stdin="\n")
    name = front.machine.spool.ids()[0]
    front.exim("-Mmd", name, *(f"{name}@d.ex" for name in "abcd"))
    lines = front.exim("-Mvh", name).stdout.split("\n")
    start = lines.index("YY b@d.ex")
    assert lines[start : start + 5] == ["YY b@d.ex", "NN a@d.ex", "NY c@d.ex", "NN d@d.ex", "4"]


def test_a_copy_is_the_message_as_it_would_go_out() -> None:
    front = Front()
    front.exim("-odq", "-t", stdin="To: r@d.ex\nBcc: b@d.ex\n\nbody\n")
    text = front.exim("-Mvc", front.machine.spool.ids()[0]).stdout
    assert "Bcc" not in text
    assert text.startswith("Received: from caller")
    assert text.endswith("\n\nbody\n")


def test_only_one_message_is_shown_and_what_is_not_there_is_said() -> None:
    front = Front()
    front.exim("-odq", "r@d.ex", stdin="\n")
    name = front.machine.spool.ids()[0]
    assert front.exim("-Mvh", name, name).stdout == "*** Only one message can be listed at once\n"
    front.exim("-Mrm", name)
    assert front.exim("-Mvb", name).stdout == (
        f"Failed to open input file for {name}-D: No such file or directory\n"
    )


def test_rewritten_addresses_are_noted() -> None:
    front = Front(routers="begin rewrite\n*@a.ex $1@b.ex\n", user="root", uid=0)
    front.exim("-odq", "-f", "s@a.ex", "r@a.ex", stdin="\n")
    text = front.exim("-Mvh", front.machine.spool.ids()[0]).stdout
    assert "* X-rewrote-original-recipient: r@a.ex\n" in text
    assert "* X-rewrote-sender: s@a.ex\n" in text
