"""A counterexample told to a mail administrator: the zone, the servers, what was decided, what was wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from eximsim.fuzz.hold_laws import Broken
from eximsim.fuzz.scenario import Scenario
from eximsim.fuzz.schedules import plan_of
from eximsim.mta.base.tables import shown
from eximsim.suite.recording import Seen
from eximsim.trace import Decision

MARK = ">>"
"""What stands before the decision that broke the law."""


def story(scenario: Scenario, broken: Sequence[Broken]) -> list[str]:
    """The lines of the story; ``broken`` are the laws that the scenario's run broke, at least one."""
    situation, run = scenario.situation, broken[0].run
    lines = [line for one in broken for line in _law(one)]
    lines += ["", f"release     {scenario.program}", f"message     {_message(scenario)}"]
    for section in ("main", "router", "transport"):
        settings: Mapping[str, str] = getattr(situation, section)
        lines += [f"{section:11} {name} = {value}" for name, value in settings.items()]
    lines += ["", "the DNS says", *(f"    {line}" for line in zone_lines(situation.zone))]
    if plan := plan_of(situation).rules:
        lines += ["", "when it says so (docs/schedules.md)", *(f"    {rule}" for rule in plan)]
    lines += ["", "the servers", *(f"    {line}" for line in _servers(situation.servers))]
    for what, seen in zip((run.kind, f"queue run {situation.queuerun}"), run.seen, strict=False):
        lines += ["", f"what happened: {what}", *(f"    {line}" for line in _happened(seen))]
    marked = frozenset(one.decision for one in broken if one.decision is not None)
    lines += ["", "what was decided", *_decisions(run.decisions, marked)]
    return [*lines, "", f"eximsim fuzz --replay {scenario.line()}"]


def _law(one: Broken) -> Iterator[str]:
    yield f"broken: {one.law.id}"
    yield f"    {one.law.promise}"
    yield f"    ({one.law.reference})"
    yield f"    {one.explanation}" + (f" [{one.variation}]" if one.variation else "")


def _message(scenario: Scenario) -> str:
    to = ", ".join(scenario.situation.recipients)
    if scenario.kind == "callout":
        return f"callout to verify {to}"
    run = scenario.situation.queuerun
    return f"to {to}" + (f", then a queue run {run}" if run else "")


# ---- the zone -------------------------------------------------------------------------------------------


def zone_lines(zone: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line for each thing that the name server says."""
    rows = [(str(entry["name"]), str(entry["type"]), *_answer(entry)) for entry in zone]
    name_width = max((len(row[0]) for row in rows), default=0)
    return [
        f"{name:{name_width}}  {type:5}  {what}" + (f"  ({how})" if how else "")
        for name, type, what, how in rows
    ]


def _answer(entry: Mapping[str, Any]) -> tuple[str, str]:
    """What the answer is, and how it comes."""
    how = ["secure" if entry.get("ad") else "insecure"]
    if entry.get("drop"):
        return "no answer", "the question is lost"
    if entry.get("tc"):
        how.append("truncated: asked again over TCP")
    if entry.get("delay"):
        how.append(f"after {entry['delay']} s")
    rcode = entry.get("rcode", "NOERROR")
    if rcode != "NOERROR":
        return str(rcode), ", ".join(how if rcode == "NXDOMAIN" else how[1:])
    data = entry.get("data") or ()
    return ", ".join(_record(record) for record in data) or "none of this type", ", ".join(how)


def _record(record: object) -> str:
    return " ".join(map(str, record)) if isinstance(record, list | tuple) else str(record)


# ---- the servers ------------------------------------------------------------------------------------------

_NAMED: Mapping[str, str] = {
    "ok": "takes mail, with STARTTLS and a good certificate",
    "smtps": "takes mail, begins with TLS, with a good certificate",
    "nostarttls": "takes mail, offers no STARTTLS",
    "st454": "answers 454 to STARTTLS",
    "st554": "answers 554 to STARTTLS",
    "stclose": "closes the connection at STARTTLS",
    "stgarbage": "answers no TLS in the handshake",
    "ehlo502": "answers 502 to EHLO",
    "banner421": "greets with 421",
    "banner554": "greets with 554",
    "rcpt450": "answers 450 to RCPT",
    "rcpt550": "answers 550 to RCPT",
    "refused": "refuses the connection",
    "cert-wrongname": "takes mail, with a certificate for another name",
    "cert-expired": "takes mail, with a certificate that has expired",
    "cert-selfsigned": "takes mail, with a certificate that vouches for itself",
    "cert-eeonly": "takes mail, sends its certificate without the intermediate one",
}
"""The named servers in words."""

_PARTS: Mapping[str, str] = {
    "chain": "certificate",
    "banner": "greeting",
    "end_of_data": "reply to the message",
    "extensions": "offers",
    "max_version": "TLS up to",
}


def _servers(servers: Mapping[str, str | Mapping[str, object]]) -> Iterator[str]:
    for address, server in servers.items():
        if isinstance(server, str):
            yield f"{address}  {_NAMED.get(server, server)}"
            continue
        parts = [f"{_PARTS.get(name, name.upper())} {_reply(what)}" for name, what in server.items()]
        yield f"{address}  {'; '.join(parts) or _NAMED['ok']}"


def _reply(what: object) -> str:
    if isinstance(what, Mapping):
        lines = what.get("lines")
        said = _reply(lines) if isinstance(lines, list) else ", ".join(f"{k}: {v}" for k, v in what.items())
        return f"{said or 'nothing'}, then {what['then']}" if "then" in what else said
    return " / ".join(map(str, what)) if isinstance(what, list | tuple) else str(what)


# ---- what happened ----------------------------------------------------------------------------------------


def _happened(seen: Seen) -> Iterator[str]:
    for connection in seen.servers:
        tls = f", {connection.tls}" if connection.tls else ", in clear"
        sni = f", SNI {connection.sni}" if connection.sni else ""
        yield f"{connection.address} was called{tls}{sni}: {', '.join(connection.events)}"
    if not seen.servers:
        yield "no server was called"
    yield from (f"reply: {line}" for line in seen.smtp)
    yield from (f"log: {line}" for line in seen.log)
    if seen.queued:
        yield f"left on the queue: {seen.queued}"
    if seen.exit != 0:
        yield f"the program ended with {seen.exit}"


def _decisions(decisions: Sequence[Decision], marked: frozenset[int]) -> Iterator[str]:
    for number, decision in enumerate(decisions):
        mark = MARK if number in marked else "  "
        inputs = ", ".join(
            f"{name} {shown(value)}" for name, value in decision.inputs.items() if value is not None
        )
        yield f" {mark} {number + 1:2}. {decision.rule} -> {decision.outcome}  ({inputs})"
        if number in marked:
            yield f"        Exim has it in {decision.source}"
