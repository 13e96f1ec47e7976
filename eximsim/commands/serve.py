"""``eximsim serve dns``: the scenario's name server on its own, for dig and for programs under test."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from eximsim.world.nameserver import NameServer
    from eximsim.world.zones import CertificateSource, Zones


@click.command()
@click.option(
    "--zones",
    "zones_path",
    required=True,
    metavar="DIR|FILE",
    type=click.Path(path_type=Path),
    help="Zones: a folder of fakens files (db.ZONE) or master files (*.zone), one such file, "
    "or a JSON list of RRsets.",
)
@click.option(
    "--certificates",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Certificates for @cert:NAME in TLSA records: NAME.chain.pem (its first certificate) and root.pem; "
    "otherwise the folder certs/ beside the folder of zones.",
)
@click.option(
    "--host-ipv4",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="What HOSTIPV4 stands for in fakens files.",
)
@click.option("--listen", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to bind.")
@click.option(
    "--port",
    default=5353,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port, UDP and TCP; 0 takes a free one.",
)
@click.option("--allow-nonloopback", is_flag=True, help="Permit an address that others can reach.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per query, for machines.")
def dns(
    zones_path: Path,
    certificates: Path | None,
    host_ipv4: str,
    listen: str,
    port: int,
    allow_nonloopback: bool,
    as_json: bool,
) -> None:
    """Serve zones over UDP and TCP until interrupted, printing one line per query.

    \b
        eximsim serve dns --zones testsuite/dnszones
        dig @127.0.0.1 -p 5353 +dnssec pier.example.org MX
    """
    from eximsim.commands.lines import Lines
    from eximsim.world.nameserver import NameServer, Query, as_object, describe
    from eximsim.world.reply import Reply

    def on_query(query: Query, reply: Reply) -> None:
        lines.say(json.dumps(as_object(query, reply)) if as_json else describe(query, reply))

    zones = _zones(zones_path, certificates, host_ipv4)
    with (
        contextlib.suppress(KeyboardInterrupt),
        Lines(as_json=as_json) as lines,
        NameServer(zones, listen, port, allow_nonloopback=allow_nonloopback, on_query=on_query) as server,
    ):
        click.echo(_listening(server, as_json=as_json))
        lines.until_interrupted()


def _listening(server: NameServer, *, as_json: bool) -> str:
    if as_json:
        return json.dumps({"listening": {"address": server.address, "port": server.port}})
    return f"listening on {server.address} port {server.port}, UDP and TCP"


def _zones(path: Path, certificates: Path | None, host_ipv4: str) -> Zones:
    from eximsim.files import Folder
    from eximsim.suite.normalisation import Identity
    from eximsim.suite.source import DIRECTORY, zone_texts
    from eximsim.world.certificates import der_chain, load_chains
    from eximsim.world.zones import fakens_zones, load_zones

    certificate: CertificateSource | None = None
    beside = path.parent / "certs"
    if certificates is not None or (path.is_dir() and (beside / "root.pem").is_file()):
        kept = load_chains(certificates or beside)
        chains = {"root": kept.root} | {name: identity.chain for name, identity in kept.chains.items()}
        certificate = lambda name: der_chain(chains[name])[0]  # noqa: E731
    files = zone_texts(Folder(path), ".", Identity(DIRECTORY, ipv4=host_ipv4)) if path.is_dir() else {}
    return fakens_zones(files, certificate) if files else load_zones(path, certificate)
