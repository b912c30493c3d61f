"""What must be in the database: every sample, beat and alarm once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
from django.db.models import Max, Q
from numpy.typing import NDArray

from devices.models import Chunk, Record
from devices.reading import read_adu
from devices.simulator.device import VirtualDevice
from inference.alarm_rules import LATE_AFTER
from inference.ecg.pipeline import advance, finish, initial_state
from inference.ecg.scaling import adu_to_mv
from inference.models import Alarm, BeatBlock, Episode, MailDelivery
from inference.nets import nets

RULE = "VT"
_MAY_BE = {"samples_acked", "beats", "alarms", "mails"}
_MAY_BE |= {"alarms_late", "mails_twice", "told"}


@dataclass
class Found:
    """Counts over all devices; what is not in ``_MAY_BE`` must be 0."""

    samples_acked: int = 0
    lost: int = 0
    repeated: int = 0
    unacked: int = 0
    refused: int = 0
    beats: int = 0
    beats_missing: int = 0
    beats_more: int = 0
    beats_twice: int = 0
    blocks_wrong: int = 0
    alarms: int = 0
    alarms_missing: int = 0
    alarms_twice: int = 0
    # Marked as history, which nobody is mailed about, although the signal came in time.
    alarms_wrongly_late: int = 0
    mails: int = 0
    mails_missing: int = 0
    # These may be more than 0: signal that came late, mails repeated after a kill.
    alarms_late: int = 0
    mails_twice: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Tell whether nothing is missing and nothing there twice."""
        wrong = [count for name, count in asdict(self).items() if name not in _MAY_BE]
        return not any(wrong) and self.alarms > 0 and self.mails > 0

    def as_json(self) -> dict[str, Any]:
        """Return all counts."""
        return asdict(self)


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
        _beats_and_alarms(found, records[0], device, sent, doctors, mailed)
    return found


def _samples(
    found: Found, record: Record, device: VirtualDevice, sent: NDArray[np.int16]
) -> None:
    found.samples_acked += device.counters.samples_stored
    adu, present = read_adu(record, 0, len(sent))
    found.lost += int((~present | (adu != sent).any(axis=1)).sum())
    ranges = Chunk.objects.filter(record=record).order_by("first_sample")
    end = 0
    for first, n in ranges.values_list("first_sample", "n"):
        found.repeated += max(0, end - first)
        end = max(end, first + n)
    found.repeated += abs(record.sample_count - int(present.sum()))


def _beats_and_alarms(
    found: Found,
    record: Record,
    device: VirtualDevice,
    sent: NDArray[np.int16],
    doctors: Mapping[str, str],
    mailed: Counter[str],
) -> None:
    fs = device.source.fs
    mv = adu_to_mv(sent[:, 0], gain=device.source.gain, baseline=device.source.baseline)
    whole = len(mv) // fs * fs
    [(state, first)] = advance([initial_state(fs=fs)], [mv[:whole]], nets=nets())
    [last] = finish([state], [mv[whole:]], nets=nets())
    expected = {
        beat
        for part in (first.beats, last.beats)
        for beat in zip(part.samples.tolist(), part.classes.tolist(), strict=True)
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
    ) + (ends[-1:] != [len(sent)])
    episodes = {
        one.onset_sample: one
        for one in (*first.episodes, *last.episodes)
        if one.label == RULE
    }
    for one in episodes.values():
        if not one.withdrawn:
            span = one.onset_sample, one.end_sample or len(sent)
            _alarm(found, record, span, doctors[device.serial], mailed)


def _alarm(
    found: Found,
    record: Record,
    span: tuple[int, int],
    doctor: str,
    mailed: Counter[str],
) -> None:
    start, end = span
    # One that was taken back has an episode that was withdrawn.
    alarms = Alarm.objects.filter(
        record=record, rule=RULE, onset_sample__lte=end, episode__withdrawn_at=None
    )
    near = [one for one in alarms if (one.end_sample or end) >= start]
    found.alarms += 1
    place = (
        f"{record.device.serial if record.device else ''} at {start / record.fs:g} s"
    )
    if not near:
        found.alarms_missing += 1
        found.told.append(f"{place}: no alarm; there is {_instead(record, span)}")
        return
    if len(near) > 1:
        found.alarms_twice += 1
        found.told.append(f"{place}: {len(near)} alarms")
    for alarm in near:
        if alarm.late:
            found.alarms_late += 1
            waited = _waited(record, span)
            if waited <= LATE_AFTER:
                found.alarms_wrongly_late += 1
                seconds = waited.total_seconds()
                found.told.append(
                    f"{place}: late, though its signal took {seconds:g} s"
                )
            continue
        found.mails += 1
        sent = MailDelivery.objects.filter(alarm=alarm, address=doctor)
        times = sum(mailed[one.message_id] for one in sent)
        found.mails_missing += not times
        found.mails_twice += max(0, times - 1)
        if not times:
            states = [(one.state, one.smtp_answer) for one in sent]
            found.told.append(f"{place}: no mail {states}")


def _instead(record: Record, span: tuple[int, int]) -> list[str]:
    """Return the episodes that touch a span, and what became of their alarms."""
    start, end = span
    lasts = Q(end_sample=None) | Q(end_sample__gte=start)
    said = []
    for row in Episode.objects.filter(lasts, record=record, onset_sample__lte=end):
        words = [f"{row.label} {row.onset_sample} to {row.end_sample}", row.suppressed]
        words += ["withdrawn"] if row.withdrawn_at else []
        for alarm in row.alarms.all():
            words += [f"alarm {alarm.state}", "late" if alarm.late else ""]
            words += [f"{c.kind}: {c.detail}" for c in alarm.changes.order_by("pk")]
        said.append(", ".join(filter(None, words)))
    return said


def _waited(record: Record, span: tuple[int, int]) -> timedelta:
    """Return how long after its end the last sample of a span came."""
    start, end = span
    chunks = Chunk.objects.filter(
        record=record, first_sample__lt=end, first_sample__gt=start - 30 * record.fs
    )
    arrived_at = chunks.aggregate(at=Max("received_at"))["at"]
    return arrived_at - record.time_of(end)
