"""The reader of the conditions of an Exim filter's ``if`` (read_condition(), src/filter.c)."""

from __future__ import annotations

from dataclasses import replace

from eximsim.mta.routing.filters.scanner import Scanner
from eximsim.mta.routing.filters.syntax import COMPARISONS, SIMPLE, Condition, FilterError


def read_condition(scanner: Scanner, *, top: bool) -> Condition:
    """A condition up to its ``then``, or without ``top`` up to the bracket that closes it, which is next.

    ``and`` binds more tightly than ``or``. Raises ``FilterError``.
    """
    alternatives: list[list[Condition]] = [[]]
    while True:
        alternatives[-1].append(_one(scanner))
        joined = _joined(scanner, top=top)
        if joined == "or":
            alternatives.append([])
        elif joined != "and":
            scanner.skip()
            return _tree("or", [_tree("and", parts) for parts in alternatives])


def _tree(kind: str, parts: list[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else Condition(kind, parts=parts)


def _error(scanner: Scanner, what: str, *, where: str = "in line") -> FilterError:
    return FilterError(f"{what} {where} {scanner.line} of filter file")


def _joined(scanner: Scanner, *, top: bool) -> str:
    """What follows a condition: ``and``, ``or``, or the end (``then``; empty for the bracket)."""
    if scanner.next == ")":
        if top:
            raise _error(scanner, 'unexpected ")"')
        return ""
    if scanner.next == "(":
        raise _error(scanner, 'unexpected "("')
    word = scanner.word()
    scanner.check()
    if word == "then" and not top:
        raise _error(scanner, 'missing ")" at end of condition', where="near line")
    if word not in ("then", "and", "or"):
        end = scanner.quote("then" if top else ")")
        expected = f'"and" or "or" or {end} expected near line {scanner.line} of filter file'
        raise FilterError(f"{expected}, but found {scanner.quote(word)}")
    return word


def _one(scanner: Scanner) -> Condition:
    """One condition with the ``not`` before it."""
    wanted = True
    while True:
        if not scanner.next:
            raise FilterError('"then" missing at end of filter file')
        if scanner.next == "(":
            inner = _bracketed(scanner)
            return inner if wanted else replace(inner, wanted=not inner.wanted)
        if scanner.next == ")":
            raise _error(scanner, 'unexpected ")"')
        word = scanner.item(bracket=True)
        scanner.check()
        if word == "then":
            raise _error(scanner, 'unexpected "then"', where="near line")
        if word != "not":
            break
        wanted = not wanted
    if word in SIMPLE:
        return Condition(word, wanted)
    if word == "personal":
        return Condition(word, wanted, aliases=_aliases(scanner))
    if word == "foranyaddress":
        return _for_any_address(scanner, wanted)
    return _comparison(scanner, word, wanted)


def _bracketed(scanner: Scanner) -> Condition:
    """A condition in brackets; the next character opens them."""
    scanner.position += 1
    scanner.skip()
    inner = read_condition(scanner, top=False)
    if scanner.next != ")":
        raise _error(scanner, 'expected ")"')
    scanner.position += 1
    scanner.skip()
    return inner


def _aliases(scanner: Scanner) -> list[str]:
    """What follows ``personal``; the last alias comes first, as Exim has them.

    An error is left to be found by what follows.
    """
    aliases: list[str] = []
    while True:
        before = scanner.position
        word = scanner.word(bracket=True)
        if scanner.pending is None and word != "alias":
            scanner.position = before
        if scanner.pending is not None or word != "alias":
            return aliases
        aliases.insert(0, scanner.item(bracket=True))


def _for_any_address(scanner: Scanner, wanted: bool) -> Condition:
    addresses = scanner.item(bracket=True)
    scanner.check()
    if scanner.next != "(":
        raise _error(scanner, '"(" expected after "foranyaddress"', where="near line")
    return Condition("foranyaddress", wanted, addresses, parts=[_bracketed(scanner)])


def _comparison(scanner: Scanner, left: str, wanted: bool) -> Condition:
    """``left``, the word that compares (with ``is`` or ``does``, and ``not``), and the right side."""
    word = _word(scanner)
    kind, after_is = "", None
    if word.lower() in ("is", "does"):
        if word[0] in "iI":
            kind, after_is = ("is" if word[0] == "i" else "IS"), scanner.position
        word = _word(scanner)
        if word.lower() == "not":
            wanted = not wanted
            after_is = None if after_is is None else scanner.position
            word = _word(scanner)
    if word in COMPARISONS:
        kind = COMPARISONS[word]
    elif after_is is None:
        told = scanner.quote(word)
        raise _error(scanner, f"unrecognized condition word {told}", where="near line")
    else:
        scanner.position = after_is
    right = scanner.item(bracket=True)
    scanner.check()
    return Condition(kind, wanted, left, right)


def _word(scanner: Scanner) -> str:
    word = scanner.word(bracket=True)
    scanner.check()
    return word
