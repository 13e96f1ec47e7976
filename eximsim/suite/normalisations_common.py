"""Normalisations of all kinds of file: names, ids, times, users, ports, addresses, errors, sizes."""

from __future__ import annotations

import re
from datetime import datetime

from eximsim.suite.normalisation import (
    STDERR,
    STDOUT,
    Edit,
    Normalisation,
    Reading,
    drop,
    number,
    special,
    sub,
)
from eximsim.suite.numbering import Numbering


def _old_id(numbering: Numbering, value: str) -> str:
    return numbering.message_id(value, "10Hm%s-0005vi-00")


def _long_id(numbering: Numbering, value: str) -> str:
    return numbering.message_id(value, "10Hm%s-000000005vi-0000")


_LISTENING = re.compile(r"listening for SMTP(S?) on port")
_FAMILIES = re.compile(r"port (\d+) \([^)]+\)")


def _listening_families(line: str, reading: Reading) -> str:
    return _FAMILIES.sub(r"port \1", line) if _LISTENING.search(line) else line


FIRST: tuple[Normalisation, ...] = (
    sub("host name", "%hostname%", "the.local.host.name", ("H=%hostname% x\n", "H=the.local.host.name x\n"),
        every=True),
    sub("localhost by name", r"name=the\.local\.host address=127\.0\.0\.1",
        "name=localhost address=127.0.0.1", ("name=the.local.host address=127.0.0.1\n",
        "name=localhost address=127.0.0.1\n"), hint="name=the.local"),
    sub("shell", r"\s%shell%\b", " ENV_SHELL", ("run %shell% -c\n", "run ENV_SHELL -c\n")),
    sub("test directory", "%directory%", "TESTSUITE", ("in %directory%/spool\n", "in TESTSUITE/spool\n"),
        every=True),
    number("old message id", r"(?P<n>\d[^\W_]{5}-[^\W_]{6}-[^\W_]{2})", _old_id,
           ("1vXyZ3-000abC-Qq Completed\n", "10HmaX-0005vi-00 Completed\n"), every=True, hint="-",
           when="ids_start_with_digit"),
    number("message id", r"(?P<n>(?:[^\W_]{6}-){2}[^\W_]{2})", _old_id,
           ("1vXyZ3-000abC-Qq Completed\n", "10HmaX-0005vi-00 Completed\n"), every=True, hint="-",
           unless="ids_start_with_digit"),
    number("long message id", r"(?P<n>\d[^\W_]{5}-[^\W_]{11}-[^\W_]{4})", _long_id,
        ("1vXyZ3-00000000abC-Qq12 Completed\n", "10HmaX-000000005vi-0000 Completed\n"), every=True, hint="-",
        when="long_ids"),
    sub("lock file", r"\.lock(\.[-\w]+)+(\.[\da-f]+){2}", ".lock.test.ex.dddddddd.pppppppp",
        ("x.lock.some.host.5f3a.1b\n", "x.lock.test.ex.dddddddd.pppppppp\n"), hint=".lock."),
    special("listening families", _listening_families,
            ("listening for SMTP on port 1225 (IPv6 and IPv4)\n", "listening for SMTP on port 1225\n"),
            hint="listening for SMTP"),
    sub("PRVS, old form", r"prvs=([^/]+)/[\da-f]{10}@", r"prvs=\1/xxxxxxxxxx@",
        ("prvs=ph/0123456789@test.ex\n", "prvs=ph/xxxxxxxxxx@test.ex\n"), every=True, hint="prvs="),
    sub("PRVS, new form", r"prvs=[\da-f]{10}=([^@]+)@", r"prvs=xxxxxxxxxx=\1@",
        ("prvs=0123456789=ph@test.ex\n", "prvs=xxxxxxxxxx=ph@test.ex\n"), every=True, hint="prvs="),
    sub("cipher list error", "SSL_CTX_set_cipher_list", "SSL_connect",
        ("(SSL_CTX_set_cipher_list): x\n", "(SSL_connect): x\n"), hint="SSL_CTX_set"),
    sub("key identifier mismatch", "error=authority and subject key identifier mismatch",
        "error=self signed certificate", ("depth=0 error=authority and subject key identifier mismatch\n",
        "depth=0 error=self signed certificate\n"), hint="key identifier"),
    sub("self-signed", "error=self-signed certificate", "error=self signed certificate",
        ("error=self-signed certificate cert=/CN=a\n", "error=self signed certificate cert=/CN=a\n"),
        hint="self-signed"),
    sub("base 36 or 62", "is not a base (36|62) number", "is not a base 36/62 number",
        ("! is not a base 62 number\n", "! is not a base 36/62 number\n"), hint="is not a base"),
    sub("forced fail", r"forced fail after \d seconds", "forced fail after d seconds",
        ("forced fail after 3 seconds\n", "forced fail after d seconds\n"), hint="forced fail"),
    sub("hints database", r"Failed to open \S+( \([^\)]+\))? file", "Failed to open DBM file",
        ("Failed to open Berkeley file x\n", "Failed to open DBM file x\n"), hint="Failed to open",
        unless="hintsdb_named"),
    sub("hintsdb", r"Failed to open \S+( \([^\)]+\))? file", "Failed to open hintsdb file",
        ("Failed to open DBM file x\n", "Failed to open hintsdb file x\n"), hint="Failed to open",
        when="hintsdb_named"),
    sub("lock file of a hints database",
        r"Failed to open (?:hintsdb|database lock) file (.*/spool/db/[^. ]*)(?:.lockfile)?(?: for reading)?"
        r"(?=: No such file or directory$)", r"Failed to open hintsdb \1",
        ("Failed to open database lock file d/spool/db/x.lockfile: No such file or directory\n",
         "Failed to open hintsdb d/spool/db/x: No such file or directory\n"), hint="Failed to open",
        when="lockfiles_hidden"),
    sub("named pipe", ":[^:]+: while opening named pipe", ": Error: while opening named pipe",
        ("p: No such device: while opening named pipe\n", "p: Error: while opening named pipe\n"),
        hint="named pipe"),
    sub("sort key", r"^(\s*\S+ (?:\d+\.){3}\d+ mx=\S+ sort=)\S+", r"\1xx",
        ("a.test.ex 10.0.0.1 mx=5 sort=5123\n", "a.test.ex 10.0.0.1 mx=5 sort=xx\n"), hint=" sort="),
    sub("random callout address", r"(myhost\.test\.ex|the\.local\.host\.name)-\d+-testing",
        r"\1-dddddddd-testing", ("myhost.test.ex-1234-testing@x\n", "myhost.test.ex-dddddddd-testing@x\n"),
        hint="-testing"),
    sub("data block", r"^writing data block fd=\d+", "writing data block fd=dddd",
        ("writing data block fd=7 size=8\n", "writing data block fd=dddd size=8\n"), hint="fd="),
)  # fmt: skip

