"""The reference program in the project's known situations, shared by tests."""

from __future__ import annotations

from functools import cache

from eximsim.suite.name_certificates import symbolic
from eximsim.suite.recording import Situation
from eximsim.world.certificates import load_chains
from tests.suite.recorded import FOLDER, situations


@cache
def named_situations() -> dict[str, Situation]:
    """Every situation, with the names of the certificates instead of their octets."""
    chains = load_chains(FOLDER / "certs")
    return {id: symbolic(situation, chains) for id, situation in situations().items()}
