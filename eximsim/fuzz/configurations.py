"""Configurations drawn at random: lists, ACLs, routers, transports, and sessions that come to all of them.

What is drawn is a scenario as ``suite.scenarios`` reads it. The DNS and the servers are the same for all:
what differs is the configuration, and what a client says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random

from eximsim.fuzz import configuration_choices as choices
from eximsim.fuzz import route_choices as routes
from eximsim.fuzz.expansion_choices import expression
from eximsim.fuzz.sequences import some
from eximsim.mta.config.options import Release, release
from eximsim.profiles import Profile

Drawn = dict[str, object]

_ZONE: tuple[Drawn, ...] = (
    {"name": "one.test.ex", "type": "MX", "ad": False, "data": [[10, "h1-a.test.ex"]]},
    {"name": "two.test.ex", "type": "MX", "ad": False, "data": [[10, "h2-a.test.ex"]]},
    {"name": "three.test.ex", "type": "MX", "ad": False, "data": [], "rcode": "SERVFAIL"},
    {"name": "test.ex", "type": "MX", "ad": False, "data": [[10, "h1-a.test.ex"]]},
    {"name": "h1-a.test.ex", "type": "A", "ad": False, "data": ["10.9.1.1"]},
    {"name": "h2-a.test.ex", "type": "A", "ad": False, "data": ["10.9.2.1"]},
    {"name": "client.test.ex", "type": "A", "ad": False, "data": [choices.CLIENT]},
    {"name": "7.2.0.192.in-addr.arpa", "type": "PTR", "ad": False, "data": ["client.test.ex"]},
    {"name": "7.2.0.192.list.test.ex", "type": "A", "ad": False, "data": ["127.0.0.2"]},
    {"name": "7.2.0.192.list.test.ex", "type": "TXT", "ad": False, "data": ["0b6c69737465642068657265"]},
    {"name": "test.ex.list.test.ex", "type": "A", "ad": False, "data": ["127.0.0.3"]},
    {"name": "7.2.0.192.more.test.ex", "type": "A", "ad": False, "data": ["127.0.0.4"]},
    {"name": "7.2.0.192.down.test.ex", "type": "A", "ad": False, "data": [], "rcode": "SERVFAIL"},
)
_SERVERS = {"10.9.1.1": {"extensions": []}, "10.9.2.1": {"extensions": [], "rcpt": "550 no such user"}}


def configuration(rng: Random, name: str, profile: Profile) -> Drawn:
    """A scenario by this name, with what ``rng`` decides, for a program of this ``profile``."""
    known = release(profile.option_release, profile.build_lacks)
    acls = [acl for acl, share in choices.ACLS.items() if rng.random() < share]
    local = rng.random() < 0.3
    main = some(rng, choices.MAIN, 0.06)
    main |= {f"acl_smtp_{acl}": f"check_{acl}" for acl in acls}
    if local:
        main["acl_not_smtp"] = "check_not_smtp"
    return {
        "id": name,
        "about": "drawn at random",
        "zone": list(_ZONE),
        "servers": _SERVERS,
        "files": {**choices.FILES, **routes.FILES},
        "main": {name: value for name, value in main.items() if name in known.main.settable},
        "main_text": "".join(_lists(rng)),
        "acl": "".join(_acls(rng, [*acls, "not_smtp"] if local else acls, known)),
        "routers": "".join(_routers(rng, known)),
        "more_transports": choices.TRANSPORTS + "".join(_transports(rng, known)),
        "rewrite": _rules(rng, routes.REWRITE, 0.15),
        "retry": _rules(rng, routes.RETRY, 0.8) or "* * F,5d,10s\n",
        "auths": choices.SERVER_AUTHENTICATORS if rng.random() < 0.3 else "",
        "runs": [_run(rng) for _ in range(rng.choice((2, 3, 4)))],
    }


def _list(rng: Random, items: Sequence[str]) -> str:
    return " : ".join(rng.choice(items) for _ in range(rng.choice((1, 1, 1, 2, 3))))


def _lists(rng: Random) -> Iterator[str]:
    for name, (usual, items) in choices.LISTS.items():
        yield f"{name} = {_list(rng, items) if rng.random() < 0.4 else usual}\n"


# ---- ACLs --------------------------------------------------------------------------------------------

_LISTED = frozenset(("domains", "hosts", "local_parts", "recipients", "senders", "sender_domains"))


def _acls(rng: Random, names: Sequence[str], known: Release) -> Iterator[str]:
    for name in names:
        verbs = "".join(_verb(rng, known) for _ in range(rng.choice((1, 2, 2, 3))))
        yield f"check_{name}:\n{verbs}{rng.choice(('  accept', '  accept', '  accept', ''))}\n"
    yield f"inner:\n  {rng.choice(choices.INNER)}\n"


def _verb(rng: Random, known: Release) -> str:
    lines: list[str] = []
    for _ in range(rng.choice((1, 2, 2, 3))):
        if rng.random() < 0.55:
            name = rng.choice(list(choices.CONDITIONS))
            values = choices.CONDITIONS[name]
            value = _list(rng, values) if name in _LISTED else rng.choice(values)
            line = f"{'!' if rng.random() < 0.2 else ''}{name} = {value}"
        else:
            name = rng.choice(list(choices.MODIFIERS))
            value = rng.choice(choices.MODIFIERS[name])
            line = name if name == "endpass" else f"{name} = {value}"
        if f"acl.{name}" not in known.absent:
            lines.append(line)
    verb = rng.choice(choices.VERBS)
    if verb not in ("accept", "discard"):
        lines = [line for line in lines if line != "endpass"]
    return f"  {verb} " + "\n    ".join(lines) + "\n"


# ---- routers -----------------------------------------------------------------------------------------


def _routers(rng: Random, known: Release) -> Iterator[str]:
    for number in range(rng.choice((1, 2, 2, 3))):
        driver = rng.choice(list(_DRIVERS))
        settable = known.routers[driver].settable
        options = {**some(rng, choices.PRECONDITIONS, 0.09), **_DRIVERS[driver](rng)}
        lines = (f"  {name} = {value}\n" for name, value in options.items() if name in settable)
        yield f"r{number}:\n  driver = {driver}\n{''.join(lines)}"
    yield "last:\n  driver = dnslookup\n  self = send\n  transport = t\n"


def _redirect(rng: Random) -> dict[str, str]:
    usual = {"file_transport": "address_file", "pipe_transport": "address_pipe"}
    source = {"data": rng.choice(choices.REDIRECTS["data"])}
    if rng.random() < 0.35:
        source = {"file": rng.choice(routes.REDIRECT_FILES)}
    options = {**some(rng, choices.REDIRECTS, 0.2), **usual, **some(rng, routes.OPTIONS_OF_FILES, 0.06)}
    options = {name: value for name, value in options.items() if name != "data"} | source
    return {**options, **(choices.FILTERED if "allow_filter" in options else {})}


def _accept(rng: Random) -> dict[str, str]:
    return {"transport": rng.choice((*choices.LOCAL_TRANSPORTS, *_DRAWN)), **some(rng, routes.ACCEPT, 0.06)}


def _manualroute(rng: Random) -> dict[str, str]:
    way = {"route_list": rng.choice(choices.ROUTES)}
    if rng.random() < 0.5:
        way = {"route_data": rng.choice(routes.ROUTE_DATA)}
    return {**way, "transport": rng.choice(("t", "t", "box")), **some(rng, routes.MANUALROUTE, 0.12)}


def _dnslookup(rng: Random) -> dict[str, str]:
    return {"transport": "t", "self": "send", **some(rng, routes.DNSLOOKUP, 0.08)}


def _ipliteral(rng: Random) -> dict[str, str]:
    return {"transport": "t", "self": "send"}


_DRIVERS: Mapping[str, Callable[[Random], dict[str, str]]] = {
    "redirect": _redirect, "accept": _accept, "manualroute": _manualroute, "dnslookup": _dnslookup,
    "ipliteral": _ipliteral,
}  # fmt: skip

_DRAWN = {
    "file": ("appendfile", {"file": "/spool/mail-drawn"}, routes.APPENDFILE),
    "folder": ("appendfile", {"directory": "/spool/mail-drawn-dir"}, routes.APPENDFILE),
    "command": ("pipe", {"command": "/bin/cat"}, routes.PIPE),
    "away": ("autoreply", {"to": "$sender_address", "text": "away"}, routes.AUTOREPLY),
}
"""Transports with options that are drawn: driver, what they need, and what else there is."""


def _transports(rng: Random, known: Release) -> Iterator[str]:
    for name, (driver, needed, more) in _DRAWN.items():
        options = {**needed, **some(rng, more, 2.5 / len(more))}
        settable = known.transports[driver].settable
        lines = (f"  {option} = {value}\n" for option, value in options.items() if option in settable)
        yield f"{name}:\n  driver = {driver}\n{''.join(lines)}"


def _rules(rng: Random, rules: Sequence[str], share: float) -> str:
    if rng.random() >= share:
        return ""
    return "".join(f"{rng.choice(rules)}\n" for _ in range(rng.choice((1, 1, 2, 3))))


# ---- commands ----------------------------------------------------------------------------------------


def _run(rng: Random) -> Drawn:
    kind = rng.random()
    if kind < 0.5:
        return _session(rng)
    if kind < 0.6:
        said = "".join(f"- {expression(rng)}\n" for _ in range(8))
        return {"argv": ["-be"], "stdin": said}
    if kind < 0.75:
        argv = [rng.choice(("-bt", "-bv", "-bvs")), rng.choice(choices.ADDRESSES)]
        return {"argv": argv}
    if kind < 0.9:
        recipients = [rng.choice(choices.ADDRESSES) for _ in range(rng.choice((1, 1, 2)))]
        body = "\n".join(rng.choice(choices.BODIES)).replace("{to}", recipients[0])
        how = rng.choice(("-odf", "-odf", "-odq"))
        return {"argv": [how, "-f", rng.choice(choices.SENDERS), *recipients], "stdin": f"{body}\n"}
    return {"argv": [rng.choice(("-q", "-qf", "-bp"))]}


def _session(rng: Random) -> Drawn:
    said = [rng.choice(("EHLO c", "EHLO c", "HELO c", "EHLO client.test.ex", "EHLO [192.0.2.7]", "HELO 1.2"))]
    for _ in range(rng.choice((1, 1, 2))):
        said += _odd(rng)
        said.append(f"MAIL FROM:<{rng.choice(choices.SENDERS)}>{' SIZE=99' if rng.random() < 0.1 else ''}")
        said += _odd(rng)
        recipients = [rng.choice(choices.ADDRESSES) for _ in range(rng.choice((1, 1, 2, 3)))]
        said += [f"RCPT TO:<{recipient}>" for recipient in recipients]
        said += _odd(rng)
        if rng.random() < 0.8:
            said.append("DATA")
            said += [line.replace("{to}", recipients[0]) for line in (*rng.choice(choices.BODIES), ".")]
    stdin = "".join(f"{line}\r\n" for line in (*said, *(["QUIT"] if rng.random() < 0.9 else [])))
    return {"argv": [rng.choice(("-odf", "-odf", "-odq")), "-bs", "-oMa", choices.CLIENT], "stdin": stdin}


def _odd(rng: Random) -> list[str]:
    if rng.random() < 0.8:
        return []
    return [rng.choice(choices.COMMANDS).replace("{to}", rng.choice(choices.ADDRESSES))]