_DUMPED = r"\d{2}-\w{3}-\d{4}\s\d{2}:\d{2}:\d{2}"
_DUMP_LINE = re.compile(rf"({_DUMPED})\s+({_DUMPED})\s+({_DUMPED})(\s+\*)?\s*$")


def _dump_times(rounded: bool) -> Edit:
    def edit(line: str, reading: Reading) -> str:
        if not (match := _DUMP_LINE.match(line)):
            return line
        try:
            last, following = (datetime.strptime(match[n], "%d-%b-%Y %H:%M:%S") for n in (2, 3))
        except ValueError:
            return line
        step = int((following - last).total_seconds())
        if rounded:
            step = ((step + 1) or 2) >> 1 << 1
        return f"first failed = time last try = time2 next try = time2 + {step}{match[4] or ''}\n"

    return edit


_RETRY_WRITE = re.compile(r"^(.*)first failed=\d+ last try=(\d+) next try=(\d+) (.*)$")


def _retry_write(line: str, reading: Reading) -> str:
    if not (match := _RETRY_WRITE.match(line)):
        return line
    step = int(match[3]) - int(match[2])
    return f"{match[1]}first failed=dddd last try=dddd next try=+{step} {match[4]}\n"


_SYSLOG = r"^SYSLOG:\s'\d{4}-\d\d-\d\d\s"
_SYSLOG_DONE = "SYSLOG: '2017-07-30 18:51:05"
_BLANK = "(\\s|\u2591)"

