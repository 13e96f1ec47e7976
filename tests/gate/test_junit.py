"""JUnit XML: well-formed, of the form that its readers ask for, one case for each group."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as Tree

from hypothesis import given, settings
from junitparser import Error, Failure, JUnitXml, Skipped

from eximsim.gate.junit import EXPLORED, junit
from eximsim.gate.report import Report
from eximsim.gate.severity import Severity
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
    "error": (set(), {"message", "type"}, set()),
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


def test_each_group_is_a_case_and_what_stops_a_failure() -> None:
    (suite,) = JUnitXml.fromstring(junit(example()).encode())
    assert (suite.name, suite.tests, suite.failures, suite.errors, suite.skipped) == (
        "old.conf against new.conf", 6, 3, 1, 0,
    )  # fmt: skip
    cases = list(suite)
    assert [(case.classname, case.name) for case in cases][:3] == [
        ("gate.coverage", EXPLORED),
        ("gate.less", "hosts_require_dane: delivered under DANE → delivered in clear"),
        ("gate.held", "tlsa_map: delivered in clear → held back for want of protection"),
    ]
    assert [[type(result) for result in case.result] for case in cases] == [
        [Error], [Failure], [Failure], [Failure], [], [],
    ]  # fmt: skip
    (failure,) = cases[2].result
    assert failure.type == "delivered before, now held back"
    assert failure.message == (
        "delivered before, now held back: tlsa_map: delivered in clear → held back for want of protection: "
        "was delivered to h1-a.test.ex (in clear), is deferred: DANE error: tlsa lookup DEFER"
    )
    assert "    M1 == a@one.test.ex R=client T=t defer (-36): DANE error: tlsa lookup DEFER" in failure.text


def test_which_severities_fail_can_be_chosen() -> None:
    (suite,) = JUnitXml.fromstring(junit(unchanged_but_words(), failing=[Severity.WORDS]).encode())
    assert [case.name for case in suite if not case.is_passed] == [
        "failed_address_colon_spaced: bounced for want of protection"
    ]
    assert suite.failures == 1


def unchanged_but_words() -> Report:
    return replace(example(), gaps=(), groups=example().groups[-1:])


def test_a_report_without_changes_is_one_passed_case() -> None:
    (suite,) = JUnitXml.fromstring(junit(unchanged()).encode())
    assert [(case.name, case.is_passed) for case in suite] == [(EXPLORED, True)]


def test_what_could_not_be_looked_at_is_an_error_and_a_skipped_case_if_it_was_allowed() -> None:
    (suite,) = JUnitXml.fromstring(junit(example()).encode())
    (error,) = next(iter(suite)).result
    assert error.text == "exim.conf:12: router local: not modelled"
    (suite,) = JUnitXml.fromstring(junit(replace(example(), incomplete_allowed=True)).encode())
    assert [type(result) for result in next(iter(suite)).result] == [Skipped]
    assert (suite.errors, suite.skipped) == (0, 1)


def test_the_answers_are_the_first_properties() -> None:
    assert 'name="Does any mail that went out before stop?"' in junit(example()).splitlines()[4]


@settings(max_examples=40, deadline=None)
@given(reports)
def test_it_is_well_formed_and_of_the_form_whatever_is_in_it(report: Report) -> None:
    root = Tree.fromstring(junit(report).encode())
    check(root)
    (suite,) = root
    assert len(suite.findall("testcase")) == len(report.groups) + 1 == int(suite.attrib["tests"])
    for kind in ("failure", "error"):
        assert len(suite.findall(f"testcase/{kind}")) == int(suite.attrib[f"{kind}s"])
