"""The disk of the model: where paths lead."""

from __future__ import annotations

import pytest

from eximsim.disk import Disk
from eximsim.errors import Unsupported


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/a/b", "/a/b"),
        ("/a/../b/./c", "/b/c"),
        ("/near/x", "/a/x"),
        ("/far/x", "/elsewhere/deep/x"),
        ("/d/up/x", "/a/x"),
        ("/d/up/../x", "/x"),
        ("/twice/x", "/a/x"),
    ],
)
def test_dots_and_links_are_resolved_part_by_part(path: str, real: str) -> None:
    links = {"/near": "a", "/far": "/elsewhere/deep", "/d/up": "../a", "/twice": "near"}
    assert Disk(links=links).real_path(path) == real


@pytest.mark.parametrize(
    "links",
    [{"/a": "a"}, {"/a": "b", "/b": "/a"}, {"/a": "b/b/b", **{f"/{x}": f"{y}/{y}" for x, y in ("bc", "cb")}}],
)
def test_links_that_go_round_are_not_modelled(links: dict[str, str]) -> None:
    with pytest.raises(Unsupported, match="symbolic links"):
        Disk(links=links).real_path("/a/x")
