"""Laws that compare two runs: of a situation, and of one that differs in a single respect."""

from __future__ import annotations

from collections.abc import Iterator

from eximsim.fuzz.law import Fault, Law
from eximsim.fuzz.run import Run
from eximsim.fuzz.variations import Varied, Vary
from eximsim.mta.transports.smtp_decisions import HANDSHAKE_FAILED, RCPT_REPLY, STARTTLS_REPLY, TLS_REQUIRED
from eximsim.status import BROKEN_OFF, GIVEN_UP, TAKEN, WAITING, Security

_CALLOUT_ONLY = ("hosts_verify_avoid_tls",)


def _word(result: str) -> str:
    kinds = (("taken", TAKEN), ("to be tried again", WAITING), ("given up", GIVEN_UP))
    return next((word for word, results in kinds if result in results), result)


def _callout_agrees(run: Run, other: Run, varied: Varied) -> Iterator[Fault]:
    callout, delivery = (run, other) if run.is_callout else (other, run)
    if any(name in run.situation.transport for name in _CALLOUT_ONLY):
        return
    for recipient, result in callout.results.items():
        asked, delivered = result.result, delivery.results[recipient].result
        words = {_word(asked), _word(delivered)}
        if asked in BROKEN_OFF or delivered in BROKEN_OFF or len(words) == 1:
            continue
        if "taken" not in words or (asked in TAKEN and _said_later(delivery, recipient)):
            continue
        why = f"{recipient} is {asked} by callout, but {delivered} by delivery"
        yield Fault(why, run.outcome(recipient))


def _said_later(delivery: Run, recipient: str) -> bool:
    """Whether a server said more than a callout hears: it took RCPT, or a host later in the list refused."""
    return any(
        one.inputs["address"] == recipient and one.outcome == "accepted" for _, one in delivery.of(RCPT_REPLY)
    )


def _own_policy(run: Run, other: Run, varied: Varied) -> Iterator[Fault]:
    for recipient in other.results:
        together, alone = run.results[recipient].result, other.results[recipient].result
        if together in BROKEN_OFF or alone in BROKEN_OFF:
            continue
        mine, own = run.safety(recipient), other.safety(recipient)
        number = run.outcome(recipient)
        same_host = run.results[recipient].host == other.results[recipient].host
        if mine is not None and own is not None and mine is not own and same_host:
            why = f"{recipient} is {mine.name} with others, {own.name} alone"
            yield Fault(why, number)
        elif mine is not None and own is None and not other_said(other, recipient):
            yield Fault(f"{recipient} is taken with others, and {alone} alone", number)
        elif mine is None and own is not None and not other_said(run, recipient):
            yield Fault(f"{recipient} is {together} with others, and taken alone", number)


def other_said(run: Run, recipient: str) -> bool:
    """Whether a server said something about the sender or the recipient in this run."""
    if any(named.recipient == recipient for named in run.named()):
        return True
    return any(connection.was_said("MAIL") for connection in run.connections())


def _stricter(run: Run, other: Run, varied: Varied) -> Iterator[Fault]:
    for recipient, result in run.results.items():
        loose, strict = run.safety(recipient), other.safety(recipient)
        if strict is None or result.result in BROKEN_OFF or result.host != other.results[recipient].host:
            continue
        if loose is not None and strict < loose:
            why = f"{recipient} is taken {loose.name}, but {strict.name} with {varied.words}"
            yield Fault(why, run.outcome(recipient))


def _looser(run: Run, other: Run, varied: Varied) -> Iterator[Fault]:
    for recipient, result in run.results.items():
        strict, loose = run.safety(recipient), other.safety(recipient)
        if strict is None or loose is None or result.host != other.results[recipient].host:
            continue
        if loose is Security.CLEAR and strict is not Security.CLEAR:
            why = f"{recipient} is taken {strict.name}, but in clear with {varied.words}"
            yield Fault(why, run.outcome(recipient))


