"""Which version of the analysis is shown of a record, and keeping the older ones."""

from datetime import datetime

from django.db import transaction

from devices.models import Record
from devices.segment_places import removed_of
from inference.models import BeatBlock, Episode, Reanalysis
from inference.services.summaries import forget_hours


def annotators_of(record: Record) -> list[tuple[str, bool]]:
    """Return who said something about a record, and whether it is shown."""
    live = BeatBlock.objects.filter(record=record).order_by("annotator")
    names = list(live.values_list("annotator", flat=True).distinct())
    others = list(Reanalysis.objects.filter(record=record))
    current = next((one.annotator for one in others if one.current), None)
    said = dict.fromkeys([*names, *(one.annotator for one in others)])
    return [(name, name == current if current else name in names) for name in said]


@transaction.atomic
def make_current(*, reanalysis: Reanalysis) -> None:
    """Show what a reanalysis said wherever it holds; what was said live stays.

    Alarms, their acknowledgements and mails are about the live analysis and stay too.
    """
    show_live(record=reanalysis.record)
    Reanalysis.objects.filter(pk=reanalysis.pk).update(current=True)
    reanalysis.current = True


@transaction.atomic
def show_live(*, record: Record) -> None:
    """Show again what the live analysis said."""
    Reanalysis.objects.filter(record=record, current=True).update(current=False)
    forget_hours(record, from_sample=0, floor=removed_of(record).to_sample)


@transaction.atomic
def keep_older(
    *, record: Record, start: int, stop: int, annotator: str, now: datetime
) -> None:
    """Set aside what other versions said live of ``[start, stop)``.

    Called before ``annotator`` says it anew: what was read and acted on stays readable.
    Episodes are copied, because alarms hang on the live ones, which are revised.
    """
    span = {"record": record, "start_sample__gte": start, "start_sample__lt": stop}
    blocks = BeatBlock.objects.filter(**span, provisional=False)
    blocks = blocks.exclude(annotator=annotator).order_by("annotator")
    for name in list(blocks.values_list("annotator", flat=True).distinct()):
        kept, _ = Reanalysis.objects.get_or_create(
            record=record,
            annotator=name,
            defaults={
                "start_sample": start,
                "end_sample": stop,
                "cursor_sample": stop,
                "created_at": now,
                "finished_at": now,
            },
        )
        kept.start_sample = min(kept.start_sample, start)
        kept.end_sample = kept.cursor_sample = max(kept.end_sample, stop)
        kept.save(update_fields=["start_sample", "end_sample", "cursor_sample"])
        # What a reanalysis of that version said already is not said twice.
        there = BeatBlock.every.filter(reanalysis=kept).values("start_sample")
        mine = blocks.filter(annotator=name).exclude(start_sample__in=there)
        mine.update(reanalysis=kept)
        _copy_episodes(kept, start, stop)


def _copy_episodes(kept: Reanalysis, start: int, stop: int) -> None:
    rows = Episode.objects.filter(
        record=kept.record,
        annotator=kept.annotator,
        onset_sample__gte=start,
        onset_sample__lt=stop,
        withdrawn_at=None,
    )
    copies = []
    for row in rows:
        row.pk, row.reanalysis, row.suppressed = None, kept, ""
        row._state.adding = True
        copies.append(row)
    Episode.every.bulk_create(copies, ignore_conflicts=True)
