"""Normalisations of one kind of file: standard output, standard error, logs, mail."""

from __future__ import annotations

import re

from eximsim.suite.normalisation import (
    LOG,
    MAIL,
    STDERR,
    STDOUT,
    Normalisation,
    Reading,
    drop,
    number,
    own_ports,
    special,
    sub,
)
from eximsim.suite.normalisations_dkim import LOG_SIGNATURES, MAIL_SIGNATURES
from eximsim.suite.normalisations_tls import CLIENT_ERRORS, LOG_ERRORS
from eximsim.suite.numbering import Numbering


def _filter_heading(line: str, reading: Reading) -> str | None:
    if not reading.filter_headings_dropped:
        return line
    if line.startswith("Testing ") and " filter" in line:
        reading.next_line()
        return None
    headings = ("Sender taken from", "Return-path copied from", "Sender ", "Recipient ")
    return None if line.startswith(headings) else line


_LISTENING = (
    r"(?:Listening on|Connecting to (?:127\.0\.0\.1|(?:ip4\.){3}ip4|(?:ip6:){7}ip6)) port |host host .+ port="
)

STDOUT_TABLE: tuple[Normalisation, ...] = (
    drop("optional main option", r"translate_ip_address =|use_classresources", "use_classresources\n",
        hint="s", files=STDOUT),
    drop("macros of some builds",
        r"^_OPT_TRANSPORT_SMTP_(?:DANE_REQUIRE_TLS_CIPHERS=y|HOSTS_REQU(?:EST|IRE)_OCSP=y$)",
        "_OPT_TRANSPORT_SMTP_DANE_REQUIRE_TLS_CIPHERS=y\n", hint="_OPT_", files=STDOUT,
        when="option_macros_dropped"),
    drop("use of a macro of some builds", "^macro '_HAVE_(?:DMARC'|PIPE_CONNECT'|ESMTP_LIMITS' ->)",
        "macro '_HAVE_DMARC' -> 'y'\n", hint="macro '_HAVE", files=STDOUT),
    special("filter test headings", _filter_heading, ("Sender = a\n", "Sender = a\n"), files=STDOUT),
    own_ports("port of a scripted peer", _LISTENING, ("Listening on port %port_s% ... \n",
        "Listening on port PORT_S ... \n"), hint="port", files=STDOUT, when="ports_named_in_context"),
    own_ports("port in a retry dump", r"T:.*:(?:127\.0\.0\.1|.::1.):", ("T:a:127.0.0.1:%port_s% 5\n",
        "T:a:127.0.0.1:PORT_S 5\n"), hint="T:", files=STDOUT, when="ports_named_in_context"),
    own_ports("port option", r"^\s*port = ", ("port = %port_d%\n", "port = PORT_D\n"), hint="port = ",
        files=STDOUT, when="ports_named_in_context"),
    sub("IPv6 peer", r"^(Connection request from) \[.*:.*:.*\]$", r"\1 [ipv6]",
        ("Connection request from [::1]\n", "Connection request from [ipv6]\n"), hint="Connection request",
        files=STDOUT, when="session_errors"),
    drop("SSL info", "^SSL info:", "SSL info: x\n", hint="SSL info:", files=STDOUT, when="ssl_info_dropped"),
    drop("some SSL info",
        "^SSL info: (unknown state|SSLv2/v3 write client hello A|SSLv3 read server key exchange A)",
        "SSL info: unknown state\n", hint="SSL info:", files=STDOUT, unless="ssl_info_dropped"),
    sub("SSL read", "SSL3_READ_BYTES|CONNECT_CR_FINISHED", "ssl3_read_bytes",
        ("x:SSL3_READ_BYTES:y\n", "x:ssl3_read_bytes:y\n"), hint="_", files=STDOUT, when="untrusted_dropped"),
    drop("pull function", "^Error in the pull function.", "Error in the pull function.\n",
        hint="pull function", files=STDOUT, when="untrusted_dropped"),
    drop("optional options",
        "^(dmarc_tld_file|arc_sign|limits_advertise_hosts|tls_resumption_hosts|host_name_extract) =|"
        "^-tls_resumption|^hosts_try_prdr = \\*$", "arc_sign =\n", files=STDOUT, when="session_errors"),
    sub("microseconds of reception", r"^(-received_time_usec \.)\d{6}$", r"\1uuuuuu",
        ("-received_time_usec .123456\n", "-received_time_usec .uuuuuu\n"), hint="usec", files=STDOUT),
    sub("end of reception", r"^(-received_time_complete )\d+\.\d{6}$", r"\1tttt.uuuuuu",
        ("-received_time_complete 1.123456\n", "-received_time_complete tttt.uuuuuu\n"), hint="complete",
        files=STDOUT),
)  # fmt: skip