TIMES: tuple[Normalisation, ...] = (
    special("retry dump", _dump_times(rounded=False),
        ("01-Jan-2026 10:00:00  01-Jan-2026 10:00:05  01-Jan-2026 10:00:06 *\n",
        "first failed = time last try = time2 next try = time2 + 1 *\n"), hint=":",
        unless="retry_times_even"),
    special("retry dump, even", _dump_times(rounded=True),
        ("01-Jan-2026 10:00:00  01-Jan-2026 10:00:05  01-Jan-2026 10:00:06 *\n",
        "first failed = time last try = time2 next try = time2 + 2 *\n"), hint=":", when="retry_times_even"),
    sub("retry dump's full mailbox", r"T:(.*)\(MTA-imposed quota exceeded while writing to.*$",
        r"T:\1(MTA-imposed quota exceeded while writing to <elided>)",
        ("T:a -22 1 mailbox is full (MTA-imposed quota exceeded while writing to /m/a)\n",
        "T:a -22 1 mailbox is full (MTA-imposed quota exceeded while writing to <elided>)\n"), hint="quota",
        when="full_mailboxes_elided"),
    sub("retry dump's time errno", r"T:(\S+)\s-22\s(\S+)\s", r"T:\1 -22 xxxx ",
        ("T:a.test.ex:10.0.0.1 -22 8765 b\n", "T:a.test.ex:10.0.0.1 -22 xxxx b\n"), hint=" -22 "),
    sub("retry key port N", r"T:([a-z0-9.]+(:[0-9.]+|:\[[^]]+])?):%port_n% ", r"T:\1:PORT_N ",
        ("T:a.test.ex:10.0.0.1:%port_n% 5\n", "T:a.test.ex:10.0.0.1:PORT_N 5\n"), hint="T:",
        when="retry_keys_with_addresses"),
    sub("retry key port N, of a name", r"T:([a-z.]+(:[0-9.]+)?):%port_n% ", r"T:\1:PORT_N ",
        ("T:a.test.ex:10.0.0.1:%port_n% 5\n", "T:a.test.ex:10.0.0.1:PORT_N 5\n"), hint="T:",
        when="retry_keys_with_names"),
    sub("retry key port S", r"T:([a-z0-9.[\]]+(:[0-9.]+|:\[[^]]+])?):%port_s% ", r"T:\1:PORT_S ",
        ("T:a.test.ex:10.0.0.1:%port_s% 5\n", "T:a.test.ex:10.0.0.1:PORT_S 5\n"), hint="T:",
        when="retry_keys_with_addresses"),
    sub("header date", rf"[A-Z][a-z]{{2}},{_BLANK}\d\d?{_BLANK}[A-Z][a-z]{{2}}{_BLANK}\d{{4}}{_BLANK}"
        rf"\d\d:\d\d:\d\d{_BLANK}[-+]\d{{4}}", r"Tue,\g<1>2\g<2>Mar\g<3>1999\g<4>09:44:33\g<5>+0000",
        ("ESMTP Exim x.yz Sun, 23 Nov 2025 09:05:01 +0100\n",
        "ESMTP Exim x.yz Tue, 2 Mar 1999 09:44:33 +0000\n"), every=True, hint=","),
    sub("log stamp", r"^\d{4}-\d\d-\d\d\s\d\d:\d\d:\d\d(\s[+-]\d\d\d\d)?(?=\s)", "1999-03-02 09:44:33",
        ("2025-11-23 09:05:01 +0100 Start\n", "1999-03-02 09:44:33 Start\n"), hint="-"),
    sub("log stamp with milliseconds",
        r"^\d{4}-\d\d-\d\d\s\d\d:\d\d:\d\d\.\d{3}(?:\s(?:[+-]\d\d\d\d|[A-Z]{2}T))?\s",
        "2017-07-30 18:51:05.712 ", ("2025-11-23 09:05:01.123 Start\n", "2017-07-30 18:51:05.712 Start\n"),
        hint="-"),
    sub("logwrite stamp", r'^Logwrite\s"\d{4}-\d\d-\d\d\s\d\d:\d\d:\d\d', 'Logwrite "1999-03-02 09:44:33',
        ('Logwrite "2025-11-23 09:05:01 x"\n', 'Logwrite "1999-03-02 09:44:33 x"\n'), hint="Logwrite"),
    sub("syslog stamp", rf"{_SYSLOG}\d\d:\d\d:\d\d\s", rf"{_SYSLOG_DONE} ",
        ("SYSLOG: '2025-11-23 09:05:01 x'\n", "SYSLOG: '2017-07-30 18:51:05 x'\n"), hint="SYSLOG"),
    sub("syslog stamp, milliseconds", rf"{_SYSLOG}\d\d:\d\d:\d\d\.\d{{3}}\s", rf"{_SYSLOG_DONE}.712 ",
        ("SYSLOG: '2025-11-23 09:05:01.123 x'\n", "SYSLOG: '2017-07-30 18:51:05.712 x'\n"), hint="SYSLOG"),
    sub("syslog stamp, zone", rf"{_SYSLOG}\d\d:\d\d:\d\d\s[+-]\d\d\d\d\s", rf"{_SYSLOG_DONE} +9999 ",
        ("SYSLOG: '2025-11-23 09:05:01 +0000 x'\n", "SYSLOG: '2017-07-30 18:51:05 +9999 x'\n"),
        hint="SYSLOG"),
    sub("syslog stamp, milliseconds and zone",
        rf"{_SYSLOG}\d\d:\d\d:\d\d\.\d{{3}}\s[+-]\d\d\d\d\s", rf"{_SYSLOG_DONE}.712 +9999 ",
        ("SYSLOG: '2025-11-23 09:05:01.123 +0000 x'\n", "SYSLOG: '2017-07-30 18:51:05.712 +9999 x'\n"),
        hint="SYSLOG"),
    sub("times on the queue", r"((D|[RQD]T)=)\d+s", r"\1qqs", ("QT=3s DT=0s\n", "QT=qqs DT=qqs\n"),
        every=True, hint="=", when="queue_times_hidden"),
    sub("times on the queue, milliseconds", r"((D|[RQD]T)=)\d\.\d{3}s", r"\1q.qqqs",
        ("QT=0.123s\n", "QT=q.qqqs\n"), every=True, hint="=", when="queue_times_hidden"),
    sub("message separator", rf"(?:[A-Z][a-z]{{2}}{_BLANK}){{2}}\d\d{_BLANK}\d\d:\d\d:\d\d{_BLANK}\d\d\d\d",
        r"Tue\g<1>Mar\g<1>02\g<2>09:44:33\g<3>1999",
        ("From a@b Sun Nov 23 09:05:01 2025\n", "From a@b Tue Mar 02 09:44:33 1999\n"), every=True, hint=":"),
    sub("arrival time", r"^\d{9,10}\s0$", "ddddddddd 0", ("1763888701 0\n", "ddddddddd 0\n"), hint=" 0"),
    sub("mbx date", r"\d\d-\w\w\w-\d\d\d\d\s\d\d:\d\d:\d\d\s[-+]\d\d\d\d,", "06-Sep-1999 15:52:48 +0100,",
        ("23-Nov-2025 09:05:01 +0000,12\n", "06-Sep-1999 15:52:48 +0100,12\n"), every=True, hint=","),
    special("retry record written", _retry_write,
            ("  first failed=100 last try=110 next try=120 x\n",
             "  first failed=dddd last try=dddd next try=+10 x\n"), hint="first failed="),
    sub("retry times", r"^(.*)now=\d+ first_failed=\d+ next_try=\d+ expired=(\w)",
        r"\1now=tttt first_failed=tttt next_try=tttt expired=\2",
        ("now=5 first_failed=4 next_try=6 expired=0\n",
        "now=tttt first_failed=tttt next_try=tttt expired=0\n"), hint="first_failed="),
    sub("ultimate retry", r"^(.*)received_time=\d+ diff=\d+ timeout=(\d+)",
        r"\1received_time=tttt diff=tttt timeout=\2", ("received_time=5 diff=4 timeout=3\n",
        "received_time=tttt diff=tttt timeout=3\n"), hint="received_time="),
    sub("time to retry", r"time to retry = \S+", "time to retry = tttt",
        ("time to retry = 12 exp\n", "time to retry = tttt exp\n"), hint="time to retry"),
    sub("retry record's age", r"retry record exists: age=\S+", "retry record exists: age=ttt",
        ("retry record exists: age=3s (max 7d)\n", "retry record exists: age=ttt (max 7d)\n"), hint="age="),
    sub("failing interval", r"failing_interval=\S+ message_age=\S+", "failing_interval=ttt message_age=ttt",
        ("failing_interval=3 message_age=4\n", "failing_interval=ttt message_age=ttt\n"),
        hint="failing_interval"),
    sub("build date", r"\d\d-[A-Z][a-z]{2}-\d{4}\s\d\d:\d\d:\d\d", "07-Mar-2000 12:21:52",
        ("built 23-Nov-2025 09:05:01\n", "built 07-Mar-2000 12:21:52\n"), every=True, hint="-"),
    sub("one second on the queue", "(QT|D)=1s", r"\1=0s", ("QT=1s\n", "QT=0s\n"), hint="=1s",
        when="one_second_is_none"),
    sub("reset is refused", r"(could not connect to .*: Connection) reset by peer$", r"\1 refused",
        ("could not connect to x: Connection reset by peer\n",
        "could not connect to x: Connection refused\n"), hint="reset by peer"),
)  # fmt: skip


