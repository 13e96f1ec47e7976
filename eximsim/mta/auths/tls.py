"""The tls authenticator, which authenticates a client by its certificate: src/auths/tls.c."""

from __future__ import annotations

from eximsim.mta.auths.server import Exchange, Server, check_server_condition


def auth_tls_server(server: Server) -> Exchange:
    """Give the condition what server_param1 and its kin say (``auth_tls_server()``)."""
    yield from ()
    process = server.process
    for option in ("server_param1", "server_param2", "server_param3"):
        item = server.expanded(option)
        if item is None:
            continue
        server.set_auth(len(process.numeric), item)
        process.numeric = (*process.numeric, item)
    return check_server_condition(server)
