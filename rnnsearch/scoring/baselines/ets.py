"""Exponential smoothing: level and trend of the price, newer rows counting for more."""

from typing import Any

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.language import marked
from rnnsearch.scoring.baselines.base import (
    Baseline,
    Fitted,
    has_growth,
    of_growth,
    recent_log_prices,
)
from rnnsearch.scoring.inference.skipped import Skipped

MODELS: dict[str, dict[str, Any]] = {
    "ETS(A, N, N)": {"trend": None, "damped_trend": False},
    "ETS(A, A, N)": {"trend": "add", "damped_trend": False},
    "ETS(A, Ad, N)": {"trend": "add", "damped_trend": True},
}
"""Without trend, with one, with one that fades; errors are additive, there is no season."""


def ets(close: Floats, target_rows: Rows, output_shift: int, history: slice) -> Fitted | Skipped:
    """Log growth (m,) by exponential smoothing of log prices.

    Of three models, fitted by maximum likelihood on the rows of `history` (the last 4,000 of them),
    the one with the smallest AIC is taken. Its parameters are kept; level l and trend b go on with
    every row, and from each origin t the forecast is `l[t] + (phi + ... + phi^h) b[t]`.

    Skipped: fewer than 50 returns, returns that do not vary, no model that converges.

    Hyndman, Koehler, Ord & Snyder 2008, Forecasting with exponential smoothing, table 2.1.
    """
    found = recent_log_prices(close, target_rows, output_shift, history)
    if isinstance(found, Skipped):
        return found

    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    fits = {}
    for name, kind in MODELS.items():
        fit = ETSModel(found.known, error="add", **kind).fit(disp=False)
        if fit.mle_retvals["converged"] and np.isfinite(fit.aic):
            fits[name] = fit
    if not fits:
        return Skipped(marked("no ETS model converged"))
    name = min(fits, key=lambda one: float(fits[one].aic))
    best = fits[name]
    states = ETSModel(found.values, error="add", **MODELS[name]).smooth(best.params)
    forecast = np.asarray(states.level)[found.origins]
    if MODELS[name]["trend"]:
        phi = best.damping_trend if MODELS[name]["damped_trend"] else 1.0
        steps = sum(phi**step for step in range(1, output_shift + 1))
        forecast = forecast + steps * np.asarray(states.slope)[found.origins]
    return found.grown(forecast, f"{name} of log prices")


BASELINE = Baseline(
    name="ets",
    meaning=marked(
        "exponential smoothing: level and trend of the price alone, newer rows count for more"
    ),
    applies=has_growth,
    forecast=of_growth(ets),
    many="none",  # minutes for a hundred series
)
