"""Normalisation with the rules of the tree itself: the subroutine ``munge`` of its ``runtest``, run by Perl.

A real program's debugging output names all that it was built with; what of it takes no part is for the tree
to say, and changes with it. So on the bench the rules are not ours: they are read from ``runtest`` and run in
the namespace by ``subjects/munge.pl``. Which outputs there are, and in which order, is the business of
``suite.outputs``; this is the same order.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from eximsim.quick_dataclass import dataclass
from eximsim.suite.munge import cut_as, sort_deliveries
from eximsim.suite.normalisation import Identity
from eximsim.suite.outputs import ONCE_FILE, mail_name, maildir_order
from eximsim.suite.script import ChooseMunge, Script

PERL_SCRIPT = Path(__file__).parents[1] / "subjects" / "munge.pl"
_LOGS = (("paniclog", "paniclog"), ("rejectlog", "rejectlog"), ("log", "mainlog"))


@dataclass(frozen=True, slots=True)
class Output:
    """One output to normalise: the golden's name, runtest's name of its kind, and its files.

    Paths are relative to the test directory. ``name`` of a message log holds its id as it was.
    """

    name: str
    kind: str
    client: str
    server: str = ""


def outputs(
    files: Mapping[str, int], script: Script, identity: Identity, goldens: Collection[str]
) -> list[Output]:
    """The outputs of a test that there are, in the order in which runtest compares them.

    ``files`` has the size of each file by its path below the test directory. An empty output without golden
    takes no part. Source: test/runtest, check_output and check_file.
    """
    return [
        one
        for one in _all(files, script, identity)
        if files.get(one.client)
        or files.get(one.server)
        or (one.name in goldens and (one.client in files or one.server in files))
    ]


def _all(files: Mapping[str, int], script: Script, identity: Identity) -> Iterator[Output]:
    for name, log in _LOGS:
        yield Output(name, log, f"spool/log/{log}", f"spool/log/server{log}")
    for stream in ("stdout", "stderr"):
        if f"no_{stream}_check" not in script.directives:
            yield Output(stream, stream, f"test-{stream}", f"test-{stream}-server")
    if "no_message_check" not in script.directives:
        number = 0
        boxes = sorted((path for path in files if path.startswith("test-mail/")), key=maildir_order)
        for path in boxes:
            if not ONCE_FILE.match(path.removeprefix("test-mail/")):
                name, number = mail_name(path.removeprefix("test-mail/"), identity, number)
                yield Output(f"mail/{name}", "mail", path)
    if "no_msglog_check" not in script.directives:
        for path in sorted(path for path in files if path.startswith("spool/msglog/")):
            yield Output(f"msglog/{Path(path).name}", "msglog", path)


def job(listed: list[Output], script: Script, identity: Identity) -> str:
    """What ``munge.pl`` reads: the outputs come as ``out/0``, ``out/1``, ..., names as ``out/0-name``."""
    lines = [f"set\t{name}\t{value}" for name, value in _variables(script, identity)]
    lines += [f"choose\t{command.name}" for command in script.commands if isinstance(command, ChooseMunge)]
    for number, one in enumerate(listed):
        if one.kind == "msglog":
            lines.append(f"name\t{number}-name\t{Path(one.client).name}")
        lines.append(f"file\t{number}\t{one.kind}\t{one.client}\t{one.server}")
    return "".join(f"{line}\n" for line in lines)


def more(first: int, files: Sequence[tuple[str, str]]) -> str:
    """More for ``munge.pl``: files of ``out/``, with runtest's name of their kind, as ``out/FIRST``, ..."""
    return "".join(f"file\t{first + n}\t{kind}\tout/{name}\t\n" for n, (kind, name) in enumerate(files))


def _variables(script: Script, identity: Identity) -> Iterator[tuple[str, str]]:
    who = identity
    yield from (
        ("parm_hostname", who.hostname), ("parm_shell", who.shell), ("parm_cwd", who.directory),
        ("parm_caller", who.caller), ("parm_caller_group", who.caller_group),
        ("parm_caller_home", who.caller_home), ("parm_caller_gecos", who.caller_gecos),
        ("parm_caller_uid", who.caller_uid), ("parm_caller_gid", who.caller_gid),
        ("parm_eximuser", who.exim_user), ("parm_eximgroup", who.exim_group),
        ("parm_exim_uid", who.exim_uid), ("parm_exim_gid", who.exim_gid),
        ("parm_ipv4", who.ipv4), ("parm_ipv4r", who.ipv4_reversed),
        ("parm_ipv6", who.ipv6), ("parm_ipv6_stripped", who.ipv6), ("parm_ipv6r", _nibbles(who.ipv6)),
        ("parm_ipv4_test_net", who.ipv4_test_net), ("parm_ipv6_test_net", who.ipv6_test_net),
    )  # fmt: skip
    for port in ("n", "s", "d", "d2", "d3", "d4"):
        yield f"parm_port_{port}", str(getattr(who, f"port_{port}"))
    yield "dynamic_socket", who.port_dynamic
    for variable, directive in (("munge_skip", "no_munge"), ("rmfiltertest", "rmfiltertest"),
                                ("is_ipv6test", "need_ipv6")):  # fmt: skip
        yield variable, str(int(directive in script.directives))


def _nibbles(address: str) -> str:
    return ipaddress.ip_address(address).reverse_pointer.removesuffix(".ip6.arpa")


def named(
    listed: list[Output], texts: Mapping[str, str], script: Script, goldens: Mapping[str, str]
) -> dict[str, str]:
    """The normalised outputs by the golden's name; ``texts`` are the files of ``out/``."""
    done = {}
    for number, one in enumerate(listed):
        name, text = one.name, texts.get(str(number), "")
        if one.kind == "msglog":
            name = f"msglog/{texts[f'{number}-name']}"
        text = cut_as(goldens.get(name, ""), text)
        done[name] = sort_deliveries(text) if name == "log" and "sortlog" in script.directives else text
    return done
