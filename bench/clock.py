"""Wall and processor time, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass
class Spent:
    """Seconds on the wall and on all processors of this process."""

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
    """Adds up what calls cost, by the name of the step."""

    steps: dict[str, Spent] = field(default_factory=dict)

    def call(self, step: str, work: Callable[..., T], *given: Any, **named: Any) -> T:
        """Run ``work`` and add its time to a step."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = work(*given, **named)
        spent = self.steps.setdefault(step, Spent())
        spent.wall_s += time.perf_counter() - wall
        spent.cpu_s += time.process_time() - cpu
        return result

    def watched(self, step: str, work: Callable[..., T]) -> Callable[..., T]:
        """Return ``work`` with its time added to a step at each call."""
        return lambda *given, **named: self.call(step, work, *given, **named)
