"""A machine for Exim, made in one place, and what a run on it did."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eximsim.bounds import within_bounds
from eximsim.errors import Unsupported
from eximsim.mta.process.ends import ProcessDied
from eximsim.mta.process.globals import Machine, UndefinedBehaviour
from eximsim.mta.program import exim
from eximsim.mta.records.hints import Hints
from eximsim.mta.records.spool import Spool
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.conversation import Conversation, conversation_of

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import Config
    from eximsim.ports import World
    from eximsim.profiles import Profile
    from eximsim.trace import Decision
    from eximsim.world.host import Accepted
    from eximsim.world.memory import MemoryWorld


@dataclass(frozen=True, slots=True)
class User:
    """Who runs a command."""

    name: str
    uid: int
    group: str
    gid: int


ROOT = User("root", 0, "root", 0)


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run did: exit status (``"signal N"`` if it died), output lines, decisions, connections that
    servers accepted, questions that reached the name server, and what it said on stderr.

    ``stopped`` is why the model could not go on to the end; what came before that is there.
    """

    exit: object
    output: tuple[str, ...]
    decisions: tuple[Decision, ...]
    accepted: tuple[Accepted, ...]
    questions: tuple[str, ...]
    stopped: Unsupported | UndefinedBehaviour | None = None
    errors: tuple[str, ...] = ()

    @property
    def connections(self) -> tuple[Conversation, ...]:
        """What was said on the connections."""
        return tuple(map(conversation_of, self.accepted))


def new_machine(world: World, profile: Profile, seed: int = 0, user: User = ROOT) -> Machine:
    """A machine with an empty spool; ``seed`` decides where Exim leaves it to chance."""
    machine = Machine(world, random.Random(seed), Spool(), Hints(), exim_user=profile.exim_user)
    become(machine, user)
    return machine


def become(machine: Machine, user: User) -> None:
    """Let a user run what comes next."""
    machine.user, machine.uid, machine.group, machine.gid = user.name, user.uid, user.group, user.gid


def run_exim(
    machine: Machine,
    world: MemoryWorld,
    profile: Profile,
    arguments: Sequence[str],
    stdin: bytes = b"",
    config: Config | None = None,
) -> Ran:
    """Run Exim once; ``machine.files`` then holds what it alone wrote. Raises ``InputError`` as
    ``exim.run``.
    """
    machine.files.clear()
    asked, connected = len(world.questions), len(world.accepted)
    first_decision = len(machine.trace.decisions)
    output: list[str] = []
    errors: list[str] = []
    ended: object = 0
    stopped: Unsupported | UndefinedBehaviour | None = None
    try:
        with within_bounds("a run"):
            status = exim.run(machine, arguments, stdin, {}, profile, config)
        ended = status.code if status.code >= 0 else f"signal {-status.code}"
        output, errors = status.stdout.splitlines(), status.stderr.splitlines()
    except ProcessDied as death:
        ended = f"signal {death.signal}"
    except (Unsupported, UndefinedBehaviour) as problem:
        stopped = problem
    world.hang_up()
    return Ran(
        ended,
        tuple(output),
        tuple(machine.trace.decisions[first_decision:]),
        tuple(world.accepted[connected:]),
        world.questions[asked:],
        stopped,
        tuple(errors),
    )
