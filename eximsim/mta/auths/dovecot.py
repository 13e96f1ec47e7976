"""The dovecot authenticator, whose server is asked: src/auths/dovecot.c.

What Dovecot says to a user and a password is a given answer. Of its mechanisms PLAIN (RFC 4616) and LOGIN are
known, which want no more than those two.
"""

from __future__ import annotations

from eximsim.errors import Unanswered, Unsupported
from eximsim.mta.auths.get_data import b64decode
from eximsim.mta.auths.server import (
    Exchange,
    Outcome,
    Reading,
    Server,
    Verdict,
    check_server_condition,
    get_line,
)
from eximsim.mta.base.string import from_octets
from eximsim.ports import Told

_USERNAME, _PASSWORD = "VXNlcm5hbWU6", "UGFzc3dvcmQ6"  # "Username:", "Password:"


def auth_dovecot_server(server: Server) -> Exchange:
    """Bring what the client says to Dovecot (``auth_dovecot_server()``)."""
    options, socket = server.authenticator.options, server.text("server_socket") or ""
    known = server.process.world.find_answer("dovecot", socket)
    if known is not None and known.deferred:
        return _put_off(known)
    mechanism = (server.text("public_name") or server.authenticator.name).upper()
    if mechanism == "PLAIN":
        said = server.data or (yield from _line(""))
        found = _plain(said)
    elif mechanism == "LOGIN":
        user = _decoded(server.data or (yield from _line(_USERNAME)))
        password = None if user is None else _decoded((yield from _line(_PASSWORD)))
        found = None if user is None or password is None else (user, password)
    else:
        where = options.where("public_name") if options.is_set("public_name") else _place(server)
        raise Unsupported(f"the dovecot authenticator with the mechanism {mechanism}", *where)
    if found is None:
        return Verdict(Outcome.FAIL)
    return _asked(server, *found)


def _put_off(said: Told) -> Verdict:
    return Verdict(Outcome.DEFER, said.error or "authentication socket read error or premature eof")


def _place(server: Server) -> tuple[str, int]:
    return server.authenticator.path, server.authenticator.line


def _line(challenge: str) -> Reading:
    return (yield from get_line(challenge))


def _decoded(data: bytes | str) -> str | None:
    octets = b64decode(data if isinstance(data, str) else from_octets(data))
    return None if octets is None else from_octets(octets)


def _plain(data: bytes | str) -> tuple[str, str] | None:
    """The user and the password of the message of PLAIN."""
    message = _decoded(data)
    parts = () if message is None else message.split("\0")
    return (parts[1], parts[2]) if len(parts) == 3 else None


def _asked(server: Server, user: str, password: str) -> Verdict:
    process = server.process
    try:
        said = process.world.ask("dovecot", f"{server.text('server_socket')} {user} {password}")
    except Unanswered as problem:
        raise problem.at(*_place(server)) from None
    if said.deferred:
        return _put_off(said)
    server.set_auth(1, said.value if said.value is not None else user)
    process.numeric = ("", process.variables["auth1"])
    return Verdict(Outcome.FAIL) if said.value is None else check_server_condition(server)
