"""The next pieces of many records, taken in while the R-peak net answers.

A turn is one piece of each record that has one left: live a single turn, of a file
many. Only ``look_ahead``'s helper runs beside the analysis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.front import Taken, take_in
from inference.ecg.grid import BLOCK_S
from inference.ecg.heat import ask
from inference.ecg.resampling import kernel
from inference.ecg.state import RecordState
from inference.ecg.types import Array, Nets, Signal

CHUNK_S = 60  # long signals are taken in pieces, to stay within the cache
HELD_S = 5  # beyond the end, until every beat is settled
NO_HEAT = np.zeros(0, dtype=np.float32)


class Block(NamedTuple):
    """One record's next piece of signal [n] in mV; its last ``held`` are beyond it."""

    record: int
    signal: Signal
    held: int


def cut_blocks(record: int, fs: int, signal: Signal, ended: bool) -> list[Block]:
    """Return pieces of whole blocks, and what is left where the record has ended.

    ``signal`` [n] is in mV at ``fs`` Hz. No delay.
    """
    whole = len(signal) // (fs * BLOCK_S) * (fs * BLOCK_S)
    edges = [*range(0, whole, CHUNK_S * fs), whole]
    pieces = [
        Block(record, signal[a:b], 0) for a, b in zip(edges, edges[1:], strict=False)
    ]
    if ended:
        held = np.full(HELD_S * fs, np.nan, dtype=np.float32)
        rest = np.concatenate((signal[whole:], held))
        pieces.append(Block(record, rest, len(held)))
    return pieces


def look_ahead(
    states: Sequence[RecordState], turns: Sequence[list[Block]], nets: Nets
) -> Iterator[tuple[list[Block], list[Taken], list[Signal]]]:
    """Yield each turn's blocks, what was taken in, and what the R-peak net says of it.

    Blocks hold signal [n], what was taken in is as in ``Taken``, and answers [h] are
    those of ``ask``. Where more than one turn waits, as of a file, the net answers one
    turn in a thread of its own while the one before is settled and the next one is
    taken in. Only the caller's thread touches the states, in the same order on any
    number of cores.
    """
    if len(turns) < 2 or nets.detect is None:
        for turn in turns:
            taken = _take(states, turn)
            yield turn, taken, _ask(nets, taken)
        return
    asked: list[tuple[list[Block], list[Taken], Future[list[Signal]]]] = []
    with ThreadPoolExecutor(1, "r-peak-net") as helper:
        for turn in turns:
            taken = _take(states, turn)
            asked.append((turn, taken, helper.submit(_ask, nets, taken)))
            if len(asked) > 1:
                before, shown, answer = asked.pop(0)
                yield before, shown, answer.result()
        before, shown, answer = asked.pop()
        yield before, shown, answer.result()


def _take(states: Sequence[RecordState], turn: list[Block]) -> list[Taken]:
    """Take one piece of each record in."""
    taken = []
    for block in turn:
        data, fs = states[block.record].data, states[block.record].fs
        taps = kernel(fs)
        mv = np.array(block.signal, dtype=np.float32)  # of one type: compiled once
        taken.append(_take_in(data, mv, block.held, fs, taps.weights, taps.half))
    return taken


def _ask(nets: Nets, taken: list[Taken]) -> list[Signal]:
    """Return the R-peak net's answers, empty ones without it."""
    if nets.detect is None:
        return [NO_HEAT] * len(taken)
    return ask(nets.detect, [part.shown for part in taken])


@compiled
def _take_in(
    data: State, mv: Signal, held: int, fs: int, weights: Array, half: int
) -> Taken:
    return take_in(data[0].front, mv, held, fs, weights, half)
