"""What a postmaster sets: options of the router, the transport and the main section, chosen at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from eximsim.fuzz.weighted_draw import Chooser, Weighted

Settings = dict[str, str]


def _host_list(*, unset: int, empty: int, everybody: int, some: int) -> Weighted[str | None]:
    """How often an option is left out, is empty, means everybody, or is a list."""
    kinds = ((unset, None), (empty, ""), (everybody, "*"), (some, "some"))
    return Weighted(*(kind for kind in kinds if kind[0]))


HOST_LISTS: Mapping[str, Weighted[str | None]] = MappingProxyType(
    {
        "hosts_try_dane": _host_list(unset=10, empty=15, everybody=50, some=25),
        "hosts_require_dane": _host_list(unset=65, empty=0, everybody=20, some=15),
        "hosts_require_tls": _host_list(unset=60, empty=10, everybody=20, some=10),
        "tls_verify_hosts": _host_list(unset=70, empty=10, everybody=12, some=8),
        "tls_try_verify_hosts": _host_list(unset=70, empty=10, everybody=12, some=8),
        "tls_verify_cert_hostnames": _host_list(unset=75, empty=10, everybody=10, some=5),
        "hosts_avoid_tls": _host_list(unset=93, empty=0, everybody=3, some=4),
        "hosts_verify_avoid_tls": _host_list(unset=93, empty=0, everybody=4, some=3),
        "hosts_avoid_esmtp": _host_list(unset=97, empty=0, everybody=1, some=2),
    }
)
"""The host list options of the transport that are set at random."""

_TRYCLEAR: Weighted[str | None] = Weighted((6, None), (2, "true"), (2, "false"))
_TRUST_STORES = ("certs/root.pem", "certs/int.pem", "certs/selfsigned.chain.pem")
_REQUEST: Weighted[str | None] = Weighted((75, "*"), (15, None), (10, ""))

_RARE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("hosts_max_try", ("1", "2")),
    ("hosts_avoid_pipelining", ("*",)),
    ("max_rcpt", ("1",)),
    ("multi_domain", ("false",)),
    ("tls_sni", ("sni.test.ex", "$host", "$domain")),
    ("delay_after_cutoff", ("false",)),
    ("connection_max_messages", ("1",)),
)


def transport(choose: Chooser, hosts: Sequence[str], addresses: Sequence[str]) -> Settings:
    """Settings of the smtp transport; ``hosts`` and ``addresses`` are what its lists may name."""
    items = (*hosts, *addresses, "*.test.ex", *(f"!{host} : *" for host in hosts))
    settings: Settings = {}
    for name in HOST_LISTS:
        if (hosts_meant := choose.part(_hosts_meant, name, items)) is not None:
            settings[name] = hosts_meant
    if (tryclear := choose.of(_TRYCLEAR)) is not None:
        settings["tls_tempfail_tryclear"] = tryclear
    if choose.rarely(8):
        settings["tls_verify_certificates"] = choose.one(_TRUST_STORES)
    if choose.rarely(15):
        name, values = choose.one(_RARE)
        settings[name] = choose.one(values)
    return settings


def _hosts_meant(choose: Chooser, name: str, items: tuple[str, ...]) -> str | None:
    """The value of a host list option; None if it is left at its default."""
    kind = choose.of(HOST_LISTS[name])
    if kind != "some":
        return kind
    return " : ".join(dict.fromkeys(choose.parts(1, 2, Chooser.one, items)))


def router(choose: Chooser) -> Settings:
    """Settings of the dnslookup router."""
    settings: Settings = {}
    if (request := choose.of(_REQUEST)) is not None:
        settings["dnssec_request_domains"] = request
    if choose.rarely(6):
        settings["dnssec_require_domains"] = "*"
    return settings


def main(choose: Chooser, domains: Sequence[str], queuerun: str | None) -> Settings:
    """Settings of the main section; a queue run takes messages in order, not as chance has it."""
    settings: Settings = {"queue_run_in_order": "true"} if queuerun else {}
    if choose.rarely(6):
        settings["dns_again_means_nonexist"] = choose.one(("*", *domains, "*.test.ex"))
    return settings
