"""Rises and falls: how good the chances of a rise are, and whether following them earns anything.

    n  rows      p  forecast chance of a rise (n,)      rose  whether it rose (n,)

One rule everywhere: a rise is a change above 0. A price that did not change did not rise.
"""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnsearch.scoring.significance import MIN_EACH_DIRECTION, MIN_ROWS
from rnnsearch.scoring.skipped import Skipped

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

SURE = 1e-6
"""A chance nearer to 0 or 1 counts as this: to be sure and wrong costs 13.8, not infinity."""

BINS = 10


def log_loss(rose: Bools, p: Floats) -> float:
    """`-mean(log(chance given to what came))`: 0 perfect, 0.693 for always saying one half."""
    p = np.clip(p, SURE, 1 - SURE)
    return float(-np.mean(np.where(rose, np.log(p), np.log1p(-p))))


def auc(rose: Bools, p: Floats) -> float:
    """Area under the ROC curve: how often a row that rose has a higher chance than one that did
    not, ties counting half. 0.5 is no order at all. NaN where all rose, or none did.

    Mann & Whitney 1947, by ranks.
    """
    from scipy.stats import rankdata

    rises = int(np.count_nonzero(rose))
    others = len(rose) - rises
    if not rises or not others:
        return math.nan
    ranks = float(rankdata(p)[rose].sum())
    return (ranks - rises * (rises + 1) / 2) / (rises * others)


def brier_skill(rose: Bools, p: Floats, naive: Floats) -> float:
    """`1 - Brier(p) / Brier(naive)`, the mean squared errors of chances: above 0 is better.

    Where the naive forecast is perfect: 0 for a perfect forecast, else minus infinity.
    Brier 1950, Verification of forecasts expressed in terms of probability.
    """
    own, other = (float(np.mean((rose - forecast) ** 2)) for forecast in (p, naive))
    if other == 0:
        return 0.0 if own == 0 else -math.inf
    return 1 - own / other


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


def chances(rose: Bools, p: Floats, naive: Floats) -> dict[str, Any]:
    """Every measure of chances of a rise, by name."""
    return {
        "log_loss": log_loss(rose, p),
        "auc": auc(rose, p),
        "brier_skill": brier_skill(rose, p, naive),
    }
