"""Recorded signal and beats for page tests, without running the analysis."""

import zlib
from datetime import datetime, timedelta

import numpy as np

from devices.ecg_model import synthesise
from devices.models import Anchor, Assignment, Chunk, Record
from inference.models import BeatBlock

FS = 250


def recorded(
    assignment: Assignment,
    *,
    end_at: datetime,
    seconds: int = 60,
    heart_rate_bpm: float = 60.0,
    stream: str = "00000000000000aa",
    flags: list[str] | None = None,
    quality: int = 95,
) -> Record:
    """Store a synthetic stretch that ends at ``end_at``, with its beats."""
    start_at = end_at - timedelta(seconds=seconds)
    record = Record.objects.create(
        device=assignment.device,
        stream=stream,
        assignment=assignment,
        patient=assignment.patient,
        fs=FS,
        leads=["I"],
        gain=1000,
        baseline=0,
        started_at=start_at,
        next_seq=seconds // 10,
        end_sample=seconds * FS,
        sample_count=seconds * FS,
        last_received_at=end_at,
    )
    Anchor.objects.create(record=record, sample=0, at=start_at)
    ecg = synthesise("sinus", fs=FS, seconds=seconds, heart_rate_bpm=heart_rate_bpm)
    adu = (ecg.mv * 1000).astype("<i2")
    for seq, first in enumerate(range(0, len(adu), 10 * FS)):
        data = adu[first : first + 10 * FS].tobytes()
        Chunk.objects.create(
            record=record,
            seq=seq,
            first_sample=first,
            n=len(data) // 2,
            crc=zlib.crc32(data),
            data=data,
            flags=flags or [],
            received_at=end_at,
        )
    samples = ecg.r_peaks
    rr_ms = np.full(len(samples), 60_000 / heart_rate_bpm, dtype="<f4")
    rr_ms[0] = np.nan
    BeatBlock.objects.create(
        record=record,
        annotator="tc-test",
        start_sample=0,
        end_sample=seconds * FS,
        first_beat_sample=int(samples[0]),
        last_beat_sample=int(samples[-1]),
        count=len(samples),
        samples=samples.astype("<i8").tobytes(),
        classes=bytes([2] * len(samples)),
        probabilities=np.zeros((len(samples), 5), "<f4").tobytes(),
        rr_ms=rr_ms.tobytes(),
        quality=bytes([quality] * seconds),
        heart_rate_bpm=heart_rate_bpm,
        created_at=end_at,
    )
    return record
