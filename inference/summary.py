"""What a whole recording shows, counted from its beats and episodes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.ecg.types import CLASSES, Beats, Episode

# A second of at least this quality (0..100) is usable: noise scores 40 at most.
USABLE_QUALITY = 50
# Heart rate is taken over this many intervals, as the alarm rules take it.
RATE_INTERVALS = 12
MIN_RUN = 3

EPISODE_WORDS = {
    "VT": "ventricular tachycardia",
    "VRUN": "ventricular run",
    "TACHY": "tachycardia",
    "EXTREME_TACHY": "extreme tachycardia",
    "BRADY": "bradycardia",
    "EXTREME_BRADY": "extreme bradycardia",
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
class Summary:
    """A recording in figures; a rate or interval is None where no beats tell it."""

    duration_s: float
    usable_share: float
    beat_count: int
    beats: dict[str, int]
    heart_rate_min_bpm: float | None
    heart_rate_mean_bpm: float | None
    heart_rate_max_bpm: float | None
    longest_rr_ms: float | None
    longest_rr_at_s: float | None
    v_burden: float
    s_burden: float
    v_couplets: int
    v_runs: int
    longest_v_run: Run | None
    fastest_v_run: Run | None
    s_runs: int
    longest_s_run: Run | None
    episodes: tuple[EpisodeSummary, ...]
    annotator: str

    def as_json(self) -> dict[str, Any]:
        """Return plain values for ``json.dumps``, rounded for reading."""
        plain: dict[str, Any] = _rounded(asdict(self))
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

    ``quality`` holds 0..100 per second. Burdens are shares of all beats.
    """
    counts = np.bincount(beats.classes, minlength=len(CLASSES))
    total = int(counts.sum())
    rr_ms = r_intervals_ms(beats, fs=fs)
    rates = _rates_bpm(rr_ms)
    known = np.isfinite(rr_ms)
    longest = int(np.nanargmax(rr_ms)) if known.any() else None
    v_runs = _runs(beats, rr_ms, CLASSES.index("V"), fs)
    s_runs = _runs(beats, rr_ms, CLASSES.index("S"), fs)
    long_v_runs = [run for run in v_runs if run.beats >= MIN_RUN]
    long_s_runs = [run for run in s_runs if run.beats >= MIN_RUN]
    return Summary(
        duration_s=n / fs,
        usable_share=float((quality >= USABLE_QUALITY).mean()) if len(quality) else 0.0,
        beat_count=total,
        beats={name: int(counts[index]) for index, name in enumerate(CLASSES)},
        heart_rate_min_bpm=float(rates.min()) if len(rates) else None,
        heart_rate_mean_bpm=_rate(rr_ms[known]),
        heart_rate_max_bpm=float(rates.max()) if len(rates) else None,
        longest_rr_ms=None if longest is None else float(rr_ms[longest]),
        longest_rr_at_s=None if longest is None else int(beats.samples[longest]) / fs,
        v_burden=_share(counts[CLASSES.index("V")], total),
        s_burden=_share(counts[CLASSES.index("S")], total),
        v_couplets=sum(run.beats == 2 for run in v_runs),
        v_runs=len(long_v_runs),
        longest_v_run=max(long_v_runs, key=lambda run: run.beats, default=None),
        fastest_v_run=max(
            long_v_runs, key=lambda run: run.rate_bpm or 0.0, default=None
        ),
        s_runs=len(long_s_runs),
        longest_s_run=max(long_s_runs, key=lambda run: run.beats, default=None),
        episodes=tuple(
            _episode(episode, fs=fs, n=n)
            for episode in sorted(episodes, key=lambda e: (e.onset_sample, e.label))
            if not episode.withdrawn
        ),
        annotator=annotator,
    )


def r_intervals_ms(beats: Beats, *, fs: int) -> NDArray[np.float64]:
    """Return the time from R peak to R peak, NaN where ``rr_ms`` is unknown.

    ``rr_ms`` is measured between the steepest slopes, which serves the classifier;
    in a wide beat that is some 50 ms away from the R peak that people see.
    """
    rr_ms: NDArray[np.float64] = np.full(len(beats.samples), np.nan)
    rr_ms[1:] = np.diff(beats.samples) * 1000.0 / fs
    rr_ms[~np.isfinite(beats.rr_ms)] = np.nan
    return rr_ms


def _rates_bpm(rr_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rate over every 12 successive known intervals, or over all."""
    known = np.isfinite(rr_ms)
    if known.sum() < RATE_INTERVALS:
        rate = _rate(rr_ms[known])
        return np.array([] if rate is None else [rate])
    total = np.cumsum(np.concatenate([[0.0], np.where(known, rr_ms, 0.0)]))
    count = np.cumsum(np.concatenate([[0], known.astype(np.int64)]))
    full = count[RATE_INTERVALS:] - count[:-RATE_INTERVALS] == RATE_INTERVALS
    span = total[RATE_INTERVALS:] - total[:-RATE_INTERVALS]
    if not full.any():
        rate = _rate(rr_ms[known])
        return np.array([] if rate is None else [rate])
    rates: NDArray[np.float64] = RATE_INTERVALS * 60_000.0 / span[full]
    return rates


def _rate(rr_ms: NDArray[np.float64]) -> float | None:
    mean = float(np.mean(rr_ms)) if len(rr_ms) else 0.0
    return 60_000.0 / mean if mean > 0 else None


def _runs(beats: Beats, rr_ms: NDArray[np.float64], wanted: int, fs: int) -> list[Run]:
    """Return the unbroken rows of one class; an unknown interval breaks a row."""
    member = beats.classes == wanted
    # A beat goes on with the row if the one before is a member and not cut off.
    follows = np.zeros(len(member), dtype=bool)
    follows[1:] = member[1:] & member[:-1] & np.isfinite(rr_ms[1:])
    starts = np.flatnonzero(member & ~follows)
    runs = []
    for start in starts.tolist():
        end = start + 1
        while end < len(member) and follows[end]:
            end += 1
        rate = _rate(rr_ms[start + 1 : end])
        runs.append(Run(int(beats.samples[start]) / fs, end - start, rate))
    return runs


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


def _share(part: int, total: int) -> float:
    return int(part) / total if total else 0.0


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(inner) for inner in value]
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    return value
