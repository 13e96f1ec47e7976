from __future__ import annotations

import json
from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.gate.explain import Explained, Explanation, explain
from eximsim.profiles import NEWEST, profile
from eximsim.status import Security
from eximsim.suite.explain_world import surroundings
from eximsim.suite.policy import Case, Policy
from eximsim.world.certificates import chains_for

CONFIG = """\
primary_hostname = out.example.net
acl_smtp_rcpt = check
begin acl
check:
  accept verify = recipient/callout
begin routers
remote:
  driver = dnslookup
  transport = smtp
  dnssec_request_domains = *
begin transports
smtp:
  driver = smtp
  hosts_try_dane = *
begin retry
* * F,1h,10m
"""
ZONE = """\
$ORIGIN example.com.
$TTL 3600
$SECURE on
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN MX 10 mx1
mx1 IN A 203.0.113.1
_25._tcp.mx1 IN TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
"""
WITHOUT_TLSA = ZONE.rpartition("_25")[0]


def explained(
    folder: Path,
    *,
    zone: str = ZONE,
    config: str = CONFIG,
    servers: str | None = None,
    release: str = NEWEST,
    kind: str = "delivery",
    changes: bool = True,
) -> Explanation:
    (folder / "example.zone").write_text(zone)
    place = None
    if servers is not None:
        place = folder / "servers.toml"
        place.write_text(servers)
    world = surroundings(folder, place)
    policy = Policy("exim.conf", config, profile(release), world.chains)
    case = Case((), world.zones, world.servers, kind)
    return explain(policy, world, ["a@example.com"], case, changes=changes)


def only(explanation: Explanation) -> Explained:
    (found,) = explanation.recipients
    return found


def ways(found: Explained) -> dict[str, tuple[tuple[str, ...], ...]]:
    return {str(other.outcome): other.ways for other in found.alternatives}


# ---- what happens ----------------------------------------------------------------------


def test_published_tlsa_records_are_taken_to_be_right(tmp_path: Path) -> None:
    explanation = explained(tmp_path)
    found = only(explanation)
    assert str(found.outcome) == "delivered to mx1.example.com (DANE)"
    assert explanation.assumed == (
        "the TLSA records are right: they match the certificate that good servers show",
        "an ordinary server with STARTTLS at 203.0.113.1",
    )


def test_hosts_come_with_their_security_and_what_their_servers_saw(tmp_path: Path) -> None:
    (host,) = only(explained(tmp_path)).hosts
    assert (host.name, host.addresses, host.dnssec) == ("mx1.example.com", ("203.0.113.1",), "yes")
    assert (host.tlsa, host.tried) == ("SUCCEED, secure", "OK")
    assert host.commands[0][:4] == ("EHLO", "STARTTLS", "TLS", "EHLO")


def test_each_decision_has_inputs_outcome_and_source(tmp_path: Path) -> None:
    steps = {step.rule: step for step in only(explained(tmp_path)).steps}
    tlsa = steps["tlsa result"]
    assert (tlsa.stage, tlsa.outcome) == ("transport", "OK")
    assert tlsa.inputs == {
        "host": "mx1.example.com", "answer": "SUCCEED", "secure": "yes", "wanted": "requested"
    }  # fmt: skip
    assert "tlsa_lookup" in tlsa.source
    assert steps["router"].stage == "routing"
    assert steps["address outcome"].stage == "outcome"


def test_a_callout_is_explained_like_a_delivery(tmp_path: Path) -> None:
    found = only(explained(tmp_path, kind="callout"))
    assert (found.outcome.result, found.outcome.security) == ("accepted", Security.DANE)
    assert any(step.rule == "callout" for step in found.steps)


def test_each_callout_that_asks_in_a_way_of_its_own_is_explained(tmp_path: Path) -> None:
    one = "  accept verify = recipient/callout\n"
    more = "  accept verify = recipient/callout=5s,defer_ok\n  deny verify = recipient/callout=5s,defer_ok\n"
    found = explained(tmp_path, config=CONFIG.replace(one, one + more), kind="callout").recipients
    assert [each.callout.partition(" (")[0] for each in found] == [
        "verify = recipient/callout",
        "verify = recipient/callout=5s,defer_ok",
    ]


