"""The scenes that have to be explored: messages, and the hosts that the lattice brings to life for them.

Every name that a configuration tells apart is tried, as recipient, sender, host or address, in a few typical
situations. Those of which every policy makes the same there are one scene, which stands for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from eximsim.explore.choices import Chooser
from eximsim.explore.vocabulary import (
    ADDRESS,
    AUTH_REPLY,
    CERTIFICATE,
    CONNECT,
    EHLO,
    END,
    HANDSHAKE,
    INSECURE,
    MAIL,
    MX,
    OF_A_MESSAGE,
    RCPT,
    RECORDS,
    TLSA,
    asked_of,
)
from eximsim.gate.lattice import Scene
from eximsim.gate.named import Named
from eximsim.gate.routes import Mail, Route, pools
from eximsim.mta.base.string import string_is_ip_address
from eximsim.mta.process.globals import Machine
from eximsim.quick_dataclass import dataclass

_SMTP = 25
_OF_A_MESSAGE = frozenset(axis.name for axis in OF_A_MESSAGE)
_SECOND = "someone.else"
"""Who a second recipient is."""

TYPICAL: tuple[Mapping[str, str], ...] = (
    {},
    {EHLO.name: "no STARTTLS"},
    {TLSA.name: "NXDOMAIN", CERTIFICATE.name: "self-signed"},
    {TLSA.name: "SERVFAIL"},
    {RECORDS.name: "mismatch"},
    {MX.name: INSECURE, ADDRESS.name: INSECURE},
    {TLSA.name: "NXDOMAIN", HANDSHAKE.name: "fails"},
    {MX.name: "NXDOMAIN"},
    {MX.name: "SERVFAIL"},
    {ADDRESS.name: "NXDOMAIN"},
    {ADDRESS.name: "SERVFAIL"},
)
"""Situations, by the name of the axis: one for each thing that a list of hosts or domains decides.

In the last ones routers find no host, so that they pass the message on, or do not.
"""

BESIDES: Mapping[str, Mapping[str, str]] = {
    "another name": {TLSA.name: "NXDOMAIN", CERTIFICATE.name: "another name"},
    "refused": {CONNECT.name: "refused"},
    "timeout": {CONNECT.name: "time-out"},
    "mail": {MAIL.name: "4xx"},
    "rcpt": {RCPT.name: "4xx"},
    "data": {END.name: "4xx"},
    "auth": {AUTH_REPLY.name: "5xx"},
}
"""Situations in which hosts differ only under some configurations; ``Named.besides`` has their names."""

_SITUATIONS = (*TYPICAL, *BESIDES.values())


def typical(scene: Scene, number: int) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The situation of a number, and the hosts that take no connections in it, of which there are 0 or more.

    Where a number would be a situation again that a scene has met, it is the plainest.
    """
    refused, situation = divmod(number, len(_SITUATIONS))
    answers = _SITUATIONS[situation]
    without_mx = not scene.mx and answers.keys() == {MX.name}
    if without_mx or (refused and (len(answers) == 1 and answers.keys() <= {MX.name, ADDRESS.name})):
        return TYPICAL[0], ()
    return answers, tuple(scene.addresses)[:refused]


class Typical:
    """A ``Chooser`` with one answer for all hosts, by the name of the axis; else the plainest.

    The hosts ``refused`` take no connections, so that it comes to the next ones.
    """

    def __init__(self, answers: Mapping[str, str], refused: Sequence[str] = ()) -> None:
        self._answers, self._refused = answers, refused

    def choose(self, axis: str, values: Sequence[str]) -> str:
        """See ``Chooser``."""
        what, subject = asked_of(axis)
        if what == CONNECT.name and subject in self._refused:
            return "refused"
        return self._answers.get(what, values[0])


