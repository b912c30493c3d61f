"""What a device has recorded and the server has not yet answered for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random

from devices.simulator.packet import Packet


class Backlog:
    """Packets in the order of recording; nothing leaves without a verdict."""

    def __init__(self) -> None:
        self._waiting: dict[int, Packet] = {}
        # No patient wears the device at their time: kept until the next probe.
        self._held: dict[int, Packet] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._held)

    @property
    def waiting(self) -> int:
        """Packets that may be sent now."""
        return len(self._waiting)

    def add(self, packet: Packet) -> None:
        """Keep a packet that was just recorded."""
        self._waiting[packet.position] = packet

    def remove(self, packet: Packet) -> None:
        """Forget a packet."""
        self._waiting.pop(packet.position, None)
        self._held.pop(packet.position, None)

    def hold(self, packet: Packet) -> None:
        """Set a packet aside until ``release``."""
        if self._waiting.pop(packet.position, None):
            self._held[packet.position] = packet

    def release(self) -> None:
        """Let the packets that were set aside be sent again."""
        if self._held:
            both = self._waiting | self._held
            self._waiting = dict(sorted(both.items()))
            self._held = {}

    def of_stream(self, stream: str) -> list[Packet]:
        """Return the packets of a stream, oldest first, those set aside too."""
        both = {**self._waiting, **self._held}
        return [both[key] for key in sorted(both) if both[key].stream == stream]

    def oldest(self, most: int) -> list[Packet]:
        """Return up to ``most`` of the oldest packets, all of one stream."""
        return _one_stream(self._waiting.values(), most)

    def since(self, position: int, most: int) -> list[Packet]:
        """Return up to ``most`` packets of one stream from ``position`` on."""
        newest = []
        for packet in reversed(self._waiting.values()):
            if packet.position < position:
                break
            newest.append(packet)
        return _one_stream(reversed(newest), most)

    def some(self, most: int, rng: Random) -> list[Packet]:
        """Return up to ``most`` packets of one stream in random order."""
        stream = self.oldest(64)
        return rng.sample(stream, min(len(stream), rng.randint(1, most)))


def _one_stream(packets: Iterable[Packet], most: int) -> list[Packet]:
    def same() -> Iterator[Packet]:
        stream = None
        for packet in packets:
            stream = stream or packet.stream
            if packet.stream == stream:
                yield packet

    return list(islice(same(), most))
