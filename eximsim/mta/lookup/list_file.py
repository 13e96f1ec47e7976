"""What is in the files that lists name (match_check_list(), src/match.c)."""

from __future__ import annotations

from collections.abc import Iterator

from eximsim.mta.base.string import SPACES
from eximsim.mta.records.lists import Kind


def file_items(content: str, kind: Kind) -> Iterator[str]:
    """The items in a file: comments begin with #, which in addresses must follow white space."""
    loose = kind not in (Kind.ADDRESS, Kind.LOCALPART)
    for text in content.split("\n"):
        line = text
        position = line.find("#")
        while position >= 0:
            if loose or position == 0 or line[position - 1] in SPACES:
                line = line[:position]
                break
            position = line.find("#", position + 1)
        line = line.strip(SPACES)
        if line:
            yield line
