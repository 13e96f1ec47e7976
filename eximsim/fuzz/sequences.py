"""Sequences drawn at random: messages, queue runs, hosts that go down and come back, zones that change.

What is drawn is a scenario as ``suite.scenarios`` reads it, so that the model and real programs can play it.
Options that a release does not have are left out of it; the rest is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random

from eximsim.fuzz import sequence_choices as choices
from eximsim.fuzz.sequence_commands import command
from eximsim.mta.config.options import Release, release
from eximsim.profiles import Profile
from eximsim.suite.stand_configuration import SERVER_PORT

Drawn = dict[str, object]

_OPTIONS = 4.0
"""How many options of a transport there are in the mean; a part of the sequences has fewer."""


def sequence(rng: Random, name: str, profile: Profile) -> Drawn:
    """A scenario by this name, with what ``rng`` decides, for a program of this ``profile``."""
    known = release(profile.option_release, profile.build_lacks)
    secure = rng.random() < 0.35
    calm = rng.choice((0.3, 1.0, 1.0))
    transport = some(rng, choices.TRANSPORT, calm * _OPTIONS / len(choices.TRANSPORT))
    if transport.keys() & choices.WITHOUT_CHUNKS:
        transport["hosts_try_chunking"] = ""
    drawn: Drawn = {
        "id": name,
        "about": "drawn at random",
        "zone": _zone(rng, secure=secure),
        "servers": servers(rng),
        "main": some(rng, choices.MAIN, calm * 2.0 / len(choices.MAIN)),
        "transport": transport,
        "router": some(rng, choices.ROUTER, calm * 1.5 / len(choices.ROUTER)),
        "retry": rng.choice(choices.RETRY),
        "acl": f"check_rcpt:\n  {rng.choice(choices.ACLS)}\n",
    }
    drawn.update(_sections(rng, asked=any(option.endswith("_auth") for option in transport)))
    drawn["runs"] = [_run(rng, first=number == 0, secure=secure) for number in range(rng.randint(3, 6))]
    drawn = _as_known(drawn, known)
    if not profile.limits_heeded:  # before, the option is an experiment, and few programs have it
        drawn["main"] = {name: value for name, value in _table(drawn["main"]) if name != _EXPERIMENT}
    return drawn


_EXPERIMENT = "limits_advertise_hosts"


def _table(options: object) -> Iterable[tuple[str, object]]:
    assert isinstance(options, Mapping)
    return options.items()


def some(rng: Random, options: choices.Choices, share: float) -> dict[str, str]:
    """Settings of a ``share`` of the options, on average."""
    return {name: rng.choice(values) for name, values in options.items() if rng.random() < share}


def _sections(rng: Random, *, asked: bool) -> Drawn:
    """Whole sections; ``asked`` tells whether the transport wants to authenticate."""
    found: Drawn = {}
    authenticators = rng.choice((*choices.AUTHENTICATORS, *choices.LATER_AUTHENTICATORS))
    if rng.random() < (0.9 if asked else 0.1):
        found["auths"] = authenticators
    routers = rng.choice(choices.ROUTERS)
    if rng.random() < 0.2:
        found["routers"] = routers
        found["more_transports"] = choices.SECOND_TRANSPORT
    rules = rng.choice(choices.REWRITE)
    if rng.random() < 0.07:
        found["rewrite"] = rules
    return found


def _as_known(drawn: Drawn, known: Release) -> Drawn:
    """The scenario without the options and drivers that a release does not have."""
    tables = {
        "main": known.main.settable,
        "transport": known.transports["smtp"].settable,
        "router": known.routers["dnslookup"].settable,
    }
    for section, settable in tables.items():
        drawn[section] = {name: value for name, value in _table(drawn[section]) if name in settable}
    if "driver.external" in known.absent and drawn.get("auths") in choices.LATER_AUTHENTICATORS:
        del drawn["auths"]
    return drawn


# ---- servers ----------------------------------------------------------------------------------------


def servers(rng: Random) -> dict[str, object]:
    """What is at each host's address."""
    return {address: _server(rng) for address in choices.HOSTS.values()}


