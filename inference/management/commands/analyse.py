"""Analyse ECG files without a server or a database."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from inference.files.analysis import Findings, analyse_record
from inference.files.annotations import annotation_name, write_annotations
from inference.files.csv_record import read_csv
from inference.files.edf_record import read_edf
from inference.files.record import FileError, FileRecord
from inference.files.wfdb_record import read_wfdb
from inference.label_figures import released_figures
from inference.nets import annotator, nets
from inference.recording_rhythm import LONGEST_S, RecordingRhythm, recording_rhythm
from inference.report import report_text
from inference.rhythm import rhythm_model
from inference.suggestion import suggest
from inference.summary import Summary, minutes_of, rounded, summarise


class Command(BaseCommand):
    """Find beats and rhythm episodes in WFDB records, CSV and EDF files."""

    help = "Analyse ECG files (WFDB, CSV or EDF+) and write WFDB annotations (.tc)."
    # The checks of the web application have nothing to do with files.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the files, and what a CSV file does not say itself."""
        parser.add_argument(
            "records",
            nargs="+",
            metavar="RECORD",
            help="a WFDB record by its path without ending, or a .csv or .edf file",
        )
        parser.add_argument("--lead", metavar="NAME", help="default: the first lead")
        parser.add_argument(
            "--output",
            type=Path,
            default=Path(),
            metavar="DIR",
            help="where RECORD.tc is written (default: the current folder)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--minutes", action="store_true", help="every minute too, with --json"
        )
        csv = parser.add_argument_group("CSV files")
        csv.add_argument("--fs", type=float, metavar="HZ", help="without time_s column")
        csv.add_argument("--unit", choices=["mV", "adu"], default="mV")
        csv.add_argument("--gain", type=float, metavar="ADU_PER_MV", help="for adu")

    def handle(self, *args: Any, **options: Any) -> None:
        """Analyse one record after the other; go on behind one that fails."""
        done: list[dict[str, Any]] = []
        errors: list[dict[str, str]] = []
        written: dict[Path, str] = {}
        for source in options["records"]:
            try:
                record, lead = _read(source, options)
                target = options["output"] / f"{annotation_name(record.name)}.tc"
                _claim(written, target, source)
                findings = _analyse(record, lead)
                path = _write(findings, record, lead, target)
            except (FileError, OSError) as error:
                errors.append({"record": source, "error": str(error)})
                self.stderr.write(f"{source}: {error}")
                continue
            summary = summarise(
                fs=record.fs,
                n=len(record.samples),
                beats=findings.beats,
                episodes=findings.episodes,
                quality=findings.quality,
                annotator=annotator(),
            )
            rhythm = _rhythm(record, lead, findings)
            done.append(_json(source, record, lead, summary, path))
            done[-1]["rhythm"] = None if rhythm is None else rounded(asdict(rhythm))
            if options["minutes"]:
                done[-1]["minutes"] = _minutes(record, findings)
            if not options["json"]:
                title = f"{source} ({record.leads[lead]}, {record.fs} Hz) -> {path}"
                self.stdout.write(
                    report_text(
                        summary,
                        title=title,
                        figures=released_figures(),
                        rhythm=rhythm,
                    )
                )
        if options["json"]:
            self.stdout.write(json.dumps({"records": done, "errors": errors}, indent=2))
        if errors:
            count = f"{len(errors)} of {len(options['records'])}"
            raise CommandError(f"{count} records could not be analysed.")


def _read(source: str, options: dict[str, Any]) -> tuple[FileRecord, int]:
    """Return the record and the column of its lead that is analysed."""
    path = Path(source)
    if path.suffix.lower() == ".edf":
        with path.open("rb") as file:
            return read_edf(file, name=path.stem, lead=options["lead"] or 0), 0
    if path.suffix.lower() not in {".csv", ".tsv", ".txt"}:
        return read_wfdb(path, lead=options["lead"] or 0), 0
    with path.open("rb") as file:
        record = read_csv(
            file,
            name=path.stem,
            fs=options["fs"],
            unit=options["unit"],
            gain=options["gain"],
        )
    return record, record.lead_index(options["lead"])


def _claim(written: dict[Path, str], target: Path, source: str) -> None:
    """Keep two records of one name from writing the same file."""
    if target in written:
        message = f"{target} holds the annotations of {written[target]} already."
        raise FileError(message)
    written[target] = source


def _analyse(record: FileRecord, lead: int) -> Findings:
    # disable=None: no bar where nobody watches.
    with tqdm(
        total=len(record.samples),
        desc=record.name,
        unit="sample",
        unit_scale=True,
        leave=False,
        disable=None,
    ) as bar:
        return analyse_record(record, lead=lead, nets=nets(), progress=bar.update)


def _write(findings: Findings, record: FileRecord, lead: int, target: Path) -> Path:
    return write_annotations(
        findings,
        folder=target.parent,
        name=target.stem,
        fs=record.fs,
        n=len(record.samples),
        channel=record.channel(lead),
    )


def _rhythm(
    record: FileRecord, lead: int, findings: Findings
) -> RecordingRhythm | None:
    if record.duration_s > LONGEST_S:
        return None
    mv = record.signal_mv(lead, 0, len(record.samples))
    return recording_rhythm(rhythm_model(), mv, fs=record.fs, beats=findings.beats)


def _minutes(record: FileRecord, findings: Findings) -> list[dict[str, Any]]:
    minutes = minutes_of(
        fs=record.fs,
        beats=findings.beats,
        episodes=findings.episodes,
        quality=findings.quality,
    )
    return [rounded(asdict(minute)) for minute in minutes]


def _json(
    source: str, record: FileRecord, lead: int, summary: Summary, path: Path
) -> dict[str, Any]:
    return {
        "record": source,
        "name": record.name,
        "fs": record.fs,
        "lead": record.leads[lead],
        "annotations": str(path),
        **summary.as_json(),
        "suggestion": suggest(summary).text,
    }
