"""Real forms of lines, plain and in envelopes, to be damaged."""

import orjson

_LINES = (
    "081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-1608 src: /10.250.19.102:54106",
    "081109 203518 35 INFO dfs.FSNamesystem: BLOCK* ask 10.250.14.224:50010 to delete  blk_1 blk_-2 blk_3",
    "081109 203518 35 WARN dfs.FSDataset: Unexpected error trying to delete block blk_6. BlockInfo not found",
    "2023-10-10 08:02:30,123 INFO  datanode.DataNode (DataXceiver.java:writeBlock(747)) - Receiving "
    "BP-1234-10.0.0.1-1700000:blk_1073741825_1001 src: /10.0.0.1:51234 dest: /10.0.0.2:9866",
    "2023-10-10T08:02:30.123+0200 [IPC Server handler 5] WARN Server : Slow call for blk_7",
    "23/10/10 08:02:30 ERROR hdfs.DFSClient: failed to close file blk_9",
    "[2023-10-10 08:02:30,123] INFO blk_12 is done (kafka.log.LogManager)",
    "2023-10-10 08:02:30.123  INFO 12345 --- [main] c.e.App : blk_4",
)
_TRACE = "java.io.IOException: blk_3 reset\n\tat a.b.C.d(C.java:1)\nCaused by: java.lang.Error\n\t... 12 more"
_NS = "1696924950123456789"


def _json(value: object) -> bytes:
    return orjson.dumps(value)


def _wrapped(line: str) -> list[bytes]:
    record = {"timeUnixNano": _NS, "severityText": "WARN", "body": {"stringValue": line}}
    return [
        _json({"@timestamp": "2023-10-10T08:02:30.123Z", "message": line, "host": {"name": "dn1"}}),
        _json({"@timestamp": 1696924950.5, "log": line + "\n"}),
        _json({"MESSAGE": list(line.encode()), "__REALTIME_TIMESTAMP": "1696924950123456"}),
        _json({"streams": [{"stream": {"host": "a"}, "values": [[_NS, line], [_NS, "\tat x.y"]]}]}),
        _json(
            {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {"name": "x"}, "logRecords": [record] * 2}]}]}
        ),
        _json({"message": _json({"log": line, "time": "2023-10-10T08:02:30Z"}).decode(), "host": "b"}),
        f'<134>1 2023-10-10T08:02:30.123Z dn1 hdfs 12 - [a@1 b="]\\"x"] {line}'.encode(),
        f"<13>Oct  9 22:14:15 dn1 hdfs[12]: {line}".encode(),
        f"2023-10-10T08:02:30.123456789Z stdout F {line}".encode(),
    ]


PLAIN = [*(line.encode() for line in _LINES), *_TRACE.encode().split(b"\n") * 2]
"""Lines without envelopes and pieces of a trace, which go on with one another."""

FORMS = [
    *PLAIN,
    *(f"{line}\n{_TRACE}".encode() for line in _LINES[:4]),
    *(wrapped for line in (*_LINES[:4], "Receiving blk_1 src") for wrapped in _wrapped(line)),
    _json({"ts": 1696924950, "level": "warn", "logger": "dfs.DataNode", "msg": "bad blk_8", "stack_trace": _TRACE}),
    _json({"time": 1, "message": {"text": "deep"}, "block": "blk_5"}),
    b"",
]
"""Bytes of messages."""
