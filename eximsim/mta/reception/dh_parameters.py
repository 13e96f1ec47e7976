"""Diffie-Hellman parameters of a server (std_dh_prime_named() in src/std-crypto.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.process.log import log_write

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_DEPRECATED = {"ike22": True, "ike23": False, "ike24": False}
"""Those of RFC 5114, and whether a server that is to use them calls that a panic."""


def warn_of_dh_parameters(process: Process, name: str) -> None:
    """Tell the log that tls_dhparam, expanded, names parameters that nobody should use."""
    if name in _DEPRECATED and process.profile.dh_parameters_deprecated:
        text = f"WARNING: deprecated Diffie-Hellman parameter '{name}' used"
        log_write(process, text, panic=_DEPRECATED[name])
