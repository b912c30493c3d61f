"""The measure of a coder: eight mitdb records, and bytes per sample of each."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import wfdb
from numpy.typing import NDArray
from scipy.signal import resample_poly

from devices.ecg_model import synthesise
from devices.segments.flac import pack_int16, unpack_int16

RECORDS = ("100", "105", "106", "119", "203", "208", "222", "232")
FS, GAIN = 250, 409.6
SEGMENT = 300 * FS
Int16 = NDArray[np.int16]


def measured_signal(data: Path | None) -> tuple[Int16, str]:
    """Return int16[n] at 250 Hz, 12 bits over ±5 mV, and what it is."""
    if data is not None and (data / "mitdb").is_dir():
        paths = [str(data / "mitdb" / name) for name in RECORDS]
        parts = [
            resample_poly(wfdb.rdrecord(path).p_signal[:, 0], 25, 36)[: 6 * SEGMENT]
            for path in paths
        ]
        told = f"mitdb {', '.join(RECORDS)}, 250 Hz, 12 bits over ±5 mV, 5 min segments"
    else:
        parts = [synthesise("sinus", fs=FS, seconds=600, seed=k).mv for k in range(4)]
        told = "synthetic sinus rhythm: say --data for the measure"
    mv = np.concatenate(parts)
    return np.clip(np.rint(mv * GAIN), -2048, 2047).astype(np.int16), told


def coder_figures(adu: Int16) -> dict[str, dict[str, float]]:
    """Return bytes per sample, and ms to pack and unpack 5 minutes, by coder."""
    parts = [adu[k : k + SEGMENT] for k in range(0, len(adu), SEGMENT)]
    return {name: _figures(parts, *coder) for name, coder in _coders().items()}


Coder = tuple[Callable[[Int16], bytes], Callable[[bytes, int], Int16]]


def _coders() -> dict[str, Coder]:
    coders: dict[str, Coder] = {
        "flac": (
            lambda x: pack_int16(x[:, None]),
            lambda data, n: unpack_int16(data, shape=(n, 1))[:, 0],
        ),
        "zlib of deltas": (
            lambda x: zlib.compress(_planes(x), 9),
            lambda data, n: _unplanes(zlib.decompress(data)),
        ),
    }
    # Only compared with; the server needs neither.
    try:
        import zstandard

        pack, unpack = zstandard.ZstdCompressor(19), zstandard.ZstdDecompressor()
        coders["zstd of deltas"] = (
            lambda x: pack.compress(_planes(x)),
            lambda data, n: _unplanes(unpack.decompress(data)),
        )
    except ImportError:
        pass
    try:
        from pcodec import ChunkConfig, standalone

        config = ChunkConfig(compression_level=12)
        coders["pcodec"] = (
            lambda x: standalone.simple_compress(x, config),
            lambda data, n: standalone.simple_decompress(data),
        )
    except ImportError:
        pass
    return coders


def _figures(
    parts: list[Int16],
    pack: Callable[[Int16], bytes],
    unpack: Callable[[bytes, int], Int16],
) -> dict[str, float]:
    began = time.perf_counter()
    packed = [pack(part) for part in parts]
    middle = time.perf_counter()
    back = [unpack(data, len(part)) for data, part in zip(packed, parts, strict=True)]
    end = time.perf_counter()
    assert all(np.array_equal(a, b) for a, b in zip(parts, back, strict=True))
    samples = sum(len(part) for part in parts)
    return {
        "bytes_per_sample": round(sum(len(data) for data in packed) / samples, 4),
        "pack_ms": round((middle - began) * 1000 / len(parts), 2),
        "unpack_ms": round((end - middle) * 1000 / len(parts), 2),
    }


def _planes(x: Int16) -> bytes:
    deltas = np.diff(x, prepend=np.int16(0)).astype("<i2")
    return deltas.view(np.uint8).reshape(-1, 2).T.tobytes()


def _unplanes(data: bytes) -> Int16:
    planes = np.frombuffer(data, np.uint8).reshape(2, -1)
    deltas = np.ascontiguousarray(planes.T).view("<i2")[:, 0]
    return np.cumsum(deltas, dtype=np.int16)
