"""The whole analysis of many records, block by block.

Whatever is fed in one call or in many, cut in whichever blocks, gives the same
states bit for bit, and the same beats and episodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from inference.ecg.af import gate
from inference.ecg.beats import FEATURES, to_input
from inference.ecg.episode_log import EpisodeLog
from inference.ecg.episodes import end_episodes, follow_episodes, rate_now
from inference.ecg.front import Found, find_beats
from inference.ecg.grid import BLOCK_S, GRID_FS, WINDOW
from inference.ecg.state import RecordState, initial_state
from inference.ecg.types import (
    CLASSES,
    QUALITY_WORDS,
    Analysis,
    Beats,
    Classify,
    Limits,
    Signal,
)

CHUNK_S = 300  # long signals are taken in pieces, to stay within the cache
HELD_S = 5  # beyond the end, until every beat is settled


class PartBlock(ValueError):
    """Raised when a signal is not a whole number of blocks."""


class _Piece(NamedTuple):
    found: Found
    waiting_from: int


def advance(
    states: Sequence[RecordState],
    signals: Sequence[Signal],
    *,
    classify: Classify,
    limits: Sequence[Limits] | None = None,
) -> list[tuple[RecordState, Analysis]]:
    """Analyse the next blocks of each record; one ``classify`` call for all.

    Each signal is float32 in mV, NaN where missing, starts at its state's
    ``sample`` and is a whole number of seconds. The states given are not touched.
    An R peak is final within 1 s, its class with the next beat or about 2 s.
    """
    for state, signal in zip(states, signals, strict=True):
        if len(signal) % (state.fs * BLOCK_S):
            raise PartBlock(
                f"{len(signal)} samples at {state.fs} Hz: give whole blocks of "
                f"{BLOCK_S} s, and the rest to finish()"
            )
    moved = [state.copy() for state in states]
    pieces = [
        _find(state, signal) for state, signal in zip(moved, signals, strict=True)
    ]
    results = _judge(moved, pieces, classify, limits, ended=False)
    return list(zip(moved, results, strict=True))


def finish(
    states: Sequence[RecordState],
    tails: Sequence[Signal],
    *,
    classify: Classify,
    limits: Sequence[Limits] | None = None,
) -> list[Analysis]:
    """Analyse what is left of each record (any length, also none) and end it.

    Every beat found becomes final and every open episode ends with the signal.
    The states are not touched, so a live record may be ended provisionally.
    """
    moved = [state.copy() for state in states]
    pieces = []
    for state, tail in zip(moved, tails, strict=True):
        whole = len(tail) // (state.fs * BLOCK_S) * (state.fs * BLOCK_S)
        pieces.append(_find(state, tail[:whole]) + [_find_end(state, tail[whole:])])
    return _judge(moved, pieces, classify, limits, ended=True)


def _find(state: RecordState, signal: Signal) -> list[_Piece]:
    pieces = []
    for start in range(0, len(signal), CHUNK_S * state.fs):
        chunk = signal[start : start + CHUNK_S * state.fs]
        found = find_beats(state.front, chunk, fs=state.fs)
        pieces.append(_Piece(found, _waiting_from(state, found)))
        state.sample += len(chunk)
    return pieces


def _find_end(state: RecordState, tail: Signal) -> _Piece:
    held = np.full(HELD_S * state.fs, np.nan, dtype=np.float32)
    padded = np.concatenate((tail, held)).astype(np.float32)
    found = find_beats(state.front, padded, fs=state.fs, held=len(held))
    state.sample += len(tail)
    keep = found.samples < state.sample
    described = type(found.described)(*(part[keep] for part in found.described))
    found = found._replace(
        r_peaks=[sample for sample in found.r_peaks if sample < state.sample],
        frontier=min(found.frontier, state.sample),
        samples=found.samples[keep],
        pre_s=found.pre_s[keep],
        described=described,
    )
    return _Piece(found, state.sample)


def _waiting_from(state: RecordState, found: Found) -> int:
    """Return the sample before which every beat's class is final."""
    waiting = state.front.waiting
    return min(int(waiting[0][1]), found.frontier) if waiting else found.frontier


def _judge(
    states: list[RecordState],
    pieces: list[list[_Piece]],
    classify: Classify,
    limits: Sequence[Limits] | None,
    *,
    ended: bool,
) -> list[Analysis]:
    """Classify all beats at once, then follow each record's episodes."""
    described = [piece.found.described for row in pieces for piece in row]
    windows = [to_input(d.windows, d.templates).astype(np.float32) for d in described]
    features = [d.features.astype(np.float32) for d in described]
    total = sum(len(rows) for rows in windows)
    probabilities = np.zeros((0, len(CLASSES)), dtype=np.float32)
    if total:
        said = classify(np.concatenate(windows), np.concatenate(features))
        probabilities = gate(said, np.concatenate([d.af for d in described]))
    results, at = [], 0
    for k, (state, row) in enumerate(zip(states, pieces, strict=True)):
        count = sum(len(piece.found.samples) for piece in row)
        own = Limits() if limits is None else limits[k]
        results.append(_follow(state, row, probabilities[at : at + count], own, ended))
        at += count
    return results


def _follow(
    state: RecordState,
    pieces: list[_Piece],
    probabilities: Signal,
    limits: Limits,
    ended: bool,
) -> Analysis:
    fs, log, at = state.fs, EpisodeLog(), 0
    start, frontier = state.episodes.second * fs, 0
    all_beats, scores, words = [], [], []
    for found, waiting_from in pieces:
        rows = probabilities[at : at + len(found.samples)]
        at += len(rows)
        beats = Beats(
            samples=found.samples,
            classes=rows.argmax(axis=1).astype(np.uint8),
            probabilities=rows,
            rr_ms=(found.pre_s * 1000).astype(np.float32),
        )
        frontier = found.frontier
        follow_episodes(
            state.episodes,
            r_peaks=found.r_peaks,
            frontier=frontier,
            words=found.seconds.word,
            beats=beats,
            waiting_from=waiting_from,
            limits=limits,
            fs=fs,
            log=log,
        )
        all_beats.append(beats)
        scores.append(found.seconds.score)
        words.append(found.seconds.word)
    heart_rate_bpm = rate_now(state.episodes, frontier, fs)
    if ended:
        end_episodes(state.episodes, state.sample, fs, log)
    return Analysis(
        start_sample=start,
        end_sample=state.sample,
        beats=_join(all_beats),
        episodes=log.episodes(),
        quality=np.concatenate([np.zeros(0, np.uint8), *scores]),
        quality_words=tuple(
            QUALITY_WORDS[word] for part in words for word in part.tolist()
        ),
        heart_rate_bpm=heart_rate_bpm,
    )


def _join(parts: list[Beats]) -> Beats:
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
