"""Configurations with includes, lookup files, lists, several routers and transports, to be edited in tests.

Each is a mapping of files by name; ``exim.conf`` is the configuration. The zone below has what they name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tests.gate.stock import STOCK

_RETRY = "begin retry\n* * F,2h,15m; G,16h,1h,1.5; F,4d,6h\n"

DEFAULT = f"""\
primary_hostname = mta.own.example
domainlist local_domains = @ : own.example
domainlist relay_to_domains = relayed.example
hostlist relay_from_hosts = localhost
acl_smtp_rcpt = acl_check_rcpt
qualify_domain = own.example
never_users = root
prdr_enable = true
log_selector = +smtp_protocol_error +tls_certificate_verified
ignore_bounce_errors_after = 2d
timeout_frozen_after = 7d
keep_environment =

begin acl
acl_check_rcpt:
  accept hosts = :
         control = dkim_disable_verify
  deny   domains = +local_domains
         local_parts = ^[.] : ^.*[@%!/|]
  accept hosts = +relay_from_hosts
         control = submission
  require domains = +local_domains : +relay_to_domains
  require verify = recipient
  accept

begin routers
dnslookup:
  driver = dnslookup
  domains = ! +local_domains
  transport = remote_smtp
  ignore_target_hosts = 0.0.0.0 : 127.0.0.0/8 : 10.0.0.0/8
  dnssec_request_domains = *
  no_more
system_aliases:
  driver = redirect
  allow_fail
  allow_defer
  data = ${{lookup{{$local_part}}lsearch{{/etc/aliases}}}}
localuser:
  driver = accept
  local_parts = joe : jane
  transport = local_delivery

begin transports
remote_smtp:
  driver = smtp
  hosts_try_dane = *
  multi_domain
local_delivery:
  driver = appendfile
  file = /var/mail/$local_part_data
  user = mail

{_RETRY}"""

_ALIASES = "postmaster: joe\nsales: boss@partner.example\nroot: :fail: nobody here\n"

PARTNERS = f"""\
primary_hostname = mta.own.example
PARTNER_HOSTS = mx.partner.example : *.bank.example
.include /etc/conf.d/lists
begin routers
.include /etc/conf.d/routers
begin transports
strict:
  driver = smtp
  hosts_require_dane = +dane_hosts
  hosts_require_tls = PARTNER_HOSTS
  tls_verify_hosts = PARTNER_HOSTS
normal:
  driver = smtp
  hosts_try_dane = *
  hosts_avoid_tls = old.legacy.example
{_RETRY}"""

_LISTS = """\
# who gets what
domainlist partners = partner.example : bank.example
domainlist secure = +partners : lsearch;/etc/secure_domains
hostlist dane_hosts = mx.partner.example : \\
   mx.bank.example
"""

_ROUTERS = """\
partners:
  driver = dnslookup
  domains = +secure
  transport = strict
  dnssec_request_domains = *
  dnssec_require_domains = bank.example
  no_more
others:
  driver = dnslookup
  transport = normal
  dnssec_request_domains = ! legacy.example : *
"""

SMARTHOSTS = f"""\
primary_hostname = mta.own.example
begin routers
by_file:
  driver = manualroute
  transport = relay
  domains = lsearch;/etc/routes
  route_data = ${{lookup{{$domain}}lsearch{{/etc/routes}}}}
by_sender:
  driver = manualroute
  senders = news@own.example : *@lists.example
  transport = bulk
  route_list = * smart.legacy.example
to_all:
  driver = manualroute
  transport = relay
  route_list = * smart.partner.example
  host_find_failed = defer
begin transports
relay:
  driver = smtp
  port = 587
  hosts_require_tls = *
  tls_verify_hosts = ! smart.legacy.example : *
bulk:
  driver = smtp
  tls_tempfail_tryclear = false
{_RETRY}"""

_ROUTES = "bank.example: mx.bank.example\npartner.example: smart.legacy.example\n"

SUFFIXES = f"""\
primary_hostname = mta.own.example
localpartlist staff = joe : boss
domainlist own = own.example : *.own.example
begin routers
refused:
  driver = redirect
  domains = legacy.example
  local_parts = ! +staff
  data = :fail: closed
  allow_fail
