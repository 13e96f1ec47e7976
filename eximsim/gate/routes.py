"""Where a configuration sends a message: found out by running it where every name can be looked up."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from itertools import count

from eximsim.errors import Gap, InputError, TooMuch, Unsupported
from eximsim.explore.choices import Choices, Chooser
from eximsim.gate.answer_axes import LatticeAnswers, Located, Plainest, gaps_of
from eximsim.gate.named import Network
from eximsim.mta.config.drivers import DriverInstance
from eximsim.mta.config.readconf import Config
from eximsim.mta.reception.receive import MESSAGE_RECEIVED
from eximsim.mta.routing.route import ROUTER, ROUTING
from eximsim.mta.routing.route_conditions import ROUTER_CONDITION
from eximsim.mta.transports.smtp import HOST_TRIED
from eximsim.ports import DnsAnswer, DnsRecord
from eximsim.quick_dataclass import dataclass
from eximsim.suite.policy import Case, Policy
from eximsim.suite.policy_result import Result
from eximsim.trace import Decision
from eximsim.world.reply import Reply, Zones

_POOLS = ("192.0.2.", "198.51.100.", "203.0.113.", "51.15.20.", "93.184.40.", "151.101.60.")
"""Where the addresses of situations come from: the ranges for documentation, as long as nobody bars them."""

LOCAL = "local delivery"
"""How what is not modelled of it is called, as it sends nothing out."""

_SMTPS = ("smtps", "submissions")


@dataclass(frozen=True, slots=True)
class Mail:
    """A message: who it is for, and who sends it (empty: a bounce; None: somebody at this machine)."""

    recipient: str
    sender: str | None = None

    @property
    def domain(self) -> str:
        """The recipient's domain."""
        return self.recipient.rpartition("@")[2].lower()

    def __str__(self) -> str:
        """``someone@example.com``, ``someone@example.com from <>``."""
        return self.recipient if self.sender is None else f"{self.recipient} from {self.sender or '<>'}"


@dataclass(frozen=True, slots=True)
class Route:
    """How a policy sends a message: to ``hosts``, by MX or as the router says; by no host if it does not.

    ``routers`` are those that took it, one after the other; ``transports`` what it was given to, ``smtps``
    whether servers begin with TLS. ``problem`` is why it could not be followed to its end. ``port`` is where
    TLSA records were looked for, 0 if they were not. ``course`` is what each router made of it: routes with
    the same course are the same to the routers, whatever the names are.
    """

    by_mx: bool
    hosts: tuple[str, ...]
    routers: tuple[str, ...]
    transports: tuple[str, ...]
    smtps: bool
    problem: Gap | None = None
    port: int = 0
    course: tuple[Hashable, ...] = ()
    unanswered: tuple[Gap, ...] = ()
    """What was asked and has no answer."""
    given_up: bool = False
    """Whether to follow it was too much."""


def pools(networks: Iterable[Network]) -> tuple[str, str]:
    """Two ranges of addresses, by their first three numbers, that no configuration has an opinion on."""
    named = [
        (int(network.network_address), int(network.broadcast_address))
        for network in networks
        if network.prefixlen and network.version == 4
    ]
    starts = {pool: int(ip_address(f"{pool}0")) for pool in _POOLS}
    free = [
        pool
        for pool, start in starts.items()
        if not any(first <= start + 255 and start <= last for first, last in named)
    ]
    found = (*free, *_POOLS)
    return found[0], found[1]


class _Probe(Zones):
    """Says yes to everything, and notes what was asked: the hosts of a route become known so.

    Nothing is known of the names ``missing``.
    """

    def __init__(self, domain: str, pool: str, missing: Collection[str]) -> None:
        super().__init__()
        self._domain, self._pool, self._missing = domain, pool, missing
        self._numbers = count(1)
        self.by_mx = False
        self.port = 0

    def owners(self) -> Iterable[str]:
        """None is known beforehand."""
        return ()

    def _decide(self, name: str, type: str) -> Reply:
        if name in self._missing:
            return Reply(DnsAnswer("NXDOMAIN", ad=True))
        if type == "MX" and name == self._domain:
            self.by_mx = True
            return _found(name, type, (10, f"mx1.{self._domain}"))
        if type == "A" and (not self.by_mx or name != self._domain):
            return _found(name, type, f"{self._pool}{next(self._numbers) % 250 + 1}")
        port = name.partition("._tcp.")[0].lstrip("_")
        if type == "TLSA" and not self.port and port.isdigit():
            self.port = int(port)
        return Reply(DnsAnswer("SERVFAIL" if type == "TLSA" else "NOERROR", ad=type != "TLSA"))


def _found(name: str, type: str, data: str | tuple[int, str]) -> Reply:
    return Reply(DnsAnswer("NOERROR", ad=True, answers=(DnsRecord(name, type, data, 3600),)))


