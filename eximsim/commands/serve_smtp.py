"""``eximsim serve smtp``: the scripted SMTP server on its own, for programs under test and by hand."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eximsim.errors import InputError
from eximsim.ports import Endpoint
from eximsim.world.smtp_behaviour import EVIDENCE_BEHAVIOURS, Behaviour
from eximsim.world.smtp_server import ConnectionLog, SmtpServer

if TYPE_CHECKING:
    from eximsim.world.certificates import ChainSet

DEFAULT_BEHAVIOUR = "ok"


@click.command()
@click.option(
    "--behaviour",
    metavar="NAME",
    help=f"A named behaviour ({DEFAULT_BEHAVIOUR} if none is given): {', '.join(EVIDENCE_BEHAVIOURS)}.",
)
@click.option(
    "--script", metavar="FILE", type=click.Path(path_type=Path), help="A script (TOML) instead of a name."
)
@click.option("--listen", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to bind.")
@click.option(
    "--port", default=2525, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option(
    "--certificates",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Chains to use: root.pem, NAME.chain.pem and NAME.key.pem. Otherwise they are made now.",
)
@click.option(
    "--write-certificates",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where to keep the chains that are made, so that clients can be told to trust root.pem.",
)
@click.option("--allow-nonloopback", is_flag=True, help="Permit an address that others can reach.")
@click.option(
    "--max-connections",
    default=1000,
    show_default=True,
    metavar="N",
    type=click.IntRange(1),
    help="Connections at a time. One more, and the one that was answered longest ago is closed.",
)
@click.option(
    "--max-step",
    default=900.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(0, min_open=True),
    help="Time for one command or message.",
)
@click.option(
    "--max-total",
    default=3600.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(0, min_open=True),
    help="Time for a connection.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per event, for machines.")
def smtp(
    behaviour: str | None,
    script: Path | None,
    listen: str,
    port: int,
    certificates: Path | None,
    write_certificates: Path | None,
    allow_nonloopback: bool,
    max_connections: int,
    max_step: float,
    max_total: float,
    as_json: bool,
) -> None:
    """Serve scripted SMTP until interrupted, printing one line per event.

    \b
        eximsim serve smtp --behaviour cert-expired
        openssl s_client -connect 127.0.0.1:2525 -starttls smtp -crlf
    """
    from eximsim.commands.lines import Lines
    from eximsim.world.accepting import Limits, SocketServer
    from eximsim.world.nameserver import check_loopback
    from eximsim.world.tls import check_policy

    def on_event(log: ConnectionLog, event: str) -> None:
        lines.say(_event(log, event, as_json=as_json))

    def on_drop(client: Endpoint, why: str) -> None:
        lines.say(_dropped(client, why, as_json=as_json))

    check_loopback(listen, allow_nonloopback=allow_nonloopback)
    chains = _chains(certificates, write_certificates).chains
    server = SmtpServer(_behaviour(behaviour, script), chains, on_event, keep=False)
    if server.policy is not None:
        check_policy(server.policy)
    limits = Limits(connections=max_connections, step=max_step, total=max_total)
    with (
        contextlib.suppress(KeyboardInterrupt),
        Lines(as_json=as_json) as lines,
        SocketServer(server, listen, port, limits=limits, on_drop=on_drop) as sockets,
    ):
        place = Endpoint(*sockets.address)
        click.echo(_listening(place, as_json=as_json))
        lines.until_interrupted()


def _behaviour(name: str | None, script: Path | None) -> Behaviour:
    from eximsim.world.smtp_script import load_script, named_behaviour

    if name is not None and script is not None:
        raise InputError("expected --behaviour or --script, not both")
    behaviour = named_behaviour(name or DEFAULT_BEHAVIOUR) if script is None else load_script(script)
    if not behaviour.listen:
        raise InputError("a server that refuses connections is one that is not started")
    return behaviour


def _chains(certificates: Path | None, write: Path | None) -> ChainSet:
    from eximsim.world.certificates import load_chains, save_chains, standard_chains

    kept = standard_chains() if certificates is None else load_chains(certificates)
    if write is not None:
        save_chains(kept, write)
    return kept


def _listening(place: Endpoint, *, as_json: bool) -> str:
    if as_json:
        return json.dumps({"listening": asdict(place)})
    return f"listening on {place.address} port {place.port}"


def _event(log: ConnectionLog, event: str, *, as_json: bool) -> str:
    if as_json:
        told = {"client": log.client and asdict(log.client), "event": event}
        return json.dumps(told | ({"tls": log.tls, "sni": log.sni} if event == "TLS" else {}))
    peer = "" if log.client is None else f"{log.client.address}:{log.client.port}"
    details = f" {log.tls}, SNI {log.sni or 'none'}" if event == "TLS" else ""
    return f"{peer} {event}{details}"


def _dropped(client: Endpoint, why: str, *, as_json: bool) -> str:
    if as_json:
        return json.dumps({"client": asdict(client), "event": "closed", "why": why})
    return f"{client.address}:{client.port} closed: {why}"
