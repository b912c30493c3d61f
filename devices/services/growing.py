"""Let records grow by one statement, those that are still what their uploads found.

Nothing is locked beforehand. The statement changes a device and its record only in the
versions that were read (``xmin``, PostgreSQL's own), and without them no chunk is
inserted: so of two uploads that meet, one is told to look again. A row that somebody
holds is passed over instead of waited for, so that no upload waits for another one's
lock, nor two statements for each other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from devices.codec import Packet
from devices.fixed_sql import array, prepared, texts
from devices.models import Chunk, Device, DeviceToken, Record
from devices.models.token import opens
from devices.services.finding import Found
from devices.services.judging import Upload


def grow(
    uploads: Sequence[Upload], tokens: Sequence[DeviceToken | None]
) -> list[Found | None]:
    """Store what each upload accepted and count it; None: look at that one again.

    For records that are somebody's and whose clock goes on, each of another device;
    an upload whose token is given counts only while that opens the door. Returns what
    the next uploads would find. It is committed, if no transaction surrounds it.
    """
    for upload in uploads:
        assert upload.record is not None
        upload.count(upload.record)
    with prepared(_GROW, _values(uploads, tokens)) as cursor:
        grown = {record_id: versions for record_id, *versions in cursor}
    found: list[Found | None] = []
    for upload in uploads:
        assert upload.record is not None
        versions = grown.get(upload.record.pk)
        if versions is None:
            found.append(None)
            continue
        device_version, record_version = versions
        found.append(
            replace(
                upload.found,
                device_version=device_version,
                record_version=record_version,
            )
        )
    return found


def _values(
    uploads: Sequence[Upload], tokens: Sequence[DeviceToken | None]
) -> list[str | bytes]:
    records = [upload.record for upload in uploads if upload.record is not None]
    statuses = [upload.status() for upload in uploads]
    of_each = [(upload, packet) for upload in uploads for packet in upload.accepted]
    return [
        array(upload.device.pk for upload in uploads),
        array(upload.found.device_version for upload in uploads),
        array(token and token.pk for token in tokens),
        array(upload.received_at for upload in uploads),
        *(texts(status.get(name) for status in statuses) for name in _STATUS),
        array(record.pk for record in records),
        array(upload.found.record_version for upload in uploads),
        array(record.next_seq for record in records),
        texts(array(record.gaps) for record in records),
        array(record.end_sample for record in records),
        array(record.sample_count for record in records),
        array(record.late_from_sample for record in records),
        array(record.late_to_sample for record in records),
        array(record.head_received_at for record in records),
        b"".join(packet.data for _, packet in of_each),
        *_columns(of_each),
    ]


def _columns(of_each: Sequence[tuple[Upload, Packet]]) -> Iterable[str]:
    packets = [packet for _, packet in of_each]
    starts, end = [], 1
    for packet in packets:
        starts.append(end)
        end += len(packet.data)
    return (
        array(upload.found.record.pk for upload, _ in of_each if upload.found.record),
        array(packet.seq for packet in packets),
        array(packet.first_sample for packet in packets),
        array(packet.n for packet in packets),
        array(packet.crc for packet in packets),
        array(upload.clock.reading(packet) for upload, packet in of_each),
        array(packet.mono_ms for packet in packets),
        array(",".join(packet.flags) for packet in packets),
        array(packet.lost_before for packet in packets),
        array(packet.marker for packet in packets),
        array(starts),
        array(len(packet.data) for packet in packets),
    )


_STATUS = ("battery_percent", "rssi_dbm", "firmware", "backlog")
_DEVICE, _RECORD = Device._meta.db_table, Record._meta.db_table
_GROW = f"""
WITH asked AS (
    SELECT * FROM unnest(%s::bigint[], %s::xid[], %s::bigint[], %s::timestamptz[],
        %s::smallint[], %s::smallint[], %s::text[], %s::integer[], %s::bigint[],
        %s::xid[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[],
        %s::bigint[], %s::timestamptz[])
    AS upload (device_id, device_version, token_id, now, battery_percent, rssi_dbm,
        firmware, backlog, record_id, record_version, next_seq, gaps, end_sample,
        sample_count, late_from_sample, late_to_sample, head_received_at)
), open AS (
    SELECT asked.* FROM asked JOIN {_DEVICE} AS device ON device.id = asked.device_id
    WHERE device.xmin = asked.device_version AND (asked.token_id IS NULL OR EXISTS (
        SELECT FROM {DeviceToken._meta.db_table} AS token
        WHERE token.id = asked.token_id AND token.device_id = device.id
        AND {opens("asked.now")}
    ))
    FOR NO KEY UPDATE OF device SKIP LOCKED
), same AS (
    SELECT open.* FROM open JOIN {_RECORD} AS record ON record.id = open.record_id
    WHERE record.xmin = open.record_version
    FOR NO KEY UPDATE OF record SKIP LOCKED
), seen AS (
    UPDATE {_DEVICE} AS device SET last_seen_at = now,
        battery_percent = coalesce(same.battery_percent, device.battery_percent),
        rssi_dbm = coalesce(same.rssi_dbm, device.rssi_dbm),
        firmware = coalesce(same.firmware, device.firmware),
        backlog = coalesce(same.backlog, device.backlog)
    FROM same WHERE device.id = same.device_id
    RETURNING record_id, device.xmin::text AS version
), grown AS (
    UPDATE {_RECORD} AS record SET next_seq = same.next_seq,
        gaps = same.gaps::bigint[], end_sample = same.end_sample,
        sample_count = same.sample_count, late_from_sample = same.late_from_sample,
        late_to_sample = same.late_to_sample,
        last_received_at = now, head_received_at = same.head_received_at
    FROM same WHERE record.id = same.record_id
    RETURNING record.id, now, record.xmin::text AS version
), stored AS (
    INSERT INTO {Chunk._meta.db_table} (record_id, seq, first_sample, n, crc, at,
        mono_ms, flags, lost_before, marker, received_at, data)
    SELECT grown.id, seq, first_sample, n, crc, at, mono_ms,
        string_to_array(flags, ','), lost_before, marker, now,
        substring(%b::bytea FROM starts FOR size)
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::integer[], %s::bigint[],
        %s::timestamptz[], %s::bigint[], %s::text[], %s::bigint[], %s::boolean[],
        %s::integer[], %s::integer[]) AS chunk (record_id, seq, first_sample, n, crc,
        at, mono_ms, flags, lost_before, marker, starts, size)
    JOIN grown ON grown.id = chunk.record_id
)
SELECT grown.id, seen.version, grown.version
FROM seen JOIN grown ON grown.id = seen.record_id
"""
