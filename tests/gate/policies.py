"""Small configurations for tests of the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eximsim.gate.lattice import certificates
from eximsim.profiles import profile
from eximsim.suite.policy import Policy

DOMAIN = "destination.example"
MX = f"mx1.{DOMAIN}"

CONF = """\
primary_hostname = relay.example.org
acl_smtp_rcpt = check_rcpt
begin acl
check_rcpt:
  accept verify = recipient/callout
begin routers
out:
  driver = dnslookup
  transport = remote
  dnssec_request_domains = *
begin transports
remote:
  driver = smtp
  hosts_try_dane = *
OPTIONS
begin retry
* * F,2d,15m
"""


def policy(options: str = "", release: str = "4.99", path: str = "exim.conf", conf: str = CONF) -> Policy:
    """The configuration with these lines in its transport."""
    chains = certificates(("mail.invalid",))
    return Policy(path, conf.replace("OPTIONS\n", options), profile(release), chains)


class Answers:
    """Answers as they are given, else the plainest."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers

    def choose(self, axis: str, values: Sequence[str]) -> str:
        """See ``Chooser``."""
        return self._answers.get(axis, values[0])
