"""Laws about reaching people: nobody is given up without need, without a word, or without trace."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eximsim.fuzz.expected import Tlsa, Wanted
from eximsim.fuzz.law import Fault, Law
from eximsim.fuzz.run import Run
from eximsim.mta.delivery.deliver_done import ADDRESS_OUTCOME
from eximsim.mta.reception.receive import MESSAGE_RECEIVED
from eximsim.mta.transports import dane
from eximsim.mta.transports.dane import HOST_POLICY
from eximsim.mta.transports.smtp import HOST_TRIED
from eximsim.mta.transports.smtp_decisions import SETUP_FAILED
from eximsim.mta.verify.verify_decisions import CALLOUT_REFUSED
from eximsim.status import BROKEN_OFF, GIVEN_UP, TAKEN, WAITING, Errno

_FEWER_HOSTS = ("hosts_max_try", "hosts_max_try_hardlimit", "dnssec_require_domains")


def _reachable(run: Run) -> Iterator[Fault]:
    for number, decision in run.lost():
        host = run.host(decision.inputs["host"])
        if host is None or host.wanted is not Wanted.REQUESTED:
            continue
        if decision.is_of(HOST_POLICY) or host.secure is False or host.tlsa in (Tlsa.NONE, Tlsa.INSECURE):
            why = "DANE is only requested, and it has no secure TLSA records"
            yield Fault(f"{decision.inputs['host']} is not used, although {why}", number)


def _reason_given(run: Run) -> Iterator[Fault]:
    for recipient, result in run.results.items():
        number = run.outcome(recipient)
        if result.result in BROKEN_OFF:
            last = len(run.decisions) - 1 if run.decisions else None
            yield Fault(f"what becomes of {recipient} is left to chance: {result.result}", last)
        elif result.result in (*WAITING, *GIVEN_UP) and not result.reason and result.errno <= 0:
            yield Fault(f"{recipient} is {result.result} without a reason", number)


def _no_empty_call(run: Run) -> Iterator[Fault]:
    for connection in run.connections():
        events, address = connection.events, connection.address
        mail = next((n for n, event in enumerate(events) if event.startswith("MAIL")), None)
        if mail is None or any(event.startswith("RCPT") for event in events[mail:]):
            continue
        answer = run.situation.behaviour(address).mail
        if answer.lines and answer.lines[-1].startswith("2") and answer.then.value == "go on":
            yield Fault(f"the server at {address} was given a sender and no recipient", _for(run, address))
    yield from _after_the_end(run)


def _for(run: Run, address: str) -> int | None:
    found = [number for number, one in run.of(HOST_TRIED) if one.inputs["address"] == address]
    return found[-1] if found else None


def _after_the_end(run: Run) -> Iterator[Fault]:
    """Hosts whose turn comes although the one before has ended it for every recipient."""
    ended = False
    for number, decision in run.of(HOST_TRIED, HOST_POLICY, MESSAGE_RECEIVED, ADDRESS_OUTCOME):
        if decision.is_of(HOST_POLICY) and ended:
            name = decision.inputs["host"]
            yield Fault(f"{name} has its turn, although no recipient is left", number)
        ended = decision.is_of(HOST_TRIED) and decision.outcome == "FAIL"


def _later_host_tried(run: Run) -> Iterator[Fault]:
    settings = {**run.situation.transport, **run.situation.router}
    if any(name in settings for name in _FEWER_HOSTS):
        return
    considered = set(run.considered)
    for recipient, result in run.results.items():
        if result.result not in (*WAITING, *GIVEN_UP) or not considered:
            continue
        told = [named for named in run.named() if named.recipient == recipient]
        left = [name for name in run.expected.hosts_of(recipient) if name not in considered]
        if left and not told and not _sender_refused(run):
            why = f"{recipient} is {result.result}, although nobody has asked {left[0]}"
            yield Fault(why, _last_of_the_hosts(run))


def _sender_refused(run: Run) -> bool:
    """Whether a server refused MAIL: that is said of the sender, not of the host."""
    return any(connection.was_said("MAIL") for connection in run.connections())


def _last_of_the_hosts(run: Run) -> int | None:
    causes = [
        number for number, _ in run.of(HOST_TRIED, SETUP_FAILED, CALLOUT_REFUSED, dane.TLSA_HOST, HOST_POLICY)
    ]
    lost = [number for number, _ in run.lost()]
    return max(lost or causes, default=None)


def _another_hosts_lack(run: Run) -> Iterator[Fault]:
    for recipient, result in run.results.items():
        number = run.outcome(recipient)
        if result.result not in GIVEN_UP or result.errno != Errno.DNSDEFER or number is None:
            continue
        waiting = [one for n, one in run.of(HOST_TRIED) if n < number and one.outcome == "DEFER"]
        if waiting:
            lacking = [n for n, _ in run.lost() if n < number]
            host = waiting[0].inputs["host"]
            why = f"{recipient} is given up, although {host} was only bad for the moment"
            yield Fault(why, lacking[-1] if lacking else number)


def _nothing_lost(run: Run) -> Iterator[Fault]:
    received = [one for _, one in run.of(MESSAGE_RECEIVED)]
    queued = run.seen[-1].queued or 0
    for recipient, result in run.results.items():
        number = run.outcome(recipient)
        if result.result == "undefined":
            yield Fault(f"what becomes of {recipient} is undefined", len(run.decisions) - 1)
        elif result.result in ("deferred", "unknown", "crash") and received and not queued:
            yield Fault(f"{recipient} is {result.result}, and no message is left on the queue", number)
        elif result.result == "failed" and _bounces(run) and all(one.inputs["sender"] for one in received):
            yield Fault(f"{recipient} has failed, and nobody was told", number)
        elif result.result == "delivered" and not _sent(run, recipient):
            yield Fault(f"{recipient} counts as delivered, and no server took a message for it", number)


def _sent(run: Run, recipient: str) -> bool:
    """Whether a server that was told of the recipient accepted a message."""
    wanted = {f"RCPT TO:<{recipient}>", "message accepted"}
    return any(wanted.issubset(connection.events) for connection in run.connections())


def _bounces(run: Run) -> bool:
    """Whether failures are told to the sender: situations ignore them by the router's ``errors_to``."""
    return run.situation.router.get("errors_to", '""') != '""'


