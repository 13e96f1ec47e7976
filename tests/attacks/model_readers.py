"""What the model reads itself: databases, filters, headers, signatures, keys, commands of SMTP clients."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache

from eximsim.bounds import within_bounds
from eximsim.mta.base.effort import Effort
from eximsim.mta.base.string import from_octets
from eximsim.mta.certs.ocsp import NotOcsp, parse_response
from eximsim.mta.delivery.spool_in import FormatError, spool_read
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.lookup.lookups.cdb import cdb_find
from eximsim.mta.lookup.lookups.json_file import json_find
from eximsim.mta.lookup.lookups.sqlite import sqlite_find
from eximsim.mta.miscmods.pdkim.keys import KeyFault, signing_init, verify_init
from eximsim.mta.miscmods.pdkim.tags import parse_key_record
from eximsim.mta.process.ends import PanicDie
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.ports import Told
from eximsim.profiles import profile
from eximsim.world.answers import Answers
from tests.attacks.mangling import Reader
from tests.mta.front import Front
from tests.mta.miscmods.rfc8463 import MESSAGE, PRIVATE, RECORD, SIGNATURE
from tests.mta.miscmods.test_arc import signed
from tests.mta.miscmods.test_dkim import KEY
from tests.mta.miscmods.test_pdkim import RSA_PEM, RSA_RECORD
from tests.mta.reception.test_smtp_in_policy import FILES
from tests.mta.routing_world import site

NEWEST = profile("4.99")

_MAIN = """\
acl_smtp_connect = accept
acl_smtp_helo = accept
acl_smtp_vrfy = accept
acl_smtp_etrn = accept
acl_smtp_mail = accept set acl_m0 = ${mask:192.0.2.$message_size/8}
trusted_users = caller
acl_smtp_rcpt = accept
acl_smtp_dkim = accept logwrite = $dkim_cur_signer $dkim_domain $dkim_headernames $dkim_verify_reason
acl_smtp_data = content
chunking_advertise_hosts = *
pipelining_connect_advertise_hosts = *
prdr_enable
dsn_advertise_hosts = *
accept_8bitmime
smtputf8_advertise_hosts = *
allow_domain_literals
smtp_max_synprot_errors = 20
smtp_max_unknown_commands = 20
log_selector = +all
message_size_limit = 1M
"""
_ACL = """\
content:
  warn !verify = header_syntax
    logwrite = syntax $acl_verify_message
  warn !verify = header_sender
  warn !verify = header_names_ascii
  warn !verify = arc
  warn logwrite = $arc_state $arc_domains ${authresults{here.ex}}
  warn logwrite = $rheader_subject: $bheader_subject: $lheader_received: ${headerwrap_70:$h_to:}
  warn logwrite = ${addresses:$h_to:} ${address:$h_from:} ${rfc2047:$rh_to:} ${utf8clean:$rh_subject:}
  warn add_header = X-Seen: ${if match{$h_subject:}{(.+) (.+)}{$2}}
    remove_header = x-* : received
  accept
"""
_ROUTERS = """
begin routers
all:
  driver = accept
  transport = out
begin transports
out:
  driver = smtp
  hosts = 127.0.0.1
  port = 2525
  allow_localhost
  dkim_domain = test.ex
  dkim_selector = sel
  dkim_private_key = /key
  arc_sign = one.ex : sel : /key
  headers_rewrite = *@test.ex a@b.ex
