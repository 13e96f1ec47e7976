"""Names that only expansions and rewriting rules tell apart."""

from __future__ import annotations

import pytest

from eximsim.gate.named import names_of
from eximsim.gate.named_words import Held, examples_of, held
from tests.gate.deletions import policy

CONF = """\
primary_hostname = mta.own.example
begin routers
some:
  driver = dnslookup
  condition = CONDITION
  transport = out
begin transports
out:
  driver = smtp
begin rewrite
news@own.example news@lists.example F
*@s.example to@partner.example h
^q[0-9]+@far\\\\. to@partner.example T
"""


@pytest.mark.parametrize(
    ("condition", "kind", "names"),
    [
        ("${if eq{$local_part}{Joe}}", "locals", ["joe"]),
        ("${if inlist{${lc:$local_part}}{joe:jane}}", "locals", ["joe", "jane"]),
        ("${if match_local_part{$local_part}{jane : ^jo(a|e)$}}", "locals", ["jane", "joa", "joe"]),
        ("${extract{$local_part}{joe=yes jane=no}{$value}{no}}", "locals", ["joe", "jane"]),
        ("${if match{$local_part}{\\\\+}}", "locals", ["+"]),
        (
            "${if match{$sender_address}{\\N^(x|news)-\\N}}",
            "senders",
            ["x-@any.example", "news-@any.example"],
        ),
        ("${if eq{$sender_address_local_part}{news}}", "senders", ["news@mta.own.example"]),
        ("${if match{$domain}{bank}}", "domains", ["bank.any.example"]),
        ("${if match{$local_part@$domain}{^joe@b}}", "mailboxes", ["joe@b.any.example"]),
        ("${if eq{$sender_host_address}{joe}}", "locals", []),
        ("no", "senders", ["news@own.example"]),
        ("no", "mailboxes", ["q0@far."]),
    ],
)
def test_what_is_held_against_an_address_is_named(condition: str, kind: str, names: list[str]) -> None:
    found = getattr(names_of([policy({"exim.conf": CONF.replace("CONDITION", condition)})]), kind)
    assert [name for name in names if name not in found] == []
    assert "s.example" not in names_of([policy({"exim.conf": CONF})]).senders


def test_how_a_list_looks_something_up_is_no_name() -> None:
    lists = "domainlist x = dsearch;/d : c.example\ndomainlist y = partial-lsearch*;/e : d.example\n"
    found = names_of([policy({"exim.conf": lists + CONF.replace("CONDITION", "no")})]).domains
    assert {"c.example", "d.example"} <= found.keys()
    assert not {"dsearch", "lsearch", "partial-lsearch", "partial-"} & found.keys()


def test_each_alternative_of_a_pattern_has_an_example() -> None:
    assert examples_of(r"^(www\.)?(a|b)\.example$") == (
        *("www.a.example", "www.b.example"),
        *("a.example", "b.example"),
    )
    assert examples_of(r"^x(a|b(c|d))y|^z") == ("xay", "z", "xbcy", "xbdy")
    assert examples_of("(?i)FOO") == ("foo",)
    assert examples_of("^(?!joe)") == ("someone",)
    assert examples_of(r"[^\x20-\x7e]") == ()


def test_words_count_only_beside_a_part_of_an_address() -> None:
    assert list(held("${if eq{$h_subject:}{joe}}")) == []
    assert list(held("joe : jane")) == []
    assert list(held("${if eq{$local_part}{joe}{yes}{12}}")) == [Held("local", "joe")]
