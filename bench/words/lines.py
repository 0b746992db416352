"""Lines that the HDFS_v1 log does not have, as masked texts: knowledge of the field, written down by hand, not learned.

Failures are in the words of Hadoop's own sources and of the reports of those who met them, at all levels from INFO, at
which HDFS logs most of its exceptions. Rewordings say what a known line says in other words, as another version would:
a word more, another order, or the words of HDFS 2 and 3.
"""

_ALLOCATE = "dfs.FSNamesystem: BLOCK* NameSystem.allocateBlock: <path> <block>"
_RECEIVING = "dfs.DataNode$DataXceiver: Receiving block <block> src: <address> dest: <address>"
_TERMINATING = "dfs.DataNode$PacketResponder: PacketResponder for block <block> terminating"
_RECEIVED = "dfs.DataNode$PacketResponder: Received block <block> of size from <address>"
_ADDED = "dfs.FSNamesystem: BLOCK* NameSystem.addStoredBlock: blockMap updated: <address> is added to <block> size"
_SERVED = "dfs.DataNode$DataXceiver: <address> Served block <block> to <address>"
_VERIFIED = "dfs.DataBlockScanner: Verification succeeded for <block>"
_DELETED = "dfs.FSNamesystem: BLOCK* NameSystem.delete: <block> is added to invalidSet of <address>"
_DELETING = "dfs.FSDataset: Deleting block <block> file <path>"

#: Known line → the same in other words.
REWORDED: dict[str, tuple[str, ...]] = {
    _ALLOCATE: (
        "dfs.FSNamesystem: BLOCK* NameSystem.allocateBlock: <block> allocated for <path>",
        "dfs.FSNamesystem: BLOCK* NameSystem.allocateBlock: new block <block> of <path>",
        "hdfs.StateChange: BLOCK* allocate <block>, replicas=<address> for <path>",
    ),
    _RECEIVING: (
        "dfs.DataNode$DataXceiver: Receiving new block <block> src: <address> dest: <address>",
        "dfs.DataNode$DataXceiver: Now receiving block <block> from src: <address> to dest: <address>",
        "dfs.DataNode$DataXceiver: src: <address> dest: <address> receiving block <block>",
        "datanode.DataNode: Receiving <block> src: <address> dest: <address>",
    ),
    _TERMINATING: (
        "dfs.DataNode$PacketResponder: Terminating PacketResponder for block <block>",
        "dfs.DataNode$PacketResponder: PacketResponder for block <block> is terminating as planned",
        "datanode.DataNode: PacketResponder: <block>, type=LAST_IN_PIPELINE terminating",
    ),
    _RECEIVED: (
        "dfs.DataNode$PacketResponder: Received the whole block <block> of size from <address>",
        "dfs.DataNode$PacketResponder: Block <block> of size was received from <address>",
        "dfs.DataNode$PacketResponder: Received from <address> block <block> of size",
        "datanode.DataNode: Received <block> size from <address>",
    ),
    _ADDED: (
        "dfs.FSNamesystem: BLOCK* NameSystem.addStoredBlock: updated blockMap: <block> size is added to <address>",
        "dfs.FSNamesystem: BLOCK* NameSystem.addStoredBlock: block map updated: <address> is now added to <block> size",
        "BlockStateChange: BLOCK* addStoredBlock: blockMap updated: <address> is added to <block> size",
    ),
    _SERVED: (
        "dfs.DataNode$DataXceiver: <address> Successfully served block <block> to <address>",
        "dfs.DataNode$DataXceiver: Block <block> served to <address> by <address>",
        "datanode.DataNode: <address> Served block <block> to <address>",
    ),
    _VERIFIED: (
        "dfs.DataBlockScanner: Verification of <block> succeeded",
        "dfs.DataBlockScanner: Periodic verification succeeded for block <block>",
        "datanode.VolumeScanner: Verification succeeded for <block> on volume <path>",
    ),
    _DELETED: (
        "dfs.FSNamesystem: BLOCK* NameSystem.delete: block <block> is now added to invalidSet of <address>",
        "dfs.FSNamesystem: BLOCK* NameSystem.delete: added <block> to invalidSet of <address>",
        "BlockStateChange: BLOCK* addToInvalidates: <block> <address>",
    ),
    _DELETING: (
        "dfs.FSDataset: Deleting file <path> of block <block>",
        "dfs.FSDataset: Now deleting block <block> and its file <path>",
        "impl.FsDatasetAsyncDiskService: Scheduling <block> file <path> for deletion",
        "impl.FsDatasetAsyncDiskService: Deleted <block> file <path>",
    ),
}

