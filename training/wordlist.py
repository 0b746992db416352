"""What every engineer knows of log messages before any log is read: words of trouble, and words of everyday work.

Knowledge of the field, not labels: nothing here comes from the log that is trained on, nor from what failed in it. It
teaches the head what an *unknown* line may mean. A known line is judged by what it goes with, whatever it says (HDFS
writes ``Got exception while serving`` about healthy blocks); where it does not fit, trouble weighs more. Lower-cased
words, as ``stream.lines.words`` leaves them.
"""

from stream.lines import words


def _listed(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split(","))


LEVELS = ("warn", "error", "fatal", "severe", "critical")
"""Levels that a masked text keeps: from WARN upwards."""

TROUBLE = _listed("""
    abort, aborted, aborting, bad, broken pipe, bug, can t, cannot, checksum mismatch, collision, connection
    refused, connection reset, corrupt, corrupted, corruption, could not, crash, crashed, damaged, dead, deadlock,
    denied, died, disconnected, does not exist, down, dropped, eof, error, errors, exceeded, exception, exhausted,
    expired, fail, failed, fails, failure, fault, forbidden, full, giving up, hung, illegal, incomplete,
    inconsistent, insufficient, interrupted, invalid, io error, killed, leak, lost, malformed, mismatch, missing, no
    more, no route, no space left, no such file, none, not available, not enough, not found, not permitted, not
    responding, null pointer, out of memory, overflow, panic, permission denied, premature, quota exceeded, refused,
    rejected, rollback, rolled back, segfault, segmentation fault, shutting down, stale, stuck, terminated, time
    out, timed out, timeout, too large, too many, truncated, unable, unauthorized, unavailable, undefined, under,
    unexpected, unknown host, unreachable, unreadable, unrecoverable, unsupported, violation, wrong
""")
"""Words and phrases that a line says when something goes wrong."""

EVERYDAY = _listed("""
    accepted, access, acknowledged, active, added, address, after, all, allocated, and, append, applied, ask,
    assigned, at, attempt, background, balanced, batch, begin, block, buffer, bytes, cache, cached, call, checked,
    checkpoint, chunk, client, close, closed, cluster, command, commit, committed, complete, completed, compressed,
    config, connected, copied, copy, count, created, data, delete, deleted, directory, disk, done, duration, edit,
    elapsed, end, entry, epoch, existing, expected, file, finalized, finished, flush, flushed, for, from,
    generation, handled, has, heartbeat, host, id, in, index, info, initialized, input, is, job, key, last, lease,
    length, list, loaded, local, location, log, manager, map, marked, memory, merged, message, metadata, mirror,
    moved, ms, name, network, new, next, node, notified, now, number, of, offset, ok, old, on, open, opened,
    operation, output, packet, path, peer, pending, periodic, persisted, pipeline, pool, port, primary, processed,
    progress, queue, queued, rack, read, ready, receive, received, receiving, recorded, refresh, registered,
    released, remote, removed, rename, replica, replicas, reply, report, request, requested, reserved, resolved,
    response, restored, resumed, roll, running, saved, scan, scheduled, secondary, seconds, segment, send, sending,
    sent, sequence, server, service, serving, session, set, shared, size, snapshot, socket, source, stage, started,
    starting, state, status, stopped, storage, store, stored, stream, submitted, succeeded, success, successful,
    successfully, sync, synced, table, target, task, thread, time, to, token, total, transaction, transfer,
    transferred, update, updated, upload, user, using, validated, value, verified, version, volume, waiting, window,
    with, worker, write, writing, written, zone
""")
"""Words of lines that report that work goes on as it should."""

_TROUBLED = frozenset(word for phrase in (*LEVELS, *TROUBLE) for word in phrase.split()) - frozenset(EVERYDAY)


def is_troubled(word: str) -> bool:
    """Whether a word by itself speaks of trouble."""
    return word in _TROUBLED


def speaks_of_trouble(text: str) -> bool:
    """Whether a masked text has a word of trouble, a level from WARN upwards among them."""
    return any(is_troubled(word) for word in words(text).split())
