"""AUTH: which mechanisms are offered, what lets a client in, what is said and logged of it."""

from __future__ import annotations

import base64
import hmac
from dataclasses import replace

import pytest

from eximsim.errors import Unanswered, Unsupported
from eximsim.ports import Told
from eximsim.world.answers import Answers
from tests.mta.front import MAIN, REJECT, Front

HELLO = "EHLO client.ex"
PLAIN = """\
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and {{eq{$auth2}{user}}{eq{$auth3}{secret}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = "Name : Word"
  server_condition = ${if eq{$auth1/$2}{user/secret}{yes}{${if eq{$auth1}{gone}{moved away}{no}}}}
  server_set_id = $auth1
  server_mail_auth_condition = ${if eq{$authenticated_sender}{boss@here.ex}}
"""


def front(
    authenticators: str = PLAIN, main: str = "acl_smtp_rcpt = accept", *, release: str = "4.99"
) -> Front:
    return Front(main, release=release, routers=f"begin routers\n{authenticators}")


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def offered(replies: list[str]) -> str:
    return next((reply[4:] for reply in replies if reply[4:].startswith("AUTH")), "")


def test_mechanisms_are_offered_in_capitals_and_in_order() -> None:
    assert offered(front().smtp(HELLO, "QUIT")) == "AUTH PLAIN LOGIN"
    lower = PLAIN.replace("public_name = PLAIN", "public_name = plain")
    assert offered(front(lower).smtp(HELLO, "QUIT")) == "AUTH PLAIN LOGIN"


@pytest.mark.parametrize(
    ("main", "authenticators", "expected"),
    [
        ("auth_advertise_hosts = :", PLAIN, "AUTH PLAIN LOGIN"),  # the item is for clients without an address
        ("auth_advertise_hosts = 192.0.2.1", PLAIN, ""),
        ("", f"{PLAIN}  server_advertise_condition = false\n", "AUTH PLAIN"),
        ("", f"{PLAIN}  server_advertise_condition = ${{if\n", "AUTH PLAIN"),
    ],
)
def test_what_is_offered_depends_on_hosts_and_conditions(
    main: str, authenticators: str, expected: str
) -> None:
    assert offered(front(authenticators, main).smtp(HELLO, "QUIT")) == expected


@pytest.mark.parametrize(
    "commands",
    [
        (f"AUTH PLAIN {coded(chr(0) + 'user' + chr(0) + 'secret')}",),
        ("auth plain", coded("\0user\0secret")),
        ("AUTH LOGIN", coded("user"), coded("secret")),
        (f"AUTH LOGIN {coded('user')}", coded("secret")),
    ],
)
def test_the_right_data_let_a_client_in(commands: tuple[str, ...]) -> None:
    stand = front()
    replies = stand.smtp(HELLO, *commands, "MAIL FROM:<s@here.ex>", "RCPT TO:<r@d.ex>", "DATA", "", "x", ".")
    assert "235 Authentication succeeded" in replies
    (arrival,) = [line for line in stand.log() if " <= " in line]
    assert "P=local-esmtpa" in arrival
    assert f"A={commands[0].split()[1].lower()}:user" in arrival


WRONG = f"AUTH PLAIN {coded(chr(0) + 'user' + chr(0) + 'no')}"
PUT_OFF = "435 Unable to authenticate at present"


@pytest.mark.parametrize(
    ("commands", "reply", "logged"),
    [
        ((WRONG,), "535 Incorrect authentication data", "535 Incorrect authentication data (set_id=user)"),
        (("AUTH PLAIN ?",), "501 Invalid base64 data", "501 Invalid base64 data"),
        (("AUTH LOGIN", "*"), "501 Authentication cancelled", "501 Authentication cancelled"),
        (
            ("AUTH LOGIN", coded("gone"), coded("x")),
            f"{PUT_OFF}: moved away",
            f"{PUT_OFF} (set_id=gone): moved away",
        ),
    ],
)
def test_other_data_do_not(commands: tuple[str, ...], reply: str, logged: str) -> None:
    stand = front()
    assert reply in stand.smtp(HELLO, *commands, "QUIT")
    name = commands[0].split()[1].lower()
    line = f"{name} authenticator failed for U=caller: {logged}"
    assert line in stand.log(MAIN)
    assert line in stand.log(REJECT)


