"""Store a recording that came as a file, say whose it is, and remove it."""

import logging
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

import numpy as np
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from numpy.typing import NDArray

from devices.models import Anchor, Chunk, Record, Segment
from devices.services.segments import loosen
from devices.signals import chunk_stored
from patients.models import AccessLog, Patient, User

log = logging.getLogger(__name__)

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


@transaction.atomic
def give_file_record(
    *,
    record: Record,
    patient: Patient | None,
    started_at: datetime,
    by: User,
    now: datetime,
) -> None:
    """Let a recording be of another patient, or of none, and begin at ``started_at``.

    The access logs of both say so. Raises ``Record.DoesNotExist`` if somebody else has
    changed either since ``record`` was read.
    """
    locked = _locked(record)
    patient_id = patient.pk if patient else None
    if locked.patient_id != patient_id:
        _log(locked, "given away" if patient else "made nobody's", by, now=now)
        locked.patient = patient
        _log(locked, "received", by, now=now)
    if locked.started_at != started_at:
        step = started_at - locked.started_at
        locked.started_at = started_at
        Anchor.objects.filter(record=locked).update(at=F("at") + step)
        _log(locked, "dated anew", by, now=now)
    locked.save(update_fields=["patient", "started_at"])


def orphaned_file_records() -> QuerySet[Record]:
    """Return the recordings of no patient whose uploader can no longer look at them."""
    may_look = Q(uploaded_by__is_active=True, uploaded_by__role=User.Role.DOCTOR)
    files = Record.objects.filter(source=Record.Source.FILE, patient=None)
    return files.exclude(may_look)


@transaction.atomic
def hand_over_file_record(*, record: Record, to: User, by: User, now: datetime) -> None:
    """Let an orphaned recording be ``to``'s, as if that doctor had uploaded it.

    Raises ``Record.DoesNotExist`` if it is not orphaned, or no longer.
    """
    orphaned = orphaned_file_records().select_for_update(of=("self",))
    locked = orphaned.get(pk=record.pk)
    locked.uploaded_by = to
    locked.save(update_fields=["uploaded_by"])
    _log(locked, f"handed over to account {to.pk}", by, now=now)


@transaction.atomic
def remove_file_record(*, record: Record, by: User, now: datetime) -> None:
    """Remove a recording with all that was found in it; the access log says so.

    Its files go after some days, when no backup needs them (see ``loosen``). Raises
    ``Record.DoesNotExist`` if somebody was faster.
    """
    locked = _locked(record)
    _log(locked, "removed", by, now=now)
    keys = Segment.objects.filter(record=locked).values_list("key", flat=True)
    loosen(keys=list(keys), now=now)
    locked.delete()


def _locked(record: Record) -> Record:
    """Return the row, locked: not there if it has another patient or time by now."""
    files = Record.objects.filter(source=Record.Source.FILE, patient=record.patient_id)
    as_seen = files.filter(started_at=record.started_at)
    return as_seen.select_for_update().get(pk=record.pk)


def _log(record: Record, what: str, by: User, *, now: datetime) -> None:
    """Write down what was done to a recording, with its patient if it has one."""
    log.info("Recording %s: %s by account %s", record.pk, what, by.pk)
    if record.patient_id is not None:
        AccessLog.objects.create(
            patient_id=record.patient_id,
            user=by,
            action=f"recording {record.pk} {what}",
            at=now,
        )


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
