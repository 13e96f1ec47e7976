"""Everyday mail: what its table says of Debian's configuration is what Debian's Exim does."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from eximsim.explore.choices import Chooser
from eximsim.explore.vocabulary import CONNECT, asked_of
from eximsim.gate.everyday import SITUATIONS, Situation, everyday, given, given_to_all, staged
from eximsim.gate.explore_policies import survey
from eximsim.gate.lattice import LatticeZones, Scene, certificates, servers
from eximsim.gate.outcome import fate
from eximsim.gate.severity import Severity
from eximsim.gate.views import View
from eximsim.ports import Endpoint
from eximsim.profiles import profile
from eximsim.subjects.program import CONFIGURATION, EXIM
from eximsim.suite import real
from eximsim.suite.policy import Policy
from eximsim.suite.real import RealStand
from eximsim.suite.real_runs import own_certificates
from tests.gate.policies import Answers, policy
from tests.gate.test_stock import filled_in
from tests.subjects.conftest import exim, namespaces  # noqa: F401  # fixtures
from tests.subjects.reference import Missing, unpacked

SWITCHED = ("", "*")
"""hosts_try_dane off and on."""


def test_every_situation_is_one_of_the_lattice() -> None:
    scene = survey([policy()], 1).views[0].scene
    for situation in SITUATIONS:
        there = staged(scene, 1 if situation.second is None else 2)
        assert there is not None
        axes = {asked_of(name)[0] for name in given(situation, there)}
        values = [value for of in (situation.first, situation.second or {}) for value in of.items()]
        assert axes == {axis.name for axis, _ in values}
        assert all(value in axis.values for axis, value in values)
    assert len({situation.name for situation in SITUATIONS}) == len(SITUATIONS)


def test_in_a_lock_of_two_hosts_both_are_alike_but_where_a_situation_tells_them_apart() -> None:
    scene = staged(survey([policy()], 1).views[0].scene, 2)
    assert scene is not None
    named = {situation.name: situation for situation in SITUATIONS}
    first, second = scene.addresses
    assert given_to_all(named["TLSA SERVFAIL"], scene) == {
        f"TLSA of {first}": "SERVFAIL", f"TLSA of {second}": "SERVFAIL",
    }  # fmt: skip
    apart = named["first MX fails DANE, second without TLS"]
    assert given_to_all(apart, scene) == given(apart, scene)
    assert given_to_all(apart, replace(scene, addresses={first: scene.addresses[first]})) is None


def test_switching_dane_on_shows_what_it_holds_back_and_what_goes_to_a_worse_host() -> None:
    old, new = policy("  hosts_try_dane =\n", conf=TEN), policy("  hosts_try_dane = *\n", conf=TEN)
    (mail,) = everyday(survey([old, new], 1))
    found = {row.situation: row.severity for row in mail.rows}
    assert {name for name, weight in found.items() if weight is Severity.HELD} == {
        "TLSA that does not match", "TLSA SERVFAIL", "TLSA but no STARTTLS",
    }  # fmt: skip
    assert found["first MX fails DANE, second without TLS"] is Severity.LESS
    assert found["TLSA that matches"] is Severity.MORE
    assert found["no DNSSEC"] is found["host down"] is None


def test_what_a_callout_makes_of_it_is_told_where_that_changes() -> None:
    old, new = policy("  hosts_require_tls =\n"), policy("  hosts_require_tls = *\n")
    _, asked = everyday(survey([old, new], 1))
    found = {row.situation: row.severity for row in asked.rows}
    assert asked.route.endswith("by its MX hosts, asked by a callout")
    assert found["no STARTTLS"] is Severity.HELD
    assert found["host down"] is None
    assert len(everyday(survey([old, old], 1))) == 1


TEN = """\
primary_hostname = relay.example.org
begin routers
out:
  driver = dnslookup
  transport = remote
  dnssec_request_domains = *
begin transports
remote:
  driver = smtp
