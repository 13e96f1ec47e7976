from eximsim.suite.runtest_versions import CHANGES, CLIENT_CHANGES, NEWEST, era_of


def test_switches_and_markers_are_unique() -> None:
    assert len({change.switch for change in (*CHANGES, *CLIENT_CHANGES)}) == len(CHANGES) + len(
        CLIENT_CHANGES
    )
    assert len({change.marker for change in CHANGES}) == len(CHANGES)


def test_each_marker_turns_its_switch_on() -> None:
    for change in CHANGES:
        assert change.switch in era_of(f"  s/{change.marker}/x/;\n")
    for change in CLIENT_CHANGES:
        assert change.switch in era_of("", f'printf("{change.marker}");\n')


def test_a_runner_without_markers_is_the_oldest() -> None:
    assert era_of("#! /usr/bin/perl -w\n") == frozenset()


def test_the_newest_era_has_nothing_that_was_taken_back() -> None:
    assert {change.switch for change in CHANGES if change.until} & NEWEST == frozenset()
    assert "long_ids" in NEWEST
