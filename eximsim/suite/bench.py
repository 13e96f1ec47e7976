"""Exim's own suite on a real program, with all that ``runtest`` sets up, in a private namespace.

A copy of the program is switched to Exim's test mode, as test/patchexim does it, if that is wanted; the
helper programs are compiled from the tree, or ours. Accounts, addresses, zones and files are made inside; the
script is played there, by ``subjects.scripted``, and the outputs go the way of every other test's. It needs
several users (root, or ``newuidmap``) and Perl: ``why_not`` says what lacks.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from eximsim.errors import InputError
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.isolation import Place
from eximsim.subjects.namespace import Namespace, Ran
from eximsim.subjects.program import ETC, EXIM, examine, plain_accounts
from eximsim.subjects.subject import NoNamespace
from eximsim.suite import bench_accounts, first_seen, helper_programs, script, tree_rules
from eximsim.suite.duration import limit
from eximsim.suite.first_seen import Mark
from eximsim.suite.helper_programs import PYTHON
from eximsim.suite.normalisation import Identity
from eximsim.suite.source import TestCase, as_bytes, as_text, number_of, substitute
from eximsim.suite.steps import lines, steps, utilities
from eximsim.suite.tree import EximTree, own_zones

_TREE, _BIN, _TOOLS = "/exim/tree", "/exim/bin", "/exim/tools"
_COPY = "exim-copy"
_AS_ROOT = "sudo-python"
_HOME = "/eximsim/home"
"""The caller's: the host's are read-only inside."""

_PATH = "{}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
_SECONDS = 150.0
"""After which a command that sets a test up is ended."""

_SERVICES = ("initdb", "postgres", "pg_ctl", "psql", "mysqld", "mysql")
_SERVICE_FOLDERS = "/usr/lib/postgresql/*/bin /usr/bin /usr/sbin /usr/libexec /usr/local/bin /usr/local/sbin"
"""What scripts start from ``bin.sys``, and where it is looked for; the last place wins (locate.sh)."""

_RUNNING = {"redis": "redis-server", "dovecot": "dovecot"}
"""What scripts start themselves where a ``REQUIRES`` says that it is running, if it is installed."""

_MARKER, _TEST_MARKER = b">>>running<<<", b"<<<testing>>>"
_VERSION = re.compile(rb"(\d+[_.]\d+[-\w.]*)\0<<eximversion>>")
_TRUSTED_LIST = re.compile(r'^TRUSTED_CONFIG_LIST: "?([^"\n]+)', re.MULTILINE)
_LISTED = re.compile(
    r"^(Support for|Lookups|Authenticators|Routers|Transports|Malware)(?: \([-\w]+\))?:\s*(.*)$",
                     re.MULTILINE)  # fmt: skip
_KINDS = {"support": "Support for", "lookup": "Lookups", "authenticator": "Authenticators",
          "authenticators": "Authenticators", "router": "Routers", "transport": "Transports",
          "malware": "Malware"}  # fmt: skip


def why_not(program: Path) -> str:
    """What the bench lacks on this machine, in one phrase; empty if it can be used."""
    if lack := _no_users():
        return lack
    if shutil.which("perl") is None:
        return "needs Perl, for the rules of the tree's runtest"
    if _MARKER not in program.read_bytes():
        return "the program has no test mode"
    return ""


@cache
def _no_users() -> str:
    """Why there cannot be several users in one namespace; empty if there can."""
    try:
        with Namespace(Place()) as inside:
            several = inside.privileged
    except NoNamespace as reason:
        return str(reason)
    return (
        ""
        if several
        else ("needs root, or newuidmap (uidmap) and 65535 numbers for you in /etc/subuid and /etc/subgid")
    )


@dataclass(frozen=True, slots=True)
class Inside:
    """The way into a bench's namespace: its first process, the test directory in it, and the environment."""

    process: int
    folder: str
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Played:
    """What a script left: what went wrong with a command (empty: nothing), and the normalised outputs.

    ``since`` has, for an output that is not as its golden, the line of the script after which it is so.
    """

    error: str
    texts: Mapping[str, str]
    since: Mapping[str, str] = field(default_factory=dict)


