"""The acquisition side of a virtual device: samples become numbered packets."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from math import ceil

from devices.simulator.packet import Packet
from devices.simulator.source import SignalSource

BOOT_MS = 1500
SHORTEST_S, LONGEST_S = 0.1, 30.0


class Recorder:
    """Cut a signal into packets of ``packet_s`` and number them in streams.

    ``start_at`` is the time of the first sample; without ``total_s`` the recording
    goes on to the end of the signal, if it has one. ``clock_error_s`` says by how much
    the clock is ahead at a second of the signal.
    """

    def __init__(
        self,
        source: SignalSource,
        *,
        start_at: datetime,
        packet_s: float,
        total_s: float | None,
        clock_error_s: Callable[[float], float] = lambda signal_s: 0.0,
    ) -> None:
        if not SHORTEST_S <= packet_s <= LONGEST_S:
            raise ValueError("A packet holds 0.1 to 30 s of signal.")
        self.source = source
        self.start_at = start_at
        self.clock_error_s = clock_error_s
        self.packet_samples = max(
            round(packet_s * source.fs), ceil(SHORTEST_S * source.fs)
        )
        # Samples recorded since the start, over all streams.
        self.position = 0
        self.streams: list[str] = []
        self._end = self._last_sample(total_s)
        self._sha256 = hashlib.sha256()
        self._open_stream(0)

    @property
    def done(self) -> bool:
        """Tell whether the signal, or the time asked for, has come to its end."""
        return self._end is not None and self.position >= self._end

    @property
    def total_samples(self) -> int | None:
        """Samples per lead at the end of the recording, if it will end."""
        return self._end

    @property
    def signal_s(self) -> float:
        """Seconds recorded so far."""
        return self.position / self.source.fs

    @property
    def next_s(self) -> float:
        """Second of the signal at which the next packet is complete."""
        end = self.position + self.packet_samples
        return min(end, end if self._end is None else self._end) / self.source.fs

    @property
    def sha256(self) -> str:
        """Digest of all samples so far: little-endian int16, interleaved."""
        return self._sha256.hexdigest()

    def record(self, until_s: float) -> Iterator[Packet]:
        """Yield the packets that are complete at second ``until_s`` of the signal."""
        # A hair more, so that sleeping until ``next_s`` is enough.
        until = int(until_s * self.source.fs + 1e-3)
        while not self.done:
            n = self.packet_samples
            if self._end is not None:
                n = min(n, self._end - self.position)
            if self.position + n > until:
                return
            yield self._packet(n)

    def stop(self) -> None:
        """End the recording here."""
        self._end = self.position

    def renumber(self, packets: list[Packet]) -> None:
        """Move packets, oldest first, from their stream into a new one.

        When their stream is the one being recorded, recording goes on in the new.
        """
        start = packets[0].position
        current = packets[0].stream == self._stream
        stream = self._open_stream(start) if current else self._name_stream()
        for seq, packet in enumerate(packets):
            packet.stream, packet.seq = stream, seq
            packet.first_sample = packet.position - start
        if current:
            self._next_seq = len(packets)

    def _packet(self, n: int) -> Packet:
        adu = self.source.read(self.position, n)
        self._sha256.update(adu.astype("<i2").tobytes())
        seconds = self.signal_s
        shown_s = seconds + self.clock_error_s(seconds)
        packet = Packet(
            position=self.position,
            stream=self._stream,
            seq=self._next_seq,
            first_sample=self.position - self._stream_start,
            adu=adu,
            at=self.start_at + timedelta(seconds=shown_s),
            mono_ms=BOOT_MS + round(1000 * seconds),
            flags=self.source.flags_of(self.position, n),
        )
        self._next_seq += 1
        self.position += n
        return packet

    def _open_stream(self, start: int) -> str:
        self._stream = self._name_stream()
        self._stream_start, self._next_seq = start, 0
        return self._stream

    def _name_stream(self) -> str:
        # Never from the seed: a second run would repeat the keys of the first.
        self.streams.append(secrets.token_hex(8))
        return self.streams[-1]

    def _last_sample(self, total_s: float | None) -> int | None:
        ends = [] if self.source.length is None else [self.source.length]
        if total_s is not None:
            ends.append(round(total_s * self.source.fs))
        if not ends:
            return None
        end = min(ends)
        rest = end % self.packet_samples
        # A rest shorter than the shortest packet cannot be uploaded.
        return end - rest if rest < ceil(SHORTEST_S * self.source.fs) else end
