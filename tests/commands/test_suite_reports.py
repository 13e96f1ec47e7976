"""Reports of a tree's tests, whatever the tree's folders and goldens are called and contain."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from eximsim.commands import suite_reports
from eximsim.profiles import profile
from eximsim.suite.golden import Comparison
from eximsim.suite.runner import Setting, TestResult, Verdict
from eximsim.visible import visible

TEXT = st.text(st.characters(codec=None), max_size=20)


@given(TEXT, TEXT, TEXT)
def test_junit_is_xml_whatever_is_in_it(group: str, name: str, text: str) -> None:
    result = TestResult(
        name, Setting(profile("4.99")), Verdict.FAIL, text, 0.0, {"log": Comparison.DIFFERS},
        {"log": text}, {"log": f"not {text}"},
    )  # fmt: skip
    root = ElementTree.fromstring(suite_reports.junit([result], {name: group}).partition("\n")[2])
    (suite,) = root
    assert suite.attrib["name"] == visible(group)
    assert suite[0].attrib["name"] == visible(name)
