"""Let a record grow by one statement, if it is still what the upload found.

Nothing is locked beforehand. The statement changes the device and the record only in
the versions that were read (``xmin``, PostgreSQL's own), and without them no chunk is
inserted: so of two uploads that meet, one is told to look again.
"""

from dataclasses import replace

from devices.codec import Packet
from devices.fixed_sql import array, prepared
from devices.models import Chunk, Device, DeviceToken, Record
from devices.models.token import OPENS
from devices.services.finding import Found
from devices.services.judging import Upload


def grow(upload: Upload, *, token: DeviceToken | None = None) -> Found | None:
    """Store what the upload accepted and count it; None: look again.

    For a record that is somebody's and whose clock goes on, and only while ``token``,
    if given, opens the door. Returns what the next upload would find. It is committed,
    if no transaction surrounds it.
    """
    record, accepted = upload.record, upload.accepted
    assert record is not None
    upload.count(record)
    status = upload.status()
    received_at = upload.received_at.isoformat()
    values = [
        received_at,
        *(_text(status.get(name)) for name in _STATUS),
        str(upload.device.pk),
        upload.found.device_version,
        _text(token and token.pk),
        _text(token and token.pk),
        received_at,
        str(record.next_seq),
        array(record.gaps),
        str(record.end_sample),
        str(record.sample_count),
        _text(record.late_from_sample),
        received_at,
        str(record.pk),
        upload.found.record_version,
        received_at,
        b"".join(packet.data for packet in accepted),
        *_columns(upload, accepted),
    ]
    with prepared(_GROW, values) as cursor:
        versions = cursor.fetchone()
    if versions is None:
        return None
    device_version, record_version = versions
    return replace(
        upload.found, device_version=device_version, record_version=record_version
    )


def _columns(upload: Upload, packets: list[Packet]) -> list[str]:
    ends, end = [], 0
    for packet in packets:
        end += len(packet.data)
        ends.append(end)
    starts = [1, *(end + 1 for end in ends[:-1])]
    return [
        array(packet.seq for packet in packets),
        array(packet.first_sample for packet in packets),
        array(packet.n for packet in packets),
        array(packet.crc for packet in packets),
        array(upload.clock.reading(packet) for packet in packets),
        array(packet.mono_ms for packet in packets),
        array(",".join(packet.flags) for packet in packets),
        array(packet.lost_before for packet in packets),
        array(packet.marker for packet in packets),
        array(starts),
        array(len(packet.data) for packet in packets),
    ]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


_STATUS = ("battery_percent", "rssi_dbm", "firmware", "backlog")
_GROW = f"""
WITH seen AS (
    UPDATE {Device._meta.db_table} AS device SET last_seen_at = %s::timestamptz,
        battery_percent = coalesce(%s::text::smallint, battery_percent),
        rssi_dbm = coalesce(%s::text::smallint, rssi_dbm),
        firmware = coalesce(%s::text, firmware),
        backlog = coalesce(%s::text::integer, backlog)
    WHERE id = %s::bigint AND xmin = %s::xid AND (%s::bigint IS NULL OR EXISTS (
        SELECT FROM {DeviceToken._meta.db_table} AS token
        WHERE token.id = %s::bigint AND token.device_id = device.id AND {OPENS}
    ))
    RETURNING xmin::text AS version
), grown AS (
    UPDATE {Record._meta.db_table} SET next_seq = %s::bigint, gaps = %s::bigint[],
        end_sample = %s::bigint, sample_count = %s::bigint,
        late_from_sample = %s::bigint, last_received_at = %s::timestamptz
    WHERE id = %s::bigint AND xmin = %s::xid AND EXISTS (SELECT FROM seen)
    RETURNING id, xmin::text AS version
), stored AS (
    INSERT INTO {Chunk._meta.db_table} (record_id, seq, first_sample, n, crc, at,
        mono_ms, flags, lost_before, marker, received_at, data)
    SELECT grown.id, seq, first_sample, n, crc, at, mono_ms,
        string_to_array(flags, ','), lost_before, marker, %s::timestamptz,
        substring(%b::bytea FROM starts FOR size)
    FROM grown, unnest(%s::bigint[], %s::bigint[], %s::integer[], %s::bigint[],
        %s::timestamptz[], %s::bigint[], %s::text[], %s::bigint[], %s::boolean[],
        %s::integer[], %s::integer[]) AS chunk (seq, first_sample, n, crc, at, mono_ms,
        flags, lost_before, marker, starts, size)
)
SELECT seen.version, grown.version FROM seen, grown
"""
