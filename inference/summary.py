"""What a whole recording shows, counted from its beats and episodes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.course import Course, course_of
from inference.ecg.types import CLASSES, Beats, Episode
from inference.span_summary import (
    DAY_S,
    HOUR_S,
    MINUTE_S,
    SpanSummary,
    span_summary,
    summarise_spans,
)
from inference.tallies import MIN_RUN, tally

EPISODE_WORDS = {
    "VF": "ventricular fibrillation or flutter",
    "VT": "ventricular tachycardia",
    "VRUN": "ventricular run",
    "TACHY": "tachycardia",
    "EXTREME_TACHY": "extreme tachycardia",
    "BRADY": "bradycardia",
    "EXTREME_BRADY": "extreme bradycardia",
    "SVT": "supraventricular run",
    "AF": "atrial fibrillation",
    "COUPLET": "ventricular couplet",
    "BIGEMINY": "ventricular bigeminy",
    "TRIGEMINY": "ventricular trigeminy",
    "PACED": "paced rhythm",
    "NOISE": "unreadable signal",
    "PAUSE": "pause",
    "ASYSTOLE": "asystole",
}


@dataclass(frozen=True)
class Run:
    """Consecutive beats of one class; ``rate_bpm`` is None if it cannot be told."""

    onset_s: float
    beats: int
    rate_bpm: float | None


@dataclass(frozen=True)
class EpisodeSummary:
    """A rhythm episode in seconds from the start of the recording."""

    label: str
    words: str
    onset_s: float
    end_s: float
    peak: float
    detail: str
    beats: int


@dataclass(frozen=True)
class Summary(SpanSummary):
    """A recording in figures, with its episodes.

    ``hours`` and ``days`` (of 24 h) count from its first sample.
    """

    duration_s: float
    longest_v_run: Run | None
    fastest_v_run: Run | None
    longest_s_run: Run | None
    episodes: tuple[EpisodeSummary, ...]
    hours: tuple[SpanSummary, ...]
    days: tuple[SpanSummary, ...]
    annotator: str

    def as_json(self) -> dict[str, Any]:
        """Return plain values for ``json.dumps``, rounded for reading."""
        plain: dict[str, Any] = rounded(asdict(self))
        return plain


def summarise(
    *,
    fs: int,
    n: int,
    beats: Beats,
    episodes: Sequence[Episode],
    quality: NDArray[np.uint8],
    annotator: str,
) -> Summary:
    """Summarise ``n`` samples at ``fs`` with everything that was found in them.

    ``quality`` holds 0..100 per second.
    """
    course = course_of(fs=fs, beats=beats, episodes=episodes, quality=quality)
    whole = tally(course, np.array([0.0, np.inf]))[0]
    v_runs, s_runs = _runs(course, "V"), _runs(course, "S")
    return Summary(
        **vars(span_summary(whole, onset_s=0.0, end_s=n / fs)),
        duration_s=n / fs,
        longest_v_run=max(v_runs, key=lambda run: run.beats, default=None),
        fastest_v_run=max(v_runs, key=lambda run: run.rate_bpm or 0.0, default=None),
        longest_s_run=max(s_runs, key=lambda run: run.beats, default=None),
        episodes=tuple(
            _episode(episode, fs=fs, n=n)
            for episode in sorted(episodes, key=lambda e: (e.onset_sample, e.label))
            if not episode.withdrawn
        ),
        hours=tuple(summarise_spans(course, step_s=HOUR_S)),
        days=tuple(summarise_spans(course, step_s=DAY_S)),
        annotator=annotator,
    )


def minutes_of(
    *,
    fs: int,
    beats: Beats,
    episodes: Sequence[Episode],
    quality: NDArray[np.uint8],
) -> list[SpanSummary]:
    """Summarise each minute of a recording."""
    course = course_of(fs=fs, beats=beats, episodes=episodes, quality=quality)
    return summarise_spans(course, step_s=MINUTE_S)


def _runs(course: Course, letter: str) -> list[Run]:
    """Return the runs of one class in order; a couplet is none."""
    found = course.row_class == CLASSES.index(letter)
    found &= course.row_beats >= MIN_RUN
    return [
        Run(onset_s, beats, bpm if np.isfinite(bpm) else None)
        for onset_s, beats, bpm in zip(
            course.row_at_s[found].tolist(),
            course.row_beats[found].tolist(),
            course.row_bpm[found].tolist(),
            strict=True,
        )
    ]


def _episode(episode: Episode, *, fs: int, n: int) -> EpisodeSummary:
    end = n if episode.end_sample is None else episode.end_sample
    return EpisodeSummary(
        label=episode.label,
        words=EPISODE_WORDS.get(episode.label, episode.label.lower()),
        onset_s=episode.onset_sample / fs,
        end_s=end / fs,
        peak=float(episode.peak),
        detail=episode.detail,
        beats=episode.beats,
    )


def rounded(value: Any) -> Any:
    """Return plain values with four decimals; what is not finite is None."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(inner) for inner in value]
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    return value
