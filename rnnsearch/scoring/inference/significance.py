"""Is one forecast better than doing nothing, or was it luck?

    n  rows (target dates in time order)      h  output shift: sessions from origin to target

Tests of one forecast that was chosen before these rows were looked at. Those of many trials at once
are in `selection`. A test that does not apply returns `Skipped` with its reason; no result holds
NaN.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.scoring.inference.skipped import Skipped

LEVEL = 0.05
"""A forecast is called better when chance would look as good less often than this."""

MIN_ROWS = 20
"""Fewest rows of a test, counted in steps that do not overlap."""

MIN_EACH_DIRECTION = 5
"""Fewest rises and falls, forecast and actual, of the direction test: it relies on the normal
approximation of a count."""


@dataclass(frozen=True)
class DieboldMariano:
    """Equal accuracy of two forecasts. A negative statistic says that the first is better.

    `p_better` is one-sided: how often chance alone makes the first look at least this much better
    than the second, were they equally good. `p` is two-sided. `lags` went into the long-run
    variance, over `rows` rows.
    """

    statistic: float
    p_better: float
    p: float
    lags: int
    rows: int


def diebold_mariano(
    losses: Floats, naive_losses: Floats, horizon: int = 1
) -> DieboldMariano | Skipped:
    """Test whether `losses` (n,) are smaller than `naive_losses` (n,) by more than chance.

    Losses are one number per row, such as squared errors, of two forecasts of the same rows, in
    time order. Overlapping targets (`horizon` > 1) make them depend on each other: the long-run
    variance is Newey & West's with `max(2 (h - 1), n^(1/3))` lags, which cannot be negative. Twice
    the overlap, because Bartlett's weights nearly ignore the farthest lags: with h - 1 lags a true
    null was rejected more often in simulations. The statistic is corrected for small samples and
    compared with Student's t.

    Equal losses on every row: statistic 0, both p 1. Where the second forecast is a special case
    of the first (no change, against a network that could have learnt no change), equal accuracy
    already means that the network found something, so the test errs on the side of doing nothing.

    Skipped: fewer than 20 rows or 20 horizons, losses that are not finite, a difference that is the
    same on every row.

    Diebold & Mariano 1995, Comparing predictive accuracy; Harvey, Leybourne & Newbold 1997, Testing
    the equality of prediction mean squared errors, eq. 8 and 9.
    """
    rows = len(losses)
    if rows < MIN_ROWS * horizon:
        return Skipped(too_few(rows, horizon))
    difference = losses - naive_losses
    if not np.isfinite(difference).all():
        return Skipped("an error is not a finite number")
    lags = variance_lags(rows, horizon)
    if not difference.any():
        return DieboldMariano(0.0, 1.0, 1.0, lags, rows)
    if np.ptp(difference) <= 1e-9 * np.abs(difference).max():
        return Skipped("the two forecasts differ by the same loss on every row")

    from scipy.stats import t as student
    from statsmodels.tsa.stattools import diebold_mariano_test

    result = diebold_mariano_test(
        np.zeros(rows),
        losses,
        naive_losses,
        lags=lags,
        criterion=lambda _, loss: loss,
        harvey_adj=True,
        horizon=horizon,
    )
    statistic = float(result.statistic)
    p_better = float(student.cdf(statistic, df=rows - 1))
    return DieboldMariano(statistic, p_better, float(result.pvalue), lags, rows)


def hardest(tests: Iterable[DieboldMariano | Skipped]) -> DieboldMariano | Skipped:
    """Of tests against several forecasts the one that says least: better than all is no more than
    better than that one (Berger 1982, Multiparameter hypothesis testing and acceptance sampling).

    Skipped if one of them is.
    """
    worst: DieboldMariano | None = None
    for test in tests:
        if isinstance(test, Skipped):
            return test
        if worst is None or test.p_better > worst.p_better:
            worst = test
    if worst is None:
        raise ValueError("there is no test")
    return worst


def variance_lags(rows: int, horizon: int) -> int:
    """Lags of a long-run variance over losses of overlapping targets."""
    return int(max(2 * (horizon - 1), np.ceil(rows ** (1 / 3))))


def long_run_variance(values: Floats, lags: int) -> float:
    """That of the sum of values (n,) whose mean is 0, with the weights of Newey & West 1987."""
    total = float(values @ values)
    for lag in range(1, min(lags, len(values) - 1) + 1):
        total += 2 * (1 - lag / (lags + 1)) * float(values[lag:] @ values[:-lag])
    return total


@dataclass(frozen=True)
class PesaranTimmermann:
    """Independence of forecast and actual direction.

    `p_better` is one-sided: how often chance alone gets at least this many directions right.
    `accuracy` is the share that was right, `expected` the share that would be if the forecast rises
    were as many but fell on random rows. Both over `rows` rows.
    """

    statistic: float
    p_better: float
    accuracy: float
    expected: float
    rows: int


def pesaran_timmermann(
    actual: Floats, forecast: Floats, horizon: int = 1
) -> PesaranTimmermann | Skipped:
    """Test whether the signs of `forecast` (n,) go with those of `actual` (n,) by more than chance.

    Both are changes, such as log returns, or anything else minus its reference: a value above 0 is
    a rise, any other is not. Always forecasting the more frequent direction does not help here. The
    test takes rows to be independent, which overlapping targets are not: of those it uses every
    `horizon`-th row, the last included.

    Skipped: fewer than 20 rows of those, values that are not finite, fewer than 5 rises or falls
    forecast or happened. A forecast that always says the same has no direction to test.

    Pesaran & Timmermann 1992, A simple nonparametric test of predictive performance, eq. 6.
    """
    if len(actual) < MIN_ROWS * horizon:
        return Skipped(too_few(len(actual), horizon))
    if not (np.isfinite(actual).all() and np.isfinite(forecast).all()):
        return Skipped("a value is not a finite number")
    actual, forecast = actual[::-1][::horizon], forecast[::-1][::horizon]
    for name, values in (("forecasts", forecast), ("actual values", actual)):
        rises = int(np.count_nonzero(values > 0))
        if rises in (0, len(values)):
            return Skipped(f"all {name} go the same way")
        if min(rises, len(values) - rises) < MIN_EACH_DIRECTION:
            return Skipped(
                f"the {name} have {rises} rises and {len(values) - rises} falls; "
                f"at least {MIN_EACH_DIRECTION} of each are needed"
            )

    from statsmodels.stats.diagnostic import pesaran_timmermann as test

    try:
        result = test(actual, forecast, alternative="larger")
    except ValueError as error:  # the variance is not positive
        return Skipped(str(error).rstrip("."))
    store = result.res_store
    return PesaranTimmermann(
        float(result.statistic),
        float(result.pvalue),
        float(store.p_hat),
        float(store.p_ind),
        len(actual),
    )


def too_few(count: int, horizon: int, of: str = "rows") -> str:
    """Why a test of so many is skipped."""
    ahead = f" for forecasts {horizon} sessions ahead" if horizon > 1 else ""
    return f"needs {MIN_ROWS * horizon:,} {of}{ahead}, has {count:,}"
