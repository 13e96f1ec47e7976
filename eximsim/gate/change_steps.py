"""The single steps that lead from one policy to another: options set otherwise, switches of the release."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from functools import partial

from eximsim.errors import EximsimError
from eximsim.gate.hunks import difference, hunks_of
from eximsim.gate.report import Cause
from eximsim.gate.step import Toggle, told
from eximsim.gate.upgrade import upgrade
from eximsim.mta.base.string import from_octets
from eximsim.mta.config.acl_read import AclCondition, AclVerb
from eximsim.mta.config.drivers import DriverInstance
from eximsim.mta.config.optionlist import Status
from eximsim.mta.config.options import Options
from eximsim.mta.config.readconf import Config
from eximsim.profiles import Profile
from eximsim.suite.policy import Policy


def toggles(base: Policy, head: Policy) -> tuple[Toggle, ...]:
    """Every step from ``base`` to ``head``, in the order in which causes are looked for.

    Of the files that a configuration looks things up in, those count that the policies have asked for so far.
    """
    switches, defaults, tables = upgrade(base, head.profile)
    return (*switches, *defaults, *_options(base, head), *_files(base, head), *tables)


# ---- options ---------------------------------------------------------------------------------------------

_Step = Callable[[Config], Config]


def _options(base: Policy, head: Policy) -> Iterator[Toggle]:
    try:
        old = base.config
        new = replace(head, profile=base.profile).config
        lines = difference(base, head)
    except EximsimError:
        where = f"{head.path}:1"
        cause = Cause(
            "configuration", where, "The configuration of one side cannot be read by the other's release."
        )
        yield Toggle(cause, lambda policy: replace(head, profile=policy.profile))
        return
    for cause, step in _steps(old, new):
        where, how = lines.place(cause.where)
        text = f"{cause.text[:-1]} ({how})." if how else cause.text
        yield Toggle(
            Cause(cause.name, where, text), partial(_with_step, step=step), driver=_driver_of(old, new, step)
        )


def _driver_of(old: Config, new: Config, step: _Step) -> str | None:
    """The router or transport that a step changes, if it was there before and is there now."""
    told = step.keywords if isinstance(step, partial) else {}
    kind, name = told.get("kind"), told.get("name")
    sides = [
        config.transports if kind == "transport" else {router.name for router in config.routers}
        for config in (old, new)
    ]
    return f"{kind} {name}" if kind in ("router", "transport") and all(name in one for one in sides) else None


def _with_step(policy: Policy, *, step: _Step) -> Policy:
    return replace(policy, changed=step(policy.config))


def _steps(old: Config, new: Config) -> Iterator[tuple[Cause, _Step]]:
    for cause, options in _changed("main section", old.main, new.main):
        yield cause, partial(_set_main, name=cause.name, options=options)
    yield from _drivers("transport", dict(old.transports), dict(new.transports))
    yield from _drivers("router", {r.name: r for r in old.routers}, {r.name: r for r in new.routers})
    kept = [router.name for router in new.routers if router.name in {r.name for r in old.routers}]
    if kept != [router.name for router in old.routers if router.name in kept]:
        first = next(router for router in new.routers if router.name in kept)
        order = [router.name for router in new.routers]
        yield (
            Cause("order of routers", f"{first.path}:{first.line}", f"The order is now {', '.join(order)}."),
            partial(_reordered, order=order),
        )
    yield from _named_lists(old, new)
    yield from _acls(old, new)
    for part, what in _WHOLE_PARTS.items():
        if _without_lines(getattr(old, part)) != _without_lines(getattr(new, part)):
            yield (
                Cause(
                    part, _first_place(getattr(new, part), getattr(old, part), new), f"{what} have changed."
                ),
                partial(_set_part, part=part, of=new),
            )


_WHOLE_PARTS: Mapping[str, str] = {
    "retries": "The retry rules",
    "rewrites": "The rewrite rules",
    "authenticators": "The authenticators",
}


def _first_place(new: object, old: object, config: Config) -> str:
    """Where the first difference between two parts is, as far as they say where they are."""
    was, now = (list(part) if isinstance(part, tuple) else [] for part in (old, new))
    known = {_without_lines(one) for one in was}
    there = {_without_lines(one) for one in now}
    for one in (
        *(one for one in now if _without_lines(one) not in known),
        *(one for one in was if _without_lines(one) not in there),
    ):
        if (line := getattr(one, "line", 0)) and (path := getattr(one, "path", "")):
            return f"{path}:{line}"
    return f"{config.path}:{config.last_line or 1}"


def _named_lists(old: Config, new: Config) -> Iterator[tuple[Cause, _Step]]:
    for kind in new.named_lists:
        was, now = old.named_lists[kind], new.named_lists[kind]
        for name in dict.fromkeys((*now, *was)):
            if was.get(name) != now.get(name):
                path, line = (new if name in now else old).list_places[kind, name]
                text = f"{kind}list {name}: was {told(was.get(name))} and is {told(now.get(name))}."
                yield (
                    Cause(f"{kind}list {name}", f"{path}:{line}", text),
                    partial(_set_list, kind=kind, name=name, text=now.get(name)),
                )


def _set_list(config: Config, *, kind: str, name: str, text: str | None) -> Config:
    lists = {key: value for key, value in config.named_lists[kind].items() if key != name}
    if text is not None:
        lists[name] = text
    return replace(config, named_lists={**config.named_lists, kind: lists})


def _acls(old: Config, new: Config) -> Iterator[tuple[Cause, _Step]]:
    for name in dict.fromkeys((*new.acls, *old.acls)):
        was, now = old.acls.get(name, ()), new.acls.get(name, ())
        if _without_lines(was) != _without_lines(now):
            what = "is new" if not was else "is gone" if not now else "has changed"
            where = _first_place(_conditions(now), _conditions(was), new)
            cause = Cause(f"acl {name}", where, f"The access control list {what}.")
            yield cause, partial(_set_acl, name=name, verbs=now if name in new.acls else None)


def _conditions(verbs: Iterable[AclVerb]) -> tuple[AclVerb | AclCondition, ...]:
    found: list[AclVerb | AclCondition] = []
    for verb in verbs:
        found += (verb, *verb.conditions)
    return tuple(found)


def _set_acl(config: Config, *, name: str, verbs: tuple[AclVerb, ...] | None) -> Config:
    acls = {key: value for key, value in config.acls.items() if key != name}
    return replace(config, acls=acls if verbs is None else {**acls, name: verbs})


def _without_lines(part: object) -> str:
    """What a part of a configuration says, without where it says so."""
    return re.sub(r"\b(?:path='[^']*'|line=\d+)(?:, )?", "", repr(part))


def _set_main(config: Config, *, name: str, options: Options) -> Config:
    return replace(config, main=config.main.with_one_of(options, name))


def _set_part(config: Config, *, part: str, of: Config) -> Config:
    return replace(config, **{part: getattr(of, part)})


def _reordered(config: Config, *, order: list[str]) -> Config:
    place = {name: number for number, name in enumerate(order)}
    routers = sorted(config.routers, key=lambda router: place.get(router.name, len(place)))
    return replace(config, routers=tuple(routers))


def _changed(place: str, old: Options, new: Options) -> Iterator[tuple[Cause, Options]]:
    """The options that differ, each with where it is (or was) set."""
    names = dict.fromkeys(name for options in (new, old) for name, _ in options.settings())
    for name in names:
        was, now = old.value(name), new.value(name)
        if was != now and {old.status(name), new.status(name)} - {Status.INERT}:
            path, line = new.where(name) if new.is_set(name) else old.where(name)
            text = f"{place}: was {told(was)} and is {told(now)}."
            yield Cause(name, f"{path}:{line}", text), new


_Driver = dict[str, DriverInstance]


def _drivers(kind: str, old: _Driver, new: _Driver) -> Iterator[tuple[Cause, _Step]]:
    for name in dict.fromkeys((*new, *old)):
        was, now = old.get(name), new.get(name)
        if was is not None and now is not None and was.driver == now.driver:
            for cause, options in _changed(f"{kind} {name}", was.options, now.options):
                yield cause, partial(_set_driver, kind=kind, name=name, option=cause.name, options=options)
        else:
            there = now or was
            assert there is not None
            what = "new" if was is None else "gone" if now is None else "another driver"
            cause = Cause(f"{kind} {name}", f"{there.path}:{there.line}", f"The {kind} is {what}.")
            yield cause, partial(_replace_driver, kind=kind, name=name, driver=now, order=list(new))


def _set_driver(config: Config, *, kind: str, name: str, option: str, options: Options) -> Config:
    def changed(driver: DriverInstance) -> DriverInstance:
        return replace(driver, options=driver.options.with_one_of(options, option))

    if kind == "transport":
        return replace(config, transports={**config.transports, name: changed(config.transports[name])})
    routers = (changed(router) if router.name == name else router for router in config.routers)
    return replace(config, routers=tuple(routers))


def _replace_driver(
    config: Config, *, kind: str, name: str, driver: DriverInstance | None, order: list[str]
) -> Config:
    if kind == "transport":
        others = {key: one for key, one in config.transports.items() if key != name}
        return replace(config, transports=others if driver is None else {**others, name: driver})
    routers = {router.name: router for router in config.routers if router.name != name}
    if driver is not None:
        routers[name] = driver
    place = {key: number for number, key in enumerate(order)}
    return replace(
        config, routers=tuple(sorted(routers.values(), key=lambda router: place.get(router.name, -1)))
    )


# ---- files -----------------------------------------------------------------------------------------------


def _files(base: Policy, head: Policy) -> Iterator[Toggle]:
    """The files that were asked for, other than those that the configurations were read from."""
    own = {*base.config.files, *head.config.files}
    asked = (*base.files.found, *base.files.missing, *head.files.found, *head.files.missing)
    for path in dict.fromkeys(asked):
        was, now = base.files.content(path), head.files.content(path)
        if path in own or was == now:
            continue
        cause = Cause(path, *_of_file(path, was, now))
        yield Toggle(cause, partial(_with_file, path=path, content=now))


def _of_file(path: str, was: bytes | None, now: bytes | None) -> tuple[str, str]:
    """Where a file has changed first, and how."""
    if was is None or now is None:
        return f"{path}:1", "The file is not there any more." if now is None else "The file is new."
    hunk = next(hunks_of(path, path, *(from_octets(side).splitlines() for side in (was, now))), None)
    if hunk is None:
        return f"{path}:1", "The ends of its lines have changed."
    told = [repr(lines[0]) if lines else "nothing" for lines in (hunk.gone, hunk.come)]
    return hunk.where, f"The file has changed: was {told[0]} and is {told[1]}."


def _with_file(policy: Policy, *, path: str, content: bytes | None) -> Policy:
    return replace(policy, instead={**policy.instead, path: content})


# ---- which switches a run reads --------------------------------------------------------------------------


def watched(policy: Policy) -> tuple[Policy, set[str]]:
    """The policy with a profile that notes which of its switches are asked for, and these."""
    seen: set[str] = set()

    class Watched(Profile):
        __slots__ = ()

        def __getattribute__(self, name: str) -> object:
            seen.add(name)
            return object.__getattribute__(self, name)

    profile = object.__new__(Watched)
    for one in fields(Profile):
        object.__setattr__(profile, one.name, getattr(policy.profile, one.name))
    return replace(policy, profile=profile), seen
