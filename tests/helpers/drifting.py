"""Price files whose truth moves: the same inputs tell the next return, by other weights each year.

    x  (rows, F) white inputs      b  (rows, F) their weights      half-life  sessions

    return[t + 1] = volatility * (sqrt(R²) * b[t] . x[t] / sqrt(F) + sqrt(1 - R²) * e)

Each weight is a first-order autoregression of variance 1, whose correlation with itself halves
every half-life; without one it is +1 or -1 for ever.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rnnsearch.arrays import Floats, Rows

VOLATILITY = 0.01


@dataclass(frozen=True, eq=False)
class Drifting:
    """`frame` has Date, Close and x0 .. ; `expected` (rows,) is what the signal makes of each
    session's log return, 0 in the first row."""

    frame: pd.DataFrame
    expected: Floats

    def write(self, path: Path) -> Path:
        self.frame.to_csv(path, index=False)
        return path

    def oracle(self, rows: Rows) -> float:
        """Skill of knowing the weights, against no change, one session ahead."""
        moves = np.diff(np.log(self.frame["Close"].to_numpy(np.float64)))[rows - 1]
        left = moves - self.expected[rows]
        return 1 - float(np.sqrt(np.mean(left**2) / np.mean(moves**2)))


def plant_drifting(
    *,
    rows: int = 4000,
    inputs: int = 5,
    r2: float = 0.1,
    half_life: float | None = 1000.0,
    seed: int = 0,
) -> Drifting:
    """A file of so many sessions; `half_life` None for weights that stay."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, inputs))
    if half_life is None:
        b = np.tile(rng.choice([-1.0, 1.0], inputs), (rows, 1))
    else:
        keeps = 0.5 ** (1 / half_life)
        b = rng.standard_normal((rows, inputs)) * math.sqrt(1 - keeps**2)
        b[0] /= math.sqrt(1 - keeps**2)
        for row in range(1, rows):
            b[row] += keeps * b[row - 1]
    expected = np.zeros(rows)
    expected[1:] = VOLATILITY * math.sqrt(r2 / inputs) * (b * x).sum(axis=1)[:-1]
    moves = expected + VOLATILITY * math.sqrt(1 - r2) * rng.standard_normal(rows)
    frame = pd.DataFrame(x, columns=[f"x{number}" for number in range(inputs)])
    frame.insert(0, "Date", pd.bdate_range("2000-01-03", periods=rows))
    frame.insert(1, "Close", 100 * np.exp(np.cumsum(moves)))
    return Drifting(frame, expected)
