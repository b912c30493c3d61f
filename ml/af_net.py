"""A net of two hidden layers on a row of features, fitted with numpy alone."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from inference.ecg.layers import FARTHEST
from ml.af_ectopy import Flags, Real

HIDDEN = 16
DRAWN, BATCH = 400_000, 512
RATE, DECAY = 3e-3, 1e-4
WARM_UP = 0.1  # share of the steps


class Net(NamedTuple):
    """``scaling`` [2, F]: centre and scale; layers with the bias as first row."""

    scaling: Real
    first: Real
    second: Real
    last: Real

    def score(self, features: Real) -> Real:
        """Return the log odds [n] of fibrillation."""
        x = np.clip((features - self.scaling[0]) / self.scaling[1], -FARTHEST, FARTHEST)
        x = np.maximum(x @ self.first[1:] + self.first[0], 0)
        x = np.maximum(x @ self.second[1:] + self.second[0], 0)
        return np.asarray(x @ self.last[1:] + self.last[0])

    def probability(self, features: Real) -> Real:
        """Return the probability [n] of fibrillation, 0 where nothing is known."""
        known = ~np.isnan(features[:, 0])
        out = np.zeros(len(features))
        out[known] = 1 / (1 + np.exp(-self.score(features[known])))
        return out

    def moved(self, shift: float) -> Net:
        """Return the net with its log odds moved by ``shift``."""
        last = self.last.copy()
        last[0] += shift
        return self._replace(last=last)


def fit(features: Real, af: Flags, weights: Real, seed: int, drawn: int = DRAWN) -> Net:
    """Fit by AdamW on rows drawn by weight; one cosine down the rate."""
    rng = np.random.default_rng(seed)
    scaling = np.stack((features.mean(axis=0), features.std(axis=0) + 1e-6))
    inputs = np.clip((features - scaling[0]) / scaling[1], -FARTHEST, FARTHEST)
    size = inputs.shape[1]
    parts = [
        _start(rng, size, HIDDEN),
        _start(rng, HIDDEN, HIDDEN),
        _start(rng, HIDDEN, 1),
    ]
    means = [np.zeros_like(part) for part in parts]
    squares = [np.zeros_like(part) for part in parts]
    up_to, steps = np.cumsum(weights / weights.sum()), drawn // BATCH
    for step in range(1, steps + 1):
        rows = np.searchsorted(up_to, rng.random(BATCH) * up_to[-1])
        slopes = _slopes(parts, inputs[rows], af[rows])
        rate = RATE * min(1.0, step / (WARM_UP * steps))
        rate *= 0.5 * (1 + np.cos(np.pi * step / steps))
        for k, slope in enumerate(slopes):
            means[k] = 0.9 * means[k] + 0.1 * slope
            squares[k] = 0.999 * squares[k] + 0.001 * slope**2
            move = means[k] / (1 - 0.9**step)
            move /= np.sqrt(squares[k] / (1 - 0.999**step)) + 1e-8
            parts[k] = parts[k] - rate * (move + DECAY * parts[k])
    return Net(scaling, parts[0], parts[1], parts[2][:, 0])


def _start(rng: np.random.Generator, inputs: int, outputs: int) -> Real:
    weights = rng.normal(0, np.sqrt(2 / inputs), (inputs, outputs))
    return np.concatenate((np.zeros((1, outputs)), weights))


def _slopes(parts: list[Real], x: Real, af: Flags) -> list[Real]:
    """Return the slope of the cross-entropy by each layer's weights."""
    seen = []
    for part in parts:
        seen.append(np.concatenate((np.ones((len(x), 1)), x), axis=1))
        x = np.maximum(seen[-1] @ part, 0) if part is not parts[-1] else seen[-1] @ part
    back = (1 / (1 + np.exp(-x)) - af[:, None]) / len(x)
    slopes = []
    for part, inputs in zip(parts[::-1], seen[::-1], strict=True):
        slopes.append(inputs.T @ back)
        back = (back @ part[1:].T) * (inputs[:, 1:] > 0)
    return slopes[::-1]


def write(net: Net, path: Path, name: str, told: tuple[str, ...]) -> None:
    """Write the net as ``name`` of a module, in as many digits as mean something.

    ``told`` is the first line of the module's docstring, and those after it.
    """
    title, *more = told
    lines = [
        f'"""{title}',
        "",
        *more,
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "import numpy as np",
        "",
    ]
    for own, part in zip(("SCALING", "FIRST", "SECOND", "LAST"), net, strict=True):
        shape = "" if part.ndim == 1 else f".reshape({part.shape[0]}, {part.shape[1]})"
        lines += [f"{own} = np.array([", *_wrapped(part), f"]){shape}"]
    lines += ["", f"{name} = (SCALING, FIRST, SECOND, LAST)"]
    path.write_text("# fmt: off\n" + "\n".join(lines) + "\n")


def _wrapped(part: Real) -> list[str]:
    rows, line = [], "   "
    for value in part.ravel():
        word = f" {float(f'{value:.4g}')!r},"
        if len(line) + len(word) > 88:
            rows.append(line)
            line = "   "
        line += word
    return [*rows, line]
