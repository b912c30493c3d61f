"""Alarms and episodes of one patient, as its pages list them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from inference.alarm_rules import RULES, TECHNICAL_RULES, Rule
from inference.label_figures import released_figures
from inference.models import Alarm, Episode
from inference.models.alarm import AlarmQuerySet
from inference.services.episodes import shown_episodes
from patients.access import Right
from patients.models import Patient

MARKS = {0: "", 1: "*", 2: "**", 3: "***"}
LEVELS = {0: "low", 1: "low", 2: "medium", 3: "high"}


@dataclass(frozen=True)
class AlarmRow:
    """An alarm with the words of its rule."""

    alarm: Alarm
    rule: Rule
    marks: str
    level: str

    @property
    def figure(self) -> str:
        """Say how often what raised it is right."""
        return released_figures().episode_words(self.alarm.rule)


def alarm_row(alarm: Alarm) -> AlarmRow:
    """Return the alarm as the pages show it."""
    return AlarmRow(
        alarm, RULES[alarm.rule], MARKS[alarm.priority], LEVELS[alarm.priority]
    )


def alarms_of(patient: Patient, rights: Right) -> AlarmQuerySet:
    """Return the patient's alarms that these rights show, the newest first."""
    alarms = Alarm.objects.filter(patient=patient).order_by("-onset_at", "-pk")
    if Right.ALARMS not in rights:
        # Staff look after devices: they see what is technical.
        alarms = alarms.filter(rule__in=TECHNICAL_RULES)
    return alarms.select_related("acknowledged_by")


def episodes_of(patient: Patient) -> QuerySet[Episode]:
    """Return the patient's episodes, the newest first."""
    return shown_episodes().filter(patient=patient).order_by("-onset_at", "-pk")


def figures_of(episodes: Sequence[Episode]) -> list[tuple[str, str]]:
    """Say of each kind of episode once how often it is right."""
    said = {
        str(episode.get_label_display()): released_figures().episode_words(
            episode.label
        )
        for episode in episodes
    }
    return sorted((word, words) for word, words in said.items() if words)
