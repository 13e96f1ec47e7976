"""The servers around a test, from ``servers/TEST.json`` in its folder.

::

    {"networks": ["10.9.0.0/16"], "port": 1225, "servers": {"10.9.1.1": "ok", "10.9.1.2": {"rcpt": "450 no"}}}

``networks`` are routed to the test's host, besides the loopback network. A server is a named behaviour or the
content of a script (``world.smtp_script``); the certificate chains are those of the folder ``certs/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from ipaddress import ip_address, ip_network
from typing import Any

from eximsim.errors import InputError
from eximsim.files import Folder
from eximsim.formats import parse_json
from eximsim.quick_dataclass import dataclass
from eximsim.shapes import Map, check
from eximsim.world.certificates import ChainSet
from eximsim.world.smtp_script import server_behaviour
from eximsim.world.smtp_server import SmtpServer

_KEYS = frozenset({"networks", "port", "servers"})
_SHAPE = {"networks?": [str], "port": int, "servers": Map((str, Map(object)))}
_EXPECTED = 'expected {"networks": [...], "port": NUMBER, "servers": {ADDRESS: BEHAVIOUR}}'


@dataclass(frozen=True, slots=True)
class Peers:
    """What is around a test's host: networks that lead to it, and servers by address and port."""

    networks: tuple[str, ...] = ()
    servers: Mapping[tuple[str, int], SmtpServer] = field(default_factory=dict)


def read_peers(folder: Folder, name: str, chains: ChainSet) -> Peers:
    """The servers of one file of a folder, which show these chains.

    Nobody listens where a behaviour says so. Raises ``InputError``.
    """
    path = folder.path / name
    try:
        content = parse_json(folder.read(name).decode("utf-8"), str(path), "JSON")
        check(content, _SHAPE)
        return _peers(content, chains)
    except InputError as error:
        raise InputError(error.message, error.path or str(path), error.line) from None
    except (OSError, UnicodeDecodeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{error}; {_EXPECTED}", str(path)) from None


def _peers(content: Mapping[str, Any], chains: ChainSet) -> Peers:
    if unknown := sorted(content.keys() - _KEYS):
        raise InputError(f"unknown key {unknown[0]!r}; {_EXPECTED}")
    behaviours = {
        (str(ip_address(address)), int(content["port"])): server_behaviour(server)
        for address, server in content["servers"].items()
    }
    return Peers(
        tuple(str(ip_network(network)) for network in content.get("networks", ())),
        {place: SmtpServer(found, chains.chains) for place, found in behaviours.items() if found.listen},
    )
