"""The text of a lock file.

    release 4.99
    hosts 1
    tls openssl-3
    unseen is told

    files
      exim.conf
        1f0a 93bc 77de

    unseen
      condition of router long, exim.conf:2 93bc

    delivery to someone@destination.example by mx1.destination.example
    scene someone@destination.example, mx mx1.destination.example 192.0.2.1
    like someone@partner.example, mx mx1.partner.example 192.0.2.1
    @4e1d MX of destination.example
      secure: @90c2
      insecure: @77aa
      NXDOMAIN | no data: failed, unreached

Of each file there is a short digest for every line: enough to name the lines that have changed since, and too
short to tell what is in them. What is ``unseen`` no mail shows, so that nobody knows what its change does.
Each block is a question; an answer leads to another question or to an outcome. The first block of a view is
where it begins. The name of a block is made from its content, so that what has not changed is not in a diff.
``scene`` says what is explored, ``like`` what it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from hashlib import blake2b
from itertools import dropwhile, takewhile
from types import MappingProxyType

from eximsim.errors import InputError
from eximsim.gate import MOST_HOSTS
from eximsim.gate.diagram import Ask, End, Forest, Node, Way
from eximsim.gate.lattice import Scene
from eximsim.gate.report import Outcome
from eximsim.gate.unseen import Unseen
from eximsim.gate.views import View, run_of
from eximsim.quick_dataclass import dataclass
from eximsim.status import TAKEN, Security

_HEAD = (
    "# Outcomes that were agreed on. Checked by: eximsim gate CONF --lock FILE",
    "# Changed by: eximsim gate CONF --lock FILE --accept [GROUP]",
)
_SECURITY: Mapping[Security | None, str] = {
    None: "nobody asked",
    **{one: one.name.lower() for one in Security},
}
_BY_WORD = {word: security for security, word in _SECURITY.items()}
_BLOCK = re.compile(r"(@[0-9a-f]+) (.+)")
_ANSWER = re.compile(r"  ([^:]+): (.+)")
_DIGESTS_IN_A_LINE = 20
_SMTP = 25


@dataclass(frozen=True, slots=True)
class Lock:
    """What a lock file says.

    Release, number of hosts, the diagram of each view by its name; the views themselves; the digests of the
    lines of each file; the files of which only a sample was explored; the TLS library that the release was
    built with (empty: the lock does not say); and what was not seen at work (None: it does not say).
    """

    release: str
    hosts: int
    ways: Mapping[str, Way]
    views: Mapping[str, View] = field(default_factory=lambda: MappingProxyType({}))
    files: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    sampled: tuple[str, ...] = ()
    tls: str = ""
    unseen: tuple[Unseen, ...] | None = ()


def digests(lines: Sequence[str]) -> tuple[str, ...]:
    """The digests of a file's lines, without the white space around them."""
    stripped = (line.strip().encode("utf-8", "surrogateescape") for line in lines)
    return tuple(blake2b(line, digest_size=2).hexdigest() for line in stripped)


# ---- writing ---------------------------------------------------------------------------------------------


def written(lock: Lock) -> str:
    """The text of the lock file."""
    lines = [*_HEAD, f"release {lock.release}", f"hosts {lock.hosts}"]
    lines += [f"tls {lock.tls}"] if lock.tls else []
    lines += ["unseen is told"] if lock.files and lock.unseen is not None else []
    if lock.files:
        lines += ["", "files"]
    for path, found in lock.files.items():
        lines.append(f"  {path}{_SAMPLE if path in lock.sampled else ''}")
        for place in range(0, len(found), _DIGESTS_IN_A_LINE):
            lines.append(f"    {' '.join(found[place : place + _DIGESTS_IN_A_LINE])}")
    if lock.unseen:
        lines += ["", _UNSEEN, *(f"  {one.owner}, {one.where} {one.digest}" for one in lock.unseen)]
    for name, way in lock.ways.items():
        lines += ["", name]
        if name in lock.views:
            lines += _scenes(lock.views[name])
        lines += _blocks(way.node)
    return "\n".join(lines) + "\n"


_SAMPLE = " (a sample)"


def _scenes(view: View) -> Iterator[str]:
    yield f"scene {_scene_words(view.scene)}"
    yield from (f"like {_scene_words(scene)}" for scene in view.also)


