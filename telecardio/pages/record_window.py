"""One window of an uploaded recording, as the page draws it."""

from typing import Any

import numpy as np

from devices.models import Record
from devices.reading import read_signal
from devices.segment_reading import Damaged
from inference.course import r_intervals_ms
from inference.ecg.types import CLASSES, WORDS
from inference.label_figures import released_figures
from inference.services.beats import beats_between, quality_between, shown_blocks
from inference.services.episodes import episodes_touching
from inference.summary import EPISODE_WORDS
from telecardio.pages.record_summary import progress_of

WINDOW_S = 10
MAX_WINDOW_S = 30
LONGEST_RR_S = 10


def window_of(
    record: Record, *, start_s: float, seconds: float, annotator: str | None = None
) -> dict[str, Any]:
    """Return ``[start_s, start_s + seconds)``: mV per lead, beats, episodes, quality.

    Where no sample is stored the signal is null, and so is an unknown interval. In the
    spans ``damaged`` samples are stored and cannot be read: null too.
    """
    fs = record.fs
    start = max(0, min(round(start_s * fs), record.end_sample - 1))
    end = min(start + max(1, round(seconds * fs)), record.end_sample)
    damaged: Damaged = []
    signal = read_signal(record, start, end, damaged=damaged)
    return {
        "fs": fs,
        "start_s": start / fs,
        "end_s": end / fs,
        "duration_s": record.end_sample / fs,
        "analysed_s": progress_of(record).analysed_sample / fs,
        "leads": [
            {"name": name, "mv": _plain(signal[:, index])}
            for index, name in enumerate(record.leads)
        ],
        "damaged": spans_s(damaged, fs=fs),
        "beats": _beats(record, start, end, annotator),
        "episodes": [
            {
                "words": EPISODE_WORDS.get(row.label, row.get_label_display()),
                "detail": row.detail,
                "onset_s": (row.onset_sample or 0) / fs,
                "end_s": (row.end_sample or record.end_sample) / fs,
            }
            for row in episodes_touching(record, start, end, annotator=annotator)
        ],
        "quality": quality_between(
            record, start, end, blocks=shown_blocks(record, annotator=annotator)
        ).values.tolist(),
    }


def _beats(
    record: Record, start: int, end: int, annotator: str | None
) -> list[dict[str, Any]]:
    # The beat before the window is needed for the first interval.
    before = start - LONGEST_RR_S * record.fs
    beats = beats_between(record, before, end, annotator=annotator)
    intervals = r_intervals_ms(beats, fs=record.fs)
    figures = released_figures()
    return [
        {
            "at_s": sample / record.fs,
            "symbol": CLASSES[index],
            "word": WORDS[CLASSES[index]],
            "probability": round(float(row[index]), 3),
            "figure": figures.beat_short(CLASSES[index]),
            "rr_ms": None if np.isnan(rr) else round(rr),
        }
        for sample, index, row, rr in zip(
            beats.samples.tolist(),
            beats.classes.tolist(),
            beats.probabilities,
            intervals.tolist(),
            strict=True,
        )
        if sample >= start
    ]


def spans_s(damaged: Damaged, *, fs: int) -> list[dict[str, float]]:
    """Return ranges of samples in seconds from the start of the record."""
    return [{"start_s": start / fs, "end_s": end / fs} for start, end in damaged]


def _plain(signal_mv: Any) -> list[float | None]:
    rounded = np.round(signal_mv.astype(np.float64), 4)
    return [None if np.isnan(value) else value for value in rounded.tolist()]
