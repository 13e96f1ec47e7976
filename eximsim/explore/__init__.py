"""Telling whether two runs of the model have come to the same state: below the search and the gate.

Where a run stands (``stack``), and what of a state counts (``digest``). What an exploration asks for and what
it gathers is its own: ``eximsim.fuzz.merge`` and ``eximsim.gate.diagram``.
"""
