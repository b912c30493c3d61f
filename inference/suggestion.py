"""One line in words for a person: what stands out, and what to do next."""

from collections import defaultdict
from dataclasses import dataclass

from inference.summary import EpisodeSummary, Summary

# From the most to the least urgent.
TODAY, SOON, VISIT, AGAIN, NOTHING = range(5)
ADVICE = {
    TODAY: "show to a doctor today",
    SOON: "show to a doctor in the next days",
    VISIT: "mention it at the next visit",
    AGAIN: "check the electrodes and record again",
}
POOR_SHARE = 0.5
MANY_V, SOME_V, MANY_S = 0.10, 0.01, 0.05
# The urgency of a rate, and whether its worst is the highest one.
_RATES = (
    ("EXTREME_TACHY", TODAY, True),
    ("EXTREME_BRADY", TODAY, False),
    ("TACHY", SOON, True),
    ("BRADY", SOON, False),
)


@dataclass(frozen=True)
class Suggestion:
    """What to do with a recording; ``urgency`` orders TODAY before NOTHING."""

    urgency: int
    text: str


def suggest(summary: Summary) -> Suggestion:
    """Return the most urgent findings in words, with one piece of advice."""
    findings = _findings(summary)
    if not findings:
        return Suggestion(NOTHING, _nothing(summary))
    urgency = min(level for level, _ in findings)
    words = [text for level, text in findings if level == urgency][:3]
    text = f"{'; '.join(words)}: {ADVICE[urgency]}"
    if urgency != AGAIN and summary.usable_share < POOR_SHARE:
        text += f" (only {summary.usable_share:.0%} of the signal is usable)"
    return Suggestion(urgency, text)


def _findings(summary: Summary) -> list[tuple[int, str]]:
    of: defaultdict[str, list[EpisodeSummary]] = defaultdict(list)
    for episode in summary.episodes:
        of[episode.label].append(episode)
    findings: list[tuple[int, str]] = []
    if of["VF"]:
        findings.append((TODAY, _times(of["VF"])))
    if of["ASYSTOLE"]:
        findings.append((TODAY, _stops(of["ASYSTOLE"], "asystole", "asystoles")))
    if summary.longest_v_run is not None:
        level = TODAY if of["VT"] else SOON
        findings.append((level, _runs(summary)))
    elif of["VT"] or of["VRUN"]:
        worst = max(of["VT"] or of["VRUN"], key=lambda episode: episode.beats)
        findings.append((TODAY if of["VT"] else SOON, f"{worst.words}, {worst.detail}"))
    for label, level, high in _RATES:
        if of[label]:
            findings.append((level, _rates(of[label], high=high)))
    if of["AF"]:
        findings.append((SOON, f"{_times(of['AF'])}{_af_share(summary)}"))
    if of["PAUSE"]:
        findings.append((SOON, _stops(of["PAUSE"], "pause", "pauses")))
    if summary.v_burden >= SOME_V:
        level = SOON if summary.v_burden >= MANY_V else VISIT
        findings.append((level, f"{summary.v_burden:.0%} of the beats ventricular"))
    if summary.s_burden >= MANY_S:
        text = f"{summary.s_burden:.0%} of the beats supraventricular"
        findings.append((VISIT, text))
    if summary.longest_s_run is not None:
        findings.append((VISIT, _s_runs(summary)))
    if summary.usable_share < POOR_SHARE:
        share = f"{summary.usable_share:.0%}"
        findings.append((AGAIN, f"only {share} of the signal is usable"))
    elif not summary.beat_count:
        findings.append((AGAIN, "no beat was found"))
    return findings


def _counted(count: int, one: str, many: str) -> str:
    return f"1 {one}" if count == 1 else f"{count} {many}"


def _runs(summary: Summary) -> str:
    longest = summary.longest_v_run
    if longest is None:
        return ""
    rate = f" at {longest.rate_bpm:.0f}/min" if longest.rate_bpm else ""
    if summary.v_runs == 1:
        return f"1 ventricular run of {longest.beats} beats{rate}"
    return f"{summary.v_runs} ventricular runs, longest {longest.beats} beats{rate}"


def _s_runs(summary: Summary) -> str:
    longest = summary.longest_s_run
    beats = 0 if longest is None else longest.beats
    runs = _counted(summary.s_runs, "supraventricular run", "supraventricular runs")
    return f"{runs}{' of' if summary.s_runs == 1 else ', longest'} {beats} beats"


def _times(episodes: list[EpisodeSummary]) -> str:
    total_s = sum(episode.end_s - episode.onset_s for episode in episodes)
    return f"{episodes[0].words}, {_length(total_s)} in all"


def _af_share(summary: Summary) -> str:
    share = summary.af_burden
    return f" ({share:.0%} of the usable signal)" if share else ""


def _stops(episodes: list[EpisodeSummary], one: str, many: str) -> str:
    longest = max(episode.peak for episode in episodes)
    count = _counted(len(episodes), one, many)
    return f"{count}{' of' if len(episodes) == 1 else ', longest'} {longest:.1f} s"


def _rates(episodes: list[EpisodeSummary], *, high: bool) -> str:
    worst = (max if high else min)(episode.peak for episode in episodes)
    total_s = sum(episode.end_s - episode.onset_s for episode in episodes)
    way = "up to" if high else "down to"
    length = _length(total_s)
    return f"{episodes[0].words}, {way} {worst:.0f}/min, {length} in all"


def _nothing(summary: Summary) -> str:
    rate = summary.heart_rate_mean_bpm
    mean = f", mean heart rate {rate:.0f}/min" if rate else ""
    return (
        f"Nothing stands out in {_length(summary.duration_s)}{mean}; "
        "symptoms count more than this line"
    )


def _length(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
