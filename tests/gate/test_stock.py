"""Configurations as distributions ship them: lint and explain, what they name and what they do."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from eximsim.gate.lint import lint
from eximsim.mta.config.optionlist import Status
from eximsim.profiles import NEWEST, profile
from eximsim.suite.config_files import Sources
from eximsim.suite.policy import Case, Policy
from eximsim.suite.policy_result import Result
from tests.gate.stock import STOCK
from tests.subjects.reference import Missing, unpacked
from tests.suite.recorded import stand

ZONE = (
    {"name": "test.ex", "type": "MX", "ad": True, "data": [[10, "mx.test.ex"]]},
    {"name": "mx.test.ex", "type": "A", "ad": True, "data": ["203.0.113.1"]},
    {"name": "_25._tcp.mx.test.ex", "type": "TLSA", "ad": True, "data": ["3 1 1 @cert:good"]},
    {"name": "inside.ex", "type": "MX", "ad": True, "data": [[10, "inside.ex"]]},
    {"name": "inside.ex", "type": "A", "ad": True, "data": ["10.1.2.3"]},
    {"name": "relay.test.ex", "type": "A", "ad": True, "data": ["203.0.113.2"]},
)
RELAY = {"KIND_smarthost": "1", "RELAYHOST": "relay.test.ex::587"}


def policy(text: str = STOCK, release: str = NEWEST, **defines: str) -> Policy:
    text = text.replace("RELAYHOST = relay.example.org::587\n", "")
    return Policy("/etc/mail/exim.conf", text, profile(release), stand().chains, defines)


def run(tested: Policy, recipient: str = "a@test.ex", **case: object) -> Result:
    servers = {"203.0.113.1": "ok", "203.0.113.2": "ok", "10.1.2.3": "ok"}
    plain = {"recipients": (recipient,), "zone": ZONE, "servers": servers}
    return tested.run(Case(**{**plain, **case}))  # type: ignore[arg-type]  # by name


def told(result: Result) -> tuple[str, str, str | None]:
    (found,) = result.recipients
    return found.result, found.host, found.cv


# ---- one of our own with the same structure --------------------------------------------


@pytest.mark.parametrize("defines", [{}, RELAY, {"BLOCKLISTS": "x.example"}, {"FEW_LOOKUPS": "1"}])
@pytest.mark.parametrize("release", ["4.92", "4.96-debian12", NEWEST])
def test_nothing_unsupported_could_matter(defines: dict[str, str], release: str) -> None:
    found = lint(policy(release=release, **defines).config)
    assert [one for one in found if one.matters] == []
    assert {one.status for one in found if one.name.startswith("transport.")} == {Status.MODELLED}


def test_mail_for_elsewhere_goes_to_the_domains_hosts() -> None:
    result = run(policy())
    assert told(result) == ("delivered", "mx.test.ex", "dane")
    assert result.unsupported == ()


def test_addresses_of_private_networks_are_not_used() -> None:
    (found,) = run(policy(), "a@inside.ex").recipients
    assert (found.result, found.asked) == ("failed", False)


def test_with_a_smarthost_all_goes_there() -> None:
    result = run(policy(**RELAY))
    assert told(result)[:2] == ("delivered", "relay.test.ex")
    assert result.connections[0].port == 587


def test_a_list_of_hubs_is_looked_at_first(tmp_path: Path) -> None:
    (tmp_path / "etc" / "mail").mkdir(parents=True)
    (tmp_path / "etc" / "mail" / "hubs").write_text("*.test.ex: relay.test.ex byname\n")
    assert told(run(replace(policy(), sources=Sources(tmp_path)), "a@b.test.ex"))[:2] == (
        "delivered",
        "relay.test.ex",
    )


def test_it_authenticates_to_a_relay_that_it_has_a_password_for_and_sends_if_that_fails(
    tmp_path: Path,
) -> None:
    servers = {"203.0.113.2": {"extensions": ["STARTTLS", "AUTH PLAIN CRAM-MD5"]}}
    without = run(policy(**RELAY), servers=servers)
    assert (told(without)[0], "AUTH" in without.connections[0].events) == ("delivered", False)
    (tmp_path / "etc" / "mail").mkdir(parents=True)
    (tmp_path / "etc" / "mail" / "passwords").write_text("relay.test.ex:user:secret\n")
    result = run(replace(policy(**RELAY), sources=Sources(tmp_path)), servers=servers)
    assert told(result)[0] == "delivered"
    assert [event for event in result.connections[0].events if event == "AUTH"] == ["AUTH", "AUTH"]


def test_aliases_lead_elsewhere_and_nothing_is_delivered_as_root(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "aliases").write_text("sales: a@test.ex\n")
    tested = replace(policy(), sources=Sources(tmp_path))
    assert told(run(tested, "sales@home.example"))[:2] == ("delivered", "mx.test.ex")
    (local,) = run(tested, "real-root@home.example").recipients
    assert (local.result, "never_users" in local.reason) == ("deferred", True)


def test_the_callouts_of_its_acls_can_be_run() -> None:
    tested = policy()
    assert [callout.what for callout in tested.callouts] == ["sender", "recipient"]
    assert told(run(tested, kind="callout", callout=1)) == ("accepted", "mx.test.ex", "dane")


# ---- Debian's --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def debian() -> str:
    """The template of Debian's configuration."""
    try:
        return unpacked("exim4-config", "etc/exim4/exim4.conf.template").read_text()
    except Missing as reason:
        pytest.skip(str(reason))


def filled_in(template: str, kind: str, relay: str = "") -> str:
    """The template as ``update-exim4.conf`` fills it in."""
    macros = {
        "MAIN_LOCAL_DOMAINS": "@:localhost:home.example", "MAIN_RELAY_TO_DOMAINS": "",
        "ETC_MAILNAME": "home.example", "LOCAL_DELIVERY": "mail_spool", "DCreadhost": "",
        "MAIN_RELAY_NETS": ": 127.0.0.1 : ::::1", "DCsmarthost": relay, f"DCconfig_{kind}": "1",
        "DC_eximconfig_configtype": kind, "MAIN_LOCAL_INTERFACES": "<; 127.0.0.1 ; ::1",
    }  # fmt: skip
    text = "".join(f".ifndef {name}\n{name}={value}\n.endif\n" for name, value in macros.items())
    return re.sub(
        r"^(UPEX4Cmacros.*\n)", lambda found: found[1] + text, template, count=1, flags=re.MULTILINE
    )


@pytest.mark.parametrize(("kind", "host"), [("internet", "mx.test.ex"), ("smarthost", "relay.test.ex")])
def test_debians_configuration_works_as_it_is(debian: str, kind: str, host: str) -> None:
    text = filled_in(debian, kind, "relay.test.ex::587" if kind == "smarthost" else "")
    tested = Policy("/etc/exim4/exim4.conf", text, profile("4.96-debian12"), stand().chains)
    assert [one for one in lint(tested.config) if one.matters] == []
    result = run(tested)
    assert told(result)[:2] == ("delivered", host)
    assert result.unsupported == ()
