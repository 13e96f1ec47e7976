"""Testing expansions: macros, a message on the queue, a message in a file."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from tests.mta.front import PANIC, Front

MESSAGE = "From: a@d.ex\nTo: b@d.ex, c@d.ex\nSubject: s\n\nfirst line\nsecond\n"


def said(front: Front, *argv: str, stdin: str = "") -> str:
    return front.exim("-be", *argv, stdin=stdin).stdout


def test_macros_of_the_configuration_and_of_the_test_are_known() -> None:
    front = Front("OWN = value")
    lines = "NEW = two\n<OWN> <NEW>\nNEW == three\n<NEW>\n"
    assert said(front, stdin=lines).split("\n") == [
        "> Defined macro 'NEW'",
        "> <value> <two>",
        "> Defined macro 'NEW'",
        "> <three>",
        "> ",
        "",
    ]


def test_before_4_90_macros_were_unknown_there() -> None:
    assert said(Front("OWN = value", release="4.89"), "<OWN>") == "<OWN>\n"


def test_a_message_on_the_queue_can_be_loaded() -> None:
    front = Front(user="root", uid=0)
    front.exim("-odq", "r@d.ex", "q@d.ex", stdin=MESSAGE)
    name = front.machine.spool.ids()[0]
    text = "$h_subject: $message_body_size $recipients $message_exim_id $message_linecount"
    assert said(front, "-Mset", name, text) == f"s 18 r@d.ex, q@d.ex {name} 11\n"


def test_what_is_not_there_is_said() -> None:
    front = Front()
    name = "1abcde-00000000001-0000"
    assert said(front, "-Mset", name, "x").startswith(f"Failed to load message datafile {name}\n")
    assert front.exim("-bem", "/none", "x").code == 1


def test_a_message_in_a_file_can_be_read() -> None:
    front = Front(files={"/m": MESSAGE.encode()})
    text = "$h_subject: $body_linecount $message_body_size $max_received_linelength $message_body"
    assert front.exim("-bem", "/m", text).stdout == "s 2 18 18 first line second \n"
    assert front.exim("-bem", "/m", "-t", "$recipients").stdout == "b@d.ex, c@d.ex\n"


@pytest.mark.parametrize(
    ("body", "options", "counts"),
    [
        ("one\n\ntwo\n", (), "5 2"),
        ("one\n\ntwo\n", ("-oi",), "6 3"),
        ("\n\n", (), "3 0"),
        ("a\n.\nb\n", (), "4 1"),
        ("a\n.\nb\n", ("-oi",), "6 3"),
    ],
)
def test_blank_lines_of_its_body_count_only_where_no_dot_ends_it(
    body: str, options: tuple[str, ...], counts: str
) -> None:
    front = Front("", files={"/m": f"From: a@b\nSubject: x\n\n{body}".encode()})
    text = "$message_linecount $body_linecount"
    assert front.exim(*options, "-bem", "/m", text).stdout == f"{counts}\n"


@pytest.mark.parametrize(("release", "shown"), [("4.96-debian12", "=?x?Q?c?= =?utf-8?Q?d?="), ("4.96", "cd")])
def test_debian_does_not_decode_a_header_with_an_unknown_character_set(release: str, shown: str) -> None:
    front = Front("", release=release, files={"/m": b"Subject: =?x?Q?c?= =?utf-8?Q?d?=\n\n"})
    assert front.exim("-bem", "/m", "$h_subject:").stdout == f"{shown}\n"


@pytest.mark.parametrize("user", ["caller", "exim"])
def test_what_would_be_logged_is_said_to_all_but_exims_user(user: str) -> None:
    front = Front()
    front.machine.user = user
    status = front.exim("-be", "${if match_domain{a.ex}{dnsdb*;a=b.ex}}")
    assert status.stderr or front.log(PANIC)
    assert bool(front.log(PANIC)) is (user == "exim")


def test_variables_of_acls_can_be_set() -> None:
    lines = "set acl_m0 = ${uc:a}\nset,t acl_c_x=b\n$acl_m0 $acl_c_x\n"
    assert said(Front(), stdin=lines).split("\n") == [
        "> variable m0 set",
        "> variable c_x set",
        "> A b",
        "> ",
        "",
    ]
    assert said(Front(release="4.96"), "set acl_m0 = a") == "set acl_m0 = a\n"


def test_a_tainted_one_is_followed_into_queries() -> None:
    lines = "set,t acl_m0 = a\n${lookup testdb {$acl_m0}}\n${lookup testdb_nq {$acl_m0}}\n"
    status = Front().exim("-be", stdin=lines)
    assert status.stderr.count("tainted search query is not properly quoted: a") == 1


@pytest.mark.parametrize("text", ["set acl_m0 = ${bad", "set other = a", "set,t acl_m0 = $tod_epoch"])
def test_what_else_is_set_is_not_modelled(text: str) -> None:
    with pytest.raises(Unsupported):
        said(Front(), text)