begin rewrite
*@old.ex $1@new.ex Eh
begin retry
* * F,5d,10m
"""


def _run(front: Front, *words: str, stdin: bytes) -> None:
    """Run the program as all commands do."""
    with suppress(UndefinedBehaviour), within_bounds("a run"):
        front.exim(*words, stdin=stdin)


def _session(octets: bytes) -> None:
    """The commands of a client, mangled ones and all, and what they leave is delivered."""
    front = Front(_MAIN, _ACL, zone=KEY, files={"/key": PRIVATE}, routers=_ROUTERS)
    _run(front, "-odi", "-oMa", "192.0.2.7", "-bs", stdin=octets)


def _message(octets: bytes) -> None:
    _session(
        b"EHLO c.ex\r\nMAIL FROM:<a@b.ex>\r\nRCPT TO:<c@d.ex>\r\nDATA\r\n" + octets + b"\r\n.\r\nQUIT\r\n"
    )


def _submission(octets: bytes) -> None:
    _run(Front(routers=_ROUTERS, files={"/key": PRIVATE}), "-odq", "-t", "-f", "a@b.ex", stdin=octets)


def _filtered(octets: bytes) -> None:
    front = Front(files={"/f": octets}, routers="")
    _run(front, "-bf", "/f", "-f", "me@one.ex", stdin=_LETTER)


_REDIRECT = """
begin routers
list:
  driver = redirect
  file = /list
  allow_filter
  user = caller
  allow_defer
  allow_fail
  one_time = false
  file_transport = mailbox
  pipe_transport = piped
  reply_transport = answering
all:
  driver = accept
  transport = mailbox
begin transports
mailbox:
  driver = appendfile
  file = /home/mail
piped:
  driver = pipe
answering:
  driver = autoreply
"""


def _redirected(octets: bytes) -> None:
    """A user's file of addresses, or filter, through which a message goes."""
    front = Front(files={"/list": octets, "/home/more": b"g@e.ex"}, routers=_REDIRECT)
    _run(front, "-odi", "-f", "me@one.ex", "user@here.ex", stdin=_LETTER)


def _spooled(octets: bytes) -> None:
    """A message that lies on the spool is listed, shown and delivered."""
    front = Front(routers=_ROUTERS)
    with suppress(FormatError):
        front.machine.spool.add(spool_read(octets, b"1i2t1o-0000cD-CV-D\ntext\n"))
        for name in front.machine.spool.ids():
            for words in (("-bp",), ("-Mvh", name), ("-M", name)):
                _run(front, *words, stdin=b"")


def _programmed(octets: bytes) -> None:
    """What a command tells a router of queryprogram."""
    front = Front(routers=_PROGRAM, zone=KEY)
    answers = Answers({"run": {"/bin/x": Told(from_octets(octets))}})
    front.world.host = replace(front.world.host, answers=answers)
    _run(front, "-odi", "-f", "me@one.ex", "user@here.ex", stdin=_LETTER)


def _command_line(octets: bytes) -> None:
    words = [word.decode("utf-8", "surrogateescape") for word in octets.split(b"\n")]
    _run(Front(), *words, stdin=_LETTER)


def _database(octets: bytes) -> None:
    for query in _QUERIES:
        sqlite_find(octets, query.decode(), Effort())


def _cdb(octets: bytes) -> None:
    for key in (b"one", b"two", b"", b"\xff"):
        with suppress(ValueError):
            cdb_find(octets, key)


def _json(octets: bytes) -> None:
    for key in ("", "a", "a:0", "0", "a:1:b", "9" * 5000):
        json_find(octets, key)


def _looked_up(octets: bytes) -> None:
    of_file = site(files={"/f": octets}, release="4.99").process
    for kind in ("lsearch", "wildlsearch", "nwildlsearch", "iplsearch"):
        for key in ("one", "192.0.2.1", "a.b.ex"):
            with suppress(ExpansionFailed, PanicDie):
                expand(of_file, f"${{lookup{{{key}}}{kind}{{/f}}{{$value}}{{none}}}}")


def _key_record(octets: bytes) -> None:
    record = parse_key_record(from_octets(octets))
    for kind in ("rsa", "ed25519"):
        with suppress(KeyFault):
            verify_init(record.key if record else octets, kind, NEWEST)


def _private_key(octets: bytes) -> None:
    with suppress(KeyFault):
        signing_init(octets, NEWEST)


def _staple(octets: bytes) -> None:
    with suppress(NotOcsp):
        parse_response(octets)


