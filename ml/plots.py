"""Draw the plots of docs/model-card.md.

``python -m ml.plots --figures FILE --scores FILE`` takes what ``python -m ml.evaluate
--json --scores FILE`` wrote.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from inference.ecg import CLASSES
from ml.data import DS1, DS2
from ml.judge.calibration import reliability

mpl.use("Agg")
COLOURS = {"N": "#4477aa", "S": "#228833", "V": "#cc3311", "F": "#aa3377"}
FOLDER = Path("docs/images")
Scores = dict[str, NDArray[Any]]


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write a small PNG."""
    figure.tight_layout()
    figure.savefig(folder / f"card-{name}.png", dpi=90, metadata={"Software": None})


def chosen_records(found: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the part of mitdb that is drawn, the test set if it was judged."""
    for part, names in (("DS2", DS2), ("DS1", DS1)):
        inside = [name for name in names if name in found["records"]]
        if inside:
            return part, inside
    return "all", list(found["records"])


def draw_records(found: dict[str, Any], folder: Path) -> None:
    """Draw per record the false and missed R peaks and the F1 of V and S."""
    part, names = chosen_records(found)
    matrices = [np.array(found["records"][name]["from_0_s"]) for name in names]
    figure = Figure(figsize=(9, 6))
    axes = figure.subplots(3, 1, sharex=True)
    at = np.arange(len(names))
    missed = [m[:5, 5].sum() for m in matrices]
    axes[0].bar(at, missed, color="#4477aa", label="missed")
    false = [m[5, :5].sum() for m in matrices]
    axes[0].bar(at, false, bottom=missed, color="#cc3311", label="false")
    axes[0].set_ylabel("R peaks")
    axes[0].legend(frameon=False)
    for axis, kind in zip(axes[1:], "VS", strict=True):
        k = CLASSES.index(kind)
        real = np.array([m[k].sum() for m in matrices])
        said = np.array([m[:, k].sum() for m in matrices])
        hit = np.array([m[k, k] for m in matrices])
        f1 = 2 * hit / np.maximum(real + said, 1)
        axis.bar(at, np.where(real > 0, f1, 0), color=COLOURS[kind])
        for x, count, wrong in zip(at, real, said - hit, strict=True):
            axis.text(x, 1.02, f"{count}\n+{wrong}", ha="center", fontsize=6)
        axis.set_ylim(0, 1.25)
        axis.set_ylabel(f"{kind} F1")
    axes[2].set_xticks(at, names, rotation=60)
    axes[2].set_xlabel(f"{part}, product line; above: beats, + false ones")
    save(figure, folder, "records")


def draw_precision_recall(
    scores: Scores, part: str, names: list[str], folder: Path
) -> None:
    """Draw +P over sensitivity while the probability asked for is raised."""
    inside = np.isin(scores["records"], names) & (scores["classes"] <= len(CLASSES))
    real, said = scores["classes"][inside], scores["probabilities"][inside]
    missed = scores["missed"][np.isin(scores["names"], names)].sum(axis=0)
    figure = Figure(figsize=(5, 4.2))
    axis = figure.subplots()
    for kind in "SVF":
        k = CLASSES.index(kind)
        order = np.argsort(-said[:, k], kind="stable")
        hits = np.cumsum(real[order] == k)
        count = int((real == k).sum() + missed[k])
        if not count:
            continue
        axis.plot(
            100 * hits / count,
            100 * hits / np.arange(1, len(hits) + 1),
            color=COLOURS[kind],
            label=f"{kind} ({count})",
        )
    axis.set(xlabel="sensitivity %", ylabel="+P %", xlim=(0, 101), ylim=(0, 101))
    axis.set_title(f"{part}, product line", fontsize=9)
    axis.legend(frameon=False, loc="lower left")
    save(figure, folder, "precision-recall")


def draw_calibration(scores: Scores, part: str, names: list[str], folder: Path) -> None:
    """Draw the share of beats that are of a class over its probability."""
    inside = np.isin(scores["records"], names) & (scores["classes"] <= len(CLASSES))
    real, said = scores["classes"][inside], scores["probabilities"][inside]
    figure = Figure(figsize=(4.4, 4.2))
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    for kind, colour in COLOURS.items():
        k = CLASSES.index(kind)
        rows = reliability(said[:, k].astype(np.float64), real == k)
        rows = [row for row in rows if row["beats"] >= 20]
        axis.plot(
            [row["said"] for row in rows],
            [row["right"] for row in rows],
            marker="o",
            markersize=4,
            color=colour,
            label=kind,
        )
    axis.set(xlabel="probability", ylabel="share that is right")
    axis.set_title(f"{part}, bins of 20 beats or more", fontsize=9)
    axis.legend(frameon=False)
    save(figure, folder, "calibration")


def draw_noise(found: dict[str, Any], folder: Path) -> None:
    """Draw R peaks and V over the signal-to-noise ratio."""
    part = "DS2" if "DS2" in found["noise"] else next(iter(found["noise"]))
    rows = found["noise"][part]["from_5_min"]
    snr_db = [int(key) for key in rows]
    figure = Figure(figsize=(5, 3.6))
    axis = figure.subplots()
    for kind, colour in (("qrs", "#4477aa"), ("V", "#cc3311")):
        word = "R peaks" if kind == "qrs" else kind
        for key, style in (("se", "-"), ("ppv", "--")):
            axis.plot(
                snr_db,
                [row[kind][key] for row in rows.values()],
                style,
                color=colour,
                label=f"{word} {'Se' if key == 'se' else '+P'}",
            )
    axis.invert_xaxis()
    axis.set(xlabel="em noise, dB", ylabel="%", xticks=snr_db)
    axis.set_title(f"{part}, from 5 min, every other 2 min noisy", fontsize=9)
    axis.legend(frameon=False)
    save(figure, folder, "noise")


def main() -> None:
    """Draw what the figures hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=Path, required=True)
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--output", type=Path, default=FOLDER)
    options = parser.parse_args()
    found = json.loads(options.figures.read_text())
    draw_records(found, options.output)
    if "noise" in found:
        draw_noise(found, options.output)
    if options.scores:
        scores = dict(np.load(options.scores))
        part, names = chosen_records(found)
        draw_precision_recall(scores, part, names, options.output)
        draw_calibration(scores, part, names, options.output)


if __name__ == "__main__":
    main()