_LOGGED_HOST = re.compile(r" H=(\S+) \[[^]]*\]: DANE error")


def _log_names_the_host(run: Run) -> Iterator[Fault]:
    """Each -36 line that names a host, against the hosts that DANE ruled out; a law about the log."""
    lost = {str(one.inputs["host"]): number for number, one in run.lost()}
    for number, decision in run.of(ADDRESS_OUTCOME):
        host, errno = decision.inputs["host"], decision.inputs["errno"]
        before = [(n, one) for n, one in run.lost() if n < number]
        if errno == Errno.DNSDEFER and host and before and host != before[-1][1].inputs["host"]:
            about = before[-1][1].inputs["host"]
            yield Fault(f"the line about {decision.inputs['address']} names {host}, not {about}", number)
    for seen in run.seen:
        for line in seen.log:
            named = _LOGGED_HOST.search(line)
            if named and named[1] not in lost:
                yield Fault(f"the log says that {named[1]} was ruled out by DANE: {line}")


def _delivers(run: Run) -> bool:
    return not run.is_callout


REACH = (
    Law(
        "reachable-without-tlsa",
        "A host that has no secure TLSA records stays reachable when DANE is only requested.",
        "RFC 7672, 2.2; Exim 2d5fdd539, ef3a1a30b, 899b8bbc6",
        "hosts_try_dane has the host, hosts_require_dane has not",
        lambda run: any(h.wanted is Wanted.REQUESTED for h in run.expected.hosts.values()),
        _reachable,
    ),
    Law(
        "reason-given",
        "Every recipient that is deferred or fails has a reason that can be read, and nothing is undefined.",
        "RFC 5321, 4.2.5 and 6.1; Exim 4cea764f3 (bug 1634)",
        "a recipient is not taken",
        lambda run: any(r.result not in TAKEN for r in run.results.values()),
        _reason_given,
    ),
    Law(
        "no-connection-without-recipient",
        "No server is called, or given a sender, when no recipient is left for it.",
        "RFC 5321, 3.3; Exim d0e4bb183",
        check=_no_empty_call,
    ),
    Law(
        "later-host-tried",
        "A host later in the list is tried before a recipient is deferred or given up, unless a server has"
        " answered for the sender or the recipient.",
        "RFC 5321, 5.1; RFC 7672, 2.2",
        "a recipient is not taken, and no option limits the hosts",
        lambda run: any(r.result not in TAKEN for r in run.results.values()),
        _later_host_tried,
    ),
    Law(
        "another-hosts-lack",
        "A recipient is not given up for a host that lacks TLSA records while another host may recover.",
        "RFC 5321, 4.5.4.1; RFC 7672, 2.2",
        "a delivery",
        _delivers,
        _another_hosts_lack,
    ),
    Law(
        "nothing-lost",
        "Every accepted recipient ends delivered, failed with a bounce, ignored by a rule, or on the queue.",
        "RFC 5321, 6.1",
        "a delivery",
        _delivers,
        _nothing_lost,
    ),
    Law(
        "log-names-the-host",
        "A line of the log about a failure of DANE names no host but the one that the decision was about.",
        "Exim specification, log files",
        "a delivery",
        _delivers,
        _log_names_the_host,
    ),
)
