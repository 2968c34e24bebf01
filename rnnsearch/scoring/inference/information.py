"""Does a forecast carry information, even one that is not yet more accurate than doing nothing?

    n  rows (target dates in time order, consecutive sessions)     h  output shift: sessions ahead
    y  actual values     f  forecasts     w  weights that the forecasts give to the rows

Equal accuracy is too much to ask of a forecast of returns: no change is a special case of every
network, so a network pays for estimating what no change takes for granted. These tests ask for
less: whether the actual values go with the forecast more than chance lets them. A test that does
not apply returns `Skipped` with its reason; no result holds NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.scoring.inference.significance import MIN_ROWS, too_few, variance_lags
from rnnsearch.scoring.inference.skipped import Skipped

SAME = 1e-6
"""Forecasts that vary less than this, relative to their size or the actual values', are constant:
networks compute in single precision."""


@dataclass(frozen=True)
class Information:
    """What the forecast knows that a constant and the known naive forecasts do not.

    `p` is one-sided: how often a forecast without any information looks at least this good.
    `slope` is how much of a forecast move came true on these rows: 1 for a forecast that is right
    about its own size, near 0 for noise. Over `rows` rows, `horizon` sessions ahead.
    """

    statistic: float
    p: float
    slope: float
    rows: int
    horizon: int


def information(
    actual: Floats,
    forecast: Floats,
    known: Sequence[Floats] = (),
    pieces: Floats | None = None,
    horizon: int = 1,
    centre: float | Floats | None = None,
) -> Information | Skipped:
    """Test whether `forecast` (n,) tells about `actual` (n,) what `known` and a constant cannot.

    `known` are naive forecasts, each (n,); those that do not vary are a constant anyway. `pieces`
    (h, n) says what each session brings where the actual value is a sum over sessions, as a log
    return is: `pieces[j-1, i]` is the part of row i's value that session t+j makes. `centre` is
    what the forecasts would be without information, such as the training mean of the target; it
    must have been known before these rows, or, where it is (n,), before each. Without it the
    forecasts' mean so far takes its place, which costs power where forecasts move slowly. It is not
    used where a `known` varies.

    The statistic is `sum_i w_i y_i`. Each w_i is made of forecasts up to row i alone, and the
    weights sum to 0, so that no drift, old or new, moves the sum. That is the covariance of `f_i`,
    less its centre, with `y_i` less the mean of the *later* values (Arellano & Bover 1995). With
    the mean of all forecasts instead, as in a regression on these rows, forecasts made of past
    prices look informative on random walks (Stambaugh 1999): 6 to 9 % false alarms with
    indicators, 11 to 27 % with the price itself. Where a naive forecast varies, f_i is replaced by
    what a regression on it over the rows up to i leaves, and y by what one over all rows leaves.

    Its variance, for overlapping targets: with `pieces`, each session's piece times the sum of the
    weights of all rows that it belongs to, squared and summed (Hodrick 1992, standard errors 1B).
    Without, the products of both autocovariances up to lag h - 1 (Bartlett 1946), times a
    correction for values that vary more where the weights are larger. Both are White's for h = 1.
    The ratio is compared with Student's t of `n / h - 1` degrees of freedom.

    Skipped: fewer than 20 rows or 20 horizons, values that are not finite, forecasts that do not
    vary beyond what the known ones do, actual values that do not vary.

    Hodrick 1992, Dividend yields and expected stock returns, eq. 8; Arellano & Bover 1995, Another
    look at the instrumental variable estimation of error-components models, eq. 11; Stambaugh 1999,
    Predictive regressions; Clark & McCracken 2001, Tests of equal forecast accuracy and
    encompassing for nested models.
    """
    rows = len(actual)
    if rows < MIN_ROWS * horizon:
        return Skipped(too_few(rows, horizon))
    if not all(np.isfinite(values).all() for values in (actual, forecast, *known)):
        return Skipped("a value is not a finite number")
    surprise, news, weights = weighed(actual, forecast, known, centre)
    scale = float(actual.std())
    if np.abs(surprise).max() <= 1e-9 * max(scale, float(np.abs(actual).max())):
        return Skipped("nothing is left to forecast: the actual values do not vary")
    if np.abs(news).max() <= SAME * max(scale, float(np.abs(forecast).max())):
        return Skipped("the forecasts do not vary beyond what doing nothing knows")

    if pieces is not None and horizon > 1:
        variance = hodrick_variance(weights, pieces - pieces.mean(axis=1, keepdims=True))
    else:
        variance = overlap_variance(weights, surprise, horizon)
    if not variance > 0:
        return Skipped("the forecasts do not vary beyond what doing nothing knows")

    from scipy.stats import t as student

    statistic = float(weights @ surprise / np.sqrt(variance))
    p = float(student.sf(statistic, df=rows / horizon - 1))
    return Information(statistic, p, float(surprise @ news / (news @ news)), rows, horizon)


def weighed(
    actual: Floats, forecast: Floats, known: Sequence[Floats], centre: float | Floats | None
) -> tuple[Floats, Floats, Floats]:
    """What came beyond what was known, what was forecast beyond it, and the weights of the rows:
    (n,) each, as `information` has them.
    """
    varying = [values for values in known if np.ptp(values) > SAME * np.abs(values).max()]
    regressors = np.column_stack([np.ones(len(actual)), *map(_standardised, varying)])
    if varying:
        own = forecast - _fitted_so_far(forecast, regressors)
    else:
        own = forecast - (_mean_so_far(forecast) if centre is None else centre)
    surprise, news = _left_over(actual, regressors), _left_over(forecast, regressors)
    return surprise, news, weights_against_later_rows(own)


def weights_against_later_rows(values: Floats) -> Floats:
    """The weights w with `w @ y = sum_i c_i values_i (y_i - mean of y after i)`: (n,) -> (n,).

    They sum to 0, and w_i depends on values up to row i only. `c_i = sqrt(m / (m + 1))`, with m
    rows after row i, gives the differences one variance; the last row, which has none, has weight
    from the others alone.
    """
    later = np.arange(len(values) - 1, -1, -1, dtype=np.float64)
    scaled = values * np.sqrt(later / (later + 1))
    shares = scaled[:-1] / later[:-1]
    return np.asarray(scaled - np.concatenate([[0.0], np.cumsum(shares)]), dtype=np.float64)


def hodrick_variance(weights: Floats, pieces: Floats) -> float:
    """The variance of `sum_i w_i sum_j pieces[j-1, i]`: weights (n,), pieces (h, n) of mean 0.

    Row i's piece j belongs to session i + j. Pieces of one session are added before they are
    squared, and different sessions are independent.
    """
    horizon, rows = pieces.shape
    score = np.zeros(rows + horizon - 1)
    for ahead in range(horizon):
        score[ahead : ahead + rows] += pieces[ahead] * weights
    return float(score @ score)


def overlap_variance(weights: Floats, surprise: Floats, horizon: int) -> float:
    """The variance of `w @ surprise` (n,) whose rows are dependent up to lag `horizon - 1`.

    At least that of independent rows: overlap of the targets does not make a sum more certain.
    """
    rows = len(weights)
    white = (surprise @ surprise) * (weights @ weights) / rows
    if white == 0:
        return 0.0
    together = float((surprise**2) @ (weights**2)) / white
    total = white
    for lag in range(1, horizon):
        total += (
            2 * (surprise[lag:] @ surprise[:-lag]) * (weights[lag:] @ weights[:-lag]) / rows
        )  # Bartlett 1946
    return float(together * max(total, white))


@dataclass(frozen=True)
class ClarkWest:
    """Equal accuracy of a forecast and of one nested in it, freed of the price of estimation.

    `p` is one-sided: how often chance alone makes the larger model look this much better. `gain`
    is the mean of the adjusted differences of squared errors, in squared units of the actual.
    `lags` went into the variance of overlapping targets, over `rows` rows.
    """

    statistic: float
    p: float
    gain: float
    lags: int
    rows: int


def clark_west(
    actual: Floats, forecast: Floats, nested: Floats, horizon: int = 1
) -> ClarkWest | Skipped:
    """Test whether `forecast` (n,) beats `nested` (n,), a special case of it, on `actual` (n,).

    The mean of `(y - nested)^2 - [(y - f)^2 - (nested - f)^2]` over its standard error, which a
    regression on a constant gives, and the normal distribution. Targets that overlap (`horizon` >
    1) get Newey & West's variance, which rejects too often where forecasts move slowly; and where
    the mean of the actual values is not `nested`, any forecast on the right side of it passes.
    `information` is not troubled by either.

    Skipped: fewer than 20 rows or 20 horizons, values that are not finite, a forecast that differs
    from `nested` by the same on every row.

    Clark & West 2007, Approximately normal tests for equal predictive accuracy in nested models,
    eq. 3.1.
    """
    rows = len(actual)
    if rows < MIN_ROWS * horizon:
        return Skipped(too_few(rows, horizon))
    if not all(np.isfinite(values).all() for values in (actual, forecast, nested)):
        return Skipped("a value is not a finite number")
    adjusted = (actual - nested) ** 2 - ((actual - forecast) ** 2 - (nested - forecast) ** 2)
    if np.ptp(forecast - nested) <= SAME * max(
        float(actual.std()), float(np.abs(forecast - nested).max())
    ):
        return Skipped("the forecast differs from the naive one by the same on every row")

    from scipy.stats import norm
    from statsmodels.regression.linear_model import OLS

    lags = variance_lags(rows, horizon) if horizon > 1 else 0
    options = {"cov_type": "HAC", "cov_kwds": {"maxlags": lags}} if lags else {}
    fit = OLS(adjusted, np.ones(rows)).fit(**options)
    statistic = float(fit.tvalues[0])
    return ClarkWest(statistic, float(norm.sf(statistic)), float(adjusted.mean()), lags, rows)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values of tests that are shown together, corrected so that all err as often as one.

    In the order given; an empty list stays one. Holm 1979, A simple sequentially rejective multiple
    test procedure. scipy has none; statsmodels' is in `multipletests` alone, which walks through
    every object of the process first (gc.collect): 0.2 to 0.4 s beside torch and MLflow.
    """
    order = np.argsort(p_values, kind="stable")
    count, found = len(order), np.empty(len(order))
    found[order] = np.maximum.accumulate(np.take(p_values, order) * np.arange(count, 0, -1.0))
    return [float(p) for p in np.minimum(found, 1.0)]


