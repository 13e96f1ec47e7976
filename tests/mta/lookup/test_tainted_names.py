"""Lookups in files whose names come from outside."""

from __future__ import annotations

import pytest

from tests.mta.local import LocalMachine

FILES = {"/v/test.ex": b"a: :blackhole:\n", "/map": b"test.ex: test.ex\n"}
KEEP = "driver = appendfile\nfile = /mail/a"
REFUSED = "Tainted filename for search: '/v/test.ex'"


def delivered(routers: str, release: str) -> list[str]:
    machine = LocalMachine(KEEP, release, routers=routers, files=FILES)
    machine.deliver()
    return machine.log


def aliases(file: str) -> str:
    return f"v:\n driver = redirect\n data = ${{lookup{{$local_part}}lsearch{{{file}}}}}\n"


@pytest.mark.parametrize("release", ["4.92", "4.93"])
def test_up_to_4_93_any_name_will_do(release: str) -> None:
    assert any(
        line.startswith("=> :blackhole: <a@test.ex> R=v")
        for line in delivered(aliases("/v/$domain"), release)
    )


@pytest.mark.parametrize("release", ["4.94.1", "4.96", "4.99"])
def test_later_a_name_from_outside_fails(release: str) -> None:
    log = delivered(aliases("/v/$domain"), release)
    assert REFUSED in log
    assert any("R=v defer (-1): failed to expand" in line and line.endswith(": NULL") for line in log)


@pytest.mark.parametrize("name", ["${lookup{$domain}lsearch{/map}}", "test.ex"])
def test_what_was_looked_up_or_written_is_good(name: str) -> None:
    assert any(line.startswith("=> :blackhole: ") for line in delivered(aliases(f"/v/{name}"), "4.99"))


def test_the_address_of_an_alias_is_good() -> None:
    routers = (
        "v:\n driver = redirect\n local_parts = list\n data = a\n"
        "w:\n driver = redirect\n data = ${lookup{$local_part}lsearch{/v/$domain}}\n"
    )
    machine = LocalMachine(KEEP, "4.99", routers=routers, main="qualify_domain = test.ex", files=FILES)
    machine.deliver("list@test.ex")
    assert any(line.startswith("=> :blackhole: ") for line in machine.log)
    machine.deliver("a@test.ex")
    assert machine.log[-2] == REFUSED


def test_the_words_of_the_last_lookup_go_with_it() -> None:
    routers = (
        "v:\n driver = accept\n domains = lsearch;/map\n local_parts = lsearch;/v/$domain\n transport = t\n"
    )
    log = delivered(routers, "4.99")
    assert log[-2:] == [REFUSED, ""]


def test_a_list_ends_the_process() -> None:
    routers = "v:\n driver = accept\n local_parts = lsearch;/v/$domain\n transport = t\n user = CALLER\n"
    assert delivered(routers, "4.99")[-2:] == [REFUSED, "NULL"]
    assert any(line.startswith("=> a") for line in delivered(routers, "4.92"))
