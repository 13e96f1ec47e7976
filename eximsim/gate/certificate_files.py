"""Files of certificates that a configuration names: their content is not explored, a change in one is a gap.

Every file of authorities stands for the one that has issued the good certificates of a situation, and every
client certificate for one that will do.
"""

from __future__ import annotations

from collections.abc import Iterator

from eximsim.errors import Gap
from eximsim.gate.routes import smtp_transports
from eximsim.suite.policy import Policy

_OPTIONS = ("tls_verify_certificates", "tls_certificate", "tls_privatekey", "tls_crl")
_REMEDY = "what hosts it is good for is not explored: look at it yourself, then --allow-incomplete"


def certificate_gaps(base: Policy, head: Policy) -> Iterator[Gap]:
    """A gap for each file of certificates that says something else on the other side, or is not there."""
    for option, path, where in _named(head):
        before, after = base.files.content(path), head.files.content(path)
        if before != after:
            yield Gap(f"{option}: what {path} holds has changed", where, _REMEDY)


def _named(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """Options that name one file outright, the file, and where they are set."""
    for transport in smtp_transports(policy.config):
        for option in _OPTIONS:
            path = transport.options.text(option) or ""
            if path.startswith("/") and "$" not in path:
                file, line = transport.options.where(option)
                yield option, path, f"{file}:{line}"
