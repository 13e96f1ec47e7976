"""Where log lines go and what stands in them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import InputError, Unsupported
from eximsim.mta.config.expansion_history import lacking
from eximsim.mta.config.log_selector import SELECTORS, parse_selector
from eximsim.mta.process.ends import PanicDie
from eximsim.mta.process.log import close_stray_descriptor, log_stamp, log_write, selector
from eximsim.mta.records.logs import Rejected
from tests.mta.front import PANIC, REJECT, STAMP, Front
from tests.mta.local import LocalMachine

SELECTED = [
    ("", "msg_id", True),
    ("+all", "subject", True),
    ("-all", "msg_id", False),
    ("+all -subject", "subject", False),
    ("+subject -subject", "subject", False),
    ("+ subject", "subject", True),
    ("-rejected_headers", "rejected_header", False),
    ("+tls_sni+tls_peerdn", "tls_peerdn", True),
]


@pytest.mark.parametrize(("text", "name", "on"), SELECTED)
def test_selectors_are_added_and_taken_away_in_turn(text: str, name: str, on: bool) -> None:
    assert (name in parse_selector(text)) is on


@pytest.mark.parametrize("text", ["subject", "+nothing", "+", "-all subject"])
def test_a_bad_selector_is_an_error_with_its_line(text: str) -> None:
    with pytest.raises(InputError, match=r"exim\.conf:3"):
        parse_selector(text, "exim.conf", 3)


@pytest.mark.parametrize(
    ("release", "name"),
    [("4.86", "outgoing_interface"), ("4.87", "dnssec"), ("4.91", "pipelining"), ("4.92", "msg_id"),
     ("4.96", "tainted"), ("4.96", "connection_id"), ("4.98", "tls_on_connect")],
)  # fmt: skip
def test_a_release_knows_its_own_selectors(release: str, name: str) -> None:
    lacks = lacking(release).selectors
    with pytest.raises(InputError, match=f"unknown log_selector setting: [+]{name}"):
        parse_selector(f"+{name}", "exim.conf", 3, lacks)
    assert parse_selector("-all", lacks=lacks) <= lacks
    assert not parse_selector("+all", lacks=lacks) & lacks - parse_selector("")


@given(st.lists(st.tuples(st.sampled_from("+-"), st.sampled_from(sorted(SELECTORS))), max_size=8))
def test_the_last_word_about_a_selector_counts(words: list[tuple[str, str]]) -> None:
    chosen = parse_selector(" ".join(sign + name for sign, name in words))
    for name in {name for _, name in words}:
        last = [sign for sign, other in words if other == name][-1]
        assert (name in chosen) is (last == "+")


STAMPS = [
    ("", "2023-11-14 22:13:20"),
    ("log_selector = +millisec", "2023-11-14 22:13:20.000"),
    ("log_timezone", "2023-11-14 22:13:20 +0000"),
    ("log_timezone\nlog_selector = +millisec", "2023-11-14 22:13:20.000 +0000"),
]


@pytest.mark.parametrize(("main", "stamp"), STAMPS)
def test_the_stamp_has_what_the_configuration_asks_for(main: str, stamp: str) -> None:
    assert log_stamp(Front(main).process()).strip() == stamp


def test_a_line_names_the_process_and_the_message() -> None:
    front = Front("log_selector = +pid")
    process = front.process()
    process.message_id = "1r31eq-000000002bJ-0000"
    log_write(process, "Completed")
    assert front.log() == [f"[{process.pid}] 1r31eq-000000002bJ-0000 Completed"]


def test_each_log_has_its_file() -> None:
    front = Front("log_file_path = /var/log/SERVER%slog")
    log_write(front.process(), "both", reject=True)
    log_write(front.process(), "bad", main=False, panic=True)
    files = front.machine.files
    assert sorted(files) == ["/var/log/SERVERmainlog", "/var/log/SERVERpaniclog", "/var/log/SERVERrejectlog"]
    assert files["/var/log/SERVERmainlog"] == files["/var/log/SERVERrejectlog"]


def test_a_line_that_no_selector_wants_is_not_written() -> None:
    front = Front("log_selector = -queue_run")
    log_write(front.process(), "Start queue run", when="queue_run")
    assert front.log() == []
    assert not selector(front.process(), "queue_run")


def test_a_panic_is_told_on_stderr_too() -> None:
    front = Front()
    said: list[str] = []
    process = front.process()
    process.err = said.append
    log_write(process, "no good", panic=True)
    assert said == ["2023-11-14 22:13:20 no good\n"]
    process.log_stderr = False
    log_write(process, "no good", panic=True)
    assert len(said) == 1
    assert front.log(PANIC) == front.log() == ["no good"] * 2


@pytest.mark.parametrize(
    ("main", "left"),
    [("", ""), ("log_selector = +millisec\n", "000 "), ("log_timezone\n", "+0000 ")],
)
def test_checks_of_hosts_log_to_stderr_without_the_seconds_alone(main: str, left: str) -> None:
    front = Front(main=main)
    process = front.process()
    said: list[str] = []
    process.err = said.append
    process.log_testing_mode = process.host_checking = True
    log_write(process, "rejected", reject=True)
    assert said == [f"LOG: {left}rejected\n"]
    assert front.log() == front.log(REJECT) == []


def test_the_reject_log_shows_the_message_with_five_recipients_at_most() -> None:
    front = Front()
    recipients = [f"r{number}@d.ex" for number in range(6)]
    headers = [("P", "Received: by here\n\tid 1\n"), ("T", "To: r@d.ex\n")]
    log_write(
        front.process(), "rejected", main=False, reject=True, rejected=Rejected("s@d.ex", recipients, headers)
    )
    assert front.log(REJECT) == [
        "rejected",
        "Envelope-from: <s@d.ex>",
        "Envelope-to: <r0@d.ex>",
        *(f"    <r{number}@d.ex>" for number in range(1, 5)),
        "    ...",
        "P Received: by here",
        "\tid 1",
        "T To: r@d.ex",
    ]


def test_a_long_header_is_cut_in_the_reject_log() -> None:
    front = Front()
    shown = Rejected("s@d.ex", ["r@d.ex"], [("T", "To: " + "a@d.ex,\n " * 2000 + "b@d.ex\n")])
    log_write(front.process(), "rejected", reject=True, rejected=shown)
    lines = front.log(REJECT)
    assert lines[-1] == "*** truncated ***"
    assert 8000 < sum(len(line) + 1 for line in lines) < 8192


def test_a_reject_log_that_is_closed_by_mistake_ends_the_process() -> None:
    front = Front()
    process = front.process()
    close_stray_descriptor(process)
    log_write(process, "first", reject=True)
    close_stray_descriptor(process)
    with pytest.raises(PanicDie):
        log_write(process, "second", reject=True)
    assert front.log(PANIC)[-1].startswith("failed to write to reject log: length=")


def test_recipients_that_do_not_fit_are_cut_off() -> None:
    letter = ["HELO x", "MAIL FROM:<s@here.ex>", *[f"RCPT TO:<r{number:04}@d.ex>" for number in range(900)]]
    main = "acl_smtp_rcpt = accept\nlog_selector = +received_recipients\nrecipients_max = 0"
    front = Front(main)
    front.smtp(*letter, "DATA", "Subject: x", "", ".", "QUIT")
    (line,) = (line for line in front.log() if "<=" in line)
    assert line.endswith("<trunc>")
    assert len(STAMP + line) == 8188
    with pytest.raises(Unsupported, match="log line"):
        Front(main, release="4.97").smtp(*letter, "DATA", "Subject: x", "", ".", "QUIT")


def test_a_connection_has_a_number_in_the_log() -> None:
    main = "acl_smtp_rcpt = deny\nlog_selector = +connection_id +smtp_connection"
    front = Front(main)
    front.exim("-bd", "-oX", "1225")
    client = front.world.connect("127.0.0.1", 1225, 5)
    for line in ("HELO x", "MAIL FROM:<s@here.ex>", "RCPT TO:<a@b.ex>", "QUIT"):
        client.send(f"{line}\r\n".encode())
    begin, refused, end = front.log()[1:]
    (number,) = re.findall(r"^SMTP connection from \[127.0.0.1\] Ci=(\d+) \(", begin)
    assert refused.startswith(f"H=(x) [127.0.0.1] Ci={number} F=<s@here.ex> rejected RCPT")
    assert end.startswith(f"SMTP connection Ci={number} from (x) [127.0.0.1]")


def test_under_the_test_suite_logs_are_below_the_tests_folder() -> None:
    front = Front("log_file_path = /var/log/%slog")
    front.exim("-odq", "a@d.ex")
    front.machine.test_harness = True
    with pytest.raises(Unsupported, match=r"a log file outside the test's folder \(/etc/exim.conf:5\)"):
        front.exim("-odq", "a@d.ex")


@pytest.mark.parametrize(
    ("pattern", "main", "panic"),
    [
        ("/l/%D-%slog", "/l/20231114-mainlog", "/l/paniclog"),
        ("/l/%slog.%M", "/l/mainlog.202311", "/l/paniclog"),
        ("/l/%slog-%D%%", "/l/mainlog-20231114%", "/l/paniclog%"),
    ],
)
def test_logs_may_be_named_for_the_day_or_the_month(pattern: str, main: str, panic: str) -> None:
    front = Front(f"log_file_path = {pattern}")
    process = front.process()
    log_write(process, "one", panic=True)
    assert list(front.machine.files) == [main, panic]
    process.world.sleep(86400)
    log_write(process, "two")
    later = main.replace("20231114", "20231115")
    assert len(front.machine.files[later]) == (2 if later == main else 1)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ("", "2023-11-14 22:13:20 [{pid}] one"),
        ("no_syslog_timestamp", "[{pid}] one"),
        ("no_syslog_pid", "2023-11-14 22:13:20 one"),
        ("no_syslog_timestamp\nno_syslog_pid", "one"),
    ],
)
def test_exims_test_suite_sees_syslog(options: str, shown: str) -> None:
    front = Front(f"log_file_path = syslog\nlog_selector = +pid\n{options}")
    front.machine.test_harness = True
    said: list[str] = []
    process = front.process()
    process.err = said.append
    log_write(process, "one")
    assert said == [f"SYSLOG: '{shown.format(pid=process.pid)}'\n"]


def test_long_lines_and_several_are_cut_for_syslog() -> None:
    front = Front("log_file_path = syslog\nno_syslog_timestamp")
    front.machine.test_harness = True
    said: list[str] = []
    process = front.process()
    process.err = said.append
    log_write(process, "a" * 871 + "\nb")
    assert said == [f"SYSLOG: '[1/3] {'a' * 870}'\n", "SYSLOG: '[2\\3] a'\n", "SYSLOG: '[3/3] b'\n"]


def test_what_goes_to_two_logs_goes_to_syslog_once_only_if_that_is_said() -> None:
    for options, count in (("", 2), ("no_syslog_duplication", 1)):
        front = Front(f"log_file_path = syslog\n{options}")
        front.machine.test_harness = True
        said: list[str] = []
        process = front.process()
        process.err = said.append
        log_write(process, "one", panic=True)
        assert len([line for line in said if line.startswith("SYSLOG")]) == count


@pytest.mark.parametrize(
    ("release", "told"), [("4.94.1", "Permission denied"), ("4.93", "No such file or directory")]
)
def test_a_log_that_cannot_be_opened_is_the_end(release: str, told: str) -> None:
    """The words are those of test 0397 of Exim's suite."""
    front = Front("log_file_path = /non/existent/%s", release=release)
    front.machine.test_harness = True
    done = front.exim("-q")
    stamp = STAMP.rstrip()
    why = f'Cannot open main log file "/non/existent/main": {told}: euid=0 egid=1000'
    lines = done.stderr.splitlines()
    assert done.code == 1
    assert lines[0] == lines[2] == f"{stamp} {why}"
    assert lines[4:] == [
        f"SYSLOG: '{stamp} {why}'",
        "SYSLOG: 'exim: could not open panic log - aborting: see message(s) above'",
        "exim: could not open panic log - aborting: see message(s) above",
    ]


@pytest.mark.parametrize(("option", "shown"), [("print_topbitchars\n", "grün"), ("", r"gr\303\274n")])
def test_print_topbitchars_shows_octets_above_127_as_they_are(option: str, shown: str) -> None:
    routers = "f:\n driver = redirect\n allow_fail\n data = :fail: grün \x7f\n"
    box = LocalMachine("driver = appendfile\nfile = /mail/a", main=f"\n{option}", routers=routers)
    box.deliver()
    assert rf"** a@test.ex R=f : {shown} \177" in box.log
    box.exim("-be", "${escape:grün}")
    assert box.said == f"{shown}\n"
