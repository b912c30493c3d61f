"""Another version of the analysis over a stored record, beside what was said live.

Nothing is touched that a person saw, did or was mailed: no alarm, no review, no row of
the live analysis. A run that stops goes on where it was.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from devices.models import Record
from inference.ecg.pipeline import RecordState, advance, finish, initial_state
from inference.ecg.state import BadState
from inference.ecg.types import Analysis, Limits, Nets, Signal
from inference.ecg.types import Episode as Seen
from inference.models import AnalysisState, BeatBlock, Episode, Reanalysis
from inference.services.beats import beat_block
from inference.services.episodes import last_word
from inference.services.limits import limits_of
from inference.services.lots import CHECKPOINT_S, next_checkpoint
from inference.services.past_damage import read_past_damage
from inference.services.taking_over import WARM_UP_S

# Behind a span so long the end of what began in it is looked for.
CLOSE_S = WARM_UP_S


class CannotReanalyse(ValueError):
    """Raised for a span that cannot be analysed again; says why."""


class TakenOver(RuntimeError):
    """Another run has moved the same reanalysis on."""


@transaction.atomic
def open_reanalysis(
    *,
    record: Record,
    annotator: str,
    start_sample: int = 0,
    end_sample: int | None = None,
    now: datetime,
) -> Reanalysis:
    """Return the reanalysis of a span by an annotator, new or to be gone on with.

    The span grows to whole checkpoints, and ends where the live analysis is settled.
    """
    step = CHECKPOINT_S * record.fs
    settled = _settled(record)
    end = settled if end_sample is None else min(-(-end_sample // step) * step, settled)
    start = start_sample // step * step
    if start >= end:
        raise CannotReanalyse(
            f"Record {record.pk} has nothing settled in that span: it is analysed to "
            f"{settled / record.fs:g} s. A record that is going on is settled in steps "
            f"of {CHECKPOINT_S} s."
        )
    state = AnalysisState.objects.filter(record=record).first()
    found, is_new = Reanalysis.objects.select_for_update().get_or_create(
        record=record,
        annotator=annotator,
        defaults={
            "start_sample": start,
            "end_sample": end,
            "cursor_sample": start,
            "lead": state.lead if state else 0,
            "created_at": now,
        },
    )
    holds = found.start_sample <= start and end <= found.end_sample
    if not is_new and not holds:
        if found.finished_at is None or start != found.start_sample:
            raise CannotReanalyse(
                f"{annotator} was run over {found.start_sample / record.fs:g} to "
                f"{found.end_sample / record.fs:g} s of record {record.pk}. Name that "
                "span, or give the new results another --annotator-name."
            )
        # The record has grown: go on from where the last run ended.
        found.end_sample, found.finished_at = end, None
    found.to_end = _is_last(found, found.end_sample)
    found.save(update_fields=["end_sample", "finished_at", "to_end"])
    return found


def run_reanalysis(
    reanalysis: Reanalysis,
    *,
    nets: Nets,
    now: datetime,
    progress: Callable[[int], object] = lambda samples: None,
) -> None:
    """Analyse what is left of a span; each five minutes are kept as they are done.

    ``progress`` is called with the number of samples done since the last call.
    """
    record = reanalysis.record
    carried = _carried(reanalysis, nets=nets)
    while reanalysis.cursor_sample < reanalysis.end_sample:
        cursor = reanalysis.cursor_sample
        end = min(next_checkpoint(cursor, record.fs), reanalysis.end_sample)
        carried, parts = _step(reanalysis, carried, end, nets=nets)
        _keep(reanalysis, parts, carried, end=end, now=now)
        progress(end - cursor)
    if reanalysis.finished_at is None:
        _close(reanalysis, carried, nets=nets, now=now)


def _settled(record: Record) -> int:
    """Return the sample before which nothing changes any more."""
    state = AnalysisState.objects.filter(record=record).first()
    if state is None:
        return 0
    is_file = record.source == Record.Source.FILE
    if is_file and state.flushed_sample == record.end_sample:
        return record.end_sample
    step = CHECKPOINT_S * record.fs
    return state.cursor_sample // step * step


def _carried(reanalysis: Reanalysis, *, nets: Nets) -> RecordState:
    """Return the state at the cursor, from its bytes or from a run towards it."""
    fs = reanalysis.record.fs
    if reanalysis.state is not None:
        try:
            return RecordState.from_bytes(bytes(reanalysis.state))
        except BadState:
            # The analysis has changed since, under the same name.
            _start_over(reanalysis)
    cursor = reanalysis.cursor_sample
    reanalysis.base_sample = max(0, cursor - WARM_UP_S * fs)
    carried = initial_state(fs=fs, origin=reanalysis.base_sample)
    if reanalysis.base_sample < cursor:
        mv = _signal(reanalysis, reanalysis.base_sample, cursor)
        [(carried, _)] = advance([carried], [mv], nets=nets, limits=_limits(reanalysis))
    return carried


@transaction.atomic
def _start_over(reanalysis: Reanalysis) -> None:
    BeatBlock.every.filter(reanalysis=reanalysis).delete()
    Episode.every.filter(reanalysis=reanalysis).delete()
    reanalysis.cursor_sample, reanalysis.state = reanalysis.start_sample, None
    reanalysis.finished_at = None
    reanalysis.save(update_fields=["cursor_sample", "state", "finished_at"])


def _limits(reanalysis: Reanalysis) -> list[Limits]:
    return [limits_of(reanalysis.record)]


def _signal(reanalysis: Reanalysis, start: int, end: int) -> Signal:
    return read_past_damage(reanalysis.record, start, end, lead=reanalysis.lead)


def _is_last(reanalysis: Reanalysis, end: int) -> bool:
    """Tell whether a span ends with its recording, so that nothing follows."""
    record = reanalysis.record
    return record.source == Record.Source.FILE and end == record.end_sample


def _step(
    reanalysis: Reanalysis, carried: RecordState, end: int, *, nets: Nets
) -> tuple[RecordState, list[Analysis]]:
    """Analyse from the cursor to ``end``; the tail of a file is no whole second."""
    fs, cursor = reanalysis.record.fs, reanalysis.cursor_sample
    limits = _limits(reanalysis)
    whole = cursor + (end - cursor) // fs * fs
    parts: list[Analysis] = []
    if whole > cursor:
        mv = _signal(reanalysis, cursor, whole)
        [(carried, part)] = advance([carried], [mv], nets=nets, limits=limits)
        parts.append(part)
    if _is_last(reanalysis, end):
        mv = _signal(reanalysis, whole, end)
        [part] = finish([carried], [mv], nets=nets, limits=limits)
        parts.append(part)
    return carried, parts


@transaction.atomic
def _keep(
    reanalysis: Reanalysis,
    parts: Sequence[Analysis],
    carried: RecordState,
    *,
    end: int,
    now: datetime,
) -> None:
    """Keep the results of one step and move the cursor, both or neither."""
    record = _locked_record(reanalysis)
    row = Reanalysis.objects.select_for_update().get(pk=reanalysis.pk)
    if row.cursor_sample != reanalysis.cursor_sample:
        raise TakenOver(f"Another run analyses {reanalysis} at the same time.")
    for part in parts:
        if part.end_sample == part.start_sample and not len(part.beats.samples):
            continue
        block = beat_block(record, part, annotator=reanalysis.annotator, now=now)
        block.reanalysis = reanalysis
        block.save(force_insert=True)
    seen = [one for part in parts for one in part.episodes]
    _keep_episodes(reanalysis, record, seen)
    reanalysis.cursor_sample, reanalysis.state = end, carried.to_bytes()
    reanalysis.save(update_fields=["cursor_sample", "state", "base_sample"])


def _locked_record(reanalysis: Reanalysis) -> Record:
    """Return the record as it is now, before its rows are locked.

    In the order of whoever gives an uploaded recording to another patient: then this
    run ends, because it has analysed under that patient's limits.
    """
    records = Record.objects.select_for_update(no_key=True)
    record = records.get(pk=reanalysis.record_id)
    if record.patient_id != reanalysis.record.patient_id:
        raise TakenOver(f"Record {record.pk} has another patient by now: start again.")
    return record


def _keep_episodes(
    reanalysis: Reanalysis, record: Record, seen: Iterable[Seen]
) -> None:
    """Write the last word on episodes that begin in the span."""
    for one in last_word(seen):
        if not reanalysis.start_sample <= one.onset_sample < reanalysis.end_sample:
            continue
        key: dict[str, Any] = {"label": one.label, "onset_sample": one.onset_sample}
        if one.withdrawn:
            Episode.every.filter(reanalysis=reanalysis, **key).delete()
            continue
        end = one.end_sample
        Episode.every.update_or_create(
            reanalysis=reanalysis,
            **key,
            defaults={
                "record": record,
                "patient": record.patient,
                "annotator": reanalysis.annotator,
                "end_sample": end,
                "onset_at": record.time_of(one.onset_sample),
                "end_at": None if end is None else record.time_of(end),
                "peak": one.peak,
                "detail": one.detail[:200],
                "beats": one.beats,
            },
        )


def _close(
    reanalysis: Reanalysis, carried: RecordState, *, nets: Nets, now: datetime
) -> None:
    """Look behind the span for the ends of episodes that began in it."""
    record, end = reanalysis.record, reanalysis.end_sample
    if not _is_last(reanalysis, end):
        behind = min(end + CLOSE_S * record.fs, _settled(record))
        behind -= (behind - end) % record.fs
        mv = _signal(reanalysis, end, behind)
        limits = _limits(reanalysis)
        [(_, part)] = advance([carried], [mv], nets=nets, limits=limits)
        with transaction.atomic():
            _keep_episodes(reanalysis, _locked_record(reanalysis), part.episodes)
    reanalysis.finished_at = now
    # The row may be gone with its record.
    Reanalysis.objects.filter(pk=reanalysis.pk).update(finished_at=now)
