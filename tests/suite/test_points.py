from dataclasses import fields

import pytest

from eximsim.profiles import PROFILES, Profile, profile
from eximsim.suite.points import POINTS, Point

SWITCHES = {field.name for field in fields(Profile)}
ORDER = list(PROFILES)
PARTLY = {"option_release", "unusable_tlsa"}
"""Switches of which not every change is tied to a commit."""


def first_release(point: Point) -> int:
    """Where the first release stands that has the change."""
    return min(ORDER.index(release) for release in (point.release, *point.picks.values()))


def test_a_commit_is_named_once_and_its_release_is_a_profile() -> None:
    commits = [commit for point in POINTS for commit in (point.commit, *point.picks)]
    assert len(commits) == len(set(commits))
    assert all(len(commit) == 9 and int(commit, 16) for commit in commits)
    assert {release for point in POINTS for release in (point.release, *point.picks.values())} <= set(ORDER)


def test_the_history_is_in_order() -> None:
    releases = [ORDER.index(point.release) for point in POINTS]
    assert releases == sorted(releases)


def test_only_switches_are_undone() -> None:
    for point in POINTS:
        assert point.before.keys() <= SWITCHES - {"name", "version", "tls_library"}
        for switch, value in point.before.items():
            assert type(value) is type(getattr(profile(point.release), switch))


@pytest.mark.parametrize("name", [name for name in ORDER if name != "4.96-debian12"])
def test_before_a_change_all_releases_are_as_the_point_says(name: str) -> None:
    pending: dict[str, object] = {}
    for point in reversed(POINTS):
        if first_release(point) > ORDER.index(name):
            pending |= point.before
    release = profile(name)
    for switch in pending.keys() - PARTLY:
        assert getattr(release, switch) == pending[switch], switch


def test_after_its_last_change_a_switch_is_as_the_newest_release_has_it() -> None:
    newest = profile(ORDER[-1])
    assert newest.name == "4.99"
    for switch in {switch for point in POINTS for switch in point.before} - PARTLY:
        last = [point for point in POINTS if switch in point.before][-1]
        assert getattr(profile(last.release), switch) == getattr(newest, switch), switch


def test_markers_outside_the_test_folder_have_one_inside_to_fall_back_on() -> None:
    assert all(point.marker is not None for point in POINTS if point.beside is not None)
    assert all(point.beside.file.startswith("../") for point in POINTS if point.beside is not None)
    assert all(not point.marker.file.startswith("..") for point in POINTS if point.marker is not None)


def test_goldens_are_no_markers() -> None:
    kept = {"log", "stdout", "stderr", "mail", "msglog", "rejectlog", "paniclog", "dump"}
    files = [marker.file for point in POINTS for marker in (point.marker, point.beside) if marker]
    assert not [file for file in files if file.partition("/")[0] in kept]
