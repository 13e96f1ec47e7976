from dataclasses import fields

import pytest

from eximsim.history import switches_of
from eximsim.profiles import PROFILES, Profile, profile
from eximsim.suite.exim_history import POINTS
from eximsim.suite.history_point import Point

ORDER = list(PROFILES)
CHANGES = [(point, switch) for point in POINTS for switch in point.before]


def test_a_commit_is_named_once_and_its_release_is_a_profile() -> None:
    commits = [commit for point in POINTS for commit in (point.commit, *point.picks)]
    assert len(commits) == len(set(commits))
    assert all(len(commit) == 9 and int(commit, 16) for commit in commits)
    assert {release for point in POINTS for release in point.releases} <= set(ORDER)


def test_the_history_is_in_order() -> None:
    releases = [ORDER.index(point.release) for point in POINTS]
    assert releases == sorted(releases)
    for point in POINTS:
        assert [ORDER.index(name) for name in point.releases] == sorted(map(ORDER.index, point.releases))


@pytest.mark.parametrize(("point", "switch"), CHANGES, ids=lambda value: getattr(value, "commit", value))
def test_a_point_changed_its_switches_for_its_release(point: Point, switch: str) -> None:
    assert switch in {field.name for field in fields(Profile)} - {"name", "version", "tls_library"}
    later = [other for other in POINTS if switch in other.before and other.releases[0] == point.releases[0]]
    follower = later[later.index(point) + 1 :]
    after = follower[0].before[switch] if follower else getattr(profile(point.releases[0]), switch)
    assert point.before[switch] != after


def test_every_commit_that_changed_a_switch_is_a_point() -> None:
    told = {step.commit for switch in switches_of(Profile).values() for step in switch.steps if step.commit}
    assert told <= {point.commit for point in POINTS}


def test_markers_outside_the_test_folder_have_one_inside_to_fall_back_on() -> None:
    assert all(point.marker is not None for point in POINTS if point.beside is not None)
    assert all(point.beside.file.startswith("../") for point in POINTS if point.beside is not None)
    assert all(not point.marker.file.startswith("..") for point in POINTS if point.marker is not None)


def test_goldens_are_no_markers() -> None:
    kept = {"log", "stdout", "stderr", "mail", "msglog", "rejectlog", "paniclog", "dump"}
    files = [marker.file for point in POINTS for marker in (point.marker, point.beside) if marker]
    assert not [file for file in files if file.partition("/")[0] in kept]
