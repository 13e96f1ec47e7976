"""Exploring all that DNS and servers can answer: below the search and the gate.

What there is to choose (``vocabulary``), who chooses (``choices``), a world that asks for it
(``lazy_world``), the walk over all runs (``walk``), where a run stands (``stack``), and what of a state
counts (``states``, ``relevance``). What an exploration asks for and what it gathers of a run is its own:
``eximsim.fuzz.merge`` and ``eximsim.gate.diagram``.
"""
