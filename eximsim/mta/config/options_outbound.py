"""Which of the unsupported options could change what becomes of an outbound message or of a callout.

The others are about messages that come in over SMTP, about bounces and local mailboxes, about the text of a
message, or about how much is done at the same time.
"""

from __future__ import annotations

_ROUTER = frozenset(["bmi_deliver_alternate", "bmi_deliver_default", "bmi_dont_deliver", "bmi_rule"])

MAIN_EXPANDED = (
    "acl_not_smtp", "dns_again_means_nonexist", "dns_ipv4_lookup", "dns_trust_aa", "event_action",
    "hold_domains", "hosts_treat_as_local", "local_interfaces", "queue_domains", "queue_smtp_domains",
    "system_filter", "untrusted_set_sender",
)  # fmt: skip
"""Options of the main section whose text is evaluated on the way of an outbound message."""

OUTBOUND_TRANSPORTS = frozenset({"smtp"})
"""Drivers of transports that send to other hosts."""


def can_matter_outbound(place: str, name: str) -> bool:
    """Whether the unsupported option ``name`` of ``place`` (as in ``LeftOut``) could make a difference."""
    kind = place.partition(".")[0]
    if kind == "main":
        return False
    if kind == "router":
        return name not in _ROUTER
    return kind == "transport"
