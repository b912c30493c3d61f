"""From the fields of a stream entry to what a socket sends."""

import json

from devices.live import BeatsEntry, SignalEntry, unpack
from telecardio.live.frames import Beats, Signal, StreamId, pack_beats, pack_signal
from telecardio.live.viewer import Entry


def read_entry(patient: int, stream_id: StreamId, fields: dict[bytes, bytes]) -> Entry:
    """Encode one entry of the live stream; ``ValueError`` if it has no known kind."""
    found = unpack(fields)
    payload: bytes | str
    if isinstance(found, SignalEntry):
        payload = pack_signal(patient, stream_id, _signal(found))
    elif isinstance(found, BeatsEntry):
        payload = pack_beats(patient, stream_id, _beats(found))
    else:
        head = {"type": "state", "patient": patient, "id": str(stream_id)}
        payload = json.dumps(head | {"state": found.state})
    return Entry(patient, stream_id, payload)


def _signal(entry: SignalEntry) -> Signal:
    return Signal(
        record=entry.record,
        first_sample=entry.first_sample,
        fs=entry.fs,
        leads=entry.leads,
        gain=entry.gain,
        baseline=entry.baseline,
        at_ms=entry.at_ms,
        received_at_ms=entry.received_at_ms,
        data=entry.data,
    )


def _beats(entry: BeatsEntry) -> Beats:
    return Beats(
        record=entry.record,
        fs=entry.fs,
        heart_rate_bpm=entry.heart_rate_bpm,
        samples=entry.samples.astype("<i8").tobytes(),
        at_ms=entry.at_ms.astype("<i8").tobytes(),
        classes=entry.classes.tobytes(),
        probabilities=entry.probabilities.tobytes(),
    )
