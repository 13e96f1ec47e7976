"""Options of authenticators: src/auths/.

Plaintext, cram_md5 and external are modelled as clients and as servers, dovecot and tls as servers
(``mta/auths/``); to use another is unsupported.
"""

from __future__ import annotations

from eximsim.mta.config.optionlist import Kind, Status, Table, flags, synonym, texts
from eximsim.mta.config.options import Options, Schema

_M, _I = Status.MODELLED, Status.INERT

COMMON = {
    **texts(
        _M,
        """client_condition client_set_id driver public_name server_advertise_condition server_condition
        server_debug_print server_mail_auth_condition server_set_id""",
    ),
}
"""The options that all drivers have."""

_DRIVERS: dict[str, Table] = {
    "cram_md5": texts(_M, "client_name client_secret server_secret"),
    "cyrus_sasl": texts(_I, "server_hostname server_mech server_realm server_service"),
    "dovecot": texts(_M, "server_socket"),
    "external": texts(_M, "client_send server_param2 server_param3"),
    "gsasl": {
        **texts(_M, "client_authz client_password client_spassword client_username"),
        **texts(
            _I,
            """server_hostname server_key server_mech server_password server_realm server_scram_iter
            server_scram_salt server_service server_skey""",
        ),
        **flags(_I, off="client_channelbinding server_channelbinding"),
    },
    "heimdal_gssapi": texts(_I, "server_hostname server_keytab server_service"),
    "plaintext": {
        **texts(_M, "client_send server_prompts"),
        **flags(_M, off="client_ignore_invalid_base64"),
    },
    "spa": {**texts(_M, "client_domain client_password client_username"), **texts(_I, "server_password")},
    "tls": {
        **texts(_M, "server_param1 server_param2 server_param3"),
        **synonym("server_param", "server_param1", Kind.TEXT, _M),
    },
}
BUILT = ("cram_md5", "external", "plaintext", "tls")
"""The drivers that a program is taken to be built with, where it says what it has."""

NAMELESS = frozenset({"cram_md5", "cyrus_sasl", "gsasl", "heimdal_gssapi"})
"""The drivers that have no public name unless they are given one; that of others is their own."""

_CLIENT = ("client_send", "client_secret", "client_username")
"""An authenticator with one of these set can be used as a client (``au->client``)."""


def authenticators() -> dict[str, Schema]:
    """The schemas of all authenticators, by driver."""
    found = {}
    for driver, own in _DRIVERS.items():
        options = {**COMMON, **dict(sorted(own.items()))}
        defaults = {**dict.fromkeys(_CLIENT), **{option.name: option.default for option in options.values()}}
        found[driver] = Schema(f"{driver} authenticator", options, defaults, True)
    return found


def can_be_client(options: Options) -> bool:
    """Whether an authenticator with these options can be used as a client."""
    return any(options.text(name) is not None for name in _CLIENT)


def can_be_server(driver: str, options: Options) -> bool:
    """Whether an authenticator with these options is one of a server (``au->server``)."""
    match driver:
        case "cyrus_sasl" | "heimdal_gssapi":
            return True
        case "tls":
            return False
    return options.text(_SERVER.get(driver, "server_condition")) is not None


_SERVER = {"cram_md5": "server_secret", "dovecot": "server_socket", "spa": "server_password"}
"""What makes an authenticator one of a server, if it is not server_condition."""
