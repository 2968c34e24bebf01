"""How far forecasts are from what happened.

    a  actual values (n,)      f  forecasts (n,)      b  naive forecasts (n,)

All three are of the same target dates and on the same scale (returns, prices or probabilities),
and finite. Each function returns a float; n >= 1.
"""

import math

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.language import marked
from rnnsearch.scoring.metrics.base import TARGET, Metric, Scored, never, valued


def rmse(actual: Floats, forecast: Floats) -> float:
    """Root mean squared error, `sqrt(mean((a - f)^2))`, in the unit of the values."""
    return math.sqrt(np.mean((actual - forecast) ** 2))


def mae(actual: Floats, forecast: Floats) -> float:
    """Mean absolute error, `mean(|a - f|)`, in the unit of the values."""
    return float(np.mean(np.abs(actual - forecast)))


def mape(actual: Floats, forecast: Floats) -> float:
    """Mean absolute percentage error, `100 * mean(|a - f| / |a|)`; NaN if any actual value is 0.

    For prices: of returns, which lie around 0, it says nothing.
    """
    if np.any(actual == 0):
        return math.nan
    return float(100 * np.mean(np.abs((actual - forecast) / actual)))


def r2(actual: Floats, forecast: Floats) -> float:
    """Coefficient of determination, `1 - sum((a - f)^2) / sum((a - mean(a))^2)`.

    If the actual values do not vary: 1 for perfect forecasts, else 0 (as scikit-learn has it).
    """
    errors = float(np.sum((actual - forecast) ** 2))
    spread = float(np.sum((actual - actual.mean()) ** 2))
    if spread == 0:
        return 1.0 if errors == 0 else 0.0
    return 1 - errors / spread


def theil_u2(actual: Floats, forecast: Floats, naive: Floats) -> float:
    """Theil's second inequality coefficient; below 1 is better than naive.

    `sqrt(sum((F - A)^2) / sum(A^2))` of the forecast changes F and the actual changes A, relative
    to the last known value: `(f - b) / b` and `(a - b) / b` for prices. Where a naive forecast is
    not above 0 (returns, spreads) the changes are taken as they are. 1 if both sums are 0.

    Theil 1966, Applied Economic Forecasting, section 2.4.
    """
    base = naive if (naive > 0).all() else np.ones_like(naive)
    return _ratio(rmse(actual / base, forecast / base), rmse(actual / base, naive / base))


def skill(actual: Floats, forecast: Floats, naive: Floats) -> float:
    """`1 - RMSE(forecast) / RMSE(naive)`: 1 perfect, 0 no better than doing nothing, below worse.

    If the naive forecast is perfect: 0 for a perfect forecast, else minus infinity.
    Murphy 1988, Skill Scores Based on the Mean Square Error, with RMSE in place of MSE.
    """
    return 1 - _ratio(rmse(actual, forecast), rmse(actual, naive))


def mase(actual: Floats, forecast: Floats, naive_mae: float) -> float:
    """Mean absolute scaled error, `MAE(forecast) / naive_mae`.

    `naive_mae` is the MAE of the naive forecast over the *training* rows. 1 if both are 0.
    Hyndman & Koehler 2006, Another look at measures of forecast accuracy, section 3.
    """
    return _ratio(mae(actual, forecast), naive_mae)


def _ratio(error: float, naive_error: float) -> float:
    """One error over another: infinite over a perfect one, 1 if both are perfect."""
    if naive_error == 0:
        return 1.0 if error == 0 else math.inf
    return error / naive_error


def _gain(scored: Scored) -> float:
    raise ValueError("gain is of the folds of a trial: see `scoring.gain`")


METRICS = (
    Metric(
        key="skill",
        label=marked("skill"),
        function=lambda s: skill(s.actual, s.forecast, s.hardest),
        format="+.4f",
        better="higher",
        meaning=marked(
            "1 − RMSE / RMSE of the naive forecast: above 0 is better than doing nothing"
        ),
    ),
    Metric(
        key="gain",
        label=marked("gain"),
        function=_gain,
        format="+.4f",
        better="higher",
        meaning=marked(
            "skill / what overlapping targets add to its spread: what a search maximises"
        ),
        applies=never,
    ),
    Metric(
        key="rmse",
        label=marked("RMSE"),
        function=lambda s: rmse(s.actual, s.forecast),
        unit=TARGET,
        better="lower",
        meaning=marked("root mean squared error"),
        narrow="#.4g",
        naive=True,
    ),
    Metric(
        key="mae",
        label=marked("MAE"),
        function=lambda s: mae(s.actual, s.forecast),
        unit=TARGET,
        better="lower",
        meaning=marked("mean absolute error"),
        narrow="#.4g",
        naive=True,
    ),
    Metric(
        key="r2",
        label=marked("R²"),
        function=lambda s: r2(s.actual, s.forecast),
        format="+.4f",
        better="higher",
        meaning=marked("share of the variance of the target that is explained"),
        applies=valued,
    ),
    Metric(
        key="theil_u2",
        label=marked("Theil's U2"),
        function=lambda s: theil_u2(s.actual, s.forecast, s.first_naive),
        better="lower",
        meaning=marked(
            "RMSE / RMSE of the naive forecast, both of changes in percent where they are "
            "prices: below 1 is better than doing nothing"
        ),
    ),
)
