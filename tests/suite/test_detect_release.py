import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.profiles import NEWEST, PROFILES, TlsaMap, differences, profile
from eximsim.suite import detect_release
from eximsim.suite.detect_release import points_of_tree, program_at, program_chosen, program_of_tree, up_to
from eximsim.suite.exim_history import POINTS
from eximsim.suite.history_point import Marker, Point

SCRIPT = "scripts/5840-DANE-OpenSSL/5840"
ALL_MARKERS = {(marker.file, marker.text) for point in POINTS if (marker := point.marker)}


def write(root: Path, file: str, text: str = "") -> None:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text() if path.is_file() else "") + text + "\n")


def tree(root: Path, *commits: str) -> Path:
    """A ``test/`` folder with the markers of these points."""
    for point in POINTS:
        if point.commit in commits and point.marker is not None:
            write(root / "test", point.marker.file, point.marker.text)
    (root / "test").mkdir(parents=True, exist_ok=True)
    return root / "test"


def undone(root: Path) -> list[str]:
    program = program_of_tree(root)
    return list(differences(PROFILES[program.name], program))


@pytest.mark.parametrize("point", [point for point in POINTS if point.marker], ids=lambda point: point.commit)
def test_the_last_marker_that_is_there_tells_how_far_a_tree_has_come(point: Point, tmp_path: Path) -> None:
    reached = points_of_tree(tree(tmp_path, "360c04926", point.commit))
    twins = [other.commit for other in POINTS if other.marker == point.marker]
    picked = {other.commit for other in POINTS if reached.get(other.commit) in other.picks.values()}
    line = [commit for commit in reached if commit not in picked or commit == twins[-1]]
    assert line[-1] == twins[-1]
    upto = [other.commit for other in POINTS].index(twins[-1]) + 1
    assert [other.commit for other in POINTS[:upto] if other.commit not in picked or other is point] == line


def test_a_tree_of_a_complete_release_has_what_was_picked_for_it(tmp_path: Path) -> None:
    assert "fbc48a247" not in points_of_tree(tree(tmp_path / "a", "b97c55112"))
    assert points_of_tree(tree(tmp_path / "b", "1b3209b05"))["fbc48a247"] == "4.98"


def test_a_marker_that_was_there_earlier_may_be_gone(tmp_path: Path) -> None:
    assert program_of_tree(tree(tmp_path, "899b8bbc6")).name == "4.91"


@pytest.mark.parametrize(
    ("commit", "name"),
    [
        ("360c04926", "4.85"),
        ("4cea764f3", "4.86-dev-4cea764f3"),
        ("4b0fe3193", "4.88-jh03"),
        ("5d6bdf01a", "4.90-dev-5d6bdf01a"),
    ],
)
def test_a_tree_at_the_point_that_a_profile_is_named_for_has_that_profile(
    commit: str, name: str, tmp_path: Path
) -> None:
    assert program_of_tree(tree(tmp_path, commit)) == profile(name)


def test_what_is_younger_than_the_tree_is_undone(tmp_path: Path) -> None:
    root = tree(tmp_path, "4c01d6abf")
    assert set(undone(root)) == {
        "dane_outcome_in_address", "name_mismatch_blank_line", "callout_tlsa_before_connect"
    }  # fmt: skip
    program = program_of_tree(root)
    assert (program.name_mismatch_blank_line, program.verify_error_names_peer) == (True, True)


def test_what_changed_twice_is_undone_to_where_it_was_between(tmp_path: Path) -> None:
    assert program_of_tree(tree(tmp_path / "a", "4b0fe3193", "2d5fdd539")).tlsa_map is (
        TlsaMap.NXDOMAIN_IS_NO_DANE
    )
    assert program_of_tree(tree(tmp_path / "b", "27b9e5f4d")).tlsa_map is TlsaMap.NEGATIVE_IS_NO_DANE


