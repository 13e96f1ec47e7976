"""Signatures themselves: canonical forms, tags, the text of a signature, and that what is signed verifies."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.base.base64 import b64decode
from eximsim.mta.miscmods.pdkim.canon import LONG_LINE, body_hash, read_content, relax_header
from eximsim.mta.miscmods.pdkim.keys import PrivateKey, signing_init
from eximsim.mta.miscmods.pdkim.sign import Wanted, sign
from eximsim.mta.miscmods.pdkim.tags import parse_key_record, parse_signature
from eximsim.mta.miscmods.pdkim.verify import Verifier, find_signatures, key_text, sort_signatures
from eximsim.mta.records.dkim import Signature, Verdict, Why
from eximsim.profiles import profile
from tests.mta.miscmods.rfc8463 import MESSAGE, NAME, PRIVATE, RECORD, SIGNATURE

NEWEST = profile("4.99")
_RSA = generate_private_key(65537, 1024)
RSA_PEM = _RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
RSA_RECORD = (
    "v=DKIM1; p="
    + base64.b64encode(
        _RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).decode()
)
WANTED = Wanted("test.ex", "sel", b"", "sha256", "relaxed", "From:Subject", None, 0, 0)


def verified(message: bytes, record: str | None, sizes: dict[str, int] | None = None) -> Signature:
    """The first signature of a message, after its verification with the key of ``record``."""
    content = read_content(message)
    (sig, *_), _ = find_signatures(content, NEWEST)
    verifier = Verifier(content, NEWEST, lambda name: record, sizes or {})
    verifier.check_body(sig)
    if sig.verdict is Verdict.NONE:
        verifier.verify(sig)
    return sig


def test_the_example_of_rfc_8463_verifies() -> None:
    asked: list[str] = []

    def ask(name: str) -> str:
        asked.append(name)
        return RECORD

    content = read_content(SIGNATURE + MESSAGE)
    (sig,), excess = find_signatures(content, NEWEST)
    verifier = Verifier(content, NEWEST, ask, {"ed25519": 250})
    verifier.check_body(sig)
    verifier.verify(sig)
    assert (excess, sig.verdict, sig.keybits, asked) == (None, Verdict.PASS, 253, [f"{NAME}."])


@pytest.mark.parametrize(
    ("old", "new", "record", "verdict", "why"),
    [
        (b"hungry", b"angry", RECORD, Verdict.FAIL, Why.BODY),
        (b"Is dinner", b"Was dinner", RECORD, Verdict.FAIL, Why.MESSAGE),
        (b"Is dinner", b"Is  dinner", RECORD, Verdict.PASS, None),
        (b"Joe.\n", b"Joe. \n\n\n", RECORD, Verdict.PASS, None),
        (b"Joe.\n", b"Joe.\n\nx\n", RECORD, Verdict.FAIL, Why.BODY),
        (b"v=1", b"v=2", RECORD, Verdict.INVALID, Why.VERSION),
        (b"v=1;", b"", RECORD, Verdict.INVALID, Why.TAGS),
        (b"s=brisbane;", b"", RECORD, Verdict.INVALID, Why.TAGS),
        (b" b=/", b" x=/", RECORD, Verdict.INVALID, Why.TAGS),
        (b"", b"", None, Verdict.INVALID, Why.KEY_UNAVAILABLE),
        (b"", b"", "p= ", Verdict.INVALID, Why.KEY_RECORD),
        (b"", b"", "v=DKIM2; p=11qY", Verdict.INVALID, Why.KEY_RECORD),
        (b"", b"", f"{RECORD}; s=tlsrpt", Verdict.INVALID, Why.KEY_RECORD),
        (b"", b"", f"{RECORD}; s=email", Verdict.PASS, None),
        (b"", b"", f"{RECORD}; h=sha1", Verdict.FAIL, Why.ALGORITHM),
        (b"", b"", f"{RECORD}; h=sha1:sha256", Verdict.PASS, None),
    ],
)
def test_what_is_wrong_with_a_signature_is_told_apart(
    old: bytes, new: bytes, record: str | None, verdict: Verdict, why: Why | None
) -> None:
    sig = verified((SIGNATURE + MESSAGE).replace(old, new, 1), record)
    assert (sig.verdict, sig.why) == (verdict, why)


def test_a_key_that_is_too_short_fails_although_the_signature_is_right() -> None:
    sig = verified(SIGNATURE + MESSAGE, RECORD, {"ed25519": 254})
    assert (sig.verdict, sig.why) == (Verdict.FAIL, Why.KEY_SIZE)


def test_an_ed25519_key_may_be_wrapped() -> None:
    bare = RECORD.partition("p=")[2]
    wrapped = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + base64.b64decode(bare)).decode()
    assert verified(SIGNATURE + MESSAGE, RECORD.replace(bare, wrapped)).verdict is Verdict.PASS


def test_no_ed25519_before_4_91() -> None:
    content = read_content(SIGNATURE + MESSAGE)
    assert find_signatures(content, profile("4.90")) == ([], None)


_SIGN = PrivateKey.sign
_UNSIGNED = re.compile(rb"([\s;]b=)[^;]*")
_NAMES = st.sampled_from([b"From", b"from", b"Subject", b"X-Other", b"To"])
_TEXTS = st.text("ab \t:;=", max_size=30).map(str.encode)
_FOLDED = st.lists(_TEXTS, min_size=1, max_size=3).map(b"\r\n\t".join)
_HEADERS = st.lists(st.tuples(_NAMES, _FOLDED).map(lambda both: both[0] + b": x" + both[1] + b"\r\n"))
_BODY_LINES = st.lists(st.text("ab. \t", max_size=20).map(str.encode), max_size=6)


@given(
    _HEADERS,
    _BODY_LINES,
    st.sampled_from([("rsa", RSA_PEM, RSA_RECORD), ("ed25519", PRIVATE, RECORD)]),
    st.sampled_from(["simple", "relaxed"]),
    st.sampled_from(["sha1", "sha256", "sha512"]),
    st.sampled_from(["From:Subject", "From:From:To", "=X-Other:+From", "Nothing"]),
    st.text("abc.", min_size=1, max_size=60),
)
def test_what_is_signed_verifies_and_a_change_is_found(
    headers: list[bytes],
    lines: list[bytes],
    key: tuple[str, bytes, str],
    canon: str,
    hashtype: str,
    signed: str,
    domain: str,
) -> None:
    _, pem, record = key
    body = b"".join(line + b"\r\n" for line in [*lines, b"end"])
    message = b"".join(headers) + b"From: a@b.ex\r\nZ: z\r\n\r\n" + body
    wanted = replace(WANTED, hashtype=hashtype, canon=canon, headers=signed, domain=domain)
    texts = []

    def recorded(key: PrivateKey, text: bytes, hashtype: str) -> bytes:
        texts.append(text)
        return _SIGN(key, text, hashtype)

    with patch.object(PrivateKey, "sign", recorded):
        line = sign(read_content(message), wanted, signing_init(pem, NEWEST))
    found = verified(line + b"\r\n" + message, record)
    if canon == "simple" and not texts[0].endswith(_UNSIGNED.sub(rb"\1", line)):
        # Exim signs its line as it is folded without the signature
        assert (found.verdict, found.why) == (Verdict.FAIL, Why.MESSAGE)
        return
    assert found.verdict is Verdict.PASS
    assert verified(line + b"\r\n" + message + b"more\r\n", record).why is Why.BODY
    if "From" in signed:
        forged = message.replace(b"From: a@b.ex", b"From: c@b.ex")
        assert verified(line + b"\r\n" + forged, record).why is Why.MESSAGE
    assert max(map(len, line.expandtabs(1).split(b"\r\n"))) <= 78


def test_the_text_of_a_signature_is_folded_as_exim_folds_it() -> None:
    wanted = replace(WANTED, headers="From", created=17, expires=27, identity="a@test.ex")
    line = sign(read_content(b"From: a@b.ex\r\n\r\nx\r\n"), wanted, signing_init(PRIVATE, NEWEST))
    first, second, third, *_ = line.split(b"\r\n\t")
    assert first == b"DKIM-Signature: v=1; a=ed25519-sha256; q=dns/txt; c=relaxed/relaxed; d=test.ex"
    assert second.startswith(b"; s=sel; h=From; bh=")
    assert third.startswith(b"; t=17; x=27; b=")
    assert b"; i=a@test.ex\r\n\t; t=17" in line
    assert line.endswith(b";")


@pytest.mark.parametrize(
    ("names", "listed"),
    [
        ("From", b"h=From;"),
        ("From:From", b"h=From:From;"),
        ("X:From", b"h=From:X;"),
        ("=Received:From", b"h=From:Received:Received;"),
        ("=X:From", b"h=From;"),
        ("+Received", b"h=Received:Received:Received;"),
        ("Received", b"h=Received;"),
        ("Received:Received:Received", b"h=Received:Received:Received;"),
    ],
)
def test_which_lines_are_signed(names: str, listed: bytes) -> None:
    message = b"Received: 1\r\nReceived: 2\r\nFrom: a@b.ex\r\n\r\nx\r\n"
    line = sign(read_content(message), replace(WANTED, headers=names), signing_init(PRIVATE, NEWEST))
    assert listed in line.replace(b"\r\n\t", b"")


@pytest.mark.parametrize(
    ("line", "relaxed"),
    [
        (b"A: X\r\n", b"a:X\r\n"),
        (b"B \t: Y\t\r\n\tZ  \r\n", b"b:Y Z\r\n"),
        (b"C:\r\n", b"c:\r\n"),
        (b"D : a:b : c\r\n", b"d:a:b : c\r\n"),
        (b"No Colon\r\n", b"no colon\r\n"),
    ],
)
def test_relaxed_header_lines(line: bytes, relaxed: bytes) -> None:
    assert relax_header(line, end=True) == relaxed
    assert relax_header(relaxed, end=False) == relaxed[:-2]


_EMPTY, _ONE_LINE = (
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=",
)


@pytest.mark.parametrize(
    ("message", "canon", "ended", "digest"),
    [
        (b"A: b\r\n\r\n", "relaxed", True, _EMPTY),
        (b"A: b\r\n\r\n\r\n \r\n", "relaxed", True, _EMPTY),
        (b"A: b\r\n\r\n\r\n\r\n", "simple", True, _ONE_LINE),
        (b"A: b\r\n\r\n\r\n\r\n", "simple", False, _EMPTY),
        (b"A: b\r\n", "relaxed", True, _ONE_LINE),
    ],
)
def test_bodies_of_nothing(message: bytes, canon: str, ended: bool, digest: str) -> None:
    found, _ = body_hash(read_content(message), canon, "sha256", -1, ended=ended)
    assert base64.b64encode(found).decode() == digest


def test_a_body_is_hashed_up_to_the_length_that_is_signed() -> None:
    short, long = read_content(b"A: b\n\nab\n"), read_content(b"A: b\n\nabcd\n")
    assert body_hash(long, "simple", "sha256", 2, ended=True) == body_hash(
        short, "simple", "sha256", 2, ended=True
    )


def test_a_line_end_without_its_cr_is_as_good() -> None:
    message = b"A: b\n c\nD: e\n\nf\ng\n"
    assert read_content(message) == read_content(message.replace(b"\n", b"\r\n"))


@pytest.mark.parametrize(("size", "error"), [(16380, None), (16381, None), (16382, LONG_LINE)])
def test_a_line_of_the_body_may_be_too_long(size: int, error: str | None) -> None:
    assert read_content(b"A: b\n\n" + b"x" * size + b"\n").error == error


def test_twenty_signatures_are_too_many() -> None:
    content = read_content(SIGNATURE * 19 + MESSAGE)
    assert (len(find_signatures(content, NEWEST)[0]), find_signatures(content, NEWEST)[1]) == (19, None)
    assert find_signatures(read_content(SIGNATURE * 20 + MESSAGE), NEWEST)[1] == "EXCESS_SIGS"


def test_signatures_are_chosen_and_ordered_by_hash_then_by_key() -> None:
    made = [Signature(key, digest) for key in ("rsa", "ed25519") for digest in ("sha1", "sha256", "sha512")]
    chosen = sort_signatures(made, "sha512 : sha256", "ed25519:rsa")
    assert [sig.algorithm for sig in chosen] == [
        "ed25519-sha512",
        "ed25519-sha256",
        "rsa-sha512",
        "rsa-sha256",
    ]
    twins = [Signature("rsa", "sha256"), Signature("rsa", "sha256")]
    assert len(sort_signatures(twins, "sha256", "rsa")) == 2


def test_tags_are_read_as_exim_reads_them() -> None:
    line = (
        b"DKIM-Signature: V=9; v = 1;a=rsa-sha256;\r\n\tc=relaxed; d=a.ex ;s=b; i=x=40y; l=12 ; t=-1; bad=1; "
        b"h=A:\r\n\t B; bh=YWI=; b=YWI\r\n\t=; z=From=3Aa\r\n"
    )
    sig = parse_signature(line, NEWEST)
    assert sig is not None
    assert (sig.version, sig.algorithm, sig.canon_headers, sig.canon_body) == (
        1,
        "rsa-sha256",
        "relaxed",
        "simple",
    )
    assert (sig.domain, sig.selector, sig.identity, sig.bodylength) == ("a.ex", "b", "x@y", 12)
    assert (sig.headernames, sig.copiedheaders) == ("A:B", "From:a")
    assert (sig.sighash, sig.bodyhash) == (b"ab", b"ab")
    assert sig.created == 2**64 - 1
    assert sig.raw == line[:-2].replace(b"b=YWI\r\n\t=;", b"b=;")


@pytest.mark.parametrize("algorithm", [b"dsa-sha256", b"rsa-md5", b"rsa", b""])
def test_a_signature_of_no_known_algorithm_is_none(algorithm: bytes) -> None:
    assert parse_signature(b"DKIM-Signature: v=1; a=" + algorithm + b"; d=a.ex", NEWEST) is None


def test_key_records_are_read_as_exim_reads_them() -> None:
    record = parse_key_record(" v=DKIM1 ; k = rsa;p= YWI= ; n=a=20b; t=y:s ; h=sha1 ;g=x; odd")
    assert record is not None
    assert (record.key, record.hashes, record.granularity, record.notes) == (b"ab", "sha1", "x", "a b")
    assert record.testing
    assert record.no_subdomains
    assert parse_key_record("p=") is not None
    assert [parse_key_record(text) for text in ("v=DKIM1", "p=*", "p= ", "v=1; p=YWI=")] == [None] * 4


def test_a_record_that_says_it_is_another_thing_is_passed_over() -> None:
    assert key_text([[b"v=spf1 -all"], [b"v=D", b"kim1; p="], [b"p=x"]]) == "v=Dkim1; p="
    assert key_text([[b"v=spf1 -all"]]) is None
    assert key_text([[b"k=rsa; p=x"]]) == "k=rsa; p=x"


@pytest.mark.parametrize(
    ("text", "data"),
    [(b"YWI=", b"ab"), (b"Y W\tI\r\n=", b"ab"), (b"YQ==", b"a"), (b"YWI", None), (b"Y*==", None), (b"", b"")],
)
def test_base_64(text: bytes, data: bytes | None) -> None:
    assert b64decode(text) == data
