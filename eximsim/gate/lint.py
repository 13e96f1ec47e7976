"""Every setting of a configuration, and what the model makes of it: modelled, inert, unsupported, asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from eximsim.mta.acl.acl_conditions import ASKED, CONDITIONS
from eximsim.mta.acl.acl_controls import CONTROLS
from eximsim.mta.config.acl_read import MODIFIERS
from eximsim.mta.config.optionlist import Status
from eximsim.mta.config.options_auths import can_be_client
from eximsim.mta.config.options_outbound import MAIN_EXPANDED, OUTBOUND_TRANSPORTS, can_matter_outbound
from eximsim.mta.config.readconf import option_report
from eximsim.mta.expand.expand_survey import Need, needs
from eximsim.mta.reception.smtp_in_auth import SERVERS
from eximsim.mta.transports.smtp_auth import CLIENTS
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.config.acl_read import AclCondition
    from eximsim.mta.config.options import Options
    from eximsim.mta.config.readconf import Config, DriverInstance

_WORDS = ("message", "log_message", "endpass")
"""What an ACL says besides conditions and modifiers that do something."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One setting.

    ``name`` is an option (``transport.smtp.hosts``), a driver, an ACL condition or something in an expansion.
    ``status`` is as in ``optionlist``; ``matters`` tells of what is unsupported whether it could influence an
    outbound message or a callout. ``note`` says more, in words.
    """

    path: str
    line: int
    name: str
    status: Status
    matters: bool = False
    note: str = ""

    def as_json(self) -> dict[str, object]:
        """The object that ``eximsim lint --json`` prints."""
        return {
            "path": self.path,
            "line": self.line,
            "name": self.name,
            "status": self.status.value,
            "matters": self.matters,
            "note": self.note,
        }


def lint(config: Config) -> tuple[Finding, ...]:
    """What there is to say of each setting, by file and line. ``config`` was read by a tolerant reader."""
    found = [*_options(config), *_drivers(config), *_rewrites(config), *_acls(config), *_expansions(config)]
    order = {path: number for number, path in enumerate(dict.fromkeys(one.path for one in found))}
    return tuple(dict.fromkeys(sorted(found, key=lambda one: (order[one.path], one.line))))


def _options(config: Config) -> Iterator[Finding]:
    left_out = {(left.place, left.name) for left in config.left_out}
    local = {
        f"transport.{name}"
        for name, transport in config.transports.items()
        if transport.driver not in OUTBOUND_TRANSPORTS
    }
    for name, path, line, status in option_report(config):
        place, _, option = name.rpartition(".")
        place = place or "main"
        if status is not Status.UNSUPPORTED:
            yield Finding(path, line, name, status)
        elif place in local:
            yield Finding(path, line, name, status, note="local delivery")
        elif place.startswith(("router.", "transport.")) and (place, option) not in left_out:
            yield Finding(path, line, name, *_of_unknown_driver(config, place))
        elif (place, option) not in left_out:
            yield Finding(path, line, name, Status.INERT, note="changes nothing with this value")
        else:
            matters = can_matter_outbound(place, option)
            note = "" if matters else "cannot change what becomes of outbound mail"
            yield Finding(path, line, name, status, matters, note)


def _of_unknown_driver(config: Config, place: str) -> tuple[Status, bool, str]:
    """What an option is that was not left out: harmless, or one of a driver that the model does not have."""
    driver = _named(config)[place]
    if driver.options.is_modelled:
        return Status.INERT, False, "changes nothing with this value"
    return Status.UNSUPPORTED, False, f"of the driver {driver.driver}"


def _named(config: Config) -> Mapping[str, DriverInstance]:
    routers = {f"router.{router.name}": router for router in config.routers}
    return routers | {f"transport.{name}": transport for name, transport in config.transports.items()}


def _drivers(config: Config) -> Iterator[Finding]:
    for name, driver in _named(config).items():
        if driver.options.is_modelled:
            continue
        local = name.startswith("transport.")
        note = f"the {driver.driver} {name.partition('.')[0]}"
        yield Finding(driver.path, driver.line, name, Status.UNSUPPORTED, not local, note)
    yield from _authenticators(config)


def _authenticators(config: Config) -> Iterator[Finding]:
    """Those that Exim has as a client and the model has not matter where a transport authenticates itself.

    What clients of this host use does not matter for what goes out.
    """
    used = any(
        transport.options.written(name)
        for transport in config.transports.values()
        for name in ("hosts_try_auth", "hosts_require_auth")
        if transport.driver in OUTBOUND_TRANSPORTS
    )
    for auth in config.authenticators:
        client = can_be_client(auth.options)
        known = auth.driver in (CLIENTS if client else SERVERS)
        note = "" if known else f"the {auth.driver} authenticator, if a server offers it"
        note = note if used or known else "no transport has hosts_try_auth or hosts_require_auth"
        if not (client or known):
            note = f"the {auth.driver} authenticator as a server"
        status = Status.MODELLED if known else Status.UNSUPPORTED
        matters = used and client and not known
        yield Finding(auth.path, auth.line, f"authenticator.{auth.name}", status, matters, note)


def _rewrites(config: Config) -> Iterator[Finding]:
    for left in config.left_out:
        if left.place == "rewrite":
            problem = left.problem
            note = "only addresses that come in over SMTP"
            yield Finding(problem.path or "", problem.line or 0, problem.item, Status.UNSUPPORTED, note=note)


# ---- ACLs ------------------------------------------------------------------------------------------------


def _acls(config: Config) -> Iterator[Finding]:
    local = config.main.text("acl_not_smtp")
    for name, verbs in config.acls.items():
        for verb in verbs:
            for condition in verb.conditions:
                yield from _condition(condition, name, matters=name == local)


def _condition(condition: AclCondition, acl: str, *, matters: bool) -> Iterator[Finding]:
    where, note = (condition.path, condition.line), "" if matters else "of messages that come in over SMTP"
    kind = "modifier" if condition.name in MODIFIERS else "condition"
    if condition.name in ASKED:
        yield Finding(*where, f"acl.{acl}: {kind} {condition.name}", Status.ASKED, note=note)
    elif condition.name in _WORDS or condition.name in CONDITIONS:
        control = condition.argument.partition("/")[0]
        if condition.name == "control" and "$" not in control and control not in CONTROLS:
            yield Finding(*where, f"acl.{acl}: control {control}", Status.UNSUPPORTED, matters, note)
    else:
        yield Finding(*where, f"acl.{acl}: {kind} {condition.name}", Status.UNSUPPORTED, matters, note)
    verifies = condition.name == "verify" and "callout" in condition.argument
    for need in needs(condition.argument):
        yield _of(need, where, f"acl.{acl}: ", matters=matters or verifies, note=note)


# ---- expansions ------------------------------------------------------------------------------------------


def _expansions(config: Config) -> Iterator[Finding]:
    for name in MAIN_EXPANDED:
        yield from _texts(config.main, "", (name,), matters=True)
    others = tuple(
        name
        for name, _ in config.main.settings()
        if name not in MAIN_EXPANDED and config.main.status(name) is Status.MODELLED
    )
    yield from _texts(config.main, "", others, matters=False)
    for name, driver in _named(config).items():
        options = driver.options
        if options.is_modelled:
            modelled = (one for one, _ in options.settings() if options.status(one) is Status.MODELLED)
            yield from _texts(options, f"{name}.", tuple(modelled), matters=True)
    for rule in config.rewrites:
        for need in (*needs(rule.pattern), *needs(rule.replacement)):
            yield _of(need, (rule.path, rule.line), "rewrite: ")
    for (kind, name), place in config.list_places.items():
        for need in needs(config.named_lists[kind][name]):
            yield _of(need, place, f"{kind}list {name}: ")


def _texts(options: Options, prefix: str, names: tuple[str, ...], *, matters: bool) -> Iterator[Finding]:
    for name in names:
        path, line = options.where(name)
        if path is None or line is None:
            continue
        for need in needs(options.written(name)):
            yield _of(need, (path, line), f"{prefix}{name}: ", matters=matters)


def _of(need: Need, where: tuple[str, int], before: str, *, matters: bool = True, note: str = "") -> Finding:
    """What somebody answers is no lack: ``matters`` is for what nobody does."""
    status = Status.ASKED if need.asked else Status.UNSUPPORTED
    return Finding(*where, f"{before}{need.item}", status, matters and not need.asked, note)