#: What nobody has to look at, and no known line says.
NEWS: tuple[str, ...] = (
    "dfs.FSNamesystem: BLOCK* NameSystem.completeFile: file <path> of <block> is closed by <address>",
    "dfs.StateChange: DIR* NameSystem.completeFile: <path> with last block <block> is closed",
    "dfs.DataNode$DataXceiver: Client <address> opened block <block> for reading",
    "dfs.DataNode: Scheduled block <block> for verification",
    "dfs.DataNode: Sent block report with <block> to <address>",
    "datanode.DataNode: Successfully sent block report with <block>",
    "dfs.FSDataset: Registered block <block> in volume <path>",
    "dfs.FSDataset: Finalized block <block> in <path>",
    "datanode.FsDatasetCache: Successfully cached <block>",
    "dfs.Balancer: Moved block <block> from <address> to <address> as planned",
    "dfs.FSNamesystem: Lease of <path> with block <block> renewed by <address>",
    "dfs.FSNamesystem: BLOCK* NameSystem.updatePipeline: <block> now has new generation stamp",
    "datanode.DataNode.clienttrace: src: <address>, dest: <address>, op: HDFS_READ, block: <block>",
    "dfs.DataNode: Received heartbeat reply for block <block> from <address>",
    "dfs.FSNamesystem: Quota of <path> updated with block <block>",
)

FAILURES: tuple[str, ...] = (
    "WARN dfs.DataNode$BlockReceiver: IOException for block <block>: java.io.IOException: No space left on device",
    "ERROR dfs.DataNode: DataXceiver for <block>: DiskChecker$DiskOutOfSpaceException: Insufficient space for block",
    "WARN fs.FSInputChecker: Found checksum error in <block>: org.apache.hadoop.fs.ChecksumException: Checksum error",
    "WARN dfs.DataBlockScanner: Second Verification failed for <block>. Exception : java.io.IOException",
    "WARN dfs.DataBlockScanner: Reporting bad block <block> to namenode.",
    "WARN dfs.DataNode: checkDiskError for <block>: java.io.IOException: Input/output error",
    "ERROR dfs.DataNode$DataXceiver: java.lang.OutOfMemoryError: Java heap space while writing <block>",
    "ERROR dfs.DataNode: java.lang.OutOfMemoryError: unable to create new native thread for <block>",
    "WARN dfs.DataNode: recoverBlocks FAILED for block <block>: Replica recovery failed",
    "dfs.DFSClient: Could not obtain block <block> from any node: java.io.IOException: No live nodes contain block",
    "dfs.DataNode$DataXceiver: writeBlock <block> received exception java.io.IOException: Broken pipe",
    "dfs.DataNode$DataXceiver: writeBlock <block> received exception java.net.NoRouteToHostException: No route to host",
    "dfs.DataNode$DataXceiver: readBlock <block> received exception java.io.FileNotFoundException: <path> is missing",
    "dfs.DataNode$BlockReceiver: Exception in receiveBlock for block <block> java.net.ConnectException: refused",
    "dfs.DataNode: Block <block> is not valid. Meta file <path> is corrupted",
    "WARN dfs.FSNamesystem: BLOCK NameSystem.addToCorruptReplicasMap: <block> added as corrupt on <address>",
    "ERROR dfs.DataNode: Disk error: cannot write to <path> for <block>, read-only file system",
    "WARN dfs.DataNode: DataNode is shutting down: java.io.IOException: All directories of <block> are bad",
    "FATAL dfs.FSNamesystem: Unable to log edits of <block> to <path>: fatal error",
    "WARN dfs.FSNamesystem: Not able to place enough replicas for <block>, still in need of some",
    "WARN dfs.DataNode: Slow flushOrSync took too long for <block>, timed out",
    "ERROR dfs.DataNode$DataXceiver: error processing <block>: java.io.IOException: Premature EOF from inputStream",
    "dfs.DataNode: PermissionDenied: Access token for block <block> is denied for <address>",
    "dfs.DataNode$DataTransfer: Failed to transfer <block> to <address> got java.net.SocketException: Connection lost",
    "WARN hdfs.DFSClient: Error Recovery for block <block> in pipeline <address>: bad datanode <address>",
    "dfs.FSNamesystem: BLOCK* Removing block <block> from lost data node <address>, replicas are under minimum",
    "WARN dfs.FSDataset: Volume <path> of block <block> failed and is removed",
    "dfs.DataNode: Unrecoverable mismatch of length of <block>, replica is truncated",
    "ERROR dfs.DataNode: Exception in thread of <block>: java.lang.NullPointerException",
    "WARN dfs.LeaseManager: Lease recovery of <path> with <block> failed: File is corrupt, blocks are missing",
)
