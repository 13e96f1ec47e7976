"""``eximsim serve smtp``: the scripted SMTP server on its own, for programs under test and by hand."""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eximsim.errors import InputError
from eximsim.world.smtp_server import EVIDENCE_BEHAVIOURS, Behaviour, ConnectionLog, SmtpServer

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
@click.option("--json", "as_json", is_flag=True, help="One JSON object per event, for machines.")
def smtp(
    behaviour: str | None,
    script: Path | None,
    listen: str,
    port: int,
    certificates: Path | None,
    write_certificates: Path | None,
    allow_nonloopback: bool,
    as_json: bool,
) -> None:
    """Serve scripted SMTP until interrupted, printing one line per event.

    \b
        eximsim serve smtp --behaviour cert-expired
        openssl s_client -connect 127.0.0.1:2525 -starttls smtp -crlf
    """
    from eximsim.world.accepting import SocketServer
    from eximsim.world.nameserver import check_loopback
    from eximsim.world.tls import check_policy

    check_loopback(listen, allow_nonloopback=allow_nonloopback)
    server = SmtpServer(
        _behaviour(behaviour, script),
        _chains(certificates, write_certificates).chains,
        _show_json if as_json else _show,
    )
    if server.policy is not None:
        check_policy(server.policy)
    with contextlib.suppress(KeyboardInterrupt), SocketServer(server, listen, port) as sockets:
        address, port = sockets.address
        said = {"listening": {"address": address, "port": port}}
        click.echo(json.dumps(said) if as_json else f"listening on {address} port {port}")
        threading.Event().wait()


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


def _show(log: ConnectionLog, event: str) -> None:
    peer = "" if log.client is None else f"{log.client.address}:{log.client.port}"
    details = f" {log.tls}, SNI {log.sni or 'none'}" if event == "TLS" else ""
    click.echo(f"{peer} {event}{details}")


def _show_json(log: ConnectionLog, event: str) -> None:
    peer = log.client and {"address": log.client.address, "port": log.client.port}
    told = {"client": peer, "event": event}
    if event == "TLS":
        told |= {"tls": log.tls, "sni": log.sni}
    click.echo(json.dumps(told))
