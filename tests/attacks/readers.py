"""All readers of what nobody vouches for, given mangled inputs: only the project's own errors may come.

``python -m tests.attacks.readers NAME --seed S --count N`` tries one reader alone and tells time and memory.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import random
import resource
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from eximsim.errors import EximsimError
from eximsim.files import Folder
from eximsim.formats import json_lines, parse_json
from eximsim.fuzz.baseline import read_baseline
from eximsim.fuzz.scenario import Scenario, scenario_of
from eximsim.gate.diagram import Forest
from eximsim.gate.lint import lint
from eximsim.gate.lock_text import read_lock
from eximsim.gate.promises import read_promises
from eximsim.mta.base.string import from_octets
from eximsim.mta.certs.x509 import parse as parse_certificate
from eximsim.mta.config.readconf import read_config
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.piped import PipedCommand
from eximsim.ports import Endpoint
from eximsim.profiles import profile
from eximsim.suite import script
from eximsim.suite.address_test import read_address_test
from eximsim.suite.config_files import ConfigFiles, Sources
from eximsim.suite.policy import Case
from eximsim.suite.recording import read_records, read_situations, situation_of
from eximsim.suite.scenario_records import read_scenario_records
from eximsim.suite.scenarios import read_scenarios
from eximsim.suite.servers_around import read_peers
from eximsim.testing.settings import read_settings
from eximsim.world.answers import read_answers
from eximsim.world.certificates import KeyType, der_chain, standard_chains
from eximsim.world.fakens import decode, fakens_zones
from eximsim.world.host import Host
from eximsim.world.masterfile import master_zones
from eximsim.world.memory import MemoryWorld
from eximsim.world.programs import run_known
from eximsim.world.rrsets import rrset_zones
from eximsim.world.smtp_behaviour import EVIDENCE_BEHAVIOURS
from eximsim.world.smtp_script import parse_script
from eximsim.world.smtp_server import SmtpServer
from eximsim.world.wire import BadMessage, unpack
from tests.attacks.mangling import Reader, mangled
from tests.attacks.model_readers import model_readers
from tests.attacks.test_without_end import ZONE, configured
from tests.gate.policies import CONF as OTHER
from tests.gate.policies import policy
from tests.mta.routing_world import site

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "testsuite" / "recordings"
SECONDS = 10
MEGABYTES = 512
OWN = (EximsimError, ExpansionFailed, BadMessage)


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _configuration(octets: bytes) -> None:
    files = ConfigFiles("exim.conf", from_octets(octets), Sources())
    lint(read_config(files, "exim.conf", profile("4.99"), tolerant=True))


def _delivery(octets: bytes) -> None:
    policy(conf=from_octets(octets)).run(Case(("a@destination.example",), ZONE, {"192.0.2.1": "ok"}))


def _expansion(octets: bytes) -> None:
    process = site(files={"/etc/text": b"x: one\n"}, release="4.98").process
    expand(process, from_octets(octets.replace(b"\0", b"")))


def _session(octets: bytes) -> None:
    session = SmtpServer(EVIDENCE_BEHAVIOURS["nostarttls"], {}, keep=False)()
    list(session.on_connect(Endpoint("127.0.0.1", 1), Endpoint("127.0.0.1", 25)))
    for part in octets.split(b"\x01"):
        list(session.on_data(part))
    list(session.on_eof())


def _settings(octets: bytes) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "pyproject.toml").write_bytes(octets)
        read_settings(Path(folder))


def _peers(octets: bytes) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "file").write_bytes(octets)
        read_peers(Folder(Path(folder)), "file", standard_chains(KeyType.ECDSA))


def _shell(octets: bytes) -> None:
    world = MemoryWorld(rrset_zones([]), Host(files={"/f": octets, "/s": b"#!/bin/sh\n" + octets}))
    for command in (
        ("/bin/sh", "-c", _text(octets), "a", "b"),
        ("/s", "a"),
        tuple(_text(octets).split()) or ("x",),
    ):
        run_known(PipedCommand(command, stdin=octets[:100]), world)


def _of_file(read: Callable[[Path], object]) -> Callable[[bytes], None]:
    def given(octets: bytes) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder, "file")
            path.write_bytes(octets)
            found = read(path)
            if isinstance(found, Iterator):
                list(found)

    return given


def _lines(name: str, count: int) -> tuple[bytes, ...]:
    with gzip.open(RECORDINGS / name) as file:
        lines = [line for line, _ in zip(file, range(count), strict=False)]
    return tuple(lines[1 :: max(len(lines) // 8, 1)])


_REPLAY = b"eximsim1:"
_EXPANSIONS = (
    b"${if match{$local_part}{\\N^(a+)+$\\N}{${sg{$1}{a}{b}}}{no}}",
    b"${map{<,a,b}{${lc:$item}x}}${reduce{1:2}{0}{${eval:$value+$item}}}",
    b"${lookup{x}lsearch{/etc/text}{$value}fail}${extract{2}{:}{a:b}}",
    b"${rfc2047d:=?utf-8?Q?a?=}${base64:x}${mask:10.0.0.1/8}${hash_3:abc}${substr_-1_2:abc}",
    b"${certextract{subject}{$tls_in_peercert}}${time_interval:100}${reverse_ip:1.2.3.4}${utf8clean:\xff}",
)
_SCRIPT = b"""\
# About
no_stdout_check
exim -odf a@b
Hello
****
server PORT_D
220 OK
EHLO
250 OK
****
exim -q
****
"""
_TOML = b"""\
base = "ok"
banner = "220 x ESMTP"
extensions = ["SIZE 1", "PIPELINING"]
[rcpt]
lines = ["450 a"]
then = "close"
"""
_PROMISES = b"""\
[[never]]
name = "a"
outcome = "failed"
"""
_BASELINE = b"""\
[[known]]
promise = "a"
in = "b"
when = "c"
outcome = "d"
"""
_LOCK = b"""\
release 4.99
hosts 1

