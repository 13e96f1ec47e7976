"""The logical lines of a configuration: macros, conditions, included files, continuation lines.

Source: get_config_line(), macro_read_assignment() and macros_expand() in src/readconf.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from types import MappingProxyType
from typing import NamedTuple

from eximsim.errors import InputError
from eximsim.mta.base import errnos
from eximsim.mta.base.string import SPACES, from_octets
from eximsim.ports import Files
from eximsim.quick_dataclass import dataclass

_MACRO_START = re.compile(r"(?=_?[A-Z])")
_DEFINITION = re.compile(r"([A-Z][A-Za-z0-9_]*)[ \t\n\v\f\r]*=")
_ASSIGNMENT = re.compile(r"([A-Z][A-Za-z0-9_]*)[ \t\n\v\f\r]*(=?)(=?)[ \t\n\v\f\r]*")
_INCLUDE = re.compile(r"\.include(_if_exists)?[ \t\n\v\f\r]")
_CONDITION = re.compile(r"\.(ifdef|ifndef|elifdef|elifndef|else|endif)")

_MAX_MACRO_NAME = 63
_MAX_NESTING = 10
_MAX_INCLUDES = 100
_MAX_LINE = 1_000_000
_MAX_LINES = 200_000
_MAX_TEXT = 20_000_000

_READING, _SKIPPING_TO_ELSE, _SKIPPING_TO_ENDIF = range(3)

_IF_TRUE, _IF_FALSE, _ELSE_TRUE, _ELSE_FALSE = range(4)

_NEXT_STATE = (
    # .ifdef true        .ifdef false        .elifdef true       .elifdef false, by the state before
    (_READING, _SKIPPING_TO_ELSE, _SKIPPING_TO_ENDIF, _SKIPPING_TO_ENDIF),
    (_SKIPPING_TO_ENDIF, _SKIPPING_TO_ENDIF, _READING, _SKIPPING_TO_ELSE),
    (_SKIPPING_TO_ENDIF, _SKIPPING_TO_ENDIF, _SKIPPING_TO_ENDIF, _SKIPPING_TO_ENDIF),
)

_CONDITIONS = {
    # what the line does if a macro was found in it, and if none was
    "ifdef": (_IF_TRUE, _IF_FALSE),
    "ifndef": (_IF_FALSE, _IF_TRUE),
    "elifdef": (_ELSE_TRUE, _ELSE_FALSE),
    "elifndef": (_ELSE_FALSE, _ELSE_TRUE),
    "else": (_ELSE_TRUE, _ELSE_TRUE),
}


class ConfigLine(NamedTuple):
    """One logical line: its text without white space around it, and where its first physical line is.

    ``last`` is the number of its last physical line, which is what Exim itself calls its line; 0: the same.
    """

    text: str
    path: str
    line: int
    last: int = 0


@dataclass(slots=True)
class _OpenFile:
    path: str
    lines: list[str]
    next: int = 0


@dataclass(slots=True)
class ConfigLines:
    """A reader of logical lines.

    ``read_files`` collects the content of every file that was read, None for one that is not there.
    """

    world: Files
    builtin: Callable[[], tuple[tuple[str, str], ...]] = tuple
    relative_includes: bool = True
    read_files: dict[str, bytes | None] = field(default_factory=dict)
    replaced: list[tuple[str, str]] = field(default_factory=list)
    """Each macro that was put in, and what for it, in order."""
    shown: list[str] = field(default_factory=list)
    """What ``-bP config`` prints: every logical line, and where the reader came to another file."""
    _macros: dict[str, str] = field(default_factory=dict)
    _fixed: frozenset[str] = frozenset()
    _files: list[_OpenFile] = field(default_factory=list)
    _seen: int = 0
    _made: int = 0
    _state: int = _READING
    _outer_states: list[int] = field(default_factory=list)
    _absent: list[str] | None = None
    """What is included and not there, once the reading has failed and goes on only to find it."""

    def define(self, defines: Mapping[str, str]) -> None:
        """Set the macros of the command line: a definition in the file does not change them."""
        for name in defines:
            if not _DEFINITION.fullmatch(f"{name}="):
                raise InputError(f'macro name set by -D must start with an upper case letter: "{name}"')
        self._macros.update(defines)
        self._fixed = frozenset(defines)

    def release(self) -> None:
        """Let the macros that were set be defined anew."""
        self._fixed = frozenset()

    def expand(self, text: str) -> tuple[str, bool]:
        """A line by itself with its macros replaced, and whether there were any."""
        return self._expand(text, first=True)

    def open(self, path: str) -> None:
        """Start with the file ``path``; raises ``InputError`` if it cannot be read."""
        self._open(path, f"failed to open configuration file {path}", None)

    def next(self) -> ConfigLine | None:
        """The next logical line, or None at the end."""
        text = ""
        start: tuple[str, int] | None = None
        while True:
            physical = self._next_physical()
            if physical is None:
                if self._outer_states:
                    raise InputError("Unexpected end of configuration file: .endif missing", *self.position)
                break
            content, found = self._expand(physical, first=not text)
            content = content.lstrip(SPACES)
            if content.startswith("#") or (content.startswith(".") and self._condition(content, found)):
                continue
            if self._state != _READING or self._include(content):
                continue
            if not text:
                start = self.position
            text = (text + content).rstrip(SPACES)
            self._made += len(content)
            if len(text) > _MAX_LINE:
                raise InputError("line too long", *self.position)
            if self._made > _MAX_TEXT:
                raise InputError("more text than a configuration can have", *self.position)
            if text and not text.endswith("\\"):
                break
            text = text[:-1]
        if not text or start is None:
            return None
        self.shown.append(text)
        return ConfigLine(text, *start, self._files[-1].next)

    @property
    def macros(self) -> Mapping[str, str]:
        """The macros that have been defined, in order."""
        return MappingProxyType(dict(self._macros))

    @property
    def position(self) -> tuple[str, int]:
        """File and line that were read last."""
        current = self._files[-1]
        return current.path, current.next

    def assign(self, line: ConfigLine) -> str:
        """Obey a line that defines a macro (it starts with an upper case letter); the name of the macro."""
        match = _ASSIGNMENT.match(line.text)
        if match is None or not match[2]:
            raise InputError("malformed macro definition", line.path, line.line, hint="NAME = text expected")
        name = match[1]
        if len(name) > _MAX_MACRO_NAME:
            raise InputError(
                f"macro name too long (maximum is {_MAX_MACRO_NAME} characters)", line.path, line.line
            )
        fault = self._assignment_fault(name, redefine=bool(match[3]))
        if fault is not None:
            raise InputError(fault, line.path, line.line, subject="")
        if name not in self._fixed:
            self._macros[name] = line.text[match.end() :]
        return name

    def _assignment_fault(self, name: str, redefine: bool) -> str | None:
        for earlier in self._macros:
            if earlier == name:
                if redefine or name in self._fixed:
                    return None
                return f'macro "{name}" is already defined (use "==" if you want to redefine it)'
            if len(earlier) < len(name) and earlier in name:
                return (
                    f'"{name}" cannot be defined as a macro because '
                    f'previously defined macro "{earlier}" is a substring'
                )
        return f'can\'t redefine an undefined macro "{name}"' if redefine else None

    def _expand(self, text: str, first: bool) -> tuple[str, bool]:
        """Replace macros in a physical line; the name that a line defines stays as it is.

        Each macro is replaced everywhere before the next one is looked at, in the order of definition; what
        a macro brings in is not looked at again for the same macro.
        """
        begin = len(text) - len(text.lstrip(SPACES))
        if first and (definition := _DEFINITION.match(text, begin)):
            begin = definition.end() - 1
        start = _MACRO_START.search(text, begin)
        if start is None:
            return text, False
        head, tail = text[: start.start()], text[start.start() :]
        found = False
        for name, value in self.builtin() if tail.startswith("_") else ():
            if name in tail:
                self.replaced += [(name, value)] * tail.count(name)
                tail, found = tail.replace(name, value), True
        for name, replacement in self._macros.items():
            if name in tail:
                if len(tail) + tail.count(name) * (len(replacement) - len(name)) > _MAX_LINE:
                    raise InputError("line too long after the replacement of macros", *self.position)
                self.replaced += [(name, replacement)] * tail.count(name)
                tail, found = tail.replace(name, replacement), True
        return head + tail, found

    def _condition(self, content: str, found: bool) -> bool:
        """Obey a line with a condition; False if it is none.

        As in Exim a condition word must be followed by a space (a tab is taken for something else), or the
        whole line is ignored.
        """
        match = _CONDITION.match(content)
        if match is None:
            return False
        word = match[1]
        if content[match.end() : match.end() + 1] not in ("", " ", "t", "\n"):
            return True
        if word in ("ifdef", "ifndef"):
            if len(self._outer_states) >= _MAX_NESTING:
                raise InputError(f".{word} nested too deeply", *self.position)
            self._outer_states.append(self._state)
        elif not self._outer_states:
            raise InputError(f".{word} without matching .ifdef", *self.position)
        if word == "endif":
            self._state = self._outer_states.pop()
        else:
            self._state = _NEXT_STATE[self._state][_CONDITIONS[word][0 if found else 1]]
        return True

    def _include(self, content: str) -> bool:
        match = _INCLUDE.match(content)
        if match is None:
            return False
        path = content[match.end() :].strip(SPACES)
        if len(path) > 1 and path[0] == path[-1] == '"':
            path = path[1:-1]
        if not path.startswith("/"):
            if match[1] or not self.relative_includes:
                raise InputError(f'.include specifies a non-absolute path "{path}"', *self.position)
            path = f"{self._files[-1].path.rpartition('/')[0] or '.'}/{path}"
        fault = None if match[1] else f"failed to open included configuration file {path}"
        before = len(self._files)
        was = self.position
        self._open(path, fault, was)
        if len(self._files) > before:
            self._note_position(was)
        return True

    def _open(self, path: str, fault: str | None, where: tuple[str, int] | None) -> None:
        if len(self._files) >= _MAX_INCLUDES:
            raise InputError(".include nested too deeply", *(where or ()))
        try:
            content = self.world.read_file(path)
        except (OSError, ValueError) as error:
            self.read_files[path] = None
            if fault is None:
                return
            if self._absent is not None:
                self._absent.append(path)
                return
            why = getattr(error, "strerror", None) or "no such file"
            if where is None or why != errnos.strerror(errnos.ENOENT):
                fault += f": {why}{self._also_absent() if where else ''}"
            raise InputError(fault, *(where or ())) from None
        self.read_files[path] = content
        self._files.append(_OpenFile(path, _physical_lines(content)))

    def _also_absent(self) -> str:
        """What else is included and is not there, as far as that can be told without what is missing."""
        self._absent = []
        with suppress(InputError):
            while (line := self.next()) is not None:
                if line.text[0].isupper() and _ASSIGNMENT.match(line.text):
                    self.assign(line)
        return f"; also missing: {', '.join(dict.fromkeys(self._absent))}" if self._absent else ""

    def _next_physical(self) -> str | None:
        while True:
            current = self._files[-1]
            if current.next < len(current.lines):
                current.next += 1
                self._seen += 1
                if current.next == 1:
                    self._note_position(self.position)
                if self._seen > _MAX_LINES:
                    raise InputError(f"more than {_MAX_LINES:,} lines, with included files", *self.position)
                return current.lines[current.next - 1]
            if len(self._files) == 1:
                return None
            self._files.pop()
            self._note_position(self.position)

    def _note_position(self, position: tuple[str, int]) -> None:
        path, line = position
        self.shown.append(f'# {line} "{path}"')


class Section(Iterator[ConfigLine]):
    """The lines of one section; at its end ``next_begin`` is the line that begins the next one, or None.

    ``begin`` is the line that began this one, None for the main section.
    """

    __slots__ = ("begin", "lines", "next_begin")

    def __init__(self, lines: ConfigLines, begin: ConfigLine | None = None) -> None:
        self.lines = lines
        self.begin = begin
        self.next_begin: ConfigLine | None = None

    def __next__(self) -> ConfigLine:
        line = None if self.next_begin is not None else self.lines.next()
        if line is None:
            raise StopIteration
        if line.text[:6].lower() == "begin ":
            self.next_begin = line
            raise StopIteration
        return line

    def line(self) -> ConfigLine | None:
        """The next line, or None at the end."""
        return next(self, None)


def _physical_lines(content: bytes) -> list[str]:
    """The lines of a file without their ends; what follows a NUL octet is lost, as it is with fgets()."""
    lines = from_octets(content).split("\n")
    if not lines[-1]:
        del lines[-1]
    return [line.partition("\0")[0] for line in lines] if b"\0" in content else lines
