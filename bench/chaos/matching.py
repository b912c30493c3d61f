"""Which alarm answers for which episode. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """The samples of an episode or an alarm; without an end it goes on."""

    onset: int
    end: int | None

    def touches(self, other: Span) -> bool:
        """Tell whether they have a sample in common."""
        begins = other.end is None or self.onset <= other.end
        ends = self.end is None or self.end >= other.onset
        return begins and ends


def match(
    expected: Sequence[Span], alarms: Sequence[Span]
) -> tuple[list[list[int]], list[int]]:
    """Let each alarm answer for one episode, the nearest by onset that it touches.

    Returns the alarms of each episode and those that touch none, all by index.
    """
    answers: list[list[int]] = [[] for _ in expected]
    more = []
    for number, alarm in enumerate(alarms):
        touched = [k for k, one in enumerate(expected) if one.touches(alarm)]
        if touched:
            nearest = min(touched, key=lambda k: abs(expected[k].onset - alarm.onset))
            answers[nearest].append(number)
        else:
            more.append(number)
    return answers, more


def kept_silent(
    expected: Sequence[Span], *, has_news: Sequence[bool], rest_samples: int
) -> list[bool]:
    """Tell which episodes, in their order, need no alarm of their own.

    Those without one that end while the rule rests after the alarm of an earlier one.
    ``has_news`` tells which have an alarm that was not late: a late one rests not.
    """
    silent = []
    last_end: int | None = None
    for one, news in zip(expected, has_news, strict=True):
        rests = (
            last_end is not None
            and one.end is not None
            and one.end - last_end < rest_samples
        )
        silent.append(rests and not news)
        if news:
            last_end = one.end
    return silent