def _server(rng: Random) -> object:
    if rng.random() < 0.15:
        return "refused"
    offered = _offered(rng)
    found: Drawn = {"extensions": offered}
    if any(word.startswith("AUTH") for word in offered):
        found["auth"] = rng.choice(choices.PHASES["auth"])
    if rng.random() < 0.5:
        phase = rng.choice(list(choices.PHASES))
        if phase != "auth" or "auth" in found:
            found[phase] = rng.choice(choices.PHASES[phase])
    if rng.random() < 0.2:
        recipients = rng.sample(("a", "b", "C", "d"), 2)
        found["recipients"] = {
            f"{local}@{rng.choice(choices.DOMAINS)}": rng.choice(choices.PHASES["rcpt"])
            for local in recipients
        }
    if rng.random() < 0.06:
        found["chain"] = rng.choice(choices.CHAINS)
    if rng.random() < 0.04:
        found["max_version"] = "TLSv1.2"
    return found


def _offered(rng: Random) -> list[str]:
    if rng.random() < 0.25:
        offered = list(choices.CURRENT)
    else:
        offered = [name for name in choices.EXTENSIONS if rng.random() < 0.25]
    if rng.random() < 0.15:
        offered.append(f"LIMITS {rng.choice(choices.LIMITS)}")
    return offered


# ---- zones ------------------------------------------------------------------------------------------


def _zone(rng: Random, *, secure: bool) -> list[Drawn]:
    hosts = [f"{name}-a.test.ex" for name in choices.HOSTS]
    sets = [_mx(rng, domain, hosts, secure=secure) for domain in choices.DOMAINS]
    for host, address in zip(hosts, choices.HOSTS.values(), strict=True):
        found: Drawn = {"name": host, "type": "A", "ad": secure, "data": [address]}
        sets.append(_failing(rng, found, 0.04))
        sets.append({"name": host, "type": "AAAA", "ad": secure, "data": []})
        if secure or rng.random() < 0.1:
            records = rng.choice(choices.TLSA)
            owner = f"_{SERVER_PORT}._tcp.{host}"
            sets.append(_failing(rng, {"name": owner, "type": "TLSA", "ad": secure, "data": records}, 0.06))
    return sets


def _mx(rng: Random, domain: str, hosts: Sequence[str], *, secure: bool) -> Drawn:
    chosen = rng.sample(hosts, rng.choice((1, 1, 2, 3)))
    equal = rng.random() < 0.04
    data: list[list[object]] = [[10 if equal else 10 * at, host] for at, host in enumerate(chosen, 1)]
    if rng.random() < 0.04:
        data.append([60, "gone.test.ex"])
    if rng.random() < 0.02:
        data = [[0, "."]]
    return _failing(rng, {"name": domain, "type": "MX", "ad": secure, "data": data}, 0.06)


def _failing(rng: Random, found: Drawn, share: float) -> Drawn:
    """The answer, or none for once."""
    if rng.random() >= share:
        return found
    return {
        **found,
        "data": [],
        "rcode": rng.choice(("NXDOMAIN", "SERVFAIL", "SERVFAIL", "NOERROR", "REFUSED")),
    }


# ---- commands ---------------------------------------------------------------------------------------


def _run(rng: Random, *, first: bool, secure: bool) -> Drawn:
    run = command(rng, first=first)
    changes: Mapping[str, tuple[float, Callable[[], object]]] = {
        "servers": (0.35, lambda: servers(rng)),
        "zone": (0.15, lambda: _zone(rng, secure=secure)),
        "sleep": (0.2, lambda: rng.choice((1, 2))),
    }
    for name, (share, draw) in changes.items():
        if rng.random() < share:
            run[name] = draw()
    return run
