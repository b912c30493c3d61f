"""Check all that is stored."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Sum
from tqdm import tqdm

from devices.models import Record
from devices.segment_files import segment_store
from devices.services.verifying import Verified, unknown_files, verify_record


class Command(BaseCommand):
    """Read every stored sample and say whether it is as it was sent."""

    help = (
        "Read all stored signal: hashes, CRC of every packet, order, counts and "
        "pyramids. Exit status 1 if anything is damaged."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--record", type=int, action="append", metavar="N", help="only these")
        add(
            "--remove-unknown",
            action="store_true",
            help="remove files that no row names; only while nothing else runs",
        )
        add("--no-progress", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        records = Record.objects.filter(end_sample__gt=0).order_by("pk")
        if wanted := options["record"]:
            records = records.filter(pk__in=wanted)
            if missing := set(wanted) - set(records.values_list("pk", flat=True)):
                names = ", ".join(str(one) for one in sorted(missing))
                raise CommandError(f"There is no record {names} with signal.")
        total = records.aggregate(samples=Sum("sample_count"))["samples"] or 0
        whole, damaged = Verified(), 0
        with tqdm(
            total=total,
            unit=" samples",
            unit_scale=True,
            leave=False,
            disable=options["no_progress"],
        ) as bar:
            for pk in records.values_list("pk", flat=True):
                found = verify_record(pk, progress=bar.update)
                for words in found.damage:
                    bar.write(f"record {pk}: {words}", file=self.stderr)
                damaged += bool(found.damage)
                whole.segments += found.segments
                whole.chunks += found.chunks
                whole.samples += found.samples
        if not wanted:
            self._unknown(remove=options["remove_unknown"])
        read = (
            f"{len(records)} records, {whole.samples} samples in {whole.segments} "
            f"segments and {whole.chunks} packets"
        )
        if damaged:
            raise CommandError(f"DAMAGED: {damaged} of {read}.")
        self.stdout.write(f"All is well: {read}.")

    def _unknown(self, *, remove: bool) -> None:
        count = 0
        for key in unknown_files():
            count += 1
            if remove:
                segment_store().delete(key)
        if count:
            done = "removed" if remove else "--remove-unknown removes them"
            self.stdout.write(f"{count} files are named by no row: {done}.")
