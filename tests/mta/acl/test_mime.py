"""The ACL that sees each MIME part, and conditions on what messages say."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from tests.mta.local import LocalMachine

PARTS = """\
From: a@b.ex
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_x"

preamble
--=_x
Content-Type: text/plain; charset=UTF-8

Hello, World.
--=_x
Content-Type: application/octet-stream
Content-Disposition: attachment; filename*0*=utf-8''one%20two; filename*1=.exe
Content-Transfer-Encoding: base64

SGVsbG8s
IQ==
--=_x
Content-Type: message/rfc822

Subject: inner
Content-Type: text/html

<b>x</b>
--=_x--
"""
SEEN = (
    "warn logwrite = $mime_part_count|$mime_content_type|$mime_filename"
    "|$mime_is_coverletter|$mime_is_rfc822\n"
)


def machine(acl: str, release: str = "4.99", main: str = "acl_not_smtp_mime = parts") -> LocalMachine:
    acls = f"{main}\nbegin acl\nparts:\n{acl} accept\n"
    return LocalMachine("driver = appendfile\nfile = /mail/a", release, main=acls)


def logged(
    acl: str, text: str = PARTS, release: str = "4.99", main: str = "acl_not_smtp_mime = parts"
) -> list[str]:
    made = machine(acl, release, main)
    made.deliver(text=text)
    return [line for line in made.log if "<=" not in line and "=>" not in line and line != "Completed"]


def test_each_part_is_shown_and_then_those_of_attached_messages() -> None:
    assert logged(SEEN) == [
        "0|multipart/mixed||1|0",
        "1|text/plain||1|0",
        "2|application/octet-stream|one two.exe|0|0",
        "3|message/rfc822||0|0",
        "0|text/html||1|1",
    ]


def test_before_4_98_a_name_has_one_piece() -> None:
    assert logged(SEEN, release="4.97")[2] == "2|application/octet-stream|one two|0|0"


def test_a_message_without_a_type_is_not_looked_at() -> None:
    assert logged(SEEN, "Subject: s\n\nbody\n") == []


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("SGVsbG8=\n", "base64", "1 0 "),
        ("SGV*sbG8=\n", "base64", "1 2 Broken BASE64 encoding detected"),
        ("a=3Db=\nc\n", "quoted-printable", "1 0 "),
        ("a=zz\n", "quoted-printable", "1 1 Broken Quoted-Printable encoding detected"),
        ("plain\n", "7bit", "1 0 "),
    ],
)
def test_a_part_is_decoded(text: str, encoding: str, shown: str) -> None:
    head = f"Content-Type: text/plain\nContent-Transfer-Encoding: {encoding}\n\n"
    show = "warn decode = default\n logwrite = $mime_content_size $mime_anomaly_level $mime_anomaly_text\n"
    assert logged(show, head + text) == [shown]


def test_expressions_match_the_decoded_part_and_capture() -> None:
    found = logged(
        "warn mime_regex = ^(Hel+)o,! : nothing\n logwrite = $mime_part_count $regex1 $regex_match_string\n"
    )
    assert found == ["2 Hell ^(Hel+)o,!"]


def test_expressions_match_a_line_of_the_message() -> None:
    first, second = "(?i)^X-Envelope-From: <(.*)>", "nothing"
    acl = f"warn regex = {first}\n logwrite = $regex1\nwarn regex = {second}\n logwrite = no\n"
    assert logged(acl, main="acl_not_smtp = parts") == ["s@test.ex"]


def test_a_refusal_over_smtp_is_named() -> None:
    made = machine(
        "deny message = no programs\n condition = ${if match{$mime_filename}{exe}}\n",
        main="acl_smtp_mime = parts\nacl_smtp_rcpt = accept",
    )
    said = "".join(
        f"{line}\r\n"
        for line in ("MAIL FROM:<s@test.ex>", "RCPT TO:<a@test.ex>", "DATA", *PARTS.split("\n"), ".", "QUIT")
    )
    made.exim("-bs", stdin=f"EHLO x\r\n{said}")
    assert any(line.endswith("rejected during MIME ACL checks: no programs") for line in made.log)


def test_a_refusal_without_words_is_logged_as_the_program_prints_it() -> None:
    log = logged("deny\n", main="acl_not_smtp = parts")
    assert log[0] == "F=<s@test.ex> rejected by non-SMTP ACL: NULL"


def test_a_refusal_without_smtp_is_not_modelled() -> None:
    with pytest.raises(Unsupported, match="acl_not_smtp_mime"):
        logged("deny\n")
