"""What is open in the records of a batch, read with a few questions for all of them."""

from collections.abc import Mapping, Sequence

from devices.models import Record
from inference.alarm_rules import RULES, TECHNICAL_RULES
from inference.ecg.types import Episode as Seen
from inference.models import Alarm, AnalysisState, Episode
from inference.services.episodes import known_episodes, pending_episodes
from inference.technical_rules import Watch

# A rule, and the sample in which its condition began.
_Place = tuple[int, str, int | None]


class Standing:
    """The open or provisional episodes, and which of all alarms say all there is."""

    def __init__(
        self, rows: Sequence[AnalysisState], seen: Mapping[int, Sequence[Seen]]
    ) -> None:
        self._known = known_episodes(seen)
        self._episodes: dict[int, list[Episode]] = {}
        for episode in pending_episodes([row.record_id for row in rows]):
            self._episodes.setdefault(episode.record_id or 0, []).append(episode)
        self._told = _told([one for own in self._episodes.values() for one in own])
        self._technical = _technical(rows)

    def episodes_of(self, record: Record) -> list[Episode]:
        """Return the record's episodes that are open or were flushed for a while."""
        return self._episodes.get(record.pk, [])

    def known_of(self, record: Record) -> Mapping[tuple[str, int | None], Episode]:
        """Return the rows of what was seen in the record, by label and onset."""
        return self._known[record.pk]

    def is_told(self, episode: Episode) -> bool:
        """Tell whether an episode that goes on unchanged has its alarm: no news."""
        return episode.pk in self._told

    def priority_told(self, record: Record, rule: str, onset_sample: int) -> int | None:
        """Return the priority of the active alarm of a technical condition, if any."""
        return self._technical.get((record.pk, rule, onset_sample))


def _told(episodes: Sequence[Episode]) -> set[int]:
    going_on = [
        episode.pk
        for episode in episodes
        if not episode.provisional and _raises(episode.label)
    ]
    if not going_on:
        return set()
    alarms = Alarm.objects.filter(
        episode__in=going_on, state=Alarm.State.ACTIVE, late=False
    )
    return {pk for pk in alarms.values_list("episode", flat=True) if pk}


def _raises(label: str) -> bool:
    return label in RULES and label not in TECHNICAL_RULES


def _technical(rows: Sequence[AnalysisState]) -> dict[_Place, int]:
    holding = [row.record_id for row in rows if Watch.from_json(row.technical).holds]
    if not holding:
        return {}
    alarms = Alarm.objects.filter(
        record__in=holding,
        rule__in=TECHNICAL_RULES,
        state=Alarm.State.ACTIVE,
        late=False,
    )
    found = alarms.values_list("record", "rule", "onset_sample", "priority")
    return {(record, rule, onset): priority for record, rule, onset, priority in found}
