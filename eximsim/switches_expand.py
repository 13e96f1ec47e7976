"""The switches of expansions, filters and lists: what matches, what is set, what is said."""

from __future__ import annotations

from eximsim.history import since, switch
from eximsim.quick_dataclass import dataclass
from eximsim.switch_values import IpSyntax, ReadsocketTls, SieveMailtoHeaders
from eximsim.switches_server import ServerSwitches


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)
class ExpansionSwitches(ServerSwitches):
    """The part of a profile that is about texts, with what comes before it."""

    unknown_named_list_defers: bool = switch(
        False, "match_check_list()", since("4.90", "72934ba73", item="JH/33, bug 1645")
    )
    """A reference to a named list that does not exist defers; before, Exim ended with a panic log line."""

    operator_numbers_checked: bool = switch(False, "expand_string_internal()", since("4.99", "ae9dce2eb"))
    """A number after an underscore that is too large is refused, and a hash of 0 codes is one of 26; before,
    the number wraps around, and the process dies of a division by zero."""

    appended_lengths_checked: bool = switch(
        False, "string_catn() in string.c", since("4.95", "afd37f744", picks={"1241deaef": "4.94.1"})
    )
    """A process that is to append a negative number of octets panics: ``internal error in string_catn``."""

    sort_by_fixed_comparisons: bool = switch(
        False, "expand_string_internal()", since("4.93", "21aa05977", picks={"cf84d126b": "4.92"})
    )
    """``${sort`` has comparators of its own; before, any condition will do, made of the texts themselves."""

    sha256_takes_length: bool = switch(False, "expand_string_internal()", since("4.93", "12e9bb25f"))
    """``${sha256_N:`` is ``${sha2_N:``; before, what follows the underscore does not count."""

    nhash_by_zero_refused: bool = switch(False, "compute_nhash()", since("4.99", "766d6a480"))
    """``${nhash_N_M:`` with a number that is 0 fails; before, the process dies."""

    sha3_by_openssl: bool = switch(False, "expand_string_internal()", since("4.91", "9c29c48f8"))
    """``${sha3:`` is there with OpenSSL (1.1.1 and later), too; before, only with GnuTLS."""

    ip_syntax: IpSyntax = switch(
        IpSyntax.DIGITS,
        "string_is_ip_address()",
        since("4.90-dev-5d6bdf01a", "8d909960c", IpSyntax.NUMBERS),
        since("4.97", "a95acb1c1", IpSyntax.LIBRARY, item="bug 3031"),
    )
    """Which texts expansions take for IP addresses."""

    json_looked_up: bool = switch(False, "src/lookups/json.c", since("4.93", "ffc92d69b"))
    """There is a lookup of the type ``json``."""

    header_as_list: bool = switch(
        False, "expand_string_internal()", since("4.92", "bce15b621", item="bug 2272")
    )
    """``$lheader_name:`` is the header as a list; before, it is a variable, and unknown."""

    dnsdb_asks_dnssec: bool = switch(False, "dnsdb_find()", since("4.93", "ab0e957b0", item="HS/06"))
    """dnsdb lookups behave as ``dnssec_lax`` unless told otherwise; before, as ``dnssec_never``."""

    operator_argument_checked: bool = switch(
        False, "expand_string_internal()", since("4.99", "453bf4b50", item="JH/43")
    )
    """An operator that takes nothing after an underscore is none with it; before, that was passed over."""

    tainted_expansion: str = switch(
        "",
        "expand_string_internal()",
        since("4.93", "f3ebb786e", "attempt to expand tainted string '{}'"),
        since("4.95", "0fa46a83a", "Tainted string '{}' in expansion"),
        since("4.96", "8f2cf8f5a", "attempt to expand tainted string '{}'"),
    )
    """What is said where ``expand`` is given a text that comes from outside; empty if it is expanded."""

    tainted_acl: str = switch(
        "",
        "acl_check_internal()",
        since("4.95", "82fecf8fd", "Tainted ACL text {}"),
        since("4.96", "8f2cf8f5a", "attempt to use tainted ACL text {}"),
    )
    """What is logged of an ACL, or the name of one, that comes from outside: it cannot be run. Exim's test
    suite does without this."""

    condition_debug_nested: bool = switch(False, "eval_condition()", since("4.99", "0e4b2a6e2"))
    """The host-check trace of what a condition looks at is set in."""

    list_keeps_escaped_space: bool = switch(
        False, "string_nextinlist() in string.c", since("4.95", "7f83b348c", item="bug 2630")
    )
    """White space at the end of an item of a list stays if a backslash stands before it."""

    list_match_sets_value: bool = switch(False, "eval_condition()", since("4.96", "564960ff8"))
    """``match_domain`` and its kin set ``$value``."""

    readsocket_needs_shutdown: bool = switch(
        False,
        "readsock_open() in readsock.c",
        since("4.94.1", "1950cf85b", published="4.94"),
        since("4.96", "05b70ebcd", item="bug 2784"),
    )
    """Nothing is read of a socket with ``shutdown=no``."""

    readsocket_tls: ReadsocketTls = switch(
        ReadsocketTls.UNKNOWN,
        "EITEM_READSOCK in expand.c; readsock_find() in readsock.c",
        since("4.92", "afdb5e9cf", ReadsocketTls.MISREAD, item="JH/16, bug 2282"),
        since("4.94.1", "1950cf85b", ReadsocketTls.READ, published="4.94"),
    )
    """What the option ``tls=`` of ``${readsocket`` is; without it there is no TLS."""

    readsocket_sni: bool = switch(False, "readsock_find()", since("4.97", "6fdf76d0e"))
    """``${readsocket`` has an option ``sni=``, which means TLS, too."""

    srs_quotes: bool = switch(
        False, "EITEM_SRS_ENCODE in expand.c", since("4.95", "bec94709e", item="bug 2607")
    )
    """Local parts that need quotes get them in addresses that are made by SRS."""

    run_splits_first: bool = switch(
        False, "EITEM_RUN in expand.c", since("4.96", "cfe6acff2", item="JH/24, JH/25")
    )
    """The command of ``${run`` is split into words first, and each is expanded on its own."""

    utf8clean_sees_the_end: bool = switch(
        False, "EOP_UTF8CLEAN in expand.c", since("4.92", "0a682b6cd", item="PP/03")
    )
    """``${utf8clean:`` puts a question mark for a character that is cut off at the end of the text."""

    json_texts_keep_commas: bool = switch(
        False, "json_nextinlist()", since("4.97", "aae2bf28d", item="JH/30, bug 3006")
    )
    """A comma within the quotes of a text in JSON does not end the element; before, it did."""

    utf8clean_refuses_surrogates: bool = switch(
        False, "EOP_UTF8CLEAN in expand.c", since("4.97", "1209e3e19", item="JH/31, bug 2998")
    )
    """Code points of UTF-16 surrogates are no characters for ``${utf8clean:``."""

    expansion_errors_quoted: bool = switch(False, "expand.c", since("4.99", "24e159d7b"))
    """Texts in errors have escapes for quotes, tabs and what is no ASCII; errors inside are quoted."""

    acl_failure_named: bool = switch(False, "expand_string_internal()", since("4.93", "17ccbda62"))
    """What ``${acl`` says of an ACL that neither accepts nor refuses names its result; before, ``error``."""

    nothing_quoted_bare: bool = switch(False, "string_vformat()", since("4.99", "24e159d7b"))
    """Where a text in quotes is not there, messages have ``<NULL>``; before, ``"NULL"``."""

    personal_own_to_not_rewritten: bool = switch(
        False, "filter_personal() in filter.c", since("4.94.1", "137ae145e", published="4.94")
    )
    """``personal`` in a filter loses what rewrite rules make of the user's own address in To:."""

    sieve_address_lists_unread: bool = switch(
        False, "parse_test() in sieve_filter.c", since("4.99-dev-13835a3c1", "dea05068d")
    )
    """Sieve's test of addresses gives up a header line of several: their ends are mixed up."""

    sieve_quoted_printable_skips: bool = switch(
        False,
        "quoted_printable_encode()",
        since("4.87", "8d468c4c1"),
        since("4.90", "dc4de9cc8"),
    )
    """Octets of a Sieve vacation text that have to be encoded are followed by three that nobody has set."""

    encoded_first_word_longer: bool = switch(
        False,
        "parse_quote_2047()",
        since("4.95", "3c90bbcdc", item="bug 2617"),
        since("4.99-dev-13835a3c1", "c7b6065cb", item="bug 3168"),
    )
    """The first of several encoded words (RFC 2047) may be longer than 75 octets."""

    sieve_mailto_headers: SieveMailtoHeaders = switch(
        SieveMailtoHeaders.TAKEN,
        "parse_mailto_uri()",
        since("4.90", "acec9514b", SieveMailtoHeaders.VALUE_FOR_NAME),
        since("4.97", "9c254e6f5", SieveMailtoHeaders.TAKEN_BUT_LINES),
    )
    """What becomes of the headers in a mailto URI of Sieve's notify."""

    unpermitted_recipients_empty: bool = switch(
        False, "find_variable()", since("4.94.1", "6b5b7e0ca", published="4.94")
    )
    """``$recipients`` is empty where it must not be seen; before, it was an unknown variable."""

    no_recipients_empty: bool = switch(True, "fn_recipients() in expand.c", since("4.90", "acec9514b"))
    """``$recipients``, where it may be seen, is empty without recipients; since then, it is as if unknown."""

    filter_regex_cached: bool = switch(False, "test_condition() in filter.c", since("4.97", "7d5055276"))
    """A filter's pattern is compiled as all others are, and has their words for what is wrong with it."""

    stdin_read_ahead: bool = switch(
        False, "read_message_body() in filtertest.c", since("4.96", "1843f70b7", item="bug 2819")
    )
    """Standard input is read in blocks: no body is no line in a filter test, not one."""

    list_trace_indented: bool = switch(False, "match_check_list()", since("4.96", "376d3790b"))
    """The host-check trace of lists is set in."""

    list_trace_shows_elements: bool = switch(False, "match_check_list()", since("4.97", "6fc54bd18"))
    """It shows the question before the search, and each item."""

    list_trace_shows_sublists: bool = switch(False, "match_check_list()", since("4.98", "1d2868b2d"))
    """It shows where a named list begins and ends and what is cached, unset lists without a name, and makes
    white space in items visible."""

    malformed_ip_named: bool = switch(False, "check_host()", since("4.97", "3b06efc10"))
    """``malformed IPv4 address or address mask`` says which."""

    malformed_ipv6_recognised: bool = switch(
        False, "check_host()", since("4.98", "b0e63c7ef", item="JH/09, bug 3057")
    )
    """A malformed IPv6 address in a host list is an error, too."""

    lists_capture: bool = switch(False, "match_isinlist()", since("4.94.1", "43ba45ce6", published="4.94"))
    """What a domain or a local part matches in a list is in ``$0``, and its parts in ``$1`` and so on."""

    authres_spf_helo: bool = switch(False, "authres_spf()", since("4.95", "0ea0fca40", item="JH/19"))
    """``${authresults`` names the client's name for itself beside SPF's result if there is no sender."""

    json_extracted: bool = switch(
        False, "EITEM_EXTRACT in expand.c", since("4.92", "8fdf20fd8", item="bug 2282")
    )
    """``${extract json{...``."""

    json_texts_extracted: bool = switch(False, "EITEM_EXTRACT in expand.c", since("4.93", "e661a29c6"))
    """``${extract jsons{...``, which takes the quotes off."""

    lookup_options_known: bool = switch(
        False, "search_findtype_partial()", since("4.94.1", "67a57a5af", published="4.94")
    )
    """A lookup type may have options in an expansion: ``lsearch,ret=full``."""

    mask_shortens: bool = switch(False, "EOP_MASK in expand.c", since("4.96", "c51f713ee"))
    """``${mask_n:`` writes IPv6 addresses in their short form; before, the n is ignored."""

    tainted_search_refused: bool = switch(
        False, "search_open()", since("4.94.1", "54a2a2a99", published="4.94")
    )
    """A lookup in a file whose name comes from outside fails: ``Tainted filename for search``."""

    unquoted_query_logged: bool = switch(
        False, "internal_search_find() in search.c", since("4.96", "4191cb150", item="bug 2850")
    )
    """A query with text that comes from outside and is not quoted is logged, and asked all the same."""

    skipped_parts_evaluated: bool = switch(
        True, "expand_string_internal(), eval_condition() in expand.c", since("4.97", "d8fbda7da")
    )
    """``hash``, ``length``, ``nhash``, ``substr`` and ``sg`` fail with what is wrong in their arguments even
    where their result is not wanted; variables and other items are empty there."""

    skipped_text_kept: bool = switch(True, "expand_string_internal() in expand.c", since("4.98", "d945e180c"))
    """Where a result is not wanted, plain text and ``$1`` are put together all the same: ``bool``, ``sort``,
    ``listextract`` and ``imapfolder`` fail with it, and ``forany`` and ``forall`` go through the list."""

    dsearch_folder_looked_at: bool = switch(
        False, "dsearch_open() in lookups/dsearch.c", since("4.99", "8438ea0c9", item="JH/21, bug 2995")
    )
    """A folder that is searched need not be readable; of what is none another thing is said."""

    unquoted_brace_hinted: bool = switch(
        False, "expand_string_internal() in expand.c", since("4.91", "d584cdcac")
    )
    """Where ``filter``, ``map`` or ``reduce`` does not end, an unquoted brace is suspected."""

    empty_start_kept: bool = switch(True, "string_append_listele() in string.c", since("4.90", "acec9514b"))
    """An empty item begins a list that is put together as any other; after, none is left of it."""

    nothing_appended_is_nothing: bool = switch(
        False,
        "string_catn() in string.c",
        since("4.96", "d8b76fa95"),
        since("4.99-dev-13835a3c1", "af14bc8cf", False),
    )
    """Of an empty item a list is not begun: a process that sorts one that begins with it dies."""

    empty_items_spaced: bool = switch(
        False, "string_append_listele() in string.c", since("4.99-dev-13835a3c1", "af14bc8cf")
    )
    """An empty item of a list that is put together is a blank."""

    router_variables: bool = switch(False, "find_variable() in expand.c", since("4.93", "fa7b17bdb"))
    """``$r_name`` is known, be it set by a router or not."""

    missing_reply_address_dies: bool = switch(
        True, "find_variable() in expand.c", since("4.99", "2d6fb26f4", item="JH/36")
    )
    """A process that asks for ``def:reply_address`` dies of a null pointer without ``Reply-To:``."""

    prvscheck_named: bool = switch(
        False,
        "expand_string_internal() in expand.c",
        since("4.94.1", "48b30ae11", published="4.94", item="bug 1066"),
    )
    """What is wrong with the arguments of ``prvscheck`` is told of it, not of ``prvs``."""

    address_parts_cut: bool = switch(
        True,
        "expand_string_internal() in expand.c",
        since("4.93", "e2ff8e24f", False, item="JB/01, bug 2375"),
    )
    """``address``, ``local_part`` and ``domain`` cut from an address as it is written, comments and all."""

    match_ip_list_expanded: bool = switch(True, "eval_condition() in expand.c", since("4.99", "9d66ba85a"))
    """The list of ``match_ip``, which is not expanded when it is read, is expanded before it is matched."""

    plain_suffix_untainted: bool = switch(
        False, "route_address()", since("4.96", "4191cb150", item="bug 2850")
    )
    """A local part's suffix that no wildcard took part in does not count as coming from outside, as a prefix
    does not."""

    query_servers_hidden: bool = switch(
        False, "internal_search_find() in search.c", since("4.98", "f2738aab2", item="bug 3066")
    )
    """The servers that such a query names are left out of the line."""

    tainted_arguments_refused: bool = switch(
        False, "arg_is_tainted() in transport.c", since("4.96", "cfe6acff2", item="JH/24, JH/25")
    )
    """A command of a transport is not run if one of its words comes from outside."""

    local_errors_numbered: bool = switch(
        False,
        "autoreply_transport_entry(), pipe_transport_entry()",
        since("4.94.1", "6e0fddef0", published="4.94"),
    )
    """Log lines about a file of autoreply, or too many settings of pipe, have the system's words for it."""

    expansion_test_macros: bool = switch(
        False, "expansion_test_line() in exim.c", since("4.90", "9650d98a0", item="bug 1623")
    )
    """-be knows the macros of the configuration, and lets more be defined."""

    expansion_test_writes: bool = switch(False, "main() in exim.c", since("4.96", "6e05345b4", item="JH/09"))
    """Under -be the configuration may be written to."""

    expansion_test_sets: bool = switch(False, "expansion_test_line() in exim.c", since("4.97", "c6887a05b"))
    """-be sets ACL variables."""

    test_database_quotes: bool = switch(False, "testdb.c", since("4.99", "1e32c64d1"))
    """The database of Exim's own tests wants its queries quoted."""

    expansion_test_sets_tainted: bool = switch(
        False, "expansion_test_line() in exim.c", since("4.98", "a1caa6da6")
    )
    """-be sets ACL variables to tainted values (``set,t``)."""
