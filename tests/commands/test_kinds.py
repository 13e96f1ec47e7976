"""The kinds of configurations that people run: each is followed to its end with no more than answers."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.commands.invoking import Done, invoke
from tests.gate.test_explain import ZONE

PANEL = """\
domainlist local_domains = dsearch;/etc/panel/domains
acl_not_smtp = check
begin acl
check:
  deny ratelimit = 100 / 1h / strict / $authenticated_id
  accept
begin routers
remote:
  driver = dnslookup
  domains = !+local_domains
  condition = ${lookup{$sender_address_domain}lsearch{/etc/panel/suspended}{no}{yes}}
  transport = smtp
aliases:
  driver = redirect
  domains = +local_domains
  data = ${extract{1}{:}{${lookup{$local_part}lsearch{/etc/panel/domains/$domain_data/aliases}}}}
"""
SQL = """\
domainlist local_domains = ${lookup mysql{SELECT name FROM domains WHERE name='${quote_mysql:$domain}'}}
domainlist relays = pgsql;SELECT name FROM relays WHERE name='$domain'
begin routers
vacation:
  driver = redirect
  domains = +local_domains
  condition = ${lookup mysql{SELECT 1 FROM vacation WHERE user='${quote_mysql:$local_part@$domain}'}{yes}{no}}
  data = :blackhole:
aliases:
  driver = redirect
  data = ${lookup mysql{SELECT goto FROM aliases WHERE address='${quote_mysql:$local_part@$domain}'}}
relayed:
  driver = manualroute
  domains = +relays
  route_list = * mx1.example.com
  transport = smtp
remote:
  driver = dnslookup
  transport = smtp
"""
LDAP = """\
begin routers
people:
  driver = redirect
  data = ${lookup ldapm{ldap:///o=org?mail?sub?(uid=${quote_ldap:$local_part})}{${sg{$value}{\\n}{, }}}fail}
remote:
  driver = dnslookup
  transport = smtp
"""
CONTAINER = """\
keep_environment = SMARTHOST : MAIL_NAME
primary_hostname = ${if def:acl_c0{x}{mail.example.net}}
begin routers
smarthost:
  driver = manualroute
  condition = ${env{SMARTHOST}{yes}{no}}
  route_data = ${env{SMARTHOST}}
  transport = smtp
remote:
  driver = dnslookup
  transport = smtp
"""
HOSTING = """\
perl_startup = do '/etc/exim.pl'
begin routers
limited:
  driver = redirect
  condition = ${perl{over_limit}{$sender_address}}
  allow_fail
  data = :fail: too much
owned:
  driver = redirect
  condition = ${if eq{$originator_uid}{${extract{2}{:}{${lookup passwd{web}}}}}{yes}{no}}
  data = ${run{/usr/bin/owner $local_part}{$value}{}}
remote:
  driver = dnslookup
  headers_remove = ${if eq{${readsocket{/run/score}{$message_exim_id}{2s}{}{0}}}{1}{X-Score}}
  transport = smtp
"""
KINDS = {"panel": PANEL, "SQL": SQL, "LDAP": LDAP, "container": CONTAINER, "hosting": HOSTING}
TRANSPORT = "begin transports\nsmtp:\n  driver = smtp\n  hosts_try_dane = *\nbegin retry\n* * F,1h,10m\n"


def explained(folder: Path, kind: str, *arguments: str) -> Done:
    (folder / "exim.conf").write_text(KINDS[kind] + TRANSPORT)
    (folder / "zones").mkdir(exist_ok=True)
    (folder / "zones" / "example.zone").write_text(ZONE)
    files = ["--config", str(folder / "exim.conf"), "--zones", str(folder / "zones")]
    return invoke("explain", *files, "--brief", *arguments, "someone@example.com")


def asked(done: Done) -> list[str]:
    """What an explanation says that could be given, as arguments that say that there is nothing."""
    words: list[str] = []
    for line in done.stdout.splitlines():
        _, _, remedy = line.partition("; --")
        option, _, rest = remedy.partition(" ")
        if line.startswith("could not look") and option == "answer":
            words += ["--answer", shlex.split(rest.partition(", or ")[0])[0].removesuffix("VALUE") + "!none"]
        elif line.startswith("could not look") and option == "env":
            words += ["--answer", f"env:{rest.partition('=')[0]}=!none"]
        elif line.startswith("could not look"):
            words += ["--answer", f"file:{line.partition(' names ')[2].partition(': ')[0]}="]
    return words


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_asked_for_is_all_that_has_to_be_given(kind: str, tmp_path: Path) -> None:
    first = explained(tmp_path, kind)
    assert first.exit_code == 3
    done = explained(tmp_path, kind, *asked(first))
    assert (done.exit_code, done.stdout.splitlines()[1]) == (0, "delivered to mx1.example.com (DANE)")


@pytest.mark.parametrize(
    ("kind", "answers", "outcome"),
    [
        (
            "panel",
            '[dsearch]\n"*" = "folder"\n[ratelimit]\n"*" = "!none"\n'
            '[file]\n"*/aliases" = "someone: a@example.com:x\\n"\n',
            "failed: Unrouteable address",
        ),
        ("panel", '[ratelimit]\n"*" = "101"\n', "failed"),
        (
            "SQL",
            '[mysql]\n"SELECT goto*" = "other@example.com"\n"*" = "!none"\n[pgsql]\n"*" = "!none"\n',
            "delivered to mx1.example.com (DANE)",
        ),
        ("SQL", '[mysql]\n"*" = "!defer no server"\n[pgsql]\n"*" = "!none"\n', "deferred"),
        ("LDAP", '[ldapm]\n"*" = "a@example.com\\nb@example.com"\n', "delivered to mx1.example.com (DANE)"),
        ("container", '[env]\nSMARTHOST = "mx1.example.com"\n', "delivered to mx1.example.com (DANE)"),
        (
            "hosting",
            '[perl]\n"over_limit *" = "1"\n',
            "failed: too much",
        ),
    ],
)
def test_a_file_of_answers_leads_to_the_end(kind: str, answers: str, outcome: str, tmp_path: Path) -> None:
    (tmp_path / "answers.toml").write_text(answers)
    done = explained(tmp_path, kind, "--answers", str(tmp_path / "answers.toml"))
    assert done.exit_code == 0, done.stdout
    assert done.stdout.splitlines()[1].startswith(outcome)
