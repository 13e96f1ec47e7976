"""Expansion strings as trees (the reading half of src/expand.c).

Exim reads and evaluates in one go, so a syntax error shows only when evaluation has come that far: a forced
failure before it wins. The tree keeps that order: where reading fails it holds a ``Fault`` and ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from eximsim.mta.string import SPACES, interpret_escape

NAME_MAX = 255
"""Longer names are cut off in silence."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Where reading failed. ``curly`` faults have another text after a header name without its colon."""

    message: str
    curly: bool = False


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands for itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Numeric:
    """``$1`` or ``${1}``."""

    number: int


@dataclass(frozen=True, slots=True)
class Variable:
    """``$name``, or with ``braced`` ``${name}``; an unknown name's message tells them apart."""

    name: str
    braced: bool


@dataclass(frozen=True, slots=True)
class Header:
    """``$h_name:`` and its kin; ``kind`` is the part before the first underscore, ``name`` ends in a colon."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Operator:
    """``${name:body}``."""

    name: str
    body: Template


@dataclass(frozen=True, slots=True)
class Condition:
    """What follows ``${if``, with its negations counted.

    ``args`` are the braced strings, ``parts`` the conditions inside; ``subject`` is the name after ``def:``.
    ``fault`` shows once the arguments have been expanded.
    """

    name: str
    wanted: bool = True
    args: tuple[Template, ...] = ()
    parts: tuple[Condition, ...] = ()
    subject: Variable | Header | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The ``{yes}{no}`` or ``{yes}fail`` that ends many items; without ``yes`` it is left out."""

    yes: Template | None = None
    no: Template | None = None
    fail: bool = False
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """``${name ...}`` with arguments in braces.

    ``word`` is the unbraced word that some items have (the lookup type, ``json``). ``fault`` shows once the
    arguments have been expanded.
    """

    name: str
    args: tuple[Template, ...] = ()
    word: str = ""
    condition: Condition | None = None
    answer: Answer | None = None
    fault: Fault | None = None


Node = Literal | Numeric | Variable | Header | Operator | Item | Fault


@dataclass(frozen=True, slots=True)
class Template:
    """One expansion string. ``constant`` is its value if it is the same at all times."""

    nodes: tuple[Node, ...]
    constant: str | None = field(default=None, compare=False)


_SPECIAL = re.compile(r"[\\$}]")
_NAME = re.compile(r"[0-9A-Za-z_]*")
_ITEM_NAME = re.compile(r"[0-9A-Za-z_-]*")
_HEADER_NAME = re.compile(r"[!-9;-~]*:?")
_HEADER = re.compile(r"[rlb]?h(?:eader)?_")
_DIGITS = re.compile(r"[0-9]+")
_LOOKUP_TYPE = re.compile(r"[^{ \t\n\v\f\r]*")

SUBS = {
    "acl": (1, 10),
    "authresults": (1, 1),
    "dlfunc": (2, 10),
    "hash": (2, 3),
    "hmac": (3, 3),
    "imapfolder": (1, 3),
    "length": (2, 3),
    "listquote": (2, 2),
    "nhash": (2, 3),
    "perl": (1, 9),
    "prvs": (2, 3),
    "readfile": (1, 2),
    "sg": (3, 3),
    "srs_encode": (3, 3),
    "substr": (2, 3),
    "tr": (3, 3),
}
"""Items that are nothing but arguments, with the fewest and the most of them."""

ONE_ARGUMENT = frozenset(("exists", "isip", "isip4", "isip6", "ldapauth", "pam", "pwcheck", "radius"))
COMPARISONS = frozenset(
    ["<", "<=", "=", "==", ">", ">=", "crypteq", "eq", "eqi", "ge", "gei", "gt", "gti", "inlist", "inlisti", "le", "lei", "lt", "lti", "match", "match_address", "match_domain", "match_ip", "match_local_part"]
)
_UNEXPANDED_SECOND = frozenset(("match_address", "match_domain", "match_ip", "match_local_part"))
ITERATIONS = frozenset(
    ("forall", "forall_json", "forall_jsons", "forany", "forany_json", "forany_jsons")
)


@lru_cache(maxsize=4096)
def parse(text: str) -> Template:
    """The tree of ``text``. Never fails: what cannot be read is a ``Fault`` in the tree."""
    return _Parser(text).template(brace_ends=False, dollar=True)


@lru_cache(maxsize=256)
def parse_condition(text: str) -> Condition:
    """The tree of a condition without its ``${if``."""
    return _Parser(text).condition()


class _Parser:
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

    def fault(self, message: str, *, curly: bool = False) -> Fault:
        """End the reading."""
        self.dead = True
        return Fault(message, curly)

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
        if _is_alpha(char):
            return self._plain_variable(braced=False)
        if _is_digit(char):
            return Numeric(_int32(self.read(_DIGITS)))
        if char != "{":
            return self.fault("$ not followed by letter, digit, or {")
        self.position += 1
        char = self.peek()
        if _is_digit(char):
            number = _int32(self.read(_DIGITS))
            if self.peek() != "}":
                return self.fault("} expected after number")
            self.position += 1
            return Numeric(number)
        if not _is_alpha(char):
            return self.fault("letter or digit expected after ${")
        return self._braced_name()

    def _plain_variable(self, *, braced: bool) -> Variable | Header:
        name = self.read(_NAME)[:NAME_MAX]
        if _HEADER.match(name) is None:
            return Variable(name, braced)
        kind, _, start = name.partition("_")
        rest = self.read(_HEADER_NAME)
        return Header(kind, f"{start}{rest.removesuffix(':')}:")

    def _braced_name(self) -> Node:
        name = self.read(_ITEM_NAME)[:NAME_MAX]
        if name in SUBS:
            args, fault = self.subs(*SUBS[name], name)
            return Item(name, args, fault=fault)
        reader = _ITEM_READERS.get(name)
        if reader is not None:
            return reader(self, name)
        char = self.peek()
        if char == ":":
            self.position += 1
            body = self.braced()
            self.position += 1
            return Operator(name, body)
        if char == "}":
            self.position += 1
            return Variable(name, braced=True)
        return self.fault(
            f'"${{{name}" is not a known operator (or a }} is missing in a variable reference)'
        )

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
            return tuple(args), self.fault(
                f"Not enough arguments for '{name}' (min is {fewest})", curly=True
            )
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
            if self.read(_NAME) != "fail":
                return Answer(yes, fault=self.fault(f'syntax error in "{name}" item - "fail" expected'))
            fail = True
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

    # ---- conditions -------------------------------------------------------------------------------

    def condition(self) -> Condition:
        """One condition with any exclamation marks before it (eval_condition())."""
        wanted = True
        while self.skip_spaces() == "!":
            wanted = not wanted
            self.position += 1
        name = self._condition_name()
        if not name:
            found = self.text[self.position : self.position + 16]
            return Condition(
                "", fault=self.fault(f'condition name expected, but found "{found}"')
            )
        if name in COMPARISONS:
            return self._comparison(name, wanted)
        if name in ONE_ARGUMENT:
            args, fault = self._brace_arguments(name, 1)
            return Condition(name, wanted, args, fault=fault)
        reader = _CONDITION_READERS.get(name)
        if reader is None:
            return Condition(name, fault=self.fault(f'unknown condition "{name}"'))
        return reader(self, name, wanted)

    def _condition_name(self) -> str:
        char = self.peek()
        if char and char in "=<>":
            length = 2 if self.text.startswith("=", self.position + 1) else 1
            self.position += length
            return self.text[self.position - length : self.position]
        return self.read(_NAME)[:NAME_MAX]

    def _brace_arguments(
        self, name: str, count: int, *, dollar_in_second: bool = True
    ) -> tuple[tuple[Template, ...], Fault | None]:
        args: list[Template] = []
        for index in range(count):
            if not self.accept("{"):
                message = (
                    f'missing 2nd string in {{}} after "{name}"' if index else f'missing {{ after "{name}"'
                )
                return tuple(args), self.fault(message)
            args.append(self.template(brace_ends=True, dollar=dollar_in_second or index == 0))
            if self.dead:
                break
            self.position += 1
        return tuple(args), None

    def _comparison(self, name: str, wanted: bool) -> Condition:
        args, fault = self._brace_arguments(name, 2, dollar_in_second=name not in _UNEXPANDED_SECOND)
        return Condition(name, wanted, args, fault=fault)

    def _def(self, name: str, wanted: bool) -> Condition:
        if self.peek() != ":":
            return Condition(name, fault=self.fault('":" expected after "def"'))
        self.position += 1
        return Condition(name, wanted, subject=self._plain_variable(braced=False))

    def _bare(self, name: str, wanted: bool) -> Condition:
        return Condition(name, wanted)

    def _boolean(self, name: str, wanted: bool) -> Condition:
        if self.skip_spaces() != "{":
            return Condition(name, fault=self.fault(f'missing {{ after "{name}"'))
        args, fault = self.subs(1, 1, name, closed=False)
        return Condition(name, wanted, args, fault=fault)

    def _inbound_srs(self, name: str, wanted: bool) -> Condition:
        args, fault = self.subs(2, 2, name, closed=False)
        if fault is not None:
            fault = Fault(f"too few arguments or bracketing error for {name}")
        return Condition(name, wanted, args, fault=fault)

    def _call(self, name: str, wanted: bool) -> Condition:
        if not self.accept("{"):
            return Condition(name, fault=self.fault(f'missing {{ after "{name}"'))
        args, fault = self.subs(*((1, 10) if name == "acl" else (2, 4)), name)
        if fault is not None and fault.curly:
            fault = Fault(f"too few arguments or bracketing error for {name}")
        return Condition(name, wanted, args, fault=fault)

    def _group(self, name: str, wanted: bool) -> Condition:
        if not self.accept("{"):
            return Condition(name, fault=self.fault(f'missing {{ after "{name}"'))
        parts: list[Condition] = []
        fault: Fault | None = None
        while not self.dead and self.skip_spaces() != "}":
            if self.peek() != "{":
                fault = self.fault(
                    f'each subcondition inside an "{name}{{...}}" condition must be in its own {{}}'
                )
                break
            self.position += 1
            parts.append(self.condition())
            if not self.dead and not self.accept("}"):
                fault = self.fault(f'missing }} at end of condition inside "{name}" group')
        self.position += 1
        return Condition(name, wanted, parts=tuple(parts), fault=fault)

    def _iteration(self, name: str, wanted: bool) -> Condition:
        if not self.accept("{"):
            return Condition(name, fault=self.fault(f'missing {{ after "{name}"'))
        source = self.braced()
        if self.dead:
            return Condition(name, args=(source,))
        self.position += 1
        if not self.accept("{"):
            return Condition(name, args=(source,), fault=self.fault(f'missing {{ after "{name}"'))
        inner = self.condition()
        fault = None
        if not self.dead and not self.accept("}"):
            fault = self.fault(f'missing }} at end of condition inside "{name}"')
        return Condition(name, wanted, (source,), (inner,), fault=fault)

    # ---- items that are more than arguments -------------------------------------------------------

    def _if(self, name: str) -> Item:
        self.skip_spaces()
        condition = self.condition()
        return Item(name, condition=condition, answer=None if self.dead else self.answer(name))

    def _lookup(self, name: str) -> Item:
        args: list[Template] = []
        if self.accept("{"):
            args.append(self.braced())
            if self.dead:
                return Item(name, tuple(args))
            self.position += 1
        if not _is_alpha(self.skip_spaces()):
            return Item(name, tuple(args), fault=self.fault("missing lookup type"))
        word = self.read(_LOOKUP_TYPE)[:NAME_MAX]
        query = self.argument("missing '{' for lookup file-or-query arg")
        if isinstance(query, Fault):
            return Item(name, tuple(args), word, fault=query)
        return Item(name, (*args, query), word, answer=None if self.dead else self.answer(name))

    def _extract(self, name: str) -> Item:
        word = ""
        if self.skip_spaces() != "{" and self.text.startswith("json", self.position):
            word = "jsons" if self.text.startswith("jsons", self.position) else "json"
            self.position += len(word)
        args: list[Template] = []
        while len(args) < 5 and self.accept("{"):
            args.append(self.braced())
            if self.dead:
                return Item(name, tuple(args), word)
            self.position += 1
        fail = False
        if self.text.startswith("fail", self.position):
            self.position += 4
            fail = True
        if not self.accept("}"):
            return Item(
                name, tuple(args), word, fault=self.fault("missing '}' closing extract", curly=True)
            )
        return Item(name, tuple(args), word, answer=Answer(fail=fail))

    def _with_answer(self, name: str) -> Item:
        """``env`` (one argument), ``listextract`` and ``certextract`` (two), then yes and no."""
        args: list[Template] = []
        for message in _ANSWERED[name]:
            arg = self.argument(message)
            if isinstance(arg, Fault):
                return Item(name, tuple(args), fault=arg)
            args.append(arg)
            if self.dead:
                return Item(name, tuple(args))
        return Item(name, tuple(args), answer=self.answer(name))

    def _iterate(self, name: str) -> Item:
        """``filter``, ``map`` and ``reduce``: a list, an initial value, and what to do with each item."""
        args: list[Template] = []
        for message in (f"missing '{{' for first arg of {name}", "missing '{' for second arg of reduce"):
            if len(args) == (2 if name == "reduce" else 1):
                break
            arg = self.argument(message)
            if isinstance(arg, Fault):
                return Item(name, tuple(args), fault=arg)
            args.append(arg)
            if self.dead:
                return Item(name, tuple(args))
        if not self.accept("{"):
            fault = self.fault(f"missing '{{' for last arg of {name}", curly=True)
            return Item(name, tuple(args), fault=fault)
        condition: Condition | None = None
        if name == "filter":
            condition = self.condition()
        else:
            args.append(self.braced())
        fault_ = None if self.dead else self._iterate_end(name)
        return Item(name, tuple(args), condition=condition, fault=fault_)

    def _iterate_end(self, name: str) -> Fault | None:
        if not self.accept("}"):
            return self.fault(
                f'missing }} at end of condition or expression inside "{name}"; '
                "could be an unquoted } in the content"
            )
        if not self.accept("}"):
            return self.fault(f'missing }} at end of "{name}"')
        return None

    def _sort(self, name: str) -> Item:
        args: list[Template] = []
        for what in ("list", "comparator", "extractor"):
            if not self.accept("{"):
                fault = self.fault(f"missing '{{' for {what} arg of sort", curly=True)
                return Item(name, tuple(args), fault=fault)
            args.append(self.template(brace_ends=True, dollar=what != "comparator"))
            if self.dead:
                return Item(name, tuple(args))
            self.position += 1
        closed = self.peek() == "}"
        self.position += 1
        return Item(
            name, tuple(args), fault=None if closed else self.fault('missing } at end of "sort"')
        )

    def _prvscheck(self, name: str) -> Item:
        args, fault = self.subs(2, 3, name)
        return Item(name, args, fault=fault)

    def _run(self, name: str) -> Item:
        while self.peek() == ",":
            self.position += 1
            self.read(_NAME)
        arg = self.argument("missing '{' for command arg of run")
        if isinstance(arg, Fault):
            return Item(name, fault=arg)
        return Item(name, (arg,), answer=None if self.dead else self.answer(name))

    def _readsocket(self, name: str) -> Item:
        args, fault = self.subs(2, 5, name)
        return Item(name, args, fault=fault)


_ANSWERED = {
    "env": ("missing or misplaced { or }",),
    "listextract": ("missing '{' for arg 1 of listextract", "missing '{' for arg 2 of listextract"),
    "certextract": (
        "missing '{' for field arg of certextract",
        "missing '{' for cert variable arg of certextract",
    ),
}

_ITEM_READERS = {
    "certextract": _Parser._with_answer,
    "env": _Parser._with_answer,
    "extract": _Parser._extract,
    "filter": _Parser._iterate,
    "if": _Parser._if,
    "listextract": _Parser._with_answer,
    "lookup": _Parser._lookup,
    "map": _Parser._iterate,
    "prvscheck": _Parser._prvscheck,
    "readsocket": _Parser._readsocket,
    "reduce": _Parser._iterate,
    "run": _Parser._run,
    "sort": _Parser._sort,
}

_CONDITION_READERS = {
    "acl": _Parser._call,
    "and": _Parser._group,
    "bool": _Parser._boolean,
    "bool_lax": _Parser._boolean,
    "def": _Parser._def,
    "first_delivery": _Parser._bare,
    "inbound_srs": _Parser._inbound_srs,
    "or": _Parser._group,
    "queue_running": _Parser._bare,
    "saslauthd": _Parser._call,
    **dict.fromkeys(ITERATIONS, _Parser._iteration),
}


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
    return Template(tuple(merged), only.text if isinstance(only, Literal) else None)


def _is_alpha(char: str) -> bool:
    return char.isascii() and char.isalpha()


def _is_digit(char: str) -> bool:
    return char.isascii() and char.isdigit()


def _int32(digits: str) -> int:
    """The number as a C int, which wraps around."""
    value = int(digits[-400:]) & 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value
