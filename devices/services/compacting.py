"""Turn the chunks of a record into segments, where the analysis is through with them.

A chunk with signal belongs to the span in which it begins; a heartbeat goes with the
next one by ``seq`` that has signal, and waits as a row until there is one. So the
segments of a record lie one after the other by ``seq`` as they do by sample.
"""

import logging
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Max

from devices.models import SEGMENT_S, Chunk, Record, Segment
from devices.packing import pack_chunks, span_of, unpack_chunks
from devices.segment_reading import segment_data
from devices.segments import DamagedSegment
from devices.services.segments import Overtaken, swap_in, write_segment_files

log = logging.getLogger(__name__)

# Late packets come mostly within this; each one later has its segment written anew.
REST = timedelta(minutes=10)
# The clock of a stream without time counts from its last packet, which is kept as it is
# for as long as the stream may go on.
UNCERTAIN_REST = timedelta(days=1)
# A call takes no longer than this, however many damaged segments it meets first.
MOST_S = 10.0


def compact_record(
    *,
    record: Record,
    analysed_sample: int,
    ended: bool = False,
    at_most: int = 12,
    now: datetime,
) -> int:
    """Make segments of spans that are analysed and have rested; return how many.

    ``analysed_sample``: nothing before it will be analysed again, as far as is known.
    ``ended``: the last span, too, which is not full. May run twice and at the same
    moment elsewhere: a span that somebody else was faster with is left alone. A span
    whose segment is damaged stops no other, nor counts towards ``at_most``; if nothing
    else was done, it raises.
    """
    done = 0
    damaged: dict[int, Exception] = {}
    until_s = time.monotonic() + MOST_S
    for span in due_spans(record, analysed_sample, ended=ended, now=now):
        if done == at_most or time.monotonic() > until_s:
            break
        try:
            compact_span(record=record, span_sample=span, now=now)
        except Overtaken as error:
            log.info("%s", error)
            continue
        except (DamagedSegment, FileNotFoundError) as error:
            damaged[span] = error
            continue
        done += 1
    if damaged:
        span, first = next(iter(damaged.items()))
        text = "Record %s: %s spans have a damaged segment, first that of sample %s: %s"
        log.error(text, record.pk, len(damaged), span, first)
        if not done:
            raise first
    return done


def due_spans(
    record: Record, analysed_sample: int, *, ended: bool = False, now: datetime
) -> list[int]:
    """Return the spans whose chunks may become segments, in order."""
    size = SEGMENT_S * record.fs
    heard_at = record.last_received_at
    may_go_on = heard_at is None or heard_at > now - UNCERTAIN_REST
    is_kept = record.time_uncertain and may_go_on
    head = span_of(record, record.end_sample - 1) if is_kept else -1
    with connection.cursor() as cursor:
        cursor.execute(_SPANS, [size, record.pk, analysed_sample])
        found = cursor.fetchall()
    return [
        number * size
        for number, end, received_at in found
        if end <= analysed_sample
        and received_at <= now - REST
        and (ended or (number + 1) * size <= analysed_sample)
        and number * size != head
    ]


def rest_of(record: Record) -> int | None:
    """Return where the first span begins that has chunks with signal, if any has."""
    chunks = Chunk.objects.filter(record=record, n__gt=0).order_by("first_sample")
    first = chunks.values_list("first_sample", flat=True).first()
    return None if first is None else span_of(record, first)


def compact_span(*, record: Record, span_sample: int, now: datetime) -> None:
    """Make one segment of a span's chunks, and of the segment that is there already.

    Raises ``Overtaken`` when another worker did so meanwhile. Until the rows are
    swapped, in one transaction, everything is readable as before.
    """
    plan = _Plan(record, span_sample)
    plan.gather()
    if not plan.hot:
        return
    spans = {span: pack_chunks(record, chunks) for span, chunks in plan.groups()}
    rows = write_segment_files(record=record, spans=spans, now=now)
    swap_in(
        record=record,
        rows=rows,
        replaced=plan.replaced,
        taken=[chunk.pk for chunk in plan.hot],
        now=now,
    )


@dataclass
class _Plan:
    """What goes into the segment of a span, and what its neighbour gives away."""

    record: Record
    span: int
    hot: list[Chunk] = field(default_factory=list)
    packed: list[Chunk] = field(default_factory=list)
    replaced: dict[int, str] = field(default_factory=dict)

    def gather(self) -> None:
        record, end = self.record, self.span + SEGMENT_S * self.record.fs
        chunks = Chunk.objects.filter(record=record)
        signal = chunks.filter(
            n__gt=0, first_sample__gte=self.span, first_sample__lt=end
        )
        self.hot = list(signal.order_by("seq"))
        if not self.hot:
            return
        own, after = self._segments_from()
        self._unpack(own)
        first, last = self._signal_seqs()
        # A heartbeat that went with a later packet may belong before one of ours.
        self._unpack(one for one in after if one.first_seq < last)
        heartbeats = list(chunks.filter(n=0, seq__lt=last))
        if heartbeats:
            before = self._signal_before(first)
            self.hot += [chunk for chunk in heartbeats if chunk.seq > before]

    def _segments_from(self) -> tuple[list[Segment], list[Segment]]:
        """Return the segment of the span and the one after it, each if there is one."""
        rows = Segment.objects.filter(record=self.record, span_sample__gte=self.span)
        nearest = list(rows.order_by("span_sample")[:2])
        own = [one for one in nearest if one.span_sample == self.span]
        return own, nearest[len(own) :][:1]

    def groups(self) -> Iterator[tuple[int, list[Chunk]]]:
        """Return the spans that get a segment, and the chunks of each."""
        chunks = sorted([*self.hot, *self.packed], key=lambda chunk: chunk.seq)
        signal = [chunk for chunk in chunks if chunk.n]
        seqs = [chunk.seq for chunk in signal]
        spans: dict[int, list[Chunk]] = {}
        for chunk in chunks:
            goes_with = signal[bisect_left(seqs, chunk.seq)]
            span = span_of(self.record, goes_with.first_sample)
            spans.setdefault(span, []).append(chunk)
        yield from spans.items()

    def _unpack(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self.packed += unpack_chunks(self.record, segment_data(segment))
            self.replaced[segment.span_sample] = segment.key

    def _signal_seqs(self) -> tuple[int, int]:
        seqs = [chunk.seq for chunk in (*self.hot, *self.packed) if chunk.n]
        return min(seqs), max(seqs)

    def _signal_before(self, seq: int) -> int:
        """Return the last ``seq`` with signal before ``seq``; -1 if there is none."""
        hot = Chunk.objects.filter(record=self.record, n__gt=0, seq__lt=seq)
        packed = Segment.objects.filter(record=self.record, last_seq__lt=seq)
        found = [
            hot.aggregate(last=Max("seq"))["last"],
            packed.aggregate(last=Max("last_seq"))["last"],
        ]
        return max((one for one in found if one is not None), default=-1)


_SPANS = f"""
SELECT first_sample / %s AS number, max(first_sample + n), max(received_at)
FROM {Chunk._meta.db_table}
WHERE record_id = %s AND first_sample < %s AND n > 0
GROUP BY number ORDER BY number
"""
