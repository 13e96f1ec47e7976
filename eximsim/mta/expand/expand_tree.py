"""The trees that expansion strings are read into (``expand_parse``) and evaluated from (``expander``).

Exim reads and evaluates in one go, so a syntax error shows only when evaluation has come that far: a forced
failure before it wins. The tree keeps that order: where reading fails it holds a ``Fault`` and ends.
"""

from __future__ import annotations

from dataclasses import field

from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """Where reading failed. ``curly`` faults have another text after a header name without its colon.

    ``hint`` is what releases add that have hints on braces.
    """

    message: str
    curly: bool = False
    hint: str = ""


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
    """``$h_name:`` and its kin: ``kind`` is what precedes the first underscore, ``name`` ends in a colon."""

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
    answers: tuple[Answer, ...] = ()
    """What follows the second argument, and the third, if only evaluation tells where the answer begins."""


Node = Literal | Numeric | Variable | Header | Operator | Item | Fault


@dataclass(frozen=True, slots=True)
class Template:
    """One expansion string. ``constant`` is its value if it is the same at all times."""

    nodes: tuple[Node, ...]
    constant: str | None = field(default=None, compare=False)
