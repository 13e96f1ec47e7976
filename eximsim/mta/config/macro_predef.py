"""The macros that tell a configuration what Exim can do (src/macro_predef.c)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from types import MappingProxyType

from eximsim.mta.config.expansion_names import CONDITIONS, ITEMS, OPERATORS, VARIABLES
from eximsim.mta.config.options import Release, release
from eximsim.mta.config.options_auths import BUILT, COMMON, authenticators
from eximsim.mta.config.options_drivers import ROUTER, TRANSPORT

_FEATURES = (
    *("CRYPTEQ", "ICONV", "IPV6", "TLS", "GNUTLS", "OPENSSL", "DKIM", "DNSSEC", "ESMTP_LIMITS", "EVENT"),
    *("I18N", "OCSP", "PIPE_CONNECT", "PRDR", "PROXY", "SOCKS", "DANE", "TLS_RESUME", "XCLIENT"),
    *("TLS1_3", "TLS_OCSP", "TLS_OCSP_LIST", "TLS_ALPN", "LOOKUP_LSEARCH", "LOOKUP_DNSDB"),
)
"""The features, in the order in which they are listed."""

SIGN_HEADERS = (
    "From:Sender:Reply-To:Subject:Date:Message-ID:To:Cc:MIME-Version:Content-Type:"
    "Content-Transfer-Encoding:Content-ID:Content-Description:Resent-Date:Resent-From:Resent-Sender:"
    "Resent-To:Resent-Cc:Resent-Message-ID:In-Reply-To:References:List-Id:List-Help:List-Unsubscribe:"
    "List-Subscribe:List-Post:List-Owner:List-Archive"
)
"""The header lines that DKIM signs unless dkim_sign_headers says otherwise (RFC 6376, section 5.4.1)."""

_RESUMPTIONS = {
    1: "not requested or offered",
    3: "client requested, no server ticket",
    7: "client offered session, no server action",
    9: "no client request",
    11: "client requested new ticket, server provided",
    13: "client offered session, not used",
    15: "client offered session, server only provided new ticket",
    **dict.fromkeys((17, 19, 25, 27), "session resumed unasked"),
    **dict.fromkeys((23, 29), "session resumed"),
    31: "session resumed, also new ticket",
}
"""What ``$tls_in_resumption`` means, by those of its values that have a meaning."""

_VALUES = MappingProxyType(
    {
        "DKIM_OVERSIGN_HEADERS": ":".join(f"+{name}" for name in SIGN_HEADERS.split(":")),
        "DKIM_SIGN_HEADERS": SIGN_HEADERS,
        "RESUME_DECODE": " : ".join(_RESUMPTIONS.get(n, f"0x{n:02X}") for n in range(1, 32)),
    }
)
"""The macros that have a value of their own, by what a release says it has."""

_BY_OPTION = MappingProxyType(
    {"PROXY": "main.hosts_proxy", "SOCKS": "smtp.socks_proxy", "XCLIENT": "main.hosts_xclient"}
)
"""Features that a build has together with an option."""

_TLS_VERSIONS = ("TLSV1", "TLSV1_1", "TLSV1_2", "TLSV1_3")


@cache
def builtin_macros(
    option_release: str, tls_library: str, lacks: tuple[str, ...] = (), *, expansions: bool
) -> tuple[tuple[str, str], ...]:
    """Every such macro and its value, in the order in which they are tried.

    A name that another one begins with comes after it. Releases before 4.88 have none. ``lacks`` is what the
    program was built without; ``expansions`` adds those that name what an expansion can hold. Source:
    macro_predef.c, until 4.89 macros_create_builtin() in src/readconf.c.
    """
    known = release(option_release, lacks)
    if not known.features:
        return ()
    names = [*_features(known, tls_library), *_options(known)]
    if tls_library == "openssl-3":
        names += [f"_OPT_OPENSSL_NO_{version}_X" for version in _TLS_VERSIONS]
    if expansions:
        names += _expansions()
    valued = [(f"_{name}", value) for name, value in _VALUES.items() if name in known.features]
    return (*valued, *((name, "y") for name in reversed(names)))


def _features(known: Release, tls_library: str) -> list[str]:
    present = {*known.features, "GNUTLS" if tls_library == "gnutls" else "OPENSSL"}
    present.update(name for name, option in _BY_OPTION.items() if option not in known.absent)
    if tls_library == "openssl-1.0.2":
        present.discard("TLS1_3")
    return [f"_HAVE_{name}" for name in _FEATURES if name in present]


def _options(known: Release) -> Iterator[str]:
    yield from _upper("_OPT_MAIN", known.main.settable)
    kinds = (("ROUTER", known.routers, ROUTER), ("TRANSPORT", known.transports, TRANSPORT))
    for kind, drivers, generic in kinds:
        settable = {name for schema in drivers.values() for name in schema.settable}
        yield from _upper(f"_OPT_{kind}S", settable & generic.keys())
        for driver, schema in sorted(drivers.items()):
            yield f"_DRIVER_{kind}_{driver.upper()}"
            own = [name for name in schema.settable if name not in generic]
            yield from _upper(f"_OPT_{kind}_{driver.upper()}", own)
    yield from _upper("_OPT_AUTHENTICATORS", COMMON)
    for driver in reversed(BUILT):
        if f"driver.{driver}" not in known.absent:
            yield f"_DRIVER_AUTHENTICATOR_{driver.upper()}"
            own = [name for name in authenticators()[driver].settable if name not in COMMON]
            yield from _upper(f"_OPT_AUTHENTICATOR_{driver.upper()}", own)


def _expansions() -> Iterator[str]:
    yield from _upper("_EXP_ITEM", ITEMS)
    yield from _upper("_EXP_OP", OPERATORS)
    yield from _upper("_EXP_COND", CONDITIONS)
    yield from _upper("_EXP_VAR", VARIABLES)


def _upper(stem: str, names: Iterable[str]) -> Iterator[str]:
    return (f"{stem}_{name.upper()}" for name in sorted(names))
