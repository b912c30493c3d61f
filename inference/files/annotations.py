"""WFDB annotation files, so that any WFDB tool can read and judge the analysis."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import wfdb

from inference.ecg.types import CLASSES, Episode
from inference.files.analysis import Findings

ANNOTATOR = "tc"
NORMAL = "(N"
# The most serious first: where episodes overlap, the rhythm is the first of them.
# The codes are those of mitdb and of PhysioNet's other databases; rates and pauses
# have none, and stand behind the rhythms so that they hide none of these.
_RHYTHMS = {
    "VF": "(VFL",
    "VFL": "(VFL",
    "ASYSTOLE": "(ASYS",
    "VT": "(VT",
    "VRUN": "(VT",
    "SVT": "(SVTA",
    "AF": "(AFIB",
    "BIGEMINY": "(B",
    "TRIGEMINY": "(T",
    "PACED": "(P",
    "PAUSE": "(PAUSE",
    "EXTREME_TACHY": "(EXTREME_TACHY",
    "EXTREME_BRADY": "(EXTREME_BRADY",
    "TACHY": "(TACHY",
    "BRADY": "(BRADY",
}
# EC57 tools find ventricular flutter and fibrillation by these, not by a rhythm.
_FLUTTER, _FLUTTER_BEGINS, _FLUTTER_ENDS = {"VF", "VFL"}, "[", "]"
_LOST = {"flat", "missing"}

# sample, symbol, subtype, note
_Row = tuple[int, str, int, str]


def annotation_name(name: str) -> str:
    """Return a record name that WFDB allows: letters, digits, ``-`` and ``_``."""
    return re.sub(r"[^-\w]+", "_", name, flags=re.ASCII).strip("_") or "record"


def write_annotations(
    findings: Findings, *, folder: Path, name: str, fs: int, n: int, channel: int = 0
) -> Path:
    """Write ``folder/name.tc`` and return its path.

    Beats are N S V F Q at the R peak, ``+`` a change of rhythm with its note such as
    ``(VT``, ``[`` and ``]`` the ends of ventricular flutter, ``~`` a change of quality
    with its word and the bits of WFDB; ``chan`` is the signal's number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[_Row] = [
        (sample, CLASSES[index], 0, "")
        for sample, index in zip(
            findings.beats.samples.tolist(),
            findings.beats.classes.tolist(),
            strict=True,
        )
    ]
    taken = {row[0] for row in rows}
    changes = _rhythm_changes(findings.episodes, n)
    changes += _flutter_ends(findings.episodes, n)
    changes += _quality_changes(findings.quality_words, fs, channel)
    for sample, symbol, subtype, note in sorted(changes, key=lambda row: row[0]):
        # One annotation per sample: WFDB orders several only by channel.
        free = sample
        while free in taken:
            free += 1
        if free < n:
            taken.add(free)
            rows.append((free, symbol, subtype, note))
    rows.sort()
    wfdb.wrann(
        name,
        ANNOTATOR,
        np.array([row[0] for row in rows], dtype=np.int64),
        symbol=[row[1] for row in rows],
        subtype=np.array([row[2] for row in rows], dtype=np.int64),
        chan=np.full(len(rows), channel, dtype=np.int64),
        aux_note=[row[3] for row in rows],
        fs=fs,
        write_dir=str(folder),
    )
    return folder / f"{name}.{ANNOTATOR}"


def _rhythm_changes(episodes: tuple[Episode, ...], n: int) -> list[_Row]:
    ranks = {label: rank for rank, label in enumerate(_RHYTHMS)}
    notes = list(_RHYTHMS.values())
    # How many episodes of each rank start, less how many end, at each sample.
    edges: dict[int, Counter[int]] = {0: Counter()}
    for episode in episodes:
        if (rank := ranks.get(episode.label)) is None:
            continue
        end = n if episode.end_sample is None else episode.end_sample
        edges.setdefault(max(episode.onset_sample, 0), Counter())[rank] += 1
        edges.setdefault(end, Counter())[rank] -= 1
    changes: list[_Row] = []
    active: Counter[int] = Counter()
    before = ""
    for at in sorted(edges):
        for rank, change in edges[at].items():
            active[rank] += change
        note = next((notes[rank] for rank in range(len(notes)) if active[rank]), NORMAL)
        if note != before:
            changes.append((at, "+", 0, note))
        before = note
    return changes


def _flutter_ends(episodes: tuple[Episode, ...], n: int) -> list[_Row]:
    rows: list[_Row] = []
    for episode in episodes:
        if episode.label in _FLUTTER:
            rows.append((max(episode.onset_sample, 0), _FLUTTER_BEGINS, 0, ""))
            end = n if episode.end_sample is None else episode.end_sample
            # One that goes on to the end of the record has its mark there.
            rows.append((min(end, n - 1), _FLUTTER_ENDS, 0, ""))
    return rows


def _quality_changes(words: tuple[str, ...], fs: int, channel: int) -> list[_Row]:
    changes: list[_Row] = []
    before = "good"
    for second, word in enumerate(words):
        if word != before:
            changes.append((second * fs, "~", _quality_bits(word, channel), word))
        before = word
    return changes


def _quality_bits(word: str, channel: int) -> int:
    """Return the subtype of ``~``: bit ``channel`` noisy, bit ``channel`` + 4 lost."""
    if word == "good" or channel > 2:
        return 0 if word == "good" else 1
    return (1 << channel) + ((16 << channel) if word in _LOST else 0)
