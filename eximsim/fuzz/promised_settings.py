"""What a configuration promises: the settings of its mail path, for situations that are searched under them.

Of a configuration the first dnslookup router with a transport of the smtp kind counts, with the named lists
that its settings may mention. What the search has of its own (hosts, ports, certificates, retry rules) stays
as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from eximsim.errors import CouldNotLook, Gap
from eximsim.files import read_named
from eximsim.fuzz.search import Policy
from eximsim.mta.base.string import from_octets
from eximsim.mta.config.options import Options
from eximsim.mta.config.readconf import Config, DriverInstance, read_config
from eximsim.profiles import Profile
from eximsim.suite.config_files import ConfigFiles, Sources

MAIN = ("dns_again_means_nonexist", "dns_trust_aa", "dns_cname_loops", "dns_ipv4_lookup", "disable_ipv6")
ROUTER = (
    "dnssec_request_domains",
    "dnssec_require_domains",
    "mx_domains",
    "mx_fail_domains",
    "ignore_target_hosts",
    "fail_defer_domains",
)
TRANSPORT = (
    "hosts_try_dane", "hosts_require_dane", "hosts_require_tls", "hosts_avoid_tls", "hosts_verify_avoid_tls",
    "hosts_avoid_esmtp", "hosts_avoid_pipelining", "hosts_randomize", "hosts_max_try",
    "hosts_max_try_hardlimit", "tls_tempfail_tryclear", "tls_verify_hosts", "tls_try_verify_hosts",
    "tls_verify_cert_hostnames", "tls_sni", "tls_require_ciphers", "protocol",
)  # fmt: skip
"""The options that belong to the mail path's policy: those of the main section, the router, the transport."""


def policy_of(path: Path, profile: Profile, macros: Mapping[str, str], sources: Sources) -> Policy:
    """The policy of a configuration file, read for one release with these macros.

    Raises ``InputError``, ``Unsupported``, and ``CouldNotLook`` if it sends no mail out as the search does.
    """
    text = from_octets(read_named(path, "an Exim configuration"))
    files = ConfigFiles(str(path), text, sources)
    config = read_config(files, str(path), profile, macros)
    router, transport = _mail_path(config)
    lists = {
        f"{kind}list {name}": content
        for kind in ("domain", "host")
        for name, content in config.named_lists[kind].items()
    }
    return Policy(
        {**_set(config.main, MAIN), **lists},
        _set(router.options, ROUTER),
        _set(transport.options, TRANSPORT),
        tuple(_files_looked_into(config, router, transport)),
    )


_FILE = re.compile(r"(?:^|[\s;:{,])(/[\w.-]+(?:/[\w.-]+)*)")


def _files_looked_into(config: Config, router: DriverInstance, transport: DriverInstance) -> Iterator[Gap]:
    """The files that settings look into while mail is sent: a situation has none."""
    texts: list[tuple[str, str, str | None, int | None]] = [
        (f"{kind}list {name}", content, *config.list_places[kind, name])
        for kind in ("domain", "host")
        for name, content in config.named_lists[kind].items()
    ]
    for options, wanted in ((config.main, MAIN), (router.options, ROUTER), (transport.options, TRANSPORT)):
        texts += [(name, text, *options.where(name)) for name, text in _set(options, wanted).items()]
    for name, text, path, line in texts:
        for found in _FILE.findall(text):
            what = f"{name} looks into {found}, and laws are searched without files"
            yield Gap(what, f"{path}:{line}", "--promises or --preset searches with them")


def _mail_path(config: Config) -> tuple[DriverInstance, DriverInstance]:
    for router in config.routers:
        transport = config.transports.get(router.options.text("transport") or "")
        if router.driver == "dnslookup" and transport is not None and transport.driver == "smtp":
            return router, transport
    what = "nothing was searched: no dnslookup router leads to a transport of the smtp kind"
    raise CouldNotLook(f"{config.path}: {what}")


def _set(options: Options, wanted: tuple[str, ...]) -> Mapping[str, str]:
    """Those of the wanted options that the configuration sets, as it has them."""
    return {name: _text(options.value(name)) for name, _ in options.settings() if name in wanted}


def _text(value: object) -> str:
    """A value as a configuration has it on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "" if value is None else str(value)
    if "\n" not in text and not text.startswith('"'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
