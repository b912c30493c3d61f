"""The episodes that one call opened, changed or closed."""

from __future__ import annotations

from dataclasses import dataclass, field

from inference.ecg.types import Episode


@dataclass
class EpisodeLog:
    """The latest word on each episode; one opened and withdrawn at once is none."""

    latest: dict[tuple[str, int], Episode] = field(default_factory=dict)
    opened: set[tuple[str, int]] = field(default_factory=set)

    def open(self, episode: Episode) -> None:
        """Note a new episode."""
        self.opened.add((episode.label, episode.onset_sample))
        self.change(episode)

    def change(self, episode: Episode) -> None:
        """Note what is now known of an episode."""
        self.latest[(episode.label, episode.onset_sample)] = episode

    def withdraw(self, label: str, onset: int, became: str) -> None:
        """Take an episode back because another one took its place."""
        if (label, onset) in self.opened:
            self.opened.remove((label, onset))
            del self.latest[(label, onset)]
            return
        self.change(Episode(label, onset, onset, 0.0, f"became {became}", 0))

    def episodes(self) -> tuple[Episode, ...]:
        """Return them in order of onset."""
        return tuple(
            sorted(self.latest.values(), key=lambda e: (e.onset_sample, e.label))
        )
