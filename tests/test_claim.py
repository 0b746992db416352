"""Who has a worker's name, in a register that every worker with a name writes before it takes it anywhere else."""

import io

from pipeline import new_settings, refused

from stream.errors import BrokerError
from stream.kafka.claim import Claim
from stream.kafka.patience import Patience
from stream.logs import new_log
from stream.settings import Settings

TAKEN = "another worker has taken this one's place"


def claim(settings: Settings) -> Claim:
    made = Claim(settings, Patience(new_log(io.StringIO())))
    made.make()
    return made


def test_a_name_is_that_workers_who_claimed_it_last(broker: str) -> None:
    settings = new_settings(broker, worker_id="one")
    first = claim(settings)
    first.require()
    second = claim(settings)
    second.require()
    with refused(BrokerError, TAKEN):
        first.require()


def test_other_names_and_other_groups_have_claims_of_their_own(broker: str) -> None:
    settings = new_settings(broker, worker_id="one")
    first = claim(settings)
    claim(settings.model_copy(update={"worker_id": "two"}))
    claim(settings.model_copy(update={"group_id": settings.group_id + "-other"}))
    first.require()


def test_workers_without_a_name_claim_none(broker: str) -> None:
    settings = new_settings(broker)
    first = claim(settings)
    claim(settings)
    first.require()


def test_a_name_that_the_broker_has_no_claim_of_any_more_is_still_that_of_its_worker(broker: str) -> None:
    settings = new_settings(broker, worker_id="one")
    Claim(settings, Patience(new_log(io.StringIO()))).require()
