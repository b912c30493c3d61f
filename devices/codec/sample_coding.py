"""Samples as the payload of a binary packet, and back."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from devices.codec.errors import PacketError

# One sample of the wire; made once, because numpy takes a while to look a name up.
_INT8, _INT16 = np.dtype(np.int8), np.dtype("<i2")
_ESCAPE = np.int8(-128)


class Coding(IntEnum):
    """How a payload holds its samples; the values are on the wire.

    ``INT16``: little-endian int16, interleaved. ``DELTA``: for every sample the
    step from the same lead's sample before (the first from 0), modulo 2**16: one
    int8 each, interleaved. A step that is no int8 from -127 to 127 is -128 there,
    and stands as int16 behind them all, in the same order.
    """

    INT16 = 0
    DELTA = 1


def encode_samples(
    samples: NDArray[np.int16], *, leads: int, coding: Coding | None = None
) -> tuple[Coding, bytes]:
    """Return the payload of int16[n * leads] and its coding: without one, the shorter.

    ECG at 250 Hz and 1000 adu/mV takes about 1.1 bytes per sample as steps.
    """
    if coding == Coding.INT16:
        return coding, samples.astype(_INT16, copy=False).tobytes()
    steps = samples.astype(_INT16)
    # Interleaved: one sample further back in the same lead is ``leads`` values.
    steps[leads:] -= samples[:-leads]
    small = steps.astype(_INT8)
    wide = (small != steps) | (small == _ESCAPE)
    small[wide] = _ESCAPE
    payload = small.tobytes() + steps[wide].astype(_INT16).tobytes()
    if coding is None and len(payload) > 2 * samples.size:
        return encode_samples(samples, leads=leads, coding=Coding.INT16)
    return Coding.DELTA, payload


def decode_samples(
    body: bytes, start: int, end: int, *, coding: int, n: int, leads: int
) -> NDArray[np.int16]:
    """Return int16[n * leads] from the body's bytes ``start`` to ``end``."""
    size = n * leads
    if coding == Coding.INT16:
        _check_length(end - start, 2 * size, size)
        return np.frombuffer(body, _INT16, size, start)
    if coding != Coding.DELTA:
        raise PacketError("coding", "range", "must be 0 (int16) or 1 (delta)")
    wide_at = start + size
    if wide_at > end:
        _check_length(end - start, size, size)
    small = np.frombuffer(body, _INT8, size, start)
    steps = small.astype(_INT16)
    (wide,) = (small == _ESCAPE).nonzero()
    _check_length(end - start, size + 2 * wide.size, size)
    steps[wide] = np.frombuffer(body, _INT16, wide.size, wide_at)
    # In int16 the sums are modulo 2**16, as the steps are.
    if leads == 1:
        return np.add.accumulate(steps, 0, _INT16)
    by_lead = steps.reshape(n, leads)
    return np.add.accumulate(by_lead, 0, _INT16).ravel()


def _check_length(have: int, need: int, size: int) -> None:
    if have != need:
        text = f"{size} values need a payload of {need} bytes, not {have}"
        raise PacketError("samples", "count", text)
