"""Count what a stored history takes: its files, and every table with its indexes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Model

from devices.models import Anchor, Record, Segment
from devices.segment_files import read_segment, segment_store
from devices.segments import decode_segment
from devices.segments.flac import pack_int16
from inference.models import (
    Alarm,
    AlarmChange,
    AnalysisState,
    BeatBlock,
    Checkpoint,
    Episode,
    HourSummary,
)
from inference.services.compacting import KEPT_CHECKPOINTS_S

APPS = ("devices", "inference", "patients")
# With the signal, its pyramid and thinned checkpoints: the measure of the goal.
TABLES: dict[str, type[Model]] = {"rows_of_segments": Segment, "beats": BeatBlock}
BESIDES: dict[str, type[Model]] = {
    "episodes": Episode,
    "alarms": Alarm,
    "alarm_changes": AlarmChange,
    "hours": HourSummary,
    "anchors": Anchor,
    "analysis_state": AnalysisState,
}
# Of the row and of its places in indexes.
_ROW_BYTES = 100
_BLOCK_BYTES = 512  # of ``st_blocks``, whatever the file system's own are


def table_bytes() -> dict[str, int]:
    """Return the bytes of each table of ours with its indexes, once packed anew."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted({model._meta.db_table for model in _models()}):
            cursor.execute(f"VACUUM FULL {table}")
            cursor.execute("SELECT pg_total_relation_size(%s)", [table])
            found[table] = int(cursor.fetchone()[0])
    return found


def history_figures(record: Record, before: Mapping[str, int]) -> dict[str, Any]:
    """Return what a sample of the only record costs, by part.

    ``before`` is what ``table_bytes`` told when there was no record yet: of tables
    without a name here, what they grew by counts.
    """
    tables = table_bytes()
    files = _file_bytes(record)
    # Those of the last hour are not thinned out yet: the same for a record of a month.
    states = record.checkpoints.filter(compressed=True).values_list("state", flat=True)
    thinned = [len(state) + _ROW_BYTES for state in states]
    plain = max(0, tables[_name(Checkpoint)] - sum(thinned))
    counted: list[type[Model]] = [*TABLES.values(), *BESIDES.values(), Checkpoint]
    named = {_name(model) for model in counted}
    besides = {
        **{part: tables[_name(model)] for part, model in BESIDES.items()},
        "checkpoints_of_last_hour": plain,
        "other_tables": sum(
            max(0, size - before[table])
            for table, size in tables.items()
            if table not in named
        ),
        "slack_of_files": files["bytes_on_disk"] - files["bytes"],
        "folders_of_files": files["folders_bytes_on_disk"],
    }
    samples = record.sample_count
    goal = {
        "signal": files["signal_bytes"],
        "rest_of_files": files["bytes"] - files["signal_bytes"],
        **{part: tables[_name(model)] for part, model in TABLES.items()},
        "checkpoints": checkpoint_bytes(thinned, samples=samples, fs=record.fs),
    }
    return {
        **per_sample(goal, besides, samples),
        # In a shorter record none has been thinned out: nothing is no measure of them.
        "checkpoints_counted": bool(thinned),
        "once_per_record_bytes": besides["analysis_state"] + plain,
        "files": files,
    }


def per_sample(
    goal: Mapping[str, float], besides: Mapping[str, float], samples: int
) -> dict[str, dict[str, float]]:
    """Return both parts in bytes per sample: ``total`` of the goal, and of all."""
    total = sum(goal.values())
    sums = {"total": total, "with_everything": total + sum(besides.values())}

    def shared(parts: Mapping[str, float]) -> dict[str, float]:
        return {name: round(size / samples, 4) for name, size in parts.items()}

    return {
        "bytes_per_sample": shared({**goal, **sums}),
        "bytes_per_sample_besides": shared(besides),
    }


def checkpoint_bytes(thinned: Sequence[int], *, samples: int, fs: int) -> float:
    """Return what the checkpoints of a long record take, from some of them.

    There is one in so many hours; a record of 12 h has lost those of its last hour and
    so has fewer of them than its length in a long one would have.
    """
    if not thinned:
        return 0.0
    return sum(thinned) / len(thinned) * samples / (KEPT_CHECKPOINTS_S * fs)


def bytes_on_disk(paths: Iterable[Path]) -> int:
    """Return what the file system has allocated for files or folders."""
    return sum(path.stat().st_blocks * _BLOCK_BYTES for path in paths)


def _file_bytes(record: Record) -> dict[str, int]:
    signal = whole = 0
    paths = []
    for segment in record.segments.all():
        packed = read_segment(segment.key)
        signal += len(pack_int16(decode_segment(packed).samples))
        whole += len(packed)
        paths.append(Path(segment_store().path(segment.key)))
    # A key is DAY/XX/NAME: with few patients most files have a folder of their own.
    folders = {folder for path in paths for folder in path.parents[:2]}
    return {
        "signal_bytes": signal,
        "bytes": whole,
        "bytes_on_disk": bytes_on_disk(paths),
        "folders_bytes_on_disk": bytes_on_disk(folders),
    }


def _models() -> list[type[Model]]:
    return [
        model
        for name in APPS
        for model in apps.get_app_config(name).get_models(include_auto_created=True)
        if model._meta.managed
    ]


def _name(model: type[Model]) -> str:
    return str(model._meta.db_table)
