"""Tell the live pages, after the commit, what was found. Nothing here is truth."""

from datetime import datetime, timedelta

import numpy as np

from devices.live import append_beats, append_state
from devices.models import Record
from inference.asking import ask
from inference.ecg.types import Analysis
from inference.services.announcing import alarm_state, announce_alarms
from inference.services.storing import Stored
from patients.models import Patient

# Beats older than this are history: a backlog is never drawn as live.
FRESH = timedelta(seconds=30)


def announce_stored(stored: Stored, *, now: datetime) -> None:
    """Append fresh beats and what holds now to the patient's live stream."""
    record, analysis = stored.record, stored.analysis
    if stored.alarms:
        ask("mail")
    if record.patient is None or record.source == Record.Source.FILE:
        return
    if now - record.time_of(analysis.end_sample) > FRESH:
        if stored.alarms:
            announce_alarms(record.patient)
        return
    _append_beats(record, record.patient, analysis, now=now)
    rate = analysis.heart_rate_bpm
    words = analysis.quality_words
    append_state(
        live_key=record.patient.live_key,
        state=alarm_state(record.patient)
        | {
            "record": record.pk,
            "quality": words[-1] if words else "missing",
            "heart_rate": None if np.isnan(rate) else round(float(rate), 1),
        },
    )


def _append_beats(
    record: Record, patient: Patient, analysis: Analysis, *, now: datetime
) -> None:
    beats = analysis.beats
    times = [record.time_of(sample) for sample in beats.samples.tolist()]
    fresh = np.array([now - at <= FRESH for at in times], dtype=bool)
    if not fresh.any():
        return
    at_ms = np.array([round(at.timestamp() * 1000) for at in times], dtype=np.int64)
    winners = beats.probabilities.max(axis=1)
    append_beats(
        live_key=patient.live_key,
        record=record.pk,
        fs=record.fs,
        samples=beats.samples[fresh],
        at_ms=at_ms[fresh],
        classes=beats.classes[fresh],
        probabilities=np.round(winners[fresh] * 255).astype(np.uint8),
        heart_rate_bpm=analysis.heart_rate_bpm,
    )
