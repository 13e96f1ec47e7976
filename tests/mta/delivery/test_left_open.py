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


def test_a_call_left_open_for_the_next_batch_may_lead_to_none_of_its_hosts() -> None:
    def mx(domain: str, *hosts: str) -> dict[str, Any]:
        data = [[10 * number, f"{host}-a.test.ex"] for number, host in enumerate(hosts, 1)]
        return {"name": f"{domain}.test.ex", "type": "MX", "ad": True, "data": data}

    message = ["-odf", "-f", "s@test.ex", "a@one.test.ex", "b@two.test.ex"]
    zone = [mx("one", "h1", "h2"), mx("two", "h3", "h1"), *ZONE[3:]]
    zone += [
        {"name": "h3-a.test.ex", "type": type, "ad": True, "data": data}
        for type, data in (("A", ["10.9.3.1"]), ("AAAA", []))
    ]
    (one,) = done(
        scenario(
            zone=zone,
            servers={"10.9.2.1": "nostarttls", "10.9.3.1": "nostarttls"},
            runs=[{"argv": message, "stdin": "Subject: x\n\n"}],
        ),
        "4.99",
    )
    assert [str(call["events"]).count("message accepted") for call in one.servers] == [1, 1]
    assert one.queued == 0
    assert "EOF" in str(one.servers[0]["events"])


def test_replies_for_each_recipient_are_asked_for_on_a_call_that_goes_on_since_4_99() -> None:
    message = ["-odf", "-f", "s@test.ex", "a@three.test.ex", "b@one.test.ex", "c@one.test.ex"]
    (one,) = done(
        scenario(
            zone=ZONE,
            servers={"10.9.1.1": {"extensions": ["PRDR"]}},
            transport={"multi_domain": "false", "hosts_try_prdr": "*"},
            runs=[{"argv": message, "stdin": "Subject: x\n\n"}],
        ),
        "4.99",
    )
    assert sorted("PRDR" in str(event) for event in one.servers[0]["events"] if "MAIL" in str(event)) == [  # type: ignore[attr-defined]
        False,
        True,
    ]


def test_a_prefix_stays_cut_off_if_the_suffix_that_is_wanted_too_is_not_there() -> None:
    (one,) = done(
        scenario(
            router={"local_part_prefix": "pre-", "local_part_suffix": "+*"},
            runs=[{"argv": ["-odf", "-f", "", "pre-e@one.test.ex"], "stdin": "Subject: x\n\n"}],
        )
    )
    assert any("** e@one.test.ex <pre-e@one.test.ex>" in line for line in one.log)
