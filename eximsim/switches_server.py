"""The switches of Exim as a server: what it offers, what it asks, what it says and logs."""

from __future__ import annotations

from eximsim.history import since, switch
from eximsim.quick_dataclass import dataclass
from eximsim.switches_tls import TlsLibrarySwitches


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)
class ServerSwitches(TlsLibrarySwitches):
    """The part of a profile that is about clients, with what comes before it."""

    delay_ends_with_connection: bool = switch(
        False, "acl_check_condition() in acl.c", since("4.86", "ae9d18bce", item="bug 348")
    )
    """A delay in an ACL is over when the client has closed the connection."""

    dnslists_take_keys_anywhere: bool = switch(
        False, "verify_check_dnsbl() in verify.c", since("4.87", "379ba7d06", item="bug 1748")
    )
    """dnslists may be tested in the ACLs of messages that come otherwise than by SMTP, if keys are named."""

    dnslists_named_in_trace: bool = switch(
        False, "one_check_dnsbl() in verify.c", since("4.93", "3462da30c", item="bug 1395")
    )
    """What is not listed is remembered as long as the SOA record says, and the host-check trace tells how
    long: ``dnslists: wrote cache entry``."""

    dnslists_return_loopback: bool = switch(
        False, "one_check_dnsbl() in dnsbl.c", since("4.95", "cebf40279", item="JH/20, bug 2631")
    )
    """Addresses outside 127.0.0.0/8 are logged, and do not count as those of a list."""

    mime_parts_counted_anew: bool = switch(
        False, "receive_msg()", since("4.94.1", "b273058b3", item="bug 2537", published="4.94")
    )
    """$mime_part_count is -1 again for each message of a connection."""

    mime_names_continued: bool = switch(
        False, "mime_acl_check() in mime.c", since("4.98", "1b3209b05", item="bug 3099")
    )
    """The names of MIME parts may be in pieces (``filename*0*=``, ``name*0=``); before, one piece counts."""

    utf8_protocol_once: bool = switch(
        False, "smtp_setup_msg()", since("4.92", "946515bfe", item="JH/18, bug 2287")
    )
    """$received_protocol has one ``utf8``, and not one for each SMTPUTF8 message of a connection."""

    nolog_covers_no_mail: bool = switch(False, "main()", since("4.97", "ae8073826", item="JH/01"))
    """hosts_connection_nolog is about the line ``no MAIL in SMTP connection`` as well, without a daemon."""

    avast_lines_read: bool = switch(False, "malware_internal() in malware.c", since("4.91", "91e974f5a"))
    """Of the scanner avast every line counts, also on what it cannot scan, and pass_unscanned is known."""

    chunk_header_needs_crlf: bool = switch(
        False, "receive_msg()", since("4.89", "1ebe15c3a", item="bug 2000")
    )
    """A message in chunks whose first header line ends in a bare LF is refused."""

    acl_removes_matching: bool = switch(
        False, "add_acl_headers()", since("4.97", "1745d310d", item="bug 2985")
    )
    """``remove_header`` takes patterns, which begin with ``^``, beside names."""

    tested_client_compressed: bool = switch(
        False, "main()", since("4.98", "e4cdc6558", item="JH/31, bug 3027")
    )
    """``-bh`` shortens the IPv6 address that it is given; before, it writes out all digits."""

    auth_data_not_logged: bool = switch(
        False, "smtp_handle_acl_fail() in smtp_in.c", since("4.95", "37a81ae73", item="JH/38")
    )
    """Of an AUTH command that an ACL refuses, the log shows the mechanism, not what came with it."""

    auth_failure_names_helo: bool = switch(
        False, "case AUTH_CMD in smtp_in.c", since("4.99", "7c88517fd", item="bug 2574")
    )
    """``authenticator failed for H=...`` with the fields of other lines about a client."""

    print_config_fails: bool = switch(False, "readconf_print() in readconf.c", since("4.91", "2be324ee1"))
    """``-bP`` of something that is not there exits with 1; before, with 0."""

    receive_timeout_printed: bool = switch(
        False, "print_ol() in readconf.c", since("4.93", "e6024a5e9", item="JH/12, bug 2384")
    )
    """-bP shows smtp_receive_timeout also where it is expanded."""

    sizes_printed_in_g: bool = switch(
        False, "print_ol() in readconf.c", since("4.92", "a45431fa7", item="JH/32")
    )
    """``-bP`` knows sizes in G and T; before, all that is a whole number of megabytes is in M."""

    print_config_list_quoted: bool = switch(
        False, "readconf_print() in readconf.c", since("4.99", "752d1b689")
    )
    """``-bP`` has the name of a list that is not there in single quotes; before, in double quotes."""

    debug_control_kills: bool = switch(
        False, "CONTROL_DEBUG in acl.c", since("4.88", "b0d68adc8", item="bug 1831")
    )
    """``control = debug/kill`` ends a debug log and takes it away."""

    lost_message_named: bool = switch(False, "receive_msg()", since("4.98", "f70940c94"))
    """The line on a connection that is lost within a message's data has the id of that message."""

    chunk_errors_end_quietly: bool = switch(
        False, "bdat_getc() in smtp_in.c", since("4.99", "ee549a2ed", item="bug 3092")
    )
    """Too many commands after a chunk that only RSET may follow are the end; before, the message counted as
    lost, too."""

    synprot_limit_runs_notquit: bool = switch(
        False, "synprot_error()", since("4.99", "ee549a2ed", item="bug 3092")
    )
    """acl_smtp_notquit is run, and may give the last reply, after too many syntax or protocol errors."""

    chunk_sync_error_reads: bool = switch(False, "bdat_getc() in smtp_in.c", since("4.99", "9682a4923"))
    """What a client sent too soon after a chunk is read as far as the log shows it; before, it came next."""

    banner_before_tls: bool = switch(False, "smtp_start_session() in smtp_in.c", since("4.99", "123639cf8"))
    """Where TLS comes first, the banner is made before that, and not said if it cannot be."""

    xclient_offer_remembered: bool = switch(
        False, "XCLIENT_CMD in smtp_in.c", since("4.99-dev-13835a3c1", "ee1435878")
    )
    """XCLIENT has to have been offered, or it is a syntax error (501, not 550); only its own sessions are not
    asked for permission again."""

    mime_refusal_ends_reply: bool = switch(
        False, "run_mime_acl() in receive.c", since("4.91", "5b6f76580", item="bug 2214")
    )
    """After a refusal by acl_smtp_mime there is no other reply, as if the message had been taken."""

    unfit_cutthrough_ignored: bool = switch(
        False, "CONTROL_CUTTHROUGH_DELIVERY in acl.c", since("4.91", "051d5efab")
    )
    """``control = cutthrough_delivery`` for a message that cannot go on is ignored; before, an error."""

    dscp_without_value: bool = switch(
        False, "CONTROL_DSCP in acl.c", since("4.99-dev-13835a3c1", "5103de342")
    )
    """``control = dscp`` needs no value."""

    queue_name_checked: bool = switch(False, "ACLC_QUEUE in acl.c", since("4.91", "944e8b37e", item="JH/02"))
    """The ACL modifier ``queue`` takes no name with a slash."""

    tainted_queue_refused: bool = switch(
        False, "ACLC_QUEUE in acl.c", since("4.94.1", "ed1620555", published="4.94")
    )
    """It takes no name that comes from outside."""

    tested_ident_port: int = switch(1223, "main() in exim.c", since("4.99", "d1a802423", 0))
    """Where the test suite's ident server listens; 0: rfc1413_port says so."""

    etrn_runs_dumped: bool = switch(
        False, "dumpdb_main() in exim_dbutil.c", since("4.99-dev-13835a3c1", "73d3b73c0")
    )
    """``exim_dumpdb misc`` counts the commands of ETRN that run; before, it shows them as octets."""

    chunk_end_read_as_header: bool = switch(True, "receive_msg() in receive.c", since("4.96", "315206fbf"))
    """A last chunk that ends within the header is not the end of it: its mark is taken for an octet, and
    what the client says next is read as more of the header."""

    debug_control_stops: bool = switch(False, "CONTROL_DEBUG in acl.c", since("4.96", "9f6916601"))
    """``control = debug/stop`` ends one."""

    debug_control_needs_words: bool = switch(False, "CONTROL_DEBUG in acl.c", since("4.96", "19fdbfb4a"))
    """Without a tag and options ``control = debug`` begins none."""

    two_stage_daemon_named: bool = switch(
        False, "daemon_go() in daemon.c", since("4.94.1", "173de73b7", published="4.94")
    )
    """A daemon that listens names its two-stage queue runs as such, ``-qq30m``."""

    queue_runners_described: bool = switch(
        False, "describe_queue_runners() in daemon.c", since("4.97", "1e835086d")
    )
    """So does one that does not listen; and ``-q 30m``, in two arguments, is refused."""

    msgdate_warning_line: int = switch(
        387, "unpack_time() in exim_msgdate.src", since("4.99", "cd43f5ee0", 421)
    )
    """The line of ``exim_msgdate`` that a warning about the number of the host names."""

    trace_indented_behind_mark: bool = switch(
        False, "debug_printf_indent()", since("4.90-dev-5d6bdf01a", "398f9af3b")
    )
    """Lines of a host test are set in behind ``>>>``; before, in front of it."""

    callout_names_transport: bool = switch(False, "do_callout() in verify.c", since("4.92", "5ffb5d81e"))
    """A host test that finds nobody to call says that the transport may not be smtp."""

    pid_file_removed_by_option: bool = switch(
        False, "main() in exim.c", since("4.94.1", "01446a56c", item="bug 340")
    )
    """``-oPX`` removes the file with the number of the daemon; before, it is no option."""

    delays_left_out_by_option: bool = switch(False, "main() in exim.c", since("4.94.1", "ff9663026"))
    """``-odd`` leaves out the pauses of the test suite; before, it is no option."""

    debug_begins_later: bool = switch(False, "main() in exim.c", since("4.96", "19fdbfb4a"))
    """``-dp`` and ``-dt=`` are of debugging that begins when something happens; before, they are bad
    selectors."""

    debug_of_the_start: bool = switch(False, "main() in exim.c", since("4.99", "607f884cd"))
    """``-dS`` asks for debugging output from the very start; before, it is a bad selector."""

    dropcr_known: bool = switch(
        True, "main() in exim.c", since("4.99-dev-13835a3c1", "7b3a2712f", False, item="JH/01")
    )
    """``-dropcr`` and ``drop_cr`` are passed over; since then, they are errors."""

    modules_listed: bool = switch(
        False, "show_exim_information() in exim.c", since("4.99-dev-13835a3c1", "91586f969")
    )
    """``-bI:modules`` lists what can be loaded; before, it is unknown, and the help is about ``-bI:dscp``."""

    notifier_left_out: bool = switch(False, "main() in exim.c", since("4.95", "99ea5f6fa", item="bug 2616"))
    """``-oY``: a daemon without the socket by which others tell it what there is to do."""
