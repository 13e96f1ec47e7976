"""Views: what is explored of policies, one scene as one kind of run at a time."""

from __future__ import annotations

from collections.abc import Sequence

from eximsim.gate.lattice import Scene
from eximsim.gate.memory import Asked, Key, Lively
from eximsim.gate.routes import Mail
from eximsim.quick_dataclass import dataclass
from eximsim.suite.policy import Policy


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks to be explored: so many ``hosts`` for a recipient, and addresses of their own."""

    hosts: int = 1
    recipients: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """One scene as one kind of run: ``"delivery"`` or ``"callout"``; it stands for the scenes ``also``.

    ``callout`` says which of the policy's callouts.
    """

    scene: Scene
    kind: str
    also: tuple[Scene, ...] = ()
    callout: int = 0

    @property
    def wordless(self) -> bool:
        """Whether it is explored without words: those of a callout of several hosts hold those of each."""
        return self.kind == "callout" and len(self.scene.addresses) > 1

    @property
    def name(self) -> str:
        """``delivery to someone@example.com by mx1.example.com``, ``callout 2 to ...``."""
        return f"{run_name(self.kind, self.callout)} to {name_of(self.scene)}"

    def is_met_by(self, policy: Policy) -> bool:
        """Whether the policy has this kind of run."""
        return self.kind == "delivery" or self.callout < len(policy.callouts)

    def asked(self, policy: Policy) -> Asked:
        """See ``Asked``; of a policy that has the callout."""
        return () if self.kind == "delivery" else policy.callouts[self.callout].asked


def run_name(kind: str, callout: int) -> str:
    """What a kind of run is called: ``delivery``, ``callout``; the second callout ``callout 2``."""
    return f"{kind} {callout + 1}" if callout else kind


def run_of(name: str) -> tuple[str, int]:
    """The kind of run of a view's name, and which of the callouts it is."""
    kind, number, _ = f"{name}  ".split(" ", 2)
    return kind, int(number) - 1 if number.isdecimal() else 0


def name_of(scene: Scene) -> str:
    """``someone@example.com by mx1.example.com``; `` at 192.0.2.9`` if that is named."""
    mail = Mail(scene.recipient, scene.sender)
    hosts = " and ".join(scene.addresses)
    also = f" and {scene.beside}" if scene.beside else ""
    also += f" with NOTIFY={scene.notify}" if scene.notify else ""
    at = f" at {scene.at}" if scene.at else ""
    at += f" for want of {' and '.join(scene.missing)}" if scene.missing else ""
    return f"{mail}{also} by {hosts}{at}" if hosts else f"{mail}{also}"


def scene_key(scene: Scene) -> Key:
    """What a scene is about, whatever addresses its hosts have."""
    hosts = tuple(scene.addresses)
    of_it = (scene.port, scene.missing, scene.beside, scene.notify)
    return scene.recipient, scene.sender, scene.mx, hosts, scene.at, *of_it


def lively(scene: Scene) -> Lively:
    """All that a run of a policy depends on, but for its answers."""
    offers = (*scene.mechanisms, *scene.extensions, *scene.proxies, *(("LIMITS",) if scene.limits else ()))
    return scene_key(scene), (*offers, *map(str, scene.late)), scene.own_questions


def kinds_of(policies: Sequence[Policy]) -> list[tuple[str, int]]:
    """The kinds of runs: deliveries, and each callout that is not like one before it under every policy."""
    known, found = set(), [("delivery", 0)]
    for number in range(max((len(policy.callouts) for policy in policies), default=0)):
        like = tuple(tuple(one.asked for one in policy.callouts[number : number + 1]) for policy in policies)
        if like not in known:
            known.add(like)
            found.append(("callout", number))
    return found
