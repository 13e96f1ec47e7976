"""Options of authenticators: src/auths/.

Those of a server do not matter here: no client of a scenario authenticates itself. As a client, plaintext,
cram_md5 and external are modelled (``mta/auths/``); to use another is unsupported.
"""

from __future__ import annotations

from eximsim.mta.config.optionlist import Status, Table, flags, texts
from eximsim.mta.config.options import Options, Schema

_M, _I = Status.MODELLED, Status.INERT

_COMMON = {
    **texts(_M, "client_condition client_set_id driver public_name"),
    **texts(
        _I,
        """server_advertise_condition server_condition server_debug_print
        server_mail_auth_condition server_set_id""",
    ),
}

_DRIVERS: dict[str, Table] = {
    "cram_md5": {**texts(_M, "client_name client_secret"), **texts(_I, "server_secret")},
    "cyrus_sasl": texts(_I, "server_hostname server_mech server_realm server_service"),
    "dovecot": {**texts(_I, "server_socket"), **flags(_I, off="server_tls")},
    "external": {**texts(_M, "client_send"), **texts(_I, "server_param2 server_param3")},
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
        **texts(_M, "client_send"),
        **texts(_I, "server_prompts"),
        **flags(_M, off="client_ignore_invalid_base64"),
    },
    "spa": {**texts(_M, "client_domain client_password client_username"), **texts(_I, "server_password")},
    "tls": texts(_I, "server_param server_param1 server_param2 server_param3"),
}

_CLIENT = ("client_send", "client_secret", "client_username")
"""An authenticator with one of these set can be used as a client (``au->client``)."""


def authenticators() -> dict[str, Schema]:
    """The schemas of all authenticators, by driver."""
    found = {}
    for driver, own in _DRIVERS.items():
        options = {**_COMMON, **own}
        defaults = {**dict.fromkeys(_CLIENT), **{option.name: option.default for option in options.values()}}
        found[driver] = Schema(f"{driver} authenticator", options, defaults, True)
    return found


def can_be_client(options: Options) -> bool:
    """Whether an authenticator with these options can be used as a client."""
    return any(options.text(name) is not None for name in _CLIENT)
