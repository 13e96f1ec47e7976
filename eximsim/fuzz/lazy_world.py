"""A finite space with certificates, put on the stage: the lazy parts of a world, and one run in it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from eximsim.explore.choices import Choices
from eximsim.fuzz.space import OPTIONS, SERVER_STEPS, Space, script_of
from eximsim.mta.config.options import Options
from eximsim.ports import Action, ConnectError, Endpoint
from eximsim.suite.recording import Situation
from eximsim.world.certificates import ChainSet
from eximsim.world.reply import Reply, Zones
from eximsim.world.rrsets import rrset_zones
from eximsim.world.smtp_behaviour import Answer
from eximsim.world.smtp_script import read_behaviour
from eximsim.world.smtp_server import COMMANDS, ConnectionLog, SmtpServer, SmtpSession

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import Config
    from eximsim.profiles import Profile
    from eximsim.suite.replay import Replayed, Stand
    from eximsim.trace import Trace

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


_OF_A_MESSAGE = ("mail", "rcpt", "data", "end_of_data")
"""The keys of a script about which it is asked once a message is handed over."""


class Stage:
    """A space with certificates: makes the lazy parts of a world. Its caches serve many runs."""

    def __init__(self, space: Space, chains: ChainSet) -> None:
        self.space, self.chains = space, chains
        self.plain = space.situation({})
        self._zones = rrset_zones(self.plain.zone, certificate=chains.certificate)
        self._replies: dict[tuple[str, str, str], Reply] = {}
        self._behaviours: dict[tuple[tuple[str, str], ...], SmtpServer] = {}
        self._lazy: tuple[Config, Config, LazyOptions] | None = None

    def zones(self, choices: Choices) -> Zones:
        """A zone that is chosen as it is asked."""
        return LazyZones(self, choices)

    def servers(self, choices: Choices) -> Mapping[str, Callable[[], SmtpSession]]:
        """The servers, by address, that are chosen as they are called."""
        return {self.space.address(host): LazyServer(self, host, choices) for host in self.space.names}

    def lazy(self, config: Config, choices: Choices) -> Config:
        """A configuration whose transport's options, as far as they are axes, are chosen as they are read."""
        if self._lazy is None or self._lazy[0] is not config:
            (name, transport), *rest = config.transports.items()
            options = LazyOptions(transport.options, self.space)
            transports = {name: replace(transport, options=options), **dict(rest)}
            self._lazy = config, replace(config, transports=transports), options
        self._lazy[2].choices = choices
        return self._lazy[1]

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
            self._behaviours[steps] = SmtpServer(read_behaviour(script_of(steps)), self.chains.chains)
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
    zones, servers = stage.zones(choices), stage.servers(choices)
    lazy = partial(stage.lazy, choices=choices)
    return stand.play(base or stage.plain, stage.space.kind, profile, zones, servers, lazy, trace=trace)


class LazyZones(Zones):
    """See ``Stage.zones``."""

    def __init__(self, stage: Stage, choices: Choices) -> None:
        super().__init__()
        self._stage, self._choices = stage, choices

    def owners(self) -> Iterable[str]:
        """The names that have records."""
        return (self._stage.space.domain, *map(self._stage.space.name, self._stage.space.names))

    def _decide(self, name: str, type: str) -> Reply:
        return self._stage.reply(name, type, self._choices)


class LazyServer:
    """See ``Stage.servers``: called, it gives a session, or refuses the connection."""

    def __init__(self, stage: Stage, host: str, choices: Choices) -> None:
        self.host = host
        self._stage, self._choices = stage, choices

    def value(self, step: str) -> str:
        """What the server does at a step."""
        return self._stage.space.value(self._choices, f"{self.host} {step}")

    def __call__(self) -> SmtpSession:
        """A session with the server, if it is there."""
        if self.value("connect") == "refused":
            raise ConnectError(errno.ECONNREFUSED)
        return LazySession(self, self._stage)


class LazySession(SmtpSession):
    """A session whose behaviour is chosen when a command comes."""

    def __init__(self, server: LazyServer, stage: Stage) -> None:
        plain = stage.server(())
        super().__init__(plain.behaviour, plain.policy, ConnectionLog())
        self._server, self._stage = server, stage
        self._steps: tuple[tuple[str, str], ...] = ()

    def progress(self, *, greeted: bool) -> tuple[object, ...]:
        """All that decides what the server does from here on; ``greeted``: only a message is to come."""
        steps: object = self._steps
        if greeted:
            steps = [item for item in script_of(self._steps).items() if item[0] in _OF_A_MESSAGE]
        message = (self._sender, self._recipients, self._content)
        return (self._server.host, steps, self.state, bytes(self._buffer), self._tls, *message)

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
            if value != next(iter(SERVER_STEPS[step])):
                break
        server = self._stage.server(self._steps)
        self.behaviour, self._policy = server.behaviour, server.policy


class LazyOptions(Options):
    """See ``Stage.lazy``; they are those of the run that ``choices`` are for."""

    __slots__ = ("_settings", "_space", "choices")

    def __init__(self, options: Options, space: Space) -> None:
        super().__init__(options._schema, options._values, options._where)
        self._space = space
        self._settings = {name: OPTIONS[name] for name in space.options}
        self.choices = Choices()

    def text(self, name: str) -> str | None:
        """See ``Options``."""
        settings = self._settings.get(name)
        if settings is None:
            return super().text(name)
        return settings[self._space.value(self.choices, name)]

    def flag(self, name: str) -> bool:
        """See ``Options``."""
        if name not in self._settings:
            return super().flag(name)
        return self._space.value(self.choices, name) == "true"
