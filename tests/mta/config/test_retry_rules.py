from __future__ import annotations

import pytest

from eximsim.mta.config.retry_rules import RetryStep
from eximsim.status import RTEF_CTOUT, Errno
from tests.mta.configurations import fault, read


def test_a_retry_rule_has_steps() -> None:
    rule = read("begin retry\n*  *  F,2h,15m; G,16h,1h,1.5;h,4d,6h,2\n").retries[0]
    assert (rule.pattern, rule.basic_errno, rule.more_errno, rule.senders, rule.line) == ("*", 0, 0, None, 2)
    assert rule.rules == (
        RetryStep("F", 7200, 900),
        RetryStep("G", 57600, 3600, 1500),
        RetryStep("H", 345600, 21600, 2000),
    )


def test_a_retry_rule_may_have_senders_and_no_steps() -> None:
    rule = read('begin retry\n"a b" quota senders="x : y"\n').retries[0]
    assert (rule.pattern, rule.senders, rule.rules) == ("a b", "x : y", ())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("quota", (Errno.EXIMQUOTA, 0)),
        ("quota_7d", (Errno.EXIMQUOTA, 604800)),
        ("refused", (111, 0)),
        ("refused_MX", (111, ord("M"))),
        ("refused_A", (111, ord("A"))),
        ("timeout", (110, 0)),
        ("timeout_A", (110, ord("A"))),
        ("timeout_connect", (110, RTEF_CTOUT)),
        ("timeout_connect_MX", (110, RTEF_CTOUT | ord("M"))),
        ("mail_4xx", (Errno.MAIL4XX, 255 << 8)),
        ("rcpt_45x", (Errno.RCPT4XX, 150 << 8)),
        ("data_451", (Errno.DATA4XX, 51 << 8)),
        ("auth_failed", (Errno.AUTHFAIL, 0)),
        ("lost_connection", (Errno.SMTPCLOSED, 0)),
        ("tls_required", (Errno.TLSREQUIRED, 0)),
        ("lookup", (Errno.UNKNOWNHOST, 0)),
    ],
)
def test_retry_errors_are_exims_numbers(name: str, expected: tuple[int, int]) -> None:
    rule = read(f"begin retry\n* {name} F,1h,1m\n").retries[0]
    assert (rule.basic_errno, rule.more_errno) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("*", "missing error type"),
        ("* weather", 'unknown or malformed retry error "weather"'),
        ("* quota_x", "bad time value"),
        ("* refused_B", "A or MX expected"),
        ("* timeout_x", '"connect" expected after "timeout"'),
        ("* rcpt_4y", "must be followed by xx, dx, or dd"),
        ("* * senders x", '"=" expected after "senders"'),
        ("* * X,1h,1m", "unknown retry rule letter"),
        ("* * F 1h", "comma expected"),
        ("* * F,1h-1m", "comma or semicolon expected"),
        ("* * F,1h,1m G", "semicolon expected"),
        ("* * F,0s,1m", "bad parameters"),
        ("* * G,1h,1m,0.5", "bad parameters"),
    ],
)
def test_what_exim_refuses_in_a_retry_rule_is_refused(rule: str, expected: str) -> None:
    message = fault(f"begin retry\n{rule}\n")
    assert message.startswith("/conf/main:2: ")
    assert expected in message