def _scene_words(scene: Scene) -> str:
    words = [scene.recipient]
    if scene.sender is not None:
        words.append(f"from {scene.sender or '<>'}")
    for host, address in scene.addresses.items():
        words.append(f"{'mx' if host in scene.mx else 'host'} {host} {address}")
    if scene.at:
        words.append("at it")
    if scene.port != _SMTP:
        words.append(f"port {scene.port}")
    words += (f"without {name}" for name in scene.missing)
    words += [f"and {scene.beside}"] if scene.beside else []
    return ", ".join(words)


def _blocks(node: Node) -> Iterator[str]:
    names: dict[int, str] = {}
    known: dict[str, str] = {}

    def name(one: Node) -> str:
        if isinstance(one, End):
            return _outcome_words(one.outcome)
        if id(one) not in names:
            text = "\n".join((one.axis, *_answers(one, name)))
            label = "@" + blake2b(text.encode(), digest_size=4).hexdigest()
            names[id(one)] = label
            known[label] = text
        return names[id(one)]

    first = name(node)
    if isinstance(node, End):
        yield f"  always: {first}"
        return
    for label in reversed(known):
        yield f"{label} {known[label]}"


def _answers(one: Ask, name: Callable[[Node], str]) -> Iterator[str]:
    """The lines of a block: answers that lead to the same stand together."""
    by_node: dict[str, list[str]] = {}
    for value, following in zip(one.values, one.ways, strict=True):
        by_node.setdefault(name(following.node), []).append(value)
    for label, values in by_node.items():
        yield f"  {' | '.join(values)}: {label}"


def _outcome_words(outcome: Outcome) -> str:
    words = [outcome.result]
    if outcome.result in TAKEN:
        words.append(_SECURITY[outcome.security])
    elif outcome.unreachable:
        words.append("unreached")
    if outcome.host:
        words.append(f"host {outcome.host}")
    return ", ".join(words)


# ---- reading ---------------------------------------------------------------------------------------------


def expect_lock(text: str, path: str) -> None:
    """Hold that a file to be replaced is a lock, be it of another form; raises ``InputError``."""
    stated = (line for line in text.splitlines() if not line.startswith("#"))
    _facts(takewhile(str.strip, dropwhile(lambda line: not line.strip(), stated)), path)


def _facts(stated: Iterable[str], path: str) -> dict[str, str]:
    facts = {word: value for word, _, value in (line.partition(" ") for line in stated)}
    if "release" not in facts or facts.get("hosts") not in _HOSTS:
        raise InputError("expected the lines 'release' and 'hosts' of a lock file", path, 1)
    return facts


def read_lock(text: str, path: str, forest: Forest) -> Lock:
    """The lock of a file's text; raises ``InputError`` with ``path`` and line."""
    ways: dict[str, Way] = {}
    views: dict[str, View] = {}
    files: dict[str, tuple[str, ...]] = {}
    sampled: list[str] = []
    unseen: tuple[Unseen, ...] = ()
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if not line.startswith("#")]
    groups: list[list[tuple[int, str]]] = [[]]
    for number, line in lines:
        if line.strip():
            groups[-1].append((number, line))
        elif groups[-1]:
            groups.append([])
    facts = _facts((line for _, line in groups[0]), path)
    for group in filter(None, groups[1:]):
        start, name = group[0]
        if name == "files":
            files, sampled = _read_files(group[1:], path)
            continue
        if name == _UNSEEN:
            unseen = tuple(_read_unseen(line, path, number) for number, line in group[1:])
            continue
        scenes = [_read_scene(line, path, number) for number, line in group[1:] if _IS_SCENE.match(line)]
        rest = [(number, line) for number, line in group[1:] if not _IS_SCENE.match(line)]
        ways[name] = _read_view(rest, path, start, forest)
        if not scenes:
            raise InputError("a view without its scene; --accept makes the lock anew", path, start)
        kind, callout = run_of(name)
        views[name] = View(scenes[0], kind, tuple(scenes[1:]), callout)
    tls = facts.get("tls", "")
    told = unseen if "unseen" in facts or not files else None
    return Lock(facts["release"], int(facts["hosts"]), ways, views, files, tuple(sampled), tls, told)


_HOSTS = tuple(map(str, range(1, MOST_HOSTS + 1)))
_IS_SCENE = re.compile(r"(?:scene|like) ")
_PARTS = re.compile(r"(mx|host) (\S+) (\S+)|from (\S+)|port (\d{1,5})|(at it)|without (\S+)|and (\S+)")


