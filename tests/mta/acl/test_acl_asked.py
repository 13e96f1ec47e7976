"""ACL conditions that scanners, block lists and the like answer: what each answer makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from eximsim.errors import Unanswered
from eximsim.mta.acl.acl import Where, acl_check
from eximsim.mta.expand.expand import expand
from eximsim.mta.process.reception import Reception
from eximsim.mta.records.spool import Header
from eximsim.ports import Told
from eximsim.status import Rc
from eximsim.world.answers import Answers
from tests.mta.front import CONF, MAIN, Front

HEADER = Header("F", "From: a@h.ex\n")
SAID = {
    "malware": {"clamd:/s": Told("Eicar"), "clamd:/gone": Told(deferred=True, error="clamd /gone : no")},
    "spam": {
        "good": Told("0.5/5"),
        "rspamd": Told("7.5/15 add header"),
        "bad": Told("7.25"),
        "ham": Told("-2.6"),
        "worst": Told("999"),
        "none": Told(),
        "gone": Told(deferred=True),
        "refused": Told(deferred=True, error="failed to connect to any address for 127.0.0.1"),
    },
    "dnslists": {"a.ex": Told(), "b.ex": Told("127.0.0.2 see b.ex"), "c.ex": Told(deferred=True)},
    "ratelimit": {"5 / 1h / strict": Told("6.5"), "9 / 1h": Told()},
    "spf": {"192.0.2.9 s@b.ex": Told("softfail")},
    "dmarc_status": {"h.ex": Told("reject")},
}


def reception(acl: str, scanner: str = "/s", said: Mapping[str, Mapping[str, Told]] = SAID) -> Reception:
    """A session from 192.0.2.9 of s@b.ex, in which the ACL ``check`` can be run."""
    front = Front(f"av_scanner = clamd:{scanner}", f"check:\n  accept {acl}\n")
    front.world.host = replace(front.world.host, answers=Answers(said))
    process = front.process()
    process.variables["sender_host_address"] = "192.0.2.9"
    made = Reception(process, smtp=True)
    made.envelope.sender = "s@b.ex"
    return made


def logged(made: Reception) -> list[str]:
    (log,) = (lines for path, lines in made.process.machine.files.items() if path.endswith(MAIN))
    return [line for line in log if line]


@pytest.mark.parametrize(
    ("acl", "rc", "variable", "value"),
    [
        ("malware = *", Rc.OK, "malware_name", "Eicar"),
        ("malware = ^Eic", Rc.OK, "malware_name", "Eicar"),
        ("malware = ^Zeus", Rc.FAIL, "malware_name", "Eicar"),
        ("malware = false", Rc.FAIL, "malware_name", None),
        ("spam = good", Rc.FAIL, "spam_score", "0.5"),
        ("spam = good:true", Rc.OK, "spam_score_int", "5"),
        ("spam = rspamd", Rc.FAIL, "spam_action", "add header"),
        ("spam = bad", Rc.OK, "spam_action", "reject"),
        ("spam = bad", Rc.OK, "spam_bar", "+++++++"),
        ("spam = ham", Rc.FAIL, "spam_score_int", "-25"),
        ("spam = ham", Rc.FAIL, "spam_bar", "--"),
        ("spam = worst", Rc.OK, "spam_bar", 51 * "+"),
        ("spam = none", Rc.FAIL, "spam_bar", "/"),
        ("spam = gone", Rc.DEFER, "spam_score", None),
        ("spam = gone/defer_ok", Rc.FAIL, "spam_score", None),
        ("dnslists = a.ex", Rc.FAIL, "dnslist_domain", None),
        ("dnslists = a.ex : b.ex", Rc.OK, "dnslist_domain", "b.ex"),
        ("dnslists = a.ex : b.ex", Rc.OK, "dnslist_value", "127.0.0.2"),
        ("dnslists = a.ex : b.ex", Rc.OK, "dnslist_text", "see b.ex"),
        ("dnslists = c.ex : a.ex", Rc.FAIL, "dnslist_domain", None),
        ("dnslists = +defer_unknown : c.ex", Rc.DEFER, "dnslist_domain", None),
        ("dnslists = +include_unknown : c.ex", Rc.OK, "dnslist_domain", None),
        ("ratelimit = 5 / 1h / strict", Rc.OK, "sender_rate", "6.5"),
        ("ratelimit = 9 / 1h", Rc.FAIL, "sender_rate_limit", "9"),
        ("spf = fail : softfail", Rc.OK, "spf_result", "softfail"),
        ("spf = ! softfail", Rc.FAIL, "spf_result", "softfail"),
        ("dmarc_status = reject", Rc.OK, "dmarc_status", "reject"),
    ],
)
def test_an_answer_decides(acl: str, rc: Rc, variable: str, value: str | None) -> None:
    made = reception(acl)
    made.process.header_list = [HEADER]
    where = Where.MAIL if acl.startswith("spf") else Where.DATA
    assert acl_check(made, where, None, "check").rc is rc
    assert made.process.variables.get(variable) == value


@pytest.mark.parametrize(
    ("acl", "question"),
    [
        ("dnslists = d.ex", "dnslists:d.ex"),
        ("ratelimit = 1 / 1m", "ratelimit:1 / 1m"),
        ("spam = someone/defer_ok", "spam:someone"),
    ],
)
def test_without_an_answer_the_condition_is_named_by_its_line(acl: str, question: str) -> None:
    with pytest.raises(Unanswered) as problem:
        acl_check(reception(acl), Where.DATA, None, "check")
    assert problem.value.item == question
    assert problem.value.path == CONF
    assert problem.value.line


@pytest.mark.parametrize(
    ("user", "said"), [("gone", []), ("refused", ["failed to connect to any address for 127.0.0.1"])]
)
def test_spamd_that_does_not_answer_is_logged(user: str, said: list[str]) -> None:
    made = reception(f"spam = {user}/defer_ok")
    acl_check(made, Where.DATA, None, "check")
    lines = [line.partition("spam acl condition: ")[2] for line in logged(made)]
    assert lines == [*(f"spamd: {text}" for text in said), "all spamd servers failed"]


def test_a_scanner_that_does_not_answer_is_logged() -> None:
    made = reception("malware = *", "/gone")
    result = acl_check(made, Where.DATA, None, "check")
    assert (result.rc, result.log_message) == (Rc.DEFER, None)
    assert logged(made)[-1].endswith("malware acl condition: clamd /gone : no")


@pytest.mark.parametrize(
    ("sender", "result", "comment", "why"),
    [
        ("s@b.ex", "pass", "domain of b.ex designates 192.0.2.9 as permitted sender", False),
        ("s@b.ex", "fail", "domain of b.ex does not designate 192.0.2.9 as permitted sender", True),
        (
            "s@b.ex",
            "softfail",
            "transitioning domain of b.ex does not designate 192.0.2.9 as permitted sender",
            True,
        ),
        ("s@b.ex", "neutral", "192.0.2.9 is neither permitted nor denied by domain of b.ex", True),
        ("s@b.ex", "none", "domain of b.ex does not provide an SPF record", False),
        ("", "pass", "domain of c.ex designates 192.0.2.9 as permitted sender", False),
    ],
)
def test_what_is_said_of_an_spf_result_comes_from_it(
    sender: str, result: str, comment: str, why: bool
) -> None:
    made = reception("spf = none : *", said={"spf": {"*": Told(result)}})
    process = made.process
    made.envelope.sender, process.variables["sender_helo_name"] = sender, "c.ex"
    before = [expand(process, f"${name}") for name in ("spf_received", "spf_result_guessed", "spam_report")]
    acl_check(made, Where.MAIL, None, "check")
    host = expand(process, "$primary_hostname")
    explained = "Please see http://www.open-spf.org/Why : Reason: mechanism" if why else ""
    assert before == ["", "no", ""]
    assert expand(process, "$spf_header_comment") == f"{host}: {comment}"
    assert expand(process, "$spf_smtp_comment") == explained
    assert expand(process, "$spf_received") == (
        f"Received-SPF: {result} ({host}: {comment}) client-ip=192.0.2.9;"
        f" envelope-from={sender or 'postmaster@c.ex'}; helo=c.ex;"
    )


@pytest.mark.parametrize(("release", "named"), [("4.94.1", "mailfrom=<>"), ("4.95", "helo=c.ex")])
def test_authentication_results_have_what_spf_said(release: str, named: str) -> None:
    process = Front(release=release).process()
    process.variables.update(spf_result="pass", spf_result_guessed="no", sender_helo_name="c.ex")
    assert (
        expand(process, "${authresults{h.ex}}") == f"Authentication-Results: h.ex;\n\tspf=pass smtp.{named}"
    )


def test_a_report_is_asked_for_once_there_is_a_score() -> None:
    made = reception("spam = good:true")
    acl_check(made, Where.DATA, None, "check")
    with pytest.raises(Unanswered):
        expand(made.process, "$spam_report")
