"""The message's own log, and what else a delivery leaves in the logs."""

from __future__ import annotations

import re

import pytest

from eximsim.errors import Unsupported
from eximsim.world.smtp_behaviour import Behaviour, reply
from tests.mta.scenario import NEWEST, Mx, Site


def msglog(site: Site) -> list[str]:
    """The lines of the message that is on the queue, without times."""
    (message,) = site.machine.spool.messages.values()
    return [re.sub(r"^\d\S+ \S+ ", "", line.rstrip("\n")) for line in message.msglog]


def test_refusals_and_deferrals_are_noted_with_the_message() -> None:
    answers = (("a@test.ex", reply("450 later")), ("b@test.ex", reply("250 OK")))
    site = Site([Mx(Behaviour(recipients=answers))], NEWEST)
    site.deliver("a@test.ex", "b@test.ex")
    refusal = "SMTP error from remote mail server after RCPT TO:<a@test.ex>: 450 later"
    assert msglog(site)[1:] == [
        f"H=mx1.test.ex [10.9.1.1] {refusal}",
        f"a@test.ex R=r T=smtp defer (-44) H=mx1.test.ex [10.9.1.1]: {refusal}",
        "b@test.ex: smtp transport succeeded",
    ]


def test_an_error_of_the_message_is_noted_for_the_host() -> None:
    site = Site([Mx(Behaviour(end_of_data=reply("450 not now")))], NEWEST)
    site.deliver()
    error = "SMTP error from remote mail server after end of data: 450 not now"
    assert msglog(site)[1] == f"H=mx1.test.ex [10.9.1.1]: {error}"


def test_a_retry_time_that_has_not_come_is_noted_at_the_first_attempt_only() -> None:
    site = Site([Mx(Behaviour(listen=False))], NEWEST)
    site.deliver()
    before = msglog(site)
    site.queue_run()
    assert msglog(site) == before


def test_no_log_is_kept_with_the_message_if_it_is_not_wanted() -> None:
    site = Site([Mx(Behaviour(listen=False))], NEWEST, main={"message_logs": "false"})
    site.deliver()
    assert len(msglog(site)) <= 1


def test_nothing_is_delivered_with_the_option_that_says_so() -> None:
    site = Site([Mx()], NEWEST)
    shown = site.exim("-N", "-odf", "-f", "s@test.ex", "a@test.ex").stderr.splitlines()
    assert site.messages == []
    assert [line.split()[0] for line in shown if not line.startswith("  ")][:3] == [
        "LOG:",
        "delivering",
        "LOG:",
    ]


def test_a_queue_run_names_itself_with_v() -> None:
    site = Site([Mx()], NEWEST)
    site.exim("-odq", "-f", "s@test.ex", "a@test.ex")
    shown = site.exim("-N", "-q").stderr
    (pid,) = re.findall(r"Start queue run: pid=(\d+)", shown)
    assert re.search(rf"^delivering \S+ \(queue run pid {pid}\)$", shown, re.MULTILINE)


def watched(site: Site, *recipients: str) -> list[str]:
    shown = site.exim("-v", "-odf", "-f", "s@test.ex", *(recipients or ("a@test.ex",))).stderr
    return [line.strip() for line in shown.splitlines()]


def test_the_dialogue_of_a_delivery_is_shown_with_v() -> None:
    lines = watched(Site([Mx(Behaviour(extensions=()))], NEWEST))
    start = lines.index("SMTP>> (writing message)")
    assert [line for line in lines[start + 1 :] if not line.startswith("SMTP<<")][:5] == [
        "SMTP>> .",
        "SMTP+> QUIT",
        "SMTP(shutdown)>>",
        "SMTP(close)>>",
        "cmdlog: '220:EHLO:250:MAIL:250:RCPT:250:DATA:354:.:250:QUIT+:221'",
    ]


def test_a_quit_that_goes_out_with_the_message_is_shown_before_the_replies() -> None:
    lines = watched(Site([Mx(Behaviour(extensions=("PIPELINING",)))], NEWEST))
    start = lines.index("SMTP+> .")
    assert lines[start + 1 : start + 3] == ["SMTP+> QUIT", "SMTP(shutdown)>>"]
    assert [line[:10] for line in lines[start + 3 : start + 6]] == ["SMTP<< 250", "SMTP<< 221", "SMTP(close"]
    assert "SMTP|> MAIL FROM:<s@test.ex>" in lines


def test_a_host_that_refuses_the_call_is_shown_with_v() -> None:
    lines = watched(Site([Mx(Behaviour(listen=False))], NEWEST))
    assert lines[lines.index("sock_connect failed: Connection refused") + 1] == "cmdlog: (unset)"


def test_what_older_releases_show_of_a_delivery_with_v_is_not_modelled() -> None:
    with pytest.raises(Unsupported, match="option -v of a delivery before"):
        watched(Site([Mx()], "4.98"))


def test_the_log_names_the_transport_that_is_bypassed() -> None:
    site = Site([Mx()], NEWEST)
    site.exim("-N", "-odf", "-f", "s@test.ex", "a@test.ex")
    assert (
        site.log[-2] == '*> a@test.ex R=r T=smtp H=mx1.test.ex [10.9.1.1] C="delivery bypassed by -N option"'
    )


def test_the_log_says_that_commands_were_pipelined_if_that_is_wanted() -> None:
    server = Mx(Behaviour(extensions=("PIPELINING",)))
    for selector, shown in (("+pipelining", True), ("-pipelining", False)):
        site = Site([server], NEWEST, main={"log_selector": selector})
        site.deliver()
        assert (" L C=" in site.log[-2]) is shown
