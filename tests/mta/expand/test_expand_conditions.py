from __future__ import annotations

import pytest

from eximsim.mta.expand.expand import expand
from eximsim.mta.process.ends import ProcessDied
from eximsim.mta.records.spool import Header, header_kind
from tests.mta.routing_world import site


@pytest.mark.parametrize(
    ("headers", "release", "word"),
    [
        ("Reply-To: a@b\n", "4.98", "immutable memory"),
        ("Reply-To: a@b\n", "4.99", "immutable memory"),
        ("From: a@b\n", "4.98", "null pointer indirection"),
        ("From: a@b\n", "4.99", "immutable memory"),
        ("Subject: x\n", "4.98", "null pointer indirection"),
        ("Subject: x\n", "4.99", ""),
    ],
)
def test_who_asks_whether_there_is_an_address_to_reply_to_dies(headers: str, release: str, word: str) -> None:
    here = site(release=release)
    kind, _, _ = header_kind(headers)
    here.process.header_list = [Header(kind, headers)]
    if not word:
        assert expand(here.process, "${if def:reply_address{yes}{no}}") == "no"
        return
    with pytest.raises(ProcessDied):
        expand(here.process, "${if def:reply_address{yes}{no}}")
    assert any(word in line for line in here.log)
    assert expand(site(release=release).process, "${if eq{a}{b}{${if def:reply_address{y}{n}}}{z}}") == "z"
