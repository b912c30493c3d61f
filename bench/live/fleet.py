"""The plan of the load: every device elsewhere in one signal, in a phase of its own."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.day import FS, read_day
from bench.live.options import Options
from bench.live.packet_templates import make_templates, whole_packets
from bench.live.people import Worn
from bench.live.plan import DevicePlan, Templates
from devices.simulator.source import SignalSource

GAIN = 1000.0
# All records of mitdb that are not the test set; shorter than a day, and repeated.
SIGNAL_S = 13 * 3600


@dataclass(frozen=True)
class Fleet:
    """The live devices first, then those of the backfill, as they are worn."""

    devices: list[DevicePlan]
    worn: Sequence[Worn]
    live: int
    templates: Templates
    adu: NDArray[np.int16]
    signal: str

    def samples(self, number: int, start: int, end: int) -> NDArray[np.int16]:
        """Return what a device recorded at the samples ``[start, end)``."""
        first = self.devices[number].first_part * self.templates.packet_samples
        return self.adu[np.arange(first + start, first + end) % len(self.adu), 0]


def line_up(worn: Sequence[Worn], options: Options) -> Fleet:
    """Plan every device of a run.

    A backfill begins with the measured time and says that it was recorded before.
    """
    signal_s = SIGNAL_S if options.devices > 20 else 1800
    day = read_day(options.data, signal_s)
    n = round(options.packet_s * FS)
    adu = whole_packets(np.rint(day.mv * GAIN).astype(np.int16), n)
    source = SignalSource(adu, FS, GAIN, 0, ("I",), endless=True)
    parts = len(adu) // n
    backlog = round(options.backfill_hours * 3600 / options.packet_s)
    plans = []
    for number, one in enumerate(worn):
        is_live = number < options.devices
        phase = number / options.devices if is_live else 0.0
        plans.append(
            DevicePlan(
                token=one.token,
                stream=secrets.token_hex(8),
                first_part=number * parts // len(worn),
                begins_s=phase * options.packet_s if is_live else options.warm_up_s,
                backlog=0 if is_live else backlog,
            )
        )
    templates = make_templates(source, packet_s=options.packet_s, form=options.form)
    return Fleet(plans, worn, options.devices, templates, adu, day.source)