@pytest.mark.parametrize(
    ("commands", "reply"),
    [
        (("HELO x", "AUTH PLAIN"), "503 AUTH command used when not advertised"),
        ((HELLO, "AUTH OTHER"), "504 OTHER authentication mechanism not supported"),
        ((HELLO, "AUTH PL/AIN"), "501 invalid character in authentication mechanism name"),
        ((HELLO, "MAIL FROM:<s@here.ex>", "AUTH PLAIN"), "503 not permitted in mail transaction"),
    ],
)
def test_auth_out_of_place_is_an_error(commands: tuple[str, ...], reply: str) -> None:
    assert front().smtp(*commands)[-2] == reply


def test_nobody_authenticates_twice() -> None:
    right = f"AUTH PLAIN {coded(chr(0) + 'user' + chr(0) + 'secret')}"
    assert "503 already authenticated" in front().smtp(HELLO, right, right)


def test_an_acl_may_allow_what_was_not_offered() -> None:
    main = "acl_smtp_helo = accept control = allow_auth_unadvertised\nauth_advertise_hosts ="
    replies = front(main=main).smtp("HELO x", f"AUTH PLAIN {coded(chr(0) + 'user' + chr(0) + 'secret')}")
    assert "235 Authentication succeeded" in replies


@pytest.mark.parametrize(("release", "shown"), [("4.94.1", "AUTH PLAIN c2VjcmV0"), ("4.95", "AUTH PLAIN")])
def test_what_comes_with_a_refused_command_is_not_logged_since_4_95(release: str, shown: str) -> None:
    stand = front(main="acl_smtp_auth = deny", release=release)
    stand.smtp(HELLO, "AUTH PLAIN c2VjcmV0")
    assert any(line.endswith(f"rejected {shown}") for line in stand.log())


@pytest.mark.parametrize(("release", "client"), [("4.98", "caller"), ("4.99", "U=caller")])
def test_the_failure_names_the_client_as_other_lines_do_since_4_99(release: str, client: str) -> None:
    stand = front(release=release)
    stand.smtp(HELLO, "AUTH PLAIN ?")
    assert f"plain authenticator failed for {client}: 501 Invalid base64 data" in stand.log()


CRAM = """\
begin authenticators
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${if eq{$auth1}{user}{secret}fail}
  server_set_id = $auth1
"""


@pytest.mark.parametrize(("secret", "code"), [("secret", "235"), ("wrong", "535")])
def test_a_digest_of_the_challenge_is_wanted(secret: str, code: str) -> None:
    stand = front(CRAM)
    stand.machine.test_harness = True
    digest = hmac.new(secret.encode(), b"<1896.697170952@postoffice.reston.mci.net>", "md5").hexdigest()
    replies = stand.smtp(HELLO, "AUTH CRAM-MD5", coded(f"user {digest}"))
    assert replies[-2][:3] == code


def test_data_with_the_command_are_not_expected_there() -> None:
    assert "553 Initial data not expected" in front(CRAM).smtp(HELLO, "AUTH CRAM-MD5 eA==")


def test_a_driver_that_is_not_modelled_says_so_when_it_is_used() -> None:
    other = "begin authenticators\nd:\n  driver = spa\n  public_name = NTLM\n  server_password = x\n"
    assert offered(front(other).smtp(HELLO)) == "AUTH NTLM"
    with pytest.raises(Unsupported, match="the spa authenticator as a server"):
        front(other).smtp(HELLO, "AUTH NTLM")


DOVECOT = """
begin authenticators
d:
  driver = dovecot
  public_name = MECHANISM
  server_socket = /run/d
  server_set_id = $auth1
"""


