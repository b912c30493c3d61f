"""Upload real signal as packets, and analyse it offline to compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from devices.codec import Packet
from devices.models import Device, Record
from devices.services import store_packets
from devices.simulator.wfdb_source import wfdb_source
from inference.ecg.pipeline import advance, finish, initial_state
from inference.ecg.scaling import adu_to_mv
from inference.ecg.types import Beats
from inference.models import AnalysisState, BeatBlock, Episode
from inference.nets import nets
from inference.services.analysis import analyse_pending
from inference.services.beats import beats_between

FS = 250
GAIN, BASELINE = 200.0, 0
STREAM = "5f0c9a1e77b24d10"


def signal_of(folder: Path, name: str, *, start_s: int, seconds: float) -> np.ndarray:
    """Return int16[n] of the first lead of a mitdb record at 250 Hz, 200 adu/mV."""
    source = wfdb_source(folder / "mitdb" / name, fs=FS)
    mv = adu_to_mv(source.adu[:, 0], gain=source.gain, baseline=source.baseline)
    part = mv[start_s * FS : start_s * FS + int(seconds * FS)]
    return np.round(part * GAIN + BASELINE).astype(np.int16)


def packets_of(
    adu: np.ndarray,
    *,
    packet_s: float,
    start_at: datetime,
    stream: str = STREAM,
    first_seq: int = 0,
    first_sample: int = 0,
) -> list[Packet]:
    """Cut a signal into packets of ``packet_s`` seconds, the last one shorter."""
    size = round(packet_s * FS)
    return [
        Packet(
            stream=stream,
            seq=first_seq + k,
            first_sample=first_sample + first,
            fs=FS,
            leads=("MLII",),
            gain=GAIN,
            baseline=BASELINE,
            samples=adu[first : first + size],
            at=start_at + timedelta(seconds=(first_sample + first) / FS),
        )
        for k, first in enumerate(range(0, len(adu), size))
    ]


def upload(device: Device, packets: Sequence[Packet], *, received_at: datetime) -> None:
    """Store packets as the upload view does; every one must be stored."""
    result = store_packets(device=device, packets=packets, received_at=received_at)
    assert {verdict.result.value for verdict in result.verdicts} == {"stored"}


def settle(record: Record, *, now: datetime) -> datetime:
    """Let time pass until late samples are worked in and the tail is flushed."""
    for wait_s in (4, 61, 61, 11):
        now += timedelta(seconds=wait_s)
        analyse_pending(now=now)
    state = AnalysisState.objects.get(record=record)
    assert state.redo_from_sample is None
    record.refresh_from_db()
    assert state.flushed_sample == record.end_sample
    return now


@dataclass(frozen=True)
class Offline:
    """What one pass over the whole signal finds."""

    beats: Beats
    episodes: list[tuple[str, int, int | None, float, int]]


def offline(adu: np.ndarray) -> Offline:
    """Analyse a signal in one piece."""
    mv = adu_to_mv(adu, gain=GAIN, baseline=BASELINE)
    state = initial_state(fs=FS)
    whole = len(mv) // FS * FS
    [(state, first)] = advance([state], [mv[:whole]], nets=nets())
    [last] = finish([state], [mv[whole:]], nets=nets())
    pairs = zip(vars(first.beats).values(), vars(last.beats).values(), strict=True)
    found = {(e.label, e.onset_sample): e for e in (*first.episodes, *last.episodes)}
    return Offline(
        Beats(*(np.concatenate(pair) for pair in pairs)),
        sorted(
            (e.label, e.onset_sample, e.end_sample, e.peak, e.beats)
            for e in found.values()
            if not e.withdrawn
        ),
    )


def standing_episodes(record: Record) -> list[tuple[object, ...]]:
    """Return the stored episodes that hold, in the shape of ``Offline.episodes``."""
    rows = Episode.objects.filter(record=record, withdrawn_at=None)
    return sorted(
        rows.values_list("label", "onset_sample", "end_sample", "peak", "beats")
    )


def assert_settled(record: Record, adu: np.ndarray) -> None:
    """Demand the beats and episodes of one offline pass, and blocks without a seam."""
    expected = offline(adu)
    beats = beats_between(record, 0, len(adu))
    assert np.array_equal(beats.samples, expected.beats.samples)
    assert np.array_equal(beats.classes, expected.beats.classes)
    assert np.allclose(beats.probabilities, expected.beats.probabilities, atol=1e-3)
    assert np.array_equal(beats.rr_ms, expected.beats.rr_ms, equal_nan=True)
    assert standing_episodes(record) == expected.episodes
    blocks = BeatBlock.objects.filter(record=record).order_by("start_sample")
    spans = list(blocks.values_list("start_sample", "end_sample"))
    assert [start for start, _ in spans] == [0, *(end for _, end in spans)][:-1]
    assert spans[-1][1] == len(adu)
