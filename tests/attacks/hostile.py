"""A folder as a stranger may propose it: all in it tries to reach what is beside it, or to run something."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

SECRET = "the-secret-that-nobody-named"
"""What is in every file outside; it must not be in any output."""

CONF = """\
primary_hostname = relay.example.org
.include_if_exists OUTSIDE/secret
domainlist local_domains = @ : lsearch;/etc/passwd : OUTSIDE/secret
begin acl
check_rcpt:
  accept verify = recipient/callout
begin routers
out:
  driver = dnslookup
  domains = ! +local_domains
  address_data = ${readfile{/proc/self/environ}{|}}${readfile{link}}${readfile{deep/../../secret}}
  transport = remote
begin transports
remote:
  driver = smtp
  helo_data = ${lookup{root}lsearch{/etc/shadow}{$value}{x}}${run{TRAP}}${readsocket{inet:127.0.0.1:1}{x}}
  tls_certificate = OUTSIDE/secret
  hosts_try_dane = ${env{EXIMSIM_SECRET}{$value}{*}}
begin retry
* * F,2d,15m
"""

SCRIPT = """\
exim -odf someone@destination.example
****
cat OUTSIDE/secret
"""


@dataclass(frozen=True, slots=True)
class Hostile:
    """The folder, what is outside, and the file that is made if a program of the stranger's runs."""

    folder: Path
    outside: Path
    trace: Path


def hostile(top: Path) -> Hostile:
    """Make all of it below ``top``."""
    outside, folder = top / "outside", top / "folder"
    outside.mkdir(parents=True)
    trap = outside / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {outside}/trapped\n")
    trap.chmod(0o755)
    (outside / "secret").write_text(f"{SECRET}\n")
    folder.mkdir()
    _configurations(folder, outside)
    _suite(folder / "suite", outside)
    _tree(folder / "tree", outside)
    return Hostile(folder, outside, outside / "trapped")


def _link(place: Path, target: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def _configurations(folder: Path, outside: Path) -> None:
    text = CONF.replace("OUTSIDE", str(outside)).replace("TRAP", f"{outside}/trap")
    (folder / "exim.conf").write_text(text)
    (folder / "include.conf").write_text(f".include {outside}/secret\n")
    for name in ("linked.conf", "link", "linked.lock", "linked.jsonl", "linked.toml", "linked.zone"):
        _link(folder / name, outside / "secret")
    (folder / "servers.toml").write_text(f'["192.0.2.1"]\nbase = "ok"\ncertificate = "{outside}/secret"\n')
    zone = "destination.example. MX 10 mx.destination.example.\nDNSSEC mx A 192.0.2.1\n"
    for name in ("clean", "zones"):
        (folder / name).mkdir()
        (folder / name / "db.destination.example").write_text(zone)
    _link(folder / "zones/db.secret", outside / "secret")


def _suite(root: Path, outside: Path) -> None:
    script = SCRIPT.replace("OUTSIDE", str(outside))
    for folder in ("scripts", "confs", "logs", "stdout"):
        (root / folder).mkdir(parents=True)
    (root / "scripts/0001").write_text(script)
    (root / "confs/0001").write_text("primary_hostname = a.example\n")
    _link(root / "logs/0001", outside / "secret")
    _link(root / "scripts/0002", outside / "secret")
    _link(root / "confs/0003", outside / "secret")
    (root / "scripts/0003").write_text(script)
    _link(root / "stdout/0003", outside / "new")
    _link(root / "dnszones/db.example", outside / "secret")
    _link(root / "mail", outside)


def _tree(top: Path, outside: Path) -> None:
    root = top / "test"
    for folder in ("scripts/0000-Basic", "confs", "log", "aux-var-src", "dnszones-src"):
        (root / folder).mkdir(parents=True)
    (root / "scripts/0000-Basic/0001").write_text(SCRIPT)
    (root / "confs/0001").write_text("primary_hostname = a.example\n")
    (root / "runtest").write_text("#!/usr/bin/perl\n")
    for name in ("log/0001", "aux-var-src/stolen", "dnszones-src/db.stolen"):
        _link(root / name, outside / "secret")
    _link(top / "src/src/version.sh", outside / "secret")
    _repository(top, outside)
    _repository(root, outside)


def _repository(top: Path, outside: Path) -> None:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    runtest = "runtest" if (top / "runtest").exists() else "test/runtest"
    for words in (("init", "--quiet"), ("add", "-f", runtest), ("commit", "--quiet", "-m", "one")):
        subprocess.run(("git", *who, *words), cwd=top, check=True, capture_output=True)
    trap = f"{outside}/trap"
    config = top / ".git/config"
    settings = {"core": "fsmonitor sshCommand pager editor hooksPath askPass", "diff": "external"}
    for section, names in settings.items():
        lines = "".join(f"\t{name} = {trap}\n" for name in names.split())
        config.write_text(config.read_text() + f"[{section}]\n{lines}")
    for hook in ("post-index-change", "reference-transaction", "post-checkout"):
        place = top / ".git/hooks" / hook
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(Path(trap).read_bytes())
        place.chmod(0o755)
