"""Promises as tests: what holds passes, what does not is told with a witness."""

from __future__ import annotations

from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.testing import Policy
from eximsim.testing.configurations import Configurations
from eximsim.testing.policy import Policies
from tests.testing.policies import CONFIG

PLAIN = CONFIG.replace(
    "acl_smtp_rcpt = check_rcpt\nbegin acl\ncheck_rcpt:\n  accept verify = recipient/callout=10s\n", ""
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policies")
    (folder / "promises.toml").write_text('[[never]]\nname = "crash"\noutcome = "crash"\n')
    return folder


@pytest.fixture(scope="module")
def policies(folder: Path) -> Policies:
    return Policies(Configurations((folder,)))


@pytest.fixture(scope="module")
def required(policies: Policies) -> Policy:
    return policies(text=PLAIN.replace("hosts_try_dane = *", "hosts_try_dane =\n  hosts_require_tls = *"))


def test_promises_that_hold_can_be_chained(required: Policy) -> None:
    required.never(below="tls").always(at_least="tls").keeps("tls-required", "promises.toml")


def test_a_promise_that_does_not_hold_fails_with_the_situation_that_breaks_it(required: Policy) -> None:
    with pytest.raises(AssertionError) as failed:
        required.never("example.com", outcome="deferred", when={"EHLO": "no STARTTLS"})
    assert "mail for *@example.com is never deferred, when EHLO: no STARTTLS" in str(failed.value)
    assert "EHLO of mx1.example.com: no STARTTLS" in str(failed.value)


def test_what_could_not_be_looked_at_fails_unless_it_may_be(policies: Policies) -> None:
    text = PLAIN.replace("  driver = dnslookup\n", "  driver = dnslookup\n  condition = ${run{/opt/judge}}\n")
    with pytest.raises(AssertionError, match="could not look: "):
        policies(text=text).never(below="tls")
    policies(text=text, allow_incomplete=True).never(below="tls")


def test_known_breaches_pass_and_others_do_not(policies: Policies, folder: Path) -> None:
    (folder / "known.toml").write_text(
        '[[known]]\npromise = "n"\n'
        'in = "delivery to someone@destination.example by mx1.destination.example"\n'
        'when = "EHLO of mx1.destination.example: no STARTTLS"\noutcome = "deferred"\n'
    )
    (folder / "n.toml").write_text(
        '[[never]]\nname = "n"\noutcome = "deferred"\n'
        'when = { EHLO = "no STARTTLS", "everything else" = "well" }\n'
    )
    text = PLAIN.replace("hosts_try_dane = *", "hosts_try_dane =\n  hosts_require_tls = *")
    policies(text=text, baseline="known.toml").keeps("n.toml")
    with pytest.raises(AssertionError):
        policies(text=text).keeps("n.toml")


@pytest.mark.parametrize(
    "words", [{"below": "strong"}, {"outcome": "lost"}, {"when": {"MXX": "secure"}}], ids=str
)
def test_words_that_there_are_none_of_are_mistakes(required: Policy, words: dict[str, str]) -> None:
    with pytest.raises(InputError, match="expected"):
        required.never(**words)  # type: ignore[arg-type]  # as a test may have it


def test_a_preset_or_file_that_there_is_none_of_is_a_mistake(required: Policy) -> None:
    with pytest.raises(InputError, match="expected no-downgrade"):
        required.keeps("downgrade")
    with pytest.raises(InputError, match="no such file"):
        required.keeps("none.toml")


def test_no_promise_at_all_is_not_kept(required: Policy) -> None:
    with pytest.raises(InputError, match="expected a preset or a file"):
        required.keeps()


@pytest.mark.parametrize("hosts", [0, 4, "2", True])
def test_a_number_of_hosts_that_cannot_be_explored_is_a_mistake(policies: Policies, hosts: object) -> None:
    with pytest.raises(InputError, match="expected"):
        policies(text=PLAIN, hosts=hosts)  # type: ignore[arg-type]
