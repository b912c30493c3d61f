"""The whole analysis of many records, block by block.

Whatever is fed in one call or in many, cut in whichever blocks, gives the same
states bit for bit, and the same beats and episodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.ecg.af import follow_irregularity, gate
from inference.ecg.af_model import AF_NET
from inference.ecg.atrial import atrial_evidence
from inference.ecg.atrial_model import ATRIAL_NET
from inference.ecg.beats import FEATURES, to_input
from inference.ecg.bounds import Bounds, bounds_of
from inference.ecg.compiled import State, compiled
from inference.ecg.episode_log import episodes_from
from inference.ecg.episodes import (
    FinalBeats,
    Piece,
    end_episodes,
    follow_episodes,
    rate_now,
)
from inference.ecg.front import OPEN, Settled, Taken, settle
from inference.ecg.grid import BLOCK_S, GRID_FS, WINDOW
from inference.ecg.layers import Layers
from inference.ecg.state import RecordState, initial_state
from inference.ecg.turns import cut_blocks, look_ahead
from inference.ecg.types import (
    CLASSES,
    QUALITY_WORDS,
    Analysis,
    Array,
    Beats,
    Limits,
    Nets,
    Signal,
)

LIKE = FEATURES.index("like_qrs")
VENTRICULAR = CLASSES.index("V")


class PartBlock(ValueError):
    """Raised when a signal is not a whole number of blocks."""


class _Piece(NamedTuple):
    """One piece of one record: what was taken in, and what that settled."""

    taken: Taken
    settled: Settled


def advance(
    states: Sequence[RecordState],
    signals: Sequence[Signal],
    *,
    nets: Nets,
    limits: Sequence[Limits] | None = None,
) -> list[tuple[RecordState, Analysis]]:
    """Analyse the next blocks of each record; the nets see all of them at once.

    Each signal [n] is float32 in mV, NaN where missing, starts at its state's
    ``sample`` and is a whole number of seconds, else ``PartBlock`` is raised. The
    states given are not touched. Delay: an R peak is final within 1 s, its class with
    the next beat or about 2 s.
    """
    for state, signal in zip(states, signals, strict=True):
        if len(signal) % (state.fs * BLOCK_S):
            raise PartBlock(
                f"{len(signal)} samples at {state.fs} Hz: give whole blocks of "
                f"{BLOCK_S} s, and the rest to finish()"
            )
    moved = [state.copy() for state in states]
    return list(zip(moved, _run(moved, signals, nets, limits, False), strict=True))


def finish(
    states: Sequence[RecordState],
    tails: Sequence[Signal],
    *,
    nets: Nets,
    limits: Sequence[Limits] | None = None,
) -> list[Analysis]:
    """Analyse what is left of each record ([n], any length, also none) and end it.

    Tails are float32 in mV, as signals of ``advance``. Every beat found becomes final
    and every open episode ends with the signal: no delay. The states are not touched,
    so a live record may be ended provisionally.
    """
    return _run([state.copy() for state in states], tails, nets, limits, True)


def _run(
    states: list[RecordState],
    signals: Sequence[Signal],
    nets: Nets,
    limits: Sequence[Limits] | None,
    ended: bool,
) -> list[Analysis]:
    """Move states on in place and return what each record's signal showed."""
    queues = [
        cut_blocks(k, state.fs, signal, ended)
        for k, (state, signal) in enumerate(zip(states, signals, strict=True))
    ]
    turns = [
        [queue[turn] for queue in queues if turn < len(queue)]
        for turn in range(max(map(len, queues), default=0))
    ]
    rows: list[list[_Piece]] = [[] for _ in states]
    for turn, taken, heats in look_ahead(states, turns, nets):
        for block, part, heat in zip(turn, taken, heats, strict=True):
            state = states[block.record]
            state.data["sample"] += len(block.signal) - block.held
            end = _own_sample(state) if block.held else OPEN
            asked = nets.detect is not None
            settled = _settle(state.data, part, heat, asked, end, state.fs)
            rows[block.record].append(_Piece(part, settled))
    probabilities = _classify([p.settled for row in rows for p in row], nets)
    results, at = [], 0
    for k, (state, row) in enumerate(zip(states, rows, strict=True)):
        count = sum(len(piece.settled.samples) for piece in row)
        own = Limits() if limits is None else limits[k]
        results.append(_follow(state, row, probabilities[at : at + count], own, ended))
        at += count
    return results


@compiled
def _settle(
    data: State, taken: Taken, heat: Signal, asked: bool, end: int, fs: int
) -> Settled:
    return settle(data[0].front, taken, heat, asked, end, fs)


def _classify(pieces: list[Settled], nets: Nets) -> Signal:
    """Return the probabilities of the beats of all pieces, asked for at once."""
    if not any(len(piece.samples) for piece in pieces):
        return np.zeros((0, len(CLASSES)), dtype=np.float32)
    windows = np.concatenate([piece.windows for piece in pieces])
    templates = np.concatenate([piece.templates for piece in pieces])
    features = np.concatenate([piece.features for piece in pieces])
    return nets.classify(to_input(windows, templates), features)


