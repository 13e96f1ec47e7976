"""Lookups of names in a folder (asked of 4.95, 4.96, 4.98.2)."""

from __future__ import annotations

import pytest

from tests.mta.front import Front

FILES = {"/lists/f": b"", "/lists/sub/g": b""}


@pytest.mark.parametrize(
    ("key", "options", "found"),
    [
        ("f", "", "f"),
        ("f", ",filter=file", "f"),
        ("f", ",filter=dir", "no"),
        ("sub", ",filter=dir", "sub"),
        ("sub", ",filter=file", "no"),
        ("f", ",ret=full", "/lists/f"),
        (".", ",filter=dir", "."),
        ("..", ",filter=dir", ".."),
        (".", ",filter=subdir", "no"),
        ("..", ",filter=subdir", "no"),
        ("sub", ",filter=subdir", "sub"),
    ],
)
def test_a_name_is_found_if_it_is_of_the_kind_that_is_asked_for(key: str, options: str, found: str) -> None:
    out = Front(files=FILES).exim("-be", f"${{lookup{{{key}}}dsearch{options}{{/lists}}{{$value}}{{no}}}}")
    assert out.stdout == f"{found}\n"
