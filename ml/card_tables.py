"""The tables of docs/model-card.md, made from the figures of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from inference.ecg import CLASSES
from ml.judge.ec57 import percent

Figures = dict[str, Any]
STARTS = {"from_0_s": "from 0 s", "from_5_min": "from 5 min"}


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table; None is a dash."""
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join("–" if cell is None else str(cell) for cell in line) + " |"
        for line in lines
    )


def pair(row: Figures, digits: int = 1) -> str:
    """Return sensitivity and +P as the field writes them."""
    both = (row["se"], row["ppv"])
    return " / ".join("–" if one is None else f"{one:.{digits}f}" for one in both)


def spread(line: Figures, name: str) -> str:
    """Return the 95 % interval of a figure."""
    low_high = line["confidence_95"].get(name)
    return "–" if low_high is None else f"{low_high[0]:.3g}–{low_high[1]:.3g}"


def r_peaks(found: Figures) -> str:
    """Se and +P of R peaks by part of mitdb."""
    rows = [
        (
            part.replace("_48", ""),
            words,
            f"{row[start]['se']:.3f}",
            f"{row[start]['ppv']:.3f}",
            row[start]["missed"],
            row[start]["false"],
        )
        for part, row in found["r_peaks"].items()
        for start, words in STARTS.items()
    ]
    return table(("records", "", "Se %", "+P %", "missed", "false"), rows)


def lines(found: Figures) -> Iterable[tuple[str, str, Figures]]:
    """Give the lines of beats: part, which line, figures."""
    for part, row in found["beats"]["product"].items():
        if part == "paced":
            continue
        for start, words in STARTS.items():
            yield part, f"product, {words}", row[start]
        if part in found["beats"]["literature"]:
            yield part, "literature", found["beats"]["literature"][part]


def beats(found: Figures) -> str:
    """Se and +P of every class on both lines."""
    rows = [
        (part, words, *(pair(line[name]) for name in "NSVF"), line["macro_f1"])
        for part, words, line in lines(found)
    ]
    return table(("Se / +P %", "line", "N", "S", "V", "F", "macro F1"), rows)


def f1_intervals(found: Figures) -> str:
    """F1 with its interval; S in three ways."""
    rows = []
    for part, words, line in lines(found):
        ways = line["S_three_ways"]
        rows.append(
            (
                part,
                words,
                f"{line['V']['f1']} ({spread(line, 'V_f1')})",
                f"{ways['pooled_f1']} ({spread(line, 'S_f1')})",
                f"{ways['without_232_f1']} ({spread(line, 'S_f1_without_232')})",
                f"{ways['mean_over_patients_f1']} "
                f"({spread(line, 'S_f1_mean_over_patients')})",
                f"{line['macro_f1']} ({spread(line, 'macro_f1')})",
            )
        )
    head = ("F1 (95 %)", "line", "V", "S pooled", "S without 232", "S mean of patients")
    return table((*head, "macro"), rows)


def ec57(found: Figures) -> str:
    """QRS, VEB and SVEB, gross and averaged over records."""
    rows = []
    for part, row in found["beats"]["ec57"].items():
        if part == "rule":
            continue
        for name in ("qrs", "veb", "sveb"):
            one = row[name]
            average = {"se": one["average_se"], "ppv": one["average_ppv"]}
            counts = (one["tp"], one["fn"], one["fp"])
            digits = 2 if name == "qrs" else 1
            cells = (pair(one, digits), pair(average, digits))
            rows.append((part, name.upper(), *counts, *cells))
    return table(
        ("records", "", "TP", "FN", "FP", "gross Se / +P", "average Se / +P"), rows
    )


def confusion(found: Figures) -> str:
    """The confusion matrices of the product line and the literature line."""
    parts = []
    for part, words, line in lines(found):
        if words == "product, from 5 min" or part.startswith("all"):
            continue
        head = (f"{part}, {words}", *(f"found {name}" for name in CLASSES), "missed")
        names = [*CLASSES, "none"]
        rows = [(n, *r) for n, r in zip(names, line["confusion"], strict=True)]
        parts.append(table(head, rows))
    return "\n\n".join(parts)


def runs(found: Figures) -> str:
    """Couplets, short and long runs."""
    rows = []
    for part, kinds in found["runs"].items():
        for kind, starts in kinds.items():
            row = starts["from_0_s"]
            cells = [
                f"{pair(row[name])} ({row[name]['n']}, {row[name]['found']})"
                for name in ("couplets", "short", "long")
            ]
            rows.append((part, kind, *cells))
    head = ("Se / +P % (real, found)", "", "couplets", "3 to 5 beats", "more than 5")
    return table(head, rows)


