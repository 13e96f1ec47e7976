"""The door to zones: every way to make them, and the ``Zones`` and ``Reply`` that every server asks."""

from __future__ import annotations

import json
from pathlib import Path

from eximsim.errors import InputError
from eximsim.world.fakens import FakeZones, decode, fakens_zones, load_fakens_dir
from eximsim.world.masterfile import master_zones
from eximsim.world.rdata import CertificateSource
from eximsim.world.reply import Reply, Zones
from eximsim.world.rrsets import ResolvedZones, rrset_zones

__all__ = [
    "CertificateSource",
    "FakeZones",
    "Reply",
    "ResolvedZones",
    "Zones",
    "fakens_zones",
    "load_fakens_dir",
    "load_zones",
    "master_zones",
    "rrset_zones",
]


def load_zones(path: str | Path, certificate: CertificateSource | None = None) -> Zones:
    """Read zones in whatever form ``path`` has.

    A folder with files ``db.*`` or ``qualify.*`` is in fakens format, one with files ``*.zone`` holds master
    files. A file ``*.json`` is a list of RRsets (or an object with one under ``zone``), a file ``db.*`` one
    fakens zone, and any other file a master file. Raises ``InputError`` and ``Unsupported``.
    """
    place = Path(path)
    try:
        if place.is_dir():
            masters = sorted(place.glob("*.zone"))
            if not masters or any(place.glob("db.*")):
                return load_fakens_dir(place, certificate)
            return master_zones({str(p): decode(p.read_bytes(), str(p)) for p in masters}, certificate)
        text = decode(place.read_bytes(), str(place))
    except OSError as error:
        raise InputError(f"{error.strerror}; expected a zone file or a folder of them", str(place)) from None
    if place.suffix == ".json":
        return _json_zones(text, str(place), certificate)
    if place.name.startswith("db."):
        return fakens_zones({place.name: text}, certificate)
    return master_zones({str(place): text}, certificate)


def _json_zones(text: str, path: str, certificate: CertificateSource | None) -> ResolvedZones:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{error.msg}; expected JSON", path, error.lineno) from None
    except (ValueError, RecursionError):
        raise InputError("an endless number or nest; expected JSON of RRsets", path) from None
    rrsets = content.get("zone") if isinstance(content, dict) else content
    if not isinstance(rrsets, list):
        raise InputError("no list of RRsets; expected one, or an object with one under zone", path)
    return rrset_zones(rrsets, path, certificate)
