"""What decides how mail goes out, and comes from outside (asked of 4.92.3, 4.96, 4.99)."""

from __future__ import annotations

import pytest

from tests.mta.front import Front

CONFIGURATION = """
begin routers
r:
  driver = {driver}
  transport = {transport}
begin transports
f:
  driver = smtp
{options}
  port = 1225
  allow_localhost
begin retry
* * F,1d,1h
"""
LOOKED_UP = "${lookup{$local_part}lsearch{/map}}"
HOSTS = "hosts = $local_part.ex"
INTERFACE = "interface = $sender_address_local_part"
OWN = "hosts = 127.0.0.1"


def log(release: str, options: str, transport: str = "f", driver: str = "accept") -> str:
    lines = "\n".join(f"  {option}" for option in options.split("; "))
    routers = CONFIGURATION.format(driver=driver, transport=transport, options=lines)
    front = Front("trusted_users = caller", routers=routers, files={"/map": b"f: f\n"}, release=release)
    front.exim("-odf", "-f", "127.0.0.1@x.ex", "f@d.ex", stdin="Subject: x\n\n")
    return "\n".join(front.log())


@pytest.mark.parametrize("release", ["4.94.1", "4.96", "4.99"])
def test_since_4_94_hosts_from_outside_are_refused(release: str) -> None:
    told = log(release, HOSTS)
    assert "attempt to use tainted host list 'f.ex' from '$local_part.ex' in transport f" in told
    assert "== f@d.ex R=r T=f defer (0): internal configuration error" in told.replace("(-1)", "(0)")


@pytest.mark.parametrize("release", ["4.94.1", "4.96", "4.99"])
def test_since_4_94_an_interface_from_outside_is_refused(release: str) -> None:
    told = log(release, f"{OWN}; {INTERFACE}")
    assert "attempt to use tainted value '127.0.0.1' from '$sender_address_local_part' for interface" in told
    assert 'failed to expand "interface" option for f transport: configuration error' in told


@pytest.mark.parametrize("release", ["4.94.1", "4.96", "4.99"])
def test_since_4_94_a_transport_that_is_named_from_outside_is_refused(release: str) -> None:
    told = log(release, OWN, "$local_part")
    assert "attempt to use tainted value 'f' from '$local_part' for transport" in told
    assert "internal configuration error" in told


@pytest.mark.parametrize(
    ("options", "transport"),
    [
        (OWN, LOOKED_UP),
        (OWN, "${if eq{$local_part}{f}{f}{g}}"),
        (f"{OWN}; interface = ${{if eq{{$local_part}}{{f}}{{127.0.0.1}}}}", "f"),
    ],
)
def test_what_was_looked_up_or_written_is_taken(options: str, transport: str) -> None:
    assert "Connection refused" in log("4.99", options, transport)


@pytest.mark.parametrize(("options", "transport"), [(f"{OWN}; {INTERFACE}", "f"), (OWN, "$local_part")])
def test_up_to_4_92_all_is_taken(options: str, transport: str) -> None:
    assert "Connection refused" in log("4.92", options, transport)