def test_a_marker_beside_the_test_folder_is_better(tmp_path: Path) -> None:
    root = tree(tmp_path, "4b0fe3193", "2d5fdd539")
    point = next(point for point in POINTS if point.commit == "2d5fdd539")
    assert point.beside is not None
    write(root, point.beside.file, "something else")
    assert program_of_tree(root).name == "4.88-jh03"
    write(root, point.beside.file, point.beside.text)
    assert program_of_tree(root).name == "4.88"


HEAD = list(PROFILES)[-1]
"""What came after the newest release."""


def test_the_newest_tree_is_after_the_newest_release(tmp_path: Path) -> None:
    for file, text in ALL_MARKERS:
        write(tmp_path / "test", file, text)
    assert program_of_tree(tmp_path / "test") == profile(HEAD)


# ---- versions -------------------------------------------------------------------------------------------


def change_log(root: Path, version: str) -> None:
    write(
        root,
        "../doc/doc-txt/ChangeLog",
        f"Change log\n\nExim version {version}\n-----\n\nExim version 4.87\n",
    )


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("4.85", "4.85"),
        ("4.92", "4.92"),
        ("4.94", "4.94.1"),
        ("4.97.1", "4.97"),
        ("4.99", NEWEST),
        ("4.100", HEAD),
    ],
)
def test_a_tree_without_markers_is_what_it_says_it_is(version: str, name: str, tmp_path: Path) -> None:
    root = tree(tmp_path)
    change_log(root, version)
    assert program_of_tree(root).name == name


def test_the_version_in_the_making_says_that_the_releases_before_are_done(tmp_path: Path) -> None:
    root = tree(tmp_path, "4b0fe3193")
    change_log(root, "4.93")
    program = program_of_tree(root)
    assert (program.name, undone(root)) == ("4.92", [])


def test_the_version_of_a_released_tree_is_done_itself(tmp_path: Path) -> None:
    root = tree(tmp_path, "4b0fe3193")
    write(root, "../src/src/version.sh", '# made by reversion\nEXIM_RELEASE_VERSION="4.93.0"')
    program = program_of_tree(root)
    assert (program.name, undone(root)) == ("4.93", [])


def test_markers_may_be_ahead_of_the_version(tmp_path: Path) -> None:
    root = tree(tmp_path, "7b411755d")
    change_log(root, "4.98")
    assert program_of_tree(root).name == "4.99"


def test_a_heading_without_a_number_is_passed_over(tmp_path: Path) -> None:
    root = tree(tmp_path)
    change_log(root, "4.next")
    assert program_of_tree(root).name == "4.87"


@pytest.mark.parametrize("version", ["3.36", "4.50", "4.101", "5.0"])
def test_a_version_that_is_not_known_lists_the_choices(version: str, tmp_path: Path) -> None:
    root = tree(tmp_path, "7b411755d")
    change_log(root, version)
    with pytest.raises(InputError) as raised:
        program_of_tree(root)
    assert str(raised.value) == (
        f"{root}: Exim version {version} is not known; expected one of {', '.join(PROFILES)} after --profile"
    )


