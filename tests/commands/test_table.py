"""``eximsim table``: the rows that run, and where two releases decide differently."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eximsim.mta.decisions import TOPICS
from eximsim.profiles import PROFILES
from tests.commands.invoking import invoke


def read(*arguments: str) -> Any:
    done = invoke("table", *arguments, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_a_topic_is_its_tables() -> None:
    assert [table["table"] for table in read("dane")] == [table.name for table in TOPICS["dane"]]


def test_all_are_all_topics() -> None:
    assert len(read("all")) == sum(map(len, TOPICS.values()))


def test_a_row_has_inputs_outcome_and_words() -> None:
    (policy,) = read("host-policy")
    assert policy["profile"] == "4.99"
    assert policy["rows"][-1] == {
        "inputs": {"dnssec": "any", "option": "required"},
        "outcome": "fail: not DNSSEC",
        "text": "DANE error: {host} lookup not DNSSEC",
        "log": "",
    }


def test_the_switches_that_chose_the_rows_are_named() -> None:
    (tlsa, _) = read("dane", "--profile", "4.88-jh03")
    assert (
        tlsa["switches"].items() >= {"tlsa_map": "no-fallback", "tlsa_insecure_log_names_host": "no"}.items()
    )


def test_two_releases_are_told_apart_by_the_cases_that_differ() -> None:
    tables = {
        table["table"]: table["rows"] for table in read("dane", "--profile", "4.87", "--against", "4.88-jh03")
    }
    assert [row["inputs"] for row in tables["tlsa result"]] == [
        {"answer": answer, "secure": "any", "wanted": "requested"} for answer in ("NOMATCH", "NODATA", "FAIL")
    ]
    assert {row["against"]["outcome"] for row in tables["tlsa result"]} == {"DEFER"}
    assert {row["profile"]["outcome"] for row in tables["tlsa host"]} == {"go on without DANE"}


def test_a_table_that_only_one_of_two_releases_has_is_shown_whole() -> None:
    (found,) = [table for table in read("callout", "--profile", "4.88", "--against", "4.89")
                if table["table"] == "tlsa callout"]  # fmt: skip
    assert (found["profile"], found["against"]) == ("4.88", "4.89")
    assert "Only in 4.88." in invoke("table", "callout", "--profile", "4.89", "--against", "4.88").stdout


def test_releases_that_decide_alike_are_said_to() -> None:
    done = invoke("table", "host-policy", "--against", "4.87")
    assert (done.exit_code, done.stdout) == (0, "4.99 and 4.87 decide alike\n")
    assert read("host-policy", "--against", "4.87") == []


@pytest.mark.parametrize("name", PROFILES)
def test_every_release_can_be_printed(name: str) -> None:
    done = invoke("table", "all", "--profile", name)
    assert (done.exit_code, done.stderr) == (0, "")
    assert all(table.name in done.stdout for tables in TOPICS.values() for table in tables)
    assert "\x1b" not in done.stdout


def test_a_decision_that_a_release_does_not_take_is_said_not_to_be_there() -> None:
    callouts = invoke("table", "callout").stdout
    assert "Not in 4.99: since 4.89 callouts share the transport's set-up." in callouts


def test_markdown_is_a_table_for_documents() -> None:
    lines = invoke("table", "starttls", "--markdown").stdout.splitlines()
    assert lines[0] == "### starttls reply"
    assert "| reply | tls_tempfail_tryclear | outcome |" in lines
    assert "| 4xx | no | defer |" in lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dain",), "'dain' is not one of 'host-policy', 'dane', "),
        (("dane", "--profile", "4.1"), "unknown profile '4.1'; choose from 4.85, "),
        (("dane", "--against", "5"), "unknown profile '5'; choose from 4.85, "),
        (("dane", "--json", "--markdown"), "--markdown and --json exclude each other"),
    ],
)
def test_a_mistake_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    done = invoke("table", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
