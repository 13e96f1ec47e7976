"""Reading of expansion strings: escapes, variables, braces (the reading half of src/expand.c)."""

from __future__ import annotations

import re

from eximsim.mta.base.numbers import int32
from eximsim.mta.base.string import SPACES, interpret_escape
from eximsim.mta.expand.expand_tree import (
    Answer,
    Fault,
    Header,
    Item,
    Literal,
    Node,
    Numeric,
    Operator,
    Template,
    Variable,
)

NAME = re.compile(r"[0-9A-Za-z_]*")
NAME_MAX = 255
"""Longer names are cut off in silence."""

_SPECIAL = re.compile(r"[\\$}]")
_ITEM_NAME = re.compile(r"[0-9A-Za-z_-]*")
_HEADER_NAME = re.compile(r"[!-9;-~]*:?")
_HEADER = re.compile(r"[rlb]?h(?:eader)?_")
_DIGITS = re.compile(r"[0-9]+")


class Reader:
    """Reads one string. Once ``dead`` (a fault was met) nothing further is read, at any level."""

    __slots__ = ("dead", "position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.dead = False

    # ---- small things -----------------------------------------------------------------------------

    def peek(self) -> str:
        """The next character, empty at the end."""
        return self.text[self.position : self.position + 1]

    def skip_spaces(self) -> str:
        """Move past white space; gives the character that stops it."""
        text, position, end = self.text, self.position, len(self.text)
        while position < end and text[position] in SPACES:
            position += 1
        self.position = position
        return text[position] if position < end else ""

    def accept(self, char: str) -> bool:
        """Move past ``char`` (after white space) if it is next."""
        if self.skip_spaces() != char:
            return False
        self.position += 1
        return True

    def read(self, pattern: re.Pattern[str]) -> str:
        """Move past what ``pattern`` matches (which may be nothing)."""
        match = pattern.match(self.text, self.position)
        if match is None:
            return ""
        self.position = match.end()
        return match[0]

    def fault(self, message: str, *, curly: bool = False, hint: str = "") -> Fault:
        """End the reading."""
        self.dead = True
        return Fault(message, curly, hint)

    # ---- strings ----------------------------------------------------------------------------------

    def template(self, *, brace_ends: bool, dollar: bool) -> Template:
        """One string up to its end, or up to (not past) the brace that ends it."""
        nodes: list[Node] = []
        text, end = self.text, len(self.text)
        while self.position < end and not self.dead:
            char = text[self.position]
            if char == "\\":
                nodes.append(self._backslash())
            elif char == "}" and brace_ends:
                break
            elif char == "$" and dollar:
                nodes.append(self._dollar())
            else:
                following = _SPECIAL.search(text, self.position + 1)
                stop = following.start() if following else end
                nodes.append(Literal(text[self.position : stop]))
                self.position = stop
        if brace_ends and self.position >= end and not self.dead:
            nodes.append(self.fault("missing } at end of string"))
        return _joined(nodes)

    def braced(self) -> Template:
        """The string after an opening brace, which has been read."""
        return self.template(brace_ends=True, dollar=True)

    def _backslash(self) -> Node:
        text, position = self.text, self.position
        if position + 1 >= len(text):
            return self.fault("\\ at end of string")
        if text[position + 1] == "N":
            close = text.find("\\N", position + 2)
            stop = len(text) if close < 0 else close
            self.position = len(text) if close < 0 else close + 2
            return Literal(text[position + 2 : stop])
        char, self.position = interpret_escape(text, position)
        return Literal(char)

    def _dollar(self) -> Node:
        self.position += 1
        char = self.peek()
        if is_alpha(char):
            return self.plain_variable(braced=False)
        if _is_digit(char):
            return Numeric(int32(self.read(_DIGITS)))
        if char != "{":
            return self.fault("$ not followed by letter, digit, or {")
        self.position += 1
        char = self.peek()
        if _is_digit(char):
            number = int32(self.read(_DIGITS))
            if self.peek() != "}":
                return self.fault("} expected after number")
            self.position += 1
            return Numeric(number)
        if not is_alpha(char):
            return self.fault("letter or digit expected after ${")
        return self._braced_name()

    def item(self, name: str) -> Item | None:
        """What follows ``${name``, or None if there is no such item."""
        raise NotImplementedError

    def plain_variable(self, *, braced: bool) -> Variable | Header:
        """A variable's name, or a header's with what follows it up to its colon."""
        name = self.read(NAME)[:NAME_MAX]
        if _HEADER.match(name) is None:
            return Variable(name, braced)
        kind, _, start = name.partition("_")
        rest = self.read(_HEADER_NAME)
        return Header(kind, f"{start}{rest.removesuffix(':')}:")

    def _braced_name(self) -> Node:
        name = self.read(_ITEM_NAME)[:NAME_MAX]
        item = self.item(name)
        if item is not None:
            return item
        char = self.peek()
        if char == ":":
            self.position += 1
            body = self.braced()
            self.position += 1
            return Operator(name, body)
        if char == "}":
            self.position += 1
            return Variable(name, braced=True)
        return self.fault(f'"${{{name}" is not a known operator (or a }} is missing in a variable reference)')

    # ---- arguments --------------------------------------------------------------------------------

    def subs(
        self, fewest: int, most: int, name: str, *, closed: bool = True
    ) -> tuple[tuple[Template, ...], Fault | None]:
        """Up to ``most`` strings in braces and, if ``closed``, the item's own closing brace (read_subs())."""
        args: list[Template] = []
        char = self.skip_spaces()
        while len(args) < most and char == "{":
            self.position += 1
            args.append(self.braced())
            if self.dead:
                return tuple(args), None
            self.position += 1
            char = self.skip_spaces()
        if len(args) < fewest:
            return tuple(args), self.fault(f"Not enough arguments for '{name}' (min is {fewest})", curly=True)
        if closed:
            self.position += 1
            if char == "{":
                return tuple(args), self.fault(f"Too many arguments for '{name}' (max is {most})")
            if char != "}":
                return tuple(args), self.fault(f"missing '}}' after '{name}'", curly=True)
        return tuple(args), None

    def argument(self, missing: str) -> Template | Fault:
        """One string in braces; ``missing`` is the message if there is no opening brace."""
        if not self.accept("{"):
            return self.fault(missing, curly=True)
        template = self.braced()
        self.position += 1
        return template

    def answer(self, name: str) -> Answer:
        """The yes and no strings and the item's closing brace (process_yesno())."""
        if self.accept("}"):
            return Answer()
        self.position += 1
        if self.text[self.position - 1 : self.position] != "{":
            return Answer(fault=self._answer_fault("'yes' part did not start with '{'"))
        yes = self.braced()
        if self.dead:
            return Answer(yes)
        self.position += 1
        char = self.skip_spaces()
        no: Template | None = None
        fail = False
        if char == "{":
            self.position += 1
            no = self.braced()
            if self.dead:
                return Answer(yes, no)
            self.position += 1
        elif char != "}":
            if self.read(NAME) != "fail":
                return Answer(yes, fault=self.fault(f'syntax error in "{name}" item - "fail" expected'))
            fail = True
        return self.answer_end(yes, no, fail)

    def answer_end(self, yes: Template, no: Template | None, fail: bool) -> Answer:
        """What follows the yes and no strings, which has to be the item's closing brace."""
        if not self.accept("}"):
            self.position += 1
            where = "did not close with '}' after forcedfail" if fail else "did not close with '}'"
            return Answer(yes, no, fail, self._answer_fault(where))
        return Answer(yes, no, fail)

    def _answer_fault(self, where: str) -> Fault:
        rest = self.text[self.position - 1 :]
        return self.fault(
            f"curly-bracket problem in conditional yes/no parsing: {where}\n remaining string is '{rest}'",
            curly=True,
        )


def _joined(nodes: list[Node]) -> Template:
    """A template with neighbouring literals made one."""
    merged: list[Node] = []
    for node in nodes:
        if merged and isinstance(node, Literal) and isinstance(last := merged[-1], Literal):
            merged[-1] = Literal(last.text + node.text)
        else:
            merged.append(node)
    if not merged:
        return Template((), "")
    only = merged[0] if len(merged) == 1 else None
    return Template(tuple(merged), only.text.partition("\0")[0] if isinstance(only, Literal) else None)


def is_alpha(char: str) -> bool:
    """Whether ``char`` is an ASCII letter."""
    return char.isascii() and char.isalpha()


def _is_digit(char: str) -> bool:
    return char.isascii() and char.isdigit()
