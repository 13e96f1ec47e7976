"""The system filter: what becomes of the recipients, of the header, and what is logged."""

from __future__ import annotations

import pytest

from tests.mta.front import Front

ROUTERS = """
begin routers
all:
  driver = accept
  condition = ${if eq{$local_part}{later}{no}{yes}}
  transport = box
begin transports
box:
  driver = appendfile
  file = /var/mail/box
  user = caller
named:
  driver = appendfile
piped:
  driver = pipe
  log_output
begin retry
* * F,5d,10m
"""
MESSAGE = "Subject: hello\n\nline one\nline two\n"


def front(text: str, main: str = "") -> Front:
    files = {"/filter": text.encode()}
    main = f"qualify_domain = d.ex\nsystem_filter = /filter\n{main}"
    return Front(main=main, routers=ROUTERS, files=files)


def logged(site: Front, *argv: str) -> list[str]:
    """What is logged of a message to one, from its arrival on, without ids and stamps."""
    assert site.exim("-odi", *argv, "one", stdin=MESSAGE).code == 0
    return [line.split(" ", 1)[1] for line in site.log()][1:]


DELIVERED = "=> one <one@d.ex> R=all T=box"


def test_a_filter_that_does_nothing_leaves_normal_delivery() -> None:
    assert logged(front("testprint x")) == [DELIVERED, "Completed"]


def test_a_delivery_of_the_filter_takes_the_place_of_the_recipients() -> None:
    assert logged(front("deliver two")) == [
        "original recipients ignored (system filter)",
        "=> two <system-filter> R=all T=box",
        "Completed",
    ]


def test_an_unseen_delivery_comes_on_top() -> None:
    assert logged(front("unseen deliver two unseen deliver three")) == [
        "=> three <system-filter> R=all T=box",
        "=> two <system-filter> R=all T=box",
        DELIVERED,
        "Completed",
    ]


def test_finish_that_is_seen_discards_the_message() -> None:
    assert logged(front("seen finish")) == ["=> discarded (system filter)", "Completed"]


def test_freeze_keeps_the_message_and_says_why() -> None:
    assert logged(front('freeze "odd\\nthing"')) == [r"Frozen by the system filter: odd\nthing"]
    site = front("freeze")
    assert logged(site) == ["Frozen by the system filter"]
    (message,) = site.machine.spool.messages.values()
    assert message.frozen


def test_a_message_that_was_thawed_by_hand_is_not_frozen_again() -> None:
    site = front("freeze")
    logged(site)
    (message_id,) = site.machine.spool.messages
    site.exim("-M", message_id)
    assert site.log()[-3:] == [
        f"{message_id} {text}" for text in ("Unfrozen by forced delivery", DELIVERED, "Completed")
    ]


def test_defer_puts_the_recipients_off() -> None:
    site = front("defer")
    assert logged(site) == ["Delivery deferred by system filter"]
    (message,) = site.machine.spool.messages.values()
    assert not message.frozen


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ('fail "no such mail"', "cancelled by system filter: no such mail", "no such mail"),
        ('fail "<<for us>>for you"', "cancelled by system filter: for us", "for you"),
        ("fail", "cancelled by system filter", "delivery cancelled"),
    ],
)
def test_fail_tells_the_log_and_the_sender(text: str, line: str, told: str) -> None:
    site = front(f"if $h_subject: is hello then {text} endif")
    assert logged(site, "-f", "me@d.ex")[0] == line
    assert f"    {told}\n".encode() in site.world.disk.files["/var/mail/box"].content


def test_headers_are_changed_for_this_delivery_and_written_with_the_first() -> None:
    site = front('headers add "X-A: $message_size" headers remove subject', "queue_domains = nowhere")
    site.exim("-odq", "one", "later", stdin=MESSAGE)
    (message,) = site.machine.spool.messages.values()
    size = message.size
    site.exim("-qf")
    site.exim("-qf")
    texts = [header.text for header in message.headers if header.kind != "*"]
    assert texts.count(f"X-A: {size}\n") == 1
    assert [text for text in texts if text.startswith("Subject:")] == []


def test_the_body_is_shown_on_one_line_or_with_its_lines() -> None:
    text = 'if "$message_body|$message_body_end" is "line one  |e two " then fail endif'
    assert logged(front(text, "message_body_visible = 9"))[0] != "cancelled by system filter"
    text = 'if "$message_body|$message_body_end" is "line one |line two " then fail endif'
    assert logged(front(text, "message_body_visible = 9"))[0] == "cancelled by system filter"
    text = 'if "$message_body" is "line one\\n" then fail endif'
    lines = front(text, "message_body_visible = 9\nmessage_body_newlines")
    assert logged(lines)[0] == "cancelled by system filter"


@pytest.mark.parametrize(
    ("main", "text", "why"),
    [
        ("", "foo", 'unknown filtering command "foo" near line 1 of filter file'),
        ("system_filter = /none", "", "/none does not exist"),
        ("system_filter = /etc/no/f", "", "failed to stat /etc/no/. (No such file or directory)"),
        ("system_filter = filter", "", '"filter" is not an absolute path'),
        ("system_filter = ${if", "", 'failed to expand "${if": condition name expected, but found ""'),
    ],
)
def test_an_error_keeps_the_message(main: str, text: str, why: str) -> None:
    site = front(text)
    if main:
        site = Front(main=main, routers=ROUTERS, files={"/etc/x": b""})
    assert logged(site) == [f"Error in system filter: {why}"]
    assert len(site.machine.spool.messages) == 1


BOX = "system_filter_file_transport = named\nsystem_filter_user = caller"


def test_a_file_is_delivered_by_the_transport_of_its_kind() -> None:
    site = front("save /var/mail/other", BOX)
    assert logged(site) == [
        "original recipients ignored (system filter)",
        "=> /var/mail/other <system-filter> T=named",
        "Completed",
    ]


@pytest.mark.parametrize(
    ("text", "main", "address", "why"),
    [
        ("save /x", "", "/x", "system_filter_file_transport is unset"),
        ("save /x/", BOX, "/x/", "system_filter_directory_transport is unset"),
        ("pipe cat", BOX, "|cat", "system_filter_pipe_transport is unset"),
        ("mail to a@b", BOX, ">a@b", "system_filter_reply_transport is unset"),
        (
            *("save /x", "system_filter_file_transport = none", "/x"),
            'failed to find "none" transport for system filter delivery',
        ),
        (
            *("save /x", "system_filter_file_transport = ${if", "/x"),
            'failed to expand "${if" as a system filter transport name',
        ),
    ],
)
def test_without_a_transport_it_is_put_off(text: str, main: str, address: str, why: str) -> None:
    assert f"== {address} <system-filter> routing defer (-1): {why}" in logged(front(text, main))


def test_the_words_of_a_pipe_command_are_expanded_by_the_transport() -> None:
    options = "system_filter_pipe_transport = piped\nsystem_filter_user = 1000"
    lines = logged(front('pipe "/bin/echo $recipients_count $h_subject:"', options))
    assert lines[1].endswith("<system-filter> T=piped : Tainted arg 2 for piped transport command: 'hello'")
    lines = logged(front('pipe "/bin/echo $recipients_count"', options))
    assert "piped transport output: 1" in lines[1]
