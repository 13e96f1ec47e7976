"""What a configuration is drawn from: lists, ACLs with conditions and modifiers, routers, transports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eximsim.fuzz.sequence_choices import Choices

CLIENT = "192.0.2.7"
"""The address of the client of a session."""

FILES = {
    "/etc/lists/domains": "one.test.ex: first\n*.test.ex: any\ntwo.test.ex\n",
    "/etc/lists/aliases": (
        "a: b@one.test.ex\nlist: a@one.test.ex, b@two.test.ex, c\nfails: :fail: no such list\n"
        "later: :defer: not now\nnone: :blackhole:\nbox: /spool/mail-box\nloop: loop\n"
    ),
    "/etc/lists/hosts": "192.0.2.7: seven\n192.0.2.0/24: net\n*: rest\n",
    "/etc/lists/names": "a\n!b\n^c.*\n# comment\n",
    "/etc/lists/filter": '# Exim filter\nif $h_subject: contains x then headers add "X-F: 1" endif\n',
}

ADDRESSES = (
    "a@one.test.ex", "b@one.test.ex", "a@two.test.ex", "fails@one.test.ex", "list@one.test.ex",
    "later@one.test.ex", "none@one.test.ex", "box@one.test.ex", "loop@one.test.ex", "a+x@one.test.ex",
    "A@ONE.test.ex", "x@gone.test.ex", "postmaster", "unqualified", '"a b"@one.test.ex', "a@[192.0.2.9]",
    "a%two.test.ex@one.test.ex", "a@three.test.ex", "c@deep.one.test.ex", "root@myhost.test.ex",
)  # fmt: skip
SENDERS = (
    "s@test.ex", "a@one.test.ex", "b@two.test.ex", "", "x@gone.test.ex", "S@Test.Ex", "bare", "a@[192.0.2.7]",
)  # fmt: skip

# ---- lists -------------------------------------------------------------------------------------------

DOMAIN_ITEMS = (
    "one.test.ex", "two.test.ex", "*.test.ex", "*", "!two.test.ex", "^one\\N.*\\N", "\\N^t[wh]\\N", "@",
    "@[]", "+locals", "!+locals", "lsearch;/etc/lists/domains", "partial-lsearch;/etc/lists/domains",
    "partial1-lsearch;/etc/lists/domains", "lsearch*;/etc/lists/domains", "/etc/lists/names", "@mx_any",
    "@mx_primary/ignore=10.9.1.1", "${if eq{$sender_address}{}{one.test.ex}{two.test.ex}}", "",
    "gone.test.ex",
    "${if eq{1}{2}{x}fail}", "wildlsearch;/etc/lists/domains", "nwildlsearch;/etc/lists/domains",
    "+ignore_unknown", "/nowhere", "lsearch;/nowhere", "dsearch;/etc/lists",
)  # fmt: skip
HOST_ITEMS = (
    CLIENT, "192.0.2.0/24", "!192.0.2.7", "*", ":", "", "@", "@[]", "client.test.ex", "*.test.ex",
    "10.0.0.0/8",
    "net-lsearch;/etc/lists/hosts", "net24-lsearch;/etc/lists/hosts", "lsearch;/etc/lists/hosts",
    "iplsearch;/etc/lists/hosts", "net-iplsearch;/etc/lists/hosts", "+near", "!+near", "^client",
    "gone.test.ex",
    "+include_unknown : gone.test.ex", "+ignore_unknown : gone.test.ex", "<; ::1 ; 192.0.2.7",
)  # fmt: skip
LOCAL_PART_ITEMS = (
    "a", "b", "!a", "^a", "*", "a+x", "+names", "lsearch;/etc/lists/aliases", "lsearch*;/etc/lists/aliases",
    "/etc/lists/names", "${if eq{$domain}{one.test.ex}{a}}", "", "A", "*x",
)  # fmt: skip
ADDRESS_ITEMS = (
    "a@one.test.ex", "*@one.test.ex", "one.test.ex", "!b@two.test.ex", "", ":", "^a@", "*@*.test.ex",
    "+friends",
    "*@+locals", "lsearch*@;/etc/lists/domains", "a@lsearch;/etc/lists/domains", "*", "s@test.ex",
    "@@lsearch;/etc/lists/domains", "+caseful : A@one.test.ex",
)  # fmt: skip

LISTS: Mapping[str, tuple[str, Sequence[str]]] = {
    "domainlist locals": ("one.test.ex", tuple(item for item in DOMAIN_ITEMS if "locals" not in item)),
    "hostlist near": (CLIENT, tuple(item for item in HOST_ITEMS if "near" not in item)),
    "localpartlist names": ("a", tuple(item for item in LOCAL_PART_ITEMS if "names" not in item)),
    "addresslist friends": ("s@test.ex", tuple(item for item in ADDRESS_ITEMS if "friends" not in item)),
}
"""Named lists: what each mostly is, and what else its items are drawn from."""

# ---- ACLs --------------------------------------------------------------------------------------------

ACLS = {
    "connect": 0.3, "helo": 0.3, "mail": 0.5, "rcpt": 1.0, "predata": 0.3, "data": 0.5, "quit": 0.2,
    "vrfy": 0.4,
    "expn": 0.4, "etrn": 0.2, "notquit": 0.1, "mailauth": 0.1,
}  # fmt: skip
"""The ACLs of a session, and how often each is there."""
VERBS = ("accept", "accept", "deny", "deny", "require", "warn", "warn", "defer", "drop", "discard")

TEXTS = (
    "no", "$local_part@$domain", "$sender_address", "from $sender_host_address", "$acl_verify_message",
    "$acl_m_x/$acl_c_x", "${uc:$sender_helo_name}", "two\\nlines", "550 5.7.1 never", "450 4.7.1 later",
    "250 fine", "$domain_data:$local_part_data:$host_data", "$sender_host_name ($sender_host_port)",
    "$recipients_count/$rcpt_count/$rcpt_fail_count/$rcpt_defer_count", "$message_size", "$smtp_command",
    "$sender_verify_failure/$recipient_verify_failure", "$h_subject: $h_x-none:", "${if eq{1}{2}{x}fail}",
    "${if", "$dnslist_domain=$dnslist_value=$dnslist_text",
    "$received_protocol $smtp_count_at_connection_start",
    "$sender_rate", "$sender_address_domain ${lookup{a}lsearch{/etc/lists/aliases}}",
    "$acl_arg1 $acl_narg", "$sender_data:$recipient_data", "$message_exim_id-", "$smtp_command_argument",
    "$verify_mode/$address_data/$sender_address_data", "${listcount:$recipients}", "$smtp_command_history",
)  # fmt: skip

CONDITIONS: Mapping[str, Sequence[str]] = {
    "acl": ("inner", "inner one two", "nosuch", "${if eq{$local_part}{a}{inner}{}}", "accept"),
    "authenticated": ("*", "!*"),
    "condition": (
        "yes", "no", "maybe", "", "0", "-1", "17", "${if eq{$local_part}{a}}",
        "${if eq{$domain}{one.test.ex}}",
        "${if match{$sender_address}{\\N^(.)@\\N}}", "${if eq{1}{2}{x}fail}", "${if", "$acl_m_x", "True",
        " yes ",
        "${if match_domain{$domain}{+locals}}", "${if forany{a:b}{eq{$item}{$local_part}}}",
        "${if >{$rcpt_count}{1}}", "${if def:sender_address}", "${if bool{$acl_m_x}}",
    ),
    "domains": DOMAIN_ITEMS,
    "encrypted": ("*",),
    "hosts": HOST_ITEMS,
    "local_parts": LOCAL_PART_ITEMS,
    "recipients": ADDRESS_ITEMS,
    "senders": ADDRESS_ITEMS,
    "sender_domains": DOMAIN_ITEMS,
    "verify": (
        "sender", "recipient", "helo", "reverse_host_lookup", "header_syntax", "header_sender", "not_blind",
        "header_names_ascii", "certificate", "sender/no_details", "recipient/callout=2s,no_cache", "csa",
        "recipient/defer_ok", "sender=a@one.test.ex", "sender/callout=2s,no_cache", "sender=bad/defer_ok",
        "reverse_host_lookup/defer_ok", "not_blind/case_insensitive", "recipient/success_on_redirect",
        "nonsense", "recipient/callout=2s,postmaster,no_cache", "recipient/callout=2s,use_sender",
        "recipient/callout=2s,random,no_cache", "sender/callout=2s,postmaster", "sender/callout=2s,random",
        "recipient/callout=2s,use_postmaster,no_cache", "header_sender/callout=2s,no_cache,defer_ok",
        "recipient/callout=2s,fullpostmaster", "sender/callout=2s,mailfrom=m@test.ex", "recipient/quota",
        "recipient/callout=2s,defer_ok,maxwait=3s", "header_sender=x", "sender=$local_part@one.test.ex",
        "recipient/no_details", "reverse_host_lookup/nonsense",
    ),
    "dnslists": (
        "list.test.ex", "none.test.ex", "list.test.ex=127.0.0.2", "list.test.ex&0.0.0.2",
        "list.test.ex!=127.0.0.3",
        "list.test.ex/$sender_address_domain", "none.test.ex : list.test.ex", "list.test.ex,more.test.ex",
        "list.test.ex==127.0.0.2,127.0.0.3", "+include_unknown : down.test.ex",
        "+defer_unknown : down.test.ex",
        "down.test.ex", "list.test.ex!&0.0.0.4", "list.test.ex=127.0.0.0/8",
    ),
    "ratelimit": (
        "1 / 1h / strict", "9 / 1h", "1.5 / 1h / per_rcpt / strict", "1 / 1h / per_cmd / noupdate / key",
        "0 / 1h / leaky", "x / 1h", "1 / 1h / per_conn / strict", "1.5 / 1h / per_addr / strict",
        "1k / 1h / per_byte",
        "1 / 1m / per_mail / count=2 / $sender_address", " / 1h / k", "1 / 1h / unique=$local_part / strict",
    ),
    "seen": ("never / key=k", "-1h / key=$sender_address", "1h / key=k2", "-1s"),
}  # fmt: skip
MODIFIERS: Mapping[str, Sequence[str]] = {
    "message": TEXTS,
    "log_message": TEXTS,
    "logwrite": (*TEXTS, ":main: m", ":reject,main: r $local_part", ":panic: p", ":nowhere: x"),
    "set acl_m_x": ("1", "$local_part", "${eval:1+1}", "", "yes"),
    "set acl_c_x": ("c", "$acl_c_x.", "$sender_helo_name"),
    "add_header": (
        "X-Acl: $local_part", ":at_start:X-First: 1", ":after_received:X-After: 2", "X-A: 1\\nX-B: 2",
        "no header",
    ),
    "remove_header": ("Subject", "X-Acl : To", "X-*"),
    "control": (
        "queue_only", "queue", "freeze", "submission", "submission/sender_retain",
        "submission/domain=two.test.ex",
        "no_enforce_sync", "enforce_sync", "caseful_local_part", "caselower_local_part",
        "suppress_local_fixups",
        "fakereject", "fakereject/not really", "fakedefer", "no_multiline_responses",
        "no_pipelining", "no_delay_flush", "no_callout_flush", "dkim_disable_verify",
        "allow_auth_unadvertised",
        "cutthrough_delivery/defer=pass", "cutthrough_delivery/odd", "submission/name=A B",
        "fakedefer/wait a bit",
        "dscp/ef", "no_callout_flush/x", "freeze/odd", "queue_only/first_pass_route",
        "utf8_downconvert/1", "utf8_downconvert", "freeze/no_tell",
        "cutthrough_delivery", "nonsense", "queue/first_pass_route",
    ),
    "delay": ("0s", "1x"),
    "endpass": ("",),
    "continue": ("$local_part", "${acl{inner}{x}}"),
    "queue": ("other", "$local_part"),
    "log_reject_target": ("main", "reject", "", "main:reject"),
}  # fmt: skip
INNER = (
    "accept local_parts = a\n  deny message = inner says no",
    "deny condition = $acl_arg1\n  message = arg $acl_arg1 of $acl_narg",
    "accept set acl_m_x = in",
    "defer message = later",
    "drop",
    "discard",
    "warn logwrite = inside $acl_arg2\n  accept",
)

# ---- routers and transports --------------------------------------------------------------------------

PRECONDITIONS: Choices = {
    "domains": DOMAIN_ITEMS,
    "local_parts": LOCAL_PART_ITEMS,
    "senders": ADDRESS_ITEMS,
    "condition": ("yes", "no", "${if eq{$local_part}{a}}", "maybe", "${if eq{1}{2}{x}fail}", "${if", ""),
    "local_part_suffix": ("+*", "-x : +*"),
    "local_part_prefix": ("a", "*-"),
    "local_part_suffix_optional": ("true",),
    "address_test": ("false",),
    "verify": ("false",),
    "verify_only": ("true",),
    "expn": ("false",),
    "more": ("false", "${if eq{$local_part}{b}{no}{yes}}"),
    "unseen": ("true",),
    "require_files": ("/etc/lists/aliases", "/nowhere", "!/nowhere", "${if eq{$local_part}{a}{/nowhere}}"),
    "address_data": ("$local_part", "${lookup{$local_part}lsearch{/etc/lists/aliases}{$value}fail}"),
    "cannot_route_message": ("cannot: $local_part", "${if eq{1}{2}{x}fail}"),
    "fail_verify": ("true",),
    "fail_verify_recipient": ("true",),
    "caseful_local_part": ("true",),
    "errors_to": ("o@test.ex", '""'),
    "headers_add": ("X-R: $local_part",),
    "headers_remove": ("Subject",),
    "log_as_local": ("true",),
    "redirect_router": ("last",),
    "pass_router": ("last",),
    "set": ("r_x = $local_part",),
    "debug_print": ("d",),
    "local_part_prefix_optional": ("true",),
    "retry_use_local_part": ("false",),
    "dsn_lasthop": ("true",),
    "disable_logging": ("true",),
    "initgroups": ("true",),
    "fail_verify_sender": ("true",),
    "verify_sender": ("false",),
    "verify_recipient": ("false",),
    "router_home_directory": ("/spool/$local_part",),
}
REDIRECTS: Choices = {
    "data": (
        "${lookup{$local_part}lsearch{/etc/lists/aliases}}", ":fail: gone $local_part", ":defer: wait",
        ":blackhole:",
        "b@two.test.ex", "a@one.test.ex, b@one.test.ex", "/spool/mail-$domain_data", "",
        "$local_part@two.test.ex",
        "\\$local_part", "bad address@", ":unknown:", "${if eq{$local_part}{a}{b@one.test.ex}}", "a, b,, c",
        ":include:/etc/lists/names", '"|/bin/cat"', "a@one.test.ex # comment", "${if eq{1}{2}{x}fail}",
        '"#Exim filter\\nif $local_part is a then deliver b@two.test.ex endif"',
        '"#Exim filter\\nif first_delivery then unseen save /spool/mail-filter endif\\nfinish"',
        '"#Exim filter\\nif $sender_address contains s@ then fail text \\\"not you\\\" endif"',
        '"#Exim filter\\nheaders add \\\"X-F: 1\\\"\\nodd"',
        '"#Sieve filter\\nkeep;"', '"#Sieve filter\\nredirect \\\"b@two.test.ex\\\";"',
    ),
    "allow_filter": ("true",),
    "allow_fail": ("true",),
    "allow_defer": ("true",),
    "forbid_file": ("true",),
    "forbid_pipe": ("true",),
    "forbid_include": ("true",),
    "skip_syntax_errors": ("true",),
    "one_time": ("true",),
    "check_ancestor": ("true",),
    "repeat_use": ("false",),
    "qualify_domain": ("two.test.ex",),
    "hide_child_in_errmsg": ("true",),
    "ignore_eacces": ("true",),
    "syntax_errors_to": ("o@test.ex",),
}  # fmt: skip
FILTERED = {"user": "93", "group": "93"}
"""Whose filter it is that a redirect router may run."""
LOCAL_TRANSPORTS = ("box", "dir", "bin", "nowhere", "reply", "pipe", "small", "answer")
TRANSPORTS = """\
box:
  driver = appendfile
  file = /spool/mail-box
