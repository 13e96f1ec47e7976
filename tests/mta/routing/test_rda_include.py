"""Files that redirection data includes (asked of 4.89, 4.95, 4.96, 4.97, 4.98.2, 4.99 and the head)."""

from __future__ import annotations

import pytest

from tests.mta.front import Front

FILES = {
    "/lists/f": b"x@y.ex\n",
    "/lists/sub/g": b"x@y.ex\n",
    "/other/f": b"x@y.ex\n",
    "/map": b"".join(
        f"{key}: /{value}\n".encode()
        for key, value in (
            ("file", "lists/f"), ("below", "lists/sub/g"), ("twice", "lists//f"), ("above", "lists/sub/../f"),
            ("none", "lists/no"), ("folder", "lists/sub"), ("slash", "lists/sub/"), ("other", "other/f"),
            ("itself", "lists"), ("long", "lists/" + "a" * 255),
        )
    ),
}  # fmt: skip
ROUTER = """
begin routers
r:
  driver = redirect
  domains = here.ex
  data = :include:{path}
{options}
end:
  driver = redirect
  data = :blackhole:
"""
CLEAN = "${lookup{$local_part}lsearch{/map}}"
FOUND = "is discarded"
OUTSIDE = "failed to open {} (component of included file); could be symbolic link"
FOLDER = "included file {} is not a regular file in the /lists directory"


def told(name: str, release: str, *options: str, path: str = CLEAN) -> str:
    lines = "".join(f"  {option}\n" for option in options)
    front = Front(routers=ROUTER.format(path=path, options=lines), files=FILES, release=release)
    out = front.exim("-bt", f"{name}@here.ex").stdout
    return out.partition("error in redirect data: ")[2].rstrip("\n") or out


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("none", "failed to open included file /lists/no: No such file or directory"),
        ("folder", "error while reading included file /lists/sub: Is a directory"),
        ("long", f'included file name "/lists/{"a" * 255}" is too long'),
    ],
)
def test_what_cannot_be_included_without_a_directory(name: str, why: str) -> None:
    assert told(name, "4.96") == why


@pytest.mark.parametrize("name", ["file", "below", "above"])
def test_since_4_96_files_in_the_directory_are_included(name: str) -> None:
    assert FOUND in told(name, "4.96", "include_directory = /lists/")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("twice", OUTSIDE.format("/lists//f")),
        ("none", OUTSIDE.format("/lists/no")),
        ("slash", OUTSIDE.format("/lists/sub/")),
        ("folder", FOLDER.format("/lists/sub")),
        ("other", "included file /other/f is not in directory /lists"),
        ("itself", "included file /lists is not in directory /lists"),
    ],
)
def test_what_cannot_be_included_from_a_directory(name: str, why: str) -> None:
    assert told(name, "4.96", "include_directory = /lists") == why


@pytest.mark.parametrize(
    ("release", "why"),
    [
        ("4.87", "included file /lists/f in the /lists directory involves a symbolic link"),
        ("4.96", OUTSIDE.format("/lists/f")),
    ],
)
def test_a_symbolic_link_leads_to_no_file_of_a_directory(release: str, why: str) -> None:
    lines = "  include_directory = /lists\n"
    front = Front(routers=ROUTER.format(path="/lists/f", options=lines), files=FILES, release=release)
    front.world.disk.links["/lists/f"] = "sub/g"
    assert front.exim("-bt", "a@here.ex").stdout.rstrip("\n").endswith(f": {why}")


def test_a_directory_that_is_not_there_is_told() -> None:
    missing = "include_directory = /gone"
    assert told("x", "4.96", missing, path="/gone/f") == "failed to open directory /gone"


@pytest.mark.parametrize("release", ["4.88", "4.89", "4.95"])
def test_from_4_88_to_4_95_a_directory_leads_to_the_root_folder(release: str) -> None:
    assert told("file", release, "include_directory = /lists") == OUTSIDE.format("/lists/f")


@pytest.mark.parametrize("name", ["file", "twice", "above"])
def test_up_to_4_87_the_names_on_the_way_are_looked_for(name: str) -> None:
    assert FOUND in told(name, "4.87", "include_directory = /lists")
    why = "failed to stat /lists/no (component of included file)"
    assert told("none", "4.87", "include_directory = /lists") == why


TAINTED = "/lists/$local_part"


@pytest.mark.parametrize(("release", "line"), [("4.94.1", 1393), ("4.96-debian12", 1398), ("4.98", 1403)])
def test_data_from_outside_that_includes_a_file_ends_the_process_up_to_4_98(release: str, line: int) -> None:
    front = Front(routers=ROUTER.format(path=TAINTED, options=""), files=FILES, release=release)
    run = front.exim("-bt", "f@here.ex")
    assert (run.code, run.stdout) == (1, "")
    assert f"Taint mismatch, Ustrncpy: parse_forward_list {line}\n" in run.stderr


def test_data_from_outside_may_include_no_file_since_4_99() -> None:
    assert told("f", "4.99", path=TAINTED) == "Tainted name '/lists/f' for included file  not permitted"


def test_data_from_outside_may_include_files_before_taint() -> None:
    assert FOUND in told("f", "4.92", path=TAINTED)