tagged:
  driver = redirect
  domains = ! +own
  local_part_suffix = +secure
  data = $local_part@bank.example
  condition = ${{if !eq{{$domain}}{{bank.example}}}}
own:
  driver = manualroute
  domains = +own
  transport = inside
  route_list = * smart.partner.example
out:
  driver = dnslookup
  transport = ${{if eq{{$domain}}{{bank.example}}{{secure}}{{plain}}}}
  dnssec_request_domains = *
begin transports
inside:
  driver = smtp
  hosts_avoid_tls = *
secure:
  driver = smtp
  hosts_require_dane = *
plain:
  driver = smtp
  hosts_require_tls = ${{if match_domain{{$domain}}{{partner.example : legacy.example}}{{*}}}}
  tls_try_verify_hosts = *
{_RETRY}"""

BOGONS = f"""\
primary_hostname = mta.own.example
BOGONS = 0.0.0.0/8 : 10.0.0.0/8 : 127.0.0.0/8 : 169.254.0.0/16 : 192.0.2.0/24 : 198.18.0.0/15
begin acl
check_local:
  deny  senders = spammer@own.example
        message = not from you
  accept
begin routers
direct:
  driver = dnslookup
  transport = smtp
  ignore_target_hosts = BOGONS
  self = pass
  dnssec_request_domains = lsearch;/etc/signed
  pass_router = last
last:
  driver = manualroute
  transport = smtp
  route_list = !own.example smart.partner.example
begin transports
smtp:
  driver = smtp
  hosts_require_dane = net-lsearch;/etc/dane_nets
  hosts_require_tls = 198.51.100.0/24
  tls_verify_hosts = 203.0.113.7
{_RETRY}"""

STRICTLY = """\
primary_hostname = mta.own.example
.ifdef RELAXED
MODE = :
.else
MODE = *
.endif
acl_not_smtp = check_local
begin acl
check_local:
  deny  condition = ${if eq{$sender_address}{spammer@own.example}}
        message = not from you
  accept
begin routers
known:
  driver = dnslookup
  domains = cdbless.example : partner.example
  transport = verified
  more = false
.include_if_exists /etc/extra_router
rest:
  driver = dnslookup
  transport = tls
begin transports
verified:
  driver = smtp
  hosts_require_tls = MODE
  tls_verify_hosts = MODE
  tls_verify_cert_hostnames = MODE
tls:
  driver = smtp
  hosts_require_tls = MODE
  hosts_try_dane =
  tls_tempfail_tryclear = no
begin retry
legacy.example * F,1h,5m
"""

_EXTRA = """\
closed:
  driver = redirect
  domains = bank.example
  data = :defer: come back later
  allow_defer
"""

_DIRECT = STOCK.replace("ETC = /etc/mail\n", "ETC = /etc\n")

SAMPLES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "default": {"exim.conf": DEFAULT, "/etc/aliases": _ALIASES},
        "stock, direct": {
            "exim.conf": _DIRECT,
            "/etc/aliases": _ALIASES,
            "/etc/hubs": "partner.example: smart.partner.example byname\n",
            "/etc/outside-addresses": "joe: joe@partner.example\n",
        },
        "stock, smarthost": {
            "exim.conf": "KIND_smarthost = 1\n"
            + _DIRECT.replace("relay.example.org", "smart.partner.example"),
            "/etc/aliases": _ALIASES,
            "/etc/outside-addresses": "joe: joe@partner.example\n",
        },
        "partners": {
            "exim.conf": PARTNERS,
            "/etc/conf.d/lists": _LISTS,
            "/etc/conf.d/routers": _ROUTERS,
            "/etc/secure_domains": "# agreed on\nsigned.example: yes\nother.example: yes\n",
        },
        "smarthosts": {"exim.conf": SMARTHOSTS, "/etc/routes": _ROUTES},
        "suffixes": {"exim.conf": SUFFIXES},
        "bogons": {
            "exim.conf": BOGONS.replace("begin acl", "acl_not_smtp = check_local\nbegin acl"),
            "/etc/signed": "partner.example\nbank.example\n",
            "/etc/dane_nets": "203.0.113.1\n198.51.100.0/24\n",
        },
        "strictly": {"exim.conf": STRICTLY, "/etc/extra_router": _EXTRA},
    }
)
"""The configurations, by name."""