dir:
  driver = appendfile
  directory = /spool/mail-dir
  maildir_format
bin:
  driver = appendfile
  file = /dev/null
nowhere:
  driver = appendfile
  file = /nowhere/box
  create_file = belowhome
reply:
  driver = autoreply
  to = $sender_address
  subject = re: $h_subject:
  text = away
pipe:
  driver = pipe
  command = /bin/cat
  return_output = false
small:
  driver = appendfile
  directory = /spool/mail-small
  maildir_format
  quota = ${if eq{$local_part}{a}{100}{1M}}
  headers_add = X-T: $local_part
  headers_remove = Subject
answer:
  driver = pipe
  command = /bin/false
  return_fail_output
address_file:
  driver = appendfile
address_pipe:
  driver = pipe
  ignore_status
"""
ROUTES = (
    "* h1-a.test.ex", "one.test.ex h1-a.test.ex ; * h2-a.test.ex", "+locals h1-a.test.ex",
    "*.test.ex 10.9.1.1",
    "two.test.ex gone.test.ex byname", "one.test.ex",
)  # fmt: skip

MAIN: Choices = {
    "helo_verify_hosts": ("*",),
    "helo_try_verify_hosts": ("*",),
    "helo_accept_junk_hosts": ("*",),
    "helo_allow_chars": ("_",),
    "host_lookup": ("*", ""),
    "host_reject_connection": ("192.0.2.7", "10.0.0.1"),
    "sender_unqualified_hosts": ("*",),
    "recipient_unqualified_hosts": ("*", "192.0.2.7"),
    "percent_hack_domains": ("one.test.ex", "+locals"),
    "smtp_max_synprot_errors": ("0", "1"),
    "smtp_max_unknown_commands": ("0", "1"),
    "smtp_accept_max_nonmail": ("1",),
    "smtp_banner": ("hello $primary_hostname", "two\\nlines"),
    "smtp_return_error_details": ("true",),
    "recipients_max": ("1", "2"),
    "recipients_max_reject": ("true",),
    "message_size_limit": ("100", "0"),
    "allow_domain_literals": ("true",),
    "strip_excess_angle_brackets": ("true",),
    "strip_trailing_dot": ("true",),
    "qualify_domain": ("one.test.ex",),
    "qualify_recipient": ("two.test.ex",),
    "received_headers_max": ("0",),
    "header_maxsize": ("60",),
    "header_line_maxsize": ("30",),
    "write_rejectlog": ("false",),
    "log_selector": (
        "+all -arguments -pid -millisec -deliver_time -queue_time -queue_time_overall -receive_time "
        "-outgoing_port",
        "-all", "+smtp_connection +smtp_protocol_error +smtp_syntax_error", "+acl_warn_skipped +subject",
        "+received_sender +received_recipients +address_rewrite +all_parents",
        "-rejected_header +smtp_no_mail",
    ),
    "untrusted_set_sender": ("*",),
    "dsn_advertise_hosts": ("*",),
    "prdr_enable": ("true",),
    "pipelining_advertise_hosts": ("",),
    "chunking_advertise_hosts": ("",),
    "smtputf8_advertise_hosts": ("*", ""),
    "accept_8bitmime": ("false",),
    "smtp_etrn_command": ("/bin/true $domain",),
    "smtp_enforce_sync": ("false",),
    "rfc1413_query_timeout": ("0s",),
    "uucp_from_sender": ("$1",),
    "return_path_remove": ("false",),
    "system_filter": ("/etc/lists/filter",),
    "dns_again_means_nonexist": ("*",),
    "smtp_receive_timeout": ("10s",),
    "add_environment": ("X=1",),
}  # fmt: skip
SERVER_AUTHENTICATORS = """\
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{u}}{eq{$auth3}{p}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = User : Pass
  server_condition = ${if eq{$auth1}{d}{${if}}{${if eq{$auth2}{p}}}}
  server_advertise_condition = ${if eq{$sender_helo_name}{c}}
"""

COMMANDS = (
    "VRFY {to}", "VRFY a", "EXPN {to}", "EXPN list@one.test.ex", "ETRN #x", "ETRN one.test.ex", "NOOP",
    "RSET", "HELP",
    "XYZZY", "", "MAIL", "MAIL FROM:s@test.ex", "MAIL FROM:<bad", "RCPT TO:<>", "RCPT TO:<a@@b>", "RCPT",
    "DATA",
    "MAIL FROM:<s@test.ex> X=Y", "RCPT TO:<a@one.test.ex> NOTIFY=NEVER", "HELO d", "EHLO bad_name", "HELO",
    "AUTH PLAIN AHUAcA==", "AUTH PLAIN AHUAeA==", "AUTH LOGIN", "AUTH NOSUCH x", "STARTTLS", "BDAT 5 LAST",
)  # fmt: skip
BODIES = (
    ("Subject: x", "From: a@one.test.ex", "To: {to}", "", "hello"),
    ("From: s@test.ex", "Subject: x", "", "hello"),
    ("From: bad address", "", "hello"),
    ("To: b@two.test.ex, @bad", "Bcc: x@test.ex", "", "body", "..dot"),
    ("not a header", "body"),
    ("Subject: long " + "x" * 80, "", "hello"),
    ("X-Acl: mine", "Received: from x", "Received: from y", "Sender: z@test.ex", "", "hello"),
    ("",),
    ("From: Group: a@one.test.ex, b@two.test.ex;", "Resent-From: r@test.ex", "", "hi"),
)
