"""The little of /bin/sh that simple pipes are made of: lists of commands, quotes, ``>``.

Whatever goes beyond that (conditions, loops, pipes, patterns, substitutions) is not understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from eximsim.quick_dataclass import dataclass


class NotUnderstood(Exception):
    """A script has something that only a real shell does."""


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """The words of one command; with ``target`` its output goes to that file, at its end if ``appends``.

    ``after`` says when it is run: ``&&`` if what came before it succeeded, ``||`` if not, else always.
    """

    words: tuple[str, ...]
    target: str | None = None
    appends: bool = False
    after: str = ""


_TOKEN = re.compile(
    r"""(?P<space>[ \t]+) | (?P<comment>(?<![^\s;])\#[^\n]*) | (?P<end>[;\n]+|&&|\|\|) | (?P<redirect>>>?)
    | '(?P<single>[^']*)' | "(?P<double>[^"\\`]*)" | (?P<plain>[^\s;<>|&()`'"\\*?\[\]~#{}$!=]+)
    | (?P<variable>\$(?:[A-Za-z_]\w*|[0-9]|\{[A-Za-z_]\w*\})) | (?P<sign>[=#])""",
    re.VERBOSE | re.ASCII,
)
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*|[0-9])|\{([A-Za-z_]\w*)\})", re.ASCII)
_SPLIT_OR_PATTERN = re.compile(r"[\s*?\[]")


def shell_commands(script: str, environment: Mapping[str, str], words: Sequence[str]) -> list[ShellCommand]:
    """The commands of a script; ``words`` are ``$0``, ``$1`` and so on. Raises ``NotUnderstood``."""
    reader = _Reader(environment, words)
    position = 0
    while position < len(script):
        token = _TOKEN.match(script, position)
        if token is None:
            raise NotUnderstood
        reader.take(str(token.lastgroup), token[str(token.lastgroup)])
        position = token.end()
    reader.take("end", "")
    return reader.commands


class _Reader:
    def __init__(self, environment: Mapping[str, str], words: Sequence[str]) -> None:
        self._environment, self._arguments = environment, words
        self.commands: list[ShellCommand] = []
        self._words: list[str] = []
        self._word: str | None = None
        self._redirect = ""
        self._target: str | None = None
        self._appends = False
        self._after = ""

    def take(self, kind: str, text: str) -> None:
        if kind == "plain" or kind == "sign":
            if kind == "sign" and not self._words:
                raise NotUnderstood  # an assignment
            self._add(text)
        elif kind == "single":
            self._add(text)
        elif kind == "double":
            self._add(self._expanded(text))
        elif kind == "variable":
            self._add_variable(self._expanded(text))
        else:
            self._end_word()
            if kind == "redirect":
                self._begin_redirect(text)
            elif kind == "end":
                self._end_command(text if text in ("&&", "||") else "")

    def _add(self, text: str) -> None:
        self._word = (self._word or "") + text

    def _add_variable(self, value: str) -> None:
        """A variable outside quotes: nothing if it is empty, and one word as long as nothing splits it."""
        if _SPLIT_OR_PATTERN.search(value):
            raise NotUnderstood
        if value:
            self._add(value)

    def _expanded(self, text: str) -> str:
        if "$" in _VARIABLE.sub("", text):
            raise NotUnderstood
        return _VARIABLE.sub(lambda found: self._value(found[1] or found[2]), text)

    def _value(self, name: str) -> str:
        if not name.isdigit():
            return self._environment.get(name, "")
        return self._arguments[int(name)] if int(name) < len(self._arguments) else ""

    def _end_word(self) -> None:
        word, self._word = self._word, None
        if word is None:
            return
        if self._redirect:
            self._target, self._redirect = word, ""
        else:
            self._words.append(word)

    def _begin_redirect(self, text: str) -> None:
        if self._redirect or self._target is not None or (self._words and self._words[-1].isdigit()):
            raise NotUnderstood
        self._redirect, self._appends = text, text == ">>"

    def _end_command(self, joint: str) -> None:
        if self._redirect or (not self._words and (self._target is not None or joint or self._after)):
            raise NotUnderstood
        if self._words:
            command = ShellCommand(tuple(self._words), self._target, self._appends, self._after)
            self.commands.append(command)
        self._words, self._target, self._appends, self._after = [], None, False, joint
