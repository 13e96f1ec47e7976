"""A change in a file of certificates is not passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from eximsim.gate.certificate_files import certificate_gaps
from eximsim.gate.lattice import certificates
from eximsim.profiles import NEWEST, profile
from eximsim.suite.config_files import Sources
from eximsim.suite.policy import Policy

CONFIG = """\
begin routers
r:
  driver = dnslookup
  transport = out
begin transports
out:
  driver = smtp
  tls_verify_certificates = /etc/exim/ca.pem
"""


def side(folder: Path, **files: bytes) -> Policy:
    folder.mkdir()
    for name, content in files.items():
        file = folder / "etc" / "exim" / f"{name}.pem"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    path = str(folder / "exim.conf")
    return Policy(path, CONFIG, profile(NEWEST), certificates(("mail.invalid",)), sources=Sources(folder))


@pytest.mark.parametrize(("before", "after"), [({"ca": b"one"}, {"ca": b"two"}), ({}, {"ca": b"two"})])
def test_other_authorities_are_a_gap_at_the_option_that_names_them(
    tmp_path: Path, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    (gap,) = certificate_gaps(side(tmp_path / "a", **before), side(tmp_path / "b", **after))
    assert gap.what == "tls_verify_certificates: what /etc/exim/ca.pem holds has changed"
    assert gap.where == f"{tmp_path}/b/exim.conf:8"


def test_the_same_authorities_are_none(tmp_path: Path) -> None:
    two = (side(tmp_path / name, ca=b"one") for name in "ab")
    assert list(certificate_gaps(*two)) == []
