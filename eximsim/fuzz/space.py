"""The finite space of one or two MX hosts: DNS answers, servers' replies and option settings as axes.

Each value of an axis is written once, in the form that a situation has for it: an entry of the zone, a key of
a server's script, a setting. The lazy zone, servers and options are made from the same values, so that a leaf
of the exploration and its ``situation()`` are the same run.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from eximsim.fuzz.explore import Axis, Choices
from eximsim.mta.options import Options
from eximsim.mta.world import Action, ConnectError, Endpoint
from eximsim.suite.recording import Situation
from eximsim.world.certificates import ChainSet
from eximsim.world.reply import Reply, Zones
from eximsim.world.rrsets import rrset_zones
from eximsim.world.smtp_script import read_behaviour
from eximsim.world.smtp_server import COMMANDS, Answer, ConnectionLog, SmtpServer, SmtpSession

if TYPE_CHECKING:
    from eximsim.mta.readconf import Config
    from eximsim.profiles import Profile
    from eximsim.suite.replay import Replayed, Stand
    from eximsim.trace import Trace

RRset = dict[str, Any]
PORT = 1225
"""The port in the owner of a situation's TLSA records; the lazy zone answers for any port."""

_ZEROES = "00" * 32
_SECURE: RRset = {"ad": True}
_FAILURES: Mapping[str, RRset] = MappingProxyType(
    {
        "NODATA": {"ad": True},
        "NXDOMAIN": {"ad": True, "rcode": "NXDOMAIN"},
        "SERVFAIL": {"rcode": "SERVFAIL"},
        "FORMERR": {"rcode": "FORMERR"},
        "time-out": {"drop": True},
        "NODATA insecure": {"ad": False},
        "NXDOMAIN insecure": {"ad": False, "rcode": "NXDOMAIN"},
    }
)
"""Answers without data, by the word for them."""

_TLSA: Mapping[str, RRset] = MappingProxyType(
    {
        "match": {**_SECURE, "data": ["3 1 1 @cert:good"]},
        "mismatch": {**_SECURE, "data": ["030101" + _ZEROES]},
        "unusable": {**_SECURE, "data": ["1 1 1 @cert:good", "3 1 3 @cert:good"]},
        "authority": {**_SECURE, "data": ["2 0 1 @cert:root"]},
        "match, unusable": {**_SECURE, "data": ["3 1 1 @cert:good", "010101" + _ZEROES]},
        "unusable, match": {**_SECURE, "data": ["010101" + _ZEROES, "3 1 1 @cert:good"]},
        "match, mismatch": {**_SECURE, "data": ["3 1 1 @cert:good", "030101" + _ZEROES]},
        "mismatch, match": {**_SECURE, "data": ["030101" + _ZEROES, "3 1 1 @cert:good"]},
        "insecure": {"ad": False, "data": ["3 1 1 @cert:good"]},
    }
)
"""Answers to the TLSA question that hold records."""

_SILENT = {"lines": [], "then": "silence"}
_CLOSES = {"lines": [], "then": "close"}

_SERVER: Mapping[str, Mapping[str, Mapping[str, object]]] = MappingProxyType(
    {
        "connect": {"answered": {}, "refused": {"listen": False}},
        "banner": {
            "220": {},
            "421": {"banner": {"lines": ["421 busy"], "then": "close"}},
            "554": {"banner": "554 no service"},
            "silence": {"banner": _SILENT},
        },
        "EHLO": {
            "STARTTLS": {},
            "no STARTTLS": {"extensions": ["HELP"]},
            "502": {"ehlo": "502 not implemented"},
            "421": {"ehlo": {"lines": ["421 busy"], "then": "close"}},
        },
        "STARTTLS": {
            "220": {},
            "454": {"starttls": "454 not now"},
            "554": {"starttls": "554 never"},
            "closes": {"starttls": _CLOSES},
            "silence": {"starttls": _SILENT},
        },
        "handshake": {
            "completes": {},
            "fails": {"starttls": {"lines": ["220 go ahead"], "then": "garbage"}},
            "closes": {"starttls": {"lines": ["220 go ahead"], "then": "close"}},
        },
        "certificate": {
            name: {"chain": name} if name != "good" else {}
            for name in ("good", "selfsigned", "wrongname", "expired")
        },
        "MAIL": {"250": {}, "450": {"mail": "450 later"}, "550": {"mail": "550 not you"}},
        "RCPT": {"250": {}, "550": {"rcpt": "550 unknown"}, "450": {"rcpt": "450 later"}},
        "DATA": {"354": {}, "451": {"data": "451 fault"}, "554": {"data": "554 no"}},
        "end of data": {
            "250": {}, "451": {"end_of_data": "451 fault"}, "554": {"end_of_data": "554 spam"},
        },
    }
)  # fmt: skip
"""What a server can do at each step: the keys of its script, by step and by the word for it."""

