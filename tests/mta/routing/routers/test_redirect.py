from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from eximsim.status import Errno, Rc
from tests.mta.routing_world import Site, site


def redirecting(options: str, *, main: str = "", files: dict[str, bytes] | None = None) -> Site:
    text = "r:\n  driver = redirect\n"
    text += "".join(f"  {line}\n" for line in options.splitlines())
    text += "last:\n  driver = accept\n  transport = smtp\n"
    return site(routers=text, main=main, files=files)


def children(here: Site, address: str = "a@d.ex") -> list[str]:
    _, result = here.route(address)
    return [child.address for child in result.addr_new]


@pytest.mark.parametrize(
    ("data", "generated"),
    [
        ("b@e.ex", ["b@e.ex"]),
        ("b@e.ex, c@e.ex", ["b@e.ex", "c@e.ex"]),
        ("b@e.ex,:unknown:,c", ["b@e.ex", "c@myhost.test.ex"]),
        ("\\\\b", ["b@d.ex"]),
        ("(nothing) , b@e.ex", ["b@e.ex"]),
        ("B <b@e.ex>", ["b@e.ex"]),
    ],
)
def test_a_list_of_addresses(data: str, generated: list[str]) -> None:
    assert children(redirecting(f"data = {data}")) == generated


def test_lines_and_comments_in_a_file() -> None:
    here = redirecting(
        "file = /aliases/$local_part", files={"/aliases/a": b"# us\nb@e.ex\n\nc@e.ex, d@e.ex\n"}
    )
    assert children(here) == ["b@e.ex", "c@e.ex", "d@e.ex"]


def test_a_file_that_is_not_there_declines() -> None:
    addr, _ = redirecting("file = /aliases/$local_part").route("a@d.ex")
    assert addr.router is not None
    assert addr.router.name == "last"


@pytest.mark.parametrize("data", ["", ":unknown:", "${if eq{a}{b}{c}fail}"])
def test_no_data_declines(data: str) -> None:
    addr, _ = redirecting(f"data = {data}").route("a@d.ex")
    assert addr.router is not None
    assert addr.router.name == "last"


def test_a_black_hole_is_logged_in_a_delivery_only() -> None:
    here = redirecting("data = :blackhole:")
    _, result = here.route("a@d.ex")
    assert result.rc is Rc.DISCARD
    assert here.log == ["=> :blackhole: <a@d.ex> R=r"]
    there = redirecting("data = :blackhole:")
    _, verified = there.route("a@d.ex", verify="recipient")
    assert verified.rc is Rc.OK
    assert [a.address for a in verified.addr_succeed] == ["a@d.ex"]
    assert there.log == []


@pytest.mark.parametrize(
    ("options", "rc", "message"),
    [
        ("data = :fail: gone away, sorry\nallow_fail", Rc.FAIL, "gone away, sorry"),
        ("data = :defer: later\nallow_defer", Rc.DEFER, "later"),
        ("data = :fail: 551 5.1.6 moved\nallow_fail\nforbid_smtp_code", Rc.FAIL, "moved"),
        ("data = :fail:\nallow_fail", Rc.FAIL, ""),
    ],
)
def test_special_items_tell_the_client(options: str, rc: Rc, message: str) -> None:
    addr, result = redirecting(options).route("a@d.ex")
    assert (result.rc, addr.message, addr.user_message) == (rc, message, message)
    assert addr.pass_message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("data = :fail: x", '":fail: x" is not permitted'),
        ("data = :blackhole:\nforbid_blackhole", '":blackhole:" is not permitted'),
        ("data = :include:/list\nforbid_include", "included files not permitted"),
        ("data = :include:", "file name missing after :include:"),
        ("data = :include:list", 'included file "list" is not an absolute path'),
        ("data = :include:/x/list\ninclude_directory = /y", "included file /x/list is not in directory /y"),
        ("data = :include:/nowhere", "failed to open included file /nowhere: No such file or directory"),
    ],
)
def test_data_that_is_wrong_defers(options: str, message: str) -> None:
    addr, result = redirecting(options).route("a@d.ex")
    assert (result.rc, addr.basic_errno) == (Rc.DEFER, Errno.BADREDIRECT)
    assert addr.message == f"error in redirect data: {message}"


def test_included_files_are_read() -> None:
    here = redirecting("data = b@e.ex, :include:/list", files={"/list": b"c@e.ex\nd@e.ex\n"})
    assert children(here) == ["b@e.ex", "c@e.ex", "d@e.ex"]


