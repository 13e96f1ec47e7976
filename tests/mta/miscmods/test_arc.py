"""ARC: sets that are added verify, and what is wrong with a chain is told apart."""

from __future__ import annotations

import pytest

from eximsim.mta.miscmods.arc_lines import AMS, BadLine, Chain, parse_line, try_header
from eximsim.mta.miscmods.arc_sign import arc_sign
from tests.mta.front import PANIC, Front
from tests.mta.miscmods.test_dkim import key_zone
from tests.mta.miscmods.test_pdkim import RSA_PEM, RSA_RECORD

KEY = [{**key_zone(RSA_RECORD)[0], "name": "sel._domainkey.one.ex"}]
RESULTS = b"Authentication-Results: one.ex;\r\n\tarc=none\r\n"
MESSAGE = RESULTS + b"From: a@b.ex\r\nSubject: s\r\n\r\nHello.\r\n"
SPEC = "one.ex : sel : /key"


def signed(message: bytes = MESSAGE, spec: str = SPEC, front: Front | None = None) -> bytes:
    """A message with one more set than it had."""
    process = (front or Front(files={"/key": RSA_PEM})).process()
    process.variables["sender_host_address"] = "192.0.2.9"
    return arc_sign(process, spec, b"", message, ended=False) + message


def checked(message: bytes, wanted: str = "") -> list[str]:
    """What ``verify = arc`` makes of a message: its log lines."""
    acls = (
        f"check:\n  warn !verify = arc{wanted}\n logwrite = not good\n"
        "  accept logwrite = $arc_state <$arc_state_reason> <$arc_domains> $arc_oldest_pass\n"
        "  logwrite = ${authresults{here.ex}}\n"
    )
    front = Front("acl_smtp_rcpt = accept\nacl_smtp_data = check\n", acls, zone=KEY)
    data = message.decode().removesuffix("\r\n").split("\r\n")
    front.smtp("HELO c.ex", "MAIL FROM:<a@b.ex>", "RCPT TO:<c@d.ex>", "DATA", *data, ".", "QUIT")
    return [line.partition(" ")[2] for line in front.log()]


def test_a_chain_of_two_verifies() -> None:
    log = checked(signed(RESULTS.replace(b"none", b"pass") + signed()))
    assert log[0] == "pass <> <one.ex:one.ex> 1"
    assert log[-1].startswith("<= ")
    assert " ARC" in log[-1]


def test_results_name_the_chain() -> None:
    log = checked(signed())
    assert log[:2] == [
        "pass <> <one.ex> 1",
        "Authentication-Results: here.ex;\\n\tarc=pass (i=1) header.s=sel arc.oldest-pass=1",
    ]


def test_without_a_chain_there_is_none() -> None:
    assert checked(MESSAGE)[0] == "none <> <> 0"
    assert checked(MESSAGE, "/pass")[0] == "not good"
    assert checked(MESSAGE, "/fail:none")[0] == "none <> <> 0"


SET = signed()


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (SET.replace(b"Hello", b"Good bye"), "fail <AMS body hash miscompare> <one.ex> 0"),
        (SET.replace(b"Subject: s", b"Subject: t"), "fail <AMS sig nonverify> <one.ex> 0"),
        (SET.replace(b"cv=none", b"cv=fail"), "fail <i=1 (cv)> <one.ex> 0"),
        (SET.replace(b"cv=none", b"cv=pass"), "fail <seal cv state> <one.ex> 1"),
        (SET.replace(b"192.0.2.9", b"192.0.2.1"), "fail <seal sigverify error> <one.ex> 1"),
        (SET.replace(b"ARC-Message", b"X"), "fail <i=1 (missing header)> <one.ex> 0"),
        (SET.replace(b" i=1;", b" i=2;"), "fail <(sequence; expected i=1)> <::one.ex> 0"),
        (SET.replace(b" i=1;", b" i=51;"),
         "fail <collecting headers: inserting AS: overlarge instance number> <> 0"),
        (SET.replace(b" i=1;", b"", 1), "fail <collecting headers: inserting AS: instance find> <> 0"),
        (SET.replace(b"s=sel", b"s=other"), "fail <pubkey dns lookup fail (AMS)> <one.ex> 0"),
        (SET[: SET.index(b"ARC-Auth")] + SET,
         "fail <collecting headers: inserting AS: dup hdr> <one.ex> 0"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_chain_is_told_apart(message: bytes, said: str) -> None:
    log = checked(message)
    assert log[0] == "not good"
    assert log[1] == said


@pytest.mark.parametrize(
    ("spec", "message", "said"),
    [
        ("", MESSAGE, "ARC: bad signing-specification (identity empty) ''"),
        ("one.ex", MESSAGE, "ARC: bad signing-specification (selector empty) 'one.ex'"),
        ("one.ex:sel", MESSAGE, "ARC: bad signing-specification (privkey empty) 'one.ex:sel'"),
        ("one_ex:sel:k", MESSAGE, "ARC: bad signing-specification (identity chars) 'one_ex:sel:k'"),
        ("one.ex:s l:k", MESSAGE, "ARC: bad signing-specification (selector chars) 'one.ex:s l:k'"),
        ("two.ex:sel:/key", MESSAGE, "ARC: no Authentication-Results header for signing"),
        (SPEC, MESSAGE + b"x" * 16384 + b"\r\n", "ARC: bad message body-hash"),
    ],
)
def test_what_cannot_be_signed_goes_as_it_is(spec: str, message: bytes, said: str) -> None:
    front = Front(files={"/key": RSA_PEM})
    assert signed(message, spec, front) == message
    assert front.log() == [said]


def test_a_key_that_is_not_there_is_told_of_in_both_logs() -> None:
    front = Front()
    assert signed(MESSAGE, SPEC, front) == MESSAGE
    assert front.log(PANIC) == ["unable to open file '/key' for reading: No such file or directory"]


@pytest.mark.parametrize(
    ("options", "tags"),
    [
        ("timestamps", b"t=1700000000;"),
        ("expire=1800000000", b"x=1800000000;"),
        ("expire=+60", b"x=1700000060;"),
        ("timestamps,expire", b"t=1700000000; x=1702592000;"),
    ],
)
def test_times_are_options(options: str, tags: bytes) -> None:
    message = signed(spec=f"{SPEC} : {options}")
    assert tags in message.partition(AMS)[2]
    assert checked(message)[0].startswith("pass ")


def test_lines_are_read_as_exim_reads_them() -> None:
    text = b"ARC-Message-Signature: i = 3 ; a=rsa-sha256; b= YW\r\n\tI=; bh=eA==;c=relaxed/simple; l=5; x\r\n"
    line = parse_line(text, len(AMS), "all")
    assert line.tags == {
        "i": b"3", "a": b"rsa-sha256", "b": b"YWI=", "bh": b"eA==", "c": b"relaxed/simple", "l": b"5",
    }  # fmt: skip
    assert line.unsigned == text.replace(b" YW\r\n\tI=", b"").removesuffix(b" x\r\n")
    assert line.algorithm == (b"rsa", b"sha256")


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        (b" i=1; i=2\n", "i tag dup"),
        (b" i=1; a=rsa\n", "no '-' in 'a' value"),
        (b" i=1; b=a; b=c\n", "already b data"),
        (b" i=1; b=;\n", "no b= value"),
        (b" i=1; bx=1\n", "b? tag"),
    ],
)
def test_a_line_that_cannot_be_read_says_why(rest: bytes, why: str) -> None:
    chain: Chain = {}
    with pytest.raises(BadLine, match=why.replace("?", r"\?")):
        try_header(chain, AMS + rest, signing=False)
    assert chain == {}
