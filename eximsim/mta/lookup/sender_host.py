"""How the client is called in log lines and in the Received: line (part of src/host.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.ipaddr import host_aton
from eximsim.mta.base.string import string_is_ip_address
from eximsim.mta.process.log import selector

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def host_build_sender_fullhost(process: Process) -> None:
    """Set ``$sender_fullhost`` and ``$sender_rcvhost`` from the client's address, name, HELO and ident.

    Source: host_build_sender_fullhost(), src/host.c.
    """
    known = process.variables
    host = known.get("sender_host_address")
    if host is None:
        return
    port = known.get("sender_host_port", "0")
    shown_port = port if selector(process, "incoming_port") and port != "0" else ""
    address = f"[{host}]"
    with_port = f"{address}:{shown_port}" if shown_port else address
    helo = known.get("sender_helo_name")
    show_helo = helo is not None and not _helo_is_address(helo, host)
    name, ident = known.get("sender_host_name"), known.get("sender_ident")
    if name is None:
        known["sender_fullhost"] = with_port if helo is None else f"({helo}) {with_port}"
        parts = [f"port={shown_port}"] if shown_port else []
        parts += [f"helo={helo}"] if show_helo else []
        parts += [f"ident={ident}"] if ident is not None else []
        known["sender_rcvhost"] = f"{address} ({' '.join(parts)})" if parts else address
        return
    if show_helo and helo is not None and helo.lower() != name.lower():
        known["sender_fullhost"] = f"{name} ({helo}) {with_port}"
        known["sender_rcvhost"] = (
            f"{name} ({with_port} helo={helo})"
            if ident is None
            else f"{name}\n\t({with_port} helo={helo} ident={ident})"
        )
    else:
        known["sender_fullhost"] = f"{name} {with_port}"
        tail = "" if ident is None else f" ident={ident}"
        known["sender_rcvhost"] = f"{name} ({with_port}{tail})"


def _helo_is_address(helo: str, host: str) -> bool:
    if not (helo.startswith("[") and helo.endswith("]")):
        return False
    literal = helo[1:-1]
    if literal[:5].lower() in ("ipv6:", "ipv4:"):
        literal = literal[5:]
    return string_is_ip_address(literal)[0] != 0 and host_aton(literal) == host_aton(host)
