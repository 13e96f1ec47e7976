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


def interface_for_log(process: Process) -> str:
    """`` I=[address]:port`` if the selector ``incoming_interface`` asks for it, or nothing."""
    address = process.variables.get("interface_address")
    if address is None or not selector(process, "incoming_interface"):
        return ""
    return f" I=[{address}]:{process.variables.get('interface_port', '0')}"


def connection_for_log(process: Process) -> str:
    """`` Ci=number`` if the selector ``connection_id`` asks for it, or nothing."""
    return f" Ci={process.connection or process.pid}" if selector(process, "connection_id") else ""


def host_and_ident(process: Process, *, flagged: bool) -> str:
    """How the log names the client: ``H=host U=ident``, without the first flag unless ``flagged``.

    Source: host_and_ident(), src/host.c.
    """
    full, ident = process.variables.get("sender_fullhost"), process.variables.get("sender_ident")
    if full is None:
        name = f"{'U=' if flagged else ''}{'unknown' if ident is None else ident}"
    else:
        tail = "" if ident is None else f" U={ident}"
        name = f"{'H=' if flagged else ''}{full}{interface_for_log(process)}{tail}"
    name += connection_for_log(process)
    if process.profile.client_name_in_big_buffer:
        process.scratch = name
    return name


def add_host_info_for_log(process: Process) -> str:
    """The fields `` H= I= U= P=`` of the arrival line. Source: add_host_info_for_log(), src/receive.c."""
    known = process.variables
    secure = selector(process, "dnssec") and known.get("sender_host_dnssec") == "yes"
    text = ""
    if "sender_fullhost" in known:
        text = f"{' DS' if secure else ''} H={known['sender_fullhost']}{interface_for_log(process)}"
    if "sender_ident" in known:
        text += f" U={known['sender_ident']}"
    text += connection_for_log(process)
    if "received_protocol" in known:
        text += f" P={known['received_protocol']}"
    return text
