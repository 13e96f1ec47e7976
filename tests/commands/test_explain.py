"""``eximsim explain``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.invoking import Done, invoke
from tests.gate.test_explain import CONFIG, ZONE


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "exim.conf").write_text(CONFIG)
    (tmp_path / "example.zone").write_text(ZONE)
    return ["--config", str(tmp_path / "exim.conf"), "--zones", str(tmp_path)]


def test_the_way_of_a_message_is_told(files: list[str]) -> None:
    done = invoke("explain", *files, "a@example.com")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[1] == "delivered to mx1.example.com (DANE)"
    for title in ("Hosts", "Decisions: transport", "Log", "What would lead to another outcome"):
        assert title in lines
    assert any("tlsa result: host=mx1.example.com, answer=SUCCEED" in line for line in lines)
    assert any("=> a@example.com R=remote T=smtp" in line for line in lines)


def test_json_has_the_same(files: list[str]) -> None:
    done = invoke("explain", *files, "--json", "a@example.com", "b@example.com")
    told = json.loads(done.stdout)
    assert [one["recipient"] for one in told["recipients"]] == ["a@example.com", "b@example.com"]
    assert told["recipients"][0]["outcome"]["result"] == "delivered"


def test_a_callout_can_be_explained(files: list[str]) -> None:
    assert "accepted (DANE)" in invoke("explain", *files, "--callout", "--brief", "a@example.com").stdout


def test_servers_speak_lmtp_to_whom_speaks_it_unless_they_are_said_not_to(
    files: list[str], tmp_path: Path
) -> None:
    (tmp_path / "exim.conf").write_text(
        CONFIG.replace("  driver = smtp\n", "  driver = smtp\n  protocol = lmtp\n")
    )
    done = invoke("explain", *files, "--brief", "a@example.com")
    assert done.stdout.splitlines()[1] == "delivered to mx1.example.com (TLS, verified)"
    servers = tmp_path / "servers.toml"
    servers.write_text('["mx1.example.com"]\nlmtp = false\n')
    done = invoke("explain", *files, "--servers", str(servers), "--brief", "a@example.com")
    assert "after LHLO" in done.stdout


def test_a_file_that_is_not_here_is_told_with_the_line_that_names_it(
    files: list[str], tmp_path: Path
) -> None:
    router = "  driver = dnslookup\n"
    (tmp_path / "exim.conf").write_text(CONFIG.replace(router, f"{router}  domains = lsearch;/etc/far\n"))
    done = invoke("explain", *files, "a@example.com")
    assert (done.exit_code, "exim.conf:9: names /etc/far: not below" in done.stdout + done.stderr) == (
        3,
        True,
    )


def test_an_older_release_and_another_library_can_be_asked(files: list[str]) -> None:
    done = invoke("explain", *files, "--profile", "4.96", "--tls", "gnutls", "--brief", "a@example.com")
    assert "Exim 4.96" in done.stdout


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--config", "/nowhere"], "/nowhere: No such file"),
        (["--zones", "/nowhere"], "/nowhere"),
        (["--profile", "1.0"], "unknown profile '1.0'"),
        (["-D", "lower"], "-D lower: expected MACRO"),
    ],
)
def test_bad_input_is_one_line(files: list[str], more: list[str], message: str) -> None:
    done = invoke("explain", *files, *more, "a@example.com")
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_callout_there_is_none_to_explain(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "exim.conf").write_text(CONFIG.replace("/callout", ""))
    done = invoke("explain", *files, "--callout", "a@example.com")
    assert (done.exit_code, "no ACL verifies by callout" in done.stderr) == (2, True)


def test_a_page_can_be_written_as_well(files: list[str], tmp_path: Path) -> None:
    page = tmp_path / "way.html"
    assert invoke("explain", *files, "--brief", "--html", str(page), "a@example.com").exit_code == 0
    text = page.read_text()
    assert "a@example.com" in text
    assert "mx1.example.com" in text
    done = invoke("explain", *files, "--brief", "--html", str(page / "below"), "a@example.com")
    assert (done.exit_code, "expected a place to write" in done.stderr) == (2, True)


# ---- what could not be looked at ------------------------------------------------------------------------


def explain_with(files: list[str], tmp_path: Path, config: str, *arguments: str) -> Done:
    (tmp_path / "exim.conf").write_text(config)
    return invoke("explain", *files, "--brief", *arguments)


ALIASED = CONFIG.replace("begin routers\n", "begin routers\nfirst:\n  driver = redirect\n  data = @@\n")


@pytest.mark.parametrize(
    ("text", "item"),
    [
        (
            "${utf8_domain_from_alabel:}",
            "a domain without labels as A-labels, on which Exim runs into a null pointer",
        ),
    ],
)
def test_what_is_not_modelled_is_exit_3_with_file_and_line(
    files: list[str], tmp_path: Path, text: str, item: str
) -> None:
    config = ALIASED.replace("@@", text)
    done = explain_with(files, tmp_path, config, "a@example.com")
    line = config.splitlines().index(f"  data = {text}") + 1
    where = f"{tmp_path}/exim.conf:{line}"
    assert done.exit_code == 3
    assert f"could not look: {where}: not modelled: {item}; " in done.stdout
    assert explain_with(files, tmp_path, config, "--allow-incomplete", "a@example.com").exit_code == 0


def test_a_lookup_of_a_named_list_is_told_by_the_lists_own_line(files: list[str], tmp_path: Path) -> None:
    config = "domainlist ours = x.ex : mysql;select 1\n" + CONFIG.replace(
        "transport = smtp\n", "transport = smtp\n  domains = !+ours\n"
    )
    done = explain_with(files, tmp_path, config, "a@example.com")
    assert done.exit_code == 3
    assert (
        f"{tmp_path}/exim.conf:1: mysql is asked, and no answer is given: select 1; --answer" in done.stdout
    )


def test_a_machine_is_told_the_gaps(files: list[str], tmp_path: Path) -> None:
    done = explain_with(
        files, tmp_path, ALIASED.replace("@@", "${utf8_domain_from_alabel:}"), "--json", "a@example.com"
    )
    told = json.loads(done.stdout)
    assert (told["complete"], [gap["what"] for gap in told["gaps"]]) == (
        False,
        ["not modelled: a domain without labels as A-labels, on which Exim runs into a null pointer"],
    )


def test_an_option_that_was_passed_by_and_could_matter_is_exit_3(files: list[str], tmp_path: Path) -> None:
    config = CONFIG.replace("driver = smtp\n", "driver = smtp\n  gnutls_require_mac = SHA1\n")
    done = explain_with(files, tmp_path, config, "--profile", "4.87", "a@example.com")
    assert (done.exit_code, "delivered to mx1.example.com" in done.stdout) == (3, True)
    assert "gnutls_require_mac" in done.stdout


def test_a_router_whose_host_has_no_reply_is_exit_3_until_that_is_given(
    files: list[str], tmp_path: Path
) -> None:
    lookup = "driver = iplookup\n  hosts = 192.0.2.1\n  port = 7\n"
    config = ALIASED.replace("driver = redirect\n  data = @@\n", lookup)
    done = explain_with(files, tmp_path, config, "a@example.com")
    assert (done.exit_code, "iplookup:192.0.2.1:7 a@example.com a@example.com" in done.stdout) == (3, True)


# ---- addresses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("joe", "joe@out.example.net"),
        ("<a@example.com>", "a@example.com"),
        ("Some One <a@example.com>", "a@example.com"),
        ("-d", "-d@out.example.net"),
    ],
)
def test_addresses_are_read_as_exim_reads_them(files: list[str], given: str, address: str) -> None:
    told = json.loads(invoke("explain", *files, "--brief", "--json", "--", given).stdout)
    assert [one["recipient"] for one in told["recipients"]] == [address]
    assert told["recipients"][0]["outcome"]["result"] != "unknown"


def test_one_argument_may_hold_several_addresses(files: list[str]) -> None:
    told = json.loads(invoke("explain", *files, "--brief", "--json", "a@example.com, b@example.com").stdout)
    assert [one["recipient"] for one in told["recipients"]] == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a@@b"], "bad address 'a@@b': domain missing or malformed"),
        ([" "], "an empty address"),
        (["--sender", "a@@b", "c@example.com"], "bad address 'a@@b'"),
    ],
)
def test_an_address_that_is_none_is_bad_input(files: list[str], arguments: list[str], message: str) -> None:
    done = invoke("explain", *files, *arguments)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr


def test_a_host_may_have_a_name_that_no_address_has(files: list[str], tmp_path: Path) -> None:
    config = CONFIG.replace("out.example.net", "our host")
    done = explain_with(files, tmp_path, config, "a@example.com")
    assert "<= sender@mta.invalid" in done.stdout
    assert "delivered to mx1.example.com" in done.stdout


def test_a_recipient_that_is_rewritten_is_followed(files: list[str], tmp_path: Path) -> None:
    config = CONFIG + "begin rewrite\n*@old.example $1@example.com\n"
    done = explain_with(files, tmp_path, config, "a@old.example", "a@example.com")
    assert done.exit_code == 0
    assert done.stdout.count("\ndelivered to mx1.example.com (DANE)\n") == 2


@pytest.mark.parametrize(
    ("verb", "outcome"),
    [
        ("deny message = not today", "failed: message rejected by non-SMTP ACL: not today"),
        ("defer message = later", "failed: message rejected by non-SMTP ACL: later"),
        ("discard", "delivered"),
    ],
)
def test_a_message_that_an_acl_stops_is_told(
    files: list[str], tmp_path: Path, verb: str, outcome: str
) -> None:
    config = "acl_not_smtp = stop\n" + CONFIG.replace("begin acl\n", f"begin acl\nstop:\n  {verb}\n")
    done = explain_with(files, tmp_path, config, "a@example.com")
    assert (done.exit_code, done.stdout.splitlines()[1]) == (0, outcome)


# ---- what the log says ---------------------------------------------------------------------------------


def test_the_headline_says_what_the_log_ends_with(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text('["mx1.example.com"]\nlisten = false\n')
    servers = ["--servers", str(tmp_path / "servers.toml")]
    done = explain_with(files, tmp_path, CONFIG.partition("begin retry")[0], *servers, "a@example.com")
    assert "** a@example.com: retry timeout exceeded" in done.stdout
    assert done.stdout.splitlines()[1] == "failed: Connection refused: retry timeout exceeded"
    done = explain_with(files, tmp_path, CONFIG, *servers, "a@example.com")
    assert done.stdout.splitlines()[1] == "deferred: Connection refused"


@pytest.mark.parametrize(("release", "shown"), [("4.93", False), ("4.94.1", True), ("4.99", True)])
def test_the_time_of_a_delivery_is_told_of_failures_too_since_4_94(
    files: list[str], tmp_path: Path, release: str, shown: bool
) -> None:
    (tmp_path / "servers.toml").write_text(
        '["mx1.example.com"]\nmail = { lines = ["450 later"], delay = 75.0 }\n'
    )
    more = ["--profile", release, "--servers", str(tmp_path / "servers.toml")]
    config = f"log_selector = +deliver_time\n{CONFIG}"
    done = explain_with(files, tmp_path, config, *more, "a@example.com")
    (line,) = (line for line in done.stdout.splitlines() if " == a@example.com" in line)
    assert (" DT=1m15s: SMTP error" in line) is shown
    done = explain_with(
        files, tmp_path, f"log_selector = +deliver_time\n{CONFIG}", *more, "a@nowhere.example"
    )
    (line,) = (line for line in done.stdout.splitlines() if " ** a@nowhere.example" in line)
    assert line.endswith(" DT=0s") is shown


# ---- ways out -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interface", "outcome"),
    [
        ("${if eq{1}{2}{x}}", "delivered to mx1.example.com (DANE)"),
        ("<; 2001:db8::1", "delivered to mx1.example.com (DANE)"),
        ("${if eq{1}{1}{192.0.2.9}}", "delivered to mx1.example.com (DANE)"),
        ("::1", 'deferred: ":1" is not a valid IP address for the "interface" option for smtp transport'),
    ],
)
def test_an_interface_is_read_as_exim_reads_it(
    files: list[str], tmp_path: Path, interface: str, outcome: str
) -> None:
    config = CONFIG.replace("driver = smtp\n", f"driver = smtp\n  interface = {interface}\n")
    done = explain_with(files, tmp_path, config, "a@example.com")
    assert (done.exit_code, done.stdout.splitlines()[1]) == (0, outcome)


def test_a_domain_literal_can_be_routed(files: list[str], tmp_path: Path) -> None:
    config = CONFIG.replace(
        "begin routers\n", "begin routers\nliteral:\n  driver = ipliteral\n  transport = clear\n"
    ).replace("begin transports\n", "begin transports\nclear:\n  driver = smtp\n  hosts_avoid_tls = *\n")
    done = explain_with(files, tmp_path, config, "a@[203.0.113.1]")
    assert done.stdout.splitlines()[1].startswith("delivered to [203.0.113.1]")


def test_what_verifies_the_name_of_a_domain_literals_host_is_undefined(
    files: list[str], tmp_path: Path
) -> None:
    config = CONFIG.replace(
        "begin routers\n", "begin routers\nliteral:\n  driver = ipliteral\n  transport = smtp\n"
    )
    done = explain_with(files, tmp_path, config, "a@[203.0.113.1]")
    assert done.exit_code == 3
    assert done.stdout.splitlines()[1].startswith("undefined: the name to verify")


def test_what_decided_comes_first_and_routers_that_declined_come_last(
    files: list[str], tmp_path: Path
) -> None:
    chain = "".join(f"r{n}:\n  driver = redirect\n  domains = {n}.example\n  data = x@y\n" for n in range(20))
    done = explain_with(files, tmp_path, CONFIG.replace("remote:\n", f"{chain}remote:\n", 1), "a@example.com")
    lines = done.stdout.splitlines()
    assert lines[3] == "What decided"
    assert lines[4].startswith("  router: router=remote, ")
    assert max(n for n, line in enumerate(lines) if "=> a@example.com" in line) < min(
        n for n, line in enumerate(lines) if "router=r0" in line
    )


# ---- answers ----------------------------------------------------------------------------------------------

ASKING = CONFIG.replace(
    "begin routers\n",
    """begin routers
