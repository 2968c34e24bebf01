"""Rises and falls: whether chances of a rise are right, and whether following them earns anything.

    n  rows      p  forecast chance of a rise (n,)      rose  whether it rose (n,)

One rule everywhere: a rise is a change above 0. A price that did not change did not rise.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats
from rnnsearch.scoring.inference.significance import MIN_EACH_DIRECTION, MIN_ROWS
from rnnsearch.scoring.inference.skipped import Skipped

Bools: TypeAlias = NDArray[np.bool_]

BINS = 10


@dataclass(frozen=True, eq=False)
class Reliability:
    """What was forecast and what came, in bins of about as many rows each; (bins,) each.

    `low` and `high` bound the share of rises with 90 % confidence (Wilson).
    """

    forecast: Floats
    came: Floats
    low: Floats
    high: Floats
    rows: NDArray[np.int64]


def reliability(rose: Bools, p: Floats, bins: int = BINS) -> Reliability:
    """Rows in the order of their chance, cut at quantiles; equal chances stay in one bin."""
    from scipy.stats import norm

    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    places = np.searchsorted(edges, p, side="left")
    used = np.unique(places)
    rows = np.array([np.count_nonzero(places == place) for place in used], dtype=np.int64)
    forecast = np.array([p[places == place].mean() for place in used])
    came = np.array([rose[places == place].mean() for place in used])
    z = float(norm.ppf(0.95))
    middle = (came + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z * np.sqrt(came * (1 - came) / rows + (z / (2 * rows)) ** 2) / (1 + z * z / rows)
    return Reliability(forecast, came, middle - half, middle + half, rows)


@dataclass(frozen=True)
class ExcessProfitability:
    """What following the forecast directions earns beyond drawing as many of them by lot.

    `p_better` is one-sided. `earned` is the mean gain of buying before forecast rises and selling
    short before all else, without costs; `expected` what as many rises on random rows would earn.
    """

    statistic: float
    p_better: float
    earned: float
    expected: float
    rows: int


def excess_profitability(
    moves: Floats, rises: Bools, horizon: int = 1
) -> ExcessProfitability | Skipped:
    """Test whether `moves` (n,) go with the forecast `rises` (n,) by more than chance.

    Unlike a count of right directions, a large move counts for more than a small one. The test
    takes rows to be independent, which overlapping targets are not: of those it uses every
    `horizon`-th row, the last included. With s = 1 for a forecast rise and -1 for none, y the move,

        A = mean(s y),  B = mean(s) mean(y),  V = 4 q (1 - q) sum((y - mean(y))^2) / n^2,

    where q is the share of forecast rises, and (A - B) / sqrt(V) is standard normal.

    Skipped: fewer than 20 rows of those, moves that are not finite or do not vary, fewer than 5
    rises or others forecast.

    Anatolyev & Gerko 2005, A trading approach to testing for predictability, section 2.
    """
    if len(moves) < MIN_ROWS * horizon:
        return Skipped(f"needs {MIN_ROWS * horizon:,} rows, has {len(moves):,}")
    y, up = moves[::-1][::horizon], rises[::-1][::horizon]
    if not np.isfinite(y).all():
        return Skipped("a move is not a finite number")
    count, n = int(np.count_nonzero(up)), len(y)
    if min(count, n - count) < MIN_EACH_DIRECTION:
        return Skipped(
            f"the forecasts have {count} rises and {n - count} others; "
            f"at least {MIN_EACH_DIRECTION} of each are needed"
        )
    spread = float(np.sum((y - y.mean()) ** 2))
    if spread <= (1e-9 * float(np.abs(y).max())) ** 2 * n:
        return Skipped("the moves do not vary")

    from scipy.stats import norm

    s = np.where(up, 1.0, -1.0)
    earned, expected = float(np.mean(s * y)), float(s.mean() * y.mean())
    share = count / n
    statistic = (earned - expected) / math.sqrt(4 * share * (1 - share) * spread / n**2)
    return ExcessProfitability(statistic, float(norm.sf(statistic)), earned, expected, n)
