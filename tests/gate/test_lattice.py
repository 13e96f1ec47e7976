"""The space of situations: its axes come from the decision tables, and every value can be run."""

from __future__ import annotations

import pytest

from eximsim.explore.vocabulary import EHLO, MAIL, OF_A_HOST, OF_AUTHENTICATION, RCPT, STARTTLS, TLSA
from eximsim.gate.compare import compare
from eximsim.gate.explore_policies import survey
from eximsim.gate.lattice import LatticeZones, Scene, certificates
from eximsim.gate.views import Wanted
from eximsim.mta.transports.dane import TLSA_RESULT
from eximsim.ports import DnsAnswer
from eximsim.profiles import PROFILES, profile
from eximsim.status import DnsResult, Rc, Security
from tests.gate.policies import CONF, MX, policy

HOST = "mx1.destination.example"
SCENE = Scene("someone@destination.example", (HOST,), {HOST: "192.0.2.1"}, {"other.example": "198.51.100.1"})


class Fixed:
    def __init__(self, **values: str) -> None:
        self.values = {f"{axis} of {HOST}": value for axis, value in values.items()}
        self.asked: list[str] = []

    def choose(self, axis: str, values: object) -> str:
        assert isinstance(values, tuple)
        self.asked.append(axis)
        return self.values.get(axis, str(values[0]))


def test_the_answers_to_a_tlsa_question_are_those_of_the_decision_table() -> None:
    assert len(TLSA.values) == len(set(TLSA.values)) == 9
    results = {answer.rcode for answer in map(tlsa_answer, TLSA.values)}
    assert results == {"NOERROR", "NXDOMAIN", "SERVFAIL", "TIMEOUT", "FORMERR"}
    assert TLSA_RESULT.columns[0].values == tuple(DnsResult)


def tlsa_answer(value: str) -> DnsAnswer:
    zones = LatticeZones(SCENE, Fixed(TLSA=value), certificates((HOST,)))
    return zones.answer(f"_25._tcp.{HOST}", "TLSA").answer


def test_replies_that_no_decision_tells_apart_are_one() -> None:
    assert STARTTLS.values == ("2xx", "4xx", "5xx", "malformed")
    assert MAIL.values == ("2xx", "4xx", "5xx", "malformed")
    assert RCPT.values == ("2xx", "4xx", "5xx", "malformed", "none in time")
    assert EHLO.values[:2] == ("STARTTLS", "no STARTTLS")


def test_only_what_is_asked_for_is_chosen() -> None:
    choices = Fixed()
    zones = LatticeZones(SCENE, choices, certificates((HOST,)))
    assert zones.answer("other.example", "A").answer.ad
    assert zones.answer("nowhere.example", "A").answer.rcode == "NXDOMAIN"
    assert choices.asked == []
    zones.answer("destination.example", "MX")
    assert choices.asked == ["MX of destination.example"]


def test_the_size_of_the_space_is_the_product_of_its_axes() -> None:
    size = 6
    for axis in OF_A_HOST:
        size *= len(axis.values)
    assert SCENE.size == size


def test_every_value_of_every_axis_runs() -> None:
    plan = survey([policy("  tls_tempfail_tryclear = false\n")], 1)
    view = plan.views[0]
    for axis in OF_A_HOST:
        for value in axis.values:
            outcome = plan.at(plan.policies[0], view, {f"{axis.name} of {MX}": value})
            assert outcome.result in ("delivered", "deferred", "failed", "undefined"), (axis.name, value)
    assert plan.gaps == {}


def test_servers_of_an_lmtp_transport_speak_lmtp() -> None:
    one, other = policy("  protocol = lmtp\n  hosts_require_tls = *\n"), policy("  protocol = lmtp\n")
    plan = survey([one], 1)
    assert plan.at(plan.policies[0], plan.views[0], {}).security is Security.DANE
    refused = plan.at(plan.policies[0], plan.views[0], {f"end of data of {MX}": "5xx"})
    assert (refused.result, "LMTP error after DATA: 550 no" in str(refused)) == ("failed", True)
    report = compare(one, other, wanted=Wanted(1))
    assert not report.gaps
    assert any(cause.name == "hosts_require_tls" for group in report.groups for cause in group.cause)


def test_mail_goes_through_a_proxy_that_works() -> None:
    options = "  socks_proxy = 203.0.113.9 port=1081 : 203.0.113.10 auth=name name=me pass=x pri=2\n"
    plan = survey([policy(options)], 1)
    (one,), view = plan.policies, plan.views[0]
    first, second = (f"proxy of 203.0.113.{number}" for number in (9, 10))
    for answers in ({}, {first: "refused"}, {second: "refused"}):
        found = plan.at(one, view, answers)
        assert (found.host, found.security) == (MX, Security.DANE), answers
    neither = plan.at(one, view, {first: "refused", second: "refused"})
    assert neither.result in ("deferred", "failed")
    assert "Connection refused" in str(plan.at(one, view, {f"connection of {MX}": "refused"}))
    assert view.scene.size == survey([policy()], 1).views[0].scene.size * 4


