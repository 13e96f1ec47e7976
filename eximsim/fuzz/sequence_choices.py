"""What a sequence is drawn from: servers, zones, settings, sections of a configuration, retry rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Choices = Mapping[str, Sequence[str]]
"""Values of options, by their names."""

HOSTS = {"h1": "10.9.1.1", "h2": "10.9.2.1", "h3": "10.9.3.1"}
DOMAINS = ("one.test.ex", "two.test.ex", "three.test.ex")
SENDERS = ("s@test.ex", "s@test.ex", "other@two.test.ex", "Me@Test.Ex", "")
LOCAL_PARTS = ("a", "a", "b", "C", "d+x", "pre-e", "Pre-F+Y", "A")
SPELLINGS = ("one.test.ex", "two.test.ex", "three.test.ex", "one.test.ex", "two.test.ex", "One.Test.EX")

EXTENSIONS = (
    "PIPELINING", "SIZE", "SIZE 50", "CHUNKING", "DSN", "PRDR", "STARTTLS", "PIPECONNECT", "8BITMIME",
    "SMTPUTF8", "AUTH PLAIN LOGIN", "AUTH CRAM-MD5 EXTERNAL", "HELP", "X-ODD WORDS",
)  # fmt: skip
CURRENT = ("PIPELINING", "SIZE 52428800", "STARTTLS", "8BITMIME", "CHUNKING", "DSN", "SMTPUTF8", "PRDR")
"""What a server of today offers."""
LIMITS = ("RCPTMAX=1", "MAILMAX=1", "RCPTDOMAINMAX=1", "RCPTMAX=2 MAILMAX=2", "MAILMAX=2 RCPTMAX=1")
_CLOSING = {"lines": ["421 closing"], "then": "close"}
_LOST = {"lines": [], "then": "close"}
PHASES: Mapping[str, Sequence[object]] = {
    "banner": ("421 busy", "554 no service", _CLOSING, ["220-mx.test.ex", "220 hello"], _LOST),
    "ehlo": ("502 no", _CLOSING, "421 not now", _LOST),
    "helo": ("550 who", "451 later"),
    "starttls": ("454 not now", "554 never", _CLOSING),
    "mail": ("451 later", "550 no", "552 too big", _CLOSING, ["451-one", "451 two"], _LOST, "421 bye"),
    "rcpt": ("450 later", "550 unknown", "452 too many", "421 closing", "251 elsewhere", _CLOSING, _LOST),
    "data": ("451 later", "550 no", _CLOSING, "421 bye"),
    "bdat": ("451 later", "550 no"),
    "end_of_data": (
        "451 later", "550 spam", "452 full", _CLOSING, _LOST, ["250-first", "250 second"], "421 bye",
    ),
    "reset": ("500 what", _CLOSING),
    "auth": (
        ["235 welcome"], ["535 no"], ["454 later"], ["334 ", "235 welcome"], ["334 ", "334 ", "235 welcome"],
        ["334 PDEyMz4=", "235 welcome"], ["334 ", "535 no"], ["504 what"],
    ),
}  # fmt: skip
"""How servers may answer, by the phase; lines of an exchange for ``auth``."""
CHAINS = ("wrongname", "expired", "selfsigned")

TLSA: Sequence[Sequence[str]] = (
    ["3 1 1 @cert:good"], ["3 1 1 @cert:expired"], ["2 0 1 @cert:good"], ["1 1 1 @cert:good"], [],
)  # fmt: skip

FAILURES = ("NXDOMAIN", "SERVFAIL", "SERVFAIL", "NOERROR", "REFUSED")
"""How the name server may answer without data."""

TRANSPORT: Choices = {
    "max_rcpt": ("1", "2"),
    "connection_max_messages": ("1", "2"),
    "multi_domain": ("false", "${if eq{$domain}{one.test.ex}{yes}{no}}"),
    "hosts_try_prdr": ("*", ""),
    "hosts_pipe_connect": ("*", "h1-a.test.ex"),
    "hosts_avoid_pipelining": ("*", "10.9.2.1"),
    "hosts_avoid_tls": ("*", "h1-a.test.ex"),
    "hosts_require_tls": ("h1-a.test.ex", "*"),
    "hosts_verify_avoid_tls": ("", "h2-a.test.ex"),
    "hosts_nopass_tls": ("*",),
    "hosts_noproxy_tls": ("",),
    "hosts_max_try": ("1", "2"),
    "hosts_max_try_hardlimit": ("1", "2"),
    "delay_after_cutoff": ("false",),
    "retry_include_ip_address": ("false", "${if eq{$host}{h1-a.test.ex}{yes}{no}}"),
    "address_retry_include_sender": ("false",),
    "retry_use_local_part": ("true",),
    "fallback_hosts": ("h3-a.test.ex", "h3-a.test.ex:h1-a.test.ex"),
    "size_addition": ("-1", "0"),
    "tls_tempfail_tryclear": ("false",),
    "hosts": (
        "h2-a.test.ex:h3-a.test.ex", "10.9.3.1",
        "${if eq{$domain}{one.test.ex}{h1-a.test.ex}{h2-a.test.ex}}",
    ),
    "hosts_override": ("true",),
    "interface": ("10.9.0.9", "${if eq{$host}{h1-a.test.ex}{10.9.0.9}}"),
    "helo_data": ("${lc:$primary_hostname}", "client-$sending_ip_address.test.ex", "${if eq{1}{2}{x}fail}"),
    "hosts_try_chunking": ("", "h2-a.test.ex"),
    "return_path": ("bounce@test.ex", "$sender_address_local_part-$local_part@test.ex"),
    "message_size_limit": ("100", "1M"),
    "message_linelength_limit": ("40",),
    "protocol": ("lmtp",),
    "lmtp_ignore_quota": ("true",),
    "tls_verify_hosts": ("*", "h2-a.test.ex"),
    "tls_try_verify_hosts": ("", "h1-a.test.ex"),
    "tls_verify_cert_hostnames": ("", "h1-a.test.ex"),
    "tls_verify_certificates": ("/nowhere.pem", "system", ""),
    "tls_require_ciphers": ("", "NOSUCHCIPHER"),
    "tls_sni": ("$host", "sni.test.ex"),
    "tls_certificate": ("certs/good.chain.pem", "/nowhere.pem"),
    "hosts_try_dane": ("*", "", "h1-a.test.ex"),
    "hosts_require_dane": ("*", "h2-a.test.ex"),
    "hosts_request_ocsp": ("",),
    "hosts_require_ocsp": ("h2-a.test.ex",),
    "dane_require_tls_ciphers": ("",),
    "dnssec_request_domains": ("*", ""),
    "dnssec_require_domains": ("two.test.ex",),
    "hosts_require_auth": ("h1-a.test.ex", "*"),
    "hosts_try_auth": ("*", "*", "h2-a.test.ex"),
    "authenticated_sender": ("me@test.ex", "${if eq{1}{2}{x}fail}"),
    "authenticated_sender_force": ("true",),
    "hosts_avoid_esmtp": ("h2-a.test.ex",),
    "serialize_hosts": ("*",),
    "headers_add": ("X-By: $host", "X-To: $local_part"),
    "headers_remove": ("subject", "X-Added:received"),
    "headers_rewrite": ("*@test.ex $1@out.test.ex f",),
    "envelope_to_add": ("true",),
    "delivery_date_add": ("true",),
    "return_path_add": ("true",),
    "body_only": ("true",),
    "headers_only": ("true",),
    "rcpt_include_affixes": ("true",),
    "max_parallel": ("1",),
    "event_action": (
        "${if eq{msg:delivery}{$event_name}{ignored}}", "${if eq{msg:host:defer}{$event_name}{ignored}}",
        "${if eq{smtp:connect}{$event_name}{${if eq{$host}{h1-a.test.ex}{no}}}}",
        "${if eq{tcp:connect}{$event_name}{${if eq{$host}{h2-a.test.ex}{no}}}}",
    ),
    "command_timeout": ("2s",),
    "port": ("${if eq{$host}{gone}{25}{1225}}",),
    "dns_qualify_single": ("false",),
    "gethostbyname": ("true",),
}  # fmt: skip
WITHOUT_CHUNKS = frozenset({"body_only", "headers_only"})
"""Options of the transport with which BDAT is not modelled."""

ROUTER: Choices = {
    "errors_to": ("owner@test.ex", '""', "$local_part-owner@two.test.ex"),
    "address_data": ("$local_part",),
    "same_domain_copy_routing": ("true",),
    "retry_use_local_part": ("true",),
    "caseful_local_part": ("true",),
    "local_part_suffix": ("+*",),
    "local_part_suffix_optional": ("true",),
    "local_part_prefix": ("pre-", "pre- : *-"),
    "local_part_prefix_optional": ("true",),
    "headers_add": ("X-Added: $domain",),
    "headers_remove": ("X-By", "subject"),
    "fallback_hosts": ("h3-a.test.ex",),
    "ignore_target_hosts": ("10.9.1.1", "10.9.2.0/24"),
    "mx_domains": ("one.test.ex", "*"),
    "mx_fail_domains": ("*",),
    "fail_defer_domains": ("two.test.ex",),
    "dnssec_require_domains": ("*", "two.test.ex"),
    "dnssec_request_domains": ("", "one.test.ex"),
    "pass_on_timeout": ("true",),
    "condition": ("${if eq{$local_part}{b}{no}{yes}}",),
    "senders": ("!other@two.test.ex",),
    "cannot_route_message": ("no way to $domain",),
    "more": ("false",),
    "address_test": ("false",),
    "verify_recipient": ("false",),
    "verify_sender": ("false",),
    "widen_domains": ("test.ex",),
    "check_secondary_mx": ("true",),
    "dsn_lasthop": ("true",),
    "disable_logging": ("true",),
    "set": ("r_x = $local_part",),
    "search_parents": ("true",),
    "srv_fail_domains": ("*",),
    "check_srv": ("smtp",),
    "ipv4_only": ("true",),
    "rewrite_headers": ("false",),
}
MAIN: Choices = {
    "log_selector": (
        "+outgoing_port +smtp_confirmation", "+pipelining +sender_on_delivery", "+return_path_on_delivery",
        "-retry_defer", "+queue_time_overall -queue_time_overall", "+all_parents +address_rewrite",
        "+outgoing_interface", "+subject +received_sender", "-host_lookup_failed -delay_delivery",
        "+unknown_in_list +lost_incoming_connection +smtp_protocol_error", "+delivery_size",
        "+dnssec", "-skip_delivery -queue_run +8bitmime",
    ),
    "queue_domains": ("two.test.ex",),
    "queue_smtp_domains": ("two.test.ex",),
    "hold_domains": ("two.test.ex", "${if eq{$domain}{one.test.ex}{*}}"),
    "remote_sort_domains": ("two.test.ex : one.test.ex",),
    "smtp_accept_queue_per_connection": ("1",),
    "ignore_bounce_errors_after": ("0s", "1s"),
    "timeout_frozen_after": ("1s",),
    "auto_thaw": ("1s",),
    "freeze_tell": ("admin@three.test.ex",),
    "queue_only": ("true",),
    "queue_only_override": ("false",),
    "retry_interval_max": ("2s",),
    "retry_data_expire": ("1s",),
    "delay_warning": ("1s",),
    "bounce_return_message": ("false",),
    "bounce_return_body": ("false",),
    "bounce_return_size_limit": ("100",),
    "errors_copy": ("*@test.ex copies@three.test.ex",),
    "errors_reply_to": ("help@test.ex",),
    "dns_again_means_nonexist": ("*", "two.test.ex"),
    "message_size_limit": ("60",),
    "message_logs": ("false",),
    "qualify_domain": ("one.test.ex",),
    "accept_8bitmime": ("false",),
    "dsn_advertise_hosts": ("*",),
    "smtputf8_advertise_hosts": ("",),
    "prdr_enable": ("true",),
    "untrusted_set_sender": ("*",),
    "callout_negative_expire": ("1s",),
    "callout_positive_expire": ("1s",),
    "callout_domain_negative_expire": ("1s",),
    "strip_trailing_dot": ("true",),
    "recipients_max": ("1",),
    "mua_wrapper": ("true",),
    "smtp_return_error_details": ("true",),
    "hosts_treat_as_local": ("h2-a.test.ex",),
    "disable_ipv6": ("true",),
    "unknown_login": ("nobody",),
    "bounce_message_text": ("Sorry.",),
    "bounce_sender_authentication": ("b@test.ex",),
    "dsn_from": ("Mail <mail@test.ex>",),
    "keep_malformed": ("1s",),
    "remote_max_parallel": ("1", "3"),
    "queue_run_in_order": ("true",),
    "smtp_accept_max_nonmail": ("1",),
    "limits_advertise_hosts": ("", "*"),
    "dns_dnssec_ok": ("0",),
    "dns_use_edns0": ("0",),
    "local_from_check": ("false",),
    "local_sender_retain": ("true",),
    "deliver_drop_privilege": ("true",),
}  # fmt: skip

RETRY = (
    "* * F,5d,1h\n",
    "* * F,5d,1h\n",
    "* * F,5d,15m; G,16d,1h,1.5\n",
    "* refused\n* * F,5d,1h\n",
    "* rcpt_4xx F,1h,5m\n* * F,1h,10m\n",
    "two.test.ex * F,1h,5m\n* * G,1d,1h,2\n",
    "* data_4xx\n* * F,1d,1h\n",
    "",
    "* * F,2s,1s\n",
    "* * F,1s,1s; G,3s,1s,2\n",
    "* rcpt_450 senders=s@test.ex F,1h,1s\n* * F,1h,1h\n",
    "* * senders=: F,1s,1s\n* * F,1d,1s\n",
    "h1-a.test.ex * F,1s,1s\n10.9.2.1 * F,1h,1h\n* * F,5d,1h\n",
    "* lost_connection F,1h,1s\n* mail_4xx\n* * F,1h,2m\n",
    "* auth_failed\n* tls_required\n* * F,1h,1s\n",
    "* lookup F,1h,1s\n* refused_MX F,1s,1s\n* * F,2h,1h\n",
    "a@one.test.ex * F,1h,1s\n*@one.test.ex * F,1h,1h\n",
    "one.test.ex rcpt_4xx F,1s,1s\n* * F,1d,1h\n",
)

_RECIPIENT = "accept verify = recipient/callout="
ACLS = (
    "accept",
    "accept",
    "accept control = cutthrough_delivery\n         verify = recipient",
    "accept control = cutthrough_delivery/defer=pass\n         verify = recipient",
    "accept control = cutthrough_delivery/defer=spool\n         verify = recipient/callout=5s,no_cache",
    "accept control = cutthrough_delivery",
    f"{_RECIPIENT}5s",
    f"{_RECIPIENT}5s,no_cache",
    f"{_RECIPIENT}5s,defer_ok",
    f"{_RECIPIENT}5s,random",
    f"{_RECIPIENT}5s,postmaster",
    f"{_RECIPIENT}5s,fullpostmaster,use_sender",
    f"{_RECIPIENT}5s,use_sender",
    f"{_RECIPIENT}5s,use_postmaster",
    f"{_RECIPIENT}5s,hold",
    f"{_RECIPIENT}5s,hold,random",
    f"{_RECIPIENT}5s,maxwait=2s,connect=1s",
    "accept verify = sender/callout=5s",
    "accept verify = sender/callout=5s,mailfrom=m@test.ex,random,postmaster",
    "accept verify = sender=s@one.test.ex/callout=5s",
    "require verify = sender\n  accept verify = recipient/callout=5s",
    "warn !verify = recipient/callout=5s\n"
    "       logwrite = W $acl_verify_message ($recipient_verify_failure)\n"
    "  accept",
    "accept local_parts = a\n         control = queue_only\n  accept",
    "accept local_parts = a\n         control = freeze\n  accept",
    "accept set acl_m_x = $local_part\n         add_header = X-Acl: $acl_m_x",
    "defer local_parts = b\n        message = not you\n  accept verify = recipient",
)
"""What ``check_rcpt`` says."""

_PLAIN = "plain:\n  driver = plaintext\n  public_name = PLAIN\n  client_send = ^u^p\n"
_LOGIN = "login:\n  driver = plaintext\n  public_name = LOGIN\n  client_send = : user : pass\n"
_CRAM = "cram:\n  driver = cram_md5\n  public_name = CRAM-MD5\n  client_name = u\n  client_secret = p\n"
_EXTERNAL = "ext:\n  driver = external\n  public_name = EXTERNAL\n  client_send = u\n"
AUTHENTICATORS = (
    _PLAIN, _PLAIN + _LOGIN, _LOGIN, _CRAM, _CRAM + _PLAIN,
    _PLAIN.replace("plain:", "first:") + "  client_condition = ${if def:tls_out_cipher}\n" + _LOGIN,
    _PLAIN + "  client_set_id = user-$host\n",
    _LOGIN + "  client_ignore_invalid_base64\n",
)  # fmt: skip
LATER_AUTHENTICATORS = (_EXTERNAL, _EXTERNAL + _PLAIN)
"""Those of drivers that an old release lacks."""

REWRITE = (
    "*@one.test.ex $1@two.test.ex Tt\n",
    "*@test.ex $1@out.test.ex Ff\n",
    "other@two.test.ex new@one.test.ex F\n",
    "b@*.test.ex b2@$1.test.ex E\n",
    "\\N^a@one\\N c@two.test.ex S\n",
)


def _router(name: str, *options: str) -> str:
    return f"{name}:\n" + "".join(f"  {option}\n" for option in options)


def _lookup(name: str, *options: str, transport: str = "t") -> str:
    return _router(name, "driver = dnslookup", "self = send", f"transport = {transport}", *options)


def _list(*options: str) -> str:
    return _router("lists", "driver = redirect", *options)


def _route(*options: str) -> str:
    return _router("client", "driver = manualroute", "transport = t", *options)


_CLIENT, _REST = _lookup("client"), _lookup("rest")
ROUTERS = (
    _list("local_parts = b", "data = a@one.test.ex, c@two.test.ex") + _CLIENT,
    _list("local_parts = b", "data = a@one.test.ex, c@two.test.ex", "one_time") + _CLIENT,
    _list("local_parts = b", "data = b@two.test.ex, b2@two.test.ex", "errors_to = o@one.test.ex") + _CLIENT,
    _list(
        "local_parts = b : c",
        "allow_fail",
        "allow_defer",
        "data = ${if eq{$local_part}{c}{:fail: no c}{:defer: not now}}",
    )
    + _CLIENT,
    _list("local_parts = b", "data = x@two.test.ex", "unseen") + _CLIENT,
    _route("route_list = * h1-a.test.ex:h2-a.test.ex"),
    _route("route_list = one.test.ex h1-a.test.ex bydns ; * 10.9.2.1:h3-a.test.ex"),
    _route("domains = one.test.ex", "route_data = ${if eq{$local_part}{a}{h1-a.test.ex}{10.9.3.1::1225}}")
    + _REST,
    _route("route_list = * gone.test.ex", "host_find_failed = pass") + _REST,
    _route("route_list = * h3-a.test.ex", "errors_to = o@two.test.ex"),
    _router(
        "first",
        "driver = dnslookup",
        "self = pass",
        "domains = two.test.ex",
        "transport = t",
        "pass_router = client",
    )
    + _CLIENT,
    _lookup("client", "domains = one.test.ex", "no_more") + _lookup("other", transport="u"),
    _lookup("twice", "unseen", "local_parts = a") + _lookup("client", transport="u"),
)
"""Whole sections of routers; ``u`` is a second transport."""
SECOND_TRANSPORT = (
    "u:\n  driver = smtp\n  port = 1225\n  allow_localhost\n"
    "  command_timeout = 5s\n  connect_timeout = 5s\n  final_timeout = 5s\n"
)

BODIES = (
    "Subject: x\n\nhello\n",
    "Subject: x\n\nhello\n",
    "Subject: x\nFrom: a@test.ex\n\nhello\n.\n..two\n",
    "Subject: long\n\n" + "long line " * 12 + "\n" + "more\n" * 40,
    "From: Other <o@two.test.ex>\nTo: a@one.test.ex,\n b@two.test.ex\nReply-To: x@test.ex\n\n",
    "Subject: none",
    "Subject: Grüße\n\nschön\n",
    "Precedence: list\nX-Added: mine\n\nno end",
)
