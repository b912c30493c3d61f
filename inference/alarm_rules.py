"""Which alarm an episode raises, and its words: pure rules.

The table is the "Defaults" of the alarm design; the limits themselves are applied
where episodes are found (``inference.ecg``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

# After an alarm's condition ends, the same rule rests this long.
REFRACTORY = timedelta(seconds=30)
# Most ventricular runs that become VT do so sooner. They are shown at once, but
# mailed only when they have ended or lasted so long: VT is mailed instead.
RUN_SETTLES = timedelta(seconds=5)
# A condition last seen so long before its signal arrived is history.
LATE_AFTER = timedelta(seconds=60)
# More of an episode than this in unreadable signal: no alarm about the heart.
MOST_BAD_SHARE = 0.5
GOOD_QUALITY = 50


class Priority(IntEnum):
    """How soon a person must look."""

    TECHNICAL = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


@dataclass(frozen=True)
class Rule:
    """One kind of alarm: what it means and what to do next."""

    name: str
    priority: Priority
    words: str
    why: str
    advice: str
    technical: bool = False

    @property
    def latches(self) -> bool:
        """Tell whether it stays until acknowledged, even when the condition ends."""
        return self.priority == Priority.HIGH


_CALL = "Look at the trace now and call the patient; send help if nobody answers."
_LOOK = "Look at the trace and at the last hour; decide whether to call the patient."

_RULES = (
    Rule(
        "ASYSTOLE",
        Priority.HIGH,
        "Asystole",
        "No heartbeat was seen for 4 seconds although the electrodes read well.",
        _CALL,
    ),
    Rule(
        "VF",
        Priority.HIGH,
        "Ventricular fibrillation or flutter",
        "For 4 seconds the signal was waves without beats, although it reads well.",
        _CALL,
    ),
    Rule(
        "VT",
        Priority.HIGH,
        "Ventricular tachycardia",
        "5 or more ventricular beats in a row at 100/min or faster.",
        _CALL,
    ),
    Rule(
        "EXTREME_TACHY",
        Priority.HIGH,
        "Extreme tachycardia",
        "The heart rate stayed far above the patient's high limit for 10 seconds.",
        _CALL,
    ),
    Rule(
        "EXTREME_BRADY",
        Priority.HIGH,
        "Extreme bradycardia",
        "The heart rate stayed far below the patient's low limit for 10 seconds.",
        _CALL,
    ),
    Rule(
        "TACHY",
        Priority.MEDIUM,
        "Heart rate high",
        "The heart rate stayed above the patient's high limit for 10 seconds.",
        _LOOK,
    ),
    Rule(
        "BRADY",
        Priority.MEDIUM,
        "Heart rate low",
        "The heart rate stayed below the patient's low limit for 10 seconds.",
        _LOOK,
    ),
    Rule(
        "PAUSE",
        Priority.MEDIUM,
        "Pause",
        "The time between two heartbeats was longer than the patient's pause limit.",
        _LOOK,
    ),
    Rule(
        "VRUN",
        Priority.MEDIUM,
        "Ventricular run",
        "3 or more ventricular beats in a row.",
        _LOOK,
    ),
    Rule(
        "AF",
        Priority.MEDIUM,
        "Atrial fibrillation",
        "For 30 seconds or more no interval between beats was like another.",
        _LOOK,
    ),
    Rule(
        "LEAD_OFF",
        Priority.LOW,
        "Electrode off",
        "The signal is flat: an electrode has lost contact.",
        "Ask the patient to press the electrodes on, or to change them.",
        technical=True,
    ),
    Rule(
        "NOISE",
        Priority.LOW,
        "Noisy signal",
        "The signal cannot be read, so no heart alarm can come from it.",
        "Ask the patient to rest and to check electrodes and cable.",
        technical=True,
    ),
    Rule(
        "NO_DATA",
        Priority.LOW,
        "No data",
        "The device has sent nothing, so nobody watches this heart.",
        "Ask the patient to check the device's power, distance and network.",
        technical=True,
    ),
)
RULES: dict[str, Rule] = {rule.name: rule for rule in _RULES}
TECHNICAL_RULES = frozenset(rule.name for rule in _RULES if rule.technical)
# The table says when a technical condition is more than low.
MEDIUM_AFTER = timedelta(minutes=2)


def technical_priority(lasted: timedelta) -> Priority:
    """Return the priority of a technical condition that has lasted so long."""
    return Priority.MEDIUM if lasted >= MEDIUM_AFTER else Priority.LOW


def is_late(last_seen_at: datetime, *, now: datetime) -> bool:
    """Tell whether a condition last seen then is history rather than news."""
    return now - last_seen_at > LATE_AFTER


def is_resting(ended_before: timedelta) -> bool:
    """Tell whether a rule still rests whose last alarm ended so long before."""
    return ended_before < REFRACTORY


def suppression(quality: list[int]) -> str:
    """Say why these seconds (quality 0..100) may raise no alarm; empty: they may."""
    bad = sum(value < GOOD_QUALITY for value in quality)
    if quality and bad / len(quality) > MOST_BAD_SHARE:
        return f"signal unreadable for {bad} of {len(quality)} s"
    return ""