def _records(run: Run, other: Run, varied: Varied) -> Iterator[Fault]:
    for recipient, result in run.results.items():
        was, now = (
            (_word(result.result), run.safety(recipient)),
            (
                _word(other.results[recipient].result),
                other.safety(recipient),
            ),
        )
        if was != now:
            why = f"{recipient}: {was[0]} {was[1]} becomes {now[0]} {now[1]}, {varied.words}"
            yield Fault(why, run.outcome(recipient))


def _hosts(run: Run, other: Run, varied: Varied) -> Iterator[Fault]:
    """What each host was told, and how safely, if its turn came in both orders."""
    both = [host for host in run.considered if host in other.considered]
    undecided = any(r.result in BROKEN_OFF for r in (*run.results.values(), *other.results.values()))
    for host in both if not undecided else ():
        here, there = (one.told.get(host, frozenset()) for one in (run, other))
        if here != there:
            last = run.last(len(run.decisions), host, TLS_REQUIRED, STARTTLS_REPLY, HANDSHAKE_FAILED)
            told = " and ".join(sorted(safety.name for safety in here)) or "nothing"
            then = " and ".join(sorted(safety.name for safety in there)) or "nothing"
            yield Fault(f"{host} is told {told}, but {then} in the other order", last)


def _same(run: Run, other: Run, varied: Varied) -> Iterator[Fault]:
    for number, (one, two) in enumerate(zip(run.decisions, other.decisions, strict=False)):
        if one != two:
            yield Fault(f"the decision becomes {two}", number)
            return
    if len(run.decisions) != len(other.decisions) or run.seen != other.seen:
        yield Fault("the same situation gives other logs, replies or connections")


def _several(run: Run) -> bool:
    return len(run.situation.recipients) > 1


PAIRS = (
    Law(
        "callout-agrees",
        "A callout accepts a recipient whom a delivery reaches, and no other, as far as it hears the same.",
        "Exim specification, callout verification; Exim 02b41d710",
        "no option is about callouts alone",
        varies=Vary.KIND,
        compare=_callout_agrees,
    ),
    Law(
        "own-policy",
        "What becomes of a recipient, and how safely, does not depend on the message's other recipients.",
        "RFC 7672, 2.2; Exim 99350dede, b6054898a (bug 2265)",
        "several recipients",
        _several,
        varies=Vary.ALONE,
        compare=_own_policy,
    ),
    Law(
        "stricter-not-looser",
        "A stricter option never makes a host take a recipient less safely.",
        "Exim specification, options of the smtp transport",
        "a recipient is taken",
        lambda run: any(r.result in TAKEN for r in run.results.values()),
        varies=Vary.STRICTER,
        compare=_stricter,
    ),
    Law(
        "looser-check-keeps-tls",
        "A looser check of certificates never makes a host take a recipient in clear.",
        "Exim specification, tls_verify_hosts, tls_try_verify_hosts",
        "a recipient is taken over TLS",
        lambda run: any(run.safety(name) or Security.CLEAR for name in run.results),
        varies=Vary.LOOSER_CHECK,
        compare=_looser,
    ),
    Law(
        "order-irrelevant",
        "The order of the records in an answer never changes what becomes of a recipient, nor how safely.",
        "RFC 1034, 3.6; RFC 6698, 2.1",
        varies=Vary.RECORDS,
        compare=_records,
    ),
    Law(
        "host-order-irrelevant",
        "What a host is told, and how safely, does not depend on which hosts had their turn before.",
        "RFC 7672, 2.2; Exim specification, tls_tempfail_tryclear",
        "a delivery or a callout to several hosts",
        lambda run: len(run.expected.hosts) > 1,
        varies=Vary.HOSTS,
        compare=_hosts,
    ),
    Law(
        "same-bytes",
        "The same situation and seed give the same decisions, log, replies and connections.",
        "this project's promise",
        varies=Vary.AGAIN,
        compare=_same,
    ),
)
