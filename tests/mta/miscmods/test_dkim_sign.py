"""What the smtp transport signs, by its options, and what becomes of a message that it cannot sign."""

from __future__ import annotations

import pytest

from eximsim.mta.miscmods.pdkim.canon import read_content
from eximsim.mta.miscmods.pdkim.verify import Verifier, find_signatures
from eximsim.mta.records.dkim import Signature, Verdict
from eximsim.profiles import profile
from tests.mta.miscmods.rfc8463 import PRIVATE, RECORD
from tests.mta.miscmods.test_pdkim import RSA_PEM
from tests.mta.scenario import NEWEST, Settings, Site

RSA_KEY = RSA_PEM.decode().replace("\n", "\\n")
KEY = f'"{PRIVATE.decode()}"'.replace("\n", "\\n")
SIGNING = {"dkim_domain": "test.ex", "dkim_selector": "sel", "dkim_private_key": KEY}
BODY = "From: a@b.ex\nSubject: s\n\nHello.\n"


def site(settings: Settings, release: str = NEWEST) -> Site:
    """A client that has sent one message, and its server."""
    made = Site(transport={**SIGNING, **settings}, release=release, main={"log_selector": "+dkim_verbose"})
    made.deliver(body=BODY)
    return made


def signatures(made: Site) -> list[Signature]:
    """The signatures of the message that the server got, each verified."""
    (message,) = made.messages
    content = read_content(message.content)
    found, _ = find_signatures(content, profile(NEWEST))
    verifier = Verifier(content, profile(NEWEST), lambda name: RECORD, {})
    for sig in found:
        verifier.check_body(sig)
        verifier.verify(sig)
    return found


def test_a_message_is_signed_and_the_log_says_for_whom() -> None:
    made = site({})
    (sig,) = signatures(made)
    assert sig.verdict is Verdict.PASS
    assert (sig.algorithm, sig.canon_headers, sig.domain) == ("ed25519-sha256", "relaxed", "test.ex")
    assert (sig.headernames or "").startswith("Date:Message-Id:Subject:From:Sender:Reply-To")
    assert any(" DKIM=test.ex:sel " in line for line in made.log)


@pytest.mark.parametrize(
    ("option", "value", "seen"),
    [
        ("dkim_canon", "simple", ("canon_body", "simple")),
        ("dkim_canon", "odd", ("canon_body", "relaxed")),
        ("dkim_domain", "Test.EX : test.ex", ("domain", "test.ex")),
        ("dkim_hash", "sha512", ("hashtype", "sha512")),
        ("dkim_identity", "$dkim_selector@$dkim_domain", ("identity", "sel@test.ex")),
        ("dkim_selector", "other", ("selector", "other")),
        ("dkim_sign_headers", "From:From", ("headernames", "From:From")),
        ("dkim_timestamps", "0", ("expires", 0)),
    ],
)
def test_the_options_say_how(option: str, value: str, seen: tuple[str, object]) -> None:
    (sig,) = signatures(site({option: value}))
    assert sig.verdict is Verdict.PASS
    assert getattr(sig, seen[0]) == seen[1]


def test_a_signature_has_times_if_they_are_wanted() -> None:
    (sig,) = signatures(site({"dkim_timestamps": "1h"}))
    assert sig.expires - sig.created == 1
    (sig,) = signatures(site({}))
    assert (sig.created, sig.expires) == (0, 0)


def test_each_domain_signs_with_each_selector() -> None:
    made = site({"dkim_domain": "a.ex : b.ex", "dkim_selector": "1:2"})
    assert [(sig.domain, sig.selector) for sig in signatures(made)] == [
        *(("a.ex", "1"), ("a.ex", "2"), ("b.ex", "1"), ("b.ex", "2")),
    ]
    assert any(" DKIM=a.ex:1:a.ex:2:b.ex:1:b.ex:2 " in line for line in made.log)


@pytest.mark.parametrize("key", ["0", "false", "${if eq{a}{b}{x}}"])
def test_without_a_key_it_goes_without_even_if_that_is_strict(key: str) -> None:
    made = site({"dkim_private_key": key, "dkim_strict": "true"})
    assert signatures(made) == []
    assert not any("DKIM" in line for line in made.log)


_NO_FILE = "unable to open file '/no/such' for reading: No such file or directory"
_REFUSED = "DKIM: message could not be signed, and dkim_strict is set. Deferring message delivery."


def test_a_message_that_cannot_be_signed_goes_without() -> None:
    made = site({"dkim_private_key": "/no/such"})
    assert signatures(made) == []
    assert made.panic_log == [_NO_FILE]
    older = site({"dkim_private_key": "/no/such"}, "4.98")
    assert older.panic_log == ["unable to open file for reading: /no/such"]


@pytest.mark.parametrize(
    ("release", "words"), [("4.95", "send()"), ("4.96", "smtp send"), (NEWEST, "smtp send")]
)
def test_a_strict_transport_defers_what_it_cannot_sign(release: str, words: str) -> None:
    made = site({"dkim_domain": "${bogus}", "dkim_strict": "1"}, release)
    assert made.messages == []
    why = 'failed to expand dkim_domain: unknown variable in "${bogus}"'
    assert made.panic_log == [why]
    assert _REFUSED in made.log
    told = f"{words} to mx1.test.ex [10.9.1.1] failed: {why}"
    assert f"H=mx1.test.ex [10.9.1.1]: {told}: Permission denied" in made.log


@pytest.mark.parametrize(("release", "refused"), [("4.93", False), ("4.94.1", True), (NEWEST, True)])
def test_a_key_whose_name_comes_from_outside_is_not_opened(release: str, refused: bool) -> None:
    made = site({"dkim_domain": "$sender_address_domain", "dkim_private_key": "/keys/$dkim_domain"}, release)
    name = "/keys/myhost.test.ex"
    assert (f"Tainted filename '{name}'" in " ".join(made.log)) is refused
    told = f"unable to open file '{name}' for reading: " if release == NEWEST else f"for reading: {name}"
    assert told in " ".join(made.log)


def test_a_hash_that_exim_does_not_know_signs_nothing() -> None:
    made = site({"dkim_hash": "md5"})
    assert signatures(made) == []
    assert made.panic_log == ["DKIM: unrecognised hashname 'md5'"]


def test_a_text_that_is_no_key_signs_nothing() -> None:
    made = site({"dkim_private_key": "none"})
    assert signatures(made) == []
    assert made.panic_log[1:] == ["DKIM: signing failed: PRIVKEY"]


def test_a_set_of_arc_stands_before_the_signatures() -> None:
    made = Site(transport={**SIGNING, "arc_sign": f'"test.ex : sel : {RSA_KEY}"'}, release=NEWEST)
    made.deliver(body=f"Authentication-Results: test.ex; none\n{BODY}")
    (message,) = made.messages
    names = [line.partition(b":")[0] for line in read_content(message.content).headers]
    assert names[:4] == [
        *(b"ARC-Seal", b"ARC-Authentication-Results", b"ARC-Message-Signature", b"DKIM-Signature"),
    ]
    assert signatures(made)[0].verdict is Verdict.PASS


def test_arc_sign_that_is_empty_or_fails_on_purpose_adds_nothing() -> None:
    for value in ("${if eq{a}{b}{x}}", "${if eq{a}{b}{x}fail}"):
        names = [line[:4] for line in read_content(site({"arc_sign": value}).messages[0].content).headers]
        assert b"ARC-" not in names
