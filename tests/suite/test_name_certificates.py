from pathlib import Path

from eximsim.profiles import profile
from eximsim.suite.name_certificates import symbolic
from eximsim.suite.replay import Stand
from eximsim.world.certificates import load_chains, save_chains, standard_chains
from tests.suite.recorded import FOLDER, situations, stand


def test_a_situation_goes_the_same_way_with_other_certificates(tmp_path: Path) -> None:
    save_chains(standard_chains(), tmp_path)
    other, chains, release = Stand(tmp_path), load_chains(FOLDER / "certs"), profile("4.96-debian12")
    for situation in list(situations().values())[::9]:
        named = symbolic(situation, chains)
        for kind in situation.kinds:
            ours, theirs = other.replay(named, kind, release), stand().replay(situation, kind, release)
            assert (ours.seen, ours.outcome) == (theirs.seen, theirs.outcome), situation.id


def test_only_records_that_match_a_certificate_are_changed() -> None:
    chains = load_chains(FOLDER / "certs")
    data = {
        str(value)
        for situation in situations().values()
        for rrset in symbolic(situation, chains).zone
        if rrset["type"] == "TLSA" and isinstance(values := rrset.get("data"), list)
        for value in values
    }
    named = {value for value in data if "@cert:" in value}
    assert {value.split("@cert:")[1] for value in named} >= {"good", "root", "int", "selfsigned"}
    assert {"3 1 1 @cert:good", "2 0 1 @cert:root", f"030101{'00' * 32}"} <= data
