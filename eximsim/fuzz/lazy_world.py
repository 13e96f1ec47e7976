"""A finite space with certificates, put on the stage: the lazy parts of a world, and one run in it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from eximsim.explore.choices import Choices
from eximsim.explore.lazy_world import LazyServer, LazyZones, listener, reply_of
from eximsim.explore.vocabulary import CERTIFICATE, CHAINS, CONNECT
from eximsim.fuzz.space import OPTIONS, Space, script_of
from eximsim.mta.config.options import Options
from eximsim.suite.recording import Situation
from eximsim.world.certificates import ChainSet
from eximsim.world.reply import Reply, Zones
from eximsim.world.rrsets import rrset_zones
from eximsim.world.smtp_behaviour import Answer, Behaviour
from eximsim.world.smtp_script import read_behaviour
from eximsim.world.smtp_server import SmtpSession

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import Config
    from eximsim.profiles import Profile
    from eximsim.suite.replay import Replayed, Stand
    from eximsim.trace import Trace

_STEPS: Mapping[str, str] = MappingProxyType(
    {"banner": "banner", "mail": "MAIL", "rcpt": "RCPT", "data": "DATA", "end_of_data": "end of data"}
)
"""The step of each phase."""
_PLAIN = Behaviour()


class Stage:
    """A space with certificates: makes the lazy parts of a world. Its caches serve many runs."""

    def __init__(self, space: Space, chains: ChainSet) -> None:
        self.space, self.chains = space, chains
        self.plain = space.situation({})
        self._zones = rrset_zones(self.plain.zone, certificate=chains.certificate)
        self._replies: dict[tuple[str, str, str], Reply] = {}
        self._behaviours: dict[tuple[str, str], Behaviour] = {}
        self._lazy: tuple[Config, Config, LazyOptions] | None = None

    def zones(self, choices: Choices) -> Zones:
        """A zone that is chosen as it is asked."""
        return SpaceZones(self, choices)

    def servers(self, choices: Choices) -> Mapping[str, Callable[[], SmtpSession]]:
        """The servers, by address, that are chosen as they are called."""
        return {
            self.space.address(host): listener(partial(SpaceServer, self, host, choices), self.chains)
            for host in self.space.names
        }

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
            self._replies[key] = reply_of(entry, name, type, self.chains)
        return self._replies[key]

    def behaviour(self, step: str, word: str) -> Behaviour:
        """What does this at a step, and is as it should be for the rest."""
        if (step, word) not in self._behaviours:
            self._behaviours[step, word] = read_behaviour(script_of(((step, word),)))
        return self._behaviours[step, word]


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


class SpaceZones(LazyZones):
    """See ``Stage.zones``."""

    def __init__(self, stage: Stage, choices: Choices) -> None:
        super().__init__()
        self._stage, self._choices = stage, choices

    def owners(self) -> Iterable[str]:
        """The names that have records."""
        return (self._stage.space.domain, *map(self._stage.space.name, self._stage.space.names))

    def _decide(self, name: str, type: str) -> Reply:
        return self._stage.reply(name, type, self._choices)


class SpaceServer(LazyServer):
    """See ``Stage.servers``; what follows from a step that goes well is chosen together with it."""

    def __init__(self, stage: Stage, host: str, choices: Choices) -> None:
        super().__init__(host, choices)
        self._stage = stage

    def value(self, step: str) -> str:
        """What the server does at a step."""
        axis = self._stage.space.axes[f"{step} of {self.host}"]
        return self._choose.choose(axis.name, axis.values)

    def _does(self, step: str) -> Behaviour:
        return self._stage.behaviour(step, self.value(step))

    def refuses(self) -> int | None:
        """See ``LazyServer``."""
        return errno.ECONNREFUSED if self.value(CONNECT.name) == "refused" else None

    def said(self, phase: str) -> Answer:
        """See ``LazyServer``."""
        does = self._does(_STEPS[phase])
        said = does.greeting() if phase == "banner" else getattr(does, phase)
        if phase == "data" and said is _PLAIN.data:
            self.value("end of data")
        assert isinstance(said, Answer)
        return said

    def hello(self, *, extended: bool, tls: bool) -> Answer:
        """See ``LazyServer``."""
        return (self._does("EHLO") if extended else _PLAIN).hello(extended=extended, tls=tls)

    @property
    def starttls(self) -> Answer:
        """See ``LazyServer``."""
        said = self._does("STARTTLS").starttls
        if said is not _PLAIN.starttls:
            return said
        said = self._does("handshake").starttls
        if said is _PLAIN.starttls:
            self.value("certificate")
        return said

    @property
    def chain(self) -> str:
        """See ``LazyServer``."""
        return CHAINS[self.value(CERTIFICATE.name)]


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
