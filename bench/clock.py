"""Wall and processor time, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass
class Spent:
    """Seconds on the wall and on processors."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def as_json(self, scale: float = 1.0) -> dict[str, float]:
        """Return both, scaled."""
        return {
            "wall_s": round(self.wall_s * scale, 3),
            "cpu_s": round(self.cpu_s * scale, 3),
        }


@dataclass
class Stopwatch:
    """Adds up what calls cost, by the name of the step.

    Processor time is that of the calling thread, or with ``time.process_time`` that
    of all threads.
    """

    cpu: Callable[[], float] = time.thread_time
    steps: dict[str, Spent] = field(default_factory=dict)

    def call(self, step: str, work: Callable[..., T], *given: Any, **named: Any) -> T:
        """Run ``work`` and add its time to a step."""
        wall, cpu = time.perf_counter(), self.cpu()
        result = work(*given, **named)
        spent = self.steps.setdefault(step, Spent())
        spent.wall_s += time.perf_counter() - wall
        spent.cpu_s += self.cpu() - cpu
        return result

    def watched(self, step: str, work: Callable[..., T]) -> Callable[..., T]:
        """Return ``work`` with its time added to a step at each call."""
        return lambda *given, **named: self.call(step, work, *given, **named)
