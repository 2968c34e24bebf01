"""How good forecasts of volatility are, beside their errors in logs.

m  rows      a  log of the volatility that came (m,)      f  its forecast (m,)
"""

import math

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.language import marked
from rnnsearch.scoring.metrics.base import Metric
from rnnsearch.targets import Target


def qlike(actual: Floats, forecast: Floats) -> float:
    """`mean(x - log(x) - 1)` of `x = exp(2a) / exp(2f)`, realised over forecast variance.

    0 is perfect. It ranks forecasts as the true variance would, however noisy the measure of it
    is, and a forecast that is too low costs more than one that is too high.

    Patton 2011, Volatility forecast comparison using imperfect volatility proxies, up to terms that
    do not depend on the forecast.
    """
    log_ratio = 2 * (actual - forecast)
    with np.errstate(over="ignore"):
        return float(np.mean(np.exp(log_ratio) - log_ratio - 1))


def mincer_zarnowitz(actual: Floats, forecast: Floats) -> tuple[float, float, float]:
    """Intercept, slope and R² of the regression `a = intercept + slope f`.

    0 and 1 of a forecast that is right about its own size; a slope below 1 says that it swings too
    much. NaN where the forecast does not vary.

    Mincer & Zarnowitz 1969, The evaluation of economic forecasts.
    """
    bets, moves = forecast - forecast.mean(), actual - actual.mean()
    power, spread = float(bets @ bets), float(moves @ moves)
    if power <= 1e-12 * max(float(forecast @ forecast), 1e-300):
        return math.nan, math.nan, math.nan
    slope = float(bets @ moves) / power
    intercept = float(actual.mean()) - slope * float(forecast.mean())
    return intercept, slope, float(bets @ moves) ** 2 / (power * spread) if spread > 0 else 0.0


def of_volatility(target: Target) -> bool:
    """For `applies`: where a forecast is the log of a volatility."""
    return target.log_volatility


METRICS = (
    Metric(
        key="qlike",
        label=marked("QLIKE"),
        function=lambda s: qlike(s.actual, s.forecast),
        better="lower",
        meaning=marked(
            "loss of the variance forecast: 0 is perfect, too low costs more than too high"
        ),
        applies=of_volatility,
        naive=True,
    ),
    Metric(
        key="mz_intercept",
        label=marked("MZ intercept"),
        function=lambda s: mincer_zarnowitz(s.actual, s.forecast)[0],
        format="+.3f",
        meaning=marked(
            "intercept of what came on what was forecast (Mincer–Zarnowitz): 0 is unbiased"
        ),
        applies=of_volatility,
    ),
    Metric(
        key="mz_slope",
        label=marked("MZ slope"),
        function=lambda s: mincer_zarnowitz(s.actual, s.forecast)[1],
        format="+.3f",
        meaning=marked("slope of what came on what was forecast (Mincer–Zarnowitz): 1 is unbiased"),
        applies=of_volatility,
    ),
    Metric(
        key="mz_r2",
        label=marked("MZ R²"),
        function=lambda s: mincer_zarnowitz(s.actual, s.forecast)[2],
        format="+.4f",
        better="higher",
        meaning=marked(
            "R² of what came on what was forecast (Mincer–Zarnowitz), whatever the bias"
        ),
        applies=of_volatility,
    ),
)
