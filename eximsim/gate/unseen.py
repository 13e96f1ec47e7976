"""What no mail that was tried shows, so that nothing can be said of it when it changes.

Names and patterns are tried; which addresses have a certain length or a certain hash nobody finds out. And
of a router that takes no mail of those that were tried, nothing but its conditions is seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import blake2b

from eximsim.errors import EximsimError, Gap
from eximsim.gate.hunks import difference
from eximsim.gate.named_words import is_hard_to_meet
from eximsim.gate.report import Group
from eximsim.gate.step import Toggle
from eximsim.mta.config.optionlist import Status
from eximsim.mta.config.options import Options
from eximsim.mta.config.retry_rules import ANY_REPLY
from eximsim.quick_dataclass import dataclass
from eximsim.status import Errno
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

_HELP = "--recipient or --sender names others"


@dataclass(frozen=True, slots=True)
class Unseen:
    """Something that is not seen at work: whose it is, in words, where it stands, and a digest of it."""

    owner: str
    where: str
    digest: str


# ---- of two policies -------------------------------------------------------------------------------------


def unseen_gaps(
    policies: tuple[Policy, Policy],
    steps: Sequence[Toggle],
    groups: Sequence[Group],
    taken: Iterable[Collection[str]],
) -> Iterator[Gap]:
    """A gap for each step that is the cause of nothing, if it picks addresses by more than their names or is
    about a router that has taken no mail. Which routers have is in ``taken``, for each policy.
    """
    causes = {cause for group in groups for cause in group.cause}
    busy = {name for names in taken for name in names}
    idle = {f"router {name}" for policy in policies for name in _idle(policy, busy)}
    for step in steps:
        cause = step.cause
        if cause in causes or cause.name in _PICKS_NOTHING:
            continue
        if cause.name == "retries":
            was, now = (tuple(_of_errors(policy)) for policy in policies)
            yield from changed_unseen(was, now, ())
        text = _of_an_acl(*policies, cause.where) if cause.name.startswith("acl ") else cause.text
        if is_hard_to_meet(text):
            yield Gap(_picks(cause.name), cause.where, _HELP)
        elif (router := step.driver or cause.name) in idle:
            yield Gap(_takes_nothing(router), cause.where, _HELP)


def _picks(name: str) -> str:
    return f"{name}: what has changed picks addresses, and none was found of which it does"


def _takes_nothing(router: str) -> str:
    return f"{router} has changed, and no mail was found that it takes"


def _of_an_acl(base: Policy, head: Policy, where: str) -> str:
    """The lines that have changed there, if messages of this machine are asked about by an ACL."""
    if not any(map(_asks_about_own, (base, head))):
        return ""
    path, _, line = where.rpartition(":")
    try:
        hunks = difference(base, head).hunks
    except EximsimError:
        return ""
    touched = (one for one in hunks if one.touches(path, int(line), int(line)))
    return "\n".join(line for one in touched for line in (*one.gone, *one.come))


def _asks_about_own(policy: Policy) -> bool:
    return any(policy.config.main.text(name) for name in ("acl_not_smtp", "acl_not_smtp_start"))


def _of_errors(policy: Policy) -> Iterator[Unseen]:
    """The retry rules for errors that no situation brings about."""
    for rule in policy.config.retries:
        code = rule.more_errno
        if rule.basic_errno in _OF_REPLIES:
            met = code in _REPLIES
        else:
            met = rule.basic_errno != Errno.SMTPCLOSED and code & 255 != ord("A")
        if not met:
            text = f"{rule.pattern} {rule.basic_errno} {code} {rule.senders} {rule.rules}"
            yield Unseen(_RETRIES, f"{rule.path}:{rule.line}", _digest(text))


_OF_REPLIES = (Errno.MAIL4XX, Errno.RCPT4XX, Errno.DATA4XX)
_REPLIES = (ANY_REPLY, 50 << 8, 150 << 8)
"""The 4xx replies of retry rules that servers give: any, 450, 45x."""
_RETRIES = "retry rules"


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _idle(policy: Policy, taken: Collection[str]) -> Iterator[str]:
    """The routers that could take mail on its way out, and have taken none."""
    for router in policy.config.routers:
        if router.name not in taken and not router.options.flag("verify_only"):
            yield router.name


# ---- of one policy, for a lock ---------------------------------------------------------------------------


def unseen_of(policy: Policy, taken: Collection[str]) -> tuple[Unseen, ...]:
    """All that of a policy."""
    idle = frozenset(_idle(policy, taken))
    found = (Unseen(owner, where, _digest(text)) for owner, where, text in _unseen(policy, idle))
    return (*found, *_of_errors(policy))


def _unseen(policy: Policy, idle: Collection[str]) -> Iterator[tuple[str, str, str]]:
    config = policy.config
    yield from _hard("main section", config.main, config.path)
    for (kind, name), (path, line) in config.list_places.items():
        text = config.named_lists[kind][name]
        if is_hard_to_meet(text):
            yield f"{kind}list {name}", f"{path}:{line}", text
    for router in config.routers:
        owner = f"router {router.name}"
        if router.name in idle:
            yield owner, f"{router.path}:{router.line}", router.driver
            for name, (path, line) in router.options.settings():
                if name not in _PICKS_NOTHING and router.options.status(name) is not Status.INERT:
                    yield owner, f"{path}:{line}", f"{name} = {router.options.value(name)!r}"
        else:
            yield from _hard(owner, router.options, router.path)
    for transport in config.transports.values():
        yield from _hard(f"transport {transport.name}", transport.options, transport.path)
    for name, verbs in config.acls.items() if _asks_about_own(policy) else ():
        for condition in (condition for verb in verbs for condition in verb.conditions):
            if condition.name not in _PICKS_NOTHING and is_hard_to_meet(condition.argument):
                yield f"acl {name}", f"{condition.path}:{condition.line}", condition.argument


def _hard(owner: str, options: Options, default: str) -> Iterator[tuple[str, str, str]]:
    for name, (path, line) in options.settings():
        value = options.value(name)
        if name not in _PICKS_NOTHING and isinstance(value, str) and is_hard_to_meet(value):
            yield f"{name} of {owner}", f"{path or default}:{line}", f"{name} = {value!r}"


def changed_unseen(was: Sequence[Unseen], now: Sequence[Unseen], changed: Sequence[str]) -> Iterator[Gap]:
    """A gap for each owner of something that is not as it was; ``changed`` are the lines that are not."""
    places = [line.partition(" ")[0] for line in changed]
    owners: dict[str, list[str]] = {}
    for one in (*_without(now, was), *_without(was, now)):
        owners.setdefault(one.owner, []).append(one.where)
    for owner, wheres in owners.items():
        where = next((place for place in places if place in wheres), wheres[0])
        what = _takes_nothing(owner) if owner.startswith("router ") else _picks(owner)
        if owner == _RETRIES:
            what = f"{owner}: errors that no situation brings about are not explored"
        others = [place for place in places if place != where][:_MOST_LINES]
        also = f" (changed since the lock was made: {', '.join(others)})" if others else ""
        yield Gap(f"{what}{also}", where, _HELP)


_MOST_LINES = 8


def _without(some: Sequence[Unseen], others: Sequence[Unseen]) -> Iterator[Unseen]:
    """Those that others do not have."""
    left = Counter((one.owner, one.digest) for one in others)
    for one in some:
        key = one.owner, one.digest
        if left[key]:
            left[key] -= 1
        else:
            yield one