def _loopback_note(line: str, reading: Reading) -> str:
    if "looked up these IP addresses" not in line:
        return line
    return f"MUNGED: ::1 will be omitted in what follows\n{line}"


def _aaaa_without_data(line: str, reading: Reading) -> str | None:
    if "(AAAA) gave NO_DATA" not in line:
        return line
    reading.next_line()
    return None


def _host_check(question: str, element: str = "") -> Normalisation:
    """A host check of today's form: the question, and those elements of the list that begin so."""

    def edit(line: str, reading: Reading) -> str | None:
        if question not in line or not line.rstrip().endswith("?"):
            return line
        answer = reading.next_line()
        while answer.lstrip("> ").startswith(f"list element:{element}"):
            answer = reading.next_line()
        reading.push_back(answer)
        return None

    name, example = f"host check {question}", (f">>> host in {question}?\n", None)
    return special(name, edit, example, hint=question, files=STDERR, when="host_checks_dropped")


_OCSP = re.compile(r"in hosts_requ(?:est|ire)_ocsp\?")


def _ocsp_check(line: str, reading: Reading) -> str | None:
    if not _OCSP.search(line):
        return line
    following = reading.next_line()
    while following.removeprefix(">>>").lstrip().startswith("list element:"):
        following = reading.next_line()
    reading.push_back(following)
    return None


_ANSWER = r"\S+ in hosts_try_fastopen\? "
_UNSET = r"no \(option unset\)\n"
_ANY_ANSWER = r"(?:no \(option unset\)|no \(end of list\)|yes \(matched \"\*\"\))\n"


def _fast_open_joined(answer: str, switch: str) -> Normalisation:
    """A check in the middle of ``Connecting to .. ... connected``: what is left of two lines becomes one."""
    found = re.compile(_ANSWER + answer)

    def edit(line: str, reading: Reading) -> str:
        before, cut = found.subn("", line, count=1)
        if not cut:
            return line
        joined = (before + reading.next_line()).replace(" ... >>> ", " ... ", 1)
        return joined.replace("Network is unreachable", "Network Error", 1)

    line = ">>> Connecting to a ... b in hosts_try_fastopen? no (option unset)\n"
    return special(f"fast open: {switch}", edit, (line, ">>> Connecting to a ... "), hint="_fastopen",
                   files=STDERR, when=switch)  # fmt: skip


def _fast_open_question(line: str, reading: Reading) -> str | None:
    if not line.endswith(" in hosts_try_fastopen?\n"):
        return line
    element = reading.next_line()
    if not element.rstrip().endswith("list element:"):
        reading.push_back(element)
    return None


def _pid(numbering: Numbering, value: str) -> str:
    return numbering.pid(value, "p%s")


_FIRST_LINES = (
    r"Berkeley DB: |Probably (?:Berkeley DB|ndbm|GDBM)|Using (?:tdb|sqlite3)|Authenticators[ :]|Lookups[ :(]|"
    r"Support for:|Routers[ :]|Transports[ :]|Malware:|log selectors =|cwd=|Fixed never_users|"
    r"Configure owner|Size of off_t:|Compiler:|WHITELIST_D_MACROS:|TRUSTED_CONFIG_LIST:|"
    r"Loading lookup modules from|"
    r"Loaded \d+ lookup modules|Total \d+ lookups"
)
_DEBUG_PID = r"(?:(?:\d{2}:\d{2}:\d{2}\s+)?p?\d+\s)?"

