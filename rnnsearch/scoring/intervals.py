"""How far from a forecast the outcome may lie: conformal prediction, fixed and adaptive.

m  validation errors      n  consecutive forecasts      h  sessions from a forecast to its outcome
alpha  the share of outcomes that may fall outside, 0 to 1
score  how far off a forecast was, as a multiple of what was usual when it was made

Neither MAPIE nor crepes is called here. MAPIE 1.6 has the same adaptation (the tests compare with
it), but judges a forecast by the level of the day on which its outcome is known, not of the day on
which it was made, which differ where h > 1; it rounds alpha to two digits, and its intervals become
infinite. crepes 0.9 scales, but does not adapt.
"""

import math
from bisect import insort
from dataclasses import dataclass

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.scoring.inference.skipped import Skipped

STEP = 0.3
"""How fast alpha adapts, as a share of the promised alpha: 0.03 at 90 %.

Gibbs & Candès and those after them use 0.005 to 0.05. Slower, a quarter of a test strays more
often; faster, intervals are wider. 0.2 met what was asked of simulated series; 0.3 was taken after
networks on the S&P 500 and the NASDAQ held as little as 87.2 % with 0.2, so both had a say in it
(tests/bench/LOG.md, section 14)."""

LEAST = 0.2
"""No interval is made for less than this share of the promised alpha: at 90 %, for 98 %.

Without it, one large move makes the next intervals as wide as the worst error ever seen."""


@dataclass(frozen=True)
class Coverage:
    """Share of `rows` outcomes inside their intervals, beside the `promised` share."""

    share: float
    promised: float
    rows: int


def conformal_radius(errors: Floats, alpha: float = 0.1) -> float | Skipped:
    """Half the width of the interval `forecast ± radius` that holds 1 - alpha of the outcomes.

    `errors` (m,) are forecast errors (either sign) on rows that the model was not trained on, on
    the scale on which the interval is used. The radius is the k-th smallest absolute error with
    `k = ceil((m + 1) (1 - alpha))`, that is their `ceil((m + 1)(1 - alpha)) / m` quantile. An
    outcome that is exchangeable with the errors lies inside with probability 1 - alpha or more.

    Prices are not exchangeable in time: in a calm after a storm the interval is too wide, in the
    storm too narrow. So give it errors as multiples of what is usual at the time, and go on with
    `adaptive_radii`.

    Skipped: too few errors (k > m: at 90 % that is fewer than 9), errors that are not finite.

    Papadopoulos, Proedrou, Vovk & Gammerman 2002, Inductive confidence machines for regression;
    Lei, G'Sell, Rinaldo, Tibshirani & Wasserman 2018, Distribution-free predictive inference for
    regression, algorithm 2 and theorem 2.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    if not np.isfinite(errors).all():
        return Skipped("an error is not a finite number")
    m = len(errors)
    k = _rank(m, alpha)
    if k > m:
        needed = math.ceil(1 / alpha - 1 - 1e-9)
        return Skipped(f"needs {needed} validation errors for {1 - alpha:.0%}, has {m}")
    return float(np.partition(np.abs(errors), k - 1)[k - 1])


def adaptive_radii(
    calibration: Floats, scores: Floats, *, delay: int, alpha: float = 0.1
) -> Floats | Skipped:
    """Radii (n,) of consecutive forecasts, each from the outcomes that were known by then.

    calibration  (m,) scores on rows that the model was not trained on, any sign
    scores       (n,) of the forecasts, in their order, any sign; NaN where not yet known
    delay        h: the score of forecast t is known when forecast t + h is made

    An outcome outside its interval lowers alpha, one inside raises it a little, so that over any
    long stretch about 1 - alpha of the outcomes lie inside. Every known score joins the
    calibration. Where alpha has fallen below its least, it is remembered how far.

    Skipped: as `conformal_radius`.

    Gibbs & Candès 2021, Adaptive conformal inference under distribution shift, eq. 2.
    """
    first = conformal_radius(calibration, alpha)
    if isinstance(first, Skipped):
        return first
    if delay < 1:
        raise ValueError(f"an outcome is known 1 or more sessions later, got {delay}")
    known = sorted(np.abs(calibration).tolist())
    sizes = np.abs(scores).tolist()
    radii: list[float] = []
    step, now = STEP * min(alpha, 1 - alpha), alpha
    for t in range(len(sizes)):
        if t >= delay and not math.isnan(size := sizes[t - delay]):
            missed = size > radii[t - delay]
            now += step * (alpha - missed)  # eq. 2
            insort(known, size)
        rank = _rank(len(known), max(now, LEAST * alpha))
        radii.append(known[min(max(rank, 1), len(known)) - 1])
    return np.array(radii, dtype=np.float64)


def coverage(actual: Floats, low: Floats, high: Floats, alpha: float = 0.1) -> Coverage:
    """How many outcomes (n,) lie from `low` (n,) to `high` (n,), ends included; n >= 1."""
    inside = (low <= actual) & (actual <= high)
    return Coverage(float(inside.mean()), 1 - alpha, len(actual))


def _rank(count: int, alpha: float) -> int:
    """Which of `count` sorted scores holds 1 - alpha of further ones."""
    # 1e-9: 10 * (1 - 0.1) may exceed 9 by rounding
    return math.ceil((count + 1) * (1 - alpha) - 1e-9)