OPTIONS: Mapping[str, Mapping[str, str | None]] = MappingProxyType(
    {
        "hosts_try_dane": {"everybody": "*", "nobody": ""},
        "hosts_require_dane": {"nobody": "", "everybody": "*"},
        "hosts_require_tls": {"nobody": "", "everybody": "*"},
        "tls_tempfail_tryclear": {"true": "true", "false": "false"},
        "tls_verify_hosts": {"not set": None, "everybody": "*", "nobody": ""},
        "tls_try_verify_hosts": {"everybody": "*", "nobody": ""},
    }
)
"""The transport's options that are axes, and the settings that each value stands for; None: not set."""

_FULL: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "order": ("as written", "the other way"),
        "MX": ("secure", "insecure", "NODATA", "NXDOMAIN", "SERVFAIL", "time-out"),
        "A": ("secure", "insecure", "NODATA", "NXDOMAIN", "SERVFAIL", "time-out"),
        "AAAA": ("none", "none, insecure", "SERVFAIL"),
        "TLSA": (*_TLSA, *_FAILURES),
        **{step: tuple(values) for step, values in _SERVER.items()},
        **{option: tuple(values) for option, values in OPTIONS.items()},
    }
)
_SHORT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **_FULL,
        "MX": ("secure", "insecure"),
        "A": ("secure", "insecure"),
        "AAAA": ("none",),
        "TLSA": (
            "match", "mismatch", "unusable", "insecure", "NODATA", "NXDOMAIN", "SERVFAIL", "FORMERR",
        ),
        "banner": ("220",),
        "EHLO": ("STARTTLS", "no STARTTLS"),
        "STARTTLS": ("220", "454", "554"),
        "handshake": ("completes", "fails"),
        "certificate": ("good", "selfsigned"),
        "MAIL": ("250",),
        "DATA": ("354",),
        "end of data": ("250",),
    }
)  # fmt: skip
DETAILS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType({"short": _SHORT, "full": _FULL})
"""How finely the world is divided: the values of each kind of axis.

``short`` has the inputs that decide about security (of hosts, TLSA, STARTTLS, TLS, verification, the reply to
RCPT); ``full`` all replies at all steps, failures of MX and address questions, and mixtures of records.
"""

_PHASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ehlo": ("EHLO",),
        "starttls": ("STARTTLS", "handshake", "certificate"),
        "mail": ("MAIL",),
        "rcpt": ("RCPT",),
        "data": ("DATA", "end of data"),
    }
)
"""The steps that are chosen when a command comes; a later one only if the earlier are as they should be."""


