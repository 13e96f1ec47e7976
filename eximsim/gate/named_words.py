"""Words and patterns that the expansions of a configuration hold against addresses.

``${if eq{$local_part}{joe}}`` tells joe apart, ``${if match{$domain}{^bank\\.}}`` domains that fit. What is
found may be too much: a word is taken for a name wherever the text also names a part of an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from eximsim.quick_dataclass import dataclass

_LOCAL = re.compile(r"(?<![a-z_])local_part(?:_data)?(?![a-z_])")
_DOMAIN = re.compile(r"(?<![a-z_])domain(?:_data)?(?![a-z_])")
_SENDER = re.compile(r"(?<![a-z_])sender_address(?:_local_part|_domain|_data)?(?![a-z_])|return_path")
_ADDRESS_PARTS = (_LOCAL, _DOMAIN, _SENDER)
_EXPANDED = re.compile(r"\$\{|\$[a-z]")
_GROUP = re.compile(r"\{((?:[^{}$]|\$(?![a-z{]))*)\}")
_WORD = re.compile(r"[a-z0-9_](?:[\w.+=-]*[\w+])?", re.IGNORECASE)
_MATCHED = re.compile(r"match(_\w+)?\s*\{((?:[^{}]|\{[^{}]*\})*)\}\s*\{((?:\\.|[^{}\\]|\{[\d,]*\})*)\}")
_IN_A_LIST = re.compile(r"\^[^\s:]*")
_NO_NAMES = frozenset(("yes", "no", "true", "false", "fail"))
_HARD = re.compile(
    r"\$\{(?:extract\s*\{\d|(?:filter|hash|length|listextract|map|md5|nhash|reduce|reverse|sg|sha|strlen|substr|tr)[_:{])"
    r"|[<>]=?\s*\{|match"
)


@dataclass(frozen=True, slots=True)
class Held:
    """What is held against an address: ``of`` is ``local``, ``domain``, ``sender`` or ``address``.

    ``text`` is a word, or a regular expression if it is a ``pattern``.
    """

    of: str
    text: str
    pattern: bool = False


def held(text: str) -> Iterator[Held]:
    """What an expansion holds against parts of addresses."""
    if _EXPANDED.search(text) is None:
        return
    whole = _parts_of(text)
    if not whole:
        return
    for group in _GROUP.findall(text):
        for item in re.split(r"[\s:;,]+", group):
            word = item.partition("=")[0]
            if _WORD.fullmatch(word) and not word.isdigit() and word.lower() not in _NO_NAMES:
                yield from (Held(of, word.lower()) for of in whole)
    for of_lists, subject, matched in _MATCHED.findall(text):
        parts = _parts_of(subject)
        kinds = ["address"] if {"local", "domain"} <= parts else sorted(parts)
        for pattern in _IN_A_LIST.findall(matched) if of_lists else (matched,):
            yield from (Held(of, pattern, pattern=True) for of in kinds)


def _parts_of(text: str) -> set[str]:
    kinds = ("local", "domain", "sender")
    return {kind for kind, one in zip(kinds, _ADDRESS_PARTS, strict=True) if one.search(text)}


def is_hard_to_meet(text: str) -> bool:
    """Whether it may take an address that nobody finds to see what a text does with addresses."""
    return bool(_parts_of(text)) and _HARD.search(text) is not None


# ---- patterns ----

_QUANTIFIED = re.compile(
    r"(?:\\[dwDWsSb]|\\[^\w]|\[\^?[^\]]+\]|\.|[\w@/ -])(?:[*+?]\??|\{\d+(?:,\d*)?\}\??)?"
)
_CLASSES = {r"\d": "1", r"\w": "x", r"\D": "x", r"\s": " ", r"\S": "x", r"\W": "-", r"\b": ""}


_ALTERNATIVES = re.compile(r"\((?:\?:|\?i\))?((?:\\.|[^()\\])*)\)(\{\d+(?:,\d*)?\}|[?*+]?)")
_MOST = 12
_ANY = ("someone", "any.example", "someone@any.example")


def examples_of(pattern: str) -> tuple[str, ...]:
    """Texts that a regular expression fits, one for each alternative: patterns are simple as a rule."""
    texts = [re.sub(r"^\(\?[a-z]+\)", "", pattern.strip()).removeprefix("^").removesuffix("$")]
    for _ in range(_MOST):
        opened = [one for text in texts for one in _opened(text)]
        if opened == texts:
            break
        texts = opened[:_MOST]
    parts = (part.removeprefix("^").removesuffix("$") for text in texts for part in text.split("|"))
    made = [_QUANTIFIED.sub(_first, part).lower() for part in parts]
    good = [one for one in dict.fromkeys(made) if fits(pattern, one) and _NAME.fullmatch(one)]
    return tuple(good) or tuple(one for one in _ANY if fits(pattern, one))[:1]


def _opened(text: str) -> list[str]:
    """A text with each alternative of its first innermost group."""
    group = _ALTERNATIVES.search(text)
    if group is None:
        return [text]
    found = [*group[1].split("|"), *([""] if group[2] in ("?", "*") else [])]
    return [f"{text[: group.start()]}{one}{text[group.end() :]}" for one in dict.fromkeys(found)]


_NAME = re.compile(r"[\w.@+=/-]+")


def fits(pattern: str, text: str) -> bool:
    """Whether a regular expression finds something in a text; one that cannot be read does not."""
    try:
        return re.search(pattern, text, re.IGNORECASE) is not None
    except re.error:
        return False


def _first(found: re.Match[str]) -> str:
    """One text for an item of a regular expression with what says how often."""
    item = re.sub(r"(?<=[^\\])(?:[*+?]\??|\{\d+(?:,\d*)?\}\??)$", "", found[0])
    count = re.search(r"\{(\d+)", found[0])
    if item == ".":
        one = "x"
    elif item.startswith("[^"):
        one = next((char for char in "x1-_" if char not in item), "x")
    elif item.startswith("["):
        one = item[2] if item[1] == "\\" else item[1]
    else:
        one = _CLASSES.get(item, item.removeprefix("\\"))
    return one * max(int(count[1]) if count else 1, 1)
