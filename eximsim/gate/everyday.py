"""Everyday mail: about a dozen situations with names, and what two policies make of each.

They are situations of the lattice like all others, picked because everybody who sends mail meets them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from eximsim.explore.choices import Axis
from eximsim.explore.vocabulary import (
    ADDRESS,
    CERTIFICATE,
    CONNECT,
    EHLO,
    INSECURE,
    MX,
    RCPT,
    RECORDS,
    TLSA,
    axis_of,
)
from eximsim.gate.diagram import Way, outcome_at
from eximsim.gate.explore_policies import Survey
from eximsim.gate.lattice import Scene, certificates
from eximsim.gate.outcome import severity
from eximsim.gate.report import Everyday, Mail
from eximsim.gate.views import View, run_name
from eximsim.quick_dataclass import dataclass

_Answers = Mapping[Axis, str]

_NO_DNSSEC: _Answers = {MX: INSECURE, ADDRESS: INSECURE}
_NO_TLSA: _Answers = {TLSA: "no data"}
_MISMATCH: _Answers = {RECORDS: "mismatch"}
_NO_STARTTLS: _Answers = {EHLO: "no STARTTLS"}


@dataclass(frozen=True, slots=True)
class Situation:
    """A situation of everyday mail: what is out of the ordinary of the first host, and of the second.

    If ``second`` is None there is only one host.
    """

    name: str
    first: _Answers
    second: _Answers | None = None


SITUATIONS: tuple[Situation, ...] = (
    Situation("no DNSSEC", _NO_DNSSEC),
    Situation("DNSSEC without TLSA", _NO_TLSA),
    Situation("TLSA that matches", {}),
    Situation("TLSA that does not match", _MISMATCH),
    Situation("TLSA SERVFAIL", {TLSA: "SERVFAIL"}),
    Situation("TLSA but no STARTTLS", _NO_STARTTLS),
    Situation("no STARTTLS", {**_NO_DNSSEC, **_NO_STARTTLS}),
    Situation("certificate expired", {**_NO_DNSSEC, CERTIFICATE: "expired"}),
    Situation("certificate self-signed", {**_NO_DNSSEC, CERTIFICATE: "self-signed"}),
    Situation("certificate for another name", {**_NO_DNSSEC, CERTIFICATE: "another name"}),
    Situation("first MX down, second without TLS", {CONNECT: "refused"}, {**_NO_TLSA, **_NO_STARTTLS}),
    Situation("first MX fails DANE, second without TLS", _MISMATCH, {**_NO_TLSA, **_NO_STARTTLS}),
    Situation("host down", {CONNECT: "time-out"}),
    Situation("recipient put off (4xx)", {RCPT: "4xx"}),
    Situation("recipient refused (5xx)", {RCPT: "5xx"}),
)
"""All of them, in the order in which they are shown. What they do not name is as it should be."""


def everyday(plan: Survey) -> tuple[Mail, ...]:
    """Everyday mail on every route of the survey, under its first and its last policy.

    What a callout makes of it is told where that changes.
    """
    found: dict[tuple[str, str], Mail] = {}
    for view in plan.views:
        key = (run_name(view.kind, view.callout), view.scene.recipient)
        if view.scene.addresses and key not in found:
            mail = Mail(_route(view), tuple(_rows(plan, view)))
            if view.kind == "delivery" or any(row.severity for row in mail.rows):
                found[key] = mail
    return tuple(found.values())


def agreed_everyday(plan: Survey, ways: Mapping[str, tuple[Way, Way]]) -> tuple[Mail, ...]:
    """Everyday mail by diagrams: what was agreed on, and what happens now, for the name of each view.

    A lock has as many hosts as it was made with. What happens to one of them happens to all, but in the
    situations that tell two apart.
    """
    found: dict[tuple[str, str], Mail] = {}
    for view in plan.views:
        key = (run_name(view.kind, view.callout), view.scene.recipient)
        if not view.scene.addresses or view.name not in ways or key in found:
            continue
        rows = []
        for situation in SITUATIONS:
            answers = given_to_all(situation, view.scene)
            if answers is not None:
                before, after = (outcome_at(way, answers) for way in ways[view.name])
                rows.append(Everyday(situation.name, before, after, severity(before, after)))
        if view.kind == "delivery" or any(row.severity for row in rows):
            found[key] = Mail(_route(view), tuple(rows))
    return tuple(found.values())


def _a_callout(view: View) -> str:
    return f"callout {view.callout + 1}" if view.callout else "a callout"


def _route(view: View) -> str:
    scene = view.scene
    hosts = "its MX hosts" if scene.mx else " and ".join(scene.addresses)
    asked = "" if view.kind == "delivery" else f", asked by {_a_callout(view)}"
    return f"{scene.recipient} by {hosts}{asked}"


def _rows(plan: Survey, view: View) -> Iterator[Everyday]:
    for situation in SITUATIONS:
        scene = staged(view.scene, 1 if situation.second is None else 2)
        if scene is None:
            continue
        base, head = plan.policies[0], plan.policies[-1]
        if scene != view.scene:
            chains = certificates(tuple(scene.addresses))
            base, head = (replace(policy, chains=chains) for policy in (base, head))
        here, answers = replace(view, scene=scene), given(situation, scene)
        before = plan.at(base, here, answers)
        after = before if base == head else plan.at(head, here, answers)
        yield Everyday(situation.name, before, after, severity(before, after))


def staged(scene: Scene, hosts: int) -> Scene | None:
    """The scene with so many hosts, the first ones; None if its route has fewer."""
    names = list(scene.addresses)
    if scene.mx and len(names) < hosts:
        names.append(f"mx{hosts}.{scene.domain}")
    if len(names) < hosts:
        return None
    pool = next(iter(scene.addresses.values()), "").rpartition(".")[0] or "192.0.2"
    free = (f"{pool}.{number}" for number in range(1, 255))
    unused = (one for one in free if one not in scene.addresses.values())
    addresses = {name: scene.addresses.get(name) or next(unused) for name in names[:hosts]}
    return replace(scene, mx=tuple(addresses) if scene.mx else (), addresses=addresses)


def given(situation: Situation, scene: Scene) -> dict[str, str]:
    """The answers of a situation, axis by axis, as the lattice calls them."""
    return _answers(scene, (situation.first, situation.second or {}))


def given_to_all(situation: Situation, scene: Scene) -> dict[str, str] | None:
    """The answers of a situation in which every host is like the first; None if it takes a second one."""
    if situation.second is None:
        return _answers(scene, (situation.first,) * len(scene.addresses))
    return given(situation, scene) if len(scene.addresses) > 1 else None


def _answers(scene: Scene, hosts: Iterable[_Answers]) -> dict[str, str]:
    found = {}
    for host, answers in zip(scene.addresses, hosts, strict=False):
        for axis, value in answers.items():
            found[axis_of(axis, scene.domain if axis is MX else host)] = value
    return found
