"""Exim's utilities as scripts call them: on the logs, the queue and the files of a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from eximsim.profiles import Profile
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.subject import Result
from eximsim.suite.script_files import FileCommands
from eximsim.suite.utilities.exigrep import exigrep
from eximsim.suite.utilities.exiqgrep import exiqgrep
from eximsim.suite.utilities.msgdate import msgdate


@dataclass(frozen=True, slots=True)
class Utilities:
    """The utilities of one test, with its ``files`` and the ``profile`` of the program they came with."""

    files: FileCommands
    profile: Profile

    def msgdate(
        self,
        argv: Sequence[str],
        stdin: bytes,
        env: Mapping[str, str],
        user: str | None = None,
        pause: float = 0,
    ) -> Result:
        """``exim_msgdate``, which is called as the program itself is."""
        program = self.files.path("eximdir/exim_msgdate")
        place = f"{program} line {self.profile.msgdate_warning_line}"
        return msgdate(argv, env, self._text, place)

    def _text(self, name: str) -> str:
        return self.files.world.read_file(self.files.path(name)).decode("utf-8", "surrogateescape")

    def exigrep(self, words: Sequence[str]) -> Result:
        """``exigrep`` of the main log."""
        log = self.files.path("spool/log/mainlog")
        return Result(0, exigrep([*words, log], lambda name: self.files.cat([name])), "")

    def exiqgrep(self, words: Sequence[str]) -> Result:
        """``exiqgrep`` of the queue."""
        config = self.files.path("test-config")
        return exiqgrep(["-E", "./eximdir/exim", "-C", config, *words], self._exim, self.files.world.now())

    def _exim(self, words: Sequence[str]) -> Result:
        return self.files.subject.exim(words, b"", {"PATH": "/usr/bin:/bin"})


UTILITIES: Mapping[str, Callable[[Utilities, Sequence[str]], Result]] = {
    "exigrep": Utilities.exigrep,
    "exiqgrep": Utilities.exiqgrep,
}
"""What each does with its arguments."""

SHOWN_AS = {"dbmbuild": "exim_dbmbuild"}
"""Scripts have shorter names for some."""
