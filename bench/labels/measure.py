"""Feed live records in real time; see what their labels cost and how long they take."""

from __future__ import annotations

import os
import platform
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.db.models import F, Max, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from bench.day import FS, read_day
from bench.ingest.own_servers import OwnServers
from bench.ingest.processor_time import cpu_seconds
from bench.labels.feeder import Feeder, make_records
from bench.labels.finished import make_backlogs, make_finished
from bench.labels.workers import pss_mb, wait_for, workers
from devices.models import Record
from inference.models import AnalysisState
from telecardio.demo.latency import percentiles
from telecardio.durability import durability_settings

SIGNAL_S = 3600
BACKLOG_H = 10.0
# Compiling takes minutes where it was not done before.
START_S, DRAIN_S = 300.0, 30.0
# Backlogs are nobody's, so that no alarm of theirs is counted either.
LIVE = Q(record__patient__isnull=False)
# Commit of each packet, and of the block of labels that holds its last sample.
DELAYS = """
SELECT EXTRACT(EPOCH FROM pg_xact_commit_timestamp(block.xmin)
    - pg_xact_commit_timestamp(chunk.xmin)) * 1000
FROM devices_chunk AS chunk JOIN devices_record AS record
    ON record.id = chunk.record_id AND record.patient_id IS NOT NULL
LEFT JOIN inference_beatblock AS block
    ON block.record_id = chunk.record_id AND NOT block.provisional
    AND block.start_sample < chunk.first_sample + chunk.n
    AND block.end_sample >= chunk.first_sample + chunk.n
WHERE chunk.received_at >= %s AND chunk.received_at < %s
"""
WAL = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
OWN_WAL = "SELECT wal_bytes FROM pg_stat_get_backend_wal(pg_backend_pid())"


def measure(
    servers: OwnServers,
    *,
    data: Path | None,
    records: int,
    seconds: int,
    warm_up_s: int,
    packet_s: int,
    finished: int = 0,
    backlogs: int = 0,
) -> dict[str, Any]:
    """Return every figure; ``finished`` records were analysed long ago.

    ``backlogs`` records of ten hours are there when the live ones begin.
    """
    call_command("migrate", interactive=False, verbosity=0)
    durability = durability_settings()
    day = read_day(data, SIGNAL_S)
    make_finished(finished)
    make_backlogs(backlogs, BACKLOG_H, day.mv)
    with workers(servers.environment, servers.var) as pids:
        _wait_until_warm(servers.var)
        start_at, start_s = timezone.now(), time.monotonic()
        feeder = Feeder(
            make_records(records, packet_s=packet_s, start_at=start_at),
            day.mv,
            packet_s=packet_s,
        )
        for _ in feeder.feed(start_s, warm_up_s):
            pass
        span = Span({**pids, **servers.pids()})
        late_s = max(feeder.feed(start_s, warm_up_s + seconds))
        spent = span.ended()
        memory = {name: pss_mb(pid) for name, pid in pids.items()}
        left_s = _backlog_s()
        drained = wait_for(lambda: not _behind(), DRAIN_S)
        delays = _delays(span.at, spent.at)
    known = [delay for delay in delays if delay is not None]
    per = 1000 / (records * spent.wall_s)
    analysis = sum(spent.cpu_s[name] for name in (*pids, "postgres", "redis"))
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, all in one",
        "signal": f"one lead, {FS} Hz, {packet_s} s a packet: {day.source}",
        "records": records,
        "finished_records": finished,
        "backlogs_of_10_h": backlogs,
        "backlog_left_s": round(left_s),
        "seconds": round(spent.wall_s, 1),
        "durability": durability,
        "label_ms": percentiles(known),
        "unlabelled": len(delays) - len(known),
        "lag_at_end_s": spent.lag_s,
        "drained": drained,
        "feeder_late_ms": round(late_s * 1000, 1),
        "cpu_s": {name: round(cpu, 2) for name, cpu in spent.cpu_s.items()},
        "cores": round(analysis / spent.wall_s, 3),
        "cpu_ms_per_record_and_s": round(analysis * per, 3),
        "cpu_ms_per_analysed_s": round(1000 * analysis / max(spent.analysed_s, 1), 3),
        "wal_bytes_per_record_and_s": round(spent.wal_bytes * per / 1000),
        "pss_mb": memory,
    }


class Span:
    """What was spent since it began."""

    def __init__(self, pids: dict[str, int]) -> None:
        self.pids = pids
        self._cursors()
        self.at, self.wall_s = timezone.now(), time.monotonic()
        self.cpu_s, self.wal_bytes = self._cpu_s(), self._wal_bytes()
        self.lag_s, self.analysed_s = self._cursors()

    def ended(self) -> Span:
        """Return the differences to now; the lag is of the record furthest behind."""
        now = Span(self.pids)
        cpu_s = {name: now.cpu_s[name] - self.cpu_s[name] for name in now.cpu_s}
        now.cpu_s, now.wal_bytes = cpu_s, now.wal_bytes - self.wal_bytes
        now.wall_s -= self.wall_s
        now.analysed_s -= self.analysed_s
        return now

    def _cpu_s(self) -> dict[str, float]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (backend,) = cursor.fetchone()
        # The server works for the feeder, too: that is not the analysis.
        spent = cpu_seconds({**self.pids, "feeders_backend": int(backend)})
        spent["postgres"] -= spent["feeders_backend"]
        # All of them are children of this process, or children's children.
        times = os.times()
        spent["feeder"] = times.user + times.system
        return spent

    def _wal_bytes(self) -> float:
        found = []
        with connection.cursor() as cursor:
            for question in (WAL, OWN_WAL):
                cursor.execute(question)
                found.append(float(cursor.fetchone()[0]))
        return found[0] - found[1]

    def _cursors(self) -> tuple[float, float]:
        unseen = F("record__end_sample") - F("cursor_sample")
        found = AnalysisState.objects.filter(record__source="device").aggregate(
            lag=Max(unseen, filter=LIVE), done=Sum("cursor_sample", filter=LIVE)
        )
        return (found["lag"] or 0) / FS, (found["done"] or 0) / FS


def _behind() -> bool:
    live = Record.objects.filter(patient__isnull=False)
    return live.filter(end_sample__gt=F("analysis__cursor_sample")).exists()


def _backlog_s() -> float:
    cursor = Coalesce(F("analysis__cursor_sample"), 0)
    waiting = Record.objects.filter(source="device", patient=None)
    left = waiting.aggregate(left=Sum(F("end_sample") - cursor))["left"]
    return float(left or 0) / FS


def _delays(since: datetime, until: datetime) -> list[float | None]:
    with connection.cursor() as cursor:
        cursor.execute(DELAYS, [since, until])
        return [None if ms is None else float(ms) for (ms,) in cursor.fetchall()]


def _wait_until_warm(var: Path) -> None:
    """Wait until a worker has compiled, loaded its nets and served a task."""
    from inference.models.life_sign import LifeSign, Part

    signs = LifeSign.objects.filter(part=Part.ANALYSIS)
    if not wait_for(signs.exists, START_S):
        logs = sorted((var / "log").glob("bench-*.log"))
        words = [log.read_text(errors="replace")[-2000:] for log in logs]
        raise RuntimeError("No worker serves a task.\n" + "\n".join(words))
    time.sleep(1)