def holm_of_known(p_values: Sequence[float | None]) -> list[float | None]:
    """`holm` over those that there are; None of the others."""
    left = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(left) for p in p_values]


def _standardised(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / values.std(), dtype=np.float64)


def _left_over(values: Floats, regressors: Floats) -> Floats:
    """What least squares on the regressors (n, k) cannot explain: (n,)."""
    centred = values - values.mean()
    residual = centred - regressors @ np.linalg.lstsq(regressors, centred, rcond=None)[0]
    return np.asarray(residual, dtype=np.float64)


def _mean_so_far(values: Floats) -> Floats:
    return np.asarray(np.cumsum(values) / np.arange(1, len(values) + 1), dtype=np.float64)


def _fitted_so_far(values: Floats, regressors: Floats) -> Floats:
    """Row i: the value that least squares over rows 0..i gives to row i, (n,).

    The ridge, far below the size of any regressor of variance 1, is felt only in the first rows,
    whose regressions have no single answer.
    """
    centred = values - values[0]
    products = np.cumsum(regressors[:, :, None] * regressors[:, None, :], axis=0)  # (n, k, k)
    targets = np.cumsum(regressors * centred[:, None], axis=0)  # (n, k)
    ridge = 1e-9 * np.eye(regressors.shape[1])
    slopes = np.linalg.solve(products + ridge, targets[:, :, None])[:, :, 0]
    return np.asarray(values[0] + (regressors * slopes).sum(axis=1), dtype=np.float64)