delivery to a@b.example by mx1.b.example
scene a@b.example, mx mx1.b.example 192.0.2.1
@1a MX of b.example
  secure: @2b
  NXDOMAIN | no data: failed, unreached
@2b address of mx1.b.example
  secure: failed, unreached
"""
_MASTER = b"""\
$ORIGIN a.test.
$TTL 60
@ SOA ns h 1 2 3 4 5
@ NS ns
ns A 192.0.2.1
* MX 10 ns
t TXT ( "a"
"b" )
"""
_FAKENS = b"""\
DNSSEC a MX 10 b
b A 1.2.3.4
DELAY=5 c TXT "x y"
_25._tcp.b TLSA 3 1 1 0011
"""
_DNS = bytes.fromhex("123481800001000100000000016103636f6d00000f0001c00c000f00010000003c0004000ac00c")
_SMTP = b"EHLO a\r\n\x01MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n\x01X: x\r\n\r\n..\r\n.\r\n\x01QUIT\r\n"
_ANSWERS = b"""\
[mysql]
"SELECT *" = "!none"
"x" = "!status 3 said"
[run]
"/bin/x *" = "!defer no"
"y" = "!endless z"
"""
_SETTINGS = b"""\
[tool.eximsim]
config = "etc/exim.conf"
profile = "4.98"
defines = { SPOOL = "/var/spool/exim" }
"""
_PEERS = b"""\
{"networks": ["10.9.0.0/16"], "port": 1225, "servers": {"10.9.1.1": "ok", "10.9.1.2": {"rcpt": "450 no"}}}
"""
_ROUTED = b"""\
a@b.ex
  router = r, transport = t
  host mx.b.ex [192.0.2.1] MX=10
