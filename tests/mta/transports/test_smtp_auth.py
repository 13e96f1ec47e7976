"""A client that authenticates itself."""

from __future__ import annotations

import base64
import hmac

import pytest

from eximsim.errors import InputError
from eximsim.world.smtp_behaviour import Behaviour, Then, reply
from tests.mta.scenario import NEWEST, Mx, Site

PLAIN = "p:\n driver = plaintext\n public_name = PLAIN\n client_send = ^user^secret\n"
LOGIN = "l:\n driver = plaintext\n public_name = LOGIN\n client_send = : user : secret\n"
CRAM = "c:\n driver = cram_md5\n public_name = CRAM-MD5\n client_name = user\n client_secret = secret\n"
EXTERNAL = "e:\n driver = external\n public_name = EXTERNAL\n client_send = me@test.ex\n"
TRY, REQUIRE = {"hosts_try_auth": "*"}, {"hosts_require_auth": "*"}
PROMPT = "334 " + base64.b64encode(b"<1.2@mx>").decode()


def server(*auth: str, mechanisms: str = "PLAIN LOGIN CRAM-MD5 EXTERNAL", **more: object) -> Mx:
    extensions = ("HELP", *(("STARTTLS",) if "starttls" in more else ()), f"AUTH {mechanisms}")
    return Mx(Behaviour(extensions=extensions, auth=tuple(map(reply, auth)), **more))  # type: ignore[arg-type]


def delivered(*servers: Mx, auths: str, release: str = NEWEST, **transport: str) -> Site:
    site = Site(servers, release, transport=transport, authenticators=auths)
    site.deliver()
    return site


def said(site: Site) -> list[str]:
    """What the first server heard between EHLO and MAIL, decoded as far as it is base 64."""
    (session, *_) = (accepted.session for accepted in site.world.accepted)
    return list(session.log.authentication)  # type: ignore[attr-defined]


def test_plain_sends_all_with_the_command() -> None:
    site = delivered(server("235 ok"), auths=PLAIN, **TRY)
    assert said(site) == ["AUTH PLAIN " + base64.b64encode(b"\0user\0secret").decode()]
    assert " A=p C=" in site.log[-2]


def test_login_answers_each_prompt() -> None:
    site = delivered(server("334 VXNlcg==", "334 UGFzcw==", "235 ok"), auths=LOGIN, **TRY)
    assert said(site) == ["AUTH LOGIN", "dXNlcg==", "c2VjcmV0"]


def test_cram_md5_answers_the_challenge_with_a_digest() -> None:
    site = delivered(server(PROMPT, "235 ok"), auths=CRAM, **TRY)
    digest = hmac.new(b"secret", b"<1.2@mx>", "md5").hexdigest()
    assert said(site) == ["AUTH CRAM-MD5", base64.b64encode(f"user {digest}".encode()).decode()]
    assert " A=c C=" in site.log[-2]


@pytest.mark.parametrize("release", ["4.89", "4.92"])
def test_external_is_not_known_before_4_93(release: str) -> None:
    with pytest.raises(InputError, match='cannot find authenticator driver "external"'):
        Site(release=release, authenticators=EXTERNAL).process()
    assert Site(release="4.93", authenticators=EXTERNAL).process()


def test_external_sends_one_item() -> None:
    site = delivered(server("235 ok"), auths=EXTERNAL, **REQUIRE)
    assert said(site) == ["AUTH EXTERNAL " + base64.b64encode(b"me@test.ex").decode()]


def test_the_first_authenticator_that_the_server_offers_is_used() -> None:
    site = delivered(server("235 ok", mechanisms="LOGIN PLAIN"), auths=CRAM + PLAIN + LOGIN, **TRY)
    assert said(site)[0].startswith("AUTH PLAIN ")


def test_a_refusal_is_logged_and_the_next_mechanism_tried() -> None:
    site = delivered(server("535 no"), auths=PLAIN + EXTERNAL, **TRY)
    assert site.log[1:3] == [
        f"{name} authenticator failed H=mx1.test.ex [10.9.1.1] 535 no" for name in ("p", "e")
    ]
    assert site.outcome.startswith("sent to mx1")


def test_without_the_authentication_that_is_required_the_next_host_is_tried() -> None:
    site = delivered(server("535 no"), server("235 ok"), auths=PLAIN, **REQUIRE)
    assert site.outcome.startswith("sent to mx2")


def test_all_hosts_refuse_what_is_required() -> None:
    site = delivered(server("535 no"), auths=PLAIN, **REQUIRE)
    assert site.outcome == "DEFER -42: authentication required but authentication attempt(s) failed"


def test_a_temporary_refusal_rules_the_host_out_and_hides_what_was_sent() -> None:
    site = delivered(server("454 later"), auths=PLAIN, **TRY)
    secret = "*" * len(base64.b64encode(b"\0user\0secret"))
    error = f"SMTP error from remote mail server after AUTH PLAIN {secret}: 454 later"
    assert site.outcome == f"DEFER 0: {error}"


def test_lines_after_the_command_are_hidden_whole() -> None:
    site = delivered(server("334 VXNlcg==", "421 bye"), auths=LOGIN, **TRY)
    assert site.outcome.endswith(f"after {'*' * 8}: 421 bye")


def test_a_condition_that_does_not_hold_leaves_an_authenticator_out() -> None:
    conditional = PLAIN + " client_condition = ${if eq{$host}{other.test.ex}}\n"
    site = delivered(server("235 ok"), auths=conditional, **REQUIRE)
    assert site.outcome == "DEFER -42: authentication required but no common mechanisms were found"


