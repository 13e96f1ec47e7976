"""One item of a client's data: src/auths/get_data.c, and before that the loop in src/auths/plaintext.c."""

from __future__ import annotations

import base64
import binascii
import re

from eximsim.mta.auths.client import Attempt, Client, Result
from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.expand.expand import expand
from eximsim.mta.expand.expander import ExpansionFailed
from eximsim.mta.process.log import quoted
from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Prompt:
    """The server asks for more: what it said, decoded."""

    data: str


def auth_client_item(
    client: Client, item: str, *, first: bool, last: bool, ignore_invalid_base64: bool = False
) -> Attempt | Prompt:
    """Send one item, expanded; the first goes with the AUTH command.

    The result of the attempt if it is over, else what the server said to go on with.
    """
    try:
        data = _with_zeros(client, octets(expand(client.process, item)))
    except ExpansionFailed as failed:
        if not first:
            client.cancel()
        if failed.forced:
            return Attempt(Result.CANCELLED)
        name = client.authenticator.name
        text = f"expansion of {quoted(client.process, item)} failed in {name} authenticator: {failed.message}"
        return Attempt(Result.ERROR, text)
    encoded = base64.b64encode(data).decode("ascii")
    if not client.say(f"AUTH {client.public_name}{' ' if encoded else ''}{encoded}" if first else encoded):
        return Attempt(Result.FAIL_SEND)
    reply = client.read("2")
    if reply.ok:
        return Attempt(Result.OK, reply.text)
    if reply.errno or reply.text[:1] != "3":
        return Attempt(Result.FAIL, reply.text)
    if last:
        client.cancel()
        text = f"Too few items in client_send in {client.authenticator.name} authenticator"
        return Attempt(Result.ERROR, text)
    return _prompt(client, reply.text, ignore_invalid_base64=ignore_invalid_base64)


def _prompt(client: Client, reply: str, *, ignore_invalid_base64: bool) -> Attempt | Prompt:
    data = b64decode(client.buffer.behind_code)
    if data is not None:
        return Prompt(from_octets(data.partition(b"\0")[0]))
    if ignore_invalid_base64:
        return Prompt("")
    client.cancel()
    shown = quoted(client.process, reply)
    return Attempt(Result.CANCELLED, f"Invalid base64 string in server response {shown}")


def b64decode(text: str) -> bytes | None:
    """What base 64 stands for, white space left out; None if it is none (``b64decode()``, src/base64.c)."""
    try:
        return base64.b64decode("".join(text.split()).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None


def _with_zeros(client: Client, data: bytes) -> bytes:
    """A circumflex stands for a zero octet, two of them for one circumflex."""
    pattern = _AND_NEXT if client.process.profile.circumflex_hides_next else _CIRCUMFLEX
    return pattern.sub(lambda found: found[0][1:] or b"\0", data)


_CIRCUMFLEX, _AND_NEXT = re.compile(rb"\^\^?"), re.compile(rb"\^\^.|\^\^?", re.DOTALL)
