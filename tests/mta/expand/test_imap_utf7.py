"""Names of IMAP folders. The expected texts are those of ``exim -be``."""

from __future__ import annotations

import pytest

from eximsim.mta.expand.expander import ExpansionFailed
from eximsim.mta.expand.imap_utf7 import imap_utf7_encode


@pytest.mark.parametrize(
    ("text", "separator", "specials", "expected"),
    [
        ("Foo/Bar", "/", "", "Foo.Bar"),
        ("R\u00e4ksm\u00f6rg\u00e5s", "/", "", "R&AOQ-ksm&APY-rg&AOU-s"),
        ("a&b/c", "/", ".", "a&-b.c"),
        ("Foo/Bar", ".", "/", "Foo&AC8-Bar"),
        ("&&a~b", ".", "", "&-&-a~b"),
        ("//a//b//", "/", "", ".a.b"),
        ("\u65e5x", ".", "", "&ZeU-x"),
        ("", "/", "", ""),
    ],
)
def test_what_is_not_plain_is_coded(text: str, separator: str, specials: str, expected: str) -> None:
    assert imap_utf7_encode(text, "UTF-8", separator, specials) == expected


def test_octets_are_read_in_the_character_set() -> None:
    assert imap_utf7_encode("\u00e4", "ISO-8859-1", "/", "") == "&AMMApA-"


@pytest.mark.parametrize(
    ("text", "charset", "words"),
    [
        ("\u00e4.b", "UTF-8", "imapfolder: illegal character '.'"),
        ("\udcff", "UTF-8", "imapfolder: iconv() failed to convert from UTF-8: "),
        ("\u00e4", "x-none", 'imapfolder: iconv_open("UTF-16BE", "x-none") failed: Invalid argument'),
    ],
)
def test_what_has_no_name_is_told(text: str, charset: str, words: str) -> None:
    with pytest.raises(ExpansionFailed) as raised:
        imap_utf7_encode(text, charset, "/", "")
    assert raised.value.message.startswith(words)