class Given:
    """Answers as they are given, else the plainest."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers

    def choose(self, axis: str, values: Sequence[str]) -> str:
        """See ``Chooser``."""
        return self._answers.get(axis, values[0])


class ForTheMail:
    """A ``Chooser`` that asks another one, but not for what becomes of a bounce that leaves in its turn.

    To a bounce DNS and servers are as they should be. Else it would multiply everything by itself. Of a scene
    with another message only what is said of messages is asked.
    """

    def __init__(self, choose: Chooser, scene: Scene) -> None:
        self._choose = choose
        self._message_only = scene.other_message
        self._machine: Machine | None = None

    def begin(self, machine: Machine) -> None:
        """The run is that of ``machine``."""
        self._machine = machine

    def choose(self, axis: str, values: Sequence[str]) -> str:
        """See ``Chooser``."""
        if self._machine is not None and self._machine.writing:
            return values[0]
        if self._message_only and asked_of(axis)[0] not in _OF_A_MESSAGE:
            return values[0]
        return self._choose.choose(axis, values)


@dataclass(frozen=True, slots=True)
class Staged:
    """A scene, and the other scenes that it stands for."""

    scene: Scene
    also: tuple[Scene, ...] = ()


@dataclass(slots=True)
class Stage:
    """Puts scenes together for policies that name ``named``: with up to so many ``hosts`` for a recipient."""

    named: Named
    hosts: int
    beyond: dict[str, None] = field(default_factory=dict)
    """Hosts that are not looked at, in words."""
    situations: tuple[int, ...] = ()
    """The numbers of the typical situations that tell scenes apart."""
    _first: str = ""
    _names: tuple[str, ...] = ()
    _pools: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        domains = (name for name in self.named.domains if name not in self.named.own)
        self._names = tuple(dict.fromkeys((*self.named.hosts, *domains)))
        self._pools = pools(self.named.networks)
        places = (
            *range(len(TYPICAL)),
            *(len(TYPICAL) + [*BESIDES].index(name) for name in self.named.besides),
        )
        every = (refused * len(_SITUATIONS) + place for refused in range(self.hosts) for place in places)
        self.situations = tuple(every)

    @property
    def pool(self) -> str:
        """Where the addresses of hosts are."""
        return self._pools[0]

    def scene(self, mail: Mail, routes: Iterable[Route], missing: Sequence[str] = ()) -> Scene:
        """The scene in which every policy finds the hosts that it is looking for, with names ``missing``."""
        mx: tuple[str, ...] = ()
        others: dict[str, None] = {}
        routes = tuple(routes)
        port = next((route.port for route in routes if route.port), _SMTP)
        for route in routes:
            if route.by_mx:
                mx = tuple(f"mx{number}.{mail.domain}" for number in range(1, self.hosts + 1))
            else:
                others.update(dict.fromkeys(route.hosts[: self.hosts]))
                for host in route.hosts[self.hosts :]:
                    self.beyond[f"{mail}: host {host}, the route has more than {self.hosts}"] = None
        hosts = (*mx, *(name for name in others if name not in mx))
        return replace(self._made(mail, mx, hosts, missing), port=port)

    def again(self, scene: Scene, routes: Iterable[Route]) -> Scene:
        """A scene that was agreed on, and the hosts that its mail goes to now, if they are others."""
        now = self.scene(Mail(scene.recipient, scene.sender), routes, scene.missing)
        free = (f"{self._pools[1]}{number}" for number in range(251, 256))
        new = {host: address for host, address in now.addresses.items() if host not in scene.addresses}
        if scene.mx and now.mx:
            new = {host: address for host, address in new.items() if host not in now.mx}
        taken = set(scene.addresses.values())
        new = {
            host: next(free, address) if address in taken and address != host else address
            for host, address in new.items()
        }
        addresses = {**scene.addresses, **new}
        others = {name: address for name, address in now.others.items() if name not in addresses}
        kept = replace(
            now, mx=scene.mx or now.mx, addresses=addresses, others=others, at=scene.at, port=scene.port
        )
        return self._with_second(kept, scene.beside) if scene.beside else kept

    def with_more(self, scene: Scene) -> Iterator[Scene]:
        """The scene with a second recipient, and with a sender who asks to be told, where that matters.

        Either is looked at with one host.
        """
        if not scene.addresses:
            return
        first = next(iter(scene.addresses))
        alone = replace(scene, mx=scene.mx[:1], addresses={first: scene.addresses[first]})
        if self.named.batches:
            yield self._with_second(alone, f"{_SECOND}@{scene.domain}")
        if self.named.notify and scene.sender != "":
            offered = tuple(dict.fromkeys((*scene.extensions, "DSN")))
            yield replace(alone, notify="SUCCESS,FAILURE", extensions=offered)

    def _with_second(self, scene: Scene, recipient: str) -> Scene:
        prdr = ("PRDR",) if self.named.prdr else ()
        return replace(
            scene, beside=recipient, limits=self.named.limits, extensions=(*scene.extensions, *prdr)
        )

    def with_hosts(self, scene: Scene) -> Iterator[Scene]:
        """The scene with each host that a list names in each place, and with each address in the first."""
        mail = Mail(scene.recipient, scene.sender)
        others = tuple(name for name in scene.addresses if name not in scene.mx)
        for name in self._hosts_for(scene):
            for place in range(len(scene.mx)):
                if name not in scene.addresses:
                    mx = (*scene.mx[:place], name, *scene.mx[place + 1 :])
                    yield replace(self._made(mail, mx, (*mx, *others)), port=scene.port)
        if scene.mx:
            for address in self.named.addresses():
                yield replace(scene, addresses={**scene.addresses, scene.mx[0]: address}, at=address)

    def _hosts_for(self, scene: Scene) -> Iterator[str]:
        """The hosts to be tried for a scene: those of retry rules with the first domain that has MX hosts."""
        yield from self.named.hosts
        if scene.mx and self._first in ("", scene.recipient) and scene.sender is None:
            self._first = scene.recipient
            yield from (name for name in self.named.of_errors if name not in self.named.hosts)

    def _made(
        self, mail: Mail, mx: tuple[str, ...], hosts: Sequence[str], missing: Sequence[str] = ()
    ) -> Scene:
        """A scene in which every host that the configuration names has an address of its own."""
        addresses = {
            name: name if string_is_ip_address(name)[0] else f"{self._pools[0]}{number}"
            for number, name in enumerate(hosts, 1)
        }
        rest = (name for name in self._names if name not in addresses and name not in missing)
        others = {name: f"{self._pools[1]}{number % 250 + 1}" for number, name in enumerate(rest)}
        return Scene(
            mail.recipient,
            mx,
            addresses,
            others,
            mail.sender,
            missing=tuple(missing),
            mechanisms=tuple(self.named.mechanisms),
            extensions=tuple(self.named.extensions),
            proxies=tuple(self.named.proxies),
            own_questions=self.named.own_questions,
            late=self.named.late,
        )


def grouped(
    scenes: Iterable[Scene], signature: Callable[[Scene, int], Hashable], situations: Iterable[int]
) -> list[Staged]:
    """The scenes that have to be explored: one of those that have the same signature in every respect.

    ``signature`` tells what comes of a scene in one of the ``situations``, by its number.
    """
    groups: list[list[Scene]] = [list(scenes)]
    for first in groups[0][:1]:
        signature(first, 0)  # what a first run leaves behind is in the states of all later ones
    for number in situations:
        split: list[list[Scene]] = []
        for group in groups:
            if len(group) == 1:
                split.append(group)
                continue
            parts: dict[Hashable, list[Scene]] = {}
            for scene in group:
                parts.setdefault(signature(scene, number), []).append(scene)
            split.extend(parts.values())
        groups = split
    return [Staged(first, tuple(rest)) for first, *rest in groups]
