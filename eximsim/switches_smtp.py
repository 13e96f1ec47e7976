"""The switches of the smtp transport: the host loop, the conversation, and their log lines."""

from __future__ import annotations

from eximsim.history import measured, since, switch
from eximsim.quick_dataclass import dataclass
from eximsim.switch_values import CommandLog, ConnectTrace, DaneFailureLog, DaneSni, TlsaMap, UnusableTlsa
from eximsim.switches_deliver import DeliverSwitches


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)
class SmtpSwitches(DeliverSwitches):
    """The part of a profile that is about the smtp transport, with what comes before it."""

    tlsa_map: TlsaMap = switch(
        TlsaMap.FALLBACK,
        "tlsa_lookup() in transports/smtp.c, from 4.92 host.c",
        since("4.88-jh03", "4b0fe3193", TlsaMap.NO_FALLBACK, item="JH/03"),
        since("4.88", "2d5fdd539", TlsaMap.NXDOMAIN_IS_NO_DANE),
        since("4.88", "ef3a1a30b", TlsaMap.NEGATIVE_IS_NO_DANE, item="JH/16"),
        since("4.90-dev-5d6bdf01a", "5d6bdf01a", TlsaMap.SIGNED_NEGATIVE_IS_NO_DANE),
        since("4.90", "6b5242044", TlsaMap.NEGATIVE_IS_NO_DANE),
        since("4.91", "899b8bbc6", TlsaMap.INSECURE_IS_NO_DANE, item="bug 1523"),
    )
    """What the answer to a TLSA question means, as one map for all answers."""

    tlsa_failure_ignored_if_requested: bool = switch(
        False, "smtp_deliver()", since("4.86", "6aa849d38"), since("4.88-jh03", "4b0fe3193", item="JH/03")
    )
    """A TLSA lookup that defers rules a host out only if DANE is required."""

    dane_outcome_in_address: bool = switch(
        False, "smtp_deliver()", since("4.86-dev-4cea764f3", "4cea764f3", item="bug 1634")
    )
    """A host that DANE rules out leaves errno and message in its addresses. Before, they kept the state of
    being worked on: with no further host they were deferred without a word."""

    tlsa_before_connect: bool = switch(False, "smtp_setup_conn()", since("4.90-dev-5d6bdf01a", "58c30e478"))
    """TLSA is asked for before the connection is made."""

    unusable_tlsa: UnusableTlsa = switch(
        UnusableTlsa.FAIL,
        "dane_tlsa_load() and tls_client_start() in tls-openssl.c, smtp_setup_conn()",
        since("4.86-dev-4cea764f3", "6ebd79ec0", UnusableTlsa.CA_ROOT),
        since("4.88-jh03", "4b0fe3193", UnusableTlsa.DEFER, item="JH/03"),
        since("4.90-dev-5d6bdf01a", "cf0c61644", UnusableTlsa.NULL_TEXT, item="JH/17"),
        measured("4.94.1", UnusableTlsa.EMPTY_TEXT),
        measured("4.95", UnusableTlsa.NULL_TEXT),
        measured("4.96", UnusableTlsa.UNDEFINED),
    )
    """What follows when no TLSA record is usable. From 4.90 on the reason is the text in a variable that
    nothing has set; what it holds is measured."""

    dane_failure_log: DaneFailureLog = switch(
        DaneFailureLog.NEVER,
        "smtp_setup_conn(), until 4.88 smtp_deliver()",
        since("4.88-jh03", "4b0fe3193", DaneFailureLog.WHEN_UNUSABLE, item="JH/03"),
        since("4.88", "ae5afa611", DaneFailureLog.ALWAYS, item="JH/30, bug 1897"),
        since("4.90-dev-5d6bdf01a", "cf0c61644", DaneFailureLog.WITH_REASON, item="JH/17"),
    )
    """When a failed handshake is followed by a line ``DANE attempt failed``, and how it goes."""

    dane_sni: DaneSni = switch(
        DaneSni.AS_CONFIGURED,
        "smtp_setup_conn()",
        since("4.95", "7044dd8fd", DaneSni.DOMAIN, item="bug 2265", picks={"d8e99d604": "4.94.1"}),
        since("4.95", "79aa468aa", DaneSni.HOST, item="bug 2265", picks={"e8ac8be0a": "4.94.2+fixes"}),
    )
    """The server name that a client asks for under DANE. It stays in the transport's options for later hosts
    of the process."""

    dane_one_domain_per_connection: bool = switch(
        False, "smtp_deliver()", since("4.95", "99350dede", item="bug 2265", picks={"a505cf777": "4.94.1"})
    )
    """Recipients of other domains wait for a second connection."""

    dnssec_separates_batches: bool = switch(False, "same_hosts() in deliver.c", since("4.95", "36237af9c"))
    """Addresses whose host lists differ in DNSSEC status are not delivered together."""

    no_pending_address_ends_host_loop: bool = switch(
        False, "smtp_transport_entry()", since("4.98", "d0e4bb183", item="JH/21, bug 3059")
    )
    """No further host is tried once no recipient is pending."""

    tls_proxied_for_next_message: bool = switch(
        False, "smtp_deliver()", since("4.90-dev-5d6bdf01a", "875512a36", item="JH/03")
    )
    """A TLS session is kept when a waiting message goes down the same connection, unless hosts_noproxy_tls
    matches."""

    continued_mark_by_transport: bool = switch(
        False, "d_hostlog() in deliver.c, smtp_setup_conn()", since("4.95", "cf39dad3d")
    )
    """``*`` after a host's address tells that a connection was used once more. Before, it told that there had
    been one to use, even if the transport then made another."""

    next_message_in_background: bool = switch(
        True, "transport_pass_socket() in transport.c", since("4.99", "f3ee1d51e")
    )
    """A waiting message goes down the connection in a process of its own, which nobody but a queue runner
    waits for."""

    deferred_batch_begins_anew: bool = switch(False, "smtp_transport_entry()", since("4.99", "f3ee1d51e"))
    """A recipient that is put off in a further transaction of a connection makes the transport go over all
    of the hosts again, from the first; an open connection is held to have led to none of them."""

    oldest_waiting_first: bool = switch(
        False,
        "transport_check_waiting()",
        since("4.99", "fbc48a247", item="JH/34", picks={"eaf2c5051": "4.98"}),
    )
    """Of the messages that wait for a host the oldest goes first down the connection, not the newest."""

    chunk_needs_recipient: bool = switch(
        False, "smtp_deliver()", since("4.93", "c5040dfdb", item="JH/42, bug 2454")
    )
    """Without PIPELINING no BDAT is said when all recipients were refused."""

    chunk_sent_with_command: bool = switch(
        False,
        "smtp_chunk_cmd_callback()",
        since("4.90-dev-5d6bdf01a", "4e910c01e", item="JH/08"),
    )
    """BDAT and the chunk are sent together. Before, a server that has closed the connection is noticed in
    between."""

    continued_call_takes_chunks: bool = switch(
        False, "smtp_deliver()", since("4.96", "5ddebd0ec", item="JH/26")
    )
    """A message that goes down a connection of another goes by BDAT too."""

    quit_pipelined: bool = switch(False, "smtp_deliver()", since("4.95", "001bf8f58"))
    """With PIPELINING, QUIT goes out with the end of a message that is tried for the first time. With GnuTLS
    a server that does not close then is logged as an error."""

    waiting_message_read_whole: bool = switch(
        True, "smtp_are_same_identities()", since("4.95", "001bf8f58", False)
    )
    """To find whether a waiting message may go down the connection, all of it is read, and ``interface`` and
    ``helo_data`` are expanded with its variables. Later only its sender is taken."""

    lost_tls_stays_active: bool = switch(False, "smtp_deliver()", since("4.95", "001bf8f58"))
    """A connection that was lost makes a difference to the next host."""

    close_after_recipients_is_no_error: bool = switch(
        False, "smtp_deliver()", since("4.98", "d0e4bb183", item="JH/21, bug 3059")
    )
    """A lost connection may leave recipients counted as delivered."""

    helo_copy_overlaps: bool = switch(
        False,
        "smtp_setup_conn()",
        since("4.88", "a57ce043b", item="JH/24, bug 1832"),
        since("4.90", "e5ab0ba9e", item="JH/30"),
    )
    """The reply to HELO is copied over the one to EHLO with a function that leaves it open what becomes of
    texts that overlap."""

    helo_loss_tells_ehlo_reply: bool = switch(
        False, "smtp_setup_conn()", since("4.88", "a57ce043b", item="JH/24, bug 1832")
    )
    """A connection that is lost after HELO is logged with what EHLO was answered."""

    second_hello_may_be_refused: bool = switch(False, "smtp_reap_ehlo()", since("4.92", "ee8b80906"))
    """A refusal of the EHLO or HELO over TLS is no failure: MAIL follows, and no extension is used."""

    bind_failure_logged: bool = switch(False, "ip_bind() in ip.c", since("4.97", "2b3ac4f13"))
    """``bind of [address]:port failed`` tells that a connection cannot come from its interface."""

    message_error_names_host: bool = switch(False, "smtp_deliver()", since("4.90", "ec62d0a95"))
    """A 4xx reply to MAIL, DATA or the message is logged with the host's name, and for the last host too."""

    setup_5xx_tries_next_host: bool = switch(
        False, "smtp_setup_conn()", since("4.90", "e69636bc9", item="JH/15", picks={"4b9e57976": "4.89.1"})
    )
    """A 5xx greeting or HELO reply defers while hosts are left."""

    setup_5xx_goes_on: bool = switch(
        False,
        "smtp_setup_conn()",
        since("4.89", "02b41d710"),
        since("4.90", "e69636bc9", item="JH/15", picks={"4b9e57976": "4.89.1"}),
    )
    """After a 5xx greeting or HELO reply the loop over the hosts goes on, though no recipient is left."""

    tls_error_logged: bool = switch(
        True,
        "tls_error() in tls-openssl.c, smtp_setup_conn()",
        since("4.90-dev-5d6bdf01a", "cf0c61644", item="JH/17"),
    )
    """A failed handshake writes ``H=.. TLS error on connection (..): ..`` and leaves the address with a fixed
    text; later, the reason is in the address's message."""

    protocol_checked: bool = switch(False, "smtp_setup_conn()", since("4.99", "746134b01", item="bug 3156"))
    """``protocol`` knows ``submissions``, and a word that it does not know is an error; before, that was
    ``smtp``."""

    smtps_banner_command: str | None = switch(
        None, "smtp_setup_conn()", since("4.99", "e574e6fad", "TLS-on-connect")
    )
    """What messages name as the command before the greeting of an smtps server. None: whatever big_buffer
    held, in a delivery at first an empty line of the message's header file."""

    address_lists_in_big_buffer: bool = switch(
        True, "match_address_list()", since("4.93", "f3ebb786e", False)
    )
    """An address that is searched for in a list, as in retry rules, is put into big_buffer."""

    local_host_has_errno: bool = switch(
        False, "smtp_transport_entry()", since("4.94.1", "6e0fddef0", published="4.94")
    )
    """A host that turns out to be this one defers under a number of its own, -50."""

    reply_timeout_is_whole: bool = switch(
        False, "smtp_read_response()", since("4.93", "0a5441fcd", item="JH/28")
    )
    """command_timeout and its kin are for a whole reply; before, each read had that much time."""

    size_on_continued_call: bool = switch(
        False,
        "smtp_deliver()",
        since("4.94.1", "5bf8a5168", item="bug 2525", published="4.94"),
    )
    """On a connection in clear that is used once more SIZE and DSN are still known to be offered."""

    auth_needs_ehlo: bool = switch(False, "smtp_deliver()", since("4.88", "2d14f3973"))
    """After HELO nothing is authenticated, and nobody looks at hosts_require_auth."""

    limits_heeded: bool = switch(False, "ehlo_response_limits_apply()", since("4.98", "cd8cb71de"))
    """A server's extension LIMITS is heeded, and connection_max_messages within a run of a transport."""

    mail_limit_told_to_successor: bool = switch(
        False, "transport_pass_socket() in transport.c", since("4.99", "b9ecb5708")
    )
    """A limit of messages on a connection is known to the next message, also without one of recipients."""

    further_mail_after_452: bool = switch(
        False, "sync_responses()", since("4.94.1", "c46396610", item="JH/15", published="4.94")
    )
    """Recipients that a server answers with 452 are named again after another MAIL if others were decided."""

    further_transaction_pipelined: bool = switch(
        False, "smtp_deliver()", since("4.94.1", "c46396610", item="JH/15", published="4.94")
    )
    """Another transaction on the connection is pipelined as the first was, which ended that with its DATA."""

    unfit_call_is_closed: bool = switch(False, "smtp_transport_entry()", since("4.91", "2577f55f6"))
    """A call that was left open, and is to none of the hosts, is closed, and the hosts are tried."""

    open_call_interface_checked: bool = switch(
        False, "smtp_transport_entry()", since("4.99", "237b2df13", item="bug 1141")
    )
    """A call that was left open has to come from the transport's interface."""

    missing_interface_named: bool = switch(
        True, "smtp_transport_entry()", since("4.99", "237b2df13", item="bug 1141")
    )
    """Where the option interface comes to nothing, a retry key ends in ``/NULL``."""

    connect_trace: ConnectTrace = switch(
        ConnectTrace.ONE_LINE,
        "smtp_connect() and smtp_sock_connect() in smtp_out.c",
        since("4.93", "adb21834f", ConnectTrace.SPACED),
        since("4.98", "1d2868b2d", ConnectTrace.TWO_LINES),
        since("4.99", "46ff3250f", ConnectTrace.FAILURE_NAMED),
    )
    """How the host-check trace shows a connection."""

    event_refusal_has_errno: bool = switch(False, "event_raise() in deliver.c", since("4.93", "959384646"))
    """A connection that event_action forbids fails with ``Event requests alternate response``; before, with
    what errno was, which is ENOENT since a hints database was opened."""

    fast_open_asked: bool = switch(False, "smtp_connect() in smtp_out.c", since("4.88", "fb05276aa"))
    """hosts_try_fastopen is searched when a connection is made, and the host-check trace shows it in the
    middle of its line on the connection."""

    fast_open_by_default: bool = switch(False, "transports/smtp.c", since("4.93", "efad2f414", item="JH/25"))
    """hosts_try_fastopen has all hosts unless it is set."""

    fast_open_waits_for_hello: bool = switch(False, "smtp_setup_conn()", since("4.95", "81df60f62"))
    """Where TLS comes first, the call by TCP Fast Open goes out with the ClientHello, and is waited for."""

    fast_open_of_first_host: bool = switch(False, "smtp_transport_entry()", since("4.97", "fd9f0b735"))
    """Once a host was tried, hosts_try_fastopen is empty for as long as the process lives."""

    socks_logged: bool = switch(False, "d_hostlog() in deliver.c", since("4.87", "e6d2a9894"))
    """The log names the SOCKS proxy that a message went through, with the selector proxy."""

    absent_proxy_logged: bool = switch(
        False,
        "d_hostlog() in deliver.c",
        since("4.87", "e6d2a9894"),
        since("4.92", "eb58ddf58", False, item="JH/27"),
    )
    """With the selector proxy the log has ``PRX=[]`` where a message went through no SOCKS proxy."""

    socks_proxies_weighed: bool = switch(
        False, "socks_get_proxy() in transports/smtp_socks.c", since("4.87", "7f06582cc", item="bug 1720")
    )
    """One of several SOCKS proxies is chosen by priority and weight."""

    socks_weights_fair: bool = switch(False, "socks_get_proxy()", since("4.95", "83811e3c1", item="bug 2694"))
    """The weights of SOCKS proxies are their chances; before, the last one had one chance less."""

    socks_first_method_early: bool = switch(False, "socks_sock_connect()", since("4.90", "0ab63f3de"))
    """What a SOCKS proxy is told first names the method of the last in the list, whichever was chosen."""

    socks_told_to_successor: bool = switch(
        False, "transport_pass_socket() in transport.c", since("4.95", "2081aac24", item="bug 2710")
    )
    """Who goes on with a call is told of the SOCKS proxy that it goes through."""

    socks_empty_is_direct: bool = switch(
        False, "smtp_connect() in smtp_out.c", since("4.99", "7b505d288", item="bug 3118")
    )
    """If socks_proxy expands to nothing, the host is called directly."""

    socks_option_traced: bool = switch(False, "smtp_connect() in smtp_out.c", since("4.99", "6061fbe9f"))
    """The host-check trace says ``(proxy option set)`` instead of ``via proxy``."""

    socks_reply_traced: bool = switch(False, "socks_sock_connect()", since("4.99", "62cb2938c"))
    """The host-check trace shows with ``SOCKS<<`` what a proxy says to a request; before, with ``>>``."""

    client_flush_traced: bool = switch(False, "flush_buffer() in smtp_out.c", since("4.88", "58fc5fb2e"))
    """The host-check trace has ``cmd buf flush N bytes``."""

    command_log: CommandLog = switch(
        CommandLog.NEVER,
        "smtp_debug_cmd_report() in functions.h",
        since("4.96", "5800e3234", CommandLog.AT_CLOSE),
        since("4.99", "f3ee1d51e", CommandLog.AFTER_CALLOUT),
    )
    """Whether the host-check trace sums up a session."""

    continued_mark_of_each: bool = switch(
        False, "smtp_deliver(), do_remote_deliveries()", since("4.99", "f3ee1d51e")
    )
    """The transport says of each recipient whether its connection was used before."""

    long_line_counted: bool = switch(
        False, "smtp_transport_entry()", since("4.99", "77cbc05db", item="bug 2871")
    )
    """``message has lines too long for transport`` is followed by the length."""

    expired_hosts_named: bool = switch(
        False, "smtp_transport_entry()", since("4.88", "c3f2eb9a7", item="bug 1782")
    )
    """``all hosts for 'D' have been failing for a long time`` instead of other words without the domain."""

    queue_control_is_named: bool = switch(
        False, "smtp_transport_entry()", since("4.94.1", "9438970c9", published="4.94")
    )
    """``first-pass only routing due to -odqs, queue_smtp_domains or control=queue`` instead of ``domain
    matches queue_smtp_domains, or -odqs set``."""

    pipelined_commands_marked: bool = switch(
        False, "smtp_write_command() in smtp_out.c", since("4.95", "843edb383")
    )
    """The host-check trace shows a buffered command as ``SMTP|>``."""

    end_of_replies_shown: bool = switch(
        False, "read_response_line() in smtp_out.c", since("4.93", "eebcfa1cc")
    )
    """-v shows that a connection ended instead of a reply, as ``SMTP(closed)<<`` or with the error."""

    deferred_rcpt_port: bool = switch(False, "sync_responses()", since("4.92", "67ea939cf"))
    """In the line on a deferred recipient the log selector outgoing_port shows the port."""

    deferred_rcpt_colon: bool = switch(
        True, "sync_responses() in transports/smtp.c", since("4.99", "593058763")
    )
    """``H=host [ip]: SMTP error .. after RCPT``, logged while hosts are left, has the colon."""

    xtext_strict: bool = switch(
        False, "auth_xtextencode() in xtextencode.c", since("4.98", "4e19eed51", item="JH/26")
    )
    """In ``AUTH=`` of MAIL, DEL is encoded too, and hexadecimal digits are capitals."""

    prdr_replies_joined: bool = switch(
        False, "smtp_deliver()", since("4.91", "2556b3c61", item="JH/26, bug 2253")
    )
    """With PRDR, ``C=`` has the reply for the recipient and the one for all."""

    mua_wrapper_awaits_all: bool = switch(
        True, "smtp_deliver()", since("4.90-dev-5d6bdf01a", "4c2471caf", item="JH/07")
    )
    """Under mua_wrapper, recipients that max_rcpt has left for the next transaction count as not taken: all
    fail."""