class Bench:
    """One namespace in which tests of a tree run one after the other; a context manager.

    ``helpers`` are the tree's helper programs by name (``helper_programs.compiled``); for those that are
    missing there are ours. Without ``test_mode`` the program runs as it is.
    """

    def __init__(
        self, tree: Path, program: Path, helpers: Mapping[str, bytes], *, test_mode: bool = True
    ) -> None:
        self._tree = EximTree(tree)
        self._program = program.absolute()
        self._helpers = helpers
        self._test_mode = test_mode
        self._stack = ExitStack()
        self._lacks: dict[str, str] = {}

    def __enter__(self) -> Bench:
        with ExitStack() as stack:
            self._ours = helper_programs.ours(
                self._helpers, f"{self._tree.identity.directory}/bin/{_AS_ROOT}"
            )
            helpers = {**self._helpers, **self._ours}
            program = self._program.read_bytes()
            helpers[_COPY] = patched(program) if self._test_mode else program
            helpers["munge.pl"] = tree_rules.PERL_SCRIPT.read_bytes()
            identity = self._tree.identity
            shown = {EXIM: str(self._program), _TREE: str(self._tree.root.absolute())}
            shown[_TOOLS] = str(self._program.parent)
            place = Place(identity.hostname, (identity.ipv4, identity.ipv6), (), ETC, shown)
            self._inside = stack.enter_context(Namespace(place))
            self._inside.write({f"{_BIN}/{name}": octets for name, octets in helpers.items()})
            if self._ours:
                self._inside.write(helper_programs.modules())
                self._shell(*_way_to(PYTHON), shlex.join(helper_programs.compile_modules()))
            exim = examine(self._inside, self._program, plain_accounts(self._inside))
            self._prepare(exim.uid)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def place(self) -> Inside:
        """Where the tests run, for a visitor."""
        d = self.identity.directory
        env = {"PATH": _PATH.format(d), "TERM": os.environ.get("TERM", "dumb"), "LC_ALL": "C"}
        return Inside(self._inside.first_process, d, env)

    # ---- preparing

    def _shell(self, *commands: str) -> Ran:
        argv = ["/bin/sh", "-ec", "\n".join(commands)]
        ran = self._inside.run(argv, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                               seconds=_SECONDS)  # fmt: skip
        if ran.exit != 0:
            raise InputError(f"cannot set up the tests: {as_text(ran.stderr).strip()}", str(self._tree.root))
        return ran

    def _prepare(self, uid: int) -> None:
        mine = self._tree.identity
        asked = [EXIM, "-C", "/exim.conf", "-bP", "exim_user", "exim_group"]
        said = as_text(self._inside.run(asked, seconds=_SECONDS).stdout)
        names = dict(re.findall(r"^exim_(user|group) = (\S+)$", said, re.MULTILINE))
        user, group = (name if (name := names.get(key, "")) and not name.isdigit() else mine.exim_user
                       for key in ("user", "group"))  # fmt: skip
        gid = int(names["group"]) if names.get("group", "").isdigit() else uid
        d = mine.directory
        mine = replace(mine, exim_user=user, exim_group=group, exim_uid=str(uid), exim_gid=str(gid),
                       shell=f"{d}/aux-var/sh", caller_home=_HOME)  # fmt: skip
        about = as_text(self._inside.run([EXIM, "-C", "/dev/null", "-d", "-bV"], seconds=_SECONDS).stdout)
        self.identity = mine = replace(mine, caller_uid=bench_accounts.caller_uid(about, mine))
        own = f"{mine.caller_uid}:{mine.caller_gid}"
        self._inside.write(bench_accounts.account_files(mine))
        self._shell(
            f"mkdir -p {d} {_HOME}; chown {own} {_HOME}",
            f"mount -t tmpfs -o mode=755 bench {d}; cd {_TREE}; chown {own} {d}",
            f"for f in *; do case $f in spool|test-*|eximdir|bin|bin.sys|dnszones|aux-var|test-config) ;;"
            f" aux-fixed|confs|scripts) cp -r $f {d}/;; *) ln -s {_TREE}/$f {d}/;; esac; done",
            f"cd {d}; mkdir -p bin bin.sys eximdir aux-var dnszones spool /usr/local 2>/dev/null || true",
            f"cp {_BIN}/* bin/; rm bin/{_COPY}; chmod 755 bin/*",
            *(_interpreter_for_root() if "sudo" in self._ours else ["chmod 4755 bin/sudo"]),
            f"cp {_BIN}/{_COPY} eximdir/exim; chmod 4755 eximdir/exim",
            "cp eximdir/exim eximdir/exim_exim",
            f"chown {uid}:{gid} eximdir/exim_exim; chmod 6755 eximdir/exim_exim",
            f"for t in exim_dbmbuild exim_dumpdb exim_lock exinext exigrep eximstats exiqgrep exim_msgdate"
            f" exim_id_update; do [ ! -e {_TOOLS}/$t ] || cp {_TOOLS}/$t eximdir/; done",
            f"for t in {' '.join(_SERVICES)}; do for at in {_SERVICE_FOLDERS}; do"
            " [ ! -x $at/$t ] || ln -sf $at/$t bin.sys/; done; done",
            "ln -s /bin/sh aux-var/sh; chmod -R go-w aux-fixed",
            "echo 3 >/proc/sys/net/ipv4/tcp_fastopen || true",
            ":" if _is_needed("/tmp") else "mount -t tmpfs -o mode=1777 bench /tmp",
        )
        self._inside.write(dict(self._made_files()))
        self._shell(f"chown -R {own} {d}/aux-var {d}/dnszones {d}/aux-fixed {d}/confs {d}/scripts",
                    f"chown {own} {d}/eximdir {d}/bin {d}/bin.sys")  # fmt: skip
        said = as_text(self._inside.run([EXIM, "-C", "/exim.conf", "-bV"], seconds=_SECONDS).stdout)
        self._trust(f"{d}/test-config", about)
        self._make_spool()
        self._inside.keep(["/usr/bin/env", "perl", f"{_BIN}/munge.pl", f"{_TREE}/runtest"],
                          {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}, d)  # fmt: skip
        self._has: dict[str, set[str]] = {}
        for kind, words in _LISTED.findall(said):
            parts = {word for part in words.split() for word in _with_options(part)}
            self._has.setdefault(kind, set()).update(parts)

    def _trust(self, configuration: str, about: str) -> None:
        """Name the configuration in the list of those that the program trusts, if it was built with one."""
        if match := _TRUSTED_LIST.search(about):
            at = shlex.quote(match[1])
            self._make_folder(str(Path(match[1]).parent))
            self._shell(f"rm -f {at}; echo {configuration} >{at}")

    def _make_spool(self) -> None:
        """The folder where the program logs what keeps it from reading a configuration."""
        asked = [EXIM, "-C", "/dev/null", "-bP", "spool_directory"]
        said = as_text(self._inside.run(asked, seconds=_SECONDS).stdout)
        if match := re.search(r"^spool_directory = (/\S+)$", said, re.MULTILINE):
            self._make_folder(match[1])
            owner = f"{self.identity.exim_uid}:{self.identity.exim_gid}"
            spool = shlex.quote(match[1])
            self._shell(f"mount -t tmpfs -o mode=750 bench {spool}; chown {owner} {spool}")

    def _make_folder(self, folder: str) -> None:
        """Make a folder, where the host's may not be written to: what is there is shown in a new one.

        One that is closed to us, in which we are another user, is made anew.
        """
        self._shell(
            f"at={shlex.quote(folder)}; there=$at; over=/eximsim/over",
            "if mkdir -p $at 2>/dev/null && [ -w $at ]; then exit 0; fi",
            "until [ -d $there ] && [ -r $there ] && [ -x $there ]; do there=$(dirname $there); done",
            "mkdir -p $over; mount -t tmpfs -o mode=$(stat -c %a $there) over $over; cd $there",
            'for f in *; do case $at/ in "${there%/}/$f/"*) continue;; esac;'
            ' if [ -L "$f" ]; then cp -P "$f" $over/; continue; fi;'
            ' if [ -d "$f" ]; then mkdir "$over/$f"; elif [ -e "$f" ]; then touch "$over/$f";'
            ' else continue; fi; mount --rbind "$f" "$over/$f"; done',
            "mount --move $over $there; mkdir -p $at",
        )

    def _made_files(self) -> Iterator[tuple[str, bytes]]:
        d, root = self.identity.directory, self._tree.root
        for name in ("aux-var", "dnszones"):
            for path in sorted((root / f"{name}-src").iterdir()):
                if path.is_file() and not path.name.startswith("."):
                    text = substitute(as_text(path.read_bytes()), self.identity, number_of(path.name))
                    yield f"{d}/{name}/{_zone_name(path.name, self.identity)}", as_bytes(text)
        for name, text in own_zones(self.identity, ipv6=True).items():
            yield f"{d}/dnszones/{name}", text.encode()

    # ---- running

    def lacks(self, case: TestCase) -> str:
        """The first thing that a test needs and is not there, as ``needs ...``; empty if there is none."""
        if case.group not in self._lacks:
            self._lacks[case.group] = self._lack_of(case)
        parsed = self._tree.script(case)
        if _slows_network(parsed) and not self._delays:
            return "needs a kernel that delays packets (tc qdisc, netem)"
        beside = self._program.parent
        if missing := next((name for name in utilities(parsed) if not (beside / name).exists()), ""):
            return f"needs {missing} beside the program"
        if "loaded" not in self._helpers and self._loads(parsed):
            return "needs a C compiler (cc), for bin/loaded"
        wanted = parsed.directives & {"need_move_frozen_messages"}
        if wanted and "move_frozen_messages" not in self._has.get("Support for", ()):
            return "needs support move_frozen_messages"
        return self._lacks[case.group]

    def _loads(self, parsed: script.Script) -> bool:
        """Whether a test has the program load the tree's module."""
        files = (Path(parsed.path), self._tree.root / "confs" / Path(parsed.path).name)
        return any(b"bin/loaded" in path.read_bytes() for path in files if path.exists())

    @cached_property
    def _delays(self) -> bool:
        """Whether the network inside can be made slow."""
        tried = "tc qdisc add dev lo root netem delay 1ms && tc qdisc delete dev lo root"
        argv, env = ["/bin/sh", "-c", tried], {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        return self._inside.run(argv, env=env, seconds=_SECONDS).exit == 0

    def _lack_of(self, case: TestCase) -> str:
        lines = [substitute(line, self.identity, "0") for line in self._tree.requirements(case)]
        return next((f"needs {line}" for line in lines if not self._meets(line)), "")

    def _meets(self, line: str) -> bool:
        kind, _, name = line.partition(" ")
        if kind in _KINDS:
            return name in self._has.get(_KINDS[kind], ())
        if kind == "file":
            return self._inside.run(["/usr/bin/test", "-r", name], seconds=_SECONDS).exit == 0
        if kind in ("feature", "not"):
            asked = [EXIM, "-C", "/exim.conf", "-bP", "macro", name.removeprefix("feature ")]
            return (self._inside.run(asked, seconds=_SECONDS).exit == 0) == (kind == "feature")
        if program := _RUNNING.get(name):
            found = ["/bin/sh", "-c", f"command -v {program}"]
            return self._inside.run(found, env={"PATH": _PATH.format("")}, seconds=_SECONDS).exit == 0
        return kind != "running" or name in ("IPv4", "IPv6")

    def run(self, case: TestCase, goldens: Mapping[str, str], *, ahead: bool = False) -> Played:
        """Run a test, with all that its script asks for; ``ahead`` of the rest of the machine, if we may."""
        parsed = self._tree.script(case)
        d, mine = self.identity.directory, self.identity
        conf = as_text((self._tree.root / "confs" / case.name).read_bytes())
        job: dict[str, Any] = {
            "directory": d, "exim": [int(mine.exim_uid), int(mine.exim_gid)], "ahead": ahead,
            "caller": [int(mine.caller_uid), int(mine.caller_gid), int(mine.exim_gid)],
            "ipv4": mine.ipv4, "cookie": "own_cookie_known" in self._tree.era,
            "port_n": mine.port_n if "ports_sorted_by_name" in self._tree.era else "PORT_N",
            "env": {"USER": mine.caller, "SHELL": mine.shell, "EXIM_TEST_NUMBER": case.name, "TERM": "dumb",
                    "PATH": _PATH.format(d), "LC_ALL": "C"},
            "steps": steps(parsed, mine, case.name, substitute(conf, mine, case.name), self._tree.era),
        }  # fmt: skip
        if "PORT_DYNAMIC" in case.path.read_text("utf-8", "surrogateescape"):
            job["dynamic"] = int(mine.port_dynamic)
        seconds = limit(parsed)
        ran = self._inside.play(job, seconds)
        marks: list[Mark] = []
        if ran.exit is None:
            error = f"did not end within {seconds:.0f} seconds"
        elif ran.exit:
            error = " ".join(ran.complaint.split())[-200:]
        else:
            error = ran.answer["error"]
            after = ran.answer["marks"]
            marks = [Mark(*one) for one in zip(lines(parsed, self._tree.era), after, strict=False)]
        return self._normalised(parsed, goldens, ran.sizes, Played(error, {}), marks)

    def spool(self) -> dict[str, bytes]:
        """The files in the spool of the test that has run, by their path below ``spool/``."""
        folder = f"{self.identity.directory}/spool/"
        return {path.removeprefix(folder): octets for path, octets in self._inside.read(folder).items()}

    def _normalised(
        self, parsed: script.Script, goldens: Mapping[str, str], sizes: Mapping[str, int], played: Played,
        marks: Sequence[Mark],
    ) -> Played:  # fmt: skip
        """The outputs as the tree's own rules have them, by the golden's name, and where they part."""
        d = self.identity.directory
        self._inside.fresh(f"{d}/out", None)
        listed = tree_rules.outputs(sizes, parsed, self.identity, goldens)
        job = tree_rules.job(listed, parsed, self.identity)
        texts = tree_rules.named(listed, self._munged(job), parsed, goldens)
        made = first_seen.cuts(listed, texts, goldens, marks, parsed)
        if not made:
            return replace(played, texts=texts)
        names = [cut.name(number) for number, cut in enumerate(made)]
        heads = [
            f"[ ! -e {cut.output.client} ] || head -c {cut.size} {cut.output.client} >out/{name}"
            for cut, name in zip(made, names, strict=True)
        ]
        self._shell(f"cd {d}", *heads)
        kinds = [cut.output.kind for cut in made]
        again = self._munged(job + tree_rules.more(len(listed), list(zip(kinds, names, strict=True))))
        parts = [again[str(len(listed) + number)] for number in range(len(made))]
        script_lines = Path(parsed.path).read_text("utf-8", "surrogateescape").split("\n")
        return replace(played, texts=texts, since=first_seen.told(made, parts, texts, goldens, script_lines))

    def _munged(self, job: str) -> dict[str, str]:
        """The files of ``out/`` after the tree's rules have done a job."""
        answer, said = self._inside.question(as_bytes(job), _SECONDS)
        if answer != "done":
            complaint = " ".join((answer or said).split()) or "no answer"
            raise InputError(f"the tree's rules failed: {complaint}", str(self._tree.root))
        d = self.identity.directory
        return {Path(name).name: as_text(text) for name, text in self._inside.read(f"{d}/out").items()}


def _slows_network(parsed: script.Script) -> bool:
    """Whether a script delays packets; one that only tells how that is done does not."""
    programs = (one for one in parsed.commands if isinstance(one, script.Program))
    return any("tc qdisc" in "\n".join((one.words, *one.body)) for one in programs)


def _way_to(python: str) -> list[str]:
    """Commands after which every user inside can run an interpreter, in whose home it may lie.

    Of the first folder that is closed to others nothing else is seen then.
    """
    home = sys.base_prefix
    closed = (path for path in reversed(Path(python).parents) if not path.stat().st_mode & stat.S_IXOTH)
    first = next(closed, None)
    if first is None:
        return []
    at, under = shlex.quote(home), "/eximsim/python"
    return [f"mkdir -p {under}; mount --bind {at} {under}",
            f"mount -t tmpfs -o mode=755 bench {shlex.quote(str(first))}",
            f"mkdir -p {at}; mount --bind {under} {at}; umount {under}"]  # fmt: skip


def _interpreter_for_root() -> list[str]:
    """Commands, in the test directory, that make the interpreter of ``sudo``."""
    home = shlex.quote(str(Path(PYTHON).parent))
    return [f"cp {shlex.quote(PYTHON)} bin/{_AS_ROOT}; chmod 4755 bin/{_AS_ROOT}",
            f"echo home = {home} >bin/pyvenv.cfg"]  # fmt: skip


def _is_needed(folder: str) -> bool:
    """Whether this Python lies in a folder of the host."""
    return any(Path(folder) in Path(name).resolve().parents for name in (sys.executable, sys.base_prefix))


def patched(program: bytes) -> bytes:
    """A copy of a program in test mode, whose version is ``x.yz``; of the same length (test/patchexim)."""

    def version(match: re.Match[bytes]) -> bytes:
        rest = len(match[1]) - len(b"x.yz\0")
        return b"x.yz" + (b"\0" + b"*" * rest if rest >= 0 else b"") + b"\0<<eximversion>>"

    return _VERSION.sub(version, program.replace(_MARKER, _TEST_MARKER, 1), count=1)


def _with_options(word: str) -> list[str]:
    """``appendfile/maildir/mbx`` is ``appendfile``, ``appendfile/maildir`` and ``appendfile/mbx``."""
    first, *options = word.split("/")
    return [first, *(f"{first}/{option}" for option in options)]


def _zone_name(name: str, identity: Identity) -> str:
    if name == "db.ip6.V6NET":
        return "db.ip6." + ".".join(reversed(identity.ipv6_test_net))
    return f"db.ip4.{identity.ipv4_test_net}" if name == "db.ip4.V4NET" else name
