from dataclasses import fields

import pytest

from eximsim.profiles import BEFORE, PROFILES, Profile, profile
from eximsim.suite.points import POINTS, Point

ORDER = list(PROFILES)
PARTLY = {"option_release", "unusable_tlsa", "setup_5xx_tries_next_host", "callout_size"}
"""Not all changes of the first two are tied to commits; the others were on a fixes branch before they were on
the main one."""
CHANGES = [(point, switch) for point in POINTS for switch in point.switches]


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
    later = [other for other in POINTS if switch in other.switches and other.releases[0] == point.releases[0]]
    follower = later[later.index(point) + 1 :]
    after = follower[0].before[switch] if follower else getattr(profile(point.releases[0]), switch)
    assert point.before[switch] != after


@pytest.mark.parametrize("switch", sorted({switch for _, switch in CHANGES}))
def test_between_two_changes_all_releases_agree(switch: str) -> None:
    changed = {point.releases[0] for point in POINTS if switch in point.switches}
    untied = [
        name
        for name, before in BEFORE.items()
        if name not in changed
        and getattr(profile(name), switch) != getattr(profile(before), switch)
        and name != "4.96-debian12"
    ]
    assert not untied or switch in PARTLY


def test_what_was_changed_twice_for_one_release_has_its_value_between() -> None:
    for point, switch in CHANGES:
        earlier = [
            other
            for other in POINTS[: POINTS.index(point)]
            if switch in other.switches and other.releases[0] == point.releases[0]
        ]
        assert (switch in point.between) is bool(earlier), point.commit


def test_markers_outside_the_test_folder_have_one_inside_to_fall_back_on() -> None:
    assert all(point.marker is not None for point in POINTS if point.beside is not None)
    assert all(point.beside.file.startswith("../") for point in POINTS if point.beside is not None)
    assert all(not point.marker.file.startswith("..") for point in POINTS if point.marker is not None)


def test_goldens_are_no_markers() -> None:
    kept = {"log", "stdout", "stderr", "mail", "msglog", "rejectlog", "paniclog", "dump"}
    files = [marker.file for point in POINTS for marker in (point.marker, point.beside) if marker]
    assert not [file for file in files if file.partition("/")[0] in kept]
