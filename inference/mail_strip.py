"""Draw a short strip of ECG as a PNG image for a mail."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

PX_PER_S, PX_PER_MV = 100, 60
HEIGHT = 240
GRID, FINE, TRACE, LABEL = "#e8a9a9", "#f7dede", "#111111", "#a00000"


def strip_png(
    mv: NDArray[np.float32], *, fs: int, beats: list[tuple[float, str]]
) -> bytes:
    """Return a PNG of the trace ``mv`` (NaN: gap), 100 px/s and 60 px/mV.

    ``beats`` are (seconds from the start, letter) and are written above the trace.
    The grid is that of ECG paper: 40 ms and 0.1 mV, heavier at 200 ms and 0.5 mV.
    """
    width = max(PX_PER_S, round(len(mv) / fs * PX_PER_S))
    image = Image.new("RGB", (width, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    _grid(draw, width)
    known = mv[~np.isnan(mv)]
    centre = float(np.median(known)) if len(known) else 0.0
    x = np.arange(len(mv)) / fs * PX_PER_S
    y = np.clip(HEIGHT * 0.6 - (mv - centre) * PX_PER_MV, 18, HEIGHT - 2)
    run: list[tuple[float, float]] = []
    for px, py in zip(x.tolist(), y.tolist(), strict=True):
        if py == py:
            run.append((px, py))
            continue
        _line(draw, run)
        run = []
    _line(draw, run)
    for seconds, letter in beats:
        draw.text((seconds * PX_PER_S, 2), letter, fill=LABEL, anchor="mt")
    stored = io.BytesIO()
    image.save(stored, "PNG", optimize=True)
    return stored.getvalue()


def _grid(draw: ImageDraw.ImageDraw, width: int) -> None:
    for step, colour in ((0.2, FINE), (1.0, GRID)):
        for k in range(int(width / (0.2 * PX_PER_S * step)) + 1):
            px = round(k * 0.2 * PX_PER_S * step)
            draw.line([(px, 0), (px, HEIGHT)], fill=colour)
        for k in range(int(HEIGHT / (0.5 * PX_PER_MV * step)) + 1):
            py = round(k * 0.5 * PX_PER_MV * step)
            draw.line([(0, py), (width, py)], fill=colour)


def _line(draw: ImageDraw.ImageDraw, run: list[tuple[float, float]]) -> None:
    if len(run) > 1:
        draw.line(run, fill=TRACE, width=2, joint="curve")
