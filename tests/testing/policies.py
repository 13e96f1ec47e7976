"""A mail system for tests of the verbs: smart enough to fail in every way that they tell apart."""

from __future__ import annotations

from pathlib import Path

from eximsim.testing import Machine, Mta, Server, Zone
from eximsim.testing.configurations import Configurations

CONFIG = """\
primary_hostname = mail.example.net
domainlist local_domains = example.net
acl_smtp_rcpt = check_rcpt
begin acl
check_rcpt:
  accept verify = recipient/callout=10s
begin routers
remote:
  driver = dnslookup
  domains = ! +local_domains
  dnssec_request_domains = *
  transport = out
begin transports
out:
  driver = smtp
  hosts_try_dane = *
begin retry
* * F,2h,15m
"""


class Stand:
    """The fixtures without pytest."""

    def __init__(self, folder: Path = Path(), release: str = "4.99") -> None:
        self.zone = Zone()
        self.server = Server(self.zone)
        self.mta = Mta(self.zone, self.server, Configurations((folder,), release))

    def machine(self, **settings: str) -> Machine:
        return self.mta(text=CONFIG, **settings)  # type: ignore[arg-type]
