"""Place the packets of one upload in time, and keep the record's anchors."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import zip_longest

from devices.codec import Packet
from devices.models import Anchor, Record
from devices.reading import read_clock, time_pieces
from devices.services.finding import ANCHORS
from devices.time_map import TOLERANCE, Piece, TimeMap

# A device whose clock says less has none; nor has one that is ahead by more.
CLOCK_SINCE = datetime(2020, 1, 1, tzinfo=UTC)
CLOCK_AHEAD = timedelta(minutes=5)


def clock_reading(packet: Packet, received_at: datetime) -> datetime | None:
    """Return what the device's clock says, or None if it has no real time."""
    if packet.at is None or packet.at < CLOCK_SINCE:
        return None
    if packet.at > received_at + CLOCK_AHEAD:
        return None
    return packet.at


class StreamClock:
    """The time map of a stream while an upload is stored.

    ``certain`` is False as long as only ``mono_ms`` and arrival place the stream:
    then a sample is placed as late as it can have been taken.
    """

    def __init__(
        self,
        record: Record | None,
        last_pieces: Sequence[Piece],
        packets: Sequence[Packet],
        received_at: datetime,
    ) -> None:
        self.received_at = received_at
        self._head = self._stored_to = record.end_sample if record else 0
        self._pieces_before: list[Piece] = []
        self._misfits: list[int] = []
        self._boot_at: datetime | None = None
        self._has_part = False
        if record is not None:
            self.certain = not record.time_uncertain
            pieces = _pieces(record, last_pieces, packets)
            self.map = TimeMap(record.fs, pieces or [Piece(0, record.started_at)])
            self._pieces_before = list(self.map.pieces)
            self._saved_to = pieces[-1].sample if pieces else -1
            self._has_part = len(pieces) == ANCHORS
            if record.time_uncertain:
                self._boot_at = self._find_boot(record)
            return
        self.map = TimeMap(packets[0].fs)
        self._saved_to = -1
        readings = [(p, at) for p in packets if (at := self.reading(p)) is not None]
        self.certain = bool(readings)
        if readings:
            packet, at = min(readings, key=lambda item: item[0].first_sample)
            self.map.observe(packet.first_sample, at)
        else:
            self._place_by_arrival(packets)

    def reading(self, packet: Packet) -> datetime | None:
        """Return what the device's clock says, or None if it has no real time."""
        return clock_reading(packet, self.received_at)

    def time_of(self, packet: Packet) -> datetime:
        """Return the packet's own time, as it will be when the packet is accepted."""
        if (reading := self.reading(packet)) is not None:
            return reading
        return self._passed(packet) or self._counted(packet)

    def is_certain(self, packet: Packet) -> bool:
        """Tell whether the packet's time comes from a real clock."""
        return self.certain or self.reading(packet) is not None

    def accept(self, packet: Packet) -> None:
        """Let a packet that will be stored correct the map."""
        sample, reading = packet.first_sample, self.reading(packet)
        at_head, passed = self._is_at_head(packet), self._passed(packet)
        if packet.n:
            self._head = max(self._head, packet.end_sample)
        if reading is None:
            if at_head and self.certain:
                self.map.observe(sample, self._counted(packet))
            elif passed is not None:
                self.map.observe(sample, passed)
        elif not self.certain:
            self.map.shift(reading - self.map.time_of(sample))
            self.certain, self._saved_to = True, -1
        elif at_head:
            self.map.observe(sample, reading)
        elif packet.n and not self.map.agrees(sample, reading):
            self._misfits.append(sample)

    @property
    def goes_on(self) -> bool:
        """Tell whether the record's anchors and its beginning stay as they are."""
        last_piece = self.map.pieces[-1].sample
        is_placed_anew = self._saved_to < 0 or last_piece > self._saved_to
        is_ahead = not self.certain and self._ahead() > TOLERANCE
        return not (is_placed_anew or is_ahead or self._misfits)

    @property
    def placed_from(self) -> int | None:
        """The stored sample from which on times are others than before, if there is.

        For a map that is saved.
        """
        pieces = zip_longest(self._pieces_before, self.map.pieces)
        for number, pair in enumerate(pieces):
            # How far the clock jumped is kept in milliseconds, so it tells nothing.
            if len({piece and (piece.sample, piece.at) for piece in pair}) == 1:
                continue
            # The first piece also reaches backwards.
            first = min(p.sample for p in pair if p) if number else 0
            return first if first < self._stored_to else None
        return None

    def save(self, record: Record) -> None:
        """Write the anchors and ``started_at``; the chunks are stored already."""
        if not self.certain:
            self._keep_out_of_future()
        if self._misfits:
            self._refit(record)
        if self._saved_to < 0:
            record.started_at = self.map.time_of(0)
        new = [piece for piece in self.map.pieces if piece.sample > self._saved_to]
        record.time_uncertain = not self.certain
        if not new and not self._misfits:
            return
        record.anchors.filter(sample__gt=self._saved_to).delete()
        Anchor.objects.bulk_create(
            Anchor(
                record=record,
                sample=piece.sample,
                at=piece.at,
                step_ms=round(piece.step / timedelta(milliseconds=1)),
            )
            for piece in new
        )

    def _counted(self, packet: Packet) -> datetime:
        # By its place in the stream, but never after its arrival: then the count is
        # wrong. A device's clock is believed to be a little ahead of ours.
        at = self.map.time_of(packet.first_sample)
        latest = self.received_at - self.map.span(packet.n)
        ahead = CLOCK_AHEAD if self.certain else timedelta(0)
        return at if at <= latest + ahead else latest

    def _place_by_arrival(self, packets: Sequence[Packet]) -> None:
        newest = max(packets, key=lambda packet: packet.end_sample)
        oldest = min(packets, key=lambda packet: packet.first_sample)
        newest_at = self.received_at - self.map.span(newest.n)
        before = self.map.span(newest.first_sample - oldest.first_sample)
        if newest.mono_ms is not None:
            self._boot_at = newest_at - timedelta(milliseconds=newest.mono_ms)
            if oldest.mono_ms is not None and oldest.mono_ms <= newest.mono_ms:
                between = newest.mono_ms - oldest.mono_ms
                before = max(before, timedelta(milliseconds=between))
        self.map.observe(oldest.first_sample, newest_at - before)

    def _find_boot(self, record: Record) -> datetime | None:
        chunks = record.chunks.filter(mono_ms__isnull=False, n__gt=0)
        last = chunks.order_by("-first_sample").only("first_sample", "mono_ms").first()
        if last is None or last.mono_ms is None:
            return None
        at = self.map.time_of(last.first_sample)
        return at - timedelta(milliseconds=last.mono_ms)

    def _is_at_head(self, packet: Packet) -> bool:
        sample, last_piece = packet.first_sample, self.map.pieces[-1].sample
        return packet.n > 0 and sample >= self._head and sample > last_piece

    def _passed(self, packet: Packet) -> datetime | None:
        """Return the time that ``mono_ms`` shows where it passed without samples.

        None where the count holds, as it does for a clock of real time.
        """
        if self.certain or not self._is_at_head(packet):
            return None
        if self._boot_at is None or packet.mono_ms is None:
            return None
        at = self._boot_at + timedelta(milliseconds=packet.mono_ms)
        # Time can neither run backwards nor be ahead of the arrival, whatever the
        # device claims.
        latest = self.received_at - self.map.span(packet.n) + TOLERANCE
        counted = self.map.time_of(packet.first_sample)
        if not counted < at <= latest or self.map.agrees(packet.first_sample, at):
            return None
        return at

    def _keep_out_of_future(self) -> None:
        if (ahead := self._ahead()) > TOLERANCE:
            self.map.shift(-ahead)
            self._saved_to = -1

    def _ahead(self) -> timedelta:
        return self.map.time_of(self._head) - self.received_at

    def _refit(self, record: Record) -> None:
        if self._has_part:
            # How often the clock disagreed is asked of the pieces before, too.
            older = record.anchors.filter(sample__lt=self.map.pieces[0].sample)
            pieces = time_pieces(older.order_by("sample"))
            self.map.pieces[:0] = self._pieces_before[:0] = pieces
        first, last = min(self._misfits), max(self._misfits)
        start = self.map.refit_start(first)
        self.map.refit(first, last, read_clock(record, start))
        self._saved_to = min(self._saved_to, start)


def _pieces(
    record: Record, last: Sequence[Piece], packets: Sequence[Packet]
) -> list[Piece]:
    lowest = min(packet.first_sample for packet in packets)
    is_part = len(last) == ANCHORS
    if is_part and (record.time_uncertain or lowest <= last[0].sample):
        return time_pieces(record.anchors.order_by("sample"))
    return list(last)
