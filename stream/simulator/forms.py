"""Rows to bytes: the text of every line form of HDFS 0.20 that the simulator writes.

Texts are those of HDFS_v1's log, spelling mistakes included; two are from HDFS 0.20's source, as the tests list.
Does not know why a line is written.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from stream.simulator.events import EVENT, Kind, Rows

_XCEIVER = b"INFO dfs.DataNode$DataXceiver: "
_RESPONDER = b"INFO dfs.DataNode$PacketResponder: "
_RECEIVER = b"INFO dfs.DataNode$BlockReceiver: "
_NAMES = b"INFO dfs.FSNamesystem: BLOCK* "
_CHANNEL = b"java.nio.channels.SocketChannel[connected local=/%b:50010 remote=/%b:%d]"
_WRITE = _XCEIVER + b"writeBlock blk_%d received exception "
_RECEIVE = _RECEIVER + b"Exception in receiveBlock for block blk_%d "

#: Template and the fields that fill it: k block, a b c the numbers, A B C the nodes of these numbers,
#: P path of job ``a``, S sub-folder ``a``, L list of blocks ``b``.
FORMS: dict[Kind, tuple[bytes, str]] = {
    Kind.ALLOCATE: (_NAMES + b"NameSystem.allocateBlock: %b%06d_%d/part-%05d. blk_%d", "Pbcbk"),
    Kind.RECEIVING: (_XCEIVER + b"Receiving block blk_%d src: /%b:%d dest: /%b:50010", "kAbA"),
    Kind.TERMINATING: (_RESPONDER + b"PacketResponder %d for block blk_%d terminating", "ak"),
    Kind.RECEIVED: (_RESPONDER + b"Received block blk_%d of size %d from /%b", "kbA"),
    Kind.ADDED: (
        _NAMES + b"NameSystem.addStoredBlock: blockMap updated: %b:50010 is added to blk_%d size %d",
        "Akb",
    ),
    Kind.SERVED: (_XCEIVER + b"%b:50010 Served block blk_%d to /%b", "AkB"),
    Kind.SERVE_EXCEPTION: (
        b"WARN dfs.DataNode$DataXceiver: %b:50010:Got exception while serving blk_%d to /%b:",
        "AkB",
    ),
    Kind.VERIFIED: (b"INFO dfs.DataBlockScanner: Verification succeeded for blk_%d", "k"),
    Kind.INVALIDATED: (_NAMES + b"NameSystem.delete: blk_%d is added to invalidSet of %b:50010", "kA"),
    Kind.DELETING: (
        b"INFO dfs.FSDataset: Deleting block blk_%d file /mnt/hadoop/dfs/data/current/%bblk_%d",
        "kSk",
    ),
    Kind.ASK_REPLICATE: (_NAMES + b"ask %b:50010 to replicate blk_%d to datanode(s) %b:50010", "AkB"),
    Kind.ASK_REPLICATE_TWO: (
        _NAMES + b"ask %b:50010 to replicate blk_%d to datanode(s) %b:50010 %b:50010",
        "AkBC",
    ),
    Kind.TRANSFER: (
        b"INFO dfs.DataNode: %b:50010 Starting thread to transfer block blk_%d to %b:50010",
        "AkB",
    ),
    Kind.TRANSFER_TWO: (
        b"INFO dfs.DataNode: %b:50010 Starting thread to transfer block blk_%d to %b:50010, %b:50010",
        "AkBC",
    ),
    Kind.TRANSMITTED: (b"INFO dfs.DataNode$DataTransfer: %b:50010:Transmitted block blk_%d to /%b:50010", "AkB"),
    Kind.RECEIVED_COPY: (_XCEIVER + b"Received block blk_%d src: /%b:%d dest: /%b:50010 of size %d", "kAbAc"),
    Kind.ASK_DELETE: (_NAMES + b"ask %b:50010 to delete %b", "AL"),
    Kind.REDUNDANT_ADD: (
        b"WARN dfs.FSNamesystem: BLOCK* NameSystem.addStoredBlock: Redundant addStoredBlock request received"
        b" for blk_%d on %b:50010 size %d",
        "kAb",
    ),
    Kind.ORPHAN_ADD: (
        _NAMES + b"NameSystem.addStoredBlock: addStoredBlock request received for blk_%d on %b:50010 size %d"
        b" But it does not belong to any file.",
        "kAb",
    ),
    Kind.UNKNOWN_DELETE: (
        b"WARN dfs.FSDataset: Unexpected error trying to delete block blk_%d. BlockInfo not found in volumeMap.",
        "k",
    ),
    Kind.EMPTY_PACKET: (_RECEIVER + b"Receiving empty packet for block blk_%d", "k"),
    Kind.CHANGED_OFFSET: (
        _RECEIVER + b"Changing block file offset of block blk_%d from 0 to %d meta file offset to %d",
        "kab",
    ),
    Kind.MIRROR_EXCEPTION: (_RECEIVER + b"%b:50010:Exception writing block blk_%d to mirror %b:50010", "AkB"),
    Kind.WRITE_STREAM_LOST: (_WRITE + b"java.io.IOException: Could not read from stream", "k"),
    Kind.WRITE_RESET: (_WRITE + b"java.io.IOException: Connection reset by peer", "k"),
    Kind.WRITE_INTERRUPTED: (_WRITE + b"java.io.IOException: Interrupted receiveBlock", "k"),
    Kind.WRITE_EOF: (_WRITE + b"java.io.EOFException", "k"),
    Kind.WRITE_TIMEOUT: (_WRITE + b"java.net.SocketTimeoutException", "k"),
    Kind.RECEIVE_EOF: (_RECEIVE + b"java.io.EOFException", "k"),
    Kind.RECEIVE_RESET: (_RECEIVE + b"java.io.IOException: Connection reset by peer", "k"),
    Kind.RECEIVE_INTERRUPTED: (
        _RECEIVE + b"java.io.InterruptedIOException: Interruped while waiting for IO on channel "
        b"" + _CHANNEL + b". 0 millis timeout left.",
        "kABc",
    ),
    Kind.RESPONDER_EOF: (_RESPONDER + b"PacketResponder blk_%d %d Exception java.io.EOFException", "ka"),
    Kind.RESPONDER_TIMEOUT: (
        _RESPONDER + b"PacketResponder blk_%d 2 Exception java.net.SocketTimeoutException: 120000 millis timeout"
        b" while waiting for channel to be ready for read. ch : java.nio.channels.SocketChannel[connected"
        b" local=/%b:%d remote=/%b:50010]",
        "kAcB",
    ),
    Kind.RESPONDER_CLOSED: (
        _RESPONDER + b"PacketResponder blk_%d %d Exception java.io.InterruptedIOException: Interruped while"
        b" waiting for IO on channel java.nio.channels.SocketChannel[closed]. %d millis timeout left.",
        "kab",
    ),
    Kind.RESPONDER_INTERRUPTED: (_RESPONDER + b"PacketResponder %d for block blk_%d Interrupted.", "ak"),
}

#: Sub-folders of a data node's disk; the last one, index -1, is the top folder.
_SUBDIRS = [b"subdir%d/" % i for i in range(64)] + [b""]


@dataclass(slots=True)
class Writer:
    """Turns rows into lines; holds the names that the rows' numbers stand for."""

    start: datetime
    nodes: list[bytes]
    paths: dict[int, bytes] = field(default_factory=dict)
    block_lists: dict[int, bytes] = field(default_factory=dict)

    def lines(self, rows: Rows) -> list[bytes]:
        """One line a row, without newline, in the order of the rows."""
        lines = np.empty(len(rows), object)
        stamps = self._stamps(rows)
        kinds = rows["kind"]
        for kind in np.unique(kinds).tolist():
            where = np.flatnonzero(kinds == kind)
            template, fields = FORMS[Kind(kind)]
            chosen = rows[where]
            columns = [stamps[where].tolist(), chosen["pid"].tolist()]
            columns += [self._column(name, chosen) for name in fields]
            full = b"%b%d " + template
            lines[where] = [full % values for values in zip(*columns, strict=True)]
        result: list[bytes] = lines.tolist()
        return result

    def _stamps(self, rows: Rows) -> Any:
        """Each row's ``YYMMDD HHMMSS ``; made once a second, not once a line."""
        seconds, inverse = np.unique(rows["time"], return_inverse=True)
        stamps = np.empty(len(seconds), object)
        stamps[:] = [(self.start + timedelta(seconds=s)).strftime("%y%m%d %H%M%S ").encode() for s in seconds.tolist()]
        return stamps[inverse]

    def _column(self, name: str, rows: Rows) -> list[Any]:
        if name == "k":
            return list(rows["block"].tolist())
        if name in "abc":
            return list(rows[name].tolist())
        if name in "ABC":
            return _look_up(self.nodes.__getitem__, rows[name.lower()])
        if name == "P":
            return _look_up(self.paths.__getitem__, rows["a"])
        if name == "S":
            return _look_up(_SUBDIRS.__getitem__, rows["a"])
        return _look_up(self.block_lists.pop, rows["b"])


def example(kind: Kind) -> bytes:
    """A line of this kind, its variables any: what it has in common with all others is its words."""
    writer = Writer(
        datetime(2008, 11, 9), [b"10.250.0.1"], {0: b"/user/root/rand/_temporary/_task_"}, {0: b"blk_1 blk_2"}
    )
    row = np.zeros(1, EVENT)
    row["kind"], row["block"] = kind, 1
    return writer.lines(row)[0]


def _look_up(find: Callable[[int], bytes], numbers: Any) -> list[bytes]:
    return [find(number) for number in numbers.tolist()]


def node_addresses(count: int, rng: np.random.Generator) -> list[bytes]:
    """Addresses of data nodes, all different, in the networks of HDFS_v1's cluster (10.250 and 10.251).

    Raises:
        ValueError: more nodes than these networks are asked to hold.
    """
    if not 4 <= count <= 50_000:
        raise ValueError(f"nodes must be 4 to 50000, not {count}")
    hosts = rng.choice(2 * 200 * 250, count, replace=False).tolist()
    return [b"10.%d.%d.%d" % (250 + h // 50_000, 5 + h // 250 % 200, 2 + h % 250) for h in hosts]