held:
  driver = redirect
  domains = ${lookup mysql{SELECT name FROM held WHERE name='${quote_mysql:$domain}'}}
  allow_defer
  data = :defer: held
virtual:
  driver = redirect
  domains = dsearch;/etc/virtual
  data = ${lookup{$local_part}cdb{/etc/virtual/$domain_data}}
""",
)
HELD, VIRTUAL = "mysql:SELECT name FROM held WHERE name='example.com'", "dsearch:/etc/virtual/example.com"


def test_all_that_has_no_answer_is_told_at_once(files: list[str], tmp_path: Path) -> None:
    done = explain_with(files, tmp_path, ASKING, "a@example.com")
    told = [line for line in done.stdout.splitlines() if line.startswith("could not look:")]
    assert done.exit_code == 3
    assert [line.partition("; --answer ")[2] for line in told] == [
        f'"{HELD}=VALUE", or =!none, or =!defer',
        f"{VIRTUAL}=VALUE, or =!none, or =!defer",
    ]
    assert f"{tmp_path}/exim.conf:9: mysql is asked" in told[0]


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ((f"{HELD}=!none", f"{VIRTUAL}=!none"), "delivered to mx1.example.com (DANE)"),
        ((f"{HELD}=example.com",), "(-1): held"),
        (
            (
                f"{HELD}=!none",
                f"{VIRTUAL}=file",
                "cdb:/etc/virtual/example.com a=b@example.com",
                "cdb:*=!none",
            ),
            "=> b@example.com <a@example.com>",
        ),
        ((f"{HELD}=!defer gone away",), "gone away"),
        (("mysql:SELECT*=!none", "dsearch:*=!none"), "delivered to mx1.example.com (DANE)"),
    ],
)
def test_answers_that_are_given_are_what_the_message_meets(
    files: list[str], tmp_path: Path, answers: tuple[str, ...], outcome: str
) -> None:
    words = [word for answer in answers for word in ("--answer", answer)]
    done = explain_with(files, tmp_path, ASKING, *words, "a@example.com")
    assert outcome in done.stdout
    assert "could not look: " not in done.stdout


def test_a_file_of_answers_does_as_well(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "answers.toml").write_text('[mysql]\n"SELECT *" = "!none"\n[dsearch]\n"*" = "!none"\n')
    done = explain_with(files, tmp_path, ASKING, "--answers", str(tmp_path / "answers.toml"), "a@example.com")
    assert (done.exit_code, done.stdout.splitlines()[1]) == (0, "delivered to mx1.example.com (DANE)")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("mysql", "expected KIND:QUESTION=ANSWER"),
        ("nobody:x=y", "nothing asks 'nobody'"),
        ("mysql:x=!nothing", "expected a text, !none, !defer"),
    ],
)
def test_an_answer_that_is_none_is_bad_input(
    files: list[str], tmp_path: Path, word: str, message: str
) -> None:
    done = explain_with(files, tmp_path, ASKING, "--answer", word, "a@example.com")
    assert (done.exit_code, message in done.stderr) == (2, True)


def test_what_only_another_outcome_would_ask_for_is_no_gap(files: list[str], tmp_path: Path) -> None:
    config = CONFIG.replace(
        "begin transports\n",
        "rest:\n  driver = redirect\n  data = ${lookup{x}lsearch{/etc/rest}}\nbegin transports\n",
    )
    (tmp_path / "exim.conf").write_text(config)
    done = invoke("explain", *files, "a@example.com")
    assert (done.exit_code, "/etc/rest" in done.stdout) == (0, True)
