"""Send real records with a platform running, and compare what it made of them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from devices.models import Chunk, Record
from devices.simulator.fleet import FleetSummary, VirtualDeviceSpec
from devices.simulator.wfdb_source import wfdb_source
from inference.ecg.pipeline import advance, finish, initial_state
from inference.ecg.scaling import adu_to_mv
from inference.models import AnalysisState, BeatBlock
from inference.nets import nets
from tests.end_to_end.conftest import Platform


def _offline_beats(adu: np.ndarray, source: object) -> tuple[np.ndarray, np.ndarray]:
    """Return samples and classes as the offline command finds them."""
    mv = adu_to_mv(adu, gain=source.gain, baseline=source.baseline)
    state = initial_state(fs=source.fs)
    whole = len(mv) // source.fs * source.fs
    ((state, first),) = advance([state], [mv[:whole]], nets=nets())
    (last,) = finish([state], [mv[whole:]], nets=nets())
    parts = [first.beats, last.beats]
    return (
        np.concatenate([part.samples for part in parts]),
        np.concatenate([part.classes for part in parts]),
    )


def _stored_beats(record: Record) -> tuple[np.ndarray, np.ndarray]:
    blocks = BeatBlock.objects.filter(record=record).order_by("start_sample")
    samples = b"".join(bytes(block.samples) for block in blocks)
    classes = b"".join(bytes(block.classes) for block in blocks)
    return np.frombuffer(samples, "<i8"), np.frombuffer(classes, "u1")


def _stored_samples(record: Record) -> np.ndarray:
    chunks = Chunk.objects.filter(record=record).order_by("first_sample")
    return np.concatenate([np.frombuffer(chunk.data, "<i2") for chunk in chunks])


def _analysed(record: Record) -> bool:
    # The last beats are settled when the tail of the silent record is flushed.
    return AnalysisState.objects.filter(
        record=record, flushed_sample=record.end_sample
    ).exists()


def wfdb_specs(
    platform: Platform, folder: Path, names: Sequence[str], *, speed: float
) -> list[VirtualDeviceSpec]:
    """Give the first patients one lead of these records of mitdb at 250 Hz."""
    specs = []
    pairs = zip(platform.people.patients, names, strict=False)
    for member, name in pairs:
        source = wfdb_source(folder / "mitdb" / name, fs=250)
        source = replace(source, adu=source.adu[:, :1].copy(), leads=source.leads[:1])
        specs.append(
            VirtualDeviceSpec(
                serial=member.serial, token=member.token, source=source, speed=speed
            )
        )
    return specs


@contextmanager
def sending(
    platform: Platform, specs: list[VirtualDeviceSpec], *, signal_s: int
) -> Iterator[list[FleetSummary]]:
    """Upload meanwhile; give the list in which the summary is put at the end."""
    summaries: list[FleetSummary] = []
    devices = threading.Thread(
        target=lambda: summaries.append(platform.send(*specs, seconds=signal_s))
    )
    devices.start()
    try:
        yield summaries
    finally:
        devices.join()


def assert_complete(
    specs: list[VirtualDeviceSpec], eventually: Callable[..., None], *, signal_s: int
) -> None:
    """Demand each sample that was sent, and the beats of one offline pass over them."""
    for spec in specs:
        (record,) = Record.objects.filter(device__serial=spec.serial)
        sent = spec.source.adu[: signal_s * spec.source.fs, 0]
        assert np.array_equal(_stored_samples(record), sent)
        eventually(lambda r=record: _analysed(r), "the record is analysed", 120)
        samples, classes = _stored_beats(record)
        expected_samples, expected_classes = _offline_beats(sent, spec.source)
        assert np.array_equal(samples, expected_samples)
        assert np.array_equal(classes, expected_classes)