def _read_scene(line: str, path: str, number: int) -> Scene:
    recipient, *words = line.partition(" ")[2].split(", ")
    mx: list[str] = []
    addresses: dict[str, str] = {}
    sender, at, port = None, False, _SMTP
    missing: list[str] = []
    beside = ""
    for word in words:
        found = _PARTS.fullmatch(word)
        if found is None:
            raise InputError(f"{word!r}; expected 'mx HOST ADDRESS', 'host ...', 'from ...'", path, number)
        if found[1]:
            addresses[found[2]] = found[3]
            mx += [found[2]] if found[1] == "mx" else []
        elif found[4]:
            sender = "" if found[4] == "<>" else found[4]
        elif found[5]:
            port = int(found[5])
        elif found[7]:
            missing.append(found[7])
        elif found[8]:
            beside = found[8]
        else:
            at = True
    first = next(iter(addresses.values()), "")
    at_it = first if at else ""
    return Scene(recipient, tuple(mx), addresses, {}, sender, at_it, port, tuple(missing), beside=beside)


def _read_files(lines: list[tuple[int, str]], path: str) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    files: dict[str, tuple[str, ...]] = {}
    sampled: list[str] = []
    name = ""
    for number, line in lines:
        if line.startswith("    ") and name:
            files[name] += tuple(line.split())
        elif line.startswith("  "):
            name = line[2:].removesuffix(_SAMPLE)
            files[name] = ()
            sampled += [name] if line.endswith(_SAMPLE) else []
        else:
            raise InputError(f"{line.strip()!r}; expected a file or the digests of its lines", path, number)
    return files, sampled


_UNSEEN = "unseen"
_UNSEEN_LINE = re.compile(r"  (\S.*), (\S.*:\d+) ([0-9a-f]+)")


def _read_unseen(line: str, path: str, number: int) -> Unseen:
    if found := _UNSEEN_LINE.fullmatch(line):
        return Unseen(found[1], found[2], found[3])
    raise InputError(f"{line.strip()!r}; expected what is not seen, its place and its digest", path, number)


_DEEPEST = 200
"""So many questions follow each other at most; a space has fewer axes."""


def _read_view(lines: list[tuple[int, str]], path: str, start: int, forest: Forest) -> Way:
    blocks: dict[str, tuple[str, list[tuple[int, str, str]]]] = {}
    current: list[tuple[int, str, str]] = []
    for number, line in lines:
        if block := _BLOCK.fullmatch(line):
            current = []
            blocks[block[1]] = (block[2], current)
        elif answer := _ANSWER.fullmatch(line):
            current.append((number, answer[1], answer[2]))
        else:
            raise InputError(
                f"{line.strip()!r}; expected '@name axis' or '  value: what follows'", path, number
            )
    ways: dict[str, Way] = {}
    above: dict[str, None] = {}

    def way(label: str, number: int) -> Way:
        if not label.startswith("@"):
            return forest.end(_read_outcome(label, path, number))
        if label not in blocks:
            raise InputError(f"{label} is nowhere in this view", path, number)
        if label in above or len(above) > _DEEPEST:
            raise InputError(f"{label} leads back to itself, or has no end", path, number)
        if label not in ways:
            above[label] = None
            axis, answers = blocks[label]
            if not answers:
                raise InputError(f"{label} has no answers", path, number)
            values = tuple(value for _, words, _ in answers for value in words.split(" | "))
            following = [way(to, at) for at, words, to in answers for _ in words.split(" | ")]
            ways[label] = forest.ask(axis, values, tuple(following))
            del above[label]
        return ways[label]

    if not blocks:
        if not current:
            raise InputError("a view without outcomes", path, start)
        return way(current[0][2], current[0][0])
    return way(next(iter(blocks)), start)


def _read_outcome(text: str, path: str, number: int) -> Outcome:
    result, *words = text.split(", ")
    outcome = Outcome(result)
    for word in words:
        if word in _BY_WORD:
            outcome = replace(outcome, security=_BY_WORD[word])
        elif word == "unreached":
            outcome = replace(outcome, unreachable=True)
        elif word.startswith("host "):
            outcome = replace(outcome, host=word.removeprefix("host "))
        else:
            raise InputError(f"outcome {text!r}; do not know {word!r}", path, number)
    return outcome