def test_a_syntax_error_defers_unless_it_is_skipped() -> None:
    addr, result = redirecting("data = b@@e.ex, c@e.ex").route("a@d.ex")
    assert (result.rc, addr.basic_errno) == (Rc.DEFER, Errno.BADREDIRECT)
    here = redirecting("data = b@@e.ex, c@e.ex\nskip_syntax_errors")
    assert children(here) == ["c@e.ex"]
    assert here.log[0].startswith("r router: skipped error: ")
    assert here.log[0].endswith(' in "b@@e.ex"')


def test_nothing_but_syntax_errors_declines() -> None:
    addr, _ = redirecting("data = b@@e.ex\nskip_syntax_errors").route("a@d.ex")
    assert addr.router is not None
    assert addr.router.name == "last"


@pytest.mark.parametrize(
    ("option", "address"),
    [("qualify_domain = q.ex", "b@q.ex"), ("qualify_preserve_domain", "b@d.ex"), ("", "b@myhost.test.ex")],
)
def test_addresses_without_a_domain(option: str, address: str) -> None:
    assert children(redirecting(f"data = b\n{option}")) == [address]


def test_check_ancestor_keeps_the_address_in_a_circle() -> None:
    here = redirecting("data = ${if eq{$local_part}{a}{b@d.ex}{a@d.ex}}\ncheck_ancestor")
    parent, _ = here.route("a@d.ex")
    _, result = here.route("b@d.ex", parent=parent)
    assert [(child.address, child.unique) for child in result.addr_new] == [("b@d.ex", "a@d.ex")]


def test_children_inherit_and_start_where_they_are_told() -> None:
    here = redirecting("data = b@e.ex\naddress_data = x\nredirect_router = last\nhide_child_in_errmsg")
    addr, result = here.route("a@d.ex", verify="recipient")
    [child] = result.addr_new
    assert child.parent is addr
    assert child.data == {"address_data": "x"}
    assert child.start_router is not None
    assert child.start_router.name == "last"
    assert child.hide_child


@pytest.mark.parametrize(
    ("data", "made_for", "text"),
    [
        ("/var/mail/x", "file", "/var/mail/x"),
        ("/var/mail/x/", "file", "/var/mail/x/"),
        ("|/bin/cat", "pipe", "|/bin/cat"),
        (r'"|/bin/cat \"x\" y"', "pipe", '|/bin/cat "x" y'),
    ],
)
def test_files_and_pipes_get_their_transport_from_the_router(data: str, made_for: str, text: str) -> None:
    options = "file_transport = smtp\n directory_transport = smtp\n forbid_pipe\n"
    _, result = redirecting(f"data = {data}\n {options}").route("a@d.ex")
    [child] = result.addr_new
    assert (child.made_for, child.address) == (made_for, text)
    assert child.permitted is (made_for == "file")
    if made_for == "pipe":
        assert child.message == "pipe_transport unset in r router"
    else:
        assert child.transport is not None


def test_an_address_that_begins_with_a_slash_is_an_address() -> None:
    _, result = redirecting("data = /C=x/S=y/@gate.ex").route("a@d.ex")
    assert [child.made_for for child in result.addr_new] == [""]


@pytest.mark.parametrize("mark", ["# Exim filter", "#exim   FILTER", "\n #\tSieve filter"])
def test_filters_have_to_be_allowed(mark: str) -> None:
    files = {"/filter": f"{mark}\nseen finish\n".encode()}
    addr, _ = redirecting("file = /filter", files=files).route("a@d.ex")
    assert addr.message == "error in filter file: filtering not enabled"
    name = "Sieve" if "Sieve" in mark else "Exim"
    options = f"file = /filter\nallow_filter\nuser = CALLER\nforbid_{name.lower()}_filter"
    addr, _ = redirecting(options, files=files).route("a@d.ex")
    assert addr.message == f"error in filter file: {name} filtering not enabled"


def test_a_sieve_filter_keeps_in_the_inbox_or_redirects() -> None:
    files = {"/filter": b'# Sieve filter\nrequire "copy"; redirect :copy "b@x";\n'}
    options = "file = /filter\nallow_filter\nuser = CALLER"
    _, result = redirecting(options, files=files).route("a@d.ex")
    assert [(child.address, child.made_for) for child in result.addr_new] == [("b@x", ""), ("inbox", "file")]
    addr, _ = redirecting(f"{options}\nsieve_vacation_directory = ${{bad", files=files).route("a@d.ex")
    assert addr.message is not None
    assert "(sieve_vacation_directory): " in addr.message


