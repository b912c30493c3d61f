"""Tell the live pages and the analysis, after the commit, what was stored."""

from datetime import datetime, timedelta

from django.db import transaction

from devices.codec import Packet
from devices.live import SignalEntry, append_signal
from devices.models import Record
from devices.services.judging import Upload
from devices.signals import chunk_stored
from devices.time_map import TimeMap, epoch_ms

# Older signal is history, however it arrives: it is never drawn as live.
LIVE_AGE = timedelta(seconds=30)


def announce(upload: Upload) -> None:
    """Append what is head and fresh to the live stream; then send ``chunk_stored``.

    Both happen after the commit; neither can undo it, whatever fails.
    """
    record, received_at = upload.record, upload.received_at
    assert record is not None
    packets, time_map = upload.accepted, upload.clock.map
    signal = sorted((p for p in packets if p.n), key=lambda p: p.first_sample)
    if not signal:
        return
    fresh = [
        packet
        for packet in signal
        if packet.first_sample >= upload.previous_end
        and received_at - time_map.time_of(packet.end_sample) < LIVE_AGE
    ]
    live_key = record.patient.live_key if record.patient else None
    entries = [_entry(record, p, time_map, received_at) for p in fresh]
    told = {
        "record_id": record.pk,
        "end_sample": record.end_sample,
        "live": bool(fresh),
    }

    def tell() -> None:
        if entries and live_key is not None:
            append_signal(live_key=live_key, entries=entries)
        chunk_stored.send_robust(Record, **told)

    transaction.on_commit(tell, robust=True)


def _entry(
    record: Record, packet: Packet, time_map: TimeMap, received_at: datetime
) -> SignalEntry:
    return SignalEntry(
        record=record.pk,
        seq=packet.seq,
        first_sample=packet.first_sample,
        fs=packet.fs,
        leads=len(packet.leads),
        gain=packet.gain,
        baseline=packet.baseline,
        at_ms=epoch_ms(time_map.time_of(packet.first_sample)),
        received_at_ms=epoch_ms(received_at),
        data=packet.data,
    )