def dovecot(mechanism: str, **said: Told) -> Front:
    stand = front(DOVECOT.replace("MECHANISM", mechanism))
    known = {"/run/d u p": Told("U"), "/run/d u x": Told(), **said}
    stand.world.host = replace(stand.world.host, answers=Answers({"dovecot": known}))
    return stand


@pytest.mark.parametrize(
    ("mechanism", "lines", "code", "log"),
    [
        ("PLAIN", ("AUTH PLAIN " + coded("\0u\0p"),), "235", None),
        ("PLAIN", ("AUTH PLAIN", coded("\0u\0p")), "235", None),
        ("PLAIN", ("AUTH PLAIN " + coded("\0u\0x"),), "535", "535 Incorrect authentication data (set_id=u)"),
        ("PLAIN", ("AUTH PLAIN " + coded("u"),), "535", "535 Incorrect authentication data"),
        ("PLAIN", ("AUTH PLAIN =",), "535", "535 Incorrect authentication data"),
        ("PLAIN", ("AUTH PLAIN", "*"), "501", "501 Authentication cancelled"),
        ("LOGIN", ("AUTH LOGIN", coded("u"), coded("p")), "235", None),
        ("LOGIN", ("AUTH LOGIN " + coded("u"), coded("p")), "235", None),
        (
            "LOGIN",
            ("AUTH LOGIN", coded("u"), coded("x")),
            "535",
            "535 Incorrect authentication data (set_id=u)",
        ),
        ("LOGIN", ("AUTH LOGIN", "!"), "535", "535 Incorrect authentication data"),
    ],
)
def test_dovecot_is_told_what_the_client_says(
    mechanism: str, lines: tuple[str, ...], code: str, log: str | None
) -> None:
    stand = dovecot(mechanism)
    assert stand.smtp(HELLO, *lines)[-2][:3] == code
    assert [line.rpartition(": ")[2] for line in stand.log() if "authenticator failed" in line] == (
        [] if log is None else [log]
    )


def test_dovecot_that_cannot_be_asked_puts_the_client_off_before_anything_is_wanted_of_him() -> None:
    stand = dovecot("LOGIN", **{"/run/d": Told(deferred=True, error="no such socket")})
    assert stand.smtp(HELLO, "AUTH LOGIN")[-2] == "435 Unable to authenticate at present"
    assert stand.log()[-1].endswith("435 Unable to authenticate at present: no such socket")


def test_dovecot_is_asked_with_what_was_said() -> None:
    stand = dovecot("PLAIN")
    with pytest.raises(Unanswered) as problem:
        stand.smtp(HELLO, "AUTH PLAIN " + coded("\0v\0p"))
    assert problem.value.item == "dovecot:/run/d v p"
    with pytest.raises(Unsupported, match="the dovecot authenticator with the mechanism X"):
        dovecot("X").smtp(HELLO, "AUTH X")


# ---- AUTH= of MAIL ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("login", "value", "why"),
    [
        (False, "boss@here.ex", "client not authenticated"),
        (True, "boss@here.ex", None),
        (True, "x@here.ex", 'server_mail_auth_condition failed: authenticated ID="user"'),
    ],
)
def test_a_sender_is_named_by_whom_the_authenticator_allows_it(
    login: bool, value: str, why: str | None
) -> None:
    stand = front()
    first = ("AUTH LOGIN", coded("user"), coded("secret")) if login else ()
    assert "250 OK" in stand.smtp(HELLO, *first, f"MAIL FROM:<s@here.ex> AUTH={value}")
    ignored = [line for line in stand.log() if line.startswith("ignoring AUTH=")]
    assert ignored == ([] if why is None else [f"ignoring AUTH={value} from U=caller ({why})"])


def test_a_sender_that_is_no_xtext_is_refused() -> None:
    assert front().smtp(HELLO, "MAIL FROM:<s@here.ex> AUTH=a+zz")[-2] == "501 invalid data for AUTH"
