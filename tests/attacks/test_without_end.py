"""Configurations that have no end: each is given up, or dies as Exim does, in bounded time and memory."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.gate.lint import lint
from eximsim.mta.config.readconf import read_config
from eximsim.profiles import profile
from eximsim.suite.config_files import ConfigFiles, Sources
from eximsim.suite.policy import Case, Policy
from eximsim.suite.policy_result import Result
from tests.gate.policies import policy

ZONE = [
    {"name": "destination.example", "type": "MX", "ad": True, "data": [[10, "mx1.destination.example"]]},
    {"name": "mx1.destination.example", "type": "A", "ad": True, "data": ["192.0.2.1"]},
]
CONF = """\
primary_hostname = relay.example.org
MAIN
begin routers
FIRST
out:
  driver = dnslookup
  transport = remote
  ROUTER
begin transports
remote:
  driver = smtp
  TRANSPORT
begin retry
* * F,2d,15m
"""
SECONDS = 10
"""Of processor time, for one run."""


def configured(**lines: str) -> Policy:
    text = CONF
    for word in ("MAIN", "FIRST", "ROUTER", "TRANSPORT"):
        text = text.replace(word, lines.get(word.lower(), ""))
    return policy(conf=text)


def delivered(tested: Policy, recipient: str = "someone@destination.example") -> Result:
    began = time.process_time()
    result = tested.run(Case((recipient,), ZONE, {"192.0.2.1": "ok"}))
    assert time.process_time() - began < SECONDS
    return result


def nested(inner: str, outer: str, depth: int) -> str:
    for _ in range(depth):
        inner = outer.replace("@", inner)
    return inner


WITHOUT_END = {
    "map in map": nested("x", "${map{<,1,2,3,4,5,6,7,8,9,0}{@}}", 8),
    "forall in forall": nested("{eq{1}{1}}", "{forall{<,1,2,3,4,5,6,7,8,9,0}@}", 8).join(
        ("${if forall{<,1}", "{1}{0}}")
    ),
    "reduce that doubles": f"${{reduce{{<,{'1,' * 25}}}{{x}}{{$value$value}}}}",
    "sg that doubles": nested("xxxxxxxxxxxx", "${sg{@}{.}{\\$0\\$0\\$0\\$0}}", 11),
    "sort of very many": f"${{sort{{<,{','.join(map(str, range(4000)))}}}{{<}}{{$item}}}}",
    "many hard patterns": "".join(
        f"${{if match{{{'a' * number}!}}{{\\N(a+)+$\\N}}{{1}}{{0}}}}" for number in range(30, 60)
    ),
    "nested too deeply": nested("a", "${lc:@}", 2000),
    "a number of many digits": "${eval:" + "9" * 5000 + "}",
}


def test_a_time_of_many_digits_is_the_largest_number_there_is() -> None:
    condition = "condition = ${if eq{-1s}{${time_interval:" + "9" * 5000 + "}}}"
    result = delivered(configured(router=condition))
    assert [one.result for one in result.recipients] == ["delivered"]


@pytest.mark.parametrize("name", WITHOUT_END)
def test_an_expansion_without_end_is_not_modelled_and_says_where(name: str) -> None:
    result = delivered(configured(router=f"address_data = {WITHOUT_END[name]}"))
    (problem,) = result.unsupported
    assert "exim.conf" in problem
    assert result.recipients[0].result == "unsupported"


BACKTRACKING = r"^(([a-z])+)+\$"


@pytest.mark.parametrize("option", [f"local_parts = {BACKTRACKING}", rf"domains = {BACKTRACKING} : *"])
def test_a_pattern_that_backtracks_for_ever_does_not_match(option: str) -> None:
    name = "a" * 60 + "1"
    result = delivered(configured(router=option), f"{name}@{name}.example")
    assert any(decision.outcome == "no match: match limit exceeded" for decision in result.decisions)


@pytest.mark.parametrize("kind", ["domain", "host"])
def test_a_named_list_that_refers_to_itself_ends_the_process(kind: str) -> None:
    lists = f"{kind}list a = +b\n{kind}list b = +a"
    used = {"router": "domains = +a"} if kind == "domain" else {"transport": "hosts_try_dane = +a"}
    result = delivered(configured(main=lists, **used))
    assert result.recipients[0].result != "delivered"


def test_redirection_that_multiplies_is_given_up() -> None:
    first = "fork:\n  driver = redirect\n  data = a$local_part@$domain, b$local_part@$domain\n"
    result = delivered(configured(first=first))
    assert result.recipients[0].result == "unsupported"
    assert "addresses in one run" in result.unsupported[0] or "steps in one run" in result.unsupported[0]


@pytest.mark.parametrize(("each", "rest"), [(50, "-$local_part"), (30_000, "")])
def test_redirection_to_very_many_is_given_up(each: int, rest: str) -> None:
    data = ", ".join(f"u{number}{rest}" for number in range(each))
    first = f"fan:\n  driver = redirect\n  data = {data}\n"
    result = delivered(configured(first=first))
    assert result.recipients[0].result == "unsupported"
    assert any("addresses in one run" in one or "steps in one run" in one for one in result.unsupported)


@pytest.mark.parametrize(("number", "result"), [(900, "delivered"), (20_000, "unsupported")])
def test_a_list_of_very_many_hosts_is_given_up(number: int, result: str) -> None:
    hosts = ":".join(f"h{one}.example" for one in range(number))
    first = f"many:\n  driver = manualroute\n  route_list = * {hosts}\n  host_find_failed = pass\n"
    found = delivered(configured(first=f"{first}  transport = remote\n"))
    assert found.recipients[0].result == result


def test_a_delay_beyond_all_times_is_a_time_as_exim_reads_it() -> None:
    main = "acl_not_smtp = check\nbegin acl\ncheck:\n  accept delay = 99999999999999999999w\n"
    assert delivered(configured(main=main)).recipients[0].result != "delivered"


def read(folder: Path, text: str) -> None:
    files = ConfigFiles(str(folder / "exim.conf"), text, Sources(folder))
    began = time.process_time()
    try:
        lint(read_config(files, str(folder / "exim.conf"), profile("4.99"), tolerant=True))
    finally:
        assert time.process_time() - began < SECONDS


def test_macros_that_multiply_are_given_up(tmp_path: Path) -> None:
    names = [f"M{chr(65 + number)}X" for number in range(20)]
    lines = [f"{one} = {other * 9}" for one, other in pairwise(names)]
    with pytest.raises(InputError, match=r"exim\.conf:\d+: line too long after the replacement of macros"):
        read(tmp_path, "\n".join([*lines, f"{names[-1]} = x", f"primary_hostname = {names[0]}\n"]))


def test_a_macro_that_is_everywhere_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line too long after the replacement of macros"):
        read(tmp_path, f"AB = {'x' * 100_000}\nprimary_hostname = {'AB' * 400_000}\n")


def test_files_that_include_each_other_are_given_up(tmp_path: Path) -> None:
    (tmp_path / "loop").write_text(".include loop\n")
    with pytest.raises(InputError, match="include nested too deeply"):
        read(tmp_path, f".include {tmp_path}/loop\n")
    for number in range(30):
        line = f".include {tmp_path}/f{number + 1}\n"
        (tmp_path / f"f{number}").write_text(line + line)
    (tmp_path / "f30").write_text("# end\n")
    with pytest.raises(InputError, match="more than 200,000 lines"):
        read(tmp_path, f".include {tmp_path}/f0\n")


def test_much_text_is_given_up(tmp_path: Path) -> None:
    line = f"{'AB' * 9}\n"
    with pytest.raises(InputError, match="more text than a configuration can have"):
        read(tmp_path, f"AB = {'x' * 100_000}\n" + "".join(f"C{n:03}={line}" for n in range(200)))


def test_continuation_lines_without_end_are_given_up(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line too long"):
        read(tmp_path, "primary_hostname = " + ("x" * 100 + "\\\n") * 20_000)


@pytest.mark.parametrize("name", ["nested too deeply", "map in map"])
def test_what_has_no_end_is_linted(tmp_path: Path, name: str) -> None:
    read(tmp_path, f"primary_hostname = {WITHOUT_END[name]}\n")


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"#\n" * 9_000_000)
    with pytest.raises(InputError, match="larger than 16 MB"):
        read(tmp_path, ".include large\n")


def test_many_named_lists_in_each_other_are_not_modelled() -> None:
    lists = "\n".join(f"domainlist l{number} = +l{number + 1}" for number in range(100))
    result = delivered(configured(main=f"{lists}\ndomainlist l100 = x", router="domains = +l0"))
    assert "named lists in named lists" in result.unsupported[0]


def test_signatures_without_end_are_given_up() -> None:
    selectors = ":".join(f"s{number}" for number in range(20_000))
    signing = f"dkim_domain = d.example\n  dkim_selector = {selectors}\n  dkim_private_key = x"
    result = delivered(configured(transport=signing))
    assert "very much to search through" in result.unsupported[0]
