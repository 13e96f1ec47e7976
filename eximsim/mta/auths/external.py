"""The external authenticator as a client: src/auths/external.c, RFC 4422 (appendix A)."""

from __future__ import annotations

from eximsim.mta.auths.client import Attempt, Client, Result
from eximsim.mta.auths.get_data import Prompt, auth_client_item


def auth_external_client(client: Client) -> Attempt:
    """Send client_send with the AUTH command (``auth_external_client()``)."""
    item = client.authenticator.options.text("client_send") or ""
    found = auth_client_item(client, item, first=True, last=True)
    return Attempt(Result.FAIL) if isinstance(found, Prompt) else found
