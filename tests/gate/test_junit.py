"""JUnit XML: well-formed, of the form that its readers ask for, one case for each group."""

from __future__ import annotations

from xml.etree import ElementTree as Tree

from hypothesis import given, settings
from junitparser import Failure, JUnitXml, Skipped

from eximsim.gate.junit import EXPLORED, junit
from eximsim.gate.report import Report, Severity
from tests.gate.reports import example, unchanged
from tests.gate.strategies import reports

# The structure of junit-10.xsd (Jenkins' xUnit plugin), as far as this form uses it: for each element its
# attributes, the required ones first, and its children.
FORM: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "tests", "failures", "errors", "time"}, {"testsuite"}),
    "testsuite": (
        {"name"},
        {"tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id", "package"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name"}, {"classname", "time", "group"}, {"skipped", "error", "failure", "system-out"}),
    "failure": (set(), {"message", "type"}, set()),
    "skipped": (set(), {"message", "type"}, set()),
    "system-out": (set(), set(), set()),
}


def check(element: Tree.Element) -> None:
    required, optional, children = FORM[element.tag]
    assert required <= set(element.keys()) <= required | optional
    if children:
        assert not (element.text or "").strip()
    for child in element:
        assert child.tag in children
        check(child)


def test_each_group_is_a_case_and_a_loss_a_failure() -> None:
    (suite,) = JUnitXml.fromstring(junit(example()).encode())
    assert (suite.name, suite.tests, suite.failures, suite.errors, suite.skipped) == (
        "old.conf against new.conf", 6, 2, 0, 1,
    )  # fmt: skip
    cases = list(suite)
    assert [(case.classname, case.name) for case in cases][:2] == [
        ("gate.security_lost", "hosts_require_dane"),
        ("gate.reachability_lost", "tlsa_map"),
    ]
    assert [[type(result) for result in case.result] for case in cases] == [
        [Failure], [Failure], [], [], [], [Skipped],
    ]  # fmt: skip
    (failure,) = cases[0].result
    assert failure.type == "security lost"
    assert failure.message == (
        "security lost: hosts_require_dane: was deferred: DANE error: tlsa lookup DEFER, "
        "is delivered to h1-a.test.ex (in clear)"
    )
    assert "    M1 == a@one.test.ex R=client T=t defer (-36): DANE error: tlsa lookup DEFER" in failure.text


def test_which_severities_fail_can_be_chosen() -> None:
    (suite,) = JUnitXml.fromstring(junit(example(), failing=[Severity.WORDING]).encode())
    assert [case.name for case in suite if not case.is_passed and not case.is_skipped] == [
        "failed_address_colon_spaced"
    ]
    assert suite.failures == 1


def test_a_report_without_changes_is_one_passed_case() -> None:
    (suite,) = JUnitXml.fromstring(junit(unchanged()).encode())
    assert [(case.name, case.is_passed) for case in suite] == [(EXPLORED, True)]


def test_what_was_left_out_is_a_skipped_case() -> None:
    (suite,) = JUnitXml.fromstring(junit(example()).encode())
    (skipped,) = list(suite)[-1].result
    assert skipped.text == "exim.conf:12: router local: not modelled"


@settings(max_examples=40, deadline=None)
@given(reports)
def test_it_is_well_formed_and_of_the_form_whatever_is_in_it(report: Report) -> None:
    root = Tree.fromstring(junit(report).encode())
    check(root)
    (suite,) = root
    assert len(suite.findall("testcase")) == len(report.groups) + 1 == int(suite.attrib["tests"])
    assert len(suite.findall("testcase/failure")) == int(suite.attrib["failures"])
