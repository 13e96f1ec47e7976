"""Files that ``${readfile`` names (asked of 4.92.3, 4.95, 4.96, 4.99)."""

from __future__ import annotations

import pytest

from tests.mta.front import Front

FILES = {"/v/a": b"b@else.ex\n", "/v/sub/c": b""}
ROUTERS = """
begin routers
r:
  driver = redirect
  domains = here.ex
  data = ${readfile{%s}}
end:
  driver = redirect
  data = :blackhole:
"""


def front(path: str, release: str) -> Front:
    return Front(routers=ROUTERS % path, files=FILES, release=release)


@pytest.mark.parametrize("release", ["4.94.1", "4.96", "4.99"])
def test_since_4_94_a_file_that_a_client_names_is_not_opened(release: str) -> None:
    run = front("/v/$local_part", release).exim("-bt", "a@here.ex")
    assert ": failed to open /v/a: Permission denied (euid=0 egid=" in run.stdout
    assert "Tainted filename '/v/a'" in run.stderr


@pytest.mark.parametrize(
    ("path", "release"),
    [("/v/$local_part", "4.92"), ("/v/a", "4.99"), ("/v/${lookup{$local_part}dsearch{/v}}", "4.99")],
)
def test_what_the_configuration_names_is_read(path: str, release: str) -> None:
    assert "is discarded" in front(path, release).exim("-bt", "a@here.ex").stdout


def test_nothing_is_in_a_folder() -> None:
    assert Front(files=FILES).exim("-be", "<${readfile{/v}}>").stdout == "<>\n"


def test_a_file_that_is_not_there_is_told() -> None:
    told = Front(files=FILES).exim("-be", "${readfile{/v/no}}").stdout
    assert told == "Failed: failed to open /v/no: No such file or directory\n"