def test_extensions_vary_where_a_transport_has_an_option_about_them() -> None:
    assert not survey([policy()], 1).views[0].scene.extensions
    plan = survey([policy(), policy("  hosts_avoid_pipelining = *\n")], 1)
    (plain, avoiding), view = plan.policies, plan.views[0]
    assert view.scene.size == survey([policy()], 1).views[0].scene.size * 2
    refused = {f"MAIL of {MX}": "5xx"}
    said = [str(plan.at(one, view, refused)) for one in (plain, avoiding)]
    assert ["pipelined MAIL FROM:" in one for one in said] == [True, False]
    assert all("SIZE=" in one for one in said)
    without = {**refused, f"extensions of {MX}": "not offered"}
    assert plan.at(plain, view, without) == plan.at(avoiding, view, without)


def test_whoever_takes_no_data_takes_no_chunks() -> None:
    plan = survey([policy(), policy("  hosts_try_chunking =\n")], 1)
    for answers in ({f"DATA of {MX}": "4xx"}, {f"end of data of {MX}": "5xx"}):
        found = {plan.at(one, plan.views[0], answers).result for one in plan.policies}
        assert found <= {"deferred", "failed"}, answers


@pytest.mark.parametrize(("releases", "offered"), [(("4.87", "4.88"), True), (("4.98", "4.99"), False)])
def test_extensions_vary_where_releases_differ_in_what_they_use(
    releases: tuple[str, str], offered: bool
) -> None:
    scene = survey([policy(release=one) for one in releases], 1).views[0].scene
    assert ("CHUNKING" in scene.extensions) == offered


def test_servers_of_an_smtps_transport_begin_with_tls() -> None:
    plan = survey([policy("  protocol = smtps\n  port = 465\n")], 1)
    outcome = plan.at(plan.policies[0], plan.views[0], {})
    assert (outcome.result, outcome.security) == ("delivered", Security.DANE)
    failed = plan.at(plan.policies[0], plan.views[0], {f"handshake of {MX}": "fails"})
    assert failed.result == "deferred"
    assert plan.diagram(plan.policies[0], plan.views[0]) is not None


def test_hosts_of_equal_preference_are_left_out_where_not_all_are_tried() -> None:
    plan = survey([policy("  hosts_max_try = 1\n")], 2)
    assert [text for text in plan.left_out if "equal preference" in text]
    assert not [text for text in survey([policy()], 2).left_out if "equal preference" in text]


AUTHENTICATORS = """\
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^user^secret
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : user : secret
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  client_name = user
  client_secret = secret
"""


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_servers_offer_what_a_client_can_authenticate_by(mechanism: str) -> None:
    conf = CONF + AUTHENTICATORS.replace(f"{mechanism}\n", "{mechanism}\n")
    for other in ("PLAIN", "LOGIN", "CRAM-MD5"):
        conf = conf.replace(f"public_name = {other}\n", f"public_name = {other}\n  client_condition = no\n")
    plan = survey([policy("  hosts_require_auth = *\n", conf=conf.replace("{mechanism}", mechanism))], 1)
    (one,), view = plan.policies, plan.views[0]
    outcomes = {
        f"{axis.name} {value}": plan.at(one, view, {f"{axis.name} of {MX}": value}).result
        for axis in OF_AUTHENTICATION
        for value in axis.values
    }
    assert outcomes == {
        "AUTH offered": "delivered",
        "AUTH not offered": "delivered",
        "AUTH over TLS offered": "delivered",
        "AUTH over TLS not offered": "deferred",
        "authentication 2xx": "delivered",
        "authentication 4xx": "deferred",
        "authentication 5xx": "deferred",
        "authentication connection lost": "deferred",
    }
    clear = {f"EHLO of {MX}": "no STARTTLS", f"TLSA of {MX}": "NXDOMAIN"}
    assert plan.at(one, view, clear).security is Security.CLEAR
    assert plan.at(one, view, {**clear, f"AUTH of {MX}": "not offered"}).result == "deferred"


def test_authentication_varies_only_where_somebody_authenticates() -> None:
    able = CONF + AUTHENTICATORS
    assert not survey([policy(), policy(conf=able)], 1).views[0].scene.mechanisms
    scene = survey([policy(), policy("  hosts_try_auth = *\n", conf=able)], 1).views[0].scene
    assert scene.mechanisms == ("PLAIN", "LOGIN", "CRAM-MD5")
    assert scene.size == survey([policy()], 1).views[0].scene.size * 16


@pytest.mark.parametrize("release", [*PROFILES])
def test_no_release_looks_into_an_insecure_tlsa_answer(release: str) -> None:
    cells = TLSA_RESULT.cells(profile(release))
    for want in TLSA_RESULT.columns[2].values:
        assert cells[DnsResult.SUCCEED, False, want].outcome is not Rc.OK


def test_the_records_of_an_insecure_answer_vary_where_a_lookup_can_read_them() -> None:
    asks = "  helo_data = ${lookup dnsdb{tlsa=_25._tcp.$host}{x}{y}}\n"
    for options, varies in (("", False), (asks, True)):
        scene, choices = survey([policy(options)], 1).views[0].scene, Fixed(TLSA="insecure")
        LatticeZones(scene, choices, certificates((MX,))).answer(f"_25._tcp.{MX}", "TLSA")
        assert (f"TLSA records of {MX}" in choices.asked) is varies
