"""A redirect router whose file is a folder (asked of 4.99)."""

from __future__ import annotations

from tests.mta.front import Front

ROUTERS = "begin routers\nr:\n  driver = redirect\n  file = /lists\n"


def test_a_folder_is_no_regular_file() -> None:
    front = Front(routers=ROUTERS, files={"/lists/a": b"b@c.ex\n"})
    told = front.exim("-bt", "a@here.ex").stdout
    assert told == "a@here.ex cannot be resolved at this time: /lists is not a regular file\n"
