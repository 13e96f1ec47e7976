"""An explanation as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

from eximsim.gate.explain import Alternative, Explained, Explanation, HostSeen, Step
from eximsim.status import BROKEN_OFF, GIVEN_UP, TAKEN
from eximsim.visible import visible

_STAGES = ("routing", "hosts", "transport", "outcome")
_BAD = (*GIVEN_UP, *BROKEN_OFF, "unsupported")


def lines(explanation: Explanation) -> Iterator[str]:
    """The explanation, line by line; colours are for ``click.echo`` to keep or to drop."""
    what = "callout to" if explanation.kind == "callout" else "message to"
    for number, one in enumerate(explanation.recipients):
        if number:
            yield ""
        title = f"{what} {one.recipient}, {one.callout or explanation.config}, Exim {explanation.profile}"
        yield click.style(visible(title), bold=True)
        colour = "green" if one.outcome.result in TAKEN else "red" if one.outcome.result in _BAD else "yellow"
        yield click.style(visible(str(one.outcome)), fg=colour)
        yield from _recipient(one)
    if explanation.assumed or explanation.missing:
        yield ""
    for text in explanation.assumed:
        yield visible(f"assumed: {text}")
    told = {gap for one in explanation.recipients for gap in one.gaps}
    for gap in dict.fromkeys(gap for gap in explanation.unread if gap not in told):
        yield click.style(visible(f"could not look: {gap}"), fg="red")
    for path in explanation.missing:
        yield visible(f"not there: {path}, which the configuration asks for")


def _recipient(one: Explained) -> Iterator[str]:
    for gap in one.gaps:
        yield click.style(visible(f"could not look: {gap}"), fg="red")
    decisive = [step for step in one.steps if step.decisive]
    if decisive:
        yield from _title("What decided")
        for step in decisive:
            yield _decided(step)
    if one.hosts:
        yield from _title("Hosts")
        for host in one.hosts:
            yield from _host(host)
    yield from _title("Log")
    for line in one.log:
        yield visible(f"  {line}")
    if one.alternatives:
        yield from _title("What would lead to another outcome")
        for alternative in one.alternatives:
            yield from _alternative(alternative)
    for stage in _STAGES:
        steps = [step for step in one.steps if step.stage == stage]
        if steps:
            yield from _title(f"Decisions: {stage}")
            for step in steps:
                yield from _step(step)


def _title(text: str) -> Iterator[str]:
    yield ""
    yield click.style(text, bold=True)


def _host(host: HostSeen) -> Iterator[str]:
    parts = [f"DNSSEC {host.dnssec}"]
    parts += [f"TLSA {host.tlsa}"] if host.tlsa else []
    parts += [f"tried: {host.tried}"] if host.tried else ["not tried"]
    yield visible(f"  {host.name} [{', '.join(host.addresses)}]: {'; '.join(parts)}")
    for call in host.commands:
        yield visible(f"    {' > '.join(call)}")


def _step(step: Step) -> Iterator[str]:
    yield _decided(step)
    yield click.style(visible(f"    {step.source}"), dim=True)


def _decided(step: Step) -> str:
    decided = visible(f"  {step.rule}: {_inputs(step.inputs)} -> ")
    return f"{decided}{click.style(visible(step.outcome), bold=True)}"


def _inputs(inputs: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in inputs.items())


def _alternative(alternative: Alternative) -> Iterator[str]:
    yield visible(f"  {alternative.outcome}, if")
    for number, way in enumerate(alternative.ways):
        yield visible(f"    {'or ' if number else ''}{' and '.join(way)}")
