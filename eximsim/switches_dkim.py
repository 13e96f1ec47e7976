"""The switches of signatures over messages: DKIM, ARC, and what results of them are shown."""

from __future__ import annotations

from eximsim.history import since, switch
from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)
class SignatureSwitches:
    """The part of a profile that is about signatures."""

    dkim_ed25519: bool = switch(False, "pdkim.c", since("4.91", "286b9d5fa"))
    """DKIM knows Ed25519 keys (RFC 8463); with OpenSSL since a later commit of the same release."""

    send_failure_worded_generally: bool = switch(False, "smtp_deliver()", since("4.96", "ce15be781"))
    """A message that could not be signed or sent is a failed ``smtp send``, before it was ``send()``."""

    dkim_signing_logged: bool = switch(
        False, "delivery_log() in deliver.c", since("4.98", "80bacd22c", item="bug 3062")
    )
    """With the log selector dkim_verbose a delivery's line names the signatures that were made."""

    dkim_pad_first: bool = switch(
        False, "pdkim_headcat() in pdkim.c", since("4.95", "65fe78025", item="bug 2295")
    )
    """A signature's header line is folded after the semicolon of a tag only where there is room for that."""

    dkim_key_length_of_key: bool = switch(
        False, "dkim_exim_acl_run() in dkim.c", since("4.94.1", "a841a6eca", published="4.94")
    )
    """``$dkim_key_length`` is that of the key, not of the signature."""

    dkim_status_is_list: bool = switch(False, "dkim_exim_acl_entry()", since("4.90", "cc55f4208"))
    """After the DKIM ACL ``$dkim_verify_status`` is the list of all verdicts, not the last one."""

    dkim_status_in_data: bool = switch(False, "acl.c", since("4.98", "e2b4dedbc"))
    """The ACL for the data may test dkim_status."""

    unopened_key_explained: bool = switch(False, "expand_file_big_buffer()", since("4.99", "4d756df0d"))
    """The line about a key file that cannot be opened says why."""

    dkim_minimal_ends_acl: bool = switch(False, "dkim_exim_acl_run()", since("4.99", "a5e7a6420"))
    """With dkim_verify_minimal no ACL is run for a signature after the first that is good; before, later ones
    were not verified, and the ACL saw that."""

    dkim_mismatch_silent: bool = switch(False, "dkim_exim_verify_finish()", since("4.99", "b2b170e67"))
    """GnuTLS's plain mismatch of a signature is not told of in a line of its own."""

    dkim_log_selectable: bool = switch(False, "dkim_exim_verify_log_sig()", since("4.91", "2c47372fa"))
    """Lines about signatures want the log selector dkim_verbose, and the arrival line names the domain of a
    good one; before, each signature has its line."""

    dkim_acl_overrides: bool = switch(
        False, "dkim_exim_acl_run()", since("4.90", "a79d88347", item="bug 2186")
    )
    """The DKIM ACL may set the verdict, and each signature is logged after it; before, as it is verified."""

    dkim_acl_by_signature: bool = switch(
        False, "dkim_exim_acl_run()", since("4.90", "18067c75f", item="bug 2189")
    )
    """The DKIM ACL is run for each signature of a signer, not for the first only."""

    dkim_key_hashes_heeded: bool = switch(False, "pdkim_feed_finish()", since("4.90", "135e94969"))
    """The ``h=`` tag of a key record limits the hashes."""

    dkim_signatures_limited: bool = switch(
        False, "pdkim_header_complete()", since("4.92", "64b67b658", item="bug 2269")
    )
    """With twenty signatures nothing is verified."""

    dkim_errors_named_dkim: bool = switch(False, "pdkim.c", since("4.93", "305f8921e"))
    """All lines of the log begin with DKIM; before, some with PDKIM."""

    arc_client_noted: bool = switch(False, "arc_sign_append_aar() in arc.c", since("4.97", "6d9b05ae2"))
    """ARC-Authentication-Results: has the client's address."""

    dkim_failed_body_ends: bool = switch(False, "pdkim_feed_finish()", since("4.91", "617d39327"))
    """A signature whose body hash is wrong is not looked at any further."""

    dkim_key_failure_logged: bool = switch(False, "pdkim_feed_finish()", since("4.91", "286b9d5fa"))
    """A key that cannot be had is told of in a line of its own."""

    dkim_signs_directly: bool = switch(
        False, "dkim_transport_write_message()", since("4.90-dev-5d6bdf01a", "42055a338")
    )
    """A message is signed in memory; before, it was written to a file first, which went in one chunk."""

    dkim_mismatch_logged: bool = switch(
        False, "dkim_exim_verify_finish()", since("4.90-dev-5d6bdf01a", "b9df1829d", item="bug 966")
    )
    """What the library says of a signature that does not verify is logged."""
