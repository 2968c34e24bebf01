"""ARIMA: a classical time series model of the price alone."""

import warnings
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

ARIMA_ORDERS = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
"""(p, q) of the ARMA models tried on log returns, that is ARIMA(p, 1, q) with drift of log prices.
"""


def arima(close: Floats, target_rows: Rows, output_shift: int, history: slice) -> Fitted | Skipped:
    """Log returns `log(close[r] / close[t])` (m,) by an ARIMA model of log prices with drift.

    Of six small orders, fitted by maximum likelihood on the rows of `history` (the last 4,000 of
    them), the one with the smallest AIC is taken and its parameters are kept. From each origin it
    forecasts the next h daily returns, given the returns up to the origin, and adds them up.
    `history` must end before the first target row. An order that does not converge is left out.

    Skipped: fewer than 50 returns, returns that do not vary, no order that converges.

    Box & Jenkins 1970, Time series analysis: forecasting and control.
    """
    found = recent_log_prices(close, target_rows, output_shift, history)
    if isinstance(found, Skipped):
        return found
    known = np.diff(found.known)
    best = _best_arma(known)
    if best is None:
        return Skipped(marked("no ARIMA model converged"))
    p, q = best.model.order[0], best.model.order[2]

    from statsmodels.tsa.arima.model import ARIMA

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ARIMA(np.diff(found.values), order=(p, 0, q), trend="c")
        filtered = model.filter(best.params, cov_type="none").filter_results
    # The mean is an observation intercept. State a[t+1|t] gives the next return as Z a, the one
    # j steps later as Z T^j a.
    Z, T = filtered.design[:, :, 0], filtered.transition[:, :, 0]
    weights = sum(Z @ np.linalg.matrix_power(T, step) for step in range(output_shift))
    states = filtered.predicted_state[:, found.origins]
    mean = float(filtered.obs_intercept[0, 0])
    forecast = found.unit * (output_shift * mean + np.ravel(weights @ states))
    if not np.isfinite(forecast).all():
        return Skipped(marked("the ARIMA forecast is not a finite number"))
    return Fitted(forecast, f"ARIMA({p}, 1, {q}) with drift", len(known))


def _best_arma(returns: Floats) -> Any:
    """The converged fit with the smallest AIC, or None; `returns` have deviation 1."""
    from statsmodels.tsa.arima.model import ARIMA

    fits = []
    for p, q in ARIMA_ORDERS:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # convergence is asked for below
            try:
                fit = ARIMA(returns, order=(p, 0, q), trend="c").fit(cov_type="none")
            except (ValueError, np.linalg.LinAlgError):
                continue
        if fit.mle_retvals["converged"] and np.isfinite(fit.aic):
            fits.append(fit)
    return min(fits, key=lambda fit: fit.aic, default=None)


BASELINE = Baseline(
    name="arima",
    meaning=marked("a classical time series model of the price alone"),
    applies=has_growth,
    forecast=of_growth(arima),
    many="none",  # minutes for a hundred series
)
