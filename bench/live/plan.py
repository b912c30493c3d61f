"""What the load generator and the viewers are told, and what they tell back.

All times are of ``time.monotonic()``, which the processes of one Linux machine share.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol


class Templates(Protocol):
    """Packets of one signal in one wire format, short of what changes."""

    media_type: str
    packet_samples: int
    packet_s: float

    def body(self, stream: str, seqs: list[int], first_part: int, t0_us: int) -> bytes:
        """Return the body of one upload: these packets of one stream.

        ``first_part`` is where in the signal the stream begins, ``t0_us`` the time
        of its first sample in microseconds since 1970.
        """
        ...


@dataclass(frozen=True)
class DevicePlan:
    """One device: its token, its stream, and where in the signal it begins.

    Recording begins ``begins_s`` after the load does; before that, for a device that
    was away, by ``backlog`` packets.
    """

    token: str
    stream: str
    first_part: int
    begins_s: float
    backlog: int = 0


@dataclass(frozen=True)
class LoadPlan:
    """All devices; those with a backlog record nothing more."""

    port: int
    devices: list[DevicePlan]
    templates: Templates
    seconds: float
    drain_s: float


@dataclass
class LoadOutcome:
    """What came of it: for each device when each packet was acked, by ``seq``.

    NaN: not acked. ``begins`` is when each device recorded its first sample.
    """

    begins: list[float]
    acked: list[array[float]]
    ended: float
    # When a request was first tried, and the ms until it was answered at last.
    sent: array[float] = field(default_factory=lambda: array("d"))
    reply_ms: array[float] = field(default_factory=lambda: array("d"))
    # How late the generator itself sent what a waiting device had just recorded.
    slip_ms: array[float] = field(default_factory=lambda: array("d"))
    # Answers other than 200 by status; packets that the server will not have, by why.
    statuses: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    first_refusal: str = ""
    # Tries without an answer, or with that of a server in trouble (5xx).
    failed_requests: int = 0
    reconnects: int = 0
    timeouts: int = 0
    largest_batch: int = 0


@dataclass(frozen=True)
class ViewerPlan:
    """One doctor's page: the cookie of the session, and who is watched."""

    cookie: str
    patients: list[int]


@dataclass(frozen=True)
class ViewersPlan:
    """All pages, and what each asks for every few seconds, as the wall's page does."""

    port: int
    viewers: list[ViewerPlan]
    polled: list[str]


@dataclass
class ViewersOutcome:
    """What the viewers received: one item per frame, and one per beat.

    Until ``ended``, when the pages were closed.
    """

    frame_viewer: array[int] = field(default_factory=lambda: array("q"))
    frame_patient: array[int] = field(default_factory=lambda: array("q"))
    frame_sample: array[int] = field(default_factory=lambda: array("q"))
    frame_at: array[float] = field(default_factory=lambda: array("d"))
    beat_viewer: array[int] = field(default_factory=lambda: array("q"))
    beat_patient: array[int] = field(default_factory=lambda: array("q"))
    beat_sample: array[int] = field(default_factory=lambda: array("q"))
    beat_at: array[float] = field(default_factory=lambda: array("d"))
    poll_at: array[float] = field(default_factory=lambda: array("d"))
    poll_ms: array[float] = field(default_factory=lambda: array("d"))
    bytes_received: int = 0
    dropped: int = 0
    failed_polls: int = 0
    # Sockets that the server closed, and what broke a viewer.
    closed: int = 0
    trouble: str = ""
    ended: float = 0.0
