"""What was found is kept, and shared, in Hypothesis' example databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis.database import DirectoryBasedExampleDatabase, InMemoryExampleDatabase

from eximsim.errors import InputError
from eximsim.fuzz import database
from eximsim.fuzz.database import forget, keep, open_database, stored
from eximsim.fuzz.scenario import Scenario
from eximsim.profiles import profile
from eximsim.suite.recording import Situation

PLAIN = Situation("", "", {}, ("a@one.test.ex",), (), {}, {}, {}, {"10.9.1.1": "ok"}, ("delivery",))
ONE = Scenario(PLAIN, "delivery", profile("4.87"), laws=("no-downgrade",))
OTHER = Scenario(PLAIN, "delivery", profile("4.93"), laws=("sni",))


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    keep(open_database(str(tmp_path)), ONE)
    assert stored(open_database(str(tmp_path))).scenarios == (ONE,)


def test_a_shared_database_is_read_and_never_written(tmp_path: Path) -> None:
    own, shared = tmp_path / "own", tmp_path / "shared"
    keep(open_database(str(shared)), ONE)
    both = open_database(str(own), [str(shared)])
    keep(both, OTHER)
    forget(both, ONE)
    assert {one.laws for one in stored(both).scenarios} == {ONE.laws, OTHER.laws}
    assert stored(open_database(str(shared))).scenarios == (ONE,)
    assert stored(open_database(str(own))).scenarios == (OTHER,)


def test_what_breaks_nothing_any_more_is_taken_out(tmp_path: Path) -> None:
    own = open_database(str(tmp_path))
    keep(own, ONE)
    forget(own, ONE)
    assert stored(own).scenarios == ()


def test_entries_that_are_no_lines_of_ours_are_counted() -> None:
    kept = InMemoryExampleDatabase()
    kept.save(database.KEY, b"eximsim9:something newer")
    keep(kept, ONE)
    assert stored(kept) == database.Stored((ONE,), unreadable=1)


def test_without_a_database_nothing_is_kept() -> None:
    assert open_database(None) is None
    keep(None, ONE)
    forget(None, ONE)
    assert stored(None) == database.Stored()


def test_a_redis_server_is_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    fakeredis = pytest.importorskip("fakeredis")
    from hypothesis.extra.redis import RedisExampleDatabase

    server = fakeredis.FakeServer()
    monkeypatch.setattr("redis.Redis.from_url", lambda _: fakeredis.FakeRedis(server=server))
    keep(open_database("redis://examples.invalid:6379/0"), ONE)
    found = open_database(None, ["redis://examples.invalid:6379/0"])
    assert stored(found).scenarios == (ONE,)
    keep(found, OTHER)
    assert stored(RedisExampleDatabase(fakeredis.FakeRedis(server=server))).scenarios == (ONE,)


def test_a_redis_server_that_does_not_answer_is_bad_input() -> None:
    pytest.importorskip("redis")
    with pytest.raises(InputError, match="no Redis server answers"):
        open_database("redis://127.0.0.1:1/0")


def test_a_shared_folder_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        open_database(None, [str(tmp_path / "missing")])


def test_it_is_a_database_for_tests_of_ones_own(tmp_path: Path) -> None:
    kept = open_database(str(tmp_path))
    assert kept is not None
    kept.save(b"a test", b"an example")
    assert list(DirectoryBasedExampleDatabase(tmp_path).fetch(b"a test")) == [b"an example"]
