"""Devices in bad networks, whose hearts race at known places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.chaos.people import Worn
from devices.ecg_model import synthesise
from devices.simulator.body_format import BINARY, JSON
from devices.simulator.faults import Faults
from devices.simulator.fleet import VirtualDeviceSpec
from devices.simulator.scripts import BASELINE, GAIN, close_loop
from devices.simulator.source import SignalSource

FS = 250
PACKET_S = 1.0
LOST_ACKS = 0.2
# The script's one VT begins at second 38 of these.
_RACING_S = 60.0
# With one in 12 minutes nobody gets more than six mails in any hour.
_SELDOMEST_S = 720.0
_TURNS = 5


def line_up(worn: Sequence[Worn], *, seconds: float) -> list[VirtualDeviceSpec]:
    """Give every device its signal and its faults.

    All lose a fifth of the acks. Every fourth sends in random order, every fourth has
    outages and every fourth a clock that jumps.
    """
    period_s = min(_SELDOMEST_S, max(_RACING_S, seconds / 5))
    return [
        VirtualDeviceSpec(
            serial=one.serial,
            token=one.token,
            source=_source(number, seconds, period_s),
            packet_s=PACKET_S,
            faults=_faults(number % 4, seconds),
            body_format=BINARY if number % 2 else JSON,
        )
        for number, one in enumerate(worn)
    ]


def _faults(kind: int, seconds: float) -> Faults:
    away_s = min(45.0, seconds / 6)
    if kind == 1:
        return Faults(lost_acks=LOST_ACKS, shuffle=True)
    if kind == 2:
        period_s = min(300.0, seconds)
        outage = (0.45 * period_s, 0.45 * period_s + away_s)
        return Faults((outage,), period_s, lost_acks=LOST_ACKS)
    if kind == 3:
        steps = [(0.3 * seconds, 20.0), (0.5 * seconds, -35.0), (0.7 * seconds, 12.0)]
        return Faults(lost_acks=LOST_ACKS, clock_steps=tuple(steps))
    return Faults(lost_acks=LOST_ACKS)


def _source(number: int, seconds: float, period_s: float) -> SignalSource:
    pieces: list[NDArray[np.float32]] = []
    if period_s > _RACING_S:
        # Hearts race in turn, or one outage of all would make every alarm late.
        turn_s = (period_s - _RACING_S) * (number % _TURNS) / _TURNS
        pieces.append(_closed("sinus", turn_s + 4, 1000 * number))
    # Every piece begins and ends just before a normal beat.
    while sum(map(len, pieces)) < (seconds + _RACING_S) * FS:
        seed = 1000 * number + len(pieces)
        pieces.append(_closed("vt", _RACING_S, seed))
        if period_s > _RACING_S:
            pieces.append(_closed("sinus", period_s - _RACING_S + 4, seed))
    mv = np.concatenate(pieces)
    return SignalSource(
        adu=np.rint(mv * GAIN + BASELINE).astype(np.int16)[:, None],
        fs=FS,
        gain=GAIN,
        baseline=BASELINE,
        leads=("I",),
        name="races",
        offset=(18 + 2 * (number % _TURNS)) * FS,
    )


def _closed(script: str, seconds: float, seed: int) -> NDArray[np.float32]:
    return close_loop(synthesise(script, fs=FS, seconds=seconds, seed=seed), fs=FS)