OPTIONS
begin retry
* * F,2d,15m
"""


# ---- against a real program ------------------------------------------------------------


class Debian(RealStand):
    """A real Exim with a configuration of its own, among the servers of a scene."""

    def deliver(self, text: str, scene: Scene, root: bytes, zones: LatticeZones, choose: Chooser) -> str:
        """What became of a message to the scene's recipient, from the log."""
        self._inside.fresh("/spool", self.program.uid, {"certs": "/certs"})
        own = re.sub(r"(?m)^\s*(exim_path|spool_directory|log_file_path)\s*=.*\n", "", text)
        own = re.sub(r"uucp|(?<=user = )mail$|(?<=group = )mail$", "root", own, flags=re.MULTILINE)
        lines = f"exim_path = {EXIM}\nspool_directory = /spool\nlog_file_path = /spool/log/%slog\n{own}"
        empty = dict.fromkeys(("/etc/aliases", "/etc/email-addresses"), b"")
        self._inside.write({CONFIGURATION: lines.encode(), "/certs/root.pem": root, **empty})
        self._resolver.zones = zones
        with ExitStack() as stack:
            for host, address in scene.addresses.items():
                if choose.choose(f"{CONNECT.name} of {host}", CONNECT.values) == "accepted":
                    wire = self._inside.socket(socket.SOCK_STREAM, address, 25)
                    session = servers(scene, choose, certificates(tuple(scene.addresses)))[address]
                    door = self._acceptor.take(wire, session, Endpoint(address, 25))
                    stack.callback(self._acceptor.shut, door)
            ran = self._inside.run(
                [EXIM, "-C", CONFIGURATION, "-odf", "-f", "sender@home.example", scene.recipient],
                b"Subject: x\n\nx\n",
                seconds=60.0,
            )
            self._acceptor.drain()
        log = self._inside.read("/spool").get("/spool/log/mainlog", ran.stdout + ran.stderr)
        return told(log.decode(), scene.recipient)


LINE = re.compile(r"^\S+ \S+ \S+ (=>|==|\*\*) (\S+) (.*)$", re.MULTILINE)


def told(log: str, recipient: str) -> str:
    """A main log in the words of the table, but for why a message was kept back."""
    for sign, address, rest in LINE.findall(log):
        if address.rstrip(":") == recipient:
            if sign != "=>":
                return {"==": "held back", "**": "bounced"}[sign]
            cv = re.search(r" CV=(\S+)", rest)
            host = re.search(r" H=(\S+)", rest)
            assert host is not None
            level = {"dane": "under DANE", "yes": "over verified TLS", "no": "over TLS, not verified"}
            return f"delivered {level[cv[1]] if cv else 'in clear'} by {host[1]}"
    raise AssertionError(log)


def modelled(tested: Policy, scene: Scene, answers: dict[str, str]) -> str:
    outcome = survey([tested], 1).at(tested, View(scene, "delivery"), answers)
    words = fate(outcome).removesuffix(" for want of protection")
    return f"{words} by {outcome.host}" if outcome.result == "delivered" else words


@pytest.fixture(scope="module")
def template() -> str:
    """Debian's configuration, for a host on the internet."""
    try:
        text = unpacked("exim4-config", "etc/exim4/exim4.conf.template").read_text()
    except Missing as reason:
        pytest.skip(str(reason))
    return filled_in(text, "internet")


@pytest.fixture(scope="module")
def debian(exim: Path) -> Iterator[Debian]:  # noqa: F811  # the fixture
    with pytest.MonkeyPatch.context() as patch, own_certificates() as folder:
        patch.setattr(real, "NETWORKS", ("192.0.2.0/24",))  # Debian sends nothing to private networks
        with Debian(exim, folder) as stand:
            yield stand


@pytest.mark.parametrize("dane", SWITCHED, ids=["DANE off", "DANE on"])
def test_each_line_is_what_debians_exim_does(debian: Debian, template: str, dane: str) -> None:
    options = f"  hosts_try_dane = {dane}\n  tls_verify_certificates = /certs/root.pem\n"
    text = re.sub(r"(?m)^(remote_smtp:\n(?:.*\n)*?  driver = smtp\n)", rf"\1{options}", template, count=1)
    assert options in text
    wrong = [
        (situation.name, program, model)
        for situation in SITUATIONS
        for program, model in (both(debian, text, situation),)
        if program != model
    ]
    assert wrong == []


def both(debian: Debian, text: str, situation: Situation) -> tuple[str, str]:
    """What becomes of the mail, by the program and by the model."""
    recipient, hosts = "someone@destination.example", ("mx1.destination.example", "mx2.destination.example")
    names = hosts[: 1 if situation.second is None else 2]
    addresses = {name: f"192.0.2.{number}" for number, name in enumerate(names, 1)}
    scene, chains = Scene(recipient, names, addresses, {}), certificates(names)
    answers = given(situation, scene)
    choose = Answers(answers)
    program = debian.deliver(text, scene, chains.root, LatticeZones(scene, choose, chains), choose)
    tested = Policy("/etc/exim4/exim4.conf", text, profile("4.96-debian12"), chains)
    return program, modelled(replace(tested, chains=chains), scene, answers)
