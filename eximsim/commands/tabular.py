"""Tables for people: on a terminal, and as Markdown."""

from __future__ import annotations

import io
import shutil

from eximsim.quick_dataclass import dataclass

_PIPE_WIDTH = 160


@dataclass(frozen=True, slots=True)
class Grid:
    """A table that is ready to be shown; columns that are empty in every row are left out."""

    title: str
    about: str
    source: str
    header: list[str]
    rows: list[list[str]]
    note: str = ""

    def filled(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows without the empty columns."""
        kept = [n for n in range(len(self.header)) if any(row[n] for row in self.rows)]
        return [self.header[n] for n in kept], [[row[n] for n in kept] for row in self.rows]


def as_markdown(grid: Grid, *, level: int = 3) -> str:
    """The table in Markdown, under a heading of ``level``; without one if there is no title."""
    header, rows = grid.filled()
    parts = [f"{'#' * level} {grid.title}"] if grid.title else []
    parts += [
        text for text in (grid.about, f"Source: {grid.source}." if grid.source else "", grid.note) if text
    ]
    if rows:
        lines = [_line(header), _line(["---"] * len(header)), *map(_line, rows)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def as_terminal(grid: Grid, *, colour: bool) -> str:
    """The table as text for a terminal, as wide as it is; ``colour`` allows for escape sequences."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    header, rows = grid.filled()
    width = shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns if colour else _PIPE_WIDTH
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colour, highlight=False, markup=False)
    if grid.title:
        console.print(grid.title, style="bold")
    for text in (grid.about, grid.source and f"Source: {grid.source}.", grid.note):
        if text:
            console.print(text)
    if rows:
        shown = Table(*header, box=box.SIMPLE_HEAD, pad_edge=False)
        for row in rows:
            shown.add_row(*row)
        console.print(shown)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).rstrip()
