"""How long samples and labels took, from PostgreSQL's own commit times.

The embedded server records the time of every commit
(``track_commit_timestamp``), so the figures need no trust in the processes that
are measured: receipt of a packet is the row's ``received_at``, and a row's
commit is ``pg_xact_commit_timestamp(xmin)``.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from django.db import connection

from inference.ecg.types import CLASSES
from inference.models import BeatBlock
from inference.services.block_rows import plain_rows

Percentiles = dict[str, float | None]

STORED = """
SELECT EXTRACT(EPOCH FROM pg_xact_commit_timestamp(xmin) - received_at) * 1000
FROM devices_chunk WHERE n > 0 AND received_at >= %s
"""
CHUNKS = """
SELECT record_id, first_sample, EXTRACT(EPOCH FROM received_at) * 1000
FROM devices_chunk WHERE n > 0 AND received_at >= %s ORDER BY record_id, first_sample
"""
BLOCK_COMMITS = """
SELECT id, EXTRACT(EPOCH FROM pg_xact_commit_timestamp(xmin)) * 1000
FROM inference_beatblock WHERE NOT provisional
"""


def percentiles(values_ms: Sequence[float]) -> Percentiles:
    """Return p50, p95 and p99 in ms; None without any value."""
    if not len(values_ms):
        return {"p50": None, "p95": None, "p99": None}
    values = np.asarray(values_ms, float)
    return {f"p{p}": round(float(np.percentile(values, p)), 1) for p in (50, 95, 99)}


def stored_ms(since: datetime) -> Percentiles:
    """Receipt of the packet to its commit."""
    with connection.cursor() as cursor:
        cursor.execute(STORED, [since])
        return percentiles([float(row[0]) for row in cursor.fetchall()])


def labelled_ms(since: datetime) -> Percentiles:
    """Receipt of the packet that holds the R peak to commit of its final class."""
    with connection.cursor() as cursor:
        cursor.execute(CHUNKS, [since])
        chunks = np.array(cursor.fetchall(), float).reshape(-1, 3)
        cursor.execute(BLOCK_COMMITS)
        committed_ms = dict(cursor.fetchall())
    delays: list[float] = []
    blocks = BeatBlock.objects.filter(provisional=False, count__gt=0, packed=None)
    for block in blocks:
        mine = chunks[chunks[:, 0] == block.record_id]
        if not len(mine):
            continue
        samples = np.frombuffer(block.samples, "<i8")
        index = np.searchsorted(mine[:, 1], samples, side="right") - 1
        known = index >= 0
        received_ms = mine[index[known], 2]
        delays.extend(float(committed_ms[block.pk]) - received_ms)
    return percentiles(delays)


def beats_by_class() -> dict[str, int]:
    """Count the settled beats of every class."""
    counts = np.zeros(len(CLASSES), int)
    for (classes,) in plain_rows(BeatBlock.objects.all(), "classes"):
        counts += np.bincount(np.frombuffer(classes, "u1"), minlength=len(CLASSES))
    return {name: int(n) for name, n in zip(CLASSES, counts, strict=True)}
