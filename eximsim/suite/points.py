"""The program that belongs to a tree: a release's name, taken back to the day of the tree.

A tree between two releases was tested with the program of its own commit. A change of the program that is
younger than the tree is undone in the profile that the tree is run under. As with the test runner
(``eras.py``), a tree's age is read off the tree: each change has a marker in a file that the same commit
brought or changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from eximsim.profiles import Profile


@dataclass(frozen=True, slots=True)
class ProgramChange:
    """One change of the program: a tree whose ``file`` lacks ``marker`` is older, and ``switch`` is ``before``."""

    switch: str
    before: object
    since: str
    """The commit that made the change."""
    file: str
    marker: str


PROGRAM_CHANGES = (
    ProgramChange(
        "dane_failure_overridden",
        True,
        "f2f2c91b1",
        "scripts/2100-OpenSSL/2112",
        "fail the crypt requirement",
    ),
)


def program_of(root: Path, profile: Profile, openssl: str | None) -> Profile:
    """``profile`` as it was when the tree at ``root`` (its ``test/`` folder) was current.

    ``openssl`` is the OpenSSL series that its goldens were made with, None if the profile's own.
    """
    for change in PROGRAM_CHANGES:
        file = root / change.file
        if file.is_file() and change.marker not in file.read_text("utf-8", "surrogateescape"):
            profile = replace(profile, **{change.switch: change.before})  # type: ignore[arg-type]  # by name
    if openssl is not None and profile.tls_library.startswith("openssl"):
        profile = replace(profile, tls_library=openssl)
    return profile
