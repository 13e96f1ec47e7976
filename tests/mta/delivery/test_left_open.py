"""What a connection that was left open leaves behind."""

from __future__ import annotations

from typing import Any

from eximsim.mta.transports.smtp_context import ehlo_limits
from tests.suite.test_scenario_compare import done, scenario

ZONE: list[dict[str, Any]] = [
    {"name": f"{name}.test.ex", "type": "MX", "ad": True, "data": [[10, f"{host}-a.test.ex"]]}
    for name, host in (("one", "h1"), ("two", "h2"), ("three", "h1"))
] + [
    {"name": f"{host}-a.test.ex", "type": type, "ad": True, "data": data}
    for host, address in (("h1", "10.9.1.1"), ("h2", "10.9.2.1"))
    for type, data in (("A", [address]), ("AAAA", []))
]
MESSAGE = ["-odf", "-f", "s@test.ex", "a@three.test.ex", "b@one.test.ex", "c@two.test.ex"]


def delivered(release: str) -> list[str]:
    (one,) = done(
        scenario(
            zone=ZONE,
            servers={"10.9.1.1": "ok", "10.9.2.1": "nostarttls"},
            transport={"multi_domain": "false"},
            runs=[{"argv": MESSAGE, "stdin": "Subject: x\n\n"}],
        ),
        release,
    )
    return [line for line in one.log if "=>" in line]


def test_since_4_99_a_call_in_clear_after_a_secure_one_that_was_left_open_is_logged_as_secure() -> None:
    assert [" X=TLS CV=no " in line for line in delivered("4.99") if "h2-a" in line] == [True]
    assert [" X=TLS" in line for line in delivered("4.98") if "h2-a" in line] == [False]


def test_limits_are_looked_for_in_all_of_a_reply_that_has_the_keyword() -> None:
    assert ehlo_limits("250-mx.test.ex\n250-X MAILMAX=3\n250 LIMITS RCPTMAX=2").mail == 3
    assert ehlo_limits("250-mx.test.ex\n250 X MAILMAX=3").mail == 0


def test_a_size_is_announced_since_4_94_even_if_the_option_says_none() -> None:
    for release, announced in (("4.93", False), ("4.95", True)):
        (one,) = done(
            scenario(
                servers={"10.9.1.1": {"extensions": ["SIZE"]}},
                transport={"size_addition": "-1"},
                runs=[{"argv": ["-odf", "-f", "s@test.ex", "a@one.test.ex"], "stdin": "Subject: x\n\n"}],
            ),
            release,
        )
        assert (" SIZE=" in str(one.servers[0]["events"])) is announced


def test_a_frozen_message_that_a_queue_run_for_some_passes_over_is_logged_without_its_id() -> None:
    runs = done(
        scenario(
            runs=[
                {"argv": ["-odq", "-f", "s@test.ex", "a@one.test.ex"], "stdin": "Subject: x\n\n"},
                {"argv": ["-Mf", "$msg1"]},
                {"argv": ["-qi"]},
            ]
        )
    )
    assert "Message is frozen" in runs[2].log
