"""Transport filters, and the rewriting of header lines at transport time."""

from __future__ import annotations

import pytest

from eximsim.errors import InputError
from eximsim.world.answers import given_answer
from tests.mta.local import LocalMachine

FILE = "driver = appendfile\nfile = /mail/a\nmessage_prefix =\n"
PIPE = "driver = pipe\ncommand = /bin/sh -c 'cat >/mail/a'\nmessage_prefix =\n"


@pytest.mark.parametrize("transport", [FILE, PIPE])
def test_the_message_goes_through_the_filter_and_prefix_and_suffix_do_not(transport: str) -> None:
    run = LocalMachine(f"{transport}message_suffix = >\\n\ntransport_filter = /bin/sh -c 'echo X: y; cat'")
    run.deliver(text="Subject: s\n\nHello.\n")
    text = run.mailbox()
    assert text.startswith("X: y\nReceived: ")
    assert text.endswith("\n\nHello.\n>\n")


@pytest.mark.parametrize(
    ("transport", "line"),
    [
        (FILE, "transport filter process failed (9) while writing to /mail/a"),
        (PIPE, "Transport filter process failed (9)"),
    ],
)
def test_a_filter_that_fails_defers(transport: str, line: str) -> None:
    run = LocalMachine(f"{transport}transport_filter = /bin/sh -c 'exit 9'")
    run.deliver()
    assert run.log[1] == f"== a@test.ex R=local T=t defer (-24): {line}"


def test_a_filter_that_takes_too_long_ends_a_file_delivery() -> None:
    run = LocalMachine(
        f"{FILE}transport_filter = /x\ntransport_filter_timeout = 2s",
        answers=[given_answer("pipe:/x=!endless")],
    )
    run.deliver()
    assert run.log[1] == (
        "== a@test.ex R=local T=t defer (110): Connection timed out: error while writing to /mail/a"
    )


def test_a_filter_that_expands_to_nothing_is_none() -> None:
    run = LocalMachine(f"{FILE}transport_filter = '${{if eq{{a}}{{b}}{{/bin/cat}}}}'")
    run.deliver()
    assert run.mailbox().startswith("Received: ")


def test_header_lines_are_rewritten_in_the_copy_that_is_written() -> None:
    run = LocalMachine(f"{FILE}headers_rewrite = *@old.ex $1@new.ex f : *@old.ex other@new.ex")
    run.deliver(text="From: a@old.ex\nTo: b@old.ex, c@test.ex\n\n")
    assert "From: a@new.ex\nTo: other@new.ex, c@test.ex\n" in run.mailbox()


def test_rules_of_a_transport_are_about_header_lines() -> None:
    run = LocalMachine(f"{FILE}headers_rewrite = *@old.ex a@new.ex T")
    with pytest.raises(InputError, match="non-header rewrite"):
        run.exim("-bP", "transports")
