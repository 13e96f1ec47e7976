"""The mail system under test: a configuration, run in the world that the test has described."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from eximsim.errors import InputError
from eximsim.suite.real_policy import RealPolicySession
from eximsim.testing.arguments import check_arguments, told_where_called
from eximsim.testing.configurations import Configurations
from eximsim.testing.result import Callout, Delivery
from eximsim.testing.routing import Routing
from eximsim.testing.server import Server
from eximsim.testing.zone import Zone

if TYPE_CHECKING:
    from eximsim.fuzz.schedule import Schedule
    from eximsim.suite.policy import Policy, PolicySession
    from eximsim.suite.policy_result import Result
    from eximsim.world.host import Host
    from eximsim.world.memory import MemoryWorld
    from eximsim.world.reply import Zones

_QUEUE_RUN = re.compile(r"-qq?i?f{0,2}l?(?:G[^/]+)?")
_LONGEST_WAIT = 1_000_000_000

_Told = TypeVar("_Told", Delivery, Callout)


@told_where_called
class Mta:
    """The fixture ``mta``: call it with a configuration to get a machine that runs it."""

    def __init__(self, zone: Zone, server: Server, configurations: Configurations | None = None) -> None:
        self._zone, self._server = zone, server
        self._configurations = configurations or Configurations()
        self._made: list[Machine] = []

    def __repr__(self) -> str:
        return f"<mta: {self._configurations.release} unless a test says more>"

    def __call__(
        self,
        config: str | Path | None = None,
        *,
        text: str | None = None,
        profile: str | None = None,
        defines: Mapping[str, str] | None = None,
        seed: int = 0,
    ) -> Machine:
        """A machine with a configuration.

        Args:
            config: its file; a relative path is looked for beside the test, then in each folder above it, up
                to pytest's root. Without it and ``text``: what ``[tool.eximsim]`` names.
            text: the configuration itself, in place of a file.
            profile: the release; the newest, or what pytest was told.
            defines: macros, as with Exim's ``-D``.
            seed: decides what Exim leaves to chance.

        Raises:
            InputError: there is no such file, or a mistake in it.
            Unsupported: the configuration needs something that is not modelled.
        """
        from eximsim.testing.certificates import chains

        check_arguments({"seed": int}, seed=seed)
        policy = self._configurations.read(chains(), config, text, profile, defines)
        program = self._configurations.program
        self._made.append(Machine(policy, self._zone, self._server, seed, program=program))
        return self._made[-1]

    def close(self) -> None:
        """End the machines that were made; those of the model need no end."""
        for machine in self._made:
            machine.close()
        self._made.clear()


@told_where_called
class Machine:
    """One machine with one configuration. Its queue and its hints about hosts live on from run to run.

    Each run sees the zone and the servers as they are at that moment.
    """

    def __init__(
        self,
        policy: Policy,
        zone: Zone,
        server: Server,
        seed: int = 0,
        plan: Schedule | None = None,
        program: Path | None = None,
    ) -> None:
        self._policy, self._zone, self._server, self._seed = policy, zone, server, seed
        self._plan, self._program = plan, program
        self._session: PolicySession | RealPolicySession | None = None

    def __repr__(self) -> str:
        return f"<machine with {self._policy.path}, {self._policy.profile.name}>"

    def deliver(self, *recipients: str, sender: str | None = None) -> Delivery:
        """Send one message to these recipients, by default from this machine; ``""`` makes it a bounce.

        Raises:
            InputError: there is no recipient, or one is no address; the zone or a server cannot be as the
                test says.
        """
        check_arguments({"sender?": str}, sender=sender)
        result = self._ready().deliver(_some(recipients), sender)
        return self._told(Delivery, result)

    def callout(self, *recipients: str, number: int = 0) -> Callout:
        """Verify these addresses by the configuration's callout (``verify = recipient/callout``).

        Args:
            recipients: the addresses.
            number: which callout, if the ACLs have several; the first one is 0.

        Raises:
            InputError: the configuration has no such callout; a recipient is no address; or a real program
                is the subject, since it would run the whole ACL.
        """
        check_arguments({"number": int}, number=number)
        session = self._ready()
        if isinstance(session, RealPolicySession):
            raise InputError("callouts are run on the model only", str(self._program))
        return self._told(Callout, session.callout(_some(recipients), number))

    def queue_run(self, option: str = "-qff") -> Delivery:
        """Run the queue, and return what happened to the recipients of the last message.

        ``option`` is Exim's: ``-q`` respects retry times, ``-qf`` does not. Raises ``InputError`` for another
        option than that of one queue run.
        """
        if not isinstance(option, str) or not _QUEUE_RUN.fullmatch(option):
            raise InputError(f"queue run {option!r}: expected Exim's option, such as -q, -qf, -qff or -qqff")
        return self._told(Delivery, self._ready().queue_run(option))

    def route(self, address: str) -> Routing:
        """Ask where mail for an address would go, as ``exim -bt`` does; nothing is sent.

        Raises:
            InputError: there is no address; the zone or a server cannot be as the test says.
        """
        check_arguments({"address": str}, address=address)
        if not address.strip():
            raise InputError("an empty address; expected one to route")
        tested = self._ready().route(address)
        return Routing(address, tested.found, tested.output, tested.unsupported)

    def wait(self, seconds: float) -> None:
        """Let time pass, without really waiting.

        Raises ``InputError`` for a real program, and for less than no time or more than 30 years.
        """
        check_arguments({"seconds": float}, seconds=seconds)
        if not 0 <= seconds <= _LONGEST_WAIT:
            raise InputError(f"wait {seconds!r}: expected seconds from 0 to {_LONGEST_WAIT:,}")
        session = self._ready()
        if isinstance(session, RealPolicySession):
            raise InputError("time passes on the model only", str(self._program))
        session.world.sleep(seconds)

    def close(self) -> None:
        """End the machine of a real program; the model leaves nothing behind."""
        if isinstance(self._session, RealPolicySession):
            self._session.close()
            self._session = None

    def _ready(self) -> PolicySession | RealPolicySession:
        """The session, in the world as it now is."""
        servers = {address: server.behaviour() for address, server in self._server.by_address().items()}
        zone = self._zone.entries(self._server.chain_of)
        if self._session is None and self._program is not None:
            self._session = RealPolicySession(self._policy, self._program)
        if self._session is None:
            self._session = self._policy.session(zone, servers, self._seed, self._world())
        else:
            self._session.surround(zone, servers)
        return self._session

    def _world(self) -> Callable[[Zones, Host], MemoryWorld]:
        from eximsim.world.memory import MemoryWorld

        if self._plan is None:
            return MemoryWorld
        from eximsim.fuzz.schedules import ScheduledWorld

        return partial(ScheduledWorld, plan=self._plan)

    def _told(self, kind: type[_Told], result: Result) -> _Told:
        return kind(result, self._policy.profile.name, result.recipients)


def _some(recipients: tuple[str, ...]) -> tuple[str, ...]:
    if not recipients:
        raise InputError("expected at least one recipient")
    check_arguments({"recipients": [str]}, recipients=recipients)
    return recipients
