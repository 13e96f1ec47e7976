"""Numbers in expansions: the arithmetic of ``${eval:``, and integers with K, M or G (src/expand.c)."""

from __future__ import annotations

import re
from collections.abc import Callable

_SPACES = re.compile(r"[ \t\n\v\f\r]*")
_DECIMAL = re.compile(r"[0-9]+")
_ANY_BASE = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")
_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_SCALES = {"k": 1024, "m": 1024**2, "g": 1024**3}
_MAX = (1 << 63) - 1
_MIN = -(1 << 63)


class EvalError(Exception):
    """An expression or number that cannot be read; ``position`` is how far reading came.

    ``text`` is the number, as the message has it between quotes.
    """

    def __init__(self, message: str, position: int = 0, text: str = "") -> None:
        self.message = message
        self.position = position
        self.text = text
        super().__init__(message)

    def about(self, told: Callable[[str], str]) -> str:
        """The message with the number as ``told`` makes it."""
        return self.message.replace(f'"{self.text}"', told(self.text), 1)


def eval_expr(text: str, *, decimal: bool = False) -> int:
    """The value of an expression in 64-bit integers; raises ``EvalError``.

    Operators by rising strength: ``|``, ``^``, ``&``, shifts, sums, products, signs and ``~``. Numbers may
    be octal or hexadecimal unless ``decimal``, and end in K, M or G. Source: eval_expr(), src/expand.c.
    """
    evaluation = _Evaluation(text, decimal)
    value = evaluation.level(0)
    if evaluation.position < len(text):
        raise EvalError("expecting operator", evaluation.position)
    return value


def expanded_string_integer(text: str, *, positive: bool = False) -> int:
    """The integer that ``text`` is, with an optional K, M or G; white space alone is 0.

    Raises ``EvalError``. Source: expanded_string_integer(), src/expand.c.
    """
    if text[:1].isspace() and not text.strip(" \t\n\v\f\r"):
        return 0
    text = text.lstrip(" \t\n\v\f\r")
    match = _INTEGER.match(text)
    if match is None:
        raise EvalError(f'integer expected but "{text}" found', text=text)
    value = int(match[1])
    if value < 0 and positive:
        raise EvalError(f'non-negative integer expected but "{text}" found', text=text)
    rest = text[match.end() :]
    scale = _SCALES.get(rest[:1].lower())
    if scale is not None:
        value *= scale
        rest = rest[1:]
    if not _MIN <= value <= _MAX:
        raise EvalError(f'absolute value of integer "{text}" is too large (overflow)', text=text)
    if rest.strip(" \t\n\v\f\r"):
        raise EvalError(f'invalid integer "{text}"', text=text)
    return value


def _wrap(value: int) -> int:
    """As a signed 64-bit integer, which wraps around."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value > _MAX else value


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise EvalError("divide by zero")
    if left == _MIN and right == -1:
        return _MAX
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _remainder(left: int, right: int) -> int:
    if right == 0:
        raise EvalError("modulo by zero")
    if left == _MIN and right == -1:
        return _MAX
    return left - right * _divide(left, right)


def _sum(left: int, right: int, sign: int, word: str) -> int:
    half = _MAX // 2
    if left >= half or (left <= -half and right <= -half):
        raise EvalError(f"overflow in {word}")
    return _wrap(left + sign * right)


_LEVELS: tuple[dict[str, Callable[[int, int], int]], ...] = (
    {"|": lambda left, right: left | right},
    {"^": lambda left, right: left ^ right},
    {"&": lambda left, right: left & right},
    {
        "<<": lambda left, right: _wrap(left << (right & 63)),
        ">>": lambda left, right: left >> (right & 63),
    },
    {
        "+": lambda left, right: _sum(left, right, 1, "sum"),
        "-": lambda left, right: _sum(left, right, -1, "difference"),
    },
    {"*": lambda left, right: _wrap(left * right), "/": _divide, "%": _remainder},
)


class _Evaluation:
    __slots__ = ("decimal", "position", "text")

    def __init__(self, text: str, decimal: bool) -> None:
        self.text = text
        self.decimal = decimal
        self.position = 0

    def level(self, strength: int) -> int:
        if strength == len(_LEVELS):
            return self.unary()
        left = self.level(strength + 1)
        width = 2 if strength == 3 else 1
        table = _LEVELS[strength]
        while (function := table.get(self.text[self.position : self.position + width])) is not None:
            self.position += width
            right = self.level(strength + 1)
            try:
                left = function(left, right)
            except EvalError as error:
                raise EvalError(error.message, self.position) from None
        return left

    def unary(self) -> int:
        self.skip_spaces()
        sign = self.text[self.position : self.position + 1]
        if sign not in ("+", "-", "~"):
            return self.number()
        self.position += 1
        value = self.unary()
        return _wrap(-value if sign == "-" else ~value if sign == "~" else value)

    def number(self) -> int:
        self.skip_spaces()
        digits = (_DECIMAL if self.decimal else _ANY_BASE).match(self.text, self.position)
        if digits is not None:
            return self.scaled(digits[0])
        if not self.text.startswith("(", self.position):
            raise EvalError("expecting number or opening parenthesis", self.position)
        self.position += 1
        value = self.level(0)
        if not self.text.startswith(")", self.position):
            raise EvalError("expecting closing parenthesis", self.position)
        self.position += 1
        self.skip_spaces()
        return value

    def scaled(self, digits: str) -> int:
        base = 10
        if not self.decimal and digits[:2].lower() == "0x":
            base = 16
        elif not self.decimal and digits[0] == "0":
            octal = re.match("[0-7]+", digits)
            assert octal is not None
            digits, base = octal[0], 8
        self.position += len(digits)
        value = max(_MIN, min(_MAX, int(digits, base) if digits[-1] not in "xX" else 0))
        scale = _SCALES.get(self.text[self.position : self.position + 1].lower())
        if scale is not None:
            self.position += 1
            value = _wrap(value * scale)
        self.skip_spaces()
        return value

    def skip_spaces(self) -> None:
        match = _SPACES.match(self.text, self.position)
        assert match is not None
        self.position = match.end()
