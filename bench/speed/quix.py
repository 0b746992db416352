"""quixstreams counts the lines of each block in tumbling windows of a minute, exactly once. Imports nothing of ours: it
is run with packages of its own.

``python quix.py ADDRESS GROUP FROM TO STATE_FOLDER``
"""

import sys
from datetime import timedelta

from quixstreams import Application  # type: ignore[import-not-found, unused-ignore]


def main(address: str, group: str, source: str, sink: str, state: str) -> None:
    """Count until the process is ended."""
    app = Application(
        broker_address=address,
        consumer_group=group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=1.0,
        state_dir=state,
        loglevel="WARNING",
        consumer_extra_config={"fetch.queue.backoff.ms": 20},
    )
    lines = app.dataframe(app.topic(source, key_deserializer="bytes", value_deserializer="bytes"))
    counted = lines.tumbling_window(timedelta(minutes=1)).count().final()
    counted.to_topic(app.topic(sink, key_serializer="bytes", value_serializer="json"))
    app.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