def _ids(kind: str) -> tuple[Normalisation, ...]:
    """``uid=`` and the like of caller and Exim, for one of ``uid gid`` and its ``e`` form."""
    return tuple(
        sub(f"{who} {prefix}{kind}", rf"\b{prefix}{kind}=%{who}_{kind}%\b",
            f"{prefix}{kind}={who.upper()}_{kind.upper()}",
            (f"x {prefix}{kind}=%{who}_{kind}% y\n", f"x {prefix}{kind}={who.upper()}_{kind.upper()} y\n"),
            every=True, hint=f"{kind}=")
        for who in ("caller", "exim") for prefix in ("e", "")
    )  # fmt: skip


def _port(numbering: Numbering, value: str) -> str:
    return numbering.port(value)


def _stamped_pid(numbering: Numbering, value: str) -> str:
    # runtest asks for the name of " [1234]" as a whole, not of the number in it
    return numbering.pid(f" [{value}]")


def _syslog_pid(numbering: Numbering, value: str) -> str:
    return numbering.pid(f"[{value}]")


def _pid(numbering: Numbering, value: str) -> str:
    return numbering.pid(value, "p%s")


_DAEMON = re.compile(r"^(\s*\d+) (?:listening|LOG: MAIN|(?:daemon_smtp_port|local_interfaces) overridden by)")


def _daemon_pid(line: str, reading: Reading) -> str:
    if match := _DAEMON.match(line):
        reading.daemon_pid = match[1]
    return line.removeprefix(f"{reading.daemon_pid} ") if reading.daemon_pid else line


_HEX = r"[\da-fA-F]{1,4}"
_IP = rf"(?:\d{{1,3}}(?:\.\d{{1,3}}){{3}}|(?:{_HEX}:){{0,7}}{_HEX}(?:::(?:{_HEX}:){{0,5}}{_HEX})?)"