def route_of(
    policy: Policy,
    mail: Mail,
    pool: str = _POOLS[0],
    missing: Collection[str] = (),
    choose: Chooser | None = None,
    located: Located | None = None,
) -> Route:
    """How a policy sends a message; what goes wrong on the way is told in the route.

    Where names are ``missing`` from the DNS, routers that look them up may pass the message on. ``choose``
    says what databases and the like answer; without it, the plainest. ``located`` is as for ``gaps_of``.
    """
    zones = _Probe(mail.domain, pool, missing)
    answers = LatticeAnswers(policy.sources.answers, choose or Plainest())
    case = Case((mail.recipient,), zones, {}, sender=mail.sender, answers=answers)
    try:
        result = policy.run(case)
        unanswered = tuple(gaps_of(policy, case, answers, {} if located is None else located))
    except Exception as fault:
        return Route(False, (), (), (), smtps=False, problem=fault_of(fault, policy))
    hosts, routers, transports = list[str](), list[str](), list[str]()
    for decision in _of_the_message(result):
        inputs = decision.inputs
        if decision.is_of(HOST_TRIED):
            hosts.append(str(inputs["host"]))
        elif decision.is_of(ROUTER) and decision.outcome == "OK":
            routers.append(str(inputs["router"]))
        elif decision.is_of(ROUTING) and inputs["transport"] is not None:
            transports.append(str(inputs["transport"]))
    return Route(
        zones.by_mx and bool(hosts),
        tuple(dict.fromkeys(hosts)),
        tuple(dict.fromkeys(routers)),
        tuple(dict.fromkeys(transports)),
        any(name in smtps_transports(policy.config) for name in transports),
        next(iter(problems(policy, result)), None),
        zones.port,
        tuple(_course(result)),
        unanswered,
        was_given_up(result),
    )


def routes_of(
    policy: Policy, mail: Mail, pool: str, missing: Collection[str], located: Located
) -> tuple[Route, ...]:
    """The ways of a message: one for each way in which all that is asked on it can be answered."""
    routes: dict[Route, None] = {}
    given: list[tuple[str, str]] | None = []
    for _ in range(_MOST_ROUTES):
        choices = Choices(given or ())
        found = route_of(policy, mail, pool, missing, choices, located)
        routes[found] = None
        given = choices.next_path()
        if given is None or found.given_up:
            return tuple(routes)
    what = f"mail to {mail}: more than {_MOST_ROUTES} ways to answer what is asked on its way"
    last = next(reversed(routes))
    routes[replace(last, problem=last.problem or Gap(what, policy.path))] = None
    return tuple(routes)


_MOST_ROUTES = 100


def was_given_up(result: Result) -> bool:
    """Whether a run was too much."""
    return any(isinstance(one, TooMuch) for one in result.missed)


def _of_the_message(result: Result) -> Iterator[Decision]:
    """What was decided about the message itself, and not about a bounce of it."""
    messages = 0
    for one in result.decisions:
        messages += one.is_of(MESSAGE_RECEIVED)
        if messages > 1:
            return
        yield one


def _course(result: Result) -> Iterator[Hashable]:
    """What each router made of a message: which condition failed, or what it did."""
    for one in _of_the_message(result):
        router = one.inputs.get("router")
        if one.is_of(ROUTER_CONDITION):
            yield router, one.inputs["why"]
        elif one.is_of(ROUTER):
            yield router, one.outcome
        elif one.is_of(ROUTING):
            yield router, one.inputs["transport"], one.outcome


def problems(policy: Policy, result: Result) -> Iterator[Gap]:
    """What a run met that is not modelled, but for transports that send nothing out."""
    out = ("smtp", "autoreply")
    local = {f"{one.path}:{one.line}" for one in policy.config.transports.values() if one.driver not in out}
    for missed in result.missed:
        gap = Gap.of(missed)
        if gap.where not in local:
            yield gap


def _place(problem: InputError) -> str:
    """``file:line`` as far as they are known."""
    return ":".join(str(part) for part in (problem.path, problem.line) if part is not None)


def fault_of(fault: Exception, policy: Policy) -> Gap:
    """Why a run could not be made, as a gap: something that the configuration says, or our own fault."""
    if isinstance(fault, InputError):
        return Gap(fault.message, _place(fault))
    if isinstance(fault, Unsupported):
        return Gap.of(fault)
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else f" in {trace.tb_frame.f_code.co_qualname}"
    return Gap(
        f"a fault of eximsim{place}: {type(fault).__name__}: {fault}",
        policy.path,
        "please report it with this configuration",
    )


def smtp_transports(config: Config) -> Iterator[DriverInstance]:
    """The transports that send mail out."""
    return (transport for transport in config.transports.values() if transport.driver == "smtp")


def smtps_transports(config: Config) -> frozenset[str]:
    """The names of those whose servers begin with TLS."""
    return frozenset(
        one.name for one in smtp_transports(config) if (one.options.text("protocol") or "").lower() in _SMTPS
    )


def equal_hosts(policy: Policy, hosts: int, left_out: dict[str, None]) -> None:
    """Note where hosts of equal preference would matter: where fewer are tried than there are."""
    for transport in smtp_transports(policy.config):
        if transport.options.number("hosts_max_try") < hosts:
            where = f"{transport.path}:{transport.line}"
            left_out[f"{where}: transport {transport.name}: hosts of equal preference (hosts_max_try)"] = None
