"""Which texts of options name files after what comes from outside."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.expand.taint import taint
from tests.mta.front import Front


@pytest.mark.parametrize(
    ("text", "tainted"),
    [
        ("/etc/list", False),
        ("/etc/$local_part_data", False),
        ("/etc/${domain_data}.x", False),
        (r"/etc/\$local_part", False),
        ("${lookup{x}lsearch{/etc/y}}", False),
        ("/etc/$local_part", True),
        ("/etc/${domain}/x", True),
        ("/etc/$h_subject:", True),
        ("/etc/${lc:$local_part}", None),
        ("${lookup{$domain}lsearch{/etc/y}}", None),
    ],
)
def test_the_text_tells_whether_its_expansion_is_tainted(text: str, tainted: bool | None) -> None:
    assert taint(text) is tainted


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
    [("/lists/${lc:$local_part}", ""), ("/lists/$local_part", "allow_insecure_tainted_data")],
)
def test_where_the_text_does_not_tell_nobody_has_looked(file: str, main: str) -> None:
    with pytest.raises(Unsupported, match="tainted") as lack:
        verified(file, "4.95", main)
    assert lack.value.line
