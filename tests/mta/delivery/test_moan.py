"""Reports to a sender whose message is not taken in."""

from __future__ import annotations

from tests.mta.scenario import NEWEST, Mx, Site

BAD = "a@_bad-."


def refused(*arguments: str, sender: str = "s@test.ex", **main: str) -> tuple[Site, int]:
    site = Site([Mx()], NEWEST, main=main)
    status = site.exim("-f", sender, *arguments, stdin="Subject: x\n\nbody\n")
    return site, status.code


def test_a_bad_recipient_is_reported_to_the_sender() -> None:
    site, code = refused(BAD, "b@test.ex")
    assert code == 1
    (report,) = site.messages
    assert report.recipients == ("s@test.ex",)
    assert b"Subject: Mail failure - malformed recipient address\r\n" in report.content
    assert report.content.endswith(b"Subject: x\r\n\r\nbody\r\n")


def test_a_report_is_no_failure_if_the_caller_says_so() -> None:
    assert refused("-oee", BAD)[1] == 0


def test_without_a_sender_the_mistake_is_only_logged() -> None:
    site, code = refused(BAD, sender="<>")
    assert (code, site.messages) == (1, [])
    problem = "Error while reading message with no usable sender address"
    assert site.log[0].startswith(f"{problem}: at least one malformed recipient address: {BAD} - ")


def test_on_stderr_if_the_caller_says_so() -> None:
    site = Site([Mx()], NEWEST)
    status = site.exim("-f", "s@test.ex", "-oep", BAD)
    assert status.stderr.startswith(f'exim: bad recipient address "{BAD}": ')
    assert site.messages == []


def test_what_an_acl_refuses_is_reported_to_the_sender() -> None:
    site, code = refused("b@test.ex", acl_not_smtp="${if eq{$sender_address}{}{accept}{deny}}")
    assert code == 1
    report = site.messages[-1].content
    assert b"Subject: Mail failure - rejected by local scanning code\r\n" in report
    assert b"\r\nReferences: <E" in report
    assert b" ------\r\n\r\nReceived: from " in report
