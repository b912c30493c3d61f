"""Run the present analysis over stored records, beside what was said of them."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone
from tqdm import tqdm

from devices.models import Record
from devices.segment_reading import MissingSpan
from inference.agreement import Agreement, Span, agreement
from inference.classifier import ARTIFACTS, Classifier
from inference.ecg.types import CLASSES, Nets
from inference.models import BeatBlock, Episode, Reanalysis
from inference.nets import load_nets
from inference.report import clock
from inference.services.beats import beats_of
from inference.services.reanalysing import (
    CannotReanalyse,
    TakenOver,
    open_reanalysis,
    run_reanalysis,
)
from inference.services.versions import annotators_of, make_current, show_live

SHOWN_EPISODES = 10


class Command(BaseCommand):
    """``reanalyse RECORD … [--from T --to T] [--make-current]``."""

    help = (
        "Analyse stored records again with the present version and compare. What was "
        "said live, alarms, reviews and mails stay as they are."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the records, the span, and what to do with the results."""
        parser.add_argument("records", nargs="*", type=int, metavar="RECORD")
        parser.add_argument("--all", action="store_true", help="every record")
        parser.add_argument("--from", dest="start", type=_time, metavar="TIME")
        parser.add_argument("--to", dest="end", type=_time, metavar="TIME")
        parser.add_argument(
            "--annotator-name",
            metavar="NAME",
            help="under which the results are kept (default: that of the model card)",
        )
        parser.add_argument(
            "--artifacts",
            type=Path,
            default=ARTIFACTS,
            metavar="DIR",
            help="models that are not released yet",
        )
        shown = parser.add_mutually_exclusive_group()
        shown.add_argument(
            "--make-current", action="store_true", help="show the new results"
        )
        shown.add_argument(
            "--show-live",
            action="store_true",
            help="show again what was said live; analyses nothing",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Take one record after the other; go on behind one that cannot be done."""
        records = _records(options)
        if options["show_live"]:
            for record in records:
                show_live(record=record)
                self.stdout.write(f"record {record.pk}: shows what was said live")
            return
        nets = load_nets(options["artifacts"])
        name = options["annotator_name"] or _name(nets)
        failed = 0
        for record in records:
            try:
                self._reanalyse(record, name, nets, options)
            except (CannotReanalyse, TakenOver) as error:
                failed += 1
                self.stderr.write(str(error))
            except Record.DoesNotExist:
                failed += 1
                self.stderr.write(f"Record {record.pk} was removed meanwhile.")
            except (OSError, MissingSpan) as error:
                # A file is missing, or the store is away: the next run goes on there.
                failed += 1
                self.stderr.write(f"Record {record.pk}: {error}")
        if failed:
            message = f"{failed} of {len(records)} records were not analysed again."
            raise CommandError(message)

    def _reanalyse(
        self, record: Record, name: str, nets: Nets, options: dict[str, Any]
    ) -> None:
        if annotators_of(record) == [(name, True)] and not options["annotator_name"]:
            self.stdout.write(f"record {record.pk}: {name} said all of it already")
            return
        start, end = options["start"], options["end"]
        reanalysis = open_reanalysis(
            record=record,
            annotator=name,
            start_sample=0 if start is None else max(0, _sample(record, start)),
            end_sample=None if end is None else _sample(record, end),
            now=timezone.now(),
        )
        left = reanalysis.end_sample - reanalysis.cursor_sample
        # disable=None: no bar where nobody watches.
        with tqdm(
            total=left, desc=f"record {record.pk}", unit_scale=True, disable=None
        ) as bar:
            run_reanalysis(
                reanalysis, nets=nets, now=timezone.now(), progress=bar.update
            )
        self.stdout.write(_report(reanalysis, _compare(reanalysis)))
        if options["make_current"]:
            make_current(reanalysis=reanalysis)
            self.stdout.write(f"  shown from now on: {name}")


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is no time such as 2026-03-01T22:15"
        raise ArgumentTypeError(message) from error
    return at if at.tzinfo else timezone.make_aware(at)


def _name(nets: Nets) -> str:
    assert isinstance(nets.classify, Classifier)
    return nets.classify.annotator


def _records(options: dict[str, Any]) -> list[Record]:
    wanted = Record.objects.filter(analysis__isnull=False).order_by("pk")
    if options["all"] == bool(options["records"]):
        raise CommandError("Name records by their number, or give --all.")
    if not options["all"]:
        wanted = wanted.filter(pk__in=options["records"])
        missing = set(options["records"]) - {record.pk for record in wanted}
        if missing:
            raise CommandError(f"No analysed record {', '.join(map(str, missing))}.")
    return list(wanted.prefetch_related("anchors"))


def _sample(record: Record, at: datetime) -> int:
    """Return the sample recorded at a time, by the last anchor before it."""
    anchors = list(record.anchors.all())
    known = [anchor for anchor in anchors if anchor.at <= at] or anchors[:1]
    if not known:
        return int((at - record.started_at).total_seconds() * record.fs)
    anchor = known[-1]
    return int(anchor.sample + (at - anchor.at).total_seconds() * record.fs)


def _compare(reanalysis: Reanalysis) -> Agreement:
    record, end = reanalysis.record, reanalysis.end_sample
    inside = Q(start_sample__lt=end + reanalysis.to_end)
    live = BeatBlock.objects.filter(
        inside, record=record, start_sample__gte=reanalysis.start_sample
    ).order_by("start_sample")
    new = BeatBlock.every.filter(reanalysis=reanalysis).order_by("start_sample")
    told = Episode.objects.filter(
        record=record,
        withdrawn_at=None,
        onset_sample__gte=reanalysis.start_sample,
        onset_sample__lt=reanalysis.end_sample,
    )
    return agreement(
        beats_of(live),
        beats_of(new),
        fs=record.fs,
        old_spans=_spans(told),
        new_spans=_spans(Episode.every.filter(reanalysis=reanalysis)),
    )


def _spans(rows: Iterable[Episode]) -> list[Span]:
    return [(row.label, row.onset_sample or 0, row.end_sample) for row in rows]


def _report(reanalysis: Reanalysis, found: Agreement) -> str:
    record = reanalysis.record
    place = f"{clock(reanalysis.start_sample / record.fs)}–"
    place += clock(reanalysis.end_sample / record.fs)
    counts = ", ".join(
        f"{name} {found.old[name]} → {found.new[name]}"
        for name in CLASSES
        if found.old[name] or found.new[name]
    )
    lines = [
        f"record {record.pk}, {place}: live → {reanalysis.annotator}",
        f"  beats      {counts or 'none'}",
        f"  agreement  {found.share:.2%} of all beats found and called alike",
    ]
    for word, spans in (("vanished", found.vanished), ("appeared", found.appeared)):
        lines.append(f"  {word:9}  {len(spans)} episodes")
        lines += [
            f"    {clock(onset / record.fs)} {label}"
            for label, onset, _ in spans[:SHOWN_EPISODES]
        ]
    return "\n".join(lines)
