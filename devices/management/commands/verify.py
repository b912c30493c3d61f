"""Check all that is stored."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Sum
from django.utils import timezone
from tqdm import tqdm

from devices.models import Record
from devices.segment_objects import StoreAway
from devices.services.segments import KEEP_REPLACED, loosen
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
            help="have files that no row names removed in "
            f"{KEEP_REPLACED.days} days, if nothing is damaged; only while nothing "
            "else runs",
        )
        add("--no-progress", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._verify(options)
        except StoreAway as error:
            # That says nothing about what it holds.
            raise CommandError(f"{error} Try again when it is back.") from None

    def _verify(self, options: dict[str, Any]) -> None:
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
            self._unknown(remove=options["remove_unknown"], damaged=damaged)
        read = (
            f"{len(records)} records, {whole.samples} samples in {whole.segments} "
            f"segments and {whole.chunks} packets"
        )
        if damaged:
            raise CommandError(f"DAMAGED: {damaged} of {read}.")
        self.stdout.write(f"All is well: {read}.")

    def _unknown(self, *, remove: bool, damaged: int) -> None:
        keys = list(unknown_files())
        if not keys:
            return
        if not remove:
            done = "--remove-unknown removes them"
        elif damaged:
            # Whoever restored the wrong rows, or none, needs them.
            done = "they stay while anything is damaged"
        else:
            loosen(keys=keys, now=timezone.now())
            done = f"they will be removed in {KEEP_REPLACED.days} days"
        self.stdout.write(f"{len(keys)} files are named by no row: {done}.")
