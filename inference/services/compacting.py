"""Make history small: signal into segments, beats into packed blocks, few checkpoints.

Nothing that is said of a record changes; a packet that comes late into any of it is
worked in as before.
"""

import logging
import time
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.db.models import F, Q

from devices.models import SEGMENT_S, Compaction, Record
from devices.services import compact_record
from devices.services.compacting import REST, due_spans, rest_of
from inference.models import AnalysisState, BeatBlock, Checkpoint, Reanalysis
from inference.packed_beats import pack_beats
from inference.services.block_rows import ARRAYS
from inference.services.block_swap import replace_blocks

log = logging.getLogger(__name__)

# A killed worker's records are free again after this.
CLAIM = timedelta(minutes=5)
# A record that sent nothing for so long has ended, as far as anybody can tell.
ENDED = timedelta(hours=1)
AFTER_FAILURE = timedelta(minutes=5)
BATCH_RECORDS = 16
# Late packets come mostly within the hour; later ones cost hours of analysis again.
RECENT_CHECKPOINTS_S = 3600
KEPT_CHECKPOINTS_S = 4 * 3600
# The fields of a Compaction that whoever claimed it writes.
_OURS = [
    "done_sample",
    "done_received_at",
    "failed_count",
    "next_try_at",
    "claimed_until",
]


def compact_pending(*, now: datetime, most_s: float = float("inf")) -> int:
    """Compact whatever has rested; return how many segments were written.

    May run twice, and at the same moment elsewhere.
    """
    start = time.monotonic()
    done = 0
    while time.monotonic() - start < most_s:
        claimed = _claim(now=now)
        if not claimed:
            break
        for state in claimed:
            done += _compact(state, now=now)
    return done


def settled_sample(state: AnalysisState) -> int:
    """Return the sample before which nothing waits to be analysed, or once more."""
    record = state.record
    settled = state.cursor_sample
    if state.flushed_sample == record.end_sample:
        settled = record.end_sample
    for sample in (state.redo_from_sample, record.late_from_sample):
        settled = settled if sample is None else min(settled, sample)
    return settled


@transaction.atomic
def _claim(*, now: datetime) -> list[AnalysisState]:
    """Take at most a batch of records that have something to compact."""
    fs = F("record__fs")
    Compaction.objects.bulk_create(
        [
            Compaction(record_id=pk)
            for pk in AnalysisState.objects.filter(
                Q(cursor_sample__gte=fs * SEGMENT_S)
                | Q(record__last_received_at__lt=now - ENDED),
                record__compaction=None,
            )
            .order_by("pk")
            .values_list("record_id", flat=True)[:500]
        ],
        ignore_conflicts=True,
    )
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    due = Q(next_try_at=None) | Q(next_try_at__lte=now)
    # What is recorded now is full, and has rested, so far behind; records that began
    # together, as after a power cut, take turns.
    behind = SEGMENT_S + int(REST.total_seconds()) + F("record_id") % SEGMENT_S
    grown = Q(record__analysis__cursor_sample__gte=F("done_sample") + fs * behind)
    heard = Q(done_received_at=None) | ~Q(
        done_received_at=F("record__last_received_at")
    )
    ended = Q(heard, record__last_received_at__lt=now - ENDED)
    rows = list(
        Compaction.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(free, due, grown | ended, record__analysis__isnull=False)
        .order_by("done_sample", "pk")[:BATCH_RECORDS]
    )
    Compaction.objects.filter(pk__in=[row.pk for row in rows]).update(
        claimed_until=now + CLAIM
    )
    states = AnalysisState.objects.filter(record__in=[row.record_id for row in rows])
    return list(states.select_related("record", "record__compaction"))


def _compact(state: AnalysisState, *, now: datetime) -> int:
    """Compact one claimed record and give it back; a failing one is put off."""
    row: Compaction = state.record.compaction
    try:
        done = _compact_signal(state, row, now=now)
        limit = row.done_sample
        pack_history(record=state.record, before_sample=limit)
        thin_checkpoints(record=state.record, cursor_sample=state.cursor_sample)
    except DatabaseError:
        raise
    except Exception:
        log.exception("Record %s cannot be compacted", state.record_id)
        row.failed_count += 1
        row.next_try_at = now + AFTER_FAILURE * min(row.failed_count, 12)
        done = 0
    row.claimed_until = None
    # What was removed of the record (``remove_history``) is not ours to write; the row
    # may be gone with its record.
    ours = {name: getattr(row, name) for name in _OURS}
    Compaction.objects.filter(pk=row.pk).update(**ours)
    return done