_PROGRAM = """
begin routers
asked:
  driver = queryprogram
  command = /bin/x
  command_user = caller
  transport = out
begin transports
out:
  driver = smtp
  hosts = 127.0.0.1
"""
_SPOOLED = b"""\
1i2t1o-0000cD-CV-H
mail user 8 9
<a@b.ex>
1566979804 2
-received_time_usec .5
-frozen 1566979805
-aclm 1 3
a
b
--helo_name x y
-host_address [10.0.0.1]:25
-dsn_ret 1
-tls_peerdn CN=a\\nb
YN a@x
NN b@x
2
r@c.ex
s@c.ex rfc822;x 8,12 e@d.ex 6,0#3

017P Received: from x
020F From: Some <a@b.ex>
011  Subject: s
"""
_TOLD = (
    b'ACCEPT TRANSPORT=out HOSTS=127.0.0.1:x.ex LOOKUP=bydns DATA="a b"\n',
    b"REDIRECT a@b.ex, :fail: no, |/bin/x, /mail/x\n",
    b"FAIL not today\nmore\n",
)
_LETTER = b"""\
From: Some One <some@one.ex>
To: caller@here.ex, other@there.ex
Subject: =?utf-8?Q?hello=20world?=
Message-Id: <a@b>
X-Count: 99

text
"""
_MIME = b"""\
Received: from x by y; Tue, 1 Jan 2019 00:00:00 +0000
Received: (from z)\r
From: "A \\"B\\" C" <a@old.ex> (comment (nested))
To: Group: a@b.ex, <c@[192.0.2.1]>;, =?iso-8859-1?B?4fLz?= <d@e.ex>
Cc: @relay.ex:a@b, "quoted local"@b.ex
Subject: =?utf-8?Q?=C3=A4_b?= =?x?y?z?=
Date: now
References: <1@a>
 <2@b>
Content-Type: multipart/mixed; boundary="b"; name*0="x"

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

=C3=A4=
--b
Content-Disposition: attachment; filename="=?utf-8?B?w6Q=?="
Content-Transfer-Encoding: base64

w6Q=
--b--
"""
_DIALOGUE = b"""\
EHLO c.ex\r
MAIL FROM:<a@b.ex> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=a+20b\r
RCPT TO:<c@d.ex> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;c+40d.ex\r
RCPT TO:<"c d"@[192.0.2.1]>\r
DATA\r
Subject: x\r
\r
..x\r
.\r
VRFY a@b.ex\r
EXPN a\r
ETRN #a\r
AUTH PLAIN AGEAYg==\r
BDAT 11\r
Subject: y
BDAT 2 LAST\r
\r
RSET\r
HELP\r
NOOP x\r
QUIT\r
"""
_FILTER = b"""\
# Exim filter
if $h_subject: contains "hello" and not error_message or ($message_size is above 10 and first_delivery)
then
  logfile /tmp/log 0644
  logwrite "$tod_log ${quote:$h_from:}"
  add 2 to n1
  testprint "$tod_full"
  save /mail/$local_part 0600
  pipe "/bin/cat $n1"
  vacation to some@one.ex subject "Re: $h_subject:" text "I am\\naway" once /once once_repeat 1d
elif foranyaddress $h_to: ($thisaddress matches "^(.+)@(.+)\\$") then deliver $1@x.ex errors_to a@b.ex
else seen finish
endif
unseen deliver "other@there.ex"
mail to a@b.ex expand file /f return message
testprint "$0"
"""
_SIEVE = b"""\
# Sieve filter
require ["fileinto", "copy", "envelope", "comparator-i;ascii-numeric"];
if anyof (header :contains ["Subject", "To"] "hello", not allof (true, size :over 10K), exists "x") {
  fileinto :copy "INBOX.a";
} elsif address :matches :domain "from" "*o?e\\\\.ex" {
  redirect "a@b.ex"; stop;
} else { keep; }
/* comment */
if header :comparator "i;ascii-numeric" "x-count" "99" { discard; }
"""
_LIST = b"""\
# users
a@b.ex, "c d"@e.ex (comment), \\f, |"/bin/true", /mail/g, :include:/home/more
:fail: no such user
"""
_LSEARCH = b"""\
one: first
"t\\x77o" : second
  continued
*.b.ex: third
^a\\..*: fourth
192.0.2.0/24: fifth
"2001:db8::/32": sixth
"""
_QUERIES = (
    b"SELECT v FROM t WHERE k = 'one'",
    b"SELECT * FROM t ORDER BY k DESC LIMIT 2",
    b"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c LIMIT 9) SELECT group_concat(x) FROM c",
    b"SELECT replace(hex(zeroblob(9)), '0', k), k LIKE 'o%', k GLOB '*n*' FROM t, t AS u GROUP BY 1",
    b"SELECT count(*), max(length(v)), printf('%20.3s|', v) FROM t WHERE k IN (SELECT k FROM t)",
)
_COMMAND_LINES = (
    b"-bt\na@b.ex",
    b"-be\n${if eq{a}{b}{c}{d}}",
    b"-bP\ntransports",
    b"-odq\n-t\n-oi\n-F\nA B\n-f\na@b.ex",
    b"-bv\n-D\nA=b\n-d+all\na@b",
    b"-M\n1pBnKl-003F4x-00\n-qff\n-R\nx\n-oMa\n1.2.3.4.25\n-oMr\nsmtp",
    b"-brt\nb.ex\n-brw\na@b.ex\n-bF\n/f\n-C\n/etc/exim.conf",
)


