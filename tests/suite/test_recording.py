from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.suite.recording import Seen, read_records, read_situations
from tests.suite.recorded import situations

SITUATION = {
    "id": "A001",
    "recipients": ["a@a001.test.ex"],
    "zone": [{"name": "a001.test.ex", "type": "MX", "ad": True, "data": [[10, "h1.test.ex"]]}],
    "servers": {"10.9.1.1": "ok"},
}
RECORD = {
    "release": "4.87",
    "id": "A001",
    "kind": "delivery",
    "outcome": "sent:yes",
    "log": ["M1 Completed"],
    "servers": [],
    "dns": ["MX a001.test.ex"],
    "queued": 0,
    "exit": 0,
}


def write(path: Path, *objects: object) -> Path:
    path.write_text("".join(f"{item if isinstance(item, str) else json.dumps(item)}\n" for item in objects))
    return path


def complaint(read: Callable[[], object]) -> str:
    """What a reader has to say, empty if nothing; any other error than its own is a failure."""
    try:
        read()
    except InputError as error:
        return error.message
    return ""


def test_a_situation_says_what_differs_from_the_common_set_up(tmp_path: Path) -> None:
    found = read_situations(
        write(tmp_path / "s", SITUATION, {**SITUATION, "id": "B001", "kinds": ["callout"]})
    )
    one = found["A001"]
    assert (one.group, one.recipients, one.kinds) == ("A", ("a@a001.test.ex",), ("delivery", "callout"))
    assert (one.main, one.router, one.transport, one.queuerun) == ({}, {}, {}, None)
    assert (found["B001"].group, found["B001"].kinds) == ("B", ("callout",))


def test_a_record_has_what_one_run_did_and_the_queue_run_after_it(tmp_path: Path) -> None:
    second = {**RECORD, "stable": False, "queuerun": {**RECORD, "log": ["Start queue run"]}}
    first, after = read_records(write(tmp_path / "r", RECORD, second))
    assert (first.release, first.tls, first.group, first.stable) == ("4.87", "openssl", "A", True)
    assert first.seen == Seen(("M1 Completed",), (), (), ("MX a001.test.ex",), 0, 0)
    assert first.queuerun is None
    assert not after.stable
    assert after.queuerun is not None
    assert after.queuerun.log == ("Start queue run",)


def test_compressed_files_blank_lines_and_a_head_are_read(tmp_path: Path) -> None:
    head = {"eximsim": "0.1.0"}
    text = f"{json.dumps(head)}\n\n{json.dumps(RECORD)}\n"
    path = tmp_path / "r.jsonl.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert [record.id for record in read_records(path)] == ["A001"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([RECORD, "{"], "s:2: Expecting property name"),
        ([RECORD, "[]"], "s:2: expected one JSON object a line"),
        (["{}"], "s:1: release is not there; expected a text"),
        ([{**RECORD, "log": None}], "s:1: log is None; expected a list"),
        ([""], "s: expected JSON lines, found an empty file"),
    ],
)
def test_a_recording_that_is_none_is_an_error_with_file_and_line(
    tmp_path: Path, lines: list[object], message: str
) -> None:
    path = write(tmp_path / "s", *lines)
    with pytest.raises(InputError) as raised:
        list(read_records(path))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"zone": 5}, "s:1: zone is 5; expected a list"),
        ({"recipients": "a@test.ex"}, "s:1: recipients is 'a@test.ex'; expected a list"),
        ({"servers": [1]}, "s:1: servers is [1]; expected an object"),
        ({"servers": {"10.9.1.1": "no such"}}, "s:1: behaviour 'no such': expected one of"),
    ],
)
def test_a_situation_that_is_none_is_an_error_with_file_and_line(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError) as raised:
        read_situations(write(tmp_path / "s", {**SITUATION, **change}))
    assert message in str(raised.value)


@pytest.mark.parametrize("missing", ["id", "recipients", "zone", "servers"])
def test_a_situation_that_lacks_something_is_an_error(tmp_path: Path, missing: str) -> None:
    lacking = {name: value for name, value in SITUATION.items() if name != missing}
    with pytest.raises(InputError, match=f"s:1: {missing} is not there; expected"):
        read_situations(write(tmp_path / "s", lacking))


def test_a_file_that_is_not_there_or_broken_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: No such file or directory; expected JSON lines"):
        list(read_records(tmp_path / "nowhere"))
    (tmp_path / "cut").write_bytes(gzip.compress(b"{}" * 100)[:-12])
    with pytest.raises(InputError, match="cut: is cut off; expected a whole gzip file"):
        list(read_records(tmp_path / "cut"))


JSON_LIKE = st.text(alphabet='{}[]":, \nab1', max_size=60).map(str.encode)
ALMOST = st.dictionaries(
    st.sampled_from([*RECORD, *SITUATION]),
    st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers()),
).map(lambda item: json.dumps(item).encode())


@given(content=st.binary(max_size=60) | JSON_LIKE | ALMOST)
@settings(max_examples=200)
def test_whatever_a_file_holds_reading_it_gives_records_or_its_own_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "whatever"
    path.write_bytes(content)
    assert "\n" not in complaint(lambda: list(read_records(path)))
    assert "\n" not in complaint(lambda: read_situations(path))


def test_every_kept_situation_can_be_written_and_read_again(tmp_path: Path) -> None:
    kept = list(situations().values())
    path = write(tmp_path / "s", *(one.as_json() for one in kept))
    assert list(read_situations(path).values()) == kept
