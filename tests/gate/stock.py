"""A configuration as distributions write them: everything behind macros, much of it for local mail only."""

from __future__ import annotations

STOCK = """\
.ifndef ETC
ETC = /etc/mail
.endif
MARKER = 1
.ifdef KIND_smarthost
RELAYHOST = relay.example.org::587
.else
KIND_direct = 1
.endif
.ifndef OWN_DOMAINS
OWN_DOMAINS = @:localhost:home.example
.endif

domainlist own = OWN_DOMAINS
domainlist for_others =
hostlist inside = <; ; 127.0.0.1 ; ::1

qualify_domain = home.example
local_interfaces = <; 127.0.0.1 ; ::1
gecos_pattern = ^([^,:]*)
gecos_name = $1
log_selector = +smtp_protocol_error +tls_certificate_verified +tls_peerdn
acl_smtp_mail = on_mail
acl_smtp_rcpt = on_rcpt
acl_smtp_data = on_data
.ifndef FEW_LOOKUPS
host_lookup = *
.endif
dns_dnssec_ok = 1
prdr_enable = true
local_from_check = false
local_sender_retain = true
untrusted_set_sender = *
ignore_bounce_errors_after = 2d
timeout_frozen_after = 7d
freeze_tell = postmaster
spool_directory = /var/spool/mta
trusted_users = uucp
keep_environment =
.ifdef _OPT_MAIN_SMTPUTF8_ADVERTISE_HOSTS
smtputf8_advertise_hosts =
.endif
never_users = root

begin acl

trusted_anyway:
  accept hosts = ${if exists{ETC/friends}{ETC/friends}{}}

on_mail:
  accept

on_rcpt:
  accept hosts = :
         control = dkim_disable_verify
  deny domains = +own
       local_parts = ^[.] : ^.*[@%!/|`#&?]
       message = strange local part
  deny !acl = trusted_anyway
       senders = ${if exists{ETC/check_senders}{ETC/check_senders}{}}
       !verify = sender/callout
  accept hosts = +inside
         control = submission/sender_retain
  accept authenticated = *
  require message = not for here
          domains = +own : +for_others
  require verify = recipient
  deny recipients = ${if exists{ETC/check_recipients}{ETC/check_recipients}{}}
       !verify = recipient/callout
.ifdef BLOCKLISTS
  warn dnslists = BLOCKLISTS
       add_header = X-Warning: listed
.endif
  accept

on_data:
  deny condition = ${if > {$max_received_linelength}{998}}
       message = a line is too long
  deny !verify = header_syntax
  accept

begin routers

hubs:
  debug_print = "R: hubs for $domain"
  driver = manualroute
  domains = "${if exists{ETC/hubs}{partial-lsearch;ETC/hubs}fail}"
  same_domain_copy_routing = yes
  route_data = ${lookup{$domain}partial-lsearch{ETC/hubs}}
  transport = out

.ifdef KIND_direct
direct:
  driver = dnslookup
  domains = ! +own
  transport = out
  same_domain_copy_routing = yes
  ignore_target_hosts = <; 0.0.0.0 ; 127.0.0.0/8 ; 192.168.0.0/16 ; 10.0.0.0/8 ; ::1/128 ; fe80::/10
  no_more
.endif

.ifdef KIND_smarthost
relay:
  driver = manualroute
  domains = ! +own
  transport = to_relay
  route_list = * RELAYHOST byname
  host_find_failed = ignore
  same_domain_copy_routing = yes
  no_more
.endif

FROM_HERE = "${if match_ip{$sender_host_address}{:@[]}{1}{0}}"

really_local:
  driver = accept
  domains = +own
  condition = FROM_HERE
  local_part_prefix = real-
  check_local_user
  transport = mailbox

aliases:
  driver = redirect
  domains = +own
  allow_fail
  allow_defer
  data = ${lookup{$local_part}lsearch{/etc/aliases}}

forward:
  driver = redirect
  domains = +own
  check_local_user
  file = $home/.forward
  require_files = $local_part_data:$home/.forward
  no_verify
  no_expn
  check_ancestor
  allow_filter
  forbid_smtp_code = true
  directory_transport = to_directory
  file_transport = to_file
  pipe_transport = to_pipe
  reply_transport = answer
  skip_syntax_errors
  syntax_errors_to = real-$local_part@$domain
  syntax_errors_text = there is a mistake in your .forward file

system_users:
  check_local_user
  driver = redirect
  allow_fail
  domains = +own
  condition = ${if and{{! match_ip{$sender_host_address}{:@[]}}{<{$local_user_uid}{100}}}{1}{0}}
  data = :fail: not for system users

people:
  driver = accept
  domains = +own
  check_local_user
  local_parts = ! root
  transport = mailbox
  cannot_route_message = nobody of that name

begin transports

to_file:
  driver = appendfile
  delivery_date_add
  envelope_to_add
  return_path_add

to_pipe:
  driver = pipe
  return_fail_output

answer:
  driver = autoreply

to_directory:
  driver = appendfile
  maildir_format
  check_string = ""

mailbox:
  driver = appendfile
  file = /var/mail/$local_part_data
  delivery_date_add
  group = mail
  mode = 0660
  mode_fail_narrower = false

out:
  debug_print = "T: out for $local_part@$domain"
  driver = smtp
.ifdef MUST_TLS
  hosts_require_tls = MUST_TLS
.endif

to_relay:
  driver = smtp
  multi_domain
  hosts_try_auth = <; ${if exists{ETC/passwords}\\
    {${lookup{$host}nwildlsearch{ETC/passwords}{$host_address}}}{}}
  tls_verify_hosts = *

begin retry
* * F,2h,15m; G,16h,1h,1.5; F,4d,6h

begin rewrite
*@+own "${lookup{${local_part}}lsearch{/etc/outside-addresses}{$value}fail}" Ffrs

begin authenticators

challenge:
  driver = cram_md5
  public_name = CRAM-MD5
  client_name = ${extract{1}{:}{${lookup{$host}nwildlsearch{ETC/passwords}{$value}fail}}}
  client_secret = ${extract{2}{:}{${lookup{$host}nwildlsearch{ETC/passwords}{$value}fail}}}

PASSWORD = ${sg{${lookup{$host}nwildlsearch{ETC/passwords}{$value}fail}}{\\\\N[\\\\^]\\\\N}{^^}}

plain:
  driver = plaintext
  public_name = PLAIN
  client_send = "<; ${if !eq{$tls_out_cipher}{}{^${extract{1}{:}{PASSWORD}}}fail}"
"""