c@d.ex is undeliverable: no
mail to e@f.ex is discarded
"""
_SHELL = b"""\
/bin/cat > /tmp/x && echo "$1 ${HOME}" 'a b' >> /tmp/y; exit 3 || false # comment
/bin/sleep 3
"""
_RRSETS = json.dumps([*ZONE, {"name": "_25._tcp.a", "type": "TLSA", "data": ["030101ff"], "ttl": 5}]).encode()


@cache
def readers() -> dict[str, Reader]:
    """The readers by name."""
    situations = _lines("scenarios.jsonl.gz", 60)
    replay = Scenario(situation_of(json.loads(situations[0])), "delivery").line().encode()
    pem = (RECORDINGS / "certs" / "root.pem").read_bytes()
    stock = (configured().text.encode(), OTHER.replace("OPTIONS", "").encode())
    return {
        "configuration": Reader(_configuration, stock),
        "delivery": Reader(_delivery, stock),
        "expansion": Reader(_expansion, _EXPANSIONS),
        "rrsets": Reader(lambda o: rrset_zones(parse_json(_text(o), "f", "JSON")), (_RRSETS,)),
        "master file": Reader(lambda o: master_zones({"f": decode(o, "f")}), (_MASTER,)),
        "fakens": Reader(lambda o: fakens_zones({"db.a.test": decode(o, "f")}), (_FAKENS,)),
        "server script": Reader(lambda o: parse_script(_text(o), "f"), (_TOML,)),
        "promises": Reader(lambda o: read_promises(_text(o), "f"), (_PROMISES,)),
        "baseline": Reader(lambda o: read_baseline(_text(o), "f"), (_BASELINE,)),
        "lock": Reader(lambda o: read_lock(_text(o), "f", Forest()), (_LOCK,)),
        "replay": Reader(lambda o: scenario_of(_text(o)), (replay,)),
        "replayed": Reader(_packed, (json.dumps(_content(replay)).encode(),)),
        "test script": Reader(lambda o: script.parse(_text(o), "f"), (_SCRIPT,)),
        "records": Reader(_of_file(read_records), _lines("evidence.jsonl.gz", 2000)),
        "situations": Reader(_of_file(read_situations), situations),
        "scenarios": Reader(_of_file(read_scenarios), _lines("transport/scenarios.jsonl.gz", 60)),
        "scenario records": Reader(
            _of_file(read_scenario_records), _lines("transport/outcomes.jsonl.gz", 60)
        ),
        "gzip": Reader(lambda o: list(json_lines(o, "f")), (gzip.compress(b'{"a": [1]}\n', mtime=0),)),
        "certificate": Reader(parse_certificate, der_chain(pem)),
        "PEM": Reader(der_chain, (pem,)),
        "DNS message": Reader(unpack, (_DNS,)),
        "SMTP session": Reader(_session, (_SMTP,)),
        "answers": Reader(lambda o: list(read_answers(_text(o), "f")), (_ANSWERS,)),
        "settings": Reader(_settings, (_SETTINGS,)),
        "peers": Reader(_peers, (_PEERS,)),
        "output of -bt": Reader(lambda o: read_address_test(_text(o).splitlines()), (_ROUTED,)),
        "script of pipes": Reader(_shell, (_SHELL,)),
        **model_readers(),
    }


def _content(line: bytes) -> object:
    from eximsim.fuzz.scenario import _COMMON

    body = line.removeprefix(_REPLAY)
    packed = base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4))
    return json.loads(zlib.decompressobj(zdict=_COMMON).decompress(packed))


def _packed(octets: bytes) -> None:
    """A replay string whose content is mangled, not its coding."""
    from eximsim.fuzz.scenario import _COMMON

    packer = zlib.compressobj(1, zdict=_COMMON)
    packed = packer.compress(octets) + packer.flush()
    scenario_of((_REPLAY + base64.urlsafe_b64encode(packed).rstrip(b"=")).decode())


@dataclass(slots=True)
class Figures:
    """What a reader did: inputs, how many it took, and the longest time for one, in seconds."""

    inputs: int = 0
    taken: int = 0
    slowest: float = 0.0


def attack(name: str, seed: int, count: int) -> Figures:
    """Give a reader so many inputs; an error that is not the project's own gets the input as a note."""
    reader, figures = readers()[name], Figures()
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        given = mangled(chance.choice(reader.seeds), chance.choice(reader.seeds), chance)
        began = time.process_time()
        try:
            with suppress(*OWN):
                reader.read(given)
                figures.taken += 1
        except BaseException as error:
            error.add_note(f"{name}: seed {seed}, number {number}: {given[:2000]!r}")
            raise
        spent = time.process_time() - began
        assert spent < SECONDS, f"{name}: seed {seed}, number {number}: {spent:.1f} s: {given[:2000]!r}"
        figures.slowest = max(figures.slowest, spent)
        figures.inputs += 1
    return figures


def main() -> None:
    """Try one reader, and print what became of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=readers())
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--count", type=int, default=1000)
    given = parser.parse_args()
    found = attack(given.name, given.seed, given.count)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{given.name}: seed {given.seed}: {found.inputs} inputs, {found.taken} taken, "
          f"slowest {found.slowest:.2f} s, {used} MB")  # fmt: skip
    assert used < MEGABYTES, f"{given.name}: seed {given.seed}: {used} MB"


if __name__ == "__main__":
    main()
