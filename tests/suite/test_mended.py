"""What differed once between the model and a real program does not differ again."""

from functools import cache

import pytest

from eximsim.profiles import recorded_profile
from eximsim.suite.compare import compare_one
from eximsim.suite.recording import Record, Situation, read_records, read_situations
from tests.suite.recorded import FOLDER, stand

RECORDS = tuple(read_records(FOLDER / "mended.jsonl"))


@cache
def mended() -> dict[str, Situation]:
    return read_situations(FOLDER / "mended-scenarios.jsonl")


def test_every_situation_has_a_stable_record() -> None:
    assert [record.id for record in RECORDS] == list(mended())
    assert all(record.stable for record in RECORDS)


@pytest.mark.parametrize("record", RECORDS, ids=[record.id for record in RECORDS])
def test_the_model_does_what_the_program_did(record: Record) -> None:
    profile = recorded_profile(record.release, record.tls)
    found = compare_one(record, mended()[record.id], stand(), profile)
    assert found.result == "agree", found.fields


EARLIER = {
    "mail-4xx-of-the-last-host": "4.89",
    "ehlo-refused-over-tls": "4.91",
    "closed-after-helo": "4.88-jh03",
    "helo-reply-over-ehlo-reply": "4.88-jh03",
    "size-of-the-message": "4.93",
    "no-reply-to-ehlo-over-tls": "4.92",
    "open-after-early-quit": "4.94.1",
    "delivery-smtps-banner": "4.99",
    "last-host-without-recipient-defers": "4.98",
    "greets-again-after-a-lost-session": "4.94.1",
    "message-into-a-lost-session": "4.94.1",
    "closed-after-recipients": "4.97",
    "second-recipient-smtps-banner": "4.96",
    "verify-options-smtps-banner": "4.95",
    "transported-smtps-banner": "4.93",
    "dane-after-an-overridden-session": "4.99",
    "held-recipients-after-a-failed-call": "4.94.1",
}
"""Releases that do otherwise, each for its own reason."""


@pytest.mark.parametrize(("id", "release"), EARLIER.items())
def test_releases_that_do_otherwise_still_do(id: str, release: str) -> None:
    record = next(record for record in RECORDS if record.id == id)
    found = compare_one(record, mended()[id], stand(), recorded_profile(release, "gnutls"))
    assert found.result == "differ"
