"""How a test names a configuration, and where its file is looked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from eximsim.errors import InputError
from eximsim.files import read_named
from eximsim.mta.base.string import from_octets
from eximsim.profiles import NEWEST
from eximsim.shapes import Map
from eximsim.testing.arguments import check_arguments

if TYPE_CHECKING:
    from eximsim.suite.policy import Policy
    from eximsim.world.certificates import ChainSet


@dataclass(frozen=True, slots=True)
class Configurations:
    """What holds for all configurations of a test.

    ``folders`` are where files are looked for, first to last; ``config`` is the configuration that is meant
    if a test names none, ``release`` its profile, and ``defines`` are macros for all. ``program`` is a real
    Exim that runs them, None: the model.
    """

    folders: Sequence[Path] = field(default_factory=lambda: (Path.cwd(),))
    release: str = NEWEST
    config: str | None = None
    defines: Mapping[str, str] = field(default_factory=dict)
    program: Path | None = None

    def read(
        self,
        chains: ChainSet,
        config: str | Path | None = None,
        text: str | None = None,
        profile: str | None = None,
        defines: Mapping[str, str] | None = None,
    ) -> Policy:
        """The configuration in a file, or with ``text``; raises ``InputError`` and ``Unsupported``."""
        from eximsim.profiles import profile as named_profile
        from eximsim.suite.config_files import Sources
        from eximsim.suite.policy import Policy  # with the whole model, which is slow to load

        shape = {"config?": str, "text?": str, "profile?": str, "defines?": Map(str)}
        check_arguments(shape, config=config, text=text, profile=profile, defines=defines)
        if config is None and text is None:
            config = self.config
        if (config is None) == (text is None):
            raise InputError("expected config=, the name of a file, or text=")
        path = self.find(Path(config)) if config is not None else None
        policy = Policy(
            path=str(config) if config is not None else "configuration",
            text=_content(path) if path is not None else str(text),
            profile=named_profile(profile or self.release),
            chains=chains,
            defines={**self.defines, **(defines or {})},
            sources=Sources(path.parent if path is not None else self.folders[0]),
        )
        _ = policy.config  # a mistake in it is told where the test names it
        return policy

    def find(self, name: Path) -> Path:
        """A file beside the test, or in the first folder above that has it; raises ``InputError``."""
        places = [folder / name for folder in self.folders]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            looked = ", ".join(dict.fromkeys(str(place.parent) for place in places))
            raise InputError(f"no such file; looked in {looked}", str(name))
        return found


def folders_of(folder: Path, root: Path) -> Iterator[Path]:
    """A test's folder and those above it, up to the root."""
    yield folder
    for above in folder.parents:
        if not above.is_relative_to(root):
            return
        yield above


def _content(path: Path) -> str:
    return from_octets(read_named(path, "an Exim configuration"))
