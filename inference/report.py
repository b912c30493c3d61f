"""A summary as lines of text."""

from inference.ecg.types import WORDS
from inference.label_figures import LabelFigures
from inference.recording_rhythm import RecordingRhythm
from inference.suggestion import suggest
from inference.summary import Summary

SHOWN_EPISODES = 20


def clock(seconds: float) -> str:
    """Return a time from the start as ``m:ss.s`` or ``h:mm:ss.s``."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    plain = f"{minutes:02d}:{rest / 10:04.1f}"
    return f"{hours}:{plain}" if hours else plain.removeprefix("0")


def report_text(
    summary: Summary,
    *,
    title: str,
    figures: LabelFigures | None = None,
    rhythm: RecordingRhythm | None = None,
) -> str:
    """Return the summary as text for a terminal, episodes at the end.

    ``figures`` say how often the labels that occur are right; ``rhythm`` is what a
    short recording shows as a whole.
    """
    lines = [
        title,
        f"  length      {clock(summary.duration_s)}, "
        f"{summary.usable_share:.1%} of the signal usable",
        f"  beats       {summary.beat_count}: {_beats(summary)}",
        f"  heart rate  {_rates(summary)}",
        f"  longest RR  {_longest(summary)}",
        f"  ectopy      V {_burden(summary.v_burden, summary.v_per_hour)}, "
        f"S {_burden(summary.s_burden, summary.s_per_hour)}; "
        f"{summary.v_couplets} V couplets, {summary.v_runs} V runs, "
        f"{summary.s_couplets} S couplets, {summary.s_runs} S runs",
        f"  AF          {_af(summary)}",
        *([] if rhythm is None else [f"  rhythm      {rhythm_words(rhythm)}"]),
        f"  variability {_variability(summary)}",
        f"  episodes    {len(summary.episodes)}",
    ]
    lines += [
        f"    {clock(episode.onset_s)}–{clock(episode.end_s)}  {episode.words}"
        + (f": {episode.detail}" if episode.detail else "")
        for episode in summary.episodes[:SHOWN_EPISODES]
    ]
    if len(summary.episodes) > SHOWN_EPISODES:
        lines.append(f"    and {len(summary.episodes) - SHOWN_EPISODES} more")
    lines += [f"  {suggest(summary).text}", f"  annotator   {summary.annotator}"]
    lines += [f"  how sure    {text}" for text in _figures(summary, figures)]
    return "\n".join(lines)


def _figures(summary: Summary, figures: LabelFigures | None) -> list[str]:
    if figures is None:
        return []
    said = {
        WORDS[name]: figures.beat_words(name) for name, n in summary.beats.items() if n
    }
    said |= {e.words: figures.episode_words(e.label) for e in summary.episodes}
    lines = [f"{word}: {words}" for word, words in said.items() if words]
    return [*lines, figures.source] if lines and figures.source else lines


def rhythm_words(rhythm: RecordingRhythm) -> str:
    """Say the rhythm of a short recording, and how often the model is right."""
    said = f"{rhythm.words} {rhythm.probability:.0%}"
    if rhythm.windows > 1:
        said += f" in {rhythm.agreeing} of {rhythm.windows} half minutes"
    return f"{said} ({rhythm.figure})" if rhythm.figure else said


def _beats(summary: Summary) -> str:
    return ", ".join(f"{n} {WORDS[name]}" for name, n in summary.beats.items() if n)


def _rates(summary: Summary) -> str:
    rates = (
        summary.heart_rate_min_bpm,
        summary.heart_rate_mean_bpm,
        summary.heart_rate_max_bpm,
    )
    if None in rates:
        return "unknown"
    low, mean, high = (f"{rate:.0f}" for rate in rates)
    return f"{low} / {mean} / {high} per minute (min / mean / max)"


def _burden(share: float, per_hour: float | None) -> str:
    rate = "" if per_hour is None else f" ({per_hour:.0f}/h)"
    return f"{share:.2%} of beats{rate}"


def _af(summary: Summary) -> str:
    if summary.af_burden is None:
        return "unknown: nothing is usable"
    return f"{summary.af_burden:.1%} of the usable time, {clock(summary.af_s)}"


def _variability(summary: Summary) -> str:
    parts = [
        f"{name} {value:.0f} ms"
        for name, value in (
            ("SDNN", summary.sdnn_ms),
            ("RMSSD", summary.rmssd_ms),
            ("SDANN", summary.sdann_ms),
        )
        if value is not None
    ]
    if not parts:
        return "unknown: too few normal beats follow each other"
    return f"{', '.join(parts)} over {summary.nn_count} normal intervals"


def _longest(summary: Summary) -> str:
    if summary.longest_rr_ms is None or summary.longest_rr_at_s is None:
        return "unknown"
    return f"{summary.longest_rr_ms:.0f} ms at {clock(summary.longest_rr_at_s)}"
