"""The cram_md5 authenticator: src/auths/cram_md5.c, RFC 2195."""

from __future__ import annotations

import base64
import hmac

from eximsim.mta.auths.client import Attempt, Client, Result
from eximsim.mta.auths.get_data import b64decode
from eximsim.mta.auths.server import Exchange, Outcome, Server, Verdict, check_server_condition, get_data
from eximsim.mta.base.string import SPACES, from_octets, octets
from eximsim.mta.expand.expand import expand
from eximsim.mta.expand.expander import ExpansionFailed
from eximsim.mta.process.globals import Process
from eximsim.mta.process.hostname import primary_hostname
from eximsim.mta.process.log import quoted


def auth_cram_md5_client(client: Client) -> Attempt:
    """Answer the server's challenge with a digest of the secret (``auth_cram_md5_client()``)."""
    options, process = client.authenticator.options, client.process
    secret_text = options.text("client_secret") or ""
    name_text = options.text("client_name") or process.config.main.text("primary_hostname")
    secret, secret_failed = _expanded(process, secret_text)
    name, failed = _expanded(process, name_text or process.machine.hostname)
    if secret is None or name is None:
        if failed is not None and failed.forced:  # of the name only: its expansion forgets about the other
            return Attempt(Result.CANCELLED)
        why = failed or secret_failed
        assert why is not None
        text = secret_text if secret is None else name_text
        place = f"{client.authenticator.name} authenticator"
        shown = quoted(process, text or "")
        return Attempt(Result.ERROR, f"expansion of {shown} failed in {place}: {why.message}")
    if not client.say(f"AUTH {client.public_name}"):
        return Attempt(Result.FAIL_SEND)
    reply = client.read("3")
    if not reply.ok:
        return Attempt(Result.FAIL, reply.text)
    challenge = b64decode(client.buffer.behind_code)
    if challenge is None:
        # Exim shows what it has sent last, past the length of a code, in the place of the challenge
        shown = f"AUTH {client.public_name}"[4:]
        return Attempt(Result.ERROR, f"bad base 64 string in challenge: {shown}")
    digest = hmac.new(octets(secret), challenge.partition(b"\0")[0], "md5").hexdigest()
    answer = octets(f"{name} {digest}")
    if not client.say(base64.b64encode(answer).decode("ascii")):
        return Attempt(Result.FAIL_SEND)
    reply = client.read("2")
    return Attempt(Result.OK if reply.ok else Result.FAIL, reply.text)


def _expanded(process: Process, text: str) -> tuple[str | None, ExpansionFailed | None]:
    try:
        return expand(process, text), None
    except ExpansionFailed as failed:
        return None, failed


_EXAMPLE = "<1896.697170952@postoffice.reston.mci.net>"
"""The challenge of RFC 2195, which is always sent under Exim's test suite."""
_DIGEST = 32


def auth_cram_md5_server(server: Server) -> Exchange:
    """Send a challenge; the client's digest of it must be that of the secret (``auth_cram_md5_server()``)."""
    process = server.process
    host = primary_hostname(process)
    challenge = f"<{process.pid}.{int(process.world.now())}@{host}>"
    if process.machine.test_harness:
        challenge = _EXAMPLE
    if server.data:
        return Verdict(Outcome.UNEXPECTED)
    data = yield from get_data(octets(challenge))
    said = from_octets(data.partition(b"\0")[0])
    end = next((place for place, char in enumerate(said) if char in SPACES), None)
    server.set_auth(1, said if end is None else said[:end])
    if end is None or len(data) - end - 1 != _DIGEST:
        return Verdict(Outcome.FAIL)
    name, sent = said[:end], said[end + 1 :]
    process.numeric = ("", name)
    server.debug_print()
    try:
        secret = expand(process, server.text("server_secret") or "")
    except ExpansionFailed as failure:
        return Verdict(Outcome.FAIL) if failure.forced else Verdict(Outcome.DEFER, failure.message)
    digest = hmac.new(octets(secret), octets(challenge), "md5").hexdigest()
    process.hdebug(f"CRAM-MD5: user name = {name}")
    process.hdebug(f"          challenge = {challenge}")
    process.hdebug(f"          received  = {sent}")
    process.hdebug(f"          digest    = {digest}")
    return check_server_condition(server) if sent == digest else Verdict(Outcome.FAIL)