def test_a_tree_that_says_nothing_lists_the_choices(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the release of this tree cannot be told; expected one of 4\.85, "):
        program_of_tree(tree(tmp_path))


# ---- commits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["ce889807c", "exim-ce889807c0123456789", "exim_ce88980"])
def test_a_folder_may_be_named_for_its_commit(folder: str, tmp_path: Path) -> None:
    root = tree(tmp_path / folder, "ce889807c")
    assert program_of_tree(root).name == "4.90-dev-5d6bdf01a"


@pytest.mark.parametrize("folder", ["exim-20170507", "xce889807c", "ce889807c-copy"])
def test_other_names_of_folders_say_nothing(folder: str, tmp_path: Path) -> None:
    assert program_of_tree(tree(tmp_path / folder, "ce889807c")).name == "4.90"


class Repository:
    """A history of one commit after the other; ``points`` name some of them."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self._points, self._monkeypatch = root, list[Point](), monkeypatch
        root.mkdir()
        self.git("init", "--quiet")
        self.git("symbolic-ref", "HEAD", "refs/heads/trunk")

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ("git", *who, *words), cwd=self.root, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, number: int, release: str | None = None) -> str:
        write(self.root, "test/runtest", f"line {number}")
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", f"number {number}")
        commit = self.git("rev-parse", "HEAD")[:9]
        if release is not None:
            self.point(commit, release)
        return commit

    def point(self, commit: str, release: str, picks: Mapping[str, str] | None = None) -> None:
        marker = Marker("runtest", "a line that is not there")
        self._points.append(Point(commit, release, marker=marker, picks=picks or {}))
        self._monkeypatch.setattr(detect_release, "POINTS", self._points)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    return Repository(tmp_path / "exim", monkeypatch)


def test_a_checkout_has_reached_the_points_that_it_descends_from(repository: Repository) -> None:
    for number, release in enumerate(("4.88", None, "4.89", None, "4.91")):
        repository.commit(number, release)
    root = repository.root / "test"
    for back, name in ((0, "4.91"), (1, "4.89"), (2, "4.89"), (3, "4.88")):
        repository.git("checkout", "--quiet", "--detach", f"trunk~{back}" if back else "trunk")
        assert program_of_tree(root).name == name


def test_a_fixes_branch_has_what_was_picked_for_it(repository: Repository) -> None:
    repository.commit(1, "4.93")
    repository.git("checkout", "--quiet", "-b", "fixes")
    picked = repository.commit(2)
    repository.git("checkout", "--quiet", "trunk")
    repository.point(repository.commit(3), "4.95", {picked: "4.94.1"})
    root = repository.root / "test"
    assert program_of_tree(root).name == "4.95"
    repository.git("checkout", "--quiet", "fixes")
    assert program_of_tree(root).name == "4.94.1"


def unreadable(root: Path) -> bool:
    with pytest.raises(InputError, match="cannot be told"):
        program_of_tree(root)
    return True


def test_a_changed_folder_is_not_what_was_committed(repository: Repository) -> None:
    repository.commit(1, "4.93")
    write(repository.root, "test/runtest", "one more line")
    assert unreadable(repository.root / "test")


def test_a_folder_beside_the_history_is_not_part_of_it(repository: Repository) -> None:
    repository.commit(1, "4.93")
    root = tree(repository.root / "copy")
    write(root, "runtest")
    assert unreadable(root)
    change_log(root, "4.93")
    assert program_of_tree(root).name == "4.93"


def test_a_shallow_clone_has_no_history(repository: Repository, tmp_path: Path) -> None:
    repository.commit(1, "4.93")
    repository.commit(2)
    repository.git("clone", "--quiet", "--depth", "1", f"file://{repository.root}", str(tmp_path / "shallow"))
    assert unreadable(tmp_path / "shallow/test")


def test_the_history_of_something_else_says_nothing(repository: Repository) -> None:
    repository.commit(1)
    repository.point("012345678", "4.95")
    assert unreadable(repository.root / "test")


def test_without_git_there_is_no_history(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit(1, "4.93")
    monkeypatch.setenv("PATH", "/nowhere")
    assert unreadable(repository.root / "test")


# ---- chosen by hand -------------------------------------------------------------------------------------


def test_a_release_chosen_by_hand_is_that_release(tmp_path: Path) -> None:
    root = tree(tmp_path, "4b0fe3193", "f2f2c91b1")
    for name in PROFILES:
        assert program_chosen(root, profile(name)) == profile(name)


def test_but_a_tree_of_the_old_dane_callback_has_it(tmp_path: Path) -> None:
    root = tree(tmp_path, "6aa849d38")
    write(root, "scripts/2100-OpenSSL/2112", "as it was")
    assert program_chosen(root, profile("4.87")).dane_failure_overridden is True
    write(root, "scripts/2100-OpenSSL/2112", "fail the crypt requirement")
    assert program_chosen(root, profile("4.87")) == profile("4.87")


def test_a_line_of_history_can_be_asked_without_a_tree() -> None:
    assert program_at(up_to(0)) == profile("4.85")
    assert program_at(up_to(len(POINTS) - 1)) == profile(HEAD)