STDERR_TABLE: tuple[Normalisation, ...] = (
    sub("first debug line", "^Exim version .*", "Exim version x.yz ....", ("Exim version 4.99 uid=0\n",
        "Exim version x.yz ....\n"), hint="Exim version", files=STDERR),
    drop("build details", f"^{_DEBUG_PID}(?:{_FIRST_LINES})", "Support for: IPv6\n"),
    drop("listening", r"^(\d+ )?Listening...$", "Listening...\n", hint="Listening",
        when="ids_start_with_digit"),
    sub("process ending", r"(?<=^>>>>>>>>>>>>>>>> Exim pid=)\d+(?= terminating)", "pppp",
        (">>>>>>>>>>>>>>>> Exim pid=12 terminating\n", ">>>>>>>>>>>>>>>> Exim pid=pppp terminating\n"),
        hint="terminating", files=STDERR),
    number("process number of a debug line",
        r"^\s*(?P<n>\d{4,})\s(?!previous message|in\s|bytes remain in|SMTP accept process " r"running)", _pid,
        ("12345 x\n", "p1234 x\n"), files=STDERR, when="leading_pids_numbered"),
    number("connection id", r"connection_id: (?P<n>\d+)$",
        lambda numbering, value: numbering.connection(value), ("connection_id: 7\n",
        "connection_id: conn1111\n"), hint="connection_id", files=STDERR, when="connection_ids"),
    sub("files of a scanner", r"(?<=^>>> unspool_mbox\(\): unlinking ')(?P<folder>\S+/)[^/']+(?=')",
        r"\g<folder>FFFFFFFFF", (">>> unspool_mbox(): unlinking '/spool/scan/1/1.eml'\n",
        ">>> unspool_mbox(): unlinking '/spool/scan/1/FFFFFFFFF'\n"), hint="unspool_mbox", files=STDERR),
    sub("dynamic port", r"^(Connecting to 127\.0\.0\.1 port )%port_dynamic%", r"\1<dynamic port>",
        ("Connecting to 127.0.0.1 port %port_dynamic% ... connected\n",
        "Connecting to 127.0.0.1 port <dynamic port> ... connected\n"), hint="Connecting to"),
    drop("forks", r"postfork: | fork(?:ing|ed) for ", "1 forking for daemon\n", hint="fork"),
    sub("address lookup function", r"\b(gethostbyname2?|\bgetipnodebyname)(\(af=inet\))?",
        "get[host|ipnode]byname[2]", (">>> gethostbyname2(af=inet) looked up\n",
        ">>> get[host|ipnode]byname[2] looked up\n"), hint="byname", files=STDERR),
    drop("time zone", "^Reset TZ to", "Reset TZ to x\n", hint="Reset TZ"),
    own_ports("ports", r"\[[^\]]*\]:|V4NET\.0\.0\.0:|localhost::?|127\.0\.0\.1[.:]:?|port[= ](?:[^:]+:)?|"
        r"Connecting to .*\]:", ("connected to [10.0.0.1]:%port_d%\n", "connected to [10.0.0.1]:PORT_D\n"),
        names="D D2 D3 D4 S N", files=STDERR, when="stderr_ports_named"),
    own_ports("ports in context",
        r"\[[^\]]*\]:|V4NET\.0\.0\.0:|localhost::?|127\.0\.0\.1[.:]:?|port[= ](?:[^:]+:)?|"
        r"Connecting to .*\]:|=[>=] .*\[[^\]]+\]:", ("connected to [10.0.0.1]:%port_d%\n",
        "connected to [10.0.0.1]:PORT_D\n"), names="D D2 D3 D4 S N", files=STDERR,
        when="ports_named_in_context"),
    drop("TLS library version", r"(GnuTLS|OpenSSL) (compile-time|runtime) version: ",
        "OpenSSL runtime version: OpenSSL 3.0\n", hint="version: "),
    drop("setgid", r"^changing group to \d+ failed: (Operation not permitted|Not owner)",
         "changing group to 5 failed: Not owner\n", hint="changing group"),
    drop("cipher check", "^changed uid/gid: calling tls_validate_require_cipher",
         "changed uid/gid: calling tls_validate_require_cipher\n", hint="tls_validate", following=1),
    drop("cipher check ended", r"^tls_validate_require_cipher child \d+ ended: status=0x0",
         "tls_validate_require_cipher child 5 ended: status=0x0\n", hint="tls_validate"),
    drop("trusted macros", "^macros_trusted overridden to true by whitelisting",
         "macros_trusted overridden to true by whitelisting\n", hint="macros_trusted"),
    special("loopback note", _loopback_note,
            (">>> x looked up these IP addresses:\n",
             "MUNGED: ::1 will be omitted in what follows\n>>> x looked up these IP addresses:\n"),
            hint="looked up these IP addresses", files=STDERR),
    drop("IPv6 loopback", "name=localhost address=::1", ">>> name=localhost address=::1\n",
        hint="address=::1"),
    drop("DKIM", r"^P?DKIM( <{29,}|: no signatures)$", "DKIM: no signatures\n", hint="DKIM"),
    drop("IPv6 lookups",
        r"using host_fake_gethostbyname for \S+ \(IPv6\)|get\[host\|ipnode\]byname\[2\]\(af=inet6\)|"
        r"DNS lookup of \S+ \(AAAA\) using fakens| writing neg-cache entry for .*AAAA|"
        r"^ *faking res_search\(AAAA\) response length as 65535| in dns_ipv4_lookup\?",
        "DNS lookup of a (AAAA) using fakens\n"),
    special("AAAA without data", _aaaa_without_data, ("DNS lookup of a (AAAA) gave NO_DATA\n", None),
        hint="NO_DATA", files=STDERR),
    _host_check("in tls_advertise_hosts"),
    special("OCSP checks", _ocsp_check, (">>> a in hosts_request_ocsp?\n", None), hint="_ocsp?", files=STDERR,
        when="ocsp_elements_dropped"),
    drop("OCSP lines", r"in hosts_requ(?:est|ire)_ocsp\?", ">>> a in hosts_request_ocsp?\n", hint="_ocsp?",
        when="ocsp_checks_dropped"),
    _host_check("in pipelining_connect_advertise_hosts"),
    _host_check("in limits_advertise_hosts", " !*\n"),
    drop("TLS host checks", r"in\s(?:tls_advertise_hosts\?|hosts_require_tls\?)\sno\s\(option\sunset\)",
         ">>> host in tls_advertise_hosts? no (option unset)\n", hint="? no"),
    drop("TLS host checks to the end",
        r"in\s(?:tls_advertise_hosts\?|hosts_require_tls\?)\sno\s\(end\sof\slist\)",
        ">>> host in tls_advertise_hosts? no (end of list)\n", hint="? no", when="end_of_list_dropped"),
    drop("no DANE", "lack of DNSSEC traceability precludes DANE$",
        ">>> lack of DNSSEC traceability precludes DANE\n", hint="precludes DANE"),
    drop("groups", "auxiliary group list:|extracted from gecos field", "auxiliary group list: 5\n"),
    drop("packets", "waiting for data on socket|read response data: size=", "waiting for data on socket\n",
        hint="data"),
    drop("readline", "failed to load readline:", "failed to load readline: x\n", hint="readline"),
    sub("loopback request", r"(Connection request from 127.0.0.1 port) \d{1,5}", r"\1 sssss",
        ("Connection request from 127.0.0.1 port 5\n", "Connection request from 127.0.0.1 port sssss\n"),
        hint="Connection request", files=STDERR),
    drop("DANE host checks", r"in\shosts_require_dane\?\sno\s\(option\sunset\)",
         ">>> 10.0.0.1 in hosts_require_dane? no (option unset)\n", hint="hosts_require_dane"),
    drop("proxy", r"host in hosts_proxy\?", ">>> host in hosts_proxy? no (option unset)\n",
        hint="hosts_proxy"),
    drop("smtputf8", r" in smtputf8_advertise_hosts\? no \(option unset\)",
         ">>> host in smtputf8_advertise_hosts? no (option unset)\n", hint="smtputf8"),
    drop("environment", r"\w+ in keep_environment\? (yes|no)", ">>> X in keep_environment? no\n",
        hint="keep_environment"),
    drop("OCSP answers", r"in hosts_requ(est|ire)_ocsp\? (no|yes)",
        ">>> a in hosts_require_ocsp? no (option unset)\n", hint="_ocsp", when="ocsp_answers_dropped"),
    drop("pipelined connect", r" in (?:pipelining_connect_advertise_hosts|hosts_pipe_connect)\? no ",
         ">>> host in hosts_pipe_connect? no (option unset)\n", hint="pipe"),
    drop("REQUIRETLS", r" in tls_advertise_requiretls\? no \(end of list\)",
        ">>> a in tls_advertise_requiretls? no (end of list)\n", hint="requiretls"),
    drop("limits", r' in limits_advertise_hosts\? no \(matched "!\*"\)',
        '>>> a in limits_advertise_hosts? no (matched "!*")\n', hint="limits_"),
    drop("other host checks",
        r" in (?:hosts_xclient|hosts_wellknown)\? no \(option unset\)| in wellknown_advertise_hosts\?|"
        r"in tls_resumption_hosts\?", ">>> a in hosts_xclient? no (option unset)\n", hint=" in "),
    special("fast open", _fast_open_question, (">>> a in hosts_try_fastopen?\n", None), hint="_fastopen?",
        files=STDERR, when="fast_open_elements_dropped"),
    drop("fast open answers", _ANSWER + _ANY_ANSWER, ">>> a in hosts_try_fastopen? no (option unset)\n",
        hint="_fastopen?", when="fast_open_dropped"),
    _fast_open_joined(_UNSET, "fast_open_joined"),
    _fast_open_joined(_ANY_ANSWER, "fast_open_answers_joined"),
    drop("fast open set-up", r"^(?:ppppp |\d+ )?setsockopt FASTOPEN: ", "setsockopt FASTOPEN: x\n",
        hint="FASTOPEN"),
    sub("command buffer", r"^\s*cmd buf flush \d+ bytes", "cmd buf flush ddd bytes",
        ("  cmd buf flush 12 bytes\n", "cmd buf flush ddd bytes\n"), hint="cmd buf", files=STDERR,
        when="notes_shown"),
    sub("directory space", r"((?:spool|log) directory space =) -?\d+K (inodes =)\s*-?\d+",
        r"\1 nnnnnK \2 nnnnn", ("spool directory space = 5K inodes = 6\n",
        "spool directory space = nnnnnK inodes = nnnnn\n"), hint="directory space", files=STDERR),
    drop("listen queue", "listen backlog", "listen backlog x\n", hint="backlog"),
)  # fmt: skip

