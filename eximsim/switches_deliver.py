"""The switches of deliveries: the queue, retries, local transports, reports, and their log lines."""

from __future__ import annotations

from eximsim.history import since, switch
from eximsim.quick_dataclass import dataclass
from eximsim.switch_values import EVENTS, IncludeCheck
from eximsim.switches_verify import VerifySwitches


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)
class DeliverSwitches(VerifySwitches):
    """The part of a profile that is about deliveries, with what comes before it."""

    fallback_hosts_expanded: bool = switch(
        False, "rf_queue_add(), smtp_transport_setup()", since("4.99", "aa7920076", item="bug 200")
    )
    """fallback_hosts of routers and of the smtp transport is expanded."""

    log_domain_is_domain: bool = switch(
        False, "string_log_address() in deliver.c", since("4.99-dev-13835a3c1", "cfd2765e9")
    )
    """A log line has a recipient's domain as the host was told it; before, as if it were a local part."""

    continued_call_verified: bool = switch(False, "par_read_pipe() in deliver.c", since("4.99", "f3ee1d51e"))
    """A TLS session that is used once more is logged as its first user verified it; before, with
    ``CV=no``."""

    continued_call_tells_name: bool = switch(False, "smtp_setup_conn()", since("4.95", "b6054898a"))
    """A transport that goes on with a call over TLS knows ``$tls_out_sni`` and ``$tls_out_dane``."""

    deliver_time_on_failures: bool = switch(
        False, "defer_log() and failure_log() in deliver.c", since("4.94.1", "a55697acf", item="bug 322")
    )
    """``+deliver_time`` puts ``DT=`` on the lines of deferrals and failures, too, not only of deliveries."""

    first_phase_ignores_retry_data: bool = switch(
        False,
        "deliver_message()",
        since("4.99", "6748707c6", item="bug 3172"),
        since("4.99-dev-13835a3c1", "140c289d1", item="JH/11, bug 3172"),
    )
    """The first phase of a two-phase queue run does not ask the retry database whether an address may be
    routed yet."""

    first_phase_is_no_attempt: bool = switch(False, "deliver_message()", since("4.95", "e4e884faa"))
    """After the first phase of a two-phase queue run a delivery is still the message's first one."""

    queue_order_ignores_process: bool = switch(
        False, "merge_queue_lists() in queue.c", since("4.90", "2540f2f8e", item="JH/29")
    )
    """A queue that is gone through in order has messages of one second by its fraction, not by the process
    that took them in."""

    duplicates_outlive_message: bool = switch(
        False,
        "deliver_message()",
        since("4.99", "79344067b"),
        since("4.99-dev-13835a3c1", "baad2e56c", item="JH/08"),
    )
    """A message that goes down the connection of another is delivered with that one's list of duplicate
    addresses, whose memory was freed."""

    fork_waits_when_tested: bool = switch(
        False, "exim_fork() in functions.h", since("4.94.1", "568092148", published="4.94")
    )
    """Under Exim's test suite a process that has forked another waits for a tenth of a second."""

    batches_share_connection: bool = switch(
        False, "do_remote_deliveries() in deliver.c", since("4.99", "f3ee1d51e")
    )
    """Recipients of one message that are delivered in several batches go down one connection if they have a
    host in common."""

    header_names_globbed: bool = switch(
        False, "transport_headers_send()", since("4.94.1", "258dfd012", item="bug 159", published="4.94")
    )
    """``X-*`` in headers_remove stands for all header lines that begin so."""

    other_notices_rule_failure_out: bool = switch(
        False,
        "deliver_message()",
        since("4.92", "ea97267ce"),
        since("4.93", "df98a6ff2", False, item="bug 2411"),
    )
    """A sender who asks to be told of anything but failures, too, is not told of a failure."""

    unwanted_report_named: bool = switch(
        False, "deliver_message()", since("4.93", "df98a6ff2", item="bug 2411")
    )
    """A failure that the sender does not want to be told of is ``error ignored``, and why."""

    template_not_untainted: bool = switch(False, "expand_open() in deliver.c", since("4.96", "8f2cf8f5a"))
    """A tainted name of a file of texts ``is not untainted after expansion``; before, it was ``Tainted``."""

    delay_warned_without_attempt: bool = switch(False, "deliver_message()", since("4.92", "de6f74f29"))
    """A warning about a delay goes out in any queue run that is late enough, although no retry time has come.
    Bug 2341."""

    tainted_paths_refused: bool = switch(False, "appendfile_transport_entry()", since("4.94.1", "0d2e392e2"))
    """A message is not delivered to a file or folder whose name is tainted, as it comes from outside."""

    tainted_setup_refused: bool = switch(
        False, "smtp_get_interface(), rf_get_transport()", since("4.93", "f3ebb786e")
    )
    """A name of a transport, an interface and a transport's own hosts may not come from outside."""

    safe_folder_untaints: bool = switch(False, "appendfile_transport_entry()", since("4.95", "5cd1d1356"))
    """A tainted name is as good as any below the folder that create_file names, or below the home."""

    reports_have_references: bool = switch(False, "moan_write_references()", since("4.93", "d6c829b9a"))
    """Bounces, warnings and other reports have a References: line. Bug 2452."""

    references_fit_a_line: bool = switch(False, "moan_write_references()", since("4.97", "3607e3e00"))
    """Message ids are left out of it where it would be longer than 998 octets. Bug 2827."""

    reports_name_the_recipient: bool = switch(False, "print_dsn_addr_action()", since("4.93", "436bda2ac"))
    """Final-Recipient: is the recipient of the message, not what he was turned into; failures and delays have
    Original-Recipient:, too."""

    success_reports_use_dsn_from: bool = switch(False, "maybe_send_dsn()", since("4.93", "87abcb247"))
    """Reports of success come from whom dsn_from says. Bug 2404."""

    report_templates_expanded: bool = switch(False, "expand_open()", since("4.94.1", "40bffa31b"))
    """bounce_message_file and warn_message_file are expanded. Bug 2522."""

    diagnostics_in_reports_cut: bool = switch(
        False, "print_dsn_diagnostic_code()", since("4.95", "0de994525")
    )
    """Diagnostic-Code: has at most some 950 octets. Bug 1684."""

    reasons_in_reports_cut: bool = switch(False, "print_address_error()", since("4.97", "cfeaa009b"))
    """The reason that a report gives ends after some 254 octets. Bug 2979."""

    headers_in_reports_cut: bool = switch(False, "transport_headers_send()", since("4.97", "35d78f064"))
    """Of each header line of the message a report has 998 octets. Bug 1760."""

    delivery_pipe_read_checked: bool = switch(
        False, "par_read_pipe() in deliver.c", since("4.90", "2cee425af", item="HS/02")
    )
    """A transport process that dies leaves ``Delivery status for A: got 0 of 7 bytes (pipeheader)`` in main
    and panic log."""

    cv_needs_client_certificate: bool = switch(
        False, "add_tls_info_for_log()", since("4.99", "ef0a7560d", item="JH/26")
    )
    """No CV= in a server's log lines if the client sent no certificate."""

    sni_log_unquoted: bool = switch(
        False, "s_tlslog()", since("4.95", "7044dd8fd", item="bug 2265", picks={"d8e99d604": "4.94.1"})
    )
    """``SNI=name`` instead of ``SNI="name"``."""

    overriding_hosts_may_continue: bool = switch(False, "do_remote_deliveries()", since("4.90", "e39fdc855"))
    """Whether an open call suits an address is left to a transport whose own hosts override the router's."""

    special_takes_all_lines: bool = switch(
        False, "parse_forward_list()", since("4.96", "7ad863f38", item="bug 2857")
    )
    """The message of ``:fail:`` and ``:defer:`` goes on over all lines that follow."""

    waiting_check_resets_variables: bool = switch(False, "smtp_deliver()", since("4.99", "feb961184"))
    """After the look for waiting messages $host and its kin are those of the recipient's first host again."""

    remote_transport_knows_router: bool = switch(False, "do_remote_deliveries()", since("4.97", "a31b8b2c9"))
    """$router_name has a value in the process of a remote transport."""

    events_keep_names: bool = switch(
        False, "msg_event_raise(), deferred_event_raise()", since("4.98", "1d2868b2d")
    )
    """Events about a recipient leave $router_name and $transport_name as they were; before, without a value.
    After one about a host $router_name has the transport's name since then."""

    removal_raises_events: bool = switch(
        False, "queue_action() in queue.c", since("4.92", "7ea1237c7", item="bug 2310")
    )
    """-Mrm raises msg:fail:internal for each recipient that is left, and msg:complete."""

    marking_ends_line: bool = switch(False, "main() in exim.c", since("4.93", "11ce40d8d"))
    """-Mmad and -MG end what they say with an empty line."""

    local_report_by_lines: bool = switch(
        False, "moan_send_message() in moan.c", since("4.87", "62b7cd086", item="bug 1760")
    )
    """A report to a local sender copies the body by lines: of one longer than bounce_return_linesize_limit
    the rest is lost with its end, and one longer than bounce_return_size_limit is cut, and is the last."""

    retry_key_brackets: bool = switch(
        False, "retry_host_key_build() in retry.c", since("4.98", "5e0ccec43", item="bug 3086")
    )
    """A host's key in the retry database has IP addresses for names, and IPv6 addresses, in brackets."""

    queue_ids_listed: bool = switch(False, "queue_list()", since("4.97", "8ff2ba119"))
    """``-bpi`` lists the ids of messages; before, it was an unknown option."""

    events: frozenset[str] = switch(
        EVENTS,
        "event_raise() in deliver.c",
        since("4.87", "5ef5dd52d", adds=("msg:rcpt:defer", "msg:rcpt:host:defer"), item="JH/19"),
        since("4.91", "c4b57fddc", adds=("dane:fail",)),
        since("4.93", "8e78571a8", adds=("smtp:ehlo",)),
        since("4.94.1", "78598e6a6", adds=("msg:defer",), item="bug 2477", published="4.94"),
        since("4.96", "ef2e5890d", adds=("tls:fail:connect",)),
        since("4.97", "7a97480c2", adds=("auth:fail",)),
        since("4.98", "4fd2b1700", adds=("dns:fail",), item="bug 3011"),
        since("4.99", "19c4ea037", adds=("smtp:fail:protocol", "smtp:fail:syntax")),
    )
    """The events that event_action is told of."""

    failure_without_transport_raises_event: bool = switch(
        False, "msg_event_raise() in deliver.c", since("4.92", "4e9287801", item="bug 2322")
    )
    """``msg:fail:internal`` is raised for an address that failed before it got a transport."""

    ignored_failure_raises_event: bool = switch(
        False, "process_failed() in deliver.c", since("4.92", "ffbc20ed9", item="JH/28, bug 2314")
    )
    """``msg:fail:delivery`` is raised when the failure of an address is ignored too."""

    dnssec_status_logged: bool = switch(False, "d_hostlog() in deliver.c", since("4.88", "fc16abb4d"))
    """The log selector dnssec shows DS after the host's name in delivery lines."""

    outgoing_interface_colon: bool = switch(
        True, "d_log_interface()", since("4.92", "d12746bc1"), since("4.93", "2d5bf0979")
    )
    """``I=[address]:port``; without it, ``I=[address]port``."""

    continued_mark_in_host: bool = switch(False, "d_hostlog()", since("4.95", "9604a8438", item="JH/34"))
    """The mark of a connection that is used once more stands before ``I=``, in lines on failures, too."""

    deferral_names_own_end: bool = switch(
        False, "deferral_log()", since("4.95", "5c161fa61", item="JH/29, bug 2675")
    )
    """``I=`` and all else that is said of a host in delivery lines is in lines on deferrals, too."""

    missing_folder_names_mailbox: bool = switch(
        False, "appendfile_transport_entry()", since("4.95", "394eb1aa0")
    )
    """Where folders for a mailbox cannot be made, the message names the mailbox; before, its folder."""

    retry_errno_moved: bool = switch(False, "macros.h", since("4.95", "0bfae1bfb"))
    """The numbers for "retry time not reached" are one lower (-52 to -56), as a new number came before
    them."""

    protocol_sequence_logged: bool = switch(False, "deliver.c", since("4.99", "7b411755d"))
    """With the log selector protocol_detail ``PS=`` tells the steps of the connection in delivery lines."""

    failed_address_colon_spaced: bool = switch(False, "deliver.c", since("4.99", "7b411755d"))
    """``** addr R=r T=t : msg`` with a blank before the colon."""

    constant_address_is_split: bool = switch(
        False,
        "rewrite_one() in rewrite.c",
        since("4.95", "753739fde"),
        since("4.98", "c71f86982", item="JH/24, bug 3081"),
    )
    """A rewrite rule that fits writes into the address. An ``errors_to`` without expansions lies in memory
    that is only read: the process dies."""

    rewritten_part_told: bool = switch(False, "rewrite_one() in rewrite.c", since("4.99", "49d469d60"))
    """The line of a rewriting tells by ``with (address part of)`` that not all of the result is taken."""

    failed_set_is_forgotten: bool = switch(
        False,
        "route_address() in route.c",
        since("4.93", "b436dd419"),
        since("4.98", "ce336ea1a", item="JH/10, bug 3058"),
    )
    """A router's ``set`` that fails or defers ends the routing as if it had gone well, but to nowhere: the
    address counts as done."""

    put_off_batch_is_mislaid: bool = switch(
        False, "tpt_parallel_check() in deliver.c", since("4.99-dev-13835a3c1", "dddc92898")
    )
    """Of a batch that max_parallel puts off, only the first address is put off, and the others are passed
    over; if another address has been put off before, the delivery does not end."""

    include_check: IncludeCheck = switch(
        IncludeCheck.NAMES,
        "parse_forward_list()",
        since("4.88", "10c50704c", IncludeCheck.FROM_ROOT),
        since("4.96", "7f8394e7c", IncludeCheck.STEPS, item="bug 2715"),
    )
    """How a redirect router makes sure that an included file is in its ``include_directory``."""

    tainted_include_line: int = switch(
        0,
        "parse_forward_list()",
        since("4.94.1", "7d99cba1d", 1393, published="4.94"),
        since("4.95", "889894461", 1398, item="bug 2805"),
        since("4.97", "a85c067ba", 1399),
        since("4.98", "17648b558", 1403, item="bug 3160"),
        since("4.99", "7026bd361", 0),
    )
    """The process ends where redirection data that came from outside includes a file; the panic log names
    this line. 0: it does not."""

    tainted_include_refused: bool = switch(False, "parse_forward_list()", since("4.99", "7026bd361"))
    """Redirection data that came from outside may include no file."""
