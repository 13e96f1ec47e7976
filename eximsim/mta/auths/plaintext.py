"""The plaintext authenticator (PLAIN, LOGIN): src/auths/plaintext.c."""

from __future__ import annotations

from eximsim.mta.auths.client import Attempt, Client, Result
from eximsim.mta.auths.get_data import Prompt, auth_client_item
from eximsim.mta.auths.server import (
    Exchange,
    Outcome,
    Server,
    Verdict,
    check_server_condition,
    prompt,
    read_input,
)
from eximsim.mta.base.string import list_items, octets
from eximsim.mta.expand.expand import ExpansionFailed, expand

_VARIABLES = 4
"""$auth1 to $auth4."""


def auth_plaintext_client(client: Client) -> Attempt:
    """Send the items of client_send, one for each prompt (``auth_plaintext_client()``).

    Exim means to break off at a prompt for which there is no item, but never takes one to be the last.
    """
    options = client.authenticator.options
    for number, item in enumerate(list_items(options.text("client_send") or ""), 1):
        found = auth_client_item(
            client,
            item,
            first=number == 1,
            last=False,
            ignore_invalid_base64=options.flag("client_ignore_invalid_base64"),
        )
        if not isinstance(found, Prompt):
            return found
        if number <= _VARIABLES:
            client.process.variables[f"auth{number}"] = found.data
    return Attempt(Result.FAIL, client.buffer.text.partition("\0")[0])


def auth_plaintext_server(server: Server) -> Exchange:
    """Ask for what server_prompts wants and did not come with the command (``auth_plaintext_server()``)."""
    try:
        prompts = expand(server.process, server.text("server_prompts") or "")
    except ExpansionFailed as failure:
        return Verdict(Outcome.DEFER, failure.message)
    read_input(server)
    for number, text in enumerate(list_items(prompts), 1):
        if server.is_full:
            break
        if number > server.count:
            yield from prompt(server, octets(text))
    return check_server_condition(server)
