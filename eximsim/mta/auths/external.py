"""The external authenticator: src/auths/external.c, RFC 4422 (appendix A)."""

from __future__ import annotations

from eximsim.mta.auths.client import Attempt, Client, Result
from eximsim.mta.auths.get_data import Prompt, auth_client_item
from eximsim.mta.auths.server import Exchange, Server, check_server_condition, prompt, read_input


def auth_external_client(client: Client) -> Attempt:
    """Send client_send with the AUTH command (``auth_external_client()``)."""
    item = client.authenticator.options.text("client_send") or ""
    found = auth_client_item(client, item, first=True, last=True)
    return Attempt(Result.FAIL) if isinstance(found, Prompt) else found


def auth_external_server(server: Server) -> Exchange:
    """Take the client's name, and what server_param2 and its kin say (``auth_external_server()``)."""
    read_input(server)
    if not server.count:
        yield from prompt(server, b"")
    process = server.process
    for number, option in ((2, "server_param2"), (3, "server_param3")):
        item = server.expanded(option)
        if item is None:
            break
        server.set_auth(number, item)
        process.numeric = (*process.numeric[:number], item)
    return check_server_condition(server)
