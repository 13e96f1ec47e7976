"""The door to zones: every way to make them, and the ``Zones`` and ``Reply`` that every server asks."""

from __future__ import annotations

from pathlib import Path

from eximsim.errors import InputError
from eximsim.files import Folder, read_named
from eximsim.formats import parse_json
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
    "zones_in",
]

_EXPECTED = "a zone file or a folder of them"
_FAKENS = ("db.", "qualify.")
_FILES = "files ZONE.zone (master files), or db.ZONE as Exim's test suite has them"


def load_zones(path: str | Path, certificate: CertificateSource | None = None) -> Zones:
    """Read zones in whatever form ``path`` has.

    A folder with files ``db.*`` or ``qualify.*`` is in fakens format, one with files ``*.zone`` holds master
    files. A file ``*.json`` is a list of RRsets (or an object with one under ``zone``), a file ``db.*`` one
    fakens zone, and any other file a master file. Raises ``InputError`` and ``Unsupported``.
    """
    place = Path(path)
    if place.is_dir():
        return zones_in(Folder(place), ".", certificate)
    return _zones(decode(read_named(place, _EXPECTED), str(place)), place, certificate)


def zones_in(folder: Folder, name: str, certificate: CertificateSource | None = None) -> Zones:
    """The same for a file of a folder, or a folder in it."""
    place = folder.path / name
    try:
        if not folder.is_folder(name):
            return _zones(decode(folder.read(name), str(place)), place, certificate)
        masters = [one for one in folder.names(name) if one.endswith(".zone")]
        if not any(one.startswith(_FAKENS) for one in folder.names(name)) and not masters:
            raise InputError(f"no zones here; expected {_FILES}", str(place))
        if not masters or any(one.startswith("db.") for one in folder.names(name)):
            return load_fakens_dir(folder, certificate, name)
        texts = {str(place / one): decode(folder.read(f"{name}/{one}"), str(place / one)) for one in masters}
    except OSError as error:
        raise InputError(f"{error.strerror}; expected {_EXPECTED}", str(error.filename)) from None
    return master_zones(texts, certificate)


def _zones(text: str, place: Path, certificate: CertificateSource | None) -> Zones:
    if place.suffix == ".json":
        return _json_zones(text, str(place), certificate)
    if place.name.startswith("db."):
        return fakens_zones({place.name: text}, certificate)
    return master_zones({str(place): text}, certificate)


def _json_zones(text: str, path: str, certificate: CertificateSource | None) -> ResolvedZones:
    content = parse_json(text, path, "JSON of RRsets")
    rrsets = content.get("zone") if isinstance(content, dict) else content
    if not isinstance(rrsets, list):
        raise InputError("no list of RRsets; expected one, or an object with one under zone", path)
    return rrset_zones(rrsets, path, certificate)
