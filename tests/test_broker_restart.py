"""A broker that goes and comes back beneath a running worker: nothing is lost, nothing doubled, and it goes on."""

from pathlib import Path

from pipeline import ContentScorer, all_read, assert_same_windows, far_later, new_settings, running, send, until_closed
from pipeline import wait_until as wait

from stream.broker import EmbeddedBroker
from stream.simulator import simulate

SCORER = ContentScorer()


def test_the_worker_goes_on_where_the_broker_goes_on(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path / "broker", port=0, die_with_parent=True)
    address = broker.start()
    again = EmbeddedBroker(tmp_path / "broker", port=int(address.rpartition(":")[2]), die_with_parent=True)
    lines = [*simulate(40, seed=13).lines(), far_later()]
    half = len(lines) // 2
    try:
        settings = new_settings(address, worker_id="one")  # back in its group at once
        send(settings, lines[:half])
        with running(settings, SCORER):
            wait(lambda: all_read(settings), "the first half is read")
            broker.stop()
            again.start()
            send(settings, lines[half:])
            until_closed(settings, lines, SCORER)
        assert_same_windows(settings, lines, SCORER)
    finally:
        again.stop()