FILTERS = [
    ("deliver b", Rc.OK, ["b@d.ex"]),
    ("unseen deliver b unseen deliver c@x", Rc.OK, ["a@d.ex", "b@d.ex", "c@x"]),
    ("save /x unseen pipe cat", Rc.OK, ["/x", "|cat"]),
    ("mail to me@x", Rc.OK, ["a@d.ex", ">me@x"]),
    ("testprint x", Rc.OK, []),
    ("seen finish", Rc.DISCARD, []),
    ("unseen deliver b fail text no", Rc.FAIL, ["b@d.ex"]),
    ("defer", Rc.DEFER, []),
    ("deliver b freeze", Rc.DEFER, ["b@d.ex"]),
    ("foo", Rc.DEFER, []),
]


@pytest.mark.parametrize(("text", "rc", "generated"), FILTERS)
def test_a_filter_generates_addresses_and_decides_about_its_own(
    text: str, rc: Rc, generated: list[str]
) -> None:
    allowed = "allow_filter\nallow_fail\nallow_defer\nallow_freeze\nuser = CALLER"
    site = redirecting(f"data = # exim filter\\n {text}\n{allowed}", main="qualify_domain = d.ex")
    site.process.return_path = "me@x"
    addr, result = site.route("a@d.ex")
    assert result.rc is rc
    assert [child.address for child in result.addr_new] == generated
    assert addr.child_count == (9999 if "freeze" in text else len(generated))


def test_errors_of_a_filters_delivery_go_where_it_says_or_nowhere() -> None:
    text = "noerror deliver b errors_to a@d.ex deliver c"
    site = redirecting(f"data = # exim filter\\n {text}\nallow_filter\nuser = CALLER")
    first, second = site.route("a@d.ex")[1].addr_new
    assert (first.errors_address, first.ignore_error) == ("a@d.ex", True)
    assert (second.errors_address, second.ignore_error) == (None, False)


@pytest.mark.parametrize(
    ("option", "text", "why"),
    [
        ("lookup", "${lookup{a}lsearch{/x}}", "lookup expansions are not permitted"),
        ("existstest", "${if exists{/x}{a}{b}}", "File existence tests are not permitted"),
        ("readfile", "${readfile{/x}}", "file insertions are not permitted"),
        ("run", "${run{/bin/x}}", "running a command is not permitted"),
    ],
)
def test_a_router_can_forbid_filters_to_look_around(option: str, text: str, why: str) -> None:
    files = {"/filter": f'# exim filter\ntestprint "{text}"\n'.encode()}
    options = f"file = /filter\nallow_filter\nuser = CALLER\nforbid_filter_{option}"
    addr, _ = redirecting(options, files=files).route("a@d.ex")
    assert addr.message is not None
    assert addr.message.endswith(f"in testprint command: {why}")


def test_a_relative_log_file_is_in_the_spool_where_only_exim_may_write() -> None:
    files = {"/filter": b"# exim filter\nlogfile log logwrite x\n"}
    options = "file = /filter\nallow_filter\nno_check_owner\nuser ="
    addr, _ = redirecting(f"{options} 77\ngroup = 78", files=files).route("a@d.ex")
    refused = 'failed to open filter log file "log": Permission denied (euid=77 egid=78)'
    assert addr.message == f"error in filter file: {refused}"
    site = redirecting(f"{options} root", files=files)
    site.route("a@d.ex")
    spool = site.process.config.main.text("spool_directory")
    assert site.process.world.disk.files[f"{spool}/log"].content == b"x\n"


def test_whether_a_filter_may_write_below_the_spool_directory_is_not_modelled() -> None:
    files = {"/filter": b"# exim filter\nlogfile a/log logwrite x\n"}
    with pytest.raises(Unsupported):
        redirecting("file = /filter\nallow_filter\nuser = CALLER", files=files).route("a@d.ex")


def test_a_filters_log_is_written_in_a_delivery_and_can_be_forbidden() -> None:
    files = {"/filter": b'# exim filter\nlogfile /log logwrite "$local_part here"\n'}
    options = "file = /filter\nallow_filter\nuser = CALLER"
    site = redirecting(options, files=files)
    site.route("a@d.ex")
    assert site.process.world.disk.files["/log"].content == b"a here\n"
    addr, _ = redirecting(f"{options}\nforbid_filter_logwrite", files=files).route("a@d.ex")
    assert addr.message == "error in filter file: logwrite command forbidden"
