"""Reading a configuration (src/readconf.c): sections, settings, named lists, drivers.

An option that the release does not have is an ``InputError``; one that Exim has and the model does not is
``Unsupported`` as soon as it is set to something that could matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import partial
from types import MappingProxyType

from eximsim.errors import InputError, Malformed, Unsupported
from eximsim.mta.base.string import SPACES
from eximsim.mta.base.tod import utc_offset
from eximsim.mta.certs.openssl_options import read_openssl_options
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.config.acl_read import AclCondition, AclVerb, acl_read, read_inline
from eximsim.mta.config.config_lines import ConfigLine, ConfigLines, Section
from eximsim.mta.config.drivers import DriverInstance, read_authenticators, read_routers, read_transports
from eximsim.mta.config.expansion_history import lacking
from eximsim.mta.config.log_selector import parse_selector
from eximsim.mta.config.macro_predef import builtin_macros
from eximsim.mta.config.main_checks import check_main
from eximsim.mta.config.option_settings import Settings
from eximsim.mta.config.option_values import read_string, readconf_readname
from eximsim.mta.config.optionlist import Status
from eximsim.mta.config.options import Options, release
from eximsim.mta.config.options_main import DAY
from eximsim.mta.config.rate_limits import read_rate_limit
from eximsim.mta.config.retry_rules import RetryRule, RetryStep, readconf_retry_rule
from eximsim.mta.config.rewrite_rules import RewriteRule, readconf_one_rewrite
from eximsim.ports import Files
from eximsim.profiles import Profile
from eximsim.quick_dataclass import dataclass

__all__ = [
    "AclCondition",
    "AclVerb",
    "Config",
    "DriverInstance",
    "RetryRule",
    "RetryStep",
    "option_report",
    "read_config",
    "read_inline",
]

_NAMED_LIST = re.compile(
    r"(?:hide[ \t]+)?(domain|host|address|localpart)list(?:_cache)?[ \t]+(\w+)[ \t]*(=?)[ \t]*", re.ASCII
)
_LIST_WORD = re.compile(r"(?:hide[ \t]+)?(?:domain|host|address|localpart)list")
_LIST_KINDS = ("domain", "host", "address", "localpart")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that a configuration says and the model does not have.

    ``place`` is ``"main"``, ``"router.NAME"``, ``"transport.NAME"`` or ``"rewrite"``; ``name`` an option's.
    """

    place: str
    name: str
    problem: Unsupported