_LISTENING_LOG = r"listening for SMTP on [^:]+:.*|(?:listening|and) for .*? port "
_PEER = r" \[(?:127\.0\.0\.1|(?:ip4\.){3}ip4)\]:"


def _interface_port(numbering: Numbering, value: str) -> str:
    # runtest asks for the name of its own program name here, so that all of a test's ports get the same
    return numbering.port("runtest")


LOG_TABLE: tuple[Normalisation, ...] = (
    own_ports("ports", r"(?:\[[^\]]*\]:|port )", ("listening for SMTP on port %port_d%\n",
        "listening for SMTP on port PORT_D\n"), names="D D2 D3 D4 S N", every=True, files=LOG,
        when="log_ports_named"),
    own_ports("ports listened on", _LISTENING_LOG, ("listening for SMTP on port %port_d%\n",
        "listening for SMTP on port PORT_D\n"), every=True, files=LOG, hint=" for ",
        when="ports_named_in_context"),
    own_ports("own interface ports", r" I=\[[^\]]+\]:", ("x I=[10.0.0.1]:%port_d% y\n",
        "x I=[10.0.0.1]:PORT_D y\n"), names="D D2", hint=" I=[", files=LOG, when="ports_named_in_context"),
    own_ports("refused ports", _PEER, ("H=a [127.0.0.1]:%port_s% Connection refused\n",
        "H=a [127.0.0.1]:PORT_S Connection refused\n"), after="(?= Connection refused)", hint="refused",
        files=LOG, when="ports_named_in_context"),
    own_ports("delivery ports", r"(?:=>|->|==) .* (?:PRX=)?\[[^\]]+\]:",
        ("=> a@b H=a [10.0.0.1]:%port_d% C\n", "=> a@b H=a [10.0.0.1]:PORT_D C\n"), names="D D2 D3 D4",
        hint="]:", files=LOG, when="ports_named_in_context"),
    own_ports("other ports", r".*\]:|port <", ("x [10.0.0.1]:%port_s% y\n", "x [10.0.0.1]:PORT_S y\n"),
        names="S", files=LOG, when="ports_named_in_context"),
    own_ports("proxy ports", "plp ", ("pla 10.0.0.1 plp %port_d% pea\n", "pla 10.0.0.1 plp PORT_D pea\n"),
        names="D", hint="plp ", files=LOG, when="ports_named_in_context"),
    own_ports("port in an expansion", r"Expansion of .*received_port\}\{",
        ("Expansion of {$received_port}{%port_d4%}x\n", "Expansion of {$received_port}{PORT_D4}x\n"),
        names="D4", hint="received_port", files=LOG, when="ports_named_in_context"),
    sub("interface port", r"(I=\[[^\]]*\]:)\d+", r"\1ppppp", ("x I=[10.0.0.1]:40001 y\n",
        "x I=[10.0.0.1]:ppppp y\n"), hint="I=[", files=LOG, when="interface_ports_hidden"),
    number("interface port's number", r"I=\[[^\]]*\]:(?P<n>\d+)", _interface_port,
        ("x I=[10.0.0.1]:40001 y\n", "x I=[10.0.0.1]:10001 y\n"), hint="I=[", files=LOG,
        when="interface_ports_numbered"),
    drop("Berkeley DB", " Berkeley DB error: ", "x Berkeley DB error: y\n", hint="Berkeley", files=LOG),
    sub("chunk sizes", r'(=>.* K (?:DKIM=\S+ )?C="250- )\d+ (byte chunk, total )\d+', r"\g<1>3nn \g<2>3nn",
        ('=> a K C="250- 312 byte chunk, total 312"\n', '=> a K C="250- 3nn byte chunk, total 3nn"\n'),
        hint="byte chunk", files=LOG, when="chunk_sizes_hidden"),
    sub("chunk sizes but for a digit", r'(=>.* K (?:DKIM=\S+ )?C="250- \d)\d+ (byte chunk, total \d)\d+',
        r"\g<1>nn \g<2>nn", ('=> a K C="250- 312 byte chunk, total 312"\n',
        '=> a K C="250- 3nn byte chunk, total 3nn"\n'), hint="byte chunk", files=LOG,
        when="chunk_sizes_begun"),
    *LOG_ERRORS,
    *LOG_SIGNATURES,
    *CLIENT_ERRORS,
    sub("number of a deferral", r"(R=\w+ T=\w+ defer) \([1-9]\d*\): ", r"\1 (EEE): ",
        ("== a R=b T=c defer (111): x\n", "== a R=b T=c defer (EEE): x\n"), hint=" defer (", files=LOG,
        when="errno_of_delivery_hidden"),
    sub("argument list", "Arg list too long", "Argument list too long", ("Arg list too long\n",
        "Argument list too long\n"), hint="Arg list", files=LOG),
    drop("IPv6 events", r"<dns:fail> <DNS_(?:NOMATCH|AGAIN):.*:AAAA>$", "x <dns:fail> <DNS_NOMATCH:a:AAAA>\n",
        hint="<dns:fail>", files=LOG),
)  # fmt: skip


def _diagnostic(line: str, reading: Reading) -> str | None:
    if not line.startswith("X-Exim-Diagnostic:"):
        return line
    following = reading.next_line()
    while following[:1].isspace() and following != "\n":
        following = reading.next_line()
    reading.push_back(following)
    return None


MAIL_TABLE: tuple[Normalisation, ...] = (
    own_ports("ports", r"(?:interface|received)-port:\s+", ("interface-port: %port_d%\n",
        "interface-port: PORT_D\n"), hint="-port:", files=MAIL, when="ports_named_in_context"),
    *MAIL_SIGNATURES,
    special("diagnostic header", _diagnostic, ("X-Exim-Diagnostic: x\n", None), hint="X-Exim-Diagnostic",
        files=MAIL | STDOUT, when="ports_named_in_context"),
)  # fmt: skip
