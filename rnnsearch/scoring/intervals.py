"""How far from a forecast the outcome may lie: split conformal prediction.

n  validation errors      alpha  the share of outcomes that may fall outside, 0 to 1
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnsearch.scoring.skipped import Skipped

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Coverage:
    """Share of `rows` outcomes inside their intervals, beside the `promised` share."""

    share: float
    promised: float
    rows: int


def conformal_radius(errors: Floats, alpha: float = 0.1) -> float | Skipped:
    """Half the width of the interval `forecast ± radius` that holds 1 - alpha of the outcomes.

    `errors` (n,) are forecast errors (either sign) on rows that the model was not trained on, on
    the scale on which the interval is used. The radius is the k-th smallest absolute error with
    `k = ceil((n + 1) (1 - alpha))`, that is their `ceil((n + 1)(1 - alpha)) / n` quantile. An
    outcome that is exchangeable with the errors lies inside with probability 1 - alpha or more.

    Prices are not exchangeable in time: in a calm after a storm the interval is too wide, in the
    storm too narrow. Report `coverage` on later rows beside it.

    Skipped: too few errors (k > n: at 90 % that is fewer than 9), errors that are not finite.

    Papadopoulos, Proedrou, Vovk & Gammerman 2002, Inductive confidence machines for regression;
    Lei, G'Sell, Rinaldo, Tibshirani & Wasserman 2018, Distribution-free predictive inference for
    regression, algorithm 2 and theorem 2.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    if not np.isfinite(errors).all():
        return Skipped("an error is not a finite number")
    n = len(errors)
    k = math.ceil((n + 1) * (1 - alpha) - 1e-9)  # 1e-9: 10 * (1 - 0.1) may exceed 9 by rounding
    if k > n:
        needed = math.ceil(1 / alpha - 1 - 1e-9)
        return Skipped(f"needs {needed} validation errors for {1 - alpha:.0%}, has {n}")
    return float(np.partition(np.abs(errors), k - 1)[k - 1])


def coverage(actual: Floats, low: Floats, high: Floats, alpha: float = 0.1) -> Coverage:
    """How many outcomes (n,) lie from `low` (n,) to `high` (n,), ends included; n >= 1."""
    inside = (low <= actual) & (actual <= high)
    return Coverage(float(inside.mean()), 1 - alpha, len(actual))
