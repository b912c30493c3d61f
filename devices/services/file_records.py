"""Store a recording that came as a file."""

import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from devices.models import Anchor, Chunk, Record
from devices.signals import chunk_stored
from patients.models import Patient, User

CHUNK_S = 10


@transaction.atomic
def create_file_record(
    *,
    uploaded_by: User | None,
    patient: Patient | None,
    name: str,
    fs: int,
    leads: Sequence[str],
    gain: float,
    baseline: int,
    started_at: datetime,
    samples: NDArray[np.int16],
) -> Record:
    """Store int16[n, leads] as a record of chunks of 10 s; then ask for its analysis.

    ``chunk_stored`` is sent once, after the commit. Times count from
    ``started_at``. Raises ``ValueError`` if the shape disagrees with the leads.
    """
    if samples.ndim != 2 or samples.shape[1] != len(leads) or not len(samples):
        message = f"Expected samples of shape [n, {len(leads)}], got {samples.shape}."
        raise ValueError(message)
    now = timezone.now()
    record = Record.objects.create(
        source=Record.Source.FILE,
        uploaded_by=uploaded_by,
        patient=patient,
        name=name,
        fs=fs,
        leads=list(leads),
        gain=gain,
        baseline=baseline,
        started_at=started_at,
        end_sample=len(samples),
        sample_count=len(samples),
        next_seq=-(-len(samples) // (CHUNK_S * fs)),
        last_received_at=now,
    )
    Anchor.objects.create(record=record, sample=0, at=started_at)
    Chunk.objects.bulk_create(_chunks(record, samples, now), batch_size=500)
    send = partial(
        chunk_stored.send_robust,
        sender=Record,
        record_id=record.pk,
        end_sample=record.end_sample,
        live=False,
    )
    transaction.on_commit(send, robust=True)
    return record


def _chunks(
    record: Record, samples: NDArray[np.int16], now: datetime
) -> Iterator[Chunk]:
    size = CHUNK_S * record.fs
    for seq, first in enumerate(range(0, len(samples), size)):
        part = samples[first : first + size]
        data = part.astype("<i2").tobytes()
        yield Chunk(
            record=record,
            seq=seq,
            first_sample=first,
            n=len(part),
            crc=zlib.crc32(data),
            data=data,
            received_at=now,
        )
