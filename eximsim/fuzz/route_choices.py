"""What routers, transports and rules are drawn from, besides what ``configuration_choices`` has."""

from __future__ import annotations

from eximsim.fuzz.sequence_choices import Choices

MANUALROUTE: Choices = {
    "host_find_failed": ("decline", "defer", "fail", "freeze", "ignore", "pass"),
    "host_all_ignored": ("decline", "defer", "fail", "freeze", "pass"),
    "hosts_randomize": ("false",),
    "same_domain_copy_routing": ("true",),
    "self": (
        "send",
        "pass",
        "fail",
        "defer",
        "freeze",
        "reroute: two.test.ex",
        "reroute: rewrite: one.test.ex",
    ),
    "ignore_target_hosts": ("10.9.1.1", "10.9.0.0/16", "*", "client.test.ex"),
    "fallback_hosts": ("h2-a.test.ex", "gone.test.ex"),
    "pass_on_timeout": ("true",),
}
"""Options of manualroute."""
ROUTE_DATA = (
    "h1-a.test.ex", "$domain", "", "${lookup{$domain}lsearch{/etc/lists/domains}}",
    "gone.test.ex : h2-a.test.ex",
    "10.9.2.1 : 10.9.1.1", "h1-a.test.ex:h2-a.test.ex randomize", "h1-a.test.ex byname", "h1-a.test.ex::25",
    "${if eq{1}{2}{x}fail}", "h1-a.test.ex/mx", "one.test.ex/mx : h2-a.test.ex", "+ : h1-a.test.ex",
    "h1-a.test.ex nosuch_option", "127.0.0.1", "client.test.ex : h2-a.test.ex bydns", "<; h1-a.test.ex",
    "[10.9.1.1]",
)  # fmt: skip
DNSLOOKUP: Choices = {
    "mx_domains": ("one.test.ex", "*"),
    "check_secondary_mx": ("true",),
    "fail_defer_domains": ("three.test.ex", "*"),
    "mx_fail_domains": ("*",),
    "widen_domains": ("test.ex", "one.test.ex : test.ex"),
    "search_parents": ("true",),
    "qualify_single": ("false",),
    "rewrite_headers": ("false",),
    "same_domain_copy_routing": ("true",),
    "ignore_target_hosts": ("10.9.1.1", "10.9.0.0/16"),
    "ipv4_only": ("true", "${if eq{$local_part}{a}}"),
    "check_srv": ("smtp",),
    "self": ("send", "pass", "fail", "defer", "freeze"),
    "pass_on_timeout": ("true",),
}
"""Options of dnslookup."""
ACCEPT: Choices = {
    "check_local_user": ("true",),
    "user": ("93",),
    "group": ("93",),
    "log_as_local": ("false",),
    "router_home_directory": ("/spool",),
    "transport_home_directory": ("/spool",),
    "transport_current_directory": ("/",),
    "retry_use_local_part": ("false",),
    "disable_logging": ("true",),
}
"""Options of accept."""
FILES = {
    "/etc/lists/forward": (
        "# Exim filter\nif error_message then finish endif\n"
        "unseen deliver b@two.test.ex\nsave /spool/mail-fwd\n"
    ),
    "/etc/lists/list": (
        'a@one.test.ex, b@two.test.ex\n# comment\n"c d"@one.test.ex (note)\n:include:/etc/lists/more\n'
    ),
    "/etc/lists/more": "c@one.test.ex\n|/bin/true\n",
    "/etc/lists/sieve": '# Sieve filter\nif header :contains "subject" "x" { discard; } else { keep; }\n',
    "/etc/lists/bad": "a@one.test.ex, <bad\nb@two.test.ex\n",
}
"""Files that redirect routers read."""
REDIRECT_FILES = (*FILES, "/nowhere", "/etc/lists/$local_part", "/etc/lists")
OPTIONS_OF_FILES: Choices = {
    "forbid_sieve_filter": ("true",),
    "forbid_exim_filter": ("true",),
    "forbid_blackhole": ("true",),
    "ignore_enotdir": ("true",),
    "allow_freeze": ("true",),
    "rewrite": ("false",),
    "include_directory": ("/etc/lists", "/nowhere"),
    "forbid_filter_reply": ("true",),
    "syntax_errors_text": ("look at it",),
    "qualify_preserve_domain": ("true",),
    "check_owner": ("false",),
    "sieve_useraddress": ("$local_part",),
    "file_transport": ("address_file", "box", "${if eq{1}{2}{x}fail}"),
}
"""More options of redirect."""
APPENDFILE: Choices = {
    "check_string": ("", "x"),
    "escape_string": (">", "y"),
    "create_file": ("anywhere", "belowhome", "inhome"),
    "file_must_exist": ("true",),
    "message_prefix": ("", "From $sender_address\\n"),
    "message_suffix": ("", "end\\n"),
    "use_crlf": ("true",),
    "use_bsmtp": ("true",),
    "batch_max": ("5",),
    "mode": ("0660",),
    "check_owner": ("false",),
    "file_format": ('"From : box : x : nosuch"',),
    "quota": ("200", "1M", "x", "0"),
    "quota_is_inclusive": ("false",),
    "quota_warn_threshold": ("1", "50%"),
    "mailbox_size": ("100", "x"),
    "delivery_date_add": ("true",),
    "envelope_to_add": ("true",),
    "return_path_add": ("true",),
    "body_only": ("true",),
    "headers_only": ("true",),
    "message_size_limit": ("100", "0", "x"),
    "headers_add": ("X-T: $local_part", "no header"),
    "headers_remove": ("Subject : To",),
    "headers_rewrite": ("*@one.test.ex r@two.test.ex fr", 'a@* "$1@x.ex"'),
    "return_path": ("r@test.ex", "bad"),
    "disable_logging": ("true",),
    "rcpt_include_affixes": ("true",),
    "shadow_transport": ("bin", "nowhere"),
    "shadow_condition": ("yes", "${if eq{$local_part}{a}}"),
    "retry_use_local_part": ("false",),
    "debug_print": ("d",),
    "transport_filter": ("/bin/cat", "/bin/false", "/nowhere"),
    "use_lockfile": ("false",),
    "maildir_format": ("true",),
    "mailstore_format": ("true",),
}
"""Options of a transport to a file."""
PIPE: Choices = {
    "command": (
        "/bin/cat",
        "/bin/true",
        "/bin/false",
        "/bin/echo $local_part",
        '/bin/sh -c "exit 75"',
        "/nowhere",
        '/bin/sh -c "echo said; exit 3"',
        "$local_part",
        "",
        "/bin/echo $pipe_addresses",
        "\"/bin/echo 'a b'\"",
        "cat",
        "nosuchcommand",
    ),
    "return_output": ("true",),
    "return_fail_output": ("true",),
    "log_output": ("true",),
    "log_fail_output": ("true",),
    "log_defer_output": ("true",),
    "ignore_status": ("true",),
    "temp_errors": ("*", "3", ""),
    "use_shell": ("true",),
    "freeze_exec_fail": ("true",),
    "freeze_signal": ("true",),
    "timeout_defer": ("true",),
    "max_output": ("10", "0"),
    "path": ("/bin", "/nowhere"),
    "umask": ("077",),
    "use_bsmtp": ("true",),
    "batch_max": ("3",),
    "restrict_to_path": ("true",),
    "allow_commands": ("/bin/cat : cat",),
    "environment": ("A=b", "LOCAL_PART=x"),
    "message_prefix": ("",),
    "message_suffix": ("",),
    "home_directory": ("/",),
    "current_directory": ("/",),
    "envelope_to_add": ("true",),
    "headers_add": ("X-T: $local_part",),
    "message_size_limit": ("100",),
    "return_path_add": ("true",),
}
"""Options of a pipe."""
AUTOREPLY: Choices = {
    "to": ("$sender_address", "b@two.test.ex", "bad address", "", "a@one.test.ex, b@two.test.ex"),
    "cc": ("c@one.test.ex",),
    "bcc": ("d@one.test.ex",),
    "from": ("r@test.ex", "bad"),
    "reply_to": ("x@test.ex",),
    "subject": ("re: $h_subject:", "two\\nlines"),
    "text": ("away", "${if eq{1}{2}{x}fail}", "a\\nb"),
    "file": ("/etc/lists/names", "/nowhere"),
    "file_expand": ("true",),
    "file_optional": ("true",),
    "headers": ("X-A: b", "X-A: b\\nX-B: c"),
    "return_message": ("true",),
    "once": ("/spool/once-$local_part",),
    "once_repeat": ("1d", "0s"),
    "never_mail": ("*@two.test.ex", "s@test.ex"),
    "log": ("/spool/reply-log",),
}
"""Options of an automatic reply."""
REWRITE = (
    "*@one.test.ex  $1@two.test.ex", "a@*  b@one.test.ex  Ffrs",
    "*@two.test.ex  ${lookup{$1}lsearch{/etc/lists/aliases}{$value}fail}  T",
    "^(.)@one.test.ex  $1x@one.test.ex  Eq", "*@*.test.ex  \"$1@$2.ex\"  h", "\\N^s@\\N  bare  F",
    "*  $0  Rq",
    "b@two.test.ex  <b@two.test.ex> (B)  w", "unqualified  u@one.test.ex  S", "\\N^(.*)%(.*)\\N  $1@$2  S",
    "*@gone.test.ex  fail  E",
)  # fmt: skip
RETRY = (
    "", "* * F,1h,10m", "*@one.test.ex * F,1m,1m", "two.test.ex rcpt_550 F,1h,1h; G,2h,5m,1.5", "* refused",
    "* * senders=:",
    "h1-a.test.ex * F,1d,1h", "lsearch;/etc/lists/domains * F,2h,15m",
)  # fmt: skip
