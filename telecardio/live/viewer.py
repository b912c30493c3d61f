"""What one viewer watches, and the bounded buffer between reader and socket."""

import asyncio
from collections import deque
from dataclasses import dataclass

from telecardio.live.frames import StreamId


@dataclass(frozen=True)
class Entry:
    """One entry of a patient's live stream, encoded once for all its viewers."""

    patient: int
    stream_id: StreamId
    payload: bytes | str


class Viewer:
    """One open socket.

    A patient is either *live* (entries go to the buffer), *behind* (entries are
    ignored: they will be read again by id) or *filling* (the consumer reads the
    past while new entries wait in a stash). A viewer that reads too slowly loses
    the oldest entries, which are counted, and then resumes by id.
    """

    def __init__(self, *, capacity: int = 512) -> None:
        self.capacity = capacity
        self.dropped = 0
        self.wake = asyncio.Event()
        self.last_id: dict[int, StreamId | None] = {}
        self._ready: deque[Entry] = deque()
        self._behind: set[int] = set()
        self._stash: dict[int, list[Entry]] = {}
        self._notes: deque[str] = deque(maxlen=8)

    @property
    def patients(self) -> set[int]:
        """The watched patients."""
        return set(self.last_id)

    def watch(self, patient: int, since: StreamId | None) -> None:
        """Begin after the entry ``since``, or with the last seconds."""
        self.last_id[patient] = since
        self._behind.add(patient)
        self.wake.set()

    def forget(self, patient: int) -> None:
        """Stop watching, at once: what waits in the buffer is not sent either."""
        self.last_id.pop(patient, None)
        self._behind.discard(patient)
        self._stash.pop(patient, None)
        self._ready = deque(e for e in self._ready if e.patient != patient)

    def note(self, text: str) -> None:
        """Queue a text frame that belongs to no patient."""
        self._notes.append(text)
        self.wake.set()

    def offer(self, entry: Entry) -> None:
        """Take an entry from the reader; never waits."""
        patient = entry.patient
        if patient not in self.last_id or patient in self._behind:
            return
        if patient in self._stash:
            self._stash[patient].append(entry)
            if len(self._stash[patient]) > self.capacity:
                self._fall_behind(patient)
            return
        self._ready.append(entry)
        if len(self._ready) > self.capacity:
            self._fall_behind(self._ready[0].patient)
        self.wake.set()

    def _fall_behind(self, patient: int) -> None:
        # All of this patient's entries go, not only the oldest: they are read
        # again by id, and must not overtake the ones before them.
        kept = deque(e for e in self._ready if e.patient != patient)
        stash = self._stash.pop(patient, [])
        self.dropped += len(self._ready) - len(kept) + len(stash)
        self._ready = kept
        self._behind.add(patient)
        self.wake.set()

    def start_filling(self) -> list[tuple[int, StreamId | None]]:
        """Move every patient that is behind to filling; return (patient, since)."""
        waiting = sorted(self._behind)
        self._behind.clear()
        for patient in waiting:
            self._stash[patient] = []
        return [(patient, self.last_id[patient]) for patient in waiting]

    def filled(self, patient: int, past: list[Entry]) -> list[Entry]:
        """Return the past and what arrived meanwhile, without a hole or a repeat."""
        if patient not in self._stash:
            return []
        stash = self._stash.pop(patient)
        newest = max((entry.stream_id for entry in past), default=None)
        fresh = [e for e in stash if newest is None or e.stream_id > newest]
        return self._sent([*past, *fresh])

    def take(self) -> tuple[list[str], list[Entry]]:
        """Return the notes and everything in the buffer, oldest first."""
        notes, taken = list(self._notes), list(self._ready)
        self._notes.clear()
        self._ready.clear()
        return notes, self._sent(taken)

    def _sent(self, entries: list[Entry]) -> list[Entry]:
        for entry in entries:
            last = self.last_id.get(entry.patient)
            if last is None or entry.stream_id > last:
                self.last_id[entry.patient] = entry.stream_id
        return entries
