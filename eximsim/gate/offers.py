"""What servers may offer, and what a sender may ask for: as far as it can matter to some configurations.

Nothing of it costs a configuration anything that has no option about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from eximsim.mta.base.errnos import ECONNREFUSED, ETIMEDOUT
from eximsim.status import Errno
from eximsim.suite.policy import Policy

_USUAL = ("SIZE 52428800", "8BITMIME", "DSN", "PIPELINING")
"""What nearly every server offers."""
_ABOUT = {
    "hosts_avoid_pipelining": _USUAL,
    "hosts_pipe_connect": _USUAL,
    "size_addition": _USUAL,
    "hosts_try_chunking": (*_USUAL, "CHUNKING"),
    "lmtp_ignore_quota": (*_USUAL, "IGNOREQUOTA"),
}
"""The options of the smtp transport that are about extensions, and what servers offer then."""


def extensions(policies: Iterable[Policy]) -> Iterator[str]:
    """What servers may offer, if a transport has an option about it or releases differ in its default."""
    transports = [one for policy in policies for one in policy.config.transports.values()]
    out = [one.options for one in transports if one.driver == "smtp"]
    for name, offered in _ABOUT.items():
        values = {one.value(name) or None if name in one.names else None for one in out}
        if len(values) > 1 or any(one.is_set(name) for one in out if name in one.names):
            yield from offered


_OF_BATCHES = ("connection_max_messages", "hosts_try_prdr", "max_rcpt", "multi_domain")
"""The options of the smtp transport that are about several recipients."""


def _matters(policies: Sequence[Policy], names: Sequence[str]) -> bool:
    """Whether policies differ in one of these options of the smtp transport; or if a single one sets any."""
    if len(policies) > 1:
        return _differ(policies, names)
    out = [one.options for one in policies[0].config.transports.values() if one.driver == "smtp"]
    return any(one.is_set(name) for one in out for name in names)


def _differ(policies: Sequence[Policy], names: Sequence[str]) -> bool:
    values = [
        {
            (one.name, name): one.options.value(name)
            for one in policy.config.transports.values()
            if one.driver == "smtp"
            for name in names
        }
        for policy in policies
    ]
    return any(one != values[0] for one in values)


def of_batches(policies: Sequence[Policy]) -> tuple[bool, bool, bool]:
    """Whether it matters that a message has two recipients; whether PRDR does then, and LIMITS."""
    heeded = {policy.profile.limits_heeded for policy in policies}
    batches = len(heeded) > 1 or _matters(policies, _OF_BATCHES)
    return batches, _matters(policies, ("hosts_try_prdr",)), batches and True in heeded


def late(policies: Sequence[Policy]) -> tuple[int, int]:
    """After how many seconds a banner, and the answer to a message, is too late for some policies only."""
    every = [one for policy in policies for one in policy.config.transports.values() if one.driver == "smtp"]
    found = []
    for name in ("command_timeout", "final_timeout"):
        limits = {one.options.seconds(name) for one in every} if _differ(policies, (name,)) else set[int]()
        found.append((min(limits) + max(limits)) // 2 if len(limits) > 1 else 0)
    return found[0], found[1]


def offers_dsn(policy: Policy) -> bool:
    """Whether a policy offers DSN to some clients."""
    return bool((policy.config.main.text("dsn_advertise_hosts") or "").strip(" :"))


def are_told_otherwise(policies: Sequence[Policy]) -> bool:
    """Whether policies that offer DSN differ in who reports to a sender that a message has left.

    That changes no outcome, but what is written to whom: it is of no use for a lock, which holds no words.
    """
    said = [
        (offers_dsn(policy), *((one.name, one.options.flag("dsn_lasthop")) for one in policy.config.routers))
        for policy in policies
    ]
    return any(map(offers_dsn, policies)) and any(one != said[0] for one in said)


_TRIED: Mapping[int, Sequence[str]] = {
    0: ("refused", "rcpt"),
    ECONNREFUSED: ("refused",),
    ETIMEDOUT: ("timeout",),
    Errno.MAIL4XX: ("mail",),
    Errno.RCPT4XX: ("rcpt",),
    Errno.DATA4XX: ("data",),
    Errno.AUTHFAIL: ("auth",),
}
"""The situations in which a retry rule for an error decides."""


_OF_NAMES = "tls_verify_cert_hostnames"


def situations(policies: Iterable[Policy]) -> Iterator[str]:
    """The situations beyond the typical ones in which hosts or domains may differ, by their names.

    Certificates for another name, if the name does not matter for all hosts; errors, if retry rules are not
    the same for all.
    """
    for policy in policies:
        config = policy.config
        for one in config.transports.values():
            known = one.driver == "smtp" and _OF_NAMES in one.options.names
            if known and (one.options.text(_OF_NAMES) or "*") != "*":
                yield "another name"
        if any(rule.pattern != "*" or rule.senders is not None for rule in config.retries):
            for rule in config.retries:
                yield from _TRIED.get(rule.basic_errno, ())
