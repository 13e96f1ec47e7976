"""Strategies for tests with Hypothesis: worlds, and schedules of answers, around one's own configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.fuzz.schedule import Schedule, schedule
from eximsim.fuzz.schedules import FAULTS, at_questions
from eximsim.profiles import NEWEST
from eximsim.testing.certificates import chains
from eximsim.testing.configurations import Configurations
from eximsim.testing.drawn import COMMANDS, REPLIES, STARTTLS, Drawn, Host
from eximsim.testing.server import KINDS
from eximsim.testing.zone import TLSA

if TYPE_CHECKING:
    from eximsim.suite.policy import Policy

_MOST_HOSTS = 2


def over(
    config: str | Path,
    recipient: str = "someone@destination.example",
    *,
    folder: str | Path = ".",
    profile: str = NEWEST,
    defines: Mapping[str, str] | None = None,
    scheduled: bool = True,
) -> st.SearchStrategy[Drawn]:
    """Worlds around a configuration: what DNS and servers say, and when the answers of the DNS come.

    The plainest is a world where all is well and every answer comes at once.

    Args:
        config: the configuration's file, from ``folder``.
        recipient: to whom mail is sent.
        folder: where the configuration, and files that it names, are looked for.
        profile: the release.
        defines: macros, as of Exim's ``-D``.
        scheduled: False: every answer comes at once and as it is.

    Raises:
        InputError: no mail for the recipient goes out by SMTP; there is no such file, or a mistake in it.
        Unsupported: the model does not have what the configuration needs.
    """
    configurations = Configurations((Path(folder).resolve(),), profile, None, defines or {})
    return over_policy(configurations.read(chains(), config), recipient, scheduled=scheduled)


def over_policy(policy: Policy, recipient: str, *, scheduled: bool = True) -> st.SearchStrategy[Drawn]:
    """As ``over``, of a configuration that has been read, with the chains of ``testing.certificates``."""
    from eximsim.gate.routes import Mail, route_of

    domain = recipient.rpartition("@")[2]
    route = route_of(policy, Mail(recipient))
    names = tuple(f"mx{number}.{domain}" for number in range(1, _MOST_HOSTS + 1))
    if not route.hosts or not _goes_out(policy, recipient, names if route.by_mx else route.hosts):
        raise InputError(f"no mail for {recipient} goes out by an smtp transport", policy.path)
    if route.by_mx:
        several = st.lists(st.just(None), min_size=1, max_size=_MOST_HOSTS).map(
            lambda some: names[: len(some)]
        )
    else:
        several = st.just(route.hosts)

    def worlds(hosts: tuple[str, ...]) -> st.SearchStrategy[Drawn]:
        plans = _schedules(domain, hosts) if scheduled else st.just(Schedule())
        drawn = st.tuples(st.tuples(*map(_host, hosts)), st.sampled_from([True, False]), plans)
        return drawn.map(lambda parts: Drawn(policy, recipient, *parts))

    return several.flatmap(worlds)


def _goes_out(policy: Policy, recipient: str, names: tuple[str, ...]) -> bool:
    """Whether the recipient itself is routed to hosts, and not only a bounce about it."""
    plainest = Drawn(policy, recipient, tuple(map(Host, names)))
    return any(one.hosts for one in plainest.machine().route(recipient).found)


def _host(name: str) -> st.SearchStrategy[Host]:
    bad = st.sampled_from(tuple(REPLIES))
    replies = st.dictionaries(st.sampled_from(COMMANDS), bad, max_size=2)
    return st.builds(
        Host,
        st.just(name),
        tlsa=st.sampled_from(tuple(TLSA)),
        address_secure=st.sampled_from([True, False]),
        certificate=st.sampled_from(KINDS),
        starttls=st.sampled_from(tuple(STARTTLS)),
        listen=st.sampled_from([True, True, True, False]),
        replies=replies.map(lambda found: tuple(sorted(found.items()))),
    )


def _schedules(domain: str, hosts: tuple[str, ...]) -> st.SearchStrategy[Schedule]:
    """None, one fault of those that the search tries all, or any."""
    questions = tuple(
        f"{type}@{name.partition('.')[0]}"
        for name, types in ((domain, ("mx",)), *((host, ("tlsa", "a")) for host in hosts))
        for type in types
    )
    one = st.builds(
        lambda question, fault: schedule(f"{question}:{fault}"),
        st.sampled_from(questions),
        st.sampled_from(FAULTS),
    )
    return st.one_of(st.just(Schedule()), one, at_questions(questions))
