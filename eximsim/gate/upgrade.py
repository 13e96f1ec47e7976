"""The steps of an upgrade: switches of the release, and options that it gives another default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from eximsim.errors import EximsimError
from eximsim.gate.report import Cause
from eximsim.gate.step import Toggle, told
from eximsim.mta.base.tables import shown
from eximsim.mta.config.expansion_history import lacking
from eximsim.mta.config.optionlist import Status, Value
from eximsim.mta.config.options import Options
from eximsim.mta.config.options_history import HISTORY
from eximsim.mta.config.readconf import Config
from eximsim.profiles import Profile, differences, steps_between
from eximsim.suite.policy import Policy
from eximsim.switch_docs import first_sentence, switch_words

_NAME = re.compile(r"\w+", re.ASCII)

_TABLES = "option_release"
"""The switch that says which options there are, and what they default to."""


def upgrade(base: Policy, new: Profile) -> tuple[tuple[Toggle, ...], tuple[Toggle, ...], tuple[Toggle, ...]]:
    """The switches that differ; the options of a configuration that have another default; the rest.

    The rest is the switch for the tables of options, for what no default explains.
    """
    switches = tuple(_switches(base.profile, new))
    tables = tuple(one for one in switches if one.switch == _TABLES)
    return tuple(one for one in switches if one not in tables), tuple(_defaults(base, new)), tables


def _switches(old: Profile, new: Profile) -> Iterator[Toggle]:
    changed = differences(old, new)
    words = switch_words() if changed else {}
    for name, (was, now) in changed.items():
        text = f"{first_sentence(words.get(name, ''))} Was: {shown(was)}; is: {shown(now)}."
        if isinstance(was, frozenset):
            text = first_sentence(words[name])
        if name == _TABLES:
            text = f"The options are those of {now}, no longer those of {was}."
        cause = Cause(name, origin(name, old, new), text.strip())
        yield Toggle(cause, partial(_with_switch, name=name, value=now), name, rest=name == _TABLES)


def _with_switch(policy: Policy, *, name: str, value: object) -> Policy:
    return replace(policy, profile=replace(policy.profile, **{name: value}))  # type: ignore[arg-type]  # by name


def origin(switch: str, old: Profile, new: Profile) -> str:
    """The commits and ChangeLog items that changed a switch between two releases.

    What was measured and is no commit's doing has the name of the newer release.
    """
    steps = steps_between(switch, old, new)
    return "; ".join(step.origin(release) for release, step in steps if step.commit) or new.name


# ---- defaults --------------------------------------------------------------------------------------------


def _defaults(base: Policy, new: Profile) -> Iterator[Toggle]:
    old = base.profile
    if old.option_release == new.option_release:
        return
    try:
        was = base.config
        now = replace(base, profile=replace(old, option_release=new.option_release)).config
    except EximsimError:
        return  # what the one release reads the other may refuse: that is a cause of its own
    unknown = lacking(old.option_release, old.build_lacks).variables
    for place, group, one, other in _sections(was, now):
        for name, value, default in _moved(one, other):
            if isinstance(default, str) and not unknown.isdisjoint(_NAME.findall(default)):
                continue  # the old release cannot expand it: it comes with the tables
            text = f"{place}: now defaults to {told(default)}; the default was {told(value)}."
            cause = Cause(name, _since(f"{group}.{name}", old, new), text)
            yield Toggle(cause, partial(_with_default, place=place, name=name, value=default))


def _with_default(policy: Policy, *, place: str, name: str, value: Value) -> Policy:
    kind, _, driver = place.partition(" ")
    return policy.with_option("main" if kind == "main" else f"{kind}.{driver}", name, value)  # type: ignore[arg-type]  # as it would be read


def _sections(was: Config, now: Config) -> Iterator[tuple[str, str, Options, Options]]:
    yield "main section", "main", was.main, now.main
    for one in was.transports.values():
        if (other := now.transports.get(one.name)) is not None and other.driver == one.driver:
            yield f"transport {one.name}", one.driver, one.options, other.options
    for router in was.routers:
        for other_router in now.routers:
            if (other_router.name, other_router.driver) == (router.name, router.driver):
                yield f"router {router.name}", router.driver, router.options, other_router.options


def _moved(was: Options, now: Options) -> Iterator[tuple[str, Value, Value]]:
    """The options that neither side sets, and whose values differ: name, old and new default."""
    for name in now.names:
        if was.is_set(name) or now.is_set(name) or now.status(name) is Status.INERT:
            continue
        value, default = was.value(name), now.value(name)
        if value != default:
            yield name, value, default


_ORIGINS: Mapping[str, str] = MappingProxyType(
    {
        "hosts_verify_avoid_tls": "01a4a5c5c (4.86 JH/13)",
        "tls_try_verify_hosts": "01a4a5c5c (4.86 JH/13)",
        "tls_verify_cert_hostnames": "01a4a5c5c (4.86 JH/13)",
        "tls_verify_certificates": "01a4a5c5c (4.86 JH/13)",
        "dnssec_request_domains": "ab0e957b0 (4.93 HS/06)",
        "hosts_noproxy_tls": "96eb7d2a5 (4.93)",
        "hosts_try_dane": "59c0959a3 (4.93 JH/22)",
        "queue_fast_ramp": "e3e959c9f (4.97 JH/02)",
        "remote_max_parallel": "e3e959c9f (4.97 JH/02)",
    }
)
"""Commit and ChangeLog item of new defaults, where these are known by themselves."""


def _since(key: str, old: Profile, new: Profile) -> str:
    """The commit and ChangeLog item that changed a default, or the release that did."""
    _, _, name = key.partition(".")
    if name in _ORIGINS:
        return _ORIGINS[name]
    wanted = {key, f"router.{name}", f"transport.{name}"}
    between = [old.option_release, new.option_release]
    releases = [changes.release for changes in HISTORY]
    first, last = sorted(map(releases.index, between))
    found = (one.release for one in HISTORY[first + 1 : last + 1] if wanted & one.defaults.keys())
    return next(found, new.name)
