"""The switches of Exim as a server: what it offers, what it asks, what it says and logs."""

from __future__ import annotations

from dataclasses import dataclass

from eximsim.history import since, switch
from eximsim.switches_tls import TlsLibrarySwitches


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSwitches(TlsLibrarySwitches):
    """The part of a profile that is about clients, with what comes before it."""

    auth_data_not_logged: bool = switch(
        False, "smtp_handle_acl_fail() in smtp_in.c", since("4.95", "37a81ae73", item="JH/38")
    )
    """Of an AUTH command that an ACL refuses, the log shows the mechanism, not what came with it."""

    auth_failure_names_helo: bool = switch(
        False, "case AUTH_CMD in smtp_in.c", since("4.99", "7c88517fd", item="bug 2574")
    )
    """``authenticator failed for H=...`` with the fields of other lines about a client."""
