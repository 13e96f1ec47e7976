"""Printing what was read of the configuration (-bP; readconf_print() in src/readconf.c).

The caller counts as an administrator, who is shown what ``hide`` keeps from others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.config.macro_predef import builtin_macros
from eximsim.mta.config.optionlist import Kind
from eximsim.mta.expand.expand_outside import added_environment, is_kept
from eximsim.mta.program.config_print import print_config
from eximsim.mta.program.option_print import print_option
from eximsim.mta.program.version_print import not_printed
from eximsim.mta.transports.local_text import MBOX_PREFIX

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.config.options import Options
    from eximsim.mta.process.globals import Process

_KINDS = ("router", "transport", "authenticator", "macro")
_LISTS = ("address", "domain", "host", "localpart")
_OF_SPECIAL_BUILDS = (
    *("arc_sign", "bmi_", "dcc", "disable_fsync", "dmarc_", "hosts_xclient", "ibase_", "ldap_"),
    *("mysql_", "oracle_", "perl_", "pgsql_", "redis_", "spf_", "srs", "tcp_wrappers_"),
    *("translate_ip_address", "use_classresources"),
)
"""How the options begin that a program only has if it was built for something that is not usual.

A list of all options has them if the configuration sets them.
"""


def readconf_print(process: Process, names: Sequence[str], *, label: bool = True) -> int:
    """Print what ``names`` say, without their names unless ``label``; the exit code.

    What was not found makes the code 1, but for an option or a list that something follows. Raises
    ``Unsupported`` for ``all``, and for values that the build or the host decides.
    """
    failed = False
    rest = list(names) or ["all"]
    if rest[0] == "config":
        print_config(process, label=label)
        return 0
    while rest:
        what = rest.pop(0)
        if rest and what in (*_KINDS, "environment"):
            failed |= not _print_named(process, what, rest.pop(0), label)
        else:
            failed = not _print_one(process, what, label)
    return int(failed and process.profile.print_config_fails)


def _print_one(process: Process, what: str, label: bool) -> bool:
    if what == "all":
        return _print_everything(process, label)
    if what == "local_scan":
        process.out("local_scan() options are not supported\n")
        return False
    if what == "config":
        return True  # the lines are only kept if it is the first word
    if what.startswith("+"):
        return _print_list(process, what[1:], label)
    if what in ("config_file", "configure_file"):
        process.out(f"{process.config.path}\n")
        return True
    if what == "environment":
        return _print_environment(process, label)
    kind = what.removesuffix("_list").removesuffix("s")
    if kind in _KINDS and what in (f"{kind}s", f"{kind}_list"):
        return _print_all(process, kind, label, only_names=what.endswith("_list"))
    return _print_main(process, what, label)


def _print_everything(process: Process, label: bool) -> bool:
    """All options of the main section."""
    options = process.config.main
    hidden = not_printed(process.profile)
    for name, option in options.settable.items():
        if option.stands_for is None and name not in hidden and _is_usual(options, name):
            process.out(print_option(process, options, option, name=name, label=label))
    return True


def _is_usual(options: Options, name: str) -> bool:
    return not name.startswith(_OF_SPECIAL_BUILDS) or options.is_set(name)


def _print_main(process: Process, name: str, label: bool) -> bool:
    options = process.config.main
    option = options.settable.get(name)
    if option is None:
        process.out(f"{name} is not a known option\n")
        return False
    process.out(print_option(process, options, option, name=name, label=label))
    return True


def _print_list(process: Process, name: str, label: bool) -> bool:
    found = [(kind, lists[name]) for kind in _LISTS if name in (lists := process.config.named_lists[kind])]
    for kind, text in found:
        process.out(f"{kind}list {name} = {text}\n" if label else f"{text}\n")
    if not found:
        quote = "'" if process.profile.print_config_list_quoted else '"'
        process.out(f"no address, domain, host, or local part list called {quote}{name}{quote} exists\n")
    return bool(found)


def _print_environment(process: Process, label: bool) -> bool:
    options = process.config.main
    if not options.exists("keep_environment") or not process.machine.environment_known:
        raise Unsupported("the option -bP environment where the whole environment is not known")
    kept = {name: value for name, value in process.environment.items() if is_kept(process, name)}
    for name, value in added_environment(process).items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = value
    if "SSLKEYLOGFILE" in kept or "TZ" in kept:
        raise Unsupported("the option -bP environment with variables that Exim sets itself")
    for entry in sorted(f"{name}={value}" for name, value in kept.items()):
        process.out(f"{entry if label else entry.partition('=')[0]}\n")
    return True


def _print_named(process: Process, kind: str, name: str, label: bool) -> bool:
    if kind == "macro":
        value = next((value for macro, value in _macros(process) if macro == name), None)
        if value is not None:
            process.out(f"{name}={value}\n" if label else f"{value}\n")
            return True
    for driver in _drivers(process).get(kind, ()):
        if driver.name == name:
            _print_driver(process, driver, label)
            return True
    process.out(f"{kind} {name} not found\n")
    return False


def _print_all(process: Process, kind: str, label: bool, *, only_names: bool) -> bool:
    if kind == "macro":
        for name, value in _macros(process):
            process.out(f"{name}\n" if only_names else f"{name}={value}\n" if label else f"{value}\n")
        return True
    for driver in _drivers(process)[kind]:
        if only_names:
            process.out(f"{driver.name}\n")
            continue
        process.out(f"\n{driver.name} {kind}:\n")
        _print_driver(process, driver, label)
    return True


def _print_driver(process: Process, driver: DriverInstance, label: bool) -> None:
    options = driver.options
    set_up = _SET_UP.get(driver.driver)
    if set_up is not None:
        options = set_up(process, driver)
    for name, option in options.settable.items():
        hidden = option.kind is Kind.FLAG_PAIR or option.stands_for is not None
        if name == "allow_fifo" and driver.driver == "appendfile":
            told = options.value("maildir_use_size_file")
            shown = told if isinstance(told, str) else ""
            process.out(f"*expand_maildir_use_size_file = {shown}\n" if label else f"{shown}\n")
        if not hidden and _is_usual(options, name):
            process.out(print_option(process, options, option, name=name, label=label))


def _set_up_smtp(process: Process, driver: DriverInstance) -> Options:
    """What smtp_transport_init() makes of the options."""
    options = driver.options
    if options.text("port") is None:
        if options.is_set("protocol") or options.is_set("port"):
            raise Unsupported("the option -bP of a transport without port", driver.path, driver.line)
        options = options.replaced(port="smtp" if options.text("protocol") else "25")
    fast = options.text("hosts_try_fastopen")
    if fast is None and process.profile.fast_open_by_default:
        fast = "*"
    return options.replaced(hosts_try_fastopen=fast)


def _set_up_pipe(process: Process, driver: DriverInstance) -> Options:
    """What pipe_transport_init() makes of the options."""
    options = driver.options
    if options.flag("use_bsmtp"):
        return options.replaced(check_string=".", escape_string="..")
    return _framed(options)


def _framed(options: Options) -> Options:
    """The options with the lines around a message that a file has by default."""
    prefix, suffix = options.text("message_prefix"), options.text("message_suffix")
    return options.replaced(
        message_prefix=MBOX_PREFIX if prefix is None else prefix,
        message_suffix="\n" if suffix is None else suffix,
    )


def _set_up_appendfile(process: Process, driver: DriverInstance) -> Options:
    """What appendfile_transport_init() makes of the options."""
    options = driver.options
    if (options.exists("mbx_format") and options.flag("mbx_format")) or options.flag("use_flock_lock"):
        raise Unsupported("the option -bP of other locks", driver.path, driver.line)
    if options.flag("use_bsmtp"):
        return options.replaced(check_string=".", escape_string="..")
    folder = options.text("directory") is not None
    if folder or options.flag("maildir_format") or options.flag("mailstore_format"):
        return options
    check, escape = options.text("check_string"), options.text("escape_string")
    return _framed(options).replaced(
        check_string="From " if check is None else check,
        escape_string=">From " if escape is None else escape,
    )


def _set_up_redirect(process: Process, driver: DriverInstance) -> Options:
    """What redirect_router_init() makes of the options."""
    options = driver.options
    local, mode = options.flag("check_local_user"), options.number("modemask")
    owner = local or bool(options.text("owners"))
    group = (local and not mode & 0o20) or bool(options.text("owngroups"))
    options = options.replaced(
        check_owner=options.is_set_or("check_owner", owner),
        check_group=options.is_set_or("check_group", group),
    )
    if options.flag("one_time"):
        return options.replaced(forbid_file=True, forbid_filter_reply=True, forbid_pipe=True)
    return options


_SET_UP: Mapping[str, Callable[[Process, DriverInstance], Options]] = {
    "appendfile": _set_up_appendfile,
    "pipe": _set_up_pipe,
    "redirect": _set_up_redirect,
    "smtp": _set_up_smtp,
}
"""Drivers that change their options when they are set up."""


def _drivers(process: Process) -> Mapping[str, Sequence[DriverInstance]]:
    config = process.config
    return {
        "router": config.routers,
        "transport": tuple(config.transports.values()),
        "authenticator": config.authenticators,
    }


def _macros(process: Process) -> Iterator[tuple[str, str]]:
    profile = process.profile
    expansions = profile.expansion_macros
    yield from builtin_macros(
        profile.option_release, profile.tls_library, profile.build_lacks, expansions=expansions
    )
    yield from process.config.macros.items()