@cache
def _constant_database() -> bytes:
    """A file of cdb with two entries: 256 tables, of which each entry has one of two slots."""
    entries = [(b"one", b"first"), (b"two", b"second")]
    place, records = 2048, b""
    tables: dict[int, list[tuple[int, int]]] = {}
    for key, value in entries:
        digest = 5381
        for octet in key:
            digest = ((digest << 5) + digest & 0xFFFFFFFF) ^ octet
        tables.setdefault(digest % 256, []).append((digest, place + len(records)))
        records += len(key).to_bytes(4, "little") + len(value).to_bytes(4, "little") + key + value
    head, slots, at = b"", b"", place + len(records)
    for number in range(256):
        found = tables.get(number, [])
        head += (at + len(slots)).to_bytes(4, "little") + (2 * len(found)).to_bytes(4, "little")
        table = [(0, 0)] * (2 * len(found))
        for digest, position in found:
            slot = next(n for n in range(len(table)) if not table[(digest // 256 + n) % len(table)][1])
            table[(digest // 256 + slot) % len(table)] = (digest, position)
        slots += b"".join(d.to_bytes(4, "little") + p.to_bytes(4, "little") for d, p in table)
    return head + records + slots


@cache
def _tables() -> bytes:
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB)")
        database.executemany("INSERT INTO t VALUES (?, ?)", [("one", "first"), ("two", b"\xff" * 3000)])
        database.commit()
        return database.serialize()


def _of_query() -> Callable[[bytes], object]:
    return lambda o: sqlite_find(_tables(), o.decode("utf-8", "surrogateescape"), Effort())


def model_readers() -> dict[str, Reader]:
    """The readers by name."""
    dkim = SIGNATURE + MESSAGE
    return {
        "cdb": Reader(_cdb, (_constant_database(),)),
        "JSON lookup": Reader(_json, (b'{"a": ["x", {"b": 15}], "c": null}', b'[true, "\\u00e4", -1]')),
        "SQLite database": Reader(_database, (_tables(),)),
        "SQL query": Reader(_of_query(), _QUERIES),
        "text lookup": Reader(_looked_up, (_LSEARCH,)),
        "message": Reader(_message, (dkim.replace(b"\n", b"\r\n"), _MIME, signed(), signed(signed()))),
        "submission": Reader(_submission, (_LETTER, _MIME)),
        "session": Reader(_session, (_DIALOGUE,)),
        "key record": Reader(_key_record, (RECORD.encode(), RSA_RECORD.encode())),
        "private key": Reader(_private_key, (RSA_PEM, PRIVATE)),
        "stapled response": Reader(_staple, (FILES["/good"], FILES["/revoked"])),
        "Exim filter": Reader(_filtered, (_FILTER,)),
        "Sieve filter": Reader(_filtered, (_SIEVE,)),
        "redirection": Reader(_redirected, (_LIST, _FILTER, _SIEVE)),
        "spool file": Reader(_spooled, (_SPOOLED,)),
        "queryprogram": Reader(_programmed, _TOLD),
        "command line": Reader(_command_line, _COMMAND_LINES),
    }
