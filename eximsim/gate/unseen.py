"""What changed, may treat some addresses otherwise, and makes no difference to any mail that was tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eximsim.errors import EximsimError, Gap
from eximsim.gate.hunks import difference
from eximsim.gate.named_words import is_hard_to_meet
from eximsim.gate.report import Group
from eximsim.gate.step import Toggle
from eximsim.suite.policy import Policy

_PICKS_NOTHING = frozenset(
    (
        *("command", "current_directory", "directory", "environment", "file"),
        *("from", "group", "headers_add", "headers_remove", "helo_data"),
        *("home_directory", "log_message", "message", "path", "received_header_text"),
        *("smtp_banner", "subject", "text", "to", "transport_current_directory"),
        *("transport_home_directory", "user"),
    )
)
"""Options that decide neither where a message goes nor how."""


def unseen_gaps(
    base: Policy, head: Policy, steps: Sequence[Toggle], groups: Sequence[Group]
) -> Iterator[Gap]:
    """A gap for each step that picks addresses by more than their names, and that is the cause of nothing.

    Names and patterns are tried; which addresses have a certain length or a certain hash nobody finds out.
    """
    causes = {cause for group in groups for cause in group.cause}
    for step in steps:
        cause = step.cause
        if cause in causes or cause.name in _PICKS_NOTHING:
            continue
        text = _of_an_acl(base, head, cause.where) if cause.name.startswith("acl ") else cause.text
        if is_hard_to_meet(text):
            what = f"{cause.name}: what has changed picks addresses, and none was found of which it does"
            yield Gap(what, cause.where, "--recipient or --sender names others")


def _of_an_acl(base: Policy, head: Policy, where: str) -> str:
    """The lines that have changed there, if messages of this machine are asked about by an ACL."""
    if not any(policy.config.main.text("acl_not_smtp") for policy in (base, head)):
        return ""
    path, _, line = where.rpartition(":")
    try:
        hunks = difference(base, head).hunks
    except EximsimError:
        return ""
    touched = (one for one in hunks if one.touches(path, int(line), int(line)))
    return "\n".join(line for one in touched for line in (*one.gone, *one.come))