def _compact_signal(state: AnalysisState, row: Compaction, *, now: datetime) -> int:
    record = state.record
    settled = settled_sample(state)
    received_at = record.last_received_at
    ended = received_at is not None and received_at < now - ENDED
    done = compact_record(record=record, analysed_sample=settled, ended=ended, now=now)
    row.failed_count, row.next_try_at = 0, None
    before = row.done_sample
    left = rest_of(record)
    span = SEGMENT_S * record.fs
    reached = settled // span * span
    row.done_sample = min(reached, left if left is not None else reached)
    if done or row.done_sample > before:
        return done
    row.next_try_at = now + REST
    # The end of a stream without a clock rests for longer.
    waits = record.time_uncertain and left is not None
    # What is computed anew comes back as plain rows.
    waits |= state.redo_from_sample is not None
    if ended and not waits and not due_spans(record, settled, ended=True, now=now):
        # Until something comes, there is nothing more to do.
        row.done_received_at, row.next_try_at = received_at, None
        row.done_sample = record.end_sample if left is None else row.done_sample
    return 0


def pack_history(*, record: Record, before_sample: int) -> int:
    """Pack the blocks of beats that lie before a sample, those of a span into one.

    Blocks of one author that follow each other are joined; where somebody else's
    begin or end, a block ends. Returns how many blocks were left of them. What late
    samples change meanwhile is left for the next time.
    """
    size = SEGMENT_S * record.fs
    plain = BeatBlock.every.filter(
        record=record, packed=None, provisional=False, start_sample__lt=before_sample
    )
    starts = plain.order_by("start_sample").values_list("start_sample", flat=True)
    spans = sorted({start // size * size for start in starts})
    return sum(_pack_span(record, span, span + size) for span in spans)


def _pack_span(record: Record, start: int, end: int) -> int:
    blocks = BeatBlock.every.filter(
        record=record,
        provisional=False,
        start_sample__gte=start,
        start_sample__lt=end,
    ).order_by("reanalysis", "annotator", "start_sample")
    edges = {
        sample
        for bounds in Reanalysis.objects.filter(record=record).values_list(
            "start_sample", "end_sample"
        )
        for sample in bounds
    }
    runs = _runs(list(blocks), edges, fs=record.fs)
    joined = [_joined(run) for run in runs if len(run) > 1 or run[0].packed is None]
    return sum(
        replace_blocks(record=record, old=pks, new=block) for block, pks in joined
    )


def _runs(
    blocks: Sequence[BeatBlock], edges: set[int], *, fs: int
) -> Iterator[list[BeatBlock]]:
    """Group blocks of one author that follow each other by whole seconds."""
    run: list[BeatBlock] = []
    for block in blocks:
        last = run[-1] if run else None
        follows = (
            last is not None
            and last.reanalysis_id == block.reanalysis_id
            and last.annotator == block.annotator
            and last.end_sample == block.start_sample
            and last.end_sample % fs == 0
            and block.start_sample not in edges
        )
        if run and not follows:
            yield run
            run = []
        run.append(block)
    if run:
        yield run


def _joined(run: Sequence[BeatBlock]) -> tuple[BeatBlock, list[int]]:
    """Return one block in place of those of a run, and their primary keys."""
    arrays = [block.arrays for block in run]
    first, last = run[0], run[-1]
    with_beats = [block for block in run if block.count]
    block = BeatBlock(
        record_id=first.record_id,
        reanalysis_id=first.reanalysis_id,
        annotator=first.annotator,
        start_sample=first.start_sample,
        end_sample=last.end_sample,
        first_beat_sample=with_beats[0].first_beat_sample if with_beats else None,
        last_beat_sample=with_beats[-1].last_beat_sample if with_beats else None,
        count=sum(block.count for block in run),
        packed=pack_beats(
            {name: b"".join(part[name] for part in arrays) for name in ARRAYS}
        ),
        heart_rate_bpm=last.heart_rate_bpm,
        created_at=max(block.created_at for block in run),
    )
    return block, [block.pk for block in run]


def thin_checkpoints(*, record: Record, cursor_sample: int) -> int:
    """Keep one checkpoint of four hours where the analysis is far ahead, compressed.

    A late packet there is analysed from the one before it: the same result, later.
    Returns how many were deleted.
    """
    limit = cursor_sample - RECENT_CHECKPOINTS_S * record.fs
    plain = Checkpoint.objects.filter(record=record, compressed=False, sample__lt=limit)
    step = KEPT_CHECKPOINTS_S * record.fs
    found = dict(plain.values_list("pk", "sample"))
    for pk, sample in found.items():
        if sample % step == 0:
            _compress(pk)
    rest = [pk for pk, sample in found.items() if sample % step]
    return Checkpoint.objects.filter(pk__in=rest, compressed=False).delete()[0]


@transaction.atomic
def _compress(pk: int) -> None:
    rows = Checkpoint.objects.select_for_update().filter(pk=pk, compressed=False)
    for checkpoint in rows:
        checkpoint.state, checkpoint.compressed = (
            zlib.compress(checkpoint.carried),
            True,
        )
        checkpoint.save(update_fields=["state", "compressed"])