def episodes(found: Figures) -> str:
    """Episodes by count and by duration."""
    rows = []
    for part, row in found["episodes"].items():
        for label, one in row["from_0_s"].items():
            if not one["reference"] and not one["found"]:
                continue
            duration = {"se": one["duration_se"], "ppv": one["duration_ppv"]}
            seconds = (f"{one['reference_s']:.0f}", f"{one['found_s']:.0f}")
            counts = (one["reference"], one["found"], pair(one))
            rows.append((part, label, *counts, *seconds, pair(duration)))
    return table(
        ("records", "", "real", "found", "Se / +P", "real s", "found s", "by duration"),
        rows,
    )


def false_alarms(found: Figures) -> str:
    """False episodes in time that is free of them, and how late true ones are."""
    rows = []
    for part, row in found["episodes"].items():
        for alarm, one in row["false_alarms"].items():
            where = ", ".join(f"{name}: {n}" for name, n in one["records"].items())
            rows.append((part, alarm, one["false"], one["free_hours"], where or None))
    return table(("records", "", "false", "free hours", "where"), rows)


def delays(found: Figures) -> str:
    """The delay of VT and VF from the onset of their criteria."""
    rows = [
        (part, label, *(one[key] for key in DELAY_KEYS))
        for part, row in found["episodes"].items()
        for label, one in row["vt_vf_delay"].items()
        if one["onsets"]
    ]
    head = ("records", "", "onsets", "reported", "within 5 s", "median s", "longest s")
    return table(head, rows)


DELAY_KEYS = ("onsets", "reported", "within_5_s", "median_s", "longest_s")


def silence(found: Figures) -> str:
    """What was found where there is no heart."""
    rows = [
        (name, row["beats"], ", ".join(f"{k}: {n}" for k, n in row["episodes"].items()))
        for name, row in found["silence"].items()
        if isinstance(row, dict)
    ]
    return table(("30 min of", "beats", "episodes"), rows)


def noise(found: Figures) -> str:
    """R peaks and V with electrode motion."""
    rows = []
    for part, row in found["noise"].items():
        for snr_db, one in row["from_5_min"].items():
            noisy = row["noisy_minutes"][snr_db]
            cells = (pair(one["qrs"]), pair(one["V"]))
            rows.append((part, snr_db, *cells, pair(noisy["qrs"]), pair(noisy["V"])))
    return table(
        ("records", "dB", "R peaks", "V", "R peaks in noise", "V in noise"), rows
    )


def invariance(found: Figures) -> str:
    """The same records at other rates, gains, polarity and offset."""
    rows = []
    for part, variants in found["invariance"].items():
        for name, row in variants.items():
            by = row["difference"]
            cells = [
                f"{row[key]} ({by[key]:+.{digits}f})" if by[key] is not None else None
                for key, digits in (
                    ("r_peaks_se", 3),
                    ("r_peaks_ppv", 3),
                    ("v_f1", 4),
                    ("s_f1", 4),
                )
            ]
            rows.append((part, name, *cells))
    return table(("records", "", "R peak Se", "R peak +P", "V F1", "S F1"), rows)


def calibration(found: Figures) -> str:
    """The expected calibration error by class."""
    rows = [
        (part, *(row[name]["ece"] for name in ("top", *"NSVF")))
        for part, row in found["beats"]["calibration"].items()
        if row
    ]
    return table(("ECE", "label said", "N", "S", "V", "F"), rows)


def records(found: Figures) -> str:
    """Every record of the product line."""
    rows = []
    for name, row in found["records"].items():
        m = np.array(row["from_0_s"])
        cells: list[Any] = [name, int(m[:5, 5].sum()), int(m[5, :5].sum())]
        for kind in "SVF":
            k = CLASSES.index(kind)
            hit, real, said = int(m[k, k]), int(m[k].sum()), int(m[:, k].sum())
            share = pair({"se": percent(hit, real), "ppv": percent(hit, said)})
            cells += [real, share if real or said else None]
        rows.append(cells)
    head = ("record", "missed", "false", "S", "Se / +P", "V", "Se / +P", "F", "Se / +P")
    return table(head, rows)


def labels(found: Figures) -> str:
    """What stands beside a label on the pages."""
    rows = [
        (label, row["n"], pair(row), row["protocol"])
        for label, row in found.get("label_figures", {}).items()
    ]
    return table(("label", "n", "Se / +P", "protocol"), rows)


TABLES: dict[str, Callable[[Figures], str]] = {
    "r_peaks": r_peaks,
    "beats": beats,
    "f1": f1_intervals,
    "ec57": ec57,
    "confusion": confusion,
    "runs": runs,
    "episodes": episodes,
    "false_alarms": false_alarms,
    "delays": delays,
    "silence": silence,
    "noise": noise,
    "invariance": invariance,
    "calibration": calibration,
    "records": records,
    "labels": labels,
}
__all__ = ["TABLES", "table"]