@dataclass(frozen=True)
class Space:
    """A recipient in a domain with one or two MX hosts, and all that can be said about them.

    ``equal``: the hosts have the same preference, and both orders are tried. ``options`` are those of
    ``OPTIONS`` that are axes; the others are left out of the situation. ``values`` narrows kinds of axes
    (``{"TLSA": ("match", "NODATA")}``). Host ``n`` is ``hn-a.test.ex`` at ``10.9.n.1``.
    """

    hosts: int = 1
    kind: str = "delivery"
    equal: bool = False
    detail: str = "short"
    options: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    domain: str = "one.test.ex"

    @property
    def recipient(self) -> str:
        """The one recipient."""
        return f"a@{self.domain}"

    @cached_property
    def axes(self) -> Mapping[str, Axis]:
        """All axes by name: those of a host are called ``h1 TLSA``."""
        names = [("MX", "MX")]
        if self.equal and self.hosts > 1:
            names.append(("order", "order"))
        for host in self.names:
            names += [(f"{host} {kind}", kind) for kind in ("A", "AAAA", "TLSA", *_SERVER)]
        names += [(option, option) for option in self.options]
        return {name: Axis(name, self._values(kind)) for name, kind in names}

    def _values(self, kind: str) -> tuple[str, ...]:
        return self.values.get(kind, DETAILS[self.detail][kind])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The hosts in the order of the MX records: ``h1``, ``h2``."""
        return tuple(f"h{number}" for number in range(1, self.hosts + 1))

    def value(self, choices: Choices, name: str) -> str:
        """The value of the axis ``name`` in a run."""
        return choices.choose(name, self.axes[name].values)

    # ---- the plain form

    def situation(self, path: Mapping[str, str]) -> Situation:
        """See ``Plan``; its ``params`` are the path."""
        whole = {name: path.get(name, axis.values[0]) for name, axis in self.axes.items()}
        zone = [self._mx(whole["MX"], whole.get("order", ""))]
        servers: dict[str, str | Mapping[str, object]] = {}
        for host in self.names:
            zone += [self._entry(host, kind, whole[f"{host} {kind}"]) for kind in ("A", "AAAA", "TLSA")]
            script: dict[str, object] = {}
            for step in _SERVER:
                script.update(_script(step, whole[f"{host} {step}"], script))
            servers[self.address(host)] = script or "ok"
        settings = {name: OPTIONS[name][whole[name]] for name in self.options}
        return Situation(
            id="",
            group="space",
            params=dict(path),
            recipients=(self.recipient,),
            zone=tuple(zone),
            main={},
            router={"dnssec_request_domains": "*"},
            transport={name: value for name, value in settings.items() if value is not None},
            servers=servers,
            kinds=(self.kind,),
        )

    @staticmethod
    def name(host: str) -> str:
        """The name of host ``"h1"`` in the DNS."""
        return f"{host}-a.test.ex"

    @property
    def exchanged(self) -> Mapping[str, str]:
        """Two hosts' names, each standing for the other."""
        first, second = map(self.name, self.names)
        return {first: second, second: first}

    @staticmethod
    def address(host: str) -> str:
        """The address of host ``"h1"``."""
        return f"10.9.{host[1:]}.1"

    def _mx(self, word: str, order: str) -> RRset:
        data = [
            [10 if self.equal else 10 * number, self.name(host)] for number, host in enumerate(self.names, 1)
        ]
        if order == self._values("order")[-1]:
            data.reverse()
        return {"name": self.domain, "type": "MX", **_answer(word, data)}

    def _entry(self, host: str, kind: str, word: str) -> RRset:
        """The zone's entry about a host."""
        if kind == "TLSA":
            found = _TLSA.get(word) or _FAILURES[word]
            return {"name": f"_{PORT}._tcp.{self.name(host)}", "type": kind, **found}
        if kind == "AAAA":
            word = {"none": "NODATA", "none, insecure": "NODATA insecure"}.get(word, word)
        return {"name": self.name(host), "type": kind, **_answer(word, [self.address(host)])}

    # ---- the lazy form

    def stage(self, chains: ChainSet) -> Stage:
        """What makes lazy zones and servers of the space, with these certificates."""
        return Stage(self, chains)

    def entry(self, name: str, type: str, choices: Choices) -> RRset | None:
        """The zone's entry that answers a question; None if no axis is about it."""
        if name == self.domain and type == "MX":
            word = self.value(choices, "MX")
            order = self.value(choices, "order") if "order" in self.axes and word in _DATA else ""
            return self._mx(word, order)
        owner = name.partition("._tcp.")[2] if type == "TLSA" and name.startswith("_") else name
        host = owner.partition("-")[0]
        if host not in self.names or owner != self.name(host) or type not in ("A", "AAAA", "TLSA"):
            return None
        return self._entry(host, type, self.value(choices, f"{host} {type}"))


_DATA = ("secure", "insecure")


def _answer(word: str, data: list[Any]) -> RRset:
    """An answer with data, secure or not, or without."""
    return {"ad": word == "secure", "data": data} if word in _DATA else _FAILURES[word]


def _script(step: str, word: str, before: Mapping[str, object]) -> Mapping[str, object]:
    """What a step adds to a script: nothing to a key that an earlier step has spoilt already."""
    return {key: value for key, value in _SERVER[step][word].items() if key not in before}