def _follow(
    state: RecordState,
    pieces: list[_Piece],
    probabilities: Signal,
    limits: Limits,
    ended: bool,
) -> Analysis:
    """Follow the rhythm of one record through its pieces."""
    fs, bounds = state.fs, bounds_of(limits)
    start = int(state.data["episodes"]["seconds"]["second"][0]) * fs
    parts, events, at = [], [], 0
    rate = np.nan
    for taken, settled in pieces:
        said = probabilities[at : at + len(settled.samples)]
        at += len(said)
        rows, af = _believe(state.data, settled, said, fs, AF_NET, ATRIAL_NET)
        beats = Beats(
            samples=settled.samples,
            classes=rows.argmax(axis=1).astype(np.uint8),
            probabilities=rows,
            rr_ms=(settled.pre_s * 1000).astype(np.float32),
        )
        found, rate = _follow_piece(
            state.data, taken, settled, rows, beats.classes, beats.rr_ms, af, bounds, fs
        )
        events.append(found)
        parts.append(beats)
    if ended:
        events.append(_end(state.data, _own_sample(state), fs))
    words = np.concatenate([np.zeros(0, np.uint8), *(p.taken.word for p in pieces)])
    analysis = Analysis(
        start_sample=start,
        end_sample=_own_sample(state),
        beats=_join(parts),
        episodes=episodes_from(events, fs),
        quality=np.concatenate(
            [np.zeros(0, np.uint8), *(p.taken.score for p in pieces)]
        ),
        quality_words=tuple(QUALITY_WORDS[word] for word in words.tolist()),
        heart_rate_bpm=float(rate),
    )
    return _shifted(analysis, state.origin) if state.origin else analysis


def _own_sample(state: RecordState) -> int:
    """Return the next input sample, counted from where the state began."""
    return int(state.data["sample"][0])


def _shifted(analysis: Analysis, by: int) -> Analysis:
    """Return what was found from sample ``by`` on, counted from the first sample."""
    return replace(
        analysis,
        start_sample=analysis.start_sample + by,
        end_sample=analysis.end_sample + by,
        beats=replace(analysis.beats, samples=analysis.beats.samples + by),
        episodes=tuple(
            replace(
                one,
                onset_sample=one.onset_sample + by,
                end_sample=None if one.end_sample is None else one.end_sample + by,
            )
            for one in analysis.episodes
        ),
    )


@compiled
def _believe(
    data: State,
    settled: Settled,
    said: Signal,
    fs: int,
    net: Layers,
    atrial_net: Layers,
) -> tuple[Signal, Array]:
    """Return what is believed of the beats, and how likely each is in fibrillation."""
    like = settled.features[:, LIKE].astype(np.float64)
    evidence = atrial_evidence(data[0].atrial, settled.windows, like, atrial_net)
    af = follow_irregularity(
        data[0].irregularity,
        settled.samples,
        settled.pre_s,
        settled.post_s,
        said,
        evidence,
        fs,
        net,
    )
    return gate(said, af), af


@compiled
def _follow_piece(
    data: State,
    taken: Taken,
    settled: Settled,
    probabilities: Signal,
    classes: NDArray[np.uint8],
    rr_ms: Signal,
    af: Array,
    bounds: Bounds,
    fs: int,
) -> tuple[Any, float]:
    episodes = data[0].episodes
    piece = Piece(
        settled.r_peaks,
        settled.frontier,
        settled.waiting_from,
        taken.word,
        taken.mv,
        taken.band[len(taken.band) - len(taken.energy) :],
    )
    beats = FinalBeats(
        settled.samples,
        classes,
        probabilities[:, VENTRICULAR].copy(),
        rr_ms,
        af,
        settled.features,
    )
    events = follow_episodes(episodes, piece, beats, bounds, fs)
    return events, rate_now(episodes, settled.frontier, fs)


@compiled
def _end(data: State, end: int, fs: int) -> Any:
    return end_episodes(data[0].episodes, end, fs)


def _join(parts: list[Beats]) -> Beats:
    if len(parts) == 1:
        return parts[0]
    none = Beats(
        samples=np.zeros(0, np.int64),
        classes=np.zeros(0, np.uint8),
        probabilities=np.zeros((0, len(CLASSES)), np.float32),
        rr_ms=np.zeros(0, np.float32),
    )
    parts = [none, *parts]
    return Beats(
        samples=np.concatenate([part.samples for part in parts]),
        classes=np.concatenate([part.classes for part in parts]),
        probabilities=np.concatenate([part.probabilities for part in parts]),
        rr_ms=np.concatenate([part.rr_ms for part in parts]),
    )


__all__ = [
    "BLOCK_S",
    "FEATURES",
    "GRID_FS",
    "WINDOW",
    "PartBlock",
    "RecordState",
    "advance",
    "finish",
    "initial_state",
]
