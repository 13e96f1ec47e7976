"""What a callout's events know of the host that is asked."""

from __future__ import annotations

import pytest

from tests.suite.test_scenario_compare import done, scenario

REFUSED = {"extensions": [], "ehlo": "550 no", "helo": "550 no"}
RESET = {"extensions": [], "recipients": {"a@one.test.ex": "250 OK"}, "rcpt": "550 no", "reset": "500 no"}


@pytest.mark.parametrize(
    ("server", "options", "ends"),
    [
        ({"extensions": []}, "", ["<>"]),
        (REFUSED, "", ["h1-a.test.ex<10.9.1.1>"]),
        (RESET, ",random", ["h1-a.test.ex<10.9.1.1>", "<>"]),
    ],
)
@pytest.mark.parametrize("release", ["4.89", "4.99"])
def test_the_end_of_a_call_has_no_host_once_the_recipient_was_named(
    server: object, options: str, ends: list[str], release: str
) -> None:
    event = "${if eq{$event_name}{tcp:close}{${acl{noted}}}}"
    (one,) = done(
        scenario(
            kind="callout",
            servers={"10.9.1.1": server},
            transport={"event_action": event},
            acl=f"noted:\n  accept logwrite = END $host<$host_address>\n"
            f"check_rcpt:\n  accept verify = recipient/callout=5s{options}\n",
        ),
        release,
    )
    assert [line.removeprefix("END ") for line in one.log if line.startswith("END ")] == ends