def test_a_file_that_is_nowhere_is_named(tmp_path: Path) -> None:
    looked_up = "${lookup{x}lsearch{/nowhere/at/all}{$value}}"
    config = CONFIG.replace("hosts_try_dane = *", f"hosts_try_dane = {looked_up}")
    assert explained(tmp_path, config=config).missing == ("/nowhere/at/all",)


# ---- what would change it --------------------------------------------------------------


def test_the_changes_that_lead_elsewhere_are_found_by_trying(tmp_path: Path) -> None:
    found = ways(only(explained(tmp_path)))
    verified = found["delivered to mx1.example.com (TLS, verified)"]
    assert ("the answer to A mx1.example.com is not secure (no AD)",) in verified
    assert ("transport smtp has hosts_try_dane =",) in verified
    deferred = "deferred: a TLS session is required, but the server did not offer TLS support"
    assert found[deferred] == (("mx1.example.com [203.0.113.1] does not offer STARTTLS",),)


def test_an_outcome_that_is_the_same_in_other_words_is_no_other(tmp_path: Path) -> None:
    found = only(explained(tmp_path, servers='["mx1.example.com"]\nrcpt = "450 later"\n'))
    assert found.outcome.result == "deferred"
    assert all(other.outcome.result != "deferred" for other in found.alternatives)


def test_where_no_single_change_helps_out_pairs_are_tried(tmp_path: Path) -> None:
    servers = '["203.0.113.1"]\nrcpt = "450 later"\nchain = "selfsigned"\n'
    found = only(explained(tmp_path, zone=ZONE.replace("3 1 1", "2 1 1"), servers=servers))
    right = "mx1.example.com [203.0.113.1] shows a good certificate"
    taken = "mx1.example.com [203.0.113.1] takes the recipient"
    assert (right, taken) in ways(found)["delivered to mx1.example.com (DANE)"]


def test_a_certificate_that_expires_keeps_its_key_which_is_all_that_dane_ee_looks_at(tmp_path: Path) -> None:
    def led_elsewhere(zone: str) -> bool:
        found = only(explained(tmp_path, zone=zone))
        return any("expired" in word for several in ways(found).values() for way in several for word in way)

    assert not led_elsewhere(ZONE)
    assert led_elsewhere(ZONE.replace("3 1 1", "2 1 1"))


def test_without_changes_nothing_is_tried(tmp_path: Path) -> None:
    assert only(explained(tmp_path, changes=False)).alternatives == ()


# ---- the servers file ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("servers", "result"),
    [
        ('["203.0.113.1"]\nlisten = false\n', "deferred"),
        ('["mx1.example.com"]\nrcpt = "550 no"\n', "failed"),
        ('["MX1.example.com"]\nchain = "expired"\n', "delivered"),
    ],
)
def test_servers_are_named_by_address_or_host(servers: str, result: str, tmp_path: Path) -> None:
    assert only(explained(tmp_path, zone=WITHOUT_TLSA, servers=servers)).outcome.result == result


@pytest.mark.parametrize(
    ("servers", "message"),
    [
        ('["other.example"]\nlisten = false\n', "neither an address nor a host"),
        ('["203.0.113.1"]\nlisten = 3\n', "203.0.113.1: listen: expected true or false"),
        ("x = 1\n", "neither an address"),
        ('["203.0.113.1"]\ncertificate = "none.pem"\n', "cannot read the certificate"),
        ("[", "Invalid initial character"),
    ],
)
def test_a_bad_servers_file_is_one_clear_line(servers: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as raised:
        explained(tmp_path, servers=servers)
    assert raised.value.path is not None


def test_with_a_certificate_of_the_users_own_records_are_compared_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "mx1.pem").write_bytes(chains_for(["mx1.example.com"]).chains["good"].chain)
    servers = '["mx1.example.com"]\ncertificate = "mx1.pem"\n'
    assert only(explained(tmp_path, servers=servers)).outcome.result == "deferred"


# ---- JSON ------------------------------------------------------------------------------


def test_the_explanation_is_json(tmp_path: Path) -> None:
    told = json.loads(json.dumps(explained(tmp_path).as_json()))
    assert told["profile"] == NEWEST
    (recipient,) = told["recipients"]
    assert recipient["outcome"]["security"] == "dane"
    assert {"rule", "inputs", "outcome", "source", "stage", "decisive"} == set(recipient["steps"][0])
    assert recipient["alternatives"][0]["ways"]
