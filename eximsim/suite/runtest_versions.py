"""How Exim's test runner changed over the years: what a tree's goldens were normalised with.

A golden only has a meaning together with the ``runtest`` of its own tree. So the era of a tree is read off
that very file: each change below has a marker, a short text that ``test/runtest`` holds from the commit on
that brought the change (and, for those that were taken back, until another).
"""

from __future__ import annotations

from eximsim.quick_dataclass import dataclass

Era = frozenset[str]
"""The switches that are on in one tree."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the test runner: ``switch`` is on in every tree whose ``runtest`` holds ``marker``."""

    switch: str
    since: str
    """The first commit that has it."""
    marker: str
    meaning: str
    until: str = ""
    """The commit that took it back or replaced it."""


CHANGES = (
    # scripts
    Change("notes_shown", "4cc776330", r"^###\s", "a script's '### text' goes to all outputs"),
    Change("ports_sorted_by_name", "9f971ac1d", "$k =~ s/$parm_port_n/PORT_N/",
        "a dump of the retry database is sorted with PORT_N for that port's number"),
    # ids, process numbers
    Change("long_ids", "46a36afae", "000000005vi", "message ids of 23 characters have a series of their own"),
    Change("ids_start_with_digit", "9dea8f12c", r"\d[^\W_]{5}-[^\W_]{6}",
        "only what starts with a digit is an id"),
    Change("listing_ages_hidden", "1011d5731", "TTT   sss", "ages in a queue listing become TTT"),
    Change("pids_in_capitals", "f63e72522", "(pid=|PID: )", "'PID: ' is followed by a process number too",
           until="beb5d85c7"),
    Change("pids_after_blank", "beb5d85c7", "(pid=|pid |PID: )", "so is 'pid '", until="4da19af65"),
    Change("pids_numbered", "4da19af65", r'"p%s", \$next_pid', "process numbers become p1234, p1235, ..."),
    Change("own_cookie_known", "4da19af65", r"|\d+ )?setsockopt FASTOPEN",
        "goldens are of a machine with a TCP Fast Open cookie for its own address"),
    Change("connection_ids", "4e871f9b2", r" Ci=\K", "connection ids in the log are process numbers"),
    Change("leading_pids_numbered", "0288c50a8", "bytes remain in|SMTP accept",
           "a process number at the start of a debug line is numbered"),
    Change("lockfiles_hidden", "5bb1dfe41", "use of lockfiles is provider-dependent",
        "a hints database that is not there is named, not its lock file"),
    Change("hintsdb_named", "9bf74b9c2", "Failed to open hintsdb file",
        "a hints database that cannot be opened is a 'hintsdb', not a 'DBM'"),
    Change("full_mailboxes_elided", "cf9f32421", r"quota exceeded while writing to\K",
        "the file of a full mailbox is left out of a dump of the retry database"),
    Change("retry_keys_with_names", "485b86b9d", "T:([a-z.]+(:[0-9.]+)?):$parm_port_n",
        "PORT_N in a dump of the retry database, after a name", until="5e0ccec43"),
    Change("retry_keys_with_addresses", "5e0ccec43", "T:([a-z0-9.]+(:[0-9.]+|",
        "and after an address"),
    # ports
    Change("ports_from_10001", "1d800d518", "$next_port = 10001", "ports are numbered from 10001, not 1111"),
    Change("deferred_ports_kept", "5c161fa61", "/==/",
        "ports in '==' and '**' lines and in responses are not numbered"),
    Change("log_ports_named", "2e6a0ed70", r"(?:\[[^\]]*\]:|port )\K$parm_port_d/PORT_D/",
           "the test's own ports in the log become PORT_D, PORT_S, ...", until="e1db67b0d"),
    Change("stderr_ports_named", "3bfdf0f1f",
        r"|localhost::?|127\.0\.0\.1[.:]:?|port[= ])\K$parm_port_d/PORT_D/",
        "so do those in standard error", until="e1db67b0d"),
    Change("ports_named_in_context", "e1db67b0d", '$re = "Received from .* I=',
           "in log, mail and stdout, each where it is expected"),
    Change("interface_ports_hidden", "2e6a0ed70", r"I=\[[^\]]*\]:\K\d+/ppppp/",
        "interface ports in the log become ppppp", until="1d800d518"),
    Change("interface_ports_numbered", "1d800d518", r"I=\[[^\]]*\]:\K\d+/new_value(",
        "they are numbered instead"),
    Change("request_ports_numbered", "71c0636d3", r"Connection request from \S+ port",
           "ports of incoming connections are numbered"),
    # times, errors, layout
    Change("one_second_is_none", "74377a628", "QT|D)=1s", "a time on the queue of 1s counts as 0s",
        until="32dfdf8ba"),
    Change("queue_times_hidden", "32dfdf8ba", "1qqs", "all times on the queue become qqs"),
    Change("retry_times_even", "1c477b37e", ">> 1) << 1", "retry intervals are rounded up to an even number"),
    Change("address_not_available", "cfd47d9e7", "Netwk addr", "EADDRNOTAVAIL has a text of its own"),
    Change("errno_of_disconnection_dropped", "cf738a90d",
        r"unexpected disconnection while reading SMTP command from \S+",
        "the reason of an unexpected disconnection is dropped"),
    Change("errno_of_delivery_hidden", "adf703b65", r"defer\K \([1-9]",
        "a positive error number of a deferral becomes EEE"),
    Change("session_errors", "cf0c61644", r"(TLS session: \(SSL",
        "OpenSSL's text is dropped after 'TLS session:'"),
    Change("dane_errors", "ea5aef3de", "(DANE attempt failed.*error:)",
        "so are its numbers after 'DANE attempt failed'"),
    Change("closed_tls_session", "4468bfff7", "unexpected eof while reading$/(tls lib accept",
           "OpenSSL's and GnuTLS's wordings of a closed session are made one"),
    Change("tls_timeouts", "c2decce2c", "(tls lib connect fn): timed out", "so are those of a time-out"),
    Change("host_lines_trimmed", "cc49c6977", "strip, not collapse",
        "blanks at the end of a 'host' line are dropped"),
    Change("chunk_sizes_hidden", "35690c48e", r'C="250- \K\d+ (byte chunk',
        "sizes of chunks in the log become 3nn"),
    Change("chunk_sizes_begun", "23a217d97", r'C="250- \d)\d+ (byte chunk',
        "they keep their first digit", until="35690c48e"),
    # signatures
    Change("signing_times_hidden", "b24eb9cd4", "t=T; x=T+${t_diff}; b=bbbb",
        "times of DKIM signatures become T and T+N, and signatures over them bbbb"),
    Change("signing_time_hidden", "77da14136", "t=T; b=bbbb", "so do those without an end"),
    Change("ed25519_bits_joined", "a841a6eca", r"bits:\K 256/ 253", "GnuTLS's 256 bits become OpenSSL's 253"),
    Change("missing_keys_joined", "f5109b584", "AMS signing: privkey PEM-block import: error:",
        "a key for ARC that is not there is told of in one way"),
    # ciphers
    Change("cipher_plain", "", r"s/\bAES256-GCM-SHA384\b/AES256-SHA/g", "cipher suites become AES256-SHA",
           until="b60b2eea0"),
    Change("cipher_xx", "ba86e143c", "SHAxx/g", "cipher suites become ke-RSA-AES256-SHAxx",
        until="826cb8c29"),
    Change("cipher_xxx", "b60b2eea0", "SHAxxx/g", "cipher suites become ke-RSA-AES256-SHAxxx",
        until="ce25e2982"),
    Change("cipher_bits_hidden", "ce25e2982", "AES256-SHA:xxx/g",
        "cipher suites become ke-RSA-AES256-SHA:xxx", until="826cb8c29"),
    Change("cipher_nnn", "826cb8c29", "AES256-SHAnnn:xxx",
        "cipher suites become TLS1.x:ke-RSA-AES256-SHAnnn:xxx"),
    # what is left out
    Change("weak_parameters_dropped", "9fef2e080", "--set LEGACY",
        "what OpenSSL says of small Diffie-Hellman parameters is left out"),
    Change("ssl_info_dropped", "80940bc0d", "/^SSL info:/",
        "all 'SSL info' lines of a TLS client are left out"),
    Change("untrusted_dropped", "fc96d1e87", "certificate not trusted",
        "'certificate not trusted' lines are left out"),
    Change("end_of_list_dropped", "23f3dc67a", r"end\sof\slist",
        "so are TLS host checks that come to the end of a list"),
    Change("ocsp_answers_dropped", "625f40fc2", r"hosts_requ(est|ire)_ocsp\? (no|yes)",
        "so are OCSP host checks", until="7ccf69829"),
    Change("host_checks_dropped", "0c6608531", r"host in pipelining_connect_advertise_hosts\?$/ )",
        "so are all lines of host checks about what only some builds offer"),
    Change("ocsp_checks_dropped", "7ccf69829", "in hosts_requ(?:est|ire)_ocsp",
        "so are all lines of an OCSP host check but the elements of the list"),
    Change("ocsp_elements_dropped", "c98d480fd", r"if (/in hosts_requ(?:est|ire)_ocsp\?/)", "and those too"),
    Change("option_macros_dropped", "afd61b0c0", "next if /^_OPT_TRANSPORT_SMTP_DANE_REQUIRE_TLS_CIPHERS=y/",
        "macros that only some builds have are left out"),
    Change("fast_open_joined", "cb340d8d9", "\n    if (s/\\S+ in hosts_try_fastopen",
        "a check of an unset hosts_try_fastopen is cut out of the line on a connection", until="0ed616733"),
    Change("fast_open_answers_joined", "eebcfa1cc", "\n    if (s/\\S+ in hosts_try_fastopen\\? (no",
        "so is a check of one that is set", until="0ed616733"),
    Change("fast_open_dropped", "0ed616733", r"next if /\S+ in hosts_try_fastopen",
        "a check of hosts_try_fastopen is a line of its own, which is left out"),
    Change("fast_open_elements_dropped", "3f300feec", r"if (/ in hosts_try_fastopen\?$/)",
        "so are its question and an empty list"),
)  # fmt: skip

CLIENT_CHANGES = (
    Change("client_tells_of_staples", "9641b6648", "(with OCSP)",
           "a client of GnuTLS, or of TLS at once, tells that TLS was started with a stapled response"),
    Change("client_names_ocsp", "96461aced", "no OCSP response received",
           "what an OpenSSL client says of a stapled response names OCSP"),
    Change("client_ocsp_alike", "f57cb3b57", "HAVE_GNUTLS_OCSP",
           "clients of both libraries say the same of a stapled response"),
    Change("client_names_calls", "4b98b16db", "gnutls_handshake: %s",
           "a GnuTLS client names the call that has failed"),
)  # fmt: skip
"""The same of the scripted client, whose words are in the goldens, too: markers in ``test/src/client.c``."""

NEWEST: Era = frozenset(change.switch for change in (*CHANGES, *CLIENT_CHANGES) if not change.until)
"""What today's runner does; the project's own goldens are normalised so."""


def era_of(runtest: str, client: str = "") -> Era:
    """The switches that are on, given the texts of a tree's ``test/runtest`` and ``test/src/client.c``."""
    new = frozenset(one.switch for one in CLIENT_CHANGES if one.marker in client)
    return new.union(change.switch for change in CHANGES if change.marker in runtest)
