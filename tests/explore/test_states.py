"""A field that is added to a record of the model counts in the states of both explorations."""

from __future__ import annotations

import subprocess
import sys

MODEL = '''
import itertools
import sys
from importlib.util import find_spec, module_from_spec
from pathlib import Path

READ = """
        self.unknown |= self.starttls_offered
        if self.unknown and not self.setting_up:
            where = {"address": self.addrlist[0].address, "host": self.host.name, "ip": self.host.address}
            self.process.trace.record(RECIPIENT_NAMED, "no", **where)
        return self.reply
"""
spec = find_spec("eximsim.mta.transports.smtp_context")
text = Path(spec.origin).read_text()
for old, new in (
    ("    esmtp: bool = True\\n", "    esmtp: bool = True\\n    unknown: bool = False\\n"),
    ("        return self.reply\\n", READ.lstrip("\\n")),
):
    assert old in text
    text = text.replace(old, new, 1)
module = sys.modules[spec.name] = module_from_spec(spec)
exec(compile(text, spec.origin, "exec"), module.__dict__)
'''
"""The model with one field more: set as a call is set up, and looked at when the recipient is answered."""

GATE = """
from eximsim.explore.vocabulary import asked_of
from eximsim.gate.diagram import Ask, Explorer
from eximsim.gate.explore_policies import survey
from eximsim.gate.outcome import essence
from eximsim.gate.states import Watcher
from tests.gate.policies import policy

FEW = {"TLSA": ("NXDOMAIN",), "RCPT": ("2xx", "4xx")}
FEW |= {"EHLO": ("STARTTLS", "no STARTTLS"), "STARTTLS": ("4xx",)}


class Few:
    def __init__(self, choices):
        self.choices = choices

    def choose(self, axis, values):
        return self.choices.choose(axis, FEW.get(asked_of(axis)[0], values[:1]))


plan = survey([policy()], 1)
(one,) = plan.policies
view = next(view for view in plan.views if view.kind == "callout")
run, watcher, numbers = plan.run(one, view), Watcher(one, "callout", words=False), itertools.count()
way = Explorer(plan.forest, lambda choices: essence(run(Few(choices))), watcher).diagram()
each = Explorer(plan.forest, lambda choices: essence(run(Few(choices)))).diagram()
assert way.node is each.node
assert isinstance(way.node, Ask)
assert way.node.axis.startswith("EHLO of "), way.node.axis
"""

SEARCH = """
from eximsim.fuzz.check_space import Tree
from eximsim.fuzz.space import Space
from eximsim.profiles import profile
from tests.suite.recorded import stand

FEW = {"MX": ("secure",), "A": ("secure",), "TLSA": ("no data",)}
FEW |= {"EHLO": ("STARTTLS", "no STARTTLS"), "STARTTLS": ("4xx",)}
space = Space(values=FEW)
merged, each = (Tree(space, profile("4.99"), stand(), merged=merged) for merged in (True, False))
told = [[(dict(leaf.path), leaf.result.decisions) for leaf in tree.leaves] for tree in (merged, each)]
assert told[0] == told[1]
assert {one.safety.name for leaf in merged.leaves for one in leaf.result.named()} == {"CLEAR", "TLS"}
"""


def run(text: str) -> None:
    command = [sys.executable, "-c", MODEL + text]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_gate_sees_a_new_field() -> None:
    run(GATE)


def test_the_search_sees_a_new_field() -> None:
    run(SEARCH)
