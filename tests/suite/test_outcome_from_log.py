from eximsim.suite.outcome_from_log import delivery_outcome
from tests.suite.recorded import records, situations


def test_the_log_of_every_recorded_delivery_gives_its_outcome() -> None:
    known = situations()
    deliveries = [record for record in records() if record.kind == "delivery"]
    assert len(deliveries) > 10000
    wrong = [
        record.id
        for record in deliveries
        if delivery_outcome(known[record.id], record.seen.log) != record.outcome
    ]
    assert wrong == []