REST: tuple[Normalisation, ...] = (
    sub("signature algorithm", "RSA-SHA1", "RSA-SHA", ("alg RSA-SHA1\n", "alg RSA-SHA\n"), hint="RSA-SHA1"),
    sub("caller's home", "%caller_home%", "CALLER_HOME", ("in %caller_home%/x\n", "in CALLER_HOME/x\n"),
        every=True),
    sub("caller", r"\b%caller%\b", "CALLER", ("U=%caller% P=local\n", "U=CALLER P=local\n"), every=True),
    sub("caller's group", r"\b%caller_group%\b", "CALLER", ("group %caller_group%\n", "group CALLER\n"),
        every=True),
    *_ids("uid"),
    *_ids("gid"),
    sub("caller's full name", r'\bname="?%caller_gecos%"?', "name=CALLER_GECOS",
        ('name="%caller_gecos%" x\n', "name=CALLER_GECOS x\n"), every=True, hint="name="),
    sub("caller in a spool file", r"^(CALLER|spaced user) %caller_uid% \d+$", "CALLER UID GID",
        ("CALLER %caller_uid% 1000\n", "CALLER UID GID\n"), hint=" "),
    sub("Exim's login", r"\b(U|user|login)=%exim_user%", r"\1=EXIMUSER", ("U=%exim_user% P=local\n",
        "U=EXIMUSER P=local\n"), hint="="),
    sub("Exim's login in headers", "(Received: from|Running as:) %exim_user%", r"\1 EXIMUSER",
        ("Received: from %exim_user% by\n", "Received: from EXIMUSER by\n")),
    sub("Exim's address", r"\b%exim_user%@", "EXIMUSER@", ("<%exim_user%@test.ex>\n", "<EXIMUSER@test.ex>\n"),
        hint="@"),
    sub("Exim's lock file", r"\b%exim_user%\.lock\.", "EXIMUSER.lock.",
        ("%exim_user%.lock.x\n", "EXIMUSER.lock.x\n"), hint=".lock."),
    sub("Exim in a spool file", "^%exim_user% %exim_uid% %exim_gid%", "EXIMUSER EXIM_UID EXIM_GID",
        ("%exim_user% %exim_uid% %exim_gid%\n", "EXIMUSER EXIM_UID EXIM_GID\n")),
    sub("no user", r"\b(e?[ug]id)=4294967295", r"\1=-1", ("uid=4294967295\n", "uid=-1\n"), every=True,
        hint="id=4294967295"),
    sub("group ids", r"\b(e?gid)=\d+", r"\1=gggg", ("gid=12 egid=13\n", "gid=gggg egid=gggg\n"), every=True,
        hint="gid="),
    sub("process number", r"\bpid=\d+", "pid=pppp", ("Start queue run: pid=12 -qf\n",
        "Start queue run: pid=pppp -qf\n"), hint="pid=", unless="pids_numbered"),
    sub("process number, PID", r"\bPID: \d+", "PID: pppp", ("PID: 12\n", "PID: pppp\n"), hint="PID: ",
        when="pids_in_capitals"),
    sub("process number, pid", r"\b(pid |PID: )\d+", r"\1pppp", ("pid 12\n", "pid pppp\n"),
        when="pids_after_blank"),
    number("process numbers", r"\b(?:pid=|pid\s|PID:\s|Process\s|child\s)(?P<n>\d+)", _pid,
        ("Start queue run: pid=12 -qf\n", "Start queue run: pid=p1234 -qf\n"), every=True,
        when="pids_numbered"),
    number("connection ids", r" Ci=(?P<n>\d+)", _pid, ("x Ci=12\n", "x Ci=p1234\n"), every=True, hint=" Ci=",
           when="connection_ids"),
    sub("user ids", r"\b(e?uid)=\d+", r"\1=uuuu", ("uid=12 euid=13\n", "uid=uuuu euid=uuuu\n"), every=True,
        hint="uid="),
    sub("process info", r"set_process_info:\s+\d+", "set_process_info: pppp",
        ("set_process_info: 12 x\n", "set_process_info: pppp x\n"), hint="set_process_info"),
    sub("queue run", r"queue run pid \d+", "queue run pid ppppp", ("queue run pid 12\n",
        "queue run pid ppppp\n"), hint="queue run pid", unless="deferred_ports_kept"),
    sub("transport filter", r"process \d+ (running as|writing to) transport filter",
        r"process pppp \1 transport filter", ("process 12 running as transport filter\n",
        "process pppp running as transport filter\n"), hint="transport filter"),
    sub("subprocess pipe", r"reading pipe for subprocess \d+", "reading pipe for subprocess pppp",
        ("reading pipe for subprocess 12\n", "reading pipe for subprocess pppp\n"), hint="subprocess"),
    sub("delivery process", r"remote delivery process \d+ ended", "remote delivery process pppp ended",
        ("remote delivery process 12 ended\n", "remote delivery process pppp ended\n"),
        hint="remote delivery"),
    sub("temporary mail file", r"(test-mail/(?:subdir/)?temp)\.\d+\.", r"\1.pppp.",
        ("test-mail/temp.12.x\n", "test-mail/temp.pppp.x\n"), hint="test-mail/"),
    number("process number of a log line",
        r"^\d{4}-\d\d-\d\d\s\d\d:\d\d:\d\d(?:\.\d{3}|)(?:\s[+-]\d{4}|)\s\[(?P<n>\d+)\]", _stamped_pid,
        ("1999-03-02 09:44:33 [12] Start\n", "1999-03-02 09:44:33 [1234] Start\n"), hint=" ["),
    number("process number in syslog",
        r"^SYSLOG:\s'(?:[-0-9]{10}\s[:.0-9]{8,12}\s(?:[-+]\d{4}\s)?|)\[(?P<n>\d+)\]", _syslog_pid,
        ("SYSLOG: '[12] Start'\n", "SYSLOG: '[1234] Start'\n"), hint="SYSLOG"),
    special("daemon's process number", _daemon_pid, ("12 listening on x\n", "listening on x\n")),
    sub("waiting for children", r"waiting for children of \d+", "waiting for children of pppp",
        ("waiting for children of 12\n", "waiting for children of pppp\n"), hint="waiting for"),
    sub("waiting for a process", r"waiting for (\S+) \(\d+\)", r"waiting for \1 (pppp)",
        ("waiting for x (12)\n", "waiting for x (pppp)\n"), hint="waiting for"),
    drop("local scan", r"^(calling local_scan\(\); timeout=300|local_scan\(\) returned 0 NULL)$",
         "calling local_scan(); timeout=300\n", hint="local_scan", files=STDERR),
    number("port header", r"^Port: (?P<n>\d+)", _port, ("Port: 40001\n", "Port: 10001\n"), hint="Port: "),
    number("port in brackets", r"\(port=(?P<n>\d+)", _port, ("(port=40001)\n", "(port=10001)\n"),
        hint="(port="),
    number("port of a request", r"^Connection request from \S+ port (?P<n>\d+)$", _port,
           ("Connection request from [::1] port 40001\n", "Connection request from [::1] port 10001\n"),
           hint="Connection request", when="request_ports_numbered"),
    number("port of a peer", r"(?i:\[(?:[a-z\d:]+|\d+(?:\.\d+){3})\]:(?P<n>\d+))", _port,
        ("connection from [10.0.0.1]:40001\n", "connection from [10.0.0.1]:10001\n"), hint="]:",
        but_not=r"listening for SMTP on|Connecting to|=>|->|\*>|Connection refused",
        unless="deferred_ports_kept"),
    number("port of a peer, but not where delivery failed", rf"\[{_IP}\]:(?P<n>\d+)", _port,
           ("connection from [10.0.0.1]:40001\n", "connection from [10.0.0.1]:10001\n"), hint="]:",
           but_not=r"listening for SMTP on|Connecting to|[=*-]>|==|\*\*|Connection refused|in response to|"
           r"T(?:ransport)?:", when="deferred_ports_kept"),
    sub("port in a spool file", r"^(--?host_address) (.*[:.])\d+$", r"\1 \g<2>9999",
        ("-host_address 10.0.0.1.40001\n", "-host_address 10.0.0.1.9999\n"), hint="-host_address"),
    sub("host line", r"^\s+host\s(\S+)\s+(\S+)", r"  host \1 \2",
        ("  host a.test.ex    [10.0.0.1]\n", "  host a.test.ex [10.0.0.1]\n"), hint="host "),
    sub("host line's port", r"^\s+(host\s\S+\s\S+)\s+(port=.*)", r"  host \1 \2",
        ("  host a [10.0.0.1]   port=25\n", "  host host a [10.0.0.1] port=25\n"), hint="port="),
    sub("host line's MX", r"^\s+(host\s\S+\s\S+)\s+(?=MX=)", r"  \1 ",
        ("  host a [10.0.0.1]   MX=5\n", "  host a [10.0.0.1] MX=5\n"), hint="MX="),
    sub("own IPv4 address as a host", r"host\s%ipv4%\s\[%ipv4%\]",
        "host ipv4.ipv4.ipv4.ipv4 [ipv4.ipv4.ipv4.ipv4]", ("  host %ipv4% [%ipv4%]\n",
        "  host ipv4.ipv4.ipv4.ipv4 [ipv4.ipv4.ipv4.ipv4]\n"), hint="host "),
    sub("own IPv6 address as a host", r"host\s%ipv6%\s\[%ipv6%\]",
        "host ip6:ip6:ip6:ip6:ip6:ip6:ip6:ip6 [ip6:ip6:ip6:ip6:ip6:ip6:ip6:ip6]",
        ("  host %ipv6% [%ipv6%]\n",
         "  host ip6:ip6:ip6:ip6:ip6:ip6:ip6:ip6 [ip6:ip6:ip6:ip6:ip6:ip6:ip6:ip6]\n"), hint="host "),
    sub("own IPv4 address", r"\b%ipv4%\b", "ip4.ip4.ip4.ip4", ("[%ipv4%]\n", "[ip4.ip4.ip4.ip4]\n"),
        every=True),
    sub("own IPv6 address", r"(^|\W)%ipv6%", r"\1ip6:ip6:ip6:ip6:ip6:ip6:ip6:ip6",
        ("[%ipv6%]\n", "[ip6:ip6:ip6:ip6:ip6:ip6:ip6:ip6]\n"), every=True),
    sub("own IPv4 address reversed", r"\b%ipv4_reversed%\b", "ip4-reverse",
        ("%ipv4_reversed%.in-addr.arpa\n", "ip4-reverse.in-addr.arpa\n"), every=True),
    sub("end of a host line", r"^(\s+host\s\S+\s+\[\S+\]) +$", r"\1 ", ("  host a [10.0.0.1]   \n",
        "  host a [10.0.0.1] \n"), hint=" \n", unless="host_lines_trimmed"),
    sub("end of a host line, trimmed", r"^(\s+host\s\S+\s+\[\S+\]) +$", r"\1",
        ("  host a [10.0.0.1]   \n", "  host a [10.0.0.1]\n"), hint=" \n", when="host_lines_trimmed"),
    sub("IPv4 test network",
        r"(\b|_)%ipv4_test_net%(?=\.\d+\.\d+\.\d+\b|_|\.rbl|\.in-addr|\.test\.again\.dns)", r"\1V4NET",
        ("[%ipv4_test_net%.0.0.1]\n", "[V4NET.0.0.1]\n"), every=True),
    sub("IPv6 test network", r"(?i:\b%ipv6_test_net%(?=:[\da-f]+:[\da-f]+:[\da-f]+))", "V6NET",
        ("[%ipv6_test_net%:0:0:1]\n", "[V6NET:0:0:1]\n"), every=True, hint=":"),
    sub("address not available", "Can(?:no|')t assign requested address|Address not available",
        "Netwk addr not available", ("Cannot assign requested address\n", "Netwk addr not available\n"),
        when="address_not_available"),
    sub("address not available, as any network error", "Can(?:no|')t assign requested address",
        "Network Error", ("Cannot assign requested address\n", "Network Error\n"), hint="assign",
        unless="address_not_available"),
    sub("timed out", "Operation timed out", "Connection timed out", ("Operation timed out\n",
        "Connection timed out\n"), hint="timed out"),
    sub("network error",
        "Address family not supported by protocol family|Network(?: is)? unreachable|Invalid argument",
        "Network Error", ("Network is unreachable\n", "Network Error\n")),
    sub("number of a connection error", r"\(\d+\): (Network|Connection refused|Connection timed out)",
        r"(dd): \1", ("defer (111): Connection refused\n", "defer (dd): Connection refused\n"), hint="): "),
    sub("number of a retry error", r"\d+ (65 Connection refused|321 Connection timed out)", r"dd \1",
        ("111 65 Connection refused\n", "dd 65 Connection refused\n"), hint=" Connection "),
    sub("errno", r"errno=\d+", "errno=dd", ("errno=2 more_errno=3\n", "errno=dd more_errno=dd\n"), every=True,
        hint="errno="),
    sub("not a plain file", r" is not a regular file| has too many links \(\d+\)",
        " not a regular file or too many links", ("x has too many links (2)\n",
        "x not a regular file or too many links\n"), hint=" "),
    sub("size in the log", r"([\s,])S=\d+\b", r"\1S=sss", ("P=local S=312 for\n", "P=local S=sss for\n"),
        hint="S="),
    sub("size in a file name", r":S\d+\b", ":Ssss", ("x:S312\n", "x:Ssss\n"), hint=":S"),
    sub("queue listing's size", r"(?i:^(\s*\d+m\s+)\d+(\s+[a-z0-9-]{16} <))", r"\1sss\2",
        (" 0m   312 10HmaX-0005vi-00 <a@b>\n", " 0m   sss 10HmaX-0005vi-00 <a@b>\n"), hint=" <", files=STDOUT,
        unless="listing_ages_hidden"),
    sub("queue listing's age and size", r"(?i:^(?:\s*\d+[mhd]\s+)\d+(\s+(?:[a-z0-9-]{23}|[a-z0-9-]{16}) <))",
        r"TTT   sss\1", (" 0m   312 10HmaX-0005vi-00 <a@b>\n", "TTT   sss 10HmaX-0005vi-00 <a@b>\n"),
        hint=" <", files=STDOUT, when="listing_ages_hidden"),
    sub("SMTP SIZE", r"\sSIZE=\d+\b", " SIZE=ssss", ("MAIL FROM:<> SIZE=312\n", "MAIL FROM:<> SIZE=ssss\n"),
        hint="SIZE="),
    sub("size in debug output", r"\ssize=\d+\b", " size=sss", ("x size=312\n", "x size=sss\n"), hint="size=",
        files=STDERR),
    sub("sizes in words", r"(message size|this message|Size of headers) = \d+", r"\1 = sss",
        ("message size = 312\n", "message size = sss\n"), hint=" = "),
    sub("old size", r"old size = \d+\b", "old size = sssss", ("old size = 312\n", "old size = sssss\n"),
        hint="old size"),
    sub("message sum", r"sum=(?!0)\d+", "sum=dddd", ("sum=312 count=2\n", "sum=dddd count=2\n"), hint="sum="),
    sub("message count", r"(?<=sum=dddd )count=\d+\b|(?<=sum=0 )count=\d+\b", "count=dd",
        ("sum=dddd count=2\n", "sum=dddd count=dd\n"), hint="count="),
    sub("S is", r",S is \d+\b", ",S is ddddd", ("x,S is 312\n", "x,S is ddddd\n"), hint=",S is"),
    sub("mbx size", r"\+0100,\d+;", "+0100,ddd;", ("+0100,312;\n", "+0100,ddd;\n"), hint="+0100,"),
    sub("bytes written", r"\(\d+ bytes written\)", "(ddd bytes written)", ("(312 bytes written)\n",
        "(ddd bytes written)\n"), hint="bytes written"),
    sub("maildirsize entry", r"added '\d+ 1'", "added 'ddd 1'", ("added '312 1'\n", "added 'ddd 1'\n"),
        hint="added '"),
    sub("totals received", r"Received\s+\d+", "Received               nnn",
        ("Received   312\n", "Received               nnn\n"), hint="Received"),
    sub("totals delivered", r"Delivered\s+\d+", "Delivered              nnn",
        ("Delivered   312\n", "Delivered              nnn\n"), hint="Delivered"),
    sub("space", r"space=\d+ inodes=[+-]?\d+", "space=xxxxx inodes=xxxxx",
        ("space=1 inodes=2\n", "space=xxxxx inodes=xxxxx\n"), hint="inodes="),
    sub("filter size", r"^\d+(?= (\(tainted\) )?bytes read from )", "ssss", ("31 bytes read from x\n",
        "ssss bytes read from x\n"), hint="bytes read from"),
)  # fmt: skip

