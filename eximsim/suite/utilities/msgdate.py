"""``exim_msgdate``: the time that a message id holds (src/utils/exim_msgdate.src, since 4.97)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from eximsim.errors import Unsupported
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.subject import Result

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID = re.compile(
    r"(?:^|[\s<])E?(?P<seconds>[0-9A-Za-z]{6})-(?P<pid>[0-9A-Za-z]{11}|[0-9A-Za-z]{6})"
    r"-(?P<fraction>[0-9A-Za-z]{4}|[0-9A-Za-z]{2})"
)
_SECONDS = re.compile(r"(?:^|[^0-9A-Za-z])(?P<seconds>[0-9A-Za-z]{6})$")
_SETTING = re.compile(r"^\s*localhost_number\s*=\s*(\d+)\s*$", re.M | re.ASCII)
_MICROSECONDS = 1_000_000
_DIED = 255
"""The exit code of a Perl program that dies while no call of the system has failed."""

_VALUED = frozenset({"b", "base", "localhost_number", "C", "dexim_path"})
_MEANS = {
    "b": "base", "base": "base", "b36": "36", "base36": "36", "b62": "62", "base62": "62",
    "localhost_number": "localhost_number", "nolocalhost_number": "none", "no-localhost_number": "none",
    "no_localhost_number": "none", "unix": "unix", "u": "unix", "GMT": "gmt", "UTC": "gmt", "zulu": "gmt",
    "local": "local", "l": "local", "pid": "pid", "C": "config", "dexim_path": "", "debug": "debug",
    "nodebug": "", "no-debug": "", "help": "help", "man": "man", "version": "version",
}  # fmt: skip


class _Died(Exception):
    """The program ends here; the message goes to standard error."""


@dataclass(slots=True)
class _Reading:
    """How ids are to be read: digits of ``base``, and the number of the host in the fraction, if any."""

    base: int = 62
    host: int | None = None
    warnings: str = ""
    place: str = ""
    """Where the program says that a warning comes from."""

    def number(self, text: str) -> int:
        value = 0
        for letter in text:
            digit = _DIGITS.index(letter)
            if digit >= self.base:
                raise _Died(f"{text} is not base {self.base}\n")
            value = value * self.base + digit
        return value

    def microseconds(self, text: str) -> int:
        """Of the last part of an id, less the number of the host."""
        fraction = self.number(text)
        long = len(text) > len("00")
        unit = (1 if long else 500) * (1 if self.base == len(_DIGITS) else 2)
        if self.host is not None:
            unit *= 2 if long else 10
            host, fraction = divmod(fraction, _MICROSECONDS // unit)
            if host != self.host:
                told = f"localhost {host} from message-id != given number {self.host}"
                self.warnings += f"{told} at {self.place}.\n"
        found = fraction * unit
        if found >= _MICROSECONDS:
            raise _Died(f"bad microsecond count: {found}\n")
        return found


def msgdate(
    words: Sequence[str], environment: Mapping[str, str], read: Callable[[str], str], place: str
) -> Result:
    """What ``exim_msgdate`` prints for its arguments, and its exit code.

    ``read`` gives a file's text (``OSError`` if there is none), ``place`` is what the program says of where a
    warning comes from. Raises ``Unsupported`` for what shows the program's own text, and for a time zone that
    is not on this machine.
    """
    out: list[str] = []
    reading = _Reading(place=place)
    try:
        options, ids = _options(words)
        reading.base = _base(options)
        reading.host = _host(options, reading.base, read)
        for text in ids:
            match = _ID.search(text) or _SECONDS.search(text)
            if match is None:
                reading.warnings += f"{text} not parsed\n"
                continue
            found = match.groupdict()
            seconds = reading.number(match["seconds"])
            fraction = reading.microseconds(found["fraction"]) if "fraction" in found else 0
            pid = f"\tpid {reading.number(found['pid'])}" if "pid" in found else ""
            out += _shown(seconds, f".{fraction:06}", pid if "pid" in options else "", options, environment)
    except _Died as death:
        return Result(_DIED, "".join(out), f"{reading.warnings}{death}")
    return Result(0, "".join(out), reading.warnings)


def _options(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Options as Perl's Getopt::Long takes them, by their meaning, and what is left."""
    options: dict[str, str] = {}
    left: list[str] = []
    given = list(words)
    while given:
        word = given.pop(0)
        if word == "--":
            return options, left + given
        if not word.startswith("-") or word == "-":
            left.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        name = _full(name, word)
        if name in _VALUED and not equals:
            if not given:
                raise Unsupported(f"exim_msgdate {word} without a value")
            value = given.pop(0)
        options[_MEANS[name]] = value
    for shown in ("help", "man", "version", "debug"):
        if shown in options:
            raise Unsupported(f"exim_msgdate --{shown}")
    return options, left


def _full(name: str, word: str) -> str:
    """The option that is meant: case does not count, and so much of a name is enough that it is clear."""
    exact = [one for one in _MEANS if one.lower() == name.lower()]
    near = [one for one in _MEANS if one.lower().startswith(name.lower())]
    if exact or len({_MEANS[one] for one in near}) == 1:
        return (exact or near)[0]
    raise Unsupported(f"the usage of exim_msgdate, for {word}")


def _base(options: Mapping[str, str]) -> int:
    if "36" in options and "62" in options:
        raise _Died("cannot be base36 and base62\n")
    base = options.get("base", "62")
    for digits in ("62", "36"):
        if digits in options:
            return int(digits)
    if not re.fullmatch(r"[+-]?\d+", base, re.ASCII):
        raise Unsupported(f"the usage of exim_msgdate, for base {base}")
    for digits in ("62", "36"):
        if digits in base:
            return int(digits)
    raise _Died(f"unknown base option {int(base)}\n")


def _host(options: Mapping[str, str], base: int, read: Callable[[str], str]) -> int | None:
    """The number of the host: of the option, or of the configuration."""
    number = options.get("localhost_number")
    if number == "none":
        return None
    if number is not None and "none" in options:
        raise Unsupported("exim_msgdate with a number of the host, and none")
    if number is None and "none" not in options:
        name = options.get("config", "")
        try:
            found = _SETTING.findall(read(name))
        except OSError:
            raise Unsupported(f"exim_msgdate -C {name!r} without that file") from None
        number = found[-1] if found else None
    if number is None or number == "":
        return None
    if not number.isdigit():
        raise _Died("localhost_number must be a number >=0\n")
    for most, limited in ((16, True), (10, base != len(_DIGITS))):
        if limited and int(number) > most:
            raise _Died(f"localhost_number > {most}\n")
    return int(number)


def _shown(
    seconds: int, fraction: str, pid: str, options: Mapping[str, str], environment: Mapping[str, str]
) -> list[str]:
    lines = []
    if "unix" in options:
        lines.append(f"{seconds}{fraction}{pid}\n")
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    if "gmt" in options:
        lines.append(f"{moment:%Y-%m-%d %H:%M:%S}{fraction}{pid}\n")
    if "local" in options or not options.keys() & {"unix", "gmt"}:
        local = moment.astimezone(_zone(environment.get("TZ")))
        lines.append(f"{local:%Y-%m-%d %H:%M:%S}{fraction} {local:%Z}{pid}\n")
    return lines


def _zone(name: str | None) -> tzinfo:
    """A time zone by its name; the machine's own is UTC."""
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise Unsupported(f"the time zone {name}, which is not on this machine") from None
