"""Which debug logs ``control = debug`` leaves behind, by release."""

from __future__ import annotations

import pytest

from eximsim.mta.records.logs import DebugLog
from tests.mta.front import Front


def left(controls: str, release: str = "4.99") -> list[str]:
    """The debug logs after a connection whose ACL has these controls."""
    acl = "check:\n  accept " + "\n         ".join(f"control = {one}" for one in controls.split())
    front = Front("acl_smtp_mail = check", acl, release)
    front.smtp("HELO x", "MAIL FROM:<a@b.ex>", "QUIT")
    logs = front.machine.files.items()
    return [path.rpartition("/")[2] for path, log in logs if isinstance(log, DebugLog)]


@pytest.mark.parametrize(
    ("controls", "release", "logs"),
    [
        ("debug/tag=_x", "4.99", ["debuglog_x"]),
        ("debug/opts=+all", "4.99", ["debuglog"]),
        ("debug/tag=_x debug/tag=_y", "4.99", ["debuglog_x"]),
        ("debug/tag=_x debug/kill", "4.99", []),
        ("debug/tag=_x debug/stop", "4.99", ["debuglog_x"]),
        ("debug/tag=_x debug/stop debug/tag=_y", "4.99", ["debuglog_x", "debuglog_y"]),
        ("debug/tag=_x debug/stop debug/tag=_y", "4.95", ["debuglog_x"]),
        ("debug/trigger=now", "4.99", []),
        ("debug", "4.95", ["debuglog"]),
    ],
)
def test_a_debug_log_is_begun_ended_and_taken_away(controls: str, release: str, logs: list[str]) -> None:
    assert left(controls, release) == logs
