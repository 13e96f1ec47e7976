"""``eximsim serve dns``: the scenario's name server on its own, for dig and for programs under test."""

from __future__ import annotations

from pathlib import Path

import click

from eximsim.errors import EximsimError


class BadInput(click.ClickException):
    """Bad input, as the command line shows it: one line, exit 2."""

    exit_code = 2


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
    help="Certificates for @cert:NAME in TLSA records: NAME.chain.pem (its first certificate) and root.pem.",
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
def dns(zones_path: Path, certificates: Path | None, listen: str, port: int, allow_nonloopback: bool) -> None:
    """Serve zones over UDP and TCP until interrupted, printing one line per query.

    \b
        eximsim serve dns --zones testsuite/dnszones
        dig @127.0.0.1 -p 5353 +dnssec mx.test.ex MX
    """
    from eximsim.world.nameserver import serve
    from eximsim.world.zones import CertificateSource, load_zones

    def source(folder: Path) -> CertificateSource:
        from eximsim.world.certificates import der_chain, load_chains

        kept = load_chains(folder)
        leaves = {"root": kept.root} | {name: identity.chain for name, identity in kept.chains.items()}
        return lambda name: der_chain(leaves[name])[0]

    try:
        zones = load_zones(zones_path, None if certificates is None else source(certificates))
        serve(zones, listen, port, allow_nonloopback=allow_nonloopback, report=click.echo)
    except EximsimError as error:
        raise BadInput(str(error)) from None
