"""What must be in the database: every sample, beat and alarm once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bench.chaos.alarm_truth import compare_alarms
from bench.chaos.found import Found
from devices.models import Chunk, Record
from devices.reading import read_adu
from devices.segments import unpack_places
from devices.simulator.device import VirtualDevice
from inference.ecg.pipeline import advance, finish, initial_state
from inference.ecg.scaling import adu_to_mv
from inference.ecg.types import Analysis
from inference.models import BeatBlock
from inference.nets import nets


def compare(
    devices: list[VirtualDevice], doctors: Mapping[str, str], mailed: Counter[str]
) -> Found:
    """Compare what the devices recorded with what the platform made of it.

    ``mailed`` counts the Message-IDs that the SMTP server took; ``doctors`` are
    addresses by serial.
    """
    found = Found()
    for device in devices:
        found.unacked += len(device.backlog)
        found.refused += device.counters.conflicts + device.counters.invalid
        records = list(Record.objects.filter(device__serial=device.serial))
        if len(records) != 1:
            found.told.append(f"{device.serial}: {len(records)} records")
            found.lost += device.counters.samples_stored
            continue
        sent = device.source.read(0, device.recorder.position)
        _samples(found, records[0], device, sent)
        parts = _analyse(device, sent)
        _beats(found, records[0], parts, len(sent))
        compare_alarms(
            found,
            records[0],
            [one for part in parts for one in part.episodes],
            doctor=doctors[device.serial],
            mailed=mailed,
        )
    return found


def _samples(
    found: Found, record: Record, device: VirtualDevice, sent: NDArray[np.int16]
) -> None:
    found.samples_acked += device.counters.samples_stored
    adu, present = read_adu(record, 0, len(sent))
    found.lost += int((~present | (adu != sent).any(axis=1)).sum())
    end = 0
    for first, n in _packets(record):
        found.repeated += max(0, min(end, first + n) - first)
        end = max(end, first + n)
    found.repeated += abs(record.sample_count - int(present.sum()))


def _packets(record: Record) -> list[tuple[int, int]]:
    """Return first sample and length of each packet, in order."""
    # Segments before chunks: what is packed meanwhile is not seen twice.
    stored = [
        place
        for (places,) in record.segments.values_list("places")
        for place in _places(bytes(places))
    ]
    chunks = Chunk.objects.filter(record=record)
    return sorted([*stored, *chunks.values_list("first_sample", "n")])


def _places(data: bytes) -> list[tuple[int, int]]:
    places = unpack_places(data)
    return list(zip(places.first_sample.tolist(), places.n.tolist(), strict=True))


def _analyse(
    device: VirtualDevice, sent: NDArray[np.int16]
) -> tuple[Analysis, Analysis]:
    """Return what one pass over the whole signal finds: its whole seconds, the rest."""
    fs = device.source.fs
    mv = adu_to_mv(sent[:, 0], gain=device.source.gain, baseline=device.source.baseline)
    whole = len(mv) // fs * fs
    [(state, first)] = advance([initial_state(fs=fs)], [mv[:whole]], nets=nets())
    [last] = finish([state], [mv[whole:]], nets=nets())
    return first, last


def _beats(
    found: Found, record: Record, parts: tuple[Analysis, Analysis], n: int
) -> None:
    expected = {
        beat
        for beats in (part.beats for part in parts)
        for beat in zip(beats.samples.tolist(), beats.classes.tolist(), strict=True)
    }
    blocks = list(BeatBlock.objects.filter(record=record).order_by("start_sample"))
    # Those of the first quarter of an hour are packed by then.
    arrays = [block.arrays for block in blocks]
    samples = np.frombuffer(b"".join(a["samples"] for a in arrays), "<i8").tolist()
    classes = np.frombuffer(b"".join(a["classes"] for a in arrays), "u1").tolist()
    stored = set(zip(samples, classes, strict=True))
    found.beats += len(expected)
    found.beats_missing += len(expected - stored)
    found.beats_more += len(stored - expected)
    found.beats_twice += len(samples) - len(set(samples))
    starts = [block.start_sample for block in blocks]
    ends = [block.end_sample for block in blocks]
    found.blocks_wrong += sum(
        start != end for start, end in zip(starts, [0, *ends], strict=False)
    ) + (ends[-1:] != [n])
