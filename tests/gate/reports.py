"""A small report made by hand, one group of each severity, for tests of what is made from reports."""

from __future__ import annotations

from eximsim.errors import Gap
from eximsim.gate.report import Cause, Change, Everyday, Group, Mail, Outcome, Report
from eximsim.gate.severity import Severity
from eximsim.status import Security

DANE = Outcome(
    "delivered",
    Security.DANE,
    "h1-a.test.ex",
    log=('M1 => a@one.test.ex R=client T=t H=h1-a.test.ex [10.9.1.1] X=TLS CV=dane DN="CN=h1-a" C="250 OK"',),
)
CLEAR = Outcome(
    "delivered",
    Security.CLEAR,
    "h1-a.test.ex",
    log=('M1 => a@one.test.ex R=client T=t H=h1-a.test.ex [10.9.1.1] C="250 OK"',),
)
WAITS = Outcome(
    "deferred",
    reason="DANE error: tlsa lookup DEFER",
    log=("M1 == a@one.test.ex R=client T=t defer (-36): DANE error: tlsa lookup DEFER",),
)
FAILS = Outcome(
    "failed",
    reason="DANE error: tlsa lookup FAIL",
    log=("M1 ** a@one.test.ex R=client T=t: DANE error: tlsa lookup FAIL",),
)
ACCEPTED = Outcome("accepted", Security.TLS, "h1-a.test.ex", reason="250 Accepted")
UNASKED = Outcome("tempfailed", reason="451 <&> Could not complete recipient verify callout")

ROUTE = "a@one.test.ex"


def change(
    situation: dict[str, str], kind: str, before: Outcome, after: Outcome, severity: Severity, size: int
) -> Change:
    return Change(situation, kind, before, after, severity, size, ROUTE)


def option(name: str, line: int, text: str) -> Cause:
    return Cause(name, f"exim.conf:{line}", text)


def example() -> Report:
    """A report with groups of several severities; names and words hold characters that need quoting."""
    lost = option("hosts_require_dane", 41, 'transport "t": was * and is !h1-a.test.ex : *')
    groups = (
        Group(
            (lost,),
            Severity.LESS,
            (
                change(
                    {"TLSA of host 1": "match", "STARTTLS of host 1": "454"},
                    "delivery", DANE, CLEAR, Severity.LESS, 96,
                ),
                change({"MX": "insecure", "EHLO": "HELP"}, "delivery", DANE, CLEAR, Severity.LESS, 4),
            ),
        ),
        Group(
            (Cause("tlsa_map", "4b0fe3193 (4.88 JH/03)", "What the answer to a TLSA question means."),),
            Severity.HELD,
            (change({"TLSA of host 1": "NXDOMAIN"}, "delivery", CLEAR, WAITS, Severity.HELD, 12),),
        ),
        Group(
            (
                option("dns_again_means_nonexist", 3, "was unset and is *.test.ex"),
                option("hosts_try_dane", 42, "was *"),
            ),
            Severity.RELEASED,
            (
                change({"TLSA of host 1": "time-out"}, "callout", UNASKED, ACCEPTED, Severity.RELEASED, 2),
                change({"TLSA of host 1": "SERVFAIL"}, "callout", UNASKED, ACCEPTED, Severity.RELEASED, 2),
            ),
        ),
        Group(
            (option("tls_tempfail_tryclear", 44, "transport | t: was true and is false"),),
            Severity.MORE,
            (change({"STARTTLS of host 1": "454"}, "delivery", CLEAR, DANE, Severity.MORE, 8),),
        ),
        Group(
            (Cause("failed_address_colon_spaced", "7b411755d (4.99)", "A blank before the colon."),),
            Severity.WORDS,
            (change({"MX": "insecure"}, "delivery", FAILS, FAILS, Severity.WORDS, 30),),
        ),
    )  # fmt: skip
    gap = Gap("router local: not modelled", "exim.conf:12")
    return Report("old.conf", "new.conf", groups, 14_400, 117, gaps=(gap,), everyday=everyday())


def everyday() -> tuple[Mail, ...]:
    """Everyday mail on one route: nothing changes, mail is held back, other words."""
    rows = (
        Everyday("no DNSSEC", CLEAR, CLEAR),
        Everyday("TLSA SERVFAIL", CLEAR, WAITS, Severity.HELD),
        Everyday("host | down", FAILS, FAILS, Severity.WORDS),
    )
    return (Mail(f"{ROUTE} by its MX hosts", rows),)


def unchanged() -> Report:
    """A report of a change that changes nothing."""
    same = Mail(f"{ROUTE} by its MX hosts", (Everyday("no DNSSEC", CLEAR, CLEAR),))
    return Report("old.conf", "new.conf", (), 14_400, 117, everyday=(same,))
