"""The place of what names a file that is not here."""

from __future__ import annotations

import pytest

from eximsim.gate.path_places import place_of_path
from tests.gate.deletions import policy

TEXT = """\
primary_hostname = mta.own.example
begin routers
lists:
  driver = accept
  require_files = /lists/$local_part/config.pck
  transport = box
aliases:
  driver = redirect
  data = ${lookup{$local_part}lsearch{/etc/aliases.${lc:$domain}}{$value}{${readfile{/etc/other}}}}
begin transports
box:
  driver = appendfile
  file = /mail/box
"""


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/etc/other", "exim.conf:9"),
        ("/lists/someone/config.pck", "exim.conf:5"),
        ("/etc/aliases.partner.example", "exim.conf:9"),
        ("/lists/config.pck", "exim.conf"),
        ("/nowhere", "exim.conf"),
    ],
)
def test_a_file_has_the_place_of_what_names_it(path: str, where: str) -> None:
    assert place_of_path(path, policy({"exim.conf": TEXT}).config) == where
