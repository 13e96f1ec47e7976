"""What Exim refuses of settings that do not fit together, in its words (asked of 4.96 and of the head)."""

from __future__ import annotations

import pytest

from eximsim.errors import InputError
from tests.mta.configurations import read


def refused(text: str) -> tuple[str | None, str]:
    """The subject that Exim names, and its words."""
    with pytest.raises(InputError) as raised:
        read(text)
    return raised.value.subject, raised.value.message


def accepted(text: str) -> None:
    assert read(text).path == "/conf/main"


@pytest.mark.parametrize(
    ("driver", "lines", "message"),
    [
        ("appendfile", "file = /a\n directory = /b", 'only one of "file" or "directory" can be specified'),
        (
            "appendfile",
            "file = /a\n quota_filecount = 3",
            'quota_filecount must not be set without "directory"',
        ),
        (
            "appendfile",
            "file = /a\n quota_directory = /b",
            'quota_directory must not be set without "directory"',
        ),
        ("appendfile", "file = /a\n no_use_lockfile\n no_use_fcntl_lock", "no locking configured"),
        (
            "appendfile",
            "directory = /a\n maildir_format\n mailstore_format",
            "only one of maildir and mailstore may be specified",
        ),
        ("appendfile", "directory = /a\n quota_filecount = 3", "quota must be set if quota_filecount is set"),
        (
            "appendfile",
            "directory = /a\n quota_directory = /b",
            "quota must be set if quota_directory is set",
        ),
    ],
)
def test_a_transport_is_named_before_what_is_wrong_with_it(driver: str, lines: str, message: str) -> None:
    told = refused(f"begin transports\nt:\n driver = {driver}\n {lines}\n")
    assert told == ("t transport", f"t transport: {message}")


@pytest.mark.parametrize(
    ("driver", "lines", "message"),
    [
        ("appendfile", "user = 99", "user set without group for the t transport"),
        ("autoreply", "user = 99", "user set without group for the t transport"),
        ("lmtp", "socket = /a\n user = 99", "user set without group for the t transport"),
        ("pipe", "user = 99", "user set without group for the t transport"),
        (
            "appendfile",
            "file = /a\n create_file = there",
            "invalid value given for \"create_file\" for the t transport: 'there'",
        ),
        ("lmtp", "", "one (and only one) of command or socket must be set for the t transport"),
        (
            "pipe",
            "pipe_as_creator\n user = root",
            "both pipe_as_creator and an explicit uid/gid are set for the t transport",
        ),
        (
            "pipe",
            "temp_errors = a",
            "temp_errors must be a list of numbers or an asterisk for the t transport",
        ),
        (
            "pipe",
            "return_output\n return_fail_output",
            "both return_output and return_fail_output set for t transport",
        ),
        (
            "pipe",
            "log_output\n log_fail_output",
            "both log_output and log_fail_output set for the t transport",
        ),
        ("pipe", "restrict_to_path\n use_shell", "both restrict_to_path and use_shell set for t transport"),
        ("pipe", "allow_commands = /a\n use_shell", "both allow_commands and use_shell set for t transport"),
        (
            "pipe",
            "headers_only\n body_only",
            "t transport: body_only and headers_only are mutually exclusive",
        ),
        ("smtp", "shadow_transport = u", "shadow transport not allowed on non-local transport t"),
    ],
)
def test_of_some_faults_exim_says_no_place(driver: str, lines: str, message: str) -> None:
    assert refused(f"begin transports\nt:\n driver = {driver}\n {lines}\n") == ("", message)


def test_what_no_transport_may_have_is_looked_for_when_all_drivers_have_looked_at_theirs() -> None:
    first = "a:\n driver = pipe\n headers_only\n body_only\n"
    second = "b:\n driver = pipe\n restrict_to_path\n use_shell\n"
    told = refused(f"begin transports\n{first}{second}")
    assert told == ("", "both restrict_to_path and use_shell set for b transport")


@pytest.mark.parametrize(
    ("driver", "lines"),
    [
        ("appendfile", "user = 99\n group = 99"),
        ("appendfile", "user = $local_part"),
        ("appendfile", "user = root"),
        ("appendfile", "file = /a\n no_use_lockfile\n use_flock_lock"),
        ("appendfile", "file = /a\n create_file = /b"),
        ("appendfile", "directory = /a\n quota = 1M\n quota_filecount = 3"),
        ("pipe", "temp_errors = 1 : 2"),
        ("pipe", "temp_errors = *"),
        ("smtp", "user = 99"),
    ],
)
def test_what_fits_together_is_accepted(driver: str, lines: str) -> None:
    accepted(f"begin transports\nt:\n driver = {driver}\n {lines}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("syslog_facility = loud\n", 'failed to interpret syslog_facility "loud"'),
        ("errors_reply_to = help\n", "errors_reply_to (help) does not contain a domain"),
        (
            "errors_reply_to = a b\n",
            'error in errors_reply_to (a b): missing or malformed local part (expected word or "<")',
        ),
        (
            "smtp_accept_max = 0\nsmtp_accept_queue = 3\n",
            "smtp_accept_max must be set if smtp_accept_queue or smtp_accept_max_per_host is set",
        ),
        ("tls_dh_max_bits = 3\n", "tls_dh_max_bits is too small, must be at least 1024 for interop"),
        ("A = x\nA = y\n", 'macro "A" is already defined (use "==" if you want to redefine it)'),
        ("A == x\n", 'can\'t redefine an undefined macro "A"'),
        (
            "begin authenticators\na:\n driver = cram_md5\n client_secret = x\n",
            "no public name specified for the a authenticator",
        ),
        (
            "begin routers\nr:\n driver = redirect\n data = a\n redirect_router = s\n",
            'new_router "s" not found for "r" router',
        ),
    ],
)
def test_the_main_section_and_other_drivers_likewise(text: str, message: str) -> None:
    assert refused(text) == ("", message)


@pytest.mark.parametrize("text", ["syslog_facility = LOG_Local3\n", "errors_reply_to = A <a@b.ex>\n"])
def test_facilities_and_addresses_are_taken_as_exim_does(text: str) -> None:
    accepted(text)


def test_one_half_of_a_clients_login_is_not_enough() -> None:
    told = refused("begin authenticators\na:\n driver = spa\n client_username = x\n")
    words = "one of client_username and client_password cannot be set without the other"
    assert told == ("a authenticator", f"a authenticator: {words}")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("queue_only = maybe\n", '"maybe" is not a valid value for the "queue_only" option', "yes or no"),
        ("auto_thaw = x\n", "invalid time value for auto_thaw", "something like"),
        ("begin nothing\n", '"nothing" is not a known configuration section name', "acl, authenticator"),
        ("no_qualify_domain\n", "negation prefix applied to a non-boolean option", "no_qualify_domain"),
        ("M-X = x\n", "malformed macro definition", "NAME = text expected"),
    ],
)
def test_help_comes_after_exims_own_words(text: str, message: str, hint: str) -> None:
    with pytest.raises(InputError) as raised:
        read(text)
    assert (raised.value.subject, raised.value.message) == (None, message)
    assert hint in raised.value.hint
    assert str(raised.value) == f"/conf/main:1: {message}: {raised.value.hint}"
