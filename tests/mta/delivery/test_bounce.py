from __future__ import annotations

import email
from email.message import Message

from eximsim.world.smtp_behaviour import Behaviour, reply
from eximsim.world.smtp_content import Received
from tests.mta.scenario import SENDER, Mx, Site

HOME = {"name": "myhost.test.ex", "type": "MX", "ad": True, "data": [[10, "mx2.test.ex"]]}
REFUSES_A = Mx(Behaviour(extensions=(), recipients=(("a@test.ex", reply("550 no such user")),)))


def bounced(*recipients: str, server: Mx = REFUSES_A, body: str = "Subject: hello\n\nOriginal.\n") -> Site:
    """A message whose sender's mail is taken by mx2."""
    site = Site([server, Mx(Behaviour(extensions=()))], zone=[HOME])
    site.deliver(*recipients, body=body)
    return site


def bounce(site: Site) -> Received:
    (found,) = (message for message in site.messages if message.sender == "")
    return found


def parts(site: Site) -> list[Message]:
    report = email.message_from_bytes(bounce(site).content)
    assert report.get_content_type() == "multipart/report"
    payload = report.get_payload()
    return [part for part in payload if isinstance(part, Message)]


def test_the_boundary_of_a_report_is_what_nobody_has_seeded() -> None:
    report = email.message_from_bytes(bounce(bounced("a@test.ex")).content)
    assert str(report.get_boundary()).endswith("-eximdsn-1804289383")


def test_the_sender_is_told_about_a_failed_recipient() -> None:
    site = bounced("a@test.ex")
    assert bounce(site).recipients == (SENDER,)
    report = email.message_from_bytes(bounce(site).content)
    assert report["X-Failed-Recipients"] == "a@test.ex"
    assert report["To"] == SENDER
    assert report["Auto-Submitted"] == "auto-replied"


def test_the_report_says_what_for_whom_and_about_which_message() -> None:
    text, status, original = parts(bounced("a@test.ex"))
    assert "550 no such user" in str(text.get_payload())
    assert status.get_content_type() == "message/delivery-status"
    assert "Final-Recipient: rfc822;a@test.ex" in status.as_string()
    assert "Remote-MTA: dns; mx1.test.ex" in status.as_string()
    assert "Subject: hello" in original.as_string()
    assert "Original." in original.as_string()


def test_all_failures_of_a_delivery_are_in_one_report() -> None:
    refuses_all = Mx(Behaviour(extensions=(), rcpt=reply("550 no")))
    site = bounced("a@test.ex", "b@test.ex", server=refuses_all)
    report = email.message_from_bytes(bounce(site).content)
    named = report["X-Failed-Recipients"].split(",")
    assert sorted(name.strip() for name in named) == ["a@test.ex", "b@test.ex"]


def test_the_log_links_the_report_to_its_message() -> None:
    site = bounced("a@test.ex", "b@test.ex")
    arrivals = [line for line in site.machine.files["/spool/log/mainlog"] if " <= " in line]
    message_id = arrivals[0].split()[2]
    assert f" <= <> R={message_id} U=exim P=local " in arrivals[1]
    assert len(arrivals) == 2


def test_other_recipients_get_the_message() -> None:
    site = bounced("a@test.ex", "b@test.ex")
    assert ("b@test.ex",) in [message.recipients for message in site.messages]
    assert site.machine.spool.messages == {}


def test_nobody_is_told_about_a_report_that_fails() -> None:
    site = Site([Mx(Behaviour(extensions=(), rcpt=reply("550 no")))])
    site.exim("-odf", "-f", "<>", "a@test.ex")
    assert site.messages == []
    assert not any(" R=" in line and line.startswith("<=") for line in site.log)


def test_errors_to_sends_the_report_elsewhere_or_nowhere() -> None:
    elsewhere = Site([REFUSES_A], router={"errors_to": "c@test.ex"})
    elsewhere.deliver("a@test.ex")
    assert [message.recipients for message in elsewhere.messages] == [("c@test.ex",)]
    nowhere = Site([REFUSES_A], router={"errors_to": '""'})
    log = nowhere.deliver("a@test.ex")
    assert log[-2:] == ["a@test.ex: error ignored", "Completed"]


def test_errors_to_nobody_is_forgotten_where_routing_is_copied_and_the_report_is_to_nobody() -> None:
    refuses_all = Mx(Behaviour(extensions=(), rcpt=reply("550 no")))
    site = Site([refuses_all], router={"errors_to": '""', "same_domain_copy_routing": "true"})
    log = site.deliver("a@test.ex", "b@test.ex")
    assert "b@test.ex: error ignored" in log or "a@test.ex: error ignored" in log
    assert sum("no usable sender address" in line for line in log) == 1
    assert log[-1] == "Process failed (2) when writing error message to  (frozen)"


def test_the_sender_is_told_what_the_server_said_to_the_whole_message() -> None:
    site = bounced("a@test.ex", server=Mx(Behaviour(mail=reply("550 go away"))))
    first_part = bounce(site).content.partition(b"message/delivery-status")[0]
    assert b"SMTP error from remote mail server after MAIL FROM:" in first_part
    assert b"    550 go away\r\n" in first_part