@dataclass(frozen=True, slots=True)
class Config:
    """All that a configuration says.

    ``routers`` are in order, ``transports`` and ``acls`` by name; ``named_lists`` by kind (``"domain"``,
    ``"host"``, ``"address"``, ``"localpart"``) and name, unexpanded.
    """

    path: str
    main: Options
    routers: tuple[DriverInstance, ...]
    transports: Mapping[str, DriverInstance]
    retries: tuple[RetryRule, ...]
    acls: Mapping[str, tuple[AclVerb, ...]]
    named_lists: Mapping[str, Mapping[str, str]]
    macros: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Those of the command line and the files, in order."""
    replaced: tuple[tuple[str, str], ...] = ()
    """Each use of a macro, in order: its name, and what was put in for it."""
    shown: tuple[str, ...] = ()
    """The logical lines, with the places where the reader came to another file (``-bP config``)."""
    last_line: int = 0
    """The number of the line that was read last."""
    rewrites: tuple[RewriteRule, ...] = ()
    authenticators: tuple[DriverInstance, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    """What the model does not have, if the configuration was read all the same."""
    files: tuple[str, ...] = ()
    """The files that it was read from, the first one first."""
    list_places: Mapping[tuple[str, str], tuple[str, int]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """File and line of each named list, by kind and name."""


def read_config(
    world: Files,
    path: str,
    profile: Profile,
    defines: Mapping[str, str] = MappingProxyType({}),
    *,
    tolerant: bool = False,
    whole: bool = True,
) -> Config:
    """Read the configuration ``path`` as the release of ``profile`` does, with the macros ``defines`` set.

    Raises ``InputError`` and ``Unsupported`` with file and line; if it is ``tolerant``, what the model does
    not have is listed in ``Config.left_out`` instead. If it is not to be read ``whole``, its main section
    is all that is looked at. The result is remembered: reading the same files again
    gives the same object.
    """
    key = (
        path,
        profile.option_release,
        profile.tls_library,
        profile.build_lacks,
        profile.headers_charset,
        profile.relative_includes,
        profile.retry_local_part_if_preconditions,
        profile.expansion_macros,
        tolerant,
        whole,
        *defines.items(),
    )
    known = _KNOWN.get(key)
    if known is not None and all(_content(world, file) == content for file, content in known[0].items()):
        return known[1]
    builtin = partial(
        builtin_macros,
        profile.option_release,
        profile.tls_library,
        profile.build_lacks,
        expansions=profile.expansion_macros,
    )
    lines = ConfigLines(world, builtin, profile.relative_includes)
    lines.define(defines)
    lines.open(path)
    config = _Reader(profile, tolerant).read(lines, path, whole)
    if len(_KNOWN) >= _MOST_KNOWN:
        del _KNOWN[next(iter(_KNOWN))]
    _KNOWN[key] = (lines.read_files, config)
    return config


_MOST_KNOWN = 256
_KNOWN: dict[tuple[object, ...], tuple[Mapping[str, bytes | None], Config]] = {}


def _content(world: Files, path: str) -> bytes | None:
    try:
        return world.read_file(path)
    except (OSError, ValueError):
        return None


def option_report(config: Config) -> list[tuple[str, str, int, Status]]:
    """Every option that ``config`` sets: name, file, line, and what the model does with it.

    A driver's option is ``router.NAME.OPTION``, ``transport.NAME.OPTION`` or ``authenticator.NAME.OPTION``.
    """
    places: list[tuple[str, Options]] = [("", config.main)]
    places += [(f"router.{router.name}.", router.options) for router in config.routers]
    places += [(f"transport.{name}.", transport.options) for name, transport in config.transports.items()]
    places += [(f"authenticator.{auth.name}.", auth.options) for auth in config.authenticators]
    return [
        (prefix + name, path, line, options.status(name))
        for prefix, options in places
        for name, (path, line) in options.settings()
    ]


class _Reader:
    """Reads one configuration, section by section."""

    def __init__(self, profile: Profile, tolerant: bool) -> None:
        self.profile = profile
        self.release = release(profile.option_release, profile.build_lacks)
        self.lacking = lacking(profile.option_release, profile.build_lacks)
        self.left_out: list[LeftOut] = []
        self.tolerate = self._leave_out if tolerant else None
        self.main = Settings(self.release.main, partial(self.tolerate, "main") if self.tolerate else None)
        self.rewrites: tuple[RewriteRule, ...] = ()
        self.authenticators: tuple[DriverInstance, ...] = ()
        self.named_lists: dict[str, dict[str, str]] = {kind: {} for kind in _LIST_KINDS}
        self.list_places: dict[tuple[str, str], tuple[str, int]] = {}
        self.routers: tuple[DriverInstance, ...] = ()
        self.transports: tuple[DriverInstance, ...] = ()
        self.retries: tuple[RetryRule, ...] = ()
        self.acls: dict[str, tuple[AclVerb, ...]] = {}

    def read(self, lines: ConfigLines, path: str, whole: bool) -> Config:
        """Read everything, or the main section. Source: readconf_main() and readconf_rest()."""
        section = Section(lines)
        self._read_main(section)
        seen: set[str] = set()
        while whole and (begin := section.next_begin) is not None:
            word = begin.text[6:].strip(SPACES)
            name = word.lower().removesuffix("s")
            if name not in _SECTIONS:
                message = f'"{word}" is not a known configuration section name'
                hint = f"one of {', '.join(_SECTIONS)} expected"
                raise InputError(message, begin.path, begin.line, hint=hint)
            if name in seen:
                raise _error(begin, f'"{word}" section is repeated in the configuration file')
            seen.add(name)
            section = Section(lines, begin)
            _SECTIONS[name](self, section)
        return Config(
            path=path,
            main=self.main.options(),
            routers=self.routers,
            transports=MappingProxyType({transport.name: transport for transport in self.transports}),
            retries=self.retries,
            acls=MappingProxyType(self.acls),
            named_lists=MappingProxyType({kind: MappingProxyType(x) for kind, x in self.named_lists.items()}),
            macros=lines.macros,
            replaced=tuple(lines.replaced),
            shown=tuple(lines.shown),
            last_line=lines.position[1],
            rewrites=self.rewrites,
            authenticators=self.authenticators,
            left_out=tuple(self.left_out),
            files=tuple(name for name, content in lines.read_files.items() if content is not None),
            list_places=MappingProxyType(self.list_places),
        )

    def _leave_out(self, place: str, name: str, problem: Unsupported) -> None:
        self.left_out.append(LeftOut(place, name, problem))

    def _read_main(self, section: Section) -> None:
        for line in section:
            if line.line == 1 and line.text.startswith("\ufeff"):
                raise _error(line, "found unexpected BOM (Byte Order Mark)")
            if "A" <= line.text[0] <= "Z":
                section.lines.assign(line)
            elif _LIST_WORD.match(line.text):
                self._read_named_list(line)
            else:
                self.main.handle(line, "main option")
        self._finish_main()
        self._check_log_selector()

    def _finish_main(self) -> None:
        options, values = self.main.options(), self.main.values
        if options.flag("local_sender_retain") and options.flag("local_from_check"):
            message = "both local_from_check and local_sender_retain are set; this combination is not allowed"
            raise InputError(message, *options.where("local_sender_retain"), in_main_log=True)
        self._check_timezone()
        check_main(options)
        self._check_openssl_options()
        for name in ("smtp_ratelimit_mail", "smtp_ratelimit_rcpt"):
            try:
                read_rate_limit(options.text(name) or "0,0s,0,0s")
            except ValueError as error:
                raise InputError(str(error), *options.where(name)) from None
        if not options.is_set("headers_charset"):
            values["headers_charset"] = self.profile.headers_charset
        values["retry_interval_max"] = min(options.seconds("retry_interval_max"), DAY)
        values["remote_max_parallel"] = max(options.number("remote_max_parallel"), 1)

    def _check_log_selector(self) -> None:
        options = self.main.options()
        if options.is_set("log_selector"):
            where = options.where("log_selector")
            parse_selector(options.text("log_selector") or "", *where, self.lacking.selectors)

    def _check_timezone(self) -> None:
        options = self.main.options()
        zone = options.text("timezone") or ""
        if utc_offset(zone) is None and self.release.main.modelled:
            problem = Unsupported(f"the local time of timezone = {zone}", *options.where("timezone"))
            if self.tolerate is None:
                raise problem
            self.tolerate("main", "timezone", problem)

    def _check_openssl_options(self) -> None:
        options = self.main.options()
        if not options.is_set("openssl_options"):
            return
        where = options.where("openssl_options")
        if self.profile.tls_library == GNUTLS:
            raise InputError("openssl_options is set but we're using GnuTLS", *where, subject="")
        text = options.text("openssl_options") or ""
        if "$" in text and self.profile.openssl_options_expanded:
            return  # what comes of it is looked at when TLS starts
        try:
            read_openssl_options(text, self.profile.openssl_option_names)
        except ValueError:
            raise InputError(f"openssl_options parse error: {text}", *where, subject="") from None

    def _read_named_list(self, line: ConfigLine) -> None:
        match = _NAMED_LIST.match(line.text)
        if match is None:
            raise _error(line, f"unrecognized configuration line: {line.text}")
        kind, name, sign = match[1], match[2], match[3]
        lists = self.named_lists[kind]
        if name in lists:
            raise _error(line, f'duplicate name "{name}" for a named {kind} list')
        if not sign:
            raise _error(line, f"missing '=' after \"{name}\"")
        try:
            lists[name] = read_string(line.text[match.end() :], name)
        except Malformed as error:
            raise error.at(line.path, line.line) from None
        self.list_places[kind, name] = line.path, line.line

    def read_acls(self, section: Section) -> None:
        """The acl section: ACLs by name, with macro definitions between them (readconf_acl())."""
        line = section.line()
        while line is not None:
            name, position = readconf_readname(line.text)
            after = line.text[position : position + 1]
            if after == "=" and name[:1].isupper():
                section.lines.assign(line)
                line = section.line()
                continue
            if not name or after != ":":
                raise InputError("missing or malformed ACL name", line.path, line.line, hint=line.text)
            if name in self.acls:
                raise _error(line, f'there are two ACLs called "{name}"')
            self.acls[name], line = acl_read(section.line, self.release.absent)

    def read_routers(self, section: Section) -> None:
        """The routers section."""
        self.routers = read_routers(section, self.release.routers, self.profile, self.tolerate)

    def read_transports(self, section: Section) -> None:
        """The transports section."""
        self.transports = read_transports(section, self.release.transports, self.tolerate)

    def read_retries(self, section: Section) -> None:
        """The retry section."""
        self.retries = tuple(map(readconf_retry_rule, section))

    def read_rewrites(self, section: Section) -> None:
        """The rewrite section."""
        self.rewrites = tuple(map(readconf_one_rewrite, section))

    def read_authenticators(self, section: Section) -> None:
        """The authenticators section; to use one of them is not modelled."""
        self.authenticators = read_authenticators(section, self.release.absent)

    def read_local_scan(self, section: Section) -> None:
        """The local_scan section: Exim as it comes has no local_scan() with options."""
        if section.begin is not None:
            raise _error(section.begin, "local_scan() options not supported")


_SECTIONS: dict[str, Callable[[_Reader, Section], None]] = {
    "acl": _Reader.read_acls,
    "authenticator": _Reader.read_authenticators,
    "local_scan": _Reader.read_local_scan,
    "retry": _Reader.read_retries,
    "rewrite": _Reader.read_rewrites,
    "router": _Reader.read_routers,
    "transport": _Reader.read_transports,
}


def _error(line: ConfigLine, message: str) -> InputError:
    return InputError(message, line.path, line.line)
