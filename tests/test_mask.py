"""What masking leaves of a message, and which words are left for the encoder."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.lines import LineReader, mask, words


def masked(message: str) -> str:
    """The masked text of a message with its digits still in it."""
    return LineReader().text(message.encode())


# Every message of the real lines in ../shared/data, and what must be left of it.
REAL_FORMS = {
    "Receiving block blk_-1608 src: /10.250.19.102:54106 dest: /10.250.19.102:50010": (
        "Receiving block <block> src: <address> dest: <address>"
    ),
    "BLOCK* NameSystem.allocateBlock: /user/root/rand/_temporary/_task_200811092030_0001_m_000081_0/part-0. blk_4": (
        "BLOCK* NameSystem.allocateBlock: <path> <block>"
    ),
    "BLOCK* NameSystem.addStoredBlock: blockMap updated: 10.251.194.245:50010 is added to blk_6 size 67108864": (
        "BLOCK* NameSystem.addStoredBlock: blockMap updated: <address> is added to <block> size"
    ),
    "PacketResponder 0 for block blk_6 terminating": "PacketResponder for block <block> terminating",
    "Received block blk_6 of size 67108864 from /10.251.194.245": "Received block <block> of size from <address>",
    "Deleting block blk_8 file /mnt/hadoop/dfs/data/current/subdir32/blk_8": "Deleting block <block> file <path>",
    "BLOCK* NameSystem.delete: blk_1 is added to invalidSet of 10.251.195.52:50010": (
        "BLOCK* NameSystem.delete: <block> is added to invalidSet of <address>"
    ),
    "10.251.43.192:50010 Served block blk_5 to /10.251.43.192": "<address> Served block <block> to <address>",
    "10.250.10.213:50010:Got exception while serving blk_4 to /10.250.6.191:": (
        "<address>:Got exception while serving <block> to <address>"
    ),
    "Verification succeeded for blk_328595803100712652": "Verification succeeded for <block>",
    "BLOCK* ask 10.251.215.70:50010 to replicate blk_8 to datanode(s) 10.251.214.130:50010": (
        "BLOCK* ask <address> to replicate <block> to datanode(s) <address>"
    ),
    "BLOCK* ask 10.251.215.70:50010 to replicate blk_8 to datanode(s) 10.251.214.130:50010 10.251.71.193:50010": (
        "BLOCK* ask <address> to replicate <block> to datanode(s) <address>"
    ),
    "BLOCK* ask 10.250.14.224:50010 to delete  blk_1 blk_-2 blk_3": "BLOCK* ask <address> to delete <block>",
    "10.250.14.224:50010 Starting thread to transfer block blk_-1 to 10.251.215.16:50010, 10.251.71.193:50010": (
        "<address> Starting thread to transfer block <block> to <address>"
    ),
    "Received block blk_8 src: /10.251.215.70:56423 dest: /10.251.215.70:50010 of size 3525930": (
        "Received block <block> src: <address> dest: <address> of size"
    ),
    "10.251.215.70:50010:Transmitted block blk_8 to /10.251.214.130:50010": (
        "<address>:Transmitted block <block> to <address>"
    ),
    "Unexpected error trying to delete block blk_6. BlockInfo not found in volumeMap.": (
        "Unexpected error trying to delete block <block>. BlockInfo not found in volumeMap."
    ),
    "writeBlock blk_7 received exception java.io.IOException: Could not read from stream": (
        "writeBlock <block> received exception java.io.IOException: Could not read from stream"
    ),
    "Receiving empty packet for block blk_-1090": "Receiving empty packet for block <block>",
    "BLOCK* NameSystem.addStoredBlock: addStoredBlock request received for blk_-5 on 10.251.106.10:50010 size 67108864 "
    "But it does not belong to any file.": (
        "BLOCK* NameSystem.addStoredBlock: addStoredBlock request received for <block> on <address> size "
        "But it does not belong to any file."
    ),
    "BLOCK* NameSystem.addStoredBlock: Redundant addStoredBlock request received for blk_2 on 10.251.66.3:50010 size": (
        "BLOCK* NameSystem.addStoredBlock: Redundant addStoredBlock request received for <block> on <address> size"
    ),
    "Changing block file offset of block blk_-4 from 0 to 34668544 meta file offset to 270855": (
        "Changing block file offset of block <block> from to meta file offset to"
    ),
    "PacketResponder blk_-4 2 Exception java.net.SocketTimeoutException: 120000 millis timeout while waiting for "
    "channel to be ready for read. ch : java.nio.channels.SocketChannel[connected local=/10.251.107.98:56002 "
    "remote=/10.251.107.50:50010]": (
        "PacketResponder <block> Exception java.net.SocketTimeoutException: millis timeout while waiting for "
        "channel to be ready for read. ch : java.nio.channels.SocketChannel[connected local=<address> "
        "remote=<address>]"
    ),
    "Exception in receiveBlock for block blk_-4 java.io.InterruptedIOException: Interruped while waiting for IO "
    "on channel java.nio.channels.SocketChannel[closed]. 59799 millis timeout left.": (
        "Exception in receiveBlock for block <block> java.io.InterruptedIOException: Interruped while waiting for IO "
        "on channel java.nio.channels.SocketChannel[closed]. millis timeout left."
    ),
    "writeBlock blk_-4 received exception java.io.EOFException": (
        "writeBlock <block> received exception java.io.EOFException"
    ),
    "PacketResponder 0 for block blk_-4 Interrupted.": "PacketResponder for block <block> Interrupted.",
    "10.251.107.98:50010:Exception writing block blk_-4 to mirror 10.251.107.50:50010": (
        "<address>:Exception writing block <block> to mirror <address>"
    ),
    "Exception in receiveBlock for block blk_-4 java.io.IOException: Connection reset by peer": (
        "Exception in receiveBlock for block <block> java.io.IOException: Connection reset by peer"
    ),
}

# Forms of Hadoop 2 and 3, and what is easily masked too little, too much, or not always alike.
OTHER_FORMS = {
    "PacketResponder: BP-1-10.0.0.1-2:blk_1_2, type=LAST_IN_PIPELINE, downstreams=1:[10.0.0.3:9866] terminating": (
        "PacketResponder: <pool>:<block>, type=LAST_IN_PIPELINE, downstreams=:[<address>] terminating"
    ),
    "allocate blk_1_2, replicas=10.0.0.1:9866, 10.0.0.2:9866 for /user/x/part-0._COPYING_": (
        "allocate <block>, replicas=<address> for <path>"
    ),
    "replicas=[ReplicaUC[[DISK]DS-3b8a7c1d-e2f3-4a5b-8c9d-0e1f2a3b4c5d:NORMAL:10.0.0.1:9866|RBW]]": (
        "replicas=[ReplicaUC[[DISK]<hex>:NORMAL:<address>|RBW]]"
    ),
    "srvID: 3b8a7c1d-e2f3-4a5b-8c9d-0e1f2a3b4c5d, duration(ns): 123456": "srvID: <hex>, duration(ns):",
    "Call From worker-1.example.com/10.0.0.1 to master:9000 failed": "Call From <address> to master: failed",
    "cmd=rename src=/tmp/a dst=/tmp/day=7/b perm=null": "cmd=rename src=<path> dst=<path> perm=null",
    "opening hdfs://master:8020/user/x": "opening <path>",
    "session 0x1696abc and 0x1 of Foo@1b2c3d and Foo@123": "session <hex> and <hex> of Foo@<hex> and Foo@<hex>",
    "digest " + "0a1b2c3d" * 8: "digest <hex>",
    "a dead face added: be fed, a bad cafe": "a dead face added: be fed, a bad cafe",
    "the rate is 3/4, or n/a": "the rate is /, or n/a",
}


@pytest.mark.parametrize("message", [*REAL_FORMS, *OTHER_FORMS])
def test_masking_leaves_the_form_of_a_message(message: str) -> None:
    assert masked(message) == (REAL_FORMS | OTHER_FORMS)[message]


@pytest.mark.parametrize(
    "form",
    [
        "code {} of the disk",
        "exit={} (see below)",
        "took [{}] of it",
        "free: {}%",
        "{}",
    ],
)
def test_a_message_with_another_number_is_the_same_message(form: str) -> None:
    assert len({masked(form.format(number)) for number in ("7", "-1", "0.25", "-.5", "1,000,000", "+3")}) == 1


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="0123456789"), max_size=80))
def test_masking_leaves_no_spaces_to_spare(message: str) -> None:
    text = mask(message)
    assert text == " ".join(text.split())
    assert words(text) == " ".join(words(text).split())


def test_masks_of_the_real_lines_are_few_and_sensible(shared_data: Path) -> None:
    reader = LineReader()
    for name, forms in (("hdfs-1pct", 30), ("hdfs-burst-20k", 13)):
        with gzip.open(shared_data / f"{name}.log.gz") as file:
            texts = {reader.read(line).text for line in file}
        assert len(texts) == forms
        assert {text.removeprefix("WARN ").split(": ", 1)[1] for text in texts} <= {
            *REAL_FORMS.values(),
            # pairings of the exceptions above with the messages above
            "PacketResponder <block> Exception java.io.EOFException",
            "PacketResponder <block> Exception java.io.InterruptedIOException: Interruped while waiting for IO on "
            "channel java.nio.channels.SocketChannel[closed]. millis timeout left.",
            "Exception in receiveBlock for block <block> java.io.EOFException",
            "Exception in receiveBlock for block <block> java.io.InterruptedIOException: Interruped while waiting for "
            "IO on channel java.nio.channels.SocketChannel[connected local=<address> remote=<address>]. "
            "millis timeout left.",
            "writeBlock <block> received exception java.io.IOException: Connection reset by peer",
            "writeBlock <block> received exception java.io.IOException: Interrupted receiveBlock",
            "writeBlock <block> received exception java.net.SocketTimeoutException",
        }


def test_words_are_lower_case_letters_without_placeholders() -> None:
    assert (
        words("WARN dfs.FSDataset: Got <block> at <path>, größer_als 数据!")
        == "warn dfs fs dataset got at größer als 数据"
    )
    assert words("") == words("<block> <path>... 12") == ""
