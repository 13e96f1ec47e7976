"""The switches of callouts: how they ask, what they conclude, what they log."""

from __future__ import annotations

from eximsim.history import since, switch
from eximsim.quick_dataclass import dataclass
from eximsim.switch_values import CalloutDaneFailure, CalloutSize
from eximsim.switches_spool import SpoolSwitches


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)
class VerifySwitches(SpoolSwitches):
    """The part of a profile that is about callouts, with what comes before it."""

    address_wholly_forgotten: bool = switch(
        False, "deliver_set_expansions() in deliver.c", since("4.99-dev-13835a3c1", "6d75a89d2")
    )
    """What is known of an address goes with it; before, ``$host_address``, ``$host_port``, the variables of
    routers and what affixes match stay."""

    long_lookup_named: bool = switch(
        False, "dns_lookup_timerwrap(), host_name_lookup() in host.c", since("4.93", "30795c5e7")
    )
    """The log line on a long lookup says what was looked up; before, that is always ``name``."""

    host_debug_indented: bool = switch(False, "host.c, check_host() in verify.c", since("4.99", "78e481bba"))
    """So is that of hosts and their names."""

    callout_misconfiguration_logged: bool = switch(False, "do_callout()", since("4.97", "cfd47d9e7"))
    """A callout whose connection fails for its transport's configuration names the transport in the logs."""

    callout_word_mended: bool = switch(False, "do_callout()", since("4.99", "c8b8b6c7b"))
    """That line says ``callout``, and no longer ``calloout``."""

    verify_error_names_callout: bool = switch(
        False, "verify_callback() in tls-openssl.c", since("4.90", "f77197ae2")
    )
    """``SSL verify error (during R-verify for [..])`` in a callout."""

    callout_uses_setup_conn: bool = switch(False, "do_callout()", since("4.89", "02b41d710"))
    """The callout shares smtp_setup_conn() with the transport."""

    callout_tlsa_before_connect: bool = switch(
        True, "do_callout()", since("4.86-dev-4cea764f3", "bf7aabb41", item="bug 1602")
    )
    """A callout asks for TLSA records before it knows the port, unless a router has set it: for
    ``_-1._tcp``."""

    callout_connect_failure_worded: bool = switch(
        False, "smtp_setup_conn()", since("4.89", "02b41d710"), since("4.93", "3f63e4619")
    )
    """A callout that cannot connect says ``could not connect: Connection refused``, not the bare reason."""

    callout_tls_failure_retries_in_clear: bool = switch(
        False, "do_callout()", since("4.88", "ae5afa611", item="JH/30, bug 1897")
    )
    """Any TLS failure of a callout may be retried in clear, not only that of unusable TLSA records."""

    callout_dane_failure: CalloutDaneFailure = switch(
        CalloutDaneFailure.CLEAN,
        "do_callout()",
        since("4.90-dev-5d6bdf01a", "58c30e478", CalloutDaneFailure.STALE_CONTEXT),
        since("4.92", "74f1a4230", CalloutDaneFailure.DIES_UNLESS_SET_UP, item="JH/15"),
        since("4.94.1", "c58803fd1", CalloutDaneFailure.DIES, item="JH/08, bug 2491", published="4.94"),
        since("4.96", "b249717db", CalloutDaneFailure.NULL_CONTEXT),
        since("4.98", "44e35f5f5", CalloutDaneFailure.CLEAN, item="bug 3030"),
    )
    """What happens when DANE rules a host out before there is a connection. Which memory is hit differs."""

    callout_forced_failure_ends: bool = switch(
        False, "do_callout()", since("4.88", "2d5fdd539"), since("4.89", "02b41d710")
    )
    """A callout ends in FAIL_FORCED where DANE is only requested and there is no TLSA record: the recipient
    passes unasked."""

    callout_reply_cut: bool = switch(
        False, "do_callout()", since("4.93", "7b564712f", item="JH/35, bug 2409")
    )
    """What a host answered to a callout is passed on up to its first character that is not printing ASCII."""

    random_acceptance_ends: bool = switch(
        False, "do_callout()", since("4.90", "fae8970db", item="bug 2147", picks={"9d74d5e01": "4.89.1"})
    )
    """A host that takes a random recipient has answered the callout; before, it had not."""

    random_acceptance_told: bool = switch(False, "do_callout()", since("4.92", "2ddb4094c", item="bug 177"))
    """Such an answer is told apart: ``$recipient_verify_failure`` is "random"."""

    callout_size: CalloutSize = switch(
        CalloutSize.IF_KNOWN,
        "do_callout()",
        since("4.89", "02b41d710", CalloutSize.ALWAYS),
        since(
            "4.90",
            "14de8063d",
            CalloutSize.IF_KNOWN_AND_UNCACHED,
            item="JH/21, bug 2151",
            picks={"f1a8a73ce": "4.89.1"},
        ),
    )
    """When a callout announces the size of the message."""

    callout_cache_trace_names_key: bool = switch(False, "verify.c", since("4.88", "8b9476ba5"))
    """The host-check trace names the key of the callout cache record that is written."""

    acl_debug_indented: bool = switch(False, "acl.c, smtp_out.c, verify.c", since("4.89", "e1d04f48a"))
    """The host-check trace of an ACL in an ACL is set in."""

    callout_close_traced: bool = switch(
        False, "do_callout()", since("4.88", "ae5afa611", item="JH/30, bug 1897")
    )
    """The callout's own SMTP client has ``SMTP(close)>>`` in the host-check trace."""

    callout_quit_reply_read: bool = switch(False, "do_callout()", since("4.88", "2760b518e"))
    """A callout waits a second for the reply to QUIT."""

    cutthrough_return_path_logged: bool = switch(False, "do_callout()", since("4.99", "9adabf8d8"))
    """The log selector return_path_on_delivery applies to messages that went on while they came in, too."""

    cutthrough_counts_anew: bool = switch(
        False,
        "close_cutthrough_connection()",
        since("4.91", "06fdb9f73", item="JH/12, bug 2230", picks={"436015363": "4.90"}),
    )
    """Each message of a session can go on while it comes in; before, the recipients of one that did count for
    the next, whose first recipients then open no call."""

    headers_verified_in_more_acls: bool = switch(False, "acl_verify()", since("4.95", "e89d95f19"))
    """What is in the header can be verified in the ACLs for MIME, DKIM, PRDR, QUIT and NOTQUIT, too."""

    callout_senders_unchecked: bool = switch(False, "acl_verify()", since("4.99", "76257a827"))
    """That a callout has more than one of use_sender, use_tptsender and use_postmaster is not noticed."""

    callout_hold: bool = switch(
        False, "do_callout(), delivery_re_exec()", since("4.90-dev-5d6bdf01a", "57cc27852")
    )
    """The callout option ``hold`` keeps the call for the delivery that follows; and whoever gives a held call
    up at the end of a session says QUIT."""

    held_call_quits_once: bool = switch(
        False, "close_cutthrough_connection()", since("4.90-dev-5d6bdf01a", "57cc27852")
    )
    """A held call whose host does not answer QUIT is closed; in 4.88 and 4.89 it is closed again from within
    the closing, and so on, until the process has no stack left."""

    tls_session_of_each_call: bool = switch(
        False, "tls_client_start()", since("4.92", "74f1a4230", item="JH/15")
    )
    """A callout leaves the TLS session of a call that is held alone; before, a process had only one."""

    held_callout_upgraded: bool = switch(
        False, "case CONTROL_CUTTHROUGH_DELIVERY in acl.c", since("4.95", "99bfcf2b6", item="JH/11, bug 2604")
    )
    """The control cutthrough_delivery takes over the call that a callout holds for the delivery."""

    cutthrough_from_any_callout: bool = switch(
        False, "do_callout()", since("4.99", "4e36acaf2", item="bug 3071")
    )
    """A callout in the name of the empty sender, too, can be kept open for the message."""

    address_test_negates_ad: bool = switch(True, "verify_address() in verify.c", since("4.87", "08f3b11b3"))
    """Under the test suite -bt and -bv show ``ad=yes`` or ``ad=no`` after each host; then ``AD`` if so."""

    cutthrough_passes_silence: bool = switch(
        False, "receive_msg() in receive.c", since("4.91", "c85476e9d", item="JH/35")
    )
    """With ``cutthrough_delivery/defer=pass`` a client hears 450 if the server's answer to the dot is missing
    or makes no sense; before, it heard 250, and the message was thrown away."""

    not_blind_has_options: bool = switch(
        False, "acl_verify() in acl.c", since("4.93", "7c498df16", item="bug 2356")
    )
    """``verify = not_blind/case_insensitive``; before, the slash was an error."""
