"""One segment in memory."""

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from devices.segments.form import Form
from devices.segments.places import Places
from devices.segments.pyramid import Pyramid, pyramid_of
from devices.segments.told import Told


@dataclass(frozen=True, eq=False)
class SegmentData:
    """Packets of some minutes of one record.

    ``samples`` is int16[n, leads], the packets' one after the other in the order of
    ``seq``; where they lie in the record, the places say.
    """

    form: Form
    places: Places
    told: Told
    samples: NDArray[np.int16]

    @cached_property
    def pyramid(self) -> Pyramid:
        """The finest level of lowest and highest samples."""
        return pyramid_of(self.form, self.places, self.samples)

    def data_of(self, row: int) -> bytes:
        """Return the samples of one packet as it was sent, little-endian."""
        end = int(self.places.n[: row + 1].sum())
        part = self.samples[end - int(self.places.n[row]) : end]
        return part.astype("<i2").tobytes()

    def wrong_crcs(self) -> list[int]:
        """Return the ``seq`` of the packets whose samples are not those sent."""
        plain = self.samples.astype("<i2").tobytes()
        ends = np.cumsum(self.places.n) * 2 * len(self.form.leads)
        starts = ends - self.places.n * 2 * len(self.form.leads)
        rows = zip(
            self.places.seq.tolist(),
            starts.tolist(),
            ends.tolist(),
            self.places.crc.tolist(),
            strict=True,
        )
        return [seq for seq, a, b, crc in rows if zlib.crc32(plain[a:b]) != crc]