LAST: tuple[Normalisation, ...] = (
    sub("maildir time stamp", r"(timestamp=|\(timestamp_only\): )\d+", r"\1ddddddd", ("timestamp=12\n",
        "timestamp=ddddddd\n"), every=True, hint="timestamp"),
    sub("maildir temporary file", r"writing to(?: file)? tmp/\d+\.[^.]+\.(\S+)", r"writing to tmp/MAILDIR.\1",
        ("writing to tmp/1.H2.host\n", "writing to tmp/MAILDIR.host\n"), hint="tmp/"),
    sub("maildir rename", r"renamed tmp/\d+\.[^.]+\.(\S+) as new/\d+\.[^.]+\.(\S+)",
        r"renamed tmp/MAILDIR.\1 as new/MAILDIR.\1", ("renamed tmp/1.H2.host as new/1.H2.host\n",
        "renamed tmp/MAILDIR.host as new/MAILDIR.host\n"), hint="renamed"),
    sub("maildir file", r"\b\d+\.[HM]\d+P\d+\b", "dddddddddd.HddddddPddddd", ("1.H2P3.host\n",
        "dddddddddd.HddddddPddddd.host\n"), every=True, hint="P"),
    sub("SRS", r"(?i:SRS0=....=.[^=]?=([^=]+)=([^@]+)@([^ ]+))", r"SRS0=ZZZZ=YY=\1=\2@\3",
        ("SRS0=AbCd=XY=test.ex=a@b\n", "SRS0=ZZZZ=YY=test.ex=a@b\n"), every=True, hint="="),
    sub("open descriptors", r"max fd = \d+", "max fd = dddd", ("max fd = 12\n", "max fd = dddd\n"),
        hint="max fd"),
    sub("descriptor status", r"status=[0-9a-f]+ (?:RDONLY|WRONLY|RDWR)", "STATUS", ("1 status=1 WRONLY\n",
        "1 STATUS\n"), every=True, hint="status="),
    sub("header length", r"^\d\d\d(?=[PFS*])", "ddd", ("031F From: a\n", "dddF From: a\n")),
    sub("DSN boundary", r"\d{8,10}-eximdsn-\d+", "NNNNNNNNNN-eximdsn-MMMMMMMMMM",
        ("--1763888701-eximdsn-12\n", "--NNNNNNNNNN-eximdsn-MMMMMMMMMM\n"), hint="-eximdsn-"),
    sub("SASL failure", "(Cyrus SASL permanent failure: )user not found$", r"\1generic failure",
        ("Cyrus SASL permanent failure: user not found\n", "Cyrus SASL permanent failure: generic failure\n"),
        hint="SASL"),
    sub("reason of a disconnection",
        r"(unexpected disconnection while reading SMTP command from \S+ \S* )\([^)]*\) (?=D=)", r"\1",
        ("unexpected disconnection while reading SMTP command from [10.0.0.1] P=x (error: y) D=0s\n",
        "unexpected disconnection while reading SMTP command from [10.0.0.1] P=x D=0s\n"),
        hint="unexpected disconnection", when="errno_of_disconnection_dropped"),
)  # fmt: skip
