"""Who has a worker's name, in a register that every worker with a name writes before it takes it anywhere else."""

import io

import pytest
from pipeline import (
    ContentScorer,
    assert_same_windows,
    far_later,
    line,
    new_settings,
    refused,
    running,
    send,
    until_closed,
    wait_until,
)

from stream.errors import BrokerError
from stream.kafka.claim import Claim
from stream.kafka.clients import new_consumer
from stream.kafka.patience import Patience
from stream.logs import new_log
from stream.settings import Settings
from stream.simulator import simulate

SCORER = ContentScorer()
TAKEN = "another worker has taken this one's place"


def unclaimed(settings: Settings) -> Claim:
    return Claim(settings, Patience(new_log(io.StringIO())))


def claimed(settings: Settings) -> Claim:
    claim = unclaimed(settings)
    claim.make()
    return claim


def holds(claim: Claim) -> bool:
    try:
        claim.require()
    except BrokerError as error:
        if TAKEN not in str(error):
            raise
        return False
    return True


def test_a_name_is_that_workers_who_claimed_it_last(broker: str) -> None:
    settings = new_settings(broker, worker_id="one")
    first = claimed(settings)
    assert holds(first)
    second = claimed(settings)
    assert holds(second)
    assert not holds(first)


def test_other_names_and_other_groups_have_claims_of_their_own(broker: str) -> None:
    settings = new_settings(broker, worker_id="one")
    first = claimed(settings)
    claimed(settings.model_copy(update={"worker_id": "two"}))
    claimed(settings.model_copy(update={"group_id": settings.group_id + "-other"}))
    assert holds(first)


def test_workers_without_a_name_claim_none(broker: str) -> None:
    settings = new_settings(broker)
    first = claimed(settings)
    assert holds(claimed(settings))
    assert holds(first)


def test_a_name_that_the_broker_has_no_claim_of_any_more_is_still_that_of_its_worker(broker: str) -> None:
    assert holds(unclaimed(new_settings(broker, worker_id="one")))


def test_the_second_worker_of_one_name_ends_the_first(broker: str) -> None:
    settings = new_settings(broker, worker_id="twin")
    send(settings, [line(0, "Receiving block blk_1")])
    with refused(BrokerError, TAKEN), running(settings, SCORER) as first:
        wait_until(lambda: first.holds == 6, "the first worker works")
        with running(settings, SCORER) as second:
            wait_until(lambda: second.holds == 6, "the second one takes over")
            wait_until(lambda: first.ended, "the first one ends")
            assert not second.ended


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_a_worker_that_the_group_knows_by_a_member_it_never_heard_of_joins_again_if_nobody_has_claimed_its_name(
    broker: str, guarantee: str
) -> None:
    """As after a broker's death that took the group's reply with it."""
    settings = new_settings(broker, worker_id="only", guarantee=guarantee)
    lines = [*simulate(40, seed=15).lines(), far_later()]
    send(settings, lines[:200])
    with running(settings, SCORER) as worker:
        wait_until(lambda: worker.holds == 6, "it works")
        ghost = new_consumer(settings, **{"group.id": settings.group_id, "group.instance.id": "only"})
        ghost.subscribe([settings.raw_topic])
        wait_until(lambda: ghost.poll(0.1) is None and ghost.assignment(), "the group knows another member")
        ghost.close()
        send(settings, lines[200:])
        if guarantee == "exactly-once":
            until_closed(settings, lines, SCORER)
        else:
            wait_until(lambda: worker.holds == 6 and worker.lag() == 0, "it has read everything again")
        assert not worker.ended
    if guarantee == "exactly-once":
        assert_same_windows(settings, lines, SCORER)
