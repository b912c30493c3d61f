"""Technical conditions from the quality of each second: pure rules."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

CONDITIONS = {
    "flat": "LEAD_OFF",
    "clipped": "NOISE",
    "mains": "NOISE",
    "motion": "NOISE",
    "muscle": "NOISE",
}
# Seconds of one condition in a row before it counts, and of good signal to end it.
BEGINS_AFTER_S = {"LEAD_OFF": 2, "NOISE": 5}
ENDS_AFTER_S = 3
# Then the condition is "no data", which is watched elsewhere.
MISSING_ENDS_AFTER_S = 10


@dataclass(frozen=True)
class Watch:
    """The condition that holds, and how long the other signs have lasted."""

    holds: str = ""
    since_s: int = 0
    candidate: str = ""
    candidate_s: int = 0
    good_s: int = 0
    missing_s: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return what ``from_json`` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Watch":
        """Return the watch stored by ``to_json``; a new one from ``{}``."""
        return cls(**stored)


@dataclass(frozen=True)
class TechnicalChange:
    """A condition begins (``ends_s`` is None) or ends, in seconds of the record."""

    rule: str
    onset_s: int
    end_s: int | None


def watch_quality(
    watch: Watch, words: Sequence[str], *, first_second: int
) -> tuple[Watch, list[TechnicalChange]]:
    """Follow one quality word per second; return the new watch and what changed.

    Delay: 2 s for an electrode that is off, 5 s for noise.
    """
    changes: list[TechnicalChange] = []
    for second, word in enumerate(words, start=first_second):
        watch = _count(watch, word)
        if watch.holds and _has_ended(watch):
            changes.append(TechnicalChange(watch.holds, watch.since_s, second + 1))
            watch = replace(watch, holds="")
        begins = BEGINS_AFTER_S.get(watch.candidate)
        if begins and watch.candidate_s >= begins and watch.holds != watch.candidate:
            if watch.holds:
                changes.append(TechnicalChange(watch.holds, watch.since_s, second + 1))
            since = second + 1 - watch.candidate_s
            watch = replace(watch, holds=watch.candidate, since_s=since)
            changes.append(TechnicalChange(watch.holds, since, None))
    return watch, changes


def _count(watch: Watch, word: str) -> Watch:
    condition = CONDITIONS.get(word, "")
    same = bool(condition) and condition == watch.candidate
    return replace(
        watch,
        candidate=condition,
        candidate_s=watch.candidate_s + 1 if same else int(bool(condition)),
        good_s=watch.good_s + 1 if word == "good" else 0,
        missing_s=watch.missing_s + 1 if word == "missing" else 0,
    )


def _has_ended(watch: Watch) -> bool:
    return watch.good_s >= ENDS_AFTER_S or watch.missing_s >= MISSING_ENDS_AFTER_S
