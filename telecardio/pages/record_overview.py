"""A long span of a recording: between which values the signal lies."""

from typing import Any

import numpy as np

from devices.models import Record
from devices.overview import read_overview
from inference.services.episodes import episodes_touching
from inference.summary import EPISODE_WORDS
from telecardio.pages.record_summary import progress_of
from telecardio.pages.record_window import spans_s

BINS = 2000


def overview_of(
    record: Record, *, start_s: float, seconds: float, annotator: str | None = None
) -> dict[str, Any]:
    """Return ``[start_s, start_s + seconds)`` in at most 2,000 bins, and the episodes.

    Of each lead the lowest and highest mV of each bin, null where nothing is stored and
    in the spans ``damaged``, which cannot be read.
    The first bin begins at ``start_s`` of the answer, each lasts ``bin_s``.
    """
    fs = record.fs
    start = max(0, min(round(start_s * fs), record.end_sample - 1))
    end = min(start + max(1, round(seconds * fs)), record.end_sample)
    found = read_overview(record, start, end, bins=BINS)
    first, bin_samples = found.start_sample, found.bin_samples
    return {
        "fs": fs,
        "start_s": first / fs,
        "end_s": min(first + len(found.low_mv) * bin_samples, record.end_sample) / fs,
        "bin_s": bin_samples / fs,
        "duration_s": record.end_sample / fs,
        "analysed_s": progress_of(record).analysed_sample / fs,
        "leads": [
            {
                "name": name,
                "low_mv": _plain(found.low_mv[:, index]),
                "high_mv": _plain(found.high_mv[:, index]),
            }
            for index, name in enumerate(record.leads)
        ],
        "damaged": spans_s(found.damaged, fs=fs),
        "episodes": [
            {
                "words": EPISODE_WORDS.get(row.label, row.get_label_display()),
                "detail": row.detail,
                "onset_s": (row.onset_sample or 0) / fs,
                "end_s": (row.end_sample or record.end_sample) / fs,
            }
            for row in episodes_touching(record, start, end, annotator=annotator)
        ],
    }


def _plain(values_mv: Any) -> list[float | None]:
    rounded = np.round(values_mv.astype(np.float64), 3)
    return [None if not np.isfinite(one) else one for one in rounded.tolist()]
