"""Scripts for the SMTP test server: TOML files that say what differs from a named behaviour.

    base = "ok"                          # a named behaviour; "ok" if it is not mentioned
    extensions = ["STARTTLS", "SIZE 52428800"]
    banner = "220 slow.example ESMTP"    # one line; several: a list
    chain = "expired"                    # a certificate chain

    [rcpt]                               # an answer with more to it
    lines = ["450 not now"]
    delay = 2.5                          # seconds
    then = "close"                       # go on, close, reset, silence; for starttls also tls, garbage

    [ehlo]
    lines = ["250-slow.example", 30, "250 HELP"]   # a number: seconds of silence
    behind = "250 one more\\r\\n"        # octets right behind the reply, that nobody asked for

    [recipients]
    "nobody@test.ex" = "550 no such user"

    [chains_by_sni]
    "mx2.test.ex" = "selfsigned"

The keys are the fields of ``Behaviour``. The words of the fixture ``server`` will do as well: ``certificate``
for chain, ``connect`` for banner, ``message`` for end_of_data, ``rset`` for reset, ``"incomplete"`` for
eeonly; and ``starttls = false`` for a server that does not offer it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from eximsim.errors import InputError
from eximsim.files import read_named_text
from eximsim.formats import parse_toml
from eximsim.world.smtp_behaviour import EVIDENCE_BEHAVIOURS, Answer, Behaviour, Then

_REPLY_LINE = re.compile(r"[2-5][0-9][0-9](?:[ -][ -~]*)?")


def load_script(path: Path) -> Behaviour:
    """The behaviour that a script file describes; raises ``InputError``."""
    return parse_script(read_named_text(path, "the script of a server"), str(path))


def parse_script(text: str, path: str) -> Behaviour:
    """The behaviour that the text of a script describes; raises ``InputError`` with ``path``."""
    try:
        return read_behaviour(parse_toml(text, path))
    except InputError as error:
        raise InputError(error.message, path, error.line) from error


def named_behaviour(name: str) -> Behaviour:
    """One of ``EVIDENCE_BEHAVIOURS``; raises ``InputError``."""
    try:
        return EVIDENCE_BEHAVIOURS[name]
    except KeyError:
        known = ", ".join(EVIDENCE_BEHAVIOURS)
        raise InputError(f"behaviour {name!r}: expected one of {known}") from None


def server_behaviour(server: str | Mapping[str, object]) -> Behaviour:
    """A behaviour by its name, or by the content of a script; raises ``InputError``."""
    if isinstance(server, str):
        return named_behaviour(server)
    if not isinstance(server, Mapping):
        raise InputError(f"a server is {server!r}; expected a behaviour's name or a script")
    return read_behaviour(server)


def read_behaviour(data: Mapping[str, object]) -> Behaviour:
    """The behaviour that the content of a script describes; raises ``InputError``."""
    base = named_behaviour(_text("base", data.get("base", "ok")))
    fields: dict[str, object] = {}
    offered = True
    for key, value in data.items():
        field = _WORDS.get(key, key)
        if key == "starttls" and isinstance(value, bool):
            offered = value
        elif field in fields:
            raise InputError(f"{key}: {field} says the same; expected one of them")
        elif key == "base":
            continue
        elif field not in _READERS:
            raise InputError(f"{key}: expected one of base, {', '.join((*_READERS, *_WORDS))}")
        else:
            fields[field] = _READERS[field](key, value)
    found: Behaviour = replace(base, **fields)  # type: ignore[arg-type]  # by name
    if not offered:
        without = tuple(one for one in found.extensions if one.upper() != "STARTTLS")
        return replace(found, extensions=without)
    return found


_WORDS = {"certificate": "chain", "connect": "banner", "message": "end_of_data", "rset": "reset"}
"""The words of the fixture ``server``, which mean the same here."""


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or "\n" in value or "\r" in value:
        raise InputError(f"{key}: expected one line of text")
    return value


def _chain(key: str, value: object) -> str:
    name = _text(key, value)
    return "eeonly" if name == "incomplete" else name


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{key}: expected true or false")
    return value


def _texts(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InputError(f"{key}: expected a list of texts")
    return tuple(_text(key, item) for item in value)


def _version(key: str, value: object) -> str:
    if value not in ("TLSv1.2", "TLSv1.3"):
        raise InputError(f'{key}: expected "TLSv1.2" or "TLSv1.3"')
    return str(value)


def _answer(key: str, value: object) -> Answer:
    parts = value if isinstance(value, dict) else {"lines": value}
    for part in parts:
        if part not in ("lines", "then", "delay", "behind"):
            raise InputError(f"{key}.{part}: expected lines, then, delay or behind")
    lines = parts.get("lines", [])
    said: list[object] = [lines] if isinstance(lines, str) else _texts_and_pauses(key, lines)
    texts = _texts(key, [one for one in said if not _is_number(one)])
    for line in texts:
        if not _REPLY_LINE.fullmatch(line):
            raise InputError(f"{key}: {line!r} is no SMTP reply; expected three digits and a text")
    return Answer(
        texts,
        _then(key, parts, texts),
        _delay(key, parts.get("delay", 0.0)),
        tuple(_pauses(key, said)),
        _behind(key, parts.get("behind", "")),
    )


def _texts_and_pauses(key: str, lines: object) -> list[object]:
    if not isinstance(lines, list):
        raise InputError(f"{key}: expected a list of texts")
    return lines


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _pauses(key: str, said: Iterable[object]) -> Iterator[tuple[int, float]]:
    """The pauses between lines, by the number of the line that comes after them."""
    number = 0
    for one in said:
        if _is_number(one):
            yield number, _delay(key, one)
        else:
            number += 1


def _behind(key: str, value: object) -> bytes:
    if not isinstance(value, str) or not value.isascii():
        raise InputError(f"{key}.behind: expected a text in ASCII")
    return value.encode("ascii")


def _answers(key: str, value: object) -> tuple[Answer, ...]:
    """The answers of an exchange: a list of texts, or of tables."""
    if not isinstance(value, list):
        return (_answer(key, value),)
    return tuple(_answer(f"{key}[{number}]", item) for number, item in enumerate(value))


def _then(key: str, parts: Mapping[str, object], lines: tuple[str, ...]) -> Then:
    usual = {"data": ("354", Then.DATA), "starttls": ("220", Then.TLS), "quit": ("221", Then.CLOSE)}
    code, then = usual.get(key, ("", Then.GO_ON))
    default = then if lines and lines[-1].startswith(code) else Then.GO_ON
    try:
        return Then(parts.get("then", default.value))
    except ValueError:
        raise InputError(f"{key}.then: expected one of {', '.join(then.value for then in Then)}") from None


def _delay(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise InputError(f"{key}.delay: expected a number of seconds")
    return float(value)


def _table(key: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise InputError(f"{key}: expected a table")
    return value


def _recipients(key: str, value: object) -> tuple[tuple[str, Answer], ...]:
    return tuple((name, _answer(f"{key}.{name}", item)) for name, item in _table(key, value).items())


def _chains(key: str, value: object) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), _text(f"{key}.{name}", item)) for name, item in _table(key, value).items())


_READERS: Mapping[str, Callable[[str, object], Any]] = {
    "listen": _flag,
    "tls_on_connect": _flag,
    "lmtp": _flag,
    "prdr": _flag,
    "request_client_certificate": _flag,
    "tickets": _flag,
    "host": _text,
    "garbage": _text,
    "chain": _chain,
    "max_version": _version,
    "extensions": _texts,
    "recipients": _recipients,
    "chains_by_sni": _chains,
    "banner": _answer,
    "ehlo": _answer,
    "helo": _answer,
    "starttls": _answer,
    "mail": _answer,
    "rcpt": _answer,
    "auth": _answers,
    "data": _answer,
    "bdat": _answer,
    "end_of_data": _answer,
    "reset": _answer,
    "quit": _answer,
    "unknown": _answer,
}