class Stage:
    """A space with certificates: makes the lazy parts of a world. Its caches serve many runs."""

    def __init__(self, space: Space, chains: ChainSet) -> None:
        self.space, self.chains = space, chains
        self.plain = space.situation({})
        self._zones = rrset_zones(self.plain.zone, certificate=chains.certificate)
        self._replies: dict[tuple[str, str, str], Reply] = {}
        self._behaviours: dict[tuple[tuple[str, str], ...], SmtpServer] = {}

    def zones(self, choices: Choices) -> Zones:
        """A zone that is chosen as it is asked."""
        return _LazyZones(self, choices)

    def servers(self, choices: Choices) -> Mapping[str, Callable[[], SmtpSession]]:
        """The servers, by address, that are chosen as they are called."""
        return {self.space.address(host): _LazyServer(self, host, choices) for host in self.space.names}

    def options(self, options: Options, choices: Choices) -> Options:
        """A transport's options, of which those that are axes are chosen as they are read."""
        return _LazyOptions(options, self.space, choices)

    def reply(self, name: str, type: str, choices: Choices) -> Reply:
        """The reply to a question, as ``choices`` have it."""
        entry = self.space.entry(name, type, choices)
        if entry is None:
            return self._zones.answer(name, type)
        key = name, type, repr(entry)
        if key not in self._replies:
            zones = rrset_zones([{**entry, "name": name}], certificate=self.chains.certificate)
            self._replies[key] = zones.answer(name, type)
        return self._replies[key]

    def server(self, steps: tuple[tuple[str, str], ...]) -> SmtpServer:
        """The server that does this at these steps, and is as it should be for the rest."""
        if steps not in self._behaviours:
            script: dict[str, object] = {}
            for step, word in steps:
                script.update(_script(step, word, script))
            self._behaviours[steps] = SmtpServer(read_behaviour(script), self.chains.chains)
        return self._behaviours[steps]


def play(
    stage: Stage,
    stand: Stand,
    choices: Choices,
    profile: Profile,
    base: Situation | None = None,
    trace: Trace | None = None,
) -> Replayed:
    """Run the model once in the lazy world; what it does not ask for is not chosen.

    ``base`` has the settings that are no axes (None: the plainest situation's); ``trace`` is as in
    ``Stand.replay``.
    """
    situation = base or stage.plain

    def lazy(config: Config) -> Config:
        (name, transport), *rest = config.transports.items()
        options = stage.options(transport.options, choices)
        return replace(config, transports={name: replace(transport, options=options), **dict(rest)})

    zones, servers = stage.zones(choices), stage.servers(choices)
    return stand.play(situation, stage.space.kind, profile, zones, servers, lazy, trace=trace)


class _LazyZones(Zones):
    """See ``Stage.zones``."""

    def __init__(self, stage: Stage, choices: Choices) -> None:
        super().__init__()
        self._stage, self._choices = stage, choices

    def owners(self) -> Iterable[str]:
        """The names that have records."""
        return (self._stage.space.domain, *map(self._stage.space.name, self._stage.space.names))

    def _decide(self, name: str, type: str) -> Reply:
        return self._stage.reply(name, type, self._choices)


class _LazyServer:
    """See ``Stage.servers``: called, it gives a session, or refuses the connection."""

    def __init__(self, stage: Stage, host: str, choices: Choices) -> None:
        self._stage, self._host, self._choices = stage, host, choices

    def value(self, step: str) -> str:
        """What the server does at a step."""
        return self._stage.space.value(self._choices, f"{self._host} {step}")

    def __call__(self) -> SmtpSession:
        if self.value("connect") == "refused":
            raise ConnectError(errno.ECONNREFUSED)
        return _LazySession(self, self._stage)


class _LazySession(SmtpSession):
    """A session whose behaviour is chosen when a command comes."""

    def __init__(self, server: _LazyServer, stage: Stage) -> None:
        plain = stage.server(())
        super().__init__(plain.behaviour, plain.policy, ConnectionLog())
        self._server, self._stage = server, stage
        self._steps: tuple[tuple[str, str], ...] = ()

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
        """See ``Session``."""
        self._choose(("banner",))
        return super().on_connect(client, server)

    def _phase(self, verb: str, text: str) -> Answer:
        self._choose(_PHASES.get(COMMANDS.get(verb, ""), ()))
        return super()._phase(verb, text)

    def _choose(self, steps: Iterable[str]) -> None:
        """Choose what happens at these steps, one after the other for as long as all is well."""
        for step in steps:
            value = self._server.value(step)
            self._steps = (*self._steps, (step, value))
            if value != next(iter(_SERVER[step])):
                break
        server = self._stage.server(self._steps)
        self.behaviour, self._policy = server.behaviour, server.policy


class _LazyOptions(Options):
    """See ``Stage.options``."""

    __slots__ = ("_choices", "_space")

    def __init__(self, options: Options, space: Space, choices: Choices) -> None:
        super().__init__(options._schema, options._values, options._where)
        self._space, self._choices = space, choices

    def text(self, name: str) -> str | None:
        """See ``Options``."""
        if name not in self._space.options:
            return super().text(name)
        return OPTIONS[name][self._space.value(self._choices, name)]

    def flag(self, name: str) -> bool:
        """See ``Options``."""
        if name not in self._space.options:
            return super().flag(name)
        return self._space.value(self._choices, name) == "true"
