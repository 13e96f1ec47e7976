"""Which texts of options name files after what comes from outside."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.expand.taint import Taint, expand_tainted
from tests.mta.front import Front


@pytest.mark.parametrize(
    ("text", "taint"),
    [
        ("/etc/list", Taint.NONE),
        ("/etc/$local_part_data", Taint.NONE),
        ("/etc/${domain_data}.x", Taint.NONE),
        (r"/etc/\$local_part", Taint.NONE),
        ("${lookup{x}lsearch{/etc/y}}", Taint.NONE),
        ("/etc/$local_part", Taint.TAINTED),
        ("/etc/${domain}/x", Taint.TAINTED),
        ("/etc/${lc:$local_part}", Taint.TAINTED),
        ("/etc/${strlen:$local_part}", Taint.NONE),
        ("${lookup{$domain}lsearch{/etc/y}{$value}{none}}", Taint.NONE),
        ("${lookup{x}lsearch{/etc/y}{$value}{$domain}}", Taint.TAINTED),
        ("${if eq{$domain}{x}{y}{z}}", Taint.NONE),
        ("${if eq{$domain}{x}{$domain}{z}}", Taint.NONE),
        ("$acl_m1", Taint.NONE),
        (r"${sg{$local_part_data}{(.)}{\$1x}}", Taint.NONE),
        (r"${sg{$local_part}{(.)}{\$1x}}", Taint.TAINTED),
        (r"${sg{${sg{$domain_data}{(.)}{\$1}}}{(.)}{\$1}}", Taint.NONE),
    ],
)
def test_the_parts_of_a_text_tell_whether_its_expansion_is_tainted(text: str, taint: Taint) -> None:
    front = Front("", files={"/etc/y": b"a: b\n"})
    process = front.process()
    process.variables.update(local_part="a", domain="d.ex", local_part_data="a", acl_m1="x", domain_data="d")
    assert expand_tainted(process, text)[1] is taint


ROUTERS = """begin routers
listed:
  driver = redirect
  file = {file}
"""


def verified(file: str, release: str, main: str = "") -> str:
    front = Front(
        main, routers=ROUTERS.format(file=file), release=release, files={"/lists/a": b"b@here.ex\n"}
    )
    return front.exim("-bv", "a@here.ex").stdout


def test_a_file_that_the_address_names_is_not_read() -> None:
    refused = "a@here.ex cannot be resolved at this time: Tainted name '/lists/a' for file read not permitted"
    assert verified("/lists/$local_part", "4.94.1").startswith(refused)
    assert "not permitted" not in verified("/lists/$local_part", "4.93")
    assert "not permitted" not in verified("/lists/a", "4.99")


@pytest.mark.parametrize(
    ("file", "main"),
    [("/lists/$1\n  local_parts = ^(.*)\\$", ""), ("/lists/$local_part", "allow_insecure_tainted_data")],
)
def test_where_the_text_does_not_tell_nobody_has_looked(file: str, main: str) -> None:
    with pytest.raises(Unsupported, match="tainted") as lack:
        verified(file, "4.95", main)
    assert lack.value.line
