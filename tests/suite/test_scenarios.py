from __future__ import annotations

import json
from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.suite.scenarios import Scenario, endpoint, is_scenario, read_scenarios, scenario_of

PLAIN: dict[str, object] = {
    "id": "retry-twice", "about": "two tries", "zone": [], "servers": {"10.9.1.1": "ok"},
    "recipients": ["a@one.test.ex", "b@one.test.ex"],
}  # fmt: skip


def scenario(**values: object) -> Scenario:
    return scenario_of({**PLAIN, **values})


def test_without_commands_of_its_own_a_scenario_is_a_message_and_its_queue_runs() -> None:
    found = scenario(sender="s@two.test.ex", queueruns=["-q", {"argv": ["-qf"], "sleep": 3}])
    first, *later = found.steps
    assert first.argv == ("-odf", "-f", "s@two.test.ex", "a@one.test.ex", "b@one.test.ex")
    assert [(step.argv, step.sleep) for step in later] == [(("-q",), 0.0), (("-qf",), 3.0)]


def test_a_callout_is_one_session_in_which_each_recipient_is_named() -> None:
    (step,) = scenario(kind="callout").steps
    assert step.argv == ("-bs",)
    assert step.stdin.split("\r\n")[2:5] == ["RCPT TO:<a@one.test.ex>", "RCPT TO:<b@one.test.ex>", "QUIT"]


def test_options_are_added_to_the_usual_ones_and_null_takes_one_out() -> None:
    found = scenario(main={"remote_max_parallel": None}, router={"self": "fail"}, transport={"port": "25"})
    lines = [line.strip() for line in found.config.splitlines()]
    assert "self = fail" in lines
    assert "port = 25" in lines
    assert "queue_run_in_order = true" in lines
    assert not any(line.startswith(("self = send", "port = 1225", "remote_max_parallel")) for line in lines)


def test_a_section_stands_instead_of_the_usual_one_and_texts_are_added() -> None:
    found = scenario(
        routers="r:\n  driver = accept\n  transport = u",
        more_transports="u:\n  driver = smtp\n",
        auths="plain:\n  driver = plaintext\n",
        main_text="hostlist here = 10.9.1.1\n",
    ).config
    assert "client:" not in found
    assert found.index("hostlist here") < found.index("begin acl")
    assert found.index("t:\n") < found.index("u:\n  driver = smtp") < found.index("begin retry")
    assert "begin authenticators\nplain:" in found


def test_a_whole_configuration_stands_instead_of_everything() -> None:
    assert scenario(config="begin routers\n").config == "begin routers\n"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("10.9.1.1", ("10.9.1.1", 1225)),
        ("10.9.1.1:465", ("10.9.1.1", 465)),
        ("[fd09::1]", ("fd09::1", 1225)),
        ("[fd09::1]:25", ("fd09::1", 25)),
    ],
)
def test_a_server_is_named_by_its_address_and_maybe_its_port(place: str, expected: tuple[str, int]) -> None:
    assert endpoint(place) == expected


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"servers": {"mx.test.ex": "ok"}}, "server 'mx.test.ex': expected ADDRESS"),
        ({"servers": {"10.9.1.1": "nonsense"}}, "behaviour 'nonsense'"),
        ({"runs": [{"argv": ["-q"], "wait": 3}]}, "runs: wait: expected one of"),
        ({"runs": [{"argv": ["-q"], "servers": {"10.9.1.1": {"rcpt": "no"}}}]}, "is no SMTP reply"),
        ({"recipients": None}, "recipients is None; expected a list"),
        ({"zone": None}, "zone is None; expected a list"),
        ({"id": []}, "id is []; expected a text"),
        ({"main": {"x": []}}, "main.x is []; expected a text or null"),
        ({"hosts": 5}, "hosts is 5; expected a text"),
        ({"runs": [{"argv": ["-q"], "stdin": []}]}, "runs[0].stdin is []; expected a text"),
        ({"runs": [{"argv": ["-q"], "sleep": 10**400}]}, "expected a number"),
        ({"servers": {f"10.9.1.1:{'9' * 5000}": "ok"}}, "expected ADDRESS"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(
    tmp_path: Path, changes: dict[str, object], complaint: str
) -> None:
    path = tmp_path / "scenarios.jsonl"
    path.write_text(f"{json.dumps(PLAIN)}\n{json.dumps({**PLAIN, **changes})}\n")
    with pytest.raises(InputError) as caught:
        read_scenarios(path)
    assert complaint in caught.value.message
    assert (caught.value.path, caught.value.line) == (str(path), 2)


def test_the_two_forms_are_told_apart() -> None:
    assert is_scenario(PLAIN)
    assert not is_scenario({"id": "A001", "group": "A", "params": {}, "zone": [], "servers": {}})


def test_the_hosts_file_names_addresses_besides_localhost() -> None:
    assert scenario(hosts="10.9.1.1 Box.test.ex box # mine\n\n").hosts == (
        ("127.0.0.1", "localhost"), ("10.9.1.1", "Box.test.ex", "box"),
    )  # fmt: skip
