"""``exiqgrep``: the messages on the queue that are chosen, from what ``exim -bpu`` lists (exiqgrep.src)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from eximsim.errors import Unsupported
from eximsim.mta.base.effort import Effort
from eximsim.mta.base.regex_cache import RegexError, compile_pattern
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.subject import Result
from eximsim.suite.utilities.exigrep import MESSAGE_ID
from eximsim.trace import Trace

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUED = frozenset("fryosCGE")
_FLAGS = frozenset("hzxlibRca")
_CHOOSING = frozenset("frsyozxc")
_FIRST = re.compile(
    rf"\s*(?P<age>\w+)\s+(?P<size>(?:\d+(?:\.\d+)?[A-Z]?)?)\s*(?P<id>{MESSAGE_ID})\s+(?P<sender><.*?>)",
    re.ASCII,
)
_RECIPIENT = re.compile(r"\s+(.*?@.*)$")
_FROZEN = "*** frozen ***"


@dataclass(frozen=True, slots=True)
class _Message:
    name: str
    age: str
    size: str
    sender: str
    frozen: bool
    recipients: tuple[str, ...]

    @property
    def born(self) -> int:
        """When it came, in seconds: that is in its id."""
        value = 0
        for letter in self.name[:6]:
            value = value * len(_DIGITS) + _DIGITS.index(letter)
        return value


def exiqgrep(words: Sequence[str], exim: Callable[[Sequence[str]], Result], now: float) -> Result:
    """What ``exiqgrep`` prints for its arguments, and its exit code; ``exim`` runs that program.

    Raises ``Unsupported`` where the order is that of a Perl hash, for what Perl says of a bad pattern, and
    for what shows the program's own text.
    """
    options, left = _options(words)
    given = {name for name, value in options.items() if value not in ("", "0")}
    if left or "h" in options or not _CHOOSING & given:
        raise Unsupported("the usage of exiqgrep")
    arguments = ["-bp" if "a" in options else "-bpu"]
    arguments += ["-C", options["C"]] if options.get("C") else []
    arguments += [f"-qG{options['G']}"] if options.get("G") else []
    listed = exim(arguments)
    messages, problem = _messages(listed.stdout)
    if problem is not None:
        return Result(1, "", f"{listed.stderr}Line mismatch: {problem}\n")
    chosen = [message for message in messages if _is_chosen(message, options, now)]
    if "c" in options:
        told = f"{len(chosen)} matches out of {len(messages)} messages\n"
        return Result(0, told, listed.stderr)
    born = [message.born for message in chosen]
    if len(set(born)) != len(born):
        raise Unsupported("the order in which exiqgrep shows messages of the same second")
    chosen.sort(key=lambda message: message.born, reverse="R" in options)
    return Result(0, "".join(_shown(message, options) for message in chosen), listed.stderr)


def _options(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Options as Perl's Getopt::Std takes them, and what follows them."""
    options: dict[str, str] = {}
    given = list(words)
    while given and len(given[0]) > 1 and given[0][0] == "-":
        word = given.pop(0)[1:]
        if word == "-":
            break
        while word:
            letter, word = word[0], word[1:]
            if letter in _VALUED:
                options[letter], word = word or (given.pop(0) if given else ""), ""
            elif letter in _FLAGS:
                options[letter] = "1"
            else:
                raise Unsupported(f"exiqgrep -{letter}")
    return options, given


def _messages(listing: str) -> tuple[list[_Message], str | None]:
    """The messages of a listing, or a line that is none where one should begin."""
    found: list[_Message] = []
    lines = iter(listing.splitlines())
    for line in lines:
        match = _FIRST.match(line)
        if match is None:
            return found, line
        recipients = tuple(_recipients(lines))
        frozen = line.endswith(_FROZEN)
        found.append(_Message(match["id"], match["age"], match["size"], match["sender"], frozen, recipients))
    return found, None


def _recipients(lines: Iterator[str]) -> Iterator[str]:
    """The recipients of a message; the line that ends them is read, too."""
    for line in lines:
        match = _RECIPIENT.search(line)
        if match is None:
            return
        yield match[1]


def _fits(pattern: str, text: str, *, caseless: bool = True) -> bool:
    try:
        return compile_pattern(pattern, caseless).search(text, Trace(), Effort()) is not None
    except RegexError:
        raise Unsupported(f"what Perl says of the pattern {pattern}") from None


def _is_chosen(message: _Message, options: dict[str, str], now: float) -> bool:
    age = int(now) - message.born
    given = {name: value for name, value in options.items() if value not in ("", "0")}
    return (
        ("f" not in given or _fits(given["f"], message.sender))
        and ("r" not in given or any(_fits(given["r"], one) for one in message.recipients))
        and ("s" not in given or _fits(given["s"], message.size, caseless=False))
        and ("y" not in given or age < _number(given["y"]))
        and ("o" not in given or age > _number(given["o"]))
        and ("z" not in given or message.frozen)
        and ("x" not in given or not message.frozen)
    )


def _number(text: str) -> float:
    if not text.isdigit():
        raise Unsupported(f"an age that is no number of seconds: {text}")
    return float(text)


def _shown(message: _Message, options: dict[str, str]) -> str:
    if "i" in options:
        return f"{message.name}\n"
    if "b" in options:
        return f"{message.name} From: {message.sender} To: {';'.join(message.recipients)}\n"
    frozen = f" {_FROZEN}" if message.frozen else ""
    first = f"{message.age:>3} {message.size:>5} {message.name} {message.sender}{frozen}\n"
    return "".join((first, *(f"\t  {one}\n" for one in message.recipients), "\n"))
