"""After which command of a script an output is first not what its golden says.

While a script is played, the sizes of its outputs are noted after each command. An output that differs is cut
there and normalised again, by the same rules: the first cut that the golden does not begin with tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from eximsim.quick_dataclass import dataclass
from eximsim.suite.munge import SERVER_HEADING
from eximsim.suite.script import Script
from eximsim.suite.tree_rules import Output


@dataclass(frozen=True, slots=True)
class Mark:
    """The sizes of outputs, by path, when the command at a line of the script had been run."""

    line: int
    sizes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """The beginning of an output, as it was when the command at ``line`` had been run."""

    output: Output
    line: int
    size: int

    def name(self, number: int) -> str:
        """The file of the beginning, below ``out/``; the rules tell what is in a file by its name."""
        return f"cut-{number}-{self.output.client.replace('/', '-')}"


def cuts(
    listed: Sequence[Output], texts: Mapping[str, str], goldens: Mapping[str, str], marks: Sequence[Mark],
    script: Script,
) -> list[Cut]:  # fmt: skip
    """Where to cut the outputs that differ; not those that several processes write, or that are sorted."""
    sorted_log = "log" if "sortlog" in script.directives else ""
    return [
        Cut(one, mark.line, mark.sizes.get(one.client, 0))
        for one in listed
        if one.kind not in ("mail", "msglog") and one.name != sorted_log
        if texts.get(one.name) != goldens.get(one.name)
        for mark in marks
    ]


def told(
    made: Sequence[Cut], parts: Sequence[str], texts: Mapping[str, str], goldens: Mapping[str, str],
    lines: Sequence[str],
) -> dict[str, str]:  # fmt: skip
    """By output, the line of the script after which it is first another; ``parts`` are the cuts' texts."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(cut.output.name for cut in made):
        mine = [(cut, part) for cut, part in zip(made, parts, strict=True) if cut.output.name == name]
        line = next(_first(mine, texts.get(name, ""), goldens.get(name, "")), 0)
        if line:
            found[name] = f"line {line}: {lines[line - 1].strip()}"
    return found


def _first(mine: Sequence[tuple[Cut, str]], text: str, golden: str) -> Iterator[int]:
    """The line, unless the difference is in what a daemon wrote."""
    wanted = golden.partition(SERVER_HEADING)[0]
    yield from (cut.line for cut, part in mine if not wanted.startswith(part))
    if text.partition(SERVER_HEADING)[0] != wanted:
        yield mine[-1][0].line
