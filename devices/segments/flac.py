"""Lossless int16 through FLAC (RFC 9639), by libsndfile."""

import io

import numpy as np
import soundfile
from numpy.typing import NDArray

from devices.segments.errors import DamagedSegment, believable, reading

# FLAC wants a rate from a list of audio's; the form says the true one.
_NOMINAL_HZ = 8000
_BEST = 1.0


def pack_int16(values: NDArray[np.int16]) -> bytes:
    """Return int16[n, channels], of up to 8 channels, as one FLAC stream."""
    stream = io.BytesIO()
    soundfile.write(
        stream,
        values,
        _NOMINAL_HZ,
        format="FLAC",
        subtype="PCM_16",
        compression_level=_BEST,
    )
    return stream.getvalue()


def unpack_int16(data: bytes, *, shape: tuple[int, int]) -> NDArray[np.int16]:
    """Return int16[n, channels] of that ``shape``, or raise ``DamagedSegment``."""
    believable(shape[0], "samples")
    with reading("signal"), soundfile.SoundFile(io.BytesIO(data)) as file:
        # Looked at first: memory is reserved for as many as the stream claims.
        if (file.frames, file.channels) == shape:
            values: NDArray[np.int16] = file.read(dtype="int16", always_2d=True)
            if values.shape == shape:
                return values
        found = (file.frames, file.channels)
    raise DamagedSegment(f"the signal is {found}, expected {shape}")