def test_a_secret_that_cannot_be_expanded_stops_at_the_first_host() -> None:
    broken = "p:\n driver = plaintext\n public_name = PLAIN\n client_send = ${lookup{x}\n"
    site = delivered(server("235 ok"), server("235 ok"), auths=broken, **TRY)
    assert site.outcome.startswith('DEFER -48: expansion of "${lookup{x}" failed in p authenticator: ')
    assert site.called == ["mx1"]


def test_an_expansion_that_is_made_to_fail_gives_up_without_a_word() -> None:
    none = "p:\n driver = plaintext\n public_name = PLAIN\n client_send = ${if eq{a}{b}{x}fail}\n"
    site = delivered(server("235 ok"), auths=none, **TRY)
    assert site.outcome.startswith("sent")
    assert said(site) == []


def test_a_prompt_for_which_there_is_no_item_is_an_error_of_the_host() -> None:
    site = delivered(server("334 eA==", "334 eQ=="), auths=LOGIN.replace(": user : secret", "user"), **TRY)
    assert site.outcome.endswith("334 eA==")
    assert said(site)[-1] != "*"


@pytest.mark.parametrize("auths", [PLAIN, LOGIN])
def test_a_bare_code_leaves_what_the_server_said_before_to_be_decoded(auths: str) -> None:
    site = delivered(server("334", "235 ok"), auths=auths, **TRY)
    assert 'Invalid base64 string in server response "334"' in "".join(site.log)
    assert said(site)[-1] == "*"


def test_a_prompt_that_is_no_base_64_ends_the_attempt_unless_it_is_to_be_ignored() -> None:
    site = delivered(server("334 %", "235 ok"), auths=LOGIN, **TRY)
    why = 'Invalid base64 string in server response "334 %"'
    assert f"l authenticator cancelled authentication H=mx1.test.ex [10.9.1.1] {why}" in site.log
    ignored = LOGIN + " client_ignore_invalid_base64\n"
    assert "A=l" in delivered(server("334 %", "334 %", "235 ok"), auths=ignored, **TRY).log[-2]


def test_the_sender_that_was_authenticated_is_told_to_the_server() -> None:
    settings = {"authenticated_sender": "me+you@test.ex"}
    site = delivered(server("235 ok"), auths=PLAIN, **TRY, **settings)
    assert "MAIL FROM:<s@myhost.test.ex> AUTH=me+2Byou@test.ex" in site.events
    refused = delivered(server("535 no"), auths=PLAIN, **TRY, **settings)
    assert "MAIL FROM:<s@myhost.test.ex>" in refused.events
    forced = delivered(Mx(), auths=PLAIN, authenticated_sender_force="true", **settings)
    assert "MAIL FROM:<s@myhost.test.ex> AUTH=me+2Byou@test.ex" in forced.events


def test_the_log_names_who_was_authenticated() -> None:
    named = PLAIN + " client_set_id = user\n"
    site = Site(
        (server("235 ok"),), NEWEST, transport={**TRY, "authenticated_sender": "me@test.ex"},
        authenticators=named, main={"log_selector": "+smtp_mailauth"},
    )  # fmt: skip
    site.deliver()
    assert " A=p:user:me@test.ex " in site.log[-2]


@pytest.mark.parametrize("release", ["4.89", "4.92", NEWEST])
def test_a_connection_that_closes_after_auth_defers(release: str) -> None:
    behaviour = Behaviour(extensions=("AUTH PLAIN",), auth=(reply(then=Then.CLOSE),))
    site = delivered(Mx(behaviour), auths=PLAIN, release=release, **TRY)
    assert site.outcome.startswith("DEFER -18: Remote host closed connection in response to AUTH PLAIN ***")


def test_on_a_call_that_goes_on_the_server_still_knows_who_calls() -> None:
    options = {**TRY, "authenticated_sender": "me@test.ex"}
    site = Site([server("454 later", mail=reply("450 later"))], transport=options, authenticators=PLAIN)
    site.deliver("a@test.ex")
    site.deliver("b@test.ex")
    site.replace_server(1, server("235 ok").behaviour)
    site.queue_run("-qf")
    *_, (_, heard) = site.calls
    said = [line for line in heard if line.startswith("MAIL")]
    assert said == ["MAIL FROM:<s@myhost.test.ex> AUTH=me@test.ex"] * 2


def test_a_refused_starttls_leaves_what_ehlo_was_answered_where_a_bare_code_comes() -> None:
    refusing = server("334", mechanisms="CRAM-MD5", starttls=reply("454 bm9uZQ=="))
    site = delivered(refusing, auths=CRAM, **TRY)
    assert site.log[-1].endswith("bad base 64 string in challenge:  CRAM-MD5")


@pytest.mark.parametrize(("release", "sent"), [("4.87", False), ("4.88", True), (NEWEST, True)])
def test_after_helo_nobody_looks_at_what_hosts_require_auth_wants(release: str, sent: bool) -> None:
    site = delivered(server("535 no", ehlo=reply("421 not now")), auths=PLAIN, release=release, **REQUIRE)
    assert ("message accepted" in site.events) is sent


def test_after_helo_what_an_earlier_host_has_let_in_still_counts() -> None:
    first, second = server("235 ok", mail=reply("450 later")), server("535 no", ehlo=reply("502 what"))
    site = delivered(first, second, auths=PLAIN, authenticated_sender="me@test.ex", **TRY)
    assert [event for event in site.events if "MAIL" in event][-1].endswith(" AUTH=me@test.ex")
    assert " A=p C=" in site.log[-2]
