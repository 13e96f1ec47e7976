"""What ``-bhc`` shows of a callout's connection, release by release."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.profiles import PROFILES, CalloutSize, CommandLog, ConnectTrace, Profile, profile, with_tls
from eximsim.world.smtp_behaviour import Behaviour
from tests.mta.scenario import (
    GOOD,
    NEW,
    NEWEST,
    OLD,
    PIPELINING,
    PLAIN,
    REFUSING,
    SENDER,
    Mx,
    Settings,
    Site,
    variant,
)

DANE = {"hosts_try_dane": "*"}
SIZE = Behaviour(extensions=("SIZE 1000000",))


def trace(
    server: Mx | None = None, release: str | Profile = NEWEST, options: Settings | None = None
) -> list[str]:
    """The trace of one callout, from the lookup in its cache to its end, without the marks of the trace."""
    return shown(Site([server or Mx(PLAIN)], release, transport=options or {}))


def shown(site: Site, mail: str = "") -> list[str]:
    """As ``trace``; ``mail`` ends the command MAIL."""
    commands = ("EHLO client", f"MAIL FROM:<{SENDER}>{mail}", "RCPT TO:<a@test.ex>", "QUIT")
    stderr = site.exim("-bhc", "10.9.0.5", stdin="".join(f"{command}\r\n" for command in commands)).stderr
    lines = [line.removeprefix(">>> ") for line in stderr.splitlines()]
    first = lines.index("Attempting full verification using callout")
    last = next(number for number, line in enumerate(lines) if "--- end verify ---" in line)
    return lines[first + 1 : last]


def asked(lines: list[str]) -> list[str]:
    """The lists that were asked for, once for each time."""
    answers = (line.partition("? ") for line in lines)
    return [question.rpartition(" ")[2] for question, mark, _ in answers if mark]


def connecting(lines: list[str]) -> list[str]:
    """The lines from ``Connecting`` to the outcome."""
    first = next(number for number, line in enumerate(lines) if "Connecting to" in line)
    last = next(
        number for number in range(first, len(lines)) if lines[number].endswith(("connected", "refused"))
    )
    return lines[first : last + 1]


# ---- the connection ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "shown"),
    [
        (OLD, ["Connecting to mx1.test.ex [10.9.1.1]:25 ... connected"]),
        ("4.92", ["Connecting to mx1.test.ex [10.9.1.1]:25 ... connected"]),
        ("4.94.1", ["Connecting to mx1.test.ex [10.9.1.1]:25 ...  connected"]),
        (NEWEST, [" Connecting to mx1.test.ex [10.9.1.1]:25 ...", " connected"]),
    ],
)
def test_how_a_connection_is_shown(release: str, shown: list[str]) -> None:
    unasked = replace(profile(release), fast_open_asked=False)
    assert connecting(trace(release=unasked)) == shown


@pytest.mark.parametrize(
    ("release", "shown"),
    [
        ("4.92", ["Connecting to mx1.test.ex [10.9.1.1]:25 ... failed: Connection refused"]),
        ("4.97", ["Connecting to mx1.test.ex [10.9.1.1]:25 ...  failed: Connection refused"]),
        ("4.98", ["Connecting to mx1.test.ex [10.9.1.1]:25 ...", " failed: Connection refused"]),
        (
            NEWEST,
            [" Connecting to mx1.test.ex [10.9.1.1]:25 ...", "  sock_connect failed: Connection refused"],
        ),
    ],
)
def test_how_a_refused_connection_is_shown(release: str, shown: list[str]) -> None:
    unasked = replace(profile(release), fast_open_asked=False)
    assert connecting(trace(Mx(REFUSING), unasked)) == shown


def test_each_form_of_a_connection_has_a_release() -> None:
    forms = {each.connect_trace for each in map(profile, ("4.92", "4.97", "4.98", NEWEST))}
    assert forms == set(ConnectTrace)


@pytest.mark.parametrize(
    ("release", "answer"),
    [("4.90", "no (option unset)"), ("4.91", "no (option unset)"), ("4.94.1", 'yes (matched "*")')],
)
def test_fast_open_is_asked_while_connecting_and_wanted_by_default_in_newer_releases(
    release: str, answer: str
) -> None:
    first, *others = connecting(trace(release=release))
    assert first.endswith(f" ... 10.9.1.1 in hosts_try_fastopen? {answer}")
    assert [line.strip() for line in others] == ["connected"]


def test_the_question_on_fast_open_is_nested_below_a_connection_with_a_line_of_its_own() -> None:
    lines = connecting(trace(options={"hosts_try_fastopen": ":"}))
    assert lines == [
        " Connecting to mx1.test.ex [10.9.1.1]:25 ...",
        "  10.9.1.1 in hosts_try_fastopen?",
        "   list element: ",
        "  10.9.1.1 in hosts_try_fastopen? no (end of list)",
        " connected",
    ]


def test_a_connection_from_an_address() -> None:
    lines = trace(release=NEW, options={"interface": "10.9.0.1"})
    assert "Connecting to mx1.test.ex [10.9.1.1]:25 from 10.9.0.1 ... connected" in lines


# ---- the dialogue ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "said"),
    [
        ("4.89", ["  SMTP>> MAIL FROM:<>", "  SMTP>> RCPT TO:<a@test.ex>"]),
        ("4.91", ["  SMTP>> MAIL FROM:<>", "  SMTP>> RCPT TO:<a@test.ex>", "cmd buf flush 35 bytes"]),
        ("4.97", ["  SMTP|> MAIL FROM:<>", "  SMTP>> RCPT TO:<a@test.ex>", "cmd buf flush 35 bytes"]),
    ],
)
def test_pipelined_commands(release: str, said: list[str]) -> None:
    options = {"hosts_avoid_tls": "*", "size_addition": "-1"}
    lines = [line for line in trace(Mx(PIPELINING), release, options) if not line.startswith("  SMTP<<")]
    first = next(number for number, line in enumerate(lines) if "MAIL FROM" in line)
    assert lines[first : first + len(said)] == said


def test_lines_of_the_dialogue_are_indented_in_the_newest_release() -> None:
    older, newer = trace(release="4.98"), trace()
    assert "  SMTP<< 250-mx.test.ex" in older
    assert ("         250 HELP" in older, "          250 HELP" in newer) == (True, True)
    assert " cmd buf flush 21 bytes" in newer


@pytest.mark.parametrize(
    ("release", "end"),
    [
        (OLD, ["  SMTP>> QUIT"]),
        (NEW, ["  SMTP>> QUIT"]),
        ("4.88", ["  SMTP>> QUIT", "cmd buf flush 6 bytes", "  SMTP<< 221 bye", "  SMTP(close)>>"]),
    ],
)
def test_the_end_of_a_callout(release: str, end: list[str]) -> None:
    assert trace(release=release)[-len(end) :] == end


SESSION = "cmdlog: '220:EHLO:250-:MAIL:250:RCPT:250:QUIT:221'"


@pytest.mark.parametrize("when", CommandLog)
def test_a_session_is_summed_up(when: CommandLog) -> None:
    lines = trace(release=variant(NEWEST, command_log=when))
    assert [line.strip() for line in lines if "cmdlog" in line] == [SESSION][: when is not CommandLog.NEVER]


@pytest.mark.parametrize(
    ("when", "shown"),
    [(CommandLog.NEVER, []), (CommandLog.AT_CLOSE, []), (CommandLog.AFTER_CALLOUT, ["cmdlog: (unset)"])],
)
def test_a_session_that_never_was_is_summed_up_by_the_newest_release(
    when: CommandLog, shown: list[str]
) -> None:
    lines = trace(Mx(REFUSING), variant(NEWEST, command_log=when))
    assert [line for line in lines if "cmdlog" in line] == shown


# ---- the questions on the host -----------------------------------------------------------------


@pytest.mark.parametrize("release", list(PROFILES))
def test_each_list_is_asked_only_by_releases_that_have_the_option(release: str) -> None:
    questions = asked(trace(Mx(tlsa=GOOD), release, DANE))
    known = profile(release)
    assert ("hosts_try_fastopen" in questions) == known.fast_open_asked
    assert ("tls_resumption_hosts" in questions) == known.tls_resumption_asked
    assert questions.count("hosts_require_auth") == 1


def test_ocsp_is_asked_twice_under_dane_and_by_default_only_for_other_than_end_entity_records() -> None:
    questions = [line for line in trace(Mx(tlsa=GOOD), NEW, DANE) if "_ocsp?" in line]
    assert questions == [
        "10.9.1.1 in hosts_require_ocsp? no (option unset)",
        "10.9.1.1 in hosts_require_ocsp? no (option unset)",
        "10.9.1.1 in hosts_request_ocsp? no (end of list)",
    ]


def test_ocsp_is_asked_for_by_default_without_dane() -> None:
    questions = [line for line in trace(Mx(), NEW) if "_ocsp?" in line]
    assert questions == [
        "10.9.1.1 in hosts_require_ocsp? no (option unset)",
        '10.9.1.1 in hosts_request_ocsp? yes (matched "*")',
    ]


def test_a_list_of_ones_own_is_not_asked_again() -> None:
    options = {**DANE, "hosts_request_ocsp": ":"}
    questions = [line for line in trace(Mx(tlsa=GOOD), NEW, options) if "_ocsp?" in line]
    assert questions == [
        "10.9.1.1 in hosts_require_ocsp? no (option unset)",
        "10.9.1.1 in hosts_request_ocsp? no (end of list)",
    ]


def test_gnutls_asks_once_whatever_the_records_say() -> None:
    release = with_tls(profile(NEWEST), "gnutls")
    questions = [line for line in asked(trace(Mx(tlsa=GOOD), release, DANE)) if line.endswith("_ocsp")]
    assert questions[0] == "hosts_require_ocsp"
    assert "hosts_request_ocsp" in questions
    assert questions.count("hosts_require_ocsp") == 1


# ---- SIZE --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mail", ["", " SIZE=77"])
@pytest.mark.parametrize("rule", CalloutSize)
@pytest.mark.parametrize("cached", [False, True])
def test_a_callout_tells_the_size_that_it_was_told_and_something_on_top(
    mail: str, rule: CalloutSize, cached: bool
) -> None:
    site = Site([Mx(SIZE)], variant(NEWEST, callout_size=rule), callout="5s" if cached else "5s,no_cache")
    known = rule is CalloutSize.ALWAYS or (
        mail and not (rule is CalloutSize.IF_KNOWN_AND_UNCACHED and cached)
    )
    size = f" SIZE={1024 + (77 if mail else -1)}" if known else ""
    assert f"SMTP>> MAIL FROM:<>{size}" in [line.strip() for line in shown(site, mail)]


def test_a_callout_over_smtps_asks_about_esmtp_up_to_4_88_although_it_greets_nobody() -> None:
    lines = trace(Mx(PLAIN), NEW, {"protocol": "smtps", "port": "25"})
    asked = lines.index("10.9.1.1 in hosts_avoid_esmtp? no (option unset)")
    assert asked < lines.index("  SMTP>> MAIL FROM:<>")


def stderr(site: Site, recipient: str) -> list[str]:
    commands = ("EHLO client", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{recipient}>", "QUIT")
    return site.exim(
        "-bh", "10.9.0.5", stdin="".join(f"{command}\r\n" for command in commands)
    ).stderr.splitlines()


def test_hosts_that_are_left_out_behind_the_local_one_are_named() -> None:
    zone = [
        {"name": "two.ex", "type": "MX", "ad": True, "data": [[10, "mx1.test.ex"], [20, "here.ex"]]},
        {"name": "here.ex", "type": "A", "ad": True, "data": ["127.0.0.1"]},
        {"name": "here.ex", "type": "AAAA", "ad": True, "data": []},
    ]
    lines = stderr(Site([Mx(PLAIN)], NEWEST, zone=zone), "b@two.ex")
    first = next(n for n, line in enumerate(lines) if "local host in host list - removed hosts:" in line)
    assert lines[first + 1].split()[1:] == ["here.ex", "127.0.0.1", "20"]


@pytest.mark.parametrize("named", [True, False])
def test_the_list_of_hosts_that_are_ignored_is_named_in_the_releases_that_name_lists(named: bool) -> None:
    release = variant(NEWEST, router_lists_named=named)
    site = Site([Mx(PLAIN)], release, router={"ignore_target_hosts": "10.9.9.9"})
    assert any("in ignore_target_hosts?" in line for line in stderr(site, "a@test.ex")) is named


@pytest.mark.parametrize("nested", [0, 1])
def test_what_a_lookup_of_the_clients_name_does_is_set_in_where_the_release_nests_it(nested: int) -> None:
    zone = [
        {"name": "5.0.9.10.in-addr.arpa", "type": "PTR", "data": ["client.ex"]},
        {"name": "client.ex", "type": "A", "data": ["10.9.0.5"]},
    ]
    release = variant(NEWEST, dns_debug_nested=bool(nested))
    lines = stderr(Site([Mx()], release, main={"host_lookup": "*"}, zone=zone), "a@test.ex")
    assert f'>>> {" " * nested}IP address lookup yielded "client.ex"' in lines
    assert ">>> looking up host name for 10.9.0.5" in lines
    assert ">>> host in host_reject_connection? no (option unset)" in lines
