"""The Exim configuration with which situations and scenarios run: one for all, changed where they say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

SERVER_PORT = 1225
"""Where a situation's servers listen unless it says otherwise."""

Settings = Mapping[str, str | None]
"""Options by name; None takes one out that would be there."""

_SELECTORS = ("received_recipients", "tls_peerdn", "tls_certificate_verified", "tls_sni", "smtp_confirmation")

_MAIN: Settings = {
    "keep_environment": "",
    "remote_max_parallel": "1",
    "primary_hostname": "myhost.test.ex",
    "spool_directory": "/spool",
    "dns_dnssec_ok": "1",
    "dns_retrans": "1s",
    "dns_retry": "1",
    "log_selector": " ".join(f"+{name}" for name in _SELECTORS),
    "acl_smtp_rcpt": "check_rcpt",
    "tls_advertise_hosts": "",
}
_ROUTER: Settings = {"driver": "dnslookup", "self": "send", "errors_to": '""', "transport": "t"}
_TRANSPORT: Settings = {
    "port": str(SERVER_PORT),
    "connect_timeout": "5s",
    "command_timeout": "5s",
    "final_timeout": "5s",
    "tls_verify_certificates": "certs/root.pem",
}
_ACL = "check_rcpt:\n  accept verify = recipient/callout=5s,no_cache\n"
_RETRY = "* * F,5d,10s\n"

SECTIONS = ("acl", "routers", "transports", "retry", "rewrite", "authenticators")
"""The sections of a configuration, in the order in which they are written."""


def stand_configuration(
    main: Settings,
    router: Settings,
    transport: Settings,
    sections: Mapping[str, str] = MappingProxyType({}),
    more_main: str = "",
    more_transports: str = "",
) -> str:
    """The configuration with these options put in, or taken out.

    ``sections`` are whole sections that stand instead of the usual ones, or in addition; the other texts come
    after the main options and after the transports.
    """
    usual = {
        "acl": _ACL,
        "routers": _text("client:", {**_ROUTER, **router}),
        "transports": _text("t:", {"driver": "smtp", "allow_localhost": "true", **_TRANSPORT, **transport}),
        "retry": _RETRY,
    }
    texts = {**usual, **sections}
    texts["transports"] += more_transports
    written = "".join(f"begin {name}\n{_whole(texts[name])}" for name in SECTIONS if name in texts)
    return _text("", {**_MAIN, **main}) + _whole(more_main) + written


def _text(head: str, settings: Settings) -> str:
    return "".join(f"{line}\n" for line in _lines(head, settings))


def _lines(head: str, settings: Settings) -> Iterator[str]:
    if head:
        yield head
    for name, value in settings.items():
        if value is not None:
            yield f"{'  ' if head else ''}{name} = {value}"


def _whole(text: str) -> str:
    """The text with an end to its last line."""
    return text if not text or text.endswith("\n") else f"{text}\n"
