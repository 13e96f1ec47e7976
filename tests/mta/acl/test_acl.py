"""Access control lists: verbs, conditions, modifiers, controls, and the options of ``verify``."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.acl.acl import AclResult, Where, acl_check, acl_eval, string_split_message
from eximsim.mta.process.ends import ProcessDied
from eximsim.mta.process.globals import Process
from eximsim.mta.process.reception import Reception
from eximsim.mta.records.spool import Header
from eximsim.mta.records.structs import Downconvert
from eximsim.mta.records.verification import CalloutSettings, VerifyResult
from eximsim.mta.verify import verify
from eximsim.status import Rc
from tests.mta.front import PANIC, Front

RCPT = Where.RCPT


def reception(
    acls: str, main: str = "", release: str = "4.99", files: dict[str, bytes] | None = None
) -> Reception:
    """A session from 192.0.2.9 with a sender, in which the ACL ``check`` can be run."""
    process = Front(main, acls, release=release, files=files or {}).process()
    process.variables |= {
        "sender_host_address": "192.0.2.9",
        "sender_helo_name": "client.ex",
        "sender_fullhost": "(client.ex) [192.0.2.9]",
    }
    made = Reception(process, smtp=True)
    made.envelope.sender = "s@b.ex"
    return made


def checked(conditions: str, where: Where = RCPT) -> AclResult:
    lines = "\n".join(f"  {line}" for line in conditions.splitlines())
    return acl_check(reception(f"check:\n{lines}"), where, "R@D.ex" if where is RCPT else None, "check")


VERBS = [
    ("accept", Rc.OK),
    ("accept condition = no", Rc.FAIL),
    ("deny", Rc.FAIL),
    ("deny condition = no\naccept", Rc.OK),
    ("drop", Rc.FAIL),
    ("defer", Rc.DEFER),
    ("discard", Rc.DISCARD),
    ("require condition = no\naccept", Rc.FAIL),
    ("require condition = yes\naccept", Rc.OK),
    ("warn condition = yes\naccept", Rc.OK),
    ("warn condition = maybe\naccept", Rc.OK),
    ("warn", Rc.FAIL),
    ("accept condition = yes\n  endpass\n  condition = no\naccept", Rc.FAIL),
    ("accept condition = no\n  endpass\n  condition = yes\naccept", Rc.OK),
    ("deny condition = maybe\naccept", Rc.DEFER),
    ("accept !condition = no", Rc.OK),
]


@pytest.mark.parametrize(("text", "rc"), VERBS)
def test_verbs_decide_by_their_conditions(text: str, rc: Rc) -> None:
    assert checked(text).rc is rc


def test_the_message_of_require_is_for_failures_not_for_what_could_not_be_asked() -> None:
    assert checked("require message = no\n  condition = no").user_message == "no"
    assert checked("require message = no\n  condition = maybe").user_message is None


def test_a_list_that_cannot_be_looked_at_gives_a_refusal_no_reason() -> None:
    found = checked("deny domains = +nosuch")
    assert (found.rc, found.log_message) == (Rc.DEFER, None)


@pytest.mark.parametrize(
    ("argument", "logged", "in_panic"),
    [
        ("plain", "plain", False),
        (":main:said", "said", False),
        ("::said", "said", False),
        (":main,panic: said", "said", True),
        (":what:said", 'unknown log name in ":what:said" in "logwrite" in RCPT ACL', True),
        (":", 'unknown log name in ":" in "logwrite" in RCPT ACL', True),
    ],
)
def test_logwrite_names_logs(argument: str, logged: str, in_panic: bool) -> None:
    front = Front("acl_smtp_rcpt = check", f"check:\n  accept logwrite = {argument}")
    front.smtp("HELO x", "MAIL FROM:<s@b.ex>", "RCPT TO:<a@d.ex>", "QUIT")
    assert logged in front.log()
    assert bool(front.log(PANIC)) == in_panic


@pytest.mark.parametrize(("release", "runs"), [("4.98", False), ("4.99", True)])
def test_too_many_errors_are_an_end_without_quit_for_some_releases(release: str, runs: bool) -> None:
    main = "acl_smtp_notquit = n\nsmtp_max_synprot_errors = 0"
    front = Front(main, "n:\n  warn logwrite = end $smtp_notquit_reason", release=release)
    assert front.smtp("HELO x", "MAIL")[-1] == "500 Too many syntax or protocol errors"
    assert ("end bad-command-synprot" in front.log()) == runs


@pytest.mark.parametrize(
    ("release", "connect", "helo"),
    [("4.89", False, False), ("4.92", True, False), ("4.96", True, False), ("4.98", False, True)],
)
def test_where_encrypted_can_be_tested_depends_on_the_release(
    release: str, connect: bool, helo: bool
) -> None:
    made = reception("check:\n  accept encrypted = *", release=release)
    for where, allowed in ((Where.CONNECT, connect), (Where.HELO, helo)):
        assert (acl_check(made, where, None, "check").rc is Rc.FAIL) == allowed


def test_an_old_release_dies_where_downconversion_is_asked_for_without_a_recipient() -> None:
    text = "check:\n  accept control = utf8_downconvert"
    with pytest.raises(ProcessDied):
        acl_check(reception(text, release="4.90"), Where.MAIL, None, "check")
    assert acl_check(reception(text, release="4.91"), Where.MAIL, None, "check").rc is Rc.ERROR


def test_an_acl_that_drops_makes_an_expansion_fail() -> None:
    made = reception("check:\n  deny continue = ${acl{gone}}\ngone:\n  drop")
    found = acl_check(made, RCPT, "r@d.ex", "check").log_message
    assert found == 'failed to expand ACL string "${acl{gone}}": FAIL_DROP from acl "gone"'
    made = reception("check:\n  deny continue = ${acl{gone}}\ngone:\n  drop", release="4.92")
    old = acl_check(made, RCPT, "r@d.ex", "check").log_message
    assert old == 'failed to expand ACL string "${acl{gone}}": error from acl "gone"'


def test_a_drop_that_comes_to_nothing_is_forgotten() -> None:
    inner = "gone:\n  drop"
    for text, drops in (
        ("warn acl = gone\n  deny", False),
        ("deny !acl = gone", False),
        ("accept acl = gone", False),
        ("require acl = gone", True),
        ("accept endpass\n    acl = gone", True),
    ):
        found = acl_check(reception(f"check:\n  {text}\n{inner}"), RCPT, "r@d.ex", "check")
        assert (found.rc, found.drop) == (Rc.FAIL, drops)


def test_an_acl_in_an_expansion_sets_back_who_is_told_of_a_refusal() -> None:
    acls = "check:\n  deny log_reject_target = main\n    continue = ${acl{in}}x\nin:\n  accept"
    for text, targets in ((acls, ("main", "reject")), (acls.replace("${acl{in}}", ""), ("main",))):
        made = reception(text)
        assert acl_check(made, RCPT, "r@d.ex", "check").rc is Rc.FAIL
        assert made.process.log_reject_target == targets


def test_an_acl_in_an_expansion_is_run_in_the_place_of_the_one_at_work() -> None:
    inner = "in:\n  accept local_parts = r\n    condition = ${if eq{$acl_arg1}{b}}"
    acls = f"check:\n  accept condition = ${{if acl{{{{in}}{{b}}}}}}\n{inner}"
    assert acl_check(reception(acls), RCPT, "r@d.ex", "check").rc is Rc.OK
    assert acl_check(reception(acls), RCPT, "s@d.ex", "check").rc is Rc.FAIL
    assert acl_check(reception(acls), Where.DATA, None, "check").rc is Rc.ERROR
    with pytest.raises(ProcessDied):
        acl_check(reception(acls), Where.VRFY, "r@d.ex", "check")


def test_the_name_of_an_acl_in_an_expansion_is_expanded_once() -> None:
    made = reception("check:\n  accept condition = ${acl{${if eq{1}{1}{\\$domain}}}}")
    found = acl_check(made, RCPT, "r@d.ex", "check").log_message
    assert found is not None
    assert found.endswith('ERROR from acl "$domain"')


def test_without_a_sender_only_notquit_can_ask_for_it_and_the_process_dies() -> None:
    for condition in ("senders = *", "sender_domains = *"):
        made = reception(f"check:\n  accept {condition}")
        made.envelope.sender = None
        with pytest.raises(ProcessDied):
            acl_check(made, Where.NOTQUIT, None, "check")


CONDITIONS = [
    ("hosts = 192.0.2.0/24", Rc.OK),
    ("hosts = 192.0.2.8", Rc.FAIL),
    ("domains = d.ex", Rc.OK),
    ("domains = e.ex", Rc.FAIL),
    ("local_parts = r", Rc.OK),
    ("recipients = r@d.ex", Rc.OK),
    ("recipients = x@d.ex : *@d.ex", Rc.OK),
    ("senders = s@b.ex", Rc.OK),
    ("senders = : t@b.ex", Rc.FAIL),
    ("sender_domains = b.ex", Rc.OK),
    ("encrypted = *", Rc.FAIL),
    ("authenticated = *", Rc.FAIL),
    ("condition = ${if eq{$local_part@$domain}{r@d.ex}}", Rc.OK),
    ("condition = 0", Rc.FAIL),
    ("condition = 7", Rc.OK),
    ("condition =", Rc.FAIL),
    ("condition = ${if", Rc.DEFER),
    ("condition = ${if eq{a}{b}{c}fail}", Rc.OK),
    ("acl = good", Rc.OK),
    ("acl = good one two", Rc.OK),
    ("acl = bad", Rc.FAIL),
    ("acl = absent", Rc.DEFER),
    ("acl = loop", Rc.DEFER),
    ("continue = ${acl{good}}", Rc.OK),
    ("set acl_m0 = 1\n  condition = $acl_m0", Rc.OK),
    ("set acl_c_x = y\n  condition = ${if eq{$acl_c_x}{y}}", Rc.OK),
    ("set acl_m0 =  ${if eq{a}{b}{c}} x\n  condition = ${if eq{$acl_m0}{ x}}", Rc.OK),
    ("verify = helo", Rc.FAIL),
    ("verify = certificate", Rc.FAIL),
    ("verify = nothing", Rc.DEFER),
    ("verify = header_syntax", Rc.DEFER),
    ("verify = helo/x", Rc.DEFER),
]
OTHERS = "\ngood:\n  accept\nbad:\n  deny\nloop:\n  accept acl = loop"


@pytest.mark.parametrize(("condition", "rc"), CONDITIONS)
def test_conditions_hold_or_not(condition: str, rc: Rc) -> None:
    found = acl_check(reception(f"check:\n  accept {condition}{OTHERS}"), RCPT, "R@D.ex", "check").rc
    assert (Rc.DEFER if found is Rc.ERROR else found) is rc


def test_an_acl_can_be_written_in_place() -> None:
    session = reception("other:\n  deny")
    assert acl_check(session, RCPT, "r@d.ex", "accept domains = d.ex").rc is Rc.OK
    assert acl_check(session, RCPT, "r@d.ex", "accept domains = e.ex").rc is Rc.FAIL
    assert acl_check(session, RCPT, "r@d.ex", None).rc is Rc.FAIL
    assert acl_check(session, RCPT, "r@d.ex", "${if eq{a}{b}{c}fail}").rc is Rc.OK
    assert acl_eval(session.process, "other") == (Rc.FAIL, None, False)


def test_arguments_are_there_in_the_acl_that_they_are_for() -> None:
    acls = (
        "check:\n  accept acl = sub one two\n    condition = ${if !def:acl_arg1}\n"
        "sub:\n  accept condition = ${if and{{eq{$acl_arg2}{two}}{=={$acl_narg}{2}}}}"
    )
    assert acl_check(reception(acls), RCPT, "r@d.ex", "check").rc is Rc.OK


MESSAGES = [
    ("deny message = m", "m", "m"),
    ("deny message = m\n  log_message = l", "m", "l"),
    ("deny log_message = l", None, "l"),
    ("deny condition = yes\n  message = ${domain}", "d.ex", "d.ex"),
    ("deny message = ${if", None, None),
    ("accept message = m\n  condition = no", "m", "m"),
    ("accept condition = no\n  message = m", None, None),
    ("deny message = one\\ntwo", "one\ntwo", "one"),
]


@pytest.mark.parametrize(("text", "user", "log"), MESSAGES)
def test_what_is_said_to_the_client_and_to_the_log(text: str, user: str | None, log: str | None) -> None:
    result = checked(text)
    assert result.user_message == user
    assert (result.log_message or "").split("\n")[0] == (log or "")


def test_a_warning_that_reads_like_its_header_line_is_logged_all_the_same() -> None:
    session = reception("check:\n  warn log_message = beware\n    message = beware\n  accept")
    acl_check(session, RCPT, "r@d.ex", "check")
    logged = session.process.machine.files["/spool/log/mainlog"]
    assert [line.partition(" H=")[2] for line in logged] == ["(client.ex) [192.0.2.9] Warning: beware"]


def test_warnings_are_logged_and_put_into_the_message() -> None:
    session = reception("check:\n  warn log_message = beware\n    message = X-W: 1\n  accept")
    acl_check(session, RCPT, "r@d.ex", "check")
    acl_check(session, RCPT, "r@d.ex", "check")
    logged = session.process.machine.files["/spool/log/mainlog"]
    assert [line.partition(" H=")[2] for line in logged] == ["(client.ex) [192.0.2.9] Warning: beware"]
    assert [text for _, text in session.envelope.added_headers] == ["X-W: 1\n"]


@pytest.mark.parametrize(
    ("argument", "mains", "panics"),
    [("text", 1, 0), (":main,panic: text", 1, 1), (":reject: text", 0, 0), (":what: text", 1, 1)],
)
def test_lines_can_be_written_to_the_logs(argument: str, mains: int, panics: int) -> None:
    front = Front("", f"check:\n  accept logwrite = {argument}")
    acl_check(Reception(front.process()), RCPT, "r@d.ex", "check")
    assert (len(front.log()), len(front.log(PANIC))) == (mains, panics)


def test_time_passes_where_it_is_asked_for() -> None:
    session = reception("check:\n  accept delay = 90s")
    acl_check(session, RCPT, "r@d.ex", "check")
    assert session.process.world.now() == 1700000090


CONTROLS = [
    ("freeze", "freeze"),
    ("queue_only", "queue_only_policy"),
    ("suppress_local_fixups", "suppress_local_fixups"),
    ("submission/domain=x.ex/name=A B", "submission"),
    ("fakereject/no", "fake_response_text"),
]


@pytest.mark.parametrize(("control", "attribute"), CONTROLS)
def test_controls_set_what_they_say(control: str, attribute: str) -> None:
    session = reception(f"check:\n  accept control = {control}")
    before = getattr(session.envelope, attribute)
    assert acl_check(session, RCPT, "r@d.ex", "check").rc is Rc.OK
    assert getattr(session.envelope, attribute) != before


def test_what_a_place_does_not_allow_is_an_error() -> None:
    result = checked("accept control = freeze", Where.CONNECT)
    assert result.rc is Rc.ERROR
    assert result.log_message == 'cannot use "control=freeze" in connection ACL'
    result = checked("discard", Where.HELO)
    assert result.rc is Rc.ERROR


# ---- verify ------------------------------------------------------------------------------------------

OPTIONS = [
    ("", None),
    ("/callout", CalloutSettings()),
    ("/callout=5s", CalloutSettings(seconds=5)),
    ("/callout=1m,no_cache,random", CalloutSettings(seconds=60, no_cache=True, random=True)),
    ("/callout=maxwait=10s,connect=2s", CalloutSettings(overall=10, connect=2)),
    ("/callout=defer_ok,use_sender", CalloutSettings(defer_ok=True, use_sender=True)),
    ("/callout=postmaster", CalloutSettings(postmaster="")),
    ("/callout=postmaster_mailfrom=p@x.ex", CalloutSettings(postmaster="p@x.ex")),
    ("/callout=fullpostmaster", CalloutSettings(postmaster="", fullpostmaster=True)),
    ("/defer_ok", None),
]


class Asked:
    """Stands for verification: keeps what was asked, and gives one answer."""

    def __init__(self, result: VerifyResult) -> None:
        self.result = result
        self.seen: list[tuple[str, bool, CalloutSettings | None]] = []

    def __call__(
        self,
        process: Process,
        address: str,
        *,
        is_recipient: bool,
        callout: CalloutSettings | None = None,
        success_on_redirect: bool = False,
        utf8: Downconvert | None = None,
        real_sender: bool = False,
    ) -> VerifyResult:
        self.seen.append((address, is_recipient, callout))
        return replace(self.result, verified=address)


def asking(monkeypatch: pytest.MonkeyPatch, result: VerifyResult) -> Asked:
    asked = Asked(result)
    monkeypatch.setattr(verify, "verify_address", asked)
    return asked


@pytest.mark.parametrize(("options", "settings"), OPTIONS)
def test_the_options_of_a_callout_are_handed_on(
    monkeypatch: pytest.MonkeyPatch, options: str, settings: CalloutSettings | None
) -> None:
    asked = asking(monkeypatch, VerifyResult(Rc.OK))
    assert checked(f"accept verify = recipient{options}").rc is Rc.OK
    assert asked.seen == [("R@D.ex", True, settings)]


@pytest.mark.parametrize(
    "options",
    ["/nothing", "/callout=x", "/calloutx", "/callout=mailfrom=a@b"],
)
def test_bad_options_are_errors(options: str) -> None:
    result = checked(f"accept verify = recipient{options}")
    assert result.rc is Rc.ERROR
    assert result.log_message


def test_a_failed_sender_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asking(monkeypatch, VerifyResult(Rc.FAIL, message="nobody"))
    session = reception("check:\n  accept verify = sender")
    first, second = (acl_check(session, RCPT, "r@d.ex", "check") for _ in range(2))
    assert first.rc is second.rc is Rc.FAIL
    assert first.log_message == "Sender verify failed"
    assert asked.seen == [("s@b.ex", False, None)]
    assert session.sender_verified_failed is not None


def test_a_deferral_can_be_made_good(monkeypatch: pytest.MonkeyPatch) -> None:
    asking(monkeypatch, VerifyResult(Rc.DEFER, message="later"))
    assert checked("accept verify = recipient").rc is Rc.DEFER
    assert checked("accept verify = recipient/defer_ok").rc is Rc.OK
    assert checked("accept verify = recipient/callout=defer_ok").rc is Rc.DEFER


def test_one_good_sender_in_the_header_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asking(monkeypatch, VerifyResult(Rc.OK))
    session = reception("check:\n  accept verify = header_sender")
    session.headers = [
        Header("F", "From: <>, One <one@x.ex>, two@x.ex\n"),
        Header("S", "Sender: three@x.ex\n"),
    ]
    assert acl_check(session, Where.DATA, None, "check").rc is Rc.OK
    assert [address for address, _, _ in asked.seen] == ["three@x.ex"]


def test_all_senders_in_the_header_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asking(monkeypatch, VerifyResult(Rc.FAIL))
    session = reception("check:\n  accept verify = header_sender")
    session.headers = [Header("F", "From: One <one@x.ex>, two@x.ex\n")]
    result = acl_check(session, Where.DATA, None, "check")
    assert (result.rc, result.log_message) == (Rc.FAIL, "there is no valid sender in any header line")
    assert len(asked.seen) == 2


@pytest.mark.parametrize(
    ("release", "shown"),
    [
        ("4.99", "looked up/r/192.0.2.0/24/s@b.ex/r@d.ex"),
        ("4.95", "looked up/r/192.0.2.0/24/b.ex/d.ex"),
        ("4.92", "looked up////"),
    ],
)
def test_what_a_list_found_is_known_to_what_follows(release: str, shown: str) -> None:
    found = "$domain_data/$local_part_data/$host_data/$sender_data/$recipient_data"
    session = reception(
        "check:\n  accept domains = +listed\n  local_parts = r\n  hosts = /nets : !*\n"
        f"  senders = s@b.ex\n  recipients = r@d.ex\n  message = {found}",
        "domainlist listed = lsearch;/domains",
        release,
        {"/domains": b"d.ex: looked up\n", "/nets": b"10.0.0.0\n192.0.2.0/24\n"},
    )
    result = acl_check(session, RCPT, "r@d.ex", "check")
    assert (result.rc, result.user_message) == (Rc.OK, shown)


# ---- long messages -------------------------------------------------------------------------------------


@given(st.text(st.sampled_from("ab .:\n"), max_size=300))
def test_long_messages_are_cut_at_blanks(text: str) -> None:
    cut = string_split_message(text)
    assert cut.replace("\n", " ").split() == text.replace("\n", " ").split()
    words = max((len(word) for word in text.split()), default=0)
    assert all(len(line) <= max(80, words + 80) for line in cut.split("\n"))


def test_before_there_were_quotas_to_verify_the_option_was_unknown() -> None:
    made = reception("check:\n  accept verify = recipient/quota", release="4.94.1")
    assert "unknown option" in (acl_check(made, RCPT, "R@D.ex", "check").log_message or "")


@pytest.mark.parametrize(
    ("release", "shown"), [("4.98", "<; 1.2.3.4; 5.6.7.8"), ("4.99", " 1.2.3.4; 5.6.7.8")]
)
def test_a_list_is_shown_with_or_without_the_change_of_its_separator(release: str, shown: str) -> None:
    front = Front("acl_smtp_connect = check", "check:\n  deny hosts = <; 1.2.3.4; 5.6.7.8", release=release)
    assert f'host in "{shown}"? no (end of list)' in front.exim("-bh", "192.0.2.9").stderr


@pytest.mark.parametrize(
    ("domains", "parts"),
    [
        ("d.ex", "D.ex,"),
        ("^.(.)e", "D.ex,."),
        ("*ex", "D.ex,D."),
        ("lsearch;/list", "D.ex,"),
    ],
)
def test_what_a_list_matched_is_in_numbered_variables(domains: str, parts: str) -> None:
    acls = f"check:\n  accept domains = {domains}\n    message = $0,$1"
    made = reception(acls, files={"/list": b"d.ex: x\n"})
    told = acl_check(made, RCPT, "R@D.ex", "check").user_message
    assert (told or "").lower() == parts.lower()


def test_the_first_question_of_a_session_is_asked_with_the_search_list() -> None:
    front = Front("acl_smtp_rcpt = c", "c:\n  accept verify = csa", user="root", uid=0)
    front.machine.search_domain = "here.ex"
    front.smtp("HELO a.ex", "MAIL FROM:<s@b.ex>", "RCPT TO:<r@d.ex>", argv=("-oMa", "192.0.2.9"))
    assert front.world.questions == ("SRV _client._smtp.a.ex", "SRV _client._smtp.a.ex.here.ex")


@pytest.mark.parametrize(
    ("release", "said"),
    [
        ("4.94.1", ["ACL for QUIT returned ERROR: cannot verify header_sender in ACL for QUIT"]),
        ("4.95", ["nobody"]),
    ],
)
def test_later_releases_verify_the_header_in_more_acls(release: str, said: list[str]) -> None:
    acl = "c:\n  warn !verify = header_sender\n    logwrite = nobody\n  accept"
    front = Front("acl_smtp_quit = c", acl, release=release)
    front.smtp("HELO x", "QUIT")
    assert front.log() == said


@pytest.mark.parametrize("release", ["4.92", "4.99"])
def test_a_list_in_a_list_that_defers_is_told_as_a_lookup_of_the_item(release: str) -> None:
    front = Front(
        "domainlist locals = +nosuch\nacl_smtp_rcpt = c", "c:\n  defer senders = *@+locals", release=release
    )
    front.smtp("HELO x", "MAIL FROM:<a@b.ex>", "RCPT TO:<a@d.ex>")
    assert 'unknown named domain list "+nosuch"' in front.log()
    assert front.log()[-2].endswith('temporarily rejected RCPT <a@d.ex>: DNS lookup of "*@+locals" deferred')
