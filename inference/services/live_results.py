"""Tell the live pages, after the commit, what was found. Nothing here is truth."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from devices.live import BeatsEntry, Entry, StateEntry, append_entries
from devices.models import Record
from devices.reading import time_pieces
from devices.time_map import Piece, TimeMap, epoch_ms
from inference.asking import ask
from inference.services.announcing import alarm_states
from inference.services.storing import Stored

# Beats older than this are history: a backlog is never drawn as live.
FRESH = timedelta(seconds=30)


def announce_stored(stored: Sequence[Stored], *, now: datetime) -> None:
    """Append fresh beats and what holds now to the patients' live streams.

    Asks for the mails of new alarms.
    """
    if any(one.alarms for one in stored):
        ask("mail")
    told = [one for one in stored if _is_news(one, now=now)]
    patients = {one.record.patient for one in told if one.record.patient}
    states = alarm_states(patients)
    streams: dict[str, list[Entry]] = {}
    for one in told:
        patient = one.record.patient
        if patient is None:
            continue
        entries = streams.setdefault(patient.live_key, [])
        if (beats := _beats(one, now=now)) is not None:
            entries.append(beats)
        state = states[patient.pk] | _signal_state(one, now=now)
        if not one.alarms:
            # Told when they change; a page that missed it asks for them anyway.
            state.pop("alarms", None)
        entries.append(StateEntry(state))
    if streams:
        append_entries(streams)


def _is_fresh(stored: Stored, *, now: datetime) -> bool:
    return now - stored.record.time_of(stored.analysis.end_sample) <= FRESH


def _is_news(stored: Stored, *, now: datetime) -> bool:
    """Tell whether a live page shows any of it: of a backlog only its alarms."""
    if stored.record.source == Record.Source.FILE:
        return False
    return bool(stored.alarms) or _is_fresh(stored, now=now)


def _signal_state(stored: Stored, *, now: datetime) -> dict[str, Any]:
    if not _is_fresh(stored, now=now):
        return {}
    rate, words = stored.analysis.heart_rate_bpm, stored.analysis.quality_words
    return {
        "record": stored.record.pk,
        "quality": words[-1] if words else "missing",
        "heart_rate": None if np.isnan(rate) else round(float(rate), 1),
    }


def _beats(stored: Stored, *, now: datetime) -> BeatsEntry | None:
    """Return the beats that are fresh, if any."""
    record, beats = stored.record, stored.analysis.beats
    if not len(beats.samples):
        return None
    pieces = time_pieces(record.anchors.all()) or [Piece(0, record.started_at)]
    at_ms = TimeMap(record.fs, pieces).epoch_ms(beats.samples)
    fresh = at_ms >= epoch_ms(now - FRESH)
    if not fresh.any():
        return None
    winners = beats.probabilities.max(axis=1)
    return BeatsEntry(
        record=record.pk,
        fs=record.fs,
        samples=beats.samples[fresh],
        at_ms=at_ms[fresh],
        classes=beats.classes[fresh],
        probabilities=np.round(winners[fresh] * 255).astype(np.uint8),
        heart_rate_bpm=stored.analysis.heart_rate_bpm,
    )
