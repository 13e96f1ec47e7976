"""Routers, transports and authenticators as a configuration defines them.

Source: readconf_driver_init() in src/readconf.c, route_init() in src/route.c, transport_init() in
src/transport.c, and the drivers' own init functions.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations

from eximsim.errors import Anonymous, InputError, Malformed, Unsupported
from eximsim.mta.config.config_lines import ConfigLine, Section
from eximsim.mta.config.option_settings import Settings
from eximsim.mta.config.option_values import readconf_readname
from eximsim.mta.config.options import Options, Schema
from eximsim.mta.config.options_auths import NAMELESS, authenticators, can_be_client, can_be_server
from eximsim.mta.config.rewrite_rules import transport_rewrites
from eximsim.mta.config.transport_checks import check_any_transport, check_transport
from eximsim.profiles import Profile
from eximsim.quick_dataclass import dataclass

_SELF = frozenset({"freeze", "defer", "send", "pass", "fail"})
_ALL_IGNORED = frozenset({"decline", "defer", "fail", "freeze", "pass"})
_FIND_FAILED = _ALL_IGNORED | {"ignore"}
_PRECONDITIONS = (
    "check_local_user",
    "local_parts",
    "condition",
    "local_part_prefix",
    "local_part_suffix",
    "senders",
    "require_files",
)


@dataclass(frozen=True, slots=True)
class DriverInstance:
    """A router, a transport or an authenticator: its name, its driver, its generic and private options."""

    name: str
    driver: str
    options: Options
    path: str
    line: int


@dataclass(slots=True)
class _Unfinished:
    """A driver whose options are being read; ``early`` are the lines before the one that names the driver."""

    name: str
    line: ConfigLine
    early: list[ConfigLine]
    driver: str = ""
    settings: Settings | None = None


Finish = Callable[[str, str, Settings], None]
Tolerate = Callable[[str, str, Unsupported], None] | None
"""Told of what the model does not have: place, option, problem; None if that is to be raised."""


def read_drivers(
    kind: str,
    section: Section,
    schemas: Mapping[str, Schema],
    finish: Finish,
    tolerate: Tolerate = None,
) -> Iterator[DriverInstance]:
    """The drivers of a section; ``finish`` sets defaults that depend on other options and checks the rest.

    ``kind`` is ``"router"``, ``"transport"`` or ``"authenticator"``. Raises ``InputError``, and
    ``Unsupported`` unless ``tolerate`` takes that.
    """
    names: set[str] = set()
    current: _Unfinished | None = None
    for line in section:
        name, position = readconf_readname(line.text)
        after = line.text[position : position + 1]
        if after == ":" or (after == "=" and name[:1].isupper()):
            if current is not None:
                yield _finished(kind, current, finish)
                current = None
            if after == "=":
                section.lines.assign(line)
                continue
            if name in names:
                raise InputError(f'there are two {kind}s called "{name}"', line.path, line.line)
            if line.text[position + 1 :].strip():
                raise InputError(f"extra characters follow driver name {name}", line.path, line.line)
            names.add(name)
            current = _Unfinished(name, line, [])
        elif current is None:
            raise InputError(f"{kind} name missing: NAME: expected", line.path, line.line)
        else:
            _setting(kind, current, line, name, schemas, tolerate)
    if current is not None:
        yield _finished(kind, current, finish)


def _setting(
    kind: str,
    current: _Unfinished,
    line: ConfigLine,
    name: str,
    schemas: Mapping[str, Schema],
    tolerate: Tolerate,
) -> None:
    if current.settings is not None:
        current.settings.handle(line, "option")
        return
    current.early.append(line)
    if name != "driver":
        return
    driver = line.text.partition("=")[2].strip().strip('"')
    schema = schemas.get(driver)
    if schema is None:
        message = f'{kind} {current.name}: cannot find {kind} driver "{driver}"'
        raise InputError(message, line.path, line.line, hint=f"one of {', '.join(schemas)} expected")
    current.driver = driver
    place = f"{kind}.{current.name}"
    current.settings = Settings(schema, partial(tolerate, place) if tolerate is not None else None)
    for early in current.early:
        current.settings.handle(early, "option")


def _finished(kind: str, current: _Unfinished, finish: Finish) -> DriverInstance:
    path, line = current.line.path, current.line.line
    settings = current.settings
    if settings is None:
        raise InputError(f'no driver defined for {kind} "{current.name}"', path, line)
    try:
        finish(current.name, current.driver, settings)
    except Anonymous as error:
        raise InputError(error.message, path, line, subject="", hint=error.hint) from None
    except Malformed as error:
        subject = f"{current.name} {kind}"
        message = f"{subject}: {error.message}"
        raise InputError(message, path, line, subject=subject, hint=error.hint) from None
    return DriverInstance(current.name, current.driver, settings.options(), path, line)


# ---- routers ----------------------------------------------------------------------------------------------


def read_routers(
    section: Section, schemas: Mapping[str, Schema], profile: Profile, tolerate: Tolerate = None
) -> tuple[DriverInstance, ...]:
    """The routers section."""

    def finish(name: str, driver: str, settings: Settings) -> None:
        options = settings.options()
        if "log_as_local" not in settings.values:
            settings.values["log_as_local"] = driver == "accept"
        if "retry_use_local_part" not in settings.values:
            conditions = _PRECONDITIONS if profile.retry_local_part_if_preconditions else _PRECONDITIONS[:1]
            settings.values["retry_use_local_part"] = any(settings.values.get(name) for name in conditions)
        _check_router(options)
        if driver in _ROUTER_CHECKS:
            _ROUTER_CHECKS[driver](name, options)

    routers = tuple(read_drivers("router", section, schemas, finish, tolerate))
    names = [router.name for router in routers]
    for position, router in enumerate(routers):
        _check_names(router, names, names[position + 1 :])
    return routers


def _check_router(options: Options) -> None:
    word = options.text("self") or ""
    if word not in _SELF and not word.startswith("reroute:"):
        raise Malformed(f"{word} is not valid for the self option", f"{_words(_SELF)} or reroute: expected")


def _check_accept(name: str, options: Options) -> None:
    if options.text("transport") is None and not options.flag("verify_only"):
        raise Anonymous(f"{name} router:\n  a transport is required for this router")


def _check_redirect(name: str, options: Options) -> None:
    if options.is_set("transport"):
        raise Anonymous(f"{name} router:\n  a transport must not be defined for this router")
    if options.is_set("file") == options.is_set("data"):
        only = "only " if options.is_set("file") else ""
        raise Malformed(f'{only}one of "file" or "data" must be specified')
    if options.flag("one_time"):
        if options.is_set("headers_add") or options.is_set("headers_remove"):
            raise Malformed('"headers_add" and "headers_remove" are not permitted with "one_time"')
        if options.is_set("unseen") and options.value("unseen") is not False:
            raise Malformed('"unseen" may not be used with "one_time"')
    if options.is_set("qualify_domain") and options.flag("qualify_preserve_domain"):
        raise Malformed('only one of "qualify_domain" or "qualify_preserve_domain" must be set')
    if options.flag("allow_filter") and not (options.flag("check_local_user") or options.is_set("user")):
        raise Malformed('"user" or "check_local_user" must be set with "allow_filter"')


def _check_manualroute(name: str, options: Options) -> None:
    for option, words in (("host_find_failed", _FIND_FAILED), ("host_all_ignored", _ALL_IGNORED)):
        if options.text(option) not in words:
            hint = f"one of {_words(words)} expected"
            raise Malformed(f"unrecognized setting for {option} option", hint)
    if options.is_set("route_list") == options.is_set("route_data"):
        raise Malformed("route_list or route_data (but not both) must be specified")


def _check_queryprogram(name: str, options: Options) -> None:
    if options.text("command") is None:
        raise Malformed("a command specification is required")
    if options.text("command_user") is None:
        raise Malformed("command_user must be specified")


def _check_iplookup(name: str, options: Options) -> None:
    if options.number("port") < 0:
        raise Malformed("a port must be specified")
    if options.text("hosts") is None:
        raise Malformed("a host list must be specified")
    if options.text("protocol") not in ("udp", "tcp"):
        raise Malformed("protocol not specified as udp or tcp")


_ROUTER_CHECKS: dict[str, Callable[[str, Options], None]] = {
    "accept": _check_accept,
    "dnslookup": _check_accept,
    "ipliteral": _check_accept,
    "iplookup": _check_iplookup,
    "manualroute": _check_manualroute,
    "queryprogram": _check_queryprogram,
    "redirect": _check_redirect,
}


def _words(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))


def _check_names(router: DriverInstance, names: Sequence[str], later: Sequence[str]) -> None:
    for option, allowed in (("redirect_router", names), ("pass_router", later)):
        name = router.options.text(option)
        if name is not None and name not in allowed:
            wrong = "does not follow" if name in names else "not found for"
            raise InputError(
                f'new_router "{name}" {wrong} "{router.name}" router',
                *router.options.where(option),
                subject="",
            )


# ---- transports -------------------------------------------------------------------------------------------


def read_transports(
    section: Section, schemas: Mapping[str, Schema], tolerate: Tolerate = None
) -> tuple[DriverInstance, ...]:
    """The transports section; what all drivers have in common is checked when all have been read."""
    read = tuple(read_drivers("transport", section, schemas, _finish_transport, tolerate))
    for one in read:
        try:
            check_any_transport(one.name, one.driver, one.options)
        except Anonymous as error:
            raise InputError(error.message, one.path, one.line, subject="") from None
    return read


def _finish_transport(name: str, driver: str, settings: Settings) -> None:
    if "retry_use_local_part" not in settings.values:
        settings.values["retry_use_local_part"] = driver != "smtp"
    options = settings.options()
    transport_rewrites(options)
    check_transport(name, driver, options)


# ---- authenticators ---------------------------------------------------------------------------------------


def read_authenticators(section: Section, absent: Container[str]) -> tuple[DriverInstance, ...]:
    """The authenticators section; ``absent`` holds the drivers that a release does not have."""
    known = {name: one for name, one in authenticators().items() if f"driver.{name}" not in absent}
    read = tuple(read_drivers("authenticator", section, known, _finish_authenticator))
    for one, other in combinations(read, 2):
        name = one.options.text("public_name") or ""
        if name.lower() != (other.options.text("public_name") or "").lower():
            continue
        clients = can_be_client(one.options) and can_be_client(other.options)
        if clients or all(can_be_server(each.driver, each.options) for each in (one, other)):
            what = "client" if clients else "server"
            message = (
                f"two {what} authenticators ({one.name} and {other.name}) have the same public name ({name})"
            )
            raise InputError(message, other.path, other.line, subject="")
    return read


def _finish_authenticator(name: str, driver: str, settings: Settings) -> None:
    options = settings.options()
    if driver == "spa" and options.is_set("client_username") != options.is_set("client_password"):
        raise Malformed("one of client_username and client_password cannot be set without the other")
    if options.text("public_name") is None:
        if driver in NAMELESS:
            raise Anonymous(f"no public name specified for the {name} authenticator")
        settings.values["public_name"] = name
